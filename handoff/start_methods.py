"""The start methods there are: the one list."""

from __future__ import annotations

START_METHODS = ("fork", "spawn", "forkserver")


def by_default(python: tuple[int, int], platform: str) -> tuple[str, int]:
    """The start method and the pickle protocol of a Python where nobody names any.

    Sources: ``multiprocessing/context.py`` (fork on Linux up to 3.13, forkserver from 3.14; spawn on macOS since 3.8,
    and on Windows) and ``pickle.DEFAULT_PROTOCOL`` (4 since 3.8, 5 from 3.14).
    """
    new = python >= (3, 14)
    usual = "forkserver" if new else "fork"
    return "spawn" if platform in ("darwin", "win32") else usual, 5 if new else 4
