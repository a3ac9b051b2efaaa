"""Is the clock good enough: never backwards, fine enough, and the same in every process?"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from itertools import pairwise
from multiprocessing.connection import Connection
from statistics import median
from time import perf_counter
from typing import Any

from handoff import timeouts
from handoff.processes.interpreter import Interpreter
from handoff.selftesting._frame import Bench, Check, CheckResult, CheckState, FigureLine, worst

READINGS = 200_000
EXCHANGES = 300
FINEST_S = 1e-6  #: a step of 1 µs is 0.05 % of the shortest sample (2 ms)


def echo(inbox: Connection, outbox: Connection) -> None:
    """Answer each message with the time here."""
    while inbox.recv():
        outbox.send(perf_counter())


def main(config: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """In an interpreter of its own, so that nothing is left of the child whatever happens."""
    readings = [perf_counter() for _ in range(READINGS)]
    steps = [b - a for a, b in pairwise(readings)]
    tell(
        {
            "backwards": sum(step < 0 for step in steps),
            "step_s": min(s for s in steps if s > 0),
            "read_s": median(steps),
        }
    )
    for method in ("fork", "spawn"):
        ctx: Any = multiprocessing.get_context(method)
        inbox, to_child = ctx.Pipe(duplex=False)
        from_child, outbox = ctx.Pipe(duplex=False)
        child = ctx.Process(target=echo, args=(inbox, outbox), daemon=True)
        child.start()
        outside, widths = 0, []
        for _ in range(EXCHANGES):
            before = perf_counter()
            to_child.send(True)
            there = from_child.recv()
            after = perf_counter()
            outside += not before <= there <= after
            widths.append(after - before)
        to_child.send(False)
        child.join()
        tell({"method": method, "outside": outside, "width_s": median(widths)})


def _run(bench: Bench) -> CheckResult:
    inside = Interpreter(__name__, {})
    try:
        told = list(inside.told(timeouts.SAMPLE_S))
        ended = inside.how_it_ended()
    finally:
        complaint = inside.complaints().strip().splitlines()
        inside.close()
    if len(told) != 3:
        raise RuntimeError(f"the interpreter {ended}: {''.join(complaint[-1:])}")
    clock, *children = told
    lines = [
        FigureLine(
            "readings that go backwards",
            clock["backwards"],
            unit="count",
            target="0",
            state=_good(not clock["backwards"]),
        ),
        FigureLine(
            "smallest step",
            clock["step_s"],
            unit="seconds",
            target="at most 1 µs",
            state=_good(clock["step_s"] <= FINEST_S),
        ),
        FigureLine("one reading", clock["read_s"], unit="seconds"),
    ]
    for child in children:
        note = f"{EXCHANGES} exchanges, half of them shorter than {child['width_s'] * 1e6:.0f} µs"
        lines.append(
            FigureLine(
                f"other process's clock outside its bracket, {child['method']}",
                child["outside"],
                unit="count",
                target="0",
                state=_good(not child["outside"]),
                note=note,
            )
        )
    state = worst(lines)
    summary = (
        "never backwards, fine enough, and one clock for all processes" if state is CheckState.OK else "not good enough"
    )
    return CheckResult(state, summary, tuple(lines), clock)


def _good(fine: bool) -> CheckState:
    return CheckState.OK if fine else CheckState.OFF


CHECK = Check("clock", "the clock", 0, _run)
