"""The workaround pairs: one class a start method, one parameter that names a pair and one of its ways."""

from __future__ import annotations

import os
from math import nan
from pathlib import Path

from benchmarks._classes import ROOT, Benchmark, Cell, in_seconds, lasting
from handoff.analysis.figures import Figures
from handoff.measuring.pairs import load_pairs, measure_pairs, plan_pairs
from handoff.profile import PROFILES

Ways = dict[tuple[str, str], Cell]  #: what a class shows, by metric and way


def names(start_method: str) -> list[str]:
    """``pair: way`` for every way that exists under a start method."""
    return [
        f"{experiment.entry.payload.name}: {lane}"
        for experiment in plan_pairs(load_pairs(ROOT / "payloads" / "pairs"), (start_method,))
        for lane in experiment.strategies
    ]


def run(start_method: str) -> Ways:
    """Measure all pairs under a start method; what the cells show, by metric and name."""
    profile = PROFILES[os.environ.get("HANDOFF_PROFILE", "quick")]
    if not profile.deeper:
        return {}
    folder = Path(os.environ.get("HANDOFF_RECORDS") or ROOT / ".asv" / "records" / f"unnamed-{os.getpid()}")
    cells: Ways = {}
    for record in measure_pairs(plan_pairs(load_pairs(ROOT / "payloads" / "pairs"), (start_method,)), profile, folder):
        figures = Figures(record)
        for lane in record.strategies:
            for metric in ("task", "setup"):
                if figures.has(lane, metric):
                    cells[metric, f"{record.payload}: {lane}"] = {"samples": figures.flat(lane, metric), "number": 1}
    return cells


class Pairs(Benchmark):
    """An awkward object as it is, and refactored."""

    param_names = ["way"]

    @in_seconds
    def track_task(self, cells: Ways, way: str) -> Cell:
        """Seconds a task."""
        return cells.get(("task", way), nan)

    @in_seconds
    def track_setup(self, cells: Ways, way: str) -> Cell:
        """Seconds before the first task."""
        return cells.get(("setup", way), nan)


class Fork(Pairs):
    """Workers are forked."""

    params = [names("fork")]

    @lasting
    def setup_cache(self) -> Ways:
        return run("fork")


class Spawn(Pairs):
    """Workers are started afresh."""

    params = [names("spawn")]

    @lasting
    def setup_cache(self) -> Ways:
        return run("spawn")


class Forkserver(Pairs):
    """Workers are forked by a server that was started afresh."""

    params = [names("forkserver")]

    @lasting
    def setup_cache(self) -> Ways:
        return run("forkserver")
