"""Loading past every failure: the pure-Python unpickler, with a stand-in for whatever fails.

Each failure is reported with the index in the pickle's memo of the object it befell, by which the process that made
the pickle knows the object.
"""

from __future__ import annotations

import io
import pickle
import re
import sys
from typing import TYPE_CHECKING, Any

from handoff import timeouts
from handoff.diagnosing.absent import Absent
from handoff.processes.deadlines import limited

if TYPE_CHECKING:
    from handoff.diagnosing.messages import Failure

_Base: Any = vars(pickle)["_Unpickler"]  # the pure-Python one, of which mypy knows little


class WritesFile(Exception):
    """Loading opened a file in a way that empties it. Kept from doing so."""


def load_tolerantly(data: bytes) -> list[Failure]:
    """The failures of a load."""
    unpickler = Tolerant(data)
    try:
        unpickler.load()
    except BaseException as error:
        unpickler.fail("load", error)
    return unpickler.failures


def _holds_stand_in(parts: Any, level: int = 0) -> bool:
    """Whether a stand-in is among the arguments or the state, to which the failure may be due."""
    if isinstance(parts, Absent) or parts is Absent:
        return True
    if level < 4 and isinstance(parts, list | tuple | set | frozenset):
        return any(_holds_stand_in(part, level + 1) for part in list(parts)[:1000])
    if level < 4 and isinstance(parts, dict):
        return any(_holds_stand_in(part, level + 1) for part in list(parts.values())[:1000])
    return False


def _is_own_fault(error: BaseException) -> bool:
    """Whether a failure with a stand-in among the parts is due to the user's code all the same.

    It is if the number of arguments is wrong, or if the user's own code raised it and it does not speak of a stand-in.
    """
    text = text_of(error)
    if re.search(r"missing \d+ required|unexpected keyword|positional argument", text):
        return True
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in (__file__, pickle.__file__):
        trace = trace.tb_next
    return trace is not None and "Absent" not in text


def text_of(error: BaseException) -> str:
    """``ValueError: message``, also where its ``str`` fails."""
    try:
        return f"{type(error).__name__}: {error}"[:500]
    except BaseException:
        return type(error).__name__


class Tolerant(_Base):  # type: ignore[misc]  # a private class of pickle
    """The unpickler: each step of a pickle that runs someone's code may fail, and is noted."""

    dispatch = dict(_Base.dispatch)

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.failures: list[Failure] = []
        self.pending: Failure | None = None
        self.index: dict[int, int] = {}
        self.keep: list[Any] = []

    def fail(self, stage: str, error: BaseException, obj: Any = None, parts: Any = None) -> None:
        note: Failure = {
            "stage": stage,
            "error": text_of(error),
            "type": type(error).__name__,
            "memo": None,
            "guarded": isinstance(error, WritesFile),
            "doubtful": _holds_stand_in(parts) and not _is_own_fault(error),
        }
        self.failures.append(note)
        if obj is None:
            self.pending = note
        else:
            note["memo"] = self.index.get(id(obj))

    def find_class(self, module: str, name: str) -> Any:
        try:
            if module == "__builtin__" and name in ("__main__", "NoneType"):  # dill's own names for them
                return vars(sys.modules["__main__"]) if name == "__main__" else type(None)
            return super().find_class("dill._dill" if module == "dill.dill" else module, name)
        except BaseException as error:
            self.fail("find", error)
            self.failures[-1]["sought"] = module, name
            return Absent

    def remembered(self, place: int, obj: Any) -> None:
        self.index[id(obj)] = place
        self.keep.append(obj)
        if self.pending is not None:
            self.pending["memo"] = place
            self.pending = None

    def do_memoize(self) -> None:
        place = len(self.memo)
        self.memo[place] = self.stack[-1]
        self.remembered(place, self.stack[-1])

    dispatch[pickle.MEMOIZE[0]] = do_memoize

    def do_binput(self) -> None:
        place = self.read(1)[0]
        self.memo[place] = self.stack[-1]
        self.remembered(place, self.stack[-1])

    dispatch[pickle.BINPUT[0]] = do_binput

    def do_long_binput(self) -> None:
        place = int.from_bytes(self.read(4), "little")
        self.memo[place] = self.stack[-1]
        self.remembered(place, self.stack[-1])

    dispatch[pickle.LONG_BINPUT[0]] = do_long_binput

    def do_reduce(self) -> None:
        args = self.stack.pop()
        func = self.stack[-1]
        try:
            with limited(timeouts.HOOK_S):
                self.stack[-1] = func(*args)
        except BaseException as error:
            self.stack[-1] = Absent()
            self.fail("make", error, parts=args)

    dispatch[pickle.REDUCE[0]] = do_reduce

    def do_newobj(self) -> None:
        args = self.stack.pop()
        self.make_new(args, {})

    dispatch[pickle.NEWOBJ[0]] = do_newobj

    def do_newobj_ex(self) -> None:
        kwargs = self.stack.pop()
        args = self.stack.pop()
        self.make_new(args, kwargs)

    dispatch[pickle.NEWOBJ_EX[0]] = do_newobj_ex

    def make_new(self, args: Any, kwargs: Any) -> None:
        kind = self.stack[-1]
        try:
            with limited(timeouts.HOOK_S):
                self.stack[-1] = kind.__new__(kind, *args, **kwargs)
        except BaseException as error:
            self.stack[-1] = Absent()
            self.fail("new", error, parts=(args, kwargs))

    def do_build(self) -> None:
        obj, state, depth = self.stack[-2], self.stack[-1], len(self.stack)
        try:
            with limited(timeouts.HOOK_S):
                _Base.dispatch[pickle.BUILD[0]](self)
        except BaseException as error:
            del self.stack[depth - 1 :]
            if not isinstance(obj, Absent):
                self.fail("state", error, obj, parts=state)

    dispatch[pickle.BUILD[0]] = do_build

    def do_setitem(self) -> None:
        value = self.stack.pop()
        key = self.stack.pop()
        self.put([key, value], self.stack[-1])

    dispatch[pickle.SETITEM[0]] = do_setitem

    def do_setitems(self) -> None:
        items = self.pop_mark()
        self.put(items, self.stack[-1])

    dispatch[pickle.SETITEMS[0]] = do_setitems

    def put(self, items: list[Any], into: Any) -> None:
        for place in range(0, len(items), 2):
            try:
                with limited(timeouts.HOOK_S):
                    into[items[place]] = items[place + 1]
            except BaseException as error:
                self.blame(error, items[place], into)

    def blame(self, error: BaseException, key: Any, into: Any) -> None:
        todo = [key]
        while todo:
            item = todo.pop()
            try:
                hash(item)
            except BaseException as cause:
                if isinstance(item, tuple | frozenset):
                    todo.extend(item)
                else:
                    self.fail("hash", cause, item)
                    return
        self.fail("items", error, into)

    def do_additems(self) -> None:
        items = self.pop_mark()
        for item in items:
            try:
                with limited(timeouts.HOOK_S):
                    self.stack[-1].add(item)
            except BaseException as error:
                self.blame(error, item, self.stack[-1])

    dispatch[pickle.ADDITEMS[0]] = do_additems

    def do_frozenset(self) -> None:
        items = self.pop_mark()
        good = []
        for item in items:
            try:
                hash(item)
                good.append(item)
            except BaseException as error:
                self.blame(error, item, items)
        self.append(frozenset(good))

    dispatch[pickle.FROZENSET[0]] = do_frozenset

    def do_append(self) -> None:
        value = self.stack.pop()
        self.extend([value], self.stack[-1])

    dispatch[pickle.APPEND[0]] = do_append

    def do_appends(self) -> None:
        items = self.pop_mark()
        self.extend(items, self.stack[-1])

    dispatch[pickle.APPENDS[0]] = do_appends

    def extend(self, items: list[Any], into: Any) -> None:
        try:
            with limited(timeouts.HOOK_S):
                if hasattr(into, "extend"):
                    into.extend(items)
                else:
                    for item in items:
                        into.append(item)
        except BaseException as error:
            if not isinstance(into, Absent):
                self.fail("items", error, into)
