"""An object that lives in the user's own process: how trials and workers, forked from it, come by it."""

from __future__ import annotations

from typing import Any

from handoff.target import Ref

_held: list[Any] = []
REF = Ref("", __name__, "obj")


def hold(obj: Any) -> None:
    """Make this the object that forks of this process find."""
    _held[:] = [obj]


def let_go() -> None:
    """Forget it."""
    _held.clear()


def obj() -> Any:
    """The object, in a process that inherited it. Raises ``RuntimeError`` elsewhere."""
    if not _held:
        raise RuntimeError("a live object exists in its own process alone: no other can make it again")
    return _held[0]
