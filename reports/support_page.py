"""The support matrix: what becomes of every payload, by every way. It is of this repository, not of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from handoff.declarations import ANY, Gap
from handoff.payload import Duty
from handoff.start_methods import START_METHODS
from handoff.support_matrix.expected import declared, gaps_of
from handoff.support_matrix.matrix import ways
from handoff.target import Entry, load_collection

from . import support
from .extra_pages import Page
from .run import Run
from .support import Declared, Unpredicted

ORDER = 25
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
ROOT = Path(__file__).resolve().parent.parent


def page(runs: Sequence[Run], problems: Sequence[str]) -> Page | None:
    """The matrix as declared, which the tests hold to what happens; nothing where only the package is installed."""
    if not runs or not (ROOT / "payloads" / "claims").is_dir():
        return None
    return Page("support.html", "Support", support.blocks(*catalogue(), PYTHONS))


def catalogue() -> tuple[list[Declared], list[Unpredicted]]:
    """Every cell of the built-in catalogue, and every gap in it."""
    entries = tuple(load_collection(ROOT / "payloads").values())
    return cells(entries), gaps(entries)


def cells(entries: Iterable[Entry]) -> list[Declared]:
    """Every payload of a collection by every way, whatever is installed here."""
    entries = tuple(entries)
    found = gaps_of(entries)
    return [
        Declared(
            entry.payload.name,
            name,
            duty,
            method,
            {text: str(declared(entry.payload, way, duty, method, found, _version(text))[0]) for text in PYTHONS},
        )
        for duty in Duty
        for entry in entries
        for name, way in ways().items()
        if duty in way.duties
        for method in START_METHODS
    ]


def gaps(entries: Iterable[Entry]) -> list[Unpredicted]:
    """Every gap, in the order in which they are declared."""
    return [
        Unpredicted(
            gap.payload, _names(gap.strategy, "everything"), _where(gap), str(gap.outcome), gap.reason, gap.source
        )
        for gap in gaps_of(entries)
    ]


def _names(names: str | Sequence[str], every: str) -> str:
    if names == ANY:
        return every
    return names if isinstance(names, str) else ", ".join(names)


def _where(gap: Gap) -> str:
    first, last = gap.python
    span = "" if (first, last) == ((3, 11), (3, 99)) else f"Python {first[0]}.{first[1]} to {last[0]}.{last[1]}"
    return "; ".join(text for text in (_names(gap.duty, ""), _names(gap.start_method, ""), span) if text)


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)
