"""How often identical lanes are called different (A/A) by the suite's own rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

from handoff import stats
from handoff.selftesting._frame import CELLS, Bench, Cell, Check, Line, Result, at_most
from handoff.selftesting._pool import Group, groups
from handoff.stats import Samples, Verdict

LIMIT = 0.01  #: the issue's: at most 1 % of identical pairs called different


def called_different(group: Group) -> list[bool]:
    """For each identical pair, whether the suite calls it different."""
    aa = group.aa
    return [
        stats.verdict(stats.ratio(group.lanes[a], group.lanes[b]), aa) is Verdict.DIFFERENT for a, b in group.pairs()
    ]


def _spread(groups: Sequence[Group]) -> float:
    """The median half width of identical pairs' intervals."""
    widths = [stats.ratio(g.lanes[a], g.lanes[b]).half_width for g in groups for a, b in g.pairs()]
    return median(widths) if widths else math.nan


def _detectable(groups: Sequence[Group]) -> float:
    """The median smallest slowdown that would be found in nine cases of ten."""

    def one(a: Samples, b: Samples, aa: float) -> float:
        return stats.minimum_detectable_effect(stats.log_ratios(a, b), aa=aa)

    found = [one(g.lanes[a], g.lanes[b], g.aa) for g in groups for a, b in g.pairs()]
    return median(found) if found else math.nan


def _of_cell(bench: Bench, cell: Cell) -> list[Group]:
    trials = bench.depth.profile.trials
    return [g for metric in cell.metrics for g in groups(bench.cell(cell), cell, metric, trials)]


def _run(bench: Bench) -> Result:
    lines: list[Line] = []
    data: dict[str, Any] = {}
    called: list[bool] = []
    trials = bench.depth.profile.trials
    for cell in CELLS:
        found = _of_cell(bench, cell)
        here = [call for group in found for call in called_different(group)]
        called += here
        share, low, high, _ = at_most(sum(here), len(here), LIMIT)
        note = f"{sum(here)} of {len(here)} pairs, {trials} trials"
        lines += [
            Line(f"identical pairs called different, {cell.title}", share, low, high, note=note),
            Line("half an interval, median", _spread(found)),
            Line("slowdown found in 9 of 10 cases, computed", _detectable(found)),
        ]
        data[cell.name] = {
            "pairs": len(here),
            "different": sum(here),
            "trials": trials,
            "half_width": _spread(found),
            "detectable": _detectable(found),
        }
    # Judged by all pairs: a cell by itself has too few for its bound.
    share, low, high, state = at_most(sum(called), len(called), LIMIT)
    note = f"{sum(called)} of {len(called)} pairs"
    lines.insert(0, Line("identical pairs called different", share, low, high, "share", "at most 1 %", state, note))
    summary = f"{sum(called)} of {len(called)} identical pairs were called different"
    return Result(state, summary, tuple(lines), data)


CHECK = Check("identical", "identical lanes come out the same", 10, _run)
