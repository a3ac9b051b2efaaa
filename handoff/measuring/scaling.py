"""Tasks a second with one worker and with many, by way of use: pools, executors, queues, pipes, and chunk sizes.

A task is the least that a worker does with an argument: receive the payload, read all of it, answer with a checksum,
which is compared. A crew of workers is hired anew for each sample; what is timed begins when all are ready and have
done a batch. Seconds a task are wall time over tasks, so their inverse is the rate, and ``task-1 / (n x task-n)`` is
the efficiency of n workers. A chunk is pickled as one, and pickle sends what it has met before as a mere reference: the
objects of a chunk are therefore different objects, equal in value.

The kind ``job`` runs whole jobs beside their measured parts, so that the cost model can be compared with reality.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from handoff import start_methods, timeouts, timing
from handoff.analysis.metrics import BIS, CHUNKS, JOB, JOB_TASKS, JOB_WAYS, numbers_of_workers
from handoff.outcome import OK
from handoff.processes.pool import end_pool
from handoff.target import Ref
from handoff.timing import Spent

if TYPE_CHECKING:
    from handoff.measuring.rounds import Measuring

COPIES = 16  #: different objects to send: as many as the largest chunk has
BATCH = 32  #: tasks a worker in a batch, where the library splits it: Pool.map makes four chunks of eight of it
CHUNKS_EACH = 8  #: chunks a worker in a batch, where they are given: at its end workers wait, which must weigh little
SINGLES = 64  #: tasks a worker in a batch, where each travels alone: for the same reason
#: Tasks in a batch for the kind ``job``: with few at a time under way, each costs more than in a long job. A batch of
#: long tasks has fewer of them.
JOB_BATCHES = (64, 512)
JOB_BATCH_S = 0.1
STEADY = 10  #: a sample lasts at least this many times the profile's: a scheduler's time slice is milliseconds
MOST_JOB_S = 2.0  #: a job that would take longer is left out ...
FAR = 100  #: ... or so many times its start, which hardly matters any more


# -- in the worker

_touch: Callable[[Any], int]
_gate: Any = None


def enter(ref: Ref, ready: Any, gate: Any = None) -> None:
    """What every worker begins with: load the payload's module, and say that it is ready."""
    global _touch, _gate
    _touch, _gate = ref.load().task, gate
    ready.release()


def task(obj: Any) -> int:
    """Do with it what a task does."""
    return _touch(obj)


def attend(_: Any) -> None:
    """Keep one worker of an executor occupied, so that it starts the next one."""
    _gate.acquire()


def serve_queue(ref: Ref, ready: Any, inbox: Any, outbox: Any) -> None:
    """A worker on a queue that all share."""
    enter(ref, ready)
    while (message := inbox.get()) is not None:
        outbox.put(task(*message))


def serve_pipe(ref: Ref, ready: Any, conn: Any) -> None:
    """A worker with a pipe of its own."""
    enter(ref, ready)
    while (message := conn.recv()) is not None:
        conn.send(task(*message))


# -- crews


class Crew(Protocol):
    """Workers that were hired."""

    def assemble(self) -> None: ...  # start those that would start only when there is work
    def run(self, objects: list[Any]) -> int: ...  # a task for each; the sum of their checksums
    def close(self) -> None: ...  # all is done: end them, and wait
    def kill(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Hiring:
    """What a crew is hired with."""

    ctx: Any
    ref: Ref
    workers: int
    ready: Any  #: a semaphore, released by each worker when it is ready


class PoolCrew:
    """multiprocessing.Pool."""

    def __init__(self, hiring: Hiring, spread: Callable[[Any, list[Any]], Iterable[int]]) -> None:
        self.spread = spread
        self.pool = hiring.ctx.Pool(hiring.workers, enter, (hiring.ref, hiring.ready))

    def assemble(self) -> None:
        pass

    def run(self, objects: list[Any]) -> int:
        return sum(self.spread(self.pool, objects))

    def close(self) -> None:
        self.pool.close()
        self.pool.join()

    def kill(self) -> None:
        end_pool(self.pool, timeouts.WORKER_STOP_S)


class ExecutorCrew:
    """concurrent.futures.ProcessPoolExecutor, which may start a worker only when all others have work."""

    def __init__(self, hiring: Hiring, spread: Callable[[Any, list[Any]], Iterable[int]]) -> None:
        from concurrent.futures import ProcessPoolExecutor

        self.spread, self.workers = spread, hiring.workers
        self.gate = hiring.ctx.Semaphore(0)
        self.executor = ProcessPoolExecutor(hiring.workers, hiring.ctx, enter, (hiring.ref, hiring.ready, self.gate))
        self.attending: list[Any] = []

    def assemble(self) -> None:
        self.attending = [self.executor.submit(attend, None) for _ in range(self.workers)]

    def run(self, objects: list[Any]) -> int:
        if self.attending:
            for _ in self.attending:
                self.gate.release()
            for future in self.attending:
                future.result()
            self.attending = []
        return sum(self.spread(self.executor, objects))

    def close(self) -> None:
        self.executor.shutdown()

    def kill(self) -> None:
        processes = start_methods.executor_workers(self.executor)
        self.executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()


class Processes:
    """Bare processes, and how to end them."""

    def __init__(self, hiring: Hiring, target: Callable[..., None], arguments: Iterable[tuple[Any, ...]]) -> None:
        self.processes = [
            hiring.ctx.Process(target=target, args=(hiring.ref, hiring.ready, *given), daemon=True)
            for given in arguments
        ]
        for process in self.processes:
            process.start()

    def assemble(self) -> None:
        pass

    def join(self) -> None:
        for process in self.processes:
            process.join()

    def kill(self) -> None:
        for process in self.processes:
            if process.is_alive():
                process.kill()
            process.join()


class QueueCrew:
    """One queue to all workers and one back; at most two tasks a worker are under way, so that neither side blocks."""

    def __init__(self, hiring: Hiring, make: str) -> None:
        self.inbox, self.outbox = getattr(hiring.ctx, make)(), getattr(hiring.ctx, make)()
        self.workers = Processes(hiring, serve_queue, [(self.inbox, self.outbox)] * hiring.workers)
        self.most = 2 * hiring.workers

    def assemble(self) -> None:
        pass

    def run(self, objects: list[Any]) -> int:
        total = 0
        for index, obj in enumerate(objects):
            if index >= self.most:
                total += self.outbox.get()
            self.inbox.put((obj,))
        for _ in objects[: self.most]:
            total += self.outbox.get()
        return total

    def close(self) -> None:
        for _ in self.workers.processes:
            self.inbox.put(None)
        self.workers.join()
        self._close()

    def kill(self) -> None:
        self.workers.kill()
        self._close()

    def _close(self) -> None:
        for queue in (self.inbox, self.outbox):
            with suppress(AttributeError):  # a SimpleQueue has no feeder thread
                queue.cancel_join_thread()
            queue.close()


class PipeCrew:
    """A pipe to each worker, and at most two tasks in each."""

    def __init__(self, hiring: Hiring) -> None:
        pairs = [hiring.ctx.Pipe() for _ in range(hiring.workers)]
        self.conns = [near for near, _ in pairs]
        self.workers = Processes(hiring, serve_pipe, [(far,) for _, far in pairs])
        for _, far in pairs:
            far.close()

    def assemble(self) -> None:
        pass

    def run(self, objects: list[Any]) -> int:
        left = iter(objects)
        total = under_way = 0
        for _ in range(2):
            for conn in self.conns:
                under_way += self._send(conn, left)
        while under_way:
            ready: list[Any] = wait(self.conns)
            for conn in ready:
                total += conn.recv()
                under_way += self._send(conn, left) - 1
        return total

    @staticmethod
    def _send(conn: Any, left: Iterable[Any]) -> int:
        for obj in left:
            conn.send((obj,))
            return 1
        return 0

    def close(self) -> None:
        for conn in self.conns:
            conn.send(None)
        self.workers.join()
        self._close()

    def kill(self) -> None:
        self.workers.kill()
        self._close()

    def _close(self) -> None:
        for conn in self.conns:
            conn.close()


@dataclass(frozen=True, slots=True)
class WorkerWay:
    """One way to use several workers: a lane."""

    name: str
    hire: Callable[[Hiring], Crew]
    chunk: int  #: see :data:`handoff.analysis.metrics.CHUNKS`


def _one_by_one(pool: Any, objects: list[Any]) -> Iterable[int]:
    return (pool.apply(task, (obj,)) for obj in objects)


def _apply_async(pool: Any, objects: list[Any]) -> Iterable[int]:
    return [asked.get() for asked in [pool.apply_async(task, (obj,)) for obj in objects]]


def _submit(executor: Any, objects: list[Any]) -> Iterable[int]:
    return [future.result() for future in [executor.submit(task, obj) for obj in objects]]


def _pool(spread: Callable[[Any, list[Any]], Iterable[int]]) -> Callable[[Hiring], Crew]:
    return partial(PoolCrew, spread=spread)


def _executor(spread: Callable[[Any, list[Any]], Iterable[int]]) -> Callable[[Hiring], Crew]:
    return partial(ExecutorCrew, spread=spread)


BASELINE = "pool-map"
_HIRE: Mapping[str, Callable[[Hiring], Crew]] = {
    "pool-map": _pool(lambda pool, objects: pool.map(task, objects)),
    "pool-map-chunk-1": _pool(lambda pool, objects: pool.map(task, objects, 1)),
    "pool-map-chunk-16": _pool(lambda pool, objects: pool.map(task, objects, 16)),
    "pool-imap": _pool(lambda pool, objects: pool.imap(task, objects)),
    "pool-imap-chunk-16": _pool(lambda pool, objects: pool.imap(task, objects, 16)),
    "pool-imap-unordered": _pool(lambda pool, objects: pool.imap_unordered(task, objects)),
    "pool-apply": _pool(_one_by_one),
    "pool-apply-async": _pool(_apply_async),
    "executor-map": _executor(lambda executor, objects: executor.map(task, objects)),
    "executor-map-chunk-16": _executor(lambda executor, objects: executor.map(task, objects, chunksize=16)),
    "executor-submit": _executor(_submit),
    "queue": partial(QueueCrew, make="Queue"),
    "simple-queue": partial(QueueCrew, make="SimpleQueue"),
    "pipe": PipeCrew,
}
WAYS = {name: WorkerWay(name, _HIRE[name], chunk) for name, chunk in CHUNKS.items()}


# -- in the trial


class ScalingSite:
    """The objects to send in this trial, and the crews that were hired and not yet dismissed."""

    def __init__(self, measuring: Measuring) -> None:
        self.measuring = measuring
        self.copies = [measuring.payload.make() for _ in range(COPIES)]

    def objects(self, tasks: int) -> list[Any]:
        return [self.copies[index % COPIES] for index in range(tasks)]

    def hire(self, way: WorkerWay, workers: int) -> tuple[Crew, Any]:
        """A crew that may still be starting, and the semaphore that tells when it has."""
        ready = self.measuring.shop.ctx.Semaphore(0)
        return way.hire(Hiring(self.measuring.shop.ctx, self.measuring.ref, workers, ready)), ready

    def assembled(self, way: WorkerWay, workers: int) -> tuple[Crew, Spent]:
        """A crew that is ready, and what its start took."""
        begin = perf_counter()
        crew, ready = self.hire(way, workers)
        try:
            crew.assemble()
            for _ in range(workers):
                if not ready.acquire(timeout=timeouts.WORKER_START_S):
                    raise RuntimeError(f"not all of {workers} workers were ready in {timeouts.WORKER_START_S:g} s")
        except BaseException:
            crew.kill()
            raise
        return crew, Spent(perf_counter() - begin)

    def check(self, crew: Crew, objects: list[Any]) -> None:
        """Run, and compare the checksums."""
        if crew.run(objects) != len(objects) * self.measuring.expected:
            raise RuntimeError("the checksums of the tasks are wrong")

    def work(self, crew: Crew, objects: list[Any], times: int) -> Spent:
        return timing.repeat(lambda _: self.check(crew, objects), times)


def run(measuring: Measuring) -> None:
    """Every way with every number of workers, in shuffled order, a few times over."""
    from handoff.measuring.lane import Lane, LaneRefused

    is_job = measuring.kind == JOB
    numbers = numbers_of_workers()
    if is_job:
        numbers = {name: numbers[name] for name in ("1", "all")}
    base = JOB_WAYS[0] if is_job else BASELINE
    ways = {name: WAYS[name] for name in (JOB_WAYS if is_job else WAYS)} | {BIS: WAYS[base]}
    try:
        _verify(measuring)
    except LaneRefused as refused:
        for name in ways:
            measuring.settle(name, refused.outcome)
        return
    site = ScalingSite(measuring)
    failed: set[str] = set()
    for number in range(max(1, measuring.profile["rounds"] // 3)):
        measuring.round = number
        turn = [(name, label) for name in ways for label in numbers]
        measuring.random.shuffle(turn)
        for name, label in turn:
            if name in failed:
                continue
            gc.collect()
            lane = Lane(name, None)
            try:
                with measuring.trying(name, 3 * timeouts.WORKER_START_S):
                    _sample(site, lane, ways[name], label, numbers[label])
            except LaneRefused as refused:
                failed.add(name)
                measuring.settle(name, refused.outcome)
    for name in ways:
        if name not in failed:
            measuring.settle(name, OK)
    measuring.tell({"baseline": base})


def _verify(measuring: Measuring) -> None:
    """Raise ``Refused`` if the object does not travel: every way pickles it alike, and some would wait for ever."""
    from handoff.measuring.footprint import crew, hand_over
    from handoff.measuring.lane import Lane
    from handoff.payload import Duty

    strategy = measuring.shop.strategies["simple-queue"]
    lane = Lane(strategy.name, strategy)
    with (
        measuring.trying(BASELINE, 2 * timeouts.WORKER_START_S),
        crew(measuring, lane, Duty.ARGUMENT, 1) as (handles, ends),
    ):
        hand_over(measuring, lane, Duty.ARGUMENT, handles, ends)


def _sample(site: ScalingSite, lane: Any, way: WorkerWay, label: str, workers: int) -> None:
    """Start and steady work; for the kind ``job`` the least job, steady work, and whole jobs."""
    measuring = site.measuring
    is_job = measuring.kind == JOB
    least = workers * max(1, way.chunk)
    crew, start = _job(site, way, workers, least) if is_job else site.assembled(way, workers)

    def tell(metric: str, n: int, spent: Spent) -> None:
        measuring.record(lane, f"{metric}-{label}", n, spent)

    try:
        site.check(crew, [])  # an executor's workers are let go here
        batch = site.objects(max(JOB_BATCHES[0], least) if is_job else _batch(way, workers))
        warm = site.work(crew, batch, 1)
        while is_job and len(batch) < JOB_BATCHES[1] and 2 * warm.seconds <= JOB_BATCH_S:
            batch *= 2
            warm = site.work(crew, batch, 1)
        times = max(1, round(STEADY * measuring.profile["sample_s"] / warm.seconds))
        steady = site.work(crew, batch, times)
        crew.close()
    except BaseException:
        crew.kill()
        raise
    tell("least" if is_job else "start", 1, start)
    tell("task", times * len(batch), steady)
    if is_job:
        longest_s = min(MOST_JOB_S, FAR * start.seconds)
        sizes = [n for n in JOB_TASKS if n * steady.seconds / (times * len(batch)) < longest_s]
        measuring.random.shuffle(sizes)
        for tasks in sizes:
            crew, spent = _job(site, way, workers, tasks)
            tell(f"job-{tasks}", 1, spent)
            try:
                crew.close()
            except BaseException:
                crew.kill()
                raise


def _batch(way: WorkerWay, workers: int) -> int:
    """Tasks in a batch."""
    return workers * (way.chunk * CHUNKS_EACH if way.chunk > 1 else SINGLES if way.chunk else BATCH)


def _job(site: ScalingSite, way: WorkerWay, workers: int, tasks: int) -> tuple[Crew, Spent]:
    """A whole job, from asking for the workers to the last result, and its crew, which is left to be closed."""
    objects = site.objects(tasks)
    crews: list[Crew] = []

    def once(_: int) -> None:
        crew, _ready = site.hire(way, workers)
        crews.append(crew)
        site.check(crew, objects)

    gc.collect()
    try:
        spent = timing.repeat(once, 1)
    except BaseException:
        for crew in crews:
            crew.kill()
        raise
    return crews[0], spent
