"""Is the machine quiet enough? What the spread of identical pairs would let a standard experiment find."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, median

from handoff.analysis import regret, stats
from handoff.selftesting._frame import CELLS, Bench, Check, CheckResult, CheckState, FigureLine, worst
from handoff.selftesting._pool import Group, experiments, law

#: Where a slowdown by a quarter goes unseen in one case of ten, nothing can be decided that is worth deciding.
LIMIT = 0.25


def half_width(groups: Sequence[Group]) -> float:
    """Half the 99 % interval of identical pairs' ratios; the median over pairs."""
    known = law(groups)
    found = [
        regret.ratio(group.lanes[a], group.lanes[b], known).half_width for group in groups for a, b in group.pairs()
    ]
    return median(found) if found else math.nan


def detectable(half: float) -> float:
    """The smallest slowdown found in nine cases of ten, where half an interval is so wide.

    Its ratio has to clear the interval by what nine in ten of its own errors stay below: for normal errors, of which a
    99 % interval is 2.58 standard deviations and nine in ten are 1.28.
    """
    normal = NormalDist()
    least = math.expm1(math.log1p(half) * (1 + normal.inv_cdf(0.9) / normal.inv_cdf(0.995)))
    return max(stats.SMALLEST_EFFECT, least)


def _run(bench: Bench) -> CheckResult:
    lines: list[FigureLine] = []
    for cell in CELLS:
        found = experiments(bench, cell)
        half = half_width(found)
        least = detectable(half)
        state = CheckState.OK if least <= LIMIT else CheckState.OFF
        what = f"least slowdown found in 9 of 10 cases, {cell.title}"
        note = f"computed, {bench.depth.trials} trials"
        lines.append(FigureLine(what, least, target=f"at most {LIMIT:.0%}", state=state, note=note))
        lines.append(FigureLine("half an interval, median", half))
    state = worst(lines)
    of = " and ".join(f"{line.value:.0%} ({cell.name})" for line, cell in zip(lines[::2], CELLS, strict=True))
    return CheckResult(state, f"slowdowns from {of} would be found", tuple(lines), {x.what: x.value for x in lines})


CHECK = Check("noise", "the machine is quiet enough", 5, _run)
