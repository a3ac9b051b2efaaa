"""Finding payloads: collections, and single objects made by somebody's function.

A *root* is the folder that has to be on ``sys.path`` for the module that defines the payloads to import under the same
name in every process. Whatever is loaded here is the user's own code, imported the ordinary way; nothing is unpickled.
Arguments in a TARGET are literals, read by :func:`ast.literal_eval`: no part of a TARGET is ever evaluated.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, TypedDict, cast

from handoff.payload import Payload
from handoff.stacks import place_of

#: ``place:name`` or ``place:name(arguments)``; the first colon that a (dotted) name follows parts the two.
_TARGET = re.compile(r"(?P<place>.+?):(?P<call>[^\W\d]\w*(?:\.[^\W\d]\w*)*\s*(?:\(.*\))?)\s*", re.DOTALL)


class TargetError(Exception):
    """A collection or an object that cannot be loaded; the message says what, where and what to do."""


class RefFields(TypedDict):
    """The fields of a :class:`Ref`, as they travel."""

    root: str
    module: str
    name: str
    folder: str
    work: str
    work_root: str
    stated: bool


@dataclass(frozen=True, slots=True)
class Ref:
    """Where one payload comes from; small and JSON-able, so that trials and workers can load it by themselves."""

    root: str  #: folder put on ``sys.path``
    module: str
    #: the payload's name in the module's ``PAYLOADS``, or of a callable that returns the object, with its arguments if
    #: it takes any: ``make(3, "x", k=[1])``
    name: str
    folder: str = ""  #: where the object is made, for callables that open files by relative paths; "": wherever we are
    work: str = ""  #: ``module:function``: what a task does with the object; "": what its payload says
    work_root: str = ""  #: the folder from which that module is imported
    stated: bool = True  #: False for what is too large to be stated in full: its checksum has to do

    def to_json(self) -> RefFields:
        """All fields, by name: ``Ref(**fields)`` is this again."""
        return cast("RefFields", asdict(self))

    def load(self) -> Payload:
        """Import the module and return the payload. Raises :class:`TargetError`."""
        payload = self._find() if self.stated else replace(self._find(), facts=_unstated)
        if self.work:
            payload = replace(payload, work=self._work())
        built = _built.get(self._place())
        return replace(payload, make=lambda: built[1]) if built and built[0] == os.getpid() else payload

    def _place(self) -> Ref:
        """Where the object itself comes from."""
        return replace(self, stated=True, work="", work_root="")

    def _work(self) -> Callable[[Any], Any]:
        module, _, name = self.work.partition(":")
        caller = os.getpid()
        with _inside(self.folder):
            found = _find(import_from(self.work_root, module), name)
        _end_stray(caller)
        return found

    def _find(self) -> Payload:
        caller = os.getpid()
        with _inside(self.folder):
            module = import_from(self.root, self.module)
        _end_stray(caller)
        for payload in payloads_of(module):
            if payload.name == self.name:
                make = payload.make
                return replace(payload, make=_Make(make, self.folder)) if self.folder else payload
        name, args, kwargs = parse_call(self.name)
        make = _find(module, name)
        _check_arguments(make, f"{self.module}:{name}", args, kwargs)
        kept = _Make(make, self.folder, tuple(args), kwargs) if self.folder or args or kwargs else make
        return Payload(name=_kebab(re.sub(r"\W+", "-", self.name)), make=kept)


#: Objects that are there already, each with the one process that may take them: its workers really make theirs.
_built: dict[Ref, tuple[int, Any]] = {}


def keep(ref: Ref, obj: Any) -> None:
    """From now on, and in this process alone, ``ref.load().make()`` returns this object instead of making it."""
    _built[ref._place()] = os.getpid(), obj


def _unstated(_: Any) -> Mapping[str, Any]:
    return {}


def _end_stray(caller: int) -> None:
    """End a child that the user's code forked and forgot to end: it must not go on as us."""
    if os.getpid() != caller:
        os._exit(0)


@dataclass(frozen=True, slots=True)
class _Make:
    """Calls the user's callable with the TARGET's arguments, in the user's folder; forks of its own end there."""

    make: Callable[..., Any]
    folder: str = ""
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self) -> Any:
        caller = os.getpid()
        with _inside(self.folder):
            obj = self.make(*self.args, **self.kwargs)
        _end_stray(caller)
        return obj


@dataclass(frozen=True, slots=True)
class Entry:
    """A payload together with where to load it from."""

    ref: Ref
    payload: Payload
    target: str = ""  #: what a command was given to find it, so that it can be found again; "": it was given nothing


def load_collection(path: str | Path) -> Mapping[str, Entry]:
    """Return the payloads of a file, or of every module in a folder, by name, in the order they are defined.

    Raises :class:`TargetError` when the path does not exist, fails to import, defines no ``PAYLOADS``, or a name twice.
    """
    path = Path(os.path.realpath(path))
    if path.is_dir():
        files = sorted(file for file in path.glob("*.py") if not file.name.startswith("_"))
        prefix, root = f"{path.name}.", path.parent
    elif path.is_file():
        files, prefix, root = [path], "", path.parent
    else:
        raise TargetError(f"{path}: no such file or folder")
    entries: dict[str, Entry] = {}
    for file in files:
        module = import_from(str(root), prefix + file.stem)
        for payload in payloads_of(module):
            if payload.name in entries:
                other = entries[payload.name].ref.module
                raise TargetError(f"payload {payload.name!r} is defined in {other} and again in {module.__name__}")
            entries[payload.name] = Entry(Ref(str(root), module.__name__, payload.name), payload)
    if not entries:
        raise TargetError(
            f"{path}: defines no PAYLOADS; name a callable in it that returns your object, as in {path.name}:make"
        )
    return MappingProxyType(entries)


def load_target(text: str) -> Mapping[str, Entry]:
    """What a command's TARGET names: a collection, ``path/to/file.py:callable`` or ``package.module:callable``.

    The callable may be given arguments, literals only: ``file.py:make(3, "x", k=[1])``. Raises :class:`TargetError`.
    """
    ref = parse_target(text)
    if isinstance(ref, Path):
        return MappingProxyType({name: replace(entry, target=text) for name, entry in load_collection(ref).items()})
    payload = ref.load()
    return MappingProxyType({payload.name: Entry(ref, payload, text)})


def parse_work(text: str) -> tuple[str, str]:
    """``module:function`` and the folder it is imported from, of ``file.py:function``. Raises :class:`TargetError`."""
    found = parse_target(text) if ":" in text else None
    if not isinstance(found, Ref) or "(" in found.name:
        raise TargetError(f"--work {text}: name a function that takes the object: file.py:function")
    return f"{found.module}:{found.name}", found.root


def parse_target(text: str) -> Ref | Path:
    """Where a TARGET's object comes from, or the path of a collection; imports nothing. Raises :class:`TargetError`."""
    try:
        os.getcwd()
    except OSError as error:
        raise TargetError(
            f"{text}: the current folder cannot be found ({error.strerror}): cd to one that is there"
        ) from None
    try:
        os.stat(text)
        found = None
    except OSError:
        found = _TARGET.fullmatch(text)
    except ValueError as error:  # a null character, or what no file system encodes
        raise TargetError(f"{text}: no file can be named so: {error}") from None
    if found is None:
        if "(" in text and ":" in text and not Path(text).exists():
            raise TargetError(f'{text}: not a target; write file.py:callable, or file.py:callable(3, "x", k=[1])')
        return Path(text)
    place, call = found["place"], found["call"].strip()
    parse_call(call)
    if not place.endswith(".py") and "/" not in place:
        return Ref(str(Path.cwd()), place, call)
    path = Path(os.path.realpath(place))  # which bears links in a loop
    if not path.is_file():
        raise TargetError(f"{place}: {'a folder, not a file' if path.is_dir() else 'no such file'}")
    names = [path.stem]
    root = path.parent
    while (root / "__init__.py").is_file():  # a module of a package: its relative imports need the package
        names.insert(0, root.name)
        root = root.parent
    if "." in path.stem:
        raise TargetError(f"{place}: a file with a dot in its name cannot be imported by other processes; rename it")
    return Ref(str(root), ".".join(names), call)


def parse_call(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """The name, positional and keyword arguments of ``make`` or ``make(3, k="x")``. Raises :class:`TargetError`."""
    name, bracket, _ = text.partition("(")
    if not bracket:
        return text.strip(), [], {}
    try:
        call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise TargetError(f"{text}: its arguments are not valid Python: {error}") from error
    if not isinstance(call, ast.Call) or ast.unparse(call.func) != name.strip():
        raise TargetError(f'{text}: not a call; write callable(3, "x", k=[1])')
    try:
        args = [ast.literal_eval(node) for node in call.args]
        kwargs = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords if word.arg is not None}
        if len(kwargs) != len(call.keywords):
            raise ValueError("** needs names that are not known here")
    except (ValueError, TypeError, MemoryError, RecursionError) as error:
        raise TargetError(
            f"{text}: arguments must be literals: numbers, strings, bytes, True, False, None, and lists, tuples, "
            f"dicts and sets of them"
        ) from error
    return name.strip(), args, kwargs


def _find(module: ModuleType, name: str) -> Callable[..., Any]:
    """What a module has under a (dotted) name, if it can be called. Raises :class:`TargetError`."""
    place = getattr(module, "__file__", None) or module.__name__
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            own = [
                n for n, o in vars(module).items() if getattr(o, "__module__", None) == module.__name__ and callable(o)
            ]
            hint = f"; it has {', '.join(own[:8])}" if own else ""
            raise TargetError(f"{place}: nothing is named {name!r}{hint}") from error
    if not callable(found):
        raise TargetError(f"{place}: {name} is a {type(found).__name__}: name a callable that returns the object")
    return found  # type: ignore[no-any-return]  # it is whatever the user has


def _check_arguments(make: Callable[..., Any], where: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Raise :class:`TargetError` where the callable does not take these arguments."""
    try:
        signature = inspect.signature(make)
    except (TypeError, ValueError):
        return  # written in C: calling it will tell
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        code = getattr(make, "__code__", None)
        place = f" ({code.co_filename}:{code.co_firstlineno})" if code else ""
        wanted = ", ".join(_wanted(signature))
        raise TargetError(
            f"{where}{signature}{place}: {error}; write them into the TARGET: {where}({wanted})"
        ) from error


def _wanted(signature: inspect.Signature) -> Iterator[str]:
    for each in signature.parameters.values():
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            yield f"{each.name}=…" if each.kind is each.KEYWORD_ONLY else "…"


@contextmanager
def _inside(folder: str) -> Iterator[None]:
    """Work in another folder, if one is named."""
    if not folder:
        yield
        return
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def payloads_of(module: ModuleType) -> tuple[Payload, ...]:
    """The payloads a module defines: ``Payload`` objects, or plain callables that each return one object."""
    found = getattr(module, "PAYLOADS", ())
    items = list(found.items()) if isinstance(found, Mapping) else [("", item) for item in found]
    payloads = []
    for name, item in items:
        if isinstance(item, Payload):
            payloads.append(item)
        elif callable(item):
            payloads.append(Payload(name=_kebab(name or getattr(item, "__name__", "payload")), make=item))
        else:
            raise TargetError(
                f"{module.__name__}.PAYLOADS holds a {type(item).__name__}: give Payload objects or callables"
            )
    return tuple(payloads)


def import_from(root: str, name: str) -> ModuleType:
    """Import a module with ``root`` first on ``sys.path``. Raises :class:`TargetError` with the cause attached."""
    if root and root not in sys.path:
        sys.path.insert(0, root)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise TargetError(_while_importing(root, name, error)) from error
        raise TargetError(f"{name}: no such module in {root} or among those installed") from error
    except (Exception, SystemExit) as error:
        raise TargetError(_while_importing(root, name, error)) from error
    meant = Path(root, *name.split(".")).with_suffix(".py")
    have = getattr(module, "__file__", None)
    if root and meant.is_file() and (have is None or not Path(have).exists() or not meant.samefile(have)):
        raise TargetError(f"{meant}: importing {name!r} gives another module, {have or 'built in'}; rename the file")
    return module


def _while_importing(root: str, name: str, error: BaseException) -> str:
    """One line: where it went wrong, and what."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    return f"{place_of(error) or f'{name} (in {root})'}: {type(error).__name__} while importing {name}: {error}"


def _kebab(name: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name.lower().replace("_", "-"))
    return kept.strip("-") or "payload"


_held: list[Any] = []


REF = Ref("", __name__, "obj")
LIVE_WORK = f"{__name__}:work"  #: the work of a live object, where it has no name to import it by


def made_here_alone(ref: Ref, start_method: str) -> bool:
    """Whether a worker of this start method has no way to make a second original of the object."""
    return ref._place() == REF and start_method != "fork"


def hold(obj: Any, work: Callable[[Any], Any] | None = None) -> None:
    """Make this the object, and the work on it, that forks of this process find."""
    _held[:] = [obj, work]


def let_go() -> None:
    """Forget it."""
    _held.clear()


def obj() -> Any:
    """The object, in a process that inherited it. Raises ``RuntimeError`` elsewhere."""
    if not _held:
        raise RuntimeError("a live object exists in its own process alone: no other can make it again")
    return _held[0]


def work(obj: Any) -> Any:
    """The work on it, in a process that inherited it."""
    if not _held:
        raise RuntimeError("a live function exists in its own process alone")
    return _held[1](obj)
