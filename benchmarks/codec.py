"""Encoding and decoding alone, in one process; and what the encoded object weighs."""

from __future__ import annotations

from math import nan

from benchmarks._classes import Benchmark, Cell, Cells, in_bytes, in_seconds, lasting, parameters, run


class Codec(Benchmark):
    """Object to message and back."""

    params = parameters("codec")

    @lasting
    def setup_cache(self) -> Cells:
        return run("codec")

    @in_seconds
    def track_encode(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """Seconds of turning the object into a message."""
        return cells.get(("encode", strategy, payload), nan)

    @in_seconds
    def track_decode(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """Seconds of making the object from a message again."""
        return cells.get(("decode", strategy, payload), nan)

    @in_bytes
    def track_wire_bytes(self, cells: Cells, strategy: str, payload: str) -> Cell:
        """Bytes of the message."""
        return cells.get(("wire-bytes", strategy, payload), nan)
