"""The workflow files that a maintainer copies: valid by their schema, and made of steps that exist here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_there_is_one_for_pull_requests_and_one_for_the_night() -> None:
    assert [path.stem for path in WORKFLOWS] == ["nightly", "pull-request"]


def test_they_are_valid() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    run = subprocess.run([*command, *map(str, WORKFLOWS)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_nox_session_they_name_exists(path: Path) -> None:
    sessions = set(re.findall(r"def (\w+)\(session", (ROOT / "noxfile.py").read_text()))
    named = set(re.findall(r"nox -s (\w+)", path.read_text()))
    assert named
    assert named <= sessions


def test_a_pull_request_is_never_judged_by_a_time() -> None:
    text = (ROOT / ".github" / "workflows" / "pull-request.yml").read_text()
    assert "asv compare" not in text
    assert "continuous" not in text
