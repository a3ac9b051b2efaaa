"""The object itself as a worker's state: nothing has to be done to have it."""

from __future__ import annotations

from typing import Any


class GivenState:
    """Simply there in a thread; pickled when a process starts, or inherited under fork."""

    def __init__(self, obj: Any) -> None:
        self.obj = obj

    def obtain(self) -> None:
        pass

    def get(self) -> Any:
        return self.obj

    def close(self) -> None:
        self.obj = None
