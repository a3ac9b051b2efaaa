"""The contract of the catalogue: what every payload promises, whatever its family."""

from __future__ import annotations

import contextlib
import importlib
import json
import multiprocessing
import os
import pickle
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from handoff.checksum import touch
from handoff.payload import Duty, Payload, Trait

ROOT = Path(__file__).parent.parent
FAMILIES = tuple(sorted(file.stem for file in (ROOT / "payloads").glob("*.py") if not file.name.startswith("_")))
BY_FAMILY: dict[str, tuple[Payload, ...]] = {
    family: importlib.import_module(f"payloads.{family}").PAYLOADS for family in FAMILIES
}
#: Those that can be made here: some need libraries that are not installed everywhere.
ALL = {payload.name: payload for family in FAMILIES for payload in BY_FAMILY[family] if not payload.missing()}

#: The families that measure cost; in the others, payloads mostly show outcomes, and some must not live in this process.
COSTS = ("values", "containers", "graphs", "buffers")
CHEAP = {payload.name: payload for family in COSTS for payload in BY_FAMILY[family]}

#: What the standard pickler refuses to write.
REFUSED = {
    Trait.DEEP,
    Trait.LOCAL_FUNCTION,
    Trait.LOCAL_CLASS,
    Trait.OS_RESOURCE,
    Trait.SOCKET,
    Trait.LOCK,
    Trait.SYNCHRONIZED,
    Trait.INTERPRETER,
    Trait.DUMP_FAILS,
}
CARRIED = {name: payload for name, payload in CHEAP.items() if not payload.traits & REFUSED}

EXAMINE = """
import importlib, json, pickle, sys

def refusal(obj):
    try:
        pickle.dumps(obj, 5)
    except Exception as error:
        return type(error).__name__

report = {}
for family in sys.argv[1:]:
    for payload in importlib.import_module("payloads." + family).PAYLOADS:
        if payload.missing():
            continue
        obj = payload.make()
        first, facts = payload.touch(obj), payload.facts and payload.facts(obj)
        report[payload.name] = {
            "touch": first,
            "type": type(first).__name__,
            "again": payload.touch(obj),
            "facts": facts,
            "facts again": payload.facts and payload.facts(obj),
            "another": payload.touch(payload.make()),
            "refusal": refusal(obj),
        }
print(json.dumps(report))
sys.stdout.flush()
import os
os._exit(0)  # open files, threads and queues are what some payloads are: no tidying up
"""

USE = """
import importlib, json, sys, threading
report = {}
for family in sys.argv[1:]:
    for payload in importlib.import_module("payloads." + family).PAYLOADS:
        if payload.use:
            unused = payload.seen(payload.make())  # first: a logger is one for the whole process
            used = payload.make()
            user = threading.Thread(target=payload.use, args=(used,))
            user.start()
            user.join()
            report[payload.name] = {"used": payload.seen(used), "unused": unused}
print(json.dumps(report))
sys.stdout.flush()
import os
os._exit(0)
"""


def in_fresh_interpreter(code: str, folder: Path, hash_seed: str = "0") -> dict[str, Any]:
    """What the code prints as JSON; it gets the families' names, and ``folder`` for its temporary files."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *FAMILIES], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every payload of the catalogue built, touched and stated twice, in two interpreters."""
    return [in_fresh_interpreter(EXAMINE, tmp_path_factory.mktemp(f"seed{seed}"), seed) for seed in ("1", "2")]


def test_names_are_unique() -> None:
    counts = Counter(payload.name for payloads in BY_FAMILY.values() for payload in payloads)
    assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("name", ALL)
def test_every_payload_says_why_and_where_from(name: str) -> None:
    payload = ALL[name]
    assert len(payload.why) > 40, "say why the shape and size are realistic"
    assert payload.source
    assert (payload.use is None) == (payload.seen is None), "use and seen belong together"


@pytest.mark.parametrize("name", ALL)
def test_touch_is_the_same_for_every_object_in_every_process(name: str, reports: list[dict[str, Any]]) -> None:
    """Twice on one object, on another object, and in an interpreter that hashes strings differently."""
    checksums = [report[name][key] for report in reports for key in ("touch", "again", "another")]
    assert len(set(checksums)) == 1
    assert 0 <= checksums[0] < 1 << 64, "it has to fit the acknowledgement's 64 bits"
    assert reports[0][name]["type"] == "int"


@pytest.mark.parametrize("name", [name for name in ALL if ALL[name].facts])
def test_facts_are_repeatable_and_tell_nothing_of_the_process(name: str, reports: list[dict[str, Any]]) -> None:
    """Facts put back what they read; where no file or socket is named, other processes state the same."""
    for report in reports:
        assert report[name]["facts"] == report[name]["facts again"]
    if json.dumps(reports[0][name]["facts"]).find("payload-") < 0 and Trait.SOCKET not in ALL[name].traits:
        assert reports[0][name]["facts"] == reports[1][name]["facts"]


@pytest.mark.parametrize("name", ALL)
def test_traits_tell_what_the_standard_pickler_refuses(name: str, reports: list[dict[str, Any]]) -> None:
    refusal = reports[0][name]["refusal"]
    deep = {Trait.DEEP} if sys.version_info[:2] == (3, 14) else set()  # 20,000 levels pass there: payloads/_gaps.py
    assert (refusal is not None) == bool(ALL[name].traits & REFUSED - deep), refusal


def test_seen_tells_used_from_unused(tmp_path: Path) -> None:
    """Used from a thread, the original has seen it; one that nobody used has not."""
    report = in_fresh_interpreter(USE, tmp_path)
    assert report
    assert {name: seen["used"] for name, seen in report.items() if seen["used"]} == {}
    assert [name for name, seen in report.items() if not seen["unused"]] == []


def test_importing_the_catalogue_imports_nothing_heavy() -> None:
    code = (
        f"import importlib, sys\nfor family in {FAMILIES!r}: importlib.import_module('payloads.' + family)\n"
        "print([name for name in ('numpy', 'dill', 'cloudpickle', 'rich', 'asv') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [name for name in ALL if Trait.BUFFER in ALL[name].traits])
def test_a_buffer_states_the_bytes_that_pickle_takes_out_of_band(name: str) -> None:
    payload, buffers = ALL[name], list[pickle.PickleBuffer]()
    pickle.dumps(payload.make(), 5, buffer_callback=buffers.append)
    assert payload.nbytes == sum(buffer.raw().nbytes for buffer in buffers)


@pytest.mark.parametrize("name", [name for name in CARRIED if Trait.BUFFER not in CARRIED[name].traits])
def test_what_is_no_buffer_leaves_nothing_out_of_band(name: str) -> None:
    """Or the trait is missing. Plain bytes stay in band: only a PickleBuffer leaves it."""
    buffers: list[pickle.PickleBuffer] = []
    pickle.dumps(ALL[name].make(), 5, buffer_callback=buffers.append)
    assert buffers == []


@pytest.mark.parametrize("name", [name for name in ALL if Trait.FIXED_DTYPE in ALL[name].traits])
def test_a_fixed_dtype_is_one_flat_contiguous_block(name: str) -> None:
    view = memoryview(ALL[name].make())
    assert view.ndim == 1
    assert view.contiguous
    assert view.nbytes == ALL[name].nbytes


@pytest.mark.parametrize("name", [name for name in ALL if Trait.SCALARS in ALL[name].traits])
def test_scalars_are_what_a_shareable_list_keeps(name: str) -> None:
    for item in ALL[name].make():
        assert isinstance(item, int | float | bool | str | bytes | None)
        assert not (isinstance(item, int) and item.bit_length() > 63)
        assert not (isinstance(item, str | bytes) and item[-1:] in ("\0", b"\0")), "it would come back shorter"


@pytest.mark.parametrize("name", [name for name in ALL if Duty.SHARED in ALL[name].duties])
def test_what_is_shared_can_be_shared_element_by_element(name: str) -> None:
    payload = ALL[name]
    obj = payload.make()
    assert payload.traits & {Trait.FIXED_DTYPE, Trait.SCALARS} or isinstance(obj, dict | list)


def fastest(*operations: Callable[[], Any], repeats: int = 15) -> list[float]:
    """Seconds of each operation's fastest call, taken in turns: what it costs when nothing disturbs it."""
    times: list[list[float]] = [[] for _ in operations]
    for _ in range(repeats):
        for operation, seconds in zip(operations, times, strict=True):
            start = time.perf_counter()
            operation()
            seconds.append(time.perf_counter() - start)
    return [min(seconds) for seconds in times]


@pytest.fixture(scope="module")
def send_s() -> Iterator[Callable[[bytes], float]]:
    """Seconds that bytes take through a pipe to a process, and its answer back."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_answer, args=(here, there))
    process.start()
    there.close()

    def send(data: bytes) -> None:
        here.send_bytes(data)
        here.recv_bytes()

    yield lambda data: fastest(partial(send, data))[0]
    here.close()
    process.join()


def _answer(other: Connection, end: Connection) -> None:
    other.close()
    with contextlib.suppress(EOFError):
        while True:
            end.recv_bytes()
            end.send_bytes(b"")


@pytest.mark.parametrize("name", [name for name in CARRIED if (CARRIED[name].nbytes or 0) < 64 << 20])
def test_touching_costs_no_more_than_the_hand_off_that_it_follows(name: str, send_s: Callable[[bytes], float]) -> None:
    """It is part of every figure, and must not hide the rest: at most as long as pickling, sending and loading."""
    payload = CHEAP[name]
    obj = payload.make()
    data = pickle.dumps(obj, 5)
    assert payload.touch(pickle.loads(data)) == payload.touch(obj)
    hand_off_s, touch_s = fastest(lambda: pickle.loads(pickle.dumps(obj, 5)), lambda: payload.touch(obj))
    assert touch_s <= hand_off_s + send_s(data)


@pytest.mark.parametrize("name", [name for name in CARRIED if CARRIED[name].facts])
def test_facts_see_no_difference_where_a_pickle_makes_none(name: str) -> None:
    payload = CHEAP[name]
    assert payload.facts
    obj = payload.make()
    arrived = pickle.loads(pickle.dumps(obj, 5))
    assert (payload.facts(obj) == payload.facts(arrived)) == (Trait.IDENTITY not in payload.traits)


def test_measuring_stays_affordable() -> None:
    """Each payload costs about 20 lanes times 3 start methods; only so much of the catalogue may be large."""
    in_argument = [name for name, payload in ALL.items() if Duty.ARGUMENT in payload.duties]
    large = [name for name in in_argument if (ALL[name].nbytes or 0) >= 64 << 20]
    assert large == ["array-f64-64mib"]
    own = [name for name in in_argument if not ALL[name].needs]  # the others are measured where their libraries are
    assert len(own) <= 44


class Deaf(type):
    """Whatever is asked of its classes is an error."""

    def __getattribute__(cls, name: str) -> object:
        raise AssertionError(name)

    __hash__ = __eq__ = __instancecheck__ = __subclasscheck__ = __getattribute__  # type: ignore[assignment]  # as bad


def _asked(self: object, *_: object) -> NoReturn:
    raise AssertionError


ASKED = dict.fromkeys(("__hash__", "__eq__", "__getattribute__", "__repr__", "__bool__", "__sizeof__"), _asked)


@pytest.mark.parametrize("base", [object, dict, list, tuple, str, bytes, int, float, np.ndarray])
def test_reading_runs_nothing_of_what_a_class_says_of_itself(base: type) -> None:
    meta = type if base is np.ndarray else Deaf  # numpy asks the class when one is made
    kind = type.__call__(meta, "Kind", (base,), {**ASKED, "dtype": property(_asked)})
    made = np.ndarray.__new__(kind, 3) if base is np.ndarray else base.__new__(kind)  # type: ignore[call-overload]
    assert touch([made, made, 1, {"a": made}]) == touch([made, 1, made, {"a": made}])


FIRST_READS = """
import time
from handoff.checksum import touch

obj = [[number, str(number), number / 7] for number in range(20_000)]

def took():
    begin = time.perf_counter()
    touch(obj)
    return time.perf_counter() - begin

first = min(took() for _ in range(4))
for _ in range(20):
    took()
print(first / min(took() for _ in range(4)))
"""


@pytest.mark.alone
def test_the_first_read_is_as_fast_as_later_ones() -> None:
    """Python 3.11 made the first seven a fifth slower: a worker of its own for each lane had only those."""
    ratios = [float(subprocess.check_output([sys.executable, "-c", FIRST_READS])) for _ in range(5)]
    assert statistics.median(ratios) < 1.1, ratios
