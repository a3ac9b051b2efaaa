"""However a command, a worker or an engine's own server is ended: of dask, MPI and ray nothing is left."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ends import CODES, GENEROUS_S, SEED, left, some
from engine_ends import at_work, furnished, measuring

from handoff.processes import proc
from handoff.record import read_all
from handoff.strategies import registry

#: Of each engine: a way that keeps what it has sent; and its own servers, by a word of their command lines. dask's
#: scheduler is a thread of the trial.
ENGINES = {
    "dask": ("dask-scatter", ("handoff.measuring.trial",)),
    "mpi": ("mpi-send", ("handoff.measuring.trial", "mpiexec")),
    "ray": ("ray-put", ("handoff.measuring.trial", "raylet", "gcs_server")),
}
WORKER = "worker"
#: Whatever is ended, in the middle of the measuring: the tool itself by a signal, a worker, a server.
ROWS = {
    engine: [(engine, what) for what in ("SIGINT", "SIGTERM", "SIGHUP", "SIGKILL", WORKER, *servers)]
    for engine, (_, servers) in ENGINES.items()
}
SAMPLE = 2  #: of each engine, that run always


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ends-") as place:
        yield furnished(Path(place))


def named(word: str, folder: Path) -> int:
    """A process of this run by a word of its command line."""
    (found, *_) = (pid for pid in proc.pids() if proc.carries(pid, folder / "tmp") and word in command_line(pid))
    return found


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


@pytest.mark.parametrize(("engine", "what"), [row for rows in ROWS.values() for row in some(rows, SAMPLE)])
def test_nothing_is_left_whatever_is_ended(engine: str, what: str, folder: Path) -> None:
    way, _ = ENGINES[engine]
    if lacks := registry()[way].lacks:
        pytest.skip(lacks)
    with measuring(folder, way) as process:
        worker = at_work(process, folder)
        time.sleep(random.Random(f"{SEED} {engine} {what}").uniform(0, 0.5))
        number = signal.Signals[what] if what in signal.Signals.__members__ else None
        os.kill(process.pid if number else worker if what == WORKER else named(what, folder), number or signal.SIGKILL)
        _, errors = process.communicate(timeout=2 * GENEROUS_S)
    assert "Traceback" not in errors
    assert process.returncode in ((CODES[number],) if number else (0, 1)), errors
    assert left([process.pid], folder) == []
    if not number:
        (record,), problems = read_all(folder / "records")
        assert problems == []
        assert process.returncode == (1 if record.failed else 0)
