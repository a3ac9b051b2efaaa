"""The duty ``argument``: the payload travels with every task."""

from benchmarks._suite import classes

globals().update(classes("argument", __name__))
