"""Payloads that do harm: each must cost its own cells and nothing else. A collection like any user's."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any, NoReturn

Reduced = tuple[Callable[..., Any], tuple[Any, ...]]


class HangsInReduce:
    def __reduce__(self) -> Reduced:
        time.sleep(600)
        return int, ()


class HangsInSetstate:
    """And lets nobody interrupt it."""

    def __getstate__(self) -> dict[str, int]:
        return {"number": 1}

    def __setstate__(self, state: dict[str, int]) -> NoReturn:
        while True:
            try:
                time.sleep(0.01)
            except BaseException:
                continue


class HangsInDel:
    def __init__(self) -> None:
        self.pid = os.getpid()

    def __del__(self) -> None:
        if os.getpid() != self.pid:
            time.sleep(600)


class Loads:
    """Calls a function when it is loaded."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function

    def __reduce__(self) -> Reduced:
        return self.function, ()


def crash() -> None:
    ctypes.string_at(0)


def leave() -> NoReturn:
    os._exit(3)


def eat() -> bytearray:
    return bytearray(10 << 30)


def shout() -> NoReturn:
    while True:
        os.write(1, b"x" * 65536)
        os.write(2, b"y" * 65536)


def start_child() -> int:
    subprocess.Popen(["sleep", "600"])
    return 1


def start_daemon() -> int:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execvp("sleep", ["sleep", "600"])
        os._exit(0)
    return 1


def kill_group() -> None:
    os.killpg(0, signal.SIGKILL)


def fine() -> list[int]:
    return [1, 2, 3]


PAYLOADS = {
    "hangs-in-reduce": HangsInReduce,
    "hangs-in-setstate": HangsInSetstate,
    "hangs-in-del": HangsInDel,
    "crashes": lambda: Loads(crash),
    "leaves": lambda: Loads(leave),
    "eats": lambda: Loads(eat),
    "shouts": lambda: Loads(shout),
    "starts-child": lambda: Loads(start_child),
    "starts-daemon": lambda: Loads(start_daemon),
    "kills-group": lambda: Loads(kill_group),
    "fine": fine,
}
