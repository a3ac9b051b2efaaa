"""What JSON from outside must look like before anything is read from it: kinds of values, put together.

What a type says once is enough: :func:`of` makes the shape of a type, a ``TypedDict`` above all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, NotRequired, Required, Union, get_args, get_origin, get_type_hints, is_typeddict

#: What is wrong with a value, and where in it; "" when nothing is.
Shape = Callable[[Any], str]

MOST = 1e18  #: of a number, as seconds or bytes more than anybody has: what is larger makes sums infinite
LEAST = 1e-12  #: of a time or a count of operations: less than any clock tells; ratios of less are 0 or infinite


def text(value: Any) -> str:
    """A string."""
    return "" if isinstance(value, str) else f" is {_shown(value)}, and should be text"


def flag(value: Any) -> str:
    """True or false."""
    return "" if isinstance(value, bool) else f" is {_shown(value)}, and should be true or false"


def number(value: Any) -> str:
    """A finite number, not below 0."""
    fine = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST
    return "" if fine else f" is {_shown(value)}, and should be a number from 0"


def positive(value: Any) -> str:
    """A finite number above 0."""
    return number(value) or ("" if value >= LEAST else f" is {_shown(value)}, and should be above 0")


def count(value: Any) -> str:
    """A whole number, not below 0."""
    return number(value) if isinstance(value, int) else f" is {_shown(value)}, and should be a whole number"


def measured(value: Any) -> str:
    """A number that may be below 0, or infinite where nothing is known; no NaN."""
    fine = isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
    return "" if fine else f" is {_shown(value)}, and should be a number"


def anything(_: Any) -> str:
    """Of what nothing is read."""
    return ""


def maybe(shape: Shape) -> Shape:
    """That, or null."""
    return lambda value: "" if value is None else shape(value)


def listed(shape: Shape) -> Shape:
    """A list of them."""

    def of(value: Any) -> str:
        if not isinstance(value, list):
            return f" is {_shown(value)}, and should be a list"
        return next((f"[{at}]{wrong}" for at, each in enumerate(value) if (wrong := shape(each))), "")

    return of


def row(*columns: Shape) -> Shape:
    """A list of just these."""

    def of(value: Any) -> str:
        if not isinstance(value, list) or len(value) != len(columns):
            return f" is {_shown(value)}, and should have {len(columns)} columns"
        return next((f"[{at}]{wrong}" for at, each in enumerate(columns) if (wrong := each(value[at]))), "")

    return of


def named(shape: Shape) -> Shape:
    """Names of any kind, with a value of that kind each."""

    def of(value: Any) -> str:
        if not isinstance(value, dict):
            return f" is {_shown(value)}, and should be an object"
        return next((f".{name}{wrong}" for name, each in value.items() if (wrong := shape(each))), "")

    return of


def having(known: Mapping[str, Shape], *needed: str) -> Shape:
    """These names, each of which may be absent but the ``needed``; others are not looked at."""

    def of(value: Any) -> str:
        if not isinstance(value, dict):
            return f" is {_shown(value)}, and should be an object"
        if missing := [name for name in needed if name not in value]:
            return f" has no {missing[0]}"
        return next(
            (f".{name}{wrong}" for name, each in known.items() if name in value and (wrong := each(value[name]))), ""
        )

    return of


def of(declared: Any) -> Shape:
    """What JSON has for a type: text, flags, whole numbers, numbers from 0, and lists and dicts of them, or null.

    Of a ``TypedDict`` those names are needed that its type requires. ``Annotated[…, shape]`` has that shape.
    """
    plain: dict[Any, Shape] = {str: text, bool: flag, int: count, float: number, Any: anything}
    if declared in plain:
        return plain[declared]
    origin, inner = get_origin(declared), get_args(declared)
    if origin is Annotated:
        return next(each for each in inner[1:] if callable(each))  # type: ignore[no-any-return]  # a shape
    if origin is list:
        return listed(of(inner[0]))
    if origin is dict:
        return named(of(inner[1]))
    if origin in (UnionType, Union):
        (one,) = (each for each in inner if each is not NoneType)
        return maybe(of(one))
    if origin in (NotRequired, Required):
        return of(inner[0])
    if is_typeddict(declared):
        hints = get_type_hints(declared, include_extras=True)
        usual = Required if declared.__total__ else NotRequired  # __required_keys__ knows nothing of text annotations
        said = {name: get_origin(each) if get_origin(each) in (NotRequired, Required) else usual
                for name, each in hints.items()}  # fmt: skip
        needed = [name for name, each in said.items() if each is Required]
        return having({name: of(each) for name, each in hints.items()}, *needed)
    raise TypeError(f"no shape for {declared}")


def _shown(value: Any) -> str:
    return f"{type(value).__name__} {str(value)[:40]!r}" if not isinstance(value, int) else type(value).__name__
