"""The pools people use: every ending is told apart, at once and with its reason, and nothing is left behind."""

from __future__ import annotations

import importlib.util
import sys
import time
from pathlib import Path

import pytest

from handoff.payload import Duty
from handoff.support_matrix.pools import routes, run
from handoff.target import Ref

ROOT = str(Path(__file__).parent)
POOLS = ("pool", "process-pool-executor")

LOCAL = "AttributeError" if sys.version_info < (3, 14) else "PicklingError"  #: what pickle says of a local function

#: payload, as an argument: kind, where, error type; as a result: the same. None: whatever the pool's own type is.
ENDINGS = [
    ("plain", ("ok", "", ""), ("ok", "", "")),
    ("local_function", ("refused", "parent", LOCAL), ("refused", "result", None)),
    ("exception_that_needs_more", ("broken", "worker", "TypeError"), ("broken", "result", "TypeError")),
    ("raises", ("broken", "worker", "ValueError"), ("broken", "result", "ValueError")),
    ("raises_eof", ("broken", "worker", "EOFError"), ("broken", "result", "EOFError")),
    ("exits", ("broken", "worker", "SystemExit"), ("broken", "result", "SystemExit")),
    ("vanishes", ("broken", "worker", None), ("broken", "result", "")),
    ("crashes", ("broken", "worker", None), ("broken", "result", "")),
    ("turns_into_something_else", ("altered", "worker", ""), ("altered", "result", "")),
    ("open_file", ("refused", "parent", "TypeError"), ("refused", "result", None)),
]


@pytest.mark.parametrize("duty", [Duty.ARGUMENT, Duty.RESULT])
@pytest.mark.parametrize("start_method", ["fork", "spawn"])
@pytest.mark.parametrize("route", POOLS)
@pytest.mark.parametrize(("name", "argument", "result"), ENDINGS, ids=[ending[0] for ending in ENDINGS])
def test_endings(
    name: str,
    argument: tuple[str, str, str | None],
    result: tuple[str, str, str | None],
    route: str,
    start_method: str,
    duty: Duty,
) -> None:
    outcome = run(route, start_method, Ref(ROOT, "route_cases", name), duty, limit_s=60)
    kind, where, error = argument if duty is Duty.ARGUMENT else result
    assert (str(outcome.kind), outcome.where) == (kind, where), outcome
    assert error is None or outcome.error_type == error, outcome
    assert outcome.ok or outcome.message
    assert " at 0x" not in outcome.message


@pytest.mark.parametrize("route", POOLS)
@pytest.mark.parametrize(("name", "where"), [("hangs", "worker"), ("hangs_in_reduce", "parent")])
def test_a_hang_is_told_by_where_it_is(name: str, where: str, route: str) -> None:
    outcome = run(route, "fork", Ref(ROOT, "route_cases", name), limit_s=2)
    assert (str(outcome.kind), outcome.where, outcome.message) == ("broken", where, "no answer in 2 s")


def test_a_pool_that_would_wait_for_ever_is_not_waited_for() -> None:
    start = time.monotonic()
    outcome = run("pool", "fork", Ref(ROOT, "route_cases", "raises"), limit_s=300)
    assert outcome.message == "no state for you (a plain Pool waits for ever)"
    assert time.monotonic() - start < 60


@pytest.mark.parametrize("route", [name for name, route in routes().items() if route.needs])
def test_what_is_not_installed_is_unavailable(route: str) -> None:
    start_method = routes()[route].start_methods[-1]
    name = "array" if routes()[route].only else "plain"
    outcome = run(route, start_method, Ref(ROOT, "route_cases", name), limit_s=60)
    installed = all(importlib.util.find_spec(name) for name in routes()[route].needs)
    assert str(outcome.kind) == ("ok" if installed else "unavailable"), outcome


@pytest.mark.skipif(importlib.util.find_spec("joblib") is None, reason="joblib is an optional extra")
def test_joblib_maps_big_arrays() -> None:
    outcome = run("joblib", "spawn", Ref(ROOT, "route_cases", "array"), limit_s=60)
    assert outcome.message == "obj: numpy.ndarray, arrived as numpy.memmap"
