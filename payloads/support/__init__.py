"""What is declared of the catalogue, for the support page: ``python -m payloads.support`` writes ``SUPPORT.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handoff.declarations import ANY, Gap
from handoff.payload import Duty
from handoff.start_methods import START_METHODS
from handoff.support_matrix.expected import declared, gaps_of
from handoff.support_matrix.matrix import ways
from handoff.target import load_collection
from reports.support import Declared, Unpredicted

PYTHONS = ("3.11", "3.12", "3.13")
CATALOGUE = load_collection(Path(__file__).resolve().parents[1])
GAPS = gaps_of(CATALOGUE.values())


def cells() -> list[Declared]:
    """Every payload by every way, whatever is installed here."""
    return [
        Declared(
            entry.payload.name,
            name,
            duty,
            method,
            {text: str(declared(entry.payload, way, duty, method, GAPS, _version(text))[0]) for text in PYTHONS},
        )
        for duty in Duty
        for entry in CATALOGUE.values()
        for name, way in ways().items()
        if duty in way.duties
        for method in START_METHODS
    ]


def gaps() -> list[Unpredicted]:
    """Every gap, in the order in which they are declared."""
    return [
        Unpredicted(
            gap.payload, _names(gap.strategy, "everything"), _where(gap), str(gap.outcome), gap.reason, gap.source
        )
        for gap in GAPS
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
