"""The ledger of claims: what the articles say, and what happens. It is of this repository, not of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handoff.target import import_from

from .extra_pages import Page
from .run import Run

ORDER = 30
ROOT = Path(__file__).resolve().parent.parent


def page(runs: Sequence[Run], problems: Sequence[str]) -> Page | None:
    """The ledger as declared, which the tests hold to what happens; nothing where only the package is installed."""
    if not runs or not (ROOT / "payloads" / "claims").is_dir():
        return None
    from . import claims

    ledger, declared = (import_from(str(ROOT), f"payloads.claims{part}") for part in ("", "._claim"))
    rows = claims.rows(ledger.ledger(), declared.START_METHODS, declared.PYTHONS)
    return Page("claims.html", "Claims", claims.blocks(rows, declared.PYTHONS))
