"""``handoff advise``: ranking on records with known answers, and real runs with small budgets."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import re
import time
from pathlib import Path
from typing import Any

import pytest
import synthetic
from test_diagnose_command import GENEROUS_S, desk, handoff

from handoff.advising import ranking as ranking_module
from handoff.advising import search
from handoff.advising.plans import fitting
from handoff.advising.ranking import REFERENCE, UNMEASURED, rank
from handoff.advising.recipes import recipe_for
from handoff.advising.result import BOTH, Advice, Job
from handoff.advising.run import advise_target, fresh, usual_job
from handoff.advising.search import Plan, _Lanes, _too_large, lanes_for
from handoff.advising.text import advice_as, advice_html, advice_text
from handoff.advising.without_parts import without
from handoff.advising.wording import advise
from handoff.analysis import units
from handoff.analysis.metrics import BIS, NULL
from handoff.analysis.stats import Estimate
from handoff.diagnosing import Diagnosis, Finding
from handoff.outcome import Kind, Outcome
from handoff.payload import Duty, Payload
from handoff.record import Record
from handoff.strategies import registry, usual
from handoff.target import Entry, Ref, TargetError
from handoff.terminal import FORMATS

__all__ = ["desk"]  # a fixture

CORES = 4


@pytest.fixture(autouse=True)
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> int:
    """Tasks are handed over one by one here; what chunks of them take has tests of its own."""
    usual = ranking_module.POOL_CHUNKS
    monkeypatch.setattr(ranking_module, "POOL_CHUNKS", 10**9)
    return usual


def job(duty: str = BOTH, tasks: int = 100, workers: int = 4) -> Job:
    return Job(duty, tasks, workers, "spawn")


def best(records: list[Record], wanted: Job) -> tuple[str, str]:
    row = rank(records, wanted, cores=CORES).tiers[0][0]
    return row.strategy, row.duty


def test_a_large_model_is_set_up_once_for_many_tasks_and_sent_for_few() -> None:
    records = synthetic.model_under_spawn()[:2]
    assert best(records, job(tasks=1000))[1] == "state"
    assert best(records, job(tasks=2)) in {("shm-pickle-5", "argument"), ("shm-reused", "argument")}
    assert best(records, job("argument", 1000))[1] == "argument"


def test_the_total_is_start_and_setup_and_tasks_by_parallelism() -> None:
    ranking = rank(synthetic.model_under_spawn()[:2], job(tasks=100), cores=CORES)
    rows = {(row.strategy, row.duty): row for tier in ranking.tiers for row in tier}
    state = rows["process-args", "state"]
    # setup of 0.3 s includes the start, 0.1 s, of one worker; four start in turn, as a pipe does not hold the object
    assert state.total_s == pytest.approx(4 * 0.3 + 100 * 0.005 / 4, rel=0.1)
    assert state.setup_s == pytest.approx(4 * 0.3 - 0.1, rel=0.1)
    assert ranking.start_s == pytest.approx(0.1, rel=0.1)
    sent = rows["pickle-default", "argument"]
    # of a task, a tenth each is decoding and touching in the worker: eight tenths only the parent can do
    assert sent.total_s == pytest.approx(0.1 + 100 * 0.068 * 0.8, rel=0.1)


def test_shared_memory_gets_its_pages_with_the_first_hand_over() -> None:
    """50 MiB are 12,800 pages, at least a microsecond each."""
    ranking = rank(synthetic.model_under_spawn()[:2], job("argument", tasks=2), cores=CORES)
    rows = {row.strategy: row for tier in ranking.tiers for row in tier}
    assert rows["shm-pickle-5"].setup_s == pytest.approx(0.0128, rel=0.01)
    assert rows["shm-pickle-5"].total_s == pytest.approx(0.1 + 0.0128 + 2 * 0.010, rel=0.1)
    assert rows["pickle-5-oob"].setup_s == 0


def test_altered_refused_and_a_thread_never_win_and_are_listed_with_their_reason() -> None:
    records = synthetic.model_under_spawn()[:2]
    known = {"shm-pickle-5": (Kind.ALTERED, "obj.lock: another lock arrives")}
    ranking = rank(records, job(), cores=CORES, known=known)
    ranked = {row.strategy for tier in ranking.tiers for row in tier}
    excluded = {each.strategy: each for each in ranking.excluded}
    assert not ranked & {"thread", "dill-recurse", "shm-list", "inherit", "shm-pickle-5"}
    assert excluded["thread"].outcome == REFERENCE
    assert excluded["dill-recurse"].outcome == "altered"
    assert excluded["shm-list"].outcome == "refused"
    assert excluded["inherit"].outcome == "unavailable"
    assert excluded["shm-pickle-5"].outcome == "altered"
    assert all(each.reason for each in ranking.excluded)


def test_a_thread_is_ranked_where_threads_share_no_gil() -> None:
    """Nothing is handed over, and the work is done at the same time: no part of a task is for one at a time."""
    records = [
        dataclasses.replace(record, fingerprint={**record.fingerprint, "gil": False})
        for record in synthetic.model_under_spawn()[:2]
    ]
    totals = {}
    for cores in (1, CORES):
        ranking = rank(records, job("argument"), cores=cores)
        assert "thread" not in {each.strategy for each in ranking.excluded}
        (totals[cores],) = [row.total_s for tier in ranking.tiers for row in tier if row.strategy == "thread"]
    assert totals[CORES] < totals[1]


def test_ties_are_one_tier_led_by_the_simplest() -> None:
    ranking = rank([synthetic.tie()], job("argument", 10_000), cores=CORES)
    (tier,) = ranking.tiers
    assert tier[0].strategy == "pickle-default"
    assert {row.strategy for row in tier} == {"pickle-default", "pickle-5", "cloudpickle"}


def test_what_is_too_noisy_is_inconclusive_and_says_so() -> None:
    advice = advise("t", job("argument", 10_000), [synthetic.noisy()], cores=CORES)
    (tier,) = advice.tiers
    assert [row.verdict for row in tier[1:]] == ["contender"]
    assert "two copies of one way came out" in advice.sure
    assert "not sure yet: two copies of one way came out 1.4" in advice.advice


def test_different_ways_are_different_tiers() -> None:
    record = synthetic.record(metrics={"handoff": {"pickle-default": 1e-2, "pickle-5": 2e-3, "pickle-5-oob": 1e-3}})
    ranking = rank([record], job("argument", 10_000), cores=CORES)
    assert [[row.strategy for row in tier] for tier in ranking.tiers] == [
        ["pickle-5-oob"],
        ["pickle-5", "pickle-default"],
    ]
    assert {row.verdict for row in ranking.tiers[1]} == {"far"}


def test_a_chunk_is_one_hand_off_and_as_many_times_the_work(one_by_one: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking_module, "POOL_CHUNKS", one_by_one)
    ranking = rank(synthetic.model_under_spawn()[:2], job("argument", tasks=96, workers=4), cores=CORES)
    rows = {row.key: row for tier in ranking.tiers for row in tier}
    chunked = rows["pickle-default argument 6"]
    # 16 chunks; in each the object is sent once (0.068 s, of which a tenth is the work), and worked on five times more
    assert chunked.total_s == pytest.approx(0.1 + 16 * max(0.068 * 0.8, 0.068 * 1.5 / 4), rel=0.1)
    assert chunked.total_s < rows["pickle-default argument"].total_s / 4
    once_a_worker = rows["pickle-default argument 24"]  # 4 chunks
    assert once_a_worker.total_s < chunked.total_s
    advice = advise("t", job("argument", 96), [synthetic.tie()], cores=CORES)
    assert "by Pool.map(…, chunksize=24)" in advice.advice
    assert Advice.from_json(advice.to_json()).to_json() == advice.to_json()  # NaN: equal to itself up to 3.12 only


def test_few_tasks_are_no_chunks(one_by_one: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking_module, "POOL_CHUNKS", one_by_one)
    ranking = rank([synthetic.tie()], job("argument", tasks=16, workers=4), cores=CORES)
    assert all(row.chunk == 1 for tier in ranking.tiers for row in tier)


def test_what_no_time_was_left_for_is_said_in_the_headline() -> None:
    argument, state = synthetic.model_under_spawn()[:2]
    state.rows = [row for row in state.rows if row[0] == NULL]
    advice = advise("t", job(), [argument, state], cores=CORES)
    assert "nothing set up once per worker was measured" in advice.advice
    assert "nothing set up" not in advise("t", job(), synthetic.model_under_spawn()[:2], cores=CORES).advice


def test_what_shared_memory_has_no_room_for_is_out_with_that_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "free_shared_bytes", lambda: 64 << 20)
    for nbytes, out in ((20 << 20, False), (40 << 20, True)):
        entry = Entry(Ref("", "mine", "make"), Payload(name="p", make=list, nbytes=nbytes))
        found = _too_large(Plan("t", entry, job("argument", workers=2), fresh, 0.0, 2), lanes_for(Duty.ARGUMENT))
        assert set(found) == ({"shm-pickle-5", "shm-reused", "shm-fresh", "shm-list"} if out else set())
        assert all("64.0 MiB free" in each.reason and "80.0 MiB" in each.reason for each in found.values())


def test_an_interval_that_means_unknown_is_not_printed() -> None:
    assert units.interval(Estimate(1.0, 0.0013, 10_887_000.0, 3, 9)) == "1.00 s ±?"
    assert "[" in units.interval(Estimate(1.0, 0.9, 1.1, 3, 9))


def few(record: Record, lane: str, trials: int) -> Record:
    """As if a lane had been measured in the first trials only."""
    record.rows = [row for row in record.rows if row[0] != lane or row[2] < trials]
    return record


def test_a_way_measured_once_but_far_slower_stands_behind() -> None:
    record = few(synthetic.record(metrics={"handoff": {"pickle-default": 1e-3, "dill": 5e-2}}), "dill", 1)
    first, last = rank([record], job("argument", 10_000), cores=CORES).tiers
    assert [row.strategy for row in first] == ["pickle-default"]
    assert [row.strategy for row in last] == ["dill"]
    assert "first trials" in last[0].notes[0]


def test_a_way_measured_once_but_far_faster_leads() -> None:
    record = few(
        synthetic.record(metrics={"handoff": {"pickle-default": 1.0, "shm-pickle-5": 1e-2}}), "shm-pickle-5", 1
    )
    tiers = rank([record], job("argument", 1000), cores=CORES).tiers
    assert tiers[0][0].strategy == "shm-pickle-5"
    assert all(row.strategy != "pickle-default" for row in tiers[0])


def test_a_single_trial_gives_an_order_and_no_certainty() -> None:
    record = synthetic.record(metrics={"handoff": {"pickle-default": 1e-3, "pickle-5": 5e-4}}, trials=1)
    advice = advise("t", job("argument", 10_000), [record], cores=CORES)
    assert advice.tiers[0][0].strategy == "pickle-5"
    assert math.isinf(advice.tiers[0][0].task_s_high)
    assert "first impression" in advice.sure
    assert json.loads(json.dumps(advice.to_json(), allow_nan=False))["tiers"][0][0]["task_s_high"] is None


def test_a_fifth_is_no_noise_even_after_one_trial() -> None:
    for slower, first in ((1.21, "pickle-5"), (1.05, "pickle-default")):
        record = synthetic.record(metrics={"handoff": {"pickle-default": slower * 1e-3, "pickle-5": 1e-3}}, trials=1)
        assert best([record], job("argument", 10_000))[0] == first, "a simpler way is worth little"


def test_how_much_can_be_lost_is_said_and_nothing_contradicts_it() -> None:
    lanes = {"pickle-default": 1e-3, "pickle-5": 6e-4, "shm-pickle-5": 5e-4, "dill": 4e-3}
    for noise in (0.01, 0.1, 0.3):
        for trials in (2, 3, 5, 9):
            record = synthetic.record(f"n{trials}", metrics={"handoff": lanes}, noise=noise, trials=trials)
            ranking = rank([record], job("argument", 10_000), cores=CORES)
            advice = advise("t", job("argument", 10_000), [record], cores=CORES)
            first, *others = ranking.tiers[0]
            assert first.verdict == "take" and first.ratio == 1
            assert ("not sure yet" in advice.advice) == (ranking.bound > 1.25 or ranking.copies is not None)
            for row in others:
                assert row.verdict in ("as good", "contender")
                assert row.verdict == "as good" or f"as good: {row.way}" not in advice.advice
            for row in (row for tier in ranking.tiers[1:] for row in tier):
                assert row.verdict in ("slower", "far") and row.ratio > 1
            for number in re.findall("at most ([0-9.,]+) × the best", advice.advice + advice.sure):
                assert float(number.replace(",", "")) >= ranking.bound * 0.9999


def test_what_was_not_reached_is_unmeasured_not_broken() -> None:
    record = synthetic.record(metrics={"handoff": {"pickle-default": 1e-3}})
    record.strategies = [*record.strategies, "pickle-5"]
    (found,) = rank([record], job("argument"), cores=CORES).excluded
    assert (found.strategy, found.outcome) == ("pickle-5", UNMEASURED)


def test_the_break_even_is_where_the_lines_cross() -> None:
    argument = synthetic.record(metrics={"handoff": {"pickle-default": 0.010}})
    state = synthetic.record(
        kind="state", baseline="process-args",
        metrics={"task": {"process-args": 0.001, NULL: 1e-5}, "setup": {"process-args": 0.2, NULL: 0.1}},
    )  # fmt: skip
    advice = advise("t", job(tasks=1000, workers=1), [argument, state], cores=CORES)
    assert advice.best is not None and advice.best.strategy == "process-args"
    # 0.1 s more setup, 9 ms less a task: from about 11 tasks on
    assert "better from 1" in advice.breaks_even and "tasks on" in advice.breaks_even


def finding(path: str, blocks: tuple[str, ...], where: str = "dump") -> Finding:
    return Finding(path, "function", "a lambda", "define it at module level", blocks, where=where)


def test_when_nothing_carries_it_the_advice_is_to_mend_the_culprit() -> None:
    diagnosis = Diagnosis("t", culprits=(finding("obj.f", ("pickle-5", "dill")), finding("obj.g", ("dill",))))
    advice = advise("t", job("argument"), [synthetic.nothing_carries()], cores=CORES, diagnosis=diagnosis)
    assert advice.tiers == ()
    assert "mend obj.f (and 1 more" in advice.advice
    assert "define it at module level" in advice.advice


def test_a_culprit_that_a_real_hand_over_refutes_is_not_told() -> None:
    diagnosis = Diagnosis("t", culprits=(finding("obj", ("pickle-default",), "load"), finding("obj.g", ("dill",))))
    advice = advise("t", job("argument"), [synthetic.tie()], cores=CORES, diagnosis=diagnosis)
    assert [each.path for each in advice.culprits] == ["obj.g"]


def test_the_gain_of_a_refactoring_is_measured() -> None:
    awkward = synthetic.record(
        metrics={"handoff": {"cloudpickle": 1e-2}}, baseline="cloudpickle",
        failures={"pickle-default": synthetic.refused()},
    )  # fmt: skip
    mended = synthetic.record(metrics={"handoff": {"pickle-default": 1e-3}})
    diagnosis = Diagnosis("t", culprits=(finding("obj.f", ("pickle-default",)),))
    advice = advise(
        "t", job("argument", 1000), [awkward], cores=CORES, diagnosis=diagnosis, refactored=[mended]
    )  # fmt: skip
    (change,) = advice.refactorings
    assert change.gain == pytest.approx(10, rel=0.1)
    assert "obj.f" in change.what and "to refactor pays" in advice.advice


def test_what_the_diagnosis_saw_altered_is_excluded_for_all_that_pickle_alike() -> None:
    altered = Finding("obj.lock", "lock", "a new lock arrives", "", ("pickle-5", "cloudpickle"), where="arrival")
    record = synthetic.record(
        metrics={"handoff": {"pickle-default": 1e-3, "pickle-5-oob": 1e-4, "shm-pickle-5": 1e-4, "cloudpickle": 1e-4}}
    )
    advice = advise("t", job("argument"), [record], cores=CORES, diagnosis=Diagnosis("t", altered=(altered,)))
    assert [row.strategy for tier in advice.tiers for row in tier] == ["pickle-default"]
    elsewhere = dataclasses.replace(altered, start_methods=("fork",))  # the records are of spawn
    advice = advise("t", job("argument"), [record], cores=CORES, diagnosis=Diagnosis("t", altered=(elsewhere,)))
    assert len([row for tier in advice.tiers for row in tier]) == 4


def test_what_fails_in_some_workers_is_broken_although_those_of_the_trials_had_it() -> None:
    some = dataclasses.replace(finding("obj", ("pickle-default",), "load"), kind="hash-seed", start_methods=("spawn",))
    record = synthetic.record(metrics={"handoff": {"pickle-default": 1e-3, "cloudpickle": 1e-2}})
    advice = advise("t", job("argument"), [record], cores=CORES, diagnosis=Diagnosis("t", culprits=(some,)))
    assert [row.strategy for tier in advice.tiers for row in tier] == ["cloudpickle"]
    assert [(each.strategy, each.outcome) for each in advice.excluded] == [("pickle-default", Kind.BROKEN)]
    assert [each.path for each in advice.culprits] == ["obj"]


@pytest.mark.parametrize("build", [synthetic.model_under_spawn, lambda: [synthetic.hostile()]])
def test_json_has_the_promised_keys_and_comes_back(build: Any) -> None:
    records = [record for record in build() if record.kind in ("argument", "state")]
    advice = advise(synthetic.HOSTILE, job(), records, cores=CORES)
    data = json.loads(json.dumps(advice.to_json(), allow_nan=False))
    check_schema(data)
    assert Advice.from_json(data).to_json() == data


def check_schema(data: dict[str, Any]) -> None:
    assert {"schema", "target", "job", "tiers", "excluded", "advice"} <= data.keys()
    assert data["schema"] == 1
    assert {"duty", "tasks", "workers", "start_method"} == data["job"].keys()
    wanted = {"strategy", "task_s", "task_s_low", "task_s_high", "setup_s", "total_s", "notes"}
    assert all(wanted <= row.keys() for tier in data["tiers"] for row in tier)
    assert all({"strategy", "outcome", "reason"} <= each.keys() for each in data["excluded"])
    assert isinstance(data["advice"], str) and data["advice"].endswith(".")


@pytest.mark.parametrize("columns", [60, 80, 110])
def test_text_fits(columns: int) -> None:
    advice = advise("t", job(), synthetic.model_under_spawn()[:2], cores=CORES)
    assert max(map(len, advice_text(advice, columns).splitlines())) <= columns


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_holds_every_strategy(form: str) -> None:
    advice = advise("t", job(), synthetic.model_under_spawn()[:2], cores=CORES)
    text = advice_as(advice, form)
    assert all(name in text for name in ("process-args", "shm-reused", "shm-list", "dill-recurse"))


def test_html_is_escaped() -> None:
    advice = advise(synthetic.HOSTILE, job("argument"), [synthetic.hostile()], cores=CORES)
    assert "<script" not in advice_html(advice)
    outside_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", advice_as(advice, "markdown"))
    assert "<script" not in outside_code


def test_recipes_make_the_users_own_object_and_compile() -> None:
    ranking = rank(synthetic.model_under_spawn()[:2], job(), cores=CORES)
    for tier in ranking.tiers:
        for row in tier:
            recipe = recipe_for(Ref("", "mine", "make(3, k=[1])"), job())(row)
            compile(recipe.before, "before", "exec")
            compile(recipe.after, "after", "exec")
            assert "make(3, k=[1])" in recipe.after


def test_the_recipe_is_written_for_the_job() -> None:
    ranking = rank(synthetic.model_under_spawn()[:2], job(), cores=CORES)
    rows = {(row.strategy, row.duty): row for tier in ranking.tiers for row in tier}
    recipe = recipe_for(Ref("", "mine", "make"), job(tasks=7, workers=3))
    assert 'get_context("spawn")' in recipe(rows["process-args", "state"]).after
    assert "range(3)" in recipe(rows["process-args", "state"]).after
    assert 'get_context("spawn").Pool(3)' in recipe(rows["pickle-default", "argument"]).after


def test_workers_that_are_not_forked_import_whether_they_get_the_object_at_once_or_with_a_task() -> None:
    sent = synthetic.record(metrics={"handoff": {"pickle-default": 1e-3}})
    state = synthetic.record(
        kind="state", baseline="process-args",
        metrics={  # a thread imports nothing, and tells nothing of what others import
            "task": {"process-args": 1e-3, "thread": 1e-3, NULL: 1e-5},
            "setup": {"process-args": 0.3, "thread": 1e-3, NULL: 0.1},
        },
    )  # fmt: skip
    for start_method, imported_s, ready_s in (("spawn", 0.15, 0.25), ("spawn", 9.0, 0.3), ("fork", 0.15, 0.1)):
        wanted = Job(BOTH, 10, 1, start_method)
        ranking = rank([sent, state], wanted, cores=CORES, imported_s=imported_s)
        assert ranking.start_s == pytest.approx(ready_s, rel=0.1)
        total_s = {row.strategy: row.total_s for tier in ranking.tiers for row in tier}
        assert total_s["pickle-default"] == pytest.approx(ready_s + 0.01, rel=0.1)
        assert total_s["process-args"] == pytest.approx(0.3 + 0.01, rel=0.1)


def test_a_worker_that_makes_the_object_tells_what_importing_takes_there() -> None:
    sent = synthetic.record(metrics={"handoff": {"pickle-default": 1e-3}})
    state = synthetic.record(
        kind="state", baseline="rebuild",
        metrics={"task": {"rebuild": 1e-3, NULL: 1e-5}, "setup": {"rebuild": 0.3, NULL: 0.1}},
    )  # fmt: skip
    for made_s, ready_s in ((0.02, 0.28), (0.15, 0.2), (math.nan, 0.2)):  # it is never less than importing took here
        ranking = rank([sent, state], Job(BOTH, 10, 1, "spawn"), cores=CORES, imported_s=0.1, made_s=made_s)
        assert ranking.start_s == pytest.approx(ready_s, rel=0.02)


@pytest.mark.parametrize(("start_method", "nbytes", "in_turn"), [
    ("spawn", 1 << 20, True), ("forkserver", 1 << 20, True), ("spawn", 1 << 10, False), ("fork", 1 << 20, False),
])  # fmt: skip
def test_workers_that_are_given_more_than_a_pipe_holds_start_one_after_the_other(
    start_method: str, nbytes: int, in_turn: bool
) -> None:
    state = synthetic.record(
        kind="state", baseline="process-args",
        metrics={
            "task": {"process-args": 1e-3, "rebuild": 1e-3, NULL: 1e-5},
            "setup": {"process-args": 0.3, "rebuild": 0.3, NULL: 0.1},
        },
    )  # fmt: skip
    state.floor_bytes = nbytes
    ranking = rank([state], Job(BOTH, 4, 2, start_method), cores=2)
    total_s = {row.strategy: row.total_s for tier in ranking.tiers for row in tier}
    assert total_s["rebuild"] == pytest.approx(0.3, rel=0.05)
    assert total_s["process-args"] == pytest.approx(0.6 if in_turn else 0.3, rel=0.05)


def test_the_gain_of_a_refactoring_counts_the_same_start() -> None:
    awkward = synthetic.record(
        kind="state", baseline="rebuild",
        metrics={"task": {"rebuild": 1e-5, NULL: 1e-5}, "setup": {"rebuild": 0.2, NULL: 0.2}},
    )  # fmt: skip
    mended = synthetic.record(metrics={"handoff": {"pickle-default": 1e-5}})  # nobody saw its workers start
    diagnosis = Diagnosis("t", culprits=(finding("obj.f", ("pickle-default",)),))
    wanted = job(tasks=100, workers=1)
    advice = advise("t", wanted, [awkward], cores=CORES, diagnosis=diagnosis, refactored=[mended])
    change = next(each for each in advice.refactorings if "obj.f" in each.what)
    assert change.gain == pytest.approx(1, rel=0.1) and "to refactor pays" not in advice.advice


def test_memory_is_told_where_it_was_measured_and_else_said_to_be_missing() -> None:
    records = [synthetic.tie()]
    without_memory = advise("t", job("argument", 10_000), records, cores=CORES)
    assert without_memory.memory == "" and any("memory was not measured" in note for note in without_memory.notes)
    assert without_memory.to_json()["tiers"][0][0]["worker_uss_bytes"] is None
    seen = synthetic.record(kind="memory-argument")
    seen.rows, seen.values = [], [
        [lane, metric, 0, 0, mib * 2**20]
        for lane, mib in (("pickle-default", 80), ("pickle-5", 20), (NULL, 10))
        for metric in ("worker-uss-bytes", "worker-pss-bytes", "parent-peak-bytes")
    ]  # fmt: skip
    advice = advise("t", job("argument", 10_000), records, cores=CORES, memory=[seen])
    assert advice.best is not None and advice.best.worker_uss_bytes == 80 * 2**20
    assert "80.0 MiB to itself (a bare one 10.0 MiB)" in advice.memory and "with pickle-5" in advice.memory
    assert not any("memory was not measured" in note for note in advice.notes)
    assert "80.0 MiB" in advice_text(advice, 110) and advice.memory in advice_as(advice, "markdown")
    assert Advice.from_json(json.loads(json.dumps(advice.to_json()))).to_json() == advice.to_json()


def test_few_noisy_trials_are_no_reason_for_a_complicated_way() -> None:
    noisy = {"pickle-default": 1.05e-3, "shm-pickle-5": 1e-3}
    record = few(synthetic.record(metrics={"handoff": noisy}, noise=0.05), "pickle-default", 2)
    assert best([record], job("argument", 10_000)) == ("pickle-default", "argument")
    clear = few(synthetic.record(metrics={"handoff": {"pickle-default": 1.6e-3, "shm-pickle-5": 1e-3}}),
                "pickle-default", 2)  # fmt: skip
    assert best([clear], job("argument", 10_000)) == ("shm-pickle-5", "argument")


def test_the_refactored_object_lacks_its_culprits_and_nothing_else() -> None:
    obj = {"f": lambda: 1, "data": [1, 2], "deep": {"g": [lambda: 2]}}
    assert without(obj, ["obj['f']", "obj['deep']['g'][0]"]) == {"f": None, "data": [1, 2], "deep": {"g": [None]}}


@pytest.mark.parametrize("duty", list(Duty))
def test_lanes_are_all_strategies_of_a_duty_each_once(duty: Duty) -> None:
    names = lanes_for(duty)
    assert sorted(names) == sorted(name for name in usual() if duty in registry()[name].duties)


def test_a_payloads_own_duty_decides_if_none_was_asked_for() -> None:
    usual = usual_job(None, None, None, None)
    assert usual.tasks == 100
    assert usual.workers >= 1
    assert fitting(usual, None, {"shared"}, declared=True).duty == "shared"
    assert fitting(usual, None, {"argument", "state"}, declared=True).duty == BOTH
    assert fitting(usual, None, {"argument"}, declared=False).duty == BOTH
    assert fitting(usual_job("result", 1, 1, "fork"), "result", {"argument"}, declared=True).duty == "result"


# -- real runs


@pytest.mark.slow
@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_a_real_object_gets_real_advice_within_its_budget(desk: Path, start_method: str) -> None:
    begin = time.monotonic()
    done = handoff(
        desk, "advise", "targets.py:config", "--budget", "12s", "--start-method", start_method, "--format", "json"
    )
    assert time.monotonic() - begin < GENEROUS_S
    assert done.returncode == 0, done
    data = json.loads(done.stdout)
    check_schema(data)
    assert data["job"] == {"duty": BOTH, "tasks": 100, "workers": data["job"]["workers"], "start_method": start_method}
    ranked = {row["strategy"] for tier in data["tiers"] for row in tier}
    assert not ranked & {"pickle-default", "cloudpickle", "dill", "thread"}, (
        "a lock is in it: only where it is made anew"
    )
    pools = {"pool", "process-pool-executor", "pathos"}  # by their initializers, which a fork inherits
    assert ranked <= {"inherit", "process-args", "initializer", "rebuild", *(pools if start_method == "fork" else ())}
    assert {row["duty"] for tier in data["tiers"] for row in tier if row["strategy"] in pools} <= {"state"}
    assert {each["outcome"] for each in data["excluded"]} <= {*map(str, Kind), REFERENCE, UNMEASURED}
    assert "so far: " in done.stderr


@pytest.mark.slow
def test_plain_data_duties_and_formats(desk: Path) -> None:
    for duty in ("result", "shared"):
        done = handoff(
            desk, "advise", "targets.py:Factory.build", "--duty", duty, "--budget", "6s", "-q", "--format", "csv",
            "--workers", "2", "--tasks", "10", "--start-method", "fork",
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), done
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        assert rows[0]["tier"] == "1"
        assert float(rows[0]["task_s"]) > 0
        assert {row["duty"] for row in rows if row["tier"]} == {duty}


@pytest.mark.slow
def test_what_takes_long_to_make_is_made_once(desk: Path) -> None:
    (desk / "slow.py").write_text(
        "import time\nfrom pathlib import Path\n\n"
        "def make():\n    time.sleep(0.8)\n    with open('made.txt', 'a') as f:\n"
        "        f.write('x')\n    return [1, 2]\n"
    )
    done = handoff(
        desk, "advise", "slow.py:make", "--duty", "argument", "--budget", "6s", "-q", "--start-method", "fork"
    )
    assert done.returncode == 0, done
    assert "share one build" in " ".join(done.stdout.split())
    assert (desk / "made.txt").read_text() == "x"


@pytest.mark.slow
def test_nothing_carries_it_is_exit_code_1(desk: Path) -> None:
    (desk / "bad.py").write_text("def make():\n    return (n for n in range(3))\n")
    done = handoff(
        desk, "advise", "bad.py:make", "--duty", "argument", "--budget", "1h", "--start-method", "spawn", "-q"
    )
    assert done.returncode == 1, done
    assert "Nothing carries it as it is" in " ".join(done.stdout.split())


HANGING = {
    "read": "class Rows(list):\n    def __iter__(self):\n        time.sleep(600)\ndef make(): return Rows([1])\n",
    "dropped": "class Rows:\n    def __del__(self):\n        time.sleep(600)\ndef make(): return Rows()\n",
    "pickled": "class Rows:\n    def __reduce__(self):\n        time.sleep(600)\ndef make(): return Rows()\n",
    "class": "class Meta(type):\n    def __hash__(self):\n        time.sleep(600)\n"
    "def make(): return Meta('Rows', (), {})()\n",
}


@pytest.mark.parametrize("name", HANGING)
def test_what_hangs_ends_with_the_budget_and_is_said(desk: Path, name: str) -> None:
    (desk / "hangs.py").write_text(f"import time\n{HANGING[name]}")
    done = handoff(desk, "advise", "hangs.py:make", "--budget", "1s", "--start-method", "fork", "--workers", "1", "-q")
    assert (done.returncode, done.stderr) == (1 if name == "read" else 0, ""), done  # a fork has the object itself
    said = " ".join(done.stdout.split())
    if name == "read":
        assert "had not come to an end after 3 s (" in said and "hangs.py:4): say what a task does with it" in said
    else:
        assert "process-args, set up once per worker" in said


@pytest.mark.parametrize(
    "target", ["targets.py:raises", "targets.py:crashes", "targets.py:exits_hard", "syntax.py:make"]
)
def test_hostile_targets_are_one_line_here_too(desk: Path, target: str) -> None:
    done = handoff(desk, "advise", target)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "options",
    [["--tasks", "0"], ["--workers", "-1"], ["--duty", "fun"], ["--start-method", "x"], ["--budget", "0"]],
)
def test_wrong_options_are_told(desk: Path, options: list[str]) -> None:
    done = handoff(desk, "advise", "targets.py:plain", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_an_outcome_of_a_died_parent_is_told_as_broken() -> None:
    record = synthetic.record(failures={"dill": Outcome(Kind.BROKEN, "parent", "", "died of SIGSEGV")})
    (found,) = rank([record], job("argument"), cores=CORES).excluded
    assert (found.outcome, found.reason) == ("broken", "in the parent: died of SIGSEGV")


def test_a_bad_target_raises_for_callers() -> None:
    with pytest.raises(TargetError, match="no such file"):
        advise_target("missing.py:make", usual_job(None, None, None, None))


def test_second_copies_of_a_dropped_baseline_do_not_count() -> None:
    """The baseline of most trials is the record's: the others' ``baseline-bis`` is a copy of something else."""
    entry = Entry(Ref("", "nowhere", "thing"), Payload(name="thing", make=int))
    plan = Plan("t", entry, job("argument"), fresh, math.inf, CORES)
    run = _Lanes(plan, entry, Duty.ARGUMENT, ["pickle-default", "pickle-5"], fresh)
    run.bases = dict.fromkeys(range(10), "pickle-5") | {0: "pickle-default", 1: "pickle-default"}
    run.records = [synthetic.record(metrics={"handoff": {"pickle-default": 1e-2, "pickle-5": 1e-3}}, aa=5.0)]
    settled = run.settled()
    assert settled.baseline == "pickle-5"
    assert {row[2] for row in settled.rows if row[0] == BIS} == set(range(2, 10))
    assert {row[2] for row in settled.rows if row[0] == "pickle-default"} == set(range(10))


@pytest.mark.slow
@pytest.mark.parametrize("budget", ["200ms", "1s"])
def test_a_budget_too_small_gives_what_there_is(desk: Path, budget: str) -> None:
    done = handoff(desk, "advise", "targets.py:plain", "--budget", budget, "-q")
    assert done.returncode in (0, 1), done
    assert "Traceback" not in done.stderr
    assert re.search(r"first impression|Nothing was measured", " ".join(done.stdout.split()))
