"""Time limits inside a disposable process: an alarm that interrupts a hook which does not come back."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


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


def call(seconds: float, function: Callable[..., Any], *args: Any) -> Any:
    """``function(*args)`` within that many seconds."""
    with limited(seconds):
        return function(*args)


def _ring(signum: int, frame: Any) -> None:
    raise TookTooLong("it did not come back in time")
