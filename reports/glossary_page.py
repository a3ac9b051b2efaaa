"""The words that the pages use, as GLOSSARY.md and ``handoff explain`` have them."""

from __future__ import annotations

from collections.abc import Sequence

from handoff import glossary

from . import plain
from .extra_pages import Page
from .run import Run

ORDER = 90


def page(runs: Sequence[Run], problems: Sequence[str]) -> Page | None:
    """Every word; nothing where there is nothing to read with it."""
    if not runs:
        return None
    rows = [[word, sentence.replace("`", "")] for word, sentence in glossary.WORDS.items()]
    blocks: list[plain.Block] = [plain.Grid("Words", ["word", "what it means"], rows)]
    for group, kind in glossary.GROUPS:
        said = [[value, text.replace("`", "")] for value, text in glossary.members(kind).items()]
        blocks.append(plain.Grid(f"Each {group}", [group, "what it means"], said))
    return Page("glossary.html", "Glossary", blocks)
