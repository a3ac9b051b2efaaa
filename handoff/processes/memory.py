"""How much memory a process has, as the kernel counts it. Apart from timing, and Linux only.

*PSS* divides each shared page by the processes that map it, so that a sum over processes counts every page once; *USS*
is what would be free if the process ended. A resident set (RSS) counts shared pages in full for everybody, and is not
used here. See proc(5), ``smaps_rollup``, ``clear_refs``.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    """Memory of one process, in bytes."""

    pss_bytes: int
    uss_bytes: int


def usage(pid: int | str = "self") -> Usage:
    """What a process has now. ``OSError`` when it is gone, or is another user's."""
    sizes = _sizes(Path(f"/proc/{pid}/smaps_rollup").read_text())
    return Usage(sizes["Pss"], sizes["Private_Clean"] + sizes["Private_Dirty"] + sizes.get("Private_Hugetlb", 0))


def _sizes(text: str) -> dict[str, int]:
    """``Name:   123 kB`` lines, in bytes."""
    found = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[2] == "kB":
            found[fields[0].rstrip(":")] = int(fields[1]) * 1024
    return found


class Peak:
    """How far this process's resident memory rises from now on, where the kernel lets a process reset its own mark."""

    def __init__(self) -> None:
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            self.start_bytes: int | None = None
        else:
            self.start_bytes = _sizes(Path("/proc/self/status").read_text())["VmRSS"]

    def rise_bytes(self) -> int | None:
        """From the start to the highest since; None where it is unknown. Shared pages that were touched count in it."""
        if self.start_bytes is None:
            return None
        return max(0, _sizes(Path("/proc/self/status").read_text())["VmHWM"] - self.start_bytes)


def machine_used_bytes() -> int:
    """All memory of the machine that is not free: programs, page cache, kernel."""
    sizes = _sizes(Path("/proc/meminfo").read_text())
    return sizes["MemTotal"] - sizes["MemFree"]


def machine_available_bytes() -> int:
    """What programs could still take of the machine's memory, as the kernel estimates it."""
    return _sizes(Path("/proc/meminfo").read_text())["MemAvailable"]


def address_space_bytes() -> int:
    """What this process has mapped, whether it uses it or not: what ``RLIMIT_AS`` limits."""
    return _sizes(Path("/proc/self/status").read_text())["VmSize"]


def lacks_memory(error: BaseException) -> bool:
    """Whether there was not enough memory, or no more address space that a limit of ours allows."""
    return isinstance(error, MemoryError) or number_of(error) == errno.ENOMEM


def number_of(error: BaseException) -> int | None:
    """The system's own number of an error, past whatever a class of the user's says that it is."""
    return vars(OSError)["errno"].__get__(error) if isinstance(error, OSError) else None


def limits_met(error: BaseException) -> str:
    """What our own limits may have to do with an error, in words; "" where nothing has."""
    import resource

    limits = {errno.EFBIG: ("a file", resource.RLIMIT_FSIZE), errno.ENOMEM: ("a process", resource.RLIMIT_AS)}
    who, limit = limits.get(errno.ENOMEM if lacks_memory(error) else number_of(error) or 0, ("", 0))
    most = resource.getrlimit(limit)[0] if who else resource.RLIM_INFINITY
    return "" if most == resource.RLIM_INFINITY else f" where {who} may have {most / (1 << 30):.3g} GiB at most"


def trim() -> None:
    """Let the allocator give freed memory back, so that what ran before does not show in the next reading."""
    import ctypes

    with suppress(OSError, AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)
