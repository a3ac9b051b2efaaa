"""The command line. Each command is a module in :mod:`handoff.commands`; adding one touches one file.

Exit codes: 0 fine, 1 a finding (nothing carries it, a failed cell), 2 usage or a target that cannot be loaded,
130 interrupted. Standard output carries the answer alone; progress goes to standard error.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

from handoff import __version__, commands
from handoff.options import UsageError
from handoff.target import TargetError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    parser = argparse.ArgumentParser(prog="handoff", description="What it costs to hand an object to another process.")
    parser.add_argument("--version", action="version", version=f"handoff {__version__}")
    verbs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for found in pkgutil.iter_modules(commands.__path__):
        if found.name.startswith("_"):
            continue
        module = importlib.import_module(f"{commands.__name__}.{found.name}")
        verb = verbs.add_parser(found.name, help=module.HELP, description=module.__doc__)
        verb.add_argument("-q", "--quiet", action="store_true", help="no progress")
        verb.add_argument("-v", "--verbose", action="store_true", help="tracebacks of what went wrong")
        module.configure(verb)
        verb.set_defaults(run=module.run)
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except (UsageError, TargetError) as error:
        if args.verbose:
            traceback.print_exc()
        print(f"handoff {args.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nhandoff {args.command}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, such as `head`, had enough
        with suppress(OSError):
            sys.stdout.close()
        return 0


def between(page: str, begin: str, end: str, text: str) -> str:
    """A page with this text between its markers, in place of what was there. Raises ``ValueError`` without markers."""
    if begin not in page or end not in page:
        raise ValueError(f"no {begin} and {end} in it")
    before, rest = page.split(begin, 1)
    return f"{before}{begin}{text}{end}{rest.split(end, 1)[1]}"


if __name__ == "__main__":
    raise SystemExit(main())
