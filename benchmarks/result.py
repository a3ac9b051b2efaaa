"""The duty ``result``: the payload comes back from the worker."""

from __future__ import annotations

from math import nan

from benchmarks._classes import Benchmark, Cell, Cells, in_seconds, lasting, parameters, run


class Result(Benchmark):
    """One hand-off back, read by the one who asked for it."""

    @in_seconds
    def track_handoff(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """Seconds from having the object in the worker to having it, all of it read, here."""
        return cells.get(("handoff", strategy, payload), nan)


class Fork(Result):
    """Workers are forked."""

    params = parameters("result", "fork")

    @lasting
    def setup_cache(self) -> Cells:
        return run("result", "fork")


class Spawn(Result):
    """Workers are started afresh."""

    params = parameters("result", "spawn")

    @lasting
    def setup_cache(self) -> Cells:
        return run("result", "spawn")


class Forkserver(Result):
    """Workers are forked by a server that was started afresh."""

    params = parameters("result", "forkserver")

    @lasting
    def setup_cache(self) -> Cells:
        return run("result", "forkserver")
