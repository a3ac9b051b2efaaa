"""Objects that cannot travel, each beside the same one after the advice was followed. Importable by workers."""

from __future__ import annotations

import enum
import functools
import ssl
import sys
import threading
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import Mock

import rich.console


class Api:
    def __init__(self) -> None:
        self.name = "orders"
        self.tls = ssl.create_default_context()


class ApiMended(Api):
    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "tls"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.tls = ssl.create_default_context()


class Screen:
    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.console = rich.console.Console(width=columns)


class ScreenMended(Screen):
    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "console"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.console = rich.console.Console(width=self.columns)


class Located:
    __slots__ = ("place",)

    def __init__(self, place: str) -> None:
        object.__setattr__(self, "place", place)


@dataclass(frozen=True)
class Order(Located):
    number: int

    def __init__(self, place: str, number: int) -> None:
        super().__init__(place)
        object.__setattr__(self, "number", number)


class OrderMended(Order):
    def __setstate__(self, state: Any) -> None:
        for part in state:
            for name, value in (part or {}).items():
                object.__setattr__(self, name, value)


class Tracked(dict[str, int]):
    def __init__(self, parent: dict[str, Any], **items: int) -> None:
        super().__init__(**items)
        self.parent = parent

    def __setitem__(self, key: str, value: int) -> None:
        self.parent["changed"] = True
        super().__setitem__(key, value)


class TrackedMended(Tracked):
    def __reduce__(self) -> Any:
        return type(self), (self.parent,), None, None, iter(self.items())


class Watched(list[int]):
    def __init__(self, seen: list[int], *items: int) -> None:
        super().__init__(items)
        self.seen = seen

    def append(self, item: int) -> None:
        self.seen.append(item)
        super().append(item)

    def extend(self, items: Any) -> None:
        for item in items:
            self.append(item)


class WatchedMended(Watched):
    def __init__(self, seen: list[int], *items: int) -> None:
        super().__init__([], *items)

    def __reduce__(self) -> Any:
        return type(self), ([],), None, iter(self)

    def append(self, item: int) -> None:
        list.append(self, item)


class Closed(dict[str, int]):
    def __setitem__(self, key: str, value: int) -> None:
        raise TypeError("closed")


class ClosedMended(Closed):
    def __reduce__(self) -> Any:
        return type(self), (dict(self),)


class Clock:
    """A small class of one's own, in the place of a Mock."""

    def now(self) -> int:
        return 7


Failure = type("Failure", (), {"__module__": "made.by.a_generator", "__init__": lambda self: setattr(self, "code", 5)})
FailureMended = type("FailureMended", (), {"__module__": __name__, "__init__": lambda self: setattr(self, "code", 5)})


class Steps(enum.Enum):
    """Made again by its value: a partial, of which no copy is equal to it."""

    OLD = (functools.partial(int, base=2), "old")


class StepsMended(enum.Enum):
    OLD = (functools.partial(int, base=2), "old")

    def __reduce_ex__(self, protocol: Any) -> Any:
        return getattr, (type(self), self.name)


class Proxy:
    """Passes itself off as what it wraps, as wrapt's proxies do."""

    def __init__(self, wrapped: Callable[..., Any]) -> None:
        self.__dict__["_wrapped"] = wrapped

    @property
    def __wrapped__(self) -> Any:
        return self.__dict__["_wrapped"]

    @property  # type: ignore[misc]  # a proxy lies about it, and may not write it
    def __class__(self) -> Any:
        return type(self.__dict__["_wrapped"])

    def __call__(self, number: int) -> int:
        return int(self.__wrapped__(number))

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise NotImplementedError("object proxy must define __reduce__()")


def plain_old(number: int) -> int:
    return number + 1


old = Proxy(plain_old)


class Report:
    def __init__(self) -> None:
        self.rows = [1, 2]
        self.out = sys.stdout


class ReportMended(Report):
    def __getstate__(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.out = sys.stdout


class Freed:
    """Frees in C what it holds: a stand-in that reached its destructor would crash the process."""

    def __init__(self) -> None:
        self.rows = [1, 2, 3]
        self.guard = threading.Lock()

    def __del__(self) -> None:
        import ctypes

        if type(self.guard).__name__ != "lock":
            ctypes.string_at(0)


@dataclass(frozen=True)
class Pair:
    kind: str
    before: Callable[[], Any]
    path: str
    after: Callable[[], Any]
    says: str  #: a part of the fix


PAIRS = (
    Pair("tls", lambda: [Api()], "obj[0].tls", lambda: [ApiMended()], "ssl.create_default_context()"),
    Pair("inside-a-library", lambda: {"s": Screen(70)}, "obj['s'].console", lambda: {"s": ScreenMended(70)},
         "self.console = rich.console.Console(width=self.columns)"),
    Pair("mappingproxy", lambda: {"names": types.MappingProxyType({"a": 1})}, "obj['names']",
         lambda: {"names": dict(types.MappingProxyType({"a": 1}))}, "dict(proxy)"),
    Pair("frozen-state", lambda: [Order("a", 1)], "obj[0]", lambda: [OrderMended("a", 1)], "object.__setattr__"),
    Pair("items-before-attributes", lambda: {"r": Tracked({}, a=1)}, "obj['r']",
         lambda: {"r": TrackedMended({"changed": True}, a=1)}, "None, None, iter(self.items())"),
    Pair("items-before-attributes", lambda: {"r": Watched([], 1, 2)}, "obj['r']",
         lambda: {"r": WatchedMended([], 1, 2)}, "None, iter(self)"),
    Pair("items-refused", lambda: {"c": Closed(a=1)}, "obj['c']", lambda: {"c": ClosedMended(a=1)}, "(dict(self),)"),
    Pair("mock", lambda: {"clock": Mock(return_value=7)}, "obj['clock']", lambda: {"clock": Clock()},
         "a small class of your own"),
    Pair("foreign-module", lambda: [Failure()], "obj[0]", lambda: [FailureMended()], "set its __module__"),
    Pair("constructor", lambda: [Steps.OLD], "obj[0]", lambda: [StepsMended.OLD],
         "return getattr, (type(self), self.name)"),
    Pair("wrapper", lambda: {"steps": [old]}, "obj['steps'][0]", lambda: {"steps": [plain_old]}, "`__wrapped__`"),
    Pair("standard-stream", lambda: Report(), "obj.out", lambda: ReportMended(), "sys.stdout"),
)  # fmt: skip
