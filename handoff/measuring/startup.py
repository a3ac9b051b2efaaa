"""Starting a process under conditions: what the main module imports, how large the parent is, what a server preloads.

Every condition is a program of its own: a small file that is its ``__main__``, as a user's script is, since spawn and
forkserver import the main *file* again in each child. All programs of a trial wait, and in each round every one starts
(and sees the end of) one process, in shuffled order. The first start of each is apart: it also starts what later ones
find running, the fork server or the resource tracker, and imports multiprocessing's own modules.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from handoff import timeouts
from handoff.analysis import metrics
from handoff.analysis.metrics import BARE, INTERPRETER, START, WITH_PAYLOAD
from handoff.outcome import OK, Kind, Outcome
from handoff.processes.interpreter import Interpreter
from handoff.start_methods import START_METHODS
from handoff.timing import Spent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handoff.measuring.rounds import Measuring


@dataclass(frozen=True, slots=True)
class Condition:
    """What is special about a program that starts processes."""

    script: str = ""  #: what its main file does at the top
    ballast_bytes: int = 0  #: resident memory of the parent beyond its own
    preload: tuple[str, ...] = ()  #: modules that the fork server imports before it forks
    holding: bool = False  #: the parent has built the payload's object
    passing: bool = False  #: and gives it to each process as an argument
    start_methods: tuple[str, ...] = START_METHODS
    interpreter: bool = False  #: it starts an interpreter of its own process instead of a process

    def lacks(self, start_method: str) -> str:
        """Why there is no such thing under a start method, or on this Python; "" where there is."""
        if start_method not in self.start_methods:
            return f"only under {' and '.join(self.start_methods)}"
        return "only from Python 3.14 on" if self.interpreter and sys.version_info < (3, 14) else ""


#: The ballast is that of a program with some data and of one with much: the sizes of the claim in design.md's traps
#: (fork itself 0.8, 6.4 and 21 ms), so that it can be reproduced. numpy is what most numeric programs import.
CONDITIONS = {
    BARE: Condition(),
    "main-numpy": Condition("import numpy"),
    "main-numpy-preloaded": Condition("import numpy", preload=("numpy",), start_methods=("forkserver",)),
    "parent-200mb": Condition(ballast_bytes=200_000_000),
    "parent-1gb": Condition(ballast_bytes=1_000_000_000),
    "parent-payload": Condition(holding=True),
    INTERPRETER: Condition(interpreter=True),
    metrics.BIS: Condition(),
}


class Program:
    """One condition, waiting for orders."""

    def __init__(self, measuring: Measuring, condition: Condition) -> None:
        path = os.path.abspath(f"orders-{next(measuring.shop.numbers)}")
        os.mkfifo(path)
        self.orders = os.open(path, os.O_RDWR)  # both, so that neither side waits for the other to open it
        config = {
            "start_method": measuring.shop.start_method,
            "ballast_bytes": condition.ballast_bytes,
            "preload": condition.preload,
            "ref": measuring.ref.to_json() if condition.holding or condition.passing else None,
            "passing": condition.passing,
            "interpreter": condition.interpreter,
            "orders": path,
        }
        self.inside = Interpreter("handoff.measuring.startup_parent", config, script=condition.script)
        self.told: Iterator[dict[str, Any]] = self.inside.told(timeouts.WORKER_START_S)

    def answer(self) -> dict[str, Any]:
        """Its next answer. Raises ``RuntimeError`` when there is none."""
        answer = next(self.told, None)
        if answer is None:
            raise RuntimeError(f"the program {self.inside.how_it_ended()}: {self.inside.complaints().strip()}")
        return answer

    def start(self, n: int) -> Spent:
        """Start ``n`` processes, one after the other, each until its end was seen."""
        os.write(self.orders, json.dumps(n).encode() + b"\n")
        return Spent(**self.answer())

    def close(self) -> None:
        os.close(self.orders)
        self.inside.close()


#: What every run measures; the others are asked for.
PLAIN = {
    BARE: Condition(),
    WITH_PAYLOAD: Condition(passing=True),
    INTERPRETER: Condition(interpreter=True),
    metrics.BIS: Condition(),
}


def run(measuring: Measuring) -> None:
    """Starting a process, bare and with the payload among its arguments; or under every condition."""
    run_conditions(measuring, PLAIN if measuring.kind == START else CONDITIONS)


def run_conditions(measuring: Measuring, conditions: dict[str, Condition]) -> None:
    """The first start of each once a trial, later ones in rounds."""
    from handoff.measuring.lane import Lane, LaneRefused

    programs: dict[str, Program] = {}
    with ExitStack() as stack:
        names = list(conditions)
        measuring.random.shuffle(names)
        for name in names:
            condition = conditions[name]
            if why := condition.lacks(measuring.shop.start_method):
                measuring.settle(name, Outcome(Kind.UNAVAILABLE, "", "", why))
                continue
            try:
                with measuring.trying(name):
                    programs[name] = program = Program(measuring, condition)
                    stack.callback(program.close)
                    uss_bytes = program.answer()["uss_bytes"]
                    first = program.start(1)
            except LaneRefused as refused:
                measuring.settle(name, refused.outcome)
                continue
            measuring.settle(name, OK)
            lane = Lane(name, None, counts={"start": 1}, rounds=measuring.profile["rounds"])
            measuring.lanes.append(lane)
            measuring.record(lane, "first", 1, first)
            measuring.value(lane, "parent-uss-bytes", uss_bytes)
        measuring.tell({"baseline": BARE})
        measuring.rounds(lambda lane: {"start": partial(programs[lane.name].start)})
        measuring.lanes = []
