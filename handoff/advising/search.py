"""Measuring for advice: as much as a budget allows, the likeliest ways first, an answer as soon as there is one.

First a look at the few likeliest ways; then all the others, in trials of which one follows the other, argument and
state in turn, until the budget is spent or the intervals are narrow. What turns out hopeless is measured no more.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from handoff import timeouts
from handoff.advising.ranking import FEW, Ranking, Whole, rank
from handoff.advising.result import Advice, AdviceWarning, Job
from handoff.advising.whole_jobs import Afresh, Stem
from handoff.advising.wording import advise, heavy_bytes, known_faults
from handoff.analysis.metrics import BIS
from handoff.analysis.units import size
from handoff.machine import free_shared_bytes
from handoff.measuring.experiment import Experiment, GroupRun, serves
from handoff.measuring.messages import Spec
from handoff.measuring.questions import OUT
from handoff.outcome import Kind, Outcome
from handoff.payload import Duty
from handoff.processes.deadlines import Patience
from handoff.processes.interpreter import Interpreter
from handoff.processes.proc import with_descendants
from handoff.profile import Profile, fields_of
from handoff.record import Record
from handoff.strategies import baselines, registry, usual
from handoff.strategy import Channel
from handoff.target import Entry
from handoff.timing import nothing

if TYPE_CHECKING:
    from handoff.diagnosing import Diagnosis

BUDGET_S = 30.0
PROFILE = Profile(name="desk", trials=1, rounds=3, sample_s=0.002, lane_s=0.015, grouped=False)
TARGET = 1.05  #: a bound at which more trials are needless, as for the profile ``publish``
HOPELESS = (20.0, 8.0, 4.0)  #: slower than the best by this factor after one, two, more trials: measured no more
SHARE = 0.4  #: of what is left of the budget, for the first look at everything
MEMORY_SHARE, MEMORY_S, MEMORY_MOST = 0.2, 6.0, 4  #: of the budget, at most, for the memory of so many ways
FIXED_S = 0.6  #: about what a trial takes without any lane: an interpreter, its imports, a worker

MIDDLE = 50  #: more than there are likely ways
SCOUTS = 4  #: so many of them make the first answer
SCOUT_MADE_S = 0.3  #: what makes the object anew is not among them where that takes longer: no worker is told before
COMPARED_S = 0.3  #: objects that take longer to read are compared by checksums alone: stating them takes ten times that
CHECKSUM_NOTE = "too many parts to compare them all in the time: what arrived was compared by its checksum"
HEAVY_BYTES, HEAVY_S = 32 << 20, 0.5
Opener = Callable[[dict[str, Any], int], Interpreter]
Written = Callable[[str, Duty, int], str]  #: the program of a strategy, duty and chunk
Show = Callable[[Advice], Any]


class _OutOfTime(Exception):
    """The budget is spent."""


@dataclass
class Plan:
    """All that measuring needs to know of the object and the job."""

    target: str
    entry: Entry
    job: Job
    opener: Opener  #: starts a trial: afresh, or forked from where the object is
    end: float  #: on ``time.monotonic``'s clock ...
    cores: int
    walk_s: float = 0.0  #: what reading all of the object takes
    work_s: float = 0.0  #: what a task does with the object: reading all of it, or the user's own work
    imported_s: float = 0.0
    made_s: float = math.nan  #: what making it takes
    diagnosis: Diagnosis | None = None
    leave_out: tuple[str, ...] = ()  #: strategies that can't be asked
    recipes: Callable[[Job], Any] | None = None  #: how the recipes of a job are written down
    programs: Callable[[Job], Written] | None = None  #: how its programs are, and ...
    runner: Afresh | Stem | None = None  #: ... what runs them
    warnings: tuple[AdviceWarning, ...] = ()
    against: str = ""  #: what speaks against this start method, so that it is taken only if no other can be
    several: bool = False  #: whether this start method is one of several that are judged
    endless: str = ""  #: why a task can't be measured: what is said instead of an answer
    notes: list[str] = field(default_factory=list)
    seed: int = field(default_factory=lambda: random.SystemRandom().randrange(2**32))
    refactored: tuple[Entry, Opener] | None = None
    anyway_s: float = 0.0  #: ... but that a trial may take, although the budget is over

    def over(self, anyway: Patience | None) -> bool:
        """Whether a trial is to be ended: the budget is over, or what it may take anyway, on a busy machine twice."""
        if anyway is None:
            return time.monotonic() > self.end
        return not anyway.left_s() or time.monotonic() - anyway.begun > 2 * anyway.seconds

    def left_s(self) -> float:
        return self.end - time.monotonic()

    @property
    def heavy(self) -> bool:
        """Whether a single hand-off takes so long that only a few can be tried."""
        return max(heavy_bytes(self.diagnosis), self.entry.payload.nbytes or 0) > HEAVY_BYTES or self.work_s > HEAVY_S


class _Lanes(GroupRun):
    """One experiment's record while it grows, trial by trial, with ever fewer lanes."""

    def __init__(self, plan: Plan, entry: Entry, kind: str, names: Sequence[str], opener: Opener) -> None:
        answer_s = timeouts.ADVISED_S + timeouts.BUSIEST * plan.work_s
        profile = replace(PROFILE, answer_s=answer_s)
        super().__init__([Experiment(entry, kind, plan.job.start_method, tuple(names))], profile, plan.seed, "")
        self.plan, self.opener = plan, opener
        self.wanted: list[str] = list(names)
        self.silence_s = timeouts.ADVISED_START_S + timeouts.ADVISED_TIMES * (answer_s + plan.imported_s)
        self.took_s = self.each_s = 0.0
        self.bases: dict[int, str] = {}  #: by trial: the lane of which ``baseline-bis`` is the second copy

    @property
    def record(self) -> Record:
        return self.records[0]

    def one(self, names: Sequence[str]) -> None:
        """One more trial, of these strategies."""
        self.wanted = list(names)
        begin = time.monotonic()
        self.trial(self.done, nothing)
        self.took_s = time.monotonic() - begin
        asked = max(1, len(self.wanted) + 1)
        self.each_s = max(self.took_s - FIXED_S, self.took_s / 4) / asked

    @property
    def base(self) -> str:
        """The baseline of most trials: others were dropped, or failed."""
        working = [lane for lane in self.bases.values() if lane not in self.failed(self.record)]
        return max(working, key=working.count, default="")

    def settled(self) -> Record:
        """The record as it stands: without samples of what has failed, or of second copies of another baseline."""
        failed, base = self.failed(self.record), self.base
        rows = [
            row
            for row in self.record.rows
            if row[0] not in failed and (row[0] != BIS or self.bases.get(row[2]) == base)
        ]
        return replace(self.record, rows=rows, baseline=base)

    def spec(self, index: int) -> Spec:
        names = [name for name in self.wanted if name not in self.failed(self.record)]
        return {
            "ref": self.group[index].entry.ref.to_json(),
            "kind": self.group[index].kind,
            "strategies": [] if self.record.failed else names,
            "verify": any(name not in self.record.outcomes for name in names),
        }

    def interpreter(self, number: int, todo: set[int], progress: Callable[[str], None]) -> None:
        config = {
            "seed": self.seed + number,
            "start_method": self.plan.job.start_method,
            "profile": fields_of(self.profile),
            "experiments": [self.spec(0)],
        }
        inside = self.opener(config, self.seed + number)
        trying = died = ""
        try:
            for event in self._listen(inside):
                match event:
                    case {"trying": lane}:
                        trying = lane
                    case {"done": _}:  # the only experiment: what is left is to end in order
                        todo.clear()
                    case {"at": _}:
                        trying = ""
                    case {"baseline": lane}:
                        self.bases[number] = lane
                    case _:
                        self.note(self.record, number, event)
            if todo:
                died = f"the measuring process {inside.how_it_ended()}"
        except _OutOfTime:
            todo.clear()  # what it has told counts
        except TimeoutError as error:
            died = str(error)
        finally:
            complaint = inside.complaints().strip()
            inside.close()
        if complaint and complaint not in self.record.complaints:
            self.record.complaints.append(complaint)
        if died:
            self.forget(self.record, number)
            if trying in self.record.strategies and trying not in self.failed(self.record):
                self.record.outcomes[trying] = Outcome(Kind.BROKEN, "parent", "", died)
            else:
                last = complaint.splitlines()[-1:] if complaint else []
                self.record.failed = ": ".join([died, *last])
                todo.clear()

    def _listen(self, inside: Interpreter) -> Iterable[dict[str, Any]]:
        """What it tells. Raises ``TimeoutError`` when it falls silent, :class:`_OutOfTime` at the budget's end.

        When all is done the object is dropped, and the process ends: the user's code that runs then may hang.
        """

        def whose() -> Iterable[int]:
            return with_descendants({inside.process.pid})

        patience, done = Patience(self.silence_s, whose), False
        anyway = Patience(self.plan.anyway_s, whose) if self.plan.anyway_s else None
        while True:
            try:
                for message in inside.told(timeouts.TICK_S):
                    patience.begun = time.monotonic()
                    if self.plan.over(anyway):
                        raise _OutOfTime
                    yield message
                    if "done" in message:
                        patience, done = Patience(timeouts.END_S, whose), True
                return
            except TimeoutError:
                if done and not patience.left_s():
                    return
                if self.plan.over(anyway):
                    raise _OutOfTime from None
                if not patience.left_s():
                    raise TimeoutError(f"no answer in {self.silence_s:.0f} s") from None


def lanes_for(duty: Duty, leave_out: Sequence[str] = ()) -> list[str]:
    """The strategies that serve a duty, the likeliest first."""
    known = [name for name in usual() if serves(name, duty) and name not in leave_out]
    return sorted(known, key=lambda name: _turn(name, duty))


def _turn(name: str, duty: Duty) -> int:
    """Its place among the ways of a duty; what is neither likely nor late in between."""
    strategy = registry()[name]
    return dict(strategy.likely).get(duty, MIDDLE + strategy.late)


class Search:
    """The measuring for one job under one start method: a first look, then as much as there is time for."""

    def __init__(self, plan: Plan, progress: Callable[[str], Any] = nothing) -> None:
        import numpy  # noqa: F401, ICN001 - judging needs it; what trials are forked from must be alike in all of them

        self.plan, self.progress = plan, progress
        self.began = time.monotonic()
        if plan.walk_s >= COMPARED_S:
            plan.notes.append(CHECKSUM_NOTE)
            plan.entry = replace(plan.entry, ref=replace(plan.entry.ref, stated=False))
        self.names = {duty: lanes_for(duty, plan.leave_out) for duty in plan.job.duties}
        self.runs: dict[Duty, _Lanes] = {}
        order = plan.job.duties[::-1] if plan.heavy else plan.job.duties  # what is set up once, first
        for duty in dict.fromkeys((*order, Duty.STATE)):  # without strategies: what starting a worker takes
            names = self.names.get(duty, ())
            self.runs[duty] = _Lanes(plan, plan.entry, duty, names, plan.opener)
            self.runs[duty].record.outcomes |= _too_large(plan, names)
        self.refactored: list[Record] = []
        self.memory: list[Record] = []
        self.wholes: dict[str, Whole] = {}  #: by key of a way

    def ranking(self) -> Ranking:
        """What is known by now."""
        return _ranking(self.plan, self.runs, self.wholes)

    def look(self, show: Show = nothing, more: Sequence[str] = ()) -> None:
        """A first look at the likeliest ways of each duty, and at ``more`` where they serve it."""
        plan, end = self.plan, self.plan.end
        for number, (duty, run) in enumerate(self.runs.items()):
            names = self.names.get(duty, [])
            self.progress(f"{plan.job.start_method}, {duty}: a first look")
            scouts = [name for name in names if self._is_scout(name)][:SCOUTS]
            if plan.heavy and scouts:
                scouts = [name for name in names if duty in registry()[name].heavy] or scouts
            scouts = list(dict.fromkeys([*scouts, *(name for name in more if name in names)]))
            now = time.monotonic()
            plan.end = now + (end - now) / (len(self.runs) - number)
            if plan.left_s() > 0:
                run.one(scouts)
            if scouts and plan.left_s() > 0 and not _any_works(run, scouts):
                run.one(_next(names, run))
            if duty in plan.job.duties:
                show(self.conclude())
        plan.end = end

    def _is_scout(self, name: str) -> bool:
        """Whether a way can be of use for the first answer."""
        strategy = registry()[name]
        slow = strategy.makes and self.plan.made_s > SCOUT_MADE_S
        return self.plan.job.start_method in strategy.start_methods and not slow

    def go_on(self, *, always: bool) -> None:
        """All the others, until the time is up or all is known; ``always`` something, however little time there is."""
        plan = self.plan
        if plan.refactored is not None and plan.left_s() > 2:
            self.progress("the refactored shape")
            self.refactored += _measure_refactored(plan, *plan.refactored)
        _look_at_all(plan, self.runs, self.names, self.progress)
        self._ask_the_rest()
        _go_on(plan, self.runs, self.progress)
        if always and not (self.ranking().tiers and self._default_is_known()):
            _measure_the_baseline(plan, self.runs, self.names, self.progress)

    def _ask_the_rest(self) -> None:
        """As long as nothing carries it, those that were not asked yet, a few at a time."""
        for duty, run in self.runs.items():
            asked: list[str] = []
            while self.plan.left_s() > 0 and not self.ranking().tiers:
                names = _next(self.names.get(duty, []), run)
                if not names or names == asked:  # all were, or these do not answer
                    break
                self.progress(f"{duty}: {len(names)} ways more")
                run.one(names)
                asked = names

    def _default_is_known(self) -> bool:
        """Whether what would be done anyway was looked at: who sets nothing up sends the object with each task."""
        job = [duty for duty in self.plan.job.duties if duty is not Duty.STATE] or self.plan.job.duties
        for duty in job:
            record = self.runs[duty].settled()
            failed = {name for name, outcome in record.outcomes.items() if not outcome.ok}
            if set(baselines(duty)) & (failed | {row[0] for row in record.rows}):
                return True
        return False

    def weigh(self) -> None:
        """What the leading ways take in memory, as far as the time allows."""
        self.memory += _weigh(self.plan, self.ranking(), self.progress)

    def conclude(self) -> Advice:
        """The advice, from what is known by now."""
        plan = self.plan
        return advise(
            plan.target,
            plan.job,
            [run.settled() for run in self.runs.values()],
            cores=plan.cores,
            diagnosis=plan.diagnosis,
            refactored=self.refactored,
            memory=self.memory,
            imported_s=plan.imported_s,
            made_s=plan.made_s,
            recipe=plan.recipes(plan.job) if plan.recipes else None,
            notes=plan.notes,
            seconds=round(time.monotonic() - self.began, 1),
            work_s=plan.work_s or math.nan,
            warnings=plan.warnings,
            several=plan.several,
            wholes=self.wholes,
        )


def _too_large(plan: Plan, names: Sequence[str]) -> dict[str, Outcome]:
    """The ways through shared memory, where it has not the room that the object needs, once for each worker."""
    needed = max(heavy_bytes(plan.diagnosis), plan.entry.payload.nbytes or 0) * plan.job.workers
    free = free_shared_bytes()
    if free is None or needed <= free:
        return {}
    text = f"/dev/shm has {size(free)} free, and this needs {size(needed)}: make it larger (docker run --shm-size)"
    outcome = Outcome(Kind.UNAVAILABLE, "parent", "", text)
    return {name: outcome for name in names if registry()[name].channel is Channel.SHM}


def _measure_the_baseline(
    plan: Plan, runs: dict[Duty, _Lanes], names: dict[Duty, list[str]], progress: Callable[[str], Any]
) -> None:
    """What would be done anyway is measured, whatever the budget; on a busy machine, too."""
    for duty in plan.job.duties:
        base = next((name for name in names[duty] if name in baselines(duty)), None)
        if base is not None and base not in runs[duty].failed(runs[duty].record):
            progress(f"{duty}: {base}, although the budget is over")
            plan.anyway_s = plan.imported_s + timeouts.TRIAL_ANYWAY_S + timeouts.ANYWAY_WORKS * plan.work_s
            runs[duty].one([base])
        if runs[duty].settled().rows:
            break
    plan.anyway_s, plan.end = 0.0, time.monotonic()


def _weigh(plan: Plan, ranking: Ranking, progress: Callable[[str], Any]) -> Iterable[Record]:
    """What the leading ways take in memory, the best first, as far as the time allows."""
    rows = ranking.tiers[0][:MEMORY_MOST] if ranking.tiers else ()
    for duty in dict.fromkeys(row.duty for row in rows):
        names = list(dict.fromkeys(row.strategy for row in rows if row.duty == duty))
        run = _Lanes(plan, plan.entry, f"memory-{duty}", names, plan.opener)
        for group in [[name] for name in names] if plan.heavy else filter(None, (names[:1], names[1:])):
            if plan.left_s() > FIXED_S + run.took_s:
                progress(f"memory: {', '.join(group)}")
                run.one(group)
        yield run.settled()


def _any_works(run: _Lanes, names: Sequence[str]) -> bool:
    return any((outcome := run.record.outcomes.get(name)) is not None and outcome.ok for name in names)


def _next(names: Sequence[str], run: _Lanes) -> list[str]:
    return [name for name in names if name not in run.record.outcomes][:SCOUTS]


def _look_at_all(
    plan: Plan, runs: dict[Duty, _Lanes], names: dict[Duty, list[str]], progress: Callable[[str], Any]
) -> None:
    """Every other way once, beside those that work; where an object is too heavy for that, the likelier ones."""
    for index, (duty, run) in enumerate(each for each in runs.items() if each[0] in plan.job.duties):
        ranking = _ranking(plan, runs)
        best_s = ranking.tiers[0][0].total_s if ranking.tiers else 0.0
        known = sorted((way for way in ranking.ways.values() if way.duty == duty), key=lambda way: way.least_s)
        good = list(dict.fromkeys(way.strategy.name for way in known if way.least_s <= OUT * best_s))
        left = [name for name in names[duty] if name not in run.record.outcomes]
        if plan.heavy:  # more trials of likely ways tell more than one of each unlikely one
            left = [name for name in left if _turn(name, duty) < MIDDLE]
        share_s = plan.left_s() * (SHARE if index < len(plan.job.duties) - 1 else 0.5)
        most = int((share_s - FIXED_S) / run.each_s) if run.each_s else len(left)
        if plan.left_s() < FIXED_S + 2.2 * run.each_s:
            continue
        if known and not good and most < len(left):  # all are far behind: what one does now is of interest, no more
            most = 1
        elif plan.heavy:
            most = max(most, 2)
        chosen = [*dict.fromkeys([*good[:1], *left, *good[1:]])][: max(most, 1)]
        progress(f"{duty}: {len(chosen)} ways")
        run.one(chosen)


def _ranking(plan: Plan, runs: dict[Duty, _Lanes], wholes: Mapping[str, Whole] | None = None) -> Ranking:
    records = [run.settled() for run in runs.values()]
    known = known_faults(plan.diagnosis, plan.job.start_method)
    return rank(
        records, plan.job, cores=plan.cores, known=known, imported_s=plan.imported_s, made_s=plan.made_s,
        nbytes=heavy_bytes(plan.diagnosis), wholes=wholes,
    )  # fmt: skip


def _go_on(plan: Plan, runs: dict[Duty, _Lanes], progress: Callable[[str], Any]) -> None:
    """Trial after trial of what is not hopeless, the kinds in turn, until the time is up or all is known."""
    while True:
        ranking = _ranking(plan, runs)
        if ranking.tiers and _known(ranking):
            return
        best = ranking.tiers[0][0] if ranking.tiers else None
        went = False
        for duty, run in runs.items():
            own = duty in plan.job.duties
            if run.done == 0 or (not own and run.done >= FEW):
                continue
            rows = [row for tier in ranking.tiers for row in tier if row.duty == duty]
            limit = HOPELESS[min(run.done, len(HOPELESS)) - 1]
            most_s = limit * best.total_s if best else 0.0
            likely = [row.strategy for row in rows if ranking.ways[row.key].least_s <= most_s]
            chosen = list(dict.fromkeys(likely))
            if own and not chosen:
                continue
            if own and run.done < FEW:
                chosen += [
                    w.name for w in registry().values() if w.channel is Channel.THREAD and w.name in run.record.outcomes
                ]
            fits = int((plan.left_s() - FIXED_S) / (1.2 * max(run.each_s, 1e-3))) - 1
            if (own and fits < min(2, len(chosen))) or fits < 0:
                continue
            by_need = sorted(chosen, key=lambda name: name != run.base)  # the baseline always
            chosen = by_need[: max(fits, 1)] if own else []
            progress(f"{duty}: trial {run.done + 1}, {len(chosen)} ways" if own else f"starting workers {run.done + 1}")
            run.one(chosen)
            went = own or went
            if run.record.failed and own:
                return
        if not went:
            return


def _known(ranking: Ranking) -> bool:
    """Whether hardly anything can be lost any more by taking the best way."""
    return ranking.bound <= TARGET


def _measure_refactored(plan: Plan, entry: Entry, opener: Opener) -> list[Record]:
    """Plain ways for the object without its culprits, within a fifth of the time that is left."""
    end, plan.end = plan.end, time.monotonic() + plan.left_s() / 5
    records = []
    for duty in dict.fromkeys((*plan.job.duties, Duty.STATE)):
        if duty not in (Duty.ARGUMENT, Duty.STATE):
            continue
        heavy = [name for name in lanes_for(duty) if duty in registry()[name].heavy]
        ways = (baselines(duty)[0], *heavy) if duty in plan.job.duties else ()
        run = _Lanes(plan, entry, duty, ways, opener)
        for _ in range(FEW):
            if plan.left_s() > run.took_s:
                run.one(ways)
        if not run.record.failed:
            records.append(run.settled())
    plan.end = end
    return records


# ------------------------------------------------------------------------------------------- a target, or a live object
