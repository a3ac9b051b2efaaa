"""Classes: instances whose class, or its state, has to be there on the other side too.

An instance travels as its class's name and its attributes. A class that no import finds breaks the journey; one that
was changed while the program ran arrives as it was written.
"""

from __future__ import annotations

import collections
import enum
import functools
import sys
from collections.abc import Callable, Mapping
from typing import Any

from handoff.payload import Duty, Payload, Trait

MISSING = object()  #: a sentinel: the default that no caller can pass by accident


class Job:
    """An ordinary class, where it should be: at module level."""

    def __init__(self, number: int) -> None:
        self.number = number

    def run(self) -> int:
        return self.number * 3


class Transformer:
    """The article's config class: its instances hold a lambda."""

    def __init__(self) -> None:
        self.transform: Callable[[int], int] = lambda number: number * 3

    def run(self) -> int:
        return self.transform(7)


class Limits:
    """A class whose attribute a program sets when it starts."""

    maximum = 10

    def run(self) -> int:
        return min(7, self.maximum)


class Tracked:
    """A class that counts its instances in a class attribute: a registry, a cache, a sequence of ids."""

    made = 0

    def __init__(self) -> None:
        self.number = 7


RATE = 1


def at_rate(number: int) -> int:
    """Reads a module global that a program sets when it starts."""
    return number * RATE


@functools.lru_cache(maxsize=128)
def expensive(number: int) -> int:
    return number * 3


def make_local() -> Any:
    class LocalJob:
        def __init__(self, number: int) -> None:
            self.number = number

        def run(self) -> int:
            return self.number * 3

    return LocalJob(7)


MAIN = """
class {name}:
    "A class as a session, a notebook or a script's last lines leave it in __main__."

    def __init__(self, number):
        self.number = number

    def run(self):
        return self.number * 3
"""


def _in_main(name: str, source: str) -> Any:
    """Run source in ``__main__``, as typing it into a session does. No file holds it, so no worker can import it."""
    main = sys.modules["__main__"]
    if not hasattr(main, name):
        exec(compile(source, f"<{name}>", "exec"), vars(main))
    return getattr(main, name)(7)


def make_main() -> Any:
    return _in_main("SessionJob", MAIN.format(name="SessionJob"))


def make_main_guard() -> Any:
    body = MAIN.format(name="GuardedJob").replace("\n", "\n    ")
    return _in_main("GuardedJob", f"if __name__ == '__main__':{body}\n")


def make_local_enum() -> Any:
    class Color(enum.Enum):
        RED = 1
        GREEN = 2

    return Color.GREEN


def make_local_namedtuple() -> Any:
    Point = collections.namedtuple("Point", ["x", "y"])  # untyped, as most of them are
    return Point(3, 4)


def make_class_attribute() -> Limits:
    """Sets the attribute first, as a program's start does: 5 where the source says 10."""
    Limits.maximum = 5
    return Limits()


def make_class_counter() -> Tracked:
    Tracked.made = 41
    return Tracked()


def make_function_global() -> Callable[[int], int]:
    """Sets the global first: 5 where the source says 1."""
    global RATE
    RATE = 5
    return at_rate


def make_lru_filled() -> Callable[[int], int]:
    """The cache holds ten results, each of which was paid for."""
    for number in range(10):
        expensive(number)
    return expensive


def make_sentinel() -> dict[str, Any]:
    return {"limit": 7, "timeout": MISSING}


def run(obj: Any) -> int:
    result: int = obj.run()
    return result


def facts_job(obj: Any) -> Mapping[str, Any]:
    """Not the class's qualified name: a class that travels by value may lose the function that it was made in."""
    return {"class": type(obj).__name__, "module": type(obj).__module__, "number": obj.number, "run": obj.run()}


def facts_enum(obj: Any) -> Mapping[str, Any]:
    kind = type(obj)
    return {
        "class": kind.__name__,
        "name": obj.name,
        "members": [member.name for member in kind],
        "is its class's own member": obj is kind(obj.value),
    }


def facts_namedtuple(obj: Any) -> Mapping[str, Any]:
    return {
        "class": type(obj).__name__,
        "fields": list(obj._fields),
        "x": obj.x,
        "y": obj.y,
        "is a tuple": obj == (3, 4),
    }


def facts_sentinel(obj: dict[str, Any]) -> Mapping[str, Any]:
    return {"limit": obj["limit"], "timeout is the module's MISSING": obj["timeout"] is MISSING}


OUTCOME = frozenset[Duty]()  #: not timed: what becomes of it is the whole figure
LOCAL = frozenset({Trait.LOCAL_CLASS})
CHANGED = frozenset({Trait.CHANGED})
MANUAL = "pickle manual, 'Pickling Class Instances'"

PAYLOADS = (
    Payload(
        name="instance-module",
        make=lambda: Job(7),
        touch=run,
        facts=facts_job,
        duties=OUTCOME,
        why="An instance of a class at module level: the reference that the others are measured against.",
        source=f"articles/002; {MANUAL}",
    ),
    Payload(
        name="instance-local-class",
        make=make_local,
        touch=run,
        facts=facts_job,
        traits=LOCAL,
        duties=OUTCOME,
        why="An instance of a class that a function makes: class factories, tests, plugins.",
        source="articles/001, 002",
    ),
    Payload(
        name="instance-main",
        make=make_main,
        touch=run,
        facts=facts_job,
        traits=frozenset({Trait.MAIN_CODE}),
        duties=OUTCOME,
        why="An instance of a class that exists in __main__ and in no file: a notebook, a session, python -c. (A "
        "class of a script's top level is another matter: spawn imports the script once more and finds it.)",
        source="articles/000, 001, 002; multiprocessing manual, 'Safe importing of main module'",
    ),
    Payload(
        name="instance-main-guard",
        make=make_main_guard,
        touch=run,
        facts=facts_job,
        traits=frozenset({Trait.MAIN_CODE}),
        duties=OUTCOME,
        why="The same with the class inside the `if __name__ == '__main__'` block, which no worker runs.",
        source="articles/001, 002",
    ),
    Payload(
        name="enum-local",
        make=make_local_enum,
        touch=lambda obj: obj.value,
        facts=facts_enum,
        traits=LOCAL,
        duties=OUTCOME,
        why="A member of an enum that a function makes. By value its class travels too, and it must be a member of it.",
        source="enum manual, on pickling; articles/001",
    ),
    Payload(
        name="namedtuple-local",
        make=make_local_namedtuple,
        touch=sum,
        facts=facts_namedtuple,
        traits=LOCAL,
        duties=OUTCOME,
        why="A named tuple made where it is needed, as pandas' itertuples does.",
        source="collections.namedtuple (Python manual); articles/001",
    ),
    Payload(
        name="instance-lambda-attribute",
        make=Transformer,
        touch=run,
        facts=lambda obj: {"class": type(obj).__qualname__, "run": obj.run(), "f(1)": obj.transform(1)},
        traits=frozenset({Trait.LOCAL_FUNCTION}),
        duties=OUTCOME,
        why="A config object with a lambda in an attribute: the class is fine, one attribute is not.",
        source="articles/000",
    ),
    Payload(
        name="class-attribute-changed",
        make=make_class_attribute,
        touch=run,
        facts=lambda obj: {"maximum": obj.maximum, "run": obj.run()},
        traits=CHANGED,
        duties=OUTCOME,
        why="A limit set on the class at start-up, 5 where the source says 10. Class attributes are not in the "
        "pickle: a fresh worker has 10 again, and nobody says so.",
        source=f"{MANUAL}: class attributes are not pickled",
    ),
    Payload(
        name="class-counter-changed",
        make=make_class_counter,
        touch=lambda obj: obj.number,
        facts=lambda obj: {"number": obj.number, "made": type(obj).made},
        traits=CHANGED,
        duties=OUTCOME,
        why="A class that counts in an attribute, here up to 41: the instance arrives, the count starts again.",
        source=f"{MANUAL}: class attributes are not pickled",
    ),
    Payload(
        name="function-global-changed",
        make=make_function_global,
        touch=lambda obj: obj(7),
        facts=lambda obj: {"name": obj.__name__, "f(1)": obj(1), "f(7)": obj(7)},
        traits=CHANGED,
        duties=OUTCOME,
        why="A function whose module global was set at start-up, 5 where the source says 1: spawn's oldest surprise.",
        source="multiprocessing manual, 'The spawn and forkserver start methods': global variables",
    ),
    Payload(
        name="lru-cache-filled",
        make=make_lru_filled,
        touch=lambda obj: obj(7),
        facts=lambda obj: {"f(7)": obj(7), "results in the cache": obj.cache_info().currsize},
        traits=CHANGED,
        duties=OUTCOME,
        why="A memoizing function with ten results in its cache: it travels as its name, without them.",
        source="functools.lru_cache (Python manual)",
    ),
    Payload(
        name="sentinel",
        make=make_sentinel,
        touch=lambda obj: obj["limit"] + len(obj),
        facts=facts_sentinel,
        traits=frozenset({Trait.IDENTITY, Trait.ELEMENTS}),
        duties=OUTCOME,
        why="A dict with a module's `MISSING = object()` in it: it arrives as some other object, and each `is "
        "MISSING` fails without an error.",
        source="PEP 661 (sentinel values), on pickling",
    ),
)
