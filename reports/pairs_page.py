"""What the documented refactorings buy: the workaround pairs of the newest run that has them."""

from __future__ import annotations

from collections.abc import Sequence

from . import pairs
from .extra import Page
from .run import Run

ORDER = 20


def page(runs: Sequence[Run], problems: Sequence[str]) -> Page | None:
    """All pairs of the newest run with pairs."""
    for run in runs:
        records = list({id(table.record): table.record for table in run.tables if table.record.kind == "pair"}.values())
        if records:
            return Page("pairs.html", "Workarounds", pairs.blocks(records))
    return None
