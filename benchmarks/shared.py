"""The duty ``shared``: reading and writing what several processes see."""

from benchmarks._suite import classes

globals().update(classes("shared", __name__))
