"""Many workers on one shared thing: a manager's dict, one locked or unlocked array, one segment.

All workers have the same thing. At a moment agreed beforehand all begin, and for the same stretch of time each does one
operation over and over: read elements of its own part, write elements of its own part (no two workers the same, so no
lock is needed), or add 1 to elements that all use, under the lock. Seconds an operation are wall time over the
operations of all: their inverse is the rate of the whole. Where they fall with more workers, workers help each other;
where they stay, one operation excludes all others; where they rise, the waiting itself costs.
"""

from __future__ import annotations

from contextlib import ExitStack
from time import perf_counter

from handoff import timeouts
from handoff.analysis import metrics
from handoff.analysis.metrics import CONTENDED, numbers_of_workers
from handoff.measuring import harness
from handoff.measuring.lane import Handle, Lane, LaneFailed, LaneRefused
from handoff.measuring.rounds import Measuring
from handoff.measuring.worker import WorkerStart
from handoff.outcome import OK, Kind, Outcome
from handoff.payload import Duty
from handoff.strategy import Channel, Launch
from handoff.timing import Spent

WINDOW_S = 0.05  #: at least: several of the scheduler's time slices
LEAD_S = 0.01  #: from the order to the agreed moment, and twice as long after each time that a worker was late


def run(measuring: Measuring) -> None:
    """One crew for all lanes; in each round every lane, operation and number of workers once, in shuffled order."""
    numbers = numbers_of_workers()
    with ExitStack() as stack:
        _open(measuring, stack)
        handles = _crew(measuring, stack, max(numbers.values()))
        for lane in measuring.lanes:
            if lane.strategy is not None:
                measuring.settle(lane.name, OK)
        measuring.tell({"baseline": measuring.baseline()})
        for number in range(max(1, measuring.profile["rounds"] // 3)):
            measuring.round = number
            turn = [(lane, op, label) for lane in measuring.lanes for op in CONTENDED for label in numbers]
            measuring.random.shuffle(turn)
            for lane, operation, label in turn:
                if lane.strategy is not None or operation != CONTENDED[-1]:
                    _sample(measuring, lane, operation, label, handles[: numbers[label]])
        measuring.lanes = []


def _open(measuring: Measuring, stack: ExitStack) -> None:
    strategies = {strategy.name: strategy for strategy in measuring.usable()}
    if base := measuring.baseline():
        strategies[metrics.BIS] = strategies[base]
    for name, strategy in strategies.items():
        lane = Lane(name, strategy)
        try:
            with measuring.trying(name):
                if strategy.launch.in_this_process:
                    raise LaneRefused(Outcome(Kind.UNAVAILABLE, "", "", "asked of processes only"))
                assert strategy.share is not None
                lane.ends = strategy.share(measuring.site(lane))
        except LaneRefused as refused:
            measuring.settle(name, refused.outcome)
            lane.stack.close()
        else:
            stack.push(lane.stack)
            measuring.lanes.append(lane)
    measuring.lanes.append(Lane(metrics.NULL, None, harness.NullSharing()))


def _crew(measuring: Measuring, stack: ExitStack, workers: int) -> list[Handle]:
    """Workers that all have opened everything; a lane that fails to open in one of them is left out."""
    job = WorkerStart(measuring.ref, Duty.SHARED, tuple((lane.name, lane.ends) for lane in measuring.lanes))
    handles = []
    for _ in range(workers):
        handles.append(Handle.hire(measuring.shop.ctx, job, Launch.PROCESS))
        stack.callback(handles[-1].stop)
    for handle in handles:
        for name, error in handle.ready(2 * timeouts.WORKER_START_S)["errors"].items():
            measuring.settle(name, Outcome.from_json(error))
    measuring.lanes = [lane for lane in measuring.lanes if not measuring.failed(lane.name)]
    return handles


def _sample(measuring: Measuring, lane: Lane, operation: str, label: str, handles: list[Handle]) -> None:
    try:
        with measuring.trying(lane.name, timeouts.WORKER_START_S):
            total, spent = _contend(measuring, lane, operation, handles)
    except LaneRefused as refused:
        for handle in handles:
            handle.kill()
        if lane.strategy is not None and lane.strategy.channel is Channel.MANAGER:
            measuring.shop.drop_manager()
        raise LaneFailed(lane, refused.outcome) from refused
    measuring.record(lane, f"{operation}-{label}", total, spent)


def _contend(measuring: Measuring, lane: Lane, operation: str, handles: list[Handle]) -> tuple[int, Spent]:
    """Operations of all workers together, and the wall time in which one such crew does them."""
    window_s = max(WINDOW_S, 5 * measuring.profile["sample_s"])
    lead_s = LEAD_S
    size, crew = measuring.size(), len(handles)
    while True:
        begin_s = perf_counter() + lead_s
        end_s = begin_s + window_s
        for slot, handle in enumerate(handles):
            handle.command(
                do="contend", lane=lane.name, operation=operation, size=size,
                slot=slot, of=crew, begin_s=begin_s, end_s=end_s,
            )  # fmt: skip
        answers = [handle.answer(timeouts.WORKER_START_S) for handle in handles]
        if not any(answer["late"] for answer in answers) or lead_s > 1.0:
            break
        lead_s *= 2
    spent = [Spent(**answer["spent"]) for answer in answers]
    total = sum(answer["n"] for answer in answers)
    rate = sum(answer["n"] / each.seconds for answer, each in zip(answers, spent, strict=True))
    return total, Spent(
        total / rate,
        switches=sum(each.switches for each in spent),
        faults=sum(each.faults for each in spent),
        collections=sum(each.collections for each in spent),
    )
