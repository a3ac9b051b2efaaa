"""A program that starts processes, or interpreters, when it is told to.

It imports next to nothing: its size is a part of every start.
"""

from __future__ import annotations

import json
import mmap
import multiprocessing
import sys

from handoff import timing
from handoff.measuring.startup_child import nothing

#: What takes less is done once, untimed, before it is timed. Other programs had the processor meanwhile: a fork with
#: cold caches took 2.7 ms where the next took 1.7, and a spawn of 44 ms did not care.
WARM_S = 0.02

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from handoff.target import RefFields


def main(config: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """Take up the condition, tell how much memory that takes, and start as many processes as each order says."""
    ctx: Any = multiprocessing.get_context(config["start_method"])
    if config["preload"]:
        ctx.set_forkserver_preload(list(config["preload"]))
    ballast = _ballast(config["ballast_bytes"])
    obj = _built(config["ref"]) if config["ref"] else None
    args = (obj,) if config["passing"] else ()

    def process(_: int) -> None:
        started = ctx.Process(target=nothing, args=args)
        started.start()
        started.join()
        if started.exitcode:
            raise RuntimeError(f"the process ended with exit code {started.exitcode}")

    one = _interpreter if config["interpreter"] else process
    tell({"uss_bytes": _uss_bytes()})
    with open(config["orders"], "rb", buffering=0) as orders:
        tell(timing.repeat(one, json.loads(orders.readline()))._asdict())  # the first, cold as it is
        took = 0.0
        while line := orders.readline():
            if took < WARM_S:
                one(0)
            spent = timing.repeat(one, json.loads(line))
            took = spent.seconds / json.loads(line)
            tell(spent._asdict())
    del ballast


def _interpreter(_: int) -> None:
    """One that does what the process does, and is closed."""
    from concurrent import interpreters  # type: ignore[attr-defined, unused-ignore]  # 3.14 and later

    started = interpreters.create()
    started.call(_nothing_there, tuple(sys.path))
    started.close()


def _nothing_there(path: tuple[str, ...]) -> None:
    """In the new interpreter, which begins with the path of a fresh Python; it gets this function's code alone."""
    import sys

    sys.path[:] = path
    from handoff.measuring.startup_child import nothing

    nothing()


def _built(ref: RefFields) -> Any:
    from handoff.target import Ref

    return Ref(**ref).load().make()


def _uss_bytes() -> int:
    """Private memory of this process: what a fork has to copy page tables for."""
    with open("/proc/self/smaps_rollup", encoding="ascii") as lines:
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def _ballast(nbytes: int) -> mmap.mmap | None:
    """Private, resident memory in pages of the usual size, as the small objects of a program have.

    fork copies a page table entry for each. Huge pages would have 512 times fewer of them, and shared pages none.
    """
    if not nbytes:
        return None
    ballast = mmap.mmap(-1, nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        ballast.madvise(mmap.MADV_NOHUGEPAGE)
    except (AttributeError, OSError):
        pass  # a kernel without huge pages does not know the word
    for at in range(0, nbytes, mmap.PAGESIZE):
        ballast[at] = 1
    return ballast
