"""Awkward objects, each with all that is wrong with it; and objects with nothing wrong. Importable by workers."""

from __future__ import annotations

import collections
import contextvars
import ctypes
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import gzip
import io
import logging
import mmap
import multiprocessing
import multiprocessing.synchronize
import operator
import os
import pathlib
import queue
import re
import select
import socket
import sqlite3
import sys
import threading
import time
import types
import uuid
import weakref
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


class Box:
    """An object with whatever attributes it is given."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)

    def method(self) -> str:
        return "bound"

    @classmethod
    def make(cls) -> Box:
        return cls()

    @property
    def expensive(self) -> Any:
        raise AssertionError("a property ran")


class Slotted:
    __slots__ = ("__hidden", "left", "right", "unset")

    def __init__(self, left: Any, right: Any, hidden: Any = None) -> None:
        self.left, self.right = left, right
        self.__hidden = hidden


class SlottedChild(Slotted):
    __slots__ = ("more",)


class SlotsAndDict(Slotted):
    pass


@dataclass
class Config:
    name: str
    callback: Any = None
    parts: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Frozen:
    value: Any
    other: Any = 0


class Pair(NamedTuple):
    first: Any
    second: Any


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Permission(enum.Flag):
    READ = 1
    WRITE = 2


class Node:
    def __init__(self, value: Any = None) -> None:
        self.value = value
        self.next: Any = None
        self.parent: Any = None


class NamedList(list[Any]):
    def __init__(self, items: Any = (), **more: Any) -> None:
        super().__init__(items)
        self.__dict__.update(more)


class NamedDict(dict[Any, Any]):
    pass


class DropsLock:
    """Rightly made: leaves its lock out."""

    def __init__(self) -> None:
        self.value = 1
        self.lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["lock"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.lock = threading.Lock()


class KeepsLockInState:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.name = "x"

    def __getstate__(self) -> dict[str, Any]:
        return {"renamed": self.lock, "name": self.name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class FreshState:
    def __getstate__(self) -> dict[str, Any]:
        return {"k": lambda: 1, "n": [threading.Lock()]}


class TupleState:
    def __init__(self, item: Any) -> None:
        self.item = item

    def __getstate__(self) -> tuple[Any, ...]:
        return (1, self.item)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.item = state[1]


class ReducesToLambda:
    def __reduce__(self) -> Any:
        return (lambda: 1, ())


class ReducesWithParts:
    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __reduce__(self) -> Any:
        return (ReducesWithParts, (1, (n for n in [1])))


class ReducesOwnParts:
    def __init__(self, one: Any, two: Any) -> None:
        self.one, self.two = one, two

    def __reduce__(self) -> Any:
        return (ReducesOwnParts, (self.one, self.two))


class BadReduce:
    def __reduce__(self) -> Any:
        return 42


class GetstateRaises:
    def __getstate__(self) -> Any:
        raise ValueError("not now")


class GetstateExits:
    def __getstate__(self) -> Any:
        sys.exit(3)


class SetstateRaises:
    def __init__(self) -> None:
        self.a = 1

    def __setstate__(self, state: Any) -> None:
        raise ValueError("no such state")


class SetstateHangs:
    def __init__(self) -> None:
        self.a = 1

    def __setstate__(self, state: Any) -> None:
        threading.Event().wait()


class SetstateNeeds:
    """Its __setstate__ wants what is not in the state."""

    def __init__(self) -> None:
        self.a = 1

    def __setstate__(self, state: Any) -> None:
        self.b = state["b"]


class NeedsTwo(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class FineError(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)


class KeywordOnlyError(Exception):
    def __init__(self, *, code: int) -> None:
        super().__init__(code)


class NewNeeds:
    def __new__(cls, value: int) -> NewNeeds:
        self = super().__new__(cls)
        self.value = value  # type: ignore[attr-defined]
        return self


class NewTold(NewNeeds):
    def __getnewargs__(self) -> tuple[int]:
        return (self.value,)  # type: ignore[attr-defined]


class Delegate:
    """Delegates without a guard: recurses when it is restored."""

    def __init__(self, target: Any) -> None:
        self.target = target

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)


class GuardedDelegate:
    def __init__(self, target: Any) -> None:
        self.target = target

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "target":
            raise AttributeError(name)
        return getattr(self.target, name)


class Hashed:
    def __init__(self, name: str) -> None:
        self.name = name
        self.members: set[Hashed] = set()

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return self is other


class Counted:
    """Counts the hooks that run in this process."""

    runs = 0

    def __reduce_ex__(self, protocol: Any) -> Any:
        Counted.runs += 1
        return super().__reduce_ex__(protocol)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def __repr__(self) -> str:
        raise AssertionError("repr ran")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("== ran")

    def __hash__(self) -> int:
        raise AssertionError("hash ran")

    def __bool__(self) -> bool:
        raise AssertionError("bool ran")

    def __len__(self) -> int:
        raise AssertionError("len ran")


class Vector(np.ndarray[Any, Any]):
    pass


class CtypesPoint(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_int)]


class Limits:
    limit = 10


class Missing:
    pass


MISSING = Missing()
RATE = 1.0


def rated(value: float) -> float:
    return value * RATE


def function(value: Any = None) -> Any:
    return value


def two_arguments(value: Any, k: Any) -> Any:
    return value, k


def shadowed(value: Any = None) -> Any:
    return value


ORIGINAL = shadowed


def shadowed(value: Any = None) -> Any:  # type: ignore[no-redef]
    return value + 1


def decorate(wrapped: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(wrapped)
    def wrapper(*args: Any) -> Any:
        return wrapped(*args)

    return wrapper


@decorate
def decorated(value: Any = None) -> Any:
    return value


@functools.lru_cache
def cached(value: int) -> int:
    return value


def plain_then_decorated(value: Any = None) -> Any:
    return value


WRAPPED = decorate(plain_then_decorated)


class Replaced:
    """Bound to another class below: its instances are not found."""


OLD_REPLACED = Replaced


class Replaced:  # type: ignore[no-redef]
    pass


def generate() -> Iterator[int]:
    yield 1


def nested(*captured: Any) -> Any:
    def inner() -> Any:
        return captured

    return inner


def over(first: Any, second: Any) -> Any:
    def inner() -> Any:
        return first, second

    return inner


def local_class(**attributes: Any) -> type:
    class Local:
        def __init__(self, **own: Any) -> None:
            self.__dict__.update(own)

    for name, value in attributes.items():
        setattr(Local, name, value)
    return Local


def local_enum() -> Any:
    class Mood(enum.Enum):
        GOOD = 1

    return Mood


def local_pair() -> Any:
    class Two(NamedTuple):
        one: Any
        two: Any

    return Two


def local_dataclass() -> Any:
    @dataclasses.dataclass
    class Data:
        value: Any

    return Data


def linked(length: int, last: Any = None) -> Node:
    head = node = Node()
    for _ in range(length - 1):
        node.next = Node()
        node = node.next
    node.value = last
    return head


def text_file() -> Any:
    return pathlib.Path(__file__).open(encoding="utf-8")


def cyclic() -> Any:
    one, two = Node(), Node()
    one.next, two.next = two, one
    return one


def chained_error() -> BaseException:
    try:
        raise ValueError("inner", lambda: 1)
    except ValueError as error:
        return error


@dataclass(frozen=True)
class Case:
    """An object, with the paths of all that stops plain pickling, or anything behind it."""

    name: str
    make: Callable[[], Any]
    culprits: tuple[str, ...] = ()
    altered: tuple[str, ...] | None = None  #: None: not checked


def _lock_box() -> Any:
    return Box(lock=threading.Lock())


def _aliased() -> Any:
    lock = threading.Lock()
    return Box(a=lock, b=[lock], c={"k": lock})


def _bound_to_locked() -> Any:
    return [Box(lock=threading.Lock()).method]


def _many() -> Any:
    box = Box(handlers={"log": [Box(stream=text_file(), level=3)]})
    box.transform = nested(threading.Lock())
    box.pair = Pair(generate(), [lambda: 1])
    box.slot = Slotted(threading.RLock(), {"deep": {"er": sys}})
    return box


def _object_array() -> Any:
    array = np.empty((2, 2), dtype=object)
    array[0, 1] = lambda: 1
    array[1, 0] = [threading.Lock()]
    return Box(array=array)


def _object_vector() -> Any:
    array = np.empty(3, dtype=object)
    array[2] = {"k": threading.Lock()}
    return array


def _deque() -> Any:
    return collections.deque([1, lambda: 1, [generate()]])


def _exception() -> Any:
    error = ValueError("x", threading.Lock())
    error.extra = lambda: 1  # type: ignore[attr-defined]
    return [error]


def _named_list() -> Any:
    return NamedList([1, threading.Lock()], tag=lambda: 1)


def _named_dict() -> Any:
    found = NamedDict(a=threading.Lock())
    found.extra = generate()  # type: ignore[attr-defined]
    return Box(d=found)


class SlowToLoad:
    """Takes its time when it is loaded, as what opens a connection does; it does not hang."""

    def __setstate__(self, state: Any) -> None:
        time.sleep(0.4)

    def __getstate__(self) -> Any:
        return {"some": "state"}


def _compressed() -> Any:
    archive = zipfile.ZipFile(io.BytesIO(), "w")
    return {"gz": gzip.GzipFile(fileobj=io.BytesIO(), mode="wb"), "zip": (archive,)}


def _handler() -> Any:
    handler = logging.StreamHandler(io.TextIOWrapper(io.BytesIO()))
    return Box(handlers={"log": [handler]})


def _named_tuple_in_set() -> Any:
    return {frozenset({Pair(1, function)}), (1, 2)}


def _lambda_key() -> Any:
    return {"a": {print: 1}, (lambda: 1): 2}


def _hash_cycle() -> Any:
    one, two = Hashed("a"), Hashed("b")
    one.members.add(two)
    two.members.add(one)
    return [one]


def _class_attribute_behind() -> Any:
    return Box(x=local_class(guard=threading.Lock())(value=1))


def _shadow_box() -> Any:
    return Box(f=ORIGINAL, g=shadowed, r=OLD_REPLACED(), c=OLD_REPLACED)


def _mp_things() -> Any:
    context = multiprocessing.get_context("spawn")
    return Box(lock=context.Lock(), queue=context.Queue(), array=context.Array("d", 3), event=context.Event())


def _thread_subclass() -> Any:
    return Box(worker=threading.Thread(target=function), timer=threading.Timer(1, function))


def _queue_with_lambda() -> Any:
    found: queue.Queue[Any] = queue.Queue()
    found.put(lambda: 1)
    return Box(q=found)


def _defaults() -> Any:
    lock = threading.Lock()
    return Box(f=lambda x=lock: x, g=functools.partial(lambda x, *, k=lock: (x, k), 1))


def _global_user() -> Any:
    space: dict[str, Any] = {"guard": threading.Lock(), "__name__": "made_up_module"}
    exec("def use():\n    return guard\n", space)
    return [space["use"]]


def _layers() -> Any:
    inner = nested(threading.Lock())
    return Box(run=nested(inner, generate()))


def _with_lock(obj: Any) -> Any:
    obj.lock = threading.Lock()
    return obj


def _weak() -> Any:
    box = Box()
    return Box(box=box, ref=weakref.ref(box), proxy=weakref.proxy(box), cache=weakref.WeakValueDictionary())


def _custom_getattribute() -> Any:
    class_ = Wary
    return class_(threading.Lock())


class Wary:
    """Attribute access gives something else than what is stored."""

    def __init__(self, item: Any) -> None:
        self.item = item

    def __getattribute__(self, name: str) -> Any:
        if name == "item":
            return "hidden"
        return super().__getattribute__(name)


class PropertyOver:
    """A property under the name of a stored attribute."""

    def __init__(self, item: Any) -> None:
        self.__dict__["item"] = item

    @property
    def item(self) -> str:
        return "computed"


def _odd_names() -> Any:
    box = Box()
    box.__dict__.update({"class": threading.Lock(), "two words": lambda: 1})
    return box


def _traceback() -> Any:
    try:
        raise ValueError
    except ValueError as error:
        return Box(tb=error.__traceback__, frame=sys._getframe(), error=error)


CASES: tuple[Case, ...] = (
    Case("lambda", lambda: lambda: 1, ("obj",)),
    Case("lambda-attribute", lambda: Box(a=1, f=lambda: 1), ("obj.f",)),
    Case("lambda-in-config", lambda: {"model": {"act": [1, {"fn": lambda: 1}]}}, ("obj['model']['act'][1]['fn']",)),
    Case("nested-function", lambda: [nested(1)], ("obj[0]",)),
    Case("closure-over-lock", lambda: Box(transform=over(threading.Lock(), 1)),
         ("obj.transform", "obj.transform.__closure__[0].cell_contents")),
    Case("closure-over-file", lambda: Box(transform=over({"log": text_file()}, 1)),
         ("obj.transform", "obj.transform.__closure__[0].cell_contents['log']")),
    Case("closure-two-layers", _layers,
         ("obj.run", "obj.run.__closure__[0].cell_contents[0]",
          "obj.run.__closure__[0].cell_contents[0].__closure__[0].cell_contents[0]",
          "obj.run.__closure__[0].cell_contents[1]")),
    Case("defaults", _defaults, ("obj.f", "obj.f.__defaults__[0]", "obj.g.func")),
    Case("function-globals", _global_user, ("obj[0]", "obj[0].__globals__['guard']")),
    Case("lock", threading.Lock, ("obj",)),
    Case("locks", lambda: [threading.RLock(), {"s": threading.Semaphore()}, (threading.Condition(), threading.Event())],
         ("obj[0]", "obj[1]['s']", "obj[2][0]", "obj[2][1]")),
    Case("shared-lock", _aliased, ("obj.a",)),
    Case("bound-method", _bound_to_locked, ("obj[0].__self__.lock",)),
    Case("six-of-them", _many,
         ("obj.handlers['log'][0].stream", "obj.transform", "obj.transform.__closure__[0].cell_contents[0]",
          "obj.pair.first", "obj.pair.second[0]", "obj.slot.left", "obj.slot.right['deep']['er']")),
    Case("slots", lambda: [Slotted(threading.Lock(), 2, lambda: 1)], ("obj[0].left", "obj[0]._Slotted__hidden")),
    Case("slots-inherited", lambda: SlottedChild(generate(), [sys]), ("obj.left", "obj.right[0]")),
    Case("object-array", _object_array, ("obj.array[0, 1]", "obj.array[1, 0][0]")),
    Case("object-vector", _object_vector, ("obj[2]['k']",)),
    Case("deque", _deque, ("obj[1]", "obj[2][0]")),
    Case("set-member", lambda: Box(s={generate}), ()),
    Case("set-of-lambda", lambda: Box(s={lambda: 1}), ("list(obj.s)[0]",)),
    Case("frozenset-of-tuple", lambda: frozenset({(1, threading.Lock())}), ("list(obj)[0][1]",)),
    Case("dict-key", _lambda_key, ("list(obj)[1]",)),
    Case("dict-key-not-literal", lambda: {Colour.RED: threading.Lock(), 1.5: generate(), (1, "a"): sys},
         ("list(obj.values())[0]", "obj[1.5]", "obj[(1, 'a')]")),
    Case("default-factory", lambda: collections.defaultdict(lambda: 1, a=generate()),
         ("obj.default_factory", "obj['a']")),
    Case("ordered-dict", lambda: collections.OrderedDict(a=1, b=threading.Lock()), ("obj['b']",)),
    Case("partial", lambda: functools.partial(lambda x, k: (x, k), threading.Lock(), k=[generate()]),
         ("obj.func", "obj.args[0]", "obj.keywords['k'][0]")),
    Case("dataclass", lambda: Config("x", lambda: 1, [threading.Lock(), Frozen(generate(), sys)]),
         ("obj.callback", "obj.parts[0]", "obj.parts[1].value", "obj.parts[1].other")),
    Case("list-subclass", _named_list, ("obj[1]", "obj.tag")),
    Case("dict-subclass", _named_dict, ("obj.d['a']", "obj.d.extra")),
    Case("exception-parts", _exception, ("obj[0].args[1]", "obj[0].extra")),
    Case("files", lambda: Box(a=text_file(), b=[io.FileIO(__file__)], c=os.scandir(".")),
         ("obj.a", "obj.b[0]", "obj.c")),
    Case("socket", lambda: Box(s=socket.socket()), ("obj.s",)),
    Case("sqlite", lambda: {"db": sqlite3.connect(":memory:"), "cur": [sqlite3.connect(":memory:").cursor()]},
         ("obj['db']", "obj['cur'][0]")),
    Case("thread", _thread_subclass, ("obj.worker", "obj.timer")),
    Case("thread-local", lambda: Box(local=threading.local()), ("obj.local",)),
    Case("queues", lambda: Box(q=queue.Queue(), s=queue.SimpleQueue()), ("obj.q", "obj.s")),
    Case("queue-with-content", _queue_with_lambda, ("obj.q", "obj.q.queue[0]")),
    Case("executor", lambda: [ThreadPoolExecutor(1)], ("obj[0]",)),
    Case("logging-handler", _handler, ("obj.handlers['log'][0].lock", "obj.handlers['log'][0].stream")),
    Case("generators", lambda: Box(g=generate(), h=(n for n in [1]), i=[{'a': 1}.keys()]),
         ("obj.g", "obj.h", "obj.i[0]")),
    Case("module", lambda: Box(np=np, deep={"m": [os.path]}), ("obj.np", "obj.deep['m'][0]")),
    Case("weak", _weak, ("obj.ref", "obj.proxy", "obj.cache"), ("obj.proxy", "obj.ref", "obj.cache")),
    Case("memoryview", lambda: {"v": memoryview(b"x"), "b": b"x"}, ("obj['v']",)),
    Case("ctypes", lambda: Box(p=ctypes.pointer(ctypes.c_int(1)), ok=CtypesPoint(1, 2), f=ctypes.c_char_p(b"x")),
         ("obj.p", "obj.f")),
    Case("context", lambda: Box(v=contextvars.ContextVar("v"), c=contextvars.copy_context()), ("obj.v", "obj.c")),
    Case("traceback", _traceback, ("obj.tb", "obj.frame")),
    Case("multiprocessing", _mp_things, ("obj.lock", "obj.queue", "obj.array", "obj.event")),
    Case("local-instance", lambda: Box(x=local_class()(value=[threading.Lock()])), ("obj.x", "obj.x.value[0]")),
    Case("local-class", lambda: {"cls": local_class()}, ("obj['cls']",)),
    Case("local-class-attribute", _class_attribute_behind, ("obj.x", "type(obj.x).guard")),
    Case("local-enum", lambda: Box(mood=local_enum().GOOD), ("obj.mood",)),
    Case("local-namedtuple", lambda: [local_pair()(threading.Lock(), 2)], ("obj[0]", "obj[0].one")),
    Case("local-dataclass", lambda: (1, local_dataclass()(generate())), ("obj[1]", "obj[1].value")),
    Case("shadowed", _shadow_box, ("obj.f", "obj.r", "obj.c")),
    Case("decorated-original", lambda: [WRAPPED, decorated, cached], ("obj[0]",)),
    Case("partial-of-a-closure", lambda: {"job": functools.partial(over(lambda: 1, 1), 3, key=lambda v: v)},
         ("obj['job'].func", "obj['job'].func.__closure__[0].cell_contents", "obj['job'].keywords['key']")),
    Case("deque-of-generators", lambda: {"q": collections.deque([1, (i for i in [1]), {"g": (i for i in [1])}])},
         ("obj['q'][1]", "obj['q'][2]['g']")),
    Case("defaultdicts", lambda: [collections.defaultdict(lambda: 0, a=collections.defaultdict(lambda: 1))],
         ("obj[0].default_factory", "obj[0]['a'].default_factory")),
    Case("map-of-a-generator", lambda: Box(lines=map(str, (i for i in [1]))), ("obj.lines.__reduce_ex__(2)[1][1]",)),
    Case("frames", lambda: [sys._getframe(), {"code": sys._getframe().f_code}], ("obj[0]", "obj[1]['code']")),
    Case("proxy-match-class", lambda: {"p": types.MappingProxyType({}), "m": re.match("a", "a"),
                                      "c": type("C", (), {})},
         ("obj['p']", "obj['m']", "obj['c']")),
    Case("in-sets-and-keys", lambda: {"s": {lambda: 1}, "d": {(lambda: 2): 1}},
         ("list(obj['s'])[0]", "list(obj['d'])[0]")),
    Case("epoll-and-mmap", lambda: [select.epoll(), mmap.mmap(-1, 10)], ("obj[0]", "obj[1]")),
    Case("grid-of-locks", lambda: Box(grid=np.array([[1, threading.Lock()], [threading.RLock(), 2]], object)),
         ("obj.grid[0, 1]", "obj.grid[1, 0]")),
    Case("six-at-four-depths", lambda: {"a": lambda: 1, "b": [threading.Lock()], "c": Box(x=Box(cb=lambda: 2)),
                                        "d": {"e": [0, (i for i in [1])]}, "f": functools.partial(lambda: 3),
                                        "g": ({"h": [socket.socket()]},)},
         ("obj['a']", "obj['b'][0]", "obj['c'].x.cb", "obj['d']['e'][1]", "obj['f'].func", "obj['g'][0]['h'][0]")),
    Case("cached-lambda", lambda: {"f": functools.lru_cache(lambda x: x)}, ("obj['f']",)),
    Case("compressed-files", _compressed, ("obj['gz']", "obj['zip'][0]")),
    Case("reduce-lambda", lambda: Box(r=ReducesToLambda()), ("obj.r.__reduce_ex__(2)[0]",)),
    Case("reduce-parts", lambda: [ReducesWithParts(1)], ("obj[0].__reduce_ex__(2)[1][1]",)),
    Case("reduce-own-parts", lambda: [ReducesOwnParts(threading.Lock(), [lambda: 1])], ("obj[0].one", "obj[0].two[0]")),
    Case("reduce-wrong", lambda: Box(b=BadReduce()), ("obj.b",)),
    Case("getstate-own", KeepsLockInState, ("obj.lock",)),
    Case("getstate-fresh", lambda: {"s": FreshState()},
         ("obj['s'].__getstate__()['k']", "obj['s'].__getstate__()['n'][0]")),
    Case("getstate-tuple", lambda: TupleState([threading.Lock()]), ("obj.item[0]",)),
    Case("getstate-raises", lambda: Box(g=GetstateRaises(), f=lambda: 1), ("obj.g", "obj.f")),
    Case("getstate-exits", lambda: [GetstateExits(), threading.Lock()], ("obj[0]", "obj[1]")),
    Case("getattribute", _custom_getattribute, ("object.__getattribute__(obj, 'item')",)),
    Case("property-over", lambda: PropertyOver(threading.Lock()), ("obj.__dict__['item']",)),
    Case("odd-names", _odd_names, ("obj.__dict__['class']", "obj.__dict__['two words']")),
    Case("no-hooks-but-pickles", lambda: [Counted(), lambda: 1], ("obj[1]",)),
    # what fails only in the worker
    Case("exception-arguments", lambda: {"e": [NeedsTwo(1, "x"), FineError(1, "x"), KeywordOnlyError(code=2)]},
         ("obj['e'][0]", "obj['e'][2]")),
    Case("setstate-raises", lambda: Box(a=SetstateRaises(), b=[SetstateNeeds()]), ("obj.a", "obj.b[0]")),
    Case("setstate-hangs", lambda: Box(a=[SetstateHangs()], b=SetstateRaises()), ("obj.a[0]", "obj.b")),
    Case("new-needs", lambda: [NewNeeds(1), NewTold(2)], ("obj[0]",)),
    Case("delegate", lambda: Box(d=Delegate([1]), g=GuardedDelegate([1])), ("obj.d",)),
    Case("hash-cycle", _hash_cycle, ("obj[0]",)),
    Case("beside-a-stand-in", lambda: ExceptionGroup("g", [ValueError(threading.Lock()), NeedsTwo(1, "a")]),
         ("obj.args[1][0].args[0]", "obj.args[1][1]")),
    Case("setstate-raises-with-lock", lambda: [_with_lock(SetstateRaises())], ("obj[0]", "obj[0].lock")),
    Case("itertools", lambda: [map(nested(1), [1]), iter([generate()])],
         ("obj[0].__reduce_ex__(2)[1][0]", "obj[1].__reduce_ex__(2)[1][0][0]")),
    Case("both-ends", lambda: Box(e=NeedsTwo(1, "x"), f=lambda: 1, d={"k": SetstateRaises()}),
         ("obj.e", "obj.f", "obj.d['k']")),
)  # fmt: skip


def _shared_list() -> Any:
    shared = [1]
    return Box(a=shared, b=shared)


def _self_containing() -> Any:
    found: list[Any] = []
    found.append(found)
    return found


def _tree() -> Any:
    root = Node()
    root.value = [Node(n) for n in range(5)]
    for child in root.value:
        child.parent = root
    return root


CLEAN: tuple[Case, ...] = (
    Case("values", lambda: [42, "hello", 1.5, None, True, b"x", 1j, ...], altered=()),
    Case("config", lambda: {"a": {"b": [1, {"c": (1, 2)}]}}, altered=()),
    Case("array", lambda: np.arange(1000.0), altered=()),
    Case("arrays", lambda: Box(a=np.zeros(3), b=[np.ones((2, 2)), np.arange(6).reshape(2, 3).T]), altered=()),
    Case("structured", lambda: np.zeros(3, dtype=[("x", "f8"), ("n", "i4")]), altered=()),
    Case("objects-array", lambda: np.array([1, "a", None], dtype=object), altered=()),
    Case("numpy-scalars", lambda: [np.float64(1), np.int8(2), np.random.default_rng(0)], altered=()),
    Case("dataclasses", lambda: [Config("x"), Frozen(1), Config("y", function)], altered=()),
    Case("slotted", lambda: [Slotted(1, 2), SlottedChild(1, 2), SlotsAndDict(1, 2)], altered=()),
    Case("cycle", cyclic, altered=()),
    Case("tree", _tree, altered=()),
    Case("self-containing", _self_containing, altered=()),
    Case("enums", lambda: [Colour.RED, Permission.READ | Permission.WRITE, Colour], altered=()),
    Case("partial", lambda: functools.partial(two_arguments, [1], k=operator.add), altered=()),
    Case("namedtuple", lambda: [Pair(1, 2), time_tuple()], altered=()),
    Case("defaultdict", lambda: collections.defaultdict(list, a=[1]), altered=()),
    Case("collections", lambda: [collections.Counter("abc"), collections.deque([1], 3), collections.ChainMap({1: 2})],
         altered=()),
    Case("datetimes", lambda: [dt.datetime.now(dt.UTC), dt.timedelta(1), decimal.Decimal("1.5")],
         altered=()),
    Case("paths", lambda: [pathlib.Path("x"), pathlib.PurePosixPath("/a"), uuid.UUID(int=1)], altered=()),
    Case("functions", lambda: [function, len, Box, Box().method, Box.make, "x".join, decorated, cached, np.sin]),
    Case("logger", lambda: logging.getLogger("some.name")),  # pytest gives its parent handlers that no worker has
    Case("drops-lock", lambda: [DropsLock()], altered=()),
    Case("errors", lambda: [ValueError("x"), FineError(1, "x"), KeyError(1), OSError(2, "x")], altered=()),
    Case("containers", lambda: [NamedList([1], tag=2), NamedDict(a=1), {1, 2}, frozenset({3})], altered=()),
    Case("iterators", lambda: [iter([1, 2]), iter((1,)), iter("ab"), range(3), zip([1], [2], strict=True)]),
    Case("guarded", lambda: GuardedDelegate({"a": 1}), altered=()),
    Case("shared", _shared_list, altered=()),
    Case("text-buffer", lambda: [io.StringIO("x"), io.BytesIO(b"x")], altered=()),
    Case("simple-namespace", lambda: types.SimpleNamespace(a=1, b=[1]), altered=()),
    Case("linked", lambda: linked(20), altered=()),
)  # fmt: skip


def time_tuple() -> Any:
    import time

    return time.gmtime(0)


def _alias_arrays() -> Any:
    base = np.zeros(100)
    return Box(base=base, view=base[10:20], other=np.ones(3))


def _changed() -> Any:
    Limits.limit = 99
    return Box(x=Limits())


def _vector() -> Any:
    vector: Any = np.zeros(3).view(Vector)
    vector.unit = "m"
    return Box(v=vector)


ALTERED: tuple[Case, ...] = (
    Case("dtype", lambda: [np.dtype("f4"), 1], (), ("obj[0]",)),  # `is` no longer holds
    Case("sentinel", lambda: Box(default=object(), x=1), (), ()),  # no module has it: nobody can tell
    Case("module-singleton", lambda: Box(default=MISSING), (), ("obj.default",)),
    Case("aliased-arrays", _alias_arrays, (), ("obj.view",)),
    Case("two-views", lambda: (lambda base: [base[:5], base[3:]])(np.zeros(9)), (), ("obj[1]",)),
    Case("halves", lambda: (lambda base: [base[::2], base[1::2]])(np.zeros(9)), (), ()),
    Case("class-attribute", _changed, (), ("type(obj.x).limit",)),
    Case("subclass-attributes", _vector, (), ("obj.v",)),
    Case("read-file", lambda: Box(f=text_file()), ("obj.f",), ("obj.f",)),
    Case("lock", _lock_box, ("obj.lock",), ("obj.lock",)),
)  # fmt: skip


class Listed:
    """Tells what travels by a list of names, as requests.Session does."""

    __attrs__: tuple[str, ...] = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__attrs__}


class Shop(Listed):
    def __init__(self, name: str, root: str) -> None:
        super().__init__(name)
        self.root = root


class ShopListed(Shop):
    """The same after the advice was followed."""

    __attrs__ = (*Listed.__attrs__, "root")


class Callbacks:
    def __init__(self) -> None:
        self.known: dict[str, Any] = {"done": function}

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "known": {}}


class CallbacksKept(Callbacks):
    """The same after the advice was followed."""

    def __getstate__(self) -> dict[str, Any]:
        return dict(vars(self))


class KeepsHash:
    def __init__(self, name: str) -> None:
        self.name = name
        self._hash: int | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeepsHash) and self.name == other.name

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(("KeepsHash", self.name))
        return self._hash


class HashLeftOut(KeepsHash):
    """The same after the advice was followed."""

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_hash": None}

    def __hash__(self) -> int:
        return super().__hash__()


def keyed(kind: type) -> Any:
    return {"prices": {kind("apple"): 1}}


def apples() -> Any:
    return keyed(KeepsHash)


def apples_left_out() -> Any:
    return keyed(HashLeftOut)


def read_only() -> Any:
    table = np.arange(6)
    table.setflags(write=False)
    return {"table": table}


def shop() -> Any:
    return [Shop("a", "https://shop.example")]


def shop_listed() -> Any:
    return [ShopListed("a", "https://shop.example")]


class Emptied:
    def __init__(self) -> None:
        self.hits = collections.Counter(a=3)

    def __getstate__(self) -> dict[str, Any]:
        return {"hits": collections.Counter()}


def emptied() -> Any:
    return Emptied()


def callbacks() -> Any:
    return {"registry": Callbacks()}


def callbacks_kept() -> Any:
    return {"registry": CallbacksKept()}
