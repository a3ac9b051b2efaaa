"""The statement of an object: the same on both sides when nothing changed, different after any change, and cheap."""

from __future__ import annotations

import collections
import contextlib
import contextvars
import copy
import datetime as dt
import decimal
import enum
import fractions
import functools
import io
import json
import logging
import math
import multiprocessing
import os
import pickle
import queue
import socket
import sqlite3
import subprocess
import sys
import threading
import types
import uuid
import weakref
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handoff.compare.difference import difference
from handoff.compare.facts import brief, dumps, facts, stated
from handoff.compare.shared_state import seen, use


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Point(NamedTuple):
    x: int
    y: int


class Job:
    rate = 0.1

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a: Any, b: Any) -> None:
        self.a, self.b = a, b


class Words(list):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        raise AssertionError("the walk runs no user code")


class Hostile:
    """Everything it defines raises."""

    def __init__(self) -> None:
        object.__setattr__(self, "value", 1)

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(name)

    __eq__ = __hash__ = __repr__ = __str__ = __len__ = __iter__ = __bool__ = __reduce_ex__ = __getattribute__  # type: ignore[assignment]


FACTOR = 2
MISSING = object()


class Sentinel:
    pass


NOTHING = Sentinel()
nothing = Sentinel()
SETTINGS = {"depth": 1}


def scale(x: int) -> int:
    return x * FACTOR * SETTINGS["depth"]


def carried(obj: Any) -> str:
    """What a round trip through pickle changes."""
    return difference(facts(obj), json.loads(dumps(facts(pickle.loads(pickle.dumps(obj))))))


ZONE = zoneinfo.ZoneInfo("UTC")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.complex_numbers(),
)
VALUES = st.one_of(
    SCALARS,
    st.decimals(),
    st.fractions(),
    st.datetimes(timezones=st.sampled_from([None, dt.UTC, ZONE])),
    st.timedeltas(),
    st.uuids(),
    st.sampled_from(
        [Colour.RED, Colour.BLUE, ..., NotImplemented, int, dict, range(3), slice(1, None), math.pi, Path("a/b")]
    ),
)
DATA = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.lists(inner, max_size=3).map(lambda items: collections.deque(items, maxlen=5)),
        st.dictionaries(SCALARS, inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=3).map(collections.OrderedDict),
        st.sets(SCALARS, max_size=4),
        st.frozensets(st.tuples(SCALARS, SCALARS), max_size=4),
        st.tuples(inner, inner).map(lambda pair: Slotted(*pair)),
        st.dictionaries(st.sampled_from("abc"), inner).map(lambda values: Job(**values)),
        st.lists(st.floats(), max_size=4).map(np.array),
        inner.map(lambda item: [item, item]),
    ),
    max_leaves=12,
)
relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=150)


@relaxed
@given(DATA)
def test_equal_after_a_round_trip(obj: Any) -> None:
    assert carried(obj) == ""


@relaxed
@given(st.lists(DATA, min_size=1, max_size=5), st.data())
def test_different_after_any_single_mutation(items: list[Any], data: st.DataObject) -> None:
    changed = copy.deepcopy(items)
    where = data.draw(st.integers(0, len(items) - 1))
    changed[where] = "something that no strategy draws"
    found = difference(facts(items), facts(changed))
    assert f"obj[{where}]" in found


@relaxed
@given(DATA, DATA)
def test_equal_statements_only_for_the_same_pickle(left: Any, right: Any) -> None:
    """Two objects that are told to be the same have the same canonical text."""
    one, two = facts(left), facts(right)
    assert (dumps(one) == dumps(two)) == (brief(left) == brief(right)) == (difference(one, two) == "")


@relaxed
@given(DATA)
def test_the_digest_is_the_same_after_a_round_trip(obj: Any) -> None:
    assert brief(obj) == brief(pickle.loads(pickle.dumps(obj)))
    assert (stated(obj)[0], stated(obj)[2]) == (facts(obj), brief(obj))


SCRIPT = """
import sys, pickle, json
sys.path[:0] = json.loads(sys.argv[1])
from handoff.compare.facts import brief, facts, dumps
obj = pickle.load(sys.stdin.buffer)
print(dumps(facts(obj)), brief(obj), sep="\\n")
"""


def elsewhere(stream: bytes, seed: int = 0) -> dict[str, Any]:
    """The statement of a pickled object, by an interpreter of another hash seed."""
    return stated_elsewhere(stream, seed)[0]


def stated_elsewhere(stream: bytes, seed: int) -> tuple[dict[str, Any], str]:
    """The statement, and its digest."""
    paths = [str(Path(__file__).parent.parent), str(Path(__file__).parent)]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(paths)],
        input=stream,
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        timeout=60,
    )
    statement, in_brief = done.stdout.decode().splitlines()
    return json.loads(statement), in_brief


@pytest.mark.parametrize("seed", [1, 2])
def test_hash_seeds_do_not_matter(seed: int) -> None:
    words = [f"word{index}" for index in range(50)]
    shared = [1]
    obj: list[Any] = [
        set(words),
        frozenset((w, i) for i, w in enumerate(words)),
        {"a": {frozenset({w}) for w in words}},
        shared,
        shared,
    ]
    obj += [
        Colour.RED,
        Point(1, 2),
        np.arange(5),
        {Colour.RED, Colour.BLUE},
        dt.datetime(2024, 1, 2, tzinfo=ZONE),
    ]
    there, in_brief = stated_elsewhere(pickle.dumps(obj), seed)
    assert difference(facts(obj), there) == "" and in_brief == brief(obj)


def open_array(flags: bool) -> Any:
    array = np.arange(6.0)
    array.flags.writeable = flags
    return array


def module_copy(value: int) -> types.ModuleType:
    return types.ModuleType(f"m{value}")


class Other:
    rate = 0.1


def after(obj: Any, do: Callable[[Any], object]) -> Any:
    do(obj)
    return obj


PAIRS: list[tuple[str, Any, Any]] = [
    ("bool and int", True, 1),
    ("int and float", 1, 1.0),
    ("int and numpy int", 1, np.int64(1)),
    ("numpy ints", np.int32(1), np.int64(1)),
    ("the sign of zero", 0.0, -0.0),
    ("nan", math.nan, 0.0),
    ("huge ints", 10**6000, 10**6000 + 1),
    ("str and bytes", "a", b"a"),
    ("lone surrogates", "\ud800", "\ud801"),
    ("tuple and list", (1, 2), [1, 2]),
    ("tuple and namedtuple", (1, 2), Point(1, 2)),
    ("order of a dict", {"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ("kind of key", {1: 0}, {True: 0}),
    ("dict and OrderedDict", {"a": 1}, collections.OrderedDict(a=1)),
    ("factory", collections.defaultdict(list), collections.defaultdict(set)),
    ("Counter", collections.Counter("aab"), collections.Counter("abb")),
    ("maxlen", collections.deque([1], 3), collections.deque([1], 4)),
    ("set and frozenset", {1}, frozenset({1})),
    ("bytes and bytearray", b"a", bytearray(b"a")),
    ("memoryview", memoryview(b"abc"), memoryview(b"abd")),
    ("readonly", memoryview(b"abc"), memoryview(bytearray(b"abc"))),
    ("Decimal", decimal.Decimal("1.0"), decimal.Decimal("1.00")),
    ("Fraction", fractions.Fraction(1, 2), fractions.Fraction(1, 3)),
    ("zone", dt.datetime(2024, 1, 1, tzinfo=ZONE), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
    ("no zone", dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
    ("UUID", uuid.UUID(int=1), uuid.UUID(int=2)),
    ("Path", Path("a"), Path("b")),
    ("Path and str", Path("a"), "a"),
    ("Enum", Colour.RED, Colour.BLUE),
    ("Enum and value", Colour.RED, 1),
    ("range", range(3), range(4)),
    ("slice", slice(1, 2), slice(1, 3)),
    ("complex", 1j, 2j),
    ("type", int, float),
    ("attribute", Job(a=1), Job(a=2)),
    ("attribute's name", Job(a=1), Job(b=1)),
    ("class", Job(), Other()),
    ("slots", Slotted(1, 2), Slotted(1, 3)),
    ("content of a list subclass", Words([1]), Words([2])),
    ("alias", [shared := [1], shared], [[1], [1]]),
    ("depth", [[[[1]]]], [[[1]]]),
    ("dtype", np.zeros(3, "f4"), np.zeros(3, "f8")),
    ("byte order", np.zeros(3, "<f8"), np.zeros(3, ">f8")),
    ("shape", np.zeros((2, 3)), np.zeros((3, 2))),
    ("order", np.zeros((2, 3)), np.zeros((2, 3), order="F")),
    ("writeable", open_array(True), open_array(False)),
    ("array", np.arange(3), np.array([0, 2, 1])),
    ("strided", np.arange(6)[::2], np.arange(6)[1::2]),
    ("object array", np.array([1, "a"], object), np.array([1, "b"], object)),
    ("structured", np.zeros(2, [("a", "i4")]), np.zeros(2, [("b", "i4")])),
    ("mask", np.ma.array([1, 2], mask=[False, True]), np.ma.array([1, 2], mask=[True, False])),
    ("datetime64", np.datetime64("2024-01-01"), np.datetime64("2024-01-02")),
    ("shared memory", [a := np.arange(9.0), a[2:5]], [np.arange(9.0), np.arange(2.0, 5.0)]),
    ("code", lambda x: x + 1, lambda x: x + 2),
    ("partial", functools.partial(scale, 1), functools.partial(scale, 2)),
    ("bound method", [1].append, [2].append),
    ("module", math, os),
    ("StringIO position", io.StringIO("ab"), after(io.StringIO("ab"), lambda s: s.read(1))),
    ("StringIO and list", io.StringIO(), []),
    ("closed", io.BytesIO(), after(io.BytesIO(), lambda s: s.close())),
    ("lock", threading.Lock(), after(threading.Lock(), lambda lock: lock.acquire())),
    ("RLock", threading.RLock(), after(threading.RLock(), lambda lock: lock.acquire())),
    ("Semaphore", threading.Semaphore(2), threading.Semaphore(3)),
    ("Event", threading.Event(), after(threading.Event(), lambda e: e.set())),
    ("Queue", queue.Queue(), after(queue.Queue(), lambda q: q.put(1))),
    ("SimpleQueue", queue.SimpleQueue(), after(queue.SimpleQueue(), lambda q: q.put(1))),
    ("iterator", iter([1, 2]), after(iter([1, 2]), next)),
    ("generator", (i for i in [1, 2]), after((i for i in [1, 2]), next)),
    ("exception", ValueError(1), ValueError(2)),
    ("kind of exception", ValueError(1), TypeError(1)),
    ("errno", OSError(2, "x", "a"), OSError(2, "x", "b")),
    ("weakref", weakref.ref(Colour), weakref.ref(Job())),
    ("logger", logging.getLogger("handoff.a"), logging.getLogger("handoff.b")),
    ("handler", logging.StreamHandler(sys.__stderr__), logging.StreamHandler(sys.__stdout__)),
    ("context variable", contextvars.ContextVar("a"), contextvars.ContextVar("b")),
    ("bare object", MISSING, object()),
    ("constant", NOTHING, Sentinel()),
    ("inside many", list(range(10**5)), [*range(5 * 10**4), 7, *range(5 * 10**4 + 1, 10**5)]),
    ("beyond what is shown", [[i] for i in range(5000)], [[i if i != 4500 else 0] for i in range(5000)]),
    ("a long text", "a" * 10**5, "a" * 10**5 + "b"),
]


@pytest.mark.parametrize(("left", "right"), [pair[1:] for pair in PAIRS], ids=[pair[0] for pair in PAIRS])
def test_tells_apart(left: Any, right: Any) -> None:
    assert difference(facts(left), facts(left)) == ""
    assert difference(facts(left), facts(right)) != ""
    assert difference(facts([0, {"in": left}]), facts([0, {"in": right}])) != ""


def test_sentences_name_the_path_and_what_changed() -> None:
    assert difference(facts({"a": [1, 2]}), facts({"a": [1, 3]})) == "obj['a'][1]: 2, arrived as 3"
    assert difference(facts(Job(a=1)), facts(Job(a=2))) == "obj.a: 1, arrived as 2"
    assert difference(facts(Job(a=1)), facts(Job())) == "obj.a: 1, did not arrive"
    assert difference(facts([1]), facts((1,))) == "obj: list, arrived as tuple"
    shared: list[int] = []
    found = difference(facts([shared, shared]), facts([[], []]))
    assert found == "obj[1]: the same object as obj[0], arrived as an object of its own"
    assert difference({"position": 5}, {"position": 0}) == "position in obj: 5, arrived as 0"
    assert difference({"a": (1, 2), "n": math.nan}, {"a": [1, 2], "n": math.nan}) == ""
    assert difference({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}) == "item 1 in b in a in obj: 2, arrived as 3"


def test_cycles_and_depth() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert carried(loop) == ""
    deep: Any = None
    for index in range(20_000):
        deep = Job(next=deep, index=index)
    statement = facts(deep)
    assert statement["nodes"] > 20_000
    assert len(dumps(statement)) < 1_000_000
    while deep is not None:
        deep = deep.next


def test_no_user_code_runs() -> None:
    assert difference(facts([Hostile(), Words([1, 2])]), facts([Hostile(), Words([1, 2])])) == ""
    assert "value" in dumps(facts(Hostile()))


def test_an_ordinary_instance_without_state_has_no_identity_to_lose() -> None:
    assert difference(facts(nothing), facts(Sentinel())) == ""


def test_reading_errors_are_facts() -> None:
    closed = memoryview(bytearray(3))
    closed.release()
    assert "unreadable" in dumps(facts(closed))


@pytest.mark.parametrize("size", [10, 10**6])
def test_json_stays_small(size: int) -> None:
    for obj in (list(range(size)), [str(i) * 3 for i in range(size)], dict.fromkeys(range(size)), "x" * size):
        assert len(dumps(facts(obj))) < 100_000
    assert len(dumps(facts([[i] for i in range(min(size, 50_000))]))) < 1_000_000


# ----------------------------------------------------------------------------------------------- functions and classes


def test_a_global_changed_at_run_time_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    before = facts(scale)
    monkeypatch.setattr(sys.modules[__name__], "FACTOR", 3)
    assert difference(facts(scale), before) == "obj (global FACTOR): 3, arrived as 2"
    monkeypatch.undo()
    monkeypatch.setitem(SETTINGS, "depth", 2)
    assert difference(facts(scale), before) == "obj (global SETTINGS)['depth']: 2, arrived as 1"
    monkeypatch.setitem(SETTINGS, "depth", 5)
    assert difference(facts(scale), elsewhere(pickle.dumps(scale))) == "obj (global SETTINGS)['depth']: 5, arrived as 1"


def test_a_class_attribute_changed_at_run_time_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(a=1)
    assert difference(facts(job), elsewhere(pickle.dumps(job))) == ""
    monkeypatch.setattr(Job, "rate", 0.2)
    assert difference(facts(job), elsewhere(pickle.dumps(job))) == "type(obj).rate: 0.2, arrived as 0.1"


def make_local(size: int) -> Any:
    log = [size]

    class Local:
        limit = size

        def run(self, x: int) -> Any:
            return x * FACTOR + log[0]

    return Local


@pytest.mark.parametrize("library", ["cloudpickle", "dill"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: lambda x: x + 1,
        lambda: make_local(3),
        lambda: make_local(3)(),
        lambda: functools.partial(lambda a, b: a + b, 1),
        lambda: [scale, Job, Job.rate, Colour, Point(1, 2), Colour.RED, json.dumps, len, [].append, math],
    ],
    ids=["lambda", "local class", "local instance", "partial", "by name"],
)
def test_by_value_code_arrives_the_same(library: str, make: Callable[[], Any]) -> None:
    obj = make()
    module = pytest.importorskip(library)
    if library == "dill" and sys.version_info >= (3, 15) and type(obj) is not list:
        with pytest.raises(AttributeError, match="co_lnotab"):  # which dill 0.4.1 reads, and 3.15 has no more
            module.dumps(obj)
        return
    assert difference(facts(obj), elsewhere(module.dumps(obj))) == ""


def test_closures_and_defaults_are_told() -> None:
    def make(n: int, d: int = 0) -> Any:
        return lambda x, y=d: (x, y, n)

    assert difference(facts(make(1)), facts(make(2))) == "obj (closure n): 1, arrived as 2"
    assert "__defaults__" in difference(facts(make(1)), facts(make(1, 3)))


def test_a_copy_of_a_module_s_class_is_not_that_class() -> None:
    twin = type("Job", (), {"__module__": __name__, "__qualname__": "Job", "rate": 0.1})
    assert "a copy of the class in that module" in difference(facts(Job()), facts(twin()))


def test_cache_of_an_lru_cached_function() -> None:
    cached = functools.lru_cache(maxsize=8)(scale)
    before = facts(cached)
    cached(1)
    assert difference(facts(cached), before) == "results in the cache in obj: 1, arrived as 0"


# ------------------------------------------------------------------------------------------------------------ resources


@pytest.fixture
def text(tmp_path: Path) -> Any:
    (tmp_path / "t.txt").write_text("one\ntwo\nthree\n")
    with open(tmp_path / "t.txt") as file:
        file.readline()
        yield file


def test_a_read_file_is_not_disturbed(text: Any) -> None:
    first = facts(text)
    assert difference(first, facts(text)) == ""
    assert first["parts"][0][1]["position"] == 4
    assert text.read() == "two\nthree\n"
    assert difference(first, facts(text)) == "position in obj: 4, arrived as 14"


def test_cloudpickle_makes_a_string_of_a_file(text: Any) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")  # not before: importing it changes what others' tests see
    assert (
        difference(facts(text), elsewhere(cloudpickle.dumps(text))) == "obj: _io.TextIOWrapper, arrived as _io.StringIO"
    )


def test_dill_starts_a_read_file_again(text: Any) -> None:
    dill = pytest.importorskip("dill")  # not before: importing it changes what others' tests see
    assert difference(facts(text), elsewhere(dill.dumps(text))) == "position in obj: 4, arrived as 0"


def test_dill_truncates_a_written_file(tmp_path: Path) -> None:
    dill = pytest.importorskip("dill")  # not before: importing it changes what others' tests see
    with open(tmp_path / "w", "w") as file:
        file.write("some text")
        file.flush()
        sent = facts(file)
        assert difference(sent, elsewhere(dill.dumps(file))) != ""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="whether dill's RLock can be taken there was not looked at")
def test_an_rlock_through_dill_is_dead() -> None:
    dill = pytest.importorskip("dill")  # not before: importing it changes what others' tests see
    lock = dill.loads(dill.dumps(threading.RLock()))
    assert difference(facts(threading.RLock()), facts(lock)) == "can be taken in obj: true, arrived as false"
    with pytest.raises(TimeoutError, match=r"obj\.lock: says it is free, and cannot be taken"):
        use(Job(lock=lock))


def test_sockets_are_told_by_the_kernel() -> None:
    left, right = socket.socketpair()
    with left, right, left.dup() as twin:
        assert difference(facts(left), facts(twin)) == ""
        assert "kernel object" in difference(facts(left), facts(right))
        left.close()
        assert difference(facts(right), facts(left)) != ""


def test_databases_are_told_by_schema_and_rows(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as one, contextlib.closing(sqlite3.connect(":memory:")) as two:
        one.execute("create table t (a int)")
        assert difference(facts(one), facts(two)).startswith("schema in obj")
        two.execute("create table t (a int)")
        assert difference(facts(one), facts(two)) == ""
        two.execute("insert into t values (1)")
        two.commit()
        assert difference(facts(one), facts(two)).startswith("item 1 in item 0 in rows in obj: 0, arrived as 1")


def test_threads_locals_and_variables() -> None:
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait)
    before = facts(thread)
    thread.start()
    assert difference(facts(thread), before) == "alive in obj: true, arrived as false"
    gate.set()
    thread.join()
    local = threading.local()
    local.value = 1
    assert difference(facts(local), facts(threading.local())) == "length in obj: 1, arrived as 0"
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")
    unset = facts(variable)
    variable.set(3)
    assert difference(facts(variable), unset) == "set in obj: true, arrived as false"


def test_logging_handlers(tmp_path: Path) -> None:
    logger = logging.getLogger("handoff.test.facts")
    unset = facts(logger)
    handler = logging.FileHandler(tmp_path / "log")
    logger.addHandler(handler)
    try:
        assert difference(facts(logger), unset) != ""
        assert str(tmp_path / "log") in dumps(facts(logger))
    finally:
        logger.removeHandler(handler)
        handler.close()


def test_exceptions() -> None:
    try:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError("outer") from inner
    except ValueError as error:
        caused = error
    assert difference(facts(caused), facts(pickle.loads(pickle.dumps(caused)))) == "obj.__cause__: did not arrive"
    noted = ValueError("x")
    noted.add_note("a note")
    assert "__notes__" in difference(facts(noted), facts(ValueError("x")))
    assert carried(noted) == ""
    assert carried(OSError(2, "no", "file")) == ""


# -------------------------------------------------------------------------------------------------------------- sharing


def _worker(obj: Any, conn: Any) -> None:
    use(obj)
    conn.send(facts(obj))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_is_shared_is_seen_to_be(method: str) -> None:
    ctx: Any = multiprocessing.get_context(method)
    obj = {
        "lock": ctx.Lock(),
        "rlock": ctx.RLock(),
        "semaphore": ctx.Semaphore(2),
        "event": ctx.Event(),
        "condition": ctx.Condition(),
        "queue": ctx.Queue(),
        "simple": ctx.SimpleQueue(),
        "array": ctx.Array("i", 8),
        "value": ctx.Value("d", 1.0),
    }
    before = facts(obj)
    assert seen({"lock": obj["lock"]}) != ""
    here, there = ctx.Pipe()
    process = ctx.Process(target=_worker, args=(obj, there))
    process.start()
    there.close()
    here.recv()
    assert seen(obj) == ""
    assert difference(before, facts(obj)) != ""
    process.join()
    process.close()
    obj["queue"].close()
    obj["queue"].join_thread()
    obj["simple"].close()


def test_what_is_not_shared_is_seen_not_to_be() -> None:
    ctx: Any = multiprocessing.get_context("fork")
    kinds: list[Any] = [threading.Lock, threading.RLock, threading.Semaphore, threading.Event, queue.Queue]
    for kind in kinds:
        obj = kind()
        here, there = ctx.Pipe()
        process = ctx.Process(target=_worker, args=([obj], there))
        process.start()
        there.close()
        here.recv()
        process.join()
        process.close()
        assert seen([obj]).startswith("obj[0]: ")
        use([obj])
        if not isinstance(obj, type(threading.RLock())):  # one's own lock is never in one's own way
            assert seen([obj]) == ""


def test_multiprocessing_primitives_arrive_with_the_same_facts() -> None:
    ctx: Any = multiprocessing.get_context("spawn")
    obj: list[Any] = [ctx.Lock(), ctx.Event(), ctx.Queue(), ctx.Array("d", 4), ctx.Value("i", 2)]
    sent = facts(obj)
    here, there = ctx.Pipe()
    process = ctx.Process(target=_tell, args=(obj, there))
    process.start()
    there.close()
    assert difference(sent, here.recv()) == ""
    process.join()
    process.close()


def _tell(obj: Any, conn: Any) -> None:
    conn.send(facts(obj))
