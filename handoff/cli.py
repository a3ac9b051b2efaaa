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
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from handoff import __version__, commands
from handoff.target import TargetError


class UsageError(Exception):
    """A wrong argument; the message says what, where, and what is valid."""


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


def choose(what: str, wanted: Iterable[str], valid: Iterable[str]) -> list[str]:
    """The wanted names, or all valid ones if none is named. Raises :class:`UsageError` that lists the valid ones."""
    valid = list(valid)
    wanted = [name for text in wanted for name in text.split(",")]
    for name in wanted:
        if name not in valid:
            raise UsageError(f"unknown {what} {name!r}; valid are: {', '.join(valid)}")
    return wanted or valid


def write(text: str, output: str | None) -> None:
    """Write the answer to a file, or to standard output."""
    text = text if text.endswith("\n") else text + "\n"
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from error


def between(page: str, begin: str, end: str, text: str) -> str:
    """A page with this text between its markers, in place of what was there. Raises ``ValueError`` without markers."""
    if begin not in page or end not in page:
        raise ValueError(f"no {begin} and {end} in it")
    before, rest = page.split(begin, 1)
    return f"{before}{begin}{text}{end}{rest.split(end, 1)[1]}"


class Meter:
    """Progress on standard error: one live line on a terminal, a line a step elsewhere, nothing when quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.live = sys.stderr.isatty()
        self.last = ""

    def __call__(self, done: int, of: int, what: str) -> None:
        """Show that ``done`` of ``of`` steps are done and ``what`` is going on."""
        if self.quiet:
            return
        if self.live:
            sys.stderr.write(f"\r\x1b[2K[{done}/{of}] {what}"[:200])
            if done == of:
                sys.stderr.write("\r\x1b[2K")
        elif (line := f"[{done}/{of}]") != self.last and what:
            self.last = line
            sys.stderr.write(f"{line} {what}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
