"""One experiment in one trial: its object, its lanes, and the rounds in which they are measured.

What every kind of experiment shares. A kind is a module of this package with ``run(measuring)``, see
:mod:`handoff.measuring.trial`.
"""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from handoff import timeouts
from handoff.analysis.metrics import BIS, DEEPER, duty_of
from handoff.compare.verdict import Verdict
from handoff.measuring import looking
from handoff.measuring.lane import Handle, Lane, LaneFailed, LaneRefused, silence
from handoff.measuring.ledger import CALIBRATING, LOOKING, SAMPLES, WORKERS, Ledger
from handoff.measuring.messages import Config, Known, Spec, Tell, Told, settled
from handoff.measuring.shop import Shop
from handoff.outcome import OK, HandoverEnded, Kind, Outcome, Unavailable
from handoff.payload import Duty, Payload
from handoff.processes.deadlines import NoAnswer, deadline
from handoff.strategies import baselines
from handoff.strategy import Channel, Launch, Site, Strategy
from handoff.target import Ref, made_here_alone
from handoff.timing import Spent

MOST = 1_000_000  #: operations in one sample: enough for 2 ms of the fastest operation there is
SLOW_S = 0.1  #: an operation that takes longer is not warmed up again: it allocates all anew anyway
NEAR = 3.0  #: times the best's: a lane that takes longer gets no more rounds than it has time for
FAR = 20.0  #: an operation that takes so many times the best one's is no contender, however noisy the look at it
FEW = 8  #: a sample of fewer operations follows one more that is not timed


Run = Callable[[int], Spent]  #: does so many operations
Metrics = Callable[[Lane], dict[str, Run]]  #: how a lane does them, by metric


def spacers() -> list[bytes]:
    """Blocks of 512 bytes to 1.5 MiB, each up to 4 KiB longer by chance: what comes later lies elsewhere each time.

    Around a payload: without them it and its pickle have the same distance in every trial, and copying can take ten
    times as long at an unlucky one (``rep movsb``: https://sourceware.org/bugzilla/show_bug.cgi?id=30994).
    """
    sizes = (size for power in range(9, 21) for size in (2**power, 3 * 2 ** (power - 1)))
    return [bytes(size + 16 * sixteens) for size, sixteens in zip(sizes, os.urandom(24), strict=True)]


class Measuring:
    """One experiment in one trial."""

    def __init__(self, shop: Shop, experiment: Spec, config: Config, tell: Tell) -> None:
        self.shop, self.tell = shop, tell
        self.ref = Ref(**experiment["ref"])
        self.kind: str = experiment["kind"]
        self.names: list[str] = experiment["strategies"]
        self.verify: bool = experiment["verify"]
        #: by lane and metric, a sample of an earlier trial: operations and seconds
        self.before: Known = experiment.get("known", {})
        self.profile = config["profile"]
        self.planned_rounds: int = experiment.get("rounds", 0)  #: 0: as many as a lane has time for
        self.answer_s: float = self.profile["answer_s"]
        self.random = random.Random(f"{config['seed']} {self.ref.name} {self.kind}")
        self.payload: Payload = self.ref.load()
        spread = self.kind not in DEEPER  # some of those measure memory
        self.spacers = spacers() if spread else []
        begin = perf_counter()
        self.obj = self.payload.make()
        self.making_s = perf_counter() - begin
        self.spacers += spacers() if spread else []
        back = self.kind.endswith(Duty.RESULT)  # what comes back is read here: the work is the worker's
        self.expected = self.payload.touch(self.obj) if back else self.payload.expected(self.obj)
        self.ledger = Ledger()
        self.outcomes: dict[str, Outcome] = {}
        self.lanes: list[Lane] = []
        self.round = 0
        #: rows of this round: telling wakes a process that would disturb the next
        self.untold: list[Told] = []
        self.floor_bytes = 0  #: what the floor lanes move; 0: not known yet
        self.where = ""  #: which side a hang would be on
        with self.ledger.on(LOOKING):  # before anything pickles it, or alters it by loading
            self.known = looking.brief(self.payload, self.obj) if self.verify else ""
            self.sent = looking.sent(looking.state(self.payload, self.obj), self.making_s) if self.verify else ""

    def settle(self, name: str, outcome: Outcome, nbytes: int | None = None) -> None:
        """A strategy's outcome, to be told; with it what its message weighs."""
        self.outcomes[name] = outcome
        self.tell(settled(name, outcome, nbytes))

    def failed(self, name: str) -> bool:
        """Whether a lane is known to fail."""
        return name in self.outcomes and not self.outcomes[name].ok

    def give_up(self, name: str, outcome: Outcome) -> None:
        """A lane that had worked has failed: what was measured of the experiment in this trial is void."""
        self.untold.clear()
        self.settle(name, outcome)
        self.tell({"again": True})
        for lane in self.lanes:
            self.kill(lane)
        self.close_lanes()

    def planned(self, base: str, serves: Callable[[Strategy], bool]) -> list[Lane]:
        """A lane for each usable strategy that serves, and the second copy of the baseline."""
        strategies = [strategy for strategy in self.usable() if serves(strategy)]
        plan = [Lane(strategy.name, strategy, launch=strategy.launch) for strategy in strategies]
        return plan + [Lane(BIS, s, launch=s.launch) for s in strategies if s.name == base]

    def usable(self) -> Iterator[Strategy]:
        """The strategies that are still to be tried or known to work here; the others' outcomes are told."""
        for name in self.names:
            strategy = self.shop.strategies[name]
            if name in self.outcomes:
                if not self.failed(name):
                    yield strategy
            elif lacks := strategy.lacks:
                self.settle(name, Outcome(Kind.UNAVAILABLE, "", "", lacks))
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
            with deadline(seconds or self.answer_s + 1, fair=True):
                yield
        except LaneRefused:
            raise
        except HandoverEnded as ended:
            raise LaneRefused(ended.outcome) from None
        except Unavailable as error:
            raise LaneRefused(Outcome(Kind.UNAVAILABLE, "", "", str(error))) from None
        except NoAnswer as error:
            raise LaneRefused(silence(self.where, error)) from None
        except Exception as error:
            raise LaneRefused(Outcome.from_exception(Kind.REFUSED, "parent", error)) from None

    def baseline(self) -> str:
        """The first of the usual ways, or of all strategies, that is not known to fail; "" where all do."""
        usual = baselines(duty_of(self.kind), self.shop.strategies)
        order = [*(name for name in usual if name in self.names), *self.names]
        return next((name for name in order if not self.failed(name)), "")

    def size(self) -> int:
        """How many elements a shared payload has."""
        return int(getattr(self.obj, "size", 0) or len(self.obj))

    def judge(self, name: str, checksum: int, verdict: Verdict | None) -> None:
        """Settle a lane by what became of its first hand-off. Raises :class:`LaneRefused`."""
        altered = verdict.reason if verdict else ""
        if not altered and checksum != self.expected:
            altered = f"its checksum is {checksum}, not {self.expected}"
        if altered:
            raise LaneRefused(Outcome(Kind.ALTERED, "worker", "", altered))
        self.settle(name, replace(OK, notes=looking.notes(verdict)) if verdict else OK)

    def looked(self, worker: Handle, lane: str) -> tuple[int, Verdict | None]:
        """The checksum of what arrived in a worker, and what became of it where that is not at once the same.

        Raises :class:`LaneRefused`.
        """
        answer = worker.answer(self.answer_s)
        if answer["same"]:
            return answer["checksum"], None
        worker.command(do="judge", lane=lane, sent=self.sent)
        answer = worker.answer(self.answer_s)
        verdict = Verdict.from_json(answer["verdict"])
        if made_here_alone(self.ref, self.shop.start_method):
            verdict = looking.reconsidered(verdict, self.payload, self.obj, self.sent)
        return answer["checksum"], verdict

    def record(self, lane: Lane, metric: str, n: int, spent: Spent) -> None:
        """What ``n`` operations took, to be told as a row at the end of the round."""
        times = (round(s, 9) for s in (spent.seconds, spent.encode_s, spent.decode_s, spent.touch_s))
        counts = spent.switches, spent.faults, spent.collections
        self.untold.append({"row": [lane.name, metric, self.round, n, *times, *counts]})

    def tell_rows(self) -> None:
        for row in self.untold:
            self.tell(row)
        self.untold.clear()

    def value(self, lane: Lane, metric: str, value: float) -> None:
        """What was read off rather than timed, in the unit that the metric's name ends with."""
        self.tell({"value": [lane.name, metric, self.round, value]})

    def timed(self, lane: Lane, run: Run, n: int) -> Spent:
        try:
            with deadline(max(timeouts.SAMPLE_S, 10 * self.answer_s)):
                return run(n)
        except (NoAnswer, Exception) as error:
            outcome = (
                error.outcome
                if isinstance(error, LaneRefused)
                else Outcome.from_exception(Kind.BROKEN, "worker", error)
            )
            raise LaneFailed(lane, outcome) from error

    def calibrate(self, lane: Lane, metric: str, run: Run) -> float:
        """Find how many operations make a sample, which also warms the lane up; about how long one takes.

        Where an earlier trial has told how long they take, a quarter of a sample is enough to warm up; a sample of few
        operations has its warm-up in every round.
        """
        n, target = 1, self.profile["sample_s"]
        if known := self.before.get(lane.name, {}).get(metric):
            n, seconds = known
        while not known:
            seconds = max(self.timed(lane, run, n).seconds, 1e-7)
            if seconds >= target / 2 or n >= MOST:
                break
            n = min(MOST, max(2 * n, int(n * target / seconds * 0.8)))
        each = seconds / n
        count = min(MOST, round(target / each))
        lane.warmed[metric] = warm = count < FEW and each < SLOW_S
        if known and count >= FEW:
            self.timed(lane, run, max(1, n // 4))
        lane.counts[metric] = max(1, count - warm)
        took = each * (lane.counts[metric] + warm)
        lane.rounds = min(lane.rounds, max(1, int(self.profile["lane_s"] / took)))
        return each

    def rounds(self, metrics: Metrics) -> None:
        """Every lane once a round, in shuffled order, with jittered loop counts.

        A sample of few operations follows one that is not timed: in a job an operation follows its like, and not
        another lane, which has left nothing of it in the caches.
        """
        with self.ledger.on(WORKERS):
            self.shop.see_off()
        for number in range(self.planned_rounds or self.profile["rounds"]):
            self.round = number
            gc.collect(1 if number else 2)  # what is older than a round is not garbage of its samples
            turn = [lane for lane in self.lanes if self.round < lane.rounds]
            self.random.shuffle(turn)
            for lane in turn:
                for metric, run in metrics(lane).items():
                    count = lane.counts[metric]
                    n = max(1, round(count * self.random.uniform(0.8, 1.2)))
                    with self.ledger.on(SAMPLES):
                        if lane.warmed.get(metric):
                            self.timed(lane, run, 1)
                        spent = self.timed(lane, run, n)
                    self.record(lane, metric, n, spent)
            self.tell_rows()

    def close_lanes(self) -> None:
        """Done with all lanes: their workers end, or leave this payload."""
        with self.ledger.on(WORKERS):
            self._dismiss_workers()
        for lane in self.lanes:
            with suppress(Exception):
                lane.stack.close()
        self.lanes = []

    def _dismiss_workers(self) -> None:
        handles = {id(lane.worker): lane.worker for lane in self.lanes if lane.worker is not None}
        lasting = self.shop.lasting
        if lasting is not None and handles.pop(id(lasting.handle), None) is not None:
            try:
                lasting.leave()
            except (LaneRefused, OSError):
                lasting.handle.kill()
                self.shop.drop_lasting()
        for handle in handles.values():
            handle.dismiss()
        for handle in handles.values():
            if handle.inside.launch is Launch.PROCESS:
                self.shop.leaving.append(handle)
            else:
                handle.stop()  # now: nothing is forked while a thread runs

    def warm_up(self, metrics: Metrics) -> None:
        """Calibrate every lane, and give it its rounds: contenders most, those far behind one sample, at once."""
        self.random.shuffle(self.lanes)
        each: dict[str, dict[str, float]] = {}  # seconds an operation, by lane and metric
        for lane in self.lanes:
            lane.rounds = self.planned_rounds or self.profile["rounds"]
            with self.ledger.on(CALIBRATING):
                each[lane.name] = {metric: self.calibrate(lane, metric, run) for metric, run in metrics(lane).items()}
            self.tell({"trying": lane.name})
        behind = self._behind(each)
        for lane in self.lanes:
            if self.planned_rounds and behind.get(lane.name, 0.0) <= NEAR:
                lane.rounds = self.planned_rounds
        self.keep_company()
        if self.profile["record_s"]:
            for lane in self.lanes:
                if behind.get(lane.name, 0.0) > FAR and lane.name not in (self.baseline(), BIS):
                    self._set_apart(lane, metrics(lane), each)

    def _behind(self, each: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        """How many times longer each process's lane takes than the fastest, in the metric where it is nearest."""
        mine = [lane.name for lane in self.lanes if lane.strategy is not None and not lane.launch.in_this_process]
        best: dict[str, float] = {}
        for name in mine:
            for metric, seconds in each[name].items():
                best[metric] = min(seconds, best.get(metric, seconds))
        return {name: min((seconds / best[m] for m, seconds in each[name].items()), default=0.0) for name in mine}

    def _set_apart(self, lane: Lane, runs: Mapping[str, Run], each: Mapping[str, Mapping[str, float]]) -> None:
        """Single operations: if they take as long as before, the last of them is this lane's one sample."""
        looks = 1 if lane.name in self.before else 2  # where nothing was known, a single look may have had bad luck
        for _ in range(looks):
            with self.ledger.on(SAMPLES):
                again = {metric: self.timed(lane, run, 1) for metric, run in runs.items()}
            if any(spent.seconds < each[lane.name][metric] / 2 for metric, spent in again.items()):
                return
        lane.rounds, self.round = 0, 0
        for metric, spent in again.items():
            self.record(lane, metric, 1, spent)

    def keep_company(self) -> None:
        """The harness's own lanes are there in every round that has any other; the baseline's two copies alike."""
        most = max(lane.rounds for lane in self.lanes)
        twins = [lane for lane in self.lanes if lane.name in (self.baseline(), BIS)]
        for lane in self.lanes:
            if lane.strategy is None:
                lane.rounds = most
            elif lane in twins:
                lane.rounds = max(twin.rounds for twin in twins)

    def kill(self, lane: Lane) -> None:
        """End a lane's worker, whatever it is at."""
        if lane.worker is not None:
            lane.worker.kill()
            if self.shop.lasting is not None and lane.worker is self.shop.lasting.handle:
                self.shop.drop_lasting()
        if lane.strategy is not None and lane.strategy.channel is Channel.MANAGER:
            self.shop.drop_manager()
