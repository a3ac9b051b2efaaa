"""Everything of one sort, a line each: strategies, payloads of a collection, duties."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from handoff import timeouts
from handoff.commands._options import UsageError, add_patience, choose, seconds, write

if TYPE_CHECKING:
    from handoff.target import Entry

HELP = "all strategies, payloads or duties, a line each"
PLACE = ("to look things up", 1)
EXAMPLES = ("handoff list strategies", "handoff list payloads my_payloads.py", "handoff list duties")

WHAT = ("strategies", "payloads", "duties")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("what", metavar="WHAT", help=f"one of: {', '.join(WHAT)}")
    parser.add_argument("target", metavar="TARGET", nargs="?", help="whose payloads (default: the built-in catalogue)")
    add_patience(parser, "importing the target")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the answer there")


def run(args: argparse.Namespace) -> int:
    """List."""
    from handoff.terminal import listing

    (what,) = choose("sort of thing", [args.what], WHAT)
    write(listing(ROWS[what](args.target, seconds("--patience", args.patience))), args.output)
    return 0


def strategies(target: str | None, _: float = 0) -> list[tuple[str, str]]:
    """Every strategy with its summary. Raises :class:`UsageError` where a target is given: it has none of its own."""
    from handoff.strategies import registry

    if target is not None:
        raise UsageError(f"{target!r}: only payloads are a target's")
    return [(each.name, each.summary) for each in registry().values()]


def opened(target: str | None, patience_s: float) -> Mapping[str, Entry]:
    """Every payload of a TARGET, or of the built-in catalogue. Raises ``TargetError``.

    What is the user's own is opened elsewhere, as all commands open it; the catalogue is ours.
    """
    from handoff.advising.run import open_target
    from handoff.target import load_target

    return load_target(catalogue()) if target is None else open_target(target, patience_s=patience_s)


def payloads(target: str | None, patience_s: float = timeouts.TARGET_S) -> list[tuple[str, str]]:
    """Every payload of a collection with what is special about it. Raises ``TargetError``."""
    found = opened(target, patience_s)
    return [(name, entry.payload.why or ", ".join(sorted(entry.payload.traits))) for name, entry in found.items()]


def duties(target: str | None, _: float = 0) -> list[tuple[str, str]]:
    """Every duty with what it means."""
    from handoff.glossary import members
    from handoff.payload import Duty

    if target is not None:
        raise UsageError(f"{target!r}: only payloads are a target's")
    return list(members(Duty).items())


def catalogue() -> str:
    """Where the built-in catalogue is: beside the package, as in a clone. Raises :class:`UsageError` elsewhere."""
    import handoff

    folder = Path(handoff.__file__).resolve().parent.parent / "payloads"
    if not folder.is_dir():
        raise UsageError("the built-in catalogue is in a clone of the repository, not in the package: name a TARGET")
    return str(folder)


ROWS = {"strategies": strategies, "payloads": payloads, "duties": duties}
