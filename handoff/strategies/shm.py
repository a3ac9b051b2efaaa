"""Shared memory: the bytes are copied once into a segment that both sides map, and only their place travels.

Before Python 3.13 a process that attaches a segment registers it with the resource tracker too. All processes of a
trial share one tracker, in which a second registration changes nothing, so the owner's ``unlink`` is the one clean-up.
"""

from __future__ import annotations

import gc
import pickle
import struct
import sys
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import ShareableList, SharedMemory
from multiprocessing.synchronize import Lock
from typing import Any

from handoff.outcome import Kind
from handoff.payload import Duty, Trait
from handoff.strategies import _own_memory
from handoff.strategies._flat import NUMBERS_BEFORE, Shape, raw
from handoff.strategies.codecs import PICKLE_FAILS, encode_out_of_band
from handoff.strategy import Channel, Ends, Holding, Recipe, Sharing, Site, Strategy

ALIGN = 64  #: bytes; a cache line, and more than any numpy dtype needs


def attach(name: str) -> SharedMemory:
    """Map an existing segment without becoming responsible for it."""
    if sys.version_info >= (3, 13):
        return SharedMemory(name, track=False)
    return SharedMemory(name)


def close_segment(segment: SharedMemory) -> None:
    """Unmap a segment, collecting garbage first if a cycle still holds a view of it."""
    try:
        segment.close()
    except BufferError:
        gc.collect()
        segment.close()


def memory(segment: SharedMemory) -> memoryview:
    """All of a segment's bytes. Raises ``ValueError`` when it was closed."""
    if segment.buf is None:
        raise ValueError(f"segment {segment.name} is closed")
    return segment.buf


def new_segment(site: Site, size: int) -> SharedMemory:
    """A segment that lives until the strategy is done with. ``size`` in bytes."""
    segment = SharedMemory(site.segment_name(), create=True, size=max(size, 1))
    site.at_end(segment.unlink)
    site.at_end(lambda: close_segment(segment))
    return segment


def layout(sizes: tuple[int, ...]) -> tuple[list[slice], int]:
    """Consecutive aligned parts of a segment, and the bytes they take together."""
    parts, at = [], 0
    for size in sizes:
        parts.append(slice(at, at + size))
        at = -(-(at + size) // ALIGN) * ALIGN
    return parts, at


class _Mapped:
    """An end that maps one segment by name; ``open`` and ``close`` of both ends of a reused segment."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.segment: SharedMemory | None = None

    def open(self, conn: Connection) -> None:
        self.conn = conn
        self.segment = attach(self.name)
        self.buf = memory(self.segment)

    def close(self) -> None:
        if self.segment is not None:
            self.buf = memoryview(b"")
            close_segment(self.segment)
            self.segment = None


class PickleSender(_Mapped):
    """Pickles with protocol 5 and lays the stream and every out-of-band buffer into the segment."""

    def encode(self, obj: Any) -> list[Any]:
        stream, buffers = encode_out_of_band(obj)
        return [stream, *buffers]

    def post(self, message: list[Any]) -> None:
        sizes = tuple(map(len, message))
        parts, _ = layout(sizes)
        for part, data in zip(parts, message, strict=True):
            self.buf[part] = data
        self.conn.send_bytes(struct.pack(f"<{len(sizes)}Q", *sizes))


class PickleReceiver(_Mapped):
    """Rebuilds the object on top of the segment, without a copy: it is valid until it is acknowledged."""

    def take(self) -> list[memoryview]:
        head = self.conn.recv_bytes()
        parts, _ = layout(struct.unpack(f"<{len(head) // 8}Q", head))
        return [self.buf[part] for part in parts]

    def decode(self, message: list[memoryview]) -> Any:
        return pickle.loads(message[0], buffers=message[1:])

    def release(self) -> None:
        pass


def _carry_pickle(site: Site) -> Ends:
    stream, buffers = encode_out_of_band(site.obj)
    _, size = layout((len(stream) + len(stream) // 8 + 64, *map(len, buffers)))
    name = new_segment(site, size).name
    return PickleSender(name), PickleReceiver(name)


class RawSender(_Mapped):
    """Copies one flat block into the segment."""

    def encode(self, obj: Any) -> memoryview:
        return raw(obj)

    def post(self, message: memoryview) -> None:
        self.buf[: len(message)] = message
        self.conn.send_bytes(b"")


class RawReceiver(_Mapped):
    """A view of the block in the segment."""

    def __init__(self, name: str, shape: Shape, nbytes: int) -> None:
        super().__init__(name)
        self.shape, self.nbytes = shape, nbytes

    def take(self) -> memoryview:
        self.conn.recv_bytes()
        return self.buf[: self.nbytes]

    def decode(self, message: memoryview) -> Any:
        return self.shape.view(message)

    def release(self) -> None:
        pass


def _carry_raw(site: Site) -> Ends:
    shape, nbytes = Shape.of(site.obj), len(raw(site.obj))
    name = new_segment(site, nbytes).name
    return RawSender(name), RawReceiver(name, shape, nbytes)


class FreshSender:
    """Creates a segment for every message, and removes it when the next one shows that it was acknowledged."""

    def __init__(self, prefix: str) -> None:
        self.prefix, self.count = prefix, 0
        self.segment: SharedMemory | None = None

    def open(self, conn: Connection) -> None:
        self.conn = conn

    def encode(self, obj: Any) -> memoryview:
        return raw(obj)

    def post(self, message: memoryview) -> None:
        self.close()
        self.count += 1
        self.segment = SharedMemory(f"{self.prefix}-{self.count}", create=True, size=max(len(message), 1))
        memory(self.segment)[: len(message)] = message
        self.conn.send_bytes(self.segment.name.encode())

    def close(self) -> None:
        if self.segment is not None:
            close_segment(self.segment)
            self.segment.unlink()
            self.segment = None


class FreshReceiver:
    """Attaches each segment, and unmaps it when the object was dropped."""

    def __init__(self, shape: Shape, nbytes: int) -> None:
        self.shape, self.nbytes = shape, nbytes
        self.segment: SharedMemory | None = None

    def open(self, conn: Connection) -> None:
        self.conn = conn

    def take(self) -> SharedMemory:
        self.segment = attach(self.conn.recv_bytes().decode())
        return self.segment

    def decode(self, message: SharedMemory) -> Any:
        return self.shape.view(memory(message)[: self.nbytes])

    def release(self) -> None:
        if self.segment is not None:
            close_segment(self.segment)
            self.segment = None

    def close(self) -> None:
        self.release()


def _carry_fresh(site: Site) -> Ends:
    return FreshSender(site.segment_name()), FreshReceiver(Shape.of(site.obj), len(raw(site.obj)))


class SegmentState:
    """State in a segment: filled once, mapped by each worker, used in place."""

    def __init__(self, name: str, sizes: tuple[int, ...], shape: Shape | None) -> None:
        self.name, self.sizes, self.shape = name, sizes, shape
        self.state: Any = None

    def obtain(self) -> None:
        self.segment = attach(self.name)
        parts, _ = layout(self.sizes)
        views = [memory(self.segment)[part] for part in parts]
        self.state = self.shape.view(views[0]) if self.shape else pickle.loads(views[0], buffers=views[1:])

    def get(self) -> Any:
        return self.state

    def close(self) -> None:
        self.state = None
        close_segment(self.segment)


def _fill(site: Site, message: list[Any]) -> tuple[str, tuple[int, ...]]:
    sizes = tuple(map(len, message))
    parts, total = layout(sizes)
    segment = new_segment(site, total)
    for part, data in zip(parts, message, strict=True):
        memory(segment)[part] = data
    return segment.name, sizes


def _hold_raw(site: Site) -> Holding:
    shape = Shape.of(site.obj)
    return SegmentState(*_fill(site, [raw(site.obj)]), shape)


def _hold_pickle(site: Site) -> Holding:
    stream, buffers = encode_out_of_band(site.obj)
    return SegmentState(*_fill(site, [stream, *buffers]), None)


class SegmentArray:
    """An array in a segment that every process writes to; updates take a lock of their own."""

    def __init__(self, name: str, shape: Shape, lock: Lock) -> None:
        self.name, self.shape, self.lock = name, shape, lock

    def open(self) -> None:
        import numpy as np

        self.segment = attach(self.name)
        self.array = np.frombuffer(memory(self.segment), self.shape.dtype, int(np.prod(self.shape.shape)))

    def read(self, index: int) -> Any:
        return self.array[index]

    def write(self, index: int, value: Any) -> None:
        self.array[index] = value

    def update(self, index: int) -> None:
        with self.lock:
            self.array[index] += 1

    def whole(self) -> Any:
        return self.array.reshape(self.shape.shape)

    def close(self) -> None:
        del self.array
        close_segment(self.segment)


def _share_raw(site: Site) -> Sharing:
    shape = Shape.of(site.obj)
    if shape.kind != "array":
        raise TypeError(f"{shape.kind} has no elements that can be written in place: make it a numpy array")
    name, _ = _fill(site, [raw(site.obj)])
    return SegmentArray(name, shape, site.ctx.Lock())


class ListSender:
    """Writes each item into a ``ShareableList`` of the same length, made once."""

    def __init__(self, name: str) -> None:
        self.name = name

    def open(self, conn: Connection) -> None:
        self.conn = conn
        self.items: ShareableList[Any] = attach_list(self.name)

    def encode(self, obj: Any) -> Any:
        return obj

    def post(self, message: Any) -> None:
        for index, item in enumerate(message):
            self.items[index] = item
        self.conn.send_bytes(b"")

    def close(self) -> None:
        close_segment(self.items.shm)


class ListReceiver:
    """Reads each item out of the ``ShareableList`` into a list."""

    def __init__(self, name: str) -> None:
        self.name = name

    def open(self, conn: Connection) -> None:
        self.conn = conn
        self.items: ShareableList[Any] = attach_list(self.name)

    def take(self) -> Any:
        self.conn.recv_bytes()
        return self.items

    def decode(self, message: Any) -> Any:
        return [*iter(message)]

    def release(self) -> None:
        pass

    def close(self) -> None:
        close_segment(self.items.shm)


def attach_list(name: str) -> ShareableList[Any]:
    """Attach an existing ``ShareableList``: its constructor has no ``track`` argument, even in 3.13."""
    return ShareableList(name=name)


def _new_list(site: Site) -> str:
    fits = (int, float, bool, str, bytes, type(None))
    if type(site.obj) is not list:
        raise TypeError(f"a {type(site.obj).__name__} is not a flat list of int, float, bool, str, bytes or None")
    for index, item in enumerate(site.obj):
        if type(item) not in fits:
            raise TypeError(f"obj[{index}] ({type(item).__name__}): not an int, float, bool, str, bytes or None")
    items = ShareableList(site.obj, name=site.segment_name())
    site.at_end(items.shm.unlink)
    site.at_end(lambda: close_segment(items.shm))
    return items.shm.name


def _carry_list(site: Site) -> Ends:
    name = _new_list(site)
    return ListSender(name), ListReceiver(name)


class ListState:
    """A ``ShareableList`` that is read in place, item by item, in every task."""

    def __init__(self, name: str) -> None:
        self.name = name

    def obtain(self) -> None:
        self.items = attach_list(self.name)

    def get(self) -> Any:
        return list(self.items)  # type: ignore[call-overload]  # it iterates by __getitem__

    def close(self) -> None:
        close_segment(self.items.shm)


def _hold_list(site: Site) -> Holding:
    return ListState(_new_list(site))


class SharedList:
    """A ``ShareableList`` written by several; updates take a lock of their own."""

    def __init__(self, name: str, lock: Lock) -> None:
        self.name, self.lock = name, lock

    def open(self) -> None:
        self.items = attach_list(self.name)

    def read(self, index: int) -> Any:
        return self.items[index]

    def write(self, index: int, value: Any) -> None:
        self.items[index] = value

    def update(self, index: int) -> None:
        with self.lock:
            self.items[index] += 1

    def whole(self) -> Any:
        return list(self.items)  # type: ignore[call-overload]  # it iterates by __getitem__

    def close(self) -> None:
        close_segment(self.items.shm)


def _share_list(site: Site) -> Sharing:
    return SharedList(_new_list(site), site.ctx.Lock())


_BEFORE = """
import multiprocessing as mp
import numpy as np

def work(array):
    return float(array.sum())

if __name__ == "__main__":
    array = np.arange(1000.0)
    with mp.Pool(1) as pool:
        print(pool.apply(work, (array,)))
"""

_FRESH_AFTER = """
import multiprocessing as mp
from multiprocessing.shared_memory import SharedMemory
import numpy as np

def work(name, shape, dtype):
    segment = SharedMemory(name)
    total = float(np.ndarray(shape, dtype, segment.buf).sum())
    segment.close()
    return total

if __name__ == "__main__":
    array = np.arange(1000.0)
    segment = SharedMemory(create=True, size=array.nbytes)
    np.ndarray(array.shape, array.dtype, segment.buf)[:] = array
    with mp.Pool(1) as pool:
        print(pool.apply(work, (segment.name, array.shape, array.dtype.str)))
    segment.close()
    segment.unlink()
"""

_REUSED_AFTER = """
import multiprocessing as mp
from multiprocessing.shared_memory import SharedMemory
import numpy as np

def attach(name, shape, dtype):
    global segment, shared
    segment = SharedMemory(name)
    shared = np.ndarray(shape, dtype, segment.buf)

def work():
    return float(shared.sum())

if __name__ == "__main__":
    array = np.arange(1000.0)
    segment = SharedMemory(create=True, size=array.nbytes)
    mine = np.ndarray(array.shape, array.dtype, segment.buf)
    with mp.Pool(1, attach, (segment.name, array.shape, array.dtype.str)) as pool:
        mine[:] = array
        print(pool.apply(work))
    del mine
    segment.close()
    segment.unlink()
"""

_PICKLE_AFTER = """
import multiprocessing as mp
import pickle
from multiprocessing.shared_memory import SharedMemory
import numpy as np

def attach(name):
    global segment
    segment = SharedMemory(name)

def work(stream, sizes):
    views, at = [], 0
    for size in sizes:
        views.append(segment.buf[at : at + size])
        at += size
    array = pickle.loads(stream, buffers=views)
    return float(array.sum())

if __name__ == "__main__":
    array = np.arange(1000.0)
    segment = SharedMemory(create=True, size=2 * array.nbytes)
    with mp.Pool(1, attach, (segment.name,)) as pool:
        buffers = []
        stream = pickle.dumps(array, protocol=5, buffer_callback=buffers.append)
        views, at = [buffer.raw() for buffer in buffers], 0
        for view in views:
            segment.buf[at : at + len(view)] = view
            at += len(view)
        print(pool.apply(work, (stream, [len(view) for view in views])))
    segment.close()
    segment.unlink()
"""

_LIST_AFTER = """
import multiprocessing as mp
from multiprocessing.shared_memory import ShareableList

def work(name):
    numbers = ShareableList(name=name)
    total = sum(numbers)
    numbers.shm.close()
    return total

if __name__ == "__main__":
    numbers = ShareableList([1, 2, 3])
    with mp.Pool(1) as pool:
        print(pool.apply(work, (numbers.shm.name,)))
    numbers.shm.close()
    numbers.shm.unlink()
"""

STRATEGIES = (
    Strategy(
        name="shm-pickle-5",
        pickled_as="pickle-5",
        summary="pickle protocol 5 with the stream and its buffers laid into one reused segment, rebuilt in place",
        meaning="views of shared memory, valid until the next hand-off; the creator unlinks the segment",
        channel=Channel.SHM,
        carry=_carry_pickle,
        hold=_hold_pickle,
        likely=((Duty.ARGUMENT, 3), (Duty.RESULT, 3), (Duty.STATE, 5)),
        heavy=frozenset({Duty.ARGUMENT, Duty.RESULT}),
        fails=PICKLE_FAILS,
        recipe=Recipe(_BEFORE, _PICKLE_AFTER, _own_memory.PICKLED),
    ),
    Strategy(
        name="shm-reused",
        summary="one array copied into a shared-memory segment that is used again each time",
        meaning="a view of shared memory, overwritten by the next hand-off; the creator unlinks the segment",
        channel=Channel.SHM,
        carry=_carry_raw,
        hold=_hold_raw,
        share=_share_raw,
        likely=((Duty.ARGUMENT, 5), (Duty.RESULT, 5), (Duty.SHARED, 5)),
        only=frozenset({Trait.FIXED_DTYPE}),
        recipe=Recipe(_BEFORE, _REUSED_AFTER, _own_memory.REUSED),
    ),
    Strategy(
        name="shm-fresh",
        summary="one array copied into a shared-memory segment made for it, attached, and removed afterwards",
        meaning="a view of shared memory, valid until the receiver closes it; the creator unlinks every segment",
        channel=Channel.SHM,
        carry=_carry_fresh,
        only=frozenset({Trait.FIXED_DTYPE}),
        recipe=Recipe(_BEFORE, _FRESH_AFTER, _own_memory.FRESH),
    ),
    Strategy(
        name="shm-list",
        summary="ShareableList: a flat list of scalars in shared memory, written and read item by item",
        meaning="shared items of fixed type and size; the creator unlinks the segment",
        channel=Channel.SHM,
        carry=_carry_list,
        hold=_hold_list,
        share=_share_list,
        only=frozenset({Trait.SCALARS}),
        fails=((Trait.DEEP, Kind.REFUSED),),
        recipe=Recipe(NUMBERS_BEFORE, _LIST_AFTER, _own_memory.LISTED),
    ),
)
