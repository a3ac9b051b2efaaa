"""The duty ``shared``: one worker process with all shared things; it times its operations on each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from handoff import timeouts
from handoff.analysis.metrics import BIS, NULL, OPERATIONS
from handoff.measuring import harness
from handoff.measuring.lane import Handle, Lane, LaneRefused
from handoff.measuring.rounds import Measuring
from handoff.measuring.worker import WorkerStart
from handoff.outcome import OK, Kind, Outcome
from handoff.payload import Duty
from handoff.strategy import LAUNCHES, Launch
from handoff.timing import Spent


def run(measuring: Measuring) -> None:
    """Try every lane once, all anew without one that broke the worker, then measure those that work."""
    while True:
        base = measuring.baseline()
        _open(measuring, base)
        if _check(measuring):
            break
        measuring.close_lanes()
    if any(lane.strategy for lane in measuring.lanes):
        measuring.tell({"baseline": base})

        def metrics(lane: Lane) -> dict[str, Callable[[int], Spent]]:
            operations = OPERATIONS[:-1] if lane.strategy is None else OPERATIONS
            return {operation: partial(operate, measuring, lane, operation) for operation in operations}

        measuring.warm_up(metrics)
        measuring.rounds(metrics)
    measuring.close_lanes()


def _open(measuring: Measuring, base: str) -> None:
    for lane in measuring.planned(base, lambda strategy: strategy.share is not None):
        assert lane.strategy is not None
        assert lane.strategy.share is not None
        try:
            with measuring.trying(lane.name):
                lane.ends = lane.strategy.share(measuring.site(lane))
        except LaneRefused as refused:
            measuring.settle(lane.strategy.name, refused.outcome)
            lane.stack.close()
        else:
            measuring.lanes.append(lane)
    measuring.lanes.append(Lane(NULL, None, harness.NullSharing()))
    for launch in LAUNCHES:
        group = [lane for lane in measuring.lanes if lane.launch is launch]
        if group:
            _hire(measuring, group, launch)


def _hire(measuring: Measuring, group: list[Lane], launch: Launch) -> None:
    given = measuring.payload if launch is Launch.THREAD else None
    job = WorkerStart(measuring.ref, Duty.SHARED, tuple((lane.name, lane.ends) for lane in group), given)
    handle = Handle.hire(measuring.shop.ctx, job, launch)
    for lane in group:
        lane.worker = handle
    for name, error in handle.ready()["errors"].items():
        measuring.settle(name, Outcome.from_json(error))
    if launch is not Launch.THREAD:
        for lane in group:
            lane.ends.open()
            lane.stack.callback(lane.ends.close)


def _check(measuring: Measuring) -> bool:
    """Try every lane once. False when all has to be started anew, without the lanes now known to fail."""
    for lane in list(measuring.lanes):
        if measuring.failed(lane.name):
            return False
        if lane.strategy is None or lane.name == BIS or lane.name in measuring.outcomes:
            continue
        try:
            with measuring.trying(lane.name):
                first_update(measuring, lane)
            measuring.settle(lane.name, OK)
        except LaneRefused as refused:
            measuring.settle(lane.name, refused.outcome)
            if refused.outcome.kind is not Kind.ALTERED:
                measuring.kill(lane)
            return False
    return True


def first_update(measuring: Measuring, lane: Lane) -> None:
    """An update of the worker's that must be seen here. Raises :class:`LaneRefused`."""
    index = measuring.size() - 1
    lane.hired.command(do="check_shared", lane=lane.name, index=index)
    before = lane.hired.answer(measuring.answer_s)["before"]
    if (now := float(lane.ends.read(index))) != before + 1:
        text = f"element {index} is {now} here after the worker had made it {before + 1}"
        raise LaneRefused(Outcome(Kind.ALTERED, "worker", "", text))


def operate(measuring: Measuring, lane: Lane, operation: str, n: int) -> Spent:
    """``n`` operations of the worker on what is shared."""
    lane.hired.command(do=Duty.SHARED, lane=lane.name, operation=operation, size=measuring.size(), n=n)
    return Spent(**lane.hired.answer(max(timeouts.SAMPLE_S, 10 * measuring.answer_s))["spent"])
