"""What can go wrong under a start method, seen from facts at hand in the process that has the object.

Each is an :class:`~handoff.advising.result.AdviceWarning` with what to do about it: threads that run beside a fork,
globals that a worker which is not forked will not have, and classes of ``__main__``.
"""

from __future__ import annotations

import ast
import dis
import gc
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from handoff.advising.result import AdviceWarning
from handoff.compare.names import installed, module_of
from handoff.processes import proc

AFRESH = ("spawn", "forkserver")  #: a worker imports its modules again
MAINS = ("__main__", "__mp_main__")
LOOKED_AT = 20_000  #: objects of a live one, to find classes of ``__main__``: a few milliseconds
SHOWN = 3  #: names in one warning

#: What the user's own modules bind at their top level: by module and name, the value and its length, if it grows.
Bindings = Mapping[str, Mapping[str, tuple[Any, int]]]


def bindings() -> Bindings:
    """As they are now. The values are kept alive, so that another one cannot be taken for the same."""
    return {name: {key: _seen(value) for key, value in vars(module).items()} for name, module in _own_modules()}


def _own_modules() -> Iterator[tuple[str, ModuleType]]:
    for name, module in list(sys.modules.items()):
        if getattr(module, "__file__", None) and not installed(name):
            yield name, module


def _seen(value: Any) -> tuple[Any, int]:
    return value, len(value) if type(value) in (dict, list, set) else 0


def _is(value: Any, *kinds: type) -> bool:
    """``isinstance``, without asking the value for its ``__class__``: that may be code, and raise."""
    return issubclass(type(value), kinds)


def warned(
    obj: Any, *, before: Bindings | None = None, maker: str = "", work: Callable[..., Any] | None = None
) -> tuple[AdviceWarning, ...]:
    """All that these facts tell. ``before``: the bindings before the object was made by ``maker``; None: not known."""
    found = [_threads(), *_globals(obj, before, maker, work), _of_main(obj, work)]
    return tuple(each for each in found if each is not None)


# ----------------------------------------------------------------------------------------------------------- threads


def _threads() -> AdviceWarning | None:
    """Threads that are there after a fork. Libraries that end theirs before one, and restart them, are no danger."""
    if not hasattr(os, "fork"):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what is looked for here
        if not (child := os.fork()):
            os._exit(0)
    os.waitpid(child, 0)
    count = max(threading.active_count(), proc.own_threads())  # also those that no Python code has started
    if count <= 1:
        return None
    names = [each.name for each in threading.enumerate() if each is not threading.main_thread()]
    which = f" ({', '.join(names[:SHOWN])}{' …' if len(names) > SHOWN else ''})" if names else " (not Python's own)"
    many = f"{count - 1} thread{'s run' if count > 2 else ' runs'} beside the main one{which}"
    return AdviceWarning(
        f"{many}: a lock that one of them holds at the fork stays locked in the worker for ever",
        "start the workers before the threads, or take forkserver or spawn",
        ("fork",),
        serious=True,
    )


# ----------------------------------------------------------------------------------------------------------- globals


def _globals(obj: Any, before: Bindings | None, maker: str, work: Callable[..., Any] | None) -> Iterator[AdviceWarning]:
    """Globals that were set at run time, and are read by other functions than those that set them."""
    for name, module in _own_modules():
        if before is None and name not in {getattr(work, "__module__", ""), type(obj).__module__}:
            continue
        if before is not None and name not in before:
            continue  # imported while it was made
        read: dict[str, list[str]] = {}
        for key in _set_late(module, None if before is None else before[name]):
            if found := [each for each in _readers(module, key) if each != maker]:
                read[key] = found
        if read:
            names = ", ".join(f"{name}.{key}" for key in list(read)[:SHOWN])
            readers = " and ".join(dict.fromkeys(f"{each}()" for found in read.values() for each in found))
            was = "were" if len(read) > 1 else "was"
            yield AdviceWarning(
                f"{names} {was} set at run time and {readers} reads it: a worker imports {name} afresh, "
                "and has what stood there then",
                "set it in the pool's initializer, or hand it over with the object",
                AFRESH,
            )


def _set_late(module: ModuleType, before: Mapping[str, tuple[Any, int]] | None) -> list[str]:
    """The names of a module that are not what importing it gives."""
    now = {key: _seen(value) for key, value in vars(module).items() if not _is(value, ModuleType)}
    if before is not None:
        plain = (key for key in now if not key.startswith("__"))
        return [key for key in plain if key not in before or _changed(before[key], now[key])]
    written = {key for code in _codes(module) for key in _stored(code)} & now.keys()
    literals = _literals(module) if written else {}
    return [key for key in now if key in written and literals.get(key, _UNSET) != now[key][0]]


_UNSET = object()


def _changed(before: tuple[Any, int], now: tuple[Any, int]) -> bool:
    """Whether a name is bound to another value, or to the same, which has grown."""
    return before[0] is not now[0] or before[1] < now[1]


def _literals(module: ModuleType) -> dict[str, Any]:
    """What a module's text gives its names, where that can be told: else what they are now."""
    found: dict[str, Any] = {}
    with suppress(OSError, SyntaxError, ValueError, TypeError):
        for node in ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body:
            for target in node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]:
                for name, value in _assigned(target, getattr(node, "value", None)):
                    found[name] = vars(module).get(name)
                    with suppress(ValueError, TypeError):
                        found[name] = ast.literal_eval(value)
    return found


def _assigned(target: Any, value: Any) -> Iterator[tuple[str, Any]]:
    """The names in a target of an assignment, each with its value's text, as far as both are written out."""
    if isinstance(target, ast.Name) and value is not None:
        yield target.id, value
    elif isinstance(target, ast.Tuple):
        values = value.elts if isinstance(value, ast.Tuple) else [value] * len(target.elts)
        for each, its in zip(target.elts, values, strict=False):
            yield from _assigned(each, its)


def _codes(module: ModuleType) -> Iterator[CodeType]:
    for _, function in _functions(module):
        yield from _nested(function.__code__)


def _functions(module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    """The functions and methods that a module defines, by their qualified names."""
    for holder in (module, *(each for each in list(vars(module).values()) if _is(each, type))):
        if holder is not module and holder.__module__ != module.__name__:
            continue
        for value in list(vars(holder).values()):
            inner = getattr(value, "fget", None) or getattr(value, "__func__", None) or value
            inner = getattr(inner, "__wrapped__", inner)
            if _is(inner, FunctionType) and inner.__module__ == module.__name__:
                yield inner.__qualname__, inner


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _nested(each)


def _stored(code: CodeType) -> set[str]:
    return {str(each.argval) for each in dis.get_instructions(code) if each.opname == "STORE_GLOBAL"}


def _readers(module: ModuleType, key: str) -> Iterator[str]:
    """The functions that read a global and set or fill nothing: a cache that fills itself does no harm."""
    for name, function in _functions(module):
        steps = [step for code in _nested(function.__code__) for step in dis.get_instructions(code)]
        reads = any(step.opname.startswith("LOAD_GLOBAL") and step.argval == key for step in steps)
        fills = any(step.opname in ("STORE_SUBSCR", "STORE_GLOBAL") for step in steps)
        if reads and not fills:
            yield name


# ---------------------------------------------------------------------------------------------------------- __main__


def _of_main(obj: Any, work: Callable[..., Any] | None) -> AdviceWarning | None:
    names = list(dict.fromkeys(_main_classes(obj)))
    if getattr(work, "__module__", "") in MAINS:
        names.append(f"{getattr(work, '__qualname__', 'the work')}()")
    if not names:
        return None
    which = ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
    are = "is" if len(names) == 1 else "are"
    if getattr(sys.modules["__main__"], "__file__", None) is None:
        what = f"{which} {are} defined in this session, and no worker can import what has no file"
        return AdviceWarning(what, "move it to a module, a .py file, and import it from there", AFRESH)
    return AdviceWarning(
        f"{which} {are} defined in the script itself: each worker runs the script again to get it",
        "keep what starts the work under if __name__ == '__main__', or move it to a module",
        AFRESH,
    )


def _main_classes(obj: Any) -> Iterable[str]:
    """The names of the classes of ``__main__`` among the object's parts, as far as it is looked through."""
    todo: list[Any] = [obj]
    seen: dict[int, Any] = {}
    while todo and len(seen) < LOOKED_AT:
        each = todo.pop()
        if id(each) in seen or _is(each, type, ModuleType, FunctionType, MethodType, CodeType):
            continue
        seen[id(each)] = each
        if module_of(type(each)) in MAINS:
            yield type(each).__qualname__
        todo += gc.get_referents(each)


def against(found: Sequence[AdviceWarning], start_method: str) -> str:
    """Why a start method is not taken as long as there is another: what a serious warning says of it; or ""."""
    return "; ".join(each.what for each in found if each.serious and start_method in each.start_methods)


def concerning(found: Iterable[AdviceWarning], start_methods: Sequence[str]) -> tuple[AdviceWarning, ...]:
    """Those that have to do with one of these start methods."""
    return tuple(each for each in found if not each.start_methods or {*each.start_methods} & {*start_methods})
