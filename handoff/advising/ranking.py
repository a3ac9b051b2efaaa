"""From records to ranked ways for one job. Pure."""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from handoff.advising.result import Excluded, Job, Row, key_of
from handoff.analysis import cost, regret, stats, units
from handoff.analysis.figures import FAULT_S, Figures
from handoff.analysis.metrics import BIS, NULL
from handoff.analysis.regret import Question, Regret
from handoff.analysis.stats import Estimate, Samples
from handoff.machine import has_gil
from handoff.measuring.questions import OUT
from handoff.outcome import Kind
from handoff.payload import Duty
from handoff.record import Record
from handoff.strategies import baselines, registry
from handoff.strategy import Channel, Launch, Strategy

#: Where a way stands.
TAKE, AS_GOOD, CONTENDER, SLOWER, FAR = "take", "as good", "contender", "slower", "far"
TIER = {TAKE: 0, AS_GOOD: 0, CONTENDER: 0, SLOWER: 1, FAR: 2}
TASK = {Duty.ARGUMENT: "handoff", Duty.RESULT: "handoff", Duty.STATE: "task", Duty.SHARED: "locked-update"}


FEW = 3  #: trials below which intervals say next to nothing


LIMIT = 1.25  #: a bound that decides, as for the profile ``quick``


#: A simpler way is preferred to the least risk where it was not shown to be slower, and by its middle is no more than
#: so many times slower: less is within what memory and the scheduler do from run to run.
SIMPLER = 1.10


UNJUDGED = 1.5  #: nothing bounds what can be lost where a way this near to the first has too few trials to be judged


LOOKS = 8  #: at growing data, until the time is up or all is known; each costs confidence, see ``analysis/regret.py``


POOL_CHUNKS = (
    4  #: for each worker, where nobody says how large a chunk is: ``Pool._map_async`` in multiprocessing/pool.py
)


PIPE_BYTES = 64 << 10  #: that a pipe holds: pipe(7)


REFERENCE, UNMEASURED = "reference", "unmeasured"  #: outcomes beside those of ``Kind``: a thread; no time was left


@dataclass(frozen=True, slots=True)
class MeasuredWay:
    """One strategy for one duty, as measured."""

    strategy: Strategy
    duty: Duty
    task: Samples
    total: Samples
    setup_s: float
    line: cost.LinearCost  #: seconds over tasks
    chunk: int = 1  #: tasks that a pool pickles at once
    runs: int = 0  #: of its whole program, which ``total`` is then of; 0: it is the sum of the parts
    off: float = 1.0  #: what the whole took, over the sum of the parts
    error: str = ""  #: why its program gave no time when it was run, or ran no more

    @property
    def key(self) -> str:
        return key_of(self.strategy.name, self.duty, self.chunk)

    @property
    def usual(self) -> bool:
        """Whether this is what is done when nothing else is asked for."""
        return self.chunk == 1 and self.strategy.name == baselines(self.duty)[0] and self.duty is not Duty.STATE

    @property
    def change(self) -> float:
        """How much of a program it changes; an argument more is less than another way."""
        return self.strategy.change + (0.5 if self.chunk > 1 else 0.0)

    @property
    def least_s(self) -> float:
        """What the job took in the best of the trials: who is slow even then is slow."""
        return min(median(x for x in row if x) for row in self.total.values() if any(row))


@dataclass(slots=True)
class Whole:
    """Runs of a way's whole program."""

    #: each with its pass, in which all programs were run in turn; its tasks; and its seconds
    runs: list[tuple[int, int, float]] = field(default_factory=list)
    error: str = ""  #: why it was not run again

    def totals(self, tasks: int) -> dict[int, float]:
        """Seconds of the whole job by pass. Runs with fewer tasks than it has stand for it by what each more takes;
        where all were of the same few tasks, that is not known."""
        whole = {number: seconds for number, n, seconds in self.runs if n == tasks}
        if whole or not self.runs:
            return whole
        few = min(n for _, n, _ in self.runs)
        least = median(seconds for _, n, seconds in self.runs if n == few)
        return {
            number: seconds + (tasks - n) * max(0.0, seconds - least) / (n - few)
            for number, n, seconds in self.runs if n > few
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ranking:
    """All ways, the one to take first; and what could not be ranked.

    The first tier are those not shown to be slower than it, the second what was, the last what is surely far slower.
    """

    tiers: tuple[tuple[Row, ...], ...]
    excluded: tuple[Excluded, ...]
    ways: Mapping[str, MeasuredWay]
    start_s: float
    bound: float = math.inf  #: the way to take takes at most so many times what the best of the others does
    copies: Estimate | None = None  #: what two copies of the usual way differ by, where that is more than it may be


def rank(
    records: Sequence[Record],
    job: Job,
    *,
    cores: int,
    known: Mapping[str, tuple[Kind, str]] | None = None,
    imported_s: float = 0.0,
    made_s: float = math.nan,
    nbytes: int = 0,
    start_s: float = math.nan,
    wholes: Mapping[str, Whole] | None = None,
) -> Ranking:
    """Rank everything that carries the object.

    ``records`` are experiments on one payload under the job's start method; one of the duty state, even without
    strategies, tells what starting a worker takes, unless ``start_s`` does. ``known`` names strategies known to alter
    the object, or to fail in some workers, and why. ``imported_s``: importing the module of the object, as workers do
    that are not forked, whether they are given the object when they start or with their first task.
    ``made_s``: making the object; ``nbytes``: about what it weighs, where no record tells. ``wholes``: by key of a way,
    what its program took as a whole, which counts for more than the sum of its parts.
    """
    figures = {Duty(record.kind): Figures(record) for record in records}
    if math.isnan(start_s):
        imports = job.start_method != "fork"
        start_s = _start(figures.get(Duty.STATE), *((imported_s, made_s) if imports else (0.0, math.nan)))
    nbytes = max((record.floor_bytes or 0 for record in records), default=0) or nbytes
    ways: dict[str, MeasuredWay] = {}
    excluded: list[Excluded] = []
    copies: Samples | None = None
    for duty in job.duties:
        if (figure := figures.get(duty)) is None:
            continue
        excluded += _excluded(figure.record, duty, known or {})
        out = {each.strategy for each in excluded if each.duty == duty}
        for name in figure.lanes:
            if name in registry() and name not in out and figure.has(name, TASK[duty]):
                for chunk in _chunks(name, duty, job):
                    way = _way(figure, name, duty, job, start_s, cores, nbytes, chunk)
                    ways[way.key] = way
        if copies is None and figure.record.baseline in registry() and figure.has(BIS, TASK[duty]):
            copies = _way(figure, BIS, duty, job, start_s, cores).total
    for key, whole in (wholes or {}).items():
        if key in ways and whole.error:
            ways[key] = replace(ways[key], error=whole.error)
    ran = {key: whole for key, whole in (wholes or {}).items() if key in ways and whole.totals(job.tasks)}
    if len(ran) > 1 or len(ran) == len(ways) > 0:  # one alone says nothing of the others
        ways, copies = _as_run(ways, ran, job.tasks), None
    return _ordered(ways, copies, tuple(_merged(excluded)), start_s)


def _as_run(ways: Mapping[str, MeasuredWay], wholes: Mapping[str, Whole], tasks: int) -> dict[str, MeasuredWay]:
    """The ways with what their programs took. Of those that were not run the sum of the parts, and what the others
    took beyond that."""
    found: dict[str, MeasuredWay] = {}
    beyond: list[float] = []
    for key, whole in wholes.items():
        way = ways[key]
        total: Samples = {number: [seconds] for number, seconds in whole.totals(tasks).items()}
        took, added = stats.estimate(total).value, stats.estimate(way.total).value
        beyond.append(took - added)
        found[key] = replace(way, total=total, line=_through(way.line, tasks, took), runs=len(total), off=took / added)
    extra = median(beyond)
    for key, way in ways.items():
        if key not in found:
            total = {
                trial: [None if x is None else max(x / 2, x + extra) for x in row] for trial, row in way.total.items()
            }
            line = _through(way.line, tasks, stats.estimate(total).value)
            found[key] = replace(way, total=total, line=line, off=math.nan)
    return {key: found[key] for key in ways}


def _through(line: cost.LinearCost, tasks: int, seconds: float) -> cost.LinearCost:
    """The line for a job that took ``seconds``: what the sum of its parts lacks is paid once, as far as that goes."""
    fixed = line.fixed + seconds - line.at(tasks)
    if fixed >= 0:
        return cost.LinearCost(fixed, line.slope)
    return cost.LinearCost(line.fixed * seconds / line.at(tasks), line.slope * seconds / line.at(tasks))


def _start(state: Figures | None, imported_s: float, made_s: float) -> float:
    """Seconds until one worker is ready, its imports included; NaN where it was not measured.

    The bare worker of the lane ``null`` imports nothing of the user's. What was given to a worker when it started had
    to be imported too, so that the quickest of these tells how long that takes at most. At least it takes what
    importing took here; and what a worker that makes the object needs for all else than making and reading it.
    """
    if state is None or not state.has(NULL, "setup"):
        return math.nan
    bare = state.figure(NULL, "setup").time.value
    threads = {name for name, strategy in registry().items() if strategy.launch is Launch.THREAD}
    lanes = [lane for lane in state.lanes if lane not in {NULL, *threads} and state.has(lane, "setup")]
    most = min((state.figure(lane, "setup").time.value - bare for lane in lanes), default=math.inf)
    least = imported_s
    for lane in lanes if math.isfinite(made_s) else ():
        if lane in registry() and registry()[lane].makes and state.has(lane, TASK[Duty.STATE]):
            done = made_s + state.figure(lane, TASK[Duty.STATE]).time.value
            least = max(least, state.figure(lane, "setup").time.value - bare - done)
    return bare + max(0.0, min(least, most))


def _chunks(name: str, duty: Duty, job: Job) -> tuple[int, ...]:
    """The sizes of chunk to be priced: one task each, as measured; what ``Pool.map`` takes by itself; one a worker.

    One a worker hands the object over as rarely as can be, and leaves nothing to whoever is ready first.
    """
    workers = max(1, job.workers)
    own = math.ceil(job.tasks / (POOL_CHUNKS * workers))
    if not registry()[name].chunked or duty is not Duty.ARGUMENT or own <= 1:
        return (1,)
    return 1, own, math.ceil(job.tasks / workers)


def _way(
    figure: Figures, lane: str, duty: Duty, job: Job, start_s: float, cores: int, nbytes: int = 0, chunk: int = 1
) -> MeasuredWay:
    """The samples of one lane, and what the job takes by each of them.

    A pool pickles the tasks of a chunk together, and the object that they have in common once: a chunk is one hand-off
    and as many times the work.

    Workers start one beside the other, as many as there are cores. But what is pickled into a worker's start goes
    through a pipe, which its parent fills until the worker, having started and imported, takes it out: beyond a pipe's
    buffer they start, import and unpickle one after the other.
    """
    name = figure.record.baseline if lane == BIS else lane
    strategy = registry()[name]
    task = figure.samples(lane, TASK[duty])
    typical = stats.estimate(task).value
    serial = _serial(figure, lane, duty, strategy, typical)
    if chunk > 1:
        longer = 1 + (chunk - 1) * min(1.0, _phases(figure, lane, duty)["touch"] / typical)
        task = {trial: [None if x is None else x * longer for x in row] for trial, row in task.items()}
        typical *= longer
    tasks = math.ceil(job.tasks / chunk)
    n = max(1, min(job.workers, job.tasks))
    rounds = n / max(1, min(n, cores))  # so many workers start one after the other
    by_start = strategy.channel is Channel.START and strategy.inherits and job.start_method not in strategy.inherits
    pushed = by_start and nbytes > PIPE_BYTES

    def hired(ready_s: float) -> float:
        """Seconds until all are ready, when one takes ``ready_s``."""
        return n * ready_s - (n - 1) * min(typical, ready_s) if pushed else rounds * ready_s

    start = 0.0 if math.isnan(start_s) else start_s
    setups: dict[Any, float] = {}
    if duty is Duty.STATE and figure.has(lane, "setup"):
        setups = {
            trial: median(x for x in row if x) for trial, row in figure.samples(lane, "setup").items() if any(row)
        }
    elif strategy.channel is Channel.MANAGER:
        setups = dict.fromkeys(task, 2 * start)  # the server is one more process
    usual = median(setups.values()) if setups else start
    once = _first_touch(figure.record, duty, strategy)
    limit = cost.parallelism_limit(n, cores, typical, min(serial, typical))
    speed = cost.effective_parallelism(tasks, n, max(limit, 1.0)) if tasks else 1.0
    total: dict[Any, list[float | None]] = {
        trial: [
            None if x is None else cost.total(
                tasks, workers=n, start=hired(setups.get(trial, usual)), setup=once, task=x,
                parallelism=max(limit, 1.0),
            )
            for x in row
        ]
        for trial, row in task.items()
    }  # fmt: skip
    line = cost.LinearCost(hired(usual) + once, typical / chunk / speed)
    each = {trial: [None if x is None else x / chunk for x in row] for trial, row in task.items()}
    return MeasuredWay(strategy, duty, each, total, max(0.0, hired(usual) - rounds * start) + once, line, chunk)


def _first_touch(record: Record, duty: Duty, strategy: Strategy) -> float:
    """Seconds that the first hand-off through shared memory takes beyond the later ones, which are those measured.

    A segment gets its pages when they are first written. For the duty ``state`` that is in what setting up took.
    """
    if duty not in (Duty.ARGUMENT, Duty.RESULT) or strategy.channel not in (Channel.SHM, Channel.ARRAY):
        return 0.0
    return FAULT_S * (record.floor_bytes or 0) / mmap.PAGESIZE


def _phases(figure: Figures, lane: str, duty: Duty) -> Mapping[str, float]:
    """Those of a lane. An executor's are not known, but that it does the same work as the baseline."""
    known = figure.phases(lane, TASK[duty])
    if known or not (base := figure.phases(figure.record.baseline, TASK[duty])):
        return known or {"encode": 0.0, "decode": 0.0, "touch": 0.0}
    return {"encode": 0.0, "decode": 0.0, "touch": base["touch"]}


def _serial(figure: Figures, lane: str, duty: Duty, strategy: Strategy, task_s: float) -> float:
    """The part of a task that only one process can do at a time: what the parent or a manager's server does."""
    if strategy.is_reference(gil=has_gil(figure.record.fingerprint)):
        return task_s
    if duty is Duty.STATE:
        own = strategy.channel is Channel.MANAGER
        null = figure.figure(NULL, "task").time.value if figure.has(NULL, "task") else 0.0
        return task_s if own else min(null, task_s)
    if duty is Duty.SHARED:
        return task_s  # all wait for one lock
    phases = _phases(figure, lane, duty)
    there = phases["decode"] + phases["touch"] if duty is Duty.ARGUMENT else phases["encode"]
    if strategy.channel is Channel.MANAGER:
        there = phases["touch"]
    return max(0.0, task_s - there)


def _excluded(record: Record, duty: Duty, known: Mapping[str, tuple[Kind, str]]) -> list[Excluded]:
    found = []
    measured = {row[0] for row in record.rows}
    for name in record.strategies:
        outcome = record.outcomes.get(name)
        strategy = registry().get(name)
        if outcome is not None and not outcome.ok:
            found.append(Excluded(name, str(outcome.kind), outcome.reason, duty))
        elif strategy is not None and strategy.is_reference(gil=has_gil(record.fingerprint)):
            figure = Figures(record)
            took = f": {units.seconds(figure.figure(name, TASK[duty]).time.value)} a task" if name in measured else ""
            text = f"no other process: a thread gets the object itself, and all threads share one GIL{took}"
            found.append(Excluded(name, REFERENCE, text, duty))
        elif name in known and not (strategy and strategy.inherited(str(duty), record.start_method)):
            kind, reason = known[name]
            found.append(Excluded(name, str(kind), reason, duty))
        elif name not in measured:
            text = record.failed or "not measured: the time was up, or it was left out for the sake of likelier ones"
            found.append(Excluded(name, UNMEASURED, text, duty))
    return found


def _merged(excluded: Sequence[Excluded]) -> list[Excluded]:
    """One entry for what fails in the same way for both duties."""
    found: dict[tuple[str, str, str], Excluded] = {}
    for each in excluded:
        key = each.strategy, each.outcome, "" if each.outcome == REFERENCE else each.reason
        duties = f"{found[key].duty}, {each.duty}" if key in found else each.duty
        found[key] = Excluded(each.strategy, each.outcome, each.reason, duties)
    return list(found.values())


def _ordered(
    ways: Mapping[str, MeasuredWay], copies: Samples | None, excluded: tuple[Excluded, ...], start_s: float
) -> Ranking:
    """By regret, as everywhere: how much can be lost by taking a way.

    What has too few trials to be judged is far where it takes :data:`OUT` times the best's time, and else a contender.
    """
    if not ways:
        return Ranking((), excluded, ways, start_s)
    typical = {key: stats.estimate(way.total).value for key, way in ways.items()}
    most = max(len(way.total) for way in ways.values())
    swift = min(typical, key=lambda key: typical[key])
    near = {key for key, seconds in typical.items() if seconds < OUT * typical[swift]}
    judged = [key for key, way in ways.items() if len(way.total) >= min(most, 2 if key in near else FEW)]
    if ran := [key for key, way in ways.items() if way.runs]:
        most = max(ways[key].runs for key in ran)
        judged = [key for key in ran if ways[key].runs >= min(most, 2)]
        swift = min(judged, key=lambda key: typical[key])
    if swift not in judged and typical[swift] * OUT < min(typical[key] for key in judged):
        judged = [swift]  # far faster at once than what is known better
    judged = [key for key in judged if not ways[key].error] or judged
    usual = next((key for key in ways if key in judged and ways[key].usual), "")
    question = Question({key: ways[key].total for key in judged}, usual, copies if usual else None)
    law = regret.law_of([replace(question, baseline=usual or swift)])
    found = regret.judge(question, law, limit=LIMIT, looks=LOOKS)
    copies_apart = found.decision.copies.value if found.decision.copies else 1.0  # less is nothing that was shown
    lead = _lead(found.regrets, ways, typical, copies_apart)
    others = {key: _verdict(key, lead, found.regrets, typical, copies_apart) for key in ways if key != lead}
    verdicts = {lead: TAKE, **others}
    start_s = min(start_s, typical[swift])  # no job is done before a worker is ready: beyond that it is a trial's noise
    order = sorted(ways, key=lambda key: (TIER[verdicts[key]], key != lead, typical[key]))
    rows = {key: _row(ways[key], verdicts[key], typical[key] / typical[lead], judged=key in judged) for key in order}
    tiers = (tuple(rows[key] for key in order if TIER[verdicts[key]] == tier) for tier in range(3))
    unjudged = [key for key, way in ways.items() if key not in judged and not way.error]
    open_still = any(typical[key] < UNJUDGED * typical[lead] for key in unjudged)
    bound = math.inf if open_still else found.regrets[lead].bound
    return Ranking(tuple(filter(None, tiers)), excluded, ways, start_s, bound, found.decision.copies)


def _lead(
    regrets: Mapping[str, Regret], ways: Mapping[str, MeasuredWay], typical: Mapping[str, float], apart: float
) -> str:
    """The simplest of those that are as good as the least risk, as far as can be told; of chunks the smallest."""
    least, *_ = regrets
    decided = regrets[least].bound <= LIMIT

    def as_good(key: str) -> bool:
        one = regrets[key]
        near = one.slower.value if math.isfinite(one.slower.value) else typical[key] / typical[least]
        sure = one.bound <= LIMIT or not decided or apart > 1
        return key == least or (one.slower.low <= apart and near <= max(SIMPLER, apart) and sure)

    return min(
        (key for key in regrets if as_good(key)), key=lambda key: (ways[key].change, ways[key].chunk, typical[key])
    )


def _verdict(key: str, lead: str, regrets: Mapping[str, Regret], typical: Mapping[str, float], apart: float) -> str:
    if key not in regrets:
        return FAR if typical[key] >= OUT * typical[lead] else CONTENDER
    one = regrets[key]
    if one.least > regret.FAR or not math.isfinite(one.bound):
        return FAR if one.least > regret.FAR or typical[key] >= OUT * typical[lead] else CONTENDER
    if one.bound <= LIMIT and apart == 1:
        return AS_GOOD
    return SLOWER if one.least >= max(regret.WORTH, apart) else CONTENDER


def _row(way: MeasuredWay, verdict: str, ratio: float, *, judged: bool) -> Row:
    task, total = stats.estimate(way.task), stats.estimate(way.total)
    notes = []
    if way.error:
        notes.append(f"its program, run as a whole: {way.error}")
    elif verdict == FAR and not judged:
        notes.append("far slower already in the first trials: measured no more")
    elif total.n_trials < FEW:
        notes.append(f"{total.n_trials} trial{'s' if total.n_trials > 1 else ''} only: a first impression")
    elif way.off != 1.0 and not way.runs:
        notes.append("its program was not run: the sum of its parts")
    elif verdict == CONTENDER:
        notes.append(f"not known to be within {LIMIT} × the best, nor slower than the first")
    return Row(
        way.strategy.name, str(way.duty), task.value, task.low, task.high, way.setup_s, total.value, total.low,
        total.high, ratio, verdict, total.n_trials, way.strategy.meaning, tuple(notes), chunk=way.chunk,
    )  # fmt: skip
