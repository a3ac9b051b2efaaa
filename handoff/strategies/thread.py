"""A thread instead of a process: the reference without serialization. Sender and receiver have the very same object."""

from __future__ import annotations

from copy import copy
from typing import Any

from handoff.payload import Duty
from handoff.strategies import _own
from handoff.strategies._given import GivenState
from handoff.strategies._parts import Elements
from handoff.strategy import Channel, Ends, Holding, Launch, Recipe, Sharing, Site, Strategy
from handoff.timing import nothing


class ReferenceSender:
    """Puts a reference to the object into a queue of this process."""

    open = close = staticmethod(nothing)

    def __init__(self, queue: Any) -> None:
        self.post = queue.put

    def encode(self, obj: Any) -> Any:
        return obj


class ReferenceReceiver:
    """Gets the reference."""

    open = release = close = staticmethod(nothing)

    def __init__(self, queue: Any) -> None:
        self.take = queue.get

    def decode(self, message: Any) -> Any:
        return message


def _carry(site: Site) -> Ends:
    from multiprocessing.dummy import Queue

    queue: Any = Queue()
    return ReferenceSender(queue), ReferenceReceiver(queue)


def _hold(site: Site) -> Holding:
    return GivenState(site.obj)


class ReferenceElements:
    """The elements of one object that all threads have; only an update needs the lock."""

    open = close = staticmethod(nothing)

    def __init__(self, obj: Any) -> None:
        from multiprocessing.dummy import Lock

        self.obj, self.lock = obj, Lock()
        elements = Elements(obj)
        self.read, self.write, self.add = elements.get, elements.set, elements.add

    def update(self, index: int) -> None:
        with self.lock:
            self.add(index)

    def whole(self) -> Any:
        return self.obj


def _share(site: Site) -> Sharing:
    return ReferenceElements(
        copy(site.obj)
    )  # a copy: it is written to, and the other strategies start from the original


_BEFORE = """
import multiprocessing as mp

def work(numbers):
    return sum(numbers)

if __name__ == "__main__":
    with mp.Pool(1) as pool:
        print(pool.apply(work, ([1, 2, 3],)))
"""

_AFTER = """
from multiprocessing.dummy import Pool  # threads: nothing is pickled; they run by turns where there is a GIL

def work(numbers):
    return sum(numbers)

if __name__ == "__main__":
    with Pool(1) as pool:
        print(pool.apply(work, ([1, 2, 3],)))
"""


def _threads(code: str, method: str = "{method}") -> str:
    """A pool's recipe with threads for its workers."""
    pool = "from multiprocessing.dummy import Pool  # threads: nothing is pickled"
    return code.replace("import multiprocessing as mp", pool).replace(f'mp.get_context("{method}").Pool(', "Pool(")


#: For the user's own object.
_OWN = {
    Duty.ARGUMENT: _threads(_own.BY_ARGUMENT),
    Duty.RESULT: _threads(_own.BY_RESULT),
    Duty.STATE: _threads(_own.INHERITED, "fork").replace(
        "  # before the pool starts: its workers begin with a copy of this memory", ""
    ),
    Duty.SHARED: f"""\
from multiprocessing.dummy import Lock, Pool  # threads: all have the same object
{{imports}}
{_own.ITEMS}
obj, lock = None, Lock()

def work(task):
    with lock:
        items[keys[task % len(keys)]] += 1  # one update, of what all threads see

if __name__ == "__main__":
    obj = {{make}}
    items = obj.reshape(-1) if hasattr(obj, "dtype") else obj
    keys = list(items_of(obj))
    with Pool({{workers}}) as pool:
        pool.map(work, range({{tasks}}))
    results = list(items_of(obj).values())
""",
}

STRATEGIES = (
    Strategy(
        name="thread",
        pickled_as="",
        summary="a thread (multiprocessing.dummy) gets a reference: nothing is serialized",
        meaning="the same object, not a copy: what one side changes the other sees at once, so changing it needs a "
        "lock; threads work at the same time only on a build without the GIL",
        channel=Channel.THREAD,
        launch=Launch.THREAD,
        needs_no_gil=True,
        carry=_carry,
        hold=_hold,
        share=_share,
        recipe=Recipe(_BEFORE, _AFTER, _OWN),
    ),
)
