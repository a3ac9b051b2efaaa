"""The user's own work: called by workers, tried beforehand, and what is wrong with it told in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import handoff
from handoff import timeouts
from handoff.advising import work
from handoff.payload import DONE, Payload
from handoff.target import Ref, TargetError, parse_work

MODULE = """
from dataclasses import dataclass

@dataclass
class Row:
    number: int
    price: float

def make(n=2000):
    return [Row(i, i / 7) for i in range(n)]

def total(rows):
    return sum(row.price for row in rows)

def raises(rows):
    raise KeyError("nothing here")

def hangs(rows):
    while True:
        pass

def ends(rows):
    import os
    os._exit(3)

def lazily(rows):
    return (row for row in rows)

def grows(rows):
    rows.append(rows[0])
"""


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "jobs_of_mine.py").write_text(MODULE)
    yield tmp_path
    sys.modules.pop("jobs_of_mine", None)


def ref_of(folder: Path, function: str) -> Ref:
    return Ref(str(folder), "jobs_of_mine", "make", work=f"jobs_of_mine:{function}", work_root=str(folder))


def test_a_task_is_the_work_and_else_reading_all_of_it() -> None:
    seen: list[object] = []
    with_work = Payload(name="a", make=list, work=seen.append)
    assert with_work.task([1]) == DONE == with_work.expected([1])
    assert seen == [[1]]
    without = Payload(name="a", make=list)
    assert without.task([1, 2]) == without.touch([1, 2]) == without.expected([1, 2])


def test_a_result_that_no_worker_can_send_back_is_an_error_of_the_task() -> None:
    with pytest.raises(TypeError, match="cannot pickle 'generator'"):
        Payload(name="a", make=list, work=iter_of).task([1])


def iter_of(obj: list[int]) -> object:
    return (item for item in obj)


def test_work_is_tried_where_it_can_do_no_harm(jobs: Path) -> None:
    ref = ref_of(jobs, "total")
    obj = ref.load().make()
    seconds, note = work.tried(ref, obj, "total")
    assert seconds > 0
    assert not note
    _, note = work.tried(ref_of(jobs, "grows"), obj, "grows")
    assert "grows changes the object" in note
    assert len(obj) == 2000


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("raises", r"--work it: raised KeyError: 'nothing here' \(.*jobs_of_mine.py:16\)"),
        ("lazily", "--work it: returns a generator that no worker can send back: TypeError: cannot pickle"),
        ("ends", "--work it: its process exited with status 3"),
        ("hangs", "--work it: had not returned after"),
    ],
)
def test_what_is_wrong_with_it_is_one_line(
    jobs: Path, function: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeouts, "WORK_S", 1.0)
    monkeypatch.setattr(timeouts, "STATED_S", 1.0)
    ref = ref_of(jobs, function)
    with pytest.raises(TargetError, match=told):
        work.tried(ref, ref.load().make(), "it")


@pytest.mark.parametrize("text", ["nothing", "nowhere.py:function", "module:make(3)"])
def test_what_names_no_function_is_refused(text: str) -> None:
    with pytest.raises(TargetError):
        parse_work(text)


@pytest.mark.slow
def test_the_advice_says_whose_work_a_task_is(jobs: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "handoff",
        "advise",
        "jobs_of_mine.py:make",
        "--budget",
        "4s",
        "--format",
        "json",
        "-q",
    ]
    command += ["--tasks", "20", "--workers", "1", "--start-method", "fork"]
    told = []
    for more in ([], ["--work", "jobs_of_mine.py:total"]):
        done = subprocess.run([*command, *more], cwd=jobs, capture_output=True, text=True, check=True)
        told.append(json.loads(done.stdout))
    without, with_work = told
    assert "20 tasks that read all of it (" in without["advice"]
    assert "20 tasks of jobs_of_mine.py:total (" in with_work["advice"]
    assert with_work["work"] == "jobs_of_mine.py:total"
    assert with_work["work_s"] < without["work_s"]
    done = subprocess.run(
        [*command, "--work", "jobs_of_mine.py:raises"], cwd=jobs, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "raised KeyError" in done.stderr


@pytest.mark.slow
def test_the_function_takes_live_work_too() -> None:
    advice = handoff.advise([1, 2, 3], work=len, tasks=5, workers=1, start_methods=["fork"], budget=3)
    assert "5 tasks of len (" in advice.advice
    with pytest.raises(ValueError, match="work=<lambda>: raised ZeroDivisionError"):
        handoff.advise([1], work=lambda obj: obj[0] / 0, start_methods=["fork"], budget=3)
    with pytest.raises(ValueError, match="give a function of a module"):
        handoff.advise([1], work=lambda obj: obj, start_methods=["spawn"], budget=3)
