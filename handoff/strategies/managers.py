"""Manager proxies: the object lives in a server process, and each access is a question to it and an answer from it.

What goes to the server is pickled and loaded there, what comes back is pickled again: a hand-off costs two of each,
always with Python's default protocol. A load that fails does so in the server, which tells whoever put the object in.
``multiprocessing.managers`` is imported where a manager is used and not before: see :mod:`handoff.strategies._manager`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Lock
from typing import Any, Protocol, Self, cast

from handoff.outcome import Kind
from handoff.payload import Duty
from handoff.strategies import _own_servers
from handoff.strategies._flat import ELEMENTS_MAX, NUMBERS_BEFORE
from handoff.strategies._parts import Parts
from handoff.strategies.codecs import FORKING_FAILS
from handoff.strategy import Channel, Ends, Holding, Recipe, Sharing, Site, Strategy


class Managed(Protocol):
    """A container in the server, its items addressed by number; each method is one round trip."""

    def get(self, index: int) -> Any: ...
    def set(self, index: int, value: Any) -> None: ...
    def all(self) -> list[Any]: ...


class ManagedDict:
    """``manager.dict()``"""

    def __init__(self, proxy: Any, keys: Sequence[Any]) -> None:
        self.proxy, self.keys = proxy, keys

    @classmethod
    def new(cls, site: Site, items: Mapping[Any, Any]) -> Self:
        return cls(site.manager().dict(items), tuple(items))

    def get(self, index: int) -> Any:
        return self.proxy[self.keys[index]]

    def set(self, index: int, value: Any) -> None:
        self.proxy[self.keys[index]] = value

    def all(self) -> list[Any]:
        return list(self.proxy.copy().values())


class ManagedList:
    """``manager.list()``"""

    def __init__(self, proxy: Any) -> None:
        self.proxy = proxy

    @classmethod
    def new(cls, site: Site, items: Mapping[Any, Any]) -> Self:
        return cls(site.manager().list(list(items.values())))

    def get(self, index: int) -> Any:
        return self.proxy[index]

    def set(self, index: int, value: Any) -> None:
        self.proxy[index] = value

    def all(self) -> list[Any]:
        return self.proxy[:]  # type: ignore[no-any-return]  # a proxy's answers are not typed


class ManagedNamespace:
    """``manager.Namespace()``: the items are its attributes ``v0``, ``v1`` …"""

    def __init__(self, proxy: Any, size: int) -> None:
        self.proxy, self.size = proxy, size

    @classmethod
    def new(cls, site: Site, items: Mapping[Any, Any]) -> Self:
        attributes = {f"v{index}": value for index, value in enumerate(items.values())}
        return cls(site.manager().Namespace(**attributes), len(items))

    def get(self, index: int) -> Any:
        return getattr(self.proxy, f"v{index}")

    def set(self, index: int, value: Any) -> None:
        setattr(self.proxy, f"v{index}", value)

    def all(self) -> list[Any]:
        local = vars(deepcopy(self.proxy))  # a proxy's deep copy is its referent, in one round trip
        return [local[f"v{index}"] for index in range(self.size)]


New = Callable[[Site, Mapping[Any, Any]], Managed]


class ItemSender:
    """Puts the whole object into the container as its one item, then says so through the pipe."""

    def __init__(self, managed: Managed) -> None:
        self.managed = managed

    def open(self, conn: Connection) -> None:
        self.conn = conn

    def encode(self, obj: Any) -> Any:
        return obj  # the proxy pickles

    def post(self, message: Any) -> None:
        self.managed.set(0, message)
        self.conn.send_bytes(b"")

    def close(self) -> None:
        pass


class ItemReceiver:
    """Fetches the whole object from the container."""

    def __init__(self, managed: Managed) -> None:
        self.managed = managed

    def open(self, conn: Connection) -> None:
        self.conn = conn

    def take(self) -> Any:
        self.conn.recv_bytes()
        return self.managed.get(0)

    def decode(self, message: Any) -> Any:
        return message  # the proxy has loaded it

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass


class ItemState:
    """The object is put into the container once, and fetched in every task."""

    def __init__(self, managed: Managed) -> None:
        self.managed = managed

    def obtain(self) -> None:
        pass

    def get(self) -> Any:
        return self.managed.get(0)

    def close(self) -> None:
        pass


class ManagedElements:
    """Each element of the object is an item of the container; an update is two round trips under a lock."""

    def __init__(self, managed: Managed, parts: Parts, lock: Lock) -> None:
        self.managed, self.parts, self.lock = managed, parts, lock

    def open(self) -> None:
        self.read, self.write = self.managed.get, self.managed.set

    def update(self, index: int) -> None:
        with self.lock:
            self.write(index, self.read(index) + 1)

    def whole(self) -> Any:
        return self.parts.join(self.managed.all())

    def close(self) -> None:
        pass


def _new(site: Site, new: New, items: Mapping[Any, Any]) -> Managed:
    managed: Any = new(site, items)
    keep(site, managed.proxy)
    return cast("Managed", managed)


def keep(site: Site, proxy: Any) -> None:
    """Keep a proxy until the end: the server drops an object with its last proxy, and a new worker's does not count.

    The end asks nothing of the server, and hangs up: a request that got no answer would keep every later one waiting.
    """

    def let_go() -> None:
        thread = proxy._tls  # what a proxy does itself when it is the last of a thread
        if hasattr(thread, "connection"):
            thread.connection.close()
            del thread.connection

    site.at_end(let_go)


def _carry(new: New) -> Callable[[Site], Ends]:
    def carry(site: Site) -> Ends:
        managed = _new(site, new, {"object": None})
        return ItemSender(managed), ItemReceiver(managed)

    return carry


def _hold(new: New) -> Callable[[Site], Holding]:
    def hold(site: Site) -> Holding:
        return ItemState(_new(site, new, {"object": site.obj}))

    return hold


def _share(new: New) -> Callable[[Site], Sharing]:
    def share(site: Site) -> Sharing:
        parts = Parts.of(site.obj)
        if len(parts.keys) > ELEMENTS_MAX:
            raise ValueError(
                f"{len(parts.keys):,} elements, each an object of its own in the server: limited to {ELEMENTS_MAX:,}; "
                f"use manager-class or shared memory"
            )
        items = dict(zip(parts.keys, parts.split(site.obj), strict=True))
        return ManagedElements(_new(site, new, items), parts, site.ctx.Lock())

    return share


class HolderSender:
    """Puts the object into the server."""

    def __init__(self, holder: Any) -> None:
        self.holder = holder

    def open(self, conn: Connection) -> None:
        self.conn = conn

    def encode(self, obj: Any) -> Any:
        return obj

    def post(self, message: Any) -> None:
        self.holder.put(message)
        self.conn.send_bytes(b"")

    def close(self) -> None:
        pass


class HolderReceiver:
    """Has the server read the object: what is taken and decoded is the proxy."""

    def __init__(self, holder: Any) -> None:
        self.holder = holder

    def open(self, conn: Connection) -> None:
        self.conn = conn

    def take(self) -> Any:
        self.conn.recv_bytes()
        return self.holder

    def decode(self, message: Any) -> Any:
        return message

    def touch(self, obj: Any) -> int:
        return obj.touch()  # type: ignore[no-any-return]  # a proxy's answers are not typed

    def fetch(self, obj: Any) -> Any:
        """The object itself, for whoever wants to compare it."""
        return obj.all()

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass


class HolderState:
    """The object is put into the server once; every task has the server read it."""

    def __init__(self, holder: Any) -> None:
        self.holder = holder

    def obtain(self) -> None:
        pass

    def get(self) -> Any:
        return self.holder

    def touch(self, obj: Any) -> int:
        return obj.touch()  # type: ignore[no-any-return]  # a proxy's answers are not typed

    def fetch(self, obj: Any) -> Any:
        """The object itself, for whoever wants to compare it."""
        return obj.all()

    def close(self) -> None:
        pass


class HolderElements:
    """The object stays whole in the server, which reads, writes and adds for its callers."""

    def __init__(self, holder: Any) -> None:
        self.holder = holder

    def open(self) -> None:
        self.read, self.write, self.update = self.holder.get, self.holder.set, self.holder.add
        self.whole = self.holder.all

    def close(self) -> None:
        pass


def _holder(site: Site, manager: Any) -> Any:
    holder = manager.Holder(site.ref)
    keep(site, holder)
    return holder


def holder_ends(site: Site, manager: Any) -> Ends:
    """By a ``HandoffManager``, wherever its server is."""
    holder = _holder(site, manager)
    return HolderSender(holder), HolderReceiver(holder)


def _carry_holder(site: Site) -> Ends:
    return holder_ends(site, site.manager())


def _hold_holder(site: Site) -> Holding:
    holder = _holder(site, site.manager())
    holder.put(site.obj)
    return HolderState(holder)


def _share_holder(site: Site) -> Sharing:
    Parts.of(site.obj)  # refuses what has no elements
    holder = _holder(site, site.manager())
    holder.put(site.obj)
    return HolderElements(holder)


_BEFORE = """
import multiprocessing as mp

def work(prices, name):
    return prices[name]

if __name__ == "__main__":
    prices = {"apple": 3, "pear": 4}
    with mp.Pool(1) as pool:
        print(pool.apply(work, (prices, "apple")), pool.apply(work, (prices, "pear")))
"""

_DICT_AFTER = """
import multiprocessing as mp

def work(prices, name):
    return prices[name]

if __name__ == "__main__":
    with mp.Manager() as manager, mp.Pool(1) as pool:
        prices = manager.dict({"apple": 3, "pear": 4})
        print(pool.apply(work, (prices, "apple")), pool.apply(work, (prices, "pear")))
"""

_LIST_AFTER = """
import multiprocessing as mp

def work(numbers):
    return sum(numbers[:])  # one round trip; iterating over the proxy is one for each item

if __name__ == "__main__":
    with mp.Manager() as manager, mp.Pool(1) as pool:
        numbers = manager.list([1, 2, 3])
        print(pool.apply(work, (numbers,)))
"""

_NAMESPACE_AFTER = """
import multiprocessing as mp

def work(prices, name):
    return getattr(prices, name)

if __name__ == "__main__":
    with mp.Manager() as manager, mp.Pool(1) as pool:
        prices = manager.Namespace(apple=3, pear=4)
        print(pool.apply(work, (prices, "apple")), pool.apply(work, (prices, "pear")))
"""

CLASS_BEFORE = """
import multiprocessing as mp

class Model:
    def __init__(self):
        self.table = {number: number * number for number in range(1000)}

    def answer(self, number):
        return self.table[number]

def work(model, number):
    return model.answer(number)

if __name__ == "__main__":
    model = Model()
    with mp.Pool(1) as pool:
        print(pool.apply(work, (model, 12)))
"""

CLASS_AFTER = """
import multiprocessing as mp
from multiprocessing.managers import BaseManager

class Model:
    def __init__(self):
        self.table = {number: number * number for number in range(1000)}

    def answer(self, number):
        return self.table[number]

class ModelManager(BaseManager):
    pass

ModelManager.register("Model", Model)

def work(model, number):
    return model.answer(number)

if __name__ == "__main__":
    with ModelManager() as manager, mp.Pool(1) as pool:
        model = manager.Model()
        print(pool.apply(work, (model, 12)))
"""


#: The first to load what was pickled is the server, which sends the error back before any worker is asked. What hangs
#: when it is loaded hangs in the server, and whoever put it there waits.
MANAGER_FAILS = tuple((trait, kind if kind is Kind.ALTERED else Kind.REFUSED) for trait, kind in FORKING_FAILS)


def _container(
    name: str, new: New, summary: str, recipe: Recipe, *, turn: int = 0, late: int = 0, change: int = 9
) -> Strategy:
    return Strategy(
        name=name,
        change=change,
        summary=summary,
        meaning="a copy of what the server keeps: changes go back only by assigning; it goes with its last proxy",
        channel=Channel.MANAGER,
        carry=_carry(new),
        hold=_hold(new),
        share=_share(new),
        fails=MANAGER_FAILS,
        baseline_of=frozenset({Duty.SHARED}) if turn else frozenset(),
        baseline_turn=turn,
        likely=((Duty.SHARED, turn),) if turn else (),
        late=late,
        recipe=recipe,
    )


STRATEGIES = (
    _container(
        "manager-dict",
        ManagedDict.new,
        "a managed dict: the object, or each of its elements, under a key in a server process",
        Recipe(_BEFORE, _DICT_AFTER, _own_servers.DICT),
        turn=1,
        change=4,
    ),
    _container(
        "manager-list",
        ManagedList.new,
        "a managed list: the object, or each of its elements, as an item in a server process",
        Recipe(NUMBERS_BEFORE, _LIST_AFTER, _own_servers.LIST),
        turn=2,
    ),
    _container(
        "manager-namespace",
        ManagedNamespace.new,
        "a managed Namespace: the object, or each of its elements, as an attribute in a server process",
        Recipe(_BEFORE, _NAMESPACE_AFTER, _own_servers.NAMESPACE),
        late=7,
    ),
    Strategy(
        name="manager-class",
        summary="a class registered on a manager: the object stays in the server process, the worker calls its methods",
        meaning="a proxy: the one object is the server's, whoever calls; it goes with its last proxy",
        channel=Channel.MANAGER,
        carry=_carry_holder,
        hold=_hold_holder,
        share=_share_holder,
        fails=MANAGER_FAILS,
        baseline_of=frozenset({Duty.SHARED}),
        baseline_turn=3,
        late=8,
        recipe=Recipe(CLASS_BEFORE, CLASS_AFTER, _own_servers.KEEPER),
    ),
)
