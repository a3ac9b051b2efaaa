"""Starting a process under conditions: what its main file imports, how large its parent is, what is preloaded."""

from benchmarks._classes import classes

globals().update(classes("startup", __name__))
