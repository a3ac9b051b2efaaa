"""Records of the deeper kinds, shown: made data with known answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from handoff.analysis import tables
from handoff.analysis.figures import Figures
from handoff.analysis.job_model import efficiency, predictions
from handoff.analysis.metrics import INHERITANCE, JOB, SCALING
from handoff.outcome import OK
from handoff.record import Record

CORES = 4


def record(kind: str) -> Record:
    return Record(
        payload="rows",
        kind=kind,
        start_method="fork",
        collection="made",
        strategies=[],
        profile={},
        fingerprint={"usable_cores": CORES},
        run="made",
        started="",
        about={},
        baseline="pool-map",
        outcomes={"pool-map": OK},
    )


def row(lane: str, metric: str, trial: int, n: int, seconds: float) -> list[object]:
    return [lane, metric, trial, 0, n, seconds, 0.0, 0.0, 0.0, 0, 0, 0]


@pytest.fixture
def jobs() -> Record:
    """Tasks of 1 ms, 106 ms for start and setup; four workers do the work of three."""
    made = record(JOB)
    for trial in range(3):
        for label, workers, task_s in (("1", 1, 0.001), ("all", CORES, 0.001 / 3)):
            way = "pool-map-chunk-1"
            made.rows += [
                row(way, f"task-{label}", trial, 100, 100 * task_s),
                row(way, f"least-{label}", trial, 1, 0.106 + workers * task_s),
                row(way, f"job-16-{label}", trial, 1, 0.106 + 16 * task_s),
                row(way, f"job-1024-{label}", trial, 1, 2 * (0.106 + 1024 * task_s)),
            ]
    return made


def test_a_job_is_start_and_setup_and_tasks_over_parallelism(jobs: Record) -> None:
    found = {(p.tasks, p.workers): p for p in predictions(jobs)}
    assert set(found) == {(16, 1), (16, CORES), (1024, 1), (1024, CORES)}
    for (tasks, workers), each in found.items():
        assert each.predicted_s == pytest.approx(0.106 + tasks * (0.001 if workers == 1 else 0.001 / 3))
        assert each.close is (tasks == 16)  # the long ones were made to take twice as long
    assert "50% of 4 jobs were predicted within 15%" in tables.text([jobs])


def test_efficiency_is_the_rate_over_that_of_as_many_single_workers(jobs: Record) -> None:
    assert efficiency(Figures(jobs), "pool-map-chunk-1", "all", CORES).value == pytest.approx(0.75)


def test_rates_and_efficiency_are_shown() -> None:
    made = record(SCALING)
    for trial in range(3):
        made.rows += [row("pool-map", "task-1", trial, 10, 0.01), row("pool-map", "task-all", trial, 30, 0.01)]
    assert "3,000/s (75%)" in tables.text([made])
    assert "| pool-map | 3,000/s (75%) | 1,000/s |" in tables.markdown([made])


def test_bytes_are_shown_as_bytes(tmp_path: Path) -> None:
    made = record(INHERITANCE)
    made.values += [["inherit", "read-uss-bytes", trial, 0, (1 + trial) * 2**20] for trial in range(3)]
    made.write(tmp_path)
    assert "2.00 MiB" in tables.text([made])
    command = [sys.executable, "-m", "handoff", "deeper", str(tmp_path), "--format", "json"]
    answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    (found,) = answer["records"]
    (figure,) = found["figures"]
    assert (figure["unit"], figure["value"], figure["trials"]) == ("bytes", 2 * 2**20, 3)
    assert answer["share_close"] is None


def test_other_records_are_none(tmp_path: Path) -> None:
    record("codec").write(tmp_path)
    run = subprocess.run(
        [sys.executable, "-m", "handoff", "deeper", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "no records of these kinds" in run.stderr
