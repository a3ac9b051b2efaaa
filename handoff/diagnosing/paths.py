"""Paths: Python expressions in ``obj``, and the names under which an object's parts are found without its hooks."""

from __future__ import annotations

import functools
import keyword
import types
from collections import deque
from typing import Any, TypeAlias

#: A step from an object to a part of it: an index; ``("k", key)``; a suffix that begins with ``.`` or ``[``; or a
#: template in which ``HOLE`` stands for the path so far. Rendered only where a path is shown.
Step: TypeAlias = "int | str | tuple[str, Any]"
HOLE = "\0"


def render(steps: list[Step], root: str = "obj") -> str:
    """The expression for a list of steps. Long repetitive chains are written as a loop, so that they still compile."""
    if len(steps) <= 80:
        path = root
        for step in steps:
            path = apply(path, step)
        return path
    return _render_long(steps, root)


def apply(path: str, step: Step) -> str:
    """The expression for one step further."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    if isinstance(step, tuple):
        how, what = step
        if how == "k":
            text = literal(what[0])
            return f"{path}[{text}]" if text is not None else f"list({path}.values())[{what[1]}]"
        return f"list({path})[{what}]"
    return step.replace(HOLE, path) if HOLE in step else path + step


def _render_long(steps: list[Step], root: str) -> str:
    """``(n := obj, [n := n.next for _ in range(5000)], n.lock)[-1]``: works as an expression at any depth.

    ``eval`` nests attribute accesses in its syntax tree, and fails beyond some thousands.
    """
    texts = [apply(HOLE, step) for step in steps]
    parts: list[str] = []
    at = 0
    while at < len(texts):
        best, period = 1, 1
        for size in (1, 2, 3, 4):
            pattern, count = texts[at : at + size], 1
            while texts[at + count * size : at + (count + 1) * size] == pattern:
                count += 1
            if count > 1 and count * size > best * period:
                best, period = count, size
        body = "n"
        for text in texts[at : at + period]:
            body = text.replace(HOLE, body)
        parts.append(f"[n := {body} for _ in range({best})]" if best > 2 else f"n := {body}")
        if best <= 2:
            best = 1
        at += best * period
    merged = [f"({part})" if part.startswith("n :=") else part for part in parts]
    return f"((n := {root}), {', '.join(merged)}, n)[-1]"


def literal(key: Any) -> str | None:
    """A key written as source that gives an equal key back, or None where there is no such text."""
    kind = type(key)
    if kind is str or kind is int or kind is bool or kind is bytes or key is None:
        return repr(key)
    if kind is float:
        return repr(key) if key == key and key not in (float("inf"), float("-inf")) else None
    if kind is tuple:
        parts = [literal(item) for item in key]
        if all(part is not None for part in parts):
            return f"({', '.join(str(part) for part in parts)}{',' if len(parts) == 1 else ''})"
    return None


def instance_dict(obj: Any) -> dict[str, Any] | None:
    """The instance's own ``__dict__``, without running its hooks."""
    try:
        state = object.__getattribute__(obj, "__dict__")
    except Exception:
        return None
    return state if isinstance(state, dict) else None


def attribute(obj: Any, name: str) -> Step:
    """How to reach an instance attribute by name, past properties and overridden attribute access."""
    kind = type(obj)
    if not name.isidentifier() or keyword.iskeyword(name):
        return f".__dict__[{name!r}]" if inherits(kind, "__getattribute__") else _raw(name, True)
    if not inherits(kind, "__getattribute__") and _is_python_hook(kind, "__getattribute__"):
        return _raw(name, False)
    for base in kind.__mro__:
        if name in base.__dict__:
            found = base.__dict__[name]
            if type(found) is types.MemberDescriptorType:
                break
            if hasattr(type(found), "__set__") or hasattr(type(found), "__delete__"):
                return f".__dict__[{name!r}]"
            break
    return f".{name}"


def _raw(name: str, in_dict: bool) -> str:
    if in_dict:
        return f"object.__getattribute__({HOLE}, '__dict__')[{name!r}]"
    return f"object.__getattribute__({HOLE}, {name!r})"


def inherits(kind: type, *names: str) -> bool:
    """Whether a class leaves these methods as ``object`` has them."""
    return all(getattr(kind, name, None) is getattr(object, name, None) for name in names)


def is_python_class(kind: type) -> bool:
    """Whether a class was made by a class statement, or alike: a heap type that is not immutable (CPython's flags)."""
    return bool(kind.__flags__ & (1 << 9)) and not kind.__flags__ & (1 << 8)


def _is_python_hook(kind: type, name: str) -> bool:
    return any(isinstance(base.__dict__.get(name), types.FunctionType) for base in kind.__mro__)


def parts_by_identity(obj: Any) -> dict[int, Step]:
    """The parts of an object by ``id``, with the natural step to each: attributes, slots, items, cells, arguments.

    Only the interpreter's own accessors run. The caller must keep ``obj`` alive while it uses the ids.
    """
    found: dict[int, Step] = {}

    def put(value: Any, step: Step) -> None:
        found.setdefault(id(value), step)

    if isinstance(obj, type):
        _class_parts(obj, put)
        return found
    kind = type(obj)
    if isinstance(obj, types.FunctionType):
        _function_parts(obj, put)
    elif kind is types.CellType:
        try:
            put(obj.cell_contents, ".cell_contents")
        except ValueError:
            pass
    state = instance_dict(obj)
    for name, value in list((state or {}).items()):
        if isinstance(name, str):
            put(value, attribute(obj, name))
    _slot_parts(obj, put)
    _item_parts(obj, put)
    put(kind, f"type({HOLE})")
    if state is not None:
        put(state, ".__dict__")
    return found


def _slot_parts(obj: Any, put: Any) -> None:
    """What slots and the interpreter's own member descriptors hold, and the arguments of partials and exceptions."""
    kind = type(obj)
    if isinstance(obj, functools.partial):
        put(obj.func, ".func")
        for index, value in enumerate(obj.args):
            put(value, f".args[{index}]")
        for name, value in obj.keywords.items():
            put(value, f".keywords[{name!r}]")
    for base in kind.__mro__:
        for name, descriptor in list(base.__dict__.items()):
            if type(descriptor) is types.MemberDescriptorType:
                try:
                    put(descriptor.__get__(obj, kind), attribute(obj, name))
                except Exception:
                    continue
    if isinstance(obj, BaseException):
        for index, value in enumerate(BaseException.args.__get__(obj)):  # type: ignore[attr-defined]  # typeshed has a plain attribute
            put(value, f".args[{index}]")


def _item_parts(obj: Any, put: Any) -> None:
    """Items of subclasses of the built-in containers, past overridden methods."""
    kind = type(obj)
    if isinstance(obj, tuple) and isinstance(fields := getattr(kind, "_fields", None), tuple):
        for name, value in zip(fields, tuple.__iter__(obj), strict=False):
            if isinstance(name, str) and name.isidentifier():
                put(value, f".{name}")
    if isinstance(obj, list | tuple | deque):
        builtin: Any = list if isinstance(obj, list) else tuple if isinstance(obj, tuple) else deque
        own = kind.__getitem__ is not builtin.__getitem__
        for index, value in enumerate(builtin.__iter__(obj)):
            put(value, f"{builtin.__name__}.__getitem__({HOLE}, {index})" if own and builtin is not deque else index)
    elif isinstance(obj, dict):
        own = kind.__getitem__ is not dict.__getitem__
        for index, (key, value) in enumerate(dict.items(obj)):
            put(key, f"list(dict.keys({HOLE}))[{index}]" if own else ("l", index))
            text = literal(key)
            if own and text is not None:
                put(value, f"dict.__getitem__({HOLE}, {text})")
            elif own:
                put(value, f"list(dict.values({HOLE}))[{index}]")
            else:
                put(value, ("k", (key, index)))
    elif isinstance(obj, set | frozenset):
        members: Any = set if isinstance(obj, set) else frozenset
        for index, value in enumerate(members.__iter__(obj)):
            put(value, ("l", index))


def _function_parts(obj: types.FunctionType, put: Any) -> None:
    put(obj.__code__, ".__code__")
    for index, cell in enumerate(obj.__closure__ or ()):
        put(cell, f".__closure__[{index}]")
        try:
            put(cell.cell_contents, f".__closure__[{index}].cell_contents")
        except ValueError:
            continue
    for index, value in enumerate(obj.__defaults__ or ()):
        put(value, f".__defaults__[{index}]")
    for name, value in (obj.__kwdefaults__ or {}).items():
        put(value, f".__kwdefaults__[{name!r}]")
    for name in global_names(obj.__code__):
        if name in obj.__globals__:
            put(obj.__globals__[name], f".__globals__[{name!r}]")


def global_names(code: types.CodeType) -> list[str]:
    """The names of globals (and attributes) that a code object and those nested in it mention."""
    names: dict[str, None] = {}
    todo = [code]
    while todo:
        one = todo.pop()
        names.update(dict.fromkeys(one.co_names))
        todo.extend(const for const in one.co_consts if isinstance(const, types.CodeType))
    return list(names)


def _class_parts(obj: type, put: Any) -> None:
    for name, value in list(type.__dict__["__dict__"].__get__(obj).items()):
        bare = isinstance(value, types.FunctionType) or not hasattr(type(value), "__get__")
        if bare and name.isidentifier() and not keyword.iskeyword(name) and type(obj) is type:
            put(value, f".{name}")
        else:
            put(value, f".__dict__[{name!r}]")
    for index, base in enumerate(obj.__bases__):
        put(base, f".__bases__[{index}]")
