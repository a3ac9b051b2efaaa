"""Encoding and decoding alone, in one process; and what the encoded object weighs."""

from benchmarks._classes import classes

globals().update(classes("codec", __name__))
