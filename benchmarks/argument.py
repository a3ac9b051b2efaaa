"""The duty ``argument``: the payload travels with every task."""

from benchmarks._classes import classes

globals().update(classes("argument", __name__))
