"""The manager of a trial, with our own class registered on it.

Import this module inside functions only: it imports ``multiprocessing.managers``, which teaches ForkingPickler to send
dict views as lists, so a process that needs no manager must not see it.
"""

from __future__ import annotations

import threading
from multiprocessing.managers import BaseProxy, SyncManager
from typing import Any

from handoff.strategies._parts import Elements
from handoff.target import Ref


class Holder:
    """Lives in the server and keeps one object there; callers send questions and get answers."""

    def __init__(self, ref: Ref) -> None:
        self._touch = ref.load().task
        self._lock = threading.Lock()  # the server answers each connection in a thread of its own
        self._obj: Any = None
        self._elements: Elements | None = None

    def put(self, obj: Any) -> None:
        self._obj, self._elements = obj, None

    def touch(self) -> int:
        """Do what a task does with the object, here in the server."""
        return self._touch(self._obj)

    def all(self) -> Any:
        return self._obj

    def get(self, index: int) -> Any:
        return self._open().get(index)

    def set(self, index: int, value: Any) -> None:
        self._open().set(index, value)

    def add(self, index: int) -> None:
        """Add 1 to an element; atomic, and one round trip."""
        with self._lock:
            self._open().add(index)

    def _open(self) -> Elements:
        if self._elements is None:
            self._elements = Elements(self._obj)
        return self._elements


class HolderProxy(BaseProxy):
    """What callers have of a :class:`Holder`: written out, so that making one needs no questions to the server."""

    _exposed_ = ("put", "touch", "all", "get", "set", "add")

    def put(self, obj: Any) -> None:
        self._callmethod("put", (obj,))

    def touch(self) -> Any:
        return self._callmethod("touch")

    def all(self) -> Any:
        return self._callmethod("all")

    def get(self, index: int) -> Any:
        return self._callmethod("get", (index,))

    def set(self, index: int, value: Any) -> None:
        self._callmethod("set", (index, value))

    def add(self, index: int) -> None:
        self._callmethod("add", (index,))


class HandoffManager(SyncManager):
    """``SyncManager`` plus ``Holder(ref)``. Make it as ``HandoffManager(ctx=ctx)`` and call ``start()``."""


HandoffManager.register("Holder", Holder, HolderProxy)
