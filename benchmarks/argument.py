"""The duty ``argument``: the payload travels with every task."""

from __future__ import annotations

from math import nan

from benchmarks._classes import Benchmark, Cell, Cells, in_seconds, lasting, parameters, run


class Argument(Benchmark):
    """One hand-off, read by the worker and acknowledged."""

    @in_seconds
    def track_handoff(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """Seconds from having the object here to having it, all of it read, in the worker."""
        return cells.get(("handoff", strategy, payload), nan)


class Fork(Argument):
    """Workers are forked."""

    params = parameters("argument", "fork")

    @lasting
    def setup_cache(self) -> Cells:
        return run("argument", "fork")


class Spawn(Argument):
    """Workers are started afresh."""

    params = parameters("argument", "spawn")

    @lasting
    def setup_cache(self) -> Cells:
        return run("argument", "spawn")


class Forkserver(Argument):
    """Workers are forked by a server that was started afresh."""

    params = parameters("argument", "forkserver")

    @lasting
    def setup_cache(self) -> Cells:
        return run("argument", "forkserver")
