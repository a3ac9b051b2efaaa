"""Loggers and handlers: locks, files and queues that many objects hold without its being seen."""

from __future__ import annotations

import logging
import logging.handlers
import queue
from collections.abc import Mapping
from typing import Any

from handoff.payload import Payload, Trait
from payloads._scratch import scratch_file, text_of
from payloads._untimed import OUTCOME, PATIENCE_S


def make_logger() -> logging.Logger:
    """Configured, as programs do it when they start: level, one handler, no propagation."""
    logger = logging.getLogger("payload.resources")
    if not logger.handlers:
        logger.addHandler(make_stream_handler())
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    return logger


def make_stream_handler() -> logging.Handler:
    """Writes to a file that somebody else opened, as handlers on stderr do."""
    stream = open(scratch_file(".log"), "w", encoding="utf-8")  # noqa: SIM115  # it stays open
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.handle(_record("first"))
    return handler


def make_queue_handler() -> logging.Handler:
    """Puts records into a queue of this process, for a listener thread to write."""
    return logging.handlers.QueueHandler(queue.Queue())


def _record(message: str) -> logging.LogRecord:
    return logging.LogRecord("payload", logging.INFO, "resources.py", 1, message, None, None)


def touch_logger(obj: logging.Logger) -> int:
    obj.debug("touched")
    return len(obj.name)


def _check_lock(handler: logging.Handler) -> None:
    """Raise ``TimeoutError`` where emitting would wait for ever for the handler's own lock."""
    if handler.lock is not None:
        if not handler.lock.acquire(timeout=PATIENCE_S):
            raise TimeoutError(f"the handler's lock cannot be acquired within {PATIENCE_S:g} s: a record would hang")
        handler.lock.release()


def touch_handler(obj: logging.Handler) -> int:
    """Emit a record, under the handler's lock."""
    _check_lock(obj)
    return len(_record("touched").getMessage()) if obj.handle(_record("touched")) else 0


def touch_queue_handler(obj: Any) -> int:
    """Emit a record and take it out again."""
    _check_lock(obj)
    obj.handle(_record("touched"))
    record = obj.queue.get(timeout=PATIENCE_S)
    return len(record.getMessage())


def facts_logger(obj: logging.Logger) -> Mapping[str, Any]:
    return {
        "name": obj.name,
        "level": logging.getLevelName(obj.level),
        "propagates": obj.propagate,
        "handlers": [facts_handler(handler) for handler in obj.handlers],
    }


def facts_handler(obj: Any) -> Mapping[str, Any]:
    return {
        "type": type(obj).__name__,
        "level": obj.level,
        "writes to": obj.stream.name,
        "first line there": text_of(obj.stream.name).partition("\n")[0],
    }


def facts_queue_handler(obj: Any) -> Mapping[str, Any]:
    return {"type": type(obj).__name__, "level": obj.level, "queue": type(obj.queue).__name__}


def log_error(obj: logging.Logger) -> None:
    obj.error("from the worker")


def emit_error(obj: logging.Handler) -> None:
    obj.handle(_record("from the worker"))


def _logged(handler: Any) -> str:
    text = text_of(handler.stream.name)
    if not text.startswith("INFO first\n"):
        return "the log has lost its first line"
    return "" if "from the worker\n" in text else "the worker's record is not in the log"


def error_logged(obj: logging.Logger) -> str:
    return _logged(obj.handlers[0])


def error_queued(obj: Any) -> str:
    try:
        record = obj.queue.get(timeout=0)
    except queue.Empty:
        return "the worker's record is not in this queue: there are two"
    return "" if record.getMessage() == "from the worker" else "the queue holds another record"


RESOURCE = frozenset({Trait.OS_RESOURCE})
LOCK = frozenset({Trait.LOCK})

PAYLOADS = (
    Payload(
        name="logger",
        make=make_logger,
        touch=touch_logger,
        facts=facts_logger,
        use=log_error,
        seen=error_logged,
        traits=frozenset({Trait.CHANGED}),
        duties=OUTCOME,
        why="A configured logger: since Python 3.7 it travels as its name, and the worker's logger of that name has "
        "neither level nor handler.",
        source="articles/002, 003; logging.Logger.__reduce__ (Lib/logging/__init__.py)",
    ),
    Payload(
        name="handler-stream",
        make=make_stream_handler,
        touch=touch_handler,
        facts=facts_handler,
        use=emit_error,
        seen=lambda obj: _logged(obj),
        traits=LOCK | RESOURCE,
        duties=OUTCOME,
        why="A logging handler on an open stream: an RLock and a file, one hidden behind the other.",
        source="articles/001, 003; dill issue 321",
    ),
    Payload(
        name="handler-queue",
        make=make_queue_handler,
        touch=touch_queue_handler,
        facts=facts_queue_handler,
        use=emit_error,
        seen=error_queued,
        traits=LOCK,
        duties=OUTCOME,
        why="A logging handler with a queue of its own process: the case that the profiling article met.",
        source="articles/003; logging.handlers.QueueHandler (Python manual)",
    ),
)
