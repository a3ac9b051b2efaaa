"""Files that are given: whatever is in them, they are read, or passed over with a word."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import synthetic

from handoff.cli import main

SEED = int(os.environ.get("HANDOFF_TEST_SEED", "21"))
MUTANTS = int(os.environ.get("HANDOFF_TEST_MUTANTS", "8"))  #: drawn for each command; more at night
NASTY: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, float("nan"), float("inf"), "", "../../x", "<b>\x1b[2J", "\ud800", [], {}, [[]],
    {"a": None}, [None], 10**400, "x" * 5000,
)  # fmt: skip
COMMANDS = {
    "report": ["report", "a"],
    "pages": ["report", "a", "-o", "pages"],
    "compare": ["compare", "a", "b", "--format", "json"],
    "deeper": ["deeper", "a"],
    "stability": ["selftest", "--compare", "a", "b"],
}


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a document; of long lists the first few."""
    if at:
        yield at
    keys: Any = list(value) if isinstance(value, dict) else range(min(len(value), 3)) if isinstance(value, list) else ()
    for key in keys:
        yield from places(value[key], (*at, key))


def mutant(document: Any, source: random.Random) -> Any:
    """The document with something else at one place, or nothing."""
    document = json.loads(json.dumps(document))
    at = source.choice(list(places(document)))
    inside = document
    for key in at[:-1]:
        inside = inside[key]
    if isinstance(inside, dict) and source.random() < 0.2:
        del inside[at[-1]]
    else:
        inside[at[-1]] = source.choice(NASTY)
    return document


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        for number, record in enumerate((synthetic.record(trials=3, rounds=2), *synthetic.model_under_spawn())):
            (tmp_path / run / f"{number}.json").write_text(record.to_json())
    return tmp_path


@pytest.mark.parametrize("seed", range(MUTANTS))
@pytest.mark.parametrize("command", COMMANDS)
def test_a_record_with_anything_in_it(
    command: str, seed: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = random.Random(f"{SEED} {command} {seed}")
    path = source.choice(sorted((folder / "a").iterdir()))
    path.write_text(json.dumps(mutant(json.loads(path.read_text()), source)))
    assert main(COMMANDS[command]) in (0, 1, 2)
    assert "Traceback" not in capsys.readouterr().err


#: What a file may hold that is no record, beside one that is.
FOREIGN = {
    "empty": b"",
    "cut-off": b'{"schema": 1, "columns": ["lane"',
    "deep": b"[" * 200_000,
    "list": b"[1]",
    "no-text": b"\xff\xfe\x00",
    "another": b'{"schema": 1}',
    "newer": b'{"schema": 99}',
    "a-pickle": b"cos\nsystem\n(S'touch unpickled'\ntR.",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_record_is_passed_over_with_a_word(
    command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, data in FOREIGN.items():
        (folder / "a" / f"{name}.json").write_bytes(data)
    (folder / "a" / "folder.json").mkdir()
    (folder / "a" / "loop.json").symlink_to("loop.json")
    (folder / "a" / "up").symlink_to("..")
    assert main(COMMANDS[command]) in ((2,) if command == "deeper" else (0, 1))  # which has no kind of its own here
    errors = capsys.readouterr().err
    assert "Traceback" not in errors
    for name in (*FOREIGN, "folder"):
        assert f"{name}.json" in errors
    assert not (folder / "unpickled").exists()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["cut-off", "a-pickle"])
def test_nothing_but_what_is_no_record_is_one_line(
    name: str, command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (folder / "a").iterdir():
        path.unlink()
    (folder / "a" / "x.json").write_bytes(FOREIGN[name])
    assert main(COMMANDS[command]) == 2
    assert "no records" in capsys.readouterr().err or command == "deeper"


def test_a_report_is_written_over_no_files_of_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = folder / "mine"
    mine.mkdir()
    (mine / "index.html").write_text("<p>my own page</p>")
    assert main(["report", "a", "-o", "mine"]) == 2
    assert "index.html is there and no report's" in capsys.readouterr().err
    assert [path.name for path in mine.iterdir()] == ["index.html"]
    assert (mine / "index.html").read_text() == "<p>my own page</p>"
    (folder / "notes.txt").write_text("mine")
    for _ in range(2):  # a second report replaces the first
        assert main(["report", "a", "-o", "."]) == 0
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "records").is_dir() and len(list((folder / "a").iterdir())) == len(list((folder / "b").iterdir()))


def test_a_report_beside_its_own_records(folder: Path) -> None:
    (folder / "a").rename(folder / "records")
    before = {path.name: path.read_bytes() for path in (folder / "records").iterdir()}
    assert main(["report", "records", "-o", "."]) == 0
    assert {path.name: path.read_bytes() for path in (folder / "records").iterdir()} == before
