"""Nothing is left: process groups, orphans, folders, segments and semaphores, found and ended."""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from handoff import timeouts
from handoff.processes import proc

PREFIX = "handoff"  #: of every segment, semaphore and temporary folder of ours


def kill_group(group: int, *, spare: int = 0) -> None:
    """Kill every process of a group but its resource trackers, and wait until all of them are gone.

    With ``spare``, the calling process, nobody waits for the trackers: they end after it has.
    """
    for _ in range(int(timeouts.TRACKERS_S / 0.01)):
        found = {pid: tracks for pid, tracks in proc.members(group).items() if pid != spare}
        if not found or (spare and all(found.values())):
            return
        for pid, tracks in found.items():
            if not tracks:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def sweep(folder: Path) -> None:
    """Remove an interpreter's private folder, and segments and semaphores whose names begin with the folder's."""
    shm = Path("/dev/shm")
    for pattern in (f"{folder.name}*", f"sem.{folder.name}*"):
        for path in shm.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink()
    shutil.rmtree(folder, ignore_errors=True)  # last: as long as it is there, the next run knows what to look for
    if os.path.lexists(folder):
        _open_up(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _open_up(folder: Path) -> None:
    """What the user's code has closed in our folder is ours all the same; no link is followed."""
    with suppress(OSError):
        if not folder.is_symlink():
            folder.chmod(0o700)
    for place, names, _ in os.walk(folder):  # from above: each is opened before it is looked into
        for path in (Path(place, name) for name in names):
            with suppress(OSError):
                if not path.is_symlink():
                    path.chmod(0o700)


def end_strays(folder: Path, *, spare: int = 0) -> None:
    """Kill whoever still carries an interpreter's private folder in its environment: daemons in their own sessions.

    Contained processes of ours among them see that their parent is gone, and clean up after themselves: they get time.
    ``spare`` is a process that is no stray, as the calling one is none.
    """
    for attempt in range(int(timeouts.STRAYS_S / 0.05)):
        found = (pid for pid in proc.pids() if pid not in (os.getpid(), spare))
        strays = [pid for pid in found if proc.carries(pid, folder) and not proc.is_tracker(pid)]
        if not strays:
            return
        if attempt >= 10:
            for pid in strays:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, linux/prctl.h


def adopt_orphans() -> None:
    """Orphans of what this process starts come to it, not to init: prctl(2), PR_SET_CHILD_SUBREAPER."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def end_all(left: Callable[[], set[int]]) -> None:
    """Kill them, and what comes here as orphans then, until there are none."""
    for _ in range(1000):
        found = left()
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in found:
            _await_end(pid)


def descendants(pid: int) -> set[int]:
    """What lives of what a process has started, but trackers, which end by themselves."""
    found = proc.with_descendants({pid}) - {pid}
    return {each for each in found if proc.lives(each) and not proc.is_tracker(each)}


def end_tree(pid: int) -> None:
    """End a process that adopts its orphans, with all that descends from it: as long as it is there, none gets away."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)  # it starts nothing any more
        end_all(lambda: descendants(pid))
        os.kill(pid, signal.SIGKILL)


def _await_end(pid: int) -> None:
    """Wait until a process that was killed is no more: by then its children have come here, or to their subreaper."""
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:  # somebody else's, who waits for it
        with suppress(ProcessLookupError):
            watched = os.pidfd_open(pid)
            select.select([watched], [], [], timeouts.KILLED_S)
            os.close(watched)


def remove(folder: Path) -> None:
    """Remove a folder that mostly holds but a few files."""
    try:
        for name in os.listdir(folder):
            os.unlink(f"{folder}/{name}")
        os.rmdir(folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)


def end_descendants() -> list[int]:
    """Wait for what is left of this process's descendants, ask it to end, then end it; those that had to be asked.

    Resource trackers are never ended: they end by themselves when the last process that uses them has, and take the
    segments and semaphores of the killed with them.
    """
    asked: set[int] = set()
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            for pid in filter(lambda pid: not proc.is_tracker(pid), _descendants()):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
                    asked.add(pid)
        end = time.monotonic() + timeouts.ORPHAN_S
        while (left := _descendants()) and time.monotonic() < end:
            time.sleep(0.05)
        if not left:
            break
    return sorted(asked)


def _descendants() -> list[int]:
    """Those that live; the ended ones that came here as orphans are waited for on the way."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return [pid for pid in proc.with_descendants([os.getpid()]) if pid != os.getpid() and proc.lives(pid)]
