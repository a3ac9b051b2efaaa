"""Payloads that are one block of equal numbers: what raw shared memory and ``mp.Array`` can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: Elements that a way takes one by one, at most: 1 MiB of float64. More cost the same each, and nothing new is learnt.
ELEMENTS_MAX = 2**17

#: What ways that share a list of numbers replace: the list travels with the task.
NUMBERS_BEFORE = """
import multiprocessing as mp

def work(numbers):
    return sum(numbers)

if __name__ == "__main__":
    with mp.Pool(1) as pool:
        print(pool.apply(work, ([1, 2, 3],)))
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """How to read a flat block again: ``bytes``, ``bytearray``, or a numpy array of a type and shape."""

    kind: str
    dtype: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, obj: Any) -> Shape:
        """The shape of a payload. Raises ``TypeError`` when it is not one contiguous block of equal numbers."""
        if isinstance(obj, bytes | bytearray):
            return cls(type(obj).__name__, "B", (len(obj),))
        dtype, shape = getattr(obj, "dtype", None), getattr(obj, "shape", None)
        if dtype is None or shape is None:
            raise TypeError(f"a {type(obj).__name__} is not one block of equal numbers")
        if dtype.hasobject or dtype.names:
            raise TypeError(f"an array of dtype {dtype} is not one block of equal numbers")
        if not obj.flags.c_contiguous:
            raise TypeError("the array is not contiguous: a view with strides has no single block of memory")
        return cls("array", dtype.str, tuple(shape))

    def view(self, buffer: Any) -> Any:
        """The block as an object on top of ``buffer``; ``bytes`` and ``bytearray`` have to be copied out of it."""
        if self.kind == "bytes":
            return bytes(buffer)
        if self.kind == "bytearray":
            return bytearray(buffer)
        import numpy as np

        return np.frombuffer(buffer, self.dtype).reshape(self.shape)


def raw(obj: Any) -> memoryview:
    """The bytes of a flat payload, uncopied."""
    return memoryview(obj).cast("B")
