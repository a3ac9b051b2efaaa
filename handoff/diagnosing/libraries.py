"""What stands inside a library's object is that object's affair: one finding, at the outermost that is the user's."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from handoff.compare.names import installed, module_of
from handoff.diagnosing import hooks
from handoff.diagnosing.findings import ALL_STARTS, STRATEGIES, Finding
from handoff.diagnosing.reasons import type_name
from handoff.diagnosing.walk import Walk

KIND = "inside-a-library"
_INSIDE_MOST = 20
#: Libraries whose classes hold what the user puts into them, part by part.
_CONTAINERS = ("numpy",)


def is_library(module: str) -> bool:
    """Whether a module belongs to an installed distribution; the standard library's classes hold the user's parts."""
    top = module.partition(".")[0]
    return installed(module) and top not in sys.stdlib_module_names and top not in ("builtins", "handoff", *_CONTAINERS)


def _code_of_library(function: types.FunctionType) -> bool:
    """Whether a function's code stands in Python's or a library's file, whatever module it says that it is of."""
    module = function.__globals__.get("__name__")
    return isinstance(module, str) and installed(module)


def _maker_of(part: Any) -> str:
    """The standard library's module that has made a function inside one of its own; "" for all else.

    An object of that module's holds it, not the user.
    """
    if not issubclass(type(part), types.FunctionType) or "<locals>" not in part.__qualname__:
        return ""
    module = str(part.__globals__.get("__name__"))
    return module if module.partition(".")[0] in sys.stdlib_module_names else ""


def _is_users(part: Any) -> bool:
    """Whether a part is the user's own: an instance, class or function of a module that nobody has installed."""
    if issubclass(type(part), types.FunctionType):
        return not _code_of_library(part)
    kind = part if issubclass(type(part), type) else type(part)
    return not installed(module_of(kind))


def head_of(walk: Walk, index: int) -> int | None:
    """The outermost library's object that a culprit stands in, below the user's own; None where there is none."""
    if _is_users(walk.objs[index]) and not _in_library_code(walk, index):
        return None
    maker = _maker_of(walk.objs[index])
    head, at = None, walk.parents[index]
    while at >= 0:
        part = walk.objs[at]
        if issubclass(type(part), types.FunctionType):
            if _code_of_library(part) and at in walk.culprits:
                head = at
            elif not _code_of_library(part):
                break
        elif not issubclass(type(part), type):
            if is_library(module_of(type(part))) or (maker and module_of(type(part)) == maker):
                head = at
            elif _is_users(part):
                break
        at = walk.parents[at]
    return head


def _in_library_code(walk: Walk, index: int) -> bool:
    """Whether a user's function is kept by a function of the standard library's or a library's that is a culprit."""
    at = walk.parents[index]
    while at >= 0:
        part = walk.objs[at]
        if issubclass(type(part), types.FunctionType):
            return _code_of_library(part) and at in walk.culprits
        at = walk.parents[at]
    return False


def gathered(walk: Walk, head: int, inner: list[Finding], own: Finding | None) -> Finding:
    """One finding for all that stands inside a library's object; ``own`` is what is wrong with that itself."""
    found = [*((own,) if own else ()), *inner]
    blocks = tuple(name for name in STRATEGIES if any(name in each.blocks for each in found))
    inside = tuple(f"{each.path} ({each.type}): {each.error or each.reason}" for each in inner[:_INSIDE_MOST])
    if own is not None:
        return replace(own, blocks=blocks, inside=inside)
    node = walk.named_node(head)
    obj = walk.objs[node]
    library = module_of(type(obj)).partition(".")[0]
    reason = f"it is an object of {library}'s, and holds what cannot travel"
    starts = tuple(name for name in ALL_STARTS if any(name in each.start_methods for each in inner))
    first = next((each for each in inner if each.where == "dump"), inner[0])  # what cannot be sent is never loaded
    return Finding(
        walk.path(node), type_name(type(obj)), reason, again(walk, node), blocks, KIND, first.where, first.error,
        walk.other_paths(node), "", starts, inside,
    )  # fmt: skip


def again(walk: Walk, node: int) -> str:
    """How to do without it, and how to make it again: as the user's own class does, where its source says so."""
    if (place := _name_in_its_library(walk.objs[node])) is not None:
        return "import it in the worker: from {} import {}; what is set on it here is to be set there, too".format(
            *place
        )
    if isinstance(walk.objs[node], BaseException):
        return "send what is needed of it as text, str(error); or raise one of your own with that text in its place"
    at, step = walk.parents[node], walk.steps[node]
    owner = walk.objs[at] if at >= 0 else None
    if owner is None or not isinstance(step, tuple) or step[0] != "a" or installed(module_of(type(owner))):
        return "send what it is made from, and make it in the worker, once, in the pool's initializer"
    name, kind = step[1], type(owner).__qualname__
    made = hooks.made_by(owner, name)
    again = f"self.{name} = {made}" if made else "as the constructor does"
    return (
        f"leave {name!r} out in `{kind}.__getstate__`, and make it again in `{kind}.__setstate__`: {again}; or make it "
        "in the worker, once, in the pool's initializer"
    )


def _name_in_its_library(obj: Any) -> tuple[str, str] | None:
    """Where its library has this very object for everybody: in the outermost module that binds it."""
    top = module_of(type(obj)).partition(".")[0]
    modules = sorted((name for name in list(sys.modules) if name.partition(".")[0] == top), key=len)
    for module in modules[:_INSIDE_MOST]:
        for name, value in (
            list(vars(sys.modules[module]).items()) if type(sys.modules[module]) is types.ModuleType else ()
        ):
            if value is obj and not name.startswith("_"):
                return module, name
    return None


def altered_outside(altered: Iterable[Finding], heads: Iterable[Finding]) -> tuple[Finding, ...]:
    """What arrives altered: what stands inside a library's object beneath that, unless it stops the same picklers."""
    known = [each for each in heads if each.kind == KIND or each.inside]
    found: list[Finding] = []
    beneath: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[Finding]] = {}
    for each in altered:
        head = next((head for head in known if _is_within(each, head)), None)
        if head is None:
            found.append(each)
        elif more := tuple(name for name in each.blocks if name not in head.blocks):
            beneath.setdefault((head.path, more, each.start_methods), []).append(replace(each, blocks=more))
    for (path, _, _), several in beneath.items():
        head = next(each for each in known if each.path == path)
        found += several if len(several) == 1 else [_together(head, several)]
    return tuple(found)


def _is_within(each: Finding, head: Finding) -> bool:
    return head.path != each.path and re.search(rf"{re.escape(head.path)}(?!\w)", each.path) is not None


def _together(head: Finding, several: list[Finding]) -> Finding:
    """One finding for what arrives altered inside one library's object."""
    reason = f"{len(several)} things in it are not the same when it arrives: {several[0].path}: {several[0].reason}"
    inside = tuple(f"{each.path} ({each.type}): {each.reason}" for each in several[:_INSIDE_MOST])
    return replace(
        head, reason=reason, blocks=several[0].blocks, kind=KIND, where="arrival", error="", aliases=(),
        start_methods=several[0].start_methods, inside=inside,
    )  # fmt: skip
