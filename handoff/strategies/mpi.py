"""mpi4py: a pickle sent to another rank, an array's memory sent to it, and a pool of MPI's processes.

One job of Open MPI serves all of them in a process: ``mpiexec`` starts a few ranks, and this process takes the place
of rank 0, so that messages go through shared memory as in any job on one machine (what ``MPI.Comm.Spawn`` has started
is reached by TCP). A rank that dies ends neither the others nor this process, as it would by default.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from handoff import timeouts
from handoff.outcome import HandoverEnded, Kind, Outcome
from handoff.payload import Duty, Trait
from handoff.strategies import _mpi_rank as ranks
from handoff.strategies._flat import Shape
from handoff.strategies._mpi_world import DIED, RankProcess, World, lacks_mpi
from handoff.strategies.codecs import BEFORE, COPY, PICKLE_FAILS, told_as
from handoff.strategies.executors import FOR_EVER, AsFuture
from handoff.strategy import Channel, Execution, Executor, Initializer, Launch, Recipe, Site, Strategy


class SendExecutor:
    """``comm.send`` of a task with the object in it; ``comm.recv`` of what it has returned."""

    def __init__(self, site: Site, initializer: Initializer) -> None:
        self.obj, self.world = site.obj, World.here(site)
        self.comm, self.rank = self.world.comm, self.world.hire()
        self.waiting = False
        function, arguments = initializer
        self.submit(function, *arguments).result()

    @property
    def _processes(self) -> dict[int, RankProcess]:
        return {self.rank.pid: self.rank}

    def submit(self, function: Callable[..., Any], /, *args: Any) -> AsFuture:
        self._finish([self.comm.isend((function, args), self.rank.number, ranks.TASK)])
        return AsFuture(self._result)

    def _finish(self, requests: Sequence[Any]) -> None:
        """All of it is sent: what is big goes as the other side takes it."""
        self.waiting = True
        if time.monotonic() - self.rank.heard > ranks.RING_S:
            self.rank.ring()
        for request in requests:
            self.world.wait(request.Test, self.rank)

    def _result(self) -> Any:
        message = self.world.wait(partial(self.comm.improbe, self.rank.number), self.rank)
        return self._taken(message)

    def _taken(self, message: Any) -> Any:
        from mpi4py import MPI

        status = MPI.Status()
        try:
            answer = message.recv(status)
        except Exception as error:
            raise HandoverEnded(Outcome.from_exception(Kind.BROKEN, "result", error)) from None
        finally:
            self.waiting = False
            self.rank.heard = time.monotonic()
        if status.Get_tag() == ranks.FAILED:
            raise HandoverEnded(Outcome.from_json(answer))
        return answer

    def keep(self, obj: Any) -> Any:
        self.submit(ranks.hold, obj).result()
        return ranks.KeptThere()

    def shutdown(self, wait: bool = True) -> None:
        idle = wait and not self.waiting
        if idle and self.rank.is_alive():
            SendExecutor.submit(self, ranks.hold, None).result()
        self.world.give_back(self.rank, idle=idle)


class BuffersExecutor(SendExecutor):
    """``comm.Send`` of the object's memory, after a message that says what it is."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> AsFuture:
        mine = any(each is self.obj for each in args)
        shape = Shape.of(self.obj) if mine else None
        sent = tuple(
            ranks.Block(shape.kind, shape.dtype, shape.shape) if each is self.obj and shape else each for each in args
        )
        requests = [self.comm.isend((function, sent), self.rank.number, ranks.TASK)]
        if mine:
            requests.append(self.comm.Isend(ranks.as_bytes(self.obj), self.rank.number, ranks.BLOCK))
        self._finish(requests)
        return AsFuture(self._result)


class MpiPoolExecutor:
    """An ``MPIPoolExecutor`` with one worker, of the job that is there."""

    def __init__(self, site: Site, initializer: Initializer) -> None:
        self.world = World.here(site)
        from mpi4py.futures import MPIPoolExecutor, _core  # not before: it begins MPI

        _free_workers_of_failures()
        self.rank = self.world.hire()
        self.world.comm.send(None, self.rank.number, ranks.POOL)
        self.rank.ring()
        function, self.arguments = initializer
        # MPICommExecutor is the public way to a process that is there, but sends the initializer's arguments twice.
        comm, _ = _core.comm_split(ranks.pair_of(self.rank.number), 0)
        self.executor: Any = MPIPoolExecutor(1, initializer=function, initargs=self.arguments, main=False)
        self.executor._pool = _core.Pool(self.executor, partial(_managed, comm=comm))
        self.thread: Any = self.executor._pool.thread
        self.left = 0  #: tasks that have not been answered

    @property
    def _processes(self) -> dict[int, RankProcess]:
        return {self.rank.pid: self.rank}

    def submit(self, function: Callable[..., Any], /, *args: Any) -> AsFuture:
        try:
            future = self.executor.submit(function, *args)
        except BrokenExecutor as error:
            raise self._told(error) from None
        self.left += 1
        return AsFuture(partial(self._result, future))

    def _result(self, future: Future[Any]) -> Any:
        while True:
            try:
                answer = future.result(timeouts.TICK_S)
            except Exception as error:
                if future.done():
                    self.left -= 1
                    raise self._told(error) from error.__cause__
            else:
                self.left -= 1
                return answer
            if not self.rank.is_alive():
                raise BrokenExecutor(DIED)

    def _told(self, error: Exception) -> Exception:
        """What a task's future raises, told apart by where that was."""
        if isinstance(error, BrokenExecutor):
            return self.world.complaint(self.rank) or self._never_begun() or error
        there = str(error.__cause__ or "")  # the worker's own traceback
        if "comm_isend(task" in there:
            return HandoverEnded(Outcome.from_exception(Kind.REFUSED, "result", error))
        if there or _names_of(error) & {"recv"}:
            return HandoverEnded(Outcome.from_exception(Kind.BROKEN, "worker" if there else "result", error))
        return error

    def _never_begun(self) -> HandoverEnded | None:
        """That the initializer's arguments cannot be pickled: of that nobody hears by himself."""
        from mpi4py import MPI

        try:
            MPI.pickle.dumps(self.arguments)
        except Exception as error:
            told = Outcome.from_exception(Kind.BROKEN, "parent", error)
            return HandoverEnded(replace(told, message=f"{told.message} ({FOR_EVER})"))
        return None

    def shutdown(self, wait: bool = True) -> None:
        idle = wait and not self.left and self.rank.is_alive()
        if idle:
            self.executor.shutdown()
        else:
            self._end_thread()
        self.world.give_back(self.rank, idle=idle)

    def _end_thread(self) -> None:
        """It asks for an answer that nobody will give, and this process would wait for it.

        Again, if it has taken the first one for a task's: whatever a task raises it hands on.
        """
        for _ in range(3):
            if self.thread.is_alive():
                raised = ctypes.py_object(PoolEnded)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread.ident), raised)
                self.thread.join(timeouts.KILLED_S)


class PoolEnded(BaseException):
    """Raised in a pool's own thread, to end it."""


def _managed(pool: Any, options: dict[str, Any], comm: Any) -> None:
    """What a pool's thread does until it is ended."""
    from mpi4py.futures import _core

    with suppress(PoolEnded):
        _core._manager_comm(pool, options, comm)


def _names_of(error: BaseException) -> set[str]:
    """The functions of the pool's own thread that an exception came through."""
    found, step = set(), error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename.endswith("_core.py"):
            found.add(step.tb_frame.f_code.co_name)
        step = step.tb_next
    return found


def _free_workers_of_failures() -> None:
    """A pool whose initializer's arguments cannot be pickled is broken; one whose worker has died of them can be ended.

    By itself its thread dies in the one case, its worker waits for ever, and so does whoever waits for a task; in the
    other the thread waits for ever, and this process for the thread. It replaces a private function, as its worker.
    """
    from mpi4py.futures import _core

    usual: Callable[..., Any] = _core.client_init

    def client_init(comm: Any, options: dict[str, Any]) -> bool:
        given = _core._init_get_data(options)
        try:
            _core.bcast_send(comm, given)
        except Exception:
            _core.bcast_send(comm, {})
            ranks.agreed(comm, False)
            return False
        return ranks.agreed(comm, False)

    if usual.__module__ == _core.__name__:
        _core.client_init = client_init


_START = """
import os
import sys

if "OMPI_COMM_WORLD_SIZE" not in os.environ:  # as a program is started: mpiexec -n 2 python program.py
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")  # for root: in CI, in containers
    os.execvp("mpiexec", ["mpiexec", "-n", "2", "--oversubscribe", sys.executable, {how}*sys.argv])

{imports}
"""

_SEND_AFTER = (
    _START.format(how="", imports="from mpi4py import MPI")
    + """
if __name__ == "__main__":
    comm = MPI.COMM_WORLD
    if comm.rank == 0:
        comm.send([1, 2, 3], dest=1)
        print(comm.recv(source=1))
    else:
        numbers = comm.recv(source=0)
        comm.send(sum(numbers), dest=0)
"""
)

_BUFFERS_AFTER = (
    _START.format(how="", imports="import numpy as np\nfrom mpi4py import MPI")
    + """
if __name__ == "__main__":
    comm = MPI.COMM_WORLD
    numbers = np.empty(3, dtype=np.int64)  # both sides know its type and shape
    if comm.rank == 0:
        numbers[:] = 1, 2, 3
        comm.Send(numbers, dest=1)
        print(comm.recv(source=1))
    else:
        comm.Recv(numbers, source=0)
        comm.send(int(numbers.sum()), dest=0)
"""
)

_POOL_AFTER = (
    _START.format(how='"-m", "mpi4py.futures", ', imports="from mpi4py.futures import MPIPoolExecutor")
    + """
def work(numbers):
    return sum(numbers)

if __name__ == "__main__":
    with MPIPoolExecutor() as executor:
        print(executor.submit(work, [1, 2, 3]).result())
"""
)


def _strategy(
    name: str,
    summary: str,
    make: Callable[[Site, Initializer], Executor],
    after: str,
    duties: tuple[Duty, ...],
    keeps: bool = True,
    only: frozenset[Trait] = frozenset(),
) -> Strategy:
    return Strategy(
        name=name,
        pickled_as="pickle-5",
        summary=summary,
        meaning=COPY,
        channel=Channel.PIPE,
        launch=Launch.EXECUTOR,
        execution=Execution(
            make=make,
            duties=duties,
            keeps=keeps,
            raises="nothing: mpiexec ends the job",
            fails_at_start=None if keeps else told_as(Kind.BROKEN, Kind.REFUSED, PICKLE_FAILS),
        ),
        start_methods=("spawn",),
        needs=("mpi4py",),
        missing=lacks_mpi,
        only=only,
        fails=PICKLE_FAILS,
        late=4,
        named_only=True,
        recipe=Recipe(BEFORE, after),
    )


STRATEGIES = (
    _strategy(
        "mpi-send",
        "mpi4py: comm.send(obj, dest=rank), a pickle in a message",
        SendExecutor,
        _SEND_AFTER,
        (Duty.ARGUMENT, Duty.RESULT, Duty.STATE),
    ),
    _strategy(
        "mpi-send-buffers",
        "mpi4py: comm.Send(array, dest=rank), the array's own memory, after a message that says what it is",
        BuffersExecutor,
        _BUFFERS_AFTER,
        (Duty.ARGUMENT, Duty.STATE),
        only=frozenset({Trait.FIXED_DTYPE}),
    ),
    _strategy(
        "mpi-pool",
        "mpi4py.futures.MPIPoolExecutor: the object with every task, its result, or given to the initializer",
        MpiPoolExecutor,
        _POOL_AFTER,
        (Duty.ARGUMENT, Duty.RESULT, Duty.STATE),
        keeps=False,
    ),
)
