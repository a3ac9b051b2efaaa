"""The price of trust: figures a minute at equal width of their intervals, against plain ``time_`` benchmarks of asv.

Run as ``python -m handoff.selftesting._price``; it needs asv, git, and about five minutes. The same cells are measured
both ways: encoding and decoding some payloads by some strategies, as ratios to a baseline. What a figure is worth is
how narrow its interval is, and by the same rule for both: ``RUNS`` trials of the suite and as many whole runs of asv,
in turns, each run's median one number. Halving an interval takes four times as long, so

    price = (asv's seconds / suite's seconds) x (asv's half width / suite's half width) ** 2

for each cell, of which the median is taken. asv's own intervals are not used: they take the samples of two processes
for independent, and identical cells are then called different far too often (see the check ``asv``). Only the time in
which asv measures is counted, not its start.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median
from typing import Any, TypeAlias

from handoff.analysis import stats
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import CODEC
from handoff.machine import fingerprint, noise
from handoff.measuring.experiment import Experiment, measure
from handoff.processes import interpreter
from handoff.processes.folders import private_folder
from handoff.profile import PROFILES
from handoff.selftesting._frame import PAYLOADS
from handoff.target import Entry, Ref

RUNS = 8  #: from which an interval assumes nothing of the distribution
OBJECTS = ("rows", "floats", "tree")
BASELINE = "pickle-default"
STRATEGIES = (BASELINE, "pickle-5", "pickle-2", "cloudpickle")
STEPS = ("encode", "decode")
TARGET = 3.0

Cell: TypeAlias = tuple[str, str, str]  #: payload, strategy, step
Runs: TypeAlias = dict[Cell, dict[int, list[float]]]  #: seconds, by run or trial

#: No ``setup``: asv would run it before every call, and time single calls.
SUITE = f"""
from handoff.target import Ref
from handoff.strategies import registry

OBJECTS = {{name: Ref("", {PAYLOADS!r}, name).load().make() for name in {OBJECTS!r}}}
CODECS = {{name: registry()[name].codec for name in {STRATEGIES!r}}}
MESSAGES = {{(o, s): CODECS[s].encode(OBJECTS[o]) for o in OBJECTS for s in CODECS}}


class Codecs:
    params = [list(OBJECTS), list(CODECS)]
    param_names = ["payload", "strategy"]

    def time_encode(self, payload, strategy):
        CODECS[strategy].encode(OBJECTS[payload])

    def time_decode(self, payload, strategy):
        CODECS[strategy].decode(MESSAGES[payload, strategy])


def track_nothing():
    return 0
"""


class Asv:
    """A repository with the plain benchmarks."""

    def __init__(self, folder: Path) -> None:
        self.root, self.home = folder / "project", folder / "home"
        (self.root / "benchmarks").mkdir(parents=True)
        self.home.mkdir()
        (self.root / "benchmarks" / "__init__.py").write_text("")
        (self.root / "benchmarks" / "codecs.py").write_text(SUITE)
        config = {
            "version": 1,
            "project": "plain",
            "repo": ".",
            "branches": ["HEAD"],
            "environment_type": "existing",
            "launch_method": "forkserver",
            "results_dir": "results",
        }
        (self.root / "asv.conf.json").write_text(json.dumps(config))
        who = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
        for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "plain"]):
            self._call(["git", *who, *arguments])
        self.commit = self._call(["git", "rev-parse", "HEAD"]).strip()
        self._call([sys.executable, "-m", "asv", "machine", "--yes", "--machine", "here"])

    def run(self, *arguments: str) -> float:
        """One run; seconds of wall time. Raises ``RuntimeError``."""
        begin = time.perf_counter()
        where = ["-E", f"existing:{sys.executable}", "--set-commit-hash", self.commit, "--machine", "here"]
        self._call([sys.executable, "-m", "asv", "run", *where, *arguments])
        return time.perf_counter() - begin

    def medians(self) -> dict[Cell, float]:
        """Those of the last run."""
        (path,) = (path for path in (self.root / "results" / "here").glob("*.json") if path.name != "machine.json")
        result = json.loads(path.read_text())
        at = result["result_columns"].index("result")
        found = {}
        for step in STEPS:
            values = iter(result["results"][f"codecs.Codecs.time_{step}"][at])
            for payload in OBJECTS:
                for strategy in STRATEGIES:
                    found[payload, strategy, step] = float(next(values))
        return found

    def _call(self, command: Sequence[str]) -> str:
        env = {key: value for key, value in os.environ.items() if key != "PYTHONWARNINGS"} | {"HOME": str(self.home)}
        return interpreter.output(command, 600, cwd=self.root, env=env)


class Suite:
    """The suite at the profile standard, a trial at a time."""

    def __init__(self) -> None:
        self.profile = replace(PROFILES["standard"], trials=1, most_trials=0, bound=None, record_s=0.0)
        entries = [Entry(ref, ref.load()) for ref in (Ref("", PAYLOADS, name) for name in OBJECTS)]
        self.experiments = [Experiment(entry, CODEC, "", STRATEGIES) for entry in entries]

    def trial(self) -> tuple[float, dict[Cell, list[float]]]:
        """Seconds of wall time, and every cell's samples."""
        begin = time.perf_counter()
        records = measure(self.experiments, self.profile, None)
        seconds = time.perf_counter() - begin
        found = {}
        for record in records:
            figures = Figures(record)
            for strategy in STRATEGIES:
                for step in STEPS:
                    (row,) = figures.samples(strategy, step).values()
                    found[record.payload, strategy, step] = [x for x in row if x]
        return seconds, found


def both(folder: Path, runs: int) -> tuple[tuple[Runs, float], tuple[Runs, float]]:
    """By asv and by the suite, in turns: every cell's medians or samples by run, and seconds a run.

    Of asv's seconds what running no benchmark takes is left out.
    """
    asv, suite = Asv(folder), Suite()
    idle = asv.run("--bench", "track_nothing", "--dry-run")
    plain: Runs = {}
    trusted: Runs = {}
    asv_s, suite_s = [], []
    for number in range(runs):
        asv_s.append(max(0.0, asv.run("--bench", "Codecs") - idle))
        for cell, middle in asv.medians().items():
            plain.setdefault(cell, {})[number] = [middle]
        seconds, found = suite.trial()
        suite_s.append(seconds)
        for cell, samples in found.items():
            trusted.setdefault(cell, {})[number] = samples
        took = f"asv {asv_s[-1]:.0f} s, suite {suite_s[-1]:.1f} s"
        print(f"run {number + 1} of {runs}: {took}", file=sys.stderr)
    return (plain, fmean(asv_s)), (trusted, fmean(suite_s))


def half_widths(runs: Runs) -> dict[Cell, float]:
    """Of each cell's ratio to its baseline, at 99 %."""
    return {
        (payload, strategy, step): stats.ratio(rows, runs[payload, BASELINE, step]).half_width
        for (payload, strategy, step), rows in runs.items()
        if strategy != BASELINE
    }


def price(asv_s: float, suite_s: float, asv_width: float, suite_width: float) -> float:
    """How many figures of the suite there are, of equal width, in the time of one of asv's."""
    return asv_s / suite_s * (asv_width / suite_width) ** 2 if suite_width else math.inf


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both ways and tell; 1 when the suite is not worth it, 2 when asv is not there."""
    parser = argparse.ArgumentParser(prog="python -m handoff.selftesting._price", description=__doc__)
    parser.add_argument("-o", "--output", help="write the figures as JSON there")
    parser.add_argument("--runs", type=int, default=RUNS)
    args = parser.parse_args(arguments)
    if find_spec("asv") is None:
        print("asv is not installed: it is in the dependency group 'bench'", file=sys.stderr)
        return 2
    before = noise()
    with private_folder() as folder:
        (asv, asv_s), (suite, suite_s) = both(folder, args.runs)
    asv_width, suite_width = half_widths(asv), half_widths(suite)
    prices = {cell: price(asv_s, suite_s, asv_width[cell], suite_width[cell]) for cell in suite_width}
    for cell, value in prices.items():
        print(f"{' '.join(cell):28}  asv ±{asv_width[cell]:6.1%}  suite ±{suite_width[cell]:6.1%}  {value:8.1f} x")
    result = median(prices.values())
    cells = len(suite)
    print(f"{cells} cells: asv {60 * cells / asv_s:.0f} and the suite {60 * cells / suite_s:.0f} a minute,")
    print(f"as wide as they come; at equal width the suite gives {result:.1f} times as many (target: {TARGET:g})")
    if args.output:
        data: dict[str, Any] = {
            "cells": [[*cell, asv_width[cell], suite_width[cell], value] for cell, value in prices.items()],
            "asv_s": asv_s,
            "suite_s": suite_s,
            "price": result,
            "fingerprint": fingerprint(),
            "noise": {"before": before, "after": noise()},
        }
        Path(args.output).write_text(json.dumps(data, indent=1) + "\n")
    return 0 if result >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
