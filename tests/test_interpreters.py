"""Interpreters of this process as workers: what arrives, what is refused and why, and that older Pythons say so."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff import checksum
from handoff.analysis.figures import Figures
from handoff.machine import usable_cores
from handoff.measuring.experiment import Experiment, measure
from handoff.outcome import Kind, Outcome
from handoff.profile import PROFILES
from handoff.strategies import registry
from handoff.strategy import LAUNCHES, Launch, lacking
from handoff.support_matrix.expected import differences
from handoff.support_matrix.matrix import support
from handoff.target import Entry, load_collection

WAYS = [name for name, strategy in registry().items() if strategy.in_this_process and strategy.since > (3, 13)]
CATALOGUE = load_collection(Path(__file__).parent.parent / "payloads")
there = pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters is new in Python 3.14")


def only(*names: str) -> dict[str, Entry]:
    return {name: CATALOGUE[name] for name in names}


def test_what_is_in_this_process_starts_last() -> None:
    """Nothing is forked while a thread runs, and an interpreter runs in one."""
    kinds = [launch.in_this_process for launch in LAUNCHES]
    assert set(LAUNCHES) == set(Launch) and kinds == sorted(kinds)
    assert Launch.INTERPRETER.in_this_process and not Launch.POOL.in_this_process


@pytest.mark.parametrize("name", WAYS)
def test_a_python_without_them_says_from_which_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bool(registry()[name].lacks) is (sys.version_info < (3, 14))
    monkeypatch.setattr(sys, "version_info", (3, 13, 9))
    assert registry()[name].lacks == "only from Python 3.14 on"
    (cell,) = support(only("plain-four"), strategies=[name], duties=["argument"], start_methods=["spawn"])
    assert (cell.outcome, cell.message) == ("unavailable", "only from Python 3.14 on")


def test_what_is_not_installed_is_named() -> None:
    assert lacking(("json", "no_such_module", "nor_this")) == "no_such_module and nor_this: not installed"
    assert lacking(("json",)) == ""


def test_an_extension_that_refuses_to_load_is_a_refusal_with_its_name() -> None:
    """The long text is numpy's own; what counts is one line of it."""
    said = "please read ...\nOriginal error was: module a.b does not support loading in subinterpreters\n"
    outcome = Outcome.from_exception(Kind.BROKEN, "worker", ImportError(said))
    assert outcome == Outcome(Kind.REFUSED, "worker", "ImportError", "a.b does not support loading in subinterpreters")
    assert Outcome.from_exception(Kind.BROKEN, "worker", ImportError("no module a")).kind is Kind.BROKEN
    assert Outcome.from_exception(Kind.BROKEN, "worker", ValueError(said)).kind is Kind.BROKEN
    not_shared = type("NotShareableError", (TypeError,), {})("args not shareable")
    not_shared.__cause__ = Exception(
        f"Traceback:\n...\nOriginal error was: {said}\n\nThe direct cause: no"
    )  # CPython's text
    assert Outcome.from_exception(Kind.BROKEN, "worker", not_shared) == outcome


@given(st.binary(max_size=100))
def test_the_sum_without_numpy_is_the_same(data: bytes) -> None:
    assert checksum._checksum_by_words(memoryview(data)) == checksum.checksum(data)


def test_the_sum_without_numpy_takes_what_the_other_takes() -> None:
    with pytest.raises(BufferError):
        checksum._checksum_by_words(np.ones((4, 4))[:, 1].data)
    grid = np.arange(12.0).reshape(3, 4)
    assert checksum._checksum_by_words(grid.data) == checksum.checksum(grid)


@there
def test_what_becomes_of_each_is_as_declared() -> None:
    """Plain data arrives, a lock and numpy's are refused, each with its reason; what cannot be loaded is broken."""
    names = ("plain-four", "rows-dataclass-1k", "bytes-4kib", "lock", "array-f64-4kib", "setstate-raises", "sentinel")
    entries = only(*names)
    cells = support(entries, strategies=WAYS, start_methods=["spawn"], patience_s=60.0)
    assert not differences(cells, entries, whole=False)
    refused = {c.message for c in cells if c.payload == "array-f64-4kib" and c.outcome == "refused"}
    assert all("does not support loading in subinterpreters" in message for message in refused), refused


@there
@pytest.mark.parametrize("kind", ["memory-argument", "memory-state"])
def test_their_memory_is_what_the_process_has_grown_by(kind: str) -> None:
    """Of one, and of as many as there are cores; a pool's are its own, and it is said that nobody looked."""
    names = ("interpreter-queue", "interpreter-pool", "pickle-default" if kind == "memory-argument" else "process-args")
    (record,) = measure([Experiment(CATALOGUE["rows-dict-1k"], kind, "spawn", names)], PROFILES["quick"], None, seed=1)
    assert record.outcomes["interpreter-queue"].ok, record.outcomes
    assert record.outcomes["interpreter-pool"].message == "its workers are its own, and not looked into"
    figures = Figures(record)
    one, all_of_them = (figures.amount("interpreter-queue", f"{who}-uss-bytes").value for who in ("worker", "workers"))
    assert one > 2**20, "an interpreter has its own modules"
    assert all_of_them > 1.5 * one or usable_cores() == 1


@there
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("kind", ["argument", "result", "state"])
def test_they_are_measured_beside_processes(kind: str, method: str) -> None:
    """After all that is forked: a fork while there is another interpreter kills the child."""
    entry = CATALOGUE["plain-four"]
    names = [name for name, each in registry().items() if name in {*WAYS, "pickle-default", "process-args", "pool"}]
    names = [name for name in names if kind in registry()[name].duties]
    (record,) = measure([Experiment(entry, kind, method, tuple(names))], PROFILES["quick"], None, seed=1)
    found: dict[str, Any] = {name: record.outcomes[name] for name in names}
    assert all(outcome.ok for outcome in found.values()), found
    metric = "task" if kind == "state" else "handoff"
    assert {row[0] for row in record.rows if row[1] == metric} >= {name for name in WAYS if name in names}
