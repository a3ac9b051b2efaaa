"""Do intervals hold the truth as often as they say? For identical lanes the truth is known: the ratio is 1."""

from __future__ import annotations

from typing import Any

from handoff import stats
from handoff.selftesting._frame import CELLS, Bench, Check, Line, Result, State, worst
from handoff.selftesting._numbers import exact_interval
from handoff.selftesting._pool import experiments

#: Confidence, and between what the share must lie: three points either side of 95 %, and as far below 99 %.
LEVELS = ((0.95, 0.92, 0.98), (0.99, 0.96, 1.0))


def judge(held: int, of: int, lowest: float, highest: float) -> tuple[float, float, float, State]:
    """The share with its exact interval; off only if all of that is below. A little too wide misleads nobody."""
    low, high = exact_interval(held, of)
    share = held / of if of else 0.0
    if not of:
        return share, low, high, State.UNAVAILABLE
    if share >= lowest and low <= highest:
        return share, low, high, State.OK
    return share, low, high, State.OFF if high < lowest else State.UNDECIDED


def _run(bench: Bench) -> Result:
    lines: list[Line] = []
    data: dict[str, Any] = {}
    trials = bench.depth.trials
    for confidence, lowest, highest in LEVELS:
        held = []
        for cell in CELLS:
            for group in experiments(bench, cell):
                for a, b in group.pairs():
                    ratio = stats.ratio(group.lanes[a], group.lanes[b], confidence=confidence)
                    held.append(ratio.low <= 1 <= ratio.high)
        share, low, high, state = judge(sum(held), len(held), lowest, highest)
        target = f"{lowest:.0%} to {highest:.0%}"
        note = f"{sum(held)} of {len(held)} identical pairs, {trials} trials"
        lines.append(Line(f"{confidence:.0%} intervals that hold 1", share, low, high, "share", target, state, note))
        data[f"{confidence:.0%}"] = {"held": sum(held), "of": len(held)}
    state = worst(lines)
    summary = ", ".join(f"{line.what.split()[0]} intervals: {line.value:.1%}" for line in lines)
    return Result(state, summary, tuple(lines), data)


CHECK = Check("coverage", "intervals hold the truth", 20, _run)
