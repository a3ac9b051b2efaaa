"""How often identical lanes are called different (A/A) by the suite's own rule."""

from __future__ import annotations

from typing import Any

from handoff.analysis import regret
from handoff.analysis.moderated import Law
from handoff.selftesting._frame import CELLS, Bench, Check, CheckResult, FigureLine, at_most
from handoff.selftesting._pool import Group, experiments, law

LIMIT = 0.01  #: the issue's: at most 1 % of identical pairs called different


def called_different(group: Group, known: Law) -> list[bool]:
    """For each identical pair, whether the suite calls it different."""
    return [regret.shown(regret.ratio(group.lanes[a], group.lanes[b], known)) for a, b in group.pairs()]


def _run(bench: Bench) -> CheckResult:
    lines: list[FigureLine] = []
    data: dict[str, Any] = {}
    called: list[bool] = []
    trials = bench.depth.trials
    for cell in CELLS:
        found = experiments(bench, cell)
        known = law(found)
        here = [call for group in found for call in called_different(group, known)]
        called += here
        share, low, high, _ = at_most(sum(here), len(here), LIMIT)
        note = f"{sum(here)} of {len(here)} pairs, {trials} trials"
        lines.append(FigureLine(f"identical pairs called different, {cell.title}", share, low, high, note=note))
        data[cell.name] = {"pairs": len(here), "different": sum(here), "trials": trials}
    # Judged by all pairs: a cell by itself has too few for its bound.
    share, low, high, state = at_most(sum(called), len(called), LIMIT)
    note = f"{sum(called)} of {len(called)} pairs"
    lines.insert(
        0, FigureLine("identical pairs called different", share, low, high, "share", "at most 1 %", state, note)
    )
    summary = f"{sum(called)} of {len(called)} identical pairs were called different"
    return CheckResult(state, summary, tuple(lines), data)


CHECK = Check("identical", "identical lanes come out the same", 10, _run)
