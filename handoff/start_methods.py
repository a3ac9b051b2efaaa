"""The start methods there are: the one list; and how multiprocessing names semaphores, which it has no word for."""

from __future__ import annotations

import sys

START_METHODS = ("fork", "spawn", "forkserver")


def by_default(python: tuple[int, int], platform: str) -> tuple[str, int]:
    """The start method and the pickle protocol of a Python where nobody names any.

    Sources: ``multiprocessing/context.py`` (fork on Linux up to 3.13, forkserver from 3.14; spawn on macOS since 3.8,
    and on Windows) and ``pickle.DEFAULT_PROTOCOL`` (4 since 3.8, 5 from 3.14).
    """
    new = python >= (3, 14)
    usual = "forkserver" if new else "fork"
    return "spawn" if platform in ("darwin", "win32") else usual, 5 if new else 4


def semaphore_prefix() -> str:
    """What the names of this process's semaphores begin with: whoever ends it sweeps them by that."""
    return str(_process_config("multiprocessing")["semprefix"])


def name_semaphores(prefix: str, package: str = "multiprocessing") -> None:
    """Let a package (multiprocessing, or a copy of it) name this process's semaphores so, and those of its children."""
    _process_config(package)["semprefix"] = prefix


def _process_config(package: str) -> dict[str, object]:
    """What a process hands down to its children: private, and with no public way to it in 3.11 to 3.15."""
    name = f"{package}.process"
    __import__(name)  # importlib is more than a contained interpreter has
    config: dict[str, object] = sys.modules[name].current_process()._config
    return config
