"""Do intervals hold the truth as often as they say? For identical lanes the truth is known: the ratio is 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

from handoff.analysis import stats
from handoff.selftesting._frame import CELLS, Bench, Check, CheckResult, CheckState, FigureLine, worst
from handoff.selftesting._numbers import exact_interval
from handoff.selftesting._pool import experiments

#: Confidence, and between what the share must lie: three points either side of 95 %, and as far below 99 %.
LEVELS = ((0.95, 0.92, 0.98), (0.99, 0.96, 1.0))


def judge(held: int, of: int, lowest: float, highest: float) -> tuple[float, float, float, CheckState]:
    """The share with its exact interval; off only if all of that is below. A little too wide misleads nobody."""
    low, high = exact_interval(held, of)
    share = held / of if of else 0.0
    if not of:
        return share, low, high, CheckState.UNAVAILABLE
    if share >= lowest and low <= highest:
        return share, low, high, CheckState.OK
    return share, low, high, CheckState.OFF if high < lowest else CheckState.UNDECIDED


#: Made noise between trials: what the sign test's interval has to bear.
NOISES: dict[str, Callable[[Random], float]] = {
    "normal": lambda rng: rng.gauss(0, 0.02),
    "heavy-tailed": lambda rng: 0.01 * math.tan(math.pi * (rng.random() - 0.5)),
    "skewed": lambda rng: rng.lognormvariate(0, 1) - 1,
}
SIMULATED = 2000


def simulated(rng: Random, noise: Callable[[Random], float], trials: int, confidence: float, times: int) -> int:
    """How many of so many intervals of made trials hold the median of their noise, which is 0."""
    held = 0
    for _ in range(times):
        low, high = stats.interval([noise(rng) for _ in range(trials)], confidence)
        held += low <= 0 <= high
    return held


def _run(bench: Bench) -> CheckResult:
    lines: list[FigureLine] = []
    data: dict[str, Any] = {}
    trials = bench.depth.trials
    confidence, lowest, highest = LEVELS[0]
    for name, noise in NOISES.items():
        count = simulated(bench.random, noise, trials, confidence, SIMULATED)
        share, low, high, state = judge(count, SIMULATED, lowest, highest)
        what = f"{confidence:.0%} intervals that hold the truth, simulated, {name} noise"
        note = f"{count} of {SIMULATED}, {trials} trials"
        lines.append(FigureLine(what, share, low, high, "share", f"{lowest:.0%} to {highest:.0%}", state, note))
        data[name] = {"held": count, "of": SIMULATED}
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
        what = f"{confidence:.0%} intervals that hold 1"
        lines.append(FigureLine(what, share, low, high, "share", target, state, note))
        data[f"{confidence:.0%}"] = {"held": sum(held), "of": len(held)}
    state = worst(lines)
    summary = "of identical pairs, " + ", ".join(
        f"{line.what.split()[0]} intervals: {line.value:.1%}" for line in lines[len(NOISES) :]
    )
    return CheckResult(state, summary, tuple(lines), data)


CHECK = Check("coverage", "intervals hold the truth", 20, _run)
