"""The duty ``result``: the payload comes back from the worker."""

from benchmarks._classes import classes

globals().update(classes("result", __name__))
