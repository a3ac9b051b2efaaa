"""The kinds of culprit: why each cannot travel, and what to do. Data, in one place.

The workarounds are those of the payload catalogue (``payloads/``), whose sources are the articles and manual pages
named there. Types are matched by the names of the classes in their MRO, so that nothing is imported to look for them.
"""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reason:
    """One row: the types it covers, why they cannot travel, what to do, and who carries them altered."""

    name: str
    reason: str
    fix: str
    types: tuple[str, ...] = ()
    altered_by: tuple[tuple[str, str], ...] = ()  #: (strategy, what arrives instead)
    whole: bool = False  #: one resource made of several objects: named as a whole, its inside is not looked at
    inside: tuple[str, ...] = ()  #: attributes of a ``whole`` that hold the user's own objects


_SYNC_FIX = (
    "leave it out in __getstate__ and make a new one in __setstate__, or hand a multiprocessing primitive to the "
    "workers when they start (initargs, Process args)"
)
_DILL_FILE = ("dill", "opens the file again by its name at load: another handle, for writing it truncates the file")
_FILE_FIX = "send its path and open it in the worker, or leave it out in __getstate__"
_MP_FIX = (
    "hand it over when the process starts: Process(args=...), or Pool(initializer=..., initargs=...); or use "
    "multiprocessing.Manager()"
)

KINDS: tuple[Reason, ...] = (
    Reason("row", "a row of sqlite3's refers to its cursor", "send tuple(row) or dict(row)", ("sqlite3.Row",)),
    Reason("match", "a match refers to the scanner's memory", "send match.groups() or match.span()", ("re.Match",)),
    Reason(
        "lock",
        "a lock belongs to the process that made it and cannot be pickled",
        _SYNC_FIX,
        ("_thread.lock", "_thread.RLock", "threading._RLock"),
        (("dill", "a new lock, unrelated to this one, arrives (a dilled RLock may not even be acquirable)"),),
    ),
    Reason(
        "synchronisation",
        "it is built on locks, which belong to the process that made them",
        _SYNC_FIX,
        ("threading.Condition", "threading.Event", "threading.Semaphore", "threading.Barrier"),
        (("dill", "a new primitive arrives, unrelated to this one: nobody here can wake a waiter there"),),
        whole=True,
    ),
    Reason(
        "queue",
        "a thread queue is built on locks and is shared by the threads of one process only",
        "use multiprocessing.Manager().Queue(), or hand a multiprocessing.Queue to the workers when they start",
        ("queue.Queue", "_queue.SimpleQueue", "queue._PySimpleQueue"),
        (("dill", "a copy of the queue arrives: what is put here never comes out there"),),
        whole=True,
        inside=("queue",),
    ),
    Reason(
        "thread",
        "a thread runs in this process and cannot be sent to another",
        "start the thread in the worker; send what it needs to run",
        ("threading.Thread", "_thread._ThreadHandle"),
        (("dill", "an object that was never started in the worker arrives"),),
        whole=True,
    ),
    Reason(
        "thread-local",
        "thread-local data belong to the threads of this process",
        "leave it out in __getstate__ and make a new threading.local() in __setstate__",
        ("_thread._local", "_threading_local.local"),
    ),
    Reason(
        "executor",
        "an executor or pool owns threads, processes and queues of this process",
        "make the executor in the worker, or submit from the parent only; leave it out in __getstate__",
        (
            "concurrent.futures._base.Executor",
            "multiprocessing.pool.Pool",
            "concurrent.futures._base.Future",
            "multiprocessing.pool.ApplyResult",
        ),
        whole=True,
    ),
    Reason(
        "multiprocessing",
        "multiprocessing shares it only through inheritance, when a process is started",
        _MP_FIX,
        (
            "multiprocessing.synchronize.SemLock",
            "multiprocessing.synchronize.Condition",
            "multiprocessing.synchronize.Event",
            "multiprocessing.queues.Queue",
            "multiprocessing.queues.SimpleQueue",
            "multiprocessing.sharedctypes.SynchronizedBase",
            "multiprocessing.heap.Arena",
            "multiprocessing.heap.BufferWrapper",
            "_multiprocessing.SemLock",
        ),
        whole=True,
    ),
    Reason(
        "process",
        "a child process belongs to its parent and cannot be sent on",
        "keep it in the parent; send the parameters it was started with",
        ("multiprocessing.process.BaseProcess", "subprocess.Popen", "multiprocessing.managers.BaseManager"),
        whole=True,
    ),
    Reason(
        "event-loop",
        "an event loop and its tasks belong to one thread of this process",
        "make the loop in the worker, with asyncio.run",
        ("asyncio.events.AbstractEventLoop", "_asyncio.Task", "_asyncio.Future", "asyncio.futures.Future"),
        whole=True,
    ),
    Reason(
        "file",
        "an open file is a descriptor of this process; only its path means something in another",
        _FILE_FIX,
        ("_io._TextIOBase", "_io._BufferedIOBase", "_io._RawIOBase", "_io._IOBase", "tempfile._TemporaryFileWrapper"),
        (("cloudpickle", "a StringIO with a copy of the content arrives, not the file"), _DILL_FILE),
    ),
    Reason(
        "compressed-file",
        "it is built on an open file, a descriptor of this process, and on the state of its compressor",
        _FILE_FIX,
        ("gzip.GzipFile", "bz2.BZ2File", "lzma.LZMAFile", "zipfile.ZipFile", "tarfile.TarFile"),
        (_DILL_FILE,),
        whole=True,
    ),
    Reason(
        "cached-function",
        "it is stored by the name of the function that it caches, and no import finds that name",
        "decorate a module-level function with the cache, or make the cache in the worker",
        ("functools._lru_cache_wrapper",),
        whole=True,
    ),
    Reason(
        "temporary-file",
        "a temporary file is an open descriptor of this process, deleted when it is closed",
        _FILE_FIX,
        ("tempfile._TemporaryFileWrapper", "tempfile.SpooledTemporaryFile"),
        (_DILL_FILE,),
        whole=True,
    ),
    Reason(
        "directory-scan",
        "it is an open directory of this process",
        "send the path, or the list of names",
        ("posix.ScandirIterator", "posix.DirEntry"),
    ),
    Reason(
        "socket",
        "a socket is a descriptor of this process; only multiprocessing's own pickler can duplicate it",
        "connect in the worker: send the address; or open the connection in the pool's initializer",
        ("_socket.socket",),
    ),
    Reason(
        "tls",
        "it holds keys and sessions of this process's OpenSSL, and no pickler carries it (multiprocessing's neither)",
        "leave it out in __getstate__ and make it in the worker: ssl.create_default_context(), or what made it here",
        ("ssl.SSLContext", "_ssl._SSLContext", "ssl.SSLSocket", "_ssl._SSLSocket", "ssl.SSLObject"),
    ),
    Reason(
        "mock",
        "each Mock is an instance of a class that is made for it alone, and no import finds that class",
        "put an instance of a small class of your own, at module level, in its place; or make the mock in the worker",
        ("unittest.mock.NonCallableMock",),
    ),
    Reason(
        "database",
        "a database connection or cursor belongs to the process that opened it",
        "send the database's path and connect in the worker, once, in the pool's initializer",
        ("sqlite3.Connection", "sqlite3.Cursor", "sqlite3.Blob"),
    ),
    Reason(
        "generator",
        "a generator is a suspended frame, and frames cannot be pickled",
        "send a list of its items, or the function and arguments that make it",
        ("builtins.generator", "builtins.coroutine", "builtins.async_generator", "builtins.coroutine_wrapper"),
    ),
    Reason(
        "iterator",
        "this iterator cannot be pickled: it holds the place it has come to, or what it iterates over",
        "send what it iterates over, or a list of what is left",
        ("collections.abc.Iterator", "_csv.reader", "_csv.writer"),
    ),
    Reason(
        "dict-view",
        "a view refers into a live dict and cannot be pickled",
        "send list(view) or the dict itself",
        ("builtins.dict_keys", "builtins.dict_values", "builtins.dict_items"),
        (("cloudpickle", "a view of a copy of the dict arrives"), ("dill", "a view of a copy of the dict arrives")),
    ),
    Reason(
        "mappingproxy",
        "a mappingproxy is a read-only view of a live dict and cannot be pickled",
        "send dict(proxy), and put types.MappingProxyType around it again in the worker",
        ("builtins.mappingproxy",),
    ),
    Reason(
        "module",
        "modules are not pickled",
        "store the module's name and use importlib.import_module in the worker, or import it inside the function",
        ("builtins.module",),
    ),
    Reason(
        "weak-reference",
        "a weak reference points into this process's memory",
        "send the object itself, or an id to look it up by; leave caches out in __getstate__",
        (
            "weakref.ReferenceType",
            "builtins.weakref",
            "weakref.ref",
            "weakref.WeakValueDictionary",
            "weakref.WeakKeyDictionary",
            "_weakrefset.WeakSet",
            "weakref.WeakMethod",
            "weakref.finalize",
        ),
        (("dill", "a weak reference to a copy arrives, dead if nothing else keeps that copy"),),
        whole=True,
    ),
    Reason(
        "memoryview",
        "a memoryview points into another object's memory",
        "send bytes(view), or the object it looks into with the slice's bounds",
        ("builtins.memoryview",),
        (("cloudpickle", "a copy as bytes arrives, not a view"),),
    ),
    Reason(
        "pickle-buffer",
        "a PickleBuffer travels with protocol 5 only",
        "use protocol 5 (strategy pickle-5 or pickle-5-oob), or send bytes",
        ("_pickle.PickleBuffer", "pickle.PickleBuffer"),
    ),
    Reason(
        "ctypes",
        "ctypes objects containing pointers refer to addresses of this process",
        "send the values pointed to; build the pointer in the worker",
        ("_ctypes._Pointer", "_ctypes._SimpleCData", "_ctypes.Structure", "_ctypes.CFuncPtr", "_ctypes._CData",
         "ctypes.CDLL", "_ctypes.CField"),
        whole=True,
    ),
    Reason(
        "context",
        "context variables and contexts belong to this process's threads",
        "send the value (var.get()) and set it in the worker",
        ("_contextvars.ContextVar", "_contextvars.Context", "_contextvars.Token"),
        whole=True,
    ),
    Reason(
        "frame",
        "frames, tracebacks and code cannot be pickled",
        "send the text: traceback.format_exception, or the source",
        ("builtins.frame", "builtins.traceback", "builtins.code", "builtins.cell"),
    ),
    Reason(
        "mapped-memory",
        "a memory map belongs to this process",
        "send the path and map it again in the worker, or use multiprocessing.shared_memory",
        ("mmap.mmap",),
    ),
    Reason(
        "descriptor",
        "functions wrapped for a class (property, classmethod, staticmethod) are pickled only as part of an importable "
        "class",
        "send the class, or the underlying module-level function",
        ("builtins.property", "builtins.classmethod", "builtins.staticmethod", "builtins.getset_descriptor",
         "builtins.member_descriptor"),
    ),
    Reason(
        "selector",
        "it holds descriptors of this process",
        "make it in the worker",
        ("selectors.BaseSelector", "select.epoll", "select.poll", "select.kqueue"),
        whole=True,
    ),
)  # fmt: skip

LAMBDA = Reason(
    "lambda",
    "a lambda has no importable name, so pickle cannot store it by reference",
    "define it at module level, or make it a functools.partial of a module-level function or a callable class",
)
NESTED = Reason(
    "nested-function",
    "a function defined inside a function has no importable name, so pickle cannot store it by reference",
    "move it to module level and pass what it closes over as arguments (functools.partial, or a callable class)",
)
FUNCTION = Reason(
    "function-not-found",
    "the function is not found under its qualified name (replaced, shadowed, decorated or deleted), so pickle cannot "
    "store it by reference",
    "keep the original under its own name at module level (functools.wraps only where the wrapper takes that name)",
)
FOREIGN = Reason(
    "foreign-module",
    "it says that it comes from a module that cannot be imported here, and is stored under that module's name",
    "set its __module__ to the module that binds it, under its own __qualname__ (generators of classes take a module's "
    "name for this)",
)
STREAM = Reason(
    "standard-stream",
    "it is this process's own standard stream",
    "take sys.stdout, sys.stderr or sys.stdin in the worker: leave it out in __getstate__, and look it up where it is "
    "used",
)
WRAPPER = Reason(
    "wrapper",
    "it wraps another object and passes itself off as that one, and cannot be pickled itself",
    "send what it wraps (`__wrapped__`) under a module-level name of its own, or a function there that calls it",
)
LOCAL_CLASS = Reason(
    "local-class",
    "its class is defined inside a function, so no worker can import it",
    "move the class to module level",
)
CLASS = Reason(
    "class-not-found",
    "its class is not found under its qualified name (replaced, shadowed, renamed or made at run time)",
    "bind the class at module level under its own __qualname__",
)
MAIN = Reason(
    "main",
    "it is defined in __main__ where a spawned worker does not find it (interactive, or under the __main__ guard)",
    "move the definition into a module that the workers can import",
)
MISSING = Reason(
    "not-importable",
    "the worker cannot import the module or name that it is stored under",
    "put the module on the workers' import path, and define the name at import, not at run time",
)
GETSTATE = Reason(
    "hook-raises",
    "its own pickling hook (__reduce__, __reduce_ex__, __getstate__, __getnewargs__) raises",
    "mend the hook: return plain data, and leave out what cannot travel",
)
UNPICKLABLE = Reason(
    "unpicklable",
    "its type does not support pickling",
    "leave it out in __getstate__, or register a reducer for its type with copyreg",
)
CONSTRUCTOR = Reason(
    "constructor",
    "it pickles, but making it again in the worker fails",
    "define __reduce__ to return the class and all the arguments it needs, or give the arguments defaults",
)
METHOD = Reason(
    "method-name",
    "a bound method is stored as its object and its function's own name, and no attribute has that name",
    "give the function its attribute's name (__name__, functools.wraps), or send the object and take the method there",
)
EXCEPTION = Reason(
    "exception-arguments",
    "an exception is made again from its args, and this class's constructor wants others",
    "pass all arguments to super().__init__(...), or define __reduce__",
)
SETATTR = Reason(
    "frozen-state",
    "pickle restores its slots with setattr, and its class (a frozen dataclass, say) forbids that",
    "define __setstate__(self, state): for part in state: for name, value in (part or {}).items(): "
    "object.__setattr__(self, name, value)",
)
ITEMS = Reason(
    "items-before-attributes",
    "pickle makes it without __init__ and puts the items in before its attributes are restored, through its own "
    "methods, which need them",
    "define __reduce__ so that the constructor's arguments bring the attributes: return type(self), (arguments,), "
    "None, None, iter(self.items()) for a dict, return type(self), (arguments,), None, iter(self) for a list",
)
ITEMS_REFUSED = Reason(
    "items-refused",
    "pickle puts its items in through its own methods (__setitem__, append, extend, add), and these refuse them",
    "define __reduce__ so that the items come with the constructor's arguments: return type(self), (dict(self),), or "
    "type(self), (list(self),)",
)
AUTHKEY = Reason(
    "manager-authkey",
    "a manager's proxy connects when it is loaded, with the process's own authkey, and its manager has another",
    "start the manager without an authkey of its own; or set multiprocessing.current_process().authkey to the "
    "manager's before the workers start",
)
SETSTATE = Reason(
    "setstate",
    "it pickles, but restoring its state in the worker fails",
    "mend __setstate__: it must work in a process that has nothing but the state",
)
GETATTR = Reason(
    "getattr-recursion",
    "its __getattr__ delegates to an attribute that does not exist yet while it is restored, and recurses",
    "raise AttributeError in __getattr__ for names that start with an underscore (or for the delegate's own name)",
)
HASH = Reason(
    "hash",
    "it is restored after it is hashed (a cycle through a set or a dict key), and its __hash__ needs its state",
    "break the cycle, or restore the hashed fields by __reduce__ arguments instead of state",
)
HANG = Reason(
    "load-hangs",
    "it pickles, but restoring it in the worker does not come back",
    "do not wait, connect or lock in __setstate__ or the constructor",
)
RECURSION = Reason(
    "recursion",
    "RecursionError: it nests deeper than the pickler can follow",
    "send a flat form: a list of the nodes with ids instead of links, rebuilt in the worker",
)
SENTINEL = Reason(
    "sentinel",
    "a sentinel is compared by identity, and a copy of it arrives",
    "use an enum member, None, or a class with a __reduce__ that returns its module-level name",
)
ALIAS = Reason(
    "aliased-buffer",
    "the arrays look into one buffer here; they arrive with a buffer each",
    "send the base array once, and make the views in the worker",
)
CLASS_STATE = Reason(
    "changed-at-run-time",
    "its class or function travels by reference: a worker that imports it afresh has the value from the source",
    "set it on the instance, pass it as an argument, or set it in the pool's initializer",
)
LOST_STATE = Reason(
    "lost-state",
    "its pickling hook does not include the attributes of the instance, so they are gone on arrival",
    "define __reduce__ and __setstate__ that carry __dict__",
)
PROXY = Reason(
    "weak-proxy",
    "a weak proxy pickles what it points to: an independent copy arrives, no proxy",
    "send the object itself, or an id to look it up by",
)
CONNECTION = Reason(
    "connection",
    "it pickles as a bare descriptor number, which means something else in another process",
    "hand it over when the process starts, or through multiprocessing's own queues and pools",
)


def type_name(kind: type) -> str:
    """A class's name as a person writes it: ``_thread.lock``, ``numpy.ndarray``, and bare for builtins."""
    module = type.__getattribute__(kind, "__module__")
    name = type.__getattribute__(kind, "__qualname__")
    return str(name) if module in ("builtins", None) or not isinstance(module, str) else f"{module}.{name}"


_BY_TYPE: dict[str, Reason] = {name: kind for kind in KINDS for name in kind.types}
_CACHE: dict[type, Reason | None] = {}


def of_type(kind: type) -> Reason | None:
    """The row for a class, by the most derived base that is named in :data:`KINDS`; None for a class with none."""
    if kind not in _CACHE:
        _CACHE[kind] = _find(kind)
    return _CACHE[kind]


def _find(kind: type) -> Reason | None:
    for base in type.mro(kind) if kind is not type else ():
        row = _BY_TYPE.get(f"{type.__getattribute__(base, '__module__')}.{type.__getattribute__(base, '__qualname__')}")
        if row is not None:
            return row
    in_python = kind.__flags__ & (1 << 9)  # Py_TPFLAGS_HEAPTYPE
    if any("__next__" in base.__dict__ for base in kind.__mro__) and not in_python:
        return _BY_TYPE["collections.abc.Iterator"]
    return None


def _is_foreign(module: Any) -> bool:
    """Whether pickle, which has tried to import it, could not."""
    return isinstance(module, str) and module not in sys.modules


def of_unreachable(obj: Any) -> Reason:
    """The row for a function or class that pickle does not find by name, or for an instance of such a class."""
    if not issubclass(type(obj), type | types.FunctionType) and (row := of_type(type(obj))) is not None:
        return row
    if issubclass(type(obj), types.FunctionType):
        if obj.__module__ == "__main__" and "<locals>" not in obj.__qualname__ and obj.__name__ != "<lambda>":
            return MAIN
        if obj.__name__ == "<lambda>" or obj.__qualname__.endswith("<lambda>"):
            return LAMBDA
        if "<locals>" in obj.__qualname__:
            return NESTED
        return FOREIGN if _is_foreign(obj.__module__) else FUNCTION
    kind = obj if issubclass(type(obj), type) else type(obj)
    if "<locals>" in kind.__qualname__:
        return LOCAL_CLASS
    if _is_foreign(kind.__module__):
        return FOREIGN
    return MAIN if kind.__module__ == "__main__" else CLASS
