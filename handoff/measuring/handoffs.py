"""The duties ``argument`` and ``result``: one worker for all lanes that can share it, a thread for the reference.

``argument``: the object is sent to the worker; ``result``: the worker makes one and sends it here. A hand-off ends when
the other side has read all of it and its checksum was compared.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

from handoff import timeouts, timing
from handoff.analysis.metrics import BIS, FLOORS, NULL
from handoff.compare.verdict import Verdict
from handoff.measuring import harness, looking
from handoff.measuring.executed import Executed, engage
from handoff.measuring.lane import Handle, Lane, LaneRefused, merge
from handoff.measuring.lasting import Lasting, travels
from handoff.measuring.ledger import LOOKING, WORKERS
from handoff.measuring.rounds import Measuring
from handoff.measuring.worker import CHECKSUM, WorkerStart
from handoff.outcome import Kind, Outcome
from handoff.payload import Duty, Trait
from handoff.processes.deadlines import NoAnswer, deadline
from handoff.strategy import LAUNCHES, Channel, Ends, Launch, Strategy
from handoff.timing import Spent


def run(measuring: Measuring) -> None:
    """Try every lane once, all anew without one that broke the worker, then measure those that work."""
    duty = Duty(measuring.kind)
    while True:
        base = measuring.baseline()
        open_lanes(measuring, duty, base)
        if _check(measuring, duty) and base == measuring.baseline():
            break
        measuring.close_lanes()
    if any(lane.strategy for lane in measuring.lanes):
        measuring.tell({"baseline": base})
        _add_wire(measuring, duty)

        def metrics(lane: Lane) -> dict[str, Callable[[int], Spent]]:
            return {"handoff": partial(exchange, measuring, duty, lane)}

        measuring.warm_up(metrics)
        measuring.rounds(metrics)
    measuring.close_lanes()


def open_lanes(measuring: Measuring, duty: Duty, base: str) -> None:
    """Make the ends of all lanes, the harness's own among them, and start what is at the other side."""
    for lane in measuring.planned(base, lambda strategy: duty in strategy.duties):
        assert lane.strategy is not None
        if lane.strategy.carry is None:  # its ends are the executor's
            measuring.lanes.append(lane)
            continue
        try:
            with measuring.trying(lane.name):
                lane.ends = _kept(measuring, lane) or lane.strategy.carry(measuring.site(lane))
        except LaneRefused as refused:
            measuring.settle(lane.strategy.name, refused.outcome)
            lane.stack.close()
        else:
            measuring.lanes.append(lane)
    _add_harness(measuring)
    for launch in LAUNCHES:
        group = [lane for lane in measuring.lanes if lane.launch is launch]
        with measuring.ledger.on(WORKERS):
            if launch is Launch.PROCESS and measuring.shop.start_method != "fork":
                group = _given_to_lasting(measuring, duty, group)
            if launch is Launch.EXECUTOR:
                _engage(measuring, duty, group)
            elif group:
                _hire(measuring, duty, group, launch)


def _kept(measuring: Measuring, lane: Lane) -> Ends | None:
    """The ends that the lasting worker has, where one set serves every payload."""
    lasting = measuring.shop.lasting
    return lasting.ends.get(lane.name) if lasting else None


def _given_to_lasting(measuring: Measuring, duty: Duty, group: list[Lane]) -> list[Lane]:
    """Give what can travel to the worker that outlives payloads, which is started for the first; the lanes left."""
    shop, ref = measuring.shop, measuring.ref
    if shop.lasting is None:
        first = [lane for lane in group if lane.strategy is not None and lane.strategy.any_payload]
        job = WorkerStart(ref, duty, tuple((lane.name, lane.ends[_far(duty)]) for lane in first), lasts=True)
        handle = Handle.hire(shop.ctx, job, Launch.PROCESS)
        shop.lasting = Lasting(handle, first)
        for lane in first:
            _open_near(duty, lane, handle, shop.lasting.stack)
        _note(measuring, handle.ready()["errors"])
    lasting = shop.lasting
    new = [lane for lane in group if lane.name not in lasting.ends and travels(lane.ends[_far(duty)])]
    for lane in group:
        if lane in new or lane.name in lasting.ends:
            lane.worker = lasting.handle
    for lane in new:
        _open_near(duty, lane, lasting.handle, lane.stack)
    job = WorkerStart(ref, duty, tuple((lane.name, lane.ends[_far(duty)]) for lane in new))
    _note(measuring, lasting.take_on(job, timeouts.WORKER_START_S))
    return [lane for lane in group if lane.worker is None]


def _far(duty: Duty) -> int:
    """Which of the two ends is the worker's."""
    return 1 if duty is Duty.ARGUMENT else 0


def _open_near(duty: Duty, lane: Lane, handle: Handle, stack: ExitStack) -> None:
    near = lane.ends[1 - _far(duty)]
    near.open(handle.to_worker if duty is Duty.ARGUMENT else handle.from_worker)
    stack.callback(near.close)


def _note(measuring: Measuring, errors: dict[str, Any]) -> None:
    for name, error in errors.items():
        measuring.settle(name, Outcome.from_json(error))


def _add_harness(measuring: Measuring) -> None:
    """The null lane and the floors. What ends after all others is the last lane's."""
    own = Lane(NULL, None, (harness.NullSender(), harness.NullReceiver()))
    measuring.lanes.append(own)
    nbytes = measuring.floor_bytes
    if not nbytes:
        nbytes = 1  # what hangs when it is pickled every strategy will say; once is enough
        with suppress(NoAnswer), deadline(measuring.answer_s):
            nbytes = harness.raw_bytes(measuring.obj, measuring.payload)
    measuring.floor_bytes = nbytes
    measuring.tell({"floor_bytes": nbytes})
    for name, ends in harness.floors(measuring.site(own), nbytes).items():
        measuring.lanes.append(Lane(name, None, ends))
    own.stack, last = ExitStack(), own.stack
    measuring.lanes[-1].stack = last


def _add_wire(measuring: Measuring, duty: Duty) -> None:
    """The floor of what goes through TCP, or may: to the host of the first executor that tells one, of those that work.

    Where it cannot be had the others go on without it.
    """
    ways = [lane for lane in measuring.lanes if lane.strategy is not None and _by_wire(lane.strategy)]
    name = FLOORS[Channel.TCP]
    if not ways or measuring.failed(name):
        return
    from handoff.measuring.wire import FloorWire

    engaged = [lane.hired.inside.executing for lane in ways if isinstance(lane.hired.inside, Executed)]
    executing = next((each for each in engaged if getattr(each.executor, "host", "")), None)
    try:
        with measuring.trying(name, timeouts.WORKER_START_S):
            wire = FloorWire(
                executing, duty, max(1, measuring.floor_bytes), read_all=Trait.BUFFER in measuring.payload.traits
            )
    except LaneRefused as refused:
        why = refused.outcome.reason
        measuring.settle(name, Outcome(Kind.UNAVAILABLE, "", "", f"no connection to where the worker is: {why}"))
    else:
        lane = Lane(name, None, (wire, wire), launch=wire.launch, worker=Handle(wire))
        measuring.lanes.insert(len(measuring.lanes) - 1, lane)  # the harness's own is the last


def _by_wire(strategy: Strategy) -> bool:
    """Whether what it sends goes to another machine, or would."""
    return Channel.TCP in (strategy.channel, strategy.reached_by) or bool(
        strategy.execution and strategy.execution.clusters
    )


def _hire(measuring: Measuring, duty: Duty, group: list[Lane], launch: Launch) -> None:
    """A worker with the far ends of these lanes; their near ends are opened on the pipes to it."""
    given = measuring.payload if launch is Launch.THREAD else None
    job = WorkerStart(measuring.ref, duty, tuple((lane.name, lane.ends[_far(duty)]) for lane in group), given)
    handle = Handle.hire(measuring.shop.ctx, job, launch)
    for lane in group:
        lane.worker = handle
        _open_near(duty, lane, handle, lane.stack)
    _note(measuring, handle.ready()["errors"])


def _engage(measuring: Measuring, duty: Duty, group: list[Lane]) -> None:
    """An executor for each of these lanes. One that can't be made is a lane less."""
    for lane in sorted(group, key=lambda lane: lane.in_this_process):
        try:
            with measuring.trying(lane.name, timeouts.WORKER_START_S):
                engage(measuring, duty, lane)
        except LaneRefused as refused:
            measuring.settle(lane.name, refused.outcome)
            measuring.kill(lane)
            _drop(measuring, lane)


def _drop(measuring: Measuring, lane: Lane) -> None:
    """Without this lane: nothing of the others is void."""
    measuring.lanes.remove(lane)
    measuring.lanes[-1].stack.callback(lane.stack.close)  # the harness's own is the last


def _check(measuring: Measuring, duty: Duty) -> bool:
    """Try every lane once. False when all has to be started anew, without the lanes now known to fail.

    Later trials have nothing to try: the lanes left are those that worked, and each sample compares checksums.
    """
    if not measuring.verify:
        return not any(measuring.failed(lane.name) for lane in measuring.lanes)
    for lane in list(measuring.lanes):
        if measuring.failed(lane.name):
            return False
        if lane.strategy is None or lane.name == BIS or lane.name in measuring.outcomes:
            continue
        try:
            with measuring.trying(lane.name), measuring.ledger.on(LOOKING):
                checksum, verdict = first(measuring, duty, lane)
            measuring.judge(lane.name, checksum, verdict)
        except LaneRefused as refused:
            measuring.settle(lane.name, refused.outcome)
            if lane.launch is Launch.EXECUTOR:  # a worker of its own
                measuring.kill(lane)
                _drop(measuring, lane)
                continue
            if refused.outcome.kind is Kind.REFUSED and measuring.where == "parent":  # nothing was sent
                _drop(measuring, lane)
                continue
            if refused.outcome.kind is not Kind.ALTERED:
                measuring.kill(lane)
            return False
    return True


def first(measuring: Measuring, duty: Duty, lane: Lane) -> tuple[int, Verdict | None]:
    """The first hand-off: its checksum, and what became of it where that is not at once the same."""
    sender, receiver = lane.ends
    worker = lane.hired
    if duty is Duty.ARGUMENT:
        message = sender.encode(measuring.obj)
        measuring.where = "worker"
        worker.command(do="check_argument", lane=lane.name, known=measuring.known)
        sender.post(message)
        return measuring.looked(worker, lane.name)
    measuring.where = "worker"
    worker.command(do="check_result", lane=lane.name)
    worker.answer(measuring.answer_s)
    measuring.where = "result"
    try:
        obj = receiver.decode(receiver.take())
        touch = getattr(receiver, "touch", None) or measuring.payload.touch
        checksum = touch(obj)
        verdict = None
        if measuring.known and not hasattr(receiver, "touch"):
            payload = measuring.payload
            if not looking.same(payload, obj, measuring.known):
                verdict = looking.judged(payload, obj, measuring.sent)
    except (NoAnswer, LaneRefused):
        raise
    except Exception as error:
        raise LaneRefused(Outcome.from_exception(Kind.BROKEN, "result", error)) from None
    del obj
    receiver.release()
    worker.answer(measuring.answer_s)
    return checksum, verdict


def exchange(measuring: Measuring, duty: Duty, lane: Lane, n: int) -> Spent:
    """``n`` hand-offs, each acknowledged with a checksum that is compared with the expected one."""
    sender, receiver = lane.ends
    worker = lane.hired
    expected = CHECKSUM.pack(0 if lane.strategy is None else measuring.expected)
    worker.begin(do=duty, lane=lane.name, n=n)
    try:
        if duty is Duty.ARGUMENT:
            obj = getattr(sender, "obj", measuring.obj)
            near = timing.send(sender, obj, n, after=worker.from_worker.recv_bytes, expected=expected)
        else:

            def compare(answer: bytes) -> None:
                if answer != expected:
                    raise timing.WrongAnswer(answer)

            touch = getattr(receiver, "touch", None) or measuring.payload.touch
            go = partial(worker.to_worker.send_bytes, b"")
            near = timing.receive(receiver, touch, n, go, compare, CHECKSUM.pack)
    except timing.WrongAnswer as wrong:
        raise worker.complaint(wrong.answer) from None
    return merge(near, worker.answer(measuring.answer_s)["spent"])
