"""Does the cost model foretell whole jobs? Each is predicted from its least job and steady work, and really run."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from handoff.analysis.job_model import CLOSE, Prediction, predictions
from handoff.analysis.metrics import JOB
from handoff.profile import Profile
from handoff.selftesting._frame import LEAST, Bench, Check, CheckResult, CheckState, FigureLine, at_least

FOUND = 0.9
AGREE = 3  #: trials that have to
SHOWN = 3  #: the farthest predictions that get a line of their own
TIMES = 3  #: as long as other checks: a job of milliseconds takes up to twice as long in the next trial
#: Pickled 0.1, 10 and 90 KB, in turn: the shorter its tasks, the more trials a payload needs, and the less they cost.
PAYLOADS = ("task", "task", "rows", "task", "task", "rows", "floats")

Cell = tuple[str, str, int, int]  #: payload, way, workers, tasks


def _shown_off(ratios: Sequence[float]) -> bool:
    """Whether all trials agree that a prediction is off, and in which direction: a job may take twice another."""
    return len(ratios) >= AGREE and (min(ratios) > 1 + CLOSE or max(ratios) < 1 - CLOSE)


def _state(close: int, off: int, jobs: int) -> CheckState:
    """Off only where those that are *shown* to be off are too many."""
    if at_least(close, jobs, FOUND)[3] is CheckState.OK:
        return CheckState.OK
    shown = at_least(jobs - off, jobs, FOUND)[3]
    return CheckState.OFF if shown is CheckState.OFF else CheckState.UNDECIDED


def _run(bench: Bench) -> CheckResult:
    profile = Profile(name="selftest", trials=1, rounds=1, sample_s=0.005, lane_s=1.0, grouped=False)
    found: dict[Cell, list[Prediction]] = {}
    trials = 0
    for number in bench.within(TIMES * bench.depth.check_s, bench.depth.alternations, least=LEAST):
        bench.say(f"whole jobs, trial {number + 1}")
        payload = PAYLOADS[number % len(PAYLOADS)]
        for each in predictions(bench.experiment(payload, JOB, "fork", (), profile)):
            found.setdefault((payload, each.way, each.workers, each.tasks), []).append(each)
        trials += 1
    ratios = {cell: median(each.ratio for each in seen) for cell, seen in found.items()}
    close = sum(abs(ratio - 1) <= CLOSE for ratio in ratios.values())
    share, low, high, _ = at_least(close, len(ratios), FOUND)
    off = sum(_shown_off([each.ratio for each in seen]) for seen in found.values())
    state = _state(close, off, len(ratios))
    note = f"{close} of {len(ratios)}, {trials} trials; {off} off by more in every trial"
    lines = [
        FigureLine(
            f"jobs predicted within {CLOSE:.0%}", share, low, high, "share", f"at least {FOUND:.0%}", state, note
        )
    ]
    for cell in sorted(ratios, key=lambda cell: abs(ratios[cell] - 1), reverse=True)[:SHOWN]:
        payload, way, workers, tasks = cell
        crew = f"{workers} worker{'s' if workers > 1 else ''}"
        what = f"predicted to measured, {tasks} tasks of {payload} by {way}, {crew}"
        took = median(each.measured_s for each in found[cell])
        lines.append(FigureLine(what, ratios[cell], unit="ratio", note=f"really {took * 1e3:.0f} ms"))
    summary = f"{close} of {len(ratios)} whole jobs took what was predicted, within {CLOSE:.0%}"
    return CheckResult(state, summary, tuple(lines), {"jobs": len(ratios), "close": close})


CHECK = Check("cost", "the cost model foretells whole jobs", 80, _run, quick=False)
