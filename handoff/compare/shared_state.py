"""Whether it is still shared: the worker uses every lock, event, queue and shared block it finds, and the parent looks.

``use`` runs in the worker, ``seen`` in the parent afterwards. Both walk the object in the same order as
:func:`handoff.compare.facts.facts`. What was held, set or full before the worker used it tells nothing and counts as
seen. Both change the object, so it must be one that only this cell has.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from handoff import timeouts
from handoff.compare.facts import FactsWalk
from handoff.compare.kinds import Reading
from handoff.compare.names import class_name, module_of
from handoff.compare.ownership import PRIVATE, REFERENCE, REMAKES, STATE, is_data

MARK = "handoff was here"
_BYTES = MARK.encode()
_DRAIN = 10_000  #: permits taken from one semaphore at most


def use(obj: Any) -> None:
    """Use every primitive inside ``obj`` so that another process can see it; locks stay held.

    Raises ``TimeoutError`` for a lock that says it is free and cannot be taken: it would deadlock whoever trusted it.
    """
    for path, probe, item in _found(obj):
        try:
            probe.use(item)
        except TimeoutError as error:
            raise TimeoutError(f"{path}: {error}") from None


def seen(obj: Any) -> str:
    """Say which primitive does not show what the worker did to it; "" when all do, or when there is none."""
    for path, probe, item in _found(obj):
        if not probe.seen(item):
            return f"{path}: {probe.lost}"
    return ""


def shares(kinds: Iterable[type]) -> bool:
    """Whether an object whose parts are of these classes (:func:`handoff.compare.facts.stated`) can have a primitive
    inside."""
    return any(class_name(base) in PROBES for kind in kinds for base in type.__dict__["__mro__"].__get__(kind))


@dataclass(frozen=True, slots=True)
class Probe:
    """How to use one kind of primitive, how to see that it was used, and what to say when it does not show."""

    use: Callable[[Any], None]
    seen: Callable[[Any], bool]
    lost: str


class _Finder(FactsWalk):
    """A walk that stops at primitives and remembers them.

    It passes by what is no loss, as :mod:`handoff.compare.altered` has it: what a worker imports, a library's private
    state, and what a class's own hooks make anew.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, Probe, Any]] = []

    def other(self, obj: Any, kind: type) -> Any:
        for base in type.__dict__["__mro__"].__get__(kind):
            probe = PROBES.get(class_name(base))
            if probe is not None:
                self.found.append((len(self.parents), probe, obj))
                return {"class": class_name(kind)}, None
        said, children = super().other(obj, kind)
        return said, None if said.get(STATE, {}).get(REFERENCE) else children

    def attributes(self, obj: Any, plan: Reading, statement: dict[str, Any], children: list[tuple[Any, Any]]) -> None:
        super().attributes(obj, plan, statement, children)
        mark = statement.get(STATE, {})
        own = set(mark.get(PRIVATE, ())) if not self._standard(plan) else set()
        children[:] = [
            (label, child)
            for label, child in children
            if label[:1] != "." or not (label[1:] in own or (mark.get(REMAKES) and not is_data(type(child))))
        ]

    @staticmethod
    def _standard(plan: Reading) -> bool:
        """Whether it is a class of the standard library, whose own primitives are made of others, in private."""
        return module_of(plan.kind).partition(".")[0] in sys.stdlib_module_names


def _found(obj: Any) -> list[tuple[str, Probe, Any]]:
    finder = _Finder()
    finder.run(obj)
    return [(finder.path(number), probe, item) for number, probe, item in finder.found]


def _hold(item: Any) -> None:
    if not item.locked():
        item.acquire(blocking=False)


def _hold_reentrant(item: Any) -> None:
    if "count=0" in repr(item) and not item.acquire(timeout=timeouts.SHARED_S):
        raise TimeoutError(f"says it is free, and cannot be taken in {timeouts.SHARED_S:g} s")
    # held by this thread already: taking it once more changes nothing for anybody else


def _taken(item: Any) -> bool:
    if not item.acquire(False):
        return True
    item.release()
    return False


def _drain(item: Any) -> None:
    for _ in range(_DRAIN):
        if not item.acquire(False):
            return


def _condition(item: Any) -> Any:
    return object.__getattribute__(item, "__dict__")["_lock"]


def _hold_any(item: Any) -> None:
    item.acquire(False)


def _put(item: Any) -> None:
    full = sys.modules["queue"].Full if "queue" in sys.modules else ValueError
    with contextlib.suppress(full):
        item.put(MARK, timeout=timeouts.SHARED_S)
    _wait(lambda: not getattr(item, "_buffer", None))  # multiprocessing's own thread writes it out


def _put_simple(item: Any) -> None:
    item.put(MARK)


def _in_queue(item: Any) -> bool:
    return any(type(entry) is str and entry == MARK for entry in list(item.queue))


def _arrives(item: Any) -> bool:
    """Take what the queue holds until the mark comes, at most ``timeouts.SHARED_S``; then put everything back."""
    taken: list[Any] = []

    def comes() -> bool:
        if item.empty():
            return False
        taken.append(item.get())
        return type(taken[-1]) is str and taken[-1] == MARK

    found = _wait(comes)
    for entry in taken:
        if not (type(entry) is str and entry == MARK):
            item.put(entry)
    return found


def _wait(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + timeouts.SHARED_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


def _block(item: Any) -> Any:
    """The first bytes of a shared block, writable."""
    import ctypes

    item = item.get_obj() if hasattr(type(item), "get_obj") else item
    size = min(ctypes.sizeof(item), len(_BYTES))
    return (ctypes.c_char * size).from_buffer(item)


def _write(item: Any) -> None:
    block = _block(item)
    block[:] = _BYTES[: len(block)]


def _written(item: Any) -> bool:
    block = _block(item)
    return bool(block[:] == _BYTES[: len(block)])


def _write_segment(item: Any) -> None:
    size = min(item.size, len(_BYTES))
    item.buf[:size] = _BYTES[:size]


def _segment_written(item: Any) -> bool:
    size = min(item.size, len(_BYTES))
    return bool(item.buf[:size] == _BYTES[:size])


def _use_proxy(item: Any) -> None:
    exposed = getattr(type(item), "_exposed_", ()) or ()
    for method, arguments in _PROXY_USES:
        if method in exposed:
            item._callmethod(method, arguments)
            return


def _proxy_seen(item: Any) -> bool:
    exposed = getattr(type(item), "_exposed_", ()) or ()
    call = item._callmethod
    if "acquire" in exposed:
        return _taken(item)
    if "put" in exposed:
        return _arrives(item)
    if "is_set" in exposed:
        return bool(call("is_set"))
    if "append" in exposed:
        return bool(call("__len__")) and call("__getitem__", (-1,)) == MARK
    if "keys" in exposed:
        return bool(call("__contains__", (MARK,)))
    if "__setattr__" in exposed:
        return MARK in vars(item._getvalue()) if hasattr(item, "_getvalue") else True
    return bool(call("get") == MARK) if "set" in exposed else True


#: The first that a proxy exposes is called.
_PROXY_USES: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("acquire", (False,)),
    ("put", (MARK,)),
    ("append", (MARK,)),
    ("keys", ()),
    ("__setattr__", (MARK, MARK)),
)


def _use_any_proxy(item: Any) -> None:
    exposed = getattr(type(item), "_exposed_", ()) or ()
    if "is_set" in exposed:
        item._callmethod("set")
    elif "keys" in exposed and "__setitem__" in exposed:
        item._callmethod("__setitem__", (MARK, MARK))
    elif "set" in exposed and "get" in exposed:
        item._callmethod("set", (MARK,))
    else:
        _use_proxy(item)


_NOT_HELD = "taken in the worker, and still free here: it is no longer the same lock"
_NOT_LOW = "its permits were taken in the worker, and are still here: it is no longer the same semaphore"
_NOT_SET = "set in the worker, and not set here: it is no longer the same event"
_NOT_PUT = "what the worker put into it does not arrive here: it is no longer the same queue"
_NOT_WRITTEN = "what the worker wrote does not show here: it is no longer the same memory"

_LOCK = Probe(_hold_any, _taken, _NOT_HELD)
_EVENT = Probe(lambda item: item.set(), lambda item: bool(item.is_set()), _NOT_SET)
_SEMAPHORE = Probe(_drain, _taken, _NOT_LOW)
_CONDITION = Probe(lambda item: _use_lock(_condition(item)), lambda item: _taken(_condition(item)), _NOT_HELD)


def _use_lock(item: Any) -> None:
    (_hold_reentrant if class_name(type(item)) == "_thread.RLock" else _hold_any)(item)


#: By the name of the class, or of the first of its bases that stands here.
PROBES: dict[str, Probe] = {
    "_thread.lock": Probe(_hold, lambda item: bool(item.locked()), _NOT_HELD),
    "_thread.RLock": Probe(_hold_reentrant, _taken, _NOT_HELD),
    "threading.Semaphore": _SEMAPHORE,
    "threading.Event": _EVENT,
    "threading.Condition": _CONDITION,
    "queue.Queue": Probe(_put, _in_queue, _NOT_PUT),
    "_queue.SimpleQueue": Probe(_put_simple, _arrives, _NOT_PUT),
    "multiprocessing.synchronize.Event": _EVENT,
    "multiprocessing.synchronize.Condition": _CONDITION,
    "multiprocessing.synchronize.SemLock": _SEMAPHORE,
    "multiprocessing.synchronize.Lock": _LOCK,
    "multiprocessing.synchronize.RLock": _LOCK,
    "multiprocessing.queues.Queue": Probe(_put, _arrives, _NOT_PUT),
    "multiprocessing.queues.SimpleQueue": Probe(_put_simple, _arrives, _NOT_PUT),
    "multiprocessing.sharedctypes.SynchronizedBase": Probe(_write, _written, _NOT_WRITTEN),
    "multiprocessing.shared_memory.SharedMemory": Probe(_write_segment, _segment_written, _NOT_WRITTEN),
    "multiprocessing.managers.BaseProxy": Probe(
        _use_any_proxy, _proxy_seen, "what the worker did to it does not show here"
    ),
}
