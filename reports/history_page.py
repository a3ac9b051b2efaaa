"""History: where ratios to the baseline step from one level to another, and what changed since the run before.

Ratios, because the machine's mood cancels from them. One machine with one set of libraries at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from handoff.analysis import units

from . import changes, plain, verdicts
from .extra_pages import Page
from .rows import Table, TableCell
from .run import Run
from .steps import FEWEST, Step, steps

ORDER = 50
BARS = "▁▂▃▄▅▆▇█"

Key = tuple[str, str, str, str, str]  #: payload, duty, start method, metric, strategy


@dataclass(frozen=True, slots=True)
class History:
    """The ratios of one strategy to the baseline, the oldest first."""

    key: Key
    runs: Sequence[Run]
    cells: Sequence[TableCell]
    records: Sequence[str]  #: paths
    steps: Sequence[Step]  #: of the logarithms of the ratios


def page(runs: Sequence[Run], problems: Sequence[str]) -> Page | None:
    """Steps first; then each run against the one before it, the newest first."""
    series: dict[tuple[str, str], list[Run]] = {}
    for run in reversed(runs):
        series.setdefault((run.machine, run.environment), []).append(run)
    blocks: list[plain.Block] = []
    for (machine, environment), members in series.items():
        if len(members) < 2:
            continue
        blocks.append(plain.Heading(2, verdicts.code(f"{machine}: {environment}")))
        blocks += _steps(members)
        for before, after in reversed(list(pairwise(members))):
            title = f"{after.title}, against {before.title}"
            blocks += changes.blocks(title, before.tables, after.tables, ratios=True)
    return Page("history.html", "History", blocks) if blocks else None


def histories(runs: Sequence[Run]) -> Iterator[History]:
    """Of every strategy that was compared with the same baseline in at least ``FEWEST`` runs, the oldest first."""
    found: dict[tuple[Key, str], list[tuple[Run, Table, TableCell]]] = {}
    for run in runs:
        for table in run.tables:
            record = table.record
            for cell in table.cells:
                if cell.ratio and cell.strategy != record.baseline and math.isfinite(cell.ratio.value):
                    key = record.payload, table.kind, record.start_method, table.metric, cell.strategy
                    found.setdefault((key, record.baseline), []).append((run, table, cell))
    for (key, _), members in found.items():
        if len(members) >= FEWEST:
            least = math.log1p(median(min(table.between_runs, 10.0) for _, table, _ in members))
            logs = [math.log(cell.ratio.value) for _, _, cell in members if cell.ratio]
            cells = [cell for _, _, cell in members]
            paths = [table.path for _, table, _ in members]
            yield History(key, [run for run, _, _ in members], cells, paths, steps(logs, least=least))


def _steps(runs: Sequence[Run]) -> list[plain.Block]:
    """The change points of all histories, the largest first."""
    if len(runs) < FEWEST:
        text = f"{len(runs)} runs so far; from {FEWEST} on, steps in the ratios are looked for."
        return [plain.Text(text)]
    every = list(histories(runs))
    found = [(history, step) for history in every for step in history.steps]
    found.sort(key=lambda item: -abs(item[1].after - item[1].before))
    text = f"{len(found)} steps in {len(every):,} histories of up to {len(runs)} runs"
    out: list[plain.Block] = [
        plain.Text(
            f"{text}. A step is a change that lasts: the ratio to the baseline goes from one level to another by more"
            " than the noise of its own history and than the A/A errors of its tables explain; one odd run is none."
            + (f" The {changes.SHOWN} largest are shown." if len(found) > changes.SHOWN else "")
        )
    ]
    head = ["payload", "duty", "start method", "timed", "strategy", "since", "ratio before", "ratio after", "factor"]
    head += ["every ratio, the oldest first", "drawn", "records"]
    rows: list[list[str | plain.Links]] = [
        [
            plain.short(verdicts.code(history.key[0])),
            history.key[1],
            history.key[2] or "none",
            history.key[3],
            verdicts.code(history.key[4]),
            verdicts.code(history.runs[step.at].title),
            units.ratio(math.exp(step.before)),
            units.ratio(math.exp(step.after)),
            units.ratio(math.exp(step.after - step.before)),
            ", ".join(units.ratio(cell.ratio.value) for cell in history.cells if cell.ratio),
            drawn([math.log(cell.ratio.value) for cell in history.cells if cell.ratio], history.steps),
            plain.record_links(("before", history.records[step.at - 1]), ("after", history.records[step.at])),
        ]
        for history, step in found[: changes.SHOWN]
    ]
    return [*out, *([plain.Grid(text, head, rows)] if rows else [])]


def drawn(values: Sequence[float], found: Sequence[Step]) -> str:
    """A line of bars, a stroke where it steps."""
    low, high = min(values), max(values)
    at = {step.at for step in found}
    bars = (BARS[round((x - low) / (high - low or 1) * (len(BARS) - 1))] for x in values)
    return "".join(("|" if index in at else "") + bar for index, bar in enumerate(bars))
