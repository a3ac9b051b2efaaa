"""Deadlines: of a call in this process, and what there is to say when one has passed.

Whoever waits for a processor is not hung. Where it is asked for, a patience counts the time that somebody could have
run: what its threads stood in the queue for processors is added to it, so that a busy machine changes no answer.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from handoff import timeouts
from handoff.processes.proc import processor_s, queued_s, with_descendants


class NoAnswer(BaseException):
    """A deadline passed. Not an ``Exception``, so that no payload's own handler swallows it."""

    def __init__(self, text: str, *, too_busy: bool = False) -> None:
        super().__init__(text)
        self.too_busy = too_busy  #: whether the machine was, rather than that somebody hangs


class Patience:
    """So many seconds in which somebody could have run: what they wait for processors is added, as far as it goes."""

    def __init__(
        self,
        seconds: float,
        whose: Callable[[], Iterable[int]],
        before_s: float = 0.0,
        worked_before_s: float | None = None,
    ) -> None:
        """``whose`` gives the processes that are waited for, when it has to be known; ``before_s``: what they had
        queued when it began. Where ``worked_before_s``, what they had worked then, is given, nothing is added once they
        have worked for as long as the patience: they had their time."""
        self.seconds, self.whose, self.before_s, self.worked_before_s = seconds, whose, before_s, worked_before_s
        self.begun = time.monotonic()
        self.too_busy = False  #: whether it ended although they were still waiting for processors

    def left_s(self) -> float:
        """Seconds until it has to be looked at again; 0 when it has ended."""
        took_s = time.monotonic() - self.begun
        if took_s < self.seconds:
            return self.seconds - took_s
        whose = list(self.whose())
        if self.worked_before_s is not None and sum(map(processor_s, whose)) - self.worked_before_s >= self.seconds:
            return 0.0
        left_s = self.seconds + min(queued_s(whose) - self.before_s, took_s) - took_s
        self.too_busy = left_s > timeouts.BUSY_LOOK_S and took_s >= min(
            timeouts.BUSIEST * self.seconds, self.seconds + timeouts.BUSY_MOST_S
        )
        return left_s if left_s > timeouts.BUSY_LOOK_S and not self.too_busy else 0.0


def _own() -> Iterable[int]:
    return with_descendants({os.getpid()})


@contextmanager
def deadline(seconds: float, *, fair: bool = False) -> Iterator[None]:
    """Raise :class:`NoAnswer` in the main thread after ``seconds``: no thread is needed, so forking stays safe.

    ``fair``: only the time counts in which this process and those it has started had a processor or wanted none.
    """
    patience = Patience(seconds, _own, queued_s(_own()) if fair else 0.0)

    def expire(_: int, __: FrameType | None) -> None:
        if fair and (left_s := patience.left_s()):
            signal.setitimer(signal.ITIMER_REAL, left_s)
        else:
            raise NoAnswer(f"no answer in {seconds:.3g} s", too_busy=patience.too_busy)

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


class TookTooLong(Exception):
    """A hook, or a step of the diagnosis, was interrupted after its time."""


def unqueued_s() -> float:
    """A clock, in seconds, that stands still while this process waits for a processor: what takes long, whoever works.

    It may go back by a moment, as the kernel tells of a wait once that is over.
    """
    return time.monotonic() - queued_s([os.getpid()])


@contextmanager
def limited(seconds: float, *, fair: bool = False) -> Iterator[None]:
    """Raise :class:`TookTooLong` in the block after that many seconds. Nests: the outer alarm is set again afterwards.

    ``fair``: only the time counts in which this process had a processor or wanted none. Does nothing outside a main
    thread or without ``setitimer`` (Windows).
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _ring_fairly(seconds) if fair else _ring)
    left, _ = signal.setitimer(signal.ITIMER_REAL, max(0.001, seconds))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, max(0.001, left) if left else 0)
        signal.signal(signal.SIGALRM, before)


class Watch:
    """One slow alarm for many short calls: raises :class:`TookTooLong` in a call that sees two of its beats.

    Setting an alarm for every call would cost more than most calls. A call is interrupted after one to two periods in
    which it had a processor, or wanted none.
    """

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self._calls = 0
        self._seen = -1
        self._since_s = 0.0  #: when that call was seen
        self._busy = False

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """``function(*args)``, watched if the alarm is running."""
        self._calls += 1
        self._busy = True
        try:
            return function(*args)
        finally:
            self._busy = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the alarm; where there is none (Windows, another thread), calls are not watched."""
        if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGALRM, self._beat)
        signal.setitimer(signal.ITIMER_REAL, self.period_s, self.period_s)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def _beat(self, signum: int, frame: Any) -> None:
        now_s = unqueued_s()
        if self._calls != self._seen:
            self._seen, self._since_s = self._calls, now_s
        elif self._busy and now_s - self._since_s > 0.9 * self.period_s:  # a beat may be early by a moment
            raise TookTooLong("it did not come back in time")


def _ring_fairly(seconds: float) -> Callable[[int, FrameType | None], None]:
    """An alarm that is set again for as long as this process has waited for a processor."""
    patience = Patience(seconds, lambda: [os.getpid()], queued_s([os.getpid()]))

    def ring(signum: int, frame: FrameType | None) -> None:
        if left_s := patience.left_s():
            signal.setitimer(signal.ITIMER_REAL, left_s)
        else:
            _ring(signum, frame)

    return ring


def _ring(signum: int, frame: Any) -> None:
    raise TookTooLong("it did not come back in time")
