"""Interpreters of one process (Python 3.14 and later) against processes: start, hand-off, state and memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from handoff.analysis.metrics import BARE, INTERPRETER, START, STARTUP
from handoff.outcome import Kind
from handoff.start_methods import START_METHODS
from handoff.strategies import registry
from handoff.strategy import Channel

from . import plain, side_by_side, verdicts
from .extra_pages import Page
from .rows import Table
from .run import Run
from .side_by_side import ASKED, Known

ORDER = 25
HEAD = ["payload", "processes started by", "way", "interpreter", "process, by default", "interpreter ÷ process"]


def page(runs: Sequence[Run], problems: Sequence[str]) -> Page | None:
    """The newest run of each environment in which an interpreter has a figure."""
    blocks = [block for run in side_by_side.newest(runs) for block in _run(run)]
    return Page("interpreters.html", "Interpreters", blocks) if blocks else None


def _run(run: Run) -> Iterator[plain.Block]:
    known = Known.of(run.tables)
    ways = [name for name, each in registry().items() if each.channel is Channel.INTERPRETER]
    grids = []
    for kind, metric, what in ((START, "start", "start"), (STARTUP, "start", "start under conditions"), *ASKED):
        names = [INTERPRETER] if kind in (START, STARTUP) else ways
        rows = [row for payload in known.payloads(kind, metric) for row in _rows(known, kind, metric, payload, names)]
        if rows:
            grids.append(plain.Grid(f"{what[0].upper()}{what[1:]}", HEAD, rows))
    if not any(" ÷ " in grid.head[-1] and any(row[5] != "–" for row in grid.rows) for grid in grids):
        return
    yield plain.Heading(2, verdicts.code(run.title))
    yield plain.Text(
        "An interpreter stands in the same rounds as the processes of each start method. Its factor is paired, with its"
        " 99 % interval; a factor below 1 is in the interpreter's favour. Memory is what the process has grown by with"
        " an interpreter in it, modules and object included, against what a worker process has to itself."
        " ±?: too few trials for an interval."
    )
    yield from grids


def _rows(known: Known, kind: str, metric: str, payload: str, names: Sequence[str]) -> Iterator[list[str]]:
    for method in START_METHODS:
        table = known.get(kind, metric, payload, method)
        usual = table and table.cell(BARE if kind in (START, STARTUP) else table.record.baseline)
        for name in names:
            cell = table and table.cell(name)
            if table and usual and cell and not _absent(table, name):
                row = [f"`{verdicts.code(payload)}`", method, f"`{name}`", side_by_side.words(table, name)]
                yield [*row, side_by_side.words(table, usual.strategy), side_by_side.against(cell, usual)]


def _absent(table: Table, name: str) -> bool:
    """Whether there is no such thing here at all, of which a row would tell nothing."""
    cell = table.cell(name)
    return cell is None or cell.outcome.kind is Kind.UNAVAILABLE
