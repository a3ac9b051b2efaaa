"""Custom pickling: classes that say how they travel, well or badly."""

from __future__ import annotations

import copyreg
import sqlite3
import threading
from collections.abc import Mapping
from typing import Any, NoReturn

from handoff.payload import Duty, Payload, Trait
from payloads._scratch import scratch_file


def _database() -> str:
    """The path of a database with three users."""
    path = scratch_file(".db")
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        connection.executemany("INSERT INTO users (name) VALUES (?)", [("Ada",), ("Grace",), ("Edsger",)])
    connection.close()
    return path


class Repository:
    """Holds a live connection: as it is, it refuses to be pickled. Its subclasses each mend that in one way."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.connect()

    def connect(self) -> None:
        self.connection = sqlite3.connect(self.path, check_same_thread=False)

    def count(self) -> int:
        return int(self.connection.execute("SELECT count(*) FROM users").fetchone()[0])

    def names(self) -> list[str]:
        return [name for (name,) in self.connection.execute("SELECT name FROM users ORDER BY id")]


class StateRepository(Repository):
    """Drops the connection on the way out and opens it again on arrival."""

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["connection"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.connect()


class ReduceRepository(Repository):
    """Says which call makes it again."""

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self), (self.path,)


class RegisteredRepository(Repository):
    """Knows nothing of pickling; a reducer is registered for it from outside, when this module is imported."""


def _reduce_registered(repository: RegisteredRepository) -> tuple[Any, ...]:
    return RegisteredRepository, (repository.path,)


copyreg.pickle(RegisteredRepository, _reduce_registered)


class ReducesToLambda:
    """Names a lambda as what makes it again: pickle has to write that down, and cannot."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return (lambda number: ReducesToLambda(number)), (self.number,)


class RefusesState:
    """Raises when asked for its state, as objects do that must not leave their process."""

    def __init__(self) -> None:
        self.number = 7

    def __getstate__(self) -> NoReturn:
        raise RuntimeError("a session key must not leave this process")


class ServiceError(Exception):
    """Two required arguments, one of them passed on: pickle calls it with the one."""

    def __init__(self, service: str, code: int) -> None:
        super().__init__(f"{service} answered {code}")
        self.service = service
        self.code = code


class Ratio:
    """An immutable class with a ``__new__`` that requires arguments, and no ``__getnewargs__`` to give them."""

    above: int
    below: int

    def __new__(cls, above: int, below: int) -> Ratio:
        self = super().__new__(cls)
        self.above = above
        self.below = below
        return self


class Proxy:
    """Passes on every attribute it lacks. On arrival it lacks all, the one it asks for included."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)


class RaisesOnArrival:
    """Checks its state when it arrives, and finds it stale."""

    def __init__(self) -> None:
        self.version = 1

    def __getstate__(self) -> dict[str, int]:
        return {"version": self.version}

    def __setstate__(self, state: dict[str, int]) -> None:
        raise ValueError(f"cannot load version {state['version']}: this is version 2")


class HangsOnArrival:
    """Waits on arrival for what will never come, as a client does that connects to a server gone."""

    def __init__(self) -> None:
        self.number = 7

    def __getstate__(self) -> dict[str, int]:
        return {"number": self.number}

    def __setstate__(self, state: dict[str, int]) -> None:
        threading.Event().wait()


def touch_repository(obj: Repository) -> int:
    return obj.count()


def facts_repository(obj: Repository) -> Mapping[str, Any]:
    return {"class": type(obj).__name__, "path": obj.path, "names": obj.names()}


def facts_error(obj: ServiceError) -> Mapping[str, Any]:
    return {"class": type(obj).__name__, "message": str(obj), "service": obj.service, "code": obj.code}


OUTCOME = frozenset[Duty]()  #: not timed: what becomes of it is the whole figure
LOAD_FAILS = frozenset({Trait.LOAD_FAILS})
DATABASE = "A repository with an sqlite3 connection to a file of three users"

PAYLOADS = (
    Payload(
        name="getstate-connection",
        make=lambda: StateRepository(_database()),
        touch=touch_repository,
        facts=facts_repository,
        duties=OUTCOME,
        why=f"{DATABASE}: __getstate__ drops the connection, __setstate__ opens a new one in the worker.",
        source="articles/000, 002, 003; pickle manual, 'Handling Stateful Objects'",
    ),
    Payload(
        name="reduce-ex-connection",
        make=lambda: ReduceRepository(_database()),
        touch=touch_repository,
        facts=facts_repository,
        duties=OUTCOME,
        why=f"{DATABASE}: __reduce_ex__ names the class and the path.",
        source="articles/000; pickle manual, object.__reduce_ex__",
    ),
    Payload(
        name="copyreg-connection",
        make=lambda: RegisteredRepository(_database()),
        touch=touch_repository,
        facts=facts_repository,
        duties=OUTCOME,
        why=f"{DATABASE}: a reducer registered with copyreg, the way for classes that are not one's own.",
        source="articles/001; copyreg (Python manual)",
    ),
    Payload(
        name="reduce-lambda",
        make=lambda: ReducesToLambda(7),
        touch=lambda obj: obj.number,
        facts=lambda obj: {"class": type(obj).__name__, "number": obj.number},
        traits=frozenset({Trait.LOCAL_FUNCTION}),
        duties=OUTCOME,
        why="A __reduce__ that names a lambda: the mistake the article warns of. Picklers that write lambdas carry it.",
        source="articles/001",
    ),
    Payload(
        name="getstate-raises",
        make=RefusesState,
        touch=lambda obj: obj.number,
        facts=lambda obj: {"number": obj.number},
        traits=frozenset({Trait.DUMP_FAILS}),
        duties=OUTCOME,
        why="A class that forbids its pickling by an exception of its own: the message must reach the one who asked.",
        source="pickle manual, object.__getstate__",
    ),
    Payload(
        name="exception-required-args",
        make=lambda: ServiceError("billing", 503),
        touch=lambda obj: obj.code,
        facts=facts_error,
        traits=LOAD_FAILS,
        duties=OUTCOME,
        why="The commonest shape of an application's own exception. It pickles, and fails to load: as a task's result"
        " it makes a Pool wait for ever.",
        source="cpython issues 76877, 79492, 103061",
    ),
    Payload(
        name="new-required-args",
        make=lambda: Ratio(7, 3),
        touch=lambda obj: obj.above + obj.below,
        facts=lambda obj: {"above": obj.above, "below": obj.below},
        traits=LOAD_FAILS,
        duties=OUTCOME,
        why="An immutable value class as fractions and units are written, without __getnewargs__: pickles, does not "
        "load.",
        source="pickle manual, object.__getnewargs__",
    ),
    Payload(
        name="getattr-proxy",
        make=lambda: Proxy([1, 2, 3]),
        touch=lambda obj: sum(obj._target),
        facts=lambda obj: {"class": type(obj).__name__, "target": list(obj._target), "through it": obj.index(3)},
        traits=LOAD_FAILS,
        duties=OUTCOME,
        why="A delegating proxy: loading asks it for __setstate__ before it has its target, and asks for that without"
        " end.",
        source="Python data model, object.__getattr__; copy and pickle hooks are looked up through it",
    ),
    Payload(
        name="setstate-raises",
        make=RaisesOnArrival,
        touch=lambda obj: obj.version,
        facts=lambda obj: {"version": obj.version},
        traits=LOAD_FAILS,
        duties=OUTCOME,
        why="A __setstate__ that finds its state too old: an error that only the worker sees.",
        source="pickle manual, object.__setstate__; cpython issues 83932, 66587",
    ),
    Payload(
        name="setstate-hangs",
        make=HangsOnArrival,
        touch=lambda obj: obj.number,
        facts=lambda obj: {"number": obj.number},
        traits=LOAD_FAILS,
        duties=OUTCOME,
        why="A __setstate__ that never returns, like a client waiting for a server: it costs its worker, for ever.",
        source="pickle manual, object.__setstate__",
    ),
)
