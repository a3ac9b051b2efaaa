"""Pairs: an awkward object handed over as it is, against refactored forms that do the same job, in the same rounds.

A pair is an experiment whose lanes differ in payload and duty as well as in strategy. Each lane has a worker of its own
and, unless it is large, an object of its own: what dill does to an open file must not happen to another lane's. A
``task`` is one hand-off for the duties ``argument`` and ``result``, one use of the state, one locked update of what is
shared. ``setup`` is from having the object to a worker that has read all of it once, its start included; where nothing
is set up, that is the worker's start and the first task. Memory is read off after the last round.

A module that defines ``PAIRS`` is found by :func:`load_pairs`; this module's :func:`main` is the trial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from handoff import timing
from handoff.analysis.metrics import BIS
from handoff.declarations import Pair, Side
from handoff.measuring import handoffs, shared, state
from handoff.measuring.experiment import Experiment, Progress, measure
from handoff.measuring.lane import Handle, Lane, LaneFailed, LaneRefused
from handoff.measuring.messages import Config, Spec, Tell, settled
from handoff.measuring.rounds import Measuring
from handoff.measuring.shop import Shop
from handoff.measuring.trial import run_all
from handoff.measuring.worker import WorkerStart
from handoff.outcome import OK, Kind, Outcome
from handoff.payload import Duty, Payload, Trait
from handoff.processes.memory import usage
from handoff.profile import Profile
from handoff.record import Record
from handoff.start_methods import START_METHODS
from handoff.strategies import registry
from handoff.strategy import Strategy
from handoff.target import Entry, Ref, TargetError, import_from
from handoff.timing import Spent

PAIR = "pair"
AWKWARD, REFACTORED = "awkward", "refactored"


@dataclass(frozen=True, slots=True)
class PairLane:
    """One lane, taken apart from its name: ``awkward rows-dict-1k dill argument``."""

    role: str
    payload: str
    strategy: str
    duty: Duty

    @classmethod
    def of(cls, lane: str) -> PairLane | None:
        """None for a lane of the harness."""
        words = lane.split(" ")
        return cls(words[0], words[1], words[2], Duty(words[3])) if len(words) == 4 else None


def load_pairs(folder: str | Path) -> Mapping[str, Entry]:
    """The pairs of every module in a package's folder, by name. Raises :class:`TargetError` for a name used twice."""
    folder = root = Path(folder).resolve()
    while (root / "__init__.py").exists():
        root = root.parent
    package = ".".join(folder.relative_to(root).parts)
    found: dict[str, Entry] = {}
    for file in sorted(folder.glob("[!_]*.py")):
        module = ".".join(filter(None, (package, file.stem)))
        for pair in getattr(import_from(str(root), module), "PAIRS", ()):
            if pair.name in found:
                raise TargetError(
                    f"pair {pair.name!r} is defined in {found[pair.name].ref.module} and again in {module}"
                )
            about = Payload(name=pair.name, make=tuple, why=pair.why, source=pair.source)
            found[pair.name] = Entry(Ref(str(root), module, pair.name), about)
    return MappingProxyType(found)


def load(ref: Ref) -> Pair:
    """The pair that a reference names. Raises :class:`TargetError`."""
    for pair in getattr(import_from(ref.root, ref.module), "PAIRS", ()):
        if pair.name == ref.name:
            return pair  # type: ignore[no-any-return]  # a Pair, by the line before
    raise TargetError(f"{ref.module} (in {ref.root}): no pair is named {ref.name!r}")


def lanes(pair: Pair, start_method: str) -> dict[str, Side]:
    """The sides by the names of their lanes: awkward ones first, and those that exist under the start method."""
    return {
        f"{role} {side.payload.partition(':')[2]} {strategy} {side.duty}": side
        for role, sides in ((AWKWARD, pair.awkward), (REFACTORED, pair.refactored))
        for side in sides
        for strategy in side.strategies
        if start_method in side.start_methods and start_method in registry()[strategy].start_methods
    }


def plan_pairs(pairs: Mapping[str, Entry], start_methods: Iterable[str] = START_METHODS) -> list[Experiment]:
    """An experiment for each pair and start method."""
    return [
        Experiment(entry, PAIR, start_method, tuple(lanes(load(entry.ref), start_method)))
        for start_method in start_methods
        for entry in pairs.values()
    ]


def measure_pairs(
    experiments: Sequence[Experiment],
    profile: Profile,
    folder: Path | None,
    *,
    seed: int | None = None,
    progress: Progress = timing.nothing,
) -> list[Record]:
    """As :func:`handoff.measuring.experiment.measure`, for what :func:`plan_pairs` gives."""
    return measure(experiments, profile, folder, seed=seed, inside=__name__, progress=progress)


# -- inside a trial ----------------------------------------------------------------------------------------------------


def main(config: Config, tell: Tell) -> None:
    """Run the pairs of ``config``."""
    run_all(config, tell, registry(), lambda *given: Pairing(*given).run)


class Pairing:
    """One pair in one trial. The measuring is :class:`handoff.measuring.trial.Measuring`'s: one for each payload."""

    def __init__(self, shop: Shop, experiment: Spec, config: Config, tell: Tell) -> None:
        self.shop, self.tell = shop, tell
        ref = Ref(**experiment["ref"])
        sides = lanes(load(ref), shop.start_method)
        self.sides = {name: sides[name] for name in experiment["strategies"]}
        self.failed: set[str] = set()
        self.verify: bool = experiment["verify"]
        self.measuring: dict[str, Measuring] = {}
        one: dict[str, Measuring] = {}
        for name, side in self.sides.items():
            module, _, payload = side.payload.partition(":")
            spec: Spec = {
                "ref": Ref(ref.root, module, payload).to_json(),
                "kind": side.duty,
                "strategies": [],
                "verify": self.verify,
            }
            measuring = one.get(side.payload) or Measuring(shop, spec, config, tell)
            if Trait.BUFFER in measuring.payload.traits:
                one[side.payload] = measuring
            self.measuring[name] = measuring
        self.host = next(iter(self.measuring.values()))  # whichever: it owns the loop over all lanes

    def run(self) -> None:
        """Measure; when a lane that had worked fails later, begin again without it."""
        while True:
            try:
                self._run()
                return self.tell({"spent": self.host.ledger.spent_s})
            except LaneFailed as failure:
                self._settle(failure.lane.name, failure.outcome)
                self.tell({"again": True})
                for lane in self.host.lanes:
                    self.host.kill(lane)
                self.host.close_lanes()
                if failure.lane.name == BIS:
                    return None

    def _run(self) -> None:
        todo = [Lane(name, strategy_of(name)) for name in self.sides if name not in self.failed]
        self.host.random.shuffle(todo)
        for lane in todo:
            self._open(lane)
        works = [name for name in self.sides if any(lane.name == name for lane in self.host.lanes)]
        if works:
            base = works[0]
            self.tell({"baseline": base})
            self.sides[BIS], self.measuring[BIS] = self.sides[base], self.measuring[base]
            self._open(Lane(BIS, strategy_of(base)))
            runs = {lane.name: self._task(lane) for lane in self.host.lanes}
            self.host.warm_up(lambda lane: {"task": runs[lane.name]})
            self.host.rounds(lambda lane: {"task": runs[lane.name]})
            self._memory()
            del self.sides[BIS]
        self.host.close_lanes()

    def _memory(self) -> None:
        """What each worker has of its own after all its tasks. Workers are lanes' own, so that it is one lane's."""
        self.host.round = 0
        for lane in self.host.lanes:
            if lane.worker is not None:
                self.host.value(lane, "worker-uss-bytes", usage(lane.worker.pid).uss_bytes)

    def _settle(self, name: str, outcome: Outcome, nbytes: int | None = None) -> None:
        if not outcome.ok:
            self.failed.add(name)
        self.tell(settled(name, outcome, nbytes))

    def _open(self, lane: Lane) -> None:
        """Start a lane's worker, try the lane once, and tell what became of it and what its setup took."""
        assert lane.strategy is not None
        lane.launch = lane.strategy.launch
        measuring, duty = self.measuring[lane.name], self.sides[lane.name].duty
        if lacks := lane.strategy.lacks:
            self._settle(lane.name, Outcome(Kind.UNAVAILABLE, "", "", lacks))
            return
        try:
            with measuring.trying(lane.name):
                if duty is Duty.STATE:
                    spent = state.set_up(measuring, lane)
                else:
                    spent = timing.repeat(lambda _: self._start(lane, measuring, duty), 1)
                if lane.name != BIS and duty is not Duty.SHARED:
                    self._judge(lane, measuring, duty)
        except LaneRefused as refused:
            self.host.kill(lane)
            lane.stack.close()
            self._settle(lane.name, refused.outcome)
            return
        self.host.round = 0
        self.host.lanes.append(lane)
        self.host.record(lane, "setup", 1, spent)
        if lane.name != BIS:
            self._settle(lane.name, OK, _wire_bytes(lane, measuring, duty))

    def _start(self, lane: Lane, measuring: Measuring, duty: Duty) -> None:
        """A worker for a duty that sets nothing up but its ends, and its first task, not looked at closely."""
        self._start_worker(lane, measuring, duty)
        if duty is Duty.SHARED:
            shared.first_update(measuring, lane)
        else:
            known, measuring.known = measuring.known, ""
            try:
                handoffs.first(measuring, duty, lane)
            finally:
                measuring.known = known

    def _start_worker(self, lane: Lane, measuring: Measuring, duty: Duty) -> None:
        strategy, site = lane.strategy, measuring.site(lane)
        assert strategy is not None
        if duty is Duty.SHARED:
            assert strategy.share is not None
            lane.ends = far = strategy.share(site)
        else:
            assert strategy.carry is not None
            lane.ends = strategy.carry(site)
            far = lane.ends[1 if duty is Duty.ARGUMENT else 0]
        worker = lane.worker = Handle.hire(
            self.shop.ctx, WorkerStart(measuring.ref, duty, ((lane.name, far),)), lane.launch
        )
        if duty is not Duty.SHARED:
            near = lane.ends[0 if duty is Duty.ARGUMENT else 1]
            near.open(worker.to_worker if duty is Duty.ARGUMENT else worker.from_worker)
            lane.stack.callback(near.close)
        for error in worker.ready(measuring.answer_s)["errors"].values():
            raise LaneRefused(Outcome.from_json(error))
        if duty is Duty.SHARED:
            lane.ends.open()
            lane.stack.callback(lane.ends.close)

    def _judge(self, lane: Lane, measuring: Measuring, duty: Duty) -> None:
        """A task looked at closely. Raises :class:`LaneRefused`."""
        found = state.first_use(measuring, lane) if duty is Duty.STATE else handoffs.first(measuring, duty, lane)
        tell, measuring.tell = measuring.tell, timing.nothing  # told by _open, with the bytes
        try:
            measuring.judge(lane.name, *found)
        finally:
            measuring.tell = tell

    def _task(self, lane: Lane) -> Callable[[int], Spent]:
        measuring, duty = self.measuring[lane.name], self.sides[lane.name].duty
        match duty:
            case Duty.STATE:
                return partial(state.use, measuring, lane)
            case Duty.SHARED:
                return partial(shared.operate, measuring, lane, "locked-update")
            case _:
                return partial(handoffs.exchange, measuring, duty, lane)


def strategy_of(lane: str) -> Strategy:
    """The strategy in a lane's name."""
    way = PairLane.of(lane)
    assert way is not None
    return registry()[way.strategy]


def _wire_bytes(lane: Lane, measuring: Measuring, duty: Duty) -> int | None:
    """What travels with each task, where a codec says so."""
    codec = lane.strategy.codec if lane.strategy else None
    if codec is None or duty not in (Duty.ARGUMENT, Duty.RESULT):
        return None
    return codec.size(codec.encode(measuring.obj))
