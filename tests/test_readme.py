"""The README's table of commands is fresh, and its examples at the desk do what it says."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import synthetic

from handoff import glossary
from handoff.cli import all_commands, main
from handoff.commands import list as listing
from handoff.outcome import Kind
from handoff.payload import Duty, Trait
from handoff.strategies import registry
from reports import readme as results

README = Path(__file__).resolve().parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", TEXT, re.DOTALL))
RUNS = re.findall(r"<!-- run: (\d+) -->\n```sh\n(.*?)\n```\n(?:\n```text\n(.*?)```)?", TEXT, re.DOTALL)
GENEROUS_S = 180.0


def test_the_tables_of_commands_and_ways_are_fresh() -> None:
    assert results.renewed(TEXT) == TEXT, "renew them: python -m reports.readme README.md"
    assert all(f"| `handoff {name}` |" in results.commands() for name in ("advise", "diagnose", "measure", "report"))
    assert all(f"| `{name}` |" in results.ways() for name in registry())


def test_the_glossary_is_fresh_and_says_what_the_code_says() -> None:
    text = (README.parent / "GLOSSARY.md").read_text(encoding="utf-8")
    assert text == glossary.page(), "renew it: python -m reports.readme GLOSSARY.md"
    for enumeration in (Duty, Kind, Trait):
        assert glossary.members(enumeration).keys() == {str(each.value) for each in enumeration}
        assert all(len(said.split()) > 1 for said in glossary.members(enumeration).values())
    assert all("GLOSSARY.md" in (README.parent / page).read_text() for page in ("README.md", "CONTRIBUTING.md"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shm-pickle-5", "reused segment"),
        ("rows-dict-1k", "1,000 orders"),
        ("state", "set up once"),
        ("altered", "not the same"),
        ("cycle", "refers to itself"),
        ("null lane", "empty message"),
    ],
)
def test_every_sort_of_name_can_be_explained(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *name.split()]) == 0
    assert said in " ".join(capsys.readouterr().out.split())


def test_a_name_that_is_nearly_right_is_asked_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "shm-pickel-5"]) == 2
    assert "did you mean shm-pickle-5" in capsys.readouterr().err
    for arguments, meant in ((["suport", "x"], "support"), (["support", "x", "--star-method", "y"], "--start-method")):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        assert f"did you mean {meant!r}?" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["list", "payloads", "--format", "csv"])
    said = capsys.readouterr().err
    assert "usage: handoff list" in said and "did you mean" not in said, "other commands have it, this one does not"


@pytest.mark.parametrize("what", listing.WHAT)
def test_everything_can_be_listed(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", what]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [name for name, _ in listing.ROWS[what](None)]
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == names and len(names) >= 4


def test_every_command_has_examples_that_it_would_take(capsys: pytest.CaptureFixture[str]) -> None:
    for name, command in all_commands().items():
        parser = argparse.ArgumentParser()
        command.configure(parser)
        for example in command.EXAMPLES:
            program, verb, *arguments = shlex.split(example)
            assert program == "handoff"
            if verb == name:
                parser.parse_args(arguments)
        with pytest.raises(SystemExit):
            main([name, "--help"])
        assert command.EXAMPLES[0] in capsys.readouterr().out


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_help_fits_the_terminal(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for name in ("", *all_commands()):
        with pytest.raises(SystemExit):
            main([*filter(None, [name]), "--help"])
        lines = capsys.readouterr().out.split("\n\n", 1)[1].splitlines()  # after the usage, which argparse folds
        assert [line for line in lines if len(line) > columns] == [], name
        assert name == "" or any(line == "examples:" for line in lines)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(("code", "command", "shown"), RUNS, ids=[command for _, command, _ in RUNS])
def test_an_example_does_what_it_says(desk: Path, code: str, command: str, shown: str) -> None:
    binaries = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": binaries, "COLUMNS": "100"}
    done = subprocess.run(
        command, shell=True, cwd=desk, capture_output=True, text=True, timeout=GENEROUS_S, env=environment, check=False
    )
    assert done.returncode == int(code), done
    said = done.stdout.splitlines()
    if sys.version_info >= (3, 15):  # where dill 0.4.1 writes down no function: one more is stopped by a lambda
        said += [line.replace("pickle-default, dill", "pickle-default") for line in said]
    assert [line for line in shown.splitlines() if line != "…" and line not in said] == []
    if "--format" in command:
        check_format(desk, command, done.stdout)


def check_format(desk: Path, command: str, text: str) -> None:
    """The answer is of the format that was asked for, on standard output or in the file that was named."""
    found = re.search(r" -o (\S+)", command)
    if found:
        assert text == ""
        text = (desk / found[1]).read_text(encoding="utf-8")
    if "--format json" in command:
        assert json.loads(text)["schema"] == 1
    elif "--format csv" in command:
        assert list(csv.DictReader(io.StringIO(text)))
    else:
        assert text.startswith("# ")


def test_the_first_screen_is_the_question_pictures_and_one_command() -> None:
    first = "\n".join(TEXT.splitlines()[:24])
    assert "?**" in first and "pip install" in first and "handoff diagnose my_code.py:make_object" in first
    pictures = re.findall(r"!\[(.+?)\]\((docs/\S+)\)", first)
    assert len(pictures) == 2 and all(len(said.split()) > 5 for said, _ in pictures), "each says what it shows"
    for _, name in pictures:
        data = (README.parent / name).read_bytes()
        assert 1_000 < len(data) < 150_000 and b"<script" not in data and b"@font-face" not in data
    order = [TEXT.index(f"## {title}") for title in ('"It won\'t pickle"', '"My pool is slow"', "The suite", "Why not")]
    assert order == sorted(order), "one's own object first"


def test_there_are_examples() -> None:
    assert {"config.py", "table.py"} <= FILES.keys()
    assert len(RUNS) >= 6


def test_results_are_taken_from_records_and_a_tie_changes_nothing(tmp_path: Path) -> None:
    for record in (synthetic.tie(), *synthetic.model_under_spawn()):
        record.write(tmp_path / "records")
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- results -->\nold\n<!-- /results -->\nafter\n")
    assert results.renew_results(tmp_path / "records", readme) == 0
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    (model,) = [line for line in text.splitlines() if line.startswith("| `model") and "argument, handoff" in line]
    taken = r"\| \*\*take [a-z0-9-]+\*\* \| .* 6\.80 × .* less; as good: `shm-pickle-5` \|$"
    assert re.search(taken, model), model
    (tie,) = [line for line in text.splitlines() if line.startswith(f"| `{synthetic.tie().payload}`")]
    assert "keep pickle-default" in tie
    assert "Test CPU" in text


def test_results_without_records_or_markers_change_nothing(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("no markers\n")
    (tmp_path / "records").mkdir()
    assert results.renew_results(tmp_path / "records", readme) == 2
    synthetic.tie().write(tmp_path / "records")
    assert results.renew_results(tmp_path / "records", readme) == 2
    assert readme.read_text() == "no markers\n"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("handoff su", {"support"}),
        ("handoff support --start-method ", {"fork", "spawn", "forkserver"}),
        ("handoff support --duty st", {"state"}),
        ("handoff measure payloads --strategy pickle-5", {"pickle-5", "pickle-5-oob"}),
        ("handoff measure payloads --profile p", {"publish"}),
    ],
)
def test_a_shell_completes_commands_and_the_values_of_options(typed: str, offered: set[str], tmp_path: Path) -> None:
    pytest.importorskip("argcomplete", reason="argcomplete is not installed here: nox brings it")
    answer = tmp_path / "answer"
    asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_STDOUT_FILENAME": str(answer), "_ARGCOMPLETE_COMP_WORDBREAKS": " "}
    asked |= {"COMP_LINE": typed, "COMP_POINT": str(len(typed)), "COMP_TYPE": "9"}
    command = [sys.executable, "-m", "handoff"]
    done = subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert set(answer.read_text().replace("\v", " ").split()) == offered
