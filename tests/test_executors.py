"""Executors: measured in the same rounds as all others, looked at like them, as fast as in a script, nothing left."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from statistics import median
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import pytest

from handoff import timing
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import METRICS
from handoff.measuring import tasks
from handoff.measuring.executed import Executed, TaskSender
from handoff.measuring.experiment import measure, plan
from handoff.measuring.worker import CHECKSUM
from handoff.payload import Duty, Payload
from handoff.processes.executing import Executing
from handoff.profile import PROFILES
from handoff.strategies import registry
from handoff.strategies.executors import raised_line
from handoff.strategy import Site, Strategy
from handoff.target import Entry, Ref, load_collection

TINY = replace(PROFILES["quick"], trials=1, most_trials=0, record_s=0.0, rounds=2, sample_s=0.0005, lane_s=0.005)
PATIENT = replace(TINY, answer_s=60.0)  #: an executor's first task imports; on a busy machine that is slow, not hung
EXECUTORS = {name: each for name, each in registry().items() if each.execution is not None}
MINE = """
import threading
from handoff.payload import Duty, Payload

def numbers():
    import numpy as np
    return np.arange(100.0)

class NeedsTwo(Exception):
    def __init__(self, one, other):
        super().__init__(one)

ALL = frozenset({Duty.ARGUMENT, Duty.RESULT, Duty.STATE})
PAYLOADS = (
    Payload(name="record", make=lambda: {"apple": 3.0, "pear": [1, 2]}, duties=ALL),
    Payload(name="numbers", make=numbers, duties=ALL),
    Payload(name="lock", make=threading.Lock, duties=ALL),
    Payload(name="needs-two", make=lambda: NeedsTwo(1, 2), duties=ALL),
)
"""


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Entry]:
    file = tmp_path_factory.mktemp("mine") / "mine.py"
    file.write_text(MINE)
    return load_collection(file)


@pytest.fixture(autouse=True)
def no_segment_is_left() -> Iterator[None]:
    folder = Path("/dev/shm")
    before = set(os.listdir(folder)) if folder.is_dir() else set()
    yield
    after = set(os.listdir(folder)) if folder.is_dir() else set()
    assert not {name for name in after - before if f"-{os.getpid()}-" in name}


def _engines() -> Mapping[str, list[Strategy]]:
    """Those that one trial starts one engine for, by what they need, or by their own name."""
    found: dict[str, list[Strategy]] = {}
    for strategy in EXECUTORS.values():
        found.setdefault(" ".join(strategy.needs) or strategy.name, []).append(strategy)
    return found


@pytest.mark.parametrize("ways", _engines().values(), ids=_engines())
def test_it_is_measured_for_its_duties_in_the_rounds_of_all_others(
    ways: list[Strategy], collection: Mapping[str, Entry]
) -> None:
    method, name = ways[0].start_methods[-1], "numbers" if any(strategy.only for strategy in ways) else "record"
    experiments = plan(
        {name: collection[name]},
        kinds=sorted({str(duty) for strategy in ways for duty in strategy.duties}),
        start_methods=[method],
        strategies=("pickle-default", "process-args", *(strategy.name for strategy in ways)),
    )
    measured = set()
    for record in measure(experiments, PATIENT, None):
        for strategy in ways:
            if record.kind not in strategy.duties:
                continue
            outcome = record.outcomes[strategy.name]
            measured.add((strategy.name, record.kind))
            if strategy.lacks:
                assert (str(outcome.kind), outcome.message) == ("unavailable", strategy.lacks)
                continue
            assert outcome.ok, (record.kind, outcome)
            assert Figures(record).has(strategy.name, METRICS[record.kind][0]), record.kind
    assert measured == {(strategy.name, str(duty)) for strategy in ways for duty in strategy.duties}


def test_what_it_does_not_carry_costs_its_own_lane_alone(collection: Mapping[str, Entry]) -> None:
    some = {name: collection[name] for name in ("lock", "needs-two")}
    names = ("pickle-default", "process-pool-executor", "pool")
    records = measure(
        plan(some, kinds=["argument", "result"], start_methods=["fork"], strategies=names),
        replace(PATIENT, answer_s=5.0),
        None,
    )
    told = {(each.payload, each.kind): each.outcomes["process-pool-executor"] for each in records}
    assert {place: (str(o.kind), o.where) for place, o in told.items()} == {
        ("lock", "argument"): ("refused", "parent"),
        ("lock", "result"): ("refused", "result"),
        ("needs-two", "argument"): ("broken", "worker"),
        ("needs-two", "result"): ("broken", "worker"),
    }
    assert "cannot pickle" in told["lock", "argument"].message
    assert all(not outcome.ok and outcome.reason for record in records for outcome in record.outcomes.values())


def numbers() -> list[int]:
    return list(range(1000))


PAYLOADS = (Payload(name="numbers", make=numbers),)
SAMPLES, CALLS = 15, 30


Ask = Callable[[Callable[[Any], int], Any], int]  #: a task of the library, and its result


@contextmanager
def _process_pool(context: Any) -> Iterator[Ask]:
    with ProcessPoolExecutor(1, context) as plain:
        yield lambda function, obj: plain.submit(function, obj).result()


@contextmanager
def _pool(context: Any) -> Iterator[Ask]:
    with context.Pool(1) as plain:
        yield lambda function, obj: int(plain.apply(function, (obj,)))


@contextmanager
def _loky(context: Any) -> Iterator[Ask]:
    import loky

    plain = loky.ProcessPoolExecutor(1)
    yield lambda function, obj: int(plain.submit(function, obj).result())
    plain.shutdown()


@contextmanager
def _dask(context: Any) -> Iterator[Ask]:
    import distributed

    library: Any = distributed
    with (
        library.LocalCluster(1, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50) as cluster,
        library.Client(cluster, set_as_default=False) as client,
    ):
        yield lambda function, obj: int(client.submit(function, obj, pure=False).result())


@contextmanager
def _ray(context: Any) -> Iterator[Ask]:
    """In the lane's own ray: there is one in a process."""
    import ray

    remote: Any = cache(ray.remote)
    yield lambda function, obj: int(ray.get(remote(function).remote(obj)))


#: By way: a plain script's use of its library, and how far a busy machine may tell the two apart.
PLAIN: Mapping[str, tuple[Callable[[Any], AbstractContextManager[Ask]], float]] = {
    "process-pool-executor": (_process_pool, 1.33),
    "pool": (_pool, 1.33),
    "loky": (_loky, 1.33),
    "dask-submit": (_dask, 1.6),
    "ray-task": (_ray, 2.0),
}


@pytest.mark.alone
@pytest.mark.filterwarnings("default")  # dask and ray leave sockets and loops to the garbage collector
@pytest.mark.parametrize("name", PLAIN)
def test_a_lane_takes_what_a_plain_script_takes(name: str, tmp_path: Path) -> None:
    """Alternated, sample by sample: on an idle machine within 5 to 10 %; asserted with room for a busy one."""
    strategy, (library, bound) = EXECUTORS[name], PLAIN[name]
    if strategy.lacks:
        pytest.skip(strategy.lacks)
    payload, ref = PAYLOADS[0], Ref(str(Path(__file__).parent), __name__, "numbers")
    context = multiprocessing.get_context("spawn")
    count = itertools.count()
    site = Site(
        ctx=context, start_method="spawn", obj=payload.make(), payload=payload, ref=ref, folder=tmp_path,
        segment_name=lambda: f"none-{os.getpid()}-{next(count)}", manager=pytest.fail, at_end=lambda call: call,
    )  # fmt: skip
    assert strategy.execution
    executing = Executing(strategy.execution, site, (tasks.begin, (ref,)))
    inside = Executed(executing, Duty.ARGUMENT, SimpleNamespace(sent=""), ())  # type: ignore[arg-type]
    sender, obj = TaskSender(inside), payload.make()
    expected = payload.expected(obj)
    assert inside.answer(60) == {"errors": {}}
    with library(context) as plain:
        assert plain(payload.touch, obj) == expected

        def lane() -> float:
            inside.command({"do": Duty.ARGUMENT})
            assert inside.recv_bytes() == b""
            spent = timing.send(sender, obj, CALLS, after=inside.recv_bytes, expected=CHECKSUM.pack(expected))
            return float(spent.seconds)

        def script() -> float:
            begin = perf_counter()
            for _ in range(CALLS):
                assert plain(payload.touch, obj) == expected
            return perf_counter() - begin

        ratio = median(map(partial(_ratio, lane, script), range(SAMPLES)))
    executing.stop()
    print(f"{name}: {ratio:.3f}")
    assert 1 / bound < ratio < bound, ratio


def _ratio(lane: Callable[[], float], script: Callable[[], float], turn: int) -> float:
    """Of two samples that follow each other, whichever is first."""
    if turn % 2:
        return lane() / script()
    other = script()
    return lane() / other


def test_the_line_of_a_traceback_that_names_the_exception_is_not_one_of_its_notes() -> None:
    try:
        try:
            raise ValueError("first")
        except ValueError as first:
            first.add_note("a note of the first")
            raise TypeError("cannot pickle it") from first
    except TypeError as error:
        error.add_note("when serializing dict item 'lock'")
        error.add_note("when serializing its state")
        assert raised_line(traceback.format_exc()) == "TypeError: cannot pickle it"
    assert raised_line("no frames\nits last line") == "its last line"
    assert raised_line("") == ""
