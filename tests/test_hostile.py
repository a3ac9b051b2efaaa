"""The user's code may do anything, at any time: it costs its own answer, and one line.

A few rows run always; all of them where ``HANDOFF_WHOLE_HOSTILE`` is set, as at night.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from ends import HANDOFF, some
from hostile_objects import OBJECTS, SOURCES, maker
from hostile_rows import HARMS, HOOKS, module
from hostile_run import LONGEST_S, ran

from handoff import timeouts
from handoff.support_matrix.disposable import LEAST_SHARE

FORK = ("--start-method", "fork")
COMMANDS: dict[str, tuple[str, ...]] = {
    "support": ("support", "mine.py:make", "-q", "--strategy", "pickle-5,queue", "--duty", "argument", *FORK),
    "diagnose": ("diagnose", "mine.py:make", "-q", "--budget", "8s"),
    "advise": ("advise", "mine.py:make", "-q", "--budget", "2s", "--duty", "argument", *FORK),
    "list": ("list", "payloads", "mine.py"),
    "explain": ("explain", "make", "--in", "mine.py"),
}
#: The same of an object that a program has, which ends without its destructor: that is the program's own affair.
CALLS = {
    "api-support": "support(obj, strategies=['pickle-5', 'queue'], duties=['argument'], start_methods=['fork'])",
    "api-diagnose": "diagnose(obj, budget=8)",
    "api-advise": "advise(obj, budget=2, duty='argument', start_methods=['fork'])",
}
PROGRAM = "import os, sys; sys.path.insert(0, os.getcwd()); import handoff, mine; obj = mine.make(); "
#: Which commands meet what the user's code does when.
MEETS = {
    "import": ("support", "diagnose", "list", "explain"),
    "make": ("diagnose", "support", "advise"),
    "load": ("support", "diagnose", "advise", *CALLS),
    "dump": ("support", "diagnose", "advise", *CALLS),
}
#: In other hooks, what ends or hangs is enough: what they share with the others they do alike.
HOOK_HARMS = ("hangs", "spins-deaf", "raises", "raises-base", "its-text-raises", "leaves", "crashes", "interrupts")


HOOKED = ("support", "diagnose", "api-support", "api-diagnose")


def line(command: str) -> list[str]:
    """As a shell or a program would start it."""
    if command in COMMANDS:
        return [*HANDOFF, *COMMANDS[command]]
    code = f"{PROGRAM}print(handoff.{CALLS[command]}); sys.stdout.flush(); os._exit(0)"
    return [sys.executable, "-P", "-c", code]


def rows() -> Iterator[tuple[str, str, str]]:
    for stage, commands in MEETS.items():
        yield from ((stage, harm, command) for harm in HARMS for command in commands)
    for stage in sorted({*HOOKS} - {*MEETS}):
        yield from ((stage, harm, command) for harm in HOOK_HARMS for command in HOOKED)


@pytest.mark.parametrize(("stage", "harm", "command"), some(list(rows())))
def test_what_the_users_code_does_is_its_own_affair(stage: str, harm: str, command: str, tmp_path: Path) -> None:
    mark = f"hostile-{uuid.uuid4().hex[:12]}"
    (tmp_path / "mine.py").write_text(module(harm, stage, mark))
    more = ("--patience", "2s") if HARMS[harm].hangs and command in COMMANDS else ()
    ended = ran([*line(command), *more], tmp_path, mark=mark)
    assert ended.faults(codes=expected(stage, harm)) == [], ended


@pytest.mark.parametrize(
    ("name", "command"),
    some([(name, each) for name in OBJECTS for each in ("support", "diagnose", "advise", *CALLS)], 4),
)
def test_any_object_is_looked_at_in_order(name: str, command: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(maker(name))
    ended = ran(line(command), tmp_path)
    assert ended.faults(codes=(0, 1)) == [], ended


@pytest.mark.parametrize(("name", "command"), some([(n, c) for n in SOURCES for c in COMMANDS], 4))
def test_any_file_is_read_in_order(name: str, command: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_bytes(SOURCES[name])
    ended = ran(line(command), tmp_path)
    assert ended.faults(codes=(0, 1, 2)) == [], ended


NO_FILES = ("folder", "loop", "nowhere", "zeros", "pipe")


@pytest.mark.parametrize(("what", "command"), some([(w, c) for w in NO_FILES for c in COMMANDS], 5))
def test_what_is_no_file_is_one_line(what: str, command: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    match what:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "nowhere":
            pass
        case _:
            path.symlink_to({"loop": "mine.py", "zeros": "/dev/zero"}[what])
    ended = ran([*line(command), "--patience", "3s"], tmp_path)
    assert ended.faults(codes=(2,)) == [], ended


@pytest.mark.parametrize("harm", ["leaves", "kills-itself", "no-files"])
def test_what_breaks_the_diagnosis_is_not_called_fine(harm: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(module(harm, "dump", ""))
    ended = ran([*HANDOFF, *COMMANDS["diagnose"]], tmp_path)
    assert ended.faults(codes=(1,)) == [], ended
    assert "1 culprit" in ended.out


def expected(stage: str, harm: str) -> tuple[int, ...]:
    """Exit codes: what ends before there is an object is an error of use, what comes after it is a finding, or none."""
    before = stage in ("import", "make")
    if before and HARMS[harm].ends:
        return (2,)
    return (0, 1, 2) if before else (0, 1)


def test_what_is_waited_for_by_default_is_over_in_time() -> None:
    """A target that hangs, and one that hangs when it is made once more: what rows are given here is less."""
    assert timeouts.TARGET_S + timeouts.STRAYS_S + timeouts.END_S < LONGEST_S
    assert timeouts.CELL_START_S + timeouts.CELL_S * (1 + LEAST_SHARE) < LONGEST_S
