"""The duty ``state``: what it costs once to have the payload in a worker, and in every task that uses it."""

from benchmarks._classes import classes

globals().update(classes("state", __name__))
