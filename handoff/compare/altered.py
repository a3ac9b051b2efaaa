"""What has become of an object that arrived: which differences a program can tell, and which are none of its business.

This is what *altered* means, in one place; METHODOLOGY says it in words. A difference counts unless

1. two originals differ there, too (*a control*: the object made once more, where what arrived is): addresses, ids
   inside texts, times, random names. Only values can be such noise; that something is missing, another class, the
   kernel's object of a socket, an alias are none;
2. it lies in private state of a class of an installed library (a leading underscore, a slot of a C type, what a C type
   reduces to), unless the class says otherwise: by its own equality (``identical``, ``equals``, ``==``) when two
   originals are equal by it and what arrived is not, or by a property of the attribute's name without underscore;
   private state of the user's own class counts unless that class's own equality finds no difference;
3. it is a cache that the class fills in by itself (``functools.cached_property``), or what the class's own
   ``__setstate__`` or ``__reduce__`` has made anew (a lock, a pool, a handle; not plain data that is public);
4. it lies behind a class or function that travels by reference, in an instance of a library's class: a worker imports
   its own. What the user's own module has set at run time counts.

What does not count is a note. The object's own code (its equality, a property) is run here and nowhere else: this
belongs into a process that may hang and crash. What raises, or gives no plain answer, says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import CellType
from typing import Any

from handoff import timeouts
from handoff.compare.difference import NANS, OWN, OWN_NANS, Comparison, Difference, compare, difference
from handoff.compare.equality import (
    contents,
    equal,
    equalities,
    fold_matters,
    is_dunder,
    is_property,
    is_standard,
    is_value,
    keeps_otherwise,
    sets,
    stale,
    user_equality,
)
from handoff.compare.facts import FULL_PARTS, INLINE_PARTS, facts, stated_with_parts
from handoff.compare.identity import hashes, keeps_hash, made_alike
from handoff.compare.names import class_name, installed, module_of
from handoff.compare.ownership import CACHE, INSTALLED, LEAVES_OUT, PRIVATE, REFERENCE, REMAKES, STATE, is_data
from handoff.compare.verdict import Alteration, Verdict

MOST_NOTES = 20

Limit = Callable[[float], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Arrived:
    """An object that arrived, looked at."""

    statement: dict[str, Any]
    objects: list[Any]  #: its parts, as far as they are stated in full


def judge(
    sent: Mapping[str, Any],
    arrived: Any,
    control: Callable[[], Any] | None = None,
    *,
    limit: Limit = lambda _: nullcontext(),
    control_s: float = timeouts.CONTROL_S,
) -> Verdict:
    """Compare what arrived (or :func:`looked_at` it) with what was sent, in the process in which it arrived.

    ``sent`` is what :func:`handoff.compare.facts.facts` said of the original (it may have travelled as JSON).
    ``control`` makes the object once more, here; it is called only where an answer depends on it, and may raise.
    Without one no noise is known, and no class is asked. ``limit`` bounds what runs of other people's code, in seconds,
    and raises an ``Exception``; ``control_s`` is for each making of a control.
    """
    found = arrived if type(arrived) is Arrived else looked_at(arrived)
    if "parts" not in sent:
        text = difference(sent, found.statement)
        return Verdict((Alteration("obj", text),) if text else ())
    return _Judge(sent, found, control, limit, control_s).verdict()


@dataclass(slots=True)
class _Original:
    """A control: made here, and stated."""

    objects: list[Any]
    pairs: dict[int, int]  #: which of its parts corresponds to which that was sent
    noise: set[tuple[str, str]]  #: path and kind of what differs between it and what was sent


#: Facts of what the kernel has for a process, and that a lock is dead: they count also where the standard library
#: keeps it in private.
_KERNEL = frozenset({"kernel object", "kernel name", "server", "object", "process", "database", "can be taken"})
#: Facts that an object is the very one, shares memory, or may be written to: what a library does inside its objects is
#: its own business.
_IDENTITY = frozenset({"numpy's own", NANS, OWN_NANS, "memory", "writeable"})
IN_LIBRARY = "inside a library's object"
#: Of these facts a difference can be noise: they are contents. All others say what something is, or where it stands.
_CONTENTS = frozenset({"value", "item", "content", "length", "rest"})


class _Judge:
    def __init__(
        self,
        sent: Mapping[str, Any],
        found: Arrived,
        control: Callable[[], Any] | None,
        limit: Limit,
        control_s: float,
        most: int = INLINE_PARTS,
    ) -> None:
        self.sent, self.received, self.objects = sent, found.statement, found.objects
        self.control, self.limit, self.control_s = control, limit, control_s
        self.most = most  #: parts that are stated in full
        self.compared: Comparison = compare(sent, found.statement)
        self.originals: list[_Original | None] = []
        self.words: dict[int, bool | None] = {}
        self.deeper = True  #: whether properties are asked: not of what a property has given

    def verdict(self) -> Verdict:
        altered: list[Alteration] = []
        notes: list[Alteration] = []
        certain = False  #: whether something counts among the parts that are stated in full
        for each in self.compared.found:
            why = self.excuse(each)
            certain = certain or (not why and each.kind != "rest")
            statement = self.sent["parts"][each.sent][1] if each.sent >= 0 else {}
            hook = statement.get(STATE, {}).get(LEAVES_OUT, "") if each.kind in ("absent", "length", "item") else ""
            found = Alteration(each.path, each.text, hook, str(statement.get("class", "")), why)
            if why:
                notes += [found] * (len(notes) < MOST_NOTES)
            else:
                altered.append(found)
        folded = self.sent["folded"] or self.received["folded"]
        if folded and self.compared.found and not certain and (whole := self.in_full()) is not None:
            return whole
        return Verdict((*altered, *self.hashes()), tuple(notes))

    def in_full(self) -> Verdict | None:
        """The verdict on all parts, where the first ones are stated in full and others differ.

        What was sent is not here any more: an original stands for it, and another one for the noise. None where there
        is no original, or the parts are too many.
        """
        if self.most > INLINE_PARTS or self.control is None or self.received["nodes"] > FULL_PARTS:
            return None
        try:
            with self.limit(self.control_s):
                original = looked_at(self.control(), most=FULL_PARTS)
                found = looked_at(self.objects[0], most=FULL_PARTS)
        except Exception:
            return None
        if original.statement["folded"] or found.statement["folded"]:
            return None
        return _Judge(original.statement, found, self.control, self.limit, self.control_s, FULL_PARTS).verdict()

    def hashes(self) -> Iterator[Alteration]:
        """Parts that bring the hash which they had elsewhere: equal to an original, and not to be found by it."""
        for number, there in self.compared.pairs.items():
            obj = self.objects[there] if there < len(self.objects) else None
            if obj is not None and hashes(type(obj)) and self.is_stale(number, obj):
                text = "brings the hash that it had elsewhere: looking it up by an equal key finds nothing"
                path = self.sent["parts"][number][0]
                yield Alteration(path, f"{path}: {text}", "", class_name(type(obj)))
                return

    def is_stale(self, number: int, obj: Any) -> bool:
        """Whether it keeps a hash that an equal one, made here, does not have.

        That is the control, or where nobody can make one, what its own class makes of its other attributes.
        """
        if not self.asked(lambda: keeps_hash(obj)):
            return False
        made = self.original(0)
        if made is not None:
            original, other = self.of(made, number), self.original(1)
            again = self.of(other, number) if other else None  # whose hash is its address, say, has none to bring
            return self.asked(lambda: stale(obj, original) and not stale(again, original)) is True
        return self.asked(lambda: next((stale(obj, each) for each in made_alike(obj) if obj == each), False)) is True

    # -- where a difference lies

    def steps(self, number: int, name: str = "", *, sent: bool = True) -> list[tuple[int, str]]:
        """From the outermost in: each part on the way to one, by its number, and the label that is gone through."""
        parts = (self.sent if sent else self.received)["parts"]
        way = [(number, name)]
        while 0 <= number < len(parts) and 0 <= parts[number][2] < len(parts):
            way.append((parts[number][2], str(parts[number][3])))
            number = parts[number][2]
        return way[::-1]

    def in_library(self, number: int, *, sent: bool = True) -> bool:
        """Whether a part belongs to an instance of a library's class, which looks after it."""
        known = number < len((self.sent if sent else self.received)["parts"])
        way = self.steps(number, sent=sent)[:-1] if known else []
        return any(self.mark(at, sent=sent).get(INSTALLED) for at, _ in way)

    def is_librarys_own(self, number: int) -> bool:
        """Whether a part is an attribute of a library's instance, and of no class of the user's."""
        parts, meant = self.sent["parts"], self.meant(number)
        parent, label = parts[number][2], str(parts[number][3])
        users = STATE in meant and not meant[STATE].get(INSTALLED)
        return label.startswith(".") and parent >= 0 and bool(self.mark(parent).get(INSTALLED)) and not users

    def is_own(self, number: int) -> bool:
        """Whether it is the object that a module has under a name: it is compared with that by identity."""
        return bool(self.meant(number).get(OWN))

    def meant(self, number: int) -> dict[str, Any]:
        """What is said of a part, also where it is the same as an earlier one."""
        parts = self.sent["parts"]
        same = parts[number][1].get("same as")
        said: dict[str, Any] = parts[same["part"]][1] if same and same["part"] < len(parts) else parts[number][1]
        return said

    def never_set(self, found: Difference) -> bool:
        """Whether what two functions shared is a variable with a plain value, which neither of them sets."""
        parts, cell = self.sent["parts"], self.arrived(found)
        first = parts[found.sent][1].get("same as", {}).get("part", -1)
        if type(cell) is not CellType or first < 0 or not is_value(cell.cell_contents):
            return False
        functions = [(self.live(parts[at][2]), str(parts[at][3])) for at in (first, found.sent)]
        return not any(sets(function, label.removeprefix(" (closure ")[:-1]) for function, label in functions)

    def arrived(self, found: Difference) -> Any:
        """The part that is not the same, as it arrived."""
        return self.objects[found.received] if found.received < len(self.objects) else None

    def same_code(self, found: Difference) -> bool:
        """Whether a function that travelled by value is the one that a class or module has, but for its identity."""
        ours, theirs = self.meant(found.sent), self.received["parts"][found.received][1]
        return "code" in ours and (ours["name"], ours["code"]) == (theirs.get("name"), theirs.get("code"))

    def mark(self, number: int, *, sent: bool = True) -> dict[str, Any]:
        parts = self.sent["parts"] if sent else self.received["parts"]
        found = dict(parts[number][1].get(STATE, {}))
        if sent and (there := self.compared.pairs.get(number)) is not None:
            other = self.received["parts"][there][1].get(STATE, {})  # it may have attributes that were not sent
            for name in (PRIVATE, CACHE):
                found[name] = [*found.get(name, ()), *other.get(name, ())]
        return found

    # -- why it may not count

    def excuse(self, found: Difference) -> str:
        """Why a difference is none that a program can tell, or ""."""
        if found.kind == "memory":
            inside = all(self.in_library(number, sent=found.of_sent) for number in found.among)
            return IN_LIBRARY if inside else ""
        if found.sent < 0 and found.received < 0:  # beyond what is stated in full
            return self.beyond(found)
        if found.kind in _IDENTITY and self.in_library(found.sent):
            return IN_LIBRARY
        if found.kind == "alias" and not self.is_own(found.sent):
            if self.is_librarys_own(found.sent):
                return IN_LIBRARY
            if self.never_set(found):
                return "a closure's cell that no function sets"
            if self.same_code(found):
                return "a function: which of two alike it is tells nothing"
            if is_value(self.arrived(found)):
                return "a value: which of two equal ones it is tells nothing"
        return self.by_place(found) or self.by_kind(found) or self.noise(found)

    def by_place(self, found: Difference) -> str:
        reference = False
        for number, label in self.steps(found.sent, found.name):
            mark, name = self.mark(number), label.removeprefix(".")
            if reference and mark.get(INSTALLED) and label:
                return "a worker imports its own"
            private = name in mark.get(PRIVATE, ()) or (label == REDUCED and mark.get(INSTALLED, False))
            if private:
                kernels = found.kind in _KERNEL and is_standard(type(self.live(number)))
                return "" if kernels or self.tells(number, name) else f"private to {self.kind_of(number)}"
            if name in mark.get(CACHE, ()):
                return "a cache that its class fills in"
            if name == "args" and self.says_the_same(number):
                return f"arguments of {self.kind_of(number)}'s constructor: it says the same"
            if self.made_anew(number, name, mark, found):
                return f"made anew by {mark[REMAKES]}"
            if name and name.startswith("_") and not mark.get(INSTALLED) and self.agrees(number, user=True):
                return f"equal by {self.kind_of(number)}'s own equality"
            reference = reference or bool(mark.get(REFERENCE))
            if reference and is_dunder(name) and label.startswith("."):
                return "a worker imports its own"
        return ""

    def kind_of(self, number: int) -> str:
        return str(self.sent["parts"][number][1].get("class", "a class"))

    def made_anew(self, number: int, name: str, mark: Mapping[str, Any], found: Difference) -> bool:
        """Whether an attribute is there, and its class's own hook has made it."""
        if not name or not mark.get(REMAKES):
            return False
        if mark.get(INSTALLED) and self.agrees(number):
            return True
        child = self.child(number, name)
        return child is not None and (name.startswith("_") or not is_data(type(child)))

    def says_the_same(self, number: int) -> bool:
        """Whether it is a library's exception that has the text of an original: it may keep its arguments elsewhere."""
        there, made = self.live(number), self.original(0)
        if (
            not issubclass(type(there), BaseException)
            or is_standard(type(there))
            or not installed(module_of(type(there)))
        ):
            return False
        return self.asked(lambda: made is not None and str(there) == str(self.of(made, number))) is True

    def child(self, number: int, name: str) -> Any:
        """The attribute as it arrived, past all code of its class; None where there is none."""
        there = self.compared.pairs.get(number)
        if there is None:
            return None
        for at, part in enumerate(self.received["parts"]):
            if part[2] == there and part[3] == f".{name}":
                return self.objects[at]
        return None

    def by_kind(self, found: Difference) -> str:
        """What only the object itself can tell: whether its fold matters, in which order it iterates."""
        there = self.live(found.sent)
        if there is None:
            return ""
        if found.kind == "fold":
            return "" if self.asked(lambda: fold_matters(there)) is not False else "the same time with either fold"
        if found.kind in _KEPT and not found.name and keeps_otherwise(type(there)):
            made = self.original(0)
            same = made is not None and self.asked(
                lambda: self.same(contents(self.of(made, found.sent)), contents(there))
            )
            return "the same in its own order" if same else ""
        if found.kind == "results in the cache":
            return "a cache"
        if found.kind in ("extra", "absent") and found.name and self.gives_alike(found.sent, found.name, there):
            return "made when it is asked for"
        return ""

    def gives_alike(self, number: int, name: str, there: Any) -> bool:
        """Whether an original and what arrived give alike where somebody asks for an attribute that one has not."""
        made = self.original(0)
        original = self.of(made, number) if made else None
        if type(original) is not type(there):
            return False
        return self.asked(lambda: self.same(getattr(original, name), getattr(there, name))) is True

    def noise(self, found: Difference) -> str:
        if found.kind not in _CONTENTS or self.control is None:
            return ""
        made = self.original(0)
        return "two originals differ in it" if made and (found.path, found.kind) in made.noise else ""

    def beyond(self, found: Difference) -> str:
        """Parts that are not stated in full: like the first ones, if these have a difference."""
        firsts = [each for each in self.compared.found if each.sent >= 0]
        whys = [self.excuse(each) for each in firsts[:3]]
        if whys and all(whys):
            return whys[0]
        whole = self.agrees(0) if not whys else None
        return "equal by its own equality" if whole and self.mark(0).get(INSTALLED) else self.noise(found)

    # -- what the classes say

    def tells(self, number: int, name: str) -> bool:
        """Whether a private difference shows: by the class's own equality, or by a property of the attribute's name."""
        word = self.word(number)
        if word is False:
            return True
        public = name.lstrip("_")
        there, made = self.live(number), self.original(0)
        if public == name or not public or there is None or made is None:
            return False
        original = self.of(made, number)
        if not self.deeper or type(original) is not type(there) or not is_property(type(there), public):
            return False
        return self.asked(lambda: self.same(getattr(original, public), getattr(there, public))) is False

    def same(self, original: Any, there: Any) -> bool:
        """Whether what a property gives is the same, by the same rule."""
        inner = _Judge(facts(original), looked_at(there), lambda: original, self.limit, self.control_s)
        inner.deeper = False
        return not inner.verdict().altered

    def agrees(self, number: int, *, user: bool = False) -> bool:
        """Whether the part's class has an equality (``user``: one of the user's own) that finds no difference."""
        there = self.live(number)
        if there is None or (user and not user_equality(type(there))):
            return False
        return self.word(number) is True

    def word(self, number: int) -> bool | None:
        """What a part's own equality says of it and an original; None: nothing."""
        if number not in self.words:
            self.words[number] = self._word(number)
        return self.words[number]

    def _word(self, number: int) -> bool | None:
        there = self.live(number)
        if there is None or not equalities(type(there)) or (made := self.original(0)) is None:
            return None
        word = equal(there, self.of(made, number), self.asked)
        if word is False:  # a word only where two originals are equal by it
            other = self.original(1)
            alike = other and equal(self.of(made, number), self.of(other, number), self.asked)
            return False if alike and not self.has_functions(number) else None
        return word

    def has_functions(self, number: int) -> bool:
        """Whether a function that travels by value is among what a part consists of: no copy of it is equal to it."""
        parts = self.sent["parts"]
        made = [at for at, part in enumerate(parts) if "code" in part[1] and not self.mark(at).get(REFERENCE)]
        return any(number == place for at in made for place, _ in self.steps(at))

    def live(self, number: int) -> Any:
        """The part that corresponds to one that was sent."""
        there = self.compared.pairs.get(number)
        return None if there is None or there >= len(self.objects) else self.objects[there]

    def of(self, made: _Original, number: int) -> Any:
        """The part of an original; none where it is the very one that arrived (a member of an enum): making the
        original may have changed it, so that it says nothing of what would be there without."""
        there = made.pairs.get(number)
        found = None if there is None or there >= len(made.objects) else made.objects[there]
        return None if found is self.live(number) else found

    def original(self, which: int) -> _Original | None:
        """The first or second control, made when it is asked for; None where it cannot be made."""
        while len(self.originals) <= which:
            self.originals.append(self._make() if self.control is not None else None)
        return self.originals[which]

    def _make(self) -> _Original | None:
        assert self.control is not None
        try:
            with self.limit(self.control_s):
                said, objects = stated_with_parts(self.control(), most=self.most)
                compared = compare(self.sent, json.loads(json.dumps(said)))
        except Exception:
            return None
        return _Original(objects, compared.pairs, {(each.path, each.kind) for each in compared.found})

    def asked(self, question: Callable[[], Any]) -> bool | None:
        """The plain answer of somebody's code; None where it raises, takes too long, or gives something else."""
        try:
            with self.limit(timeouts.OWN_WORD_S):
                answer = question()
        except Exception:
            return None
        if type(answer) is bool:
            return answer
        return bool(answer) if class_name(type(answer)) in ("numpy.bool", "numpy.bool_") else None


REDUCED = " (what it reduces to)"  #: the label of what C code says that an object consists of


def looked_at(obj: Any, *, most: int = INLINE_PARTS) -> Arrived:
    """What is stated of an object, as it looks after a journey through JSON, and its parts; ``most`` in full."""
    said, objects = stated_with_parts(obj, most=most)
    return Arrived(json.loads(json.dumps(said)), objects)


#: Facts of what a dict or list has inside; a class of its own that is one may keep its content elsewhere.
_KEPT = frozenset({"order", "item", "length", "absent", "extra"})
