"""ray: by value in the task, put into the object store before it, or sent to an actor.

One local ray of one processor serves all of them in a process, or one node of the user's own cluster, by Ray Client
(``ray://``); it is there until the process ends. By the client all goes through a server of the cluster's, which loads
what it is sent and hands it on: that is what such a program pays. An argument of at most
100 KiB travels in the task, a bigger one is put each time (``max_direct_call_object_size``). The object is sent anew
each time: a second ``get`` of what was put once rebuilds views of memory that is mapped already, and moves nothing.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import secrets
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from typing import Any

from handoff import timeouts
from handoff.machine import cluster
from handoff.outcome import HandoverEnded, Kind, Outcome, Unavailable
from handoff.payload import Duty, Trait
from handoff.strategies._actor import Doing, Kept
from handoff.strategies.codecs import BEFORE, BY_VALUE_FAILS, COPY
from handoff.strategies.executors import AsFuture, raised_line, refused_here
from handoff.strategy import Channel, Execution, Executor, Initializer, Launch, Recipe, Site, Strategy

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # it would tell its makers
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # what it does from now on; else it warns of it
    "RAY_ENABLE_AUTO_CONNECT": "0",  # whatever is done after a connection was lost would start a ray here
    # A connection that is lost is lost: for one that may come back the cluster would keep what is ours.
    "RAY_CLIENT_RECONNECT_GRACE_PERIOD": "0",
    "GRPC_ENABLE_FORK_SUPPORT": "0",  # it writes a line about each process that is started
}
SCHEME = "ray://"
#: Of 107 bytes, what ``/session_…/sockets/plasma_store`` leaves: 64, with a process number of seven digits.
LONGEST = 107 - 64
NOT_LOADED = "At least one of the input arguments for this task could not be computed"
SERIALIZES = ("ray/_private/serialization.py", "ray/cloudpickle/")  #: where a result is pickled


class LocalRay:
    """The ray of this process."""

    _here: LocalRay | None = None

    def __init__(self, site: Site) -> None:
        os.environ.update(SETTINGS)
        import ray

        atexit.register(self.end)
        self.options: dict[str, Any] = {}  #: where its tasks and actors are to be
        self.begin(site)
        self.actor: Any = ray.remote(num_cpus=0, max_restarts=0, **self.options)(Doing)

    def begin(self, site: Site) -> None:
        """Start it. Raises :class:`Unavailable`."""
        import ray

        self.folder = tempfile.mkdtemp(prefix="r")
        self.link = ""
        # A token of our own: it would write one into the home directory.
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        path = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # a worker loads its arguments before anything else
        try:
            ray.init(
                address="local",  # whatever RAY_ADDRESS says
                num_cpus=1,
                include_dashboard=False,
                _temp_dir=self._short(site),
                configure_logging=False,
                log_to_driver=False,
            )
        except Exception as error:
            raise Unavailable(f"no local ray: {_first_line(error)}") from None
        finally:
            os.environ.pop("PYTHONPATH")
            os.environ.update({"PYTHONPATH": path} if path is not None else {})

    def _short(self, site: Site) -> str:
        """A path of its folder that has room for its sockets, whose paths end after 107 bytes (unix(7)).

        Where the folder's own is too long, a link in shared memory: its name is swept, if this process is killed.
        """
        if len(os.fsencode(self.folder)) <= LONGEST or not os.path.isdir("/dev/shm"):
            return self.folder
        self.link = f"/dev/shm/{site.segment_name()}"
        os.symlink(self.folder, self.link)
        return self.link

    @classmethod
    def here(cls, site: Site) -> LocalRay:
        if LocalRay._here is None or not LocalRay._here.there():
            LocalRay._here = TheirRay(site) if cluster().startswith(SCHEME) else cls(site)
        return LocalRay._here

    def there(self) -> bool:
        """Whether what is sent goes to it: a connection may be lost."""
        return True

    def end(self) -> None:
        """By itself it is there until this process ends."""
        import ray

        LocalRay._here = None
        atexit.unregister(self.end)
        ray.shutdown()
        if self.link:
            os.unlink(self.link)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def host(self) -> str:
        """Of the node, where it may be on another machine."""
        return ""


class TheirRay(LocalRay):
    """The user's own cluster: one of its nodes, another in each trial."""

    def begin(self, site: Site) -> None:
        beside = [each for each in sys.path if each and not each.startswith((sys.prefix, sys.base_prefix))]
        # A worker loads its arguments before anything else: it has to find the user's own modules by then.
        path = os.pathsep.join([*beside, "${PYTHONPATH}"])
        try:
            _connect(cluster(), runtime_env={"env_vars": {"PYTHONPATH": path}})
        except Exception as error:
            raise Unavailable(f"{cluster()} does not answer: {_first_line(error)}") from None
        nodes = _nodes()
        if not nodes:
            raise Unavailable(f"{cluster()} has no nodes")
        name = sorted(nodes)[int(os.environ.get("PYTHONHASHSEED", "0")) % len(nodes)]  # grows by 1 from trial to trial
        self.address: str = nodes[name]["NodeManagerAddress"]
        self.options = _only_on(nodes[name])

    def there(self) -> bool:
        import ray

        return bool(ray.is_initialized())

    def end(self) -> None:
        import ray

        LocalRay._here = None
        atexit.unregister(self.end)
        ray.shutdown()

    @property
    def host(self) -> str:
        return self.address


def _connect(url: str, **more: Any) -> None:
    """Ray Client. Raises :class:`Unavailable` where it is another ray, or is for another Python."""
    import ray

    warnings.filterwarnings("ignore", "More than .* of messages have been created")  # that is what is measured here
    for name in ("ray", "ray.util.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is told as an outcome
    try:
        ray.init(url, configure_logging=False, log_to_driver=False, **more)
    except RuntimeError as error:  # tells both versions, over several lines
        raise Unavailable(" ".join(str(error).split())) from None
    from ray.util.client import ray as client

    with suppress(AttributeError):  # private: what its server logs is no word to our user
        client.worker.log_client.disable_logs()


def _hear(url: str) -> None:
    """Raises ``TimeoutError`` where nobody answers. It uses a private function of ray's: for its settings of TLS."""
    import grpc
    from ray._private.grpc_utils import init_grpc_channel

    channel = init_grpc_channel(url.removeprefix(SCHEME), asynchronous=False)
    try:
        grpc.channel_ready_future(channel).result(timeout=timeouts.SCHEDULER_S)
    except grpc.FutureTimeoutError:
        raise TimeoutError(f"nothing within {timeouts.SCHEDULER_S:g} s") from None
    finally:
        channel.close()


def _nodes() -> dict[str, Mapping[str, Any]]:
    """Those of the cluster that are alive, by address and a part of their number: one host may have several."""
    import ray

    return {f"{each['NodeManagerAddress']} ({each['NodeID'][:8]})": each for each in ray.nodes() if each["Alive"]}


def _only_on(node: Mapping[str, Any]) -> dict[str, Any]:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)}


def asked(url: str, function: Callable[[], Any], connected: Callable[[], None]) -> Mapping[str, Any]:
    """What the nodes return of a function, by their names. Raises :class:`Unavailable`, and what ray raises."""
    os.environ.update(SETTINGS)
    import ray

    if find_spec("grpc") is None:
        raise Unavailable("Ray Client needs grpcio, which is not installed: pip install 'ray[client]'")
    _hear(url)
    connected()
    _connect(url)
    try:
        ask: Any = ray.remote(num_cpus=0)(function)
        found = {name: ask.options(**_only_on(node)).remote() for name, node in _nodes().items()}
        return dict(zip(found, ray.get(list(found.values())), strict=True))
    finally:
        ray.shutdown()


_begun: Initializer | None = None


def _exported(initializer: Initializer, function: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    """A task of ray's own: its workers get it once, as a script's, and not with each call."""
    import ray

    def task(*args: Any) -> Any:
        return _run(initializer, function, *args)

    return ray.remote(max_retries=0, **options)(task)


def _run(initializer: Initializer, function: Callable[..., Any], *args: Any) -> Any:
    """A task: in whichever worker, which ray may replace by another between two of them."""
    global _begun
    if _begun != initializer:
        begin, given = initializer
        begin(*given)
        _begun = initializer
    return function(*args)


class RayTaskExecutor:
    """``task.remote`` with the object as an argument."""

    def __init__(self, site: Site, initializer: Initializer) -> None:
        self.site, self.host, self.initializer = site, LocalRay.here(site).host, initializer
        self.last: tuple[Any, Any] = None, None  #: the last task's function, and what of it is exported

    def submit(self, function: Callable[..., Any], /, *args: Any) -> AsFuture:
        ray, (known, task) = LocalRay.here(self.site), self.last
        if known != (ray, self.initializer, function):
            task = _exported(self.initializer, function, ray.options)
            self.last = (ray, self.initializer, function), task
        return sent(partial(task.remote, *args))

    def shutdown(self, wait: bool = True) -> None:
        """Its tasks are done, and what they were given is dropped with them."""


class RayPutExecutor(RayTaskExecutor):
    """``ray.put`` of the object, and a task that gets it."""

    def __init__(self, site: Site, initializer: Initializer) -> None:
        super().__init__(site, initializer)
        self.obj = site.obj

    def submit(self, function: Callable[..., Any], /, *args: Any) -> AsFuture:
        return super().submit(function, *(self.keep(each) if each is self.obj else each for each in args))

    def keep(self, obj: Any) -> Any:
        import ray

        LocalRay.here(self.site)
        try:
            return ray.put(obj)
        except Exception as error:
            raise _not_sent(error, obj) from None


class RayActorExecutor:
    """Calls of an actor's method."""

    def __init__(self, site: Site, initializer: Initializer) -> None:
        self.site, self.initializer = site, initializer
        self.begin(LocalRay.here(site))

    def begin(self, ray: LocalRay) -> None:
        self.ray, self.host = ray, ray.host
        self.actor: Any = ray.actor.remote()
        function, arguments = self.initializer
        self.submit(function, *arguments).result()

    def submit(self, function: Callable[..., Any], /, *args: Any) -> AsFuture:
        if (ray := LocalRay.here(self.site)) is not self.ray:
            if any(isinstance(each, Kept) for each in args):
                raise BrokenExecutor("the cluster has ended the connection, and with it the actor")
            self.begin(ray)  # who has lost it was another
        return sent(partial(self.actor.do.remote, function, *args))

    def keep(self, obj: Any) -> Any:
        sent(partial(self.actor.keep.remote, obj)).result()
        return Kept()

    def shutdown(self, wait: bool = True) -> None:
        import ray

        actor, self.actor = self.actor, None
        if actor is not None and self.ray.there():
            ray.kill(actor)


def sent(send: Callable[[], Any]) -> AsFuture:
    """A task that is on its way. Raises :class:`HandoverEnded` where it cannot be pickled."""
    try:
        found = send()
    except Exception as error:
        raise _not_sent(error, None) from None
    return AsFuture(partial(_result, found))


def _not_sent(error: Exception, obj: Any) -> Exception:
    """It cannot be pickled, or the cluster's server could not load it, or there is no cluster any more."""
    import ray

    if isinstance(error, ConnectionError):
        return _lost(error)
    if cluster().startswith(SCHEME):
        try:
            ray.cloudpickle.dumps(obj)
        except Exception:
            return refused_here(error)
        if obj is not None:
            return HandoverEnded(Outcome.from_exception(Kind.BROKEN, "worker", error))
    return refused_here(error)


def _lost(error: Exception) -> Exception:
    """A connection has ended: because of what was sent, which the other side then tells, or it is gone."""
    text = str(error)
    details = re.search(r'FAILED_PRECONDITION\s+details = "(.*)"', text)
    if details is None:
        return BrokenExecutor(f"the cluster is lost: {_first_line(error)}")
    return HandoverEnded(Outcome(Kind.BROKEN, "worker", "", f"{details[1]} (the cluster's server ends the connection)"))


def _result(found: Any) -> Any:
    """What a task has returned; what it raised, told apart by where that was."""
    import ray
    from ray import exceptions

    try:
        return ray.get(found)
    except (exceptions.WorkerCrashedError, exceptions.RayActorError, exceptions.NodeDiedError) as error:
        raise BrokenExecutor(_first_line(error)) from None
    except exceptions.RayTaskError as error:  # the worker's own traceback is its text
        text = str(error)
        back = NOT_LOADED not in text and any(place in text for place in SERIALIZES)
        kind, where = (Kind.REFUSED, "result") if back else (Kind.BROKEN, "worker")
        raise HandoverEnded(_last_line(kind, where, text)) from None
    except ConnectionError as error:
        raise _lost(error) from None
    except exceptions.RaySystemError as error:  # what has come cannot be loaded here
        raise HandoverEnded(_last_line(Kind.BROKEN, "result", str(error))) from None
    except exceptions.RayError:
        raise
    except Exception as error:  # likewise, by Ray Client
        raise HandoverEnded(Outcome.from_exception(Kind.BROKEN, "result", error)) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _last_line(kind: Kind, where: str, traceback: str) -> Outcome:
    name, _, message = raised_line(traceback).partition(": ")
    return Outcome(kind, where, name.rpartition(".")[2], message)


_START = """
import os

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"  # on this machine alone; else a token is written into the home directory
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"

import ray

@ray.remote
def work(numbers):
    return sum(numbers)

if __name__ == "__main__":
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
"""

_TASK_AFTER = (
    _START
    + """    print(ray.get(work.remote([1, 2, 3])))
    ray.shutdown()
"""
)

_PUT_AFTER = (
    _START
    + """    numbers = ray.put([1, 2, 3])
    print(ray.get(work.remote(numbers)))
    ray.shutdown()
"""
)

_ACTOR_AFTER = (
    _START.replace(
        "@ray.remote\ndef work(numbers):\n", "@ray.remote\nclass Summing:\n    def work(self, numbers):\n"
    ).replace("    return sum", "        return sum")
    + """    actor = Summing.remote()
    print(ray.get(actor.work.remote([1, 2, 3])))
    ray.shutdown()
"""
)

#: Arrays arrive as views of the store, or of the message, and nothing can be written to them.
_FAILS = (*BY_VALUE_FAILS, (Trait.BUFFER, Kind.ALTERED))


def _strategy(
    name: str,
    summary: str,
    make: Callable[[Site, Initializer], Executor],
    after: str,
    duties: tuple[Duty, ...],
) -> Strategy:
    return Strategy(
        name=name,
        pickled_as="cloudpickle",
        summary=summary,
        meaning=COPY + "; arrays can't be written to",
        channel=Channel.PIPE,
        launch=Launch.EXECUTOR,
        execution=Execution(
            make=make, duties=duties, keeps=True, raises="WorkerCrashedError", clusters=("ray",), asked=asked
        ),
        start_methods=("spawn",),
        needs=("ray",),
        fails=_FAILS,
        late=4,
        named_only=True,
        recipe=Recipe(BEFORE, after),
    )


STRATEGIES = (
    _strategy(
        "ray-task",
        "ray: task.remote(obj), the object an argument; above 100 KiB it is put into the object store each time",
        RayTaskExecutor,
        _TASK_AFTER,
        (Duty.ARGUMENT, Duty.RESULT),
    ),
    _strategy(
        "ray-put",
        "ray: ray.put(obj), then a task that gets it from the object store",
        RayPutExecutor,
        _PUT_AFTER,
        (Duty.ARGUMENT, Duty.STATE),
    ),
    _strategy(
        "ray-actor",
        "ray: a call of an actor's method; as state, the actor keeps it",
        RayActorExecutor,
        _ACTOR_AFTER,
        (Duty.ARGUMENT, Duty.RESULT, Duty.STATE),
    ),
)
