"""Do the suite's figures agree with pyperf's? Pickling and loading, fresh processes of each in alternation."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from statistics import median
from typing import Any, TypeAlias

from handoff.analysis import stats
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import CODEC
from handoff.analysis.stats import Estimate
from handoff.processes import interpreter
from handoff.profile import Profile
from handoff.selftesting._frame import Bench, Check, CheckResult, CheckState, ratio_line, worst

SIDE = "handoff.selftesting._pyperf_side"
Way: TypeAlias = Callable[[Bench, str], dict[str, float]]
Kept: TypeAlias = dict[str, dict[int, list[float]]]  #: by operation and alternation

LIMIT = 0.03
PAYLOADS = ("rows", "floats")
METRICS = {"encode": "dumps", "decode": "loads"}
SAMPLE_S = 0.01
ROUNDS = 7


def by_pyperf(bench: Bench, payload: str, loops: Mapping[str, int]) -> dict[str, float]:
    """pyperf's medians, each from a fresh worker, as its own manager starts them. Raises ``RuntimeError``.

    ``loops`` says of each benchmark how many operations make a value, so that no worker is spent on finding out.
    """
    found: dict[str, float] = {}
    for task, (name, count) in enumerate(loops.items()):
        output = bench.folder / f"pyperf-{bench.random.randrange(2**32):08x}.json"
        options = ["--worker", f"--worker-task={task}", "-l", str(count), "-n", str(ROUNDS), "-w", "1"]
        command = [sys.executable, "-P", "-m", SIDE, "--payload", payload, *options, "-o", str(output)]
        interpreter.output(command, 120, cwd=bench.folder)
        found |= read(json.loads(output.read_text()), name)
    return found


def read(suite: dict[str, Any], expected: str) -> dict[str, float]:
    """The median of pyperf's file, format 1.0, by benchmark name. Raises ``RuntimeError`` for another benchmark's."""
    found = {}
    for benchmark in suite["benchmarks"]:
        name = benchmark.get("metadata", {}).get("name") or suite["metadata"]["name"]
        found[name] = median(value for run in benchmark["runs"] for value in run.get("values", ()))
    if list(found) != [expected]:
        raise RuntimeError(f"pyperf measured {', '.join(found)}, and was asked for {expected}")
    return found


def by_suite(bench: Bench, payload: str) -> dict[str, float]:
    """The suite's medians, from one trial."""
    lane_s = 2 * ROUNDS * SAMPLE_S
    profile = Profile(name="selftest", trials=1, rounds=ROUNDS, sample_s=SAMPLE_S, lane_s=lane_s, grouped=False)
    figures = Figures(bench.experiment(payload, CODEC, "", ("pickle-5",), profile))
    return {name: median(figures.flat("pickle-5", metric)) for metric, name in METRICS.items()}


def _run(bench: Bench) -> CheckResult:
    if find_spec("pyperf") is None:
        return CheckResult(
            CheckState.UNAVAILABLE, "pyperf: not installed; pip install pyperf to have the suite compared with it"
        )
    ours: Kept = {}
    theirs: Kept = {}
    loops: dict[str, dict[str, int]] = {}

    def ratios() -> list[Estimate]:
        return [stats.ratio(ours[name], theirs[name], confidence=0.95) for name in ours]

    for payload in PAYLOADS:  # not counted: how many operations make a sample
        loops[payload] = {name: max(1, round(SAMPLE_S / took)) for name, took in by_suite(bench, payload).items()}
    for number in bench.alternate(ratios, LIMIT):
        bench.say(f"alternating with pyperf, {number + 1}")
        for payload in bench.random.sample(PAYLOADS, len(PAYLOADS)):
            ways: list[tuple[Way, Kept]] = [(by_suite, ours), (partial(by_pyperf, loops=loops[payload]), theirs)]
            for way, kept in bench.random.sample(ways, len(ways)):
                for name, value in way(bench, payload).items():
                    kept.setdefault(f"{name} {payload}", {})[number] = [value]
    lines = []
    for name in sorted(ours):
        note = (
            f"{stats.estimate(ours[name]).value * 1e6:.1f} µs, pyperf {stats.estimate(theirs[name]).value * 1e6:.1f} µs"
        )
        note += f", {len(ours[name])} alternations"
        lines.append(
            ratio_line(f"{name} to pyperf's", stats.ratio(ours[name], theirs[name], confidence=0.95), LIMIT, note)
        )
    worst_one = max(lines, key=lambda line: abs(line.value - 1))
    summary = f"the farthest of {len(lines)} medians from pyperf's is {worst_one.value - 1:+.1%} off"
    return CheckResult(worst(lines), summary, tuple(lines), {line.what: line.value for line in lines})


CHECK = Check("agreement", "figures agree with pyperf's", 70, _run)
