"""Callables: the functions, methods and callable objects that are handed to a pool. All of them are touched by calling.

Picklers send a function that can be imported by its name, and refuse any other; dill and cloudpickle send its code.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any

from handoff.payload import Duty, Payload, Trait
from payloads._scratch import scratch_file, text_of

Function = Callable[[int], int]

FACTOR = 3


def times_three(number: int) -> int:
    return number * FACTOR


def scaled(number: int, factor: int = 1) -> int:
    return number * factor


def logged(function: Function) -> Function:
    """A decorator that keeps the name of what it wraps, as ``functools.wraps`` does."""

    @functools.wraps(function)
    def wrapper(number: int) -> int:
        return function(number) + 1

    return wrapper


@logged
def decorated(number: int) -> int:
    return number * FACTOR


@functools.lru_cache(maxsize=128)
def cached(number: int) -> int:
    return number * FACTOR


class Scaler:
    """A callable class, with one bound, one static and one class method to hand over."""

    default = 3

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def __call__(self, number: int) -> int:
        return number * self.factor

    def scale(self, number: int) -> int:
        return number * self.factor

    @staticmethod
    def triple(number: int) -> int:
        return number * 3

    @classmethod
    def by_default(cls, number: int) -> int:
        return number * cls.default


class Account:
    """An object that guards its state with a lock, as thread-safe classes do."""

    def __init__(self, factor: int) -> None:
        self.factor = factor
        self.lock = threading.Lock()

    def interest(self, number: int) -> int:
        """Raises ``TimeoutError`` where the lock cannot be had within two seconds."""
        if not self.lock.acquire(timeout=2):
            raise TimeoutError("the account's lock is never free")
        try:
            return number * self.factor
        finally:
            self.lock.release()


def make_lambda() -> Function:
    return lambda number: number * 3


def make_nested() -> Function:
    def nested(number: int) -> int:
        return number * 3

    return nested


def make_closure_config() -> Function:
    """Captures a dict of 50 settings and reads two of them."""
    config = {f"option-{index:02d}": index for index in range(50)}

    def with_config(number: int) -> int:
        return number * config["option-03"] + config["option-49"]

    return with_config


def make_closure_open_file() -> Function:
    """Captures a config dict that holds a log file open for writing: mend the function, and the file is next."""
    log = open(scratch_file(".log"), "w", encoding="utf-8")  # noqa: SIM115  # it stays open
    log.write("the log's first line\n")
    log.flush()
    config = {"factor": 3, "verbose": True, "log": log}

    def with_log(number: int) -> int:
        if config["verbose"]:
            log.write(f"number {number}\n")
        return number * FACTOR

    return with_log


def make_partial() -> Function:
    return functools.partial(scaled, factor=3)


def make_partial_lambda() -> Function:
    return functools.partial(lambda factor, number: number * factor, 3)


def make_bound() -> Function:
    return Scaler(3).scale


def make_bound_lock() -> Function:
    return Account(3).interest


def call(obj: Function) -> int:
    return obj(7)


def facts_function(obj: Any) -> Mapping[str, Any]:
    """What it is and what it returns; not which object it is: a function that travels by value is a new one."""
    return {
        "type": type(obj).__name__,
        "name": getattr(obj, "__name__", None),
        "f(0), f(1), f(7), f(100)": [obj(0), obj(1), obj(7), obj(100)],
    }


def facts_partial(obj: Any) -> Mapping[str, Any]:
    return {**facts_function(obj), "args": list(obj.args), "keywords": dict(obj.keywords)}


def facts_bound(obj: Any) -> Mapping[str, Any]:
    owner = obj.__self__
    return {
        **facts_function(obj),
        "self": owner.__name__ if isinstance(owner, type) else type(owner).__name__,
        "state": owner.factor if hasattr(owner, "factor") else owner.default,
    }


def hold_lock(obj: Any) -> None:
    obj.__self__.lock.acquire(timeout=2)


def lock_held(obj: Any) -> str:
    """The worker took the lock and did not give it back: here it must be taken too."""
    lock = obj.__self__.lock
    if lock.acquire(blocking=False):
        lock.release()
        return "the worker holds its lock, and here it is free: two locks, which guard nothing"
    lock.release()
    return ""


def _log_of(obj: Any) -> Any:
    (log,) = [cell.cell_contents for cell in obj.__closure__ if not isinstance(cell.cell_contents, dict)]
    return log


def facts_logging(obj: Any) -> Mapping[str, Any]:
    log = _log_of(obj)
    (config,) = [cell.cell_contents for cell in obj.__closure__ if isinstance(cell.cell_contents, dict)]
    return {
        "file": log.name,
        "mode": getattr(log, "mode", None),
        "type": type(log).__name__,
        "open": not log.closed,
        "the config holds the same file": config["log"] is log,
        "first line on disk": text_of(log.name).partition("\n")[0],
    }


def write_log(obj: Any) -> None:
    obj(99)
    _log_of(obj).flush()


def log_written(obj: Any) -> str:
    text = text_of(_log_of(obj).name)
    if not text.startswith("the log's first line\n"):
        return "the log has lost its first line"
    return "" if "number 99\n" in text else "the line that the worker wrote is not in the log"


ARGUMENT = frozenset({Duty.ARGUMENT})
OUTCOME = frozenset[Duty]()  #: not timed: what becomes of it is the whole figure
LOCAL = frozenset({Trait.LOCAL_FUNCTION})
MANUAL = "pickle manual, 'What can be pickled and unpickled?'"

PAYLOADS = (
    Payload(
        name="function-module",
        make=lambda: times_three,
        touch=call,
        facts=facts_function,
        duties=ARGUMENT,
        why="The function of every pool.map: sent as two names, 40 bytes or so, whatever its size.",
        source=f"articles/000, 001, 002, 004; {MANUAL}",
    ),
    Payload(
        name="function-lambda",
        make=make_lambda,
        touch=call,
        facts=facts_function,
        traits=LOCAL,
        duties=ARGUMENT,
        why="A pool.map with a lambda: the most frequent pickling error of all. By value it is its code, some 300 "
        "bytes.",
        source="articles/000, 001, 002",
    ),
    Payload(
        name="function-nested",
        make=make_nested,
        touch=call,
        facts=facts_function,
        traits=LOCAL,
        duties=OUTCOME,
        why="A function defined inside another, without a closure: the scraper's parse function.",
        source="articles/000, 001, 002, 004",
    ),
    Payload(
        name="closure-config",
        make=make_closure_config,
        touch=call,
        facts=facts_function,
        traits=LOCAL,
        duties=ARGUMENT,
        why="A nested function that captures a dict of 50 settings: what it captures travels with it, every time.",
        source="articles/001",
    ),
    Payload(
        name="closure-open-file",
        make=make_closure_open_file,
        touch=call,
        facts=facts_logging,
        use=write_log,
        seen=log_written,
        traits=LOCAL | {Trait.OS_RESOURCE},
        duties=OUTCOME,
        why="The scraper's lambda with a log file in its config: two errors, one behind the other. Whoever opens the "
        "file for writing once more on arrival empties it.",
        source="articles/001 (the incident); dill issue 423",
    ),
    Payload(
        name="partial-function",
        make=make_partial,
        touch=call,
        facts=facts_partial,
        duties=ARGUMENT,
        why="The recommended replacement of a closure: a module-level function with one argument fixed, about 90 "
        "bytes.",
        source=f"articles/001; functools.partial (Python manual); {MANUAL}",
    ),
    Payload(
        name="partial-lambda",
        make=make_partial_lambda,
        touch=call,
        facts=lambda obj: {**facts_function(obj), "args": list(obj.args)},
        traits=LOCAL,
        duties=OUTCOME,
        why="The same with a lambda inside: partial carries what it holds, and no more.",
        source="articles/001",
    ),
    Payload(
        name="callable-class",
        make=lambda: Scaler(3),
        touch=call,
        facts=lambda obj: {**facts_function(obj), "factor": obj.factor},
        duties=ARGUMENT,
        why="The other recommended replacement: an instance with __call__, sent as a class name and its attributes.",
        source="articles/000",
    ),
    Payload(
        name="bound-method",
        make=make_bound,
        touch=call,
        facts=facts_bound,
        duties=ARGUMENT,
        why="A method of an object: since Python 3.4 sent as the object and a name, so that the object travels with "
        "it.",
        source="articles/004, which says it cannot be pickled; method.__reduce__ (Objects/classobject.c)",
    ),
    Payload(
        name="bound-method-lock",
        make=make_bound_lock,
        touch=call,
        facts=facts_bound,
        use=hold_lock,
        seen=lock_held,
        traits=frozenset({Trait.LOCK}),
        duties=OUTCOME,
        why="A method of an object that holds a lock, as services and pools do: the method is not the problem, self "
        "is.",
        source="articles/001 ('self is unpicklable'), 004",
    ),
    Payload(
        name="method-static",
        make=lambda: Scaler.triple,
        touch=call,
        facts=facts_function,
        duties=OUTCOME,
        why="A static method: a function with a dotted name, which protocol 4 writes as it is and 2 and 3 as a "
        "getattr.",
        source="articles/004, which says it cannot be pickled; PEP 3154, on __qualname__",
    ),
    Payload(
        name="method-class",
        make=lambda: Scaler.by_default,
        touch=call,
        facts=facts_bound,
        duties=OUTCOME,
        why="A class method: a method bound to a class, which travels as two names and a getattr.",
        source="articles/004; method.__reduce__ (Objects/classobject.c)",
    ),
    Payload(
        name="function-decorated",
        make=lambda: decorated,
        touch=call,
        facts=facts_function,
        duties=OUTCOME,
        why="A decorated function whose decorator keeps its name (functools.wraps): found again under that name, "
        "wrapper and all.",
        source=f"functools.wraps (Python manual); {MANUAL}",
    ),
    Payload(
        name="function-lru-cached",
        make=lambda: cached,
        touch=call,
        facts=lambda obj: {**facts_function(obj), "maxsize": obj.cache_info().maxsize},
        duties=OUTCOME,
        why="A memoizing function, one of the commonest decorators: sent by name, so the worker starts with its own "
        "cache.",
        source="functools.lru_cache (Python manual); lru_cache_reduce (Modules/_functoolsmodule.c)",
    ),
)
