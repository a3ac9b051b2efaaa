"""How multiprocessing itself is used: its queues, as they come.

Both pickle with Python's default protocol and write to a pipe of their own: ``SimpleQueue`` in ``put``, ``Queue`` in a
feeder thread after ``put`` has returned: what can't be pickled is told to stderr, and ``get`` waits for ever.
"""

from __future__ import annotations

import pickle
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue
from typing import TYPE_CHECKING, Any

from handoff import timeouts
from handoff.outcome import Kind, describe
from handoff.payload import Duty
from handoff.strategies import _own
from handoff.strategies.codecs import BEFORE, COPY, FORKING_FAILS
from handoff.strategy import Channel, Ends, Recipe, Site, Strategy

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext
    from threading import Thread

    AnyQueue = Queue[Any]  # generic for type checkers only
else:
    AnyQueue = Queue


class Unfed:
    """What the feeder thread sends in the place of an object that it could not pickle."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class WatchedQueue(AnyQueue):
    """``ctx.Queue()``, except that a failure of the feeder thread reaches whoever waits for the object."""

    _closed: bool
    _thread: Thread | None

    def __init__(self, ctx: BaseContext) -> None:
        super().__init__(ctx=ctx)

    def _on_queue_feeder_error(self, e: Exception, obj: Any) -> None:  # documented in the source as a hook for this
        if self._closed or isinstance(e, BrokenPipeError):  # nobody waits any more
            return
        try:
            error = pickle.loads(pickle.dumps(e))
        except Exception:
            error = RuntimeError(f"{type(e).__name__}: {describe(e)}")
        error.add_note("in the queue's feeder thread: put had returned, and get would wait for ever")
        self.put(Unfed(error))

    def close(self) -> None:
        """Close and wait for the feeder thread: a process that still has one can't be forked safely."""
        super().close()
        if self._thread is not None:
            self._thread.join(timeouts.FEEDER_S)


class QueueSender:
    """``queue.put(obj)``"""

    def __init__(self, queue: Any) -> None:
        self.queue = queue

    def open(self, conn: Connection) -> None:
        self.post = self.queue.put
        if isinstance(self.queue, Queue):
            self.queue.cancel_join_thread()  # each object is acknowledged: at exit nothing is worth waiting for

    def encode(self, obj: Any) -> Any:
        return obj

    def close(self) -> None:
        self.queue.close()


class QueueReceiver:
    """``queue.get()``"""

    def __init__(self, queue: Any) -> None:
        self.queue = queue

    def open(self, conn: Connection) -> None:
        pass

    def take(self) -> Any:
        return self.queue.get()

    def decode(self, message: Any) -> Any:
        """The queue has decoded it; raises what kept the other side's feeder thread from pickling the object."""
        if type(message) is Unfed:
            raise message.error
        return message

    def release(self) -> None:
        pass

    def close(self) -> None:
        self.queue.close()


def _queue(site: Site) -> Ends:
    queue = WatchedQueue(site.ctx)
    return QueueSender(queue), QueueReceiver(queue)


def _simple_queue(site: Site) -> Ends:
    queue: Any = site.ctx.SimpleQueue()
    return QueueSender(queue), QueueReceiver(queue)


_AFTER = """
import multiprocessing as mp

def serve(inbox, outbox):
    outbox.put(sum(inbox.get()))

if __name__ == "__main__":
    inbox, outbox = mp.{make}(), mp.{make}()
    worker = mp.Process(target=serve, args=(inbox, outbox))
    worker.start()
    inbox.put([1, 2, 3])
    print(outbox.get())
    worker.join()
"""


def _own_queue(make: str, more: str = "") -> dict[Duty, str]:
    return _own.carried(
        "{at}.put(obj)", "{at}.get()", near="queues[conn]", far="queue", given="conn, queue",
        values="theirs, queues[conn]", setup="    queues = {{}}\n", each=f"        queues[conn] = ctx.{make}(){more}\n",
    )  # fmt: skip


STRATEGIES = (
    Strategy(
        name="queue",
        summary="multiprocessing.Queue: put returns at once, a feeder thread pickles and sends",
        meaning=COPY + "; what the sender changes right after put may or may not be in it",
        channel=Channel.PIPE,
        carry=_queue,
        late=4,
        any_payload=True,
        # What the feeder thread can't pickle never arrives: where multiprocessing would wait for ever, ours says so.
        fails=tuple((trait, kind if kind is Kind.ALTERED else Kind.BROKEN) for trait, kind in FORKING_FAILS),
        recipe=Recipe(BEFORE, _AFTER.format(make="Queue"), _own_queue("Queue", "; queues[conn].cancel_join_thread()")),
    ),
    Strategy(
        name="simple-queue",
        summary="multiprocessing.SimpleQueue: put pickles and sends under a lock",
        meaning=COPY,
        channel=Channel.PIPE,
        carry=_simple_queue,
        any_payload=True,
        fails=FORKING_FAILS,
        recipe=Recipe(BEFORE, _AFTER.format(make="SimpleQueue"), _own_queue("SimpleQueue")),
    ),
)
