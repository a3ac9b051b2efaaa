"""Ordinary objects, each of which arrives as good as it was, and some that are truly altered. A collection like any."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import datetime as dt
import enum
import functools
import itertools
import logging
import math
import threading
import time
import types
import uuid
import weakref
import zoneinfo
from typing import Any

# ------------------------------------------------------------------------------------------ as good as it was


def ok_times_and_names() -> Any:
    return {"at": dt.datetime.now(dt.UTC), "run": uuid.uuid4(), "started": time.time()}


class Guarded:
    """Drops its lock when it is pickled, and makes another."""

    def __init__(self) -> None:
        self.n = 1
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"n": self.n}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.n = state["n"]
        self._lock = threading.Lock()


def ok_a_lock_made_anew() -> Any:
    return Guarded()


class Memo:
    """Its memo is filled as it is used, and is empty there."""

    def __init__(self) -> None:
        self.n = 1
        self._memo = {3: 6}

    def __getstate__(self) -> dict[str, Any]:
        return {"n": self.n}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.n = state["n"]
        self._memo = {}


def ok_a_memo_made_anew() -> Any:
    return Memo()


class Money:
    """Equal by what is public; keeps its text."""

    def __init__(self, amount: int) -> None:
        self.amount = amount
        self._text: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and self.amount == other.amount

    def __hash__(self) -> int:
        return hash(self.amount)

    def __getstate__(self) -> dict[str, Any]:
        return {"amount": self.amount, "_text": None}


def ok_equal_by_its_own_equality() -> Any:
    money = Money(3)
    money._text = "3"
    return [money]


@dataclasses.dataclass
class Basket:
    items: list[int]

    @functools.cached_property
    def total(self) -> int:
        return sum(self.items)

    def __getstate__(self) -> dict[str, Any]:
        return {"items": self.items}


def ok_a_cached_property() -> Any:
    basket = Basket([1, 2])
    assert basket.total == 3
    return basket


class Rated:
    rate = 0.1

    def __init__(self) -> None:
        self.n = 1

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, rate=0.1)


def ok_an_attribute_that_is_its_classs() -> Any:
    return Rated()


_guard = threading.Lock()
_log = logging.getLogger("handoff.ordinary")
_numbers = itertools.count()


def _guarded(x: int) -> int:
    with _guard:
        _log.debug("x")
        return x + next(_numbers)


def ok_a_function_with_a_lock_beside_it() -> Any:
    return _guarded


@functools.cache
def _cached(x: int) -> int:
    return x + 1


def ok_a_function_with_a_cache() -> Any:
    _cached(1)
    return _cached


@functools.singledispatch
def _show(x: object) -> str:
    return "any"


def ok_a_function_that_dispatches() -> Any:
    _show(1)
    return _show


class Registry:
    """A class of the user's whose attribute is a library's, which keeps what it has seen: a worker has its own."""

    parser = logging.getLogger("handoff.ordinary.registry")


def ok_a_librarys_object_in_its_class() -> Any:
    Registry.parser.addHandler(logging.NullHandler())
    return Registry()


class Config:
    def __init__(self) -> None:
        self.depth, self.name = 1, "plain"


DEFAULTS = Config()
TABLE = {"a": 1}


def ok_data_under_a_constants_name() -> Any:
    return {"config": DEFAULTS, "table": TABLE}


class Kin:
    """Sets of each other: every element leads to all, as pygments' tokens do."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.others: set[Kin] = set()


def ok_sets_that_lead_to_each_other() -> Any:
    family = [Kin(f"kin{number:02d}") for number in range(40)]
    for one in family:
        one.others.update(family)
    return family


class Elsewhere(dict):  # type: ignore[type-arg]
    """A dict by its class alone: it keeps its items beside, as scipy's matrices do, and pickle puts them into both."""

    def __init__(self, **items: int) -> None:
        self.kept = dict(items)

    def __len__(self) -> int:
        return len(self.kept)

    def __iter__(self) -> Any:
        return iter(self.kept)

    def items(self) -> Any:
        return self.kept.items()

    def __setitem__(self, key: str, value: int) -> None:
        if not hasattr(self, "kept"):
            self.kept = {}
        self.kept[key] = value
        dict.__setitem__(self, key, value)


def ok_a_dict_that_keeps_its_items_elsewhere() -> Any:
    return Elsewhere(a=1)


class Applied:
    """A class of its own for each name, without a module, as sympy's undefined functions are."""

    def __reduce__(self) -> Any:
        return applied, (type(self).__name__,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Applied) and type(self).__name__ == type(other).__name__

    def __hash__(self) -> int:
        return 1


def applied(name: str) -> Any:
    return type(name, (Applied,), {"__module__": None})()


def ok_a_class_without_a_module() -> Any:
    return {"left": applied("f"), "right": [applied("g")]}


def ok_nan_as_a_value() -> Any:
    return {"a": math.nan, "own": [float("nan")]}


def ok_a_nan_of_its_own_that_nothing_looks_for() -> Any:
    return [{float("nan"): "none"}, [float("nan")]]


def ok_a_fold_that_does_not_matter() -> Any:
    return [dt.datetime(2024, 1, 1, tzinfo=dt.UTC, fold=1), dt.datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo("UTC"))]


class Colour(enum.Enum):
    RED = ("r", 1)
    BLUE = ("b", 2)


def ok_standard_library() -> Any:
    return [
        collections.ChainMap({"a": 1}),
        collections.UserDict(a=1),
        types.SimpleNamespace(a=1),
        {Colour.RED: 1},
        logging.LogRecord("n", 20, "/x.py", 3, "hi %s", ("a",), None),
        ExceptionGroup("g", [ValueError(1)]),
    ]


# ----------------------------------------------------------------------------------------------- truly altered


class Marker:
    def __init__(self, name: str) -> None:
        self.name = name


UNSET = Marker("UNSET")
LATER = Config()


def is_later(value: object) -> bool:
    return value is LATER


def altered_a_sentinel_that_says_its_name() -> Any:
    return {"limit": UNSET}


def altered_a_sentinel_that_is_asked_for() -> Any:
    return [LATER]


def altered_a_sentinel_of_the_standard_library() -> Any:
    return [dataclasses.MISSING]


def altered_nan_as_an_element() -> Any:
    return [1.0, math.nan]


def altered_nan_as_a_key() -> Any:
    return {math.nan: "none"}


def altered_a_nan_of_its_own_that_is_looked_for() -> Any:
    nan = float("nan")
    return {"missing": nan, "codes": {nan}}


class Season(enum.Enum):
    SUMMER = 1


def altered_an_attribute_of_an_enums_member() -> Any:
    vars(Season.SUMMER)["note"] = "set at run time"
    return [Season.SUMMER]


class Key:
    def __init__(self, name: str) -> None:
        self.name = name
        self._hash = hash(name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.name == other.name

    def __hash__(self) -> int:
        return self._hash


def altered_a_hash_that_travels() -> Any:
    return {Key("apple"): 1}


class Temporary:
    def __init__(self) -> None:
        self.path = "/nowhere"
        self.cleanup = weakref.finalize(self, print)
        self.cleanup.atexit = False


def altered_a_finalizer() -> Any:
    return Temporary()


class Registered:
    all: list[Any] = []

    def __init__(self) -> None:
        self.all.append(self)


def altered_a_registry_of_its_class() -> Any:
    Registered.all.clear()  # as a process of its own has it, however often this one has made one before
    return Registered()


def altered_asyncio() -> Any:
    return {"stop": asyncio.Event()}


def altered_the_object_of_an_attribute_error() -> Any:
    try:
        (5).missing  # type: ignore[attr-defined]  # noqa: B018
    except AttributeError as error:
        return error


class Stored:
    """A descriptor that keeps what belongs to an instance beside it."""

    def __init__(self) -> None:
        self.values: Any = weakref.WeakKeyDictionary()

    def __get__(self, owner: Any, kind: Any) -> Any:
        return self.values.get(owner)

    def __set__(self, owner: Any, value: Any) -> None:
        self.values[owner] = value


class Room:
    degrees = Stored()


def altered_what_a_descriptor_keeps() -> Any:
    room = Room()
    room.degrees = 21
    return room


class Loses:
    """Equality sees nothing of what is lost, and it is public."""

    def __init__(self) -> None:
        self.a, self.b = 1, 2

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loses) and self.a == other.a

    def __hash__(self) -> int:
        return 1

    def __getstate__(self) -> dict[str, Any]:
        return {"a": self.a}


def altered_a_public_attribute() -> Any:
    return Loses()


class Watched:
    """Its watchers are public, and are not made anew."""

    def __init__(self) -> None:
        self.watchers = [1]

    def __getstate__(self) -> dict[str, Any]:
        return {"watchers": []}


def altered_watchers() -> Any:
    return Watched()


class Hangs:
    """An equality that never ends is no word."""

    def __init__(self) -> None:
        self._a, self._b = 1, 2

    def __eq__(self, other: object) -> bool:
        time.sleep(600)
        return True

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        return {"_a": self._a}


def altered_where_equality_hangs() -> Any:
    return Hangs()


class Slots:
    __slots__ = ("_token", "name")

    def __init__(self) -> None:
        self.name, self._token = "a", "b"

    def __getstate__(self) -> Any:
        return None, {"name": self.name}


def altered_a_private_slot_of_ones_own() -> Any:
    return Slots()


LIMIT = 3
SPACE = types.SimpleNamespace(a=1)


def _limited() -> Any:
    return LIMIT, SPACE


def altered_a_global_set_at_run_time() -> Any:
    global LIMIT
    LIMIT = 5
    return _limited


def altered_a_fold() -> Any:
    return Folded(dt.datetime(2023, 11, 5, 1, 30, tzinfo=zoneinfo.ZoneInfo("America/New_York"), fold=1))


class Folded:
    """Writes a moment as older pickles do: without its fold."""

    def __init__(self, at: dt.datetime) -> None:
        self.at = at

    def __reduce__(self) -> Any:
        return Folded, (self.at.replace(fold=0),)


# --------------------------------------------------------------------------------------------------- truly broken


class Framed:
    """As pandas does: what it names is set first, in the order of a set."""

    _named = ["_table", "first", "second"]

    def __init__(self) -> None:
        self._table, self._values = {"a": 1}, {"first": "a", "second": "a"}

    def __getstate__(self) -> dict[str, Any]:
        return {"_table": self._table, **self._values}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__["_values"] = {}
        for name in set(self._named):
            setattr(self, name, state[name])

    def _set(self, name: str, value: str) -> None:
        if value not in self._table:
            raise ValueError(value)
        self._values[name] = value

    first = property(lambda self: self._values["first"], lambda self, value: self._set("first", value))
    second = property(lambda self: self._values["second"], lambda self, value: self._set("second", value))


def broken_where_it_is_restored_in_the_order_of_a_set() -> Any:
    return [Framed()]


PAYLOADS = {
    name.replace("_", "-"): make
    for name, make in list(globals().items())
    if name.startswith(("ok_", "altered_", "broken_")) and callable(make)
}
