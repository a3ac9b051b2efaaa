"""Deadlines: of a call in this process, and what there is to say when one has passed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class NoAnswer(BaseException):
    """A deadline passed. Not an ``Exception``, so that no payload's own handler swallows it."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise :class:`NoAnswer` in the main thread after ``seconds``: no thread is needed, so forking stays safe."""

    def expire(_: int, __: FrameType | None) -> None:
        raise NoAnswer(f"no answer in {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


class TookTooLong(Exception):
    """A hook, or a step of the diagnosis, was interrupted after its time."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise :class:`TookTooLong` in the block after that many seconds. Nests: the outer alarm is set again afterwards.

    Does nothing outside a main thread or without ``setitimer`` (Windows).
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _ring)
    left, _ = signal.setitimer(signal.ITIMER_REAL, max(0.001, seconds))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, max(0.001, left) if left else 0)
        signal.signal(signal.SIGALRM, before)


class Watch:
    """One slow alarm for many short calls: raises :class:`TookTooLong` in a call that sees two of its beats.

    Setting an alarm for every call would cost more than most calls. A call is interrupted after one to two periods.
    """

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self._calls = 0
        self._seen = -1
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
        if self._busy and self._calls == self._seen:
            raise TookTooLong("it did not come back in time")
        self._seen = self._calls


def _ring(signum: int, frame: Any) -> None:
    raise TookTooLong("it did not come back in time")
