"""The duty ``shared``: reading and writing what several processes see."""

from benchmarks._classes import classes

globals().update(classes("shared", __name__))
