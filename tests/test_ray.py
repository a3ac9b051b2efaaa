"""ray on this machine: each trap of its object store is designed out, and nothing stays."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
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
from handoff.strategies import ray_core, registry
from handoff.strategy import Site
from handoff.target import Ref

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="ray is an optional extra"),
    pytest.mark.filterwarnings("default"),  # it leaves files and sockets to the garbage collector
]
WAYS = ("ray-task", "ray-put", "ray-actor")
GENEROUS_S = 30.0
STORED = 100 * 1024  #: bytes of an argument beyond which it goes through the object store


def _made(name: str, folder: Path, obj: Any = None) -> Executing:
    strategy = registry()[name]
    site = Site(
        ctx=multiprocessing.get_context("spawn"), start_method="spawn", obj=obj,
        payload=Payload(name="none", make=list), ref=Ref(str(folder), "none", "none"), folder=folder,
        manager=pytest.fail, at_end=lambda call: call,
        segment_name=partial(segment_name, folder),
    )  # fmt: skip
    assert strategy.execution
    return Executing(strategy.execution, site, (nothing, ()))


@pytest.fixture(scope="module", autouse=True)
def one_ray() -> Iterator[None]:
    """One for all tests here, which go to one process therefore (``conftest.unit``)."""
    yield
    if ray_core.LocalRay._here is not None:
        ray_core.LocalRay._here.end()


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Executing]]:
    made: list[Executing] = []

    def start(name: str, obj: Any = None) -> Executing:
        made.append(_made(name, tmp_path, obj))
        return made[-1]

    yield start
    for each in made:
        each.stop()


class Counted:
    """Counts in this process how often it is pickled."""

    times = 0

    def __reduce__(self) -> Any:
        type(self).times += 1
        return str, ("counted",)


def test_the_same_object_is_sent_each_time(way: str, make: Callable[..., Executing]) -> None:
    """What was put once would be fetched from memory that is mapped already."""
    obj = Counted()
    executing = make(way, obj)
    for turn in range(3):
        before = Counted.times
        assert executing.submit(len, obj).result() == len("counted"), turn
        assert Counted.times > before


def test_the_same_array_is_put_anew_each_time(make: Callable[..., Executing]) -> None:
    executor: Any = make("ray-put").executor
    array = np.arange(1000.0)
    assert executor.keep(array) != executor.keep(array)


@pytest.mark.parametrize("size", [STORED // 16, STORED])
def test_an_array_arrives_and_cannot_be_written_to(size: int, way: str, make: Callable[..., Executing]) -> None:
    """On both sides of what travels in the task itself."""
    array = np.arange(float(size))
    told = make(way, array).submit(_described, array).result()
    assert told == ("ndarray", False, size * (size - 1) / 2)


def _described(array: Any) -> tuple[str, bool, float]:
    return type(array).__name__, bool(array.flags.writeable), float(array.sum())


def test_state_is_not_sent_with_the_tasks(way: str, make: Callable[..., Executing]) -> None:
    executing = make(way)
    if Duty.STATE not in executing.execution.duties:
        pytest.skip("it serves no state")
    kept = executing.keep(Counted())
    before = Counted.times
    assert [executing.submit(len, *kept).result() for _ in range(3)] == [len("counted")] * 3
    assert Counted.times == before


def test_one_processor_is_one_worker(make: Callable[..., Executing]) -> None:
    executing = make("ray-task")
    assert len({executing.submit(os.getpid).result() for _ in range(5)}) == 1


def test_a_worker_has_the_allocator_settings_of_its_parent(way: str, make: Callable[..., Executing]) -> None:
    names = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_ARENA_MAX", "LD_PRELOAD")
    assert make(way).submit(_environment, names).result() == [os.environ.get(name) for name in names]


def _environment(names: tuple[str, ...]) -> list[str | None]:
    return [os.environ.get(name) for name in names]


@pytest.mark.parametrize(("of", "kind", "where", "message"), ENDS, ids=[end[0].__name__ for end in ENDS])
def test_what_does_not_arrive_is_told_by_where_and_why(
    of: Callable[[], Any], kind: Kind, where: str, message: str, way: str, make: Callable[..., Executing]
) -> None:
    obj = of()
    executing = make(way, obj)
    argument = failure(executing, Duty.ARGUMENT, lambda: executing.submit(repr, obj).result())
    assert (argument.kind, argument.where, message in argument.message) == (kind, where, True), argument
    result = failure(executing, Duty.RESULT, lambda: executing.submit(of).result())
    assert (result.kind, result.where, message in result.message) == (kind, "result", True), result
    if Duty.STATE in executing.execution.duties:
        state = failure(executing, Duty.STATE, lambda: executing.submit(repr, *executing.keep(obj)).result())
        assert (state.kind, state.where, message in state.message) == (kind, where, True), state
    assert executing.submit(repr, 1).result() == "1"  # and the worker goes on


def test_a_dead_worker_costs_its_lane_alone(way: str, make: Callable[..., Executing]) -> None:
    executing = make(way)
    outcome = failure(executing, Duty.ARGUMENT, lambda: executing.submit(os._exit, 3).result())
    assert (outcome.kind, outcome.where) == (Kind.BROKEN, "worker"), outcome
    assert "died" in outcome.message
    executing.stop()
    assert make(way).submit(repr, 1).result() == "1"


_begun = ""


def _begin(word: str) -> None:
    global _begun
    _begun = word


def _word() -> str:
    return _begun


def test_another_worker_begins_before_it_does_a_task(tmp_path: Path) -> None:
    """ray ends idle workers and starts others: what each does first goes with the task."""
    made = _made("ray-task", tmp_path)
    executor: Any = made.executor
    executor.initializer = _begin, ("begun",)
    assert executor.submit(_word).result() == "begun"
    with pytest.raises(Exception, match="died"):
        executor.submit(os._exit, 3).result()
    assert executor.submit(_word).result() == "begun"


@pytest.mark.parametrize("killed", [False, True], ids=["ended", "killed"])
def test_nothing_is_left_of_a_program(killed: bool, tmp_path: Path) -> None:
    home, temporary = tmp_path / "home", tmp_path / "a-folder-whose-name-leaves-no-room-for-the-names-of-ray's-sockets"
    home.mkdir()
    temporary.mkdir()
    ended("test_ray", tmp_path, temporary, GENEROUS_S, killed=killed, HOME=str(home))
    assert os.listdir(home) == [], "no token, no cache"


def test_where_no_ray_can_be_started_it_is_said_in_a_line(tmp_path: Path) -> None:
    """In a process of its own: ray is begun once."""
    code = (
        "import os, sys, tempfile; sys.path.insert(0, sys.argv[1]); import test_ray; from pathlib import Path\n"
        "isdir = os.path.isdir; os.path.isdir = lambda path: path != '/dev/shm' and isdir(path)\n"
        "try: test_ray._made('ray-task', Path.cwd())\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    temporary = tmp_path / ("long-" * 20)
    temporary.mkdir()
    told = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)], check=True, capture_output=True, text=True,
        cwd=tmp_path, env=os.environ | {"TMPDIR": str(temporary)},
    ).stdout  # fmt: skip
    assert told.startswith("Unavailable no local ray: ")
    assert "path" in told
    assert os.listdir(temporary) == []
