"""Write what a project of your own needs to watch its objects: `ci`, two workflows for GitHub Actions."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from pathlib import Path

from handoff.commands._options import UsageError, choose

HELP = "write workflows that watch your own objects in CI"
PLACE = ("at your desk", 4)
EXAMPLES = (
    "handoff init ci my_payloads.py",
    "handoff init ci config.py:make_config --setup 'python -m pip install -e .' --python 3.13",
)

WHAT = ("ci",)
FOLDER = ".github/workflows"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("what", metavar="WHAT", help=f"one of: {', '.join(WHAT)}")
    parser.add_argument("target", metavar="TARGET", help="as for the other commands; a path in this project")
    parser.add_argument(
        "--setup",
        metavar="COMMAND",
        default="python -m pip install .",
        help="installs your project (default: %(default)s)",
    )
    parser.add_argument(
        "--handoff",
        metavar="REQUIREMENT",
        default="handoff-bench",
        help="what pip installs handoff by (default: %(default)s)",
    )
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    parser.add_argument(
        "--python", metavar="VERSION", default=here, help="of the pull requests' job (default: this one)"
    )
    parser.add_argument("--force", action="store_true", help="write over files that are there")
    parser.add_argument("-o", "--output", metavar="DIR", default=FOLDER, help="default: %(default)s")


def run(args: argparse.Namespace) -> int:
    """Write. Raises :class:`UsageError` for a target that no checkout has, and for files that are there."""
    from handoff.commands._workflows import FILES

    choose("thing to write", [args.what], WHAT)
    path = args.target.partition(":")[0]
    if (path.endswith(".py") or "/" in path) and not Path(path).exists():
        raise UsageError(f"{path}: no such file; name the target from the top of your project, where CI runs")
    if Path(path).is_absolute():
        raise UsageError(f"{path}: name it relative to your project: CI has it elsewhere")
    if not re.fullmatch(r"3\.\d+", args.python):
        raise UsageError(f"--python {args.python}: give it as 3.13")
    values = {
        "TARGET": json.dumps(args.target),  # a JSON string is one of YAML
        "SETUP": args.setup,
        "HANDOFF": shlex.quote(args.handoff),
        "PYTHON": args.python,
    }
    if "\n" in args.setup:
        raise UsageError("--setup: one line, commands joined by &&")
    folder = Path(args.output)
    there = [folder / name for name in FILES if (folder / name).exists()]
    if there and not args.force:
        raise UsageError(f"{there[0]} exists; --force writes over it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in FILES.items():
            (folder / name).write_text(re.sub("@([A-Z]+)@", lambda found: values[found[1]], text), encoding="utf-8")
            print(f"wrote {folder / name}")
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}") from error
    print("read them, then commit them; the nightly one wants a runner of your own with the label 'handoff'")
    return 0
