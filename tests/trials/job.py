"""A whole job, really run, by one way: what a contained interpreter does for :mod:`decide`.

From asking for the workers to the last answer: workers are started, what is set up once is set up, tasks are dealt out
in turn, one at a time to each worker, and every answer's checksum is compared. No figure of the advice is used.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

from handoff.compare.verdict import Verdict
from handoff.measuring import looking
from handoff.measuring.lane import Handle, LaneRefused
from handoff.measuring.shop import Shop
from handoff.measuring.worker import CHECKSUM, WorkerStart
from handoff.measuring.worker import main as work
from handoff.outcome import Outcome, Unavailable, describe
from handoff.payload import Duty
from handoff.processes.serving import keep_for_task, serve_as_task
from handoff.processes.worker_process import WorkerProcess
from handoff.strategies import registry
from handoff.strategy import Launch, Site
from handoff.target import Ref

READY_S = 60.0


def main(config: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """Run one job; tell ``{"seconds": …}``, or ``{"failed": …}`` where this way does not work or alters."""
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()
    with Shop(config["start_method"], config["folder"], registry()) as shop:
        try:
            tell({"seconds": _run(shop, config)})
        except LaneRefused as refused:
            tell({"failed": f"{refused.outcome.kind}: {refused.outcome.reason}"})
        except Unavailable as error:
            tell({"failed": f"unavailable: {error}"})
        except Exception as error:
            tell({"failed": f"{type(error).__name__}: {describe(error)}"})


class _Crew:
    """The workers of one job, in whatever way this strategy needs them."""

    def __init__(self, shop: Shop, ref: Ref, strategy: Any, duty: Duty, ends: list[Any]) -> None:
        far = {Duty.ARGUMENT: 1, Duty.RESULT: 0}.get(duty)
        self.near = [end[1 - far] for end in ends] if far is not None else []
        given = [end[far] for end in ends] if far is not None else ends
        jobs = [WorkerStart(ref, duty, ((strategy.name, end),)) for end in given]
        if strategy.launch is Launch.POOL:
            self.handles: list[Any] = _pool(shop, jobs)
        else:
            self.handles = [Handle.hire(shop.ctx, job, Launch.PROCESS) for job in jobs]
        for handle, near in zip(self.handles, self.near, strict=False):
            near.open(handle.to_worker if duty is Duty.ARGUMENT else handle.from_worker)
        for handle in self.handles:
            for error in handle.ready(READY_S)["errors"].values():
                raise RuntimeError(Outcome.from_json(error).reason)


def _run(shop: Shop, config: dict[str, Any]) -> float:
    strategy, duty = registry()[config["strategy"]], Duty(config["duty"])
    if config["start_method"] not in strategy.start_methods:
        raise Unavailable(f"not under {config['start_method']}")
    ref = Ref(**config["ref"])
    payload = ref.load()
    obj = payload.make()
    expected = payload.touch(obj)
    sent = _stated(payload, obj) if config["look"] else None
    tasks, workers = config["tasks"], min(config["workers"], config["tasks"])
    with ExitStack() as stack:
        folder = Path("state").resolve()
        folder.mkdir()
        site = Site(
            ctx=shop.ctx, start_method=shop.start_method, obj=obj, payload=payload, ref=ref, folder=folder,
            segment_name=shop.segment_name, manager=shop.manager, at_end=stack.callback,
        )  # fmt: skip
        gc.collect()
        begin = perf_counter()
        if duty in (Duty.ARGUMENT, Duty.RESULT):
            ends: list[Any] = [strategy.carry(site) for _ in range(workers)]  # type: ignore[misc]
        else:
            make = strategy.hold if duty is Duty.STATE else strategy.share
            ends = [make(site)] * workers  # type: ignore[misc]
        crew = _Crew(shop, ref, strategy, duty, ends)
        _TASKS[duty](crew, strategy.name, obj, payload, expected, tasks)
        seconds = perf_counter() - begin
        if sent is not None and duty is not Duty.SHARED:
            _look(crew, strategy.name, duty, obj, payload, sent, expected)
        for near in crew.near:
            near.close()
    return seconds


def _stated(payload: Any, obj: Any) -> tuple[str, str]:
    """What an arrival is judged by, and that in brief."""
    return looking.sent(looking.state(payload, obj), 0.0), looking.brief(payload, obj)


def _shares(tasks: int, workers: int) -> list[int]:
    return [tasks // workers + (index < tasks % workers) for index in range(workers)]


def _argument(crew: _Crew, name: str, obj: Any, payload: Any, expected: int, tasks: int) -> None:
    answer = CHECKSUM.pack(expected)
    count = len(crew.handles)
    _begin(crew, name, Duty.ARGUMENT, tasks)
    for index in range(tasks):
        handle, near = crew.handles[index % count], crew.near[index % count]
        if index >= count and handle.from_worker.recv_bytes() != answer:
            raise RuntimeError("a wrong checksum")
        near.post(near.encode(getattr(near, "obj", obj)))
    for handle in crew.handles:
        if handle.from_worker.recv_bytes() != answer:
            raise RuntimeError("a wrong checksum")
        handle.answer(READY_S)


def _state(crew: _Crew, name: str, obj: Any, payload: Any, expected: int, tasks: int) -> None:
    answer = CHECKSUM.pack(expected)
    count = len(crew.handles)
    _begin(crew, name, Duty.STATE, tasks)
    for index in range(tasks):
        handle = crew.handles[index % count]
        if index >= count and handle.from_worker.recv_bytes() != answer:
            raise RuntimeError("a wrong checksum")
        handle.to_worker.send_bytes(b"")
    for handle in crew.handles:
        if handle.from_worker.recv_bytes() != answer:
            raise RuntimeError("a wrong checksum")
        handle.answer(READY_S)


def _result(crew: _Crew, name: str, obj: Any, payload: Any, expected: int, tasks: int) -> None:
    count = len(crew.handles)
    _begin(crew, name, Duty.RESULT, tasks)
    for handle in crew.handles:
        handle.to_worker.send_bytes(b"")
    for index in range(tasks):
        handle, near = crew.handles[index % count], crew.near[index % count]
        made = near.decode(near.take())
        if (getattr(near, "touch", None) or payload.touch)(made) != expected:
            raise RuntimeError("a wrong checksum")
        del made
        near.release()
        if index + count < tasks:
            handle.to_worker.send_bytes(b"")
    for handle in crew.handles:
        handle.answer(READY_S)


def _shared(crew: _Crew, name: str, obj: Any, payload: Any, expected: int, tasks: int) -> None:
    size = int(getattr(obj, "size", 0) or len(obj))
    for handle, n in zip(crew.handles, _shares(tasks, len(crew.handles)), strict=True):
        handle.command(do=Duty.SHARED, lane=name, operation="locked-update", size=size, n=n)
    for handle in crew.handles:
        handle.answer(READY_S)


_TASKS = {Duty.ARGUMENT: _argument, Duty.STATE: _state, Duty.RESULT: _result, Duty.SHARED: _shared}


def _begin(crew: _Crew, name: str, duty: Duty, tasks: int) -> None:
    shares = _shares(tasks, len(crew.handles))
    for handle, n in zip(crew.handles, shares, strict=True):
        handle.begin(do=duty, lane=name, n=n)


def _look(crew: _Crew, name: str, duty: Duty, obj: Any, payload: Any, sent: Any, expected: int) -> None:
    """Once more, not timed: what arrives is looked at and judged in full."""
    handle, near = crew.handles[0], crew.near[0] if crew.near else None
    statement, known = sent
    verdict = Verdict()
    if duty is Duty.RESULT:
        assert near is not None
        handle.command(do="check_result", lane=name)
        handle.answer(READY_S)
        made = near.decode(near.take())
        if not hasattr(near, "touch") and looking.brief(payload, made) != known:
            verdict = looking.judged(payload, made, statement)
        del made
        near.release()
        handle.answer(READY_S)
    else:
        handle.command(do=f"check_{duty}", lane=name, known=known)
        if near is not None:
            near.post(near.encode(obj))
        if not handle.answer(READY_S)["same"]:
            handle.command(do="judge", lane=name, sent=statement)
            verdict = Verdict.from_json(handle.answer(READY_S)["verdict"])
    if verdict.altered:
        raise RuntimeError(f"altered: {verdict.reason}")


# -- a pool whose workers have a pipe each


def _pool(shop: Shop, jobs: list[WorkerStart]) -> list[Handle]:
    """``Pool(n, initializer, initargs)``, and one lasting task in each of its workers."""
    insides = [WorkerProcess(shop.ctx) for _ in jobs]
    theirs = [(inside.inbox, inside.outbox) for inside in insides]
    tickets = shop.ctx.SimpleQueue()
    for number, inside in enumerate(insides):
        inside.launch = Launch.THREAD  # nobody here looks after its process, which is the pool's
        tickets.put(number)
    pool = shop.ctx.Pool(len(jobs), _enter, (jobs[0], theirs, tickets))
    _pools.append(pool)
    for _ in jobs:
        pool.apply_async(serve_as_task)
    return [Handle(inside) for inside in insides]


_pools: list[Any] = []


def _enter(job: WorkerStart, pipes: list[Any], tickets: Any) -> None:
    keep_for_task(work, job, *pipes[tickets.get()])
