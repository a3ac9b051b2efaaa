"""What a class or function is called, where it comes from, and whether a name finds the very object."""

from __future__ import annotations

import os
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterable
from types import MethodDescriptorType, ModuleType
from typing import Any, Protocol

Children = Iterable[tuple[Any, Any]] | None
Said = tuple[dict[str, Any], Children]


class Walker(Protocol):
    """What the function of a kind needs of the walk that asks it (:class:`handoff.compare.facts.Walk`)."""

    nested: int  #: depth of sets within sets
    parents: list[int]  #: of the parts stated before this one; its own number is their length
    memory: list[tuple[int, Any]]  #: part, and what exposes its buffer

    def sequence(self, items: Any, size: int | None = None) -> Said: ...
    def mapping(self, table: Any, pairs: Any = None) -> Said: ...
    def elements(self, items: Any, size: int) -> Said: ...


Kind = Callable[[Walker, Any], Said]
type_dict = type.__dict__["__dict__"].__get__
type_mro = type.__dict__["__mro__"].__get__
type_qualname = type.__dict__["__qualname__"].__get__
module_dict: Callable[[Any], dict[str, Any]] = vars(ModuleType)["__dict__"].__get__
NOTHING = object()


def module_of(cls: type) -> str:
    """The module a class says it comes from; the main module has one name in every process."""
    name = type_dict(cls).get("__module__") if _is_heap(cls) else type.__getattribute__(cls, "__module__")
    if type(name) is not str:  # it may say of itself what it is equal to
        return "?"
    return "__main__" if name == "__mp_main__" else name


def _is_heap(cls: type) -> bool:
    return type(type_dict(cls).get("__module__")) is str


def class_name(cls: type) -> str:
    """``module.qualname``; no module for built-in classes, and for a local class not the function that made it.

    cloudpickle drops that function from the name, and no code depends on it.
    """
    module, name = module_of(cls), type_qualname(cls).rpartition("<locals>.")[2]
    return name if module == "builtins" else f"{module}.{name}"


def installed(module: str) -> bool:
    """Whether a module belongs to Python, to an installed library or to this package: nobody changes it."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in ("handoff", "builtins"):
        return True
    if top in ("__main__", "__mp_main__"):
        return False
    found = sys.modules.get(module) or sys.modules.get(top)
    if not issubclass(type(found), ModuleType):
        return False
    names = module_dict(found)
    file = names.get("__file__")
    if type(file) is not str:
        file = next(iter(names.get("__path__", ())), None) if type(names.get("__path__")) is list else None
    return type(file) is str and file.startswith(_LIBRARIES)


_LIBRARIES = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def is_itself(obj: Any, module: Any, qualname: Any) -> bool | None:
    """Whether this is the very object that its name finds; None where the name finds nothing."""
    if type(module) is not str or module in ("__main__", "__mp_main__") or "<" in qualname:
        return None
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        if issubclass(type(found), ModuleType):
            found = module_dict(found).get(name, NOTHING)
        elif issubclass(type(found), type):
            found = type_dict(found).get(name, NOTHING)
        else:
            return None
        if type(found) in (staticmethod, classmethod):
            found = found.__func__
    return None if found is NOTHING or found is None else found is obj


def known_objects() -> dict[int, str]:
    """Objects that every process has its own of, and that stand for the same thing."""
    names = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")
    found: dict[int, str] = {}
    for name in names:
        stream = getattr(sys, name)
        if stream is not None:
            found.setdefault(id(stream), f"sys.{name}")
    return found


def copy_mark(kind: type) -> str:
    """What is put behind the name of a class that is not the one which its module has under that name."""
    # types of C extensions often lie about where they can be found: only classes written in Python are held to it
    flags: int = type.__dict__["__flags__"].__get__(kind)
    return " (a copy of the class in that module)" if flags & (1 << 9) and "__module__" in type_dict(kind) else ""


def c_reduce(obj: Any) -> Any:
    """What the C code of an extension type says that it consists of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for base in type_mro(type(obj)):
            method = type_dict(base).get("__reduce__")
            if type(method) is MethodDescriptorType and base is not object:
                return method(obj)
            method = type_dict(base).get("__reduce_ex__")
            if type(method) is MethodDescriptorType and base is not object:
                return method(obj, 4)
    raise TypeError("no reducer")


def gc_first(obj: Any) -> Any:
    """The first object that another one refers to, by the collector's own knowledge."""
    import gc

    return next(iter(gc.get_referents(obj)), None)
