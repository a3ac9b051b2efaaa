"""Write a run's figures for other tools: pytest-benchmark, Bencher, github-action-benchmark."""

from __future__ import annotations

import argparse

from handoff.commands._options import UsageError, choose, write

HELP = "a run's figures for pytest-benchmark, Bencher or github-action-benchmark"
PLACE = ("the suite", 5)
EXAMPLES = (
    "handoff export records --format pytest-benchmark -o 0001_run.json",
    "handoff export records --format bencher -o bencher.json",
    "handoff export records --format smaller-is-better -o github.json",
)
FORMATS = ("pytest-benchmark", "bencher", "smaller-is-better")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("records", metavar="RECORDS", help="folder of one run's records, or one record")
    parser.add_argument("--format", required=True, help=", ".join(FORMATS))
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there, not to standard output")


def run(args: argparse.Namespace) -> int:
    """Export; what refuses or alters the object has no figure and is left out."""
    from handoff.commands.compare import tables
    from handoff.reports import exports  # type: ignore[import-not-found]  # checked as the top level's reports

    (form,) = choose("format", [args.format], FORMATS)
    found = tables(args.records)
    if len(several := sorted({table.run for table in found})) > 1:
        raise UsageError(f"{args.records} holds {len(several)} runs; name the folder of one: {', '.join(several)}")
    write(exports.FORMATS[form](found), args.output)
    return 0
