"""The support matrix: what becomes of every payload, by every way. It is of this repository, not of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handoff.target import import_from

from . import support
from .extra_pages import Page
from .run import Run

ORDER = 25
ROOT = Path(__file__).resolve().parent.parent


def page(runs: Sequence[Run], problems: Sequence[str]) -> Page | None:
    """The matrix as declared, which the tests hold to what happens; nothing where only the package is installed."""
    if not runs or not (ROOT / "payloads" / "support").is_dir():
        return None
    data = import_from(str(ROOT), "payloads.support")
    return Page("support.html", "Support", support.blocks(data.cells(), data.gaps(), data.PYTHONS))
