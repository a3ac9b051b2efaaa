"""Memory that a forked worker gets of its own by reading what it inherited."""

from benchmarks._classes import classes

globals().update(classes("inheritance", __name__))
