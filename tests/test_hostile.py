"""The user's code may do anything, at any time: it costs its own answer, and one line.

A few rows run always; all of them where ``HANDOFF_WHOLE_HOSTILE`` is set, as at night.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hostile_rows import HARMS, HOOKS, module
from hostile_run import HANDOFF, ran

WHOLE = bool(os.environ.get("HANDOFF_WHOLE_HOSTILE"))
SEED = os.environ.get("HANDOFF_TEST_SEED", "21")
SAMPLE = 8  #: rows that run always, of each table
FORK = ("--start-method", "fork")
COMMANDS: dict[str, tuple[str, ...]] = {
    "support": ("support", "mine.py:make", "-q", "--strategy", "pickle-5,queue", "--duty", "argument", *FORK),
    "diagnose": ("diagnose", "mine.py:make", "-q", "--budget", "8s"),
    "advise": ("advise", "mine.py:make", "-q", "--budget", "2s", "--duty", "argument", *FORK),
    "list": ("list", "payloads", "mine.py"),
    "explain": ("explain", "make", "--in", "mine.py"),
}
#: Which commands meet what the user's code does when.
MEETS = {
    "import": ("support", "diagnose", "list", "explain"),
    "make": ("diagnose", "support", "advise"),
    "load": ("support", "diagnose", "advise"),
    "dump": ("support", "diagnose", "advise"),
}
#: In other hooks, what ends or hangs is enough: what they share with the others they do alike.
HOOK_HARMS = ("hangs", "spins-deaf", "raises", "raises-base", "its-text-raises", "leaves", "crashes", "interrupts")


def rows() -> Iterator[tuple[str, str, str]]:
    for stage, commands in MEETS.items():
        yield from ((stage, harm, command) for harm in HARMS for command in commands)
    for stage in sorted({*HOOKS} - {*MEETS}):
        yield from ((stage, harm, command) for harm in HOOK_HARMS for command in ("support", "diagnose"))


def some(table: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """All of a table, or those of its rows that run always: drawn, but the same every day."""
    return list(table) if WHOLE else random.Random(SEED).sample(table, min(SAMPLE, len(table)))


@pytest.mark.parametrize(("stage", "harm", "command"), some(list(rows())), ids=" ".join)
def test_what_the_users_code_does_is_its_own_affair(stage: str, harm: str, command: str, tmp_path: Path) -> None:
    mark = f"hostile-{uuid.uuid4().hex[:12]}"
    (tmp_path / "mine.py").write_text(module(harm, stage, mark))
    more = ("--patience", "2s") if HARMS[harm].hangs else ()
    ended = ran([*HANDOFF, *COMMANDS[command], *more], tmp_path, mark=mark)
    assert ended.faults(codes=expected(stage, harm)) == [], ended


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
