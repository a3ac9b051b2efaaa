"""Memory as the kernel counts it: real workers that have real objects."""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import synthetic
from test_measuring import assert_no_trace

from handoff.analysis import units
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import INHERITANCE, MEMORY, NULL
from handoff.machine import usable_cores
from handoff.measuring.experiment import measure, plan
from handoff.outcome import Kind
from handoff.processes.memory import Peak, machine_used_bytes, usage
from handoff.profile import PROFILES
from handoff.record import Record, read
from handoff.target import Entry, load_collection

ONCE = replace(PROFILES["quick"], trials=1, most_trials=0, record_s=0.0)
OBJECT_BYTES = 8 * 200_000  #: of a packed payload; the plain one has three times as much
STRATEGIES = ("pickle-5", "shm-reused", "manager-dict", "array-raw-numpy", "inherit", "initializer", "thread")


@pytest.fixture(scope="module")
def payloads() -> Mapping[str, Entry]:
    return load_collection(Path(__file__).parent / "bulky.py")


@pytest.fixture(autouse=True)
def no_trace() -> Iterator[None]:
    yield
    assert_no_trace(os.getpid())


def one(payloads: Mapping[str, Entry], name: str, kind: str, start_method: str) -> Record:
    experiments = plan(
        {name: payloads[name]},
        kinds=(kind,),
        start_methods=(start_method,),
        strategies=[s for s in STRATEGIES if kind != INHERITANCE],
        declared=False,
    )
    (record,) = measure(experiments, ONCE, None, seed=1)
    assert record.failed == ""
    assert record.complaints == []
    return record


@pytest.mark.parametrize("start_method", ["fork", "forkserver"])
@pytest.mark.parametrize("kind", MEMORY)
def test_every_strategy_has_figures_or_a_reason(payloads: Mapping[str, Entry], kind: str, start_method: str) -> None:
    record = one(payloads, "packed", kind, start_method)
    figures = Figures(record)
    assert sum(record.outcomes[name].ok for name in record.strategies) >= 2
    assert record.outcomes[record.baseline].ok
    for name in [*record.strategies, NULL]:
        if name != NULL and not record.outcomes[name].ok:
            outcome = record.outcomes[name]
            assert outcome.kind is Kind.UNAVAILABLE or "limited to" in outcome.reason, outcome
            continue
        found = {metric: figures.amount(name, metric).value for metric in figures.metrics}
        for workers in ("worker", "workers"):
            assert 0 < found[f"{workers}-uss-bytes"] <= found[f"{workers}-pss-bytes"]
        for total in ("total-pss-bytes", "workers-total-pss-bytes"):
            assert found[total] < found["machine-used-bytes"]
        assert found["workers-pss-bytes"] < found["workers-total-pss-bytes"]
        if usable_cores() > 1:
            assert found["workers-uss-bytes"] > found["worker-uss-bytes"]


def test_a_copy_for_each_worker_is_seen_and_a_shared_one_is_not(payloads: Mapping[str, Entry]) -> None:
    figures = Figures(one(payloads, "packed", "memory-argument", "fork"))

    def beyond_bare(lane: str) -> float:
        return figures.amount(lane, "worker-uss-bytes").value - figures.amount(NULL, "worker-uss-bytes").value

    assert beyond_bare("pickle-5") > 0.9 * OBJECT_BYTES
    # Both workers have numpy, which a bare one has not: what is left between them is the object itself.
    assert beyond_bare("pickle-5") - beyond_bare("shm-reused") > 0.7 * OBJECT_BYTES


def test_reading_inherited_objects_copies_them_unless_they_are_packed(payloads: Mapping[str, Entry]) -> None:
    plain = Figures(one(payloads, "plain", INHERITANCE, "fork"))
    packed = Figures(one(payloads, "packed", INHERITANCE, "fork"))
    for lane in ("inherit", "inherit-frozen"):  # freezing keeps collections away, not reference counts
        read = plain.amount(lane, "read-uss-bytes").value
        assert read > 0.8 * 3 * OBJECT_BYTES
        assert packed.amount(lane, "read-uss-bytes").value < 0.2 * OBJECT_BYTES
        assert plain.amount(lane, "workers-read-uss-bytes").value > 0.8 * usable_cores() * read
    collected = {lane: plain.amount(lane, "collect-uss-bytes").value for lane in ("inherit", "inherit-frozen")}
    assert collected["inherit-frozen"] < 0.5 * collected["inherit"]


def test_pages_of_its_own_show_in_uss_and_in_the_peak() -> None:
    before = usage()
    peak = Peak()
    block = mmap.mmap(-1, 20_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # new pages, not freed ones
    block.write(b"1" * len(block))
    after = usage(os.getpid())
    # a page shared with a child becomes this process's own when that child, of another test, ends
    assert 19_000_000 < after.uss_bytes - before.uss_bytes < 30_000_000
    assert after.pss_bytes < machine_used_bytes()
    block.close()
    rise = peak.rise_bytes()
    assert rise is None or rise > 15_000_000


def test_asv_gets_bytes_from_the_same_records(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing in the profile ``quick``, whose three minutes have no room for it; plain numbers of bytes elsewhere."""
    from benchmarks import _classes, inheritance

    found: Any = vars(inheritance)["Fork"]()
    payload = found.params[1][0]
    assert found.track_read_uss_bytes.unit == "bytes"
    assert not hasattr(found.track_read_uss_bytes, "type")
    monkeypatch.setenv("HANDOFF_PROFILE", "quick")
    monkeypatch.chdir(tmp_path)  # as asv does: the figures of the cells are kept there
    assert math.isnan(found.track_read_uss_bytes(found.setup_cache(), "inherit", payload))
    monkeypatch.setenv("HANDOFF_RECORDS", str(tmp_path))
    monkeypatch.setattr(_classes, "PROFILES", {"quick": replace(ONCE, deeper=True)})
    cells = found.setup_cache()
    assert found.track_collect_uss_bytes(cells, "inherit", payload) > 0
    (written,) = tmp_path.glob(f"*--{payload}--*.json")
    assert Figures(read(written)).amount("inherit", "read-uss-bytes").value == found.track_read_uss_bytes(
        cells, "inherit", payload
    )


@pytest.mark.parametrize(("values", "below"), [((0, 4096, 90_000), False), ((-4096, 4096, 90_000), True)])
def test_an_interval_of_bytes_reaches_below_nothing_only_where_a_trial_did(
    values: tuple[int, ...], below: bool
) -> None:
    record = synthetic.amounts("rows", "memory-argument", metrics={"worker-uss-bytes": {"pickle-5": 0, NULL: 0}})
    rows = [["pickle-5", "worker-uss-bytes", trial, 0, value] for trial, value in enumerate(values)]
    amount = Figures(replace(record, values=rows)).amount("pickle-5", "worker-uss-bytes")
    assert amount.value == 4096 and amount.high > 90_000
    assert (amount.low < 0) is below
    assert ("[0–" in units.size_interval(amount)) is not below
