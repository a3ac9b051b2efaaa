"""The object as it is before it is handed over: made and stated once for each cell, or once for many.

Where making and stating it takes long, cells may share one original, made in the process that forks them: a fork copies
all memory, so it differs in nothing from one that the cell makes itself, as long as nothing in it belongs to a process.
That is what :func:`inert` decides, by the classes of all parts; and the number of the process that made it may not
occur in it. Tests compare with isolated cells.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from handoff.compare import shared_state
from handoff.compare.facts import digest, stated
from handoff.compare.names import class_name, installed, module_of
from handoff.measuring import looking
from handoff.payload import Payload
from handoff.target import Ref

REUSE_S = 0.004  #: what takes less to make and state than to fork twice is made for each cell

_INERT_CLASSES = {
    "": "int float str bool complex bytes bytearray NoneType ellipsis list tuple dict set frozenset range slice object"
    " type module function code cell property staticmethod classmethod mappingproxy getset_descriptor member_descriptor"
    " wrapper_descriptor method_descriptor builtin_function_or_method",
    "array.": "array",
    "collections.": "OrderedDict defaultdict deque Counter",
    "dataclasses.": "Field _DataclassParams",
    "datetime.": "datetime date time timedelta timezone",
    "decimal.": "Decimal",
    "fractions.": "Fraction",
    "numpy.": "ndarray",
    "pathlib.": "PosixPath PurePosixPath",
    "uuid.": "UUID",
}
_INERT = frozenset(module + name for module, names in _INERT_CLASSES.items() for name in names.split())
#: What a class of its own may not have: code that runs when an object is pickled, copied or dropped could ask where.
_HOOKS = frozenset(
    {
        *("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__"),
        *("__new__", "__del__", "__getattr__", "__getattribute__", "__class__"),
    }
)
_type_dict = type.__dict__["__dict__"].__get__
_type_mro = type.__dict__["__mro__"].__get__


def inert(kinds: Collection[type]) -> bool:
    """Whether objects of these classes are memory and nothing else: no file, lock, thread, weak reference or hook."""
    return all(map(_inert, kinds))


def _inert(kind: type) -> bool:
    if class_name(kind) in _INERT or module_of(kind).partition(".")[0] == "numpy":
        return True
    if type(kind) is not type or installed(module_of(kind)):
        return False
    own = [base for base in _type_mro(kind) if class_name(base) not in _INERT]
    named_tuple = issubclass(kind, tuple) and "_fields" in _type_dict(kind)
    made = {"__new__", "__getnewargs__"} if named_tuple else set()  # for it, not by anybody
    return not any((_HOOKS - made) & _type_dict(base).keys() for base in own)


@dataclass(frozen=True, slots=True)
class Original:
    """An object, what must be the same of it elsewhere, and how it is seen whether it is still shared."""

    obj: Any
    facts: str  #: as JSON
    brief: str  #: their digest
    use: Callable[[Any], None] | None  #: None: there is nothing in it that could be shared
    seen: Callable[[Any], str] | None
    making_s: float = 0.0  #: that it took to make it

    @property
    def sent(self) -> str:
        """What who judges an arrival must know of it, as JSON."""
        return looking.sent(self.facts, self.making_s)


def original(payload: Payload) -> Original:
    """Make and state it. Raises what the payload's own code raises."""
    begin = time.monotonic()
    obj = payload.make()
    took = time.monotonic() - begin
    return replace(_original(payload, obj), making_s=round(took, 3))


def _original(payload: Payload, obj: Any) -> Original:
    if payload.facts:
        text = looking.state(payload, obj)
        use, seen = (payload.use, payload.seen) if payload.use and payload.seen else (None, None)
        return Original(obj, text, digest(text), use, seen)
    statement, kinds, in_brief = stated(obj)
    text = json.dumps(statement)
    use, seen = (shared_state.use, shared_state.seen) if shared_state.shares(kinds) else (None, None)
    if payload.use and payload.seen:
        use, seen = payload.use, payload.seen
    return Original(obj, text, in_brief, use, seen)


_looked_at: list[Original] = []  #: until this process ends, for a destructor may hang


def worth_sharing(payload: Payload) -> tuple[bool, Collection[type]]:
    """Make one, and say whether many cells may have it in common, and gain by it; and the classes of its parts."""
    begin = time.perf_counter()
    _looked_at.append(found := original(payload))
    payload.touch(found.obj)
    took = time.perf_counter() - begin
    own, kinds = str(os.getpid()) in found.facts, stated(found.obj)[1]
    return took > REUSE_S and not own and not (payload.use and payload.seen) and inert(kinds), kinds


_kept: dict[Ref, Original] = {}


def keep(ref: Ref) -> None:
    """Make the object here, for the cells that this process will fork."""
    _kept[ref] = original(ref.load())


def of(ref: Ref, payload: Payload) -> Original:
    """The original that the process which forked this one has kept, or a new one."""
    return _kept.get(ref) or original(payload)
