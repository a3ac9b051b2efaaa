"""How often asv's rule calls identical cells different: for comparison, and by both on the very same samples.

asv measures each cell alone, in two processes of its own, one cell after the other, and tells two results apart by
whether their 99 % intervals overlap. So here: the same operation, again and again, each time in two fresh
interpreters. The suite's own samples are judged by that rule too: one lane's of two trials (or more, where two have too
few samples for the rule), the other's of as many that follow. That is kinder to asv than asv itself, for in rounds the
samples of a lane lie further apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median
from typing import Any

from handoff.analysis.figures import Figures
from handoff.selftesting._frame import CELLS, LEAST, Bench, Check, CheckResult, CheckState, FigureLine
from handoff.selftesting._numbers import ASV_SAMPLES, asv_differ, exact_interval
from handoff.selftesting._pool import Group, experiments

PROCESSES = 2  #: asv's default for ``time_`` benchmarks ...
SAMPLES, SAMPLE_S = 10, 0.010  #: its defaults in each process ...
FACTOR = 1.1  #: ... and that of ``asv compare``

Call = tuple[bool, bool]  #: called different; and by more than the factor


def judge(mine: Sequence[float], other: Sequence[float]) -> Call:
    """Two results by asv's rule."""
    differ, factor = asv_differ(mine, other), median(mine) / median(other)
    return differ, differ and max(factor, 1 / factor) > FACTOR


def in_rounds(group: Group) -> list[Call]:
    """Identical pairs of the suite's own samples, neighbouring trials as if they were asv's processes."""
    calls = []
    for a, b in group.pairs():
        mine, other = list(group.lanes[a].values()), list(group.lanes[b].values())
        size = max(PROCESSES, math.ceil(ASV_SAMPLES / max(map(len, mine), default=1)))
        for start in range(0, min(len(mine), len(other)) - 2 * size + 1, 2 * size):
            middle = start + size
            x, y = _flat(mine[start:middle]), _flat(other[middle : middle + size])
            if min(len(x), len(y)) >= ASV_SAMPLES:
                calls.append(judge(x, y))
    return calls


def in_turn(results: Iterable[Sequence[float]]) -> list[Call]:
    """Each result against the next."""
    return [judge(x, y) for x, y in pairwise(r for r in results if len(r) >= ASV_SAMPLES)]


def _flat(trials: Sequence[Sequence[float | None]]) -> list[float]:
    return [x for row in trials for x in row if x is not None]


def _run(bench: Bench) -> CheckResult:
    depth = bench.depth
    profile = replace(depth.profile, trials=PROCESSES, rounds=SAMPLES, sample_s=SAMPLE_S, lane_s=1.0)
    rounds: list[Call] = []
    turns: list[Call] = []
    for cell in CELLS:
        for group in experiments(bench, cell):
            rounds += in_rounds(group)
        results: dict[str, list[list[float]]] = {metric: [] for metric in cell.metrics}
        for number in bench.within(depth.check_s / 4, depth.alternations, least=LEAST):
            bench.say(f"{cell.title}, alone, {number + 1}")
            record = bench.experiment(
                cell.payload, cell.kind, cell.start_method, ("copy-1",), profile, "handoff.selftesting._made"
            )
            for metric, found in results.items():
                found.append(Figures(record).flat("copy-1", metric))
        turns += [call for found in results.values() for call in in_turn(found)]
    lines = (
        _line("identical cells, each alone and one after the other, called different", turns),
        _line("identical pairs of the suite's own samples called different", rounds),
    )
    data: dict[str, Any] = {
        name: {"of": len(calls), "different": sum(d for d, _ in calls), "by_factor": sum(f for _, f in calls)}
        for name, calls in (("in_turn", turns), ("in_rounds", rounds))
    }
    summary = f"asv's rule calls {sum(d for d, _ in turns)} of {len(turns)} identical cells different"
    return CheckResult(CheckState.INFO, summary, lines, data)


def _line(what: str, calls: Sequence[Call]) -> FigureLine:
    count = sum(differ for differ, _ in calls)
    low, high = exact_interval(count, len(calls)) if calls else (0.0, 1.0)
    note = f"{count} of {len(calls)}; by more than asv's factor of {FACTOR}: {sum(f for _, f in calls)}"
    return FigureLine(what, count / len(calls) if calls else float("nan"), low, high, note=note)


CHECK = Check("asv", "asv's rule on identical cells", 15, _run)
