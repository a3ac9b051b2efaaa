"""The walk: through all of an object in pickle's own order, naming each object by its path, past every failure.

Iterative, with parent links and a memo that keeps what it saw alive, so that depth, cycles and re-used ids do no harm.
A first run follows the standard pickler. Further runs follow cloudpickle and dill behind what the standard pickler
refuses, since errors are layered: what a lambda closes over is met only by those who carry lambdas.
"""

from __future__ import annotations

import copyreg
import sys
import time
import types
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from handoff import timeouts
from handoff.diagnosing import reasons
from handoff.diagnosing.dumps import Pickling, error_text
from handoff.diagnosing.paths import (
    HOLE,
    Step,
    apply,
    attribute,
    inherits,
    instance_dict,
    is_python_class,
    parts_by_identity,
    render,
)
from handoff.diagnosing.picklers import BY_NAME, Null, Plain, Reduction
from handoff.processes.deadlines import Watch

ATOMS = frozenset({int, str, float, bool, type(None), bytes, complex, type(...), type(NotImplemented), bytearray})
_COPYREG: Any = copyreg
_NEW = (_COPYREG.__newobj__, _COPYREG.__newobj_ex__)
_FRESH = (".__reduce_ex__(", ".__getstate__(", ".dispatch_table[")
CLASS_OF = f"type({HOLE})"
_CODE = (types.CellType, types.CodeType)  #: parts of functions: pickle never meets them by themselves
GROUP_MOST = 100  #: findings of one kind and type that are listed; the rest is counted in a note
_STREAMS = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")
_CHECK_EVERY = 2048  #: objects between two looks at the clock


@dataclass(slots=True)
class Culprit:
    """A node that a codec could not take apart, or whose class no import finds."""

    kind: reasons.Reason
    error: str
    codecs: dict[str, str] = field(default_factory=dict)  #: codec name -> error
    whole: bool = False  #: named as a whole, without a look inside


@dataclass(slots=True)
class Walk:
    """Everything seen, in the order in which pickle would save it."""

    plain: Plain
    objs: list[Any] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    steps: list[Any] = field(default_factory=list)
    memo: dict[int, int] = field(default_factory=dict)
    culprits: dict[int, Culprit] = field(default_factory=dict)
    again: dict[int, list[tuple[int, Any]]] = field(
        default_factory=dict
    )  #: node -> other (parent, step) that lead to it
    by_value: set[int] = field(default_factory=set)  #: nodes that exist only because code travels by value
    reached: set[int] = field(default_factory=set)  #: nodes met in the present run
    special: set[int] = field(default_factory=set)  #: nodes that a codec takes apart in its own way
    arrays: list[int] = field(default_factory=list)
    sentinels: list[int] = field(default_factory=list)
    proxies: list[int] = field(default_factory=list)  #: weak proxies, which pickle as what they point to
    classes: dict[type, int] = field(default_factory=dict)  #: class -> the first node that is an instance
    functions: list[int] = field(default_factory=list)
    main: list[int] = field(default_factory=list)  #: functions, classes and instances of classes of __main__
    lost: list[int] = field(default_factory=list)  #: nodes whose reduction leaves their attributes out
    hooked: int = 0  #: number of objects that are no plain containers
    complete: bool = True
    _simple: dict[type, bool] = field(default_factory=dict)
    _found: dict[int, bool] = field(default_factory=dict)
    _watch: Watch = field(default_factory=lambda: Watch(timeouts.HOOK_S))
    _paths: dict[int, str] = field(default_factory=dict)
    _makers: dict[int, int] = field(default_factory=dict)  #: what :meth:`makers` has found; -1: none
    _depths: list[int] = field(default_factory=list)  #: of the nodes for which :meth:`depths` was asked
    _keep: list[Any] = field(default_factory=list)  #: what reductions made afresh: alive, so that no id is used twice

    def run(self, root: Any, deadline: float) -> None:
        """Walk all of ``root`` as the standard pickler would. ``deadline`` is in seconds of ``time.monotonic``."""
        with self._watch.running():
            self._go(self.plain, [(root, -1, "")], deadline)

    def run_behind(self, codec: Pickling, starts: list[int], deadline: float) -> None:
        """Follow ``codec`` into the nodes ``starts``, which it takes apart in its own way, or cannot."""
        self.reached = set()
        with self._watch.running():
            for index in starts:
                if time.monotonic() > deadline:
                    self.complete = False
                    return
                todo: list[tuple[Any, int, Any]] = []
                self._open(codec, self.objs[index], index, todo)
                self._go(codec, todo[::-1], deadline)

    def _go(  # noqa: C901 - one loop, inline: it runs for every object there is
        self, codec: Pickling, stack: list[tuple[Any, int, Any]], deadline: float
    ) -> None:
        memo, objs, parents, steps, again = self.memo, self.objs, self.parents, self.steps, self.again
        atoms, count = ATOMS, 0
        while stack:
            obj, parent, step = stack.pop()
            key = id(obj)
            known = memo.get(key)
            if known is not None:
                if codec is self.plain:
                    again.setdefault(known, []).append((parent, step))
                else:
                    self._meet(known, parent, step)
                continue
            count += 1
            if not count % _CHECK_EVERY and time.monotonic() > deadline:
                self.complete = False
                return
            index = len(objs)
            memo[key] = index
            objs.append(obj)
            parents.append(parent)
            steps.append(step)
            if codec is not self.plain:
                self.reached.add(index)
                if self._edge_by_value(parent, step):
                    self.by_value.add(index)
            kind = type(obj)
            if kind is dict:
                if codec is not self.plain and _is_of_module(obj):
                    continue  # by reference: see dill's save_module_dict; cloudpickle sends none whole
                todo: list[tuple[Any, int, Any]] = []
                for place, (name, value) in enumerate(obj.items()):
                    if type(name) not in atoms:
                        todo.append((name, index, ("l", place)))
                    if type(value) not in atoms:
                        todo.append((value, index, ("k", (name, place))))
            elif kind is list or kind is tuple:
                todo = [(item, index, place) for place, item in enumerate(obj) if type(item) not in atoms]
            elif kind is set or kind is frozenset:
                todo = [(item, index, ("l", place)) for place, item in enumerate(obj) if type(item) not in atoms]
            elif kind in atoms:
                continue
            else:
                todo = []
                self.hooked += 1
                self._open(codec, obj, index, todo)
            if todo:
                todo.reverse()
                stack.extend(todo)

    def _meet(self, index: int, parent: int, step: Any) -> None:
        self.reached.add(index)
        if not self._edge_by_value(parent, step):
            self.by_value.discard(index)
        self.again.setdefault(index, []).append((parent, step))

    def _edge_by_value(self, parent: int, step: Any) -> bool:
        """Whether a part travels only because a function's globals or a class's body travel by value."""
        if parent < 0:
            return False
        owner = self.objs[parent]
        if isinstance(owner, type) or step == CLASS_OF:
            return True
        if isinstance(owner, types.FunctionType) and isinstance(step, str):
            return step.startswith((".__globals__", ".__code__")) or step == "" or parent in self.by_value
        return parent in self.by_value

    # -- one object

    def _open(self, codec: Pickling, obj: Any, index: int, todo: list[tuple[Any, int, Any]]) -> None:
        """Put the parts of an object that is no plain container on ``todo``; note it if it cannot be taken apart."""
        kind = type(obj)
        if codec is self.plain:
            self._note_type(obj, kind, index)
        if _is_array_like(kind) and self._open_array(codec, obj, index, todo):
            return
        if codec is not self.plain and index not in self.culprits:
            self._check_plainly(obj, index)
        if index in self.culprits and self.culprits[index].whole:
            self._whole(codec, obj, index, todo)
            return
        row = reasons.of_type(kind)
        if row is not None and row.whole and codec is self.plain and self._whole(codec, obj, index, todo):
            return
        try:
            reduced = codec.reduce(obj) if self._is_simple(kind) else self._watch.call(codec.reduce, obj)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.fail(index, codec.name, error)
            return
        if codec is not self.plain:
            self.special.add(index)
        if reduced == BY_NAME:
            self._note_name(obj, index)
            return
        assert isinstance(reduced, tuple)
        self._take_apart(codec, obj, index, reduced, todo)

    def _check_plainly(self, obj: Any, index: int) -> None:
        """For an object first met behind another: record it if the standard pickler would refuse it too."""
        if type(obj) in _CODE or index in self.by_value or self.steps[index] == "":
            return
        row = reasons.of_type(type(obj))
        if row is not None and row.whole and self._whole(self.plain, obj, index, []):
            return
        try:
            reduced = self._watch.call(self.plain.reduce, obj)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.fail(index, self.plain.name, error)
            return
        if reduced != BY_NAME and isinstance(reduced, tuple):
            owner = self._maker(reduced)
            if owner is type(obj) and (unnamed := self.plain.named(owner)) is not None:
                self.fail(index, self.plain.name, unnamed, reasons.of_unreachable(obj))

    def _whole(self, codec: Pickling, obj: Any, index: int, todo: list[tuple[Any, int, Any]]) -> bool:
        """Try to pickle a resource as a whole; on failure note it, and go on with the user's own attributes in it."""
        try:
            self._watch.call(codec.pickler(Null(), {}).dump, obj)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.fail(index, codec.name, error)
            self.culprits[index].whole = True
        else:
            return False
        row = reasons.of_type(type(obj))
        allowed = row.inside if row is not None else ()
        for name, value in (instance_dict(obj) or {}).items():
            if type(value) not in ATOMS and (name in allowed or self._is_users_own(type(obj), name)):
                todo.append((value, index, ("a", name)))
        return True

    def _is_users_own(self, kind: type, name: str) -> bool:
        """Whether an attribute of a subclass of a library's resource is the subclass's: public, and none of theirs."""
        if name.startswith("_") or kind.__module__.partition(".")[0] in sys.stdlib_module_names:
            return False
        return name not in _LIBRARY_NAMES

    def _open_array(self, codec: Pickling, obj: Any, index: int, todo: list[tuple[Any, int, Any]]) -> bool:
        """Open an array without its reduction, which would copy the data. False: it needs its reduction."""
        kind = type(obj)
        if not _is_array(kind) and _has_own_hooks(kind):
            return False
        if not obj.dtype.hasobject:
            if codec is self.plain and instance_dict(obj):
                self.lost.append(index)
            return True
        if obj.dtype.names or not _is_array(kind):
            return False
        import numpy as np

        for place in np.ndindex(obj.shape):
            item = obj[place]
            if type(item) not in ATOMS:
                inner = ", ".join(map(str, place)) or "()"
                todo.append((item, index, f"[{inner}]"))
        return True

    def _note_type(self, obj: Any, kind: type, index: int) -> None:
        if kind is object:
            self.sentinels.append(index)
        elif kind in weakref.ProxyTypes:
            self.proxies.append(index)
            return
        elif _is_array_like(kind):
            self.arrays.append(index)
        if kind not in self.classes and not isinstance(obj, type | types.FunctionType):
            self.classes[kind] = index
            if kind.__module__ == "__main__":
                self.main.append(index)

    def _note_name(self, obj: Any, index: int) -> None:
        if isinstance(obj, types.FunctionType):
            self.functions.append(index)
        if isinstance(obj, types.FunctionType | type) and obj.__module__ == "__main__":
            self.main.append(index)
        if isinstance(obj, type):
            self.classes.setdefault(obj, index)

    def _is_simple(self, kind: type) -> bool:
        """Whether only the interpreter's own code runs when an instance is reduced, with its ``__dict__`` as state."""
        known = self._simple.get(kind)
        if known is None:
            known = self._simple[kind] = (
                inherits(kind, "__reduce_ex__", "__reduce__", "__getstate__", "__getattribute__")
                and kind not in copyreg.dispatch_table
                and not issubclass(kind, list | dict | set | frozenset | tuple | BaseException | type)
                and not any(hasattr(kind, name) for name in ("__getnewargs__", "__getnewargs_ex__", "__getattr__"))
                and kind is not types.FunctionType
            )
        return known

    def _maker(self, reduced: Reduction) -> Any:
        """The class or function that makes the object again."""
        func, args = reduced[0], reduced[1]
        return args[0] if func in _NEW and args and isinstance(args[0], type) else func

    def _take_apart(
        self, codec: Pickling, obj: Any, index: int, reduced: Reduction, todo: list[tuple[Any, int, Any]]
    ) -> None:
        kind = type(obj)
        func, args = reduced[0], reduced[1]
        maker = self._maker(reduced)
        if maker is kind and not isinstance(obj, type):
            if codec is self.plain:
                if (error := self.plain.named(kind)) is not None:
                    self.fail(index, codec.name, error, reasons.of_unreachable(obj))
            elif is_python_class(kind) and (self.plain.named(kind) is not None or kind.__module__ == "__main__"):
                todo.append((kind, index, CLASS_OF))
        state = reduced[2] if len(reduced) > 2 else None
        if self._is_simple(kind) and func is _NEW[0] and len(args) == 1 and maker is kind:
            self._simple_state(index, state, todo)
            return
        parts = parts_by_identity(obj)
        prefix = self._reduce_path(codec, obj)
        how_state = f"{HOLE}.__getstate__()" if self._has_getstate(codec, kind) else f"{prefix}[2]"
        seen: list[Any] = []
        for item, how in _pieces(reduced, prefix, how_state):
            if item is not maker or maker is not kind:
                self._part(item, how, index, parts, todo, seen)
        self._check_lost(codec, obj, index, seen)
        self._keep.append((reduced, seen))

    def _check_lost(self, codec: Pickling, obj: Any, index: int, seen: list[Any]) -> None:
        """A C-level hook that takes none of the instance's attributes along loses them (array subclasses do)."""
        own = instance_dict(obj)
        if codec is not self.plain or not own or isinstance(obj, type | types.ModuleType):
            return
        kind = type(obj)
        hooks = [getattr(kind, name, None) for name in ("__reduce_ex__", "__reduce__", "__getstate__")]
        if any(isinstance(hook, types.FunctionType) for hook in hooks) or kind in copyreg.dispatch_table:
            return
        ids = {id(item) for item in seen}
        if _is_array_like(kind) and id(own) not in ids and not any(id(value) in ids for value in own.values()):
            self.lost.append(index)

    def _simple_state(self, index: int, state: Any, todo: list[tuple[Any, int, Any]]) -> None:
        for part in state if type(state) is tuple else (state,):
            if type(part) is dict:
                for name, value in part.items():
                    if type(value) not in ATOMS:
                        todo.append((value, index, ("a", name)))

    def _has_getstate(self, codec: Pickling, kind: type) -> bool:
        if codec is not self.plain and kind in (types.FunctionType,):
            return False
        return inherits(kind, "__reduce_ex__", "__reduce__") and not inherits(kind, "__getstate__")

    def _reduce_path(self, codec: Pickling, obj: Any) -> str:
        if codec is self.plain or (is_python_class(type(obj)) and not isinstance(obj, type)):
            if type(obj) in copyreg.dispatch_table:
                return f"__import__('copyreg').dispatch_table[type({HOLE})]({HOLE})"
            return f"{HOLE}.__reduce_ex__(2)"
        return ""

    def _part(self, value: Any, how: str, index: int, parts: dict[int, Step], todo: list[Any], seen: list[Any]) -> None:
        """Put one part of a reduction on ``todo``, under its natural name if it has one; look into fresh containers."""
        stack = [(value, how, 0)]
        found: list[tuple[Any, int, Any]] = []
        while stack:
            item, path, level = stack.pop()
            kind = type(item)
            seen.append(item)
            if kind in ATOMS:
                continue
            step = parts.get(id(item))
            if step is not None and step != ".__dict__":
                found.append((item, index, step))
            elif kind is dict and _is_of_module(item):
                continue
            elif level < 5 and kind in (dict, list, tuple, set, frozenset):
                stack.extend(reversed(list(_fresh_items(item, path, level))))
            elif isinstance(item, types.FunctionType | types.BuiltinFunctionType | type) and self._by_name(item):
                continue
            else:
                found.append((item, index, path if HOLE in path else ""))
        todo.extend(found)

    def _by_name(self, item: Any) -> bool:
        """Whether a function or class of a reduction is found by name; those of the user's modules are walked to."""
        key = id(item)
        if key not in self._found:
            module = getattr(item, "__module__", None)
            self._found[key] = module != "__main__" and self.plain.named(item) is None
        return self._found[key]

    # -- what was found

    def fail(self, index: int, codec: str, error: BaseException, kind: reasons.Reason | None = None) -> None:
        """Record that ``codec`` cannot carry a node."""
        text = error_text(error)
        if index not in self.culprits:
            self.culprits[index] = Culprit(kind or self._kind(self.objs[index], error), text)
        self.culprits[index].codecs.setdefault(codec, text)

    def _kind(self, obj: Any, error: BaseException) -> reasons.Reason:
        if issubclass(type(obj), types.FunctionType | type):
            return reasons.of_unreachable(obj)
        if type(obj) in weakref.ProxyTypes:
            return reasons.PROXY
        if any(obj is getattr(sys, name) for name in _STREAMS):
            return reasons.STREAM
        row = reasons.of_type(type(obj))
        if row is not None:
            return row
        kind = type(obj)
        if any("__wrapped__" in base.__dict__ for base in kind.__mro__):
            return reasons.WRAPPER
        for name in ("__reduce_ex__", "__reduce__", "__getstate__", "__getnewargs__", "__getnewargs_ex__"):
            if isinstance(getattr(kind, name, None), types.FunctionType):
                return reasons.GETSTATE
        if isinstance(error, RecursionError) and hasattr(kind, "__getattr__"):
            return reasons.GETATTR
        return reasons.UNPICKLABLE

    def step_list(self, index: int) -> list[Step]:
        found: list[Step] = []
        while index >= 0:
            parent, step = self.parents[index], self.steps[index]
            if step != "":
                found.append(self._settle(parent, step))
            index = parent
        found.reverse()
        return found

    def _settle(self, parent: int, step: Any) -> Step:
        if isinstance(step, tuple) and step[0] == "a":
            return attribute(self.objs[parent], step[1])
        result: Step = step
        return result

    def path(self, index: int) -> str:
        """The expression that evaluates to a node."""
        if index not in self._paths:
            self._paths[index] = render(self.step_list(index))
        return self._paths[index]

    def other_paths(self, index: int, most: int = 5) -> tuple[str, ...]:
        """Expressions of the other ways to a node, as far as they were met."""
        own = self.path(index)
        found: dict[str, None] = {}
        for parent, step in self.again.get(index, ())[: 2 * most]:
            if step == "" or parent < 0:
                continue
            text = render([*self.step_list(parent), self._settle(parent, step)])
            if text != own:
                found[text] = None
        return tuple(found)[:most]

    def named_node(self, index: int) -> int:
        """The node itself, or the nearest above it that a path leads to (parts of by-value code have none)."""
        while index > 0 and self.steps[index] == "":
            index = self.parents[index]
        return index

    def modules(self) -> list[str]:
        """The modules that a process which loads the pickle has to import, as far as they were met; and those of what
        cloudpickle and dill send by value: a worker has them, too."""
        named = [*self.classes, *(self.objs[index] for index in (*self.functions, *self.culprits))]
        named = [each for each in named if issubclass(type(each), type | types.FunctionType)]
        found = {module: None for each in named if isinstance(module := getattr(each, "__module__", None), str)}
        return [module for module in found if module not in ("builtins", "__main__")]

    def makers(self, index: int) -> list[int]:
        """The objects whose reductions made a node afresh: another dump makes another, so they stand for it."""
        passed = []
        at = index
        while at >= 0 and at not in self._makers:
            passed.append(at)
            step = self.steps[at]
            if step == "" or (isinstance(step, str) and any(mark in step for mark in _FRESH)):
                self._makers[at] = self.parents[at]
                break
            at = self.parents[at]
        found = self._makers.get(at, -1)
        self._makers.update(dict.fromkeys(passed, found))
        return [found] if found >= 0 else []

    def depths(self) -> list[int]:
        """Objects between the root and each node, the root at 1."""
        found = self._depths
        for parent in self.parents[len(found) :]:
            found.append(1 if parent < 0 else found[parent] + 1)
        return found


def _pieces(reduced: Reduction, prefix: str, how_state: str) -> Iterator[tuple[Any, str]]:
    """The parts of a reduction in pickle's order, each with the expression for it."""
    whole: list[Any] = [*reduced, *[None] * (6 - len(reduced))]
    func, args, state, items, pairs, setter = whole
    if func not in _NEW:
        yield func, f"{prefix}[0]"
    for place, item in enumerate(args):
        yield item, f"{prefix}[1][{place}]"
    if state is not None:
        yield state, how_state
    for place, item in enumerate(items or ()):
        yield item, f"list({prefix}[3])[{place}]"
    for place, (key, value) in enumerate(pairs or ()):
        yield key, f"list({prefix}[4])[{place}][0]"
        yield value, f"list({prefix}[4])[{place}][1]"
    if setter is not None:
        yield setter, f"{prefix}[5]"


def _is_of_module(space: dict[Any, Any]) -> bool:
    """Whether a dict is the namespace of an imported module."""
    name = space.get("__name__")
    return isinstance(name, str) and getattr(sys.modules.get(name), "__dict__", None) is space


def _fresh_items(item: Any, path: str, level: int) -> Iterator[tuple[Any, str, int]]:
    if isinstance(item, dict):
        for place, (name, value) in enumerate(item.items()):
            yield name, apply(path, ("l", place)) if path else "", level + 1
            yield value, apply(path, ("k", (name, place))) if path else "", level + 1
    else:
        for place, value in enumerate(item):
            step: Step = place if isinstance(item, list | tuple) else ("l", place)
            yield value, apply(path, step) if path else "", level + 1


def _has_own_hooks(kind: type) -> bool:
    names = ("__reduce_ex__", "__reduce__", "__getstate__", "__getattribute__")
    return any(isinstance(getattr(kind, name, None), types.FunctionType) for name in names)


def _is_array(kind: type) -> bool:
    return kind.__module__ == "numpy" and kind.__name__ == "ndarray"


def _is_array_like(kind: type) -> bool:
    return any(_is_array(base) for base in kind.__mro__)


#: Public instance attributes of the library classes in :data:`kinds.KINDS` that are named as a whole.
_LIBRARY_NAMES = frozenset(
    {
        *("maxsize", "mutex", "not_empty", "not_full", "all_tasks_done", "unfinished_tasks", "queue", "is_shutdown"),
        *("args", "kwargs", "function", "interval", "finished", "name", "daemon", "data"),
        *("stdin", "stdout", "stderr", "pid", "returncode", "encoding", "errors", "text_mode", "process_exited"),
    }
)

__all__ = ["CLASS_OF", "GROUP_MOST", "Culprit", "Walk"]
