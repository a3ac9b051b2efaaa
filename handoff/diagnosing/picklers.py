"""How each pickler would take one object apart, without pickling the whole.

A codec's :meth:`Codec.reduce` gives the reduction of one object as that pickler would make it, or ``BY_NAME`` when it
stores a reference to an importable name, or raises what that pickler would raise. The walker asks it for every object
that is not a plain container. The user's hooks that run are those that pickling runs.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import types
from collections.abc import Callable
from typing import Any, Final

from handoff.diagnosing.absent import Absent
from handoff.diagnosing.paths import inherits

BY_NAME: Final = "by name"
PROTOCOL: Final = 4  #: what multiprocessing used by itself up to Python 3.13, and the one that dill and load tests take
WALK_PROTOCOL: Final = 2  #: the protocol in paths: ``obj.__reduce_ex__(2)[0]``

_NAMED = (types.FunctionType, type)  #: the pickler stores these by name before it asks copyreg

Reduction = tuple[Any, ...]


class Null:
    """A file that keeps nothing but the number of bytes written."""

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.bytes += size
        return size


class Plain:
    """The standard library's C pickler."""

    name = "pickle"

    def __init__(self) -> None:
        self._named: dict[int, tuple[Any, BaseException | None]] = {}

    def named(self, obj: Any) -> BaseException | None:
        """None if a class or function is found under its name, else what the C pickler raises for it."""
        known = self._named.get(id(obj))
        if known is None:
            error: BaseException | None = None
            try:
                pickle.dumps(obj, PROTOCOL)
            except Exception as caught:
                error = caught.with_traceback(None)
            known = self._named[id(obj)] = (obj, error)
        return known[1]

    def reduce(self, obj: Any) -> Reduction | str:
        kind = type(obj)
        if isinstance(obj, types.FunctionType | type) and (kind in _NAMED or kind not in copyreg.dispatch_table):
            if (error := self.named(obj)) is not None:
                raise error
            return BY_NAME
        reducer = copyreg.dispatch_table.get(type(obj))
        return self.checked(obj, reducer(obj) if reducer is not None else _by_protocol(obj))

    def checked(self, obj: Any, reduced: Any) -> Reduction | str:
        """What pickle's ``save_reduce`` demands of a reduction. Raises ``PicklingError``."""
        if isinstance(reduced, str):
            _find_global(obj, reduced)
            return BY_NAME
        if not isinstance(reduced, tuple) or not 2 <= len(reduced) <= 6:
            raise pickle.PicklingError("__reduce__ must return a string or a tuple of two to six items")
        if not callable(reduced[0]):
            raise pickle.PicklingError("the first item of the tuple returned by __reduce__ must be callable")
        if not isinstance(reduced[1], tuple):
            raise pickle.PicklingError("the second item of the tuple returned by __reduce__ must be a tuple")
        return reduced

    def pickler(self, file: Any, skip: dict[int, Any], protocol: int = PROTOCOL) -> Any:
        """A real pickler that puts :class:`Absent` for the objects in ``skip`` (by id)."""
        return _PlainPickler(file, skip, protocol)


def _find_global(obj: Any, name: str) -> None:
    """Look a name up as pickle's ``save_global`` does for a hook that returned a string. Raises ``PicklingError``."""
    module: Any = None
    try:
        module = obj.__module__
    except Exception:
        module = None
    if module is None:
        module = pickle.whichmodule(obj, name)  # type: ignore[attr-defined]  # typeshed lacks it
    try:
        found = __import__(str(module), fromlist=["_"])
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, KeyError) as error:
        raise pickle.PicklingError(f"Can't pickle {name}: it's not found as {module}.{name}") from error
    if found is not obj:
        raise pickle.PicklingError(f"Can't pickle {name}: it's not the same object as {module}.{name}")


def _by_protocol(obj: Any) -> Any:
    try:
        return obj.__reduce_ex__(WALK_PROTOCOL)
    except Exception:
        if inherits(type(obj), "__reduce_ex__", "__reduce__"):
            raise
        return obj.__reduce_ex__(PROTOCOL)


class _PlainPickler(pickle.Pickler):
    def __init__(self, file: Any, skip: dict[int, Any], protocol: int) -> None:
        super().__init__(file, protocol)
        self._skip = skip

    def reducer_override(self, obj: Any) -> Any:
        return (Absent, ()) if id(obj) in self._skip else NotImplemented


class Cloudpickle:
    """cloudpickle's pickler: functions and classes that no import finds travel by value."""

    name = "cloudpickle"

    def __init__(self, plain: Plain) -> None:
        import cloudpickle

        self._module = cloudpickle
        self.default_protocol: int = cloudpickle.DEFAULT_PROTOCOL
        self._plain = plain

    def reduce(self, obj: Any) -> Reduction | str:
        pickler = self._module.Pickler(io.BytesIO(), PROTOCOL)
        reduced = pickler.reducer_override(obj)
        if reduced is NotImplemented:
            reducer = pickler.dispatch_table.get(type(obj))
            if reducer is None or isinstance(obj, types.FunctionType):
                return self._plain.reduce(obj)
            reduced = reducer(obj)
        return self._plain.checked(obj, reduced)

    def pickler(self, file: Any, skip: dict[int, Any], protocol: int = PROTOCOL) -> Any:
        base: Any = self._module.Pickler

        class Skipping(base):  # type: ignore[misc]  # a class of a library without types
            def reducer_override(self, obj: Any) -> Any:
                return (Absent, ()) if id(obj) in skip else super().reducer_override(obj)

        return Skipping(file, protocol)


class Dill:
    """dill's pickler, which is written in Python and takes functions, classes, files and locks by value."""

    name = "dill"

    def __init__(self, plain: Plain) -> None:
        import dill

        self._module = dill
        self.default_protocol: int = dill.settings["protocol"]
        self._plain = plain
        base: Any = dill.Pickler

        class Capture(base):  # type: ignore[misc]  # a class of a library without types
            """Takes the outermost object apart as dill does, and keeps the parts instead of writing them."""

            def __init__(self) -> None:
                super().__init__(io.BytesIO(), PROTOCOL)
                self.reductions: list[Reduction] = []
                self.parts: list[Any] = []
                self.named = False
                self._entered = False

            def save(self, obj: Any, save_persistent_id: bool = True) -> None:
                if self._entered:
                    self.parts.append(obj)
                    return
                self._entered = True
                super().save(obj, save_persistent_id)

            def save_reduce(self, func: Any, args: Any, *rest: Any, obj: Any = None, **more: Any) -> None:
                if not isinstance(args, tuple) or not callable(func):
                    raise pickle.PicklingError("a reduction must be a callable and a tuple of arguments")
                self.reductions.append((func, args, *rest, *more.values()))
                if obj is not None and id(obj) not in self.memo:
                    self.memoize(obj)

            def save_global(self, obj: Any, name: Any = None) -> None:
                super().save_global(obj, name)
                self.named = True

        self._capture: Callable[[], Any] = Capture

    def reduce(self, obj: Any) -> Reduction | str:
        capture = self._capture()
        capture.save(obj)
        if capture.reductions:
            first: Reduction = capture.reductions[0]
            extra = [part for reduction in capture.reductions[1:] for part in reduction[1]]
            if not extra and not capture.parts:
                return first
            padded = (*first[:3], *[None] * (3 - len(first[:3])))
            return (padded[0], padded[1], [padded[2], extra, capture.parts])
        if capture.parts:
            return (_nothing, (capture.parts,))
        return BY_NAME

    def pickler(self, file: Any, skip: dict[int, Any], protocol: int = PROTOCOL) -> Any:
        base: Any = self._module.Pickler

        class Skipping(base):  # type: ignore[misc]  # a class of a library without types
            def save(self, obj: Any, save_persistent_id: bool = True) -> None:
                if id(obj) in skip and id(obj) not in self.memo:
                    self.save_reduce(Absent, (), obj=obj)
                else:
                    super().save(obj, save_persistent_id)

        return Skipping(file, protocol)


def _nothing(*parts: Any) -> None:
    """Stands for a constructor in a reduction of which only the parts are known."""


def carried_by_forking(obj: Any) -> bool:
    """Whether multiprocessing's own pickler has a reducer for exactly this type, beyond what copyreg has.

    Only asked, never run: reducing a socket there starts a server thread that hands out its descriptor.
    Source: multiprocessing/reduction.py and connection.py, ``register(...)``.
    """
    module = type(obj).__module__
    return type(obj).__name__ in ("socket", "Connection", "PipeConnection") and module in (
        "socket",
        "multiprocessing.connection",
    )
