"""The job of MPI that ``mpi.py``'s ways share: started by ``mpiexec``, joined by this process, ended with it."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from functools import cache
from pathlib import Path
from typing import Any

from handoff import timeouts
from handoff.outcome import HandoverEnded, Outcome, Unavailable
from handoff.strategies import _mpi_rank as ranks
from handoff.strategy import Site

WORKERS = 6  #: three ways, a second copy of the baseline, and two in place of those that have died
LOOK_S = (
    0.001  #: after so long it is looked whether the worker lives; in turns of waiting it would be longer under load
)
DIED = "the worker has died (by default mpiexec then ends all of the job)"


@cache
def lacks_mpi() -> str:
    """Why no job of MPI can be started here, or ""."""
    if shutil.which("mpiexec") is None:
        return "mpiexec: not found (Debian: apt install openmpi-bin)"
    try:
        told = subprocess.run(
            ["mpiexec", "--version"], capture_output=True, text=True, check=False, timeout=timeouts.WORKER_STOP_S
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"mpiexec --version: {error}"
    known = any(name in told for name in ("Open MPI", "OpenRTE", "PRRTE"))
    return "" if known else f"mpiexec is not Open MPI's, the only one whose jobs are joined: {told[:60].strip()!r}"


class RankProcess:
    """A process of the job, as one of :mod:`multiprocessing` is seen."""

    exitcode = None  #: its parent, ``mpiexec``, keeps it to itself

    def __init__(self, number: int, pid: int, connection: socket.socket) -> None:
        self.number, self.pid, self.connection = number, pid, connection
        self.heard = 0.0  #: when it has answered last, by the monotonic clock

    def ring(self) -> None:
        """Wake it, if it waits without looking for messages."""
        with contextlib.suppress(OSError):  # it has died, or was rung for often enough
            self.connection.send(b".")

    def is_alive(self) -> bool:
        try:
            return self.connection.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def kill(self) -> None:
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def join(self, timeout: float) -> None:
        end = time.monotonic() + timeout
        while self.is_alive() and time.monotonic() < end:
            time.sleep(0.01)


class World:
    """The job of this process: MPI begins once in a process, so it is there until the end."""

    _here: World | None = None

    def __init__(self, memory: str) -> None:
        if "mpi4py.MPI" in sys.modules:
            raise Unavailable("this process has begun MPI by itself: the object's module imports mpi4py.MPI")
        self.folder, self.memory = Path(tempfile.mkdtemp(prefix="mpi-")), Path(memory)
        self.memory.mkdir(mode=0o700)
        self.complaints = self.folder / "complaints"
        self.process = self._start()
        atexit.register(self._remove)
        self.connections: list[socket.socket] = []
        try:
            told = self._greet()
            kept = dict(os.environ)
            os.environ.update(told[0]["environment"])
            try:
                self.comm = ranks.begin()
            finally:  # no process that is started from here is a part of the job
                os.environ.clear()
                os.environ.update(kept)
        except (ImportError, RuntimeError, OSError) as error:
            self._end()
            raise Unavailable(f"no job of MPI: {error}") from None
        self.free = [RankProcess(each, told[each]["pid"], self.connections[each]) for each in range(1, WORKERS + 1)]

    @classmethod
    def here(cls, site: Site) -> World:
        if cls._here is None:
            # Its shared memory has a name that is swept, and so has its folder, if this process is killed.
            place = "/dev/shm" if os.path.isdir("/dev/shm") else str(site.folder)
            cls._here = cls(f"{place}/{site.segment_name()}")
        return cls._here

    def _start(self) -> subprocess.Popen[bytes]:
        code = "import sys; from handoff.strategies._mpi_rank import main; main(sys.argv[1])"
        how = ["--oversubscribe", "--bind-to", "none", "--enable-recovery"]
        settings = {
            "TMPDIR": str(self.folder),
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_plm": "isolated",  # on this machine, whatever queue or hosts the environment names
            "OMPI_MCA_btl": "self,vader",  # through shared memory, and not by the network
            "OMPI_MCA_btl_vader_backing_directory": str(self.memory),
        }
        self.listener = socket.socket(socket.AF_UNIX)
        here = os.open(self.folder, os.O_PATH)  # a socket's path ends after 107 bytes
        try:
            self.listener.bind(f"/dev/fd/{here}/here")
        finally:
            os.close(here)
        self.listener.listen(WORKERS + 1)
        with self.complaints.open("wb") as complaints:
            return subprocess.Popen(
                ["mpiexec", "-n", str(WORKERS + 1), *how, sys.executable, "-P", "-c", code, "here"],
                cwd=self.folder,
                env={**os.environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                start_new_session=True,  # it is not to end before this process, which MPI would end as failed
            )

    def _greet(self) -> list[dict[str, Any]]:
        """What each rank has told of itself, in their order."""
        end = time.monotonic() + timeouts.WORKER_START_S
        self.listener.settimeout(timeouts.TICK_S)
        found: dict[int, tuple[dict[str, Any], socket.socket]] = {}
        while len(found) <= WORKERS:
            try:
                connection, _ = self.listener.accept()
            except TimeoutError:
                if self.process.poll() is None and time.monotonic() < end:
                    continue
                said = self.complaints.read_text(errors="replace").split("\n")
                raise RuntimeError(
                    next((each for each in said if each.strip(" -")), "mpiexec gave no answer")
                ) from None
            connection.settimeout(timeouts.WORKER_START_S)
            told = json.loads(connection.makefile().readline() or "{}")
            connection.sendall(json.dumps(sys.path).encode() + b"\n" if told["rank"] else b"")
            connection.setblocking(False)
            found[told["rank"]] = told, connection
        self.listener.close()
        self.connections = [found[each][1] for each in sorted(found)]
        return [found[each][0] for each in sorted(found)]

    def _end(self) -> None:
        """Of a job that did not begin."""
        for connection in (self.listener, *self.connections):
            connection.close()
        self.process.kill()
        self.process.wait()
        self._remove()

    def _remove(self) -> None:
        """The job ends with this process, and not before: whoever loses it is ended by MPI's own thread, as failed."""
        shutil.rmtree(self.memory, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def hire(self) -> RankProcess:
        while self.free:
            rank = self.free.pop(0)
            if rank.is_alive():
                return rank
        raise Unavailable(f"all {WORKERS} processes of this trial's job have died, and MPI begins once in a process")

    def give_back(self, rank: RankProcess, *, idle: bool) -> None:
        """Whoever does nothing serves the next; the others are ended."""
        if idle and rank.is_alive():
            self.free.append(rank)
        else:
            rank.kill()

    def wait(self, done: Callable[[], Any], rank: RankProcess) -> Any:
        """As MPI waits: at full speed. Raises ``BrokenExecutor`` when the other one is dead."""
        look = time.monotonic() + LOOK_S
        while not (found := done()):  # each turn yields the processor: where others want it, to all of them
            if time.monotonic() > look:
                if not rank.is_alive():
                    raise BrokenExecutor(DIED)
                rank.ring()  # it may have ceased to look just before the message came
                look = time.monotonic() + LOOK_S
        return found

    def complaint(self, rank: RankProcess) -> HandoverEnded | None:
        """What a rank has told of the pool that it serves."""
        message = self.comm.improbe(source=rank.number, tag=ranks.FAILED)
        return HandoverEnded(Outcome.from_json(message.recv())) if message else None
