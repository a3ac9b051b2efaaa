"""The workaround pairs: one class a start method, one parameter that names a pair and one of its ways."""

from __future__ import annotations

import os
from math import nan
from pathlib import Path

from benchmarks._classes import ROOT, TIMEOUT_S, VERSION, Cell
from handoff.analysis.figures import Figures
from handoff.measuring.pairs import load_pairs, measure_pairs, plan_pairs
from handoff.profile import PROFILES

Cells = dict[str, Cell]


def names(start_method: str) -> list[str]:
    """``pair: way`` for every way that exists under a start method."""
    return [
        f"{experiment.entry.payload.name}: {lane}"
        for experiment in plan_pairs(load_pairs(ROOT / "payloads" / "pairs"), (start_method,))
        for lane in experiment.strategies
    ]


def run(start_method: str) -> Cells:
    """Measure all pairs under a start method; what the cells show, by metric and name."""
    profile = PROFILES[os.environ.get("HANDOFF_PROFILE", "quick")]
    if not profile.deeper:
        return {}
    folder = Path(os.environ.get("HANDOFF_RECORDS") or ROOT / ".asv" / "records" / f"unnamed-{os.getpid()}")
    cells: Cells = {}
    for record in measure_pairs(plan_pairs(load_pairs(ROOT / "payloads" / "pairs"), (start_method,)), profile, folder):
        figures = Figures(record)
        for lane in record.strategies:
            for metric in ("task", "setup"):
                if figures.has(lane, metric):
                    name = f"{metric} {record.payload}: {lane}"
                    cells[name] = {"samples": figures.flat(lane, metric), "number": 1}
    return cells


class _Ways:
    """What the three classes share; asv's own inheritance of benchmarks."""

    param_names = ["way"]
    timeout = 60
    version = VERSION
    unit = "seconds"
    type = "time"

    def track_task(self, cells: Cells, way: str) -> Cell:
        """Seconds a task."""
        return cells.get(f"task {way}", nan)

    def track_setup(self, cells: Cells, way: str) -> Cell:
        """Seconds before the first task."""
        return cells.get(f"setup {way}", nan)


class Fork(_Ways):
    """Forked workers."""

    params = [names("fork")]

    def setup_cache(self) -> Cells:
        return run("fork")

    setup_cache.timeout = TIMEOUT_S  # type: ignore[attr-defined]


class Spawn(_Ways):
    """Spawned workers."""

    params = [names("spawn")]

    def setup_cache(self) -> Cells:
        return run("spawn")

    setup_cache.timeout = TIMEOUT_S  # type: ignore[attr-defined]


class Forkserver(_Ways):
    """Workers forked by a server."""

    params = [names("forkserver")]

    def setup_cache(self) -> Cells:
        return run("forkserver")

    setup_cache.timeout = TIMEOUT_S  # type: ignore[attr-defined]
