"""Do lanes that share a worker disturb each other? The same lanes together in one worker, and each alone in its own."""

from __future__ import annotations

from statistics import median
from typing import Any

from handoff.analysis import stats
from handoff.analysis.figures import Figures
from handoff.analysis.stats import Estimate
from handoff.payload import Duty
from handoff.profile import Profile
from handoff.selftesting._frame import Bench, Check, CheckResult, CheckState, ratio_line, worst
from handoff.strategies import registry

LIMIT = 0.05
WANTED = ("pickle-default", "pickle-5-oob", "cloudpickle")


def _run(bench: Bench) -> CheckResult:
    profile = Profile(name="selftest", trials=1, rounds=25, sample_s=0.003, lane_s=0.1, grouped=False)
    names = tuple(name for name in WANTED if name in registry())
    apart: dict[str, dict[int, Any]] = {}
    together: dict[str, dict[int, Any]] = {}
    why = ""

    def ratios() -> list[Estimate]:
        return [stats.ratio(mine, apart[name], confidence=0.95) for name, mine in together.items()]

    for number in bench.alternate(ratios, LIMIT):
        bench.say(f"shared and own workers, alternation {number + 1}")
        runs: list[tuple[str, ...]] = [names, *((name,) for name in names)]
        found: dict[tuple[str, ...], Figures] = {}
        for run in bench.random.sample(runs, len(runs)):
            try:
                found[run] = Figures(bench.experiment("rows", Duty.ARGUMENT, "fork", run, profile))
            except RuntimeError as error:  # such as a library that is not installed
                why = f"{' and '.join(run)}: {error}"
        for name in names:
            if (name,) in found and runs[0] in found and found[runs[0]].has(name, "handoff"):
                apart.setdefault(name, {})[number] = [median(found[name,].flat(name, "handoff"))]
                together.setdefault(name, {})[number] = [median(found[runs[0]].flat(name, "handoff"))]
    lines = []
    for name, mine in together.items():
        note = f"alone {stats.estimate(apart[name]).value * 1e6:.1f} µs, {len(mine)} alternations"
        ratio = stats.ratio(mine, apart[name], confidence=0.95)
        lines.append(ratio_line(f"shared to own worker, {name}", ratio, LIMIT, note))
    if not lines:
        raise RuntimeError(why)
    state = worst(lines)
    flagged = [line.what.split(", ")[1] for line in lines if line.state is not CheckState.OK]
    summary = f"more than {LIMIT:.0%} apart: {', '.join(flagged)}" if flagged else f"all within {LIMIT:.0%}"
    return CheckResult(state, summary, tuple(lines), {line.what: line.value for line in lines})


CHECK = Check("isolation", "lanes in one worker do not disturb each other", 60, _run)
