"""Whose state an attribute is: public, private to a library's class, a cache, made anew by the class's own hooks.

What is asked is the class, by its dictionaries and the code of its methods, which is read and never run.
"""

from __future__ import annotations

import dis
import re
from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, MemberDescriptorType, MethodDescriptorType
from typing import Any

from handoff.compare.names import class_name, installed, module_of, type_dict, type_mro

#: A statement's mark of whose state there is in a part: see :func:`marks`. It is no fact, and in no digest.
STATE = "~state"
PRIVATE, CACHE, INSTALLED, REFERENCE = "private", "cache", "installed", "reference"
REMAKES, LEAVES_OUT = "remakes", "leaves out"  #: the hook that makes an instance's state anew; that tells what travels

_DUNDER = re.compile(r"__\w+__")
_METHODS = (staticmethod, classmethod)
#: Classes of plain data: what a hook puts anew into such an attribute is a value like any other.
_DATA = frozenset(
    [
        "int",
        "float",
        "str",
        "bool",
        "complex",
        "bytes",
        "bytearray",
        "NoneType",
        "list",
        "tuple",
        "dict",
        "set",
        "frozenset",
        "datetime.datetime",
        "datetime.date",
        "numpy.ndarray",
        "array.array",
        "collections.OrderedDict",
        "collections.defaultdict",
        "collections.deque",
        "collections.Counter",
        "decimal.Decimal",
        "fractions.Fraction",
        "uuid.UUID",
    ]
)


#: Containers of the standard library that keep their contents in an attribute: as an attribute of the user's own, it is
#: the user's.
_WEAK = frozenset({"weakref.WeakKeyDictionary", "weakref.WeakValueDictionary", "_weakrefset.WeakSet"})


class Ownership:
    """What is known of one class's attributes; made once for each class and walk."""

    def __init__(self, kind: type, *, user: bool) -> None:
        self.kind, self.user = kind, user
        self.known: dict[str, bool] = {}
        self.caches: dict[str, bool] = {}
        mro = type_mro(kind)
        self.ours = [base for base in mro if base is not object and not installed(module_of(base))]
        self.theirs = [base for base in mro if base is not object and installed(module_of(base))]
        bag = class_name(kind) in ("types.SimpleNamespace", "argparse.Namespace")  # its attributes are the user's
        self.librarys = not user and not bag  #: whether its attributes are
        self.weak = class_name(kind) in _WEAK
        self.hooks = {REMAKES: _hook(mro, ("__setstate__", "__reduce__", "__reduce_ex__"))}
        self.hooks[LEAVES_OUT] = _hook(mro, ("__getstate__", "__reduce__", "__reduce_ex__"))

    def marks(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """What of an instance's attributes is not its class's public state, and which hooks it has."""
        private = [name for name in attributes if name.startswith("_") and self.private(name, attributes[name])]
        cache = [name for name in attributes if self.cache(name)]
        found: dict[str, Any] = {
            PRIVATE: private,
            CACHE: cache,
            INSTALLED: self.librarys,
            **self.hooks,
        }
        return {name: value for name, value in found.items() if value}

    def private(self, name: str, value: Any) -> bool:
        """Whether an attribute whose name begins with an underscore is an installed class's, not the user's own."""
        found = self.known.get(name)
        if found is None:
            found = self.known[name] = self._private(name)
        return found or (
            bool(self.ours)
            and not any(name in _names(base) for base in self.ours)
            and type(value) is not type
            and class_name(type(value)) not in _DATA
            and installed(module_of(type(value)))
        )

    def _private(self, name: str) -> bool:
        if not self.ours:
            return True
        for base in type_mro(self.kind):
            if type(type_dict(base).get(name)) is MemberDescriptorType:
                return installed(module_of(base))
        theirs = any(name in _names(base) for base in self.theirs)
        ours = any(name in _names(base) for base in self.ours)
        return theirs and not (ours and any(name in _stored(base) for base in self.ours))

    def cache(self, name: str) -> bool:
        """Whether the class fills the attribute in when it is asked for: ``functools.cached_property`` and its like."""
        found = self.caches.get(name)
        if found is None:
            found = self.caches[name] = self._cache(name)
        return found

    def _cache(self, name: str) -> bool:
        for base in type_mro(self.kind):
            if name in type_dict(base):
                kind = type(type_dict(base)[name])
                if issubclass(
                    kind, FunctionType | BuiltinFunctionType | MethodDescriptorType | staticmethod | classmethod
                ):
                    return False
                has = {n for each in type_mro(kind) for n in ("__get__", "__set__") if n in type_dict(each)}
                return has == {"__get__"}
        return False


def kept_by_libraries(kind: type, table: Mapping[str, Any]) -> list[str]:
    """What libraries keep in a class of the user's: data under a name in two underscores that a base of theirs, or its
    metaclass, declares (pydantic's schemas)."""
    above = (*type_mro(kind), type(kind))
    theirs = [base for base in above if base is not object and base is not type and installed(module_of(base))]
    code = (FunctionType, property, *_METHODS)
    data = [name for name in table if _DUNDER.fullmatch(name) and not isinstance(table[name], code)]
    return [name for name in data if any(name in _names(base) for base in theirs)]


def is_data(kind: type) -> bool:
    """Whether instances of a class are plain data."""
    return any(class_name(base) in _DATA for base in type_mro(kind))


def _hook(mro: Iterable[type], names: Iterable[str]) -> str:
    """The first of these methods that a class has of its own, as ``Session.__getstate__``."""
    for base in mro:
        if base is object:
            return ""
        for name in names:
            if type(type_dict(base).get(name)) in (FunctionType, staticmethod, classmethod):
                return f"{class_name(base).rpartition('.')[2]}.{name}"
    return ""


def codes(values: Iterable[Any]) -> Iterator[CodeType]:
    """The code of the functions among these, of what is wrapped in them and of nested functions."""
    todo: list[Any] = []
    for value in values:
        inner = (
            (value.fget, value.fset)
            if type(value) is property
            else (value.__func__ if type(value) in _METHODS else None, value)
        )
        todo += [each.__code__ for each in inner if type(each) is FunctionType]
    while todo:
        code = todo.pop()
        yield code
        todo += [item for item in code.co_consts if type(item) is CodeType]


_names_of: dict[int, tuple[type, frozenset[str]]] = {}  # by id: a class may hash in its metaclass's own way


def _names(kind: type) -> frozenset[str]:
    """Every name that a class declares or its methods mention."""
    found = _names_of.get(id(kind))
    if found is None:
        names = {name for name in type_dict(kind) if type(name) is str}
        slots = type_dict(kind).get("__slots__", ())
        names |= (
            {slots}
            if type(slots) is str
            else {s for s in slots if type(s) is str}
            if type(slots) in (tuple, list)
            else set()
        )
        annotations = type_dict(kind).get("__annotations__")
        names |= set(annotations) if type(annotations) is dict else set()
        for code in codes(list(type_dict(kind).values())):
            names |= {*code.co_names, *(value for value in code.co_consts if type(value) is str)}
        found = _names_of[id(kind)] = kind, frozenset(names)
    return found[1]


def _stored(kind: type) -> frozenset[str]:
    """The attributes that a class's methods set, or that stand in its body."""
    found = {name for name in type_dict(kind) if type(name) is str}
    for code in codes(list(type_dict(kind).values())):
        found |= {step.argval for step in dis.get_instructions(code) if step.opname == "STORE_ATTR"}
    return frozenset(found)
