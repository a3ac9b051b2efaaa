"""``--cluster ray://``: the ways of ray on a cluster of the user's own, by Ray Client, on which nothing is left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from test_clusters import MINE, measure_there, needs_ray_client, outcomes_of

from handoff.measuring.wire import LOOPBACK
from handoff.processes import proc

pytestmark = needs_ray_client
GENEROUS_S = 60.0
WAYS = ("ray-task", "ray-put", "ray-actor")
#: What is alive of whatever programs have used the cluster, as a program on its own machine sees it.
LEFT = """
import json, sys
import ray
from ray._private.state import actors, jobs

ray.init(address=sys.argv[1], log_to_driver=False, logging_level="CRITICAL")
me = ray.get_runtime_context().get_job_id()
print(json.dumps({
    "jobs": [job["JobID"] for job in jobs() if not job["IsDead"] and job["JobID"] != me],
    "actors": [name for name, actor in actors().items() if actor["State"] != "DEAD"],
    "stored": ray.cluster_resources()["object_store_memory"] - ray.available_resources()["object_store_memory"],
}))
"""


def _free() -> int:
    with socket.socket() as there:
        there.bind((LOOPBACK, 0))
        return int(there.getsockname()[1])


class Theirs:
    """A cluster that knows nothing of this process."""

    def __init__(self, folder: str) -> None:
        self.folder, self.port, self.client = Path(folder), _free(), _free()
        environment = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "TMPDIR": folder}
        command = [
            sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={self.port}",
            f"--ray-client-server-port={self.client}", f"--node-ip-address={LOOPBACK}", f"--temp-dir={folder}",
            "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats", "--object-store-memory=200000000",
        ]  # fmt: skip
        self.process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.url = f"ray://{LOOPBACK}:{self.client}"

    def wait(self) -> None:
        """Until its client server listens."""
        end = time.monotonic() + GENEROUS_S
        while True:
            try:
                return socket.create_connection((LOOPBACK, self.client)).close()
            except OSError:
                assert time.monotonic() < end, "the cluster does not start"
                time.sleep(0.1)

    def left(self) -> dict[str, object]:
        """What is alive there, once nothing is or after a while: what has ended is told late."""
        end = time.monotonic() + GENEROUS_S
        while True:
            command = [sys.executable, "-c", LEFT, f"{LOOPBACK}:{self.port}"]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=GENEROUS_S)
            found: dict[str, object] = json.loads(done.stdout)
            if not any(found.values()) or time.monotonic() > end:
                return found
            time.sleep(0.5)

    def end(self) -> None:
        self.process.kill()
        for pid in list(proc.pids()):
            if pid != os.getpid() and proc.carries(pid, self.folder):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def theirs() -> Iterator[Theirs]:
    with (
        tempfile.TemporaryDirectory(prefix="r-", ignore_cleanup_errors=True) as short,  # its sockets have long names
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("RAY_AUTH_MODE", "disabled")  # of this user, as of the cluster
        cluster = Theirs(short)
        try:
            cluster.wait()
            yield cluster
        finally:
            cluster.end()


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mine")
    (folder / "mine.py").write_text(MINE)
    return folder


def test_its_ways_are_measured_there_and_leave_nothing(theirs: Theirs, mine: Path) -> None:
    done = measure_there(mine, "record", theirs.url, "--duty", "argument", "--trials", "1")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") <= 1, "progress alone: its versions are the same"
    kinds = {name: outcome["kind"] for name, outcome in outcomes_of(mine, "record").items()}
    assert kinds == {"pickle-default": "ok", **dict.fromkeys(WAYS, "ok")}
    (record,) = (json.loads(path.read_text()) for path in (mine / "record").glob("*.json"))
    assert "floor-tcp" in {row[0] for row in record["rows"]}
    assert record["complaints"] == []
    assert theirs.left() == {"jobs": [], "actors": [], "stored": 0.0}


def test_what_cannot_be_loaded_there_is_broken_with_the_reason(theirs: Theirs, mine: Path) -> None:
    """It ends the connection: each way has its own answer nevertheless."""
    measure_there(mine, "unloadable", theirs.url, "--duty", "argument", "--trials", "1")
    outcomes = outcomes_of(mine, "unloadable")
    for way in WAYS:
        assert (outcomes[way]["kind"], outcomes[way]["where"]) == ("broken", "worker"), outcomes
    assert any("invalid literal for int()" in outcomes[way]["message"] for way in WAYS), outcomes
    assert theirs.left() == {"jobs": [], "actors": [], "stored": 0.0}


def test_nothing_is_left_there_of_a_tool_that_was_killed(theirs: Theirs, mine: Path) -> None:
    command = ["-m", "handoff", "measure", "mine.py:record", "-o", "killed", "--cluster", theirs.url, "--duty", "state"]
    with subprocess.Popen(
        [sys.executable, *command], cwd=mine, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as tool:
        end = time.monotonic() + GENEROUS_S
        while not _used(theirs) and tool.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        assert tool.poll() is None, tool.communicate()[1]
        tool.kill()
    assert theirs.left() == {"jobs": [], "actors": [], "stored": 0.0}


def _used(theirs: Theirs) -> bool:
    """Whether an actor of ours works there: a process of the cluster's has that name."""
    return any(b"ray::Doing" in _command_line(pid) for pid in proc.pids() if proc.carries(pid, theirs.folder))


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
