"""What differs between two statements of :mod:`handoff.compare.facts`: every difference, each with its place.

The parts of a statement are a tree; parts are paired by their labels, so what is missing in one place moves nothing in
another. Which of the differences a program can tell is decided by :mod:`handoff.compare.altered`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST = 50  #: differences listed of one part
_HOLE = "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same about one part."""

    path: str
    text: str  #: ``obj.rate: 0.1, arrived as 0.2``
    #: ``value``, ``item`` (a scalar inside), ``absent``, ``extra``, ``class``, ``alias``, ``order``, ``rest`` (beyond
    #: what is stated in full), ``memory``, or the name of a fact
    kind: str
    sent: int = -1  #: the part, by its number in the statement of what was sent; -1: none
    received: int = -1
    name: str = ""  #: of the attribute, where it is one of the part's
    among: tuple[int, ...] = ()  #: the parts that share memory on one side alone
    of_sent: bool = True  #: whether these are numbers in the statement of what was sent


@dataclass
class Comparison:
    """Two statements, and what differs between them."""

    found: list[Difference] = field(default_factory=list)
    pairs: dict[int, int] = field(default_factory=dict)  #: numbers of the parts that correspond
    arrived_as: dict[int, int] = field(default_factory=dict)  #: the same, the other way round


def difference(sent: Mapping[str, Any], received: Mapping[str, Any]) -> str:
    """Say what differs between two statements, of :func:`facts` or of a payload's own; "" when nothing does."""
    if "parts" not in sent or "parts" not in received:
        return _differing(_plain(sent), _plain(received), "")
    found = compare(sent, received).found
    return found[0].text if found else ""


def compare(sent: Mapping[str, Any], received: Mapping[str, Any]) -> Comparison:
    """All differences between two statements of :func:`handoff.compare.facts.facts`, in the order of the parts."""
    done = Comparison()
    if sent["parts"] and received["parts"]:
        _Pairing(sent, received, done).pair(0, 0)
    if not any(each.kind in ("absent", "extra", "class", "length", "alias") for each in done.found):
        done.found += _rest(sent, received, certain=not done.found)
    return done


class _Pairing:
    """One pass over two trees."""

    def __init__(self, sent: Mapping[str, Any], received: Mapping[str, Any], done: Comparison) -> None:
        self.ours, self.theirs, self.done = sent["parts"], received["parts"], done
        self.our_children, self.their_children = _children(self.ours), _children(self.theirs)
        self.whole = not sent["folded"] and not received["folded"]  #: whether both state all parts in full

    def pair(self, one: int, other: int) -> None:
        """Compare two parts and all that is below them."""
        todo = [(one, other)]
        while todo:
            a, b = todo.pop()
            down = self.compare(a, b)
            todo += reversed(down)

    def compare(self, a: int, b: int) -> list[tuple[int, int]]:
        """Note how two parts differ; return the pairs below them that are still to be compared."""
        (path, ours), (_, theirs) = self.ours[a][:2], self.theirs[b][:2]
        if "same as" in ours or "same as" in theirs:
            return self.aliases(path, a, b)
        self.done.pairs.setdefault(a, b)
        self.done.arrived_as.setdefault(b, a)
        before = len(self.done.found)
        descend = True
        for kind, name, text in _part_differences(path, ours, theirs):
            if name and self.is_part(a, b, name):
                continue  # the part below says it better
            self.note(path + name, text, kind, a, b, name)
            descend = descend and kind not in ("class", "length", "order")
            if len(self.done.found) - before >= MOST:
                break
        return self.below(a, b) if descend else []

    def is_part(self, a: int, b: int, label: str) -> bool:
        """Whether an item or attribute is a part of its own on one side: a list that arrives as None is one."""
        keys = [(label, 0), (int(label[1:-1]), 0)] if label[1:-1].isdigit() else [(label, 0)]
        return any(key in self.our_children[a] or key in self.their_children[b] for key in keys)

    def below(self, a: int, b: int) -> list[tuple[int, int]]:
        """The pairs of parts below two parts; notes those that are there on one side alone."""
        ours, theirs = self.our_children[a], self.their_children[b]
        for label, child in ours.items():
            if label not in theirs and (instead := self.listed(self.theirs[b][1], label[0])) is not None:
                path, what = self.ours[child][0], f"{_kind(self.ours[child][1])}, "
                what *= bool(instead) or self.is_listed(self.ours[a][1], label[0])
                text = f"{path}: {what}" + (f"arrived as {_short(instead)}" if instead else "did not arrive")
                self.note(path, text, "class" if instead else "absent", a, b, label[0])
        for label, child in theirs.items():
            if label not in ours and (instead := self.listed(self.ours[a][1], label[0])) is not None:
                path, what = self.theirs[child][0], _kind(self.theirs[child][1])
                text = f"{path}: {_short(instead) if instead else 'not there'}, arrived as {what}"
                self.note(path, text, "class" if instead else "extra", a, b, label[0])
        return [(child, theirs[label]) for label, child in ours.items() if label in theirs]

    @staticmethod
    def is_listed(part: Mapping[str, Any], label: Any) -> bool:
        return any(each[0] == label for each in part.get("attributes", ()))

    def note(self, path: str, text: str, kind: str, a: int, b: int, label: Any) -> None:
        name = label[1:] if type(label) is str and label.startswith(".") else ""
        self.done.found.append(Difference(path, text, kind, a, b, name))

    def listed(self, part: Mapping[str, Any], label: Any) -> str | None:
        """What a part says is at a label at which it shows no part: a scalar, or "" for nothing; None: not known."""
        label = f"[{label}]" if type(label) is int else label
        for name in ("attributes", "items"):
            if name in part and label.startswith("." if name == "attributes" else "["):
                text: str = dict(part[name]).get(label, "")
                return None if text == _HOLE else text
        return "" if self.whole else None

    def aliases(self, path: str, a: int, b: int) -> list[tuple[int, int]]:
        """Two parts of which at least one was stated before, elsewhere."""
        ours, theirs = self.ours[a][1], self.theirs[b][1]
        first = ours["same as"]["part"] if "same as" in ours else a
        second = theirs["same as"]["part"] if "same as" in theirs else b
        if self.done.pairs.get(first) == second:
            return []
        if first in self.done.pairs or second in self.done.arrived_as:
            if first == a:
                text = f"{path}: an object of its own, arrived as the same object as {theirs['same as']['path']}"
            elif second == b:
                text = f"{path}: the same object as {ours['same as']['path']}, arrived as an object of its own"
            else:
                text = (
                    f"{path}: the same object as {ours['same as']['path']}, arrived as the same as "
                    f"{theirs['same as']['path']}"
                )
            self.done.found.append(Difference(path, text, "alias", a, b))
            return []
        return [(first, second)] if first < len(self.ours) and second < len(self.theirs) else []


def _children(parts: Any) -> list[dict[tuple[Any, int], int]]:
    """Of each part its parts, by label; the number tells equal labels apart."""
    found: list[dict[tuple[Any, int], int]] = [{} for _ in parts]
    for number, part in enumerate(parts):
        parent, label = part[2], part[3]
        if 0 <= parent < len(found):
            at = 0
            while (label, at) in found[parent]:
                at += 1
            found[parent][label, at] = number
    return found


def _rest(sent: Mapping[str, Any], received: Mapping[str, Any], *, certain: bool) -> Iterator[Difference]:
    """What differs beyond the parts that both state in full."""
    if certain:
        for (path, count, digest), (_, _, other) in zip(sent["folded"], received["folded"], strict=False):
            if digest != other:
                yield Difference(path, f"one of the {count} parts from {path} on is not the same", "rest")
                return
    if sent["nodes"] != received["nodes"] and (sent["folded"] or received["folded"]):
        yield Difference("obj", f"parts of obj: {sent['nodes']}, arrived as {received['nodes']}", "rest")
        return
    for ours, theirs, end in ((sent, received, "shared memory, and no longer do"), (received, sent, "share memory")):
        for group, numbers in zip(ours["memory"], ours["memory of"], strict=True):
            if group not in theirs["memory"]:
                text = f"{' and '.join(group[:4])} {end if ours is sent else 'now ' + end}"
                yield Difference(group[0], text, "memory", among=tuple(numbers), of_sent=ours is sent)


def _part_differences(
    path: str, sent: Mapping[str, Any], received: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Kind, label and text of everything that differs between two statements about the part at ``path``."""
    names = [name for name in (*sent, *(n for n in received if n not in sent)) if not name.startswith("~")]
    for name in names:
        ours, theirs = sent.get(name), received.get(name)
        if ours == theirs or (name == OWN and not ours and not theirs):
            continue
        if name == OWN:
            what = sent.get("~", "an object of its own")
            yield (
                name,
                "",
                f"{path}: {what} itself, arrived as a copy" if ours else f"{path}: arrived as a module's own object",
            )
        elif name in ("class", "is") or "is" in (sent.keys() | received.keys()):
            yield "class", "", f"{path}: {_kind(sent)}, arrived as {_kind(received)}"
            return
        elif name == "value":
            yield "value", "", f"{path}: {_short(ours)}, arrived as {_short(theirs)}"
        elif name == UNSHARED:
            kind = _kind(sent)
            text = f"{path}: {'an' if kind[0] in 'aeiou' else 'a'} {kind} of its process, arrived as an unrelated copy"
            yield name, "", f"{text}: what is done to it there does not show here"
        elif name == NANS:
            yield name, "", f"{path}: {_nans(ours, theirs)}"
        elif name == OWN_NANS:
            which = "NaN in it is the very one that stands elsewhere in the object"
            yield name, "", f"{path}: {which}, arrived as a copy: {_NOT_FOUND}"
        elif name in ("items", "attributes", "blocks"):
            yield from _items_differences(path, ours or [], theirs or [])
        else:
            text = _differing(ours, theirs, f"{name} in {path}")
            if text:
                yield name, "", text
        if name == "length":
            return


OWN = "a module's own"  #: the fact that it is the object to which a module has given a constant's name
UNSHARED = "process"  #: the fact of what no other process can have a part in, as of asyncio's events
NANS = "a module's own nan"  #: the fact of how many of a container's elements or keys are math.nan or numpy.nan
OWN_NANS = "nan by identity"  #: ... or a NaN of the object's own that is a key or an element, and stands elsewhere, too
_NOT_FOUND = "neither `in` nor looking it up finds it there"


def _nans(ours: int | None, theirs: int | None) -> str:
    if (ours or 0) < (theirs or 0):
        return "NaN of its own, arrived as the one that modules have"
    which = "NaN in it is the very one that modules have"
    return f"{which} (math.nan, numpy.nan), arrived as a copy: {_NOT_FOUND}"


def _items_differences(path: str, sent: list[Any], received: list[Any]) -> Iterator[tuple[str, str, str]]:
    ours, theirs = dict(sent), dict(received)
    found = False
    for label, text in ours.items():
        found = found or theirs.get(label) != text
        if label not in theirs:
            yield "absent", label, f"{path}{label}: {text}, did not arrive"
        elif theirs[label] != text:
            if len(text) == 16 and set(text) <= set("0123456789abcdef"):
                yield "item", label, f"{path}{label}: not all of it is the same"
            else:
                yield "item", label, f"{path}{label}: {_short(text)}, arrived as {_short(theirs[label])}"
    for label, text in theirs.items():
        if label not in ours:
            found = True
            yield "extra", label, f"{path}{label}: not there, arrived as {_short(text)}"
    if not found:
        yield "order", "", f"order in {path}: {_order(sent)}, arrived as {_order(received)}"


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
