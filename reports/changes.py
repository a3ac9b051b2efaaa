"""What changed from one run to another, as blocks. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from . import compare, plain, verdicts
from .rows import Table

SHOWN = 500  #: changes listed on a page; the rest is in the CSV files


def blocks(title: str, before: Sequence[Table], after: Sequence[Table], *, ratios: bool) -> list[plain.Block]:
    """The largest ``SHOWN`` changes under a title: of times, or of ``ratios`` to the baseline."""
    found, compared = compare.changes(before, after, ratios=ratios)
    what = "ratios to the baseline" if ratios else "times"
    words = f"{len(found)} changes among {compared:,} {what} compared"
    head = ["payload", "duty", "start method", "timed", "strategy", "before", "after", "factor", "records"]
    rows: list[list[str | plain.Links]] = [
        [
            plain.short(verdicts.code(change.payload)),
            change.kind,
            change.start_method or "none",
            change.metric,
            change.strategy,
            change.before,
            change.after,
            change.words or "outcome",
            plain.record_links(*zip(("before", "after"), change.records, strict=True)),
        ]
        for change in found[:SHOWN]
    ]
    more = f" The first {SHOWN} are shown." if len(found) > SHOWN else ""
    text = (
        f"{words}. A change counts only if the 99 % intervals exclude each other and it exceeds both tables'"
        f" thresholds; runs share no rounds, so this finds less than the verdicts within a run.{more}"
    )
    grids: list[plain.Block] = [plain.Grid(words, head, rows)] if rows else []
    return [plain.Heading(3, verdicts.code(title)), plain.Text(text), *grids]
