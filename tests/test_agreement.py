"""One object, four answers: support, diagnose, advise and assert_portable never contradict each other."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from agreement import against_advice, against_diagnosis, told

from handoff.advising.run import advise_object, usual_job
from handoff.diagnosing import STRATEGIES, diagnose
from handoff.support_matrix.matrix import support
from handoff.target import Entry, load_collection
from handoff.testing import assert_portable

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # the cases hold files and sockets open on purpose
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
HERE = Path(__file__).parent
METHODS = ("spawn", "fork")
ORDINARY = load_collection(HERE / "ordinary_cases.py")
LIBRARIES = {**load_collection(HERE / "library_cases.py"), **load_collection(HERE / "library_models.py")}
CATALOGUE = load_collection(HERE.parent / "payloads")
#: The kinds of the catalogue that say why something does not travel; of its costs one a kind is enough.
FAMILIES = (
    *("payloads.callables", "payloads.classes", "payloads.custom_pickling", "payloads.resources"),
    *("payloads.locks", "payloads.interpreter"),  # pytest has handlers of its own at the loggers
)
COSTS = ("config-dict", "stdlib-400", "rows-slots-1k", "nested-50", "cycle-two", "arrays-200x1kib")
#: What is different in every process that makes it, or is another object in the process that is asked first.
APART = {
    "instance-main": "its module is the main one of the process that is asked",
    "instance-main-guard": "the same",
    "thread": "pytest's hook for threads is nothing that dill carries; tests/test_diagnose_fixes.py asks elsewhere",
    "setstate-hangs": "waiting for it is most of what it costs; tests/test_diagnose.py has such ones",
}
OFTEN = 1 if "HANDOFF_WHOLE_CATALOGUE" in os.environ else 3  #: of so many one in every run; another for every Python
SAMPLE = {
    name: entry
    for name, entry in sorted(CATALOGUE.items())[sys.version_info[1] % OFTEN :: OFTEN]
    if (entry.ref.module in FAMILIES or name in COSTS) and name not in APART
}
ADVISED = ("config-dict", "ok-nan-as-a-value", "altered-a-public-attribute", "function-lambda", "lock")
SAMPLE |= {name: CATALOGUE[name] for name in (*ADVISED, "lru-cache-filled", "file-iterator") if name in CATALOGUE}
ALL: Mapping[str, Entry] = {**ORDINARY, **LIBRARIES, **SAMPLE}


@functools.cache
def cells(module: str) -> list[Any]:
    """What support says of all objects of one module, asked at once."""
    some = {name: entry for name, entry in ALL.items() if entry.ref.module == module and installed(name)}
    return support(some, strategies=STRATEGIES, duties=("argument",), start_methods=METHODS, patience_s=20.0)


def installed(name: str) -> bool:
    try:
        ALL[name].payload.make()
    except ImportError:
        return False
    return True


@pytest.fixture
def entry(request: pytest.FixtureRequest) -> Entry:
    if not installed(request.param):
        pytest.skip("its library is not installed")
    return ALL[request.param]


def of(entry: Entry) -> list[Any]:
    return [cell for cell in cells(entry.ref.module) if cell.payload == entry.payload.name]


@pytest.mark.parametrize("entry", list(ALL), indirect=True)
def test_a_diagnosis_says_what_support_says(entry: Entry) -> None:
    obj = entry.payload.make()
    found = diagnose(obj, ref=entry.ref.to_json(), budget_s=120.0)
    assert list(against_diagnosis(told(of(entry)), found)) == [], str(found)


@pytest.mark.parametrize("entry", list(ORDINARY), indirect=True)
def test_what_support_calls_ok_is_portable_and_nothing_else(entry: Entry) -> None:
    (outcome,) = {
        cell.outcome for cell in of(entry) if (cell.strategy, cell.start_method) == ("pickle-default", "spawn")
    }
    obj = entry.payload.make()
    if outcome == "ok":
        assert_portable(obj)
    else:
        with pytest.raises(
            AssertionError, match=r"(?s)is not portable:.*\n  (obj|type\(obj|list\(obj).*: .*\n    fix: "
        ):
            assert_portable(obj)


@pytest.mark.parametrize("entry", ADVISED, indirect=True)
def test_advice_takes_what_support_calls_ok(entry: Entry) -> None:
    job = usual_job(None, 4, 1, "spawn")
    advice = advise_object(entry.payload.make(), job, name="obj", budget_s=3.0)
    assert list(against_advice(told(of(entry)), advice)) == []
