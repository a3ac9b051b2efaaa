"""What is large, shared or linked: sent as it is with every task, or set up once, shared, flattened."""

from __future__ import annotations

from typing import Any

from handoff.declarations import Pair, Side
from handoff.payload import Duty, Payload, Trait

PLAIN = ("pickle-default",)
ONCE = ("initializer", "inherit", "path-pickle", "shm-pickle-5")
ARRAY_EACH = ("pickle-5-oob", "shm-reused", "shm-fresh")
ARRAY_ONCE = ("initializer", "inherit", "path-mmap", "shm-reused", "array-raw-numpy")

_merged: dict[str, int] = {}


def merge(increment: tuple[str, int]) -> int:
    """What the parent does with a result: add it to its own table."""
    name, more = increment
    _merged[name] = _merged.get(name, 0) + more
    return len(name)


def counters() -> Any:
    """100 counters as one flat array."""
    import numpy as np

    return np.zeros(100, np.int64)


PAYLOADS = (
    Payload(name="increment", make=lambda: ("requests", 1), touch=merge, facts=lambda obj: {"increment": list(obj)}),
    Payload(
        name="counters-array-100",
        make=counters,
        traits=frozenset({Trait.BUFFER, Trait.FIXED_DTYPE}),
        nbytes=800,
    ),
)


SIZES = {"4kib": "4 KiB", "1mib": "1 MiB", "64mib": "64 MiB"}


def _array(size: str) -> Pair:
    payload = f"payloads.buffers:array-f64-{size}"
    return Pair(
        name=f"array-with-every-task-{size}",
        awkward=(Side(payload=payload, strategies=PLAIN),),
        refactored=(
            Side(payload=payload, strategies=ARRAY_EACH),
            Side(payload=payload, strategies=ARRAY_ONCE, duty=Duty.STATE),
        ),
        why=f"A float64 array of {SIZES[size]} sent with every task, against out-of-band pickling and shared memory for"
        " each task, and against a copy, shared memory, mp.Array or a mapped file that is set up once.",
        source="articles/000; PEP 574",
    )


def _model(size: str) -> Pair:
    payload = f"payloads.buffers:model-{size}"
    return Pair(
        name=f"model-with-every-task-{size}",
        awkward=(Side(payload=payload, strategies=PLAIN),),
        refactored=(Side(payload=payload, strategies=ONCE, duty=Duty.STATE),),
        why=f"A model of {SIZES[size]} sent with every task, against an initializer, inheritance, a file to load from"
        " and shared memory.",
        source="articles/000",
    )


PAIRS = (
    *(_model(size) for size in ("1mib", "64mib")),
    *(_array(size) for size in ("4kib", "1mib", "64mib")),
    Pair(
        name="dict-updated-by-workers",
        awkward=(Side(payload="payloads.values:counters-100", strategies=("manager-dict",), duty=Duty.SHARED),),
        refactored=(
            Side(payload="payloads.pairs.state:increment", strategies=PLAIN, duty=Duty.RESULT),
            Side(
                payload="payloads.pairs.state:counters-array-100",
                strategies=("array-locked-element", "array-locked-numpy"),
                duty=Duty.SHARED,
            ),
        ),
        why="One update of a counter that all workers see: in a Manager's dict, returned and merged by the parent, in a"
        " shared array. Returning it includes handing out the task; the other two are the update alone.",
        source="articles/002, 003",
    ),
    Pair(
        name="tree-with-parent-links",
        awkward=(Side(payload="payloads.graphs:tree-parents-1k", strategies=PLAIN),),
        refactored=(Side(payload="payloads.graphs:tree-ids-1k", strategies=PLAIN),),
        why="A tree of 1,111 objects with links to their parents, which pickle carries, against the same as a table of"
        " ids.",
        source="articles/000",
    ),
)
