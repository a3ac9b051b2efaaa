"""Many workers: ways to use them, things they share, and whether the cost model foretells whole jobs."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from test_measuring import assert_no_trace

from handoff import timeouts
from handoff.analysis.figures import Figures
from handoff.analysis.job_model import Prediction, efficiency, predictions, share
from handoff.analysis.metrics import (
    BIS,
    CONTENDED,
    CONTENTION,
    JOB,
    JOB_TASKS,
    JOB_WAYS,
    NULL,
    SCALING,
    numbers_of_workers,
)
from handoff.machine import usable_cores
from handoff.measuring import scaling
from handoff.measuring.experiment import measure, plan
from handoff.measuring.scaling import WAYS
from handoff.outcome import Kind
from handoff.profile import PROFILES, Profile
from handoff.record import Record
from handoff.selftesting._frame import PAYLOADS
from handoff.target import Entry, Ref, load_collection

ONCE = replace(PROFILES["quick"], trials=1, most_trials=0, record_s=0.0, sample_s=0.001)


@pytest.fixture(scope="module")
def payloads() -> Mapping[str, Entry]:
    return load_collection(Path(__file__).parent / "awkward.py")


@pytest.fixture(autouse=True)
def no_trace() -> Iterator[None]:
    yield
    assert_no_trace(os.getpid())


def one(
    payloads: Mapping[str, Entry],
    name: str,
    kind: str,
    start_method: str,
    strategies: tuple[str, ...] = (),
    profile: Profile = ONCE,
) -> Record:
    experiments = plan(
        {name: payloads[name]}, kinds=(kind,), start_methods=(start_method,), strategies=strategies, declared=False
    )
    (record,) = measure(experiments, profile, None, seed=1)
    assert record.failed == ""
    assert record.complaints == []
    return record


@pytest.mark.parametrize("start_method", ["fork", "forkserver"])
def test_every_way_is_measured_with_every_number_of_workers(payloads: Mapping[str, Entry], start_method: str) -> None:
    figures = Figures(record := one(payloads, "array", SCALING, start_method))
    assert {name for name, outcome in record.outcomes.items() if outcome.ok} == {*WAYS, BIS}
    for way in WAYS:
        for label, workers in numbers_of_workers().items():
            assert figures.figure(way, f"task-{label}").time.value > 0
            assert figures.has(way, f"start-{label}")
            assert efficiency(figures, way, label, workers).value > 0
        assert efficiency(figures, way, "1", 1).value == 1


def test_what_a_worker_cannot_load_costs_its_ways_alone(payloads: Mapping[str, Entry]) -> None:
    record = one(payloads, "lambda", SCALING, "fork")
    outcomes = {name: outcome.kind for name, outcome in record.outcomes.items()}
    assert set(outcomes) == {*WAYS, BIS}
    assert all(kind is not Kind.OK for kind in outcomes.values())
    assert all(outcome.reason for outcome in record.outcomes.values())


def test_the_numbers_of_workers_are_powers_of_two_all_cores_and_double() -> None:
    found = numbers_of_workers()
    cores = usable_cores()
    assert (found["1"], found["all"], found["double"]) == (1, cores, 2 * cores)
    assert all(found[label] == int(label) < cores or label == "1" for label in found if label.isdigit())


def test_many_workers_on_one_thing(payloads: Mapping[str, Entry]) -> None:
    """Known results: a manager serves one request at a time; own slots without a lock need nobody's leave."""
    wanted = ("manager-dict", "array-locked-numpy", "array-raw-numpy", "shm-reused", "thread")
    record = one(payloads, "array", CONTENTION, "fork", wanted, replace(ONCE, rounds=12))  # four rounds of it
    figures = Figures(record)
    assert record.outcomes["thread"].kind is Kind.UNAVAILABLE
    assert record.baseline == "manager-dict"
    for lane in (*wanted[:-1], BIS):
        assert record.outcomes[lane].ok
        for operation in CONTENDED:
            for label in numbers_of_workers():
                assert figures.has(lane, f"{operation}-{label}")
    assert figures.has(NULL, "read-1")
    assert not figures.has(NULL, "update-1")

    def speedup(lane: str, operation: str) -> float:
        single, many = (min(figures.flat(lane, f"{operation}-{label}")) for label in ("1", "all"))
        return single / many

    assert speedup("array-raw-numpy", "own-write") > 0.6  # rises with the cores that are free, never falls much
    assert speedup("manager-dict", "update") < 0.9 * max(2, usable_cores())
    assert min(figures.flat("manager-dict", "read-all")) > 5 * min(figures.flat("shm-reused", "read-all"))


def test_a_pool_whose_worker_died_with_its_lock_can_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pool.terminate alone would wait for ever: a worker that is killed does not release the result queue's lock."""
    monkeypatch.setattr(timeouts, "WORKER_STOP_S", 0.5)
    ctx = multiprocessing.get_context("fork")
    ready = ctx.Semaphore(0)
    crew = scaling.PoolCrew(scaling.Hiring(ctx, Ref("", PAYLOADS, "task"), 2, ready), lambda *_: ())
    assert ready.acquire(timeout=60)
    assert crew.pool._outqueue._wlock.acquire(timeout=60)  # as a worker does that is killed while it answers
    processes = list(crew.pool._pool)
    crew.kill()
    assert not any(process.is_alive() for process in processes)


def test_whole_jobs_are_predicted_from_their_parts(payloads: Mapping[str, Entry]) -> None:
    """On a machine that others use too, the share of close predictions is no test: only that they are of a kind."""
    found = predictions(one(payloads, "array", JOB, "fork"))
    assert len(found) == len(JOB_WAYS) * 2 * len(JOB_TASKS)
    assert all(each.measured_s > 0 and each.predicted_s > 0 for each in found)
    off = sorted(abs(each.error) for each in found)
    assert off[len(off) // 2] < 1.0


def test_close_is_within_15_percent_of_what_was_measured() -> None:
    def cell(predicted: float) -> Prediction:
        return Prediction("x", "fork", "pipe", 16, 1, predicted, 1.0, predicted)

    assert [cell(p).close for p in (0.84, 0.86, 1.0, 1.14, 1.16)] == [False, True, True, True, False]
    assert share([cell(1.0), cell(2.0)]) == 0.5
    assert cell(1.5).error == pytest.approx(0.5)
