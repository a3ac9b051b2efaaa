"""Functions and classes that cannot be found by name, and what to write instead."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from handoff.declarations import Pair, Side
from handoff.outcome import Kind
from handoff.payload import Duty, Payload
from payloads._scratch import scratch_file
from payloads.callables import FACTOR, scaled
from payloads.classes import run

PLAIN = ("pickle-default",)
BY_VALUE = ("pickle-default", "cloudpickle", "dill")
INHERITED = ("process-args",)
FORK = ("fork",)
REFUSED = (("pickle-default", Kind.REFUSED),)
#: dill 0.4.1 writes no function by value on 3.15: ``payloads/_gaps.py``.
BY_DILL = tuple((name, Kind.REFUSED) for name in ("dill", "dill-recurse") if sys.version_info >= (3, 15))
NEITHER = (*REFUSED, *BY_DILL)


class TransformerWithMethod:
    """The class with the lambda, written with a method."""

    def transform(self, number: int) -> int:
        return number * 3

    def run(self) -> int:
        return self.transform(7)


def with_settings(settings: dict[str, int], number: int) -> int:
    """What the closure over the config does, as a function of a module."""
    return number * settings["option-03"] + settings["option-49"]


def with_log(config: dict[str, Any], number: int) -> int:
    """Opens its log itself, where it needs it."""
    if config["verbose"]:
        with open(config["log"], "a", encoding="utf-8") as log:
            log.write(f"number {number}\n")
    return number * FACTOR


def make_task(function: Callable[..., int], *given: Any) -> tuple[Callable[..., int], tuple[Any, ...]]:
    """What a pool is given: a function and its arguments."""
    return function, given


def call_task(obj: tuple[Callable[..., int], tuple[Any, ...]]) -> int:
    function, given = obj
    return function(*given)


def facts_task(obj: tuple[Callable[..., int], tuple[Any, ...]]) -> dict[str, Any]:
    return {"function": obj[0].__qualname__, "arguments": repr(obj[1])}


PAYLOADS = (
    Payload(name="instance-with-method", make=TransformerWithMethod, touch=run, facts=lambda obj: {"run": obj.run()}),
    Payload(
        name="function-and-settings",
        make=lambda: make_task(with_settings, {f"option-{index:02d}": index for index in range(50)}, 7),
        touch=call_task,
        facts=facts_task,
    ),
    Payload(
        name="function-and-log-path",
        make=lambda: make_task(with_log, {"factor": 3, "verbose": True, "log": scratch_file(".log")}, 7),
        touch=call_task,
        facts=facts_task,
    ),
    Payload(name="function-and-number", make=lambda: make_task(scaled, 7, 3), touch=call_task, facts=facts_task),
)

HERE = "payloads.pairs.callables"

PAIRS = (
    Pair(
        name="lambda",
        awkward=(
            Side(payload="payloads.callables:function-lambda", strategies=BY_VALUE, fails=NEITHER),
            Side(payload="payloads.callables:function-nested", strategies=("cloudpickle", "dill"), fails=BY_DILL),
        ),
        refactored=(
            Side(payload="payloads.callables:function-module", strategies=PLAIN),
            Side(payload="payloads.callables:callable-class", strategies=PLAIN),
            Side(payload="payloads.callables:partial-function", strategies=PLAIN),
        ),
        why="A lambda or a nested function given to a pool, against a module's function, a callable class, a partial.",
        source="articles/000, 001, 002",
    ),
    Pair(
        name="closure-log-file",
        awkward=(
            Side(
                payload="payloads.callables:closure-open-file",
                strategies=BY_VALUE,
                fails=(
                    *REFUSED,
                    ("cloudpickle", Kind.REFUSED),
                    ("dill", Kind.ALTERED),
                    *BY_DILL,
                ),
            ),
            Side(
                payload="payloads.callables:closure-open-file",
                strategies=INHERITED,
                duty=Duty.STATE,
                start_methods=FORK,
            ),
        ),
        refactored=(Side(payload=f"{HERE}:function-and-log-path", strategies=PLAIN),),
        why="A closure over a config that holds an open log file, against a function that opens the log by its path.",
        source="articles/001",
    ),
    Pair(
        name="lambda-attribute",
        awkward=(Side(payload="payloads.classes:instance-lambda-attribute", strategies=BY_VALUE, fails=NEITHER),),
        refactored=(Side(payload=f"{HERE}:instance-with-method", strategies=PLAIN),),
        why="An instance with a lambda for an attribute, against the same class with a method.",
        source="articles/000",
    ),
    Pair(
        name="method-of-lock-holder",
        awkward=(
            Side(
                payload="payloads.callables:bound-method-lock",
                strategies=("pickle-default", "cloudpickle"),
                fails=(*REFUSED, ("cloudpickle", Kind.REFUSED)),
            ),
            Side(
                payload="payloads.callables:bound-method-lock",
                strategies=INHERITED,
                duty=Duty.STATE,
                start_methods=FORK,
            ),
        ),
        refactored=(
            Side(payload=f"{HERE}:function-and-number", strategies=PLAIN),
            Side(payload="payloads.callables:method-static", strategies=PLAIN),
        ),
        why="A bound method of an object that holds a lock, against a function that takes plain data, a static method."
        " dill would carry it, with a lock of its own that guards nothing.",
        source="articles/001, 004",
    ),
    Pair(
        name="class-not-importable",
        awkward=(
            Side(payload="payloads.classes:instance-local-class", strategies=BY_VALUE, fails=NEITHER),
            Side(payload="payloads.classes:instance-main-guard", strategies=("cloudpickle", "dill"), fails=BY_DILL),
        ),
        refactored=(Side(payload="payloads.classes:instance-module", strategies=PLAIN),),
        why="An instance of a class made in a function, or under the main guard, against one of a module's class.",
        source="articles/000, 001, 002",
    ),
    Pair(
        name="lambdas-all-over",
        awkward=(
            Side(payload="payloads.callables:closure-config", strategies=(*BY_VALUE, "dill-recurse"), fails=NEITHER),
        ),
        refactored=(Side(payload=f"{HERE}:function-and-settings", strategies=PLAIN),),
        why="Closures everywhere, carried by what pathos and multiprocess (dill) or loky and joblib (cloudpickle) use"
        " inside, against functions of modules and plain arguments.",
        source="articles/001, 004",
    ),
)
