"""Starting a process and waiting for its end: bare, and with the payload among its arguments."""

from __future__ import annotations

from math import nan

from benchmarks._classes import Benchmark, Cell, Cells, in_seconds, lasting, parameters, run


class Start(Benchmark):
    """A process that is started and waited for."""

    @in_seconds
    def track_start(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """Seconds from starting it to its end."""
        return cells.get(("start", strategy, payload), nan)


class Fork(Start):
    """Workers are forked."""

    params = parameters("start", "fork")

    @lasting
    def setup_cache(self) -> Cells:
        return run("start", "fork")


class Spawn(Start):
    """Workers are started afresh."""

    params = parameters("start", "spawn")

    @lasting
    def setup_cache(self) -> Cells:
        return run("start", "spawn")


class Forkserver(Start):
    """Workers are forked by a server that was started afresh."""

    params = parameters("start", "forkserver")

    @lasting
    def setup_cache(self) -> Cells:
        return run("start", "forkserver")
