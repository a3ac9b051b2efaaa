"""What a run spends its time on: contenders, open questions, and workers that outlive payloads."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from handoff.analysis.metrics import BIS
from handoff.measuring import experiment, questions
from handoff.measuring.experiment import Experiment, measure, plan
from handoff.measuring.ledger import CALIBRATING, LOOKING, REST, SAMPLES, WORKERS, Ledger
from handoff.outcome import OK
from handoff.payload import Duty
from handoff.profile import PROFILES, Profile
from handoff.record import BUDGET, DECIDED, Record, read
from handoff.target import load_collection

QUICK = replace(PROFILES["quick"], rounds=3, sample_s=0.0002)
ONCE = replace(QUICK, trials=1, most_trials=0, record_s=0.0)

_numbers = itertools.count()  # no two modules of one name are imported in a process

COLLECTION = """
import os
from handoff.payload import Duty, Payload, Trait

def seen(obj):
    with open({pids!r}, "a") as file:
        file.write(f"{{len(obj)}} {{os.getpid()}}\\n")
    return obj

def touch(obj):
    return len(seen(obj))

def payload(size):
    return Payload(name=f"bytes-{{size}}", make=lambda: seen(bytes(size)), touch=touch, nbytes=size,
                   traits=frozenset({{Trait.BUFFER}}), duties=frozenset(Duty))

PAYLOADS = tuple(payload(size) for size in {sizes})
"""


def experiments(
    folder: Path, kind: str, start_method: str, sizes: tuple[int, ...], *strategies: str
) -> list[Experiment]:
    """Experiments on blocks of bytes; who makes or reads one leaves its length and its process in ``pids``."""
    file = folder / f"blocks_{next(_numbers)}.py"
    file.write_text(COLLECTION.format(pids=str(folder / "pids"), sizes=sizes))
    collection = load_collection(file)
    return plan(collection, kinds=(kind,), start_methods=(start_method,), strategies=strategies)


def readers(folder: Path, size: int) -> set[str]:
    """The processes that have made or read a block."""
    lines = (line.split() for line in (folder / "pids").read_text().splitlines())
    return {pid for length, pid in lines if length == str(size)}


@pytest.mark.parametrize("duty", [Duty.ARGUMENT, Duty.RESULT])
@pytest.mark.parametrize("start_method", ["spawn", "forkserver"])
def test_a_worker_outlives_payloads_where_starting_one_is_dear(tmp_path: Path, duty: Duty, start_method: str) -> None:
    ways = ("pickle-5", "queue", "simple-queue", "shm-pickle-5")
    records = measure(experiments(tmp_path, duty, start_method, (10, 2000), *ways), ONCE, None, seed=1)
    for record in records:
        assert record.complaints == []
        assert all(record.outcomes[way].ok for way in ways)
        assert {row[0] for row in record.rows} >= set(ways)
    # the measuring process, which has both, and one worker
    assert readers(tmp_path, 10) == readers(tmp_path, 2000)
    assert len(readers(tmp_path, 10)) == 2


def test_under_fork_each_payload_has_a_worker_that_was_forked_with_it(tmp_path: Path) -> None:
    measure(experiments(tmp_path, Duty.ARGUMENT, "fork", (10, 2000), "pickle-5", "queue"), ONCE, None, seed=1)
    assert len(readers(tmp_path, 10) & readers(tmp_path, 2000)) == 1


def test_a_record_says_where_its_time_went(tmp_path: Path) -> None:
    (record,) = measure(experiments(tmp_path, Duty.ARGUMENT, "spawn", (10,), "pickle-5"), ONCE, tmp_path / "records")
    assert record.spent_s.keys() == {SAMPLES, WORKERS, LOOKING, CALIBRATING, REST}
    assert min(record.spent_s.values()) >= 0
    assert sum(record.spent_s.values()) == pytest.approx(record.seconds, abs=0.01)
    assert read(tmp_path / "records" / f"{record.name}.json").spent_s == record.spent_s


def test_what_is_done_within_something_else_is_not_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 4.0, 10.0])
    monkeypatch.setattr("handoff.measuring.ledger.perf_counter", lambda: next(now))
    ledger = Ledger()
    with ledger.on(LOOKING), ledger.on(WORKERS):
        pass
    assert ledger.spent_s == {WORKERS: 3.0, LOOKING: 7.0}


def rows(trial: int, factors: dict[str, float], spread: float, rng: random.Random) -> list[list[object]]:
    """A trial of five rounds in which each lane takes so many milliseconds."""
    return [
        [lane, "encode", trial, number, 1, factor * 1e-3 * rng.lognormvariate(0, spread), 0, 0, 0, 0, 0, 0]
        for number in range(5)
        for lane, factor in factors.items()
    ]


def record_of(factors: dict[str, float], *, trials: int, spread: float = 0.02) -> Record:
    made = Record(
        payload="p", kind="codec", start_method="", collection="", profile={}, fingerprint={},
        strategies=[way for way in factors if way != BIS],
        run="", started="", about={}, baseline="pickle-default",
    )  # fmt: skip
    rng = random.Random(1)
    for trial in range(trials):
        made.rows += rows(trial, factors, spread, rng)
        made.trials.append({})
    return made


def test_a_lane_is_out_when_it_is_surely_three_times_the_best() -> None:
    factors = {"pickle-default": 9.0, "pickle-5": 1.0, "cloudpickle": 3.3, "dill": 30.0, "thread": 0.001, BIS: 9.0}
    assert questions.out(record_of(factors, trials=1)) == frozenset(), "one number tells nothing of its scatter"
    assert questions.out(record_of(factors, trials=2)) == {"dill"}, "not the baseline, and against no reference"
    assert questions.contenders(record_of(factors, trials=1)) == {"pickle-default", "pickle-5", "thread"}
    factors["cloudpickle"] = 2.9
    assert "cloudpickle" in questions.contenders(record_of(factors, trials=1))


def test_one_trial_of_bad_luck_puts_no_lane_out() -> None:
    seen = record_of({"pickle-default": 1.0, "pickle-5": 1.0}, trials=1)
    seen.rows += rows(1, {"pickle-default": 1.0, "pickle-5": 500.0}, 0.02, random.Random(2))
    seen.baseline = "pickle-default"
    assert questions.out(seen) == frozenset()
    seen.rows += rows(2, {"pickle-default": 1.0, "pickle-5": 500.0}, 0.02, random.Random(3))
    assert questions.out(seen) == frozenset()


def test_rounds_are_many_where_a_trial_is_dear_and_few_where_rounds_are() -> None:
    seen = record_of({"pickle-default": 1.0, "pickle-5": 1.0, "cloudpickle": 1.0}, trials=3, spread=0.4)
    found = []
    for seconds in (1.1, 2.0, 10.0, 1000.0):
        seen.seconds, seen.spent_s = seconds, {SAMPLES: 1.0}
        found.append(questions.best_rounds(seen))
    assert found == sorted(found)
    assert (found[0], found[-1]) == (questions.LEAST_ROUNDS, questions.MOST_ROUNDS)
    assert questions.LEAST_ROUNDS < found[2] < questions.MOST_ROUNDS
    seen.seconds, seen.spent_s = 10.0, {SAMPLES: 1.0, LOOKING: 8.0}
    assert questions.best_rounds(seen) == found[1], "what arrived is looked at once: later trials do not pay for it"


@pytest.fixture
def feigned(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, dict[str, float]]], None]:
    """Let trials tell made-up samples at once: by payload, what each lane takes."""

    def feign(times: dict[str, dict[str, float]]) -> None:
        rng = random.Random(5)

        def interpreter(self: experiment.GroupRun, number: int, todo: set[int], _: object) -> None:
            for index in todo:
                record = self.records[index]
                record.seconds += 0.01
                record.spent_s[SAMPLES] = record.spent_s.get(SAMPLES, 0.0) + 0.005
                asked = self.spec(index)["strategies"]
                record.baseline = "pickle-5"
                record.outcomes |= dict.fromkeys(asked, OK)
                takes = {lane: ms for lane, ms in times[record.payload].items() if lane in asked}
                record.rows += rows(len(record.trials), takes, 0.02, rng)
            todo.clear()

        monkeypatch.setattr(experiment.GroupRun, "interpreter", interpreter)

    return feign


@pytest.mark.parametrize("grouped", [True, False])
def test_trials_go_where_it_is_open_which_way_to_take(
    tmp_path: Path, feigned: Callable[[dict[str, dict[str, float]]], None], grouped: bool
) -> None:
    clear, close = {"pickle-5": 1.0, "pickle-4": 1.8}, {"pickle-5": 1.0, "pickle-4": 1.001}
    feigned({"bytes-10": clear, "bytes-20": close})
    profile = replace(QUICK, trials=3, most_trials=9, bound=1.0001, grouped=grouped)
    folder = tmp_path / "records"
    one, two = measure(experiments(tmp_path, "codec", "", (10, 20), "pickle-5", "pickle-4"), profile, folder, seed=1)
    assert (len(one.trials), one.stopped) == (3, DECIDED)
    assert len(two.trials) > 3
    assert {row[2] for row in two.rows} == set(range(len(two.trials)))
    assert len(list(folder.glob("*.json"))) == 2


def test_after_the_first_pass_a_trial_has_what_is_contested(
    tmp_path: Path, feigned: Callable[[dict[str, dict[str, float]]], None]
) -> None:
    feigned({"bytes-10": {"pickle-5": 1.0, "pickle-4": 1.001, "pickle-3": 2.0}})
    profile = replace(QUICK, trials=3, most_trials=6, bound=1.0001)
    (record,) = measure(
        experiments(tmp_path, "codec", "", (10,), "pickle-5", "pickle-4", "pickle-3"), profile, None, seed=1
    )
    had = {way: {row[2] for row in record.rows if row[0] == way} for way in record.strategies}
    assert had["pickle-5"] == had["pickle-4"] == set(range(6))
    assert had["pickle-3"] == {0, 1, 2}, "twice as slow, and nothing to ask about it"
    assert record.left_out == {}, "it rests: it may be asked for again"


def test_what_cannot_be_measured_here_gives_no_time_to_others(
    tmp_path: Path,
    feigned: Callable[[dict[str, dict[str, float]]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = itertools.count(0.0, 0.05)  # each look at it is a twentieth of a second later
    feigned_time = SimpleNamespace(monotonic=lambda: next(clock), perf_counter=time.perf_counter)
    monkeypatch.setattr(experiment, "time", feigned_time)
    feigned({"bytes-10": {"pickle-5": 1.0, "pickle-4": 1.0}, **{f"bytes-{n}": {} for n in range(20, 24)}})
    profile = replace(QUICK, trials=2, most_trials=10**6, bound=1.0, record_s=0.4, least_s=0.0)
    asked = experiments(tmp_path, "codec", "", (10, 20, 21, 22, 23), "pickle-5", "pickle-4")
    record, *others = measure(asked, profile, None, seed=1)
    assert not any(each.rows for each in others)
    assert record.stopped == BUDGET
    assert 4 < len(record.trials) <= 2 + 0.4 / 0.05, "0.4 s, not five times as much"


def test_a_run_ends_when_its_time_is_up(tmp_path: Path, feigned: Callable[[dict[str, dict[str, float]]], None]) -> None:
    feigned({"bytes-10": {"pickle-5": 1.0, "pickle-4": 1.0}})
    profile = replace(QUICK, trials=2, most_trials=10**6, bound=1.0, record_s=0.2, least_s=0.0)
    (record,) = measure(experiments(tmp_path, "codec", "", (10,), "pickle-5", "pickle-4"), profile, None, seed=1)
    assert record.stopped == BUDGET
    assert len(record.trials) > 2


def test_of_a_large_one_only_the_ways_that_contend_for_a_smaller_one_are_measured(
    tmp_path: Path, feigned: Callable[[dict[str, dict[str, float]]], None]
) -> None:
    ways = {"pickle-5": 4.0, "pickle-4": 1.0, "cloudpickle": 2.0, "dill": 3.5}
    feigned({"bytes-1000": ways, "bytes-200000": ways})
    profile = replace(QUICK, most_trials=0, all_lanes_bytes=100_000)
    found = measure(experiments(tmp_path, "codec", "", (200_000, 1000), *ways), profile, None, seed=1)
    large, small = found
    assert set(small.strategies) == set(ways)
    assert set(large.strategies) == {"pickle-5", "pickle-4", "cloudpickle"}, "with the baseline, however slow"
    assert large.left_out == {"dill": 0}
    assert large.outcomes.keys() == set(large.strategies)
    assert {row[0] for row in large.rows} == set(large.strategies)
    assert len(large.trials) == len(small.trials) == profile.trials


@pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
def test_every_profile_ends(profile: Profile) -> None:
    assert profile.bound is not None
    assert profile.trials <= profile.most_trials
    assert profile.record_s or profile.most_trials < 100
