"""Is start-up clean? The suite's start cells against a plain script with a minimal ``__main__``, in alternation."""

from __future__ import annotations

import json
import sys
from statistics import median

from handoff.analysis import stats
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import BARE, BIS, START
from handoff.analysis.stats import Estimate
from handoff.measuring.messages import Config, Tell
from handoff.measuring.rounds import Measuring
from handoff.measuring.shop import Shop
from handoff.measuring.startup import PLAIN, run_conditions
from handoff.processes import interpreter
from handoff.profile import Profile
from handoff.selftesting._frame import Bench, Check, CheckResult, ratio_line, worst
from handoff.start_methods import START_METHODS

LIMIT = 0.10
COUNT = 4  #: starts of each of the suite's two lanes in an alternation

SCRIPT = """
import multiprocessing
import sys
import time


def nothing():
    pass


if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    took = []
    for _ in range(int(sys.argv[2]) + 1):
        begin = time.perf_counter()
        process = context.Process(target=nothing)
        process.start()
        process.join()
        took.append(time.perf_counter() - begin)
    print(took[1:])
"""


def plainly(bench: Bench, method: str, count: int) -> list[float]:
    """Seconds of each start in a plain script but the first, which may start a server. ``RuntimeError`` if it fails."""
    script = bench.folder / "plain_start.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), method, str(count)]
    found: list[float] = json.loads(interpreter.output(command, 60 + count, cwd=bench.folder))
    return found


def main(config: Config, tell: Tell) -> None:
    """A trial of the suite's start cells, without the one that also sends a payload."""
    (experiment,) = config["experiments"]
    with Shop(config["start_method"], config["folder"], {}) as shop:
        tell({"at": 0})
        run_conditions(Measuring(shop, experiment, config, tell), {BARE: PLAIN[BARE], BIS: PLAIN[BIS]})
        tell({"done": 0})


def by_suite(bench: Bench, method: str, count: int) -> list[float]:
    """The same by the suite: its bare lane and that lane's second copy."""
    profile = Profile(name="selftest", trials=1, rounds=count, sample_s=0.01, lane_s=60.0, grouped=False)
    figures = Figures(bench.experiment("task", START, method, (), profile, __name__))
    return figures.flat(BARE, "start") + figures.flat(BIS, "start")


def _run(bench: Bench) -> CheckResult:
    found: dict[str, tuple[dict[int, list[float]], dict[int, list[float]]]] = {m: ({}, {}) for m in START_METHODS}

    def ratios() -> list[Estimate]:
        return [stats.ratio(mine, plain, confidence=0.95) for mine, plain in found.values()]

    for number in bench.alternate(ratios, LIMIT):
        bench.say(f"starting processes, alternation {number + 1}")
        for method in bench.random.sample(START_METHODS, len(START_METHODS)):
            mine, plain = found[method]
            turns = [(mine, by_suite, COUNT), (plain, plainly, 2 * COUNT)]
            for kept, way, count in bench.random.sample(turns, len(turns)):
                kept[number] = [median(way(bench, method, count))]
    lines = []
    for method, (mine, plain) in found.items():
        times = f"{median(x for row in mine.values() for x in row) * 1e3:.2f} ms, plain script "
        times += f"{median(x for row in plain.values() for x in row) * 1e3:.2f} ms, {len(mine)} alternations"
        lines.append(
            ratio_line(
                f"start by the suite to a plain script, {method}",
                stats.ratio(mine, plain, confidence=0.95),
                LIMIT,
                times,
            )
        )
    state = worst(lines)
    summary = "against a plain script: " + ", ".join(
        f"{method} {line.value - 1:+.0%}" for method, line in zip(found, lines, strict=True)
    )
    return CheckResult(state, summary, tuple(lines), {m: line.value for m, line in zip(found, lines, strict=True)})


CHECK = Check("starts", "start-up is clean", 50, _run)
