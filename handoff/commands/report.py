"""Turn records into a report: markdown on standard output, or a folder of pages."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from handoff.cli import UsageError, write

HELP = "turn records into a report"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("records", metavar="RECORDS", help="folder of records, or one record")
    parser.add_argument(
        "-o", "--output", metavar="DIR", help="write pages there (default: markdown on standard output)"
    )


def run(args: argparse.Namespace) -> int:
    """Report; 2 when there is no record to report on."""
    from handoff.record import RecordError, read, read_all
    from handoff.reports import plain  # type: ignore[import-not-found]  # checked as the top level's reports

    source = Path(args.records)
    if not source.exists():
        raise UsageError(f"{source}: no such folder; make records with: handoff measure TARGET -o {source}")
    try:
        records, problems = ([read(source)], []) if source.is_file() else read_all(source)
    except RecordError as error:
        raise UsageError(str(error)) from error
    for problem in problems:
        print(f"skipped: {problem}", file=sys.stderr)
    if not records:
        raise UsageError(f"{source}: no records; make some with: handoff measure TARGET -o {source}")
    if args.output is None:
        write(plain.markdown(records), None)
        return 0
    folder = Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    write(plain.markdown(records), str(folder / "report.md"))
    write(plain.html(records), str(folder / "index.html"))
    print(f"report: {folder / 'index.html'}")
    return 0
