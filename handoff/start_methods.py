"""The start methods there are: the one list."""

from __future__ import annotations

START_METHODS = ("fork", "spawn", "forkserver")
