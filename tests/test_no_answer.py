"""Waiting for a processor is not hanging: only time in which somebody could have run counts, or it is asked again."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
import synthetic

from handoff import timeouts
from handoff.measuring.experiment import Experiment, GroupRun
from handoff.outcome import OK, Kind, Outcome
from handoff.payload import Duty, Payload
from handoff.processes import deadlines
from handoff.processes.deadlines import NoAnswer, Patience, TookTooLong, deadline, limited
from handoff.processes.proc import queued_s
from handoff.profile import PROFILES
from handoff.support_matrix import matrix
from handoff.support_matrix.matrix import MatrixCell, _Run, _Todo
from handoff.support_matrix.text import FORMATS
from handoff.target import Entry, Ref

TOO_BUSY = Outcome(Kind.NO_ANSWER, "worker", "", "the machine was too busy to tell in 60 s")


def spin() -> None:
    while True:
        pass


@pytest.fixture
def crowded() -> Iterator[None]:
    """Six others want the one processor that this process, and what it starts, may use."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    ctx = multiprocessing.get_context("fork")
    others = [ctx.Process(target=spin, daemon=True) for _ in range(6)]
    try:
        for each in others:
            each.start()
        yield
    finally:
        for each in others:
            each.kill()
            each.join()
        os.sched_setaffinity(0, before)


def work(seconds: float) -> None:
    """Until it has had a processor for so long."""
    begin = time.process_time()
    while time.process_time() - begin < seconds:
        pass


@pytest.mark.usefixtures("crowded")
def test_a_fair_limit_is_of_the_time_that_a_process_could_have_run() -> None:
    before, begin = queued_s([os.getpid()]), time.monotonic()
    with limited(0.4, fair=True):
        work(0.2)
    assert time.monotonic() - begin > 0.4, "else the machine was not crowded, and this tells nothing"
    assert queued_s([os.getpid()]) - before > 0.2
    with pytest.raises(TookTooLong), limited(0.2):
        work(0.2)


def test_who_sleeps_is_hung_on_any_machine() -> None:
    with pytest.raises(TookTooLong), limited(0.1, fair=True):
        time.sleep(30)
    with pytest.raises(NoAnswer) as told, deadline(0.1, fair=True):
        time.sleep(30)
    assert not told.value.too_busy


def test_patience_ends_where_the_machine_stays_too_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "queued_s", lambda _: 1e9)
    patience = Patience(1.0, list)
    patience.begun -= 2.0
    assert patience.left_s() > 0
    assert not patience.too_busy
    patience.begun -= timeouts.BUSIEST
    assert patience.left_s() == 0
    assert patience.too_busy


class _LoadsSlowly:
    def __setstate__(self, state: Any) -> None:
        work(0.3)
        self.__dict__.update(state)


def loads_slowly() -> _LoadsSlowly:
    found = _LoadsSlowly()
    found.__dict__["a"] = 1
    return found


PAYLOADS = (Payload(name="loads-slowly", make=loads_slowly),)


@pytest.mark.usefixtures("crowded")
def test_a_crowded_machine_changes_no_outcome() -> None:
    """What needs 0.3 s, and has a patience of 0.7 s, gets its seventh of a processor for two seconds and more."""
    ref = Ref(os.path.dirname(__file__), "test_no_answer", "loads-slowly")
    entries = {"loads-slowly": Entry(ref, PAYLOADS[0])}
    (cell,) = matrix.support(
        entries, strategies=["pickle-5"], duties=["argument"], start_methods=["fork"], patience_s=0.7, jobs=1
    )
    assert (cell.outcome, cell.message) == ("ok", "")


def test_what_had_no_answer_is_asked_again_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry(Ref("", "nowhere", "thing"), Payload(name="thing", make=int))
    todo = [_Todo(entry, "pickle-5", Duty.ARGUMENT, "fork") for _ in range(3)]
    run = _Run(todo, 1.0, 4, lambda *_: None, isolated=False)
    run.outcomes = {0: OK, 1: TOO_BUSY, 2: TOO_BUSY}
    asked: list[tuple[int, list[int]]] = []

    def go() -> None:
        asked.extend((run.jobs, batch.cells) for batch in run.waiting)
        run.outcomes |= {1: OK, 2: TOO_BUSY}

    monkeypatch.setattr(run, "_go", go)
    run._ask_again()
    assert asked == [(1, [1]), (1, [2])]
    assert [run.outcomes[number].kind for number in range(3)] == [Kind.OK, Kind.OK, Kind.NO_ANSWER]
    assert run.jobs == 4


def test_a_lane_without_an_answer_is_asked_once_more() -> None:
    entry = Entry(Ref("", "nowhere", "thing"), Payload(name="thing", make=int))
    run = GroupRun([Experiment(entry, "argument", "fork", ("dill", "pickle-5"))], PROFILES["quick"], 1, "")
    (record,) = run.records
    for name, outcomes in {"dill": [TOO_BUSY, TOO_BUSY], "pickle-5": [TOO_BUSY, OK]}.items():
        run._settle(record, name, outcomes[0])
        assert name not in run.failed(record)
        run._settle(record, name, outcomes[1])
    assert record.outcomes == {"dill": TOO_BUSY, "pickle-5": OK}


@pytest.mark.parametrize("form", FORMATS)
def test_it_is_told_in_every_form(form: str) -> None:
    cell = MatrixCell("thing", "dill", "argument", "fork", "no answer", "worker", "", TOO_BUSY.message)
    others = [
        MatrixCell("thing", "dill", "argument", "spawn", "ok"),
        MatrixCell("other", "dill", "argument", "fork", "ok"),
    ]
    for cells in ([cell, others[0]], [cell, *others]):
        text = FORMATS[form](cells)
        assert "too busy" in text
        assert "?" in text if form in ("text", "markdown") else "no answer" in text


def test_pages_have_words_for_it() -> None:
    from reports.verdicts import _FAILED

    assert set(_FAILED) == set(Kind) - {Kind.OK}
    assert synthetic.record(failures={"dill": TOO_BUSY}).outcomes["dill"].kind is Kind.NO_ANSWER
