"""What can be said of each kind of object so that a copy elsewhere can be compared with it: one small function a kind.

A kind's function returns what it says, as JSON values, and the parts that are still to be visited. It reads through the
built-in types' own descriptors (``io.TextIOWrapper.tell(obj)``, not ``obj.tell()``), so that no subclass's code runs.
Objects of the kernel (sockets, pipes, semaphores) are named by what the kernel calls them: two are never the same.
Libraries are only looked up in ``sys.modules``: what was never imported cannot have made the object.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from types import (
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
)
from typing import Any

from handoff.compare import code_kinds, numpy_kinds, resource_kinds
from handoff.compare.identity import by_identity, hashes
from handoff.compare.names import (
    NOTHING,
    Kind,
    Said,
    Walker,
    c_reduce,
    class_name,
    copy_mark,
    gc_first,
    installed,
    is_itself,
    module_of,
    type_dict,
    type_mro,
    type_qualname,
)
from handoff.compare.ownership import Ownership
from handoff.compare.values import content, value_statement

_STR = frozenset({id(str)})  # by identity: see handoff.compare.values.SCALARS
_PLAIN = frozenset(map(id, (int, float, str, bool, type(None))))


# ---------------------------------------------------------------------------------------------------------------- plans


class Reading:
    """How instances of one class are read; made once for each class and walk."""

    def __init__(self, kind: type) -> None:
        mro = type_mro(kind)
        module, name = module_of(kind), class_name(kind)
        self.kind = kind
        self.user = not installed(module)
        self.name = name if is_itself(kind, module, type_qualname(kind)) is not False else f"{name}{copy_mark(kind)}"
        #: whether a library has made it at run time: no program has a name for it; it goes by what it derives from
        self.unnamed = not self.user and "<locals>" in type_qualname(kind)
        if self.unnamed:
            self.name = next((class_name(base) for base in mro if _has_name_in_library(base)), self.name)
        self.handler: Kind | None = None
        self.whole = False
        own = mro
        for position, base in enumerate(mro):
            found = KINDS.get(class_name(base))
            if found is not None:
                self.handler, self.whole = found
                own = mro[:position]
                break
        wrapped = next((type_dict(b)["__wrapped__"] for b in mro if "__wrapped__" in type_dict(b)), None)
        if self.handler is None and type(wrapped) is GetSetDescriptorType:
            self.handler, self.whole = _wrapping(wrapped), True
        dynamic = own and class_name(mro[1] if len(mro) > 1 else kind) in ("_ctypes.Array", "_ctypes._Pointer")
        self.has_content = self.user and not dynamic and kind is not object
        self.members: list[tuple[str, Any]] = []
        self.dict_of: Any = None
        for base in own:
            for attribute, descriptor in type_dict(base).items():
                if attribute == "__dict__" and type(descriptor) in (GetSetDescriptorType, MemberDescriptorType):
                    self.dict_of = self.dict_of or descriptor
                elif type(descriptor) is MemberDescriptorType and attribute not in _UNSTATED:
                    self.members.append((attribute, descriptor))
        if issubclass(kind, BaseException) and self.dict_of is None:
            self.dict_of = BaseException.__dict__["__dict__"]
        self.has_dict = self.dict_of is not None
        #: whether two that are alike are not equal: only classes written in Python are held to it
        self.by_identity = bool(type.__dict__["__flags__"].__get__(kind) & 1 << 9) and by_identity(kind)
        self.hashes = hashes(kind)
        self.overridable: dict[str, Any] = {}  #: attributes that the class has, too, and what they are there
        self.alone: set[str] = set()  #: attributes of instances that the class does not have
        self._ownership: Ownership | None = None
        self.c_reducer = any(
            type(type_dict(base).get(method)) is MethodDescriptorType
            for base in mro
            if base is not object
            for method in ("__reduce__", "__reduce_ex__")
        )

    @property
    def ownership(self) -> Ownership:
        """Whose state its attributes are."""
        if self._ownership is None:
            self._ownership = Ownership(self.kind, user=self.user)
        return self._ownership

    def own(self, attributes: dict[Any, Any]) -> dict[Any, Any]:
        """Without those that are what the class has under their name: nobody can tell whether they are there."""
        if self.alone.issuperset(attributes):
            return attributes
        for name in attributes:
            if name not in self.alone and name not in self.overridable:
                found = next((type_dict(b)[name] for b in type_mro(self.kind) if name in type_dict(b)), NOTHING)
                if id(type(found)) in _PLAIN:
                    self.overridable[name] = found
                else:
                    self.alone.add(name)
        same = self.overridable
        return {n: v for n, v in attributes.items() if n not in same or type(v) is not type(same[n]) or v != same[n]}

    def attributes(self, obj: Any) -> dict[Any, Any]:
        """The instance's own attributes, of its dictionary and its slots; keys that are no strings are left out."""
        found: dict[Any, Any] = {}
        if self.dict_of is not None:
            table = self.dict_of.__get__(obj)
            if issubclass(type(table), dict):
                if not self.members and type(table) is dict and _STR.issuperset(map(id, map(type, table))):
                    return table
                found = {key: value for key, value in dict.items(table) if type(key) is str}
        for name, descriptor in self.members:
            try:
                found[name] = descriptor.__get__(obj)
            except AttributeError:
                continue
        return found


def _has_name_in_library(kind: type) -> bool:
    return module_of(kind) != "builtins" and "<locals>" not in type_qualname(kind) and installed(module_of(kind))


_UNSTATED = frozenset({"__weakref__", "__vectorcalloffset__", "__callback__", "__doc__", "__dictoffset__"})


# --------------------------------------------------------------------------------------------------------------- values


def _based(base: Any) -> Kind:
    def say(walk: Walker, obj: Any) -> Said:
        return {key: value for key, value in value_statement(_as(base, obj), base).items() if key != "class"}, None

    return say


def _as(base: Any, obj: Any) -> Any:
    """The plain value inside an instance of a subclass of ``int``, ``str``, …, past all overridden methods."""
    if base is str:
        return str.__str__(obj) if type(obj) is str else str.join("", str.__iter__(obj))
    if base is bytes:
        return bytes(memoryview(obj))
    if base is complex:
        return complex(complex.real.__get__(obj), complex.imag.__get__(obj))
    return base.__pos__(obj)


def _by_repr(module: str, name: str) -> Kind:
    def say(walk: Walker, obj: Any) -> Said:
        show: Callable[[Any], str] = getattr(sys.modules[module], name).__repr__
        return {"value": show(obj)}, None

    return say


def _say_path(walk: Walker, obj: Any) -> Said:
    """An instance of a subclass of a path class."""
    return {"value": sys.modules["pathlib"].PurePath.__str__(obj)}, None


def _say_moment(walk: Walker, obj: Any) -> Said:
    """``datetime`` and ``time``: the clock's reading, and the time zone as an object."""
    module = sys.modules["datetime"]
    base, names = module.time, ["hour", "minute", "second", "microsecond"]
    if issubclass(type(obj), module.datetime):
        base, names = module.datetime, ["year", "month", "day", *names]
    zone = base.tzinfo.__get__(obj)
    reading = base(*(getattr(base, name).__get__(obj) for name in names))
    said = {"value": repr(reading).partition("(")[2], "fold": base.fold.__get__(obj)}
    return said, [] if zone is None else [(".tzinfo", zone)]


# ----------------------------------------------------------------------------------------------------------- containers


def _say_list(walk: Walker, obj: Any) -> Said:
    return walk.sequence(_View(obj, list.__len__(obj), list.__iter__))


def _say_tuple(walk: Walker, obj: Any) -> Said:
    return walk.sequence(tuple(tuple.__iter__(obj)))


class _View:
    """A container's items past the methods that a subclass overrides."""

    def __init__(self, obj: Any, size: int, iterate: Any) -> None:
        self.obj, self.size, self.iterate = obj, size, iterate

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Any]:
        return self.iterate(self.obj)  # type: ignore[no-any-return]  # an iterator of any kind

    def __getitem__(self, key: slice) -> Any:
        return list(self)[key]

    def __repr__(self) -> str:
        return repr(list(self))


def _say_dict(walk: Walker, obj: Any) -> Said:
    return walk.mapping(obj)


def _say_defaultdict(walk: Walker, obj: Any) -> Said:
    said, children = walk.mapping(obj)
    factory = sys.modules["collections"].defaultdict.default_factory.__get__(obj)
    return said, [(".default_factory", factory), *(children or ())]


def _say_ordered_dict(walk: Walker, obj: Any) -> Said:
    return walk.mapping(obj, list(sys.modules["collections"].OrderedDict.items(obj)))


def _wrapping(wrapped: Any) -> Kind:
    """A proxy written in C, as wrapt's: it has another object's attributes for its own, so that one is looked at."""

    def say(walk: Walker, obj: Any) -> Said:
        return {}, [(".__wrapped__", wrapped.__get__(obj))]

    return say


def _say_mapping_proxy(walk: Walker, obj: Any) -> Said:
    import gc

    return {}, [(" (what it shows)", table) for table in gc.get_referents(obj)[:1]]


def _say_set(walk: Walker, obj: Any) -> Said:
    base: Any = set if issubclass(type(obj), set) else frozenset
    return walk.elements(list(base.__iter__(obj)), base.__len__(obj))


def _say_deque(walk: Walker, obj: Any) -> Said:
    base = sys.modules["collections"].deque
    said, children = walk.sequence(list(base.__iter__(obj)))
    return {"maxlen": base.maxlen.__get__(obj), **said}, children


def _say_bytearray(walk: Walker, obj: Any) -> Said:
    walk.memory.append((len(walk.parents), obj))
    with memoryview(obj) as view:
        return content(view), None


def _say_memoryview(walk: Walker, obj: Any) -> Said:
    said = {"format": obj.format, "shape": list(obj.shape), "readonly": obj.readonly}
    walk.memory.append((len(walk.parents), obj))
    return {**said, **content(obj if obj.c_contiguous else obj.tobytes())}, [(".obj", obj.obj)]


def _say_array(walk: Walker, obj: Any) -> Said:
    base = sys.modules["array"].array
    walk.memory.append((len(walk.parents), obj))
    return {"typecode": base.typecode.__get__(obj), **content(memoryview(obj))}, None


def _say_iterator(walk: Walker, obj: Any) -> Said:
    """An iterator over a built-in container, by what it will still give: pickle may turn it into one over a list."""
    reduced = c_reduce(obj)
    source, position = reduced[1][0], reduced[2] if len(reduced) > 2 else 0
    if reduced[0] is iter and type(source) in (list, tuple):
        said, children = walk.sequence(source[position or 0 :])
        return {"class": "iterator", **said}, children
    return {"position": position}, [(" (what it iterates over)", source)]


def _say_view_of_dict(walk: Walker, obj: Any) -> Said:
    return {}, [(".mapping", gc_first(obj))]


# ----------------------------------------------------------------------------------------- code: classes, functions


# ------------------------------------------------------------------------------------------------------------ resources


def _say_weak_reference(walk: Walker, obj: Any) -> Said:
    target = sys.modules["weakref"].ref.__call__(obj)
    return {"alive": target is not None}, [] if target is None else [("()", target)]


def _say_exception(walk: Walker, obj: Any) -> Said:
    """An exception: arguments and cause. Traceback and context are not held against anybody: nothing carries them."""
    parts = [(".args", BaseException.__dict__["args"].__get__(obj))]
    cause = BaseException.__dict__["__cause__"].__get__(obj)
    return {}, [*parts, *([(".__cause__", cause)] if cause is not None else [])]


def _say_pattern(walk: Walker, obj: Any) -> Said:
    return {"pattern": repr(obj.pattern), "flags": obj.flags}, None


def _say_random_state(walk: Walker, obj: Any) -> Said:
    base = sys.modules["_random"].Random
    return {"state": hashlib.sha256(repr(base.getstate(obj)).encode()).hexdigest()[:16]}, None


def _say_hash_object(walk: Walker, obj: Any) -> Said:
    return {"name": obj.name, "digest": obj.copy().digest().hex() if obj.digest_size else "variable"}, None


# ---------------------------------------------------------------------------------------------------------------- numpy


_ITERATORS = [
    "list_iterator",
    "tuple_iterator",
    "dict_keyiterator",
    "dict_valueiterator",
    "dict_itemiterator",
    "set_iterator",
    "range_iterator",
    "longrange_iterator",
    "str_ascii_iterator",
    "str_iterator",
    "bytes_iterator",
    "bytearray_iterator",
    "list_reverseiterator",
    "dict_reversekeyiterator",
    "dict_reversevalueiterator",
    "dict_reverseitemiterator",
]

#: The first of a class's bases that stands here says what there is to say; True: all there is, its attributes included.
KINDS: MappingProxyType[str, tuple[Kind, bool]] = MappingProxyType(
    {
        **code_kinds.KINDS,
        **resource_kinds.KINDS,
        **numpy_kinds.KINDS,
        "list": (_say_list, False),
        "tuple": (_say_tuple, False),
        "dict": (_say_dict, False),
        "collections.defaultdict": (_say_defaultdict, False),
        "collections.OrderedDict": (_say_ordered_dict, False),
        "mappingproxy": (_say_mapping_proxy, True),
        "set": (_say_set, False),
        "frozenset": (_say_set, False),
        "collections.deque": (_say_deque, False),
        "bytearray": (_say_bytearray, False),
        "memoryview": (_say_memoryview, True),
        "array.array": (_say_array, False),
        **{base.__name__: (_based(base), False) for base in (int, float, str, bytes, complex)},
        "datetime.datetime": (_say_moment, False),
        "datetime.time": (_say_moment, False),
        "datetime.date": (_by_repr("datetime", "date"), False),
        "datetime.timedelta": (_by_repr("datetime", "timedelta"), False),
        "decimal.Decimal": (_by_repr("decimal", "Decimal"), False),
        "pathlib.PurePath": (_say_path, True),
        "pathlib._local.PurePath": (_say_path, True),
        **dict.fromkeys(_ITERATORS, (_say_iterator, True)),
        **dict.fromkeys(("dict_keys", "dict_values", "dict_items"), (_say_view_of_dict, True)),
        "weakref.ReferenceType": (_say_weak_reference, False),
        "BaseException": (_say_exception, False),
        "re.Pattern": (_say_pattern, True),
        "_random.Random": (_say_random_state, False),
        "_hashlib.HASH": (_say_hash_object, True),
        "_blake2.blake2b": (_say_hash_object, True),
        "_blake2.blake2s": (_say_hash_object, True),
    }
)
