"""What the texts repeat from the code: ``python -m reports.readme README.md GLOSSARY.md`` renews it.

In README the tables of commands and of ways, between their markers, and with ``--records RECORDS`` the results as well;
GLOSSARY.md is made as a whole.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from handoff import glossary
from handoff.analysis import regret, units
from handoff.analysis.metrics import DEEPER
from handoff.cli import all_commands
from handoff.start_methods import START_METHODS
from handoff.strategies import registry

from . import plain, site, verdicts
from .rows import Table, tables

RESULTS, COMMANDS, WAYS = "results", "commands", "ways"  #: the blocks of README
GLOSSARY = "GLOSSARY.md"
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
        if table.decision.factor and base is not taken:
            instead += f", {regret.times(table.decision.factor)} less"
        ties = [f"`{cell.strategy}`" for cell in table.within]
        instead += f"; as good: {', '.join(ties)}" if ties else ""
    default = f"`{base.strategy}` {units.interval(base.time)}" if base and base.time else "does not carry it"
    return [
        f"`{table.record.payload}`",
        f"{table.kind}, {table.metric}",
        table.record.start_method,
        default,
        f"**{advice.short}**" if advice.take else advice.short,
        instead,
    ]


def between(page: str, name: str, text: str) -> str:
    """A page with this text as its block of that name. Raises ``ValueError`` where it has no such block."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if begin not in page or end not in page:
        raise ValueError(f"no {begin} and {end} in it")
    before, rest = page.split(begin, 1)
    return f"{before}{begin}{text}{end}{rest.split(end, 1)[1]}"


def commands() -> str:
    """A row for each command, in the order in which people need them."""
    return "".join(f"| `handoff {name}` | {each.HELP} |\n" for name, each in all_commands().items())


def ways() -> str:
    """A row for each strategy: what it is, what it needs beyond the standard library, and where it works."""
    lines = ["| way | what it does | for | needs | not under |", "| --- | --- | --- | --- | --- |"]
    for each in registry().values():
        missing = [name for name in START_METHODS if name not in each.start_methods]
        cells = [f"`{each.name}`", each.summary, ", ".join(each.duties), ", ".join(each.needs), ", ".join(missing)]
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def renewed(text: str) -> str:
    """README with the tables of now. Raises ``ValueError`` where it has no such blocks."""
    return between(between(text, COMMANDS, f"\n{commands()}"), WAYS, f"\n\n{ways()}\n")


def renew_results(records: Path, readme: Path) -> int:
    """Rewrite README's results; 2 where there are no records or no markers."""
    found = site.load(records)
    if not found.sources:
        print(f"no records in {records}", file=sys.stderr)
        return 2
    try:
        page = between(readme.read_text(encoding="utf-8"), RESULTS, f"\n{results(tables(found.sources))}\n")
    except ValueError as error:
        print(f"{readme}: {error}", file=sys.stderr)
        return 2
    readme.write_text(page, encoding="utf-8")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Renew the files; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m reports.readme", description=__doc__)
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help=f"README.md, {GLOSSARY}")
    parser.add_argument("--records", metavar="RECORDS", type=Path, help="for the results in README.md")
    args = parser.parse_args(argv)
    for path in args.files:
        page = glossary.page() if path.name == GLOSSARY else renewed(path.read_text(encoding="utf-8"))
        path.write_text(page, encoding="utf-8")
        if args.records and path.name != GLOSSARY and (code := renew_results(args.records, path)):
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
