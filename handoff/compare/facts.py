"""What must be the same about an object on both sides of a hand-over, as JSON; and what differs between two of these.

The walk is linear in the object's parts and keeps its own stack, so depth does not matter. It runs none of the object's
own code: no property, ``__repr__``, ``__eq__``, ``__hash__``, ``__iter__`` or ``__getattr__`` of anybody's class; what
cannot be read becomes a fact itself ("unreadable: ValueError: I/O operation on closed file"). Statements hold no
addresses and nothing that a string hash has ordered. What is said of each kind of object stands in
:mod:`handoff.compare.kinds`.

A part is one object that is more than a plain number or string. The first parts are stated in full, each with its path;
beyond :data:`INLINE_PARTS` or :data:`INLINE_CHARS` whole stretches of parts are stated by their digest.
"""

from __future__ import annotations

import gc
import hashlib
import json
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from operator import itemgetter
from typing import Any

from handoff.compare import identity, names, numpy_kinds, values
from handoff.compare.difference import NANS, OWN, OWN_NANS
from handoff.compare.kinds import Reading
from handoff.compare.names import Said, class_name
from handoff.compare.ownership import INSTALLED, REFERENCE, STATE
from handoff.compare.values import HOLE, SCALARS, labels_of, parts_among, parts_of_pairs, text_of, text_of_all

SCHEMA = 1
INLINE_PARTS = 1000  #: parts stated in full
INLINE_CHARS = 250_000  #: characters stated in full, whichever comes first: the JSON stays below 1 MB
STRETCH = 1000  #: parts a digest stands for; doubles with every 256 stretches
LONG = 2048  #: more scalars than this in one container are stated by digests of 32 blocks
BLOCKS = 32
SHOWN = 2000  #: characters of scalars shown one by one; beyond, by digest
LONG_TEXT = 100  #: characters of an attribute's text, where all of them together are more than that
FULL_PARTS = 50_000  #: parts stated in full where what differs is looked for: as many cost about a second
CLIMB = 8  #: labels shown of a path that is deeper than this
NESTED_LIMIT = 500  #: parts looked at to put one element of a set in its canonical place; of sets in it a quarter
PLACE_CHARS = 4096  #: of what was found there: the nearest come first, and tell most elements apart

_FLOATS = frozenset(map(id, (float, complex)))  #: of which one may be unequal to itself, and travels by value


def facts(obj: Any) -> dict[str, Any]:
    """State everything about ``obj`` that must be the same after a hand-over, as JSON values.

    Equal objects give equal statements in every interpreter, whatever its hash seed. No object makes it raise.
    Cost: 0.1-0.6 s for 10**6 scalars, 2-5 s for 10**6 tuples, dicts or instances, 1 GB/s for buffers.
    """
    return stated(obj)[0]


def stated(obj: Any) -> tuple[dict[str, Any], list[type], str]:
    """The facts, the classes of all parts but plain values, lists, tuples and dicts, and what :func:`brief` gives."""

    def both() -> FactsWalk:
        walk = FactsWalk()
        walk.briefly = FactsWalk(inline=False)
        walk.briefly.parents, walk.briefly.labels, walk.briefly.memory = walk.parents, walk.labels, walk.memory
        return walk

    with _not_collecting():
        walk = _walked(both, obj)
        assert walk.briefly
        return walk.statement(), [plan.kind for plan in walk.plans.values()], digest(dumps(walk.briefly.statement()))


def stated_with_parts(obj: Any, *, most: int = INLINE_PARTS) -> tuple[dict[str, Any], list[Any]]:
    """The facts, and the objects that the first of their parts are, for who looks at these again.

    ``most`` parts are stated in full, and their characters are not counted where these are more than usual.
    """

    def keeping() -> FactsWalk:
        walk = FactsWalk()
        walk.objects, walk.most_parts = [], most
        walk.most_chars = INLINE_CHARS if most == INLINE_PARTS else sys.maxsize
        return walk

    with _not_collecting():
        walk = _walked(keeping, obj)
        assert walk.objects is not None
        return walk.statement(), walk.objects


def brief(obj: Any) -> str:
    """The digest of what there is to be stated: where two objects have the same, their facts do not differ.

    Costs half of the facts, and is 16 characters.
    """
    return brief_and_keepers(obj)[0]


def brief_and_keepers(obj: Any) -> tuple[str, list[Any]]:
    """The digest, and the first parts that may keep a hash which they have computed."""
    with _not_collecting():
        walk = _walked(lambda: FactsWalk(inline=False), obj)
        return digest(dumps(walk.statement())), walk.keepers


def _walked(new: Callable[[], FactsWalk], obj: Any) -> FactsWalk:
    """A walk over all of it. Once more where a NaN of its own is a key or an element, and stands elsewhere in it, too:
    by that it is found as long as it is the very object."""
    walk = new()
    walk.run(obj)
    if not walk.nan_keys:
        return walk
    counting = FactsWalk(inline=False)
    counting.counts = dict.fromkeys(walk.nan_keys, 0)
    counting.run(obj)
    if shared := frozenset(key for key, count in counting.counts.items() if count > 1):
        walk = new()
        walk.own_nans = shared
        walk.run(obj)
    return walk


@contextmanager
def _not_collecting() -> Iterator[None]:
    """Nothing here makes garbage in cycles, and collecting every 700 parts costs more than the walk."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def dumps(statement: Mapping[str, Any]) -> str:
    """The statement as one line of JSON, the same for the same facts."""
    return json.dumps(statement, separators=(",", ":"), ensure_ascii=True)


class FactsWalk:
    """One pass over an object: numbers its parts in a fixed order and states each."""

    def __init__(self, *, nested: int = 0, limit: int = sys.maxsize, inline: bool = True) -> None:
        self.nested = nested  #: depth of sets within sets; classes and functions are named only where it is not 0
        self.limit = limit
        self.parents: list[int] = []
        self.labels: list[Any] = []
        self.keep: list[Any] = []  # keeps every part alive, so that no id is used twice
        self.memo: dict[int, int | str] = dict(names.known_objects())
        self.values = SCALARS.union(map(id, values.value_classes()))  #: ids of classes, too
        self.plans: dict[int, Reading] = {}  #: by the id of the class, which each keeps alive
        self.module_objects: dict[int, list[tuple[str, str]]] | None = None
        self.nans = identity.nans()
        self.nan_keys: dict[int, Any] = {}  #: NaNs of the object's own that are keys or elements, by id
        self.own_nans: frozenset[int] = frozenset()  #: those of them that are found by identity from elsewhere in it
        self.counts: dict[int, int] = {}  #: how often these occur, where that is asked
        self.parts: list[list[Any]] = []
        self.chars = 0
        self.inline = inline  #: whether the first parts are stated in full
        self.most_parts, self.most_chars = INLINE_PARTS, INLINE_CHARS
        self.briefly: FactsWalk | None = None  #: states the same, but no part in full
        self.texts: list[str] = []  # of the stretch that is being collected
        self.start = 0
        self.folded: list[list[Any]] = []
        self.memory: list[tuple[int, Any]] = []  # (part, what exposes a buffer)
        self.class_names: dict[str, list[type]] = {}
        self.keepers: list[Any] = []  #: of a hash, it seems; the first of them
        #: places of elements of sets, by id and depth: sets that lead to each other would be looked at for ever
        self.placed: dict[tuple[int, int], tuple[Any, str]] = {}
        self.objects: list[Any] | None = None  #: of the first parts, where somebody is to look at them again
        self.behind: set[int] = set()  #: parts that are reached through what travels by reference
        self.inside = False  #: whether the part that is being stated is one of these
        self.attribute = False  #: whether it is an attribute

    def run(self, obj: Any) -> None:
        """Visit everything that can be reached from ``obj``."""
        stack: list[tuple[int, Iterator[tuple[Any, Any]]]] = [(-1, iter([("obj", obj)]))]
        visit, limit, parents = self.visit, self.limit, self.parents
        while stack and len(parents) < limit:
            parent, children = stack[-1]
            try:
                label, child = next(children)
            except StopIteration:
                stack.pop()
                continue
            except Exception as error:  # changed by another thread while it is read
                stack.pop()
                if self.objects is not None:
                    self.objects.append(None)
                self.state(parent, "", {"unreadable": f"{type(error).__name__}: {error}"})
                continue
            found = visit(parent, label, child)
            if found is not None:
                stack.append((len(parents) - 1 if found[0] is None else found[0], found[1]))

    def visit(self, parent: int, label: Any, obj: Any) -> tuple[int | None, Iterator[tuple[Any, Any]]] | None:
        """State one part; return its number and what it consists of, if anything."""
        kind = type(obj)
        if self.objects is not None and len(self.objects) < self.most_parts:
            self.objects.append(obj)
        if id(kind) in self.values:
            if self.counts:
                self.count((obj,))
            self.state(parent, label, values.value_statement(obj, kind))
            return None
        known = self.memo.get(id(obj))
        if known is not None:
            self.state(parent, label, {"is": known} if type(known) is str else {"same as": known})
            return None
        number = len(self.parents)
        if kind is not tuple or not SCALARS.issuperset(map(id, map(type, obj))):
            self.memo[id(obj)] = number
        self.keep.append(obj)
        self.inside, self.attribute = parent in self.behind, type(label) is str and label[:1] == "."
        if kind is list or kind is tuple:
            statement, children = self.sequence(obj)
            statement["class"] = kind.__name__
        elif kind is dict:
            statement, children = self.mapping(obj)
            statement["class"] = "dict"
        else:
            statement, children = self.other(obj, kind)
            self.inside = self.inside or (STATE in statement and statement[STATE].get(REFERENCE, False))
        if self.inside:
            self.behind.add(number)
        self.state(parent, label, statement)
        return None if children is None else (number, iter(children))

    def other(self, obj: Any, kind: type) -> Said:
        """What is said of an instance: by the handler of its kind, its attributes, and its class."""
        plan = self.plans.get(id(kind))
        first = plan is None
        if plan is None:
            plan = self.plans[id(kind)] = Reading(kind)
            alike = self.class_names.setdefault(plan.name, [])
            alike.append(kind)
            if len(alike) > 1 and not plan.unnamed:
                plan.name += f" (the {len(alike)}th class of that name)"
        statement: dict[str, Any] = {"class": plan.name}
        children: list[tuple[Any, Any]] = []
        if first and plan.has_content and not self.nested:
            children.append(("type()", kind))
        lazy: Iterable[tuple[Any, Any]] | None = None
        if plan.handler is not None:
            try:
                said, lazy = plan.handler(self, obj)
                statement.update(said)
            except Exception as error:
                statement["unreadable"] = f"{type(error).__name__}: {error}"
        if not plan.whole:
            self.attributes(obj, plan, statement, children)
        if lazy is None:
            return statement, children or None
        return statement, chain(children, lazy)

    def attributes(self, obj: Any, plan: Reading, statement: dict[str, Any], children: list[tuple[Any, Any]]) -> None:
        """An instance's own attributes: plain ones are said, the others are children.

        Not of a library's instance behind what travels by reference: a worker imports its own.
        """
        try:
            attributes = plan.own(plan.attributes(obj))
        except Exception as error:
            attributes = {}
            statement["unreadable"] = f"{type(error).__name__}: {error}"
        kept = self.attribute and plan.ownership.weak  # by the user's own
        if attributes and self.inside and plan.ownership.librarys and not kept:
            statement[STATE] = {INSTALLED: True}
        elif attributes:
            if self.inline and len(self.parts) < self.most_parts:
                statement[STATE] = plan.ownership.marks(attributes)
                if kept:
                    del statement[STATE][INSTALLED]
            if plan.hashes and len(self.keepers) < identity.KEEPERS and identity.has_large_int(attributes):
                self.keepers.append(obj)
            names = sorted(attributes)
            values = [attributes[name] for name in names]
            if self.counts:
                self.count(values)
            if not SCALARS.issuperset(map(id, map(type, values))):
                children += [(f".{n}", v) for n, v in zip(names, values, strict=True) if id(type(v)) not in SCALARS]
                values = [v if id(type(v)) in SCALARS else HOLE for v in values]
            statement["attributes"] = (names, values)
            if len(names) <= identity.FEW and plan.by_identity and not plan.c_reducer:
                places = self.places(obj)
                if places and identity.is_marker(attributes, places):
                    statement[OWN], statement["~"] = True, ".".join(places[0])
        elif plan.handler is None:
            self.bare(obj, plan, statement, children)

    def places(self, obj: Any) -> list[tuple[str, str]]:
        """Where modules have this very object under a constant's name."""
        if self.module_objects is None:
            self.module_objects = identity.module_objects()
        return self.module_objects.get(id(obj), [])

    def bare(self, obj: Any, plan: Reading, statement: dict[str, Any], children: list[tuple[Any, Any]]) -> None:
        """An instance without any state: what counts is whether it is a module's own, or what its C reducer tells."""
        if plan.c_reducer:
            statement[STATE] = {INSTALLED: not plan.user}
            try:
                reduced = names.c_reduce(obj)
            except Exception as error:
                statement["opaque"] = f"{type(error).__name__}: {error}"
            else:
                children.append((" (what it reduces to)", reduced))
        elif plan.kind is object or plan.by_identity:
            places = self.places(obj) or identity.singleton_of_its_module(obj)
            statement[OWN] = bool(places)
            if places:
                statement["~"] = ".".join(places[0])
        elif not plan.has_dict:
            statement["opaque"] = True

    def sequence(self, items: Any, size: int | None = None) -> tuple[dict[str, Any], Any]:
        """A list or tuple (or what iterates like one, with its size): scalars inline, the rest as children."""
        size = len(items) if size is None else size
        said: dict[str, Any] = {"length": size, **self.nans_among(items)}
        if self.counts:
            self.count(items)
        if SCALARS.issuperset(map(id, map(type, items))):
            return {**said, "items": (None, items)}, None
        inline = [item if id(type(item)) in SCALARS else HOLE for item in items]
        return {**said, "items": (None, inline)}, parts_among(items)

    def nans_among(self, items: Any) -> dict[str, Any]:
        """How many of these are NaNs of which everybody has the very object, or others in the object have it, and finds
        them by it."""
        found = {}
        for name, nans in ((NANS, self.nans), (OWN_NANS, self.own_nans)):
            if nans and not nans.isdisjoint(map(id, items)):
                found[name] = sum(id(item) in nans for item in items)
        return found

    def keyed(self, keys: Any) -> None:
        """Note the NaNs of the object's own among what is found by its hash."""
        own = (key for key in keys if id(type(key)) in _FLOATS and key != key and id(key) not in self.nans)
        self.nan_keys.update((id(key), key) for key in own)

    def count(self, items: Iterable[Any]) -> None:
        """Count those of which it is asked how often they occur."""
        for key in filter(self.counts.__contains__, map(id, items)):
            self.counts[key] += 1

    def mapping(self, table: Any, pairs: Any = None) -> tuple[dict[str, Any], Any]:
        """A dict: its order counts, and the types of its keys."""
        pairs = dict.items(table) if pairs is None else pairs
        keys = [key for key, _ in pairs]
        values = [value for _, value in pairs]
        said: dict[str, Any] = {"length": len(keys), **self.nans_among(keys)}
        kinds = {*map(id, map(type, keys))}
        if not kinds.isdisjoint(_FLOATS):
            self.keyed(keys)
        if self.counts:
            self.count((*keys, *values))
        if SCALARS.issuperset(kinds) and SCALARS.issuperset(map(id, map(type, values))):
            return {**said, "items": (keys, values)}, None
        inline = [key if id(type(key)) in SCALARS else HOLE for key in keys]
        filled = [value if id(type(value)) in SCALARS else HOLE for value in values]
        return {**said, "items": (inline, filled)}, parts_of_pairs(keys, values)

    def elements(self, items: Any, size: int) -> tuple[dict[str, Any], Any]:
        """A set: in an order of its own that depends on nothing but what the elements are."""
        if not _FLOATS.isdisjoint(map(id, map(type, items))):
            self.keyed(items)
        if self.counts:
            self.count(items)
        scalars = sorted((item for item in items if id(type(item)) in SCALARS), key=values.scalar_key)
        others = [item for item in items if id(type(item)) not in SCALARS]
        if len(others) > 1:
            others = [item for _, item in sorted(((self.place(o), o) for o in others), key=itemgetter(0))]
        ordered = scalars + others
        shown = [item if id(type(item)) in SCALARS else HOLE for item in ordered]
        return {"length": size, **self.nans_among(items), "items": (None, shown)}, parts_among(ordered)

    def place(self, item: Any) -> str:
        """The canonical place of a set's element that is no scalar: what a bounded walk of it states."""
        if self.nested >= 3:
            return class_name(type(item))
        if type(item) is tuple and SCALARS.issuperset(map(id, map(type, item))):
            return text_of_all(item)
        key = id(item), self.nested
        if key not in self.placed:
            walk = FactsWalk(nested=self.nested + 1, limit=NESTED_LIMIT >> 2 * self.nested)
            walk.memo, walk.module_objects, walk.placed = {}, self.module_objects, self.placed
            walk.run(item)
            self.module_objects = walk.module_objects  # looked for once
            self.placed[key] = item, dumps(walk.statement())[:PLACE_CHARS]
        return self.placed[key][1]

    def state(self, parent: int, label: Any, statement: dict[str, Any]) -> None:
        """State one part."""
        self.parents.append(parent)
        self.labels.append(label)
        self.note(parent, label, statement)
        if self.briefly:
            self.briefly.note(parent, label, statement)

    def note(self, parent: int, label: Any, statement: dict[str, Any]) -> None:
        """Note the part that was stated last: in full while there is room, then as text of the present stretch."""
        full = self.inline and len(self.parts) < self.most_parts and self.chars < self.most_chars
        if full and not self.folded and not self.texts:
            shown = self.shown(statement)
            path = self.path(len(self.parents) - 1)
            self.parts.append([path, shown, parent, label])
            self.chars += len(path) + len(str(shown))
            return
        if not self.texts:
            self.start = len(self.parents) - 1
        for name in ("items", "attributes"):
            if name in statement and len(statement[name][1]) > LONG:
                statement[name] = self.blocks(*statement[name])
        for name in [name for name in statement if name.startswith("~")]:
            del statement[name]
        try:
            text = repr(statement)
        except ValueError:  # an int of more digits than sys.get_int_max_str_digits() allows
            text = repr({name: text_of_all(value) for name, value in statement.items()})
        self.texts.append(f"{parent} {label!r} {text}")
        if len(self.texts) >= STRETCH << (len(self.folded) // 256):
            self.fold()

    def fold(self) -> None:
        """End the present stretch."""
        if self.texts:
            self.folded.append([self.path(self.start), len(self.texts), digest("\n".join(self.texts))])
            self.texts = []

    def shown(self, statement: dict[str, Any]) -> dict[str, Any]:
        """A statement as it stands in the JSON: scalars by their ``repr`` under their label."""
        result: dict[str, Any] = {}
        for name, value in statement.items():
            if name not in ("items", "attributes"):
                result[name] = {"path": self.path(value), "part": value} if name == "same as" else value
                continue
            keys, values = value
            if len(values) > LONG:
                result["blocks"] = self.blocks(keys, values)
                continue
            texts = [text_of(item) for item in values]
            labels = labels_of(name, keys, len(texts))
            size = sum(map(len, texts)) + sum(map(len, labels))
            if size > SHOWN and name == "attributes":  # each under its name, for each may belong to somebody else
                texts = [_beginning(text) for text in texts]
                size = 0 if len(texts) * LONG_TEXT < INLINE_CHARS // 10 else size
            if size > SHOWN:
                result["blocks"] = self.blocks(keys, values)
            else:
                result[name] = [[label, text] for label, text in zip(labels, texts, strict=True)]
        return result

    def blocks(self, keys: Any, values: Any) -> list[list[Any]]:
        """Digests of equal blocks of a container's scalars, so that a change can still be placed."""
        size = len(values)
        step = -(-size // BLOCKS)
        floats = keys is None and type(values) in (list, tuple) and set(map(type, values)) == {float}
        found: list[list[Any]] = []
        for start in range(0, size, step):
            stop = min(start + step, size)
            if floats:
                what = hashlib.blake2b(array("d", values[start:stop]).tobytes(), digest_size=8).hexdigest()
            else:
                what = digest(text_of_all(values[start:stop]) + ("" if keys is None else text_of_all(keys[start:stop])))
            found.append([f"[{start}:{stop}]" if keys is None else f" (entries {start} to {stop})", what])
        return found

    def path(self, number: int) -> str:
        """Where a part stands: ``obj.rows[3]['name']``; the beginning of a long path is left out."""
        labels: list[Any] = []
        while number >= 0 and len(labels) <= CLIMB:
            labels.append(self.labels[number])
            number = self.parents[number]
        text = "" if number < 0 else "obj\N{HORIZONTAL ELLIPSIS}"
        for label in reversed(labels):
            text = f"type({text})" if label == "type()" else text + (f"[{label}]" if type(label) is int else str(label))
        return text

    def statement(self) -> dict[str, Any]:
        """All of it."""
        self.fold()
        groups = numpy_kinds.overlaps(self.memory)
        memory = [[self.path(number) for number in group] for group in groups]
        return {
            "schema": SCHEMA,
            "nodes": len(self.parents),
            "parts": self.parts,
            "folded": self.folded,
            "memory": memory,
            "memory of": groups,  # the same, by the numbers of the parts
        }


def _beginning(text: str) -> str:
    """A long text by its beginning and its digest."""
    return text if len(text) <= LONG_TEXT else f"{text[:60]}\N{HORIZONTAL ELLIPSIS}{digest(text)}"


def digest(text: str) -> str:
    """16 hexadecimal digits of BLAKE2b over the text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
