"""Objects to test the measuring with: plain data, long enough to be timed and short enough to be repeated."""

from __future__ import annotations

from typing import Any

from handoff.payload import Payload


def rows() -> list[dict[str, Any]]:
    """What a query returns: 200 dicts of five fields. Pickling them takes as long as a thousand readings of a clock."""
    return [
        {"id": i, "name": f"customer-{i}", "score": i / 7, "active": i % 3 == 0, "tags": ["a", "b"]} for i in range(200)
    ]


def task() -> dict[str, Any]:
    """A task's description: what a pool's workers get by the thousand."""
    return {"id": 17, "path": "data/part-17.csv", "columns": ["a", "b", "c"], "limit": 1000, "strict": True}


def floats() -> list[float]:
    """A column as Python has it: 10,000 floats."""
    return [i / 7 for i in range(10_000)]


def texts() -> list[str]:
    """2,000 distinct strings, some of them not ASCII."""
    return [f"line {i}: " + "naïve café " * (i % 5) for i in range(2_000)]


def tree() -> dict[str, Any]:
    """A configuration: nested dicts and lists, 4 children to each of 4 levels."""

    def level(depth: int, name: str) -> dict[str, Any]:
        children = [level(depth - 1, f"{name}.{i}") for i in range(4)] if depth else []
        return {"name": name, "weight": depth * 1.5, "children": children}

    return level(4, "root")


PAYLOADS = tuple(Payload(name=make.__name__, make=make) for make in (rows, task, floats, texts, tree))
