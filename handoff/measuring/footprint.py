"""What a hand-off costs in memory: workers while they have the object, the parent at its peak, all processes together.

Each reading has workers of its own, all of which have built or received the object and read all of it when the kernel
is asked. ``worker…`` is one worker, ``workers…`` the sum over as many as there are usable cores; ``total`` is the
parent with all its workers and servers (a manager's, a fork server). The bare worker of the lane ``null`` says what a
worker has before it has anything; a worker that needs numpy for its payload also has numpy. An interpreter is in the
process that starts it: what that process has grown by is the interpreter's, its modules included, as a process has its.

The kind ``inheritance`` asks what happens to pages that a forked worker has from its parent. They are shared until one
of the two writes to them, and reading a Python object is writing: its reference count, and in a collection also its GC
header. ``gc.freeze`` before the fork keeps collections away, but not reference counts.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from handoff import timeouts
from handoff.analysis import metrics
from handoff.analysis.metrics import DEEPER, FROZEN, INHERIT, INHERITANCE
from handoff.machine import usable_cores
from handoff.measuring import harness
from handoff.measuring.lane import Handle, Lane, LaneRefused
from handoff.measuring.rounds import Measuring
from handoff.measuring.worker import WorkerStart
from handoff.outcome import OK, Kind, Outcome
from handoff.payload import Duty
from handoff.processes.memory import Peak, Usage, machine_used_bytes, trim, usage
from handoff.processes.proc import members
from handoff.strategy import Channel, Launch, Strategy

if TYPE_CHECKING:
    from collections.abc import Callable

_NOTHING = harness.NullHolding()


def run(measuring: Measuring) -> None:
    """Take the readings, each lane once, in shuffled order."""
    if measuring.kind == INHERITANCE:
        _run_inheritance(measuring)
        return
    duty = DEEPER[measuring.kind].duty
    todo: list[Strategy | None] = [*measuring.usable(), None]
    measuring.random.shuffle(todo)
    todo.sort(key=lambda strategy: strategy is not None and strategy.launch.in_this_process)  # nothing forks after them
    for strategy in todo:
        name = strategy.name if strategy else metrics.NULL
        lane = Lane(name, strategy)
        try:
            if strategy is not None and strategy.launch is Launch.THREAD:
                raise LaneRefused(Outcome(Kind.UNAVAILABLE, "", "", "in this process: no memory of its own"))
            if strategy is not None and strategy.execution is not None:
                raise LaneRefused(Outcome(Kind.UNAVAILABLE, "", "", "its workers are its own, and not looked into"))
            for workers, prefix in ((1, "worker"), (usable_cores(), "workers")):
                with measuring.trying(name, 2 * timeouts.WORKER_START_S):
                    _look(measuring, lane, duty, workers, prefix)
        except LaneRefused as refused:
            measuring.settle(name, refused.outcome)
        else:
            if strategy is not None:
                measuring.settle(name, OK)
    measuring.tell({"baseline": measuring.baseline()})


def _look(measuring: Measuring, lane: Lane, duty: Duty, workers: int, prefix: str) -> None:
    """One reading of ``workers`` workers that all have the object."""
    gc.collect()
    trim()
    before, peak = usage(), Peak()
    with crew(measuring, lane, duty, workers) as (handles, ends):
        kept = hand_over(measuring, lane, duty, handles, ends)
        found = _grown(before) if _inside(lane) else [usage(handle.pid) for handle in handles]
        total = sum((seen.pss_bytes for seen in _seen(members(os.getpgrp()))), 0)
        used = machine_used_bytes()
        rise = peak.rise_bytes()
        kept.clear()
        for index, handle in enumerate(handles):
            handle.command(do="drop", lane=lane.name)
            handle.answer(measuring.answer_s)
            if duty is Duty.RESULT and lane.strategy is not None:
                ends[index][1].release()
    among = "workers-" if prefix == "workers" else ""
    measuring.value(lane, f"{prefix}-uss-bytes", sum(seen.uss_bytes for seen in found))
    measuring.value(lane, f"{prefix}-pss-bytes", sum(seen.pss_bytes for seen in found))
    measuring.value(lane, f"{among}total-pss-bytes", total)
    if rise is not None:
        measuring.value(lane, f"{among}parent-peak-bytes", rise)
    if among:
        measuring.value(lane, "machine-used-bytes", used)


def _inside(lane: Lane) -> bool:
    return lane.strategy is not None and lane.strategy.launch is Launch.INTERPRETER


def _grown(before: Usage) -> list[Usage]:
    """What this process has got since: all interpreters in it, and the objects that they have."""
    trim()  # of what was there only while it was handed over
    now = usage()
    return [Usage(max(0, now.pss_bytes - before.pss_bytes), max(0, now.uss_bytes - before.uss_bytes))]


def _seen(pids: Sequence[int] | dict[int, bool]) -> Iterator[Usage]:
    for pid in pids:
        with suppress(OSError):  # it has just ended
            yield usage(pid)


@contextmanager
def crew(measuring: Measuring, lane: Lane, duty: Duty, workers: int) -> Iterator[tuple[list[Handle], list[Any]]]:
    """``workers`` ready workers, and what each was given: a pair of ends, or the one thing that all of them have."""
    strategy = lane.strategy
    handles: list[Handle] = []
    near: list[Any] = []
    try:
        ends: list[Any]
        if strategy is None:
            duty, ends = Duty.STATE, [_NOTHING] * workers
        else:
            ends = _ends(strategy, duty, measuring, lane, workers)
        far = 1 if duty is Duty.ARGUMENT else 0
        for end in ends:
            given = end[far] if duty in (Duty.ARGUMENT, Duty.RESULT) else end
            # a pool's workers are processes like others; several pools of one each would fork among their threads
            launch = Launch.INTERPRETER if _inside(lane) else Launch.PROCESS
            handle = Handle.hire(measuring.shop.ctx, WorkerStart(measuring.ref, duty, ((lane.name, given),)), launch)
            handles.append(handle)
            if given is not end:
                near.append(end[1 - far])
                near[-1].open(handle.to_worker if duty is Duty.ARGUMENT else handle.from_worker)
        for handle in handles:
            for error in handle.ready()["errors"].values():
                raise LaneRefused(Outcome.from_json(error))
        yield handles, ends
        for handle in handles:
            handle.stop()
    except BaseException:
        for handle in handles:
            handle.kill()
        if strategy is not None and strategy.channel is Channel.MANAGER:
            measuring.shop.drop_manager()
        raise
    finally:
        for end in near:
            with suppress(Exception):
                end.close()
        with suppress(Exception):
            lane.stack.close()


def _ends(strategy: Strategy, duty: Duty, measuring: Measuring, lane: Lane, workers: int) -> list[Any]:
    site = measuring.site(lane)
    if duty is Duty.STATE:
        assert strategy.hold is not None
        if _inside(lane):  # a queue gives each thing once
            return [strategy.hold(site) for _ in range(workers)]
        return [strategy.hold(site)] * workers
    if duty is Duty.SHARED:
        assert strategy.share is not None
        return [strategy.share(site)] * workers
    assert strategy.carry is not None
    return [strategy.carry(site) for _ in range(workers)]


def hand_over(measuring: Measuring, lane: Lane, duty: Duty, handles: list[Handle], ends: list[Any]) -> list[Any]:
    """Let every worker have the object and read all of it; what this process has to keep meanwhile."""
    kept: list[Any] = []
    if lane.strategy is None:
        return kept
    expected = measuring.expected
    for handle, end in zip(handles, ends, strict=True):
        handle.command(do="keep", lane=lane.name)
        checksum = expected
        if duty is Duty.ARGUMENT:
            end[0].post(end[0].encode(measuring.obj))
        elif duty is Duty.RESULT:
            handle.answer(measuring.answer_s)
            kept.append(end[1].decode(end[1].take()))
            checksum = (getattr(end[1], "touch", None) or measuring.payload.touch)(kept[-1])
        answer = handle.answer(max(timeouts.SAMPLE_S, measuring.answer_s))
        if duty in (Duty.ARGUMENT, Duty.STATE):
            checksum = answer["checksum"]
        if checksum != expected:
            text = f"its checksum is {checksum}, not {expected}"
            raise LaneRefused(Outcome(Kind.ALTERED, "worker", "", text))
    return kept


# -- what happens to inherited pages


class Inherited:
    """An end that has the object because its process was forked; nothing is opened, nothing read before it is told."""

    def __init__(self, obj: Any) -> None:
        self.obj = obj

    def open(self) -> None:
        pass

    def get(self) -> Any:
        return self.obj

    def close(self) -> None:
        self.obj = None


def _run_inheritance(measuring: Measuring) -> None:
    """Growth of workers' own memory by reading what they inherited, and by one garbage collection instead."""
    readings: tuple[tuple[str, str, int], ...] = (
        ("read-uss-bytes", "read", 1),
        ("collect-uss-bytes", "collect", 1),
        ("workers-read-uss-bytes", "read", usable_cores()),
    )
    todo: list[tuple[str, Callable[[], Any], Callable[[], Any]]] = [
        (INHERIT, lambda: None, lambda: None),
        (FROZEN, gc.freeze, gc.unfreeze),
    ]
    measuring.random.shuffle(todo)
    for name, before, after in todo:
        lane = Lane(name, None)
        gc.collect()
        before()
        try:
            for metric, step, workers in readings:
                with measuring.trying(name, 2 * timeouts.WORKER_START_S):
                    measuring.value(lane, metric, _growth(measuring, lane, step, workers))
        except LaneRefused as refused:
            measuring.settle(name, refused.outcome)
        else:
            measuring.settle(name, OK)
        finally:
            after()
    measuring.tell({"baseline": INHERIT})


def _growth(measuring: Measuring, lane: Lane, step: str, workers: int) -> int:
    end = Inherited(measuring.obj)
    job = WorkerStart(measuring.ref, Duty.SHARED, ((lane.name, end),))
    handles: list[Handle] = []
    try:
        for _ in range(workers):
            handles.append(Handle.hire(measuring.shop.ctx, job, Launch.PROCESS))  # noqa: PERF401 - those started, even if one fails
        for handle in handles:
            handle.ready()
        for handle in handles:  # all are told first: they read at the same time
            handle.command(do="grow", lane=lane.name, step=step)
        grown = [handle.answer(timeouts.WORKER_START_S)["uss_bytes"] for handle in handles]
        for handle in handles:
            handle.stop()
        return sum(grown)
    except BaseException:
        for handle in handles:
            handle.kill()
        raise
