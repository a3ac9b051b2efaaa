"""Nothing is left: process groups, orphans, folders, segments and semaphores, found and ended."""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from handoff import timeouts

PREFIX = "handoff"  #: of every segment, semaphore and temporary folder of ours


def kill_group(group: int, *, spare: int = 0) -> None:
    """Kill every process of a group but its resource trackers, and wait until all of them are gone.

    With ``spare``, the calling process, nobody waits for the trackers: they end after it has.
    """
    for _ in range(int(timeouts.TRACKERS_S / 0.01)):
        found = {pid: tracks for pid, tracks in members(group).items() if pid != spare}
        if not found or (spare and all(found.values())):
            return
        for pid, tracks in found.items():
            if not tracks:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def members(group: int) -> dict[int, bool]:
    """The living processes of a group, and whether each is a resource tracker."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := process_status(int(entry))) and int(fields[2]) == group:
            with suppress(OSError):
                found[int(entry)] = b"resource_tracker" in Path("/proc", entry, "cmdline").read_bytes()
    return found


def process_status(pid: int) -> list[bytes]:
    """State, parent, group, session … children's times of a living process; nothing of one that ended. See proc(5)."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            stat = file.read()
    except OSError:
        return []
    fields = stat[stat.rindex(b")") + 2 :].split(None, 15)[:15]
    return [] if fields[0] in b"ZX" else fields


def processor_s(pid: int) -> float:
    """Seconds that a living process, and the children that it has waited for, had on processors."""
    return sum(map(int, process_status(pid)[11:15])) / os.sysconf("SC_CLK_TCK")


def sweep(folder: Path) -> None:
    """Remove an interpreter's private folder, and segments and semaphores whose names begin with the folder's."""
    shm = Path("/dev/shm")
    for pattern in (f"{folder.name}*", f"sem.{folder.name}*"):
        for path in shm.glob(pattern):
            with suppress(OSError):
                path.unlink()
    shutil.rmtree(folder, ignore_errors=True)  # last: as long as it is there, the next run knows what to look for


def end_strays(folder: Path) -> None:
    """Kill whoever still carries an interpreter's private folder in its environment: daemons in their own sessions.

    Contained processes of ours among them see that their parent is gone, and clean up after themselves: they get time.
    """
    mark = f"TMPDIR={folder}".encode()
    for attempt in range(int(timeouts.STRAYS_S / 0.05)):
        strays = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _carries(pid, mark)]
        if not strays:
            return
        if attempt >= 10:
            for pid in strays:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _carries(pid: int, mark: bytes) -> bool:
    if pid == os.getpid():
        return False
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        if not any(line == mark or line.startswith(mark + b"/") for line in environment.split(b"\0")):
            return False
        return b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, linux/prctl.h


def reap() -> None:
    """Orphans of what this process starts come to it, not to init: prctl(2), PR_SET_CHILD_SUBREAPER."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def end_all(members: Callable[[], set[int]]) -> None:
    """Kill them, and what comes here as orphans then, until there are none."""
    for _ in range(1000):
        found = members()
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in found:
            _await_end(pid)


def _await_end(pid: int) -> None:
    """Wait until a process that was killed is no more: by then its children have come here, or to their subreaper."""
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:  # somebody else's, who waits for it
        with suppress(ProcessLookupError):
            watched = os.pidfd_open(pid)
            select.select([watched], [], [], timeouts.KILLED_S)
            os.close(watched)


def processes() -> dict[int, int]:
    """Living processes that descend from this one or are in its session, and their parents."""
    me = os.getpid()
    found: dict[int, int] = {}
    sessions: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := process_status(int(entry))):
            found[int(entry)], sessions[int(entry)] = int(fields[1]), int(fields[3])
    ours = {pid for pid, session in sessions.items() if session == me} | {me}
    while more := {pid for pid, parent in found.items() if parent in ours and pid not in ours}:
        ours |= more
    return {pid: parent for pid, parent in found.items() if pid in ours}


def lives(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    return bool(process_status(pid))


def own_children() -> list[int]:
    """The processes that this one, which has one thread, has started, or that have come to it as orphans."""
    if not _LISTS_CHILDREN:
        return _children(os.getpid())
    with open("/proc/thread-self/children", "rb", buffering=0) as file:
        return list(map(int, file.read().split()))


def _children(pid: int) -> list[int]:
    """The processes that the threads of a process have started, or that have come to it as orphans."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb", buffering=0) as file:
                found += map(int, file.read().split())
    except OSError:
        if not _LISTS_CHILDREN and lives(pid):  # a kernel without CONFIG_PROC_CHILDREN: look at all of them
            return [child for child, parent in processes().items() if parent == pid]
    return found


_LISTS_CHILDREN = os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children")


def remove(folder: Path) -> None:
    """Remove a folder that mostly holds but a few files."""
    try:
        for name in os.listdir(folder):
            os.unlink(f"{folder}/{name}")
        os.rmdir(folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)


def with_descendants(pids: Iterable[int]) -> set[int]:
    """These processes, those that they have started, and so on."""
    found = grown = set(pids)
    while grown := {child for pid in grown for child in _children(pid)} - found:
        found = found | grown
    return found
