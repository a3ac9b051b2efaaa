"""Find every part of an object that stops or alters its hand-over, and what is heavy in it.

Exit code 1 when something stops it. The object is made and looked at in a process of its own.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from handoff.commands._options import add_patience, seconds, write
from handoff.terminal import ProgressLine

if TYPE_CHECKING:
    from handoff.processes.messages import Request, SandboxTold

HELP = "what in this object is in the way, where, and what to do about it?"
PLACE = ("at your desk", 1)
EXAMPLES = (
    "handoff diagnose config.py:make_config",
    'handoff diagnose "my_package.jobs:make(3)" --format markdown -o diagnosis.md',
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "target", metavar="TARGET", help='file.py:callable, package.module:callable(3, "x"), or a collection'
    )
    parser.add_argument("--payload", metavar="NAME", help="which payload of a collection")
    parser.add_argument("--budget", metavar="SECONDS", default="20s", help="for looking at the object (default: 20s)")
    add_patience(parser, "making the object")
    parser.add_argument("--format", choices=("text", "json", "markdown", "csv"), default="text", help="default: text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the answer there, not to standard output")


def run(args: argparse.Namespace) -> int:
    """Diagnose; 1 when there is a culprit."""
    from handoff import terminal
    from handoff.advising.run import INSIDE, NONE_NOTE
    from handoff.diagnosing import Diagnosis, text
    from handoff.processes import sandbox

    budget_s = seconds("--budget", args.budget)
    config: Request = {**sandbox.request(args.target, args.payload), "do": "diagnose", "diagnose_s": budget_s}
    progress = ProgressLine(quiet=args.quiet, most_s=budget_s)
    told: SandboxTold = {}
    try:
        patience_s = seconds("--patience", args.patience)
        for message in sandbox.ask(INSIDE, config, patience_s=patience_s, more_s=budget_s + 5, progress=progress):
            told |= message
            progress("looking at the object")
    finally:
        progress.clear()
    diagnosis = Diagnosis.from_json(told["diagnosis"])
    if told["opened"]["none"]:
        diagnosis = replace(diagnosis, notes=(NONE_NOTE, *diagnosis.notes))
    if args.format == "text" and args.output is None:
        terminal.show(text.diagnosis_parts(diagnosis))
    else:
        write(text.diagnosis_as(diagnosis, args.format), args.output)
    return 1 if diagnosis.culprits else 0
