"""The timing code. It exists once: strategies provide the steps, these loops stand between them with a clock.

All times are seconds of ``time.perf_counter`` (on Linux CLOCK_MONOTONIC). A phase is the sum of differences read from
the one clock of the process in which it happens, so no two clocks are ever compared. Reading the clock takes part of
what a small hand-off takes; so one operation in ``STRETCH`` has its phases timed, and the others run bare.
"""

from __future__ import annotations

import gc
import resource
from collections import namedtuple
from itertools import repeat as times
from time import perf_counter

TYPE_CHECKING = False  # typing and dataclasses are not imported: a process that is started has what is loaded here
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from handoff.strategy import Receiver, Sender

STRETCH = 16  #: operations

#: What one loop took: ``seconds`` for all its operations together, the phases likewise, and what disturbed it in this
#: process: involuntary context switches, page faults (major and minor), runs of the garbage collector.
Spent = namedtuple(
    "Spent",
    ("seconds", "encode_s", "decode_s", "touch_s", "switches", "faults", "collections"),
    defaults=(0.0, 0.0, 0.0, 0.0, 0, 0, 0),
)


class WrongAnswer(Exception):
    """A hand-off was acknowledged with something else than the expected checksum."""

    def __init__(self, answer: Any) -> None:
        super().__init__(f"acknowledged with {answer!r}")
        self.answer = answer


def _disturbances() -> tuple[int, int, int]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_nivcsw, usage.ru_minflt + usage.ru_majflt, sum(g["collections"] for g in gc.get_stats())


def _spent(before: tuple[int, int, int], seconds: float, **phases: float) -> Spent:
    switches, faults, collections = (b - a for a, b in zip(before, _disturbances(), strict=True))
    return Spent(seconds, **phases, switches=switches, faults=faults, collections=collections)


def nothing(*_: Any) -> None:
    """The step that a loop does not need."""


def send(
    sender: Sender,
    obj: Any,
    n: int,
    before: Callable[[], Any] = nothing,
    after: Callable[[], Any] = nothing,
    expected: Any = None,
) -> Spent:
    """Hand ``obj`` over ``n`` times.

    ``before`` waits for the other side's wish, ``after`` returns its acknowledgement. Raises :class:`WrongAnswer` when
    that is not ``expected``.
    """
    encode, post = sender.encode, sender.post
    encoding, timed, left = 0.0, 0, n
    start = _disturbances()
    begin = perf_counter()
    while left:
        before()
        t = perf_counter()
        message = encode(obj)
        encoding += perf_counter() - t
        post(message)
        del message
        answer = after()
        timed += 1
        left -= 1
        bare = min(STRETCH - 1, left) if answer == expected else 0
        if before is nothing:
            for _ in times(None, bare):
                post(encode(obj))
                answer = after()
                if answer != expected:
                    break
        else:
            for _ in times(None, bare):
                before()
                post(encode(obj))
                answer = after()
                if answer != expected:
                    break
        if answer != expected:
            raise WrongAnswer(answer)
        left -= bare
    return _spent(start, perf_counter() - begin, encode_s=encoding * n / timed)


def receive(
    receiver: Receiver,
    touch: Callable[[Any], int],
    n: int,
    before: Callable[[], Any],
    after: Callable[[bytes], Any],
    pack: Callable[[int], bytes],
) -> Spent:
    """Take ``n`` objects over, read all of each, drop it, and give its checksum, packed, to ``after``."""
    take, decode, release = receiver.take, receiver.decode, receiver.release
    decoding = touching = 0.0
    timed, left = 0, n
    thin = before is nothing and release is nothing
    start = _disturbances()
    begin = perf_counter()
    while left:
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
        after(pack(total))
        timed += 1
        left -= 1
        bare = min(STRETCH - 1, left)
        if thin:
            for _ in times(None, bare):
                after(pack(touch(decode(take()))))
        else:
            for _ in times(None, bare):
                before()
                total = touch(decode(take()))
                release()
                after(pack(total))
        left -= bare
    share = n / timed
    return _spent(start, perf_counter() - begin, decode_s=decoding * share, touch_s=touching * share)


def repeat(operation: Callable[[int], Any], n: int) -> Spent:
    """Call ``operation(0)`` … ``operation(n - 1)``."""
    start = _disturbances()
    begin = perf_counter()
    for index in range(n):
        operation(index)
    return _spent(start, perf_counter() - begin)


def until(operation: Callable[[int], Any], begin_s: float, end_s: float, batch: int = 16) -> tuple[int, Spent]:
    """Wait for ``begin_s``, then call ``operation(0)``, ``operation(1)`` … until ``end_s``: how many, and what it took.

    The clock is looked at after each ``batch``, which makes it a small part of what the fastest operation takes.
    """
    while perf_counter() < begin_s:
        pass
    start = _disturbances()
    done = 0
    begin = perf_counter()
    while (now := perf_counter()) < end_s or not done:
        for index in range(done, done + batch):
            operation(index)
        done += batch
    return done, _spent(start, now - begin)


def apply(function: Callable[[Any], Any], value: Any, n: int) -> Spent:
    """Call ``function(value)`` ``n`` times and drop each result before the next call, as pyperf's bench_func does."""
    start = _disturbances()
    begin = perf_counter()
    for _ in range(n):
        function(value)
    return _spent(start, perf_counter() - begin)
