"""Made ready once for all workers: one pickle that each of them loads, or one segment that each of them reads.

Whoever gives an object to the start of 32 processes has it pickled 32 times, one after the other.
"""

from __future__ import annotations

import pickle
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from handoff.payload import Duty, Payload, Trait
from handoff.strategies import _own, _own_memory
from handoff.strategies.codecs import PICKLE_FAILS
from handoff.strategies.shm import new_segment
from handoff.strategy import Channel, Holding, Recipe, Site, Strategy
from handoff.target import Ref


class PickledState:
    """The pickle goes to the worker; bytes are all that is pickled when the worker starts."""

    def __init__(self, stream: bytes) -> None:
        self.stream = stream
        self.state: Any = None

    def obtain(self) -> None:
        self.state = pickle.loads(self.stream)

    def get(self) -> Any:
        return self.state

    def close(self) -> None:
        self.state = None


def _hold_pickled(site: Site) -> Holding:
    return PickledState(pickle.dumps(site.obj, protocol=5))


class PackedList(Sequence[Any]):
    """Items pickled one by one, end to end in one block; an item is made anew each time it is asked for.

    Reading it leaves the block as it is: there is no reference count in it, so no page of it is copied after a fork.
    """

    def __init__(self, block: Any, length: int) -> None:
        width = 8 * (length + 1)
        self.ends = memoryview(block)[:width].cast("Q")  # where each item ends, after where the first begins
        self.block = memoryview(block)

    @staticmethod
    def packed(items: list[Any]) -> tuple[array[int], list[bytes]]:
        """What the block has in it: offsets, then items."""
        pickles = [pickle.dumps(item, protocol=5) for item in items]
        at = 8 * (len(pickles) + 1)
        ends = array("Q", [at])
        for each in pickles:
            at += len(each)
            ends.append(at)
        return ends, pickles

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        return pickle.loads(self.block[self.ends[index] : self.ends[index + 1]])

    def __iter__(self) -> Iterator[Any]:
        ends, block, loads = self.ends, self.block, pickle.loads
        begin = ends[0]
        for end in ends[1:]:
            yield loads(block[begin:end])
            begin = end

    def close(self) -> None:
        self.ends.release()
        self.block.release()


class PackedState:
    """Attaches to the segment; a task reads the list from it, item by item."""

    def __init__(self, name: str, length: int, ref: Ref) -> None:
        self.name, self.length, self.ref = name, length, ref
        self.payload: Payload | None = None

    def obtain(self) -> None:
        from handoff.strategies.shm import attach

        self.segment = attach(self.name)
        self.state = PackedList(self.segment.buf, self.length)

    def get(self) -> Any:
        return self.state

    def touch(self, obj: PackedList) -> int:
        """What a task does is done with a list of the items, which is dropped after it."""
        if self.payload is None:
            self.payload = self.ref.load()
        return self.payload.task(list(obj))

    def fetch(self, obj: PackedList) -> Any:
        """The list itself, for whoever wants to compare it."""
        return list(obj)

    def close(self) -> None:
        self.state.close()
        self.segment.close()


def _hold_packed(site: Site) -> Holding:
    if type(site.obj) is not list:
        raise TypeError(f"a {type(site.obj).__name__} is no list")
    ends, pickles = PackedList.packed(site.obj)
    segment = new_segment(site, ends[-1])
    at = ends[0]
    block = segment.buf
    assert block is not None
    block[:at] = memoryview(ends).cast("B")
    for each in pickles:
        block[at : at + len(each)] = each
        at += len(each)
    return PackedState(segment.name, len(pickles), site.ref)


_BEFORE = """
import multiprocessing as mp

def start(given):
    global table
    table = given

def work(key):
    return table[key]

if __name__ == "__main__":
    table = {number: number * number for number in range(1000)}
    with mp.get_context("spawn").Pool(1, start, (table,)) as pool:
        print([pool.apply(work, (key,)) for key in (3, 30, 300)])
"""

_ONCE_AFTER = """
import multiprocessing as mp
import pickle

def start(stream):
    global table
    table = pickle.loads(stream)

def work(key):
    return table[key]

if __name__ == "__main__":
    stream = pickle.dumps({number: number * number for number in range(1000)}, protocol=5)  # once, for all workers
    with mp.get_context("spawn").Pool(1, start, (stream,)) as pool:
        print([pool.apply(work, (key,)) for key in (3, 30, 300)])
"""

_PACKED_BEFORE = """
import multiprocessing as mp

def start(given):
    global names
    names = given

def work(index):
    return names[index]

if __name__ == "__main__":
    names = [f"name {number}" for number in range(1000)]
    with mp.get_context("spawn").Pool(1, start, (names,)) as pool:
        print([pool.apply(work, (index,)) for index in (3, 30, 300)])
"""

_PACKED_AFTER = """
import multiprocessing as mp
import pickle
from itertools import accumulate
from multiprocessing.shared_memory import SharedMemory

def start(name, count):
    global segment, ends
    segment = SharedMemory(name)
    ends = segment.buf[: 8 * (count + 1)].cast("Q")

def work(index):
    return pickle.loads(segment.buf[ends[index] : ends[index + 1]])

def stop():
    ends.release()
    segment.close()

if __name__ == "__main__":
    items = [pickle.dumps(f"name {number}") for number in range(1000)]
    ends = list(accumulate(map(len, items), initial=8 * (len(items) + 1)))
    segment = SharedMemory(create=True, size=ends[-1])
    with segment.buf[: ends[0]].cast("Q") as head:
        for index, end in enumerate(ends):
            head[index] = end
    segment.buf[ends[0] : ends[-1]] = b"".join(items)
    with mp.get_context("spawn").Pool(1, start, (segment.name, len(items))) as pool:
        print([pool.apply(work, (index,)) for index in (3, 30, 300)])
        pool.apply(stop)
        pool.close()
        pool.join()
    segment.close()
    segment.unlink()
"""

STRATEGIES = (
    Strategy(
        name="pickle-once",
        pickled_as="pickle-5",
        change=2,
        summary="pickled once for all workers; each gets the bytes when it starts, and loads them",
        meaning="a copy for each worker, under every start method; nothing to clean up",
        channel=Channel.START,
        hold=_hold_pickled,
        fails=PICKLE_FAILS,
        likely=((Duty.STATE, 5),),
        recipe=Recipe(
            _BEFORE,
            _ONCE_AFTER,
            {
                Duty.STATE: _own.kept(
                    "obj = pickle.loads(stream)",
                    names="stream",
                    values="pickle.dumps({make}, protocol=5),",
                    extra="import pickle\n",
                )
            },
        ),
    ),
    Strategy(
        name="packed-list",
        pickled_as="pickle-5",
        summary="a list's items, pickled one by one, and offsets in one shared segment; an item is made when asked for",
        meaning="one memory for all workers, in which nothing can be changed: an item is a copy, made anew each time; "
        "the writer unlinks the segment",
        channel=Channel.SHM,
        hold=_hold_packed,
        only=frozenset({Trait.ELEMENTS, Trait.SCALARS}),
        fails=PICKLE_FAILS,
        recipe=Recipe(_PACKED_BEFORE, _PACKED_AFTER, _own_memory.PACKED),
    ),
)
