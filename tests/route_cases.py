"""Objects whose way through a pool ends differently; each callable makes one."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any


class Stateful:
    def __init__(self, load: Any, *arguments: Any) -> None:
        self.load, self.arguments = load, arguments

    def __reduce__(self) -> Any:
        return self.load, self.arguments


class SlowToPickle:
    def __reduce__(self) -> Any:
        time.sleep(1000)
        return int, ()


class NeedsBoth(Exception):
    def __init__(self, above: int, below: int) -> None:
        super().__init__(above)
        self.below = below


def _raise(kind: type[BaseException], text: str) -> Any:
    raise kind(text)


def _crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def plain() -> Any:
    return [1, {"a": (2, 3.0)}]


def local_function() -> Any:
    return lambda: 1


def exception_that_needs_more() -> Any:
    return NeedsBoth(1, 2)


def raises() -> Any:
    return Stateful(_raise, ValueError, "no state for you")


def raises_eof() -> Any:
    return Stateful(_raise, EOFError, "short")


def exits() -> Any:
    return Stateful(sys.exit, 4)


def vanishes() -> Any:
    return Stateful(os._exit, 3)


def crashes() -> Any:
    return Stateful(_crash)


def hangs() -> Any:
    return Stateful(time.sleep, 1000)


def hangs_in_reduce() -> Any:
    return SlowToPickle()


def turns_into_something_else() -> Any:
    return Stateful(list)


def array() -> Any:
    import numpy as np

    return np.zeros(1 << 20)


def open_file() -> Any:
    file = open(__file__)  # noqa: SIM115
    file.readline()
    return file
