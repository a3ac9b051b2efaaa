"""Measure what can carry an object for a job, and say which way to take.

With neither --duty argument nor --duty state both are open: to send the object with every task, or to set it up once
per worker. Exit code 1 when nothing carries it.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from handoff.commands._options import UsageError, add_patience, choose, needs_proc, seconds, write
from handoff.start_methods import START_METHODS
from handoff.terminal import ProgressLine

if TYPE_CHECKING:
    from handoff.advising.result import Advice

HELP = "which way should I take for this object and job, and what does each cost here?"
PLACE = ("at your desk", 3)
EXAMPLES = (
    "handoff advise table.py:make_table",
    'handoff advise "table.py:make_table(megabytes=1)" --tasks 100 --workers 2 --start-method spawn',
    "handoff advise table.py:make_table --duty argument --budget 5m --format json -o advice.json",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "target", metavar="TARGET", help='file.py:callable, package.module:callable(3, "x"), or a collection'
    )
    parser.add_argument("--payload", metavar="NAME", help="which payload of a collection")
    parser.add_argument("--duty", help="argument, state, result or shared (default: argument or state)")
    parser.add_argument(
        "--work", metavar="FILE:FUNCTION", default="", help="what a task does with the object (default: read all of it)"
    )
    parser.add_argument("--tasks", type=int, metavar="N", help="how many tasks the job has (default: 100)")
    parser.add_argument("--workers", type=int, metavar="K", help="processes (default: as many as usable cores)")
    which = "fork, spawn or forkserver (repeatable; default: all there are, and which to take)"
    parser.add_argument("--start-method", action="append", default=[], metavar="M", help=which)
    parser.add_argument("--budget", metavar="SECONDS", default="30s", help="for measuring (default: 30s)")
    add_patience(parser, "making the object")
    parser.add_argument("--format", choices=("text", "json", "markdown", "csv"), default="text", help="default: text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the answer there, not to standard output")


def run(args: argparse.Namespace) -> int:
    """Advise; 1 when nothing carries the object."""
    from handoff import terminal
    from handoff.advising import run, text
    from handoff.payload import Duty

    needs_proc()
    if args.duty:
        choose("duty", [args.duty], list(Duty))
    methods = run.judged(choose("start method", args.start_method, START_METHODS) if args.start_method else ())
    for option, value in (("--tasks", args.tasks), ("--workers", args.workers)):
        if value is not None and value < 1:
            raise UsageError(f"{option} {value}: give 1 or more")
    budget_s = seconds("--budget", args.budget)
    progress = ProgressLine(quiet=args.quiet, most_s=budget_s)

    def first(advice: Advice) -> None:
        if not args.quiet and advice.tiers:
            progress.clear()
            print(f"so far: {advice.advice}", file=sys.stderr, flush=True)

    try:
        advice = run.advise_target(
            args.target,
            run.usual_job(args.duty, args.tasks, args.workers, methods[0]),
            also=methods[1:],
            duty=args.duty,
            payload=args.payload,
            work=args.work,
            budget_s=budget_s,
            patience_s=seconds("--patience", args.patience),
            progress=progress,
            show=first,
        )
    finally:
        progress.clear()
    if args.format == "text" and args.output is None:
        terminal.show(text.advice_parts(advice))
    else:
        write(text.advice_as(advice, args.format), args.output)
    return 0 if advice.tiers else 1
