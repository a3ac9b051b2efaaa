"""What a worker and its parent speak: JSON, a message each, over a pipe; and how a pool's worker serves.

Every worker imports this: it must stay light.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

from handoff.processes.lines import NOT_OURS, decoded, encoded

Serve = Callable[[Any, Connection, Connection], None]  #: what a worker does: with its job, its inbox and its outbox


def tell(conn: Connection, message: Mapping[str, Any]) -> None:
    """Send one message."""
    conn.send_bytes(encoded(message).encode())


def hear(conn: Connection) -> dict[str, Any]:
    """The next message. Raises ``EOFError`` when there will be none any more, and :class:`NotOurs`."""
    try:
        message = decoded(conn.recv_bytes().decode(), 0)[0]
    except (ValueError, StopIteration, RecursionError, MemoryError):
        message = None
    if type(message) is not dict:
        raise NotOurs(NOT_OURS)
    return message


class NotOurs(Exception):
    """Something else than a message came: whoever has the descriptor may write to it."""


_kept: tuple[Any, ...] = ()


def keep_for_task(*what: Any) -> None:
    """A pool's initializer: what its one task will do, and with what."""
    global _kept
    _kept = what


def serve_as_task() -> None:
    """A pool's one task, which lasts as long as the pool."""
    serve, *arguments = _kept
    serve(*arguments)
