"""Starting a process under conditions: what its main file imports, how large its parent is, what is preloaded."""

from __future__ import annotations

from math import nan

from benchmarks._classes import Benchmark, Cell, Cells, in_bytes, in_seconds, lasting, parameters, run


class Startup(Benchmark):
    """A process that is started under each condition."""

    @in_seconds
    def track_start(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """Seconds until it answers."""
        return cells.get(("start", strategy, payload), nan)

    @in_seconds
    def track_first(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """Seconds of its first task."""
        return cells.get(("first", strategy, payload), nan)

    @in_bytes
    def track_parent_uss_bytes(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """What the starting process has of its own."""
        return cells.get(("parent-uss-bytes", strategy, payload), nan)


class Fork(Startup):
    """Workers are forked."""

    params = parameters("startup", "fork")

    @lasting
    def setup_cache(self) -> Cells:
        return run("startup", "fork")


class Spawn(Startup):
    """Workers are started afresh."""

    params = parameters("startup", "spawn")

    @lasting
    def setup_cache(self) -> Cells:
        return run("startup", "spawn")


class Forkserver(Startup):
    """Workers are forked by a server that was started afresh."""

    params = parameters("startup", "forkserver")

    @lasting
    def setup_cache(self) -> Cells:
        return run("startup", "forkserver")
