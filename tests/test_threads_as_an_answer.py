"""A thread is an answer only where threads work at the same time: on a build without the GIL."""

from __future__ import annotations

import sys

import pytest

from handoff.machine import fingerprint, has_gil
from handoff.strategies import registry


def test_whether_there_is_a_gil_is_what_sys_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for says in (True, False):
        monkeypatch.setattr(sys, "_is_gil_enabled", lambda says=says: says, raising=False)
        assert has_gil() is says
    monkeypatch.delattr(sys, "_is_gil_enabled")
    assert has_gil(), "before 3.13 every build has one"


def test_a_record_tells_of_the_process_that_it_is_of() -> None:
    assert has_gil({"gil": True}) and not has_gil({"gil": False})
    assert has_gil({}), "records from before the field were made with it"
    assert fingerprint()["gil"] is has_gil()


def test_threads_are_a_reference_with_the_gil_and_an_answer_without() -> None:
    references = {name for name, strategy in registry().items() if strategy.is_reference(gil=True)}
    assert references == {"thread"}
    assert not any(strategy.is_reference(gil=False) for strategy in registry().values())
