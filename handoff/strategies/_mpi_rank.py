"""What each process of the MPI job of ``mpi.py`` runs: tasks that arrive as messages, or an MPIPoolExecutor's.

Rank 0 of the job is the process that has the object: the one that ``mpiexec`` starts as rank 0 tells it how it was
started, and waits. When that process ends, so does the connection to it, and then ``mpiexec`` and all of them.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

#: Of messages: a task, the bytes of an array that belongs to it, a pool to be served; an answer, an error.
TASK, BLOCK, POOL, DONE, FAILED = range(1, 6)
SPIN_S = 0.005  #: so long the next message is waited for as MPI does, at full speed: samples follow within less
TURNS = 10  #: so often at least, however long that takes: what one look brings in, the next one finds
RING_S = 0.004  #: if the last one is longer ago, who sends rings: who waits longer leaves its processor to others
AGREE_S = 0.001  #: between two looks at a pool that begins, as mpi4py's own (``_core.BACKOFF``)
_PARENT_DIES = 1  # PR_SET_PDEATHSIG, linux/prctl.h

_bell: socket.socket
_world: Any = None
_held: Any = None


def main(path: str) -> None:
    """Take part in the job until the process that listens at ``path`` has ended."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    rank = int(os.environ["OMPI_COMM_WORLD_RANK"])
    job = {name: value for name, value in os.environ.items() if name.startswith(("OMPI_", "PMIX_"))}
    word = {"rank": rank, "pid": os.getpid(), "environment": {} if rank else job}
    connection.sendall(json.dumps(word).encode() + b"\n")
    ctypes.CDLL(None).prctl(_PARENT_DIES, signal.SIGKILL, 0, 0, 0)  # whatever this process does just then
    if rank == 0:
        mpiexec = os.getppid()
        connection.recv(1)
        if os.getppid() == mpiexec:  # else it has ended, and this would be whoever takes its orphans
            os.kill(mpiexec, signal.SIGKILL)
        return
    sys.path[:] = json.loads(_line(connection))
    global _bell
    _bell = connection
    begin()
    while True:
        _serve()


def _line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        data = connection.recv(1 << 16)
        if not data:
            raise SystemExit(1)
        line += data
    return line


def begin() -> Any:
    """Enter the job; no process of it has to wait for the others at its end. Returns all of its processes."""
    global _world
    import mpi4py

    mpi4py.rc.finalize = False
    from mpi4py import MPI

    _world = MPI.COMM_WORLD
    return _world


def _next() -> Any:
    """A message from rank 0."""
    end, turns = time.monotonic() + SPIN_S, 0
    while (message := _world.improbe(source=0)) is None:
        turns += 1
        if turns > TURNS and time.monotonic() > end:
            if not _bell.recv(64):
                raise SystemExit
            end, turns = time.monotonic() + SPIN_S, 0
    return message


def _serve() -> None:
    """One message from rank 0, and what it asks for."""
    message = _next()
    try:
        task = message.recv()
    except Exception as error:
        return _failed("broken", "worker", error)
    if task is None:
        return _serve_pool()
    function, arguments = task
    try:
        answer = function(*arguments)
    except Exception as error:
        return _failed("broken", "worker", error)
    try:
        _world.send(answer, 0, DONE)
    except Exception as error:
        _failed("refused", "result", error)
    return None


def _failed(kind: str, where: str, error: Exception) -> None:
    from handoff.outcome import Kind, Outcome

    _world.send(Outcome.from_exception(Kind(kind), where, error).to_json(), 0, FAILED)


def _serve_pool() -> None:
    """The worker of an ``MPIPoolExecutor``, until that is shut down: as one that was spawned."""
    from mpi4py.futures import _core

    tell_of_initializers()
    comm, alone = _core.comm_split(pair_of(_world.Get_rank()), 0)
    _core.set_comm_server(alone)
    _core.server_main_comm(comm)
    _core.del_comm_server()


def pair_of(rank: int) -> Any:
    """Rank 0 and another one, for themselves: both call it."""
    return _world.Create_group(_world.Get_group().Incl([0, rank]), rank)


def tell_of_initializers() -> None:
    """A worker that cannot load what its initializer gets says so, and that it has failed.

    By itself it would end, and who has started it would wait for its part in a sum. It replaces a private function.
    """
    from mpi4py.futures import _core

    usual: Callable[[Any], Any] = _core.server_init

    def server_init(comm: Any) -> bool:
        try:
            options = _core.bcast_recv(comm)
        except Exception as error:
            _failed("broken", "worker", error)
            begun = False
        else:
            begun = _core.initialize(options)
        agreed(comm, begun)
        return begun

    if usual.__module__ == _core.__name__:
        _core.server_init = server_init


def agreed(comm: Any, mine: bool) -> bool:
    """What the other side of a pool says, which is told ``mine``: without blocking, so that who waits can be ended."""
    from mpi4py import MPI

    theirs = bytearray(1)
    request = comm.Iallreduce(bytearray([mine]), theirs, op=MPI.LAND)
    while not request.Test():
        time.sleep(AGREE_S)
    return bool(theirs[0])


class Block:
    """Stands in a message for an array: where this is loaded, the array's own bytes are received, one more message."""

    def __init__(self, kind: str, dtype: str, shape: tuple[int, ...]) -> None:
        self.how = kind, dtype, shape

    def __reduce__(self) -> Any:
        return received, self.how


def received(kind: str, dtype: str, shape: tuple[int, ...]) -> Any:
    """The next block from rank 0: into memory that is the array's."""
    if kind == "array":
        import numpy as np

        array = np.empty(shape, dtype)
        _world.Recv(as_bytes(array), 0, BLOCK)
        return array
    block = bytearray(*shape)
    _world.Recv(block, 0, BLOCK)
    return bytes(block) if kind == "bytes" else block


def as_bytes(obj: Any) -> Any:
    """The memory of a contiguous array, of ``bytes`` or of a ``bytearray``: MPI knows not every type of numpy's."""
    return obj.reshape(-1).view("u1") if hasattr(obj, "dtype") else obj


class KeptThere:
    """Stands in a message for what this worker keeps."""

    def __reduce__(self) -> Any:
        return held, ()


def hold(obj: Any) -> None:
    """Keep it for the tasks to come."""
    global _held
    _held = obj


def held() -> Any:
    """What is kept."""
    return _held
