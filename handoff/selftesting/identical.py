"""How often identical lanes are called different (A/A): by this suite's rule, and by asv's on the same samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

from handoff import stats
from handoff.selftesting._frame import CELLS, Bench, Cell, Check, Line, Result, at_most, worst
from handoff.selftesting._numbers import ASV_SAMPLES, asv_differ
from handoff.selftesting._pool import Group, groups
from handoff.stats import Samples, Verdict

LIMIT = 0.01  #: the issue's: at most 1 % of identical pairs called different
ASV_PROCESSES = 2  #: asv's default for ``time_`` benchmarks ...
ASV_FACTOR = 1.1  #: ... and that of ``asv compare``


def called_different(group: Group) -> list[bool]:
    """For each identical pair, whether the suite calls it different."""
    aa = group.aa
    return [
        stats.verdict(stats.ratio(group.lanes[a], group.lanes[b]), aa) is Verdict.DIFFERENT for a, b in group.pairs()
    ]


def asv_calls(group: Group) -> list[tuple[bool, bool]]:
    """For each identical pair: whether asv's rule calls it different, and whether by more than asv's factor too.

    asv measures each cell alone, in two processes of its own, one cell after the other. So the one lane's samples are
    those of some trials, the other's those of the next ones. (In truth asv's lanes are further apart in time.)
    """
    found = []
    for a, b in group.pairs():
        mine, other = list(group.lanes[a].values()), list(group.lanes[b].values())
        rounds = min((len(row) for row in (*mine, *other)), default=0)
        processes = max(ASV_PROCESSES, math.ceil(ASV_SAMPLES / rounds)) if rounds else len(mine)
        for start in range(0, min(len(mine), len(other)) - 2 * processes + 1, 2 * processes):
            x = _flat(mine[start : start + processes])
            y = _flat(other[start + processes : start + 2 * processes])
            if min(len(x), len(y)) >= ASV_SAMPLES:
                differ = asv_differ(x, y)
                factor = median(x) / median(y)
                found.append((differ, differ and max(factor, 1 / factor) > ASV_FACTOR))
    return found


def _flat(trials: Sequence[Sequence[float | None]]) -> list[float]:
    return [x for row in trials for x in row if x is not None]


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
    by_asv: list[tuple[bool, bool]] = []
    for cell in CELLS:
        found = _of_cell(bench, cell)
        here = [c for group in found for c in called_different(group)]
        asv = [c for group in found for c in asv_calls(group)]
        called += here
        by_asv += asv
        trials = bench.depth.profile.trials
        share, low, high, state = at_most(sum(here), len(here), LIMIT)
        note = f"{sum(here)} of {len(here)} pairs, {trials} trials"
        lines.append(
            Line(f"identical pairs called different, {cell.title}", share, low, high, "share", "", state, note)
        )
        lines.append(Line("half an interval, median", _spread(found), unit="share"))
        lines.append(Line("slowdown found in 9 of 10 cases, computed", _detectable(found), unit="share"))
        data[cell.name] = {"pairs": len(here), "different": sum(here), "asv_pairs": len(asv)}
        data[cell.name] |= {"asv_different": sum(a for a, _ in asv), "asv_different_by_factor": sum(b for _, b in asv)}
        data[cell.name] |= {"trials": trials, "half_width": _spread(found), "detectable": _detectable(found)}
    share, low, high, state = at_most(sum(called), len(called), LIMIT)
    note = f"{sum(called)} of {len(called)} pairs"
    lines.insert(0, Line("identical pairs called different", share, low, high, "share", "at most 1 %", state, note))
    if by_asv:
        asv_share = sum(a for a, _ in by_asv) / len(by_asv)
        more = sum(b for _, b in by_asv)
        note = f"{sum(a for a, _ in by_asv)} of {len(by_asv)}; by more than its factor of {ASV_FACTOR}: {more}"
        lines.insert(1, Line("the same samples by asv's rule", asv_share, unit="share", note=note))
    # Judged by all pairs: a cell by itself has too few for its bound.
    state = worst(lines[:1])
    summary = f"{sum(called)} of {len(called)} identical pairs were called different"
    if by_asv:
        summary += f" (by asv's rule {sum(a for a, _ in by_asv)} of {len(by_asv)})"
    return Result(state, summary, tuple(lines), data)


CHECK = Check("identical", "identical lanes come out the same", 10, _run)
