"""The workflow files that a maintainer copies: valid by their schema, and made of steps that exist here."""

from __future__ import annotations

import argparse
import re
import shlex
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


def test_the_options_they_give_are_understood() -> None:
    """What follows ``--`` goes to the program that the session runs, which must know it."""
    from benchmarks.__main__ import parse
    from handoff.commands import selftest

    given: dict[str, list[list[str]]] = {}
    for path in WORKFLOWS:
        for session, options in re.findall(r"nox -s (\w+) -- (.+)", path.read_text()):
            given.setdefault(session, []).append(shlex.split(re.sub(r"\$\(.*?\)", "now", options)))
    assert set(given) == {"bench", "selftest"}
    assert {parse(options).profile for options in given["bench"]} == {"quick", "standard"}
    assert all("--machine" in options for options in given["bench"]), "history is only worth keeping by machine"
    parser = argparse.ArgumentParser()
    selftest.configure(parser)
    (options,) = given["selftest"]
    report = parser.parse_args(options)
    assert report.format == "json"
    assert Path(report.output.strip('"')).parent == Path(".asv/records/handoff-bench"), "where the pages look for it"


def test_a_pull_request_checks_tests_benchmarks_and_a_quick_run_and_keeps_the_report() -> None:
    text = (ROOT / ".github" / "workflows" / "pull-request.yml").read_text()
    for step in ("bash .ci/run", "nox -s check", "--profile quick", ".asv/report", "GITHUB_STEP_SUMMARY"):
        assert step in text
    night = (ROOT / ".github" / "workflows" / "nightly.yml").read_text()
    order = [night.index(step) for step in ("nox -s selftest", "--profile standard", ".asv/html")]
    assert order == sorted(order), "self-test, run, pages"


def test_a_pull_request_is_never_judged_by_a_time() -> None:
    text = (ROOT / ".github" / "workflows" / "pull-request.yml").read_text()
    assert "asv compare" not in text
    assert "continuous" not in text
