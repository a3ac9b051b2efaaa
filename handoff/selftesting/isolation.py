"""Do lanes that share a worker disturb each other? The same lanes together in one worker, and each alone in its own."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

from handoff import stats
from handoff.figures import Figures
from handoff.lanes import FLOORS
from handoff.payload import Duty
from handoff.profile import Profile
from handoff.selftesting._frame import Bench, Check, Result, State, ratio_line, worst
from handoff.strategies import registry
from handoff.strategy import Channel

LIMIT = 0.05
WANTED = ("pickle-default", "pickle-5-oob", "cloudpickle", "dill")
FLOOR = FLOORS[Channel.PIPE]


def _medians(figures: Figures, lane: str) -> tuple[float, float]:
    """A lane's median, and that of the floor in the same trial."""
    return median(figures.flat(lane, "handoff")), median(figures.flat(FLOOR, "handoff"))


def _run(bench: Bench) -> Result:
    depth = bench.depth
    profile = Profile(name="selftest", trials=1, rounds=5, sample_s=0.005, lane_s=0.05, grouped=False)
    names = tuple(name for name in WANTED if name in registry())
    apart: dict[str, dict[int, Any]] = {}
    together: dict[str, dict[int, Any]] = {}
    raw: dict[str, list[float]] = {}
    for number in bench.within(depth.check_s, depth.alternations):
        bench.say(f"shared and own workers, alternation {number + 1}")
        runs = [names, *((name,) for name in names)]
        found: dict[tuple[str, ...], Figures] = {}
        for run in bench.random.sample(runs, len(runs)):
            try:
                found[run] = Figures(bench.experiment("rows", Duty.ARGUMENT, "fork", run, profile))
            except RuntimeError:  # a library that is not installed
                names = tuple(name for name in names if run != (name,))
        for name in names:
            if (name,) in found and found[tuple(runs[0])].has(name, "handoff"):
                alone, floor_alone = _medians(found[name,], name)
                shared, floor_shared = _medians(found[tuple(runs[0])], name)
                # The floor of the same trial takes out what differs between any two trials.
                apart.setdefault(name, {})[number] = [alone / floor_alone]
                together.setdefault(name, {})[number] = [shared / floor_shared]
                raw.setdefault(name, []).append(math.log(shared / alone))
    lines = []
    for name, mine in together.items():
        note = f"without the floor of the same trial: {math.exp(median(raw[name])):.3f}; {len(mine)} alternations"
        lines.append(
            ratio_line(f"shared to own worker, {name}", stats.ratio(mine, apart[name], confidence=0.95), LIMIT, note)
        )
    state = worst(lines)
    flagged = [line.what.split(", ")[1] for line in lines if line.state is not State.OK]
    summary = f"more than {LIMIT:.0%} apart: {', '.join(flagged)}" if flagged else f"all within {LIMIT:.0%}"
    return Result(state, summary, tuple(lines), {line.what: line.value for line in lines})


CHECK = Check("isolation", "lanes in one worker do not disturb each other", 60, _run)
