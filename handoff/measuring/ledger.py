"""Where the time of an experiment goes: seconds by what was done, so that it can be said how much of it was samples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

SAMPLES = "samples"  #: what is in the figures, and the operation before a sample of few
WORKERS = "workers"  #: waiting for workers to start and to end
LOOKING = "looking"  #: trying each lane once, and comparing what arrived with what was sent
CALIBRATING = "calibrating"  #: finding out how many operations make a sample
REST = "rest"  #: all else: interpreters, making the object, ends


class Ledger:
    """Seconds by what was done. What is done within something else is not counted twice."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = {}
        self._within_s = 0.0  #: of the thing that is being done, what was done within it

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """The block is for this."""
        begin, before_s, self._within_s = perf_counter(), self._within_s, 0.0
        try:
            yield
        finally:
            took_s = perf_counter() - begin
            self.spent_s[what] = self.spent_s.get(what, 0.0) + took_s - self._within_s
            self._within_s = before_s + took_s
