"""What ``/proc`` says of processes: who lives, whose children they are, what they work. See proc(5).

Everything here bears that a process ends while it is looked at. What they have of memory is in :mod:`.memory`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:  # workers import this module
    from pathlib import Path


def missing() -> str:
    """What to do where Linux shows no processes; "" where it does, and elsewhere."""
    if sys.platform != "linux" or os.path.exists("/proc/self/stat"):
        return ""
    return "/proc is not mounted, so processes can't be watched: mount -t proc proc /proc"


def pids() -> Iterator[int]:
    """The processes that there are; none where nobody says."""
    try:
        return map(int, filter(str.isdigit, os.listdir("/proc")))
    except OSError:
        return iter(())


def process_status(pid: int) -> list[bytes]:
    """State, parent, group, session … children's times of a living process; nothing of one that ended."""
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


def queued_s(pids: Iterable[int]) -> float:
    """Seconds that the threads of these processes have waited for a processor so far; 0 where no kernel tells.

    The second number of Linux's ``schedstat``: "time spent waiting on a runqueue", in nanoseconds.
    """
    found = 0
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                found += int(_read(pid, f"task/{thread}/schedstat").split()[1])
    return found / 1e9


def activity(group: int) -> tuple[bool, int]:
    """Whether all processes of a group sleep; and a number that changes when one works, is started, or ends."""
    found = [fields for pid in pids() if (fields := process_status(pid)) and int(fields[2]) == group]
    return all(fields[0] == b"S" for fields in found), sum(sum(map(int, fields[11:13])) + 1 for fields in found)


def members(group: int) -> dict[int, bool]:
    """The living processes of a group, and whether each is a resource tracker."""
    return {pid: is_tracker(pid) for pid in pids() if (fields := process_status(pid)) and int(fields[2]) == group}


def is_tracker(pid: int) -> bool:
    """Whether it is multiprocessing's resource tracker, which ends by itself after all that use it, and cleans up."""
    return b"resource_tracker" in _read(pid, "cmdline")


def carries(pid: int, folder: Path) -> bool:
    """Whether it has a private folder, or one inside it, as its ``TMPDIR``: it was started on behalf of that."""
    mark = f"TMPDIR={folder}".encode()
    return any(line == mark or line.startswith(mark + b"/") for line in _read(pid, "environ").split(b"\0"))


def _read(pid: int, what: str) -> bytes:
    """Nothing of a process that is gone, or another user's."""
    try:
        with open(f"/proc/{pid}/{what}", "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return b""


def processes() -> dict[int, int]:
    """Living processes that descend from this one or are in its session, and their parents."""
    me = os.getpid()
    found: dict[int, int] = {}
    sessions: dict[int, int] = {}
    for pid in pids():
        if fields := process_status(pid):
            found[pid], sessions[pid] = int(fields[1]), int(fields[3])
    ours = {pid for pid, session in sessions.items() if session == me} | {me}
    while more := {pid for pid, parent in found.items() if parent in ours and pid not in ours}:
        ours |= more
    return {pid: parent for pid, parent in found.items() if pid in ours}


def lives(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    return bool(process_status(pid))


def own_threads() -> int:
    """How many threads this process has, whoever has started them; 0 where nobody says."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


def own_children() -> list[int]:
    """The processes that this one, which has one thread, has started, or that have come to it as orphans."""
    if not _LISTS_CHILDREN:
        return children(os.getpid())
    with open("/proc/thread-self/children", "rb", buffering=0) as file:
        return list(map(int, file.read().split()))


def children(pid: int) -> list[int]:
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


def with_descendants(pids: Iterable[int]) -> set[int]:
    """These processes, those that they have started, and so on."""
    found = grown = set(pids)
    while grown := {child for pid in grown for child in children(pid)} - found:
        found = found | grown
    return found
