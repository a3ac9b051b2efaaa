"""Starting processes under conditions: every condition is a real program, and is what it says."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from multiprocessing import forkserver
from pathlib import Path

import pytest
from test_measuring import assert_no_trace

from handoff.analysis.figures import Figures
from handoff.analysis.metrics import BARE, BIS, INTERPRETER, METRICS, STARTUP
from handoff.measuring.experiment import measure, plan
from handoff.measuring.startup import CONDITIONS
from handoff.outcome import Kind
from handoff.profile import PROFILES
from handoff.record import BYTES, SECONDS, Record, read, unit
from handoff.start_methods import START_METHODS
from handoff.target import Entry, load_collection

TINY = replace(PROFILES["quick"], trials=2, most_trials=0, record_s=0.0, rounds=2)


@pytest.fixture(scope="module")
def payloads() -> Mapping[str, Entry]:
    return load_collection(Path(__file__).parent / "awkward.py")


@pytest.fixture(scope="module", params=START_METHODS)
def record(request: pytest.FixtureRequest, payloads: Mapping[str, Entry]) -> Iterator[Record]:
    experiments = plan(
        {"numbers": payloads["numbers"]}, kinds=(STARTUP,), start_methods=(request.param,), declared=False
    )
    (found,) = measure(experiments, TINY, None, seed=1)
    yield found
    assert_no_trace(os.getpid())


def test_every_condition_has_figures_or_a_reason(record: Record) -> None:
    assert record.failed == ""
    assert record.complaints == []
    figures = Figures(record)
    for name, condition in CONDITIONS.items():
        if not (why := condition.lacks(record.start_method)):
            assert record.outcomes[name].ok, record.outcomes[name]
            assert len(figures.flat(name, "first")) == 2
            assert len(figures.flat(name, "start")) == 2 * 2
            assert figures.amount(name, "parent-uss-bytes").n_trials == 2
        else:
            assert record.outcomes[name].kind is Kind.UNAVAILABLE
            assert record.outcomes[name].message == why and why.startswith("only ")
    assert figures.has(BIS, "start")
    assert record.baseline == BARE


def test_an_interpreter_is_started_where_there_are_some(record: Record) -> None:
    """In the same rounds as the processes, whatever the start method."""
    there = sys.version_info >= (3, 14)
    assert record.outcomes[INTERPRETER].ok is there
    assert Figures(record).has(INTERPRETER, "start") is there


def test_the_ballast_is_resident_and_private(record: Record) -> None:
    figures = Figures(record)
    bare = figures.amount(BARE, "parent-uss-bytes").value
    for name, size in (("parent-200mb", 200e6), ("parent-1gb", 1e9)):
        assert figures.amount(name, "parent-uss-bytes").value - bare == pytest.approx(size, rel=0.05)


def test_known_results_are_reproduced(record: Record) -> None:
    """fork copies page tables; spawn imports the main file's imports again, which costs more than a bare start."""
    figures = Figures(record)
    # Its server imports the main file, which it only meant to before September 2025: cpython issue 126631, in 3.14.
    preloads = record.start_method == "forkserver" and "init_main_from_path" in inspect.getsource(forkserver)

    def best(name: str) -> float:
        return min(figures.flat(name, "start"))

    if record.start_method == "fork":
        assert best("parent-1gb") > 1.5 * best(BARE)
    elif not preloads:
        assert best("main-numpy") > 1.2 * best(BARE)
    if record.start_method == "forkserver":
        assert preloads or best("main-numpy-preloaded") < best("main-numpy")
        assert min(figures.flat(BARE, "first")) > 1.2 * best(BARE), "the first start brings the server up"


def test_seconds_and_bytes_are_never_mixed(record: Record, tmp_path: Path) -> None:
    assert {unit(metric) for metric in METRICS[STARTUP]} == {SECONDS, BYTES}
    assert all(unit(metric) == SECONDS for _, metric, *_ in record.rows)
    assert all(unit(metric) == BYTES for _, metric, *_ in record.values)
    figures = Figures(record)
    assert not figures.has(BARE, "parent-uss-bytes")
    with pytest.raises(KeyError, match="no values"):
        figures.amount(BARE, "start")
    assert read(record.write(tmp_path)).to_json() == record.to_json()
