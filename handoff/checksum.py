"""Reading all of an object: what is handed over has not arrived before every part of it was read."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from itertools import chain, repeat
from operator import is_, methodcaller
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, MethodDescriptorType, ModuleType
from typing import Any

WIDE, MANY = 64, 64  #: rows of up to so many parts, and so many of them, are read column by column
GC = 1 << 14  #: Py_TPFLAGS_HAVE_GC: the collector sees what objects of such a type hold
#: Words that are added by one call into C, which no deadline interrupts: 128 MiB; a mapped file may have a tebibyte.
PIECE = 1 << 24
MASK = (1 << 64) - 1  #: checksums are unsigned 64-bit, so that they fit the fixed acknowledgement
#: Of a class, past whatever its metaclass makes of asking for an attribute.
_dict = type.__dict__["__dict__"].__get__
_mro = type.__dict__["__mro__"].__get__
_module_of = type.__dict__["__module__"].__get__


def checksum(buffer: Any) -> int:
    """The sum of all 8-byte words of a contiguous buffer plus its trailing bytes, modulo 2**64.

    One pass at memory speed (numpy's sum over a uint64 view): the touch must not hide the transfer it follows.
    ``buffer`` is anything that exposes the buffer protocol and is C- or Fortran-contiguous; else ``BufferError``.
    An interpreter other than a process's first cannot load numpy: there the words are added one by one.
    """
    try:
        import numpy as np
    except ImportError:
        return _checksum_by_words(memoryview(buffer))
    if isinstance(buffer, np.ndarray) and buffer.dtype.kind not in "?bBiufc":  # a datetime64 exposes no buffer
        plain = buffer.view(np.ndarray)
        buffer = (plain if plain.flags.c_contiguous else plain.T).reshape(-1).view(np.uint8)
    view = memoryview(buffer)
    if not view.c_contiguous:
        if not view.f_contiguous:
            raise BufferError("checksum needs a contiguous buffer")
        view = np.asarray(buffer).T.data
    raw = view.cast("B") if view.nbytes else b""
    words = len(raw) // 8
    total = 0
    for at in range(0, words, PIECE):
        total += int(np.frombuffer(raw, np.uint64, min(PIECE, words - at), 8 * at).sum(dtype=np.uint64))
    return (total + sum(raw[words * 8 :])) & MASK


def _checksum_by_words(view: memoryview) -> int:
    """The same sum without numpy, at 20 to 30 ns a word instead of 1."""
    if not view.c_contiguous:
        raise BufferError("checksum needs a contiguous buffer")
    raw = view.cast("B") if view.nbytes else memoryview(b"")
    whole = len(raw) // 8 * 8
    return (sum(raw[:whole].cast("Q")) + sum(raw[whole:])) & MASK


def touch(obj: Any) -> int:
    """Read every part of plain data, containers, arrays and instances; return an unsigned 64-bit checksum.

    Equal objects give equal checksums in every process: string hashes, which differ between interpreters, are not used.
    Each object is read once, so cycles end. No user code runs but for iterating over subclasses of built-in containers.

    It goes level by level, and all of a level that are of one type are read by a few calls into C; rows of equal length
    column by column. A task must not take longer for reading the object than for getting it, where nobody asked for it.
    The state of the libraries' objects is read and not summed: what they keep there, caches among it, is their own. Nor
    is that of classes which say themselves what of it travels, or iterate in their own way: what these make anew is no
    loss.
    """
    seen: set[int] = set()
    keep: list[Any] = []  # keeps what was seen alive, so that no id is used twice
    inner: list[Inside] = []
    total = _walk([(obj,)], seen, keep, inner)
    while inner:  # read too, and not in the sum
        later: list[Inside] = []
        for inside in inner:
            _walk(inside(), seen, keep, later)
        inner = later
    return total & MASK


Inside = Callable[[], list[Sequence[Any]]]  #: gives the parts of what is read and not summed


def _walk(groups: list[Sequence[Any]], seen: set[int], keep: list[Any], inner: list[Inside]) -> int:
    """The sum over all that can be reached; but what is not summed is left in ``inner``."""
    total = 0
    while groups:
        parts: list[Iterable[Any]] = []
        columns: list[Sequence[Any]] = []
        for group in groups:
            kinds = _kinds(group)
            for kind in kinds:
                items = group if len(kinds) == 1 else [item for item in group if type(item) is kind]
                if (plain := _PLAIN.get(id(kind))) is not None:
                    total += plain(items)
                    continue
                items = _fresh(items, seen)
                keep.append(items)
                if _iterates_itself(kind):
                    total += 5 * len(items)
                    inner.append(partial(_laid_open, kind, items, content=True))
                    continue
                total += _open(kind, items, parts, columns)
                if _is_of_a_library(kind):
                    inner += [partial(_state, item) for item in items]
                elif _says_itself(kind):
                    inner.append(partial(_laid_open, kind, items))
                else:
                    _lay_open(kind, items, parts, columns)
        rest = list(chain.from_iterable(parts))
        groups = [*columns, rest] if rest else columns
    return total


def _kinds(group: Sequence[Any]) -> Collection[type]:
    """The classes of these, each once. By identity: a class of a metaclass's own hash or equality may hang in it."""
    first = type(group[0]) if group else type(None)
    if all(map(is_, map(type, group), repeat(first))):
        return (first,)
    kinds = list(map(type, group))
    return dict(zip(map(id, kinds), kinds, strict=True)).values()


def _of_classes(ask: Callable[[type], bool]) -> Callable[[type], bool]:
    """What is asked of a class, asked once of each; by identity, too."""
    known: dict[int, tuple[type, bool]] = {}

    def asked(kind: type) -> bool:
        found = known.get(id(kind))
        if found is None:
            found = known[id(kind)] = kind, ask(kind)
        return found[1]

    return asked


def _fresh(items: Sequence[Any], seen: set[int]) -> Sequence[Any]:
    """Those that were not seen before, each once."""
    ids = set(map(id, items))
    if len(ids) < len(items) or not seen.isdisjoint(ids):
        items = list({id(item): item for item in items if id(item) not in seen}.values())
    seen |= ids
    return items


def _floats(items: Sequence[float]) -> int:
    """By their hashes, which are the same in every process, but for those of NaN."""
    if (all_ := sum(items)) == all_:  # there is no NaN among them
        return sum(map(hash, items))
    return sum(hash(item) if item == item else 2 for item in items)


#: What so many plain values add to the checksum, by the ids of their classes.
_PLAIN: dict[int, Callable[[Sequence[Any]], int]] = {
    id(type(None)): len,
    id(bool): sum,
    id(int): sum,
    id(float): _floats,
    id(str): lambda items: sum(map(len, items)),
}


def _open(kind: type, items: Sequence[Any], parts: list[Iterable[Any]], columns: list[Sequence[Any]]) -> int:
    """Lay open the parts of objects of one type; return what the objects themselves add to the checksum."""
    total = 5 * len(items)
    if issubclass(kind, type):
        return 3 * len(items)
    if issubclass(kind, dict):
        for name in ("keys", "values"):
            _rows([*map(_method(kind, name), items)], parts, columns)
    elif issubclass(kind, list | tuple | set | frozenset):
        _rows(items, parts, columns)
    elif issubclass(kind, bytes | bytearray):
        if kind is not bytes and kind is not bytearray:
            items = [memoryview(item) for item in items]  # past an iteration or length of its own
        return sum(sum(item) if len(item) < 256 else checksum(item) for item in items)
    elif (numpy := sys.modules.get("numpy")) is not None and issubclass(kind, numpy.ndarray):
        total = sum(_array(numpy, item, parts) for item in items)
    return total


def _method(kind: type, name: str) -> Callable[[Any], Any]:
    """A method as its class has it, past what an instance makes of being asked for an attribute."""
    found = next(_dict(base)[name] for base in _mro(kind) if name in _dict(base))
    return found if type(found) in (FunctionType, MethodDescriptorType) else methodcaller(name)


def _lay_open(kind: type, items: Sequence[Any], parts: list[Iterable[Any]], columns: list[Sequence[Any]]) -> None:
    """What the instances of a class have in slots and in their dictionaries."""
    slots, state = _fields(kind)
    columns += [_values(slot, items) for slot in slots]
    if state is not None:
        _rows([found.values() for found in _values(state, items) if issubclass(type(found), dict)], parts, columns)


def _laid_open(kind: type, items: Sequence[Any], *, content: bool = False) -> list[Sequence[Any]]:
    parts: list[Iterable[Any]] = []
    columns: list[Sequence[Any]] = []
    if content:
        _open(kind, items, parts, columns)
    _lay_open(kind, items, parts, columns)
    if content:  # by the user's own iteration, which may have no end: a loop of C heeds no alarm
        return [*columns, [each for part in parts for each in part]]
    return [*columns, [*chain.from_iterable(parts)]]


@_of_classes
def _iterates_itself(kind: type) -> bool:
    """Whether a container of the user's has an iteration or a length of its own: it may keep its content elsewhere."""
    if _is_builtin(kind) or not issubclass(kind, dict | list | tuple | set | frozenset):
        return False
    ways = {"__iter__", "__len__", "keys", "values"}
    first = next(base for base in _mro(kind) if not ways.isdisjoint(_dict(base)))
    return not _is_builtin(first) and not _is_of_a_library(first)


@_of_classes
def _says_itself(kind: type) -> bool:
    """Whether a class of the user's, or a base of it, says what of its state travels; dataclasses' hooks take all."""
    hooks = ("__getstate__", "__setstate__", "__reduce__", "__reduce_ex__")
    bases = [base for base in _mro(kind) if not _is_builtin(base)]
    found = [_dict(base)[name] for base in bases for name in hooks if name in _dict(base)]
    return any(type(each) is not FunctionType or each.__module__ != "dataclasses" for each in found)


def _state(item: Any) -> list[Sequence[Any]]:
    """What an object of a library has to itself; of its C types the arrays too, as the garbage collector finds them."""
    parts: list[Iterable[Any]] = []
    columns: list[Sequence[Any]] = []
    _lay_open(type(item), (item,), parts, columns)
    if type(item).__flags__ & GC:
        library = _root(type(item))
        parts.append([each for each in gc.get_referents(item) if _is_data(each) or _root(type(each)) == library])
    return [*columns, [*chain.from_iterable(parts)]]


def _is_data(item: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return issubclass(type(item), list | tuple) or (numpy is not None and issubclass(type(item), numpy.ndarray))


def _module(kind: type) -> str:
    """Where a class is from: one that was made without a module (sympy's functions are), as what it derives from."""
    return next(name for base in _mro(kind) if type(name := _module_of(base)) is str)


def _is_builtin(kind: type) -> bool:
    return type(name := _module_of(kind)) is str and name == "builtins"


def _root(kind: type) -> str:
    return _module(kind).partition(".")[0]


@_of_classes
def _is_of_a_library(kind: type) -> bool:
    """Whether a class is not the user's own: of the standard library, or installed."""
    module = _module(kind)
    found = sys.modules.get(module)
    file = (getattr(found, "__file__", None) or "") if issubclass(type(found), ModuleType) else ""
    return (_root(kind) in sys.stdlib_module_names and module not in ("builtins", "__main__")) or any(
        f"{os.sep}{folder}{os.sep}" in file for folder in ("site-packages", "dist-packages")
    )


def _rows(rows: Sequence[Collection[Any]], parts: list[Iterable[Any]], columns: list[Sequence[Any]]) -> None:
    """The parts of many objects; of rows of equal length by columns, since these are mostly of one type each."""
    if len(rows) >= MANY and len(rows[0]) <= WIDE and len(set(map(len, rows))) == 1:
        columns += zip(*rows, strict=True)
    else:
        parts += rows


def _array(numpy: Any, item: Any, parts: list[Iterable[Any]]) -> int:
    """By its bytes as they lie: not every dtype (datetime64) has a buffer of its own. Past the code of a subclass."""
    plain = numpy.ndarray.view(item, numpy.ndarray)
    if plain.dtype.hasobject:
        parts.append(plain.ravel().tolist())
        return 5
    flat = plain.ravel("K")
    return checksum(flat.view(numpy.uint8)) if flat.size and flat.dtype.itemsize else 0


def _fields(kind: type) -> tuple[list[Callable[[Any], Any]], Callable[[Any], Any] | None]:
    """What reads the slots of an instance, and its ``__dict__``, past any ``__getattribute__`` of its class."""
    slots: list[Callable[[Any], Any]] = []
    state = None
    for base in _mro(kind):
        table = _dict(base)
        if "__slots__" in table:
            slots += [found.__get__ for found in table.values() if type(found) is MemberDescriptorType]
        found = table.get("__dict__")
        if state is None and type(found) is GetSetDescriptorType and base is not type:
            state = found.__get__
    return slots, state


def _values(read: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """A field of many objects, of those that have it."""
    try:
        return list(map(read, items))
    except AttributeError:
        found = []
        for item in items:
            try:
                found.append(read(item))
            except AttributeError:
                continue
        return found


#: One of everything that is told apart above.
_ONE_OF_EACH = ([1, 1.5, True, None, "a", (2,), {3}], {"b": b"c"}, BaseException(), int)
for _ in range(16):  # Python 3.11 specializes a function when it has been called eight times (PEP 659): a fifth faster
    touch(_ONE_OF_EACH)
