"""Records to rows: every figure that a report shows, computed once. Pure; knows neither HTML nor asv.

A :class:`Table` is what a reader compares within: one record and one of its metrics, one :class:`Cell` a strategy. All
its ratios come from paired rounds, and its verdicts are corrected (Holm) over the comparisons of this table, as
:func:`handoff.analysis.stats.tiers` does: the chance that a table calls any identical pair different is at most 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from handoff.analysis import stats, units
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import BIS, DEEPER, FLOORS, MEMORY, NULL
from handoff.analysis.stats import Estimate, Verdict
from handoff.machine import has_gil
from handoff.outcome import Kind, Outcome
from handoff.payload import Duty
from handoff.record import BYTES, Record, unit
from handoff.strategies import registry

CODEC = "codec"
KINDS = ("argument", "state", "result", "shared", "start", CODEC)  #: in the order in which people ask
NOISY = 0.10  #: an A/A error beyond what a tie promises (``stats.TIE_LIMIT``): this table can't tell much
NOISY_SHARE = 0.25  #: of the tables: then the run as a whole is called too noisy
#: What of a hand-off's memory stands beside its time: what the worker has of its own, how far the parent's resident
#: memory rose, and everything, the parent and all that it started, every shared page counted once.
FOOTPRINT = ("worker-uss-bytes", "parent-peak-bytes", "total-pss-bytes")
WARNED = 3  #: trials below which nothing can be told apart with any confidence


class Rank(StrEnum):
    """Where a cell stands among the strategies of its table."""

    BEST = "best"  #: leads the first tier
    TIE = "tie"  #: as good as the best, within noise
    UNCLEAR = "unclear"  #: not told apart from the best, nor shown to be as good
    SLOWER = "slower"
    REFERENCE = "reference"  #: timed, but no answer to "which one?": a thread hands nothing over
    NONE = "none"  #: no time


@dataclass(frozen=True, slots=True)
class Cell:
    """One strategy, or lane of a deeper kind, in one table. Times in seconds; ratios are times slower."""

    strategy: str
    outcome: Outcome
    rank: Rank = Rank.NONE
    time: Estimate | None = None
    ratio: Estimate | None = None  #: to the baseline
    verdict: Verdict | None = None  #: against the baseline
    slower: Estimate | None = None  #: to the best of the table
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
class Lane:
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
    detectable: float  #: the smallest slowdown this table would find nine times out of ten, relative
    cells: tuple[Cell, ...]
    lanes: tuple[Lane, ...]  #: null and floors

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

    def at(self, rank: Rank) -> list[Cell]:
        return [cell for cell in self.cells if cell.rank is rank]

    @property
    def best(self) -> Cell | None:
        return next(iter(self.at(Rank.BEST)), None)

    @property
    def baseline(self) -> Cell | None:
        return self.cell(self.record.baseline)

    def cell(self, strategy: str) -> Cell | None:
        return next((cell for cell in self.cells if cell.strategy == strategy), None)

    def lane(self, name: str) -> Lane | None:
        return next((lane for lane in self.lanes if lane.name == name), None)


@dataclass(frozen=True, slots=True)
class Source:
    """A record and where it came from."""

    record: Record
    path: str = ""  #: relative to the folder of records, with '/'

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
    found = []
    for source in sorted(sources, key=_order):
        record = source.record
        beside = footprints.get((source.run, record.payload, record.kind, record.start_method))
        try:
            figures = Figures(record)
            memory = _memory(Figures(beside)) if beside else {}
            found += [_table(source, figures, metric, sizes, memory) for metric in _metrics(figures)]
        except FAULTS as error:
            if problems is None:
                raise
            problems.append(f"{source.path or record.name}: makes no sense: {type(error).__name__}: {error}")
    return found


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
) -> Table:
    record = source.record
    aa = figures.aa_error.get(metric, math.inf)
    # starting a process is measured with no strategy, in lanes of its own
    names = record.strategies or [name for name in record.outcomes if name not in (BIS, NULL, *FLOORS.values())]
    timed = {name: figures.samples(name, metric) for name in names if _timed(record, figures, name, metric)}
    ranks, slower = _ranks(timed, aa, has_gil(record.fingerprint))
    base = timed.get(record.baseline)
    against = {name: stats.compared(mine, base) for name, mine in timed.items()} if base else {}
    alive = stats.holm({name: p for name, (_, p) in against.items() if name != record.baseline})
    verdicts = {
        name: stats.verdict(ratio, aa, significant=alive[name] <= stats.PAGE_ERROR)
        for name, (ratio, _) in against.items()
        if name != record.baseline
    }
    best = next((name for name, rank in ranks.items() if rank is Rank.BEST), "")
    if ranks.get(record.baseline) is Rank.SLOWER and verdicts.get(best) is not Verdict.DIFFERENT:
        ranks[record.baseline] = Rank.UNCLEAR  # compared twice, among the ways and with each: a winner stands both
    cells = []
    for name in _registered(names):
        outcome = record.outcomes.get(name, Outcome(Kind.BROKEN, "parent", "", "the record has no outcome for it"))
        size = sizes.get((source.run, record.payload, name))
        if name not in timed:
            amount = figures.amount(name, metric) if outcome.ok and figures.has_amount(name, metric) else None
            cells.append(Cell(name, outcome, wire_bytes=size, amount=amount))
            continue
        floor = figures.floor(name) if metric == "handoff" else ""
        time = stats.estimate(timed[name])
        clean, disturbed = _undisturbed(figures, name, metric)
        moved = record.about.get("nbytes") if metric == "handoff" and ranks[name] is not Rank.REFERENCE else None
        cells.append(
            Cell(
                name,
                outcome,
                ranks[name],
                time,
                against[name][0] if base else None,
                verdicts.get(name),
                slower.get(name),
                floor,
                stats.ratio(timed[name], figures.samples(floor, metric)) if floor else None,
                moved / time.value if moved else None,
                size,
                figures.phases(name, metric) or None,
                memory=memory.get(name) or None,
                clean=clean,
                disturbed=disturbed,
            )
        )
    pair = [stats.log_ratios(figures.samples(BIS, metric), base)] if base and figures.has(BIS, metric) else []
    return Table(
        source.run,
        source.path,
        record,
        metric,
        aa,
        stats.minimum_detectable_effect(pair[0], aa=aa) if pair and len(pair[0]) > 1 else math.inf,
        tuple(cells),
        tuple(_lanes(record, figures, metric)),
    )


def _timed(record: Record, figures: Figures, name: str, metric: str) -> bool:
    """Only what arrived unchanged has a time: ``altered`` never wins, whatever samples there are."""
    return figures.has(name, metric) and name in record.outcomes and record.outcomes[name].ok


def _ranks(timed: Mapping[str, stats.Samples], aa: float, gil: bool) -> tuple[dict[str, Rank], dict[str, Estimate]]:
    """Each timed strategy's rank, and its ratio to the best."""
    running = {name: mine for name, mine in timed.items() if not is_reference(name, gil)}
    ranks = {name: Rank.REFERENCE if is_reference(name, gil) else Rank.SLOWER for name in timed}
    first = stats.first_tier(running, aa)
    for member in first:
        ranks[member.lane] = Rank.TIE if member.verdict is Verdict.TIE else Rank.UNCLEAR
    if not first:
        return ranks, {}
    best = first[0].lane
    ranks[best] = Rank.BEST
    known = {member.lane: member.ratio for member in first}
    return ranks, {n: known.get(n) or stats.ratio(mine, timed[best]) for n, mine in timed.items()}


def is_reference(strategy: str, gil: bool) -> bool:
    """Whether it is there for comparison only: threads, where they share one GIL."""
    found = registry().get(strategy)
    return found is not None and found.is_reference(gil=gil)


def _registered(names: Iterable[str]) -> list[str]:
    """Names in the registry's order, foreign ones last."""
    names = list(names)
    return [name for name in registry() if name in names] + [name for name in names if name not in registry()]


def _lanes(record: Record, figures: Figures, metric: str) -> Iterable[Lane]:
    for name in (NULL, *FLOORS.values()):
        if figures.has_amount(name, metric):
            yield Lane(name, figures.amount(name, metric))
        elif figures.has(name, metric):
            time = stats.estimate(figures.samples(name, metric))
            size = (record.about.get("nbytes") or record.floor_bytes) if name != NULL else None
            yield Lane(name, time, size / time.value if size and metric == "handoff" else None)


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
