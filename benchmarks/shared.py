"""The duty ``shared``: reading and writing what several processes see."""

from __future__ import annotations

from math import nan

from benchmarks._classes import Benchmark, Cell, Cells, in_seconds, lasting, parameters, run


class Shared(Benchmark):
    """Operations of one worker on what others see as well."""

    @in_seconds
    def track_element_read(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """Seconds of reading one element."""
        return cells.get(("element-read", strategy, payload), nan)

    @in_seconds
    def track_element_write(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """Seconds of writing one element."""
        return cells.get(("element-write", strategy, payload), nan)

    @in_seconds
    def track_locked_update(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """Seconds of adding to one element under a lock."""
        return cells.get(("locked-update", strategy, payload), nan)

    @in_seconds
    def track_whole_read(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """Seconds of reading everything."""
        return cells.get(("whole-read", strategy, payload), nan)


class Fork(Shared):
    """Workers are forked."""

    params = parameters("shared", "fork")

    @lasting
    def setup_cache(self) -> Cells:
        return run("shared", "fork")


class Spawn(Shared):
    """Workers are started afresh."""

    params = parameters("shared", "spawn")

    @lasting
    def setup_cache(self) -> Cells:
        return run("shared", "spawn")


class Forkserver(Shared):
    """Workers are forked by a server that was started afresh."""

    params = parameters("shared", "forkserver")

    @lasting
    def setup_cache(self) -> Cells:
        return run("shared", "forkserver")
