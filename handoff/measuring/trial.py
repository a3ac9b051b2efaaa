"""The trial: what one fresh interpreter does. It measures its experiments in rounds and tells every sample at once.

Told, a JSON object each: ``{"at": index}`` which experiment begins; ``{"trying": lane}`` before a hand-off that may
hang; ``{"lane": name, "outcome": …}``; ``{"row": […]}`` a sample, as :data:`handoff.record.COLUMNS` without the trial;
``{"value": […]}`` likewise, as :data:`handoff.record.VALUE_COLUMNS`;
``{"again": true}`` when this trial's samples of the experiment are void; ``{"done": index}``.
"""

from __future__ import annotations

import gc
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

from handoff import timing
from handoff.analysis.metrics import BASELINES, BIS, DEEPER, NULL, OPERATIONS
from handoff.measuring import harness
from handoff.measuring.lane import Handle, Lane, LaneFailed, Refused, Shop, Tell, merge
from handoff.measuring.worker import CHECKSUM, Job
from handoff.outcome import OK, Kind, Outcome, Unavailable, describe
from handoff.payload import Duty, Payload
from handoff.processes.deadlines import NoAnswer, deadline
from handoff.strategies import registry
from handoff.strategy import Channel, Launch, Site, Strategy
from handoff.target import Ref
from handoff.timing import Spent

MOST = 1_000_000  #: operations in one sample: enough for 2 ms of the fastest operation there is
SLOW_S = 0.1  #: an operation that takes longer is not warmed up again: it allocates all anew anyway
FEW = 8  #: a sample of fewer operations follows one more that is not timed


def spacers() -> list[bytes]:
    """Blocks of 512 bytes to 1.5 MiB, each up to 4 KiB longer by chance: what comes later lies elsewhere each time.

    Around a payload: without them it and its pickle have the same distance in every trial, and copying can take ten
    times as long at an unlucky one (``rep movsb``: https://sourceware.org/bugzilla/show_bug.cgi?id=30994).
    """
    sizes = (size for power in range(9, 21) for size in (2**power, 3 * 2 ** (power - 1)))
    return [bytes(size + 16 * sixteens) for size, sixteens in zip(sizes, os.urandom(24), strict=True)]


def main(config: dict[str, Any], tell: Tell, strategies: Mapping[str, Strategy] | None = None) -> None:
    """Run the experiments of ``config``, in an order shuffled by its seed; ``strategies`` are those of the registry."""
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()
    order = list(range(len(config["experiments"])))
    random.Random(config["seed"]).shuffle(order)
    with Shop(config, registry() if strategies is None else strategies) as shop:
        for index in order:
            tell({"at": index})
            try:
                measuring = Measuring(shop, config["experiments"][index], config, tell)
            except Exception as error:
                tell({"failed": f"{type(error).__name__}: {describe(error)}"})
            else:
                measuring.run()
            tell({"done": index})


class Measuring:
    """One experiment in one trial."""

    def __init__(self, shop: Shop, experiment: dict[str, Any], config: dict[str, Any], tell: Tell) -> None:
        self.shop, self.tell = shop, tell
        self.ref = Ref(**experiment["ref"])
        self.kind: str = experiment["kind"]
        self.names: list[str] = experiment["strategies"]
        self.verify: bool = experiment["verify"]
        #: by lane and metric, a sample of an earlier trial: operations and seconds
        self.known: dict[str, dict[str, tuple[int, float]]] = experiment.get("known", {})
        self.profile = config["profile"]
        self.answer_s: float = self.profile["answer_s"]
        self.random = random.Random(f"{config['seed']} {self.ref.name} {self.kind}")
        self.payload: Payload = self.ref.load()
        spread = self.kind not in DEEPER  # some of those measure memory
        self.spacers = spacers() if spread else []
        self.obj = self.payload.make()
        self.spacers += spacers() if spread else []
        self.expected = self.payload.touch(self.obj)
        self.sent = self.state(self.obj) if self.verify else {}  #: before anything pickles it, or alters it by loading
        self.outcomes: dict[str, Outcome] = {}
        self.lanes: list[Lane] = []
        self.round = 0
        #: rows of this round: telling wakes a process that would disturb the next
        self.untold: list[dict[str, Any]] = []
        self.where = ""  #: which side a hang would be on

    # -- what all kinds of experiment share

    def run(self) -> None:
        """Measure; when a lane that had worked fails later, begin again without it."""
        ways: dict[str, Callable[[], None]] = {
            "codec": self._run_codec,
            "start": self._run_start,
            Duty.ARGUMENT: partial(self._run_carry, Duty.ARGUMENT),
            Duty.RESULT: partial(self._run_carry, Duty.RESULT),
            Duty.STATE: self._run_state,
            Duty.SHARED: self._run_shared,
        }
        if self.kind in DEEPER:
            ways[self.kind] = partial(import_module(DEEPER[self.kind].module).run, self)
        while True:
            try:
                ways[self.kind]()
                return self.tell_rows()
            except LaneFailed as failed:
                self.untold.clear()
                self.settle(failed.lane.strategy.name if failed.lane.strategy else failed.lane.name, failed.outcome)
                self.tell({"again": True})
                for lane in self.lanes:
                    self._kill(lane)
                self.close_lanes()
                if failed.lane.strategy is None:
                    return None  # the harness itself does not work here: nothing can be measured

    def settle(self, name: str, outcome: Outcome, **more: Any) -> None:
        self.outcomes[name] = outcome
        self.tell({"lane": name, "outcome": outcome.to_json(), **more})

    def usable(self) -> Iterator[Strategy]:
        """The strategies that are still to be tried or known to work here; the others' outcomes are told."""
        for name in self.names:
            strategy = self.shop.strategies[name]
            if name in self.outcomes:
                if self.outcomes[name].ok:
                    yield strategy
            elif missing := [module for module in strategy.needs if find_spec(module) is None]:
                self.settle(name, Outcome(Kind.UNAVAILABLE, "", "", f"{' and '.join(missing)}: not installed"))
            elif self.shop.start_method and self.shop.start_method not in strategy.start_methods:
                self.settle(
                    name, Outcome(Kind.UNAVAILABLE, "", "", f"only under {' and '.join(strategy.start_methods)}")
                )
            else:
                yield strategy

    def site(self, lane: Lane) -> Site:
        folder = Path(f"state-{next(self.shop.numbers)}").resolve()
        folder.mkdir()
        return Site(
            ctx=self.shop.ctx,
            start_method=self.shop.start_method,
            obj=self.obj,
            payload=self.payload,
            ref=self.ref,
            folder=folder,
            segment_name=self.shop.segment_name,
            manager=self.shop.manager,
            at_end=lane.stack.callback,
        )

    @contextmanager
    def trying(self, name: str, seconds: float = 0.0) -> Iterator[None]:
        """The first hand-off of a lane: whatever goes wrong is its outcome."""
        self.tell({"trying": name})
        self.where = "parent"
        try:
            with deadline(seconds or self.answer_s + 1):
                yield
        except Refused:
            raise
        except Unavailable as error:
            raise Refused(Outcome(Kind.UNAVAILABLE, "", "", str(error))) from None
        except NoAnswer as error:
            raise Refused(Outcome(Kind.BROKEN, self.where, "", str(error))) from None
        except Exception as error:
            raise Refused(Outcome.from_exception(Kind.REFUSED, "parent", error)) from None

    def baseline(self) -> str:
        """The first of the preferred baselines, or of all strategies, that is not known to fail."""
        order = [*(b for b in BASELINES[self.kind] if b in self.names), *self.names]
        return next((name for name in order if name not in self.outcomes or self.outcomes[name].ok), "")

    def state(self, obj: Any) -> dict[str, Any]:
        """The facts of an object, as they look after a journey through JSON."""
        from handoff.compare.facts import facts

        return dict(json.loads(json.dumps((self.payload.facts or facts)(obj))))

    def judge(self, name: str, checksum: int, arrived: Any) -> None:
        """Compare what arrived with what was sent."""
        from handoff.compare.difference import difference

        altered = difference(self.sent, arrived) if arrived is not None else ""
        if not altered and checksum != self.expected:
            altered = f"its checksum is {checksum}, not {self.expected}"
        if altered:
            raise Refused(Outcome(Kind.ALTERED, "worker", "", altered))
        self.settle(name, OK)

    def sample(self, lane: Lane, metric: str, n: int, run: Callable[[int], Spent]) -> Spent:
        """One sample of ``n`` operations, to be told as a row at the end of the round."""
        spent = self._timed(lane, run, n)
        self.untold.append(
            {
                "row": [
                    lane.name,
                    metric,
                    self.round,
                    n,
                    *(round(s, 9) for s in (spent.seconds, spent.encode_s, spent.decode_s, spent.touch_s)),
                    spent.switches,
                    spent.faults,
                    spent.collections,
                ]
            }
        )
        return spent

    def tell_rows(self) -> None:
        for row in self.untold:
            self.tell(row)
        self.untold.clear()

    def value(self, lane: Lane, metric: str, value: float) -> None:
        """What was read off rather than timed, in the unit that the metric's name ends with."""
        self.tell({"value": [lane.name, metric, self.round, value]})

    def _timed(self, lane: Lane, run: Callable[[int], Spent], n: int) -> Spent:
        try:
            with deadline(max(60.0, 10 * self.answer_s)):
                return run(n)
        except (NoAnswer, Exception) as error:
            outcome = (
                error.outcome if isinstance(error, Refused) else Outcome.from_exception(Kind.BROKEN, "worker", error)
            )
            raise LaneFailed(lane, outcome) from error

    def calibrate(self, lane: Lane, metric: str, run: Callable[[int], Spent]) -> None:
        """Find how many operations make a sample, which also warms the lane up; not recorded.

        Where an earlier trial has told how long they take, a quarter of a sample is enough to warm up; a sample of few
        operations has its warm-up in every round.
        """
        n, target = 1, self.profile["sample_s"]
        known = self.known.get(lane.name, {}).get(metric)
        if known:
            n, seconds = known
        while not known:
            seconds = max(self._timed(lane, run, n).seconds, 1e-7)
            if seconds >= target / 2 or n >= MOST:
                break
            n = min(MOST, max(2 * n, int(n * target / seconds * 0.8)))
        each = seconds / n
        count = min(MOST, round(target / each))
        lane.warmed[metric] = warm = count < FEW and each < SLOW_S
        if known and count >= FEW:
            self._timed(lane, run, max(1, n // 4))
        lane.counts[metric] = max(1, count - warm)
        took = each * (lane.counts[metric] + warm)
        lane.rounds = max(1, min(self.profile["rounds"], int(self.profile["lane_s"] / took)))

    def rounds(self, metrics: Callable[[Lane], dict[str, Callable[[int], Spent]]]) -> None:
        """Every lane once a round, in shuffled order, with jittered loop counts.

        A sample of few operations follows one that is not timed: in a job an operation follows its like, and not
        another lane, which has left nothing of it in the caches.
        """
        self.shop.see_off()
        for number in range(self.profile["rounds"]):
            self.round = number
            gc.collect(1 if number else 2)  # what is older than a round is not garbage of its samples
            turn = [lane for lane in self.lanes if self.round < lane.rounds]
            self.random.shuffle(turn)
            for lane in turn:
                for metric, run in metrics(lane).items():
                    count = lane.counts[metric]
                    n = max(1, round(count * self.random.uniform(0.8, 1.2)))
                    if lane.warmed.get(metric):
                        self._timed(lane, run, 1)
                    self.sample(lane, metric, n, run)
            self.tell_rows()

    def close_lanes(self) -> None:
        handles = {id(lane.worker): lane.worker for lane in self.lanes if lane.worker is not None}
        for handle in handles.values():
            handle.dismiss()
        for handle in handles.values():
            if handle.launch is Launch.PROCESS:
                self.shop.leaving.append(handle)
            else:
                handle.stop()  # now: nothing is forked while a thread runs
        for lane in self.lanes:
            with suppress(Exception):
                lane.stack.close()
        self.lanes = []

    # -- encode and decode alone

    def _run_codec(self) -> None:
        messages: dict[str, Any] = {}
        for strategy in list(self.usable()):
            codec = strategy.codec
            if codec is None:
                continue
            try:
                with self.trying(strategy.name):
                    message = codec.encode(self.obj)
                    codec.decode(message)
            except Refused as refused:
                self.settle(strategy.name, refused.outcome)
                continue
            messages[strategy.name] = message
            self.settle(strategy.name, OK, bytes=codec.size(message))
            self.lanes.append(Lane(strategy.name, strategy))
        if not self.lanes:
            return
        base = self.baseline()
        self.tell({"baseline": base})
        messages[BIS] = messages[base]
        self.lanes.append(Lane(BIS, self.shop.strategies[base]))

        def metrics(lane: Lane) -> dict[str, Callable[[int], Spent]]:
            assert lane.strategy is not None
            assert lane.strategy.codec is not None
            codec = lane.strategy.codec
            return {
                "encode": partial(timing.apply, codec.encode, self.obj),
                "decode": partial(timing.apply, codec.decode, messages[lane.name]),
            }

        self._warm_up(metrics)
        self.rounds(metrics)
        self.lanes = []

    def _warm_up(self, metrics: Callable[[Lane], dict[str, Callable[[int], Spent]]]) -> None:
        self.random.shuffle(self.lanes)
        for lane in self.lanes:
            rounds = self.profile["rounds"]
            for metric, run in metrics(lane).items():
                self.calibrate(lane, metric, run)
                rounds = min(rounds, lane.rounds)
            lane.rounds = rounds
            self.tell({"trying": lane.name})
        self._keep_company()

    def _keep_company(self) -> None:
        """The harness's own lanes are there in every round that has any other; the baseline's two copies alike."""
        most = max(lane.rounds for lane in self.lanes)
        twins = [lane for lane in self.lanes if lane.name in (self.baseline(), BIS)]
        for lane in self.lanes:
            if lane.strategy is None:
                lane.rounds = most
            elif lane in twins:
                lane.rounds = max(twin.rounds for twin in twins)

    def _run_start(self) -> None:
        from handoff.measuring.startup import run_plain

        run_plain(self)

    # -- the duties argument and result

    def _run_carry(self, duty: Duty) -> None:
        """One worker process for all lanes, a thread for the reference; started anew without a lane that broke it."""
        while True:
            base = self.baseline()
            self._open_carry(duty, base)
            if self._check_carry(duty) and base == self.baseline():
                break
            self.close_lanes()
        if any(lane.strategy for lane in self.lanes):
            self.tell({"baseline": base})
            metrics = partial(self._carry_metrics, duty)
            self._warm_up(metrics)
            self.rounds(metrics)
        self.close_lanes()

    def _open_carry(self, duty: Duty, base: str) -> None:
        strategies = [s for s in self.usable() if s.carry]
        plan = [Lane(s.name, s, launch=s.launch) for s in strategies]
        plan += [Lane(BIS, s, launch=s.launch) for s in strategies if s.name == base]
        for lane in plan:
            assert lane.strategy is not None
            assert lane.strategy.carry is not None
            try:
                with self.trying(lane.name):
                    lane.ends = lane.strategy.carry(self.site(lane))
            except Refused as refused:
                self.settle(lane.strategy.name, refused.outcome)
                lane.stack.close()
            else:
                self.lanes.append(lane)
        own = Lane(NULL, None, (harness.NullSender(), harness.NullReceiver()))
        self.lanes.append(own)
        try:
            with deadline(self.answer_s):
                nbytes = harness.raw_bytes(self.obj, self.payload)
        except NoAnswer:
            nbytes = 1  # it hangs when it is pickled, and every strategy that pickles will say so
        self.tell({"floor_bytes": nbytes})
        for name, ends in harness.floors(self.site(own), nbytes).items():
            self.lanes.append(Lane(name, None, ends))
        own.stack, last = ExitStack(), own.stack
        self.lanes[-1].stack = last
        far = 1 if duty is Duty.ARGUMENT else 0
        for launch in (Launch.PROCESS, Launch.THREAD):  # threads last: no process is forked while they run
            group = [lane for lane in self.lanes if lane.launch is launch]
            if group:
                given = self.payload if launch is Launch.THREAD else None
                job = Job(self.ref, duty, tuple((lane.name, lane.ends[far]) for lane in group), given)
                handle = Handle(self.shop, job, launch)
                for lane in group:
                    lane.worker = handle
                    near = lane.ends[1 - far]
                    near.open(handle.to_worker if duty is Duty.ARGUMENT else handle.from_worker)
                    lane.stack.callback(near.close)
                errors = handle.ready()["errors"]
                for name, error in errors.items():
                    self.settle(name, Outcome.from_json(error))

    def _check_carry(self, duty: Duty) -> bool:
        """Try every lane once. False when all has to be started anew, without the lanes now known to fail.

        Later trials have nothing to try: the lanes left are those that worked, and each sample compares checksums.
        """
        if not self.verify:
            return all(self.outcomes[lane.name].ok for lane in self.lanes if lane.name in self.outcomes)
        for lane in list(self.lanes):
            if lane.strategy is None or lane.name == BIS or lane.name in self.outcomes:
                if lane.name in self.outcomes and not self.outcomes[lane.name].ok:
                    return False
                continue
            try:
                with self.trying(lane.name):
                    checksum, facts = self.first(duty, lane)
                self.judge(lane.name, checksum, facts)
            except Refused as refused:
                self.settle(lane.name, refused.outcome)
                if refused.outcome.kind is Kind.REFUSED and self.where == "parent":  # nothing was sent
                    self.lanes.remove(lane)
                    self.lanes[-1].stack.callback(lane.stack.close)  # the harness's own is the last
                    continue
                if refused.outcome.kind is not Kind.ALTERED:
                    self._kill(lane)
                return False
        return True

    def _kill(self, lane: Lane) -> None:
        if lane.worker is not None:
            lane.worker.kill()
        if lane.strategy is not None and lane.strategy.channel is Channel.MANAGER:
            self.shop.drop_manager()

    def first(self, duty: Duty, lane: Lane) -> tuple[int, Any]:
        """The first hand-off: what the other side says the checksum is, and the facts of what arrived."""
        sender, receiver = lane.ends
        worker = lane.worker
        assert worker is not None
        if duty is Duty.ARGUMENT:
            message = sender.encode(self.obj)
            self.where = "worker"
            worker.command(do="check_argument", lane=lane.name, facts=self.verify)
            sender.post(message)
            answer = worker.answer(self.answer_s)
            return answer["checksum"], answer["facts"]
        self.where = "worker"
        worker.command(do="check_result", lane=lane.name)
        worker.answer(self.answer_s)
        self.where = "result"
        try:
            obj = receiver.decode(receiver.take())
            touch = getattr(receiver, "touch", None) or self.payload.touch
            checksum = touch(obj)
            arrived = self.state(obj) if self.verify and not hasattr(receiver, "touch") else None
        except NoAnswer:
            raise
        except Exception as error:
            raise Refused(Outcome.from_exception(Kind.BROKEN, "result", error)) from None
        del obj
        receiver.release()
        worker.answer(self.answer_s)
        return checksum, arrived

    def _carry_metrics(self, duty: Duty, lane: Lane) -> dict[str, Callable[[int], Spent]]:
        return {"handoff": partial(self.exchange, duty, lane)}

    def exchange(self, duty: Duty, lane: Lane, n: int) -> Spent:
        """``n`` hand-offs, each acknowledged with a checksum that is compared with the expected one."""
        sender, receiver = lane.ends
        worker = lane.worker
        assert worker is not None
        expected = CHECKSUM.pack(0 if lane.strategy is None else self.expected)
        worker.begin(do=duty, lane=lane.name, n=n)
        try:
            if duty is Duty.ARGUMENT:
                obj = getattr(sender, "obj", self.obj)
                near = timing.send(sender, obj, n, after=worker.from_worker.recv_bytes, expected=expected)
            else:

                def compare(answer: bytes) -> None:
                    if answer != expected:
                        raise timing.WrongAnswer(answer)

                touch = getattr(receiver, "touch", None) or self.payload.touch
                go = partial(worker.to_worker.send_bytes, b"")
                near = timing.receive(receiver, touch, n, go, compare, CHECKSUM.pack)
        except timing.WrongAnswer as wrong:
            raise worker.complaint(wrong.answer) from None
        return merge(near, worker.answer(self.answer_s))

    # -- the duty state

    def _run_state(self) -> None:
        """A worker for each lane: the setup is timed once a trial, the use of the state in rounds."""
        base = self.baseline()
        strategies = [s for s in self.usable() if s.hold]
        plan = [Lane(s.name, s, launch=s.launch) for s in strategies]
        plan += [Lane(BIS, s, launch=s.launch) for s in strategies if s.name == base]
        plan.append(Lane(NULL, None))
        self.random.shuffle(plan)
        plan.sort(key=lambda lane: (Launch.PROCESS, Launch.POOL, Launch.THREAD).index(lane.launch))  # threads last
        self.shop.see_off()
        for number, lane in enumerate(plan):
            gc.collect(1 if number else 2)
            try:
                with self.trying(lane.name):
                    spent = self.set_up(lane)
                    checksum, facts = self.first_use(lane)
                if lane.strategy is not None and lane.name != BIS:
                    self.judge(lane.name, checksum, facts)
            except Refused as refused:
                if lane.worker is not None:
                    lane.worker.kill()
                lane.stack.close()
                self.settle(lane.name, refused.outcome)
                continue
            self.sample(lane, "setup", 1, lambda _, spent=spent: spent)  # type: ignore[misc]
            self.lanes.append(lane)
        self.tell({"baseline": base if self.outcomes.get(base, OK).ok else self.baseline()})

        def metrics(lane: Lane) -> dict[str, Callable[[int], Spent]]:
            return {"task": partial(self.use, lane)}

        self._warm_up(metrics)
        self.rounds(metrics)
        self.close_lanes()

    def set_up(self, lane: Lane) -> Spent:
        """From having the object to a worker that has read all of it."""
        begin = perf_counter()
        if lane.strategy is None:
            lane.ends = harness.NullHolding()
        else:
            assert lane.strategy.hold is not None
            lane.ends = lane.strategy.hold(self.site(lane))
        given = self.payload if lane.launch is Launch.THREAD else None
        lane.worker = Handle(self.shop, Job(self.ref, Duty.STATE, ((lane.name, lane.ends),), given), lane.launch)
        answer = lane.worker.ready(self.answer_s)
        seconds = perf_counter() - begin
        for error in answer["errors"].values():
            raise Refused(Outcome.from_json(error))
        return Spent(seconds)

    def first_use(self, lane: Lane) -> tuple[int, Any]:
        """The same of a state that a worker has."""
        assert lane.worker is not None
        lane.worker.command(do="check_state", lane=lane.name, facts=self.verify)
        answer = lane.worker.answer(self.answer_s)
        return answer["checksum"], answer["facts"]

    def use(self, lane: Lane, n: int) -> Spent:
        """``n`` tasks that read all of the state."""
        worker = lane.worker
        assert worker is not None
        sender = harness.NullSender()
        sender.open(worker.to_worker)
        expected = CHECKSUM.pack(0 if lane.strategy is None else self.expected)
        worker.begin(do=Duty.STATE, lane=lane.name, n=n)
        try:
            near = timing.send(sender, sender.obj, n, after=worker.from_worker.recv_bytes, expected=expected)
        except timing.WrongAnswer as wrong:
            raise worker.complaint(wrong.answer) from None
        return merge(near, worker.answer(self.answer_s))

    # -- the duty shared

    def _run_shared(self) -> None:
        """One worker process with all shared things; it times its operations on each."""
        while True:
            base = self.baseline()
            self._open_shared(base)
            if self._check_shared():
                break
            self.close_lanes()
        if any(lane.strategy for lane in self.lanes):
            self.tell({"baseline": base})
            self._warm_up(self._shared_metrics)
            self.rounds(self._shared_metrics)
        self.close_lanes()

    def _open_shared(self, base: str) -> None:
        strategies = [s for s in self.usable() if s.share]
        plan = [Lane(s.name, s, launch=s.launch) for s in strategies]
        plan += [Lane(BIS, s, launch=s.launch) for s in strategies if s.name == base]
        for lane in plan:
            assert lane.strategy is not None
            assert lane.strategy.share is not None
            try:
                with self.trying(lane.name):
                    lane.ends = lane.strategy.share(self.site(lane))
            except Refused as refused:
                self.settle(lane.strategy.name, refused.outcome)
                lane.stack.close()
            else:
                self.lanes.append(lane)
        self.lanes.append(Lane(NULL, None, harness.NullSharing()))
        for launch in (Launch.PROCESS, Launch.THREAD):
            group = [lane for lane in self.lanes if lane.launch is launch]
            if group:
                given = self.payload if launch is Launch.THREAD else None
                handle = Handle(
                    self.shop, Job(self.ref, Duty.SHARED, tuple((g.name, g.ends) for g in group), given), launch
                )
                for lane in group:
                    lane.worker = handle
                for name, error in handle.ready()["errors"].items():
                    self.settle(name, Outcome.from_json(error))
                if launch is not Launch.THREAD:
                    for lane in group:
                        lane.ends.open()
                        lane.stack.callback(lane.ends.close)

    def size(self) -> int:
        """How many elements a shared payload has."""
        return int(getattr(self.obj, "size", 0) or len(self.obj))

    def _check_shared(self) -> bool:
        for lane in list(self.lanes):
            if lane.strategy is None or lane.name == BIS or lane.name in self.outcomes:
                if lane.name in self.outcomes and not self.outcomes[lane.name].ok:
                    return False
                continue
            try:
                with self.trying(lane.name):
                    assert lane.worker is not None
                    index = self.size() - 1
                    lane.worker.command(do="check_shared", lane=lane.name, index=index)
                    before = lane.worker.answer(self.answer_s)["before"]
                    if (now := float(lane.ends.read(index))) != before + 1:
                        text = f"element {index} is {now} here after the worker had made it {before + 1}"
                        raise Refused(Outcome(Kind.ALTERED, "worker", "", text))
                self.settle(lane.name, OK)
            except Refused as refused:
                self.settle(lane.name, refused.outcome)
                if refused.outcome.kind is not Kind.ALTERED:
                    self._kill(lane)
                return False
        return True

    def _shared_metrics(self, lane: Lane) -> dict[str, Callable[[int], Spent]]:
        operations = OPERATIONS[:-1] if lane.strategy is None else OPERATIONS
        return {operation: partial(self.operate, lane, operation) for operation in operations}

    def operate(self, lane: Lane, operation: str, n: int) -> Spent:
        """``n`` operations of the worker on what is shared."""
        assert lane.worker is not None
        lane.worker.command(do=Duty.SHARED, lane=lane.name, operation=operation, size=self.size(), n=n)
        return Spent(**lane.worker.answer(max(60.0, 10 * self.answer_s)))
