"""Do the suite's figures agree with pyperf's? Pickling and loading, fresh processes of each in alternation."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from statistics import median
from typing import Any

from handoff import stats
from handoff.contain import kill_group
from handoff.experiment import CODEC
from handoff.figures import Figures
from handoff.profile import Profile
from handoff.selftesting._frame import LEAST, Bench, Check, Result, State, ratio_line, worst

LIMIT = 0.05
PAYLOADS = ("rows", "floats", "texts", "tree")
METRICS = {"encode": "dumps", "decode": "loads"}
SAMPLE_S = 0.01
ROUNDS = 5


def by_pyperf(bench: Bench, payload: str) -> dict[str, float]:
    """pyperf's medians: one fresh worker process each (after one that calibrates). Raises ``RuntimeError``."""
    output = bench.folder / f"pyperf-{bench.random.randrange(2**32):08x}.json"
    options = ["--payload", payload, "-p", "1", "-n", str(ROUNDS), "-w", "1", "--min-time", str(SAMPLE_S)]
    command = [
        sys.executable,
        "-P",
        "-m",
        "handoff.selftesting._pyperf_side",
        *options,
        "--copy-env",
        "-o",
        str(output),
    ]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=bench.folder,
        start_new_session=True,
    ) as process:
        try:
            _, complaint = process.communicate(timeout=120)
        finally:
            kill_group(process.pid)
    if process.returncode:
        raise RuntimeError(f"pyperf exited with status {process.returncode}: {complaint.decode()[-300:]}")
    return read(json.loads(output.read_text()))


def read(suite: dict[str, Any]) -> dict[str, float]:
    """The medians of pyperf's file, format 1.0, by benchmark name."""
    found = {}
    for benchmark in suite["benchmarks"]:
        name = benchmark.get("metadata", {}).get("name") or suite["metadata"]["name"]
        found[name] = median(value for run in benchmark["runs"] for value in run.get("values", ()))
    return found


def by_suite(bench: Bench, payload: str) -> dict[str, float]:
    """The suite's medians, from one trial."""
    lane_s = 2 * ROUNDS * SAMPLE_S
    profile = Profile(name="selftest", trials=1, rounds=ROUNDS, sample_s=SAMPLE_S, lane_s=lane_s, grouped=False)
    figures = Figures(bench.experiment(payload, CODEC, "", ("pickle-5",), profile))
    return {name: median(figures.flat("pickle-5", metric)) for metric, name in METRICS.items()}


def _run(bench: Bench) -> Result:
    if find_spec("pyperf") is None:
        return Result(State.UNAVAILABLE, "pyperf: not installed; pip install pyperf to have the suite compared with it")
    depth = bench.depth
    payloads = PAYLOADS[:2] if depth.check_s < 30 else PAYLOADS
    ours: dict[str, dict[int, list[float]]] = {}
    theirs: dict[str, dict[int, list[float]]] = {}
    for number in bench.within(1.5 * depth.check_s, depth.alternations, least=LEAST):
        bench.say(f"alternating with pyperf, {number + 1}")
        for payload in bench.random.sample(payloads, len(payloads)):
            ways = [(by_suite, ours), (by_pyperf, theirs)]
            for way, kept in ways if number % 2 else ways[::-1]:
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
    return Result(worst(lines), summary, tuple(lines), {line.what: line.value for line in lines})


CHECK = Check("agreement", "figures agree with pyperf's", 70, _run)
