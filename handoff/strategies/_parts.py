"""Payloads that can be read and written element by element: what a shared container is filled with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handoff.strategies._flat import Shape


@dataclass(frozen=True, slots=True)
class Parts:
    """How to take an object apart into a list of plain elements, and how to put them together again."""

    kind: str
    keys: Sequence[Any]  #: one for each element: a dict's own keys, else 0 … len - 1
    shape: Shape | None = None

    @classmethod
    def of(cls, obj: Any) -> Parts:
        """Raises ``TypeError`` for anything but a list, a dict, a bytearray or an array of numbers."""
        if type(obj) is list or type(obj) is bytearray:
            return cls(type(obj).__name__, range(len(obj)))
        if type(obj) is dict:
            return cls("dict", tuple(obj))
        if hasattr(obj, "dtype") and hasattr(obj, "size"):
            return cls("array", range(obj.size), Shape.of(obj))
        raise TypeError(
            f"a {type(obj).__name__} has no elements that can be written in place: make it a list, a dict or an array"
        )

    def split(self, obj: Any) -> list[Any]:
        """The elements in order; those of an array as Python numbers."""
        if self.kind == "dict":
            return list(obj.values())
        if self.shape:
            return obj.reshape(-1).tolist()  # type: ignore[no-any-return]  # numpy is no dependency of mypy's run
        return list(obj)

    def join(self, elements: list[Any]) -> Any:
        """The inverse of :meth:`split`."""
        if self.kind == "dict":
            return dict(zip(self.keys, elements, strict=True))
        if self.kind == "bytearray":
            return bytearray(elements)
        if self.shape is None:
            return elements
        import numpy as np

        return np.array(elements, self.shape.dtype).reshape(self.shape.shape)


class Elements:
    """The elements of one object of this process, addressed 0 … len - 1. Thread-safe only under a lock."""

    def __init__(self, obj: Any) -> None:
        parts = Parts.of(obj)
        self.keys = parts.keys
        self.items = obj.reshape(-1) if parts.shape else obj
        self.is_array = parts.shape is not None

    def get(self, index: int) -> Any:
        """One element; that of an array as a Python number."""
        return self.items.item(index) if self.is_array else self.items[self.keys[index]]

    def set(self, index: int, value: Any) -> None:
        self.items[self.keys[index]] = value

    def add(self, index: int) -> None:
        self.items[self.keys[index]] += 1
