"""The duty ``state``: what it costs once to have the payload in a worker, and in every task that uses it."""

from __future__ import annotations

from math import nan

from benchmarks._classes import Benchmark, Cell, Cells, in_seconds, lasting, parameters, run


class State(Benchmark):
    """A worker that is given the payload once."""

    @in_seconds
    def track_task(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """Seconds of one task that reads all of the payload."""
        return cells.get(("task", strategy, payload), nan)

    @in_seconds
    def track_setup(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """Seconds until a worker has the payload and has read all of it, its start included."""
        return cells.get(("setup", strategy, payload), nan)


class Fork(State):
    """Workers are forked."""

    params = parameters("state", "fork")

    @lasting
    def setup_cache(self) -> Cells:
        return run("state", "fork")


class Spawn(State):
    """Workers are started afresh."""

    params = parameters("state", "spawn")

    @lasting
    def setup_cache(self) -> Cells:
        return run("state", "spawn")


class Forkserver(State):
    """Workers are forked by a server that was started afresh."""

    params = parameters("state", "forkserver")

    @lasting
    def setup_cache(self) -> Cells:
        return run("state", "forkserver")
