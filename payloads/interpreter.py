"""What the interpreter keeps to itself: frames, modules, references, views and addresses."""

from __future__ import annotations

import contextvars
import ctypes
import itertools
import math
import sys
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

from handoff.payload import Payload, Trait
from payloads._untimed import OUTCOME, facts_type

REQUEST = contextvars.ContextVar("request", default=0)


def make_generator() -> Iterator[int]:
    """Endless, and in the middle: it has counted to three and now yields seven for ever."""

    def counting() -> Iterator[int]:
        yield from range(3)
        yield from itertools.repeat(7)

    generator = counting()
    for _ in range(4):
        next(generator)
    return generator


def touch_module(obj: Any) -> int:
    return int(obj.sqrt(49))


def facts_module(obj: Any) -> Mapping[str, Any]:
    return {"name": obj.__name__, "is the imported one": sys.modules.get(obj.__name__) is obj}


class Target:
    """Something that a weak reference can refer to."""

    number = 7


def make_weakref() -> dict[str, Any]:
    """A weak reference beside what it refers to, so that it stays alive."""
    target = Target()
    return {"target": target, "reference": weakref.ref(target)}


def touch_weakref(obj: dict[str, Any]) -> int:
    return int(obj["reference"]().number)


def facts_weakref(obj: dict[str, Any]) -> Mapping[str, Any]:
    reference = obj["reference"]
    return {"type": type(reference).__name__, "refers to the target": reference() is obj["target"]}


def make_memoryview() -> memoryview:
    """A writable view of every byte but the first 16 of a page."""
    return memoryview(bytearray(range(256)) * 16)[16:]


def facts_memoryview(obj: memoryview) -> Mapping[str, Any]:
    return {
        "type": type(obj).__name__,
        "writable": not getattr(obj, "readonly", True),
        "bytes": len(obj),
        "sum": sum(obj),
    }


def make_pointer() -> Any:
    return ctypes.pointer(ctypes.c_int(42))


def make_context_variable() -> contextvars.ContextVar[int]:
    REQUEST.set(42)
    return REQUEST


INTERPRETER = frozenset({Trait.INTERPRETER})

PAYLOADS = (
    Payload(
        name="generator",
        make=make_generator,
        touch=lambda obj: next(obj),
        facts=facts_type,
        traits=INTERPRETER,
        duties=OUTCOME,
        why="A generator in the middle of its work: a frame of the interpreter, which nothing writes down.",
        source="articles/001; pickle manual, 'What can be pickled and unpickled?'",
    ),
    Payload(
        name="module",
        make=lambda: math,
        touch=touch_module,
        facts=facts_module,
        traits=INTERPRETER,
        duties=OUTCOME,
        why="A module in an attribute, as backends are chosen (self.np = numpy): by name it would be three bytes.",
        source="pickle manual, 'What can be pickled and unpickled?'",
    ),
    Payload(
        name="weakref",
        make=make_weakref,
        touch=touch_weakref,
        facts=facts_weakref,
        traits=INTERPRETER | {Trait.ELEMENTS},
        duties=OUTCOME,
        why="A weak reference beside its target: caches and observers hold them.",
        source="weakref (Python manual)",
    ),
    Payload(
        name="memoryview",
        make=make_memoryview,
        touch=lambda obj: sum(obj),
        facts=facts_memoryview,
        traits=INTERPRETER,
        duties=OUTCOME,
        why="A writable view of 4,080 bytes, all but a header of 16: a slice without a copy.",
        source="memoryview (Python manual); PEP 574, PickleBuffer",
    ),
    Payload(
        name="ctypes-pointer",
        make=make_pointer,
        touch=lambda obj: int(obj.contents.value),
        facts=lambda obj: {"type": type(obj).__name__, "value": obj.contents.value},
        traits=INTERPRETER,
        duties=OUTCOME,
        why="A pointer to an int: an address, which means nothing elsewhere.",
        source="ctypes (Python manual); Modules/_ctypes/_ctypes.c: objects containing pointers cannot be pickled",
    ),
    Payload(
        name="context-variable",
        make=make_context_variable,
        touch=lambda obj: obj.get(),
        facts=lambda obj: {"name": obj.name, "value": obj.get()},
        traits=INTERPRETER,
        duties=OUTCOME,
        why="A context variable with a request's number: its value belongs to a context, the variable to its module.",
        source="PEP 567, on pickling; contextvars (Python manual)",
    ),
)
