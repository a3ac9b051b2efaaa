"""What is said of files, sockets, locks, threads and whatever else belongs to a process or the kernel."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterable
from typing import Any

from handoff.compare.difference import UNSHARED
from handoff.compare.names import (
    NOTHING,
    Kind,
    Said,
    Walker,
    class_name,
    installed,
    module_of,
    type_dict,
    type_mro,
)
from handoff.compare.ownership import INSTALLED, STATE
from handoff.compare.values import content

REST = 1 << 26  #: bytes of a file's unread rest that are looked at


def _say_named_only(walk: Walker, obj: Any) -> Said:
    """Kinds of which nothing can be told but that there is one."""
    return {"opaque": True}, None


def _kernel_name(descriptor: int) -> dict[str, Any]:
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return {"size": status.st_size}
    if stat.S_ISCHR(status.st_mode):
        return {"device": status.st_rdev}
    return {"kernel object": f"{status.st_dev}:{status.st_ino}"}


def _rest(descriptor: int, position: int) -> str:
    """The digest of what a regular file holds from a position on, read without moving anybody's position."""
    total, at = hashlib.sha256(), position
    while at - position < REST and (block := os.pread(descriptor, 1 << 20, at)):
        total.update(block)
        at += len(block)
    return total.hexdigest()[:16]


def _file(obj: Any, base: Any, raw: Any, said: dict[str, Any]) -> dict[str, Any]:
    """The facts of an open file whose lowest layer is a ``FileIO``."""
    name = raw.name
    said["name"] = (
        f"descriptor {name}" if type(name) is int and name < 3 else "a descriptor" if type(name) is int else str(name)
    )
    said["mode"] = raw.mode
    said["closed"] = raw.closed
    if raw.closed:
        return said
    said.update(_kernel_name(raw.fileno()))
    try:
        position = base.tell(obj)
    except (OSError, ValueError) as error:
        said["position"] = f"unreadable: {type(error).__name__}: {error}"
        if "size" not in said:
            return said
        position = sys.modules["io"].BufferedReader.tell(obj.buffer) if hasattr(obj, "buffer") else 0
    else:
        said["position"] = position
    if raw.readable() and "size" in said:
        said["rest"] = _rest(raw.fileno(), position & ((1 << 64) - 1))
    return said


def _say_text_file(walk: Walker, obj: Any) -> Said:
    """A text file. ``tell`` writes a pending text to the file first; nothing else is disturbed."""
    io = sys.modules["io"]
    base = io.TextIOWrapper
    table = object.__getattribute__(obj, "__dict__")
    said = {"encoding": base.encoding.__get__(obj), "errors": base.errors.__get__(obj)}
    try:
        buffer = base.buffer.__get__(obj)
    except ValueError as error:
        return {**said, "unreadable": f"ValueError: {error}"}, None
    raw = _raw(buffer)
    if raw is None:
        return said, [(".buffer", buffer)]
    if "mode" in table:
        said["text mode"] = table["mode"]
    return _file(obj, base, raw, said), None


def _raw(buffer: Any) -> Any:
    io = sys.modules["io"]
    if type(buffer) in (io.BufferedReader, io.BufferedWriter, io.BufferedRandom):
        try:
            raw = buffer.raw
        except ValueError:
            return None
        return raw if type(raw) is io.FileIO else None
    return None


def _say_buffered_file(walk: Walker, obj: Any) -> Said:
    io = sys.modules["io"]
    bases = (io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.BufferedRWPair)
    base = next(base for base in bases if issubclass(type(obj), base))
    if base is io.BufferedRWPair:
        return _say_named_only(walk, obj)
    raw = base.raw.__get__(obj)
    return (_file(obj, base, raw, {}), None) if type(raw) is io.FileIO else ({}, [(".raw", raw)])


def _say_raw_file(walk: Walker, obj: Any) -> Said:
    base = sys.modules["io"].FileIO
    if type(obj) is not base:
        return {"closed": base.closed.__get__(obj)}, None
    return _file(obj, base, obj, {}), None


def _say_memory_file(walk: Walker, obj: Any) -> Said:
    io = sys.modules["io"]
    base = io.StringIO if issubclass(type(obj), io.StringIO) else io.BytesIO
    if base.closed.__get__(obj):
        return {"closed": True}, None
    return {"closed": False, "position": base.tell(obj)}, [(" (content)", base.getvalue(obj))]


def _say_socket(walk: Walker, obj: Any) -> Said:
    base = sys.modules["_socket"].socket
    said: dict[str, Any] = {name: int(base.__dict__[name].__get__(obj)) for name in ("family", "type", "proto")}
    descriptor = base.fileno(obj)
    said["closed"] = descriptor < 0
    if descriptor < 0:
        return said, None
    said.update(_kernel_name(descriptor))
    said["timeout"] = base.gettimeout(obj)
    for name in ("getsockname", "getpeername"):
        try:
            said[name] = str(getattr(base, name)(obj))
        except OSError as error:
            said[name] = f"{type(error).__name__}: {error.strerror}"
    return said, None


def _say_connection(walk: Walker, obj: Any) -> Said:
    """An end of a ``multiprocessing`` pipe."""
    table = object.__getattribute__(obj, "__dict__")
    handle = table.get("_handle")
    said = {"readable": table.get("_readable"), "writable": table.get("_writable"), "closed": handle is None}
    return ({**said, **_kernel_name(handle)} if handle is not None else said), None


def _say_sqlite_connection(walk: Walker, obj: Any) -> Said:
    """A database: where it is, its schema, and how many rows each table has."""
    base = sys.modules["sqlite3"].Connection
    cursor = base.cursor(obj)
    cursor.row_factory = None
    said: dict[str, Any] = {"in a transaction": base.in_transaction.__get__(obj)}

    def ask(query: str) -> list[Any]:
        return cursor.execute(query).fetchall()  # type: ignore[no-any-return]  # sqlite3's rows are Any

    try:
        rows = ask("select cast(name as blob), cast(file as blob) from pragma_database_list")
        said["database"] = [[name.decode(), (file or b"").decode()] for name, file in rows]
        schema = ask(
            "select cast(name as blob), cast(type as blob), cast(sql as blob) from sqlite_master order by 2, 1"
        )
        said["schema"] = [[name.decode(), kind.decode(), (sql or b"").decode()] for name, kind, sql in schema]
        tables = [name for name, kind, _ in said["schema"] if kind == "table"]
        said["rows"] = [
            [name, ask('select count(*) from "{}"'.format(name.replace('"', '""')))[0][0]] for name in tables
        ]
    finally:
        cursor.close()
    return said, None


def _say_lock(walk: Walker, obj: Any) -> Said:
    return {"locked": obj.locked()}, None


def _say_rlock(walk: Walker, obj: Any) -> Said:
    """A re-entrant lock: whether this thread can take it is found out by taking it, for a moment."""
    free = bool(obj.acquire(blocking=False))
    if free:
        obj.release()
    count = repr(obj).partition("count=")[2].partition(" ")[0]
    return {"taken so often": int(count) if count.isdigit() else count, "can be taken": free}, None


def _say_semlock(walk: Walker, obj: Any) -> Said:
    """A semaphore of the kernel: under every multiprocessing lock, event, condition and queue."""
    return {"kind": obj.kind, "maximum": obj.maxvalue, "kernel name": obj.name, "value": obj._get_value()}, None


def _say_mp_queue(walk: Walker, obj: Any) -> Said:
    table = object.__getattribute__(obj, "__dict__")
    size = table["_maxsize"] - table["_sem"]._semlock._get_value()
    parts = [(f".{name}", table.get(name)) for name in ("_reader", "_writer", "_rlock", "_wlock", "_sem")]
    return {"maxsize": table["_maxsize"], "size": size, "closed": table.get("_closed")}, parts


def _say_arena(walk: Walker, obj: Any) -> Said:
    """The file behind ``mp.Array`` and ``mp.Value``."""
    status = os.fstat(obj.fd)
    return {"size": obj.size, "kernel object": f"{status.st_dev}:{status.st_ino}"}, None


def _say_shared_memory(walk: Walker, obj: Any) -> Said:
    table = object.__getattribute__(obj, "__dict__")
    said: dict[str, Any] = {"name": table.get("_name"), "size": table.get("_size")}
    view = table.get("_buf")
    return ({**said, **content(view)} if view is not None else {**said, "closed": True}), None


def _say_proxy(walk: Walker, obj: Any) -> Said:
    """A manager's proxy: which object of which server it stands for; the server is not asked."""
    token = object.__getattribute__(obj, "_token")
    return {"type": str(token.typeid), "server": str(token.address), "object": str(token.id)}, None


_ASYNCIO = ("Lock", "Event", "Condition", "Semaphore", "Barrier")


def _say_unshared(walk: Walker, obj: Any) -> Said:
    """What asyncio has to wait for: no other process can have a part in it, so it belongs to this one."""
    return {UNSHARED: os.getpid()}, None


def _say_thread_local(walk: Walker, obj: Any) -> Said:
    return walk.mapping(sys.modules["_thread"]._local.__getattribute__(obj, "__dict__"))


_ran: dict[int, Any] = {}  #: threads that run where this process was forked from, by id


def keep_alive(threads: Iterable[Any]) -> None:
    """Take these for running, as they do where this process was forked from: a fork has one thread only."""
    _ran.update((id(thread), thread) for thread in threads)


def _say_thread(walk: Walker, obj: Any) -> Said:
    table = object.__getattribute__(obj, "__dict__")
    alive = id(obj) in _ran or sys.modules["threading"].Thread.is_alive(obj)
    said = {"name": table.get("_name"), "daemon": table.get("_daemonic"), "alive": alive}
    return said, [(f".{name}", table[name]) for name in ("_target", "_args", "_kwargs") if name in table]


def _say_logger(walk: Walker, obj: Any) -> Said:
    """A logger: its level, where its records go, and whether it is the one that its name finds."""
    table = object.__getattribute__(obj, "__dict__")
    logging = sys.modules["logging"]
    name = table.get("name")
    own = obj is logging.root or dict.get(logging.Logger.manager.loggerDict, name) is obj
    said = {"name": name, "level": table.get("level"), "disabled": table.get("disabled"), "found by its name": own}
    parts = [(".handlers", table.get("handlers")), (".filters", table.get("filters"))]
    if table.get("propagate"):
        parts.append((".parent", table.get("parent")))
    return {**said, "propagate": table.get("propagate"), STATE: {INSTALLED: installed(module_of(type(obj)))}}, parts


def _say_context_variable(walk: Walker, obj: Any) -> Said:
    value = obj.get(NOTHING)
    return {"name": obj.name, "set": value is not NOTHING}, [] if value is NOTHING else [(".get()", value)]


def _say_context(walk: Walker, obj: Any) -> Said:
    pairs = sorted(((variable.name, value) for variable, value in obj.items()), key=lambda pair: pair[0])
    return walk.mapping(None, pairs)


def _say_finalizer(walk: Walker, obj: Any) -> Said:
    """What is to be done when something dies: its state lies in a registry of the process, by the object itself."""
    return {"alive": sys.modules["weakref"].finalize.alive.__get__(obj)}, None


def _say_simple_queue(walk: Walker, obj: Any) -> Said:
    return {"size": sys.modules["_queue"].SimpleQueue.qsize(obj)}, None


def _say_mmap(walk: Walker, obj: Any) -> Said:
    base = sys.modules["mmap"].mmap
    if base.closed.__get__(obj):
        return {"closed": True}, None
    said = {"closed": False, "position": base.tell(obj)}
    with memoryview(obj) as view:
        return {**said, **content(view)}, None


def _say_ctypes_data(walk: Walker, obj: Any) -> Said:
    """C data: type and bytes; of a pointer only whether it points anywhere, for an address means nothing elsewhere."""
    kind = type(obj)
    bases = [class_name(base) for base in type_mro(kind)]
    said: dict[str, Any] = {}
    if "_ctypes.Array" in bases:
        table = type_dict(kind)
        if "_type_" in table:
            said["class"] = f"{class_name(table['_type_'])} * {table['_length_']}"
    if "_ctypes._Pointer" in bases or "_ctypes.CFuncPtr" in bases:
        return {"class": f"pointer to {class_name(type_dict(kind).get('_type_', object))}", "null": not obj}, None
    wrapper = object.__getattribute__(obj, "__dict__").get("_wrapper")  # where multiprocessing has put it
    with memoryview(obj) as view:
        said.update(
            content(view.tobytes() if not view.c_contiguous else bytes(view.cast("B")) if view.ndim else bytes(view))
        )
    return said, [] if wrapper is None else [("._wrapper", wrapper)]


#: What is said of each class and what derives from it; True: all there is, its attributes included.
KINDS: dict[str, tuple[Kind, bool]] = {
    "frame": (_say_named_only, True),
    "traceback": (_say_named_only, True),
    "_io.TextIOWrapper": (_say_text_file, True),
    "_io.BufferedReader": (_say_buffered_file, True),
    "_io.BufferedWriter": (_say_buffered_file, True),
    "_io.BufferedRandom": (_say_buffered_file, True),
    "_io.BufferedRWPair": (_say_buffered_file, True),
    "_io.FileIO": (_say_raw_file, True),
    "_io.StringIO": (_say_memory_file, False),
    "_io.BytesIO": (_say_memory_file, False),
    "_socket.socket": (_say_socket, True),
    "multiprocessing.connection._ConnectionBase": (_say_connection, True),
    "sqlite3.Connection": (_say_sqlite_connection, False),
    "_thread.lock": (_say_lock, True),
    "_thread.RLock": (_say_rlock, True),
    "_multiprocessing.SemLock": (_say_semlock, True),
    "multiprocessing.queues.Queue": (_say_mp_queue, True),
    "multiprocessing.heap.Arena": (_say_arena, True),
    "multiprocessing.shared_memory.SharedMemory": (_say_shared_memory, True),
    "multiprocessing.managers.BaseProxy": (_say_proxy, True),
    **dict.fromkeys((f"asyncio.locks.{name}" for name in _ASYNCIO), (_say_unshared, True)),
    "asyncio.queues.Queue": (_say_unshared, True),
    "_thread._local": (_say_thread_local, True),
    "threading.Thread": (_say_thread, True),
    "logging.Logger": (_say_logger, True),
    "_contextvars.ContextVar": (_say_context_variable, True),
    "_contextvars.Context": (_say_context, True),
    "_queue.SimpleQueue": (_say_simple_queue, True),
    "weakref.finalize": (_say_finalizer, True),
    "weakref.ProxyType": (_say_named_only, True),
    "weakref.CallableProxyType": (_say_named_only, True),
    "mmap.mmap": (_say_mmap, True),
    "_ctypes._CData": (_say_ctypes_data, True),
}
