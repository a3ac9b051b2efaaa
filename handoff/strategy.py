"""The strategy: one way to get a payload to, or shared with, a worker.

A strategy says *how*; it never times and never decides what is measured. It offers one factory for each kind of duty it
can serve, and each factory returns small objects ("ends") that do the work, one step a method, so that the one timing
loop in :mod:`handoff.timing` can stand between the steps:

* ``carry``, for the duties ``argument`` and ``result``: a :class:`Sender` and a :class:`Receiver`;
* ``hold``, for the duty ``state``: a :class:`Holding`;
* ``share``, for the duty ``shared``: a :class:`Sharing`;
* ``execution``, for whatever is an executor (tasks are submitted, workers are its own): an :class:`Execution`.

Ends that work in the other process travel there when that process is started, so they may hold what only passes then.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from handoff.outcome import Kind
from handoff.payload import Duty, Payload, Trait
from handoff.start_methods import START_METHODS
from handoff.target import Ref

if TYPE_CHECKING:  # importing it changes how ForkingPickler treats dict views
    from multiprocessing.managers import SyncManager


class Channel(StrEnum):
    """What a strategy moves the bytes through; each has its own floor, where one exists."""

    PIPE = "pipe"
    TCP = "tcp"
    SHM = "shm"
    ARRAY = "array"
    MANAGER = "manager"
    FILE = "file"
    START = "start"  #: whatever starting a process does: nothing under fork, a pickle under spawn and forkserver
    THREAD = "thread"
    INTERPRETER = "interpreter"  #: pickles in memory that all interpreters of a process see; some values as they are


class Launch(StrEnum):
    """What kind of worker a strategy needs."""

    PROCESS = "process"
    POOL = "pool"
    EXECUTOR = "executor"  #: whatever has ``submit``: its workers are its own, see :class:`Execution`
    THREAD = "thread"
    INTERPRETER = "interpreter"  #: of this process, in a thread of its own: nothing can end it from outside

    @property
    def in_this_process(self) -> bool:
        """Whether the worker is a thread of this process: then nothing is forked while it runs."""
        return self in (Launch.THREAD, Launch.INTERPRETER)


#: The order in which workers are started: those in this process last, for nothing is forked while they run.
LAUNCHES = tuple(sorted(Launch, key=lambda launch: launch.in_this_process))


class Sender(Protocol):
    """The end that has the object."""

    def open(self, conn: Connection) -> None: ...
    def encode(self, obj: Any) -> Any: ...
    def post(self, message: Any) -> None: ...
    def close(self) -> None: ...


class Receiver(Protocol):
    """The end that wants it. One more method is optional: ``touch(obj)``, where the object itself never arrives."""

    def open(self, conn: Connection) -> None: ...
    def take(self) -> Any: ...
    def decode(self, message: Any) -> Any: ...
    def release(self) -> None: ...  # after the object was dropped
    def close(self) -> None: ...


class Holding(Protocol):
    """State that a worker gets once: ``obtain`` when it starts, ``get`` in every task."""

    def obtain(self) -> None: ...
    def get(self) -> Any: ...
    def close(self) -> None: ...


class Sharing(Protocol):
    """Data that several processes see: elements are addressed 0 … ``len`` - 1."""

    def open(self) -> None: ...
    def read(self, index: int) -> Any: ...
    def write(self, index: int, value: Any) -> None: ...
    def update(self, index: int) -> None: ...  # add 1 to the element, under a lock: no update is ever lost
    def whole(self) -> Any: ...  # everything, as a local object
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Site:
    """Where a strategy sets itself up: in the measuring process, before the worker is started."""

    ctx: BaseContext
    start_method: str
    obj: Any  #: the payload's object, as built in the measuring process
    payload: Payload
    ref: Ref  #: where a worker can load the payload from by itself
    folder: Path  #: private, removed at the end
    segment_name: Callable[[], str]  #: a fresh name for a shared-memory segment, swept at the end
    manager: Callable[[], SyncManager]  #: the trial's one manager server, started at the first call
    at_end: Callable[[Callable[[], Any]], Any]  #: register what must be called when the strategy is done with


class Executor(Protocol):
    """A ``concurrent.futures.Executor``, or what has these of its methods.

    One more where the :class:`Execution` ``keeps``: ``keep(obj)``. What it returns is an argument of every task. One
    more where its workers cannot simply be killed: ``abandon()``, which is called before. One attribute where they may
    be on another machine: ``host``, its address. Whatever it raises is a refusal, but ``BrokenExecutor``, and
    :class:`handoff.outcome.HandoverEnded` where it knows better.
    """

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Pending: ...
    def shutdown(self, wait: bool = True) -> None: ...


class Pending(Protocol):
    """What a task will return."""

    @property
    def result(self) -> Callable[[], Any]: ...


Initializer = tuple[Callable[..., Any], tuple[Any, ...]]  #: what every worker does first: a function, its arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """How an executor is made, and what is to be known of it to tell why it gives no answer."""

    make: Callable[[Site, Initializer], Executor]  #: with one worker, or as few as it can have
    duties: tuple[Duty, ...] = (Duty.ARGUMENT, Duty.RESULT, Duty.STATE)
    keeps: bool = False  #: for the duty ``state``: the object is given to ``keep``, and not to the initializer
    #: The package whose ``ForkingPickler`` loads what travels, where its failures are not told to who waits.
    loaded_by: str = ""
    raises: str = ""  #: the exception that is told instead; "": who waits does so for ever
    in_this_process: bool = False  #: its workers are threads of this process: nothing is forked while they are there
    fails_at_start: tuple[tuple[Trait, Kind], ...] | None = None  #: ``fails`` of the duty ``state``, if others
    #: The schemes of addresses of clusters of others on which it runs, too: see ``handoff.machine.cluster``.
    clusters: tuple[str, ...] = ()
    #: What the workers at such an address return of a function, by their names; the other is called as soon as there is
    #: a connection. Raises where there is no cluster.
    asked: Callable[[str, Callable[[], Any], Callable[[], None]], Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """The smallest code before and after, both runnable as they stand; the tests run them."""

    before: str
    after: str
    #: By duty: the same for the user's own object, a template (see ``handoff/strategies/_own.py``).
    own: Mapping[Duty, str] = field(default_factory=dict, hash=False)


Ends = tuple[Sender, Receiver]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """One row of every table."""

    name: str  #: kebab-case; an API: append, never rename
    summary: str  #: one sentence: what it does
    meaning: str  #: what the receiver has: a copy, a view, the same object; who cleans up
    channel: Channel
    recipe: Recipe
    carry: Callable[[Site], Ends] | None = None
    hold: Callable[[Site], Holding] | None = None
    share: Callable[[Site], Sharing] | None = None
    execution: Execution | None = None
    codec: Codec | None = None  #: for strategies that turn an object into bytes: measured alone too
    launch: Launch = Launch.PROCESS
    start_methods: tuple[str, ...] = START_METHODS
    inherits: tuple[
        str, ...
    ] = ()  #: start methods under which nothing is pickled: the worker inherits memory, ``fails`` is void
    #: What its messages go through, where the channel is who keeps the object; None: nothing that has a floor.
    reached_by: Channel | None = None
    needs: tuple[str, ...] = ()  #: modules it imports beyond the standard library
    missing: Callable[[], str] | None = None  #: what else is not here, a library or a command: a sentence, or ""
    since: tuple[int, int] = (3, 11)  #: the first Python that has it
    needs_no_gil: bool = False  #: no other process: the work is done at the same time only where there is no GIL
    any_payload: bool = False  #: the ends of ``carry`` know nothing of the payload: one pair serves all of a trial
    only: frozenset[Trait] = frozenset()  #: carries nothing but payloads that have one of these traits
    fails: tuple[tuple[Trait, Kind], ...] = field(default=())  #: what becomes of payloads with a trait
    #: Duties that are done so when nothing else is asked for: every ratio is to it ...
    baseline_of: frozenset[Duty] = frozenset()
    baseline_turn: int = 1  #: ... if those of an earlier turn fail
    #: Duties in which it is among the likeliest to be best, with its turn: a search with little time tries these first.
    likely: tuple[tuple[Duty, int], ...] = ()
    late: int = 0  #: its turn among those tried last: far slower than others, or with the same stream as another
    heavy: frozenset[Duty] = frozenset()  #: duties in which it is least slow with a heavy object
    #: The pickler of which the diagnosis tells what becomes of an object that goes this way; "": none is at work.
    pickled_as: str = "pickle-default"
    #: How a program asks for chunks, whose tasks are pickled at once, and the object in them once; "": it can't.
    chunked: str = ""
    named_only: bool = False  #: it starts a server or an engine each time: tried where it is asked for by name alone
    makes: bool = False  #: workers make the object themselves: it takes a target that says how
    change: int = 9  #: how much of a program it changes, 0: nothing; of ways as fast as each other the least wins

    @property
    def duties(self) -> tuple[Duty, ...]:
        """The duties it can serve."""
        found: list[Duty] = []
        if self.carry:
            found += [Duty.ARGUMENT, Duty.RESULT]
        if self.hold:
            found.append(Duty.STATE)
        if self.share:
            found.append(Duty.SHARED)
        return self.execution.duties if self.execution else tuple(found)

    def floor_on(self, cluster: str) -> Channel:
        """The channel whose floor is its floor, on a cluster at an address or, where that is "", on this machine."""
        there = self.execution is not None and cluster.partition("://")[0] in self.execution.clusters
        return Channel.TCP if there else self.reached_by or self.channel

    def inherited(self, duty: str, start_method: str) -> bool:
        """Whether nothing is pickled: workers have the object from the memory that they begin with."""
        return start_method in self.inherits and (self.execution is None or duty == Duty.STATE)

    def failures(self, duty: str) -> tuple[tuple[Trait, Kind], ...]:
        """What becomes of payloads with a trait, for a duty."""
        if self.execution is None or self.execution.fails_at_start is None or duty != Duty.STATE:
            return self.fails
        return self.execution.fails_at_start

    @property
    def in_this_process(self) -> bool:
        """Whether its worker is a thread of this process: then nothing is forked while it is there."""
        return self.launch.in_this_process or (self.execution is not None and self.execution.in_this_process)

    @property
    def lacks(self) -> str:
        """Why it cannot be tried here, under whatever start method: what is not installed, or too old a Python."""
        return lacking(self.needs, self.since) or (self.missing() if self.missing else "")

    def is_reference(self, *, gil: bool) -> bool:
        """Whether it is measured for comparison only and no answer, where threads do or do not share one GIL."""
        return self.needs_no_gil and gil

    def looks_first(self, duty: Duty) -> bool:
        """Whether it looks at the object, to refuse what it cannot carry, before it does anything at all."""
        return bool(self.only) or duty is Duty.SHARED


def lacking(needs: Iterable[str], since: tuple[int, int] = (3, 11)) -> str:
    """What is missing here of modules and of a Python that has them, or ""."""
    if sys.version_info < since:
        return f"only from Python {since[0]}.{since[1]} on"
    from importlib.util import find_spec

    missing = [module for module in needs if find_spec(module) is None]
    return f"{' and '.join(missing)}: not installed" if missing else ""


@dataclass(frozen=True, slots=True)
class Codec:
    """Object to message and back; ``size`` gives a message's bytes. ``encode`` uses a fresh pickler each time."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    size: Callable[[Any], int] = len
