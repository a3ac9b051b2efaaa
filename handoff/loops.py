"""The timing code. It exists once: strategies provide the steps, these loops stand between them with a clock.

All times are seconds of ``time.perf_counter`` (on Linux CLOCK_MONOTONIC). A phase is the sum of differences read from
the one clock of the process in which it happens, so no two clocks are ever compared.
"""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from handoff.strategy import Receiver, Sender


@dataclass(frozen=True, slots=True)
class Spent:
    """What one loop took: seconds for all its operations together, and what disturbed it."""

    seconds: float = 0.0
    encode_s: float = 0.0
    decode_s: float = 0.0
    touch_s: float = 0.0
    switches: int = 0  #: involuntary context switches of this process
    faults: int = 0  #: page faults of this process, major and minor
    collections: int = 0  #: runs of the garbage collector


def _disturbances() -> tuple[int, int, int]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_nivcsw, usage.ru_minflt + usage.ru_majflt, sum(g["collections"] for g in gc.get_stats())


def _spent(before: tuple[int, int, int], seconds: float, **phases: float) -> Spent:
    switches, faults, collections = (b - a for a, b in zip(before, _disturbances(), strict=True))
    return Spent(seconds, **phases, switches=switches, faults=faults, collections=collections)


def nothing(*_: Any) -> None:
    """The step that a loop does not need."""


def send(sender: Sender, obj: Any, n: int, before: Callable[[], Any], after: Callable[[], Any]) -> Spent:
    """Hand ``obj`` over ``n`` times. ``before`` waits for the other side's wish, ``after`` for its acknowledgement."""
    encode, post = sender.encode, sender.post
    encoding = 0.0
    start = _disturbances()
    begin = perf_counter()
    for _ in range(n):
        before()
        t = perf_counter()
        message = encode(obj)
        encoding += perf_counter() - t
        post(message)
        after()
    return _spent(start, perf_counter() - begin, encode_s=encoding)


def receive(
    receiver: Receiver, touch: Callable[[Any], int], n: int, before: Callable[[], Any], after: Callable[[int], Any]
) -> Spent:
    """Take ``n`` objects over, read all of each, drop it, and report its checksum to ``after``."""
    take, decode, release = receiver.take, receiver.decode, receiver.release
    decoding = touching = 0.0
    start = _disturbances()
    begin = perf_counter()
    for _ in range(n):
        before()
        message = take()
        t0 = perf_counter()
        obj = decode(message)
        t1 = perf_counter()
        total = touch(obj)
        t2 = perf_counter()
        decoding += t1 - t0
        touching += t2 - t1
        del obj, message
        release()
        after(total)
    return _spent(start, perf_counter() - begin, decode_s=decoding, touch_s=touching)


def repeat(operation: Callable[[int], Any], n: int) -> Spent:
    """Call ``operation(0)`` … ``operation(n - 1)``."""
    start = _disturbances()
    begin = perf_counter()
    for index in range(n):
        operation(index)
    return _spent(start, perf_counter() - begin)


def apply(function: Callable[[Any], Any], value: Any, n: int) -> Spent:
    """Call ``function(value)`` ``n`` times and drop each result before the next call, as pyperf's bench_func does."""
    start = _disturbances()
    begin = perf_counter()
    for _ in range(n):
        function(value)
    return _spent(start, perf_counter() - begin)
