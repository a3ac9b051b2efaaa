"""The actor of those libraries that have one, and what stands for the state that it keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Kept:
    """Stands in a call for what the actor keeps."""


class Doing:
    """The actor: lives in the worker, and does what it is told."""

    kept: Any = None

    def keep(self, obj: Any) -> None:
        self.kept = obj

    def do(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*(self.kept if isinstance(each, Kept) else each for each in args))
