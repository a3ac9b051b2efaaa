"""``multiprocessing.Array`` and ``RawArray``: a C array in shared memory, made before the worker is started.

Both live in a mapping without a name, so there is none to clean up: the memory goes with the last process that has it.
They pass to another process only when it is started. They differ by the lock, and by who walks over the elements.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Lock
from typing import Any, cast

from handoff.payload import Duty, Trait
from handoff.strategies import _own_memory
from handoff.strategies._flat import ELEMENTS_MAX, Shape
from handoff.strategy import Channel, Ends, Holding, Recipe, Sharing, Site, Strategy

#: What ``ctx.Array`` calls the numpy types (numpy's kind and item size), from ``multiprocessing.sharedctypes``.
TYPECODES = {
    "i1": "b",
    "u1": "B",
    "i2": "h",
    "u2": "H",
    "i4": "i",
    "u4": "I",
    "i8": "q",
    "u8": "Q",
    "f4": "f",
    "f8": "d",
}
#: Seconds to read or write one element of a locked Array: measured 0.4 to 0.6 µs (raw: 0.06 to 0.12) with Python 3.11
#: and 3.13 on a Linux virtual machine.
ELEMENT_S = 0.6e-6


@dataclass(frozen=True, slots=True)
class Layout:
    """A flat payload as a C array: its type code, length, and the shape it gets back."""

    shape: Shape
    typecode: str
    size: int

    @classmethod
    def of(cls, obj: Any) -> Layout:
        """Raises ``TypeError`` for what is not one block of numbers that C has a type for."""
        shape = Shape.of(obj)
        if shape.kind != "array":
            return cls(shape, "B", len(obj))
        code = TYPECODES.get(shape.dtype[1:])
        if code is None or not obj.dtype.isnative:
            raise TypeError(f"multiprocessing.Array has no type for an array of dtype {obj.dtype}")
        return cls(shape, code, obj.size)

    def new(self, site: Site, *, locked: bool) -> Any:
        """The shared array, all zeros."""
        return site.ctx.Array(self.typecode, self.size) if locked else site.ctx.RawArray(self.typecode, self.size)

    def view(self, array: Any) -> Any:
        """A flat numpy view on the shared memory. No bytes are copied."""
        import numpy as np

        raw = array.get_obj() if hasattr(array, "get_obj") else array
        return np.frombuffer(raw, self.shape.dtype) if self.size else np.empty(0, self.shape.dtype)

    def split(self, obj: Any) -> Any:
        """The elements as Python numbers."""
        return obj.reshape(-1).tolist() if self.shape.kind == "array" else obj

    def join(self, elements: list[Any]) -> Any:
        """The payload's own type again, made from its elements."""
        if self.shape.kind == "bytes":
            return bytes(elements)
        if self.shape.kind == "bytearray":
            return bytearray(elements)
        import numpy as np

        return np.array(elements, self.shape.dtype).reshape(self.shape.shape)


def refuse_many(size: int, name: str) -> None:
    """Raises ``ValueError`` where a loop over the elements would take too long to be worth measuring."""
    if size > ELEMENTS_MAX:
        raise ValueError(
            f"by element is limited to {ELEMENTS_MAX:,} elements: at {ELEMENT_S * 1e6:.1f} µs each, both ways, it "
            f"would take {2 * size * ELEMENT_S:.1f} s an operation; use {name.replace('element', 'numpy')}"
        )


def lock_of(array: Any) -> AbstractContextManager[Any]:
    """The lock that an ``Array`` brings; a ``RawArray`` has none."""
    return cast("AbstractContextManager[Any]", array.get_lock()) if hasattr(array, "get_lock") else nullcontext()


class ElementSender:
    """Writes element by element, in a Python loop; a locked array takes its lock for each."""

    def __init__(self, array: Any, layout: Layout) -> None:
        self.array, self.encode = array, layout.split

    def open(self, conn: Connection) -> None:
        self.conn = conn

    def post(self, message: Any) -> None:
        array = self.array
        for index, value in enumerate(message):
            array[index] = value
        self.conn.send_bytes(b"")

    def close(self) -> None:
        pass


class ElementReceiver:
    """Reads element by element into an object of its own."""

    def __init__(self, array: Any, layout: Layout) -> None:
        self.array, self.layout = array, layout

    def open(self, conn: Connection) -> None:
        self.conn = conn

    def take(self) -> Any:
        self.conn.recv_bytes()
        return self.array

    def decode(self, message: Any) -> Any:
        return self.layout.join([message[index] for index in range(self.layout.size)])

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass


class ElementState:
    """The array is filled once, and read element by element in every task."""

    def __init__(self, array: Any, layout: Layout) -> None:
        self.array, self.layout = array, layout

    def obtain(self) -> None:
        pass

    def get(self) -> Any:
        return self.layout.join([self.array[index] for index in range(self.layout.size)])

    def close(self) -> None:
        pass


class ElementSharing:
    """Elements as ``array[index]``. ``lock`` is for updates: the array's own, or one beside a raw array."""

    def __init__(self, array: Any, layout: Layout, lock: Any) -> None:
        self.array, self.layout, self.lock = array, layout, lock

    def open(self) -> None:
        self.read, self.write = self.array.__getitem__, self.array.__setitem__

    def update(self, index: int) -> None:
        with self.lock:
            self.array[index] += 1

    def whole(self) -> Any:
        return self.layout.join([self.array[index] for index in range(self.layout.size)])

    def close(self) -> None:
        pass


class ViewSender:
    """Copies the values through a numpy view in one go, holding the array's lock if it has one."""

    def __init__(self, array: Any, layout: Layout) -> None:
        self.array, self.layout = array, layout

    def open(self, conn: Connection) -> None:
        self.conn, self.lock, self.view = conn, lock_of(self.array), self.layout.view(self.array)

    def encode(self, obj: Any) -> Any:
        import numpy as np

        return np.frombuffer(obj, np.uint8) if self.layout.shape.kind != "array" else obj.reshape(-1)

    def post(self, message: Any) -> None:
        with self.lock:
            self.view[:] = message
        self.conn.send_bytes(b"")

    def close(self) -> None:
        del self.view


class ViewReceiver:
    """Reads through a numpy view in place, holding the array's lock, if it has one, until the object is released."""

    def __init__(self, array: Any, layout: Layout) -> None:
        self.array, self.layout = array, layout
        self.holds = False

    def open(self, conn: Connection) -> None:
        self.conn, self.lock, self.view = conn, lock_of(self.array), self.layout.view(self.array)

    def take(self) -> Any:
        self.conn.recv_bytes()
        self.lock.__enter__()
        self.holds = True
        return self.view

    def decode(self, message: Any) -> Any:
        return self.layout.shape.view(message)

    def release(self) -> None:
        if self.holds:
            self.holds = False
            self.lock.__exit__(None, None, None)

    def close(self) -> None:
        self.release()
        del self.view


class ViewState:
    """The array is filled once, and used in place through a numpy view. Nobody writes to it, so nobody locks it."""

    def __init__(self, array: Any, layout: Layout) -> None:
        self.array, self.layout = array, layout

    def obtain(self) -> None:
        self.view = self.layout.view(self.array)

    def get(self) -> Any:
        return self.layout.shape.view(self.view)

    def close(self) -> None:
        del self.view


class RawViewSharing:
    """Elements of a numpy view; updates take a lock of their own, reads and writes take none."""

    def __init__(self, array: Any, layout: Layout, lock: Lock) -> None:
        self.array, self.layout, self.lock = array, layout, lock

    def open(self) -> None:
        self.view = self.layout.view(self.array)
        self.read, self.write = self.view.__getitem__, self.view.__setitem__

    def update(self, index: int) -> None:
        with self.lock:
            self.view[index] += 1

    def whole(self) -> Any:
        return self.layout.shape.view(self.view)

    def close(self) -> None:
        del self.view, self.read, self.write


class LockedViewSharing:
    """Elements of a numpy view, under the array's lock each time."""

    def __init__(self, array: Any, layout: Layout) -> None:
        self.array, self.layout = array, layout

    def open(self) -> None:
        self.lock, self.view = self.array.get_lock(), self.layout.view(self.array)

    def read(self, index: int) -> Any:
        with self.lock:
            return self.view[index]

    def write(self, index: int, value: Any) -> None:
        with self.lock:
            self.view[index] = value

    def update(self, index: int) -> None:
        with self.lock:
            self.view[index] += 1

    def whole(self) -> Any:
        """A copy: what is used after the lock was let go must not change."""
        with self.lock:
            return self.layout.shape.view(self.view.copy())

    def close(self) -> None:
        del self.view


def _layout(site: Site, name: str) -> Layout:
    layout = Layout.of(site.obj)
    if name.endswith("element"):
        refuse_many(layout.size, name)
    return layout


def _filled(site: Site, layout: Layout, *, locked: bool) -> Any:
    """A shared array with the payload's values: copied at once, whoever reads it how."""
    array = layout.new(site, locked=locked)
    memoryview(array.get_obj() if locked else array).cast("B")[:] = memoryview(site.obj).cast("B")
    return array


def _carry(name: str, site: Site, *, locked: bool) -> Ends:
    layout = _layout(site, name)
    array = layout.new(site, locked=locked)
    if name.endswith("element"):
        return ElementSender(array, layout), ElementReceiver(array, layout)
    return ViewSender(array, layout), ViewReceiver(array, layout)


def _hold(name: str, site: Site, *, locked: bool) -> Holding:
    layout = _layout(site, name)
    array = _filled(site, layout, locked=locked)
    return ElementState(array, layout) if name.endswith("element") else ViewState(array, layout)


def _share(name: str, site: Site, *, locked: bool) -> Sharing:
    layout = _layout(site, name)
    if layout.shape.kind == "bytes":
        raise TypeError("bytes has no elements that can be written in place: make it a bytearray or a numpy array")
    array = _filled(site, layout, locked=locked)
    if name.endswith("element"):
        return ElementSharing(array, layout, array.get_lock() if locked else site.ctx.Lock())
    return LockedViewSharing(array, layout) if locked else RawViewSharing(array, layout, site.ctx.Lock())


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

_ELEMENT_AFTER = """
import multiprocessing as mp

def attach(array):
    global shared
    shared = array

def work(size):
    return sum(shared[index] for index in range(size))

if __name__ == "__main__":
    array = mp.{make}("d", 1000)
    with mp.Pool(1, attach, (array,)) as pool:
        for index in range(1000):
            array[index] = float(index)
        print(pool.apply(work, (1000,)))
"""

_LOCKED_NUMPY_AFTER = """
import multiprocessing as mp
import numpy as np

def attach(array):
    global shared
    shared = array

def work():
    with shared.get_lock():
        return float(np.frombuffer(shared.get_obj()).sum())

if __name__ == "__main__":
    array = mp.Array("d", 1000)
    with mp.Pool(1, attach, (array,)) as pool:
        with array.get_lock():
            np.frombuffer(array.get_obj())[:] = np.arange(1000.0)
        print(pool.apply(work))
"""

_RAW_NUMPY_AFTER = """
import multiprocessing as mp
import numpy as np

def attach(array):
    global shared
    shared = array

def work():
    return float(np.frombuffer(shared).sum())

if __name__ == "__main__":
    array = mp.RawArray("d", 1000)
    with mp.Pool(1, attach, (array,)) as pool:
        np.frombuffer(array)[:] = np.arange(1000.0)
        print(pool.apply(work))
"""


def _strategy(name: str, summary: str, meaning: str, after: str, likely: tuple[tuple[Duty, int], ...] = ()) -> Strategy:
    locked = "locked" in name
    return Strategy(
        name=name,
        summary=summary,
        meaning=f"{meaning}; nothing to clean up",
        channel=Channel.ARRAY,
        carry=partial(_carry, name, locked=locked),
        hold=partial(_hold, name, locked=locked),
        share=partial(_share, name, locked=locked),
        only=frozenset({Trait.FIXED_DTYPE}),
        needs=("numpy",) if name.endswith("numpy") else (),
        likely=likely,
        recipe=Recipe(
            _BEFORE,
            after,
            _own_memory.array("Array" if locked else "RawArray", by_element=name.endswith("element")),
        ),
    )


STRATEGIES = (
    _strategy(
        "array-locked-element",
        "multiprocessing.Array, read and written element by element, each under the array's lock",
        "a copy, made element by element; a writer can come in between two elements",
        _ELEMENT_AFTER.format(make="Array"),
    ),
    _strategy(
        "array-locked-numpy",
        "multiprocessing.Array through a numpy view on its buffer, under the array's lock",
        "a view of shared memory, overwritten by the next hand-off, which has to wait for the lock",
        _LOCKED_NUMPY_AFTER,
        ((Duty.SHARED, 4),),
    ),
    _strategy(
        "array-raw-element",
        "multiprocessing.RawArray, without a lock, read and written element by element",
        "a copy, made element by element; nothing keeps a reader from half-written memory",
        _ELEMENT_AFTER.format(make="RawArray"),
    ),
    _strategy(
        "array-raw-numpy",
        "multiprocessing.RawArray, without a lock, through a numpy view on its buffer",
        "a view of shared memory, overwritten by the next hand-off; nothing keeps a reader from half-written memory",
        _RAW_NUMPY_AFTER,
        ((Duty.ARGUMENT, 6), (Duty.RESULT, 6), (Duty.SHARED, 3)),
    ),
)
