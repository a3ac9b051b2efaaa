# PYTHON_ARGCOMPLETE_OK
"""The command line. Each command is a module in :mod:`handoff.commands`; adding one touches one file.

Exit codes: 0 fine, 1 a finding (nothing carries it, a failed cell), 2 usage or a target that cannot be loaded,
130, 143 and 129 ended by SIGINT, SIGTERM and SIGHUP. Standard output carries the answer alone; progress goes to
standard error.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import re
import sys
import textwrap
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import MappingProxyType, ModuleType
from typing import Any, NoReturn

from handoff import __version__, commands
from handoff.commands._options import UsageError, meant
from handoff.processes import folders, signals
from handoff.target import TargetError
from handoff.terminal import printable

GROUPS = ("at your desk", "the suite", "to look things up")  #: in the order in which people need them


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    arguments = parser()
    if "_ARGCOMPLETE" in os.environ:  # a shell asks for completions: eval "$(register-python-argcomplete handoff)"
        import argcomplete

        _complete_values(arguments)
        argcomplete.autocomplete(arguments)
    args = arguments.parse_args(argv)
    try:
        return int(args.run(args))
    except (UsageError, TargetError) as error:
        if args.verbose:
            print(printable(traceback.format_exc()), end="", file=sys.stderr)
        print(printable(f"handoff {args.command}: {' '.join(str(error).splitlines())}"), file=sys.stderr)  # one line
        return 2
    except KeyboardInterrupt:
        folders.end_own()
        with suppress(OSError):  # after SIGHUP there is no terminal to say it on
            print(f"\nhandoff {args.command}: {signals.how()}", file=sys.stderr)
        return signals.exit_code()
    except BrokenPipeError:  # the reader of our output, such as `head`, had enough
        with suppress(OSError):
            sys.stdout.close()
        return 0


def all_commands() -> dict[str, ModuleType]:
    """Every command by name, group after group."""
    names = [found.name for found in pkgutil.iter_modules(commands.__path__) if not found.name.startswith("_")]
    found = {name: importlib.import_module(f"{commands.__name__}.{name}") for name in names}
    return dict(sorted(found.items(), key=lambda item: (GROUPS.index(item[1].PLACE[0]), item[1].PLACE[1])))


class _Help(argparse.RawDescriptionHelpFormatter):
    """Paragraphs and lists as they are written, wrapped to the terminal; a command that is too long goes on below."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        parts = re.split(r"\n(?=\s|$)", text.strip())  # what begins a line without a blank goes on with the line before
        return "\n".join(self._folded(part, width) for part in parts)

    def _folded(self, part: str, width: int) -> str:
        if part.startswith("\n"):  # an empty line before it
            return "\n" + self._folded(part[1:], width)
        if part.startswith("  handoff "):
            lines = textwrap.wrap(part, width - 2, subsequent_indent="      ", break_long_words=False)
            return " \\\n".join(lines)
        listed = re.match(r" {2}\S+ +", part)
        after = " " * len(listed[0]) if listed else ""
        return textwrap.fill(" ".join(part.split()) if not listed else part, width, subsequent_indent=after)


class _Parser(argparse.ArgumentParser):
    """Says which valid word was perhaps meant."""

    valid: frozenset[str] = frozenset()
    commands: Mapping[str, _Parser] = MappingProxyType({})

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_Help, **options)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What nobody knows is the command's to say, with what it does know."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.commands.get(found.command, self).error(f"unrecognized arguments: {' '.join(unknown)}")
        return found

    def error(self, message: str) -> NoReturn:
        wrong = re.search(r"invalid choice: '([^']*)'|unrecognized arguments: (\S+)", message)
        hint = meant((wrong[1] or wrong[2]).partition("=")[0], sorted(self.valid)) if wrong else ""
        super().error(message + hint)


def parser() -> _Parser:
    """Every command with its options."""
    found = all_commands()
    listed = []
    for group in GROUPS:
        mine = {name: module for name, module in found.items() if module.PLACE[0] == group}
        listed += [f"\n{group}:", *(f"  {name:<10}{module.HELP}" for name, module in mine.items())]
    about = "What it costs to hand an object to another process, which ways work, and which to take.\n"
    parser = _Parser(prog="handoff", description="\n".join([about.rstrip(), *listed]), epilog="handoff COMMAND --help")
    parser.add_argument("--version", action="version", version=f"handoff {__version__}")
    verbs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", help="one of the above")
    for name, module in found.items():
        examples = "\n".join(f"  {example}" for example in module.EXAMPLES)
        verb = verbs.add_parser(name, description=module.__doc__, epilog=f"examples:\n{examples}")
        verb.add_argument("-q", "--quiet", action="store_true", help="no progress")
        verb.add_argument("-v", "--verbose", action="store_true", help="also notes, and tracebacks of what went wrong")
        module.configure(verb)
        verb.set_defaults(run=module.run)
        verb.valid = frozenset(option for action in verb._actions for option in action.option_strings)
    parser.valid, parser.commands = frozenset(found), verbs.choices
    return parser


def _complete_values(parser: _Parser) -> None:
    """Tell argcomplete which names the options take; they are no ``choices``, whose messages would be argparse's."""
    from handoff.payload import Duty
    from handoff.profile import PROFILES
    from handoff.start_methods import START_METHODS
    from handoff.strategies import registry

    values = {"start_method": START_METHODS, "duty": tuple(Duty), "profile": PROFILES, "strategy": registry()}
    for verb in parser.commands.values():
        for action in verb._actions:
            if action.dest in values:
                vars(action)["completer"] = partial(_names, tuple(values[action.dest]))


def _names(names: tuple[str, ...], **_asked: object) -> tuple[str, ...]:
    """What argcomplete calls; it leaves out what does not begin as what was typed."""
    return names


if __name__ == "__main__":
    raise SystemExit(main())
