"""Locks, threads and queues, of threads and of multiprocessing: of use only where both sides have the same one.

Touching changes nothing that counts, so that it may be done again and again; ``use`` takes or puts something in the
worker, and ``seen`` says whether the original has it.
"""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from handoff.payload import Payload, Trait
from payloads._untimed import OUTCOME, PATIENCE_S, facts_type


def touch_lock(obj: Any) -> int:
    if not obj.acquire(timeout=PATIENCE_S):
        raise TimeoutError(f"cannot be acquired within {PATIENCE_S:g} s")
    obj.release()
    return 1


def touch_process_lock(obj: Any) -> int:
    if not obj.acquire(True, PATIENCE_S):
        raise TimeoutError(f"cannot be acquired within {PATIENCE_S:g} s")
    obj.release()
    return 1


def take_and_keep(obj: Any) -> None:
    obj.acquire(True, PATIENCE_S)


def taken(obj: Any) -> str:
    """The worker has taken it and kept it: here it cannot be had."""
    if obj.acquire(False):
        obj.release()
        return "the worker holds it, and here it is free: it is not the same lock"
    return ""


def make_semaphore() -> threading.Semaphore:
    return threading.Semaphore(1)


def make_thread() -> threading.Thread:
    """Waits as long as its process lives."""
    thread = threading.Thread(target=threading.Event().wait, name="payload-waits", daemon=True)
    thread.start()
    return thread


def touch_thread(obj: threading.Thread) -> int:
    """Join it, without waiting."""
    obj.join(timeout=0)
    return len(obj.name)


def facts_thread(obj: threading.Thread) -> Mapping[str, Any]:
    """Not only what it says of itself: the threads of the process it is in have to include it."""
    return {"name": obj.name, "says it runs": obj.is_alive(), "runs here": obj in threading.enumerate()}


def make_thread_local() -> threading.local:
    local = threading.local()
    local.user = "Ada"
    return local


def touch_thread_local(obj: Any) -> int:
    return len(obj.user)


def make_queue() -> queue.Queue[int]:
    waiting: queue.Queue[int] = queue.Queue()
    for number in (1, 2, 3):
        waiting.put(number)
    return waiting


def touch_queue(obj: queue.Queue[int]) -> int:
    """Take each number once and put it back behind the others."""
    total = 0
    for _ in range(obj.qsize()):
        number = obj.get(timeout=PATIENCE_S)
        obj.put(number)
        total += number
    return total


def facts_queue(obj: queue.Queue[int]) -> Mapping[str, Any]:
    return {"type": type(obj).__name__, "waiting": sorted(obj.queue)}


def put_four(obj: Any) -> None:
    obj.put(4)


def four_arrived(obj: queue.Queue[int]) -> str:
    return "" if 4 in obj.queue else "what the worker put is not in this queue: there are two"


def make_pool() -> ThreadPoolExecutor:
    """One that has worked: its thread exists, idle."""
    pool = ThreadPoolExecutor(max_workers=1)
    pool.submit(pow, 2, 3).result()
    return pool


def touch_pool(obj: ThreadPoolExecutor) -> int:
    try:
        return obj.submit(pow, 2, 3).result(timeout=PATIENCE_S)
    except TimeoutError:
        raise TimeoutError(f"no answer within {PATIENCE_S:g} s: the pool counts on a thread that is not here") from None


# multiprocessing's own


def make_mp_lock() -> Any:
    return multiprocessing.get_context().Lock()


def make_mp_queue() -> Any:
    """Holds one number, which a feeder thread may still be writing."""
    waiting = multiprocessing.get_context().Queue()
    waiting.put(7)
    return waiting


def touch_mp_queue(obj: Any) -> int:
    number = obj.get(timeout=PATIENCE_S)
    obj.put(number)
    return int(number)


def seven_and_four_arrived(obj: Any) -> str:
    """Both are there, in either order: two feeder threads write."""
    try:
        numbers = sorted(obj.get(timeout=PATIENCE_S) for _ in range(2))
    except queue.Empty:
        return "what the worker put is not in this queue"
    return "" if numbers == [4, 7] else f"the queue holds {numbers}"


def make_mp_array() -> Any:
    return multiprocessing.get_context().Array("d", [index * 0.5 for index in range(1_000)])


def touch_mp_array(obj: Any) -> int:
    with obj.get_lock():
        return int(sum(obj[1:]))


def facts_mp_array(obj: Any) -> Mapping[str, Any]:
    return {"type": type(obj).__name__, "length": len(obj), "sum": sum(obj[1:])}


def write_first(obj: Any) -> None:
    obj[0] = 42.0


def first_written(obj: Any) -> str:
    return "" if obj[0] == 42.0 else "what the worker wrote does not show here: a copy"


LOCK = frozenset({Trait.LOCK})
INTERPRETER = frozenset({Trait.INTERPRETER})
SYNCHRONIZED = frozenset({Trait.SYNCHRONIZED})
MP_MANUAL = "multiprocessing manual, 'Synchronization primitives'"

PAYLOADS = (
    Payload(
        name="lock",
        make=threading.Lock,
        touch=touch_lock,
        facts=facts_type,
        use=take_and_keep,
        seen=taken,
        traits=LOCK,
        duties=OUTCOME,
        why="A lock: of use only if it is the same on both sides.",
        source="articles/001",
    ),
    Payload(
        name="rlock",
        make=threading.RLock,
        touch=touch_lock,
        facts=facts_type,
        use=take_and_keep,
        seen=taken,
        traits=LOCK,
        duties=OUTCOME,
        why="A re-entrant lock, as in every logging handler: it may arrive, and be impossible to acquire.",
        source="dill issue 321",
    ),
    Payload(
        name="semaphore",
        make=make_semaphore,
        touch=touch_lock,
        facts=facts_type,
        use=take_and_keep,
        seen=taken,
        traits=LOCK,
        duties=OUTCOME,
        why="A semaphore of one, the limit on a scarce thing: a condition with a lock inside.",
        source="articles/001",
    ),
    Payload(
        name="thread",
        make=make_thread,
        touch=touch_thread,
        facts=facts_thread,
        traits=LOCK,
        duties=OUTCOME,
        why="A running thread, as a service object holds its worker: no other process can run it, not even a forked "
        "one.",
        source="articles/002, 003",
    ),
    Payload(
        name="thread-local",
        make=make_thread_local,
        touch=touch_thread_local,
        facts=lambda obj: {"user": getattr(obj, "user", None)},
        traits=INTERPRETER,
        duties=OUTCOME,
        why="Thread-local data: it has one value for each thread, and another thread, too, finds none.",
        source="threading.local (Python manual)",
    ),
    Payload(
        name="queue-queue",
        make=make_queue,
        touch=touch_queue,
        facts=facts_queue,
        use=put_four,
        seen=four_arrived,
        traits=LOCK,
        duties=OUTCOME,
        why="A queue between threads with three items waiting: what one side puts, the other must get.",
        source="articles/003; queue (Python manual)",
    ),
    Payload(
        name="thread-pool",
        make=make_pool,
        touch=touch_pool,
        facts=facts_type,
        traits=LOCK,
        duties=OUTCOME,
        why="A ThreadPoolExecutor that has worked, as clients hold one. A forked child has it without its thread, and"
        " waits.",
        source="articles/001, 004; concurrent.futures (Python manual)",
    ),
    Payload(
        name="mp-lock",
        make=make_mp_lock,
        touch=touch_process_lock,
        facts=facts_type,
        use=take_and_keep,
        seen=taken,
        traits=SYNCHRONIZED,
        duties=OUTCOME,
        why="multiprocessing's lock: the same on both sides, if it was handed over when the process was started.",
        source=MP_MANUAL,
    ),
    Payload(
        name="mp-queue",
        make=make_mp_queue,
        touch=touch_mp_queue,
        facts=facts_type,
        use=put_four,
        seen=seven_and_four_arrived,
        traits=SYNCHRONIZED,
        duties=OUTCOME,
        why="multiprocessing's queue with one item waiting.",
        source="multiprocessing manual, 'Pipes and Queues'",
    ),
    Payload(
        name="mp-array",
        make=make_mp_array,
        touch=touch_mp_array,
        facts=facts_mp_array,
        use=write_first,
        seen=first_written,
        traits=SYNCHRONIZED,
        duties=OUTCOME,
        why="1,000 shared doubles. The article passes it to a pool's task to avoid pickling, which multiprocessing "
        "refuses.",
        source="articles/003; multiprocessing manual, 'Shared ctypes Objects'",
    ),
)
