"""ray: by value in the task, put into the object store before it, or sent to an actor.

One local ray of one processor serves all of them in a process, and is there until that ends. An argument of at most
100 KiB travels in the task, a bigger one is put each time (``max_direct_call_object_size``). The object is sent anew
each time: a second ``get`` of what was put once rebuilds views of memory that is mapped already, and moves nothing.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from functools import partial
from typing import Any

from handoff.outcome import HandoverEnded, Kind, Outcome, Unavailable
from handoff.payload import Duty, Trait
from handoff.strategies._actor import Doing, Kept
from handoff.strategies.codecs import BEFORE, BY_VALUE_FAILS, COPY
from handoff.strategies.executors import AsFuture, refused_here
from handoff.strategy import Channel, Execution, Executor, Initializer, Launch, Recipe, Site, Strategy

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # it would tell its makers
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # what it does from now on; else it warns of it
}
#: Of 107 bytes, what ``/session_…/sockets/plasma_store`` leaves: 64, with a process number of seven digits.
LONGEST = 107 - 64
NOT_LOADED = "At least one of the input arguments for this task could not be computed"
SERIALIZES = ("ray/_private/serialization.py", "ray/cloudpickle/")  #: where a result is pickled


class LocalRay:
    """The ray of this process."""

    _here: LocalRay | None = None

    def __init__(self, site: Site) -> None:
        import ray

        self.folder = tempfile.mkdtemp(prefix="r")
        self.link = ""
        # A token of our own: it would write one into the home directory.
        os.environ.update({**SETTINGS, "RAY_AUTH_TOKEN": secrets.token_hex(32)})
        atexit.register(self.end)
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
            raise Unavailable(f"no local ray: {str(error).strip().splitlines()[0]}") from None
        finally:
            os.environ.pop("PYTHONPATH")
            os.environ.update({"PYTHONPATH": path} if path is not None else {})
        self.actor = ray.remote(num_cpus=0, max_restarts=0)(Doing)

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
        if cls._here is None:
            cls._here = cls(site)
        return cls._here

    def end(self) -> None:
        """By itself it is there until this process ends."""
        import ray

        LocalRay._here = None
        atexit.unregister(self.end)
        ray.shutdown()
        if self.link:
            os.unlink(self.link)
        shutil.rmtree(self.folder, ignore_errors=True)


_begun: Initializer | None = None


def _exported(initializer: Initializer, function: Callable[..., Any]) -> Any:
    """A task of ray's own: its workers get it once, as a script's, and not with each call."""
    import ray

    def task(*args: Any) -> Any:
        return _run(initializer, function, *args)

    return ray.remote(max_retries=0)(task)


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
        LocalRay.here(site)
        self.initializer = initializer
        self.last: tuple[Any, Any] = None, None  #: the last task's function, and what of it is exported

    def submit(self, function: Callable[..., Any], /, *args: Any) -> AsFuture:
        known, task = self.last
        if known != (self.initializer, function):
            task = _exported(self.initializer, function)
            self.last = (self.initializer, function), task
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

        try:
            return ray.put(obj)
        except Exception as error:
            raise refused_here(error) from None


class RayActorExecutor:
    """Calls of an actor's method."""

    def __init__(self, site: Site, initializer: Initializer) -> None:
        self.actor: Any = LocalRay.here(site).actor.remote()
        function, arguments = initializer
        self.submit(function, *arguments).result()

    def submit(self, function: Callable[..., Any], /, *args: Any) -> AsFuture:
        return sent(partial(self.actor.do.remote, function, *args))

    def keep(self, obj: Any) -> Any:
        sent(partial(self.actor.keep.remote, obj)).result()
        return Kept()

    def shutdown(self, wait: bool = True) -> None:
        import ray

        actor, self.actor = self.actor, None
        if actor is not None:
            ray.kill(actor)


def sent(send: Callable[[], Any]) -> AsFuture:
    """A task that is on its way. Raises :class:`HandoverEnded` where it cannot be pickled."""
    try:
        found = send()
    except Exception as error:
        raise refused_here(error) from None
    return AsFuture(partial(_result, found))


def _result(found: Any) -> Any:
    """What a task has returned; what it raised, told apart by where that was."""
    import ray
    from ray import exceptions

    try:
        return ray.get(found)
    except (exceptions.WorkerCrashedError, exceptions.RayActorError, exceptions.NodeDiedError) as error:
        raise BrokenExecutor(str(error).strip().splitlines()[0]) from None
    except exceptions.RayTaskError as error:  # the worker's own traceback is its text
        text = str(error)
        back = NOT_LOADED not in text and any(place in text for place in SERIALIZES)
        kind, where = (Kind.REFUSED, "result") if back else (Kind.BROKEN, "worker")
        raise HandoverEnded(_last_line(kind, where, text)) from None
    except exceptions.RaySystemError as error:  # what has come cannot be loaded here
        raise HandoverEnded(_last_line(Kind.BROKEN, "result", str(error))) from None


def _last_line(kind: Kind, where: str, traceback: str) -> Outcome:
    name, _, message = traceback.strip().splitlines()[-1].strip().partition(": ")
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
        execution=Execution(make=make, duties=duties, keeps=True, raises="WorkerCrashedError"),
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
