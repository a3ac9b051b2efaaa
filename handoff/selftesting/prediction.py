"""Does the cost model foretell whole jobs? Each is predicted from its least job and steady work, and really run."""

from __future__ import annotations

from statistics import median

from handoff.deeper import JOB
from handoff.predicting import CLOSE, Prediction, predictions
from handoff.profile import Profile
from handoff.selftesting._frame import LEAST, Bench, Check, Line, Result, at_least

FOUND = 0.9
SHOWN = 3  #: the farthest predictions that get a line of their own
TIMES = 3  #: as long as other checks: a job of milliseconds takes up to twice as long in the next trial

Cell = tuple[str, int, int]  #: way, workers, tasks


def _run(bench: Bench) -> Result:
    profile = Profile(name="selftest", trials=1, rounds=1, sample_s=0.005, lane_s=1.0, grouped=False)
    found: dict[Cell, list[Prediction]] = {}
    trials = 0
    for number in bench.within(TIMES * bench.depth.check_s, bench.depth.alternations, least=LEAST):
        bench.say(f"whole jobs, trial {number + 1}")
        for each in predictions(bench.experiment("task", JOB, "fork", (), profile)):
            found.setdefault((each.way, each.workers, each.tasks), []).append(each)
        trials += 1
    ratios = {cell: median(each.ratio for each in seen) for cell, seen in found.items()}
    close = sum(abs(ratio - 1) <= CLOSE for ratio in ratios.values())
    share, low, high, state = at_least(close, len(ratios), FOUND)
    note = f"{close} of {len(ratios)}, {trials} trials"
    lines = [
        Line(f"jobs predicted within {CLOSE:.0%}", share, low, high, "share", f"at least {FOUND:.0%}", state, note)
    ]
    for cell in sorted(ratios, key=lambda cell: abs(ratios[cell] - 1), reverse=True)[:SHOWN]:
        way, workers, tasks = cell
        what = f"predicted to measured, {tasks} tasks by {way}, {workers} worker{'s' if workers > 1 else ''}"
        took = median(each.measured_s for each in found[cell])
        lines.append(Line(what, ratios[cell], unit="ratio", note=f"really {took * 1e3:.0f} ms"))
    summary = f"{close} of {len(ratios)} whole jobs took what was predicted, within {CLOSE:.0%}"
    return Result(state, summary, tuple(lines), {"jobs": len(ratios), "close": close})


CHECK = Check("cost", "the cost model foretells whole jobs", 80, _run, quick=False)
