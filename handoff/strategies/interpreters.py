"""An interpreter of this process instead of a process (PEP 734, Python 3.14): modules and a GIL of its own.

Objects do not pass from one to the other: strings, numbers, bytes and tuples of them are rebuilt from what both can
see, and everything else is pickled. No process is started and no pipe is written to. Extension modules that do not say
that they bear several interpreters refuse to load there, and so does every object that needs them.

``Queue.get`` looks every 10 ms whether there is something (``_delay`` in ``concurrent/interpreters/_queues.py``): a
worker that waits for a task sleeps 5 ms on average. The second strategy waits for a byte in a pipe instead.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from handoff.outcome import Kind
from handoff.payload import Trait
from handoff.strategies import _own_interpreters
from handoff.strategies.codecs import PICKLE_FAILS, told_as
from handoff.strategy import (
    Channel,
    Ends,
    Execution,
    Executor,
    Holding,
    Initializer,
    Launch,
    Recipe,
    Site,
    Strategy,
)
from handoff.timing import nothing


def _new_queue() -> Any:
    from concurrent import interpreters  # type: ignore[attr-defined, unused-ignore]  # 3.14 and later

    return interpreters.create_queue()


def _got(get: Any) -> Any:
    """What a queue gives. Raises what loading it raises, of which the queue only says that it cannot be unpickled."""
    from concurrent.interpreters import NotShareableError  # type: ignore[import-not-found, unused-ignore]  # 3.14 and later

    try:
        return get()
    except NotShareableError as error:
        if error.__cause__ is None:
            raise
        raise error.__cause__ from error.__cause__.__cause__


class PuttingSender:
    """``queue.put(obj)``, which pickles: what cannot be put is refused before anything is sent."""

    open = close = staticmethod(nothing)

    def __init__(self, queue: Any) -> None:
        self.encode = queue.put
        self.queue = queue

    def post(self, message: None) -> None:
        """It is there already."""


class GettingReceiver:
    """``queue.get()``"""

    open = release = close = staticmethod(nothing)

    def __init__(self, queue: Any) -> None:
        self.queue = queue

    def take(self) -> Any:
        return _got(self.queue.get)

    def decode(self, message: Any) -> Any:
        return message


class TellingSender(PuttingSender):
    """``queue.put(obj)``, and a byte into a pipe that wakes the receiver."""

    def __init__(self, queue: Any, descriptor: int) -> None:
        super().__init__(queue)
        self.descriptor = descriptor

    def post(self, message: None) -> None:
        os.write(self.descriptor, b"\0")


class ToldReceiver(GettingReceiver):
    """Waits for the byte; then the object is there."""

    def __init__(self, queue: Any, descriptor: int) -> None:
        super().__init__(queue)
        self.descriptor = descriptor

    def take(self) -> bytes:
        return os.read(self.descriptor, 1)

    def decode(self, message: bytes) -> Any:
        return _got(self.queue.get_nowait)


def _carry(site: Site) -> Ends:
    queue = _new_queue()
    site.at_end(lambda: queue)  # it lasts as long as somebody has it
    return PuttingSender(queue), GettingReceiver(queue)


def _carry_told(site: Site) -> Ends:
    queue, (read, write) = _new_queue(), os.pipe()
    for descriptor in (read, write):  # of the process: both interpreters have them
        site.at_end(partial(os.close, descriptor))
    site.at_end(lambda: queue)
    return TellingSender(queue, write), ToldReceiver(queue, read)


class QueuedState:
    """The object is put into a queue that the interpreter empties when it starts."""

    def __init__(self, queue: Any) -> None:
        self.queue = queue
        self.obj: Any = None

    def obtain(self) -> None:
        self.obj = _got(self.queue.get_nowait)

    def get(self) -> Any:
        return self.obj

    def close(self) -> None:
        self.obj = None


def _hold(site: Site) -> Holding:
    queue = _new_queue()
    site.at_end(lambda: queue)
    queue.put(site.obj)
    return QueuedState(queue)


_BEFORE = """
import multiprocessing as mp

def work(numbers):
    return sum(numbers)

if __name__ == "__main__":
    with mp.Pool(1) as pool:
        print(pool.apply(work, ([1, 2, 3],)))
"""

_AFTER = """
from concurrent import interpreters  # Python 3.14 and later

def serve(inbox, outbox):
    outbox.put(sum(inbox.get()))

if __name__ == "__main__":
    inbox, outbox = interpreters.create_queue(), interpreters.create_queue()
    worker = interpreters.create()
    thread = worker.call_in_thread(serve, inbox, outbox)
    inbox.put([1, 2, 3])
    print(outbox.get())
    thread.join()
    worker.close()
"""

_AFTER_TOLD = """
import os
from concurrent import interpreters  # Python 3.14 and later

def serve(inbox, outbox, waiting, told):
    import os
    os.read(waiting, 1)
    outbox.put(sum(inbox.get_nowait()))
    os.write(told, b"1")

if __name__ == "__main__":
    inbox, outbox = interpreters.create_queue(), interpreters.create_queue()
    (waiting, tell), (answered, told) = os.pipe(), os.pipe()  # an interpreter has the same descriptors
    worker = interpreters.create()
    thread = worker.call_in_thread(serve, inbox, outbox, waiting, told)
    inbox.put([1, 2, 3])
    os.write(tell, b"1")
    os.read(answered, 1)
    print(outbox.get_nowait())
    thread.join()
    worker.close()
"""

_AFTER_POOL = """
from concurrent.futures import InterpreterPoolExecutor  # Python 3.14 and later

def work(numbers):
    return sum(numbers)

if __name__ == "__main__":
    with InterpreterPoolExecutor(1) as executor:
        print(executor.submit(work, [1, 2, 3]).result())
"""


def _pool(site: Site, initializer: Initializer) -> Executor:
    """Its initializer is no plain function: one that only sets globals is taken for stateless, and is run elsewhere."""
    import logging
    from concurrent.futures import InterpreterPoolExecutor  # type: ignore[attr-defined, unused-ignore]  # 3.14 and later

    if not (tells := logging.getLogger("concurrent.futures")).handlers:
        tells.addHandler(logging.NullHandler())  # of an initializer that fails the outcome tells, not a traceback
    function, arguments = initializer
    begin = partial(_begin, tuple(sys.path), function)
    executor: Executor = InterpreterPoolExecutor(1, initializer=begin, initargs=arguments)
    return executor


def _begin(path: tuple[str, ...], function: Callable[..., Any], *arguments: Any) -> None:
    """The initializer of an interpreter, which begins with the path of a fresh Python."""
    sys.path[:] = path
    function(*arguments)


_MEANING = "a copy, in an interpreter of the same process; a memoryview alone is a view of the same memory"
#: As plain pickle; and what needs an extension module that says no is refused when it is loaded.
_FAILS = ((Trait.ONE_INTERPRETER, Kind.REFUSED), *PICKLE_FAILS)
#: The pool tells of an argument that cannot be loaded, and goes on; an initializer that fails breaks it.
_POOL_FAILS = told_as(Kind.REFUSED, Kind.BROKEN, _FAILS)
_POOL_FAILS_AT_START = told_as(Kind.BROKEN, Kind.REFUSED, _FAILS)

STRATEGIES = (
    Strategy(
        name="interpreter-queue",
        summary="concurrent.interpreters: a queue into an interpreter of this process, which looks every 10 ms",
        meaning=_MEANING,
        channel=Channel.INTERPRETER,
        launch=Launch.INTERPRETER,
        since=(3, 14),
        carry=_carry,
        hold=_hold,
        late=5,
        any_payload=True,
        fails=_FAILS,
        recipe=Recipe(_BEFORE, _AFTER, _own_interpreters.QUEUE),
    ),
    Strategy(
        name="interpreter-queue-told",
        summary="the same queue, and a byte in a pipe that wakes who waits",
        meaning=_MEANING,
        channel=Channel.INTERPRETER,
        launch=Launch.INTERPRETER,
        since=(3, 14),
        carry=_carry_told,
        any_payload=True,
        fails=_FAILS,
        recipe=Recipe(_BEFORE, _AFTER_TOLD, _own_interpreters.QUEUE_TOLD),
    ),
    Strategy(
        name="interpreter-pool",
        summary="concurrent.futures.InterpreterPoolExecutor: the object with every task, or given to the initializer",
        meaning=_MEANING,
        channel=Channel.INTERPRETER,
        launch=Launch.EXECUTOR,
        execution=Execution(make=_pool, in_this_process=True, fails_at_start=_POOL_FAILS_AT_START),
        since=(3, 14),
        fails=_POOL_FAILS,
        late=1,
        recipe=Recipe(_BEFORE, _AFTER_POOL, _own_interpreters.POOL),
    ),
)
