"""README's results: ``python -m reports.readme RECORDS README.md`` rewrites what is between its markers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from handoff.analysis import units
from handoff.analysis.metrics import DEEPER
from handoff.cli import between

from . import plain, site, verdicts
from .rows import Rank, Table, tables

BEGIN, END = "<!-- results -->", "<!-- /results -->"
METRICS = ("handoff", "task", "locked-update")  #: one for each duty: what a reader decides by
COLUMNS = ("payload", "duty", "started by", "by default", "verdict", "instead")


def results(found: Sequence[Table]) -> str:
    """Markdown: one row a payload, duty and start method, and where and how it was measured."""
    shown = [table for table in found if table.metric in METRICS and table.kind not in DEEPER]
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    lines += [f"| {' | '.join(_row(table))} |" for table in shown]
    record = shown[0].record
    lines += ["", f"{plain.fingerprint(record)}. {record.started[:10]}. Factors with their 99 % intervals."]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _row(table: Table) -> list[str]:
    advice, base = verdicts.advise(table), table.baseline
    taken = table.cell(advice.take) if not advice.keep else None
    instead = ""
    if taken and taken.time:
        instead = units.interval(taken.time)
        if base and base is not taken and (factor := verdicts.factor(taken)):
            instead += f", {units.ratio_interval(factor)} less"
        ties = [f"`{cell.strategy}`" for cell in table.at(Rank.TIE) if cell.strategy != taken.strategy]
        instead += f"; as good within noise: {', '.join(ties)}" if ties else ""
    default = f"`{base.strategy}` {units.interval(base.time)}" if base and base.time else "does not carry it"
    return [
        f"`{table.record.payload}`",
        f"{table.kind}, {table.metric}",
        table.record.start_method,
        default,
        f"**{advice.short}**" if advice.take else "no change shown to pay",
        instead,
    ]


def main(records: Path, readme: Path) -> int:
    """Rewrite README's results; 2 where there are no records or no markers."""
    found = site.load(records)
    if not found.sources:
        print(f"no records in {records}", file=sys.stderr)
        return 2
    text = f"\n{results(tables(found.sources))}\n"
    try:
        page = between(readme.read_text(encoding="utf-8"), BEGIN, END, text)
    except ValueError as error:
        print(f"{readme}: {error}", file=sys.stderr)
        return 2
    readme.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
