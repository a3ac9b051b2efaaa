"""From how much work in a task on a cluster pays, as records from there tell it."""

from __future__ import annotations

import math

import pytest
from synthetic import FINGERPRINT, record

from handoff.analysis.leaving import from_work_s, told
from handoff.record import Record

HERE, THERE = "pickle-default", "dask-submit"


def of(there_s: float, *, cores: int = 2, **more: object) -> Record:
    fingerprint = {**FINGERPRINT, "usable_cores": cores, "cluster": "dask://scheduler:8786"}
    found = record(metrics={"handoff": {HERE: 1e-3, THERE: there_s}}, noise=0.001, **more)  # type: ignore[arg-type]
    found.fingerprint = fingerprint  # type: ignore[assignment]
    return found


def test_what_is_measured_here_says_nothing_of_a_cluster() -> None:
    assert list(told([record()], 8)) == []


@pytest.mark.parametrize(
    ("there_s", "workers", "says"),
    [
        (2e-3, 2, "is done sooner on this machine, whatever a task does."),
        (1e-3, 8, "is done sooner on the cluster, whatever a task does."),
        (40e-3, 8, "is done sooner on the cluster where a task works for "),
    ],
)
def test_it_says_where_a_job_is_done_sooner(there_s: float, workers: int, says: str) -> None:
    (text,) = told([of(there_s)], workers)
    assert says in text
    assert text.startswith("`thing` as argument takes ")
    assert f"{workers} workers there, 2 cores here: a job of many tasks" in text


def test_one_trial_has_no_interval_and_is_no_answer() -> None:
    (text,) = told([of(40e-3, trials=1)], 8)
    assert text.endswith("That is not known well enough to tell where a job is done sooner: more trials would.")


def test_the_range_is_from_all_latency_to_all_bytes() -> None:
    """40 ms more in each task, 2 cores here, 8 workers there.

    Latency alone: (w + 41) / 8 = (w + 1) / 2, so w = 12.3 ms. Bytes alone, one after the other: 40 ms each, so that a
    task here must take 80 ms.
    """
    least, most = from_work_s((1e-3, 1e-3), (41e-3, 41e-3), 2, 8)
    assert least == pytest.approx(37e-3 / 3, rel=1e-2)
    assert most == pytest.approx(79e-3, rel=1e-2)


def test_no_more_workers_than_cores_never_pay_where_a_task_takes_longer() -> None:
    assert from_work_s((1e-3, 1e-3), (2e-3, 2e-3), 4, 4) == (math.inf, math.inf)
