"""Starting a process and waiting for its end: bare, and with the payload among its arguments."""

from benchmarks._classes import classes

globals().update(classes("start", __name__))
