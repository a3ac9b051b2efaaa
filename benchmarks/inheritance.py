"""Memory that a forked worker gets of its own by reading what it inherited."""

from benchmarks._suite import classes

globals().update(classes("inheritance", __name__))
