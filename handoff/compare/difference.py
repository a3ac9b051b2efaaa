"""What differs between two statements, in one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def difference(sent: Mapping[str, Any], received: Mapping[str, Any]) -> str:
    """Say what differs between two statements, of :func:`facts` or of a payload's own; "" when nothing does."""
    if "parts" not in sent or "parts" not in received:
        return _differing(_plain(sent), _plain(received), "")
    for part in zip(sent["parts"], received["parts"], strict=False):
        if part[0][0] != part[1][0]:
            return f"{part[0][0]}: did not arrive; where it should be there is {part[1][0]}"
        found = _part_difference(part[0][0], part[0][1], part[1][1])
        if found:
            return found
    return _rest_difference(sent, received)


def _rest_difference(sent: Mapping[str, Any], received: Mapping[str, Any]) -> str:
    """What differs beyond the parts that both state in full."""
    for longer, shorter, what in ((sent, received, "did not arrive"), (received, sent, "not there, and arrived")):
        if len(longer["parts"]) > len(shorter["parts"]):
            return f"{longer['parts'][len(shorter['parts'])][0]}: {what}"
    for (path, count, digest), (_, _, other) in zip(sent["folded"], received["folded"], strict=False):
        if digest != other:
            return f"one of the {count} parts from {path} on is not the same"
    if sent["nodes"] != received["nodes"]:
        return f"parts of obj: {sent['nodes']}, arrived as {received['nodes']}"
    for ours, theirs, end in ((sent, received, "shared memory, and no longer do"), (received, sent, "share memory")):
        for group in ours["memory"]:
            if group not in theirs["memory"]:
                return f"{' and '.join(group[:4])} {end if ours is sent else 'now ' + end}"
    return ""


def _part_difference(path: str, sent: Mapping[str, Any], received: Mapping[str, Any]) -> str:
    """What differs between two statements about the part at ``path``."""
    if ("same as" in sent) != ("same as" in received):
        if "same as" in sent:
            return f"{path}: the same object as {sent['same as']['path']}, arrived as an object of its own"
        return f"{path}: an object of its own, arrived as the same object as {received['same as']['path']}"
    for name in [*sent, *(name for name in received if name not in sent)]:
        ours, theirs = sent.get(name), received.get(name)
        if ours == theirs or name == "~":
            continue
        if name == "same as":
            return f"{path}: the same object as {sent[name]['path']}, arrived as the same as {received[name]['path']}"
        if name == "a module's own":
            what = sent.get("~", "an object of its own")
            return f"{path}: {what} itself, arrived as a copy" if ours else f"{path}: arrived as a module's own object"
        if name in ("class", "is") or "is" in (sent.keys() | received.keys()):
            return f"{path}: {_kind(sent)}, arrived as {_kind(received)}"
        if name == "value":
            return f"{path}: {_short(ours)}, arrived as {_short(theirs)}"
        if name in ("items", "attributes", "blocks"):
            return _items_difference(path, ours or [], theirs or [])
        return _differing(ours, theirs, f"{name} in {path}")
    return ""


def _items_difference(path: str, sent: list[Any], received: list[Any]) -> str:
    ours, theirs = dict(sent), dict(received)
    for label, text in ours.items():
        if label not in theirs:
            return f"{path}{label}: {text}, did not arrive"
        if theirs[label] != text:
            if len(text) == 16 and set(text) <= set("0123456789abcdef"):
                return f"{path}{label}: not all of it is the same"
            return f"{path}{label}: {_short(text)}, arrived as {_short(theirs[label])}"
    for label, text in theirs.items():
        if label not in ours:
            return f"{path}{label}: not there, arrived as {_short(text)}"
    return f"order in {path}: {_order(sent)}, arrived as {_order(received)}"


def _order(items: list[Any]) -> str:
    return _short(" ".join(label for label, _ in items))


def _kind(statement: Mapping[str, Any]) -> str:
    return str(statement.get("is") or statement.get("class") or "something else")


def _differing(sent: Any, received: Any, where: str) -> str:
    """The first difference between two JSON values."""
    if type(sent) is type(received) is dict:
        for name in [*sent, *(name for name in received if name not in sent)]:
            if name not in received:
                return f"{name}{_inside(where)}: {_short(sent[name])}, did not arrive"
            if name not in sent:
                return f"{name}{_inside(where)}: not there, arrived as {_short(received[name])}"
            found = _differing(sent[name], received[name], f"{name}{_inside(where)}")
            if found:
                return found
        return ""
    if type(sent) is type(received) is list and len(sent) == len(received):
        for index, (ours, theirs) in enumerate(zip(sent, received, strict=True)):
            found = _differing(ours, theirs, f"item {index}{_inside(where)}")
            if found:
                return found
        return ""
    if repr(sent) == repr(received):
        return ""
    return f"{where or 'facts'}: {_short(sent)}, arrived as {_short(received)}"


def _inside(where: str) -> str:
    return f" in {where or 'obj'}"


def _plain(value: Any) -> Any:
    """The value as JSON would bring it back: tuples are lists, keys are strings, NaN is equal to itself."""
    return json.loads(json.dumps(value, default=str), parse_constant=str)


def _short(value: Any) -> str:
    text = value if type(value) is str else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:60]}\N{HORIZONTAL ELLIPSIS}{text[-15:]}"
