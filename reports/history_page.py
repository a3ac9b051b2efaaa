"""History: what changed since the run before, in ratios to the baseline, from which the machine's mood cancels."""

from __future__ import annotations

from collections.abc import Sequence

from . import changes, plain
from .extra import Page
from .run import Run

ORDER = 50


def page(runs: Sequence[Run], problems: Sequence[str]) -> Page | None:
    """Each run against the one before it on the same machine with the same libraries, the newest first."""
    blocks: list[plain.Block] = []
    later: dict[tuple[str, str], Run] = {}
    for run in runs:
        newer = later.get((run.machine, run.environment))
        if newer:
            blocks += changes.blocks(f"{newer.title}, against {run.title}", run.tables, newer.tables, ratios=True)
        later[run.machine, run.environment] = run
    return Page("history.html", "History", blocks) if blocks else None
