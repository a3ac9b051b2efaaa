"""From records to advice: which way to take for one job. Pure: records in, ranked tie tiers and words out.

What is ranked is the whole job: ``start + setup + tasks x task / parallelism`` (:mod:`handoff.analysis.cost`), computed
for every sample, so that verdicts and tiers come from the same statistics as everywhere else. Ways that send the object
with every task and ways that set it up once are compared by the same total.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from statistics import median, stdev
from typing import TYPE_CHECKING, Any

from handoff.analysis import cost, stats, units
from handoff.analysis.figures import FAULT_S, Figures
from handoff.analysis.stats import Samples, Verdict
from handoff.measuring.harness import BIS, NULL
from handoff.outcome import Kind
from handoff.payload import Duty
from handoff.record import Record
from handoff.strategies import registry
from handoff.strategy import Channel, Launch, Strategy

if TYPE_CHECKING:
    from handoff.diagnosing import Diagnosis

SCHEMA = 1
TASK = {Duty.ARGUMENT: "handoff", Duty.RESULT: "handoff", Duty.STATE: "task", Duty.SHARED: "locked-update"}
COARSE = 3.0  #: from this factor on fewer than three trials are enough to call a way slower: noise is far below it
FEW = 3  #: trials below which intervals say next to nothing
ENOUGH = 0.02  #: a simpler way is preferred to a faster one of the same tier if it is within 2 %, or within the error
#: ... of no more than so much: what is slower by more than that is taken for slower even if little is known. Of short
#: tasks, whose time is the scheduler's mood; of long ones, of which wake-ups are a small part, it is little more than
#: what memory does.
UNSURE, UNSURE_LONG, WAKE_UPS_S = 0.25, 0.10, 2e-4
#: The ways that change the least of a program, first: preferred within a tie.
SIMPLE = ("pickle-default", "initializer", "inherit", "process-args", "manager-dict", "pickle-5", "cloudpickle")
PIPE_BYTES = 64 << 10  #: that a pipe holds: pipe(7)
MAKES = "rebuild"  #: the strategy whose workers make the object themselves
MUCH_BYTES = 4 << 20  #: less is no reason to prefer one way to another: an import takes as much
BOTH = "argument or state"  #: the duty of a job that may send the object with every task, or set it up once
REFERENCE, UNMEASURED = "reference", "unmeasured"  #: outcomes beside those of ``Kind``: a thread; no time was left
DUTY_WORDS = {
    Duty.ARGUMENT: "sent with every task",
    Duty.STATE: "set up once per worker",
    Duty.RESULT: "sent back by every task",
    Duty.SHARED: "shared by all workers, one locked update a task",
}


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done."""

    duty: str  #: a duty, or :data:`BOTH`
    tasks: int
    workers: int
    start_method: str

    @property
    def duties(self) -> tuple[Duty, ...]:
        """The duties whose ways are open."""
        return (Duty.ARGUMENT, Duty.STATE) if self.duty == BOTH else (Duty(self.duty),)


@dataclass(frozen=True, slots=True)
class Row:
    """One way to do the job. Times in seconds; a bound of an interval is infinite where a single trial says nothing."""

    strategy: str
    duty: str
    task_s: float
    task_s_low: float
    task_s_high: float
    setup_s: float  #: once, beyond starting the workers
    total_s: float
    total_s_low: float
    total_s_high: float
    ratio: float  #: of the total, to the best
    verdict: str  #: against the best of its tier
    trials: int
    meaning: str
    notes: tuple[str, ...] = ()
    #: Of one worker that has the object: memory that is nobody else's; NaN: not seen.
    worker_uss_bytes: float = math.nan
    worker_pss_bytes: float = math.nan  #: the same with its share of what it has in common with others
    parent_peak_bytes: float = math.nan  #: how far the parent's memory rose while it handed the object to one worker

    def to_json(self) -> dict[str, Any]:
        found = {name: _finite(value) for name, value in asdict(self).items()}
        return {**found, "notes": list(self.notes)}


@dataclass(frozen=True, slots=True)
class Excluded:
    """A way that is no answer, and why."""

    strategy: str
    outcome: str
    reason: str
    duty: str = ""


@dataclass(frozen=True, slots=True)
class Refactoring:
    """A change of the object or of what is sent, and what it was measured to gain."""

    what: str
    strategy: str = ""
    duty: str = ""
    task_s: float = math.nan
    total_s: float = math.nan
    gain: float = math.nan  #: how many times less the job takes than by the best way for the object as it is

    def to_json(self) -> dict[str, Any]:
        return {name: _finite(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Code before and after."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What to take for a job, how sure that is, and what else there is."""

    target: str
    job: Job
    tiers: tuple[tuple[Row, ...], ...]
    excluded: tuple[Excluded, ...]
    advice: str  #: one sentence
    start_s: float = math.nan  #: until one worker is ready
    sure: str = ""  #: one sentence
    now: str = ""  #: what multiprocessing does by itself, and what that takes; "" if it does not work
    breaks_even: str = ""  #: one sentence
    memory: str = ""  #: one sentence
    refactorings: tuple[Refactoring, ...] = ()
    recipe: Recipe | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0  #: that measuring took
    culprits: tuple[Any, ...] = field(default=())  #: findings of the diagnosis

    @property
    def best(self) -> Row | None:
        """The way to take: the first of the first tier."""
        return self.tiers[0][0] if self.tiers else None

    def to_json(self) -> dict[str, Any]:
        """Schema 1: what the project's design promises, and more keys beside."""
        return {
            "schema": SCHEMA,
            "target": self.target,
            "job": asdict(self.job),
            "tiers": [[row.to_json() for row in tier] for tier in self.tiers],
            "excluded": [asdict(each) for each in self.excluded],
            "advice": self.advice,
            "start_s": _finite(self.start_s),
            "sure": self.sure,
            "now": self.now,
            "breaks_even": self.breaks_even,
            "memory": self.memory,
            "refactorings": [each.to_json() for each in self.refactorings],
            "recipe": asdict(self.recipe) if self.recipe else None,
            "culprits": [each.to_json() for each in self.culprits],
            "notes": list(self.notes),
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Advice:
        """The inverse of :meth:`to_json`. Raises ``ValueError`` for another schema."""
        from handoff.diagnosing import Finding

        if data.get("schema") != SCHEMA:
            raise ValueError(f"an advice of schema {data.get('schema')!r}; this version reads {SCHEMA}")
        known = {name: data[name] for name in ("target", "advice", "sure", "now", "breaks_even", "seconds")}
        known["memory"] = data.get("memory", "")
        row = partial(_from_json, Row)
        return cls(
            **known,
            job=Job(**data["job"]),
            tiers=tuple(tuple(map(row, tier)) for tier in data["tiers"]),
            excluded=tuple(Excluded(**each) for each in data["excluded"]),
            start_s=math.nan if data["start_s"] is None else data["start_s"],
            refactorings=tuple(_from_json(Refactoring, each) for each in data["refactorings"]),
            recipe=Recipe(**data["recipe"]) if data["recipe"] else None,
            notes=tuple(data["notes"]),
            culprits=tuple(_from_json(Finding, each) for each in data["culprits"]),
        )

    def __str__(self) -> str:
        from handoff.terminal import advice_text

        return advice_text(self)

    def __rich__(self) -> Any:
        from handoff.terminal import advice_drawn

        return advice_drawn(self)

    def _repr_html_(self) -> str:
        from handoff.terminal import advice_html

        return advice_html(self)

    def __repr__(self) -> str:
        return f"<Advice for {self.target}: {self.advice}>"


def _from_json(kind: Any, data: Mapping[str, Any]) -> Any:
    high = ("task_s_high", "total_s_high")
    known = {k: (math.inf if k in high else math.nan) if v is None else v for k, v in data.items()}
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in known.items()})


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


# ------------------------------------------------------------------------------------------------------------- ranking


@dataclass(frozen=True, slots=True)
class Way:
    """One strategy for one duty, as measured."""

    strategy: Strategy
    duty: Duty
    task: Samples
    total: Samples
    setup_s: float
    line: cost.Line  #: seconds over tasks

    @property
    def key(self) -> str:
        return f"{self.strategy.name} {self.duty}"

    @property
    def least_s(self) -> float:
        """What the job took in the best of the trials: who is slow even then is slow."""
        return min(median(x for x in row if x) for row in self.total.values() if any(row))


@dataclass(frozen=True, slots=True)
class Ranking:
    """All ways in tie tiers, the best first; and what could not be ranked."""

    tiers: tuple[tuple[Row, ...], ...]
    excluded: tuple[Excluded, ...]
    ways: Mapping[str, Way]
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
    ways: dict[str, Way] = {}
    excluded: list[Excluded] = []
    errors = []
    for duty in job.duties:
        if (figure := figures.get(duty)) is None:
            continue
        excluded += _excluded(figure.record, duty, altered or {})
        out = {each.strategy for each in excluded if each.duty == duty}
        for name in figure.lanes:
            if name in registry() and name not in out and figure.has(name, TASK[duty]):
                way = _way(figure, name, duty, job, start_s, cores, nbytes)
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
    if MAKES in lanes and state.has(MAKES, TASK[Duty.STATE]) and math.isfinite(made_s):
        done = made_s + state.figure(MAKES, TASK[Duty.STATE]).time.value
        least = max(least, state.figure(MAKES, "setup").time.value - bare - done)
    return bare + max(0.0, min(least, most))


def _way(figure: Figures, lane: str, duty: Duty, job: Job, start_s: float, cores: int, nbytes: int = 0) -> Way:
    """The samples of one lane, and what the job takes by each of them.

    Workers start one beside the other, as many as there are cores. But what is pickled into a worker's start goes
    through a pipe, which its parent fills until the worker, having started and imported, takes it out: beyond a pipe's
    buffer they start, import and unpickle one after the other.
    """
    name = figure.record.baseline if lane == BIS else lane
    strategy = registry()[name]
    task = figure.samples(lane, TASK[duty])
    typical = stats.estimate(task).value
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
    serial = _serial(figure, lane, duty, strategy, typical)
    limit = cost.parallelism_limit(n, cores, typical, min(serial, typical))
    speed = cost.effective_parallelism(job.tasks, n, max(limit, 1.0)) if job.tasks else 1.0
    total: dict[Any, list[float | None]] = {
        trial: [
            None if x is None else cost.total(
                job.tasks, workers=n, start=hired(setups.get(trial, usual)), setup=once, task=x,
                parallelism=max(limit, 1.0),
            )
            for x in row
        ]
        for trial, row in task.items()
    }  # fmt: skip
    line = cost.Line(hired(usual) + once, typical / speed)
    return Way(strategy, duty, task, total, max(0.0, hired(usual) - rounds * start) + once, line)


def _first_touch(record: Record, duty: Duty, strategy: Strategy) -> float:
    """Seconds that the first hand-off through shared memory takes beyond the later ones, which are those measured.

    A segment gets its pages when they are first written. For the duty ``state`` that is in what setting up took.
    """
    if duty not in (Duty.ARGUMENT, Duty.RESULT) or strategy.channel not in (Channel.SHM, Channel.ARRAY):
        return 0.0
    return FAULT_S * (record.floor_bytes or 0) / mmap.PAGESIZE


def _serial(figure: Figures, lane: str, duty: Duty, strategy: Strategy, task_s: float) -> float:
    """The part of a task that only one process can do at a time: what the parent or a manager's server does."""
    if strategy.launch is Launch.THREAD:
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
        elif strategy is not None and strategy.launch is Launch.THREAD:
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


def _tiers(ways: Mapping[str, Way], aa: float) -> tuple[tuple[Row, ...], ...]:
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
    few = [(key, str(Verdict.INCONCLUSIVE)) for key in ways if key not in behind and not (tiers and key in many)]
    tiers = [tiers[0] + few, *tiers[1:]] if tiers else [few]
    tiers[0] = _preferred(tiers[0], ways, typical, aa)
    last = math.nan
    for key in sorted(behind, key=lambda key: typical[key]):
        if not typical[key] < COARSE * last:
            tiers.append([])
            last = typical[key]
        tiers[-1].append((key, str(Verdict.DIFFERENT)))
    tiers[1:] = sorted(tiers[1:], key=lambda tier: typical[tier[0][0]])
    first = typical[tiers[0][0][0]]
    return tuple(tuple(_row(ways[key], verdict, first, apart=key in behind) for key, verdict in tier) for tier in tiers)


def _preferred(
    tier: list[tuple[str, str]], ways: Mapping[str, Way], typical: Mapping[str, float], aa: float
) -> list[tuple[str, str]]:
    """The first tier, led by the simplest of those that are as fast as its fastest, as far as can be told."""
    trusted = [item for item in tier if len(ways[item[0]].total) >= FEW] or tier
    least = min(typical[key] for key, _ in trusted)
    fastest = ways[next(key for key, _ in trusted if typical[key] == least)]
    close = [item for item in tier if _as_good(ways[item[0]], fastest, typical[item[0]] / least, aa)]
    order = {name: index for index, name in enumerate(SIMPLE)}
    leader = min(close, key=lambda i: (order.get(ways[i[0]].strategy.name, len(SIMPLE)), typical[i[0]]))
    rest = sorted((item for item in tier if item is not leader), key=lambda item: typical[item[0]])
    return [leader, *rest]


def _as_good(way: Way, fastest: Way, apart: float, aa: float) -> bool:
    """Whether a way is as fast as the fastest, as far as can be told: noise is no reason to take a complicated one.

    The margin is one standard error of their paired ratio, or of two copies of one way, whichever is larger.
    """
    logs = stats.log_ratios(way.total, fastest.total)
    known = len(logs) >= FEW
    ratio = math.exp(median(logs)) if known else apart
    most = min(UNSURE, UNSURE_LONG + WAKE_UPS_S / stats.estimate(fastest.task).value)
    error = stdev(logs) / math.sqrt(len(logs)) if known else most
    return ratio <= 1 + max(ENOUGH, min(max(error, aa), most))


def _row(way: Way, verdict: str, best_s: float, *, apart: bool) -> Row:
    task, total = stats.estimate(way.task), stats.estimate(way.total)
    notes = []
    if apart:
        notes.append("far slower already in the first trials: measured no more")
    elif total.n_trials < FEW:
        notes.append(f"{total.n_trials} trial{'s' if total.n_trials > 1 else ''} only: a first impression")
    elif verdict == Verdict.INCONCLUSIVE:
        notes.append("inconclusive: too noisy to be told from the first")
    return Row(
        way.strategy.name, str(way.duty), task.value, task.low, task.high, way.setup_s, total.value, total.low,
        total.high, total.value / best_s, verdict, total.n_trials, way.strategy.meaning, tuple(notes),
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- words


def advise(
    target: str,
    job: Job,
    records: Sequence[Record],
    *,
    cores: int,
    diagnosis: Diagnosis | None = None,
    refactored: Sequence[Record] = (),
    memory: Sequence[Record] = (),
    imported_s: float = 0.0,
    made_s: float = math.nan,
    recipe: Any = None,
    notes: Sequence[str] = (),
    seconds: float = 0.0,
) -> Advice:
    """Put a ranking into words.

    ``refactored`` are records of the object without its culprits, ``memory`` those of the kinds ``memory-<duty>``.
    """
    ranking = rank(
        records, job, cores=cores, altered=known_altered(diagnosis), imported_s=imported_s, made_s=made_s,
        nbytes=heavy_bytes(diagnosis),
    )  # fmt: skip
    tiers = tuple(tuple(_with_memory(row, memory) for row in tier) for tier in ranking.tiers)
    ranking = replace(ranking, tiers=tiers)
    diagnosis = _not_refuted(diagnosis, ranking)
    best = ranking.tiers[0][0] if ranking.tiers else None
    changes = _refactorings(ranking, job, diagnosis, refactored, cores, best)
    failed = next((record.failed for record in records if record.failed), "")
    more = [*notes, *([f"measuring failed: {failed}"] if failed else [])]
    said = _memory(ranking, memory)
    if best is not None and not said:
        measures = f"handoff measure {target} --duty memory-{best.duty} -o FOLDER"
        more.append(f"memory was not measured, for lack of time: a larger --budget, or {measures}, does that")
    if job.duty == Duty.SHARED:
        more.append("ways that hand over a copy are no answer where several write, and were not asked")
    return Advice(
        target=target,
        job=job,
        tiers=ranking.tiers,
        excluded=ranking.excluded,
        advice=_sentence(job, ranking, changes, diagnosis),
        start_s=ranking.start_s,
        sure=_how_sure(ranking),
        now=_now(ranking, job),
        breaks_even=_breaks_even(ranking, job),
        memory=said,
        refactorings=tuple(changes),
        recipe=recipe(best) if recipe and best else None,
        notes=tuple(more),
        seconds=seconds,
        culprits=diagnosis.culprits if diagnosis else (),
    )


def _with_memory(row: Row, records: Sequence[Record]) -> Row:
    found = _read_off(row.strategy, row.duty, records)
    return replace(
        row,
        worker_uss_bytes=found.get("worker-uss-bytes", math.nan),
        worker_pss_bytes=found.get("worker-pss-bytes", math.nan),
        parent_peak_bytes=found.get("parent-peak-bytes", math.nan),
    )


def _read_off(lane: str, duty: str, records: Sequence[Record]) -> dict[str, float]:
    """The readings of a lane by metric: the medians over trials, in bytes."""
    found: dict[str, list[float]] = {}
    for record in records:
        if record.kind == f"memory-{duty}":
            for name, metric, _, _, value in record.values:
                if name == lane:
                    found.setdefault(metric, []).append(value)
    return {metric: median(values) for metric, values in found.items()}


def _memory(ranking: Ranking, records: Sequence[Record]) -> str:
    """What the best way takes, and which of those as fast takes clearly less; "" where it was not measured."""
    best = ranking.tiers[0][0] if ranking.tiers else None
    if best is None or math.isnan(best.worker_uss_bytes):
        return ""
    bare = _read_off(NULL, best.duty, records).get("worker-uss-bytes")
    text = f"Memory: a worker that has the object has {units.size(best.worker_uss_bytes)} to itself"
    text += f" (a bare one {units.size(bare)})" if bare is not None else ""
    if not math.isnan(best.parent_peak_bytes):
        text += f", and this process rises by {units.size(best.parent_peak_bytes)} while it hands it over"
    least = min(ranking.tiers[0], key=lambda row: row.worker_uss_bytes if row.worker_uss_bytes > 0 else math.inf)
    saved = best.worker_uss_bytes - least.worker_uss_bytes
    if saved > max(MUCH_BYTES, 0.2 * best.worker_uss_bytes):
        text += f"; with {least.strategy} ({least.duty}) it is {units.size(least.worker_uss_bytes)}"
    return text + "."


def _not_refuted(diagnosis: Diagnosis | None, ranking: Ranking) -> Diagnosis | None:
    """The diagnosis without culprits that did not stop what they were said to: a real hand-over knows better."""
    if diagnosis is None:
        return None
    carried = {_pickled_as(way.strategy.name) for way in ranking.ways.values() if way.duty is not Duty.STATE} - {""}
    return replace(diagnosis, culprits=tuple(each for each in diagnosis.culprits if not carried & set(each.blocks)))


def heavy_bytes(diagnosis: Diagnosis | None) -> int:
    """The weight of the heaviest parts, which is about that of the object."""
    return sum(each.bytes for each in diagnosis.heavy) if diagnosis else 0


def known_altered(diagnosis: Diagnosis | None) -> dict[str, str]:
    """Strategies that the diagnosis saw altering the object, also by carrying the same pickle another way."""
    found: dict[str, str] = {}
    for finding in diagnosis.altered if diagnosis else ():
        reason = f"{finding.path} ({finding.type}): {finding.reason}"
        for name in registry():
            if _pickled_as(name) in finding.blocks:
                found.setdefault(name, reason)
    return found


def _pickled_as(name: str) -> str:
    """Which of the diagnosis's strategies tells what becomes of an object by another one."""
    if name.startswith(("dill", "cloudpickle")):
        return name.partition("-")[0]
    if name in ("pickle-5-oob", "shm-pickle-5", "path-pickle"):
        return "pickle-5"
    if name in ("rebuild", "inherit", "thread"):
        return ""
    return name if name.startswith("pickle-") else "pickle-default"


def _named(row: Row) -> str:
    return f"{row.strategy}, {DUTY_WORDS[Duty(row.duty)]}"


def _sentence(job: Job, ranking: Ranking, changes: Sequence[Refactoring], diagnosis: Diagnosis | None) -> str:
    best = ranking.tiers[0][0] if ranking.tiers else None
    work = f"{job.tasks:,} task{'s' if job.tasks != 1 else ''} on {job.workers} worker{'s' if job.workers != 1 else ''}"
    if best is None:
        return _sentence_of_none(ranking, diagnosis)
    text = f"Take {_named(best)}: {work} take about {units.seconds(best.total_s)}"
    now = ranking.ways.get(f"pickle-default {Duty.ARGUMENT}")
    if now is not None and best.strategy != "pickle-default":
        usual_s = stats.estimate(now.total).value
        ratio = usual_s / best.total_s
        usual = f"what multiprocessing does with the object in every task ({units.seconds(usual_s)})"
        text += f", {units.ratio(ratio)} less than {usual}" if ratio > 1.1 else f", about the same as {usual}"
    others = [row for row in ranking.tiers[0][1:] if row.verdict == Verdict.TIE]
    unsure = [row for row in ranking.tiers[0][1:] if row.verdict != Verdict.TIE]
    if others:
        text += f"; as good: {', '.join(_short(row, job) for row in others[:3])}"
        text += f" and {len(others) - 3} more" if len(others) > 3 else ""
    if unsure:
        text += f"; not told apart from {len(unsure)} other{'s' if len(unsure) > 1 else ''} yet"
    least = 1 + max(0.1, min(ranking.aa, 1.0))  # more than what two copies of one way differed by
    gains = [change for change in changes if change.gain > least]
    if gains:
        top = max(gains, key=lambda change: change.gain)
        text += f"; to refactor pays: {top.what} ({units.ratio(top.gain)} less)"
    return text + "."


def _sentence_of_none(ranking: Ranking, diagnosis: Diagnosis | None) -> str:
    """Nothing carries it, or nothing that was tried."""
    mend = ""
    if diagnosis is not None and diagnosis.culprits:
        first, *others = diagnosis.culprits
        rest = f" (and {len(others)} more, see handoff diagnose)" if others else ""
        mend = f"mend {first.path}{rest}: {first.fix}"
    if any(each.outcome == UNMEASURED for each in ranking.excluded):
        tried = [each for each in ranking.excluded if each.outcome not in (UNMEASURED, REFERENCE)]
        what = f"Nothing of the {len(tried)} ways that were tried carries it" if tried else "Nothing was measured"
        text = f"{what}, and the time was up before the others' turn: give it a larger --budget"
        return f"{text}, or {mend}." if tried and mend else f"{text}."
    return f"Nothing carries it as it is: {mend or 'see what was excluded, and why'}."


def _short(row: Row, job: Job) -> str:
    return f"{row.strategy} ({row.duty})" if job.duty == BOTH else row.strategy


def _refactorings(
    ranking: Ranking,
    job: Job,
    diagnosis: Diagnosis | None,
    refactored: Sequence[Record],
    cores: int,
    best: Row | None,
) -> list[Refactoring]:
    found = []
    if best is not None and best.strategy == "rebuild":
        found.append(Refactoring("send what builds it (parameters, a path), and build it in each worker", "rebuild",
                                 best.duty, best.task_s, best.total_s))  # fmt: skip
    if best is not None and best.strategy.startswith("path-"):
        found.append(Refactoring("write it to a file once and send the path", best.strategy, best.duty, best.task_s,
                                 best.total_s))  # fmt: skip
    culprits = diagnosis.culprits if diagnosis else ()
    if refactored and culprits:
        again = rank(refactored, job, cores=cores, start_s=ranking.start_s)
        if again.tiers:
            row = again.tiers[0][0]
            gain = best.total_s / row.total_s if best is not None else math.nan
            parts = ", ".join(finding.path for finding in culprits[:3]) + (" …" if len(culprits) > 3 else "")
            what = f"leave {parts} behind and send plain data in its place, by {row.strategy}"
            found.append(Refactoring(what, row.strategy, row.duty, row.task_s, row.total_s, gain))
    elif culprits:
        fixes = dict.fromkeys(f"{finding.path}: {finding.fix}" for finding in culprits[:3])
        found += [Refactoring(f"{fix} (not measured)") for fix in fixes]
    return found


def _how_sure(ranking: Ranking) -> str:
    if not ranking.tiers:
        return ""
    tier = ranking.tiers[0]
    trials = max(row.trials for row in tier)
    aa = f"two copies of one way differed by {units.percent(ranking.aa)}"
    aa = f", in which {aa}" if math.isfinite(ranking.aa) else ""
    if trials < FEW:
        some = "one trial" if trials == 1 else f"{trials} trials"
        return f"A first impression from {some}: only factors count. A larger --budget tells more."
    unsure = sum(row.verdict == Verdict.INCONCLUSIVE for row in tier[1:])
    if unsure:
        return (
            f"From {trials} trials{aa}: {unsure} other way{'s' if unsure > 1 else ''} could not be told "
            f"from the first (inconclusive). A larger --budget, on a quieter machine, tells more."
        )
    rest = "all others are slower, beyond the error" if len(ranking.ways) > 1 else "nothing else carries it"
    others = f"{len(tier) - 1} tied with it" if len(tier) > 1 else rest
    return f"From {trials} trials{aa}; {others}."


def _now(ranking: Ranking, job: Job) -> str:
    for duty in (Duty.ARGUMENT, Duty.RESULT):
        if way := ranking.ways.get(f"pickle-default {duty}"):
            task, total = stats.estimate(way.task), stats.estimate(way.total)
            return (
                f"What multiprocessing does by itself (pickle-default, {DUTY_WORDS[duty]}): {units.interval(task)} a "
                f"task, {units.seconds(total.value)} for the job."
            )
    return ""


def _breaks_even(ranking: Ranking, job: Job) -> str:
    """From how many tasks on the best is better than the best of another tier, or than the usual way."""
    if not ranking.tiers:
        return ""
    best = ranking.tiers[0][0]
    other = _rival(ranking)
    if other is None:
        return ""
    mine, theirs = ranking.ways[f"{best.strategy} {best.duty}"], ranking.ways[other]
    found = cost.break_even(mine.line, theirs.line, _replicates(mine, theirs))
    against = f"{theirs.strategy.name} ({theirs.duty})"
    span = ""
    if not math.isnan(found.low):
        span = f" [{_count(found.low)}–{_count(found.high)}]"
        if found.agree < 0.95:
            return f"Against {against}: where it begins to pay is not known well enough to say."
    match found.pays:
        case cost.Pays.ALWAYS:
            return f"Against {against}: better for any number of tasks."
        case cost.Pays.NEVER:
            return f"Against {against}: no number of tasks decides it."
        case cost.Pays.FROM:
            return f"Against {against}: better from {_count(found.n)}{span} tasks on."
        case _:
            return f"Against {against}: better up to {_count(found.n)}{span} tasks."


def _rival(ranking: Ranking) -> str | None:
    """The best way of another duty, where both are open; else the best of the next tier, or the usual way."""
    best = ranking.tiers[0][0]
    rows = [row for tier in ranking.tiers for row in tier]
    nearest = next((row for row in rows if row.duty != best.duty), None)
    if nearest is None and len(ranking.tiers) > 1:
        nearest = ranking.tiers[1][0]
    if nearest is not None:
        return f"{nearest.strategy} {nearest.duty}"
    usual = f"pickle-default {Duty.ARGUMENT}"
    return usual if usual in ranking.ways and f"{best.strategy} {best.duty}" != usual else None


def _replicates(mine: Way, theirs: Way) -> list[tuple[cost.Line, cost.Line]]:
    logs = stats.log_ratios(theirs.task, mine.task)
    if len(logs) < FEW:
        return []
    here = [math.log(median(x for x in row if x)) for row in mine.task.values() if any(row)]
    centre = median(here)
    pairs = zip(stats.replicates(here, 200, seed=1), stats.replicates(logs, 200, seed=2), strict=True)
    scale = theirs.line.slope / mine.line.slope / math.exp(median(logs)) if mine.line.slope else 1.0
    return [
        (
            cost.Line(mine.line.fixed, mine.line.slope * math.exp(one - centre)),
            cost.Line(theirs.line.fixed, mine.line.slope * math.exp(one - centre + ratio) * scale),
        )
        for one, ratio in pairs
    ]


def _count(n: float) -> str:
    return "∞" if math.isinf(n) else f"{max(1, math.ceil(n)):,}"
