"""Resources: files, sockets and databases, which live in the operating system and are not their bytes.

Everything here is real, and used: a file is read, a row is inserted. Touching changes nothing that counts, so that it
may be done again and again. Where the point is that both sides have *the same* thing, ``use`` does
something in the worker, and ``seen`` says whether the original has it.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

from handoff.payload import Payload, Trait
from payloads._scratch import THREE_LINES, scratch_file, text_of
from payloads._untimed import OUTCOME, PATIENCE_S

_kept: list[Any] = []  # the other ends of things, alive as long as this process


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


RESOURCE = frozenset({Trait.OS_RESOURCE})

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
)
