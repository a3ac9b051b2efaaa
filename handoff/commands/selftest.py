"""Measure the suite's own error on this machine, and say whether to believe its figures."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from handoff.commands._options import UsageError, choose, needs_proc, write
from handoff.terminal import Meter

if TYPE_CHECKING:
    from handoff.selftesting._frame import Report

HELP = "measure the suite's own error on this machine"
PLACE = ("the suite", 6)
EXAMPLES = (
    "handoff selftest --quick",
    "handoff selftest --check identical",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument("--quick", action="store_true", help="under 90 s (default: under 10 minutes)")
    depth.add_argument("--thorough", action="store_true", help="as long as the claims in METHODOLOGY.md took: hours")
    depth.add_argument(
        "--compare",
        nargs=2,
        metavar="RECORDS",
        help="measure nothing: do the records of two runs of the same experiments say the same?",
    )
    parser.add_argument("--check", action="append", default=[], help="only this check (repeatable)")
    parser.add_argument("--format", choices=("text", "json", "markdown"), default="text", help="default: text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the answer there, not to standard output")
    parser.add_argument("--seed", type=int, help="of all shuffling, to repeat a run's order")


def run(args: argparse.Namespace) -> int:
    """Test; 1 when something is shown to be off."""
    from handoff.selftesting import _show

    if args.output is not None:
        try:
            Path(args.output).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write {args.output}: {error.strerror}") from error
    report = _compared(*map(Path, args.compare)) if args.compare else _tested(args)
    if args.format == "text" and args.output is None and sys.stdout.isatty():
        with suppress(ImportError):
            _show.draw(report)
            return 0 if report.trustworthy else 1
    show = {"text": _show.text, "json": _show.to_json, "markdown": _show.markdown}[args.format]
    write(show(report), args.output)
    return 0 if report.trustworthy else 1


def _tested(args: argparse.Namespace) -> Report:
    from handoff import selftesting
    from handoff.selftesting._frame import DEPTHS

    needs_proc()
    names = choose("check", args.check, selftesting.checks()) if args.check else ()
    depth = DEPTHS["quick" if args.quick else "thorough" if args.thorough else "full"]
    return selftesting.run(depth, names=names, seed=args.seed, progress=Meter(quiet=args.quiet))


def _compared(*folders: Path) -> Report:
    from handoff.record import read_all
    from handoff.selftesting._stability import compare

    runs = []
    for folder in folders:
        records, problems = read_all(folder)
        for problem in problems:
            print(f"skipped: {problem}", file=sys.stderr)
        if not records:
            raise UsageError(f"{folder}: no records there")
        runs.append(records)
    return compare(*runs)
