"""What can be said of each kind of object so that a copy elsewhere can be compared with it: one small function a kind.

A kind's function returns what it says, as JSON values, and the parts that are still to be visited. It reads through the
built-in types' own descriptors (``io.TextIOWrapper.tell(obj)``, not ``obj.tell()``), so that no subclass's code runs.
Objects of the kernel (sockets, pipes, semaphores) are named by what the kernel calls them: two are never the same.
Libraries are only looked up in ``sys.modules``: what was never imported cannot have made the object.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterable, Iterator
from types import (
    CodeType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
)
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handoff.compare.facts import Walk

Children = Iterable[tuple[Any, Any]] | None
Said = tuple[dict[str, Any], Children]
Kind = Callable[["Walk", Any], Said]

REST = 1 << 26  #: bytes of a file's unread rest that are looked at

_type_dict = type.__dict__["__dict__"].__get__
_type_mro = type.__dict__["__mro__"].__get__
_type_qualname = type.__dict__["__qualname__"].__get__
_module_dict: Callable[[Any], dict[str, Any]] = vars(ModuleType)["__dict__"].__get__
_NOTHING = object()
_STR = frozenset({str})


# ---------------------------------------------------------------------------------------------------------------- names


def module_of(cls: type) -> str:
    """The module a class says it comes from; the main module has one name in every process."""
    name = _type_dict(cls).get("__module__") if _is_heap(cls) else type.__getattribute__(cls, "__module__")
    return "__main__" if name == "__mp_main__" else name if type(name) is str else "?"


def _is_heap(cls: type) -> bool:
    return type(_type_dict(cls).get("__module__")) is str


def class_name(cls: type) -> str:
    """``module.qualname``; no module for built-in classes, and for a local class not the function that made it.

    cloudpickle drops that function from the name, and no code depends on it.
    """
    module, name = module_of(cls), _type_qualname(cls).rpartition("<locals>.")[2]
    return name if module == "builtins" else f"{module}.{name}"


def installed(module: str) -> bool:
    """Whether a module belongs to Python, to an installed library or to this package: nobody changes it."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in ("handoff", "builtins"):
        return True
    if top in ("__main__", "__mp_main__"):
        return False
    found = sys.modules.get(module) or sys.modules.get(top)
    if not issubclass(type(found), ModuleType):
        return False
    names = _module_dict(found)
    file = names.get("__file__")
    if type(file) is not str:
        file = next(iter(names.get("__path__", ())), None) if type(names.get("__path__")) is list else None
    return type(file) is str and file.startswith(_LIBRARIES)


_LIBRARIES = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def is_itself(obj: Any, module: Any, qualname: Any) -> bool | None:
    """Whether this is the very object that its name finds; None where the name finds nothing."""
    if type(module) is not str or module in ("__main__", "__mp_main__") or "<" in qualname:
        return None
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        if issubclass(type(found), ModuleType):
            found = _module_dict(found).get(name, _NOTHING)
        elif issubclass(type(found), type):
            found = _type_dict(found).get(name, _NOTHING)
        else:
            return None
        if type(found) in (staticmethod, classmethod):
            found = found.__func__
    return None if found is _NOTHING or found is None else found is obj


def known_objects() -> dict[int, str]:
    """Objects that every process has its own of, and that stand for the same thing."""
    names = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")
    found: dict[int, str] = {}
    for name in names:
        stream = getattr(sys, name)
        if stream is not None:
            found.setdefault(id(stream), f"sys.{name}")
    return found


def module_objects() -> dict[int, str]:
    """The names of what a module has for others to compare with by identity, by id.

    That is every bare ``object()``, and whatever has the name of a constant (PEP 8: capitals).
    """
    found: dict[int, str] = {}
    for module_name, module in list(sys.modules.items()):
        if issubclass(type(module), ModuleType):
            for name, value in list(_module_dict(module).items()):
                if type(value) is object or (type(name) is str and name.strip("_").isupper()):
                    found.setdefault(id(value), f"{module_name}.{name}")
    return found


# ---------------------------------------------------------------------------------------------------------------- plans


class Plan:
    """How instances of one class are read; made once for each class and walk."""

    def __init__(self, kind: type) -> None:
        mro = _type_mro(kind)
        module, name = module_of(kind), class_name(kind)
        self.kind = kind
        self.user = not installed(module)
        self.name = name if is_itself(kind, module, _type_qualname(kind)) is not False else f"{name}{_copy_mark(kind)}"
        self.handler: Kind | None = None
        self.whole = False
        own = mro
        for position, base in enumerate(mro):
            found = KINDS.get(class_name(base))
            if found is not None:
                self.handler, self.whole = found
                own = mro[:position]
                break
        dynamic = own and class_name(mro[1] if len(mro) > 1 else kind) in ("_ctypes.Array", "_ctypes._Pointer")
        self.has_content = self.user and not dynamic and kind is not object
        self.members: list[tuple[str, Any]] = []
        self.dict_of: Any = None
        for base in own:
            for attribute, descriptor in _type_dict(base).items():
                if attribute == "__dict__" and type(descriptor) in (GetSetDescriptorType, MemberDescriptorType):
                    self.dict_of = self.dict_of or descriptor
                elif type(descriptor) is MemberDescriptorType and attribute not in _UNSTATED:
                    self.members.append((attribute, descriptor))
        if issubclass(kind, BaseException) and self.dict_of is None:
            self.dict_of = BaseException.__dict__["__dict__"]
        if issubclass(kind, AttributeError | NameError):
            self.members = [(n, d) for n, d in self.members if n not in ("name", "obj")]
        self.has_dict = self.dict_of is not None
        self.c_reducer = any(
            type(_type_dict(base).get(method)) is MethodDescriptorType
            for base in mro
            if base is not object
            for method in ("__reduce__", "__reduce_ex__")
        )

    def attributes(self, obj: Any) -> dict[Any, Any]:
        """The instance's own attributes, of its dictionary and its slots; keys that are no strings are left out."""
        found: dict[Any, Any] = {}
        if self.dict_of is not None:
            table = self.dict_of.__get__(obj)
            if issubclass(type(table), dict):
                if not self.members and type(table) is dict and _STR.issuperset(map(type, table)):
                    return table
                found = {key: value for key, value in dict.items(table) if type(key) is str}
        for name, descriptor in self.members:
            try:
                found[name] = descriptor.__get__(obj)
            except AttributeError:
                continue
        return found


_UNSTATED = frozenset({"__weakref__", "__vectorcalloffset__", "__callback__", "__doc__", "__dictoffset__"})


def _copy_mark(kind: type) -> str:
    # types of C extensions often lie about where they can be found: only classes written in Python are held to it
    flags: int = type.__dict__["__flags__"].__get__(kind)
    return " (a copy of the class in that module)" if flags & (1 << 9) and "__module__" in _type_dict(kind) else ""


def c_reduce(obj: Any) -> Any:
    """What the C code of an extension type says that it consists of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for base in _type_mro(type(obj)):
            method = _type_dict(base).get("__reduce__")
            if type(method) is MethodDescriptorType and base is not object:
                return method(obj)
            method = _type_dict(base).get("__reduce_ex__")
            if type(method) is MethodDescriptorType and base is not object:
                return method(obj, 4)
    raise TypeError("no reducer")


# --------------------------------------------------------------------------------------------------------------- values

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
            table = _module_dict(sys.modules[module])
            found.update(table[name] for name in names.split() if isinstance(table.get(name), type))
    return frozenset(found)


def value_statement(obj: Any, kind: type) -> dict[str, Any]:
    """State a value by its class and text; long text by its length and digest."""
    if kind is bytes:
        return {"class": "bytes", **_content(obj)}
    try:
        text = repr(obj)
    except ValueError:
        text = hex(obj)
    if len(text) > 1000:
        what = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        return {"class": class_name(kind), "length": len(text), "content": what}
    return {"class": class_name(kind), "value": text}


def _content(buffer: Any) -> dict[str, Any]:
    """The bytes of a contiguous buffer: in full when there are few, else their number and digest."""
    view = memoryview(buffer).cast("B") if memoryview(buffer).nbytes else b""
    if len(view) <= 64:
        return {"value": repr(bytes(view))}
    return {"length": len(view), "content": hashlib.sha256(view).hexdigest()[:16]}


def _based(base: Any) -> Kind:
    def say(walk: Walk, obj: Any) -> Said:
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
    def say(walk: Walk, obj: Any) -> Said:
        show: Callable[[Any], str] = getattr(sys.modules[module], name).__repr__
        return {"value": show(obj)}, None

    return say


def _say_path(walk: Walk, obj: Any) -> Said:
    """An instance of a subclass of a path class."""
    return {"value": sys.modules["pathlib"].PurePath.__str__(obj)}, None


def _say_moment(walk: Walk, obj: Any) -> Said:
    """``datetime`` and ``time``: the clock's reading, and the time zone as an object."""
    module = sys.modules["datetime"]
    base = module.datetime if issubclass(type(obj), module.datetime) else module.time
    zone = base.tzinfo.__get__(obj)
    said = {"value": base.__repr__(base.replace(obj, tzinfo=None)).partition("(")[2]}
    return said, [] if zone is None else [(".tzinfo", zone)]


# ----------------------------------------------------------------------------------------------------------- containers


def _say_list(walk: Walk, obj: Any) -> Said:
    return walk.sequence(_View(obj, list.__len__(obj), list.__iter__))


def _say_tuple(walk: Walk, obj: Any) -> Said:
    return walk.sequence(tuple(tuple.__iter__(obj)))


class _View:
    """A container's items past the methods that a subclass overrides."""

    def __init__(self, obj: Any, size: int, iterate: Any) -> None:
        self.obj, self.size, self.iterate = obj, size, iterate

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Any]:
        return self.iterate(self.obj)  # type: ignore[no-any-return]

    def __getitem__(self, key: slice) -> Any:
        return list(self)[key]

    def __repr__(self) -> str:
        return repr(list(self))


def _say_dict(walk: Walk, obj: Any) -> Said:
    return walk.mapping(obj)


def _say_defaultdict(walk: Walk, obj: Any) -> Said:
    said, children = walk.mapping(obj)
    factory = sys.modules["collections"].defaultdict.default_factory.__get__(obj)
    return said, [(".default_factory", factory), *(children or ())]


def _say_ordered_dict(walk: Walk, obj: Any) -> Said:
    return walk.mapping(obj, list(sys.modules["collections"].OrderedDict.items(obj)))


def _say_mapping_proxy(walk: Walk, obj: Any) -> Said:
    import gc

    return {}, [(" (what it shows)", table) for table in gc.get_referents(obj)[:1]]


def _say_set(walk: Walk, obj: Any) -> Said:
    base: Any = set if issubclass(type(obj), set) else frozenset
    return walk.elements(list(base.__iter__(obj)), base.__len__(obj))


def _say_deque(walk: Walk, obj: Any) -> Said:
    base = sys.modules["collections"].deque
    said, children = walk.sequence(list(base.__iter__(obj)))
    return {"maxlen": base.maxlen.__get__(obj), **said}, children


def _say_bytearray(walk: Walk, obj: Any) -> Said:
    walk.memory.append((len(walk.parents), obj))
    with memoryview(obj) as view:
        return _content(view), None


def _say_memoryview(walk: Walk, obj: Any) -> Said:
    said = {"format": obj.format, "shape": list(obj.shape), "readonly": obj.readonly}
    walk.memory.append((len(walk.parents), obj))
    return {**said, **_content(obj if obj.c_contiguous else obj.tobytes())}, [(".obj", obj.obj)]


def _say_array(walk: Walk, obj: Any) -> Said:
    base = sys.modules["array"].array
    walk.memory.append((len(walk.parents), obj))
    return {"typecode": base.typecode.__get__(obj), **_content(memoryview(obj))}, None


def _say_iterator(walk: Walk, obj: Any) -> Said:
    """An iterator over a built-in container, by what it will still give: pickle may turn it into one over a list."""
    reduced = c_reduce(obj)
    source, position = reduced[1][0], reduced[2] if len(reduced) > 2 else 0
    if reduced[0] is iter and type(source) in (list, tuple):
        said, children = walk.sequence(source[position or 0 :])
        return {"class": "iterator", **said}, children
    return {"position": position}, [(" (what it iterates over)", source)]


def _say_view_of_dict(walk: Walk, obj: Any) -> Said:
    return {}, [(".mapping", gc_first(obj))]


def gc_first(obj: Any) -> Any:
    """The first object that another one refers to, by the collector's own knowledge."""
    import gc

    return next(iter(gc.get_referents(obj)), None)


# ----------------------------------------------------------------------------------------- code: classes, functions


def code_digest(code: CodeType) -> str:
    """What a code object does: not its file and line, not how its constants are shared."""
    return hashlib.blake2b(_code_text(code).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _code_text(code: CodeType) -> str:
    names = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    more = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return f"{code.co_code.hex()} {names} {more} [{', '.join(map(_constant, code.co_consts))}]"


def _constant(value: Any) -> str:
    if type(value) is CodeType:
        return _code_text(value)
    if type(value) is tuple:
        return f"({', '.join(map(_constant, value))})"
    if type(value) is frozenset:
        return f"frozenset({sorted(map(_constant, value))})"
    return str(value_statement(value, type(value)))


def global_names(code: CodeType) -> list[str]:
    """Every name that a function's code, nested functions included, may look up as a global or as an attribute."""
    found, todo = dict.fromkeys(code.co_names), [code]
    while todo:
        inner = [item for item in todo.pop().co_consts if type(item) is CodeType]
        for item in inner:
            found.update(dict.fromkeys(item.co_names))
        todo += inner
    return list(found)


def _say_function(walk: Walk, obj: Any) -> Said:
    """A Python function: its code, defaults, closure, attributes, and the values of the globals that it refers to."""
    module = obj.__module__
    module = "__main__" if module == "__mp_main__" else module
    own = is_itself(obj, module, obj.__qualname__)
    said: dict[str, Any] = {"name": f"{module}.{obj.__qualname__}", "found by its name": own is not False}
    library = type(module) is str and installed(module)
    if (own and library) or walk.nested:
        return said, None
    code = obj.__code__
    said["code"] = code_digest(code)
    children: list[tuple[Any, Any]] = []
    if obj.__defaults__:
        children.append((".__defaults__", obj.__defaults__))
    if obj.__kwdefaults__:
        children.append((".__kwdefaults__", obj.__kwdefaults__))
    children += [(f" (closure {n})", c) for n, c in zip(code.co_freevars, obj.__closure__ or (), strict=False)]
    children += [(f".{name}", value) for name, value in sorted(obj.__dict__.items()) if type(name) is str]
    if not library:
        children += _globals(global_names(code), obj.__globals__)
    return said, children


def _globals(names: list[str], table: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in names:
        if name not in table or (name.startswith("__") and name.endswith("__")):
            continue
        value = table[name]
        yield f" (global {name})", value
        if issubclass(type(value), ModuleType) and not installed(str(_module_dict(value).get("__name__", ""))):
            inside = _module_dict(value)
            yield from ((f" (global {name}.{n})", inside[n]) for n in names if n in inside and not n.startswith("__"))


_CLASS_UNSTATED = frozenset(
    [
        "__dict__",
        "__weakref__",
        "__module__",
        "__qualname__",
        "__doc__",
        "__firstlineno__",
        "__static_attributes__",
        "__annotations__",
        "__annotate__",
        "__annotate_func__",
        "__annotations_cache__",
        "__abstractmethods__",
        "_abc_impl",
        "__parameters__",
        "__orig_bases__",
        "__type_params__",
        "__classcell__",
        "__slotnames__",
    ]  # copyreg leaves the last one behind when it pickles
)
_NAMEDTUPLE_MADE = frozenset(
    ["__new__", "_make", "_replace", "__replace__", "_asdict", "__repr__", "__getnewargs__", "__match_args__"]
)


def _say_class(walk: Walk, obj: Any) -> Said:
    """A class: by its name, and by its attributes as they are now where it is not a library's."""
    module, qualname = module_of(obj), _type_qualname(obj)
    own = is_itself(obj, module, qualname)
    said: dict[str, Any] = {"class": class_name(type(obj)), "name": class_name(obj)}
    if module != "builtins" and _copy_mark(obj):
        said["found by its name"] = own is not False
    if installed(module) or walk.nested:
        return said, None
    said["bases"] = [class_name(base) for base in _type_mro(obj)[1:]]
    table = _type_dict(obj)
    names = sorted(name for name in table if type(name) is str and name not in _CLASS_UNSTATED)
    if "_member_map_" in table and "enum" in sys.modules:
        names = [name for name in names if not (name.startswith("_") and name.endswith("_")) or name == "_missing_"]
        names = [name for name in names if name not in table["_member_map_"]]
        said["members"] = list(table["_member_map_"])
    elif "_fields" in table and issubclass(obj, tuple):
        names = [
            name for name in names if name not in _NAMEDTUPLE_MADE and type(table[name]).__name__ != "_tuplegetter"
        ]
    values = [(name, table[name]) for name in names]
    values = [(n, v) for n, v in values if type(v) not in (MemberDescriptorType, GetSetDescriptorType)]
    scalars = [(n, v) for n, v in values if type(v) in (int, float, str, bool, complex, type(None))]
    said["attributes"] = ([name for name, _ in scalars], [value for _, value in scalars])
    parts = [(f".{n}", v) for n, v in values if type(v) not in (int, float, str, bool, complex, type(None))]
    if "members" in said:
        parts += [(f".{name}", table["_member_map_"][name]) for name in said["members"]]
    bases = [(f" (base {class_name(base)})", base) for base in type.__dict__["__bases__"].__get__(obj)]
    return said, [*bases[: 0 if all(installed(module_of(b)) for _, b in bases) else None], *parts]


def _say_enum_member(walk: Walk, obj: Any) -> Said:
    table = object.__getattribute__(obj, "__dict__")
    name = table.get("_name_")
    members = _type_dict(type(obj)).get("_member_map_", {})
    said: dict[str, Any] = {"name": name}
    if name in members:
        said["its class's own member"] = members[name] is obj
    made = ("_name_", "_value_", "__objclass__", "_sort_order_", "_inverted_")
    more = [(f".{n}", v) for n, v in sorted(table.items()) if n not in made and not n.startswith("__")]
    return said, [(".value", table.get("_value_")), *more]


def _say_builtin(walk: Walk, obj: Any) -> Said:
    owner = obj.__self__
    if owner is None or issubclass(type(owner), ModuleType):
        return {"name": f"{obj.__module__}.{obj.__qualname__}"}, None
    return {"name": obj.__name__}, [(".__self__", owner)]


def _say_method(walk: Walk, obj: Any) -> Said:
    return {}, [(".__self__", obj.__self__), (".__func__", obj.__func__)]


def _say_method_wrapper(walk: Walk, obj: Any) -> Said:
    return {"name": obj.__name__}, [(".__self__", obj.__self__)]


def _say_descriptor(walk: Walk, obj: Any) -> Said:
    return {"name": obj.__name__, "of": class_name(obj.__objclass__)}, None


def _say_partial(walk: Walk, obj: Any) -> Said:
    base = sys.modules["functools"].partial
    parts = [(f".{name}", base.__dict__[name].__get__(obj)) for name in ("func", "args", "keywords")]
    own = object.__getattribute__(obj, "__dict__")
    return {}, [*parts, *([(".__dict__", own)] if own else [])]


def _say_lru_cache_wrapper(walk: Walk, obj: Any) -> Said:
    info = sys.modules["functools"]._lru_cache_wrapper.cache_info(obj)
    table = object.__getattribute__(obj, "__dict__")
    own = is_itself(obj, table.get("__module__"), table.get("__qualname__", "<?>"))
    said = {"maxsize": info.maxsize, "found by its name": own is not False, "results in the cache": info.currsize}
    return said, [(".__wrapped__", table.get("__wrapped__"))]


def _say_module(walk: Walk, obj: Any) -> Said:
    name = _module_dict(obj).get("__name__")
    name = "__main__" if name == "__mp_main__" else name
    return {"name": str(name), "found by its name": type(name) is str and sys.modules.get(name, obj) is obj}, None


def _say_code(walk: Walk, obj: Any) -> Said:
    return {"name": obj.co_qualname, "code": code_digest(obj)}, None


def _say_cell(walk: Walk, obj: Any) -> Said:
    try:
        return {}, [("", obj.cell_contents)]
    except ValueError:
        return {"empty": True}, None


def _say_generator(walk: Walk, obj: Any) -> Said:
    """A generator or coroutine: its code, where it stands, and its local variables."""
    prefix = {"generator": "gi", "coroutine": "cr", "async_generator": "ag"}[type(obj).__name__]
    frame = getattr(obj, f"{prefix}_frame")
    said = {"name": obj.__qualname__, "code": code_digest(getattr(obj, f"{prefix}_code"))}
    if frame is None:
        return {**said, "position": "finished"}, None
    return {**said, "position": frame.f_lasti}, [(f" (local {n})", v) for n, v in dict(frame.f_locals).items()]


def _say_named_only(walk: Walk, obj: Any) -> Said:
    """Kinds of which nothing can be told but that there is one."""
    return {"opaque": True}, None


def _say_field(walk: Walk, obj: Any) -> Said:
    """A dataclass's field; ``dataclasses.fields`` goes by the identity of its type mark."""
    module = sys.modules["dataclasses"]
    mark, default = obj._field_type, obj.default
    marks = (module._FIELD, module._FIELD_CLASSVAR, module._FIELD_INITVAR)
    said = {"name": obj.name, "a dataclass's field": any(mark is known for known in marks)}
    return said, [] if type(default) is type(module.MISSING) else [(".default", default)]


# ------------------------------------------------------------------------------------------------------------ resources


def _kernel_name(descriptor: int) -> dict[str, Any]:
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return {"size": status.st_size}
    if stat.S_ISCHR(status.st_mode):
        return {"device": status.st_rdev}
    return {"kernel object": f"{status.st_dev}:{status.st_ino}"}


def _rest(descriptor: int, position: int) -> str:
    """The digest of what a regular file holds from a position on, read without moving anybody's position."""
    total, at = hashlib.sha256(), position
    while at - position < REST and (block := os.pread(descriptor, 1 << 20, at)):
        total.update(block)
        at += len(block)
    return total.hexdigest()[:16]


def _file(obj: Any, base: Any, raw: Any, said: dict[str, Any]) -> dict[str, Any]:
    """The facts of an open file whose lowest layer is a ``FileIO``."""
    name = raw.name
    said["name"] = (
        f"descriptor {name}" if type(name) is int and name < 3 else "a descriptor" if type(name) is int else str(name)
    )
    said["mode"] = raw.mode
    said["closed"] = raw.closed
    if raw.closed:
        return said
    said.update(_kernel_name(raw.fileno()))
    try:
        position = base.tell(obj)
    except (OSError, ValueError) as error:
        said["position"] = f"unreadable: {type(error).__name__}: {error}"
        if "size" not in said:
            return said
        position = sys.modules["io"].BufferedReader.tell(obj.buffer) if hasattr(obj, "buffer") else 0
    else:
        said["position"] = position
    if raw.readable() and "size" in said:
        said["rest"] = _rest(raw.fileno(), position & ((1 << 64) - 1))
    return said


def _say_text_file(walk: Walk, obj: Any) -> Said:
    """A text file. ``tell`` writes a pending text to the file first; nothing else is disturbed."""
    io = sys.modules["io"]
    base = io.TextIOWrapper
    table = object.__getattribute__(obj, "__dict__")
    said = {"encoding": base.encoding.__get__(obj), "errors": base.errors.__get__(obj)}
    try:
        buffer = base.buffer.__get__(obj)
    except ValueError as error:
        return {**said, "unreadable": f"ValueError: {error}"}, None
    raw = _raw(buffer)
    if raw is None:
        return said, [(".buffer", buffer)]
    if "mode" in table:
        said["text mode"] = table["mode"]
    return _file(obj, base, raw, said), None


def _raw(buffer: Any) -> Any:
    io = sys.modules["io"]
    if type(buffer) in (io.BufferedReader, io.BufferedWriter, io.BufferedRandom):
        try:
            raw = buffer.raw
        except ValueError:
            return None
        return raw if type(raw) is io.FileIO else None
    return None


def _say_buffered_file(walk: Walk, obj: Any) -> Said:
    io = sys.modules["io"]
    bases = (io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.BufferedRWPair)
    base = next(base for base in bases if issubclass(type(obj), base))
    if base is io.BufferedRWPair:
        return _say_named_only(walk, obj)
    raw = base.raw.__get__(obj)
    return (_file(obj, base, raw, {}), None) if type(raw) is io.FileIO else ({}, [(".raw", raw)])


def _say_raw_file(walk: Walk, obj: Any) -> Said:
    base = sys.modules["io"].FileIO
    if type(obj) is not base:
        return {"closed": base.closed.__get__(obj)}, None
    return _file(obj, base, obj, {}), None


def _say_memory_file(walk: Walk, obj: Any) -> Said:
    io = sys.modules["io"]
    base = io.StringIO if issubclass(type(obj), io.StringIO) else io.BytesIO
    if base.closed.__get__(obj):
        return {"closed": True}, None
    return {"closed": False, "position": base.tell(obj)}, [(" (content)", base.getvalue(obj))]


def _say_socket(walk: Walk, obj: Any) -> Said:
    base = sys.modules["_socket"].socket
    said: dict[str, Any] = {name: int(base.__dict__[name].__get__(obj)) for name in ("family", "type", "proto")}
    descriptor = base.fileno(obj)
    said["closed"] = descriptor < 0
    if descriptor < 0:
        return said, None
    said.update(_kernel_name(descriptor))
    said["timeout"] = base.gettimeout(obj)
    for name in ("getsockname", "getpeername"):
        try:
            said[name] = str(getattr(base, name)(obj))
        except OSError as error:
            said[name] = f"{type(error).__name__}: {error.strerror}"
    return said, None


def _say_connection(walk: Walk, obj: Any) -> Said:
    """An end of a ``multiprocessing`` pipe."""
    table = object.__getattribute__(obj, "__dict__")
    handle = table.get("_handle")
    said = {"readable": table.get("_readable"), "writable": table.get("_writable"), "closed": handle is None}
    return ({**said, **_kernel_name(handle)} if handle is not None else said), None


def _say_sqlite_connection(walk: Walk, obj: Any) -> Said:
    """A database: where it is, its schema, and how many rows each table has."""
    base = sys.modules["sqlite3"].Connection
    cursor = base.cursor(obj)
    cursor.row_factory = None
    said: dict[str, Any] = {"in a transaction": base.in_transaction.__get__(obj)}

    def ask(query: str) -> list[Any]:
        return cursor.execute(query).fetchall()  # type: ignore[no-any-return]

    try:
        rows = ask("select cast(name as blob), cast(file as blob) from pragma_database_list")
        said["database"] = [[name.decode(), (file or b"").decode()] for name, file in rows]
        schema = ask(
            "select cast(name as blob), cast(type as blob), cast(sql as blob) from sqlite_master order by 2, 1"
        )
        said["schema"] = [[name.decode(), kind.decode(), (sql or b"").decode()] for name, kind, sql in schema]
        tables = [name for name, kind, _ in said["schema"] if kind == "table"]
        said["rows"] = [
            [name, ask('select count(*) from "{}"'.format(name.replace('"', '""')))[0][0]] for name in tables
        ]
    finally:
        cursor.close()
    return said, None


def _say_lock(walk: Walk, obj: Any) -> Said:
    return {"locked": obj.locked()}, None


def _say_rlock(walk: Walk, obj: Any) -> Said:
    """A re-entrant lock: whether this thread can take it is found out by taking it, for a moment."""
    free = bool(obj.acquire(blocking=False))
    if free:
        obj.release()
    count = repr(obj).partition("count=")[2].partition(" ")[0]
    return {"taken so often": int(count) if count.isdigit() else count, "can be taken": free}, None


def _say_semlock(walk: Walk, obj: Any) -> Said:
    """A semaphore of the kernel: under every multiprocessing lock, event, condition and queue."""
    return {"kind": obj.kind, "maximum": obj.maxvalue, "kernel name": obj.name, "value": obj._get_value()}, None


def _say_mp_queue(walk: Walk, obj: Any) -> Said:
    table = object.__getattribute__(obj, "__dict__")
    size = table["_maxsize"] - table["_sem"]._semlock._get_value()
    parts = [(f".{name}", table.get(name)) for name in ("_reader", "_writer", "_rlock", "_wlock", "_sem")]
    return {"maxsize": table["_maxsize"], "size": size, "closed": table.get("_closed")}, parts


def _say_arena(walk: Walk, obj: Any) -> Said:
    """The file behind ``mp.Array`` and ``mp.Value``."""
    status = os.fstat(obj.fd)
    return {"size": obj.size, "kernel object": f"{status.st_dev}:{status.st_ino}"}, None


def _say_shared_memory(walk: Walk, obj: Any) -> Said:
    table = object.__getattribute__(obj, "__dict__")
    said: dict[str, Any] = {"name": table.get("_name"), "size": table.get("_size")}
    view = table.get("_buf")
    return ({**said, **_content(view)} if view is not None else {**said, "closed": True}), None


def _say_proxy(walk: Walk, obj: Any) -> Said:
    """A manager's proxy: which object of which server it stands for; the server is not asked."""
    token = object.__getattribute__(obj, "_token")
    return {"type": str(token.typeid), "server": str(token.address), "object": str(token.id)}, None


def _say_thread_local(walk: Walk, obj: Any) -> Said:
    return walk.mapping(sys.modules["_thread"]._local.__getattribute__(obj, "__dict__"))


def _say_thread(walk: Walk, obj: Any) -> Said:
    table = object.__getattribute__(obj, "__dict__")
    alive = sys.modules["threading"].Thread.is_alive(obj)
    said = {"name": table.get("_name"), "daemon": table.get("_daemonic"), "alive": alive}
    return said, [(f".{name}", table[name]) for name in ("_target", "_args", "_kwargs") if name in table]


def _say_logger(walk: Walk, obj: Any) -> Said:
    """A logger: its level, where its records go, and whether it is the one that its name finds."""
    table = object.__getattribute__(obj, "__dict__")
    logging = sys.modules["logging"]
    name = table.get("name")
    own = obj is logging.root or dict.get(logging.Logger.manager.loggerDict, name) is obj
    said = {"name": name, "level": table.get("level"), "disabled": table.get("disabled"), "found by its name": own}
    parts = [(".handlers", table.get("handlers")), (".filters", table.get("filters"))]
    if table.get("propagate"):
        parts.append((".parent", table.get("parent")))
    return {**said, "propagate": table.get("propagate")}, parts


def _say_context_variable(walk: Walk, obj: Any) -> Said:
    value = obj.get(_NOTHING)
    return {"name": obj.name, "set": value is not _NOTHING}, [] if value is _NOTHING else [(".get()", value)]


def _say_context(walk: Walk, obj: Any) -> Said:
    pairs = sorted(((variable.name, value) for variable, value in obj.items()), key=lambda pair: pair[0])
    return walk.mapping(None, pairs)


def _say_simple_queue(walk: Walk, obj: Any) -> Said:
    return {"size": sys.modules["_queue"].SimpleQueue.qsize(obj)}, None


def _say_weak_reference(walk: Walk, obj: Any) -> Said:
    target = sys.modules["weakref"].ref.__call__(obj)
    return {"alive": target is not None}, [] if target is None else [("()", target)]


def _say_exception(walk: Walk, obj: Any) -> Said:
    """An exception: arguments and cause. Traceback and context are not held against anybody: nothing carries them."""
    parts = [(".args", BaseException.__dict__["args"].__get__(obj))]
    cause = BaseException.__dict__["__cause__"].__get__(obj)
    return {}, [*parts, *([(".__cause__", cause)] if cause is not None else [])]


def _say_pattern(walk: Walk, obj: Any) -> Said:
    return {"pattern": repr(obj.pattern), "flags": obj.flags}, None


def _say_random_state(walk: Walk, obj: Any) -> Said:
    base = sys.modules["_random"].Random
    return {"state": hashlib.sha256(repr(base.getstate(obj)).encode()).hexdigest()[:16]}, None


def _say_hash_object(walk: Walk, obj: Any) -> Said:
    return {"name": obj.name, "digest": obj.copy().digest().hex() if obj.digest_size else "variable"}, None


def _say_mmap(walk: Walk, obj: Any) -> Said:
    base = sys.modules["mmap"].mmap
    if base.closed.__get__(obj):
        return {"closed": True}, None
    said = {"closed": False, "position": base.tell(obj)}
    with memoryview(obj) as view:
        return {**said, **_content(view)}, None


def _say_ctypes_data(walk: Walk, obj: Any) -> Said:
    """C data: type and bytes; of a pointer only whether it points anywhere, for an address means nothing elsewhere."""
    kind = type(obj)
    bases = [class_name(base) for base in _type_mro(kind)]
    said: dict[str, Any] = {}
    if "_ctypes.Array" in bases:
        table = _type_dict(kind)
        if "_type_" in table:
            said["class"] = f"{class_name(table['_type_'])} * {table['_length_']}"
    if "_ctypes._Pointer" in bases or "_ctypes.CFuncPtr" in bases:
        return {"class": f"pointer to {class_name(_type_dict(kind).get('_type_', object))}", "null": not obj}, None
    wrapper = object.__getattribute__(obj, "__dict__").get("_wrapper")  # where multiprocessing has put it
    with memoryview(obj) as view:
        said.update(
            _content(view.tobytes() if not view.c_contiguous else bytes(view.cast("B")) if view.ndim else bytes(view))
        )
    return said, [] if wrapper is None else [("._wrapper", wrapper)]


# ---------------------------------------------------------------------------------------------------------------- numpy


def _say_ndarray(walk: Walk, obj: Any) -> Said:
    """An array: its bytes in C order. A strided view and its contiguous copy are the same; Fortran order counts."""
    numpy = sys.modules["numpy"]
    plain = obj if type(obj) is numpy.ndarray else numpy.ndarray.view(obj, numpy.ndarray)
    walk.memory.append((len(walk.parents), plain))
    flags = plain.flags
    order = "F" if flags.f_contiguous and not flags.c_contiguous else "C"
    said = {"dtype": repr(plain.dtype), "shape": list(plain.shape), "order": order, "writeable": bool(flags.writeable)}
    if not plain.dtype.hasobject:
        if type(obj) is numpy.ndarray and plain.size and not flags.forc:
            plain = numpy.ascontiguousarray(plain)
        return {**said, **_array_content(numpy, plain)}, None
    inline, children = walk.sequence(plain.ravel().tolist())
    return {**said, **inline}, children


def _array_content(numpy: Any, plain: Any) -> dict[str, Any]:
    if not plain.size:
        return {}
    flat = numpy.ascontiguousarray(plain.T if plain.flags.f_contiguous else plain).reshape(-1).view(numpy.uint8)
    return {"content": hashlib.sha256(flat).hexdigest()[:16]}


def _say_masked_array(walk: Walk, obj: Any) -> Said:
    numpy = sys.modules["numpy"]
    said, children = _say_ndarray(walk, obj)
    table = object.__getattribute__(obj, "__dict__")
    mask = numpy.ma.getmaskarray(obj)
    said["mask"] = hashlib.sha256(numpy.ascontiguousarray(mask).tobytes()).hexdigest()[:16]
    said["hard mask"] = bool(table.get("_hardmask"))
    return said, [*(children or ()), (".fill_value", table.get("_fill_value"))]


def _say_numpy_scalar(walk: Walk, obj: Any) -> Said:
    base = sys.modules["numpy"].generic
    dtype = base.dtype.__get__(obj)
    if dtype.hasobject:
        return {"dtype": repr(dtype)}, [(".item()", base.item(obj))]
    value = repr(base.item(obj)) if dtype.kind in "biufc" and dtype.itemsize <= 8 else base.tobytes(obj).hex()
    return {"dtype": repr(dtype), "value": value}, None


def _say_numpy_dtype(walk: Walk, obj: Any) -> Said:
    return {"value": repr(obj)}, None


def _say_bit_generator(walk: Walk, obj: Any) -> Said:
    return {}, [(".state", obj.state)]


def overlaps(memory: list[tuple[int, Any]]) -> list[list[int]]:
    """Groups of parts whose buffers overlap, found by their address ranges; nothing where numpy was never imported."""
    numpy = sys.modules.get("numpy")
    if numpy is None or len(memory) < 2:
        return []
    ranges = sorted(found for number, obj in memory if (found := _range(numpy, number, obj)) is not None)
    groups: list[list[int]] = []
    end = -1
    for start, stop, number in ranges:
        if start < end:
            groups[-1].append(number)
        else:
            groups.append([number])
        end = max(end, stop)
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _range(numpy: Any, number: int, obj: Any) -> tuple[int, int, int] | None:
    if not issubclass(type(obj), numpy.ndarray):
        try:
            obj = numpy.frombuffer(obj, numpy.uint8)
        except (ValueError, BufferError, TypeError):
            return None
    if not obj.size:
        return None
    start = stop = obj.__array_interface__["data"][0]
    for size, stride in zip(obj.shape, obj.strides, strict=True):
        start, stop = start + min(0, (size - 1) * stride), stop + max(0, (size - 1) * stride)
    return start, stop + obj.itemsize, number


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
        "enum.Enum": (_say_enum_member, True),
        **dict.fromkeys(_ITERATORS, (_say_iterator, True)),
        **dict.fromkeys(("dict_keys", "dict_values", "dict_items"), (_say_view_of_dict, True)),
        "type": (_say_class, True),
        "function": (_say_function, True),
        "builtin_function_or_method": (_say_builtin, True),
        "method": (_say_method, True),
        "method-wrapper": (_say_method_wrapper, True),
        "wrapper_descriptor": (_say_descriptor, True),
        "method_descriptor": (_say_descriptor, True),
        "classmethod_descriptor": (_say_descriptor, True),
        "member_descriptor": (_say_descriptor, True),
        "getset_descriptor": (_say_descriptor, True),
        "functools.partial": (_say_partial, True),
        "functools._lru_cache_wrapper": (_say_lru_cache_wrapper, True),
        "module": (_say_module, True),
        "code": (_say_code, True),
        "cell": (_say_cell, True),
        "generator": (_say_generator, True),
        "coroutine": (_say_generator, True),
        "async_generator": (_say_generator, True),
        "frame": (_say_named_only, True),
        "traceback": (_say_named_only, True),
        "dataclasses.Field": (_say_field, True),
        "_io.TextIOWrapper": (_say_text_file, True),
        "_io.BufferedReader": (_say_buffered_file, True),
        "_io.BufferedWriter": (_say_buffered_file, True),
        "_io.BufferedRandom": (_say_buffered_file, True),
        "_io.BufferedRWPair": (_say_buffered_file, True),
        "_io.FileIO": (_say_raw_file, True),
        "_io.StringIO": (_say_memory_file, False),
        "_io.BytesIO": (_say_memory_file, False),
        "_socket.socket": (_say_socket, True),
        "multiprocessing.connection._ConnectionBase": (_say_connection, True),
        "sqlite3.Connection": (_say_sqlite_connection, False),
        "_thread.lock": (_say_lock, True),
        "_thread.RLock": (_say_rlock, True),
        "_multiprocessing.SemLock": (_say_semlock, True),
        "multiprocessing.queues.Queue": (_say_mp_queue, True),
        "multiprocessing.heap.Arena": (_say_arena, True),
        "multiprocessing.shared_memory.SharedMemory": (_say_shared_memory, True),
        "multiprocessing.managers.BaseProxy": (_say_proxy, True),
        "_thread._local": (_say_thread_local, True),
        "threading.Thread": (_say_thread, True),
        "logging.Logger": (_say_logger, True),
        "_contextvars.ContextVar": (_say_context_variable, True),
        "_contextvars.Context": (_say_context, True),
        "_queue.SimpleQueue": (_say_simple_queue, True),
        "weakref.ReferenceType": (_say_weak_reference, False),
        "weakref.ProxyType": (_say_named_only, True),
        "weakref.CallableProxyType": (_say_named_only, True),
        "BaseException": (_say_exception, False),
        "re.Pattern": (_say_pattern, True),
        "_random.Random": (_say_random_state, False),
        "_hashlib.HASH": (_say_hash_object, True),
        "_blake2.blake2b": (_say_hash_object, True),
        "_blake2.blake2s": (_say_hash_object, True),
        "mmap.mmap": (_say_mmap, True),
        "_ctypes._CData": (_say_ctypes_data, True),
        "numpy.ma.core.MaskedArray": (_say_masked_array, True),
        "numpy.ma.MaskedArray": (_say_masked_array, True),
        "numpy.ndarray": (_say_ndarray, False),
        "numpy.generic": (_say_numpy_scalar, True),
        "numpy.dtype": (_say_numpy_dtype, True),
        "numpy.random.bit_generator.BitGenerator": (_say_bit_generator, True),
    }
)
