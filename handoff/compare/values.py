"""Values: objects without identity, all said by their text or content."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from handoff.compare.names import class_name, module_dict

#: The ids of the classes of plain values: by identity, for a class may have a hash and equality of its metaclass's own.
SCALARS = frozenset(map(id, (int, float, str, bool, type(None), complex)))
HOLE: Any = ...  #: stands for a part among the scalars of a container

_VALUE_CLASSES = {
    "builtins": "int float str bool complex bytes range ellipsis NotImplementedType",
    "types": "EllipsisType NotImplementedType NoneType",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "uuid": "UUID",
    "pathlib": "PosixPath PurePosixPath PureWindowsPath",
    "datetime": "date timedelta timezone",
    "zoneinfo": "ZoneInfo",
    "ipaddress": "IPv4Address IPv6Address IPv4Network IPv6Network",
}


def value_classes() -> frozenset[type]:
    """Classes whose instances are values: no identity, all said by their text. Only those whose module is loaded."""
    found: set[type] = set()
    for module, names in _VALUE_CLASSES.items():
        if module in sys.modules:
            table = module_dict(sys.modules[module])
            found.update(table[name] for name in names.split() if isinstance(table.get(name), type))
    return frozenset(found)


def value_statement(obj: Any, kind: type) -> dict[str, Any]:
    """State a value by its class and text; long text by its length and digest."""
    if kind is bytes:
        return {"class": "bytes", **content(obj)}
    try:
        text = repr(obj)
    except ValueError:
        text = hex(obj)
    if len(text) > 1000:
        what = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        return {"class": class_name(kind), "length": len(text), "content": what}
    return {"class": class_name(kind), "value": text}


PIECE = 1 << 24  #: bytes: about 10 ms of hashing


def content(buffer: Any) -> dict[str, Any]:
    """The bytes of a contiguous buffer: in full when there are few, else their number and digest."""
    view = memoryview(buffer).cast("B") if memoryview(buffer).nbytes else b""
    if len(view) <= 64:
        return {"value": repr(bytes(view))}
    return {"length": len(view), "content": digest(view)}


def digest(view: memoryview | bytes) -> str:
    """Of bytes. In pieces: a deadline cannot interrupt one call into C, and a mapped file may have a tebibyte."""
    total = hashlib.sha256()
    for at in range(0, len(view), PIECE):
        total.update(view[at : at + PIECE])
    return total.hexdigest()[:16]


# -- plain values among the items of a container


def parts_among(items: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """The items that are parts, each with its index."""
    for index, item in enumerate(items):
        if id(type(item)) not in SCALARS:
            yield index, item


def parts_of_pairs(keys: list[Any], values: list[Any]) -> Iterator[tuple[str, Any]]:
    """The keys and values that are parts, each with its label."""
    for index, (key, value) in enumerate(zip(keys, values, strict=True)):
        if id(type(key)) not in SCALARS:
            yield f" (key {index})", key
        if id(type(value)) not in SCALARS:
            yield (f"[{text_of(key)}]" if id(type(key)) in SCALARS else f" (value {index})"), value


def labels_of(name: str, keys: Any, size: int) -> list[str]:
    """What each scalar is shown under; without ``keys`` by its index."""
    if keys is None:
        return [f"[{index}]" for index in range(size)]
    if name == "attributes":
        return [f".{key}" for key in keys]
    return [f"[{text_of(key)}]" for key in keys]


def text_of_all(values: Any) -> str:
    """Many values by their ``repr``."""
    try:
        return repr(values)
    except ValueError:  # an int of more digits than sys.get_int_max_str_digits() allows
        if type(values) is tuple and len(values) == 2:  # the labels and the scalars of a container
            return f"{text_of_all(values[0])} {text_of_all(values[1])}"
        return repr([text_of(value) for value in values])


def text_of(value: Any) -> str:
    """One by its ``repr``."""
    if value is HOLE:
        return "\N{HORIZONTAL ELLIPSIS}"
    try:
        return repr(value)
    except ValueError:
        return hex(value)


def scalar_key(item: Any) -> tuple[str, str]:
    """By what the plain elements of a set are put in order."""
    return type(item).__name__, text_of(item)
