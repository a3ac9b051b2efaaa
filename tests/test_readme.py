"""The README's table of commands is fresh, and its examples at the desk do what it says."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import synthetic

from handoff.commands.__main__ import renewed, table
from reports import readme as results

README = Path(__file__).resolve().parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", TEXT, re.DOTALL))
RUNS = re.findall(r"<!-- run: (\d+) -->\n```sh\n(.*?)\n```\n(?:\n```text\n(.*?)```)?", TEXT, re.DOTALL)
GENEROUS_S = 180.0


def test_the_table_of_commands_is_fresh() -> None:
    assert renewed(TEXT) == TEXT, "renew it: python -m handoff.commands README.md"
    assert all(f"| `handoff {name}` |" in table() for name in ("advise", "diagnose", "measure", "report"))


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
    assert [line for line in shown.splitlines() if line != "…" and line not in done.stdout.splitlines()] == []
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


def test_there_are_examples() -> None:
    assert {"config.py", "table.py"} <= FILES.keys()
    assert len(RUNS) >= 6


def test_results_are_taken_from_records_and_a_tie_changes_nothing(tmp_path: Path) -> None:
    for record in (synthetic.tie(), *synthetic.model_under_spawn()):
        record.write(tmp_path / "records")
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- results -->\nold\n<!-- /results -->\nafter\n")
    assert results.main(tmp_path / "records", readme) == 0
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    (model,) = [line for line in text.splitlines() if line.startswith("| `model") and "argument, handoff" in line]
    taken = r"\| \*\*take [a-z0-9-]+\*\* \| .* 6\.80× .* less; as good within noise: `shm-pickle-5` \|$"
    assert re.search(taken, model), model
    (tie,) = [line for line in text.splitlines() if line.startswith(f"| `{synthetic.tie().payload}`")]
    assert "keep pickle-default" in tie
    assert "Test CPU" in text


def test_results_without_records_or_markers_change_nothing(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("no markers\n")
    (tmp_path / "records").mkdir()
    assert results.main(tmp_path / "records", readme) == 2
    synthetic.tie().write(tmp_path / "records")
    assert results.main(tmp_path / "records", readme) == 2
    assert readme.read_text() == "no markers\n"
