"""What the documented refactorings buy: the workaround pairs of the newest run that has them."""

from __future__ import annotations

from collections.abc import Sequence

from handoff.measuring.pairs import PAIR

from . import pairs
from .extra_pages import Page
from .run import Run

ORDER = 20


def page(runs: Sequence[Run], problems: Sequence[str]) -> Page | None:
    """All pairs of the newest run with pairs."""
    for run in runs:
        found = {table.record.name: table for table in run.tables if table.record.kind == PAIR}
        if found:
            paths = {name: table.path for name, table in found.items()}
            return Page("pairs.html", "Workarounds", pairs.blocks([table.record for table in found.values()], paths))
    return None
