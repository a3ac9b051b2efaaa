"""The duty ``state``: a worker for each lane. The setup is timed once a trial, the use of the state in rounds."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial
from time import perf_counter

from handoff import timeouts, timing
from handoff.analysis.metrics import BIS, NULL
from handoff.compare.verdict import Verdict
from handoff.measuring import harness
from handoff.measuring.executed import engage
from handoff.measuring.lane import Handle, Lane, LaneRefused, merge
from handoff.measuring.ledger import LOOKING, SAMPLES
from handoff.measuring.rounds import Measuring
from handoff.measuring.worker import CHECKSUM, WorkerStart
from handoff.outcome import Outcome
from handoff.payload import Duty
from handoff.strategy import LAUNCHES, Launch
from handoff.timing import Spent


def run(measuring: Measuring) -> None:
    """Set every lane up, look at what its worker has, then use it in rounds."""
    base = measuring.baseline()
    plan = [*measuring.planned(base, lambda strategy: Duty.STATE in strategy.duties), Lane(NULL, None)]
    measuring.random.shuffle(plan)
    plan.sort(key=lambda lane: (LAUNCHES.index(lane.launch), lane.in_this_process))
    measuring.shop.see_off()
    for number, lane in enumerate(plan):
        gc.collect(1 if number else 2)
        try:
            with measuring.trying(lane.name, timeouts.WORKER_START_S if lane.launch is Launch.EXECUTOR else 0.0):
                with measuring.ledger.on(SAMPLES):  # the start of its worker is what is measured
                    spent = set_up(measuring, lane)
                with measuring.ledger.on(LOOKING):
                    checksum, verdict = first_use(measuring, lane)
            if lane.strategy is not None and lane.name != BIS:
                measuring.judge(lane.name, checksum, verdict)
        except LaneRefused as refused:
            if lane.worker is not None:
                lane.worker.kill()
            lane.stack.close()
            measuring.settle(lane.name, refused.outcome)
            continue
        measuring.record(lane, "setup", 1, spent)
        measuring.lanes.append(lane)
    measuring.tell({"baseline": measuring.baseline() if measuring.failed(base) else base})

    def metrics(lane: Lane) -> dict[str, Callable[[int], Spent]]:
        return {"task": partial(use, measuring, lane)}

    measuring.warm_up(metrics)
    measuring.rounds(metrics)
    measuring.close_lanes()


def set_up(measuring: Measuring, lane: Lane) -> Spent:
    """From having the object to a worker that has read all of it."""
    begin = perf_counter()
    if lane.strategy is not None and lane.strategy.execution is not None:
        engage(measuring, Duty.STATE, lane)
        return Spent(perf_counter() - begin)
    if lane.strategy is None:
        lane.ends = harness.NullHolding()
    else:
        assert lane.strategy.hold is not None
        lane.ends = lane.strategy.hold(measuring.site(lane))
    given = measuring.payload if lane.launch is Launch.THREAD else None
    job = WorkerStart(measuring.ref, Duty.STATE, ((lane.name, lane.ends),), given)
    lane.worker = Handle.hire(measuring.shop.ctx, job, lane.launch)
    answer = lane.worker.ready(measuring.answer_s)
    seconds = perf_counter() - begin
    for error in answer["errors"].values():
        raise LaneRefused(Outcome.from_json(error))
    return Spent(seconds)


def first_use(measuring: Measuring, lane: Lane) -> tuple[int, Verdict | None]:
    """The checksum of what the worker has, and what became of it where that is not at once the same."""
    lane.hired.command(do="check_state", lane=lane.name, known=measuring.known)
    return measuring.looked(lane.hired, lane.name)


def use(measuring: Measuring, lane: Lane, n: int) -> Spent:
    """``n`` tasks that read all of the state."""
    worker = lane.hired
    sender = harness.NullSender()
    sender.open(worker.to_worker)
    expected = CHECKSUM.pack(0 if lane.strategy is None else measuring.expected)
    worker.begin(do=Duty.STATE, lane=lane.name, n=n)
    try:
        near = timing.send(sender, sender.obj, n, after=worker.from_worker.recv_bytes, expected=expected)
    except timing.WrongAnswer as wrong:
        raise worker.complaint(wrong.answer) from None
    return merge(near, worker.answer(measuring.answer_s)["spent"])
