"""Show records of the deeper kinds: start-up, memory, scaling, contention, and jobs predicted against really run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from handoff.commands._options import UsageError, write

HELP = "show start-up, memory, scaling and predicted jobs from records"
PLACE = ("the suite", 3)
EXAMPLES = (
    "handoff measure payloads --duty startup -o records",
    "handoff deeper records",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("records", metavar="RECORDS", help="folder of records, or one record")
    parser.add_argument("--format", choices=("text", "json", "markdown"), default="text", help="default: text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the answer there, not to standard output")


def run(args: argparse.Namespace) -> int:
    """Show; 2 when there is no such record."""
    from handoff.analysis import tables
    from handoff.analysis.metrics import DEEPER
    from handoff.record import read, read_all

    source = Path(args.records)
    if not source.exists():
        raise UsageError(f"{source}: no such folder")
    found, problems = ([read(source)], []) if source.is_file() else read_all(source)
    for problem in problems:
        print(f"skipped: {problem}", file=sys.stderr)
    records = [record for record in found if record.kind in DEEPER]
    if not records:
        kinds = ",".join(DEEPER)
        raise UsageError(
            f"{source}: no records of these kinds; make some: handoff measure TARGET -o DIR --duty {kinds}"
        )
    show = {"text": tables.text, "json": tables.to_json, "markdown": tables.markdown}[args.format]
    write(show(records), args.output)
    return 0
