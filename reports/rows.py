"""Records to rows: every figure that a report shows, computed once. Pure; knows neither HTML nor asv.

A :class:`Table` is what a reader compares within: one record and one of its metrics, one :class:`TableCell` a strategy.
What it decides and its ratios come from one judgement (:mod:`handoff.analysis.judging`), at one level for all of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from handoff.analysis import answers, judging, regret, stats, units
from handoff.analysis.answers import Asked
from handoff.analysis.figures import Figures
from handoff.analysis.judging import Laws
from handoff.analysis.metrics import BIS, CODEC, DEEPER, FLOORS, MEMORY, METRICS, NULL
from handoff.analysis.regret import Decision
from handoff.analysis.stats import Estimate
from handoff.outcome import Kind, Outcome
from handoff.payload import Duty
from handoff.record import BYTES, Record, unit
from handoff.strategies import registry

KINDS = ("argument", "state", "result", "shared", "start", CODEC)  #: in the order in which people ask
NOISY = 0.10  #: an A/A error beyond what ``standard`` calls decided: this table can't tell much
AA_ERRORS = 3.0  #: between runs an effect must exceed so many standard errors of the experiment's own A/A test
NOISY_SHARE = 0.25  #: of the tables: then the run as a whole is called too noisy
#: What of a hand-off's memory stands beside its time: what the worker has of its own, how far the parent's resident
#: memory rose, and everything, the parent and all that it started, every shared page counted once.
FOOTPRINT = ("worker-uss-bytes", "parent-peak-bytes", "total-pss-bytes")
WARNED = 3  #: trials below which nothing can be told apart with any confidence


class Rank(StrEnum):
    """Where a cell stands among the strategies of its table."""

    BEST = "best"  #: the way to take; where nothing can be told the one least at risk
    CONTENDER = "contender"  #: not surely far from the best
    FAR = "far"  #: surely far slower than some other
    REFERENCE = "reference"  #: timed, but no answer to "which one?": a thread hands nothing over
    NONE = "none"  #: no time


@dataclass(frozen=True, slots=True)
class TableCell:
    """One strategy, or lane of a deeper kind, in one table. Times in seconds; ratios are times slower."""

    strategy: str
    outcome: Outcome
    rank: Rank = Rank.NONE
    time: Estimate | None = None
    ratio: Estimate | None = None  #: to the baseline
    slower: Estimate | None = None  #: to the way to take
    bound: float = math.inf  #: it takes at most so many times what the best of the others does
    left_out: int = 0  #: after so many trials it was measured no further, being surely far slower; 0: it never was
    floor: str = ""  #: the lane that moves raw bytes over the same channel
    floor_ratio: Estimate | None = None
    bytes_per_s: float | None = None  #: of the payload's buffers
    wire_bytes: int | None = None  #: encoded size
    phases: Mapping[str, float] | None = None  #: seconds, medians
    amount: Estimate | None = None  #: bytes, where the table is of what was read off rather than timed
    #: Bytes by :data:`FOOTPRINT`, from the memory's record of the same run.
    memory: Mapping[str, Estimate] | None = None
    clean: Estimate | None = None  #: as ``time``, of the undisturbed samples alone; None where nothing disturbed any
    disturbed: Mapping[str, int] | None = None  #: how many samples each cause disturbed, of those that it did


@dataclass(frozen=True, slots=True)
class HarnessLane:
    """One of the harness's own lanes."""

    name: str
    value: Estimate  #: in the table's unit
    bytes_per_s: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One record, one metric."""

    run: str
    path: str  #: of the record, relative to the folder of records; "" when it has no file
    record: Record
    metric: str
    aa: float  #: relative A/A error; infinite where it is unknown
    decision: Decision
    trials: int | None  #: in all, that would decide it, about; None where it is decided, or where hardly any will
    cells: tuple[TableCell, ...]
    lanes: tuple[HarnessLane, ...]  #: null and floors

    @property
    def kind(self) -> str:
        return self.record.kind

    @property
    def unit(self) -> str:
        """Seconds an operation, or bytes."""
        return unit(self.metric)

    def shown(self, figure: Estimate) -> str:
        """A figure in this table's unit, with its interval."""
        return units.size_interval(figure) if self.unit == BYTES else units.interval(figure)

    @property
    def noisy(self) -> bool:
        return self.judged and self.aa > NOISY

    @property
    def judged(self) -> bool:
        """Whether it has times and an A/A pair, or ought to have one: the deeper kinds do not all have it."""
        paired = math.isfinite(self.aa) or self.kind == CODEC or self.kind in tuple(Duty)
        return paired and any(cell.time for cell in self.cells)

    @property
    def between_runs(self) -> float:
        """What a figure has to change by, from run to run, to count: runs share no rounds. Relative."""
        return max(stats.SMALLEST_EFFECT, AA_ERRORS * self.aa)

    def at(self, rank: Rank) -> list[TableCell]:
        return [cell for cell in self.cells if cell.rank is rank]

    @property
    def best(self) -> TableCell | None:
        return next(iter(self.at(Rank.BEST)), None)

    @property
    def within(self) -> list[TableCell]:
        """What would do as well: other ways whose own bound is at most the one that decides."""
        return [cell for cell in self.at(Rank.CONTENDER) if cell.bound <= self.decision.limit]

    @property
    def baseline(self) -> TableCell | None:
        return self.cell(self.record.baseline)

    def cell(self, strategy: str) -> TableCell | None:
        return next((cell for cell in self.cells if cell.strategy == strategy), None)

    def lane(self, name: str) -> HarnessLane | None:
        return next((lane for lane in self.lanes if lane.name == name), None)


@dataclass(frozen=True, slots=True)
class Source:
    """A record and where it came from."""

    record: Record
    path: str = ""  #: relative to the folder of records, with '/'
    file: Path | None = None  #: which it was read from

    @property
    def run(self) -> str:
        """Records in one folder are one run; a record's own ``run`` is of one process, of which a run has many."""
        return str(PurePosixPath(self.path).parent) if self.path and "/" in self.path else ""


#: What JSON of the right schema that is yet no record can raise: rows too short, a clock that ran backwards
FAULTS = (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError)


def tables(sources: Iterable[Source], problems: list[str] | None = None) -> list[Table]:
    """Every table, in the order kind, payload, start method, metric.

    A record that makes no sense is named in ``problems`` and left out; without a list it raises one of :data:`FAULTS`.
    """
    sources = list(sources)
    sizes = {
        (source.run, source.record.payload, lane): size
        for source in sources
        if source.record.kind == CODEC
        for lane, size in source.record.wire_bytes.items()
    }
    footprints = {
        (
            source.run,
            source.record.payload,
            str(DEEPER[source.record.kind].duty),
            source.record.start_method,
        ): source.record
        for source in sources
        if source.record.kind in MEMORY
    }
    known: dict[str, Laws] = {}
    sound = []
    for source in sorted(sources, key=_order):
        with _naming(source, problems):
            figures = Figures(source.record)
            for metric in figures.metrics:
                known.setdefault(source.run, Laws()).add(figures, metric)
            sound.append((source, figures))
    found = []
    for source, figures in sound:
        record = source.record
        beside = footprints.get((source.run, record.payload, record.kind, record.start_method))
        with _naming(source, problems):
            memory = _memory(Figures(beside)) if beside else {}
            found += [_table(source, figures, metric, sizes, memory, known[source.run]) for metric in _metrics(figures)]
    return found


@contextmanager
def _naming(source: Source, problems: list[str] | None) -> Iterator[None]:
    """A record that makes no sense is a problem with a name; without a list it raises."""
    try:
        yield
    except FAULTS as error:
        if problems is None:
            raise
        problems.append(f"{source.path or source.record.name}: makes no sense: {type(error).__name__}: {error}")


def _memory(figures: Figures) -> dict[str, dict[str, Estimate]]:
    """By lane, the bare worker included, what of :data:`FOOTPRINT` was read off."""
    return {
        lane: {metric: figures.amount(lane, metric) for metric in FOOTPRINT if figures.has_amount(lane, metric)}
        for lane in figures.lanes
    }


def _order(source: Source) -> tuple[object, ...]:
    record = source.record
    place = KINDS.index(record.kind) if record.kind in KINDS else len(KINDS)
    return source.run, place, record.kind, record.payload, record.start_method


def _metrics(figures: Figures) -> tuple[str, ...]:
    """Metrics with any sample; the first one where there is none, so that outcomes still have a table."""
    known = figures.metrics
    lanes = figures.lanes
    return tuple(m for m in known if any(figures.has(x, m) or figures.has_amount(x, m) for x in lanes)) or known[:1]


def _table(
    source: Source,
    figures: Figures,
    metric: str,
    sizes: Mapping[tuple[str, str, str], int],
    memory: Mapping[str, Mapping[str, Estimate]],
    known: Laws,
) -> Table:
    record = source.record
    judged = judging.judge(figures, metric, known.of(record, metric))
    # starting a process is measured with no strategy, in lanes of its own
    names = record.strategies or [name for name in record.outcomes if name not in (BIS, NULL, *FLOORS.values())]
    cells = []
    for name in _registered(names):
        outcome = record.outcomes.get(name, Outcome(Kind.BROKEN, "parent", "", "the record has no outcome for it"))
        size = sizes.get((source.run, record.payload, name))
        if not (outcome.ok and figures.has(name, metric)):
            amount = figures.amount(name, metric) if outcome.ok and figures.has_amount(name, metric) else None
            left_out = record.left_out.get(name, 0)
            cells.append(TableCell(name, outcome, wire_bytes=size, amount=amount, left_out=left_out))
            continue
        mine = figures.samples(name, metric)
        floor = figures.floor(name) if metric == "handoff" else ""
        time = stats.estimate(mine)
        clean, disturbed = _undisturbed(figures, name, metric)
        rank, ratio, slower, bound = _standing(figures, metric, name, judged)
        moved = record.about.get("nbytes") if metric == "handoff" and rank is not Rank.REFERENCE else None
        cells.append(
            TableCell(
                name,
                outcome,
                rank,
                time,
                ratio,
                slower,
                bound,
                record.left_out.get(name, 0),
                floor,
                stats.ratio(mine, figures.samples(floor, metric)) if floor else None,
                moved / time.value if moved else None,
                size,
                figures.phases(name, metric) or None,
                memory=memory.get(name) or None,
                clean=clean,
                disturbed=disturbed,
            )
        )
    return Table(
        source.run,
        source.path,
        record,
        metric,
        figures.aa_error.get(metric, math.inf),
        judged.decision,
        None if judged.decision.decided else judging.trials_to_decide(figures, metric, known.of(record, metric)),
        tuple(cells),
        tuple(_lanes(record, figures, metric)),
    )


def _standing(
    figures: Figures, metric: str, name: str, judged: regret.Judgement
) -> tuple[Rank, Estimate | None, Estimate | None, float]:
    """Where a lane stands, its ratios to the baseline and to the way to take, and its bound."""
    advised = judged.decision.advised
    if one := judged.regrets.get(name):
        rank = Rank.BEST if name == advised else Rank.FAR if one.least > regret.FAR else Rank.CONTENDER
        return rank, one.factor.inverse if one.factor else None, one.slower, one.bound
    rank = Rank.FAR if figures.answers(name) else Rank.REFERENCE
    base = figures.record.baseline
    return rank, _plain_ratio(figures, metric, name, base), _plain_ratio(figures, metric, name, advised), math.inf


def _plain_ratio(figures: Figures, metric: str, name: str, other: str) -> Estimate | None:
    """Of a lane that is none of the ways that were judged together."""
    if not other or not figures.has(other, metric):
        return None
    return stats.ratio(figures.samples(name, metric), figures.samples(other, metric))


def _registered(names: Iterable[str]) -> list[str]:
    """Names in the registry's order, foreign ones last."""
    names = list(names)
    return [name for name in registry() if name in names] + [name for name in names if name not in registry()]


def _lanes(record: Record, figures: Figures, metric: str) -> Iterable[HarnessLane]:
    for name in (NULL, *FLOORS.values()):
        if figures.has_amount(name, metric):
            yield HarnessLane(name, figures.amount(name, metric))
        elif figures.has(name, metric):
            time = stats.estimate(figures.samples(name, metric))
            size = (record.about.get("nbytes") or record.floor_bytes) if name != NULL else None
            yield HarnessLane(name, time, size / time.value if size and metric == "handoff" else None)


def _undisturbed(figures: Figures, name: str, metric: str) -> tuple[Estimate | None, Mapping[str, int] | None]:
    """The figure of the undisturbed samples, and how many samples each cause disturbed; None where none did."""
    counts = {cause: len(found) for cause, found in figures.disturbed(name, metric).items() if found}
    if not counts:
        return None, None
    return stats.estimate(figures.samples(name, metric, clean=True)), counts


# -- what holds for a whole run ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Noise:
    """How far a run can be trusted."""

    tables: int  #: with times
    noisy: int  #: of them, those whose A/A error is beyond ``NOISY``
    median_aa: float
    worst_aa: float
    trials: int  #: the fewest of any record
    incomplete: int  #: records that were interrupted
    complaints: int  #: records whose measuring processes wrote warnings

    @property
    def too_noisy(self) -> bool:
        return self.tables > 0 and (self.noisy > NOISY_SHARE * self.tables or self.trials < WARNED)


def asked(found: Iterable[Table]) -> list[Asked]:
    """The questions of a run."""
    return [
        Asked(table.record, table.decision, table.trials)
        for table in found
        if answers.is_question(table.record, table.decision) and table.metric == METRICS[table.kind][0]
    ]


def noise(found: Iterable[Table]) -> Noise:
    """The A/A errors of a run's tables, summed up."""
    found = list(found)
    timed = [table for table in found if table.judged]
    errors = sorted(table.aa for table in timed) or [math.nan]
    records = {id(table.record): table.record for table in found}.values()
    return Noise(
        len(timed),
        sum(table.noisy for table in timed),
        errors[len(errors) // 2],
        errors[-1],
        min((int(record.profile.get("trials", 0)) for record in records if record.rows), default=0),
        sum(not record.complete for record in records),
        sum(bool(record.complaints) for record in records),
    )
