"""The payload: one documented shape of object, and what can be asked of it.

A collection is a Python file, or a folder of Python files, that defines ``PAYLOADS``. The built-in catalogue in
``payloads/`` is one such collection; a user's own file has the same form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from handoff.checksum import touch as touch_anything

DONE = 1  #: what is acknowledged instead of a checksum when a task did the user's own work


class Duty(StrEnum):
    """What a payload is for."""

    ARGUMENT = "argument"  #: travels with every task
    STATE = "state"  #: set up once per worker, used by every task
    RESULT = "result"  #: comes back from the worker
    SHARED = "shared"  #: written by several, seen by all


class Trait(StrEnum):
    """What is special about a payload; strategies say which traits they cannot carry, and how they fail."""

    BUFFER = "buffer"  #: most of its bytes are exposed as contiguous buffers that pickle 5 can take out of band
    FIXED_DTYPE = "fixed-dtype"  #: one flat, contiguous block of equal numbers or bytes: fits ``mp.Array``
    SCALARS = "scalars"  #: a flat list of int, float, bool, str, bytes or None: fits ``ShareableList``
    ELEMENTS = (
        "elements"  #: a list, dict, bytearray or array whose elements can be replaced: what duty ``shared`` needs
    )
    TABLE = "table"  #: a table of pyarrow, or a frame of pandas or polars
    CYCLE = "cycle"  #: refers to itself
    DEEP = "deep"  #: nests deeper than the recursion limit allows a pickler to follow
    NESTED = "nested"  #: nests deeper than a pickler written in Python (dill) can follow, not deeper than one in C
    LOCAL_FUNCTION = "local-function"  #: holds a function that no import can find: a lambda, a nested function
    LOCAL_CLASS = "local-class"  #: holds an instance of a class that no import can find
    MAIN_CODE = "main-code"  #: holds a class or function of the ``__main__`` module
    OS_RESOURCE = "os-resource"  #: holds an open file, a socket, a connection, a thread
    SOCKET = "socket"  #: holds a socket: plain pickle refuses it, multiprocessing's pickler hands its descriptor over
    LOCK = "lock"  #: holds a lock or another synchronisation primitive of threads
    SYNCHRONIZED = "synchronized"  #: holds a multiprocessing primitive, shareable only through inheritance
    ONE_INTERPRETER = "one-interpreter"  #: needs extension modules that load in a process's first interpreter alone
    INTERPRETER = "interpreter"  #: holds what lives in this interpreter alone: a generator, a module, a memoryview
    LOAD_FAILS = "load-fails"  #: can be pickled, and fails (or hangs) when loaded
    DUMP_FAILS = "dump-fails"  #: its own pickling hooks raise
    CHANGED = "changed"  #: refers by name to a module's class or function whose state was changed while the program ran
    IDENTITY = "identity"  #: a part must be the very same object or memory as another, and pickle does not keep it so


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One documented shape of object.

    ``make`` builds it, always the same; ``touch`` reads all of it and returns a checksum; ``facts`` states everything
    that must be the same on the other side, as JSON. Only ``name`` and ``make`` are needed: the rest has defaults that
    do for plain data. Where sharing is the point (a lock, a queue, a handler), ``use`` and ``seen`` belong together:
    the worker uses what arrived, the parent looks whether the use shows in the original.
    """

    name: str  #: kebab-case, the size in it: ``array-f64-1mib``. An API: append, never rename
    make: Callable[[], Any]
    touch: Callable[[Any], int] = touch_anything  #: reads every part; equal in every process for equal objects
    #: what a task does with the object when it has it, in the worker; its result is pickled, as a pool would. None: a
    #: task reads all of the object (``touch``)
    work: Callable[[Any], Any] | None = None
    facts: Callable[[Any], Mapping[str, Any]] | None = (
        None  #: None: :func:`handoff.compare.facts.facts`, a generic walk
    )
    use: Callable[[Any], None] | None = None  #: for what is shared: change it in the worker, once, after all else
    seen: Callable[[Any], str] | None = None  #: in the parent, on the original, after ``use``: "" or what did not show
    traits: frozenset[Trait] = frozenset()
    duties: frozenset[Duty] = frozenset(
        {Duty.ARGUMENT}
    )  #: the duties for which it is measured; none: only its outcome is asked for
    nbytes: int | None = None  #: bytes of its buffers, if BUFFER: what the floor has to move
    needs: tuple[str, ...] = ()  #: libraries beyond the project's own that making it imports: without one, unavailable
    why: str = ""  #: why the shape and size are realistic
    source: str = ""  #: the article, issue or manual page that documents it

    def __post_init__(self) -> None:
        if not self.name or set(self.name) - set("abcdefghijklmnopqrstuvwxyz0123456789-_."):
            raise ValueError(f"payload name {self.name!r}: use lower-case letters, digits, '-', '_' and '.'")

    def missing(self) -> str:
        """Why it cannot be made here: ``pandas: not installed``; or ""."""
        from importlib.util import find_spec

        lacking = [library for library in self.needs if find_spec(library) is None]
        return f"{' and '.join(lacking)}: not installed" if lacking else ""

    def task(self, obj: Any) -> int:
        """Do what a task does with the object; the number that acknowledges it. Raises what the work raises."""
        if self.work is None:
            return self.touch(obj)
        result = self.work(obj)
        if result is not None:
            from multiprocessing.reduction import ForkingPickler

            ForkingPickler.dumps(result)
        return DONE

    def expected(self, obj: Any) -> int:
        """The number that :meth:`task` gives for an object like this one; does none of the work."""
        return self.touch(obj) if self.work is None else DONE
