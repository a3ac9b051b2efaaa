"""Which parts of an object have the most bytes: a top-down split by real pickling, within a given time."""

from __future__ import annotations

import time
import types
from typing import Any, TypeAlias

from handoff.diagnosing.dumps import pickles
from handoff.diagnosing.findings import Heavy
from handoff.diagnosing.paths import Step, attribute, instance_dict, literal, parts_by_identity, render
from handoff.diagnosing.picklers import Null, Plain
from handoff.diagnosing.reasons import type_name
from handoff.diagnosing.walk import ATOMS

MOST = 10  #: parts to list
_SPLIT = 0.2  #: a part with this share of all bytes is looked into
_WIDE = 20_000  #: children of one part that are weighed one by one; of more, as many, evenly spread, stand for all


_BY_NAME = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType)
_Part: TypeAlias = "tuple[int, list[Step], Any, list[Any]]"  #: bytes, the way to it, itself, and what it is inside of


def heavy(obj: Any, total: int, skip: dict[int, Any], deadline: float) -> tuple[Heavy, ...]:
    """The heaviest parts, heaviest first; a part that is split is not listed itself. Empty if nothing could be weighed.

    ``total`` is the size of the whole pickle; objects in ``skip`` (by id) weigh nothing. ``deadline`` is in seconds of
    ``time.monotonic``.
    """
    parts: list[_Part] = [(total, [], obj, [])]
    done: list[_Part] = []
    while parts:
        parts.sort(key=lambda part: part[0], reverse=True)
        size, steps, whole, above = parts.pop(0)
        if size < _SPLIT * total or len(steps) > 40 or time.monotonic() > deadline:
            done.append((size, steps, whole, above))
            continue
        inside = [*above, whole]
        children = _weigh(whole, inside, skip, deadline)
        big = sorted(children, key=lambda child: child[0], reverse=True)[:MOST]
        if not big or big[0][0] < 0.02 * total:
            done.append((size, steps, whole, above))
            continue
        parts += [(weight, [*steps, step], child, inside) for weight, step, child in big]
    done.sort(key=lambda part: part[0], reverse=True)
    return tuple(Heavy(render(steps), size, type_name(type(part))) for size, steps, part, _ in done[:MOST] if size > 0)


def _pickler(file: Null, inside: list[Any], skip: dict[int, Any]) -> Any:
    """A pickler that knows what it is inside of: a part that leads back there weighs nothing for it."""
    pickler = Plain().pickler(file, skip)
    pickler.memo = {id(outer): (place, outer) for place, outer in enumerate(inside)}
    return pickler


def _weigh(whole: Any, inside: list[Any], skip: dict[int, Any], deadline: float) -> list[tuple[int, Step, Any]]:
    found: list[tuple[int, Step, Any]] = []
    file = Null()
    pickler = _pickler(file, inside, skip)
    above = {id(outer) for outer in inside}
    for place, (step, child) in enumerate(children(whole)):
        if place >= _WIDE or (place % 64 == 63 and time.monotonic() > deadline):
            break
        if id(child) in skip or id(child) in above:
            continue
        if isinstance(child, bytes | bytearray | str):
            found.append((len(child), step, child))
            continue
        if type(child) in ATOMS:
            continue
        nbytes = _nbytes(child)
        if nbytes is not None:
            found.append((nbytes, step, child))
            continue
        before = file.bytes
        try:
            pickler.dump(child)
        except KeyboardInterrupt:
            raise
        except BaseException:
            pickler = _pickler(file, inside, skip)
            continue
        found.append((file.bytes - before, step, child))
    return found


def _nbytes(child: Any) -> int | None:
    kind = type(child)
    if kind.__module__ == "numpy" and kind.__name__ == "ndarray" and not child.dtype.hasobject:
        return int(child.nbytes)
    return None


def children(whole: Any) -> list[tuple[Step, Any]]:
    """The parts of an object with the step to each, without running its hooks; none of what travels by its name."""
    kind = type(whole)
    if issubclass(kind, _BY_NAME):
        return []
    if kind is types.MethodType:
        return [(".__self__", whole.__self__)]
    if kind is dict:
        return [(("k", (key, place)), value) for place, (key, value) in enumerate(whole.items())]
    if kind is list or kind is tuple:
        return list(enumerate(whole))
    if kind in ATOMS or kind is set or kind is frozenset or isinstance(whole, type):
        return []
    state = instance_dict(whole)
    if state is not None and not isinstance(whole, list | tuple | dict | set | frozenset):
        named = [(attribute(whole, name), value) for name, value in state.items() if literal(name) is not None]
        if named and not any("__slots__" in base.__dict__ for base in kind.__mro__):
            return named
    if kind.__module__ == "numpy":
        return []
    steps = parts_by_identity(whole)
    pairs = _resolve(whole, steps)
    return [(step, value) for step, value in pairs if not isinstance(value, type)]


def _resolve(whole: Any, steps: dict[int, Step]) -> list[tuple[Step, Any]]:
    import gc

    alive = {id(item): item for item in gc.get_referents(whole)}
    for item in list(alive.values()):
        if type(item) in (dict, list, tuple):
            alive.update((id(inner), inner) for inner in gc.get_referents(item))
    return [(step, alive[key]) for key, step in steps.items() if key in alive and step != ".__dict__"]


__all__ = ["children", "heavy", "pickles"]
