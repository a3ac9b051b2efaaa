"""dask.distributed on a local cluster: each trap of a cluster is designed out, and nothing stays on it."""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_ends import ENDS, failure

from handoff.outcome import Kind
from handoff.payload import Duty, Payload
from handoff.processes.executing import Executing, nothing
from handoff.strategies import registry
from handoff.strategies.dask_distributed import LocalDask
from handoff.strategy import Site
from handoff.target import Ref

pytestmark = [
    pytest.mark.skipif(find_spec("distributed") is None, reason="dask.distributed is an optional extra"),
    pytest.mark.filterwarnings("default"),  # its threads leave sockets and loops to the garbage collector
]
WAYS = ("dask-submit", "dask-scatter", "dask-actor")
GENEROUS_S = 20.0


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDask]:
    """One cluster for all tests here."""
    found = LocalDask.enter(str(tmp_path_factory.mktemp("dask")))
    yield found
    found.leave(GENEROUS_S)


def _made(name: str, tmp_path: Path) -> Executing:
    strategy, count = registry()[name], itertools.count()
    payload = Payload(name="none", make=list)
    site = Site(
        ctx=multiprocessing.get_context("spawn"), start_method="spawn", obj=[], payload=payload,
        ref=Ref(str(tmp_path), "none", "none"), folder=tmp_path, segment_name=lambda: f"none-{next(count)}",
        manager=pytest.fail, at_end=lambda call: call,
    )  # fmt: skip
    assert strategy.execution
    return Executing(strategy.execution, site, (nothing, ()))


@pytest.fixture(params=WAYS)
def executing(request: pytest.FixtureRequest, local: LocalDask, tmp_path: Path) -> Iterator[Executing]:
    found = _made(request.param, tmp_path)
    yield found
    found.stop()


class Counted:
    """Counts in this process how often it is pickled."""

    times = 0

    def __reduce__(self) -> Any:
        type(self).times += 1
        return str, ("counted",)


def test_the_same_object_is_sent_each_time(executing: Executing) -> None:
    """A key by content would make the second hand-over free."""
    obj: Any = Counted()
    before = Counted.times
    for turn in range(3):
        assert executing.submit(len, obj).result() == len("counted")
        assert Counted.times > before + turn


def test_the_same_array_is_scattered_to_another_key_each_time(executing: Executing) -> None:
    executor: Any = executing.executor
    scatter, array = getattr(executor, "dask", executor).scatter, np.arange(1000.0)
    one, other = scatter(array), scatter(array)
    assert one.key != other.key


@pytest.mark.parametrize("size", [2**10, 2**17])
def test_an_array_arrives_as_one_that_can_be_written_to(size: int, executing: Executing) -> None:
    """Below and above what dask cuts out of a message."""
    told = executing.submit(_described, np.arange(float(size))).result()
    assert told == ("ndarray", True, size * (size - 1) / 2)


def _described(array: Any) -> tuple[str, bool, float]:
    return type(array).__name__, bool(array.flags.writeable), float(array.sum())


def test_state_is_not_sent_with_the_tasks(executing: Executing) -> None:
    if Duty.STATE not in executing.execution.duties:
        pytest.skip("it serves no state")
    kept = executing.keep(Counted())
    before = Counted.times
    assert [executing.submit(len, *kept).result() for _ in range(3)] == [len("counted")] * 3
    assert Counted.times == before


def test_a_worker_has_the_allocator_settings_of_its_parent(executing: Executing) -> None:
    names = ("MALLOC_TRIM_THRESHOLD_", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    assert executing.submit(_environment, names).result() == [os.environ.get(name) for name in names]


def _environment(names: tuple[str, ...]) -> list[str | None]:
    return [os.environ.get(name) for name in names]


def _expected(executing: Executing, kind: Kind) -> Kind:
    """Who calls an actor with what cannot be pickled gets no error: it waits."""
    return Kind.BROKEN if executing.execution is registry()["dask-actor"].execution else kind


@pytest.mark.parametrize(("make", "kind", "where", "message"), ENDS, ids=[end[0].__name__ for end in ENDS])
def test_an_argument_that_does_not_arrive_is_told_by_where_and_why(
    make: Callable[[], Any], kind: Kind, where: str, message: str, executing: Executing
) -> None:
    outcome = failure(executing, Duty.ARGUMENT, lambda: executing.submit(repr, make()).result())
    assert (outcome.kind, outcome.where) == (_expected(executing, kind), where), outcome
    assert message in outcome.message
    assert executing.submit(repr, 1).result() == "1"  # and the worker goes on


@pytest.mark.parametrize(("make", "kind", "where", "message"), ENDS, ids=[end[0].__name__ for end in ENDS])
def test_a_result_that_does_not_arrive_is_told_by_where_and_why(
    make: Callable[[], Any], kind: Kind, where: str, message: str, executing: Executing
) -> None:
    outcome = failure(executing, Duty.RESULT, lambda: executing.submit(make).result())
    assert (outcome.kind, message in outcome.message) == (_expected(executing, kind), True), outcome


def test_state_that_does_not_arrive_is_told_by_where_and_why(executing: Executing) -> None:
    if Duty.STATE not in executing.execution.duties:
        pytest.skip("it serves no state")
    for make, kind, where, message in ENDS:
        outcome = failure(executing, Duty.STATE, lambda make=make: executing.keep(make()))  # type: ignore[misc]
        assert (outcome.kind, outcome.where) == (_expected(executing, kind), where), outcome
        assert message in outcome.message


def test_a_dead_worker_costs_its_lane_alone_and_the_next_finds_another(
    request: pytest.FixtureRequest, executing: Executing, tmp_path: Path
) -> None:
    outcome = failure(executing, Duty.ARGUMENT, lambda: executing.submit(os._exit, 3).result())
    assert (outcome.kind, outcome.where) == (Kind.BROKEN, "worker"), outcome
    executing.stop()
    gc.collect()
    another = _made(request.node.callspec.params["executing"], tmp_path)
    assert another.submit(repr, 1).result() == "1"
    another.stop()


def test_no_key_stays_on_the_cluster(local: LocalDask, executing: Executing) -> None:
    executing.submit(len, [1, 2]).result()
    executing.stop()
    executing.executor = None  # type: ignore[assignment]
    end = time.monotonic() + GENEROUS_S
    while local.client.run_on_scheduler(_keys) and time.monotonic() < end:
        gc.collect()  # an exception of an earlier test holds what it was about
        time.sleep(0.05)
    assert local.client.run_on_scheduler(_keys) == []


def _keys(dask_scheduler: Any) -> list[str]:
    return [str(key) for key in dask_scheduler.tasks]
