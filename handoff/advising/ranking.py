"""From records to ranked ways for one job. Pure."""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median, stdev
from typing import Any

from handoff.advising.result import Excluded, Job, Row, key_of
from handoff.analysis import cost, stats, units
from handoff.analysis.figures import FAULT_S, Figures
from handoff.analysis.metrics import BIS, NULL
from handoff.analysis.stats import LaneVerdict, Samples
from handoff.machine import has_gil
from handoff.outcome import Kind
from handoff.payload import Duty
from handoff.record import Record
from handoff.strategies import registry
from handoff.strategy import Channel, Launch, Strategy

TASK = {Duty.ARGUMENT: "handoff", Duty.RESULT: "handoff", Duty.STATE: "task", Duty.SHARED: "locked-update"}


COARSE = 3.0  #: from this factor on fewer than three trials are enough to call a way slower: noise is far below it


FEW = 3  #: trials below which intervals say next to nothing


ENOUGH = 0.02  #: a simpler way is preferred to a faster one of the same tier if it is within 2 %, or within the error


#: ... of no more than so much: what is slower by more than that is taken for slower even if little is known. Of short
#: tasks, whose time is the scheduler's mood; of long ones, of which wake-ups are a small part, it is little more than
#: what memory does.
UNSURE, UNSURE_LONG, WAKE_UPS_S = 0.25, 0.10, 2e-4


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

    @property
    def key(self) -> str:
        return key_of(self.strategy.name, self.duty, self.chunk)

    @property
    def change(self) -> float:
        """How much of a program it changes; an argument more is less than another way."""
        return self.strategy.change + (0.5 if self.chunk > 1 else 0.0)

    @property
    def least_s(self) -> float:
        """What the job took in the best of the trials: who is slow even then is slow."""
        return min(median(x for x in row if x) for row in self.total.values() if any(row))


@dataclass(frozen=True, slots=True)
class Ranking:
    """All ways in tie tiers, the best first; and what could not be ranked."""

    tiers: tuple[tuple[Row, ...], ...]
    excluded: tuple[Excluded, ...]
    ways: Mapping[str, MeasuredWay]
    start_s: float
    aa: float  #: the error of this measurement: what two copies of one way differ by


def rank(
    records: Sequence[Record],
    job: Job,
    *,
    cores: int,
    altered: Mapping[str, str] | None = None,
    imported_s: float = 0.0,
    made_s: float = math.nan,
    nbytes: int = 0,
    start_s: float = math.nan,
) -> Ranking:
    """Rank everything that carries the object.

    ``records`` are experiments on one payload under the job's start method; one of the duty state, even without
    strategies, tells what starting a worker takes, unless ``start_s`` does. ``altered`` names strategies known to alter
    the object, and why. ``imported_s``: importing the module of the object, as workers do that are not forked, whether
    they are given the object when they start or with their first task.
    ``made_s``: making the object; ``nbytes``: about what it weighs, where no record tells.
    """
    figures = {Duty(record.kind): Figures(record) for record in records}
    if math.isnan(start_s):
        imports = job.start_method != "fork"
        start_s = _start(figures.get(Duty.STATE), *((imported_s, made_s) if imports else (0.0, math.nan)))
    nbytes = max((record.floor_bytes or 0 for record in records), default=0) or nbytes
    ways: dict[str, MeasuredWay] = {}
    excluded: list[Excluded] = []
    errors = []
    for duty in job.duties:
        if (figure := figures.get(duty)) is None:
            continue
        excluded += _excluded(figure.record, duty, altered or {})
        out = {each.strategy for each in excluded if each.duty == duty}
        for name in figure.lanes:
            if name in registry() and name not in out and figure.has(name, TASK[duty]):
                for chunk in _chunks(name, duty, job):
                    way = _way(figure, name, duty, job, start_s, cores, nbytes, chunk)
                    ways[way.key] = way
        errors.append(_aa(figure, duty, job, start_s, cores))
    aa = max(filter(math.isfinite, errors), default=math.inf)  # a duty that nothing serves has none
    return Ranking(_tiers(ways, aa), tuple(_merged(excluded)), ways, start_s, aa)


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
    """The sizes of chunk to be priced: one task each, as measured, and what ``Pool.map`` takes by itself."""
    own = math.ceil(job.tasks / (POOL_CHUNKS * max(1, job.workers)))
    return (1, own) if registry()[name].chunked and duty is Duty.ARGUMENT and own > 1 else (1,)


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
        longer = 1 + (chunk - 1) * min(1.0, figure.phases(lane, TASK[duty])["touch"] / typical)
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
    phases = figure.phases(lane, TASK[duty])
    there = phases["decode"] + phases["touch"] if duty is Duty.ARGUMENT else phases["encode"]
    if strategy.channel is Channel.MANAGER:
        there = phases["touch"]
    return max(0.0, task_s - there)


def _aa(figure: Figures, duty: Duty, job: Job, start_s: float, cores: int) -> float:
    """What the two copies of the baseline differ by, as totals of the job."""
    base = figure.record.baseline
    if base not in registry() or not (figure.has(base, TASK[duty]) and figure.has(BIS, TASK[duty])):
        return math.inf
    one, other = (_way(figure, lane, duty, job, start_s, cores).total for lane in (base, BIS))
    return stats.aa_error(one, other)


def _excluded(record: Record, duty: Duty, altered: Mapping[str, str]) -> list[Excluded]:
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
        elif name in altered and not (strategy and record.start_method in strategy.inherits):
            found.append(Excluded(name, str(Kind.ALTERED), altered[name], duty))
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


def _tiers(ways: Mapping[str, MeasuredWay], aa: float) -> tuple[tuple[Row, ...], ...]:
    """Tie tiers by the total. Ways with too few trials for intervals stand behind where they are far slower, and else
    beside the best, as inconclusive."""
    if not ways:
        return ()
    typical = {key: stats.estimate(way.total).value for key, way in ways.items()}
    many = {key for key, way in ways.items() if len(way.total) >= FEW}
    least = min(typical.values())
    best = min(
        (key for key in many if typical[key] < COARSE * least), key=lambda key: typical[key], default=None
    ) or min(typical, key=lambda key: typical[key])
    behind = {key for key in ways if (key not in many or best not in many) and typical[key] >= COARSE * typical[best]}
    tiers: list[list[tuple[str, str]]] = []
    if best in many:
        found = stats.tiers({key: ways[key].total for key in sorted(many)}, aa)
        tiers = [[(m.lane, str(m.verdict)) for m in tier] for tier in found]
    few = [(key, str(LaneVerdict.INCONCLUSIVE)) for key in ways if key not in behind and not (tiers and key in many)]
    tiers = [tiers[0] + few, *tiers[1:]] if tiers else [few]
    tiers[0] = _preferred(tiers[0], ways, typical, aa)
    last = math.nan
    for key in sorted(behind, key=lambda key: typical[key]):
        if not typical[key] < COARSE * last:
            tiers.append([])
            last = typical[key]
        tiers[-1].append((key, str(LaneVerdict.DIFFERENT)))
    tiers[1:] = sorted(tiers[1:], key=lambda tier: typical[tier[0][0]])
    first = typical[tiers[0][0][0]]
    return tuple(tuple(_row(ways[key], verdict, first, apart=key in behind) for key, verdict in tier) for tier in tiers)


def _preferred(
    tier: list[tuple[str, str]], ways: Mapping[str, MeasuredWay], typical: Mapping[str, float], aa: float
) -> list[tuple[str, str]]:
    """The first tier, led by the simplest of those that are as fast as its fastest, as far as can be told."""
    trusted = [item for item in tier if len(ways[item[0]].total) >= FEW] or tier
    least = min(typical[key] for key, _ in trusted)
    fastest = ways[next(key for key, _ in trusted if typical[key] == least)]
    close = [item for item in tier if _as_good(ways[item[0]], fastest, typical[item[0]] / least, aa)]
    leader = min(close, key=lambda i: (ways[i[0]].change, typical[i[0]]))
    rest = sorted((item for item in tier if item is not leader), key=lambda item: typical[item[0]])
    return [leader, *rest]


def _as_good(way: MeasuredWay, fastest: MeasuredWay, apart: float, aa: float) -> bool:
    """Whether a way is as fast as the fastest, as far as can be told: noise is no reason to take a complicated one.

    The margin is one standard error of their paired ratio, or of two copies of one way, whichever is larger.
    """
    logs = stats.log_ratios(way.total, fastest.total)
    known = len(logs) >= FEW
    ratio = math.exp(median(logs)) if known else apart
    most = min(UNSURE, UNSURE_LONG + WAKE_UPS_S / stats.estimate(fastest.task).value)
    error = stdev(logs) / math.sqrt(len(logs)) if known else most
    return ratio <= 1 + max(ENOUGH, min(max(error, aa), most))


def _row(way: MeasuredWay, verdict: str, best_s: float, *, apart: bool) -> Row:
    task, total = stats.estimate(way.task), stats.estimate(way.total)
    notes = []
    if apart:
        notes.append("far slower already in the first trials: measured no more")
    elif total.n_trials < FEW:
        notes.append(f"{total.n_trials} trial{'s' if total.n_trials > 1 else ''} only: a first impression")
    elif verdict == LaneVerdict.INCONCLUSIVE:
        notes.append("inconclusive: too noisy to be told from the first")
    return Row(
        way.strategy.name, str(way.duty), task.value, task.low, task.high, way.setup_s, total.value, total.low,
        total.high, total.value / best_s, verdict, total.n_trials, way.strategy.meaning, tuple(notes),
        chunk=way.chunk,
    )  # fmt: skip
