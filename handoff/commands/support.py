"""Execute every way to hand over an object, or each payload of a collection: what works, breaks or silently changes."""

from __future__ import annotations

import argparse

from handoff import timeouts
from handoff.commands._options import UsageError, choose, needs_proc, seconds, write
from handoff.start_methods import START_METHODS
from handoff.terminal import Meter, ProgressLine

HELP = "which ways work, break, or silently change the object"
PLACE = ("at your desk", 2)
EXAMPLES = (
    "handoff support config.py:make_config",
    "handoff support config.py:make_config --start-method spawn --duty argument",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("target", metavar="TARGET", help="file.py:callable, package.module:callable, or a collection")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the answer there")
    parser.add_argument("--format", default="text", help="text, json, markdown or csv (default: text)")
    parser.add_argument("--payload", action="append", default=[], help="only this payload (repeatable)")
    parser.add_argument(
        "--strategy", action="append", default=[], help="only this one (repeatable; handoff list strategies has most)"
    )
    parser.add_argument("--duty", action="append", default=[], help="argument, state, result or shared (repeatable)")
    parser.add_argument("--start-method", action="append", default=[], help="fork, spawn, forkserver (repeatable)")
    both = f"(default: {timeouts.TARGET_S:g}s), and for an answer (default: {timeouts.CELL_S:g}s)"
    parser.add_argument("--patience", metavar="SECONDS", help=f"for making the object {both}")
    parser.add_argument("--jobs", type=int, help="interpreters at the same time (default: one more than cores)")
    parser.add_argument("--isolated", action="store_true", help="an interpreter for each cell: slow, to compare")


def run(args: argparse.Namespace) -> int:
    """Execute; 1 when nothing carries some payload, or a cell failed for our own reasons."""
    from handoff.advising.run import open_target
    from handoff.payload import Duty
    from handoff.support_matrix.matrix import support, uncarried, ways
    from handoff.support_matrix.text import FORMATS, notes

    needs_proc()
    (form,) = choose("format", [args.format], FORMATS)
    patience_s = seconds("--patience", args.patience) if args.patience else None
    line = ProgressLine(quiet=args.quiet)
    try:
        collection = open_target(args.target, patience_s=patience_s or timeouts.TARGET_S, progress=line)
    finally:
        line.clear()
    payloads = choose("payload", args.payload, collection)
    strategies = choose("strategy", args.strategy, ways()) if args.strategy else ()
    duties = choose("duty", args.duty, [str(duty) for duty in Duty])
    start_methods = choose("start method", args.start_method, START_METHODS)
    if args.jobs is not None and args.jobs < 1:
        raise UsageError("--jobs must be more than 0")
    cells = support(
        {name: collection[name] for name in payloads},
        strategies=strategies,
        duties=duties,
        start_methods=start_methods,
        patience_s=patience_s or timeouts.CELL_S,
        jobs=args.jobs,
        isolated=args.isolated,
        progress=Meter(quiet=args.quiet),
    )
    if not cells:
        raise UsageError("nothing to execute: none of these strategies serves these duties")
    text = FORMATS[form](cells)
    if args.verbose and form == "text" and (found := list(notes(cells))):
        text += "\n\n" + "\n".join(["Notes: what differs and does not count", *(f"  {line}" for line in found)])
    write(text, args.output)
    return 1 if uncarried(cells) else 0
