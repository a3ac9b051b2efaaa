"""Objects that are compared by identity: what a module has under a constant's name, and NaN.

A copy of these is another thing, although nothing about it differs: ``value is UNSET`` is False, ``prices[nan]`` fails.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import CodeType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any

from handoff.compare.names import module_dict, type_dict, type_mro
from handoff.compare.ownership import codes

NEAR = 3  #: instructions between loading a name and the ``is`` that it is for
KEEPERS = 100  #: of hashes, looked at
LARGE = 1 << 24  #: the hash of a string is larger than this but once in 10**11
FEW = 3  #: attributes that a marker has at most


def module_objects() -> dict[int, list[tuple[str, str]]]:
    """Under which names, each with its module, modules have what others may compare with by identity; by id.

    That is every bare ``object()``, and whatever has the name of a constant (PEP 8: capitals).
    """
    found: dict[int, list[tuple[str, str]]] = {}
    for module_name, module in list(sys.modules.items()):
        if issubclass(type(module), ModuleType):
            for name, value in list(module_dict(module).items()):
                if type(value) is object or (type(name) is str and name.strip("_").isupper()):
                    found.setdefault(id(value), []).append((module_name, name))
    return found


def by_identity(kind: type) -> bool:
    """Whether instances of a class are equal to themselves alone."""
    return not any("__eq__" in type_dict(base) for base in type_mro(kind) if base is not object)


def is_marker(attributes: Mapping[str, Any], places: list[tuple[str, str]]) -> bool:
    """Whether what modules have at these places is a marker, not merely data: it says its own name, or is asked for
    with ``is`` in one of these modules."""
    words = {value.strip("<>_ ").lower() for value in attributes.values() if type(value) is str}
    return any(name.strip("_").lower() in words for _, name in places) or any(map(_asked_for, places))


def singleton_of_its_module(obj: Any) -> list[tuple[str, str]]:
    """Where the module of its class has an instance without state that is to be the only one, under any name.

    Its class says so by a copying that is its own, or the module by asking for it with ``is``.
    """
    kind = type(obj)
    module_name = type_dict(kind).get("__module__")
    module = sys.modules.get(module_name) if type(module_name) is str else None
    if not issubclass(type(module), ModuleType):
        return []
    places = [(str(module_name), name) for name, value in list(module_dict(module).items()) if value is obj]
    copies = any(name in type_dict(base) for base in type_mro(kind)[:-1] for name in ("__copy__", "__deepcopy__"))
    return places if copies or any(map(_asked_for, places)) else []


def _asked_for(place: tuple[str, str]) -> bool:
    module, name = place
    return any(name in code.co_names and _asks(code, name) for code in _module_codes(sys.modules.get(module)))


def _asks(code: CodeType, name: str) -> bool:
    """Whether a function compares with a name by ``is``."""
    loaded = -NEAR - 1
    for at, step in enumerate(dis.get_instructions(code)):
        if step.opname.startswith("LOAD_") and step.argval == name:
            loaded = at
        elif step.opname == "IS_OP" and at - loaded <= NEAR:
            return True
    return False


def _module_codes(module: Any) -> Iterator[CodeType]:
    if not issubclass(type(module), ModuleType):
        return
    for value in list(module_dict(module).values()):
        if type(value) is FunctionType:
            yield from codes([value])
        elif issubclass(type(value), type) and type_dict(value).get("__module__") == module_dict(module).get(
            "__name__"
        ):
            yield from codes(type_dict(value).values())


def hashes(kind: type) -> bool:
    """Whether a class computes the hash of its instances in Python."""
    for base in type_mro(kind):
        if "__hash__" in type_dict(base):
            return type(type_dict(base)["__hash__"]) is FunctionType
    return False


def has_large_int(attributes: Mapping[str, Any]) -> bool:
    """Whether one of an instance's attributes might be a hash."""
    return any(type(value) is int and abs(value) > LARGE for value in attributes.values())


def keeps_hash(obj: Any) -> bool:
    """Whether an object has its hash as an attribute: it travels, and strings hash otherwise elsewhere.

    Runs its ``__hash__``, and raises what that raises.
    """
    own = _large_ints(obj)
    return bool(own) and hash(obj) in own


def made_alike(obj: Any) -> Iterator[Any]:
    """Objects like one that keeps its hash, made here of its other attributes: what is equal to it, and hashes anew.

    Without the attribute, as a class that computes it when it is asked has it at first; and by its constructor, whose
    arguments are the attributes of their names. Runs the class's own code, and raises nothing.
    """
    kind: Any = type(obj)
    table = getattr(obj, "__dict__", None)
    if type(table) is dict:
        kept = hash(obj)
        others = {name: value for name, value in table.items() if type(value) is not int or value != kept}
        for instead in ({}, dict.fromkeys(table.keys() - others.keys())):
            with suppress(Exception):
                alike = kind.__new__(kind)
                alike.__dict__.update(others | instead)
                hash(alike)
                yield alike
    with suppress(Exception):
        code = kind.__init__.__code__
        names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        values = {name: getattr(obj, name, getattr(obj, f"_{name}", _MISSING)) for name in names}
        alike = kind(**{name: value for name, value in values.items() if value is not _MISSING})
        if type(alike) is kind:  # a constructor may well give something simpler
            yield alike


_MISSING = object()


def _large_ints(obj: Any) -> set[int]:
    """Those among an instance's own attributes, of its dictionary and its slots."""
    table = getattr(obj, "__dict__", None)
    values = list(table.values()) if type(table) is dict else []
    for base in type_mro(type(obj)):
        for member in type_dict(base).values():
            if type(member) is MemberDescriptorType:
                with suppress(AttributeError):
                    values.append(member.__get__(obj))
    return {value for value in values if type(value) is int and abs(value) > LARGE}


def nans() -> frozenset[int]:
    """The ids of the NaNs that modules have for everybody: a list or dict finds these by identity alone."""
    found = set()
    for module, name in (("math", "nan"), ("cmath", "nan"), ("numpy", "nan")):
        if issubclass(type(sys.modules.get(module)), ModuleType):
            found.add(id(module_dict(sys.modules[module]).get(name)))
    return frozenset(found - {id(None)})
