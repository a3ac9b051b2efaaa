"""Running a child so that nothing of it is left, however it ends.

The runner becomes the subreaper of its descendants (Linux): a process whose parent was killed becomes the runner's own
child, so the sweep at the end finds it wherever it moved. asv imports this module when it looks for benchmarks: it must
stay light.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from handoff import timeouts

PR_SET_CHILD_SUBREAPER = 36  # prctl(2), Linux 3.4


def run(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    line: Callable[[str], None],
    tick: Callable[[], None],
) -> int:
    """Run ``command`` with its output in ``log`` and, line by line, given to ``line``; return its exit code.

    ``tick`` is called a few times a second. When this process is interrupted or terminated the child is interrupted,
    given ``timeouts.INTERRUPTED_S``, then killed; ``KeyboardInterrupt`` goes on to the caller, and no descendant lives.
    """
    adopt_orphans()
    with interruptible(), log.open("ab") as file:
        # A session of its own: Ctrl-C reaches only this process, which passes it on once.
        process = subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            _follow(process, process.stdout.fileno(), file.write, line, tick)
            return process.wait()
        except BaseException:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeouts.INTERRUPTED_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            raise
        finally:
            process.stdout.close()
            sweep()


def _follow(
    process: subprocess.Popen[bytes],
    fd: int,
    keep: Callable[[bytes], object],
    line: Callable[[str], None],
    tick: Callable[[], None],
) -> None:
    """Read ``fd`` to its end, or until the process has ended and nothing comes: an orphan may hold the other end."""
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        while True:
            if selector.select(timeouts.TICK_S):
                data = os.read(fd, 65536)
                if not data:
                    break
                keep(data)
                *lines, pending = (pending + data).split(b"\n")
                for raw in lines:
                    line(raw.decode(errors="replace"))
            elif process.poll() is not None:
                break
            tick()
    if pending:
        line(pending.decode(errors="replace"))
    tick()


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` at SIGINT and SIGTERM, also where a shell started this in the background."""
    signals = (signal.SIGINT, signal.SIGTERM)
    previous = [signal.signal(number, _interrupt) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, previous, strict=True):
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    for again in (signal.SIGINT, signal.SIGTERM):  # once is enough: a second Ctrl-C must not stop the cleaning up
        signal.signal(again, signal.SIG_IGN)
    raise KeyboardInterrupt


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own; elsewhere than on Linux nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def sweep() -> list[int]:
    """Wait for what is left of the children, then end it; return the ids of the processes that had to be ended.

    Resource trackers are never ended: they end by themselves when the last process that uses them has, and take the
    segments and semaphores of the killed with them.
    """
    ended: list[int] = []
    for number, patience_s in (
        (None, timeouts.ORPHAN_S),
        (signal.SIGTERM, timeouts.ORPHAN_S),
        (signal.SIGKILL, timeouts.ORPHAN_S),
    ):
        if number is not None:
            for pid in descendants():
                if not is_tracker(pid):
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
                        ended.append(pid)
        end = time.monotonic() + patience_s
        while left := descendants():
            if time.monotonic() > end:
                break
            time.sleep(0.05)
        if not left:
            break
    return sorted(set(ended))


def descendants() -> list[int]:
    """Ids of all living descendants, from /proc; the ended ones that became ours are reaped on the way."""
    children: dict[int, list[int]] = {}
    dead: set[int] = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
            pid = int(stat.parent.name)
            children.setdefault(int(parent), []).append(pid)
            if state == "Z":
                dead.add(pid)
    for pid in dead.intersection(children.get(os.getpid(), ())):
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    found, front = [], [os.getpid()]
    while front:
        front = [pid for parent in front for pid in children.get(parent, ())]
        found += [pid for pid in front if pid not in dead]
    return found


def is_tracker(pid: int) -> bool:
    """Whether it is multiprocessing's resource tracker."""
    with suppress(OSError):
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False
