"""What does not arrive by the engines of others (dask, MPI, ray), how that is told, and what is left: alike for all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handoff.outcome import Kind, Outcome
from handoff.payload import Duty
from handoff.processes import proc
from handoff.processes.executing import Executing


class Unloadable:
    """Can be pickled, and raises when it is loaded."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


class HeldLock:
    """Its field cannot be pickled."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


#: What makes it, its outcome, where that was, and what the message has.
ENDS = [
    (Unloadable, Kind.BROKEN, "worker", "invalid literal for int()"),
    (threading.Lock, Kind.REFUSED, "parent", "cannot pickle '_thread.lock' object"),
    (HeldLock, Kind.REFUSED, "parent", "cannot pickle '_thread.lock' object"),
]


def failure(executing: Executing, duty: Duty, ask: Callable[[], Any]) -> Outcome:
    """The outcome of what is asked, which fails."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whichever the engine has for it
        ask()
    return executing.failure(caught.value, duty)


PROGRAM = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
import {module}
for name in {module}.WAYS:
    print({module}._made(name, Path.cwd()).submit(repr, 1).result())
print("at work", flush=True)
if len(sys.argv) > 1:
    time.sleep(60)
"""


def ended(module: str, folder: Path, temporary: Path, seconds: float, *, killed: bool, **environment: str) -> int:
    """Run a program in ``folder`` that uses each of the three ways of a test module, and ends or is killed.

    No process that carries its ``temporary`` folder is left after so many seconds. Its process number.
    """
    program = folder / "program.py"
    program.write_text(PROGRAM.format(tests=str(Path(__file__).parent), module=module))
    command = [sys.executable, str(program), *(["wait"] if killed else [])]
    given = {**os.environ, "TMPDIR": str(temporary), **environment}
    with subprocess.Popen(command, cwd=folder, env=given, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout
        try:
            told = [started.stdout.readline().strip() for _ in range(4)]
            if killed:
                started.send_signal(signal.SIGKILL)
            assert started.wait(seconds) == (-signal.SIGKILL if killed else 0)
        finally:
            started.kill()
    assert told == ["1", "1", "1", "at work"]
    end = time.monotonic() + seconds
    while (left := _carrying(temporary)) and time.monotonic() < end:
        time.sleep(0.05)
    assert left == []
    return started.pid


def _carrying(folder: Path) -> list[int]:
    return [pid for pid in proc.pids() if pid != os.getpid() and proc.carries(pid, folder)]
