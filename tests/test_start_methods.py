"""All start methods in one answer, what Pythons do by default, and warnings from facts at hand with their remedies."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import synthetic

from handoff.advising import across, warned
from handoff.advising.across import measure_each
from handoff.advising.plans import under_each
from handoff.advising.ranking import Ranking, rank
from handoff.advising.result import Advice, AdviceWarning, Job
from handoff.advising.run import fresh, judged
from handoff.advising.search import Plan
from handoff.advising.text import advice_as
from handoff.advising.wording import advise
from handoff.payload import Payload
from handoff.start_methods import START_METHODS, by_default
from handoff.target import Entry, Ref, import_from

THREADS = AdviceWarning("a thread runs", "take spawn", ("fork",), serious=True)


def test_what_pythons_do_when_nothing_is_said() -> None:
    assert by_default((3, 13), "linux") == ("fork", 4)
    assert by_default((3, 14), "linux") == ("forkserver", 5)
    assert {by_default(python, "darwin")[0] for python in ((3, 11), (3, 14))} == {"spawn"}


def test_without_a_wish_all_are_judged_this_pythons_own_first() -> None:
    assert sorted(judged(())) == sorted(START_METHODS)
    assert judged(())[0] == by_default(sys.version_info[:2], sys.platform)[0]
    assert judged(["spawn", "fork", "spawn"]) == ("spawn", "fork")


class _Known:
    """A search that has measured: tasks take ``seconds``; none: nothing carries the object."""

    seconds: dict[str, float | None] = {}

    def __init__(self, plan: Plan, progress: Any) -> None:
        self.plan = plan
        self.runs: dict[str, Any] = {}
        found = self.seconds[plan.job.start_method]
        lanes = {} if found is None else {"pickle-default": found, "pickle-5": found, "pickle-4": found}
        self.records = [synthetic.record(start_method=plan.job.start_method, metrics={"handoff": lanes})]

    def ranking(self) -> Ranking:
        return rank(self.records, self.plan.job, cores=2)

    def look(self, show: Any, more: Any) -> None:
        show(self.conclude())

    def go_on(self, *, always: bool) -> None:
        pass

    def weigh(self) -> None:
        pass

    def conclude(self) -> Advice:
        plan = self.plan
        return advise("t", plan.job, self.records, cores=2, several=plan.several, warnings=plan.warnings)


def answer(
    monkeypatch: pytest.MonkeyPatch, warnings: tuple[AdviceWarning, ...] = (), **seconds: float | None
) -> Advice:
    monkeypatch.setattr(across, "Search", _Known)
    monkeypatch.setattr(_Known, "seconds", seconds)
    entry = Entry(Ref("", "nowhere", "thing"), Payload(name="thing", make=int))
    first, *also = seconds
    plan = Plan("t", entry, Job("argument", 100, 2, first), fresh, math.inf, 2, warnings=warnings)
    return measure_each(under_each(plan, also))


def test_the_fastest_is_taken_and_each_other_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    found = answer(monkeypatch, fork=4e-3, spawn=1e-3, forkserver=None)
    assert found.job.start_method == "spawn"
    assert ", under spawn:" in found.advice
    assert [each.start_method for each in found.start_methods] == ["spawn", "fork", "forkserver"]
    assert found.start_methods[1].ratio == pytest.approx(4, rel=0.1)
    assert not found.start_methods[2].strategy
    text = advice_as(found, "text")
    assert "fork: " in text
    assert "forkserver: nothing carries it" in text
    read = Advice.from_json(json.loads(json.dumps(found.to_json())))
    assert repr(read.start_methods) == repr(found.start_methods)  # what is unknown is NaN, which equals nothing


def test_where_they_are_as_good_the_default_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    found = answer(monkeypatch, fork=1.02e-3, spawn=1e-3, forkserver=1.01e-3)
    assert found.job.start_method == "fork"
    assert advice_as(found, "text").count("as good") == 2


def test_what_pythons_do_by_default_is_one_view(monkeypatch: pytest.MonkeyPatch) -> None:
    found = answer(monkeypatch, fork=1e-3, spawn=3e-3, forkserver=2e-3)
    views = {(each.start_method, each.protocol): each.task_s for each in found.defaults}
    assert views == {("fork", 4): pytest.approx(1e-3, rel=0.1), ("forkserver", 5): pytest.approx(2e-3, rel=0.1)}
    assert found.defaults[0].pythons.startswith("this Python (")
    text = " ".join(advice_as(found, "text").split())
    assert "fork and protocol 4" in text
    assert "forkserver and protocol 5" in text


def test_beside_threads_fork_is_taken_only_if_nothing_else_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    found = answer(monkeypatch, (THREADS,), fork=1e-3, spawn=4e-3)
    assert found.job.start_method == "spawn"
    assert found.start_methods[1].note == "a thread runs"
    assert answer(monkeypatch, (THREADS,), fork=1e-3, spawn=None).job.start_method == "fork"
    assert "Warning: under fork: a thread runs. Take spawn." in advice_as(found, "text")


def test_one_start_method_is_answered_for_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = answer(monkeypatch, (THREADS,), spawn=1e-3)
    assert (found.start_methods, found.defaults, found.warnings) == ((), (), ())
    assert "under spawn" not in found.advice


# -- warnings


def texts(found: tuple[AdviceWarning, ...]) -> str:
    assert all(each.what and each.remedy for each in found)
    return "\n".join(each.text for each in found)


def test_threads_beside_a_fork_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="ticker", daemon=True)
    thread.start()
    alive = [threading.main_thread(), thread]  # other tests, and pytest, may have threads of their own
    monkeypatch.setattr(threading, "enumerate", lambda: alive)
    try:
        (found,) = (each for each in warned.warned([1]) if each.start_methods == ("fork",))
    finally:
        stop.set()
        thread.join()
    assert "ticker" in found.what
    assert "forkserver or spawn" in found.remedy


@pytest.fixture
def pricing(tmp_path: Path) -> Any:
    (tmp_path / "pricing_of_mine.py").write_text(
        "RATE, SAME, _CACHE, FILLED = None, 3, {}, []\n\n"
        "def make():\n    global RATE, SAME\n    RATE, SAME = 3, 3\n    FILLED.append(1)\n    look('x')\n"
        "    return [1, 2]\n\n"
        "def look(key):\n    if key not in _CACHE:\n        _CACHE[key] = 1\n    return _CACHE[key]\n\n"
        "def price(obj):\n    return sum(obj) * RATE\n\n"
        "def other(obj):\n    return SAME\n\n"
        "class Kind:\n    def method(self):\n        return FILLED\n"
    )
    yield import_from(str(tmp_path), "pricing_of_mine")
    sys.modules.pop("pricing_of_mine")
    sys.path.remove(str(tmp_path))


def test_a_global_set_at_run_time_that_others_read_is_warned_of(pricing: Any) -> None:
    before = warned.bindings()
    obj = pricing.make()
    found = texts(warned.warned(obj, before=before, maker="make"))
    assert "pricing_of_mine.RATE" in found
    assert "price()" in found
    assert "pricing_of_mine.FILLED" in found
    assert "Kind.method()" in found
    assert "SAME" not in found, "it has the value that importing gives"
    assert "_CACHE" not in found
    assert "initializer" in found
    assert "RATE" in texts(warned.warned(obj, work=pricing.price)), "also where nothing is known of before"


def test_what_importing_gives_is_no_reason_to_warn(pricing: Any) -> None:
    assert "pricing_of_mine" not in texts(warned.warned([1], before=warned.bindings(), maker="make"))
    assert "pricing_of_mine" not in texts(warned.warned([1], work=pricing.other))


@pytest.mark.parametrize("as_script", [True, False])
def test_classes_of_main_are_warned_of(tmp_path: Path, as_script: bool) -> None:
    code = (
        "from handoff.advising import warned\nclass Mine:\n    pass\n"
        "print(*(each.text for each in warned.warned({'a': [Mine()]})))\n"
    )
    (tmp_path / "script.py").write_text(code)
    command = [sys.executable, *([str(tmp_path / "script.py")] if as_script else ["-c", code])]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "under spawn and forkserver: Mine is defined in " in said
    assert ("if __name__ == '__main__'" if as_script else "to a module") in said


def test_warnings_are_told_where_they_concern_the_question() -> None:
    found = (THREADS, replace(THREADS, start_methods=("spawn", "forkserver")), replace(THREADS, start_methods=()))
    assert warned.concerning(found, ["spawn"]) == found[1:]


@pytest.mark.slow
def test_the_command_answers_for_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "rows_of_mine.py").write_text(
        "LIMIT = None\n\ndef rows():\n    global LIMIT\n    LIMIT = 3\n    return list(range(1000))\n\n"
        "def work(obj):\n    return obj[:LIMIT]\n"
    )
    command = [sys.executable, "-m", "handoff", "advise", "rows_of_mine.py:rows", "--budget", "20s", "--format", "json"]
    done = subprocess.run([*command, "-q"], cwd=tmp_path, capture_output=True, text=True, check=True)
    found = Advice.from_json(json.loads(done.stdout))
    assert sorted(each.start_method for each in found.start_methods) == sorted(START_METHODS)
    assert found.start_methods[0].start_method == found.job.start_method
    methods = ["fork", "forkserver"]  # this Python's own first
    assert [each.start_method for each in found.defaults] == methods[:: 1 if sys.version_info < (3, 14) else -1]
    assert any("rows_of_mine.LIMIT" in each.what for each in found.warnings)


def test_an_object_that_lies_about_its_class_or_raises_is_looked_at_all_the_same() -> None:
    def refuse(_: object) -> type:
        raise ZeroDivisionError

    denies = type("Denies", (), {"__class__": property(refuse)})
    assert not [each for each in warned.warned([denies()]) if "Denies" in each.what]
