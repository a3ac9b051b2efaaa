"""What a network costs, by handoff's own figures: two hosts, and between them a link with a known rate and delay.

Nothing is asserted but what physics allows at the least, which holds on a machine that is as busy as it likes: bytes
by the link's rate, and the delay by the number of times that one side waits for the other.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from ends import end_orderly
from two_hosts import RATE, THERE, Host, hosts

from handoff.analysis.metrics import FLOORS
from handoff.record import COLUMNS
from handoff.strategy import Channel

needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="dask.distributed is an optional extra")
LARGE = 64 * 2**20  # bytes
LEAST_S = LARGE * 8 / RATE  # 0.54 s: headers, 66 of each 1,514 bytes, are more than the 0.4 % that pass at once (BURST)
#: One-way delays. At 10 ms, that of a continent, everything small is nothing but waiting.
DELAYS = (0.0, 0.001, 0.010)
WIRE = FLOORS[Channel.TCP]
#: How often each way goes to the other host and back, at the least, for one hand-off that is acknowledged.
TRIPS = {
    WIRE: 1,
    "dask-submit": 2,  # the task, and word that it is done; its result is asked for. Measured: 4
    "dask-scatter": 3,  # the object, before them. Measured: 7
    "dask-actor": 1,  # a call
    "manager-class-there": 2,  # the object, and the worker's wish that the server reads it
}
TARGET = f"""
import random

def large():
    return random.Random(1).randbytes({LARGE})  # incompressible

def small():
    return {{"apple": 3.0, "pear": [1, 2]}}
"""
CLUSTER = """
import sys
from distributed import LocalCluster

if __name__ == "__main__":
    host = sys.argv[1]
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=f"{host}:0", host=host) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""
#: A manager's server, as on another host: it listens, and knows how to load the payload.
SERVER = """
import os, sys, threading
from handoff.strategies._manager import HandoffManager

server = HandoffManager((sys.argv[1], 0), authkey=b"two hosts").get_server()
print(server.address[1], flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()  # it ends with its input
server.serve_forever()
"""
#: A trial whose one way is a manager on another host.
TRIAL = """
import json, multiprocessing, os, sys
from dataclasses import asdict, replace
from functools import partial
from handoff.measuring import trial
from handoff.profile import PROFILES
from handoff.strategies import registry
from handoff.strategies._manager import HandoffManager
from handoff.strategies.managers import holder_ends

def ends(address, site):
    manager = HandoffManager(address, authkey=b"two hosts")
    manager.connect()
    return holder_ends(site, manager)

if __name__ == "__main__":
    what, folder, address = sys.argv[1], sys.argv[2], (sys.argv[3], int(sys.argv[4]))
    multiprocessing.current_process().authkey = b"two hosts"  # of the workers' proxies
    name = "manager-class-there"
    way = replace(registry()["manager-class-tcp"], name=name, carry=partial(ends, address))
    ref = {"root": os.getcwd(), "module": "target", "name": what}
    spec = {"ref": ref, "kind": "argument", "strategies": [name], "verify": True}
    config = {"seed": 1, "start_method": "spawn", "profile": asdict(PROFILES["quick"]), "experiments": [spec],
              "folder": folder}
    os.chdir(folder)
    trial.main(config, lambda told: print(json.dumps(told), flush=True), {name: way})
"""


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    for name, text in {"target": TARGET, "cluster": CLUSTER, "server": SERVER, "one_trial": TRIAL}.items():
        (folder / f"{name}.py").write_text(text)
    return folder


@contextmanager
def program(host: Host, mine: Path, *command: str) -> Iterator[str]:
    """A program on a host, until the end; the first line that it writes."""
    with subprocess.Popen(
        host.command(sys.executable, *command), cwd=mine, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            end_orderly(process)


def each_s(rows: list[list[Any]]) -> dict[str, float]:
    """Seconds a hand-off, by lane: the fastest sample."""
    found: dict[str, float] = {}
    for row in rows:
        sample = dict(zip(COLUMNS, row, strict=True))
        each = sample["seconds"] / sample["n"]
        found[sample["lane"]] = min(each, found.get(sample["lane"], each))
    return found


def by_dask(here: Host, there: Host, mine: Path, what: str, duty: str) -> dict[str, float]:
    """What the ways of dask take to the worker of a cluster on the other host."""
    with program(there, mine, "cluster.py", THERE) as address, tempfile.TemporaryDirectory() as folder:
        assert address.startswith(f"tcp://{THERE}:")
        url = address.replace("tcp://", "dask://")
        command = ["-m", "handoff", "measure", f"target.py:{what}", "--cluster", url, "--duty", duty, "--trials", "1"]
        done = subprocess.run(
            here.command(sys.executable, *command, "-o", folder), cwd=mine, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        (path,) = Path(folder).glob("*.json")
        record = json.loads(path.read_text())
    return each_s(record["rows"])


def by_manager(here: Host, there: Host, mine: Path, what: str) -> dict[str, float]:
    """What a manager takes whose server is on the other host, and whose callers are here."""
    with program(there, mine, "server.py", THERE) as port, tempfile.TemporaryDirectory() as folder:
        command = here.command(sys.executable, "one_trial.py", what, folder, THERE, port)
        done = subprocess.run(command, cwd=mine, capture_output=True, text=True, check=False)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert any("done" in message for message in told), (done.stdout, done.stderr)
    return each_s([[*row[:2], 0, *row[2:]] for message in told if (row := message.get("row"))])  # a trial has no number


@needs_dask
@pytest.mark.parametrize("duty", ["argument", "result"])
def test_64_mib_take_what_the_link_lets_through_by_dask(duty: str, mine: Path) -> None:
    with hosts() as (here, there):
        found = by_dask(here, there, mine, "large", duty)
    ways = found.keys() & TRIPS.keys() - {WIRE}
    assert ways == {"dask-submit", "dask-actor"} | ({"dask-scatter"} if duty == "argument" else set())
    for way in (*ways, WIRE):
        assert found[way] >= LEAST_S, found


def test_64_mib_take_what_the_link_lets_through_by_a_manager(mine: Path) -> None:
    with hosts() as (here, there):
        found = by_manager(here, there, mine, "large")
    assert found["manager-class-there"] >= LEAST_S, found


@needs_dask
@pytest.mark.parametrize("one_way_s", DELAYS)
def test_the_delay_shows_in_a_small_object_by_dask(one_way_s: float, mine: Path) -> None:
    with hosts(one_way_s) as (here, there):
        found = by_dask(here, there, mine, "small", "argument")
    for way in ("dask-submit", "dask-scatter", "dask-actor", WIRE):
        assert found[way] >= TRIPS[way] * 2 * one_way_s, found


@pytest.mark.parametrize("one_way_s", DELAYS)
def test_the_delay_shows_in_a_small_object_by_a_manager(one_way_s: float, mine: Path) -> None:
    with hosts(one_way_s) as (here, there):
        found = by_manager(here, there, mine, "small")
    assert found["manager-class-there"] >= TRIPS["manager-class-there"] * 2 * one_way_s, found
