"""Tables of several runs or start methods looked up by what was asked, and their figures as cells. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handoff.analysis import units
from handoff.analysis.metrics import duty_of
from handoff.analysis.stats import Estimate
from handoff.payload import Duty
from handoff.strategies import baselines

from . import plain, verdicts
from .rows import Table, TableCell
from .run import Run

NOT_MEASURED = "not measured"
#: What a hand-off is here, in the order in which people ask: the kind of experiment, its metric, and what that is.
ASKED = (
    (str(Duty.ARGUMENT), "handoff", "hand-off with every task"),
    (str(Duty.RESULT), "handoff", "hand-off of a result"),
    (str(Duty.STATE), "setup", "a worker started and set up"),
    (str(Duty.STATE), "task", "a task on what its worker has"),
    ("memory-argument", "worker-uss-bytes", "memory of a worker that was handed it"),
    ("memory-state", "worker-uss-bytes", "memory of a worker that has it as state"),
)


@dataclass(frozen=True, slots=True)
class Known:
    """A run's tables by kind, metric, payload and start method."""

    tables: Mapping[tuple[str, str, str, str], Table]

    @classmethod
    def of(cls, found: Sequence[Table]) -> Known:
        return cls({(t.kind, t.metric, t.record.payload, t.record.start_method): t for t in found})

    def get(self, kind: str, metric: str, payload: str, method: str) -> Table | None:
        return self.tables.get((kind, metric, payload, method))

    def payloads(self, kind: str, metric: str) -> list[str]:
        """Each once, in the order of the tables."""
        return list(dict.fromkeys(key[2] for key in self.tables if key[:2] == (kind, metric)))


def newest(runs: Sequence[Run]) -> list[Run]:
    """That of each machine and environment; the newest come first."""
    seen: dict[tuple[str, str], Run] = {}
    for run in runs:
        seen.setdefault((run.machine, run.environment), run)
    return list(seen.values())


def figure(cell: TableCell | None) -> Estimate | None:
    """Seconds or bytes."""
    return (cell.time or cell.amount) if cell else None


def words(table: Table | None, strategy: str) -> str:
    """A way's figure with its interval, or its outcome."""
    cell = table.cell(strategy) if table else None
    if table is None or cell is None:
        return NOT_MEASURED
    found = figure(cell)
    return table.shown(found) if found else plain.outcome_words(cell)


def by_default(table: Table | None) -> str:
    """The figure of what is done when nothing else is asked for, and what is taken instead where that pays."""
    if table is None:
        return NOT_MEASURED
    fails = table.decision.fails
    name = table.record.baseline or next(iter(baselines(duty_of(table.kind))), "")
    usual = f"`{verdicts.code(fails)}` does not carry it" if fails else words(table, name)
    best = table.best
    if best is None or best.time is None or not table.decision.pays:
        return usual
    return f"{usual}; take `{verdicts.code(best.strategy)}` {table.shown(best.time)}"


def against(cell: TableCell | None, usual: TableCell | None) -> str:
    """A way's factor to the default of its table: paired where there are rounds, else of two amounts."""
    if cell and cell.ratio:
        return units.ratio_interval(cell.ratio)
    mine, its = figure(cell), figure(usual)
    return units.ratio(mine.value / its.value) if mine and its and its.value else "–"
