"""dask.distributed: by value in the task, scattered to the worker before it, or sent to an actor.

One local cluster of one worker serves all of them in a process, or one worker of the user's own cluster, on which
nothing is configured, started or left. What would be measured as sending and is not, is turned off: keys by content (a
second send would move nothing), the way through the scheduler where there is a direct one, stealing, copies that the
memory manager drops, and the allocator settings that a nanny gives its worker.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, CancelledError
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from handoff import timeouts
from handoff.machine import cluster
from handoff.outcome import HandoverEnded, Kind, Outcome, Unavailable
from handoff.payload import Duty, Trait
from handoff.strategies import _own_dask
from handoff.strategies._actor import Doing, Kept
from handoff.strategies.codecs import BEFORE, BY_VALUE_FAILS, COPY, told_as
from handoff.strategies.executors import FOR_EVER, AsFuture, raised_line, refused_here
from handoff.strategy import Channel, Execution, Executor, Initializer, Launch, Recipe, Site, Strategy

CONFIG = {
    "distributed.nanny.pre-spawn-environ": {},  # else OMP_NUM_THREADS=1 and another MALLOC_TRIM_THRESHOLD_ than ours
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.allowed-failures": 0,  # a task whose worker died is not given to the next, to kill that too
    "distributed.comm.compression": False,
    "distributed.comm.timeouts.connect": "5s",  # a worker that has died is not knocked at for half a minute
    "distributed.admin.large-graph-warning-threshold": "1 TiB",  # a task with 10 MiB in it is what is measured here
    # What cannot be loaded is told as an outcome; its traceback on stderr, four times over, is not wanted.
    "logging": {"distributed": "critical"},
}
SCHEME = "dask://"


class LocalDask:
    """The local cluster of this process: the first executor starts it, the last one ends it."""

    _here: LocalDask | None = None

    def __init__(self, folder: str) -> None:
        import dask

        dask.config.set(CONFIG)
        for name in ("distributed", "distributed.worker", "distributed.scheduler"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.users = 0
        self.begin_with(folder)

    def begin_with(self, folder: str) -> None:
        """The cluster, and a client of it."""
        import distributed

        library: Any = distributed  # parts of it have no types
        self.cluster: Any = library.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # None is port 8787, which another cluster may have
            local_directory=folder,
            silence_logs=logging.CRITICAL,
        )
        self.client: Any = library.Client(self.cluster, set_as_default=False, direct_to_workers=True)

    @classmethod
    def enter(cls, folder: str) -> LocalDask:
        if LocalDask._here is None:
            LocalDask._here = TheirDask(folder) if cluster().startswith(SCHEME) else cls(folder)
        LocalDask._here.users += 1
        return LocalDask._here

    def begin(self, initializer: Initializer) -> str:
        """Run it in the worker. Returns the worker's address: another one, if the last has died."""
        function, arguments = initializer
        end = time.monotonic() + timeouts.WORKER_START_S
        while True:
            try:
                for found in self.client.scheduler_info()["workers"]:
                    self.client.run(function, *arguments, workers=[found])
                    return str(found)
            except OSError:  # it has just died
                if time.monotonic() > end:
                    raise
            if time.monotonic() > end:
                raise TimeoutError(f"the cluster had no worker in {timeouts.WORKER_START_S:g} s")
            time.sleep(0.05)

    def leave(self, seconds: float) -> None:
        self.users -= 1
        if self.users <= 0:
            LocalDask._here = None
            self.client.close(timeout=seconds)
            if self.cluster is not None:
                self.cluster.close(timeout=seconds)

    def there(self, where: str) -> bool:
        """Whether a worker may still answer. Of its own cluster dask itself tells who waits."""
        return True


class TheirDask(LocalDask):
    """The user's own cluster: one of its workers, another in each trial."""

    def begin_with(self, folder: str) -> None:
        import distributed

        library: Any = distributed
        self.cluster = None
        try:
            self.client = library.Client(
                cluster().removeprefix(SCHEME),
                set_as_default=False,
                direct_to_workers=True,
                timeout=timeouts.SCHEDULER_S,
            )
        except OSError as error:
            raise Unavailable(f"{cluster()} does not answer: {error}") from None

    def begin(self, initializer: Initializer) -> str:
        function, arguments = initializer
        workers = sorted(self.client.nthreads())
        if not workers:
            raise Unavailable(f"{cluster()} has no workers")
        found = workers[int(os.environ.get("PYTHONHASHSEED", "0")) % len(workers)]  # grows by 1 from trial to trial
        self.client.run(function, *arguments, workers=[found])
        return str(found)

    def there(self, where: str) -> bool:
        return where in self.client.nthreads()


def asked(url: str, function: Callable[[], Any], connected: Callable[[], None]) -> Mapping[str, Any]:
    """What the workers of a cluster return of a function, by their addresses."""
    import dask
    import distributed

    library: Any = distributed
    dask.config.set(CONFIG)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    client = library.Client(url.removeprefix(SCHEME), set_as_default=False, timeout=timeouts.SCHEDULER_S)
    connected()
    found: Mapping[str, Any] = client.run(function)
    client.close(timeout=timeouts.CLUSTER_LOOK_S)
    return found


class DaskExecutor:
    """``client.submit`` with the object in the task."""

    def __init__(self, site: Site, initializer: Initializer) -> None:
        self.local: LocalDask | None = LocalDask.enter(str(site.folder))
        self.client, self.initializer = self.local.client, initializer
        self.where: list[str] = []
        try:
            self.where.append(self.local.begin(initializer))
        except BaseException:
            self.shutdown(wait=False)
            raise

    def submit(self, function: Callable[..., Any], /, *args: Any) -> AsFuture:
        try:
            future = self.client.submit(function, *args, pure=False, workers=self.where)
        except Exception as error:
            raise refused_here(error) from None
        return AsFuture(lambda: self._result(future))

    def _result(self, future: Any) -> Any:
        """What a task returns, unless its worker has gone, to whom it is bound."""
        local = self.local
        assert local is not None
        while True:
            try:
                return _result(future, timeouts.CLUSTER_LOOK_S if local.cluster is None else None)
            except NotYet:
                if not local.there(self.where[0]):
                    future.cancel(force=True)
                    raise BrokenExecutor(f"the cluster's worker {self.where[0]} has gone") from None

    @property
    def host(self) -> str:
        """Of the worker: what is in its address."""
        return urlsplit(self.where[0]).hostname or ""

    def scatter(self, obj: Any) -> Any:
        """A future of what is then in the worker: a fresh key each time, straight to it.

        In a list of one: of a list or a dict each item would become data of its own, under the dict's own keys.
        """
        try:
            return self.client.scatter([obj], hash=False, direct=True, workers=self.where)[0]
        except Exception as error:
            import distributed.protocol

            library: Any = distributed.protocol
            try:
                library.serialize(obj, on_error="raise")  # what could not be pickled fails here again
            except Exception as again:
                raise refused_here(again) from None
            raise HandoverEnded(Outcome.from_exception(Kind.BROKEN, "worker", error)) from None

    def shutdown(self, wait: bool = True) -> None:
        if self.local is not None:
            local, self.local = self.local, None
            if local.cluster is None and self.where and local.there(self.where[0]):
                function, arguments = self.initializer  # anew: what it has kept of the last tasks is dropped
                self.client.run(function, *arguments, workers=self.where, on_error="ignore")
            local.leave(5.0 if wait else 0.5)


class NotYet(Exception):
    """There is no answer so far."""


def _result(future: Any, seconds: float | None) -> Any:
    """What a task has returned; what it raised, told apart by where that was. Raises :class:`NotYet`."""
    from distributed import KilledWorker

    try:
        return future.result(seconds)
    except KilledWorker as error:
        future.release()
        raise BrokenExecutor(str(error)) from None
    except CancelledError as error:
        raise BrokenExecutor(f"the cluster is lost: {str(error).splitlines()[-1]}") from None
    except Exception as error:
        if isinstance(error, TimeoutError) and not future.done():
            raise NotYet from None
        if "Could not serialize" in str(error):  # what the task has returned: refused there, and told with a traceback
            reason = raised_line(str(error)).partition(": ")
            raise HandoverEnded(Outcome(Kind.REFUSED, "result", reason[0], reason[2])) from None
        where = "worker" if error.__cause__ else "result"  # the cause is why the task could not be loaded
        raise HandoverEnded(Outcome.from_exception(Kind.BROKEN, where, error.__cause__ or error)) from None


class ScatterExecutor:
    """``client.scatter``, and a task that names what was scattered."""

    def __init__(self, site: Site, initializer: Initializer) -> None:
        self.dask = DaskExecutor(site, initializer)
        self.host, self.shutdown = self.dask.host, self.dask.shutdown

    def submit(self, function: Callable[..., Any], /, *args: Any) -> AsFuture:
        from distributed import Future

        sent = [a if isinstance(a, Future) else self.dask.scatter(a) for a in args]
        answer = self.dask.submit(function, *sent)

        def result() -> Any:
            found = answer.result()
            sent.clear()  # until then: a scheduler that is busy hears that nobody wants it before it hears of the task
            return found

        return AsFuture(result)

    def keep(self, obj: Any) -> Any:
        return self.dask.scatter(obj)


class ActorExecutor:
    """Calls of an actor's method: straight to its worker, past the scheduler."""

    def __init__(self, site: Site, initializer: Initializer) -> None:
        self.dask = DaskExecutor(site, initializer)
        self.host = self.dask.host
        with self.dask.client.as_current():  # an actor looks for its client when it arrives
            self.future = self.dask.client.submit(Doing, actor=True, pure=False, workers=self.dask.where)
            self.actor: Any = self.future.result()
        self.calls = False  #: whether a call has begun that was not answered ...
        self.waiting: Any = None  #: ... this one, as soon as it is known here
        self.ended: Any = None  #: the error that has ended it, which may be known sooner
        logging.getLogger("tornado.application").addFilter(self._heard)

    def submit(self, function: Callable[..., Any], /, *args: Any) -> AsFuture:
        return self._call("do", function, *args)

    def keep(self, obj: Any) -> Any:
        self._call("keep", obj).result()
        return Kept()

    def shutdown(self, wait: bool = True) -> None:
        logging.getLogger("tornado.application").removeFilter(self._heard)
        self.actor = self.waiting = None
        self.future.release()
        self.dask.shutdown(wait)

    def _call(self, method: str, *args: Any) -> AsFuture:
        self.calls, self.waiting, self.ended = True, None, None
        try:
            self.waiting = getattr(self.actor, method)(*args)
        except RuntimeError as error:  # the actor's worker was lost before
            raise BrokenExecutor(str(error)) from None
        if self.ended is not None:
            _end(self.waiting, self.ended)
        return AsFuture(self._result)

    def _result(self) -> Any:
        try:
            return self.waiting.result()
        except OSError as error:  # its worker cannot be reached any more
            raise BrokenExecutor(str(error)) from None

    def _heard(self, record: logging.LogRecord) -> bool:
        """What goes wrong with a call is logged, and nobody is told: a program waits for ever. Here its reason ends
        the wait."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None or not self.calls or (self.waiting is not None and self.waiting.done()):
            return True
        reason, _, traceback = str(error.args[0] if error.args else error).partition("\n")
        where = "parent" if "Could not serialize" in reason and not traceback else "worker"
        reason = raised_line(traceback) if traceback else str(error.__cause__ or reason)
        self.ended = HandoverEnded(Outcome(Kind.BROKEN, where, type(error).__name__, f"{reason} ({FOR_EVER})"))
        if self.waiting is not None:
            _end(self.waiting, self.ended)
        return False


def _end(waiting: Any, error: Exception) -> None:
    """Let who waits for an actor's answer get an error. It uses a private method of the library's."""

    def raised() -> None:
        raise error

    waiting._set_result(SimpleNamespace(unwrap=raised))


_START = """
from distributed import Client, LocalCluster

def work(numbers):
    return sum(numbers)

if __name__ == "__main__":
    with LocalCluster(n_workers=1, dashboard_address=":0") as cluster, Client(cluster) as client:
"""

_SUBMIT_AFTER = (
    _START
    + """        print(client.submit(work, [1, 2, 3], pure=False).result())  # pure: a key by content, and sent once
"""
)

_SCATTER_AFTER = (
    _START
    + """        numbers = client.scatter([[1, 2, 3]], hash=False, direct=True)[0]
        print(client.submit(work, numbers, pure=False).result())
"""
)

_ACTOR_AFTER = """
from distributed import Client, LocalCluster

class Summing:
    def work(self, numbers):
        return sum(numbers)

if __name__ == "__main__":
    with LocalCluster(n_workers=1, dashboard_address=":0") as cluster, Client(cluster) as client:
        actor = client.submit(Summing, actor=True).result()
        print(actor.work([1, 2, 3]).result())
"""


#: An actor's call that cannot be pickled is never answered.
_ACTOR_FAILS = told_as(Kind.BROKEN, Kind.REFUSED, BY_VALUE_FAILS)


def _strategy(
    name: str,
    summary: str,
    make: Callable[[Site, Initializer], Executor],
    after: str,
    own: dict[Duty, str],
    duties: tuple[Duty, ...],
    fails: tuple[tuple[Trait, Kind], ...] = BY_VALUE_FAILS,
) -> Strategy:
    return Strategy(
        name=name,
        pickled_as="cloudpickle",
        summary=summary,
        meaning=COPY + "; on the cluster until the last future of it is dropped",
        channel=Channel.TCP,
        launch=Launch.EXECUTOR,
        execution=Execution(
            make=make, duties=duties, keeps=True, raises="KilledWorker", clusters=("dask",), asked=asked
        ),
        start_methods=("spawn",),
        needs=("distributed",),
        fails=fails,
        late=4,
        named_only=True,
        recipe=Recipe(BEFORE, after, own),
    )


STRATEGIES = (
    _strategy(
        "dask-submit",
        "dask.distributed: client.submit(work, obj), the object in the task",
        DaskExecutor,
        _SUBMIT_AFTER,
        _own_dask.SUBMITTED,
        (Duty.ARGUMENT, Duty.RESULT),
    ),
    _strategy(
        "dask-scatter",
        "dask.distributed: client.scatter(obj, hash=False, direct=True), then a task that names it",
        ScatterExecutor,
        _SCATTER_AFTER,
        _own_dask.SCATTERED,
        (Duty.ARGUMENT, Duty.STATE),
    ),
    _strategy(
        "dask-actor",
        "dask.distributed: a call of an actor's method, straight to its worker; as state, the actor keeps it",
        ActorExecutor,
        _ACTOR_AFTER,
        _own_dask.ACTED,
        (Duty.ARGUMENT, Duty.RESULT, Duty.STATE),
        _ACTOR_FAILS,
    ),
)
