"""Options that several commands have, and errors of usage."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from handoff import timeouts
from handoff.processes import proc
from handoff.terminal import printable


def seconds(option: str, text: str) -> float:
    """``30``, ``30s``, ``500ms`` or ``2m``. Raises :class:`UsageError`."""
    for unit, factor in (("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("", 1.0)):
        if text.endswith(unit):
            try:
                value = float(text.removesuffix(unit)) * factor
            except ValueError:
                continue
            if 0 < value < 1e6:
                return value
    raise UsageError(f"{option} {text!r}: give a time above 0, such as 30s or 2m")


def add_patience(parser: argparse.ArgumentParser, what: str) -> None:
    """``--patience``, the same for every command that opens a target; ``what`` it is for, with its default."""
    parser.add_argument(
        "--patience", metavar="SECONDS", default=f"{timeouts.TARGET_S:g}s", help=f"for {what} (default: %(default)s)"
    )


class UsageError(Exception):
    """A wrong argument; the message says what, where, and what is valid."""


def needs_proc() -> None:
    """Raises :class:`UsageError` where Linux does not show its processes: what is started could not be cleared away."""
    if missing := proc.missing():
        raise UsageError(missing)


def meant(name: str, valid: Iterable[str]) -> str:
    """``; did you mean 'spawn'?`` where a valid name is close, or nothing."""
    from difflib import get_close_matches

    near = get_close_matches(name, list(valid), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def choose(what: str, wanted: Iterable[str], valid: Iterable[str]) -> list[str]:
    """The wanted names, or all valid ones if none is named. Raises :class:`UsageError` that lists the valid ones."""
    valid = list(valid)
    wanted = [name for text in wanted for name in text.split(",")]
    for name in wanted:
        if name not in valid:
            raise UsageError(f"unknown {what} {name!r}; valid are: {', '.join(valid)}{meant(name, valid)}")
    return wanted or valid


def write(text: str, output: str | None) -> None:
    """Write the answer to a file, or to standard output. Raises :class:`UsageError`, also where a record is there."""
    text = printable(text if text.endswith("\n") else text + "\n")
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    if output.endswith(".json") and os.path.exists(output):
        from handoff.record import RecordError, read

        with suppress(RecordError):
            read(Path(output))
            raise UsageError(f"{output} is a record, which nothing is written over; give another file")
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from error
