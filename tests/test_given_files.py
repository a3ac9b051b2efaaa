"""Files that are given: whatever is in them, they are read, or passed over with a word."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import synthetic
from ends import WHOLE, some

from handoff.cli import main

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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        for number, record in enumerate((synthetic.record(trials=3, rounds=2), *synthetic.model_under_spawn())):
            (tmp_path / run / f"{number}.json").write_text(record.to_json())
    return tmp_path


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


def test_no_planted_link_is_followed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "a", "-o", "pages"]) == 0
    (folder / "precious.html").write_text("mine")
    (folder / "pages" / "report.html").unlink()
    (folder / "pages" / "report.html").symlink_to(folder / "precious.html")
    assert main(["report", "a", "-o", "pages"]) == 0
    assert (folder / "precious.html").read_text() == "mine"
    assert not (folder / "pages" / "report.html").is_symlink()
    (folder / "pages" / "records").rename(folder / "others")
    (folder / "pages" / "records").symlink_to(folder / "others")
    (folder / "others" / "0.json").write_text("mine")
    capsys.readouterr()
    assert main(["report", "a", "-o", "pages"]) == 2
    assert "link to another folder" in capsys.readouterr().err
    assert (folder / "others" / "0.json").read_text() == "mine"
    (folder / "linked").mkdir()
    (folder / "linked" / "index.html").symlink_to(folder / "pages" / "index.html")  # a report's, but elsewhere
    assert main(["report", "a", "-o", "linked"]) == 2


@pytest.mark.parametrize(
    "command",
    [
        ["report", "a", "-o", "notes.txt"],
        ["report", "a", "-o", "notes.txt/pages"],
        ["compare", "a", "b", "-o", "a/0.json"],
        ["compare", "a", "b", "-o", "a"],
        ["compare", "a", "b", "-o", "nowhere/x"],
        ["compare", "a", "b", "-o", "loop"],
        ["selftest", "--compare", "a", "b", "-o", "a/0.json"],
        ["selftest", "--compare", "a", "b", "-o", "notes.txt/x"],
        ["report", "loop"],
        ["report", "a", "-o", "loop"],
        ["compare", "loop", "b"],
        ["deeper", "loop"],
        ["deeper", "nowhere"],
        ["selftest", "--compare", "a", "nowhere"],
    ],
    ids=" ".join,
)
def test_where_nothing_can_be_written_or_read_is_one_line(
    command: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / "loop").symlink_to("loop")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main(command) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "name", ["../../x", "/tmp/x", "<img src=x onerror=alert(1)>", "a\0b", "..", "x" * 300, "\x1b[2J"]
)
def test_names_in_records_name_no_place(name: str, folder: Path) -> None:
    data = json.loads((folder / "a" / "0.json").read_text())
    (folder / "a" / "0.json").write_text(json.dumps(data | {"payload": name, "run": name, "collection": name}))
    before = set(folder.parent.rglob("*"))
    assert main(["report", "a", "-o", "pages"]) == 0
    made = set(folder.parent.rglob("*")) - before
    assert made and all(path.is_relative_to(folder / "pages") for path in made)
    assert not any("<img" in path.read_text() for path in made if path.suffix == ".html")


def test_many_records_and_the_same_ones_twice(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads((folder / "a" / "0.json").read_text())
    for number in range(5000 if WHOLE else 60):
        text = json.dumps(data | {"payload": f"thing-{number % 4900}", "start_method": "spawn"})
        (folder / "a" / f"more-{number}.json").write_text(text)
    for command in COMMANDS.values():
        assert main(command) in (0, 1, 2)
    assert "Traceback" not in capsys.readouterr().err


def numbers(rows: list[list[Any]], value: float) -> list[list[Any]]:
    return [[value if isinstance(each, float) else each for each in row] for row in rows]


#: What the rows of a record may be that no run of ours has written, made of rows that one has.
ROWS: dict[str, Callable[[list[list[Any]]], Any]] = {
    "no-rows": lambda _: [],
    "rows-twice": lambda rows: rows * 2,
    "backwards": lambda rows: rows[::-1],
    "negative": lambda rows: numbers(rows, -1.0),
    "zero": lambda rows: numbers(rows, 0.0),
    "not-a-number": lambda rows: numbers(rows, float("nan")),
    "without-end": lambda rows: numbers(rows, float("inf")),
    "tiny": lambda rows: numbers(rows, 5e-324),
    "huge": lambda rows: numbers(rows, 1e308),
    "short-rows": lambda rows: [row[:3] for row in rows],
    "texts": lambda rows: ["x" for _ in rows],
    "another-trial": lambda rows: [[*row[:2], 10**18, *row[3:]] for row in rows],
    "no-operations": lambda rows: [[*row[:4], 0, *row[5:]] for row in rows],
    "another-lane": lambda rows: [["<b>\x1b[2J", *row[1:]] for row in rows],
    "another-metric": lambda rows: [[row[0], "\ud800", *row[2:]] for row in rows],
}
#: And its other fields.
FIELDS: dict[str, dict[str, Any]] = {
    "schema-as-text": {"schema": "1"},
    "schema-true": {"schema": True},
    "another-kind": {"kind": "../../x"},
    "another-start-method": {"start_method": "<b>../"},
    "another-baseline": {"baseline": "nothing-there"},
    "outcomes": {"outcomes": {"zzz": {"kind": "odd", "where": "", "error_type": "", "message": ""}}},
    "bytes-below-zero": {"wire_bytes": {"pickle-5": -1}},
    "failed": {"failed": "\x1b[2J<b>"},
    "a-command": {"about": {"target": "; touch pwned #"}, "collection": "$(touch pwned)"},
}


@pytest.mark.parametrize(
    ("claim", "command"), some([(claim, each) for claim in (*ROWS, *FIELDS) for each in COMMANDS], 12)
)
def test_whatever_a_record_claims_it_is_read_or_passed_over(
    claim: str, command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads((folder / "a" / "0.json").read_text())
    (folder / "a" / "0.json").write_text(
        json.dumps(data | (FIELDS[claim] if claim in FIELDS else {"rows": ROWS[claim](data["rows"])}))
    )
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main(COMMANDS[command]) in (0, 1, 2)
    said = "".join(capsys.readouterr())
    assert "Traceback" not in said
    assert not set(said) & set("\x1b\ud800")
    assert {path: path.read_bytes() for path in before} == before
    assert not (folder / "pwned").exists()
