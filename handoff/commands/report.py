"""Turn records into a report: markdown on standard output, or a folder of pages."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from handoff.commands._options import UsageError, write

HELP = "turn records into a report"
PLACE = ("the suite", 2)
EXAMPLES = (
    "handoff report records -o pages",
    "handoff report records",
    "handoff report on-3.13 on-3.14 -o pages",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "records", metavar="RECORDS", nargs="+",
        help="folder of records, or one record; of several each is a run, and the pages compare them",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="DIR", help="write pages there (default: markdown on standard output)"
    )


def run(args: argparse.Namespace) -> int:
    """Report; 2 when there is no record to report on."""
    from handoff.reports import plain, site  # type: ignore[import-not-found]  # checked as the top level's reports

    sources = [Path(each) for each in dict.fromkeys(args.records)]
    for source in sources:
        if not source.exists():
            raise UsageError(f"{source}: no such folder; make records with: handoff measure TARGET -o {source}")
    found = site.load_runs(sources, without=Path(args.output) if args.output else None)
    for problem in found.problems:
        print(f"skipped: {problem}", file=sys.stderr)
    if not found.sources:
        raise UsageError(f"{' '.join(args.records)}: no records; make some with: handoff measure TARGET -o records")
    if args.output is None:
        write(plain.markdown(each.record for each in found.sources), None)
        return 0
    try:
        pages = Path(args.output)
        index = site.write(found.sources, pages, problems=found.problems, selftests=found.selftests)
    except OSError as error:
        raise UsageError(f"cannot write {args.output}: {error}") from error
    print(f"report: {index}")
    return 0
