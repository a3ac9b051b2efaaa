"""Real dumps: by any pickler, with stand-ins for what is to be left out, and what came of them."""

from __future__ import annotations

from typing import Any, Protocol

from handoff.diagnosing.picklers import PROTOCOL, Reduction
from handoff.processes.deadlines import TookTooLong


class Pickling(Protocol):
    """What a walk asks of a pickler."""

    name: str

    def reduce(self, obj: Any) -> Reduction | str: ...

    def pickler(self, file: Any, skip: dict[int, Any], protocol: int = PROTOCOL) -> Any: ...


class Met(dict[int, Any]):
    """What a dump is to leave out, by id; remembers what of it the dump came upon."""

    def __init__(self, skip: dict[int, Any]) -> None:
        super().__init__(skip)
        self.met: set[int] = set()

    def __contains__(self, key: object) -> bool:
        found = super().__contains__(key)
        if found and isinstance(key, int):
            self.met.add(key)
        return found


def error_text(error: BaseException) -> str:
    """``TypeError: cannot pickle ...``, without the tail of a failing ``str``."""
    try:
        text = str(error)
    except Exception:
        text = "(its message cannot be shown)"
    return f"{type(error).__name__}: {text}"[:500] if text else type(error).__name__


def pickles(
    codec: Pickling, obj: Any, skip: dict[int, Any], file: Any, protocol: int = PROTOCOL
) -> BaseException | None:
    """Pickle for real into ``file``, with stand-ins for ``skip``; the error if it fails.

    Raises :class:`TookTooLong` where the caller has set it a limit: that is no failure of the object's.
    """
    try:
        codec.pickler(file, skip, protocol).dump(obj)
    except (KeyboardInterrupt, TookTooLong):
        raise
    except BaseException as error:
        return error.with_traceback(None)
    return None
