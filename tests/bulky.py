"""Payloads for the tests of memory: the same numbers as many objects and as one block."""

from __future__ import annotations

from typing import Any

from handoff.payload import Duty, Payload, Trait

EVERY = frozenset(Duty)
COUNT = 200_000  #: 4.8 MB of float objects: far above what a process's memory varies by itself


def plain() -> list[float]:
    return [float(index) for index in range(COUNT)]


def packed() -> Any:
    import numpy as np

    return np.arange(float(COUNT))


PAYLOADS = (
    Payload(name="plain", make=plain, duties=EVERY),
    Payload(name="packed", make=packed, duties=EVERY, traits=frozenset({Trait.BUFFER, Trait.FIXED_DTYPE})),
)
