"""What a worker and its parent speak: JSON, a message each, over a pipe; and how a pool's worker serves.

Every worker imports this: it must stay light.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

Serve = Callable[[Any, Connection, Connection], None]  #: what a worker does: with its job, its inbox and its outbox


def tell(conn: Connection, message: Mapping[str, Any]) -> None:
    """Send one message."""
    conn.send_bytes(json.dumps(message).encode())


def hear(conn: Connection) -> dict[str, Any]:
    """The next message. Raises ``EOFError`` when there will be none any more."""
    message: dict[str, Any] = json.loads(conn.recv_bytes())
    return message


_kept: tuple[Any, ...] = ()


def keep_for_task(*what: Any) -> None:
    """A pool's initializer: what its one task will do, and with what."""
    global _kept
    _kept = what


def serve_as_task() -> None:
    """A pool's one task, which lasts as long as the pool."""
    serve, *arguments = _kept
    serve(*arguments)
