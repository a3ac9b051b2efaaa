"""``--cluster``: the ways of dask on a cluster of the user's own, on which nothing is left."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from ends import CODES, end_orderly, left
from engine_ends import at_work, furnished, measuring

from handoff import timeouts
from handoff.processes import clusters
from handoff.processes.clusters import Cluster, NoCluster
from handoff.processes.proc import members
from handoff.record import read_all

needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="dask.distributed is an optional extra")
needs_ray_client = pytest.mark.skipif(
    find_spec("ray") is None or find_spec("grpc") is None, reason="ray[client] is an optional extra"
)
SAID_WITHIN_S = 10.0
GENEROUS_S = 60.0
MINE = """
import os
from pathlib import Path

def record():
    return {"apple": 3.0, "pear": [1, 2]}

class Unloadable:
    def __reduce__(self):
        return int, ("no number",)

class Killer:
    def __reduce__(self):
        return os._exit, (3,)

def unloadable():
    return Unloadable()

def killer():
    return Killer()
"""

#: A scheduler and two workers that are processes of their own and come back when they die, as a user's may be.
CLUSTER = """
import sys
import dask
from distributed import LocalCluster

if __name__ == "__main__":
    dask.config.set({"distributed.scheduler.allowed-failures": 0})
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1") as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


@contextmanager
def cluster_in(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """One that knows nothing of this process, and its address."""
    (folder / "theirs.py").write_text(CLUSTER)
    with subprocess.Popen(
        [sys.executable, "theirs.py"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout
        try:
            yield process, process.stdout.readline().strip().replace("tcp://", "dask://")
        finally:
            end_orderly(process)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with cluster_in(tmp_path_factory.mktemp("cluster")) as (_, url):
        yield url


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all: a worker that has imported a module keeps it."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "mine.py").write_text(MINE)
    return folder


def measure_there(mine: Path, what: str, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "handoff", "measure", f"mine.py:{what}", "-o", what, "--cluster", url, *more]
    return subprocess.run(command, cwd=mine, capture_output=True, text=True, check=False, timeout=240)


def outcomes_of(mine: Path, what: str) -> dict[str, Any]:
    (path,) = (mine / what).glob("*.json")
    record = json.loads(path.read_text())
    assert "://" in record["fingerprint"]["cluster"]
    outcomes: dict[str, Any] = record["outcomes"]
    return outcomes


def _left(url: str) -> tuple[list[str], list[Any]]:
    """The keys that the scheduler knows, and what its workers have: a moment later, for a client's end is told late."""
    import distributed

    library: Any = distributed
    with library.Client(url.replace("dask://", "tcp://"), set_as_default=False) as client:
        end = time.monotonic() + GENEROUS_S
        while True:
            keys = client.run_on_scheduler(lambda dask_scheduler: [str(key) for key in dask_scheduler.tasks])
            data = client.run(lambda dask_worker: [*map(str, dask_worker.data), *map(str, dask_worker.state.actors)])
            found = keys, [each for worker in data.values() for each in worker]
            if found == ([], []) or time.monotonic() > end:
                return found
            time.sleep(0.1)


@needs_dask
@pytest.mark.filterwarnings("default")  # dask's client leaves sockets and loops to the garbage collector
def test_its_ways_are_measured_there_and_leave_nothing(theirs: str, mine: Path) -> None:
    done = measure_there(mine, "record", theirs, "--duty", "argument", "--trials", "1")
    assert done.returncode == 0, done.stderr
    kinds = {name: outcome["kind"] for name, outcome in outcomes_of(mine, "record").items()}
    assert kinds == {"pickle-default": "ok", "dask-submit": "ok", "dask-scatter": "ok", "dask-actor": "ok"}
    assert "`record` as argument takes " in done.stdout and "not known well enough to tell" in done.stdout
    assert _left(theirs) == ([], [])


@needs_dask
@pytest.mark.filterwarnings("default")
def test_what_cannot_be_loaded_there_is_broken_with_the_workers_own_error(theirs: str, mine: Path) -> None:
    measure_there(mine, "unloadable", theirs, "--duty", "argument", "--trials", "1", "--strategy", "dask-submit")
    outcome = outcomes_of(mine, "unloadable")["dask-submit"]
    assert (outcome["kind"], outcome["where"]) == ("broken", "worker")
    assert "invalid literal for int()" in outcome["message"]
    assert _left(theirs) == ([], [])


@needs_dask
@pytest.mark.filterwarnings("default")
def test_a_lost_worker_costs_its_cell_alone(theirs: str, mine: Path) -> None:
    """Scattered, for what is in a task dask loads in its scheduler, too: that would be lost."""
    ways = ("--strategy", "pickle-default", "--strategy", "dask-scatter")
    measure_there(mine, "killer", theirs, "--duty", "argument", "--trials", "1", *ways)
    kinds = {name: outcome["kind"] for name, outcome in outcomes_of(mine, "killer").items()}
    assert kinds == dict.fromkeys(ways[1::2], "broken")
    assert _left(theirs) == ([], [])


@pytest.fixture(scope="module")
def telling() -> Iterator[Path]:
    """As ``mine``, and its runs are ended."""
    with tempfile.TemporaryDirectory(prefix="ends-") as place:
        yield furnished(Path(place))


@pytest.fixture
def complete(theirs: str) -> None:
    """A worker that another test has killed comes back, but on a busy machine not at once."""
    import distributed

    library: Any = distributed
    with library.Client(theirs.replace("dask://", "tcp://"), set_as_default=False) as client:
        client.wait_for_workers(2, timeout=GENEROUS_S)


@pytest.fixture
def running(telling: Path) -> Path:
    shutil.rmtree(telling / "records", ignore_errors=True)
    for path in (telling / "used").iterdir():
        path.unlink()
    return telling


@needs_dask
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda each: each.name)
@pytest.mark.usefixtures("complete")
def test_nothing_is_left_there_however_the_tool_is_ended(number: signal.Signals, theirs: str, running: Path) -> None:
    with measuring(running, "dask-scatter", "--cluster", theirs) as process:
        at_work(process, running)
        process.send_signal(number)
        _, errors = process.communicate(timeout=2 * GENEROUS_S)
    assert process.returncode == CODES[number], errors
    assert "Traceback" not in errors
    assert _left(theirs) == ([], [])
    assert left([process.pid], running) == []


@needs_dask
@pytest.mark.filterwarnings("default")
def test_a_scheduler_that_is_lost_costs_its_cells_alone(tmp_path: Path, running: Path) -> None:
    with cluster_in(tmp_path) as (cluster, url):
        with measuring(running, "dask-scatter", "--cluster", url) as process:
            at_work(process, running)
            cluster.kill()
            _, errors = process.communicate(timeout=2 * GENEROUS_S)
        end = time.monotonic() + GENEROUS_S
        while members(cluster.pid) and time.monotonic() < end:  # its workers end by themselves, and then their tracker
            time.sleep(0.1)
    assert "Traceback" not in errors
    assert left([process.pid], running) == []
    (record,), problems = read_all(running / "records")
    assert problems == []
    assert process.returncode == (1 if record.failed else 0)


@pytest.mark.parametrize("listens", [False, True], ids=["nobody", "silent"])
@pytest.mark.parametrize(
    "scheme", [pytest.param("dask", marks=needs_dask), pytest.param("ray", marks=needs_ray_client)]
)
def test_a_cluster_that_does_not_answer_is_a_line(scheme: str, listens: bool, mine: Path) -> None:
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        if listens:
            there.listen()
        begin = time.monotonic()
        with pytest.raises(NoCluster, match=rf"--cluster {scheme}://127.0.0.1:\d+: it does not answer") as raised:
            clusters.ask(f"{scheme}://127.0.0.1:{there.getsockname()[1]}")
        assert "\n" not in str(raised.value)
        assert time.monotonic() - begin < timeouts.CLUSTER_S + SAID_WITHIN_S, "a limit of its own, whatever dask does"


@pytest.mark.parametrize("url", ["127.0.0.1:8786", "dask://", "http://there:1", "dask"])
def test_an_address_of_no_known_kind_is_a_line_that_says_which_are(url: str, mine: Path) -> None:
    done = measure_there(mine, "record", url)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"handoff measure: --cluster {url!r}: give one of dask://host:port, ray://host:port\n"


def test_other_versions_are_told_by_worker() -> None:
    here = {"python": "3.11.7", "cloudpickle": "3.1.2", "numpy": "2.4.6", "handoff": "1"}
    workers = {
        "tcp://a:1": here,
        "tcp://b:1": here | {"python": "3.12.1", "numpy": ""},
        "tcp://b:2": here | {"python": "3.12.1", "numpy": ""},
    }
    cluster = Cluster("dask://there:1", here, workers)
    told = ["worker tcp://b:1 and 1 more: python 3.12.1 (here 3.11.7), numpy not installed (here 2.4.6)"]
    assert cluster.differing() == told


@needs_dask
def test_a_way_that_does_not_run_there_is_told(theirs: str, mine: Path) -> None:
    done = measure_there(mine, "record", theirs, "--strategy", "pickle-5")
    assert done.returncode == 2
    assert "none of these strategies runs there; those that do: dask-submit, dask-scatter, dask-actor" in done.stderr
