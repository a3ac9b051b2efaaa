"""How much memory a process has, as the kernel counts it. Apart from timing, and Linux only.

*PSS* divides each shared page by the processes that map it, so that a sum over processes counts every page once; *USS*
is what would be free if the process ended. A resident set (RSS) counts shared pages in full for everybody, and is not
used here. See proc(5), ``smaps_rollup``, ``clear_refs``.
"""

from __future__ import annotations

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
