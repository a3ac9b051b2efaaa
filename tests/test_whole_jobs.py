"""Whole jobs: the programs of leading ways are run, and what they take counts for more than the sum of the parts."""

from __future__ import annotations

import ast
import json
import math
import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import pytest
import synthetic

from handoff.advising import whole_jobs
from handoff.advising.across import _Known, _Leader, _leaders
from handoff.advising.ranking import MeasuredWay, Whole, rank
from handoff.advising.recipes import program_for
from handoff.advising.result import BOTH, Job
from handoff.advising.search import SCOUTS, Plan, Search
from handoff.advising.whole_jobs import SHARES, TASKS, Afresh, Forks, Stem, _parted, _Runs, run_all
from handoff.advising.wording import advise
from handoff.measuring.experiment import serves
from handoff.payload import Duty, Payload
from handoff.processes.messages import JobProgram
from handoff.start_methods import START_METHODS
from handoff.strategies import registry, usual
from handoff.target import Entry, Ref

forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

HEAD = """
import time
import multiprocessing as mp
def _made(make):
    return make()

def work(obj):
    return len(obj)

def build(_):
    return _made(list)

if __name__ == "__main__":
"""


def program(main: str, *, always: bool = False, expected_s: float = 0.2) -> JobProgram:
    return {"text": HEAD + main, "tasks": 1, "step": 1, "fixed_s": expected_s, "slope_s": 0.0, "always": always}


def run(programs: list[JobProgram], obj: object = (1, 2), left_s: float = 30.0) -> dict[int, list[float | str]]:
    found: dict[int, list[float | str]] = defaultdict(list)
    for each in run_all(programs, Forks(obj, ""), left_s):
        found[each["program"]].append(each["seconds"] if "seconds" in each else each["error"])
    return found


@forking
def test_programs_run_in_turn_and_what_is_clearly_behind_no_more_but_for_what_is_done_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(whole_jobs, "PASSES", 5)
    long, short = program("    time.sleep(0.9)\n"), program("    time.sleep(0.1)\n")
    took = run([{**long, "always": True}, short, long, short])
    assert len(took[0]) == whole_jobs.LEAST_PASSES
    assert len(took[1]) == len(took[3]) == 5
    assert len(took[2]) == 1
    assert median(map(float, took[0])) > 1.5 * median(map(float, took[1]))


@pytest.mark.parametrize("method", START_METHODS)
def test_a_program_in_an_interpreter_of_its_own_takes_its_main_part_without_the_making(method: str) -> None:
    main = (
        "    obj = _made(lambda: time.sleep(0.7) or [1])\n"
        "    import __main__; assert __main__.work is work and __name__ == '__main__'\n"
        f"    with mp.get_context('{method}').Pool(2) as pool:\n        assert pool.map(work, [obj] * 3) == [1] * 3\n"
        "    time.sleep(0.2)\n"
    )
    afresh = Afresh("", 0.7)
    took = {text: afresh(HEAD + text, 30.0) for text in (main, main.replace("0.7", "0.0"))}
    longer, shorter = took.values()
    assert isinstance(longer, float), longer
    assert isinstance(shorter, float), shorter
    assert shorter > 0.2
    assert longer - shorter < 0.7 / 2
    assert afresh(HEAD + "    1 / 0\n", 30.0) == "ZeroDivisionError: division by zero"
    assert "status 3" in str(afresh(HEAD + "    import os; os._exit(3)\n", 30.0))


def test_an_interpreter_of_a_program_has_loaded_nothing_that_the_program_would_load() -> None:
    lazy = ["multiprocessing.pool", "multiprocessing.util", "multiprocessing.queues", "multiprocessing.connection",
            "concurrent.futures", "tempfile", "subprocess", "random", "pickle", "queue", "traceback"]  # fmt: skip
    text = (
        "import sys\nimport multiprocessing as mp\n\nif __name__ == '__main__':\n"
        f"    raise SystemExit(' '.join(name for name in {lazy} if name in sys.modules))\n"
    ).replace("'__main__'", '"__main__"')
    plain = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    said = str(Afresh("", 0.0)(text, 30.0))
    assert said.startswith("SystemExit: ")
    assert set(said.split()[1:]) == set(plain.stderr.split())


@forking
def test_what_waits_for_its_programs_knows_nothing_of_what_is_done_meanwhile() -> None:
    obj = [1, 2]
    stem = Stem(obj, "")
    os.environ["HANDOFF_TEST_MEANWHILE"] = "1"
    obj.append(3)
    try:
        main = "    import os; assert 'HANDOFF_TEST_MEANWHILE' not in os.environ\n    assert _made(list) == [1, 2]\n"
        ran = list(stem.run([program(main), program(main)], time.monotonic() + 5))
    finally:
        del os.environ["HANDOFF_TEST_MEANWHILE"]
    assert ran
    assert all("seconds" in each for each in ran), ran
    stem.close()


@forking
def test_the_end_of_the_time_is_no_fault_of_a_program() -> None:
    long, short = program("    time.sleep(2.5)\n", expected_s=0.1), program("    time.sleep(0.1)\n", expected_s=0.1)
    took = run([short, long], left_s=2.0)
    assert 1 not in took
    assert all(isinstance(each, float) for each in took[0])


@forking
def test_making_the_object_is_no_part_of_it_where_the_parent_makes_it_and_is_where_a_worker_does() -> None:
    made_here = program("    obj = _made(lambda: time.sleep(60))\n    assert obj == (1, 2)\n")
    made_there = program(
        "    with mp.get_context('fork').Pool(1) as pool:\n        assert pool.apply(build, (0,)) == []\n"
    )
    took = run([made_here, made_there], left_s=5.0)
    assert all(isinstance(each, float) for runs in took.values() for each in runs), took
    assert took[0]


@forking
@pytest.mark.parametrize("method", START_METHODS)
def test_workers_find_the_programs_own_functions_under_each_start_method(method: str) -> None:
    code = (
        "    with mp.get_context('METHOD').Pool(2) as p:\n        assert p.map(work, [_made(list)] * 3) == [2, 2, 2]\n"
    )
    took = run([program(code.replace("METHOD", method), expected_s=2.0)])
    assert all(isinstance(each, float) for each in took[0]), took


@forking
def test_what_fails_or_does_not_come_to_its_end_says_so_and_is_run_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_jobs, "PASSES", 3)
    monkeypatch.setattr(whole_jobs, "LEAST_S", 0.5)
    fails, hangs, ends = (
        program("    1 / 0\n"),
        program("    time.sleep(60)\n"),
        program("    import os; os._exit(3)\n"),
    )
    took = run([fails, {**hangs, "fixed_s": 0.1}, ends, program("    pass\n")])
    assert took[0] == ["ZeroDivisionError: division by zero"]
    assert len(took[1]) == 1
    assert "had not come to its end" in str(took[1][0])
    assert took[2] == ["it exited with status 3"]


@forking
def test_no_run_begins_that_would_end_after_the_time() -> None:
    begin = time.monotonic()
    assert not run([program("    time.sleep(60)\n", expected_s=50.0)], left_s=2.0)
    assert time.monotonic() - begin < 50


@pytest.mark.parametrize("name", usual())
def test_the_program_of_every_way_has_its_main_part_last(name: str) -> None:
    for duty in Duty:
        if serves(name, duty) and duty in registry()[name].recipe.own:
            written = program_for(Ref("", "mine", "make(3)"), Job(BOTH, 10, 2, "spawn"))
            text = written(name, duty, 1)
            main = ast.parse(_parted(text)["main"]).body
            assert isinstance(main[0], ast.If)
            assert len(main) == 1
            assert main[0].lineno == ast.parse(text).body[-1].lineno
            assert "_made(lambda: make(3))" in text
            assert "_task(obj)" in text or duty is Duty.SHARED
            assert f"range({TASKS})" in text or duty is Duty.SHARED


TWO = {"handoff": {"pickle-default": 0.100, "shm-pickle-5": 0.050, "pickle-5": 0.099}}


def ran(tasks: int, *seconds: float) -> Whole:
    return Whole([(number, tasks, each) for number, each in enumerate(seconds)])


def cost_of(way: MeasuredWay) -> float:
    return median(x for row in way.total.values() for x in row if x)


def test_what_the_programs_took_decides_and_moves_what_was_not_run() -> None:
    sent = synthetic.record(metrics=TWO, trials=4)
    job = Job("argument", 10, 1, "fork")
    added = rank([sent], job, cores=2, start_s=0.0).ways
    assert cost_of(added["shm-pickle-5 argument"]) < cost_of(added["pickle-default argument"])
    wholes = {
        "pickle-default argument": ran(10, 1.3, 1.31, 1.29, 1.3, 1.3, 1.31),
        "shm-pickle-5 argument": ran(10, 2.5, 2.52, 2.49, 2.5, 2.5, 2.5),
    }
    found = rank([sent], job, cores=2, start_s=0.0, wholes=wholes)
    best = found.tiers[0][0]
    assert best.strategy == "pickle-default"
    assert best.total_s == pytest.approx(1.3, rel=0.01)
    assert best.trials == 6
    rows = {row.key: row for tier in found.tiers for row in tier}
    assert rows["shm-pickle-5 argument"].total_s == pytest.approx(2.5, rel=0.01)
    more = [1.3 - cost_of(added["pickle-default argument"]), 2.5 - cost_of(added["shm-pickle-5 argument"])]
    expected = cost_of(added["pickle-5 argument"]) + sum(more) / 2
    assert rows["pickle-5 argument"].total_s == pytest.approx(expected, rel=0.02)
    assert "was not run" in rows["pickle-5 argument"].notes[0]


def test_what_fails_as_a_whole_is_not_taken_and_one_run_alone_decides_nothing() -> None:
    sent = synthetic.record(metrics=TWO, trials=4)
    job = Job("argument", 2, 1, "fork")
    added = rank([sent], job, cores=2, start_s=0.0)
    assert added.tiers[0][0].strategy == "shm-pickle-5"
    alone = rank([sent], job, cores=2, start_s=0.0, wholes={"pickle-default argument": ran(2, 0.01, 0.01)})
    assert alone.tiers[0][0].strategy == "shm-pickle-5"
    failed = Whole([(0, 2, 0.1)], "ValueError: not for you")
    others = {"pickle-default argument": ran(2, 0.2, 0.2), "pickle-5 argument": ran(2, 0.3, 0.3)}
    found = rank([sent], job, cores=2, start_s=0.0, wholes={"shm-pickle-5 argument": failed, **others})
    assert found.tiers[0][0].strategy == "pickle-default"
    rows = {row.strategy: row for tier in found.tiers for row in tier}
    assert rows["shm-pickle-5"].notes == ("its program, run as a whole: ValueError: not for you",)


def test_one_program_that_was_run_more_often_says_nothing_of_those_as_near() -> None:
    sent = synthetic.record(metrics=TWO, trials=1)
    job = Job("argument", 10, 1, "fork")
    wholes = {"pickle-default argument": ran(10, 1.0, 1.1), "shm-pickle-5 argument": ran(10, 0.9)}
    near = rank([sent], job, cores=2, start_s=0.0, wholes=wholes)
    assert near.bound == math.inf
    said = advise("mine", job, [sent], cores=2, wholes=wholes)
    assert "at most" not in said.advice
    assert "too few trials" in said.advice
    far = wholes | {"shm-pickle-5 argument": ran(10, 9.0), "pickle-5 argument": Whole([(0, 10, 0.1)], "it failed")}
    assert rank([sent], job, cores=2, start_s=0.0, wholes=far).tiers[0][0].strategy == "pickle-default"


def test_the_first_answer_asks_the_ways_that_there_are_and_making_anew_where_that_is_quick() -> None:
    def scouts(method: str, made_s: float) -> list[str]:
        search = search_of(Job("state", 10, 2, method))
        search.plan.made_s = made_s
        return [name for name in search.names[Duty.STATE] if search._is_scout(name)][:SCOUTS]

    assert "rebuild" in scouts("spawn", 0.05)
    assert "rebuild" not in scouts("spawn", 5.0)
    assert "inherit" not in scouts("spawn", 0.05)
    assert "inherit" in scouts("fork", 0.05)


def test_runs_of_some_of_the_tasks_stand_for_all_by_what_each_more_takes() -> None:
    few_and_more = Whole([(0, 10, 2.0), (1, 30, 4.0), (2, 50, 6.0)])  # 1 s, and 0.1 s a task
    assert few_and_more.totals(1000) == pytest.approx({1: 101.0, 2: 101.0})
    assert Whole([(0, 10, 3.0), (1, 10, 3.3)]).totals(1000) == {}
    assert Whole([(0, 10, 2.0), (1, 1000, 77.0)]).totals(1000) == {1: 77.0}
    assert Whole([], "it failed").totals(1000) == {}


def test_where_the_whole_is_not_the_sum_of_its_parts_nothing_is_said_of_other_numbers_of_tasks() -> None:
    sent = synthetic.record(metrics=TWO, trials=4)
    state = synthetic.record(kind="state", baseline="initializer", trials=4, metrics={
        "task": {"initializer": 0.010, "null": 1e-5}, "setup": {"initializer": 0.4, "null": 0.1},
    })  # fmt: skip
    job = Job(BOTH, 10, 1, "fork")
    assert advise("mine", job, [sent, state], cores=2).breaks_even
    wholes = {
        "pickle-default argument": ran(10, 9.0, 9.0, 9.0),
        "shm-pickle-5 argument": ran(10, 8.0, 8.0, 8.0),
        "initializer state": ran(10, 1.0, 1.0, 1.0),
    }
    advice = advise("mine", job, [sent, state], cores=2, wholes=wholes)
    assert advice.best is not None
    assert advice.best.strategy == "initializer"
    assert not advice.breaks_even
    assert "3 runs of each program" in advice.sure


def search_of(job: Job) -> Search:
    plan = Plan("mine", Entry(Ref("", "mine", "make"), Payload(name="a", make=list)), job, None, 0.0, 2)  # type: ignore[arg-type]  # nothing is measured
    return Search(plan)


def test_a_long_job_is_run_with_few_tasks_first_and_then_with_as_many_as_fit() -> None:
    job = Job("argument", 1000, 2, "fork")
    ranking = rank([synthetic.record(metrics=TWO, trials=4)], job, cores=2, start_s=0.0)
    for way in ranking.ways.values():
        asked = _Leader(search_of(job), way, usual=False).program("", always=False)
        runs = _Runs(asked)
        assert runs.tasks(1000.0, 1.0) == job.tasks
        first = runs.tasks(0.1, 1.0)
        assert first in (job.tasks, way.chunk * job.workers)
        for wrong in (0.5, 1.0, 5.0):
            runs.seconds = {first: [wrong * way.line.at(first)]}
            then = runs.tasks(3.0, wrong)
            assert first < then <= job.tasks or then == first == job.tasks
            assert then % asked["step"] == 0 or then == job.tasks
            assert then <= 2 * first or runs.expected_s(then, wrong) <= 3.01 * SHARES


@forking
def test_a_job_that_takes_far_longer_than_foretold_does_not_take_all_the_time() -> None:
    slow = program(f"    time.sleep({TASKS} * 0.02)\n", always=True)
    told: JobProgram = {**slow, "tasks": 1000, "step": 2, "fixed_s": 0.0, "slope_s": 0.0006}
    runs = list(run_all([told, told], Forks((), ""), 12.0))
    by_tasks = {each["tasks"]: each["seconds"] for each in runs if "seconds" in each}
    few, many = min(by_tasks), max(by_tasks)
    assert few < many < 1000
    assert by_tasks[many] >= 0.02 * many


def test_programs_are_run_under_a_start_method_that_a_warning_speaks_against_where_no_other_is_asked_for() -> None:
    """Of numpy's threads it does, for each object of pandas under fork."""
    job = Job(BOTH, 100, 2, "spawn")
    ranking = rank(synthetic.model_under_spawn()[:2], job, cores=2)
    warned, other = search_of(job), search_of(job)
    warned.plan.against = "a thread runs"
    assert len(_leaders([_Known(warned, ranking)])) > 1
    assert {each.search for each in _leaders([_Known(other, ranking), _Known(warned, ranking)])} == {other}


def test_the_ways_that_lead_and_the_usual_one_are_run() -> None:
    job = Job(BOTH, 100, 2, "spawn")
    ranking = rank(synthetic.model_under_spawn()[:2], job, cores=2)
    leaders = _leaders([_Known(search_of(job), ranking)])
    assert leaders[0].usual
    keys = [each.way.key for each in leaders]
    assert {each.way.duty for each in leaders[1:3]} == {Duty.ARGUMENT, Duty.STATE}, (
        "few programs are not all of one duty"
    )
    assert ranking.tiers[0][0].key in keys
    assert len(set(keys)) == len(keys)


ONE_AT_A_TIME = '''
import fcntl, time

def make():
    return list(range(100))

def alone(obj):
    """Only one process at a time can do it."""
    with open("THE FILE", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        time.sleep(0.05)
    return len(obj)
'''


@forking
@pytest.mark.slow
def test_advice_knows_what_only_the_whole_job_shows(tmp_path: Path) -> None:
    """Twelve tasks of 50 ms that exclude each other take 600 ms, however many workers there are."""
    (tmp_path / "alone.py").write_text(ONE_AT_A_TIME.replace("THE FILE", str(tmp_path / "lock")))
    command = [sys.executable, "-m", "handoff", "advise", f"{tmp_path}/alone.py:make", "--work",
               f"{tmp_path}/alone.py:alone", "--tasks", "12", "--workers", "2", "--start-method", "fork",
               "--budget", "12", "--format", "json", "-q"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    advice = json.loads(done.stdout)
    best = advice["tiers"][0][0]
    assert best["total_s"] > 0.59, done.stdout
    assert "of each program" in advice["sure"]


@forking
@pytest.mark.slow
def test_the_programs_of_a_live_object_are_run_too_whoever_defines_its_class(tmp_path: Path) -> None:
    """A class of the main module is found in forks; a worker that is not forked would import the user's file."""
    (tmp_path / "own.py").write_text("""
import handoff

class Row:
    def __init__(self, number):
        self.number = number

def total(rows):
    return sum(row.number for row in rows)

if __name__ == "__main__":
    rows = [Row(number) for number in range(300)]
    a = handoff.advise(rows, tasks=8, workers=2, start_methods=["fork"], work=total, budget=12)
    print(a.sure, [(row.key, row.notes) for tier in a.tiers for row in tier])
""")
    done = subprocess.run(
        [sys.executable, "own.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert "of each program" in done.stdout, done.stdout + done.stderr
