"""Are slowdowns of a known size found? A spin lasts 3, 5 or 10 % of the operation's own time, by the same clock."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

from handoff.analysis import regret
from handoff.analysis.figures import Figures
from handoff.analysis.moderated import Law
from handoff.selftesting._frame import (
    CELLS,
    Bench,
    Check,
    CheckResult,
    CheckState,
    FigureLine,
    Operation,
    at_least,
    worst,
)
from handoff.selftesting._made import SLOWDOWNS, share
from handoff.selftesting._pool import Group, groups, law

#: What has to be found, of nine in ten: 5 % of a CPU-bound cell, 10 % of an IPC cell, with at least that many trials.
NEEDED = {"cpu": 5, "ipc": 10}
NEEDED_TRIALS = 20
FOUND = 0.9
TOLERANCE = 0.1  #: of the slowdown: 5 % may be 4.5 to 5.5 %


def found(group: Group, percent: int, known: Law) -> list[tuple[bool, float]]:
    """For each lane slowed by that much: whether it is called slower than its copy, and the ratio."""
    calls = []
    for slow, copy in group.slowed():
        if round(100 * share(slow)) == percent:
            ratio = regret.ratio(group.lanes[slow], group.lanes[copy], known)
            calls.append((regret.shown(ratio) and ratio.value > 1, ratio.value))
    return calls


def verified(figures: Sequence[Figures], cell: Operation, metric: str, percent: int) -> float:
    """The slowdown that the clock saw, relative to the operation without it; NaN if nothing was seen."""
    shares = []
    for one in figures:
        for lane in one.lanes:
            if not lane.startswith(f"slow-{percent}-"):
                continue
            if cell.kind == "codec":
                rows = [row for row in one.record.rows if row[:2] == [lane, f"injected-{metric}"]]
                shares += [row[5] / row[6] for row in rows if row[6]]
            else:
                shares += _injected(one, lane, metric)
    return median(shares) if shares else math.nan


def _injected(figures: Figures, lane: str, metric: str) -> list[float]:
    """By sample: what ``encode`` took beyond the copies' (it only spins), of the rest of the hand-off."""
    copy = figures.record.baseline
    idle = [x for row in figures.samples(copy, metric, "encode_s").values() for x in row if x is not None]
    usual = median(idle) if idle else 0.0
    whole = figures.samples(lane, metric)
    spun = figures.samples(lane, metric, "encode_s")
    pairs = ((w, s) for t in whole for w, s in zip(whole[t], spun[t], strict=True) if w is not None and s is not None)
    return [(s - usual) / (w - s + usual) for w, s in pairs]


def _run(bench: Bench) -> CheckResult:
    lines: list[FigureLine] = []
    data: dict[str, Any] = {}
    for cell in CELLS:
        figures = bench.cell(cell)
        made = {
            (trials, metric): list(groups(figures, metric, trials))
            for trials in bench.depth.power_trials
            for metric in cell.metrics
        }
        known = {
            trials: law(group for metric in cell.metrics for group in made[trials, metric])
            for trials in bench.depth.power_trials
        }
        for percent in SLOWDOWNS:
            seen = median(verified(figures, cell, metric, percent) for metric in cell.metrics)
            right = abs(seen - percent / 100) <= TOLERANCE * percent / 100
            for trials in bench.depth.power_trials:
                calls = [
                    call
                    for metric in cell.metrics
                    for group in made[trials, metric]
                    for call in found(group, percent, known[trials])
                ]
                if calls:
                    lines.append(_line(cell, percent, trials, calls, seen, right=right))
                    data[f"{cell.name}-{percent}-{trials}"] = {
                        "found": sum(c for c, _ in calls),
                        "of": len(calls),
                        "verified": seen,
                        "measured": median(r for _, r in calls) - 1,
                    }
    state = worst(lines)
    return CheckResult(state, _summary(lines, state), tuple(lines), data)


def _line(
    cell: Operation, percent: int, trials: int, calls: list[tuple[bool, float]], seen: float, *, right: bool
) -> FigureLine:
    count = sum(called for called, _ in calls)
    value, low, high, state = at_least(count, len(calls), FOUND)
    measured = median(ratio for _, ratio in calls) - 1
    needed = percent >= NEEDED[cell.name] and (trials >= NEEDED_TRIALS or percent >= 2 * NEEDED[cell.name])
    if not needed:
        state = CheckState.INFO
    elif not right:
        state = CheckState.UNDECIDED
    target = f"at least {FOUND:.0%}" if needed else ""
    note = f"{count} of {len(calls)}; verified {seen:.2%}, measured {measured:.2%}"
    return FigureLine(
        f"{percent} % found, {cell.title}, {trials} trials", value, low, high, "share", target, state, note
    )


def _summary(lines: Sequence[FigureLine], state: CheckState) -> str:
    judged = [line for line in lines if line.state is not CheckState.INFO]
    if not judged:
        return "too few trials at this depth to be judged; the shares are for information"
    words = {CheckState.OK: "found as they have to be", CheckState.OFF: "not found: there is too much noise"}
    return "slowdowns of known size are " + words.get(state, "not surely found")


CHECK = Check("slowdowns", "slowdowns of known size are found", 30, _run)
