"""Memory that a forked worker gets of its own by reading what it inherited."""

from __future__ import annotations

from math import nan

from benchmarks._classes import Benchmark, Cell, Cells, in_bytes, lasting, parameters, run


class Inheritance(Benchmark):
    """A forked worker that reads what it inherited."""

    @in_bytes
    def track_read_uss_bytes(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """What the worker gets of its own by reading."""
        return cells.get(("read-uss-bytes", strategy, payload), nan)

    @in_bytes
    def track_collect_uss_bytes(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """What it gets of its own by one garbage collection instead."""
        return cells.get(("collect-uss-bytes", strategy, payload), nan)

    @in_bytes
    def track_workers_read_uss_bytes(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """What as many workers as usable cores get of their own by reading."""
        return cells.get(("workers-read-uss-bytes", strategy, payload), nan)


class Fork(Inheritance):
    """Workers are forked."""

    params = parameters("inheritance", "fork")

    @lasting
    def setup_cache(self) -> Cells:
        return run("inheritance", "fork")
