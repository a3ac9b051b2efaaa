"""The floor of what goes through TCP: raw bytes to where the worker is, in the rounds of what goes there, too."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from handoff.analysis.figures import Figures
from handoff.analysis.metrics import FLOORS
from handoff.measuring import trial
from handoff.measuring.experiment import measure, plan
from handoff.measuring.wire import DONE, LOOPBACK, WORD_BYTES, FloorWire, listen
from handoff.outcome import Kind
from handoff.payload import Duty
from handoff.profile import PROFILES
from handoff.record import Record
from handoff.strategies import registry
from handoff.strategy import Channel
from handoff.target import Entry, load_collection

TCP = FLOORS[Channel.TCP]
TINY = replace(PROFILES["quick"], trials=1, most_trials=0, record_s=0.0, rounds=2, sample_s=0.0005, lane_s=0.005)
WAYS = ("pickle-default", "manager-class-tcp")
NBYTES = 300_000  # more than a socket takes at once
GENEROUS_S = 60.0


@pytest.fixture(scope="module")
def payloads() -> Mapping[str, Entry]:
    return load_collection(Path(__file__).parent / "awkward.py")


def one(payloads: Mapping[str, Entry], duty: str, start_method: str, ways: tuple[str, ...] = WAYS) -> Record:
    entries = {"numbers": payloads["numbers"]}
    experiments = plan(entries, kinds=[duty], start_methods=[start_method], strategies=ways, declared=False)
    (record,) = measure(experiments, TINY, None, seed=1)
    return record


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
@pytest.mark.parametrize("duty", [Duty.ARGUMENT, Duty.RESULT])
def test_it_is_in_every_round_beside_what_goes_through_tcp(
    duty: Duty, start_method: str, payloads: Mapping[str, Entry]
) -> None:
    record = one(payloads, duty, start_method)
    rounds = {lane: {row[3] for row in record.rows if row[0] == lane} for lane in (TCP, "null")}
    assert rounds[TCP] == rounds["null"] != set()
    figures = Figures(record)
    assert {way: figures.floor(way) for way in WAYS} == {"pickle-default": "floor-pipe", "manager-class-tcp": TCP}


def test_what_does_not_go_there_has_none(payloads: Mapping[str, Entry]) -> None:
    record = one(payloads, Duty.ARGUMENT, "fork", ("pickle-default",))
    assert TCP not in {row[0] for row in record.rows}


def test_ways_of_a_cluster_have_it_as_their_floor_there() -> None:
    for name, strategy in registry().items():
        for scheme in strategy.execution.clusters if strategy.execution else ():
            assert strategy.floor_on(f"{scheme}://there:1") is Channel.TCP, name
            assert strategy.floor_on("other://there:1") is strategy.floor_on(""), name


class InThread:
    """An executor whose worker is a thread of this process, at an address."""

    def __init__(self, host: str) -> None:
        self.executor = SimpleNamespace(host=host)
        self.ports: list[int] = []

    def submit(self, task: Any) -> Any:
        self.ports.append(task())
        return SimpleNamespace(result=lambda: self.ports[-1])


@pytest.fixture(params=["a task", "a process"])
def executing(request: pytest.FixtureRequest) -> Any:
    return InThread(LOOPBACK) if request.param == "a task" else None


@pytest.fixture
def threads() -> Iterator[None]:
    """Those that a test begins have ended soon after it."""
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + GENEROUS_S
    while (left := set(threading.enumerate()) - before) and time.monotonic() < end:
        time.sleep(0.01)
    assert not left


@pytest.mark.parametrize("read_all", [False, True])
def test_all_bytes_arrive_and_are_acknowledged_and_both_ends_end(read_all: bool, executing: Any, threads: None) -> None:
    to = FloorWire(executing, Duty.ARGUMENT, NBYTES, read_all=read_all)
    for _ in range(3):
        to.post(to.encode(None))
        assert to.recv_bytes() == DONE
    back = FloorWire(executing, Duty.RESULT, NBYTES, read_all=read_all)
    before = bytes(back.data)
    back.send_bytes(b"")
    assert bytes(back.take()) != before
    for wire in (to, back):
        wire.stop()
        assert wire.process is None or wire.process.exitcode == 0


def test_who_does_not_know_the_word_is_turned_away(threads: None) -> None:
    word = bytes(range(WORD_BYTES))
    port = listen(LOOPBACK, word, Duty.ARGUMENT, NBYTES, read_all=False)
    with socket.create_connection((LOOPBACK, port)) as stranger:
        stranger.sendall(bytes(WORD_BYTES))
        assert stranger.recv(1) == b""
    with socket.create_connection((LOOPBACK, port)) as known:
        known.sendall(word)
        assert known.recv(len(DONE)) == DONE
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((LOOPBACK, port))


class Elsewhere(FloorWire):
    """Its worker's host cannot be reached."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise TimeoutError("timed out")


class Cut(FloorWire):
    """Breaks in its second sample."""

    samples = 0

    def command(self, command: Mapping[str, Any]) -> None:
        super().command(command)
        type(self).samples += 1
        if self.samples == 2:
            self.conn.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("wire", "kind", "why"),
    [
        (Elsewhere, Kind.UNAVAILABLE, "no connection to where the worker is: in the parent: TimeoutError: timed out"),
        (Cut, Kind.BROKEN, ""),
    ],
)
def test_the_others_go_on_without_it(
    wire: type[FloorWire],
    kind: Kind,
    why: str,
    payloads: Mapping[str, Entry],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("handoff.measuring.wire.FloorWire", wire)
    monkeypatch.chdir(tmp_path)
    told: list[Any] = []
    spec: Any = {
        "ref": asdict(payloads["numbers"].ref), "kind": "argument", "strategies": list(WAYS), "verify": True,
    }  # fmt: skip
    config: Any = {
        "seed": 1, "start_method": "spawn", "profile": asdict(TINY), "experiments": [spec], "folder": str(tmp_path),
    }  # fmt: skip
    trial.main(config, told.append)
    (outcome,) = [each["outcome"] for each in told if each.get("lane") == TCP]
    assert outcome["kind"] == kind
    assert why in outcome["message"]
    begun = [number for number, each in enumerate(told) if "again" in each] or [0]
    lanes = {each["row"][0] for each in told[begun[-1] :] if "row" in each}
    assert lanes >= set(WAYS)
    assert TCP not in lanes
