"""Compare two runs by their records: what got slower, faster, or has another outcome, each with its interval."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from handoff.commands._options import UsageError, choose, write

HELP = "what got slower, faster, refused or altered between two runs?"
PLACE = ("the suite", 4)
EXAMPLES = (
    "handoff compare records/main records/branch",
    "handoff compare records/main records/branch --threshold 1.25 --format markdown -o changes.md",
)
FORMATS = ("text", "markdown", "json")
OF = ("auto", "seconds", "ratios")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("before", metavar="RUN", help="folder of records, or one record")
    parser.add_argument("after", metavar="RUN", help="the same of the later run")
    parser.add_argument(
        "--threshold", type=float, default=1.1, metavar="FACTOR",
        help="exit code 1 when something is slower by this factor at least (default: 1.1), or no longer arrives",
    )  # fmt: skip
    parser.add_argument("--of", default="auto", help=f"{', '.join(OF)} (default: auto, seconds on one machine)")
    parser.add_argument("--format", default="text", help=f"{', '.join(FORMATS)} (default: text)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the answer there, not to standard output")


def run(args: argparse.Namespace) -> int:
    """Compare; 1 when something got slower beyond the threshold, or no longer arrives."""
    from handoff.reports import compare  # type: ignore[import-not-found]  # checked as the top level's reports

    (form,) = choose("format", [args.format], FORMATS)
    (of,) = choose("figure", [args.of], OF)
    if not args.threshold >= 1:
        raise UsageError(f"--threshold {args.threshold}: a factor of 1 or more")
    try:
        found = compare.compare(
            tables(args.before), tables(args.after), ratios=None if of == "auto" else of == "ratios"
        )
    except ValueError as error:
        raise UsageError(f"{args.before} and {args.after}: {error}") from error
    if not found.common:
        raise UsageError(f"{args.before} and {args.after} have no experiment in common: nothing to compare")
    write(compare.FORMATS[form](found), args.output)
    return 1 if found.minded(args.threshold) else 0


def tables(source: str) -> Any:
    """The tables of a folder of records; what cannot be read is said. Raises :class:`UsageError`."""
    from handoff.reports import rows, site

    if not Path(source).exists():
        raise UsageError(f"{source}: no such folder; make records with: handoff measure TARGET -o {source}")
    found = site.load(Path(source))
    problems = list(found.problems)
    known = rows.tables(sorted(found.sources, key=lambda each: each.record.started), problems)
    for problem in problems:
        print(f"skipped: {problem}", file=sys.stderr)
    if not known:
        raise UsageError(f"{source}: no records")
    return known
