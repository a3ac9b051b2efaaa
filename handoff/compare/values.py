"""Values: objects without identity, all said by their text or content."""

from __future__ import annotations

import hashlib
import sys
from typing import Any

from handoff.compare.names import class_name, module_dict

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
