"""Resources: what lives in the operating system, in a thread or in the interpreter, and is not its bytes.

Everything here is real, and used: a file is read, a lock is taken, a record is emitted. Touching changes nothing that
counts, so that it may be done again and again. Where the point is that both sides have *the same* thing, ``use`` does
something in the worker, and ``seen`` says whether the original has it.
"""

from __future__ import annotations

import contextvars
import ctypes
import itertools
import logging
import logging.handlers
import math
import multiprocessing
import os
import queue
import socket
import sqlite3
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from handoff.payload import Duty, Payload, Trait
from payloads._scratch import THREE_LINES, scratch_file, text_of

PATIENCE_S = 2.0  #: whoever cannot have a lock, an item or an answer in this time will not have it at all
REQUEST = contextvars.ContextVar("request", default=0)
_kept: list[Any] = []  # the other ends of things, alive as long as this process


# Files


def make_text_reading() -> Any:
    """Three lines, one of them read."""
    file = open(scratch_file(".txt", THREE_LINES), encoding="utf-8")  # noqa: SIM115  # it stays open
    file.readline()
    return file


def make_text_writing() -> Any:
    file = open(scratch_file(".txt"), "w", encoding="utf-8")  # noqa: SIM115  # it stays open
    file.write("written by the parent\n")
    file.flush()
    return file


def make_binary_reading() -> Any:
    """48 bytes, the 16 of a header read."""
    file = open(scratch_file(".bin", "".join(map(chr, range(48)))), "rb")  # noqa: SIM115  # it stays open
    file.read(16)
    return file


def touch_reading(obj: Any) -> int:
    """Read the rest, and go back to where it was."""
    position = obj.tell()
    rest = obj.read()
    obj.seek(position)
    return int(position) + len(rest)


def facts_reading(obj: Any) -> Mapping[str, Any]:
    position = obj.tell()
    rest = obj.read()
    obj.seek(position)
    return {
        "type": type(obj).__name__,
        "file": obj.name,
        "mode": getattr(obj, "mode", None),
        "position": position,
        "rest": rest if isinstance(rest, str) else rest.hex(),
    }


def touch_writing(obj: Any) -> int:
    """Write nothing, where it stands: enough to fail if it cannot write."""
    obj.write("")
    return int(obj.tell())


def facts_writing(obj: Any) -> Mapping[str, Any]:
    return {
        "type": type(obj).__name__,
        "file": obj.name,
        "mode": obj.mode,
        "position": obj.tell(),
        "first line on disk": text_of(obj.name).partition("\n")[0],
    }


def write_line(obj: Any) -> None:
    obj.write("written by the worker\n")
    obj.flush()


def line_written(obj: Any) -> str:
    text = text_of(obj.name)
    if not text.startswith("written by the parent\n"):
        return "the file has lost what the parent wrote"
    return "" if text == "written by the parent\nwritten by the worker\n" else "the worker's line is not in the file"


def make_file_iterator() -> Iterator[str]:
    """A file under a for loop: 3,000 lines, one of them taken. ``tell`` no longer works on it."""
    file = open(scratch_file(".txt", "twenty characters..\n" * 3_000), encoding="utf-8")  # noqa: SIM115  # it stays open
    next(file)
    return file


def touch_descriptor(obj: Any) -> int:
    """Read 20 bytes through its descriptor, wherever the iterator stands."""
    return len(os.pread(obj.fileno(), 20, 0))


def facts_file_iterator(obj: Any) -> Mapping[str, Any]:
    """The descriptor's offset stands for the iterator's: one read-ahead further, and the same for the same journey."""
    return {"type": type(obj).__name__, "file": obj.name, "read ahead": os.lseek(obj.fileno(), 0, os.SEEK_CUR)}


# Sockets and connections


def make_socket() -> socket.socket:
    """One end of a pair; the other stays with whoever made it."""
    near, far = socket.socketpair()
    far.settimeout(PATIENCE_S)
    _kept.append((weakref.ref(near), far))
    return near


def touch_socket(obj: socket.socket) -> int:
    """Ask the kernel what it is and whether it has an error: 1 is SOCK_STREAM."""
    return obj.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) + obj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def facts_socket(obj: socket.socket) -> Mapping[str, Any]:
    return {"family": int(obj.family), "type": int(obj.type), "open": obj.fileno() >= 0, "inode": _inode(obj.fileno())}


def _inode(descriptor: int) -> int:
    return os.fstat(descriptor).st_ino


def send_word(obj: socket.socket) -> None:
    obj.sendall(b"word")


def word_received(obj: socket.socket) -> str:
    for near, far in _kept:
        if near() is obj:
            try:
                return "" if far.recv(4) == b"word" else "the other end received something else"
            except TimeoutError:
                return "the other end did not receive what the worker sent"
    return "its other end is not here"


def make_sqlite_file() -> sqlite3.Connection:
    return _users(scratch_file(".db"))


def make_sqlite_memory() -> sqlite3.Connection:
    return _users(":memory:")


def _users(path: str) -> sqlite3.Connection:
    """May be used from any thread, so that what is asked is whether it can cross to another process."""
    connection = sqlite3.connect(path, check_same_thread=False)
    with connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        connection.executemany("INSERT INTO users (name) VALUES (?)", [("Ada",), ("Grace",), ("Edsger",)])
    return connection


def touch_sqlite(obj: sqlite3.Connection) -> int:
    return int(obj.execute("SELECT count(*) FROM users").fetchone()[0])


def facts_sqlite(obj: sqlite3.Connection) -> Mapping[str, Any]:
    return {
        "file": [path for _, _, path in obj.execute("PRAGMA database_list")],
        "tables": [name for (name,) in obj.execute("SELECT name FROM sqlite_master WHERE type = 'table'")],
        "users": [name for (name,) in obj.execute("SELECT name FROM users WHERE id <= 3 ORDER BY id")],
    }


def insert_user(obj: sqlite3.Connection) -> None:
    with obj:
        obj.execute("INSERT INTO users (name) VALUES ('Barbara')")


def user_inserted(obj: sqlite3.Connection) -> str:
    return "" if touch_sqlite(obj) == 4 else "the user whom the worker inserted is not in the database: another one"


# Locks, threads, queues


def touch_lock(obj: Any) -> int:
    if not obj.acquire(timeout=PATIENCE_S):
        raise TimeoutError(f"cannot be acquired within {PATIENCE_S:g} s")
    obj.release()
    return 1


def touch_process_lock(obj: Any) -> int:
    if not obj.acquire(True, PATIENCE_S):
        raise TimeoutError(f"cannot be acquired within {PATIENCE_S:g} s")
    obj.release()
    return 1


def facts_type(obj: Any) -> Mapping[str, Any]:
    return {"type": type(obj).__name__}


def take_and_keep(obj: Any) -> None:
    obj.acquire(True, PATIENCE_S)


def taken(obj: Any) -> str:
    """The worker has taken it and kept it: here it cannot be had."""
    if obj.acquire(False):
        obj.release()
        return "the worker holds it, and here it is free: it is not the same lock"
    return ""


def make_semaphore() -> threading.Semaphore:
    return threading.Semaphore(1)


def make_thread() -> threading.Thread:
    """Waits as long as its process lives."""
    thread = threading.Thread(target=threading.Event().wait, name="payload-waits", daemon=True)
    thread.start()
    return thread


def touch_thread(obj: threading.Thread) -> int:
    """Join it, without waiting."""
    obj.join(timeout=0)
    return len(obj.name)


def facts_thread(obj: threading.Thread) -> Mapping[str, Any]:
    """Not only what it says of itself: the threads of the process it is in have to include it."""
    return {"name": obj.name, "says it runs": obj.is_alive(), "runs here": obj in threading.enumerate()}


def make_thread_local() -> threading.local:
    local = threading.local()
    local.user = "Ada"
    return local


def touch_thread_local(obj: Any) -> int:
    return len(obj.user)


def make_queue() -> queue.Queue[int]:
    waiting: queue.Queue[int] = queue.Queue()
    for number in (1, 2, 3):
        waiting.put(number)
    return waiting


def touch_queue(obj: queue.Queue[int]) -> int:
    """Take each number once and put it back behind the others."""
    total = 0
    for _ in range(obj.qsize()):
        number = obj.get(timeout=PATIENCE_S)
        obj.put(number)
        total += number
    return total


def facts_queue(obj: queue.Queue[int]) -> Mapping[str, Any]:
    return {"type": type(obj).__name__, "waiting": sorted(obj.queue)}


def put_four(obj: Any) -> None:
    obj.put(4)


def four_arrived(obj: queue.Queue[int]) -> str:
    return "" if 4 in obj.queue else "what the worker put is not in this queue: there are two"


def make_pool() -> ThreadPoolExecutor:
    """One that has worked: its thread exists, idle."""
    pool = ThreadPoolExecutor(max_workers=1)
    pool.submit(pow, 2, 3).result()
    return pool


def touch_pool(obj: ThreadPoolExecutor) -> int:
    try:
        return obj.submit(pow, 2, 3).result(timeout=PATIENCE_S)
    except TimeoutError:
        raise TimeoutError(f"no answer within {PATIENCE_S:g} s: the pool counts on a thread that is not here") from None


# multiprocessing's own


def make_mp_lock() -> Any:
    return multiprocessing.get_context().Lock()


def make_mp_queue() -> Any:
    """Holds one number, which a feeder thread may still be writing."""
    waiting = multiprocessing.get_context().Queue()
    waiting.put(7)
    return waiting


def touch_mp_queue(obj: Any) -> int:
    number = obj.get(timeout=PATIENCE_S)
    obj.put(number)
    return int(number)


def seven_and_four_arrived(obj: Any) -> str:
    """Both are there, in either order: two feeder threads write."""
    try:
        numbers = sorted(obj.get(timeout=PATIENCE_S) for _ in range(2))
    except queue.Empty:
        return "what the worker put is not in this queue"
    return "" if numbers == [4, 7] else f"the queue holds {numbers}"


def make_mp_array() -> Any:
    return multiprocessing.get_context().Array("d", [index * 0.5 for index in range(1_000)])


def touch_mp_array(obj: Any) -> int:
    with obj.get_lock():
        return int(sum(obj[1:]))


def facts_mp_array(obj: Any) -> Mapping[str, Any]:
    return {"type": type(obj).__name__, "length": len(obj), "sum": sum(obj[1:])}


def write_first(obj: Any) -> None:
    obj[0] = 42.0


def first_written(obj: Any) -> str:
    return "" if obj[0] == 42.0 else "what the worker wrote does not show here: a copy"


# Logging


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


# What the interpreter keeps to itself


def make_generator() -> Iterator[int]:
    """Endless, and in the middle: it has counted to three and now yields seven for ever."""

    def counting() -> Iterator[int]:
        yield from range(3)
        yield from itertools.repeat(7)

    generator = counting()
    for _ in range(4):
        next(generator)
    return generator


def touch_module(obj: Any) -> int:
    return int(obj.sqrt(49))


def facts_module(obj: Any) -> Mapping[str, Any]:
    return {"name": obj.__name__, "is the imported one": sys.modules.get(obj.__name__) is obj}


class Target:
    """Something that a weak reference can refer to."""

    number = 7


def make_weakref() -> dict[str, Any]:
    """A weak reference beside what it refers to, so that it stays alive."""
    target = Target()
    return {"target": target, "reference": weakref.ref(target)}


def touch_weakref(obj: dict[str, Any]) -> int:
    return int(obj["reference"]().number)


def facts_weakref(obj: dict[str, Any]) -> Mapping[str, Any]:
    reference = obj["reference"]
    return {"type": type(reference).__name__, "refers to the target": reference() is obj["target"]}


def make_memoryview() -> memoryview:
    """A writable view of every byte but the first 16 of a page."""
    return memoryview(bytearray(range(256)) * 16)[16:]


def facts_memoryview(obj: memoryview) -> Mapping[str, Any]:
    return {
        "type": type(obj).__name__,
        "writable": not getattr(obj, "readonly", True),
        "bytes": len(obj),
        "sum": sum(obj),
    }


def make_pointer() -> Any:
    return ctypes.pointer(ctypes.c_int(42))


def make_context_variable() -> contextvars.ContextVar[int]:
    REQUEST.set(42)
    return REQUEST


OUTCOME = frozenset[Duty]()  #: not timed: what becomes of it is the whole figure
RESOURCE = frozenset({Trait.OS_RESOURCE})
LOCK = frozenset({Trait.LOCK})
SYNCHRONIZED = frozenset({Trait.SYNCHRONIZED})
INTERPRETER = frozenset({Trait.INTERPRETER})
MP_MANUAL = "multiprocessing manual, 'Synchronization primitives'"

PAYLOADS = (
    Payload(
        name="file-text-reading",
        make=make_text_reading,
        touch=touch_reading,
        facts=facts_reading,
        traits=RESOURCE,
        duties=OUTCOME,
        why="A text file read up to its second line. What it promises: the file itself, at that position, with that "
        "rest. Its content in memory, or the file from the start, is not the same.",
        source="articles/000, 001, 002, 003; dill issue 423",
    ),
    Payload(
        name="file-text-writing",
        make=make_text_writing,
        touch=touch_writing,
        facts=facts_writing,
        use=write_line,
        seen=line_written,
        traits=RESOURCE,
        duties=OUTCOME,
        why="A text file with one line written. Whoever opens it once more for writing has emptied it.",
        source="articles/000, 003; dill issue 423",
    ),
    Payload(
        name="file-binary-reading",
        make=make_binary_reading,
        touch=touch_reading,
        facts=facts_reading,
        traits=RESOURCE,
        duties=OUTCOME,
        why="A binary file of 48 bytes after its header of 16, as a parser leaves it.",
        source="articles/000",
    ),
    Payload(
        name="file-iterator",
        make=make_file_iterator,
        touch=touch_descriptor,
        facts=facts_file_iterator,
        traits=RESOURCE,
        duties=OUTCOME,
        why="A file in the middle of a for loop, 60 KB of which the reader has a chunk ahead: its position is in no "
        "attribute.",
        source="articles/001; io manual, TextIOBase.tell",
    ),
    Payload(
        name="socket",
        make=make_socket,
        touch=touch_socket,
        facts=facts_socket,
        use=send_word,
        seen=word_received,
        traits=frozenset({Trait.SOCKET}),
        duties=OUTCOME,
        why="One end of a socket pair; what the worker sends must arrive at the other. multiprocessing's own pickler "
        "hands over the descriptor, plain pickle refuses.",
        source="articles/000, 002; multiprocessing.reduction (Lib/multiprocessing/reduction.py)",
    ),
    Payload(
        name="sqlite-file",
        make=make_sqlite_file,
        touch=touch_sqlite,
        facts=facts_sqlite,
        use=insert_user,
        seen=user_inserted,
        traits=RESOURCE,
        duties=OUTCOME,
        why="A connection to a database file of three users.",
        source="articles/000, 001; sqlite.org/howtocorrupt.html, on connections carried across a fork",
    ),
    Payload(
        name="sqlite-memory",
        make=make_sqlite_memory,
        touch=touch_sqlite,
        facts=facts_sqlite,
        use=insert_user,
        seen=user_inserted,
        traits=RESOURCE,
        duties=OUTCOME,
        why="A connection to a database in memory: it is the data. Another connection to ':memory:' is another "
        "database, without a table.",
        source="articles/000, which recommends passing ':memory:'; sqlite.org/inmemorydb.html",
    ),
    Payload(
        name="lock",
        make=threading.Lock,
        touch=touch_lock,
        facts=facts_type,
        use=take_and_keep,
        seen=taken,
        traits=LOCK,
        duties=OUTCOME,
        why="A lock: of use only if it is the same on both sides.",
        source="articles/001",
    ),
    Payload(
        name="rlock",
        make=threading.RLock,
        touch=touch_lock,
        facts=facts_type,
        use=take_and_keep,
        seen=taken,
        traits=LOCK,
        duties=OUTCOME,
        why="A re-entrant lock, as in every logging handler: it may arrive, and be impossible to acquire.",
        source="dill issue 321",
    ),
    Payload(
        name="semaphore",
        make=make_semaphore,
        touch=touch_lock,
        facts=facts_type,
        use=take_and_keep,
        seen=taken,
        traits=LOCK,
        duties=OUTCOME,
        why="A semaphore of one, the limit on a scarce thing: a condition with a lock inside.",
        source="articles/001",
    ),
    Payload(
        name="thread",
        make=make_thread,
        touch=touch_thread,
        facts=facts_thread,
        traits=LOCK,
        duties=OUTCOME,
        why="A running thread, as a service object holds its worker: no other process can run it, not even a forked "
        "one.",
        source="articles/002, 003",
    ),
    Payload(
        name="thread-local",
        make=make_thread_local,
        touch=touch_thread_local,
        facts=lambda obj: {"user": getattr(obj, "user", None)},
        traits=INTERPRETER,
        duties=OUTCOME,
        why="Thread-local data: it has one value for each thread, and another thread, too, finds none.",
        source="threading.local (Python manual)",
    ),
    Payload(
        name="queue-queue",
        make=make_queue,
        touch=touch_queue,
        facts=facts_queue,
        use=put_four,
        seen=four_arrived,
        traits=LOCK,
        duties=OUTCOME,
        why="A queue between threads with three items waiting: what one side puts, the other must get.",
        source="articles/003; queue (Python manual)",
    ),
    Payload(
        name="thread-pool",
        make=make_pool,
        touch=touch_pool,
        facts=facts_type,
        traits=LOCK,
        duties=OUTCOME,
        why="A ThreadPoolExecutor that has worked, as clients hold one. A forked child has it without its thread, and"
        " waits.",
        source="articles/001, 004; concurrent.futures (Python manual)",
    ),
    Payload(
        name="mp-lock",
        make=make_mp_lock,
        touch=touch_process_lock,
        facts=facts_type,
        use=take_and_keep,
        seen=taken,
        traits=SYNCHRONIZED,
        duties=OUTCOME,
        why="multiprocessing's lock: the same on both sides, if it was handed over when the process was started.",
        source=MP_MANUAL,
    ),
    Payload(
        name="mp-queue",
        make=make_mp_queue,
        touch=touch_mp_queue,
        facts=facts_type,
        use=put_four,
        seen=seven_and_four_arrived,
        traits=SYNCHRONIZED,
        duties=OUTCOME,
        why="multiprocessing's queue with one item waiting.",
        source="multiprocessing manual, 'Pipes and Queues'",
    ),
    Payload(
        name="mp-array",
        make=make_mp_array,
        touch=touch_mp_array,
        facts=facts_mp_array,
        use=write_first,
        seen=first_written,
        traits=SYNCHRONIZED,
        duties=OUTCOME,
        why="1,000 shared doubles. The article passes it to a pool's task to avoid pickling, which multiprocessing "
        "refuses.",
        source="articles/003; multiprocessing manual, 'Shared ctypes Objects'",
    ),
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
    Payload(
        name="generator",
        make=make_generator,
        touch=lambda obj: next(obj),
        facts=facts_type,
        traits=INTERPRETER,
        duties=OUTCOME,
        why="A generator in the middle of its work: a frame of the interpreter, which nothing writes down.",
        source="articles/001; pickle manual, 'What can be pickled and unpickled?'",
    ),
    Payload(
        name="module",
        make=lambda: math,
        touch=touch_module,
        facts=facts_module,
        traits=INTERPRETER,
        duties=OUTCOME,
        why="A module in an attribute, as backends are chosen (self.np = numpy): by name it would be three bytes.",
        source="pickle manual, 'What can be pickled and unpickled?'",
    ),
    Payload(
        name="weakref",
        make=make_weakref,
        touch=touch_weakref,
        facts=facts_weakref,
        traits=INTERPRETER | {Trait.ELEMENTS},
        duties=OUTCOME,
        why="A weak reference beside its target: caches and observers hold them.",
        source="weakref (Python manual)",
    ),
    Payload(
        name="memoryview",
        make=make_memoryview,
        touch=lambda obj: sum(obj),
        facts=facts_memoryview,
        traits=INTERPRETER,
        duties=OUTCOME,
        why="A writable view of 4,080 bytes, all but a header of 16: a slice without a copy.",
        source="memoryview (Python manual); PEP 574, PickleBuffer",
    ),
    Payload(
        name="ctypes-pointer",
        make=make_pointer,
        touch=lambda obj: int(obj.contents.value),
        facts=lambda obj: {"type": type(obj).__name__, "value": obj.contents.value},
        traits=INTERPRETER,
        duties=OUTCOME,
        why="A pointer to an int: an address, which means nothing elsewhere.",
        source="ctypes (Python manual); Modules/_ctypes/_ctypes.c: objects containing pointers cannot be pickled",
    ),
    Payload(
        name="context-variable",
        make=make_context_variable,
        touch=lambda obj: obj.get(),
        facts=lambda obj: {"name": obj.name, "value": obj.get()},
        traits=INTERPRETER,
        duties=OUTCOME,
        why="A context variable with a request's number: its value belongs to a context, the variable to its module.",
        source="PEP 567, on pickling; contextvars (Python manual)",
    ),
)
