"""mpi4py by a job of Open MPI: what is sent, what is told where it fails, and nothing that stays."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_ends import ENDS, ended, failure, segment_name

from handoff.outcome import Kind
from handoff.payload import Duty, Payload
from handoff.processes.executing import Executing, nothing
from handoff.strategies import registry
from handoff.strategy import Site
from handoff.target import Ref

WAYS = ("mpi-send", "mpi-send-buffers", "mpi-pool")
LACKS = registry()["mpi-send"].lacks
pytestmark = pytest.mark.skipif(bool(LACKS), reason=f"mpi4py is an optional extra: {LACKS}")
GENEROUS_S = 20.0


def _made(name: str, folder: Path, obj: Any = None, *state: Any) -> Executing:
    strategy = registry()[name]
    site = Site(
        ctx=multiprocessing.get_context("spawn"), start_method="spawn", obj=obj,
        payload=Payload(name="none", make=list), ref=Ref(str(folder), "none", "none"), folder=folder,
        manager=pytest.fail, at_end=lambda call: call,
        segment_name=partial(segment_name, folder),
    )  # fmt: skip
    assert strategy.execution
    return Executing(strategy.execution, site, (_keep, state) if state else (nothing, ()))


@pytest.fixture(scope="module", autouse=True)
def one_job() -> None:
    """One for all tests here, which go to one process therefore (``conftest.unit``): it ends with that."""


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Executing]]:
    made: list[Executing] = []

    def start(name: str, *given: Any) -> Executing:
        made.append(_made(name, tmp_path, *given))
        return made[-1]

    yield start
    for each in made:
        each.stop()


_kept: Any = None


def _keep(obj: Any) -> None:
    global _kept
    _kept = obj


def _of_kept(function: Callable[[Any], Any], *given: Any) -> Any:
    return function(*(given or (_kept,)))


ARRAYS = [
    np.arange(1000.0).reshape(10, 100),
    np.arange(2**18, dtype="i8"),
    np.array(5.0),
    np.empty((0, 3)),
    np.arange(3).astype("M8[s]"),
    np.array([True, False]),
    b"some bytes",
    bytearray(b"more of them"),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda each: f"{type(each).__name__}-{getattr(each, 'dtype', '')}")
def test_an_array_arrives_as_one_that_can_be_written_to(way: str, array: Any, make: Callable[..., Executing]) -> None:
    told = make(way, array).submit(_described, array).result()
    assert told == _described(array)


def _described(array: Any) -> tuple[Any, ...]:
    if isinstance(array, bytes | bytearray):
        return type(array).__name__, bytes(array)
    return type(array).__name__, array.dtype.str, array.shape, array.flags.writeable, array.tolist()


class Counted:
    """Counts in this process how often it is pickled."""

    times = 0

    def __reduce__(self) -> Any:
        type(self).times += 1
        return str, ("counted",)


def test_the_same_object_is_sent_each_time(make: Callable[..., Executing]) -> None:
    for name in ("mpi-send", "mpi-pool"):
        executing, obj, before = make(name), Counted(), Counted.times
        assert [executing.submit(len, obj).result() for _ in range(3)] == [len("counted")] * 3
        assert Counted.times == before + 3


def test_state_is_sent_once(way: str, make: Callable[..., Executing]) -> None:
    array = np.arange(1000.0)
    execution = registry()[way].execution
    assert execution
    executing = make(way, array, *(() if execution.keeps else (array,)))
    kept = executing.keep(array)
    executing.start()
    array[:] = 0  # what the worker has is its own by now
    assert [executing.submit(_of_kept, _total, *kept).result() for _ in range(3)] == [499_500.0] * 3


def _total(array: Any) -> float:
    return float(array.sum())


def test_what_is_no_array_has_no_buffer_to_send(make: Callable[..., Executing]) -> None:
    for obj in ({"a": 1}, [1.0, 2.0], np.array([[], {}], dtype=object), np.arange(10)[::2], "text"):
        executing = make("mpi-send-buffers", obj)
        outcome = failure(executing, Duty.ARGUMENT, lambda obj=obj, to=executing: to.submit(repr, obj).result())  # type: ignore[misc]
        assert (outcome.kind, outcome.where) == (Kind.REFUSED, "parent"), outcome
        assert executing.submit(repr, 1).result() == "1"


PICKLING = ("mpi-send", "mpi-pool")


@pytest.mark.parametrize("name", PICKLING)
@pytest.mark.parametrize(("of", "kind", "where", "message"), ENDS, ids=[end[0].__name__ for end in ENDS])
def test_an_argument_that_does_not_arrive_is_told_by_where_and_why(
    name: str, of: Callable[[], Any], kind: Kind, where: str, message: str, make: Callable[..., Executing]
) -> None:
    executing = make(name)
    outcome = failure(executing, Duty.ARGUMENT, lambda: executing.submit(repr, of()).result())
    assert (outcome.kind, outcome.where) == (kind, where), outcome
    assert message in outcome.message
    assert executing.submit(repr, 1).result() == "1"  # and the worker goes on


@pytest.mark.parametrize("name", PICKLING)
@pytest.mark.parametrize(("of", "kind", "where", "message"), ENDS, ids=[end[0].__name__ for end in ENDS])
def test_a_result_that_does_not_arrive_is_told_by_where_and_why(
    name: str, of: Callable[[], Any], kind: Kind, where: str, message: str, make: Callable[..., Executing]
) -> None:
    executing = make(name)
    outcome = failure(executing, Duty.RESULT, lambda: executing.submit(of).result())
    assert (outcome.kind, outcome.where, message in outcome.message) == (kind, "result", True), outcome
    assert executing.submit(repr, 1).result() == "1"


@pytest.mark.parametrize("name", PICKLING)
@pytest.mark.parametrize(("of", "kind", "where", "message"), ENDS, ids=[end[0].__name__ for end in ENDS])
def test_state_that_does_not_arrive_is_told_and_its_worker_serves_the_next(
    name: str, of: Callable[[], Any], kind: Kind, where: str, message: str, make: Callable[..., Executing]
) -> None:
    """Of a pool that cannot give its initializer what it is to have nobody hears: who waits does so for ever."""
    obj, keeps = of(), name == "mpi-send"
    executing = make(name, obj, *(() if keeps else (obj,)))
    ask = (lambda: executing.keep(obj)) if keeps else (lambda: executing.submit(repr, 1).result())
    outcome = failure(executing, Duty.STATE, ask)
    assert (outcome.kind, outcome.where) == (kind if keeps else Kind.BROKEN, where), outcome
    assert message in outcome.message
    executing.stop()
    assert make(name).submit(repr, 1).result() == "1"


def test_a_dead_worker_costs_its_lane_alone(way: str, make: Callable[..., Executing]) -> None:
    other = make("mpi-send")
    executing = make(way)
    outcome = failure(executing, Duty.ARGUMENT, lambda: executing.submit(os._exit, 3).result())
    assert (outcome.kind, outcome.where) == (Kind.BROKEN, "worker"), outcome
    assert "died" in outcome.message
    executing.stop()
    assert other.submit(repr, 1).result() == "1"
    assert way != "mpi-pool" or not executing.executor.thread.is_alive()  # type: ignore[attr-defined]


class Killer:
    """Ends the process that loads it."""

    def __reduce__(self) -> Any:
        return os._exit, (3,)


@pytest.mark.parametrize("name", PICKLING)
def test_a_worker_that_dies_of_the_state_has_not_refused_it(name: str, make: Callable[..., Executing]) -> None:
    keeps, obj = name == "mpi-send", Killer()
    executing = make(name, obj, *(() if keeps else (obj,)))
    ask = (lambda: executing.keep(obj)) if keeps else (lambda: executing.submit(repr, 1).result())
    outcome = failure(executing, Duty.STATE, ask)
    assert (outcome.kind, outcome.where) == (Kind.BROKEN, "worker"), outcome
    executing.stop()
    assert keeps or not executing.executor.thread.is_alive(), "this process would wait for it"  # type: ignore[attr-defined]


@pytest.mark.parametrize("killed", [False, True], ids=["ended", "killed"])
def test_nothing_is_left_of_a_program(killed: bool, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    ended("test_mpi", tmp_path, temporary, GENEROUS_S, killed=killed)


def test_where_mpi_is_not_it_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from handoff.strategies._mpi_world import lacks_mpi

    monkeypatch.setenv("PATH", "")
    lacks_mpi.cache_clear()
    assert registry()["mpi-send"].lacks == "mpiexec: not found (Debian: apt install openmpi-bin)"
    monkeypatch.undo()
    lacks_mpi.cache_clear()
    assert registry()["mpi-send"].lacks == ""
    assert find_spec("mpi4py")
