"""What does not arrive by the engines of others (dask, MPI, ray), how that is told, and what is left: alike for all."""

from __future__ import annotations

import importlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ends import HANDOFF, started

from handoff.outcome import Kind, Outcome
from handoff.payload import Duty
from handoff.processes import proc
from handoff.processes.executing import Executing
from handoff.processes.interpreter import Interpreter


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


_numbers = itertools.count()


def segment_name(folder: Path) -> str:
    """As the tool gives it: by the name of an interpreter's private folder, with which it is swept."""
    mine = folder.name if folder.name.startswith("handoff-") else "none"  # pytest's are too long for sockets
    return f"{mine}-{os.getpid()}-{next(_numbers)}"


PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
import engine_ends
engine_ends.{how}({module!r})
"""


def used(module: str) -> Iterator[str]:
    """What each of the ways of a test module has answered."""
    found: Any = importlib.import_module(module)
    for name in found.WAYS:
        yield found._made(name, Path.cwd()).submit(repr, 1).result()
    yield "at work"


def by_itself(module: str) -> None:
    """A program that uses them, and ends."""
    for told in used(module):
        print(told, flush=True)


def contained(module: str) -> None:
    """A program in which they are used as the tool does it: in an interpreter of its own, which goes on for a while."""
    inside = Interpreter(__name__, {"module": module}, environment={"PYTHONPATH": str(Path(__file__).parent)})
    for message in inside.told(60):
        print(message["told"], flush=True)


def main(config: Mapping[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """That interpreter."""
    for told in used(config["module"]):
        tell({"told": told})
    time.sleep(60)


def ended(module: str, folder: Path, temporary: Path, seconds: float, *, killed: bool, **environment: str) -> None:
    """Run a program in ``folder`` that uses each of the three ways of a test module, and ends or is killed.

    After so many seconds there is no process that carries its ``temporary`` folder, and nothing in that.
    """
    program = folder / "program.py"
    how = "contained" if killed else "by_itself"
    program.write_text(PROGRAM.format(tests=str(Path(__file__).parent), module=module, how=how))
    given = {**os.environ, "TMPDIR": str(temporary), **environment}
    with subprocess.Popen(
        [sys.executable, str(program)], cwd=folder, env=given, stdout=subprocess.PIPE, text=True
    ) as started:
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
    while (left := _left(started.pid, temporary)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left, left


def _left(pid: int, temporary: Path) -> list[str]:
    """Processes, files, and what has their names in shared memory."""
    found = [str(each) for each in proc.pids() if each != os.getpid() and _is_of(each, pid, temporary)]
    # The tool's own folders are elsewhere, where this one's name leaves no room for sockets.
    places = (
        (Path("/dev/shm"), f"none-{pid}-*"),
        (Path("/dev/shm"), f"*handoff-{pid}-*"),
        (Path("/tmp"), f"handoff-{pid}-*"),
    )
    names = {str(path) for folder, name in places for path in folder.glob(name)}
    return [*found, *os.listdir(temporary), *sorted(names)]


def _is_of(each: int, pid: int, temporary: Path) -> bool:
    try:
        environment = Path(f"/proc/{each}/environ").read_bytes()
    except OSError:
        return False
    return any(mark in environment for mark in (f"TMPDIR={temporary}".encode(), f"/handoff-{pid}-".encode()))


#: Each worker that has done a task is told by a file of its number.
TELLING = """
import os
from pathlib import Path
from handoff.payload import Duty, Payload

def work(numbers):
    Path(__file__).with_name("used").joinpath(str(os.getpid())).touch()

def numbers():
    return [0.5] * 1000

PAYLOADS = (Payload(name="numbers", make=numbers, work=work, duties=frozenset({Duty.STATE})),)
"""


def furnished(folder: Path) -> Path:
    """What a run in it needs whose workers tell of themselves."""
    for name in ("tmp", "used"):
        (folder / name).mkdir()
    (folder / "telling.py").write_text(TELLING)  # of its own name: a cluster's worker keeps a module once imported
    return folder


def measuring(folder: Path, way: str, *given: str) -> subprocess.Popen[str]:
    """A run that is ended in its middle."""
    how = f"--duty state --start-method spawn --strategy {way} --trials 3 -o records -q"
    return started((*HANDOFF, "measure", "telling.py", *how.split(), *given), folder)


def at_work(process: subprocess.Popen[str], folder: Path) -> int:
    """A worker that has done a task."""
    while not (found := os.listdir(folder / "used")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    return int(found[0])
