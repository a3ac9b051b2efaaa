"""What is said of functions, classes, methods, modules and other code."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from types import CodeType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any

from handoff.compare.names import (
    Kind,
    Said,
    Walker,
    class_name,
    copy_mark,
    installed,
    is_itself,
    module_dict,
    module_of,
    type_dict,
    type_mro,
    type_qualname,
)
from handoff.compare.ownership import PRIVATE, REFERENCE, STATE, kept_by_libraries
from handoff.compare.values import SCALARS, value_statement


def code_digest(code: CodeType) -> str:
    """What a code object does: not its file and line, not how its constants are shared."""
    return hashlib.blake2b(_code_text(code).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _code_text(code: CodeType) -> str:
    names = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    more = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return f"{code.co_code.hex()} {names} {more} [{', '.join(map(_constant, code.co_consts))}]"


def _constant(value: Any) -> str:
    if type(value) is CodeType:
        return _code_text(value)
    if type(value) is tuple:
        return f"({', '.join(map(_constant, value))})"
    if type(value) is frozenset:
        return f"frozenset({sorted(map(_constant, value))})"
    return str(value_statement(value, type(value)))


def global_names(code: CodeType) -> list[str]:
    """Every name that a function's code, nested functions included, may look up as a global or as an attribute."""
    found, todo = dict.fromkeys(code.co_names), [code]
    while todo:
        inner = [item for item in todo.pop().co_consts if type(item) is CodeType]
        for item in inner:
            found.update(dict.fromkeys(item.co_names))
        todo += inner
    return list(found)


def _say_function(walk: Walker, obj: Any) -> Said:
    """A Python function: its code, defaults, closure, attributes, and the values of the globals that it refers to."""
    module = obj.__module__
    module = "__main__" if module == "__mp_main__" else module
    own = is_itself(obj, module, obj.__qualname__)
    said: dict[str, Any] = {"name": f"{module}.{obj.__qualname__}", "found by its name": own is not False}
    library = type(module) is str and installed(module)
    if (own and library) or walk.nested:
        return said, None
    code = obj.__code__
    said["code"] = code_digest(code)
    if own:
        said[STATE] = {REFERENCE: True}
    children: list[tuple[Any, Any]] = []
    if obj.__defaults__:
        children.append((".__defaults__", obj.__defaults__))
    if obj.__kwdefaults__:
        children.append((".__kwdefaults__", obj.__kwdefaults__))
    children += [(f" (closure {n})", c) for n, c in zip(code.co_freevars, obj.__closure__ or (), strict=False)]
    children += [(f".{name}", value) for name, value in sorted(obj.__dict__.items()) if type(name) is str]
    if not library:
        children += _globals(global_names(code), obj.__globals__)
    return said, children


def _globals(names: list[str], table: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in names:
        if name not in table or (name.startswith("__") and name.endswith("__")):
            continue
        value = table[name]
        yield f" (global {name})", value
        if issubclass(type(value), ModuleType) and not installed(str(module_dict(value).get("__name__", ""))):
            inside = module_dict(value)
            yield from ((f" (global {name}.{n})", inside[n]) for n in names if n in inside and not n.startswith("__"))


_CLASS_UNSTATED = frozenset(
    [
        "__dict__",
        "__weakref__",
        "__module__",
        "__qualname__",
        "__doc__",
        "__firstlineno__",
        "__static_attributes__",
        "__annotations__",
        "__annotate__",
        "__annotate_func__",
        "__annotations_cache__",
        "__abstractmethods__",
        "_abc_impl",
        "__parameters__",
        "__orig_bases__",
        "__type_params__",
        "__classcell__",
        "__slotnames__",
    ]  # copyreg leaves the last one behind when it pickles
)


_NAMEDTUPLE_MADE = frozenset(
    ["__new__", "_make", "_replace", "__replace__", "_asdict", "__repr__", "__getnewargs__", "__match_args__"]
)


def _say_class(walk: Walker, obj: Any) -> Said:
    """A class: by its name, and by its attributes as they are now where it is not a library's."""
    module, qualname = module_of(obj), type_qualname(obj)
    own = is_itself(obj, module, qualname)
    said: dict[str, Any] = {"class": class_name(type(obj)), "name": class_name(obj)}
    if module != "builtins" and copy_mark(obj):
        said["found by its name"] = own is not False
    if installed(module) or walk.nested:
        return said, None
    said[STATE] = {REFERENCE: own is True}
    said["bases"] = [class_name(base) for base in type_mro(obj)[1:]]
    table = type_dict(obj)
    names = sorted(name for name in table if type(name) is str and name not in _CLASS_UNSTATED)
    if "_member_map_" in table and "enum" in sys.modules:
        names = [name for name in names if not (name.startswith("_") and name.endswith("_")) or name == "_missing_"]
        names = [name for name in names if name not in table["_member_map_"]]
        said["members"] = list(table["_member_map_"])
    elif "_fields" in table and issubclass(obj, tuple):
        names = [
            name for name in names if name not in _NAMEDTUPLE_MADE and type(table[name]).__name__ != "_tuplegetter"
        ]
    values = [(name, table[name]) for name in names]
    values = [(n, v) for n, v in values if type(v) is not MemberDescriptorType and type(v) is not GetSetDescriptorType]
    said[STATE][PRIVATE] = kept_by_libraries(obj, dict(values))
    scalars = [(n, v) for n, v in values if id(type(v)) in SCALARS]
    said["attributes"] = ([name for name, _ in scalars], [value for _, value in scalars])
    parts = [(f".{n}", v) for n, v in values if id(type(v)) not in SCALARS]
    if "members" in said:
        parts += [(f".{name}", table["_member_map_"][name]) for name in said["members"]]
    bases = [(f" (base {class_name(base)})", base) for base in type.__dict__["__bases__"].__get__(obj)]
    return said, [*bases[: 0 if all(installed(module_of(b)) for _, b in bases) else None], *parts]


def _say_enum_member(walk: Walker, obj: Any) -> Said:
    table = object.__getattribute__(obj, "__dict__")
    name = table.get("_name_")
    members = type_dict(type(obj)).get("_member_map_", {})
    said: dict[str, Any] = {"name": name}
    if name in members:
        said["its class's own member"] = members[name] is obj
    made = ("_name_", "_value_", "__objclass__", "_sort_order_", "_inverted_")
    more = [(f".{n}", v) for n, v in sorted(table.items()) if n not in made and not n.startswith("__")]
    return said, [(".value", table.get("_value_")), *more]


def _say_builtin(walk: Walker, obj: Any) -> Said:
    owner = obj.__self__
    if owner is None or issubclass(type(owner), ModuleType):
        return {"name": f"{obj.__module__}.{obj.__qualname__}"}, None
    return {"name": obj.__name__}, [(".__self__", owner)]


def _say_method(walk: Walker, obj: Any) -> Said:
    return {}, [(".__self__", obj.__self__), (".__func__", obj.__func__)]


def _say_method_wrapper(walk: Walker, obj: Any) -> Said:
    return {"name": obj.__name__}, [(".__self__", obj.__self__)]


def _say_descriptor(walk: Walker, obj: Any) -> Said:
    return {"name": obj.__name__, "of": class_name(obj.__objclass__)}, None


def _say_partial(walk: Walker, obj: Any) -> Said:
    base = sys.modules["functools"].partial
    parts = [(f".{name}", base.__dict__[name].__get__(obj)) for name in ("func", "args", "keywords")]
    own = object.__getattribute__(obj, "__dict__")
    return {}, [*parts, *([(".__dict__", own)] if own else [])]


def _say_lru_cache_wrapper(walk: Walker, obj: Any) -> Said:
    info = sys.modules["functools"]._lru_cache_wrapper.cache_info(obj)
    table = object.__getattribute__(obj, "__dict__")
    own = is_itself(obj, table.get("__module__"), table.get("__qualname__", "<?>"))
    said = {"maxsize": info.maxsize, "found by its name": own is not False, "results in the cache": info.currsize}
    return said, [(".__wrapped__", table.get("__wrapped__"))]


def _say_module(walk: Walker, obj: Any) -> Said:
    name = module_dict(obj).get("__name__")
    name = "__main__" if name == "__mp_main__" else name
    return {"name": str(name), "found by its name": type(name) is str and sys.modules.get(name, obj) is obj}, None


def _say_code(walk: Walker, obj: Any) -> Said:
    return {"name": obj.co_qualname, "code": code_digest(obj)}, None


def _say_cell(walk: Walker, obj: Any) -> Said:
    try:
        return {}, [("", obj.cell_contents)]
    except ValueError:
        return {"empty": True}, None


def _say_generator(walk: Walker, obj: Any) -> Said:
    """A generator or coroutine: its code, where it stands, and its local variables."""
    prefix = {"generator": "gi", "coroutine": "cr", "async_generator": "ag"}[type(obj).__name__]
    frame = getattr(obj, f"{prefix}_frame")
    said = {"name": obj.__qualname__, "code": code_digest(getattr(obj, f"{prefix}_code"))}
    if frame is None:
        return {**said, "position": "finished"}, None
    return {**said, "position": frame.f_lasti}, [(f" (local {n})", v) for n, v in dict(frame.f_locals).items()]


def _say_field(walk: Walker, obj: Any) -> Said:
    """A dataclass's field; ``dataclasses.fields`` goes by the identity of its type mark."""
    module = sys.modules["dataclasses"]
    mark, default = obj._field_type, obj.default
    marks = (module._FIELD, module._FIELD_CLASSVAR, module._FIELD_INITVAR)
    said = {"name": obj.name, "a dataclass's field": any(mark is known for known in marks)}
    return said, [] if type(default) is type(module.MISSING) else [(".default", default)]


#: What is said of each class and what derives from it; True: all there is, its attributes included.
KINDS: dict[str, tuple[Kind, bool]] = {
    "enum.Enum": (_say_enum_member, True),
    "type": (_say_class, True),
    "function": (_say_function, True),
    "builtin_function_or_method": (_say_builtin, True),
    "method": (_say_method, True),
    "method-wrapper": (_say_method_wrapper, True),
    "wrapper_descriptor": (_say_descriptor, True),
    "method_descriptor": (_say_descriptor, True),
    "classmethod_descriptor": (_say_descriptor, True),
    "member_descriptor": (_say_descriptor, True),
    "getset_descriptor": (_say_descriptor, True),
    "functools.partial": (_say_partial, True),
    "functools._lru_cache_wrapper": (_say_lru_cache_wrapper, True),
    "module": (_say_module, True),
    "code": (_say_code, True),
    "cell": (_say_cell, True),
    "generator": (_say_generator, True),
    "coroutine": (_say_generator, True),
    "async_generator": (_say_generator, True),
    "dataclasses.Field": (_say_field, True),
}
