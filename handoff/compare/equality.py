"""What a class says of its own objects: by which equality two are alike, which are values, what is a property of it.

Some of this runs the object's own code; who asks bounds its time.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

from handoff.compare.names import installed, module_of, type_dict, type_mro
from handoff.compare.ownership import codes
from handoff.compare.values import SCALARS

EQUALITIES = ("identical", "equals", "__eq__")  #: in this order: the strictest first


def equalities(kind: type) -> list[str]:
    """Which equalities a class has of its own; none where all it has is identity."""
    bases = [base for base in type_mro(kind) if base is not object]
    return [name for name in EQUALITIES if any(name in type_dict(base) for base in bases)]


def user_equality(kind: type) -> bool:
    """Whether it is a class of the user's own that defines its equality."""
    for base in type_mro(kind):
        if base is not object and "__eq__" in type_dict(base):
            return not installed(module_of(base))
    return False


def equal(one: Any, other: Any, asked: Callable[[Callable[[], Any]], bool | None]) -> bool | None:
    """The word of the first of the equalities that gives one."""
    if type(one) is not type(other):
        return None
    for name in equalities(type(one)):
        word = asked((lambda: one == other) if name == "__eq__" else lambda n=name: getattr(one, n)(other))  # type: ignore[misc]  # n has a default
        if word is not None:
            return word
    return None


def is_value(obj: Any) -> bool:
    """Whether it is a plain value, or of a library's class that has an equality and hash of its own: a datetime."""
    if type(obj) is tuple or type(obj) is frozenset:
        return all(map(is_value, obj))
    if id(type(obj)) in SCALARS:
        return True
    mro = [type_dict(base) for base in type_mro(type(obj)) if base is not object]
    hashed = next((names["__hash__"] for names in mro if "__hash__" in names), None)
    return hashed is not None and any("__eq__" in names for names in mro) and installed(module_of(type(obj)))


def sets(function: Any, name: str) -> bool:
    """Whether a function, or one inside it, sets a variable of the function around it; what is no function may."""
    if type(function) is not FunctionType:
        return True
    steps = (step for code in codes([function]) for step in dis.get_instructions(code))
    return any(step.opname in ("STORE_DEREF", "DELETE_DEREF") and step.argval == name for step in steps)


def is_property(kind: type, name: str) -> bool:
    """Whether a class computes an attribute: then asking for it tells what is public of its private state."""
    for base in type_mro(kind):
        if name in type_dict(base):
            has = {
                n
                for each in type_mro(type(type_dict(base)[name]))
                for n in ("__get__", "__set__")
                if n in type_dict(each)
            }
            return "__get__" in has and "__set__" in has
    return False


def fold_matters(moment: Any) -> bool:
    """Whether a datetime's other fold is another moment, or nobody can tell."""
    other = moment.replace(fold=1 - moment.fold)
    return moment.tzinfo is None or moment.utcoffset() != other.utcoffset()


def keeps_otherwise(kind: type) -> bool:
    """Whether a class iterates, or has a length, in a way of its own, past what it inherits from dict or list."""
    for base in type_mro(kind):
        if not {"__iter__", "__len__"}.isdisjoint(type_dict(base)):
            return module_of(base) != "builtins"
    return False


def contents(obj: Any) -> tuple[int, list[Any]]:
    """The length that its class says it has (-1: none), and what it iterates over."""
    return len(obj) if hasattr(type(obj), "__len__") else -1, list(iter(obj))


def stale(obj: Any, made: Any) -> bool:
    """Whether two are plainly equal, and have not the same hash."""
    return (obj == made) is True and hash(obj) != hash(made)


def is_standard(kind: type) -> bool:
    """Whether a class is of the standard library."""
    return module_of(kind).partition(".")[0] in sys.stdlib_module_names


def is_dunder(name: str) -> bool:
    """Whether a name is the data model's; a user's own __init__ and __call__ are code like any other."""
    return name.startswith("__") and name.endswith("__") and name not in ("__init__", "__call__")
