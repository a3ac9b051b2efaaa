"""The pages beside Decide. Each is one module of this package named ``…_page``; adding a page touches one file.

Such a module has ``ORDER``, its place in the navigation, and ``page(runs, problems)``, which gives a :class:`Page`, or
None when there is nothing to show: an empty page is not shown.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .plain import Block
from .run import Run


@dataclass(frozen=True, slots=True)
class Page:
    """A file name, a title, and content as blocks, which whoever renders them escapes."""

    name: str
    title: str
    blocks: Sequence[Block]


def pages(runs: Sequence[Run], problems: Sequence[str]) -> list[Page]:
    """Every page that has something to show, in order. Raises ``ValueError`` when two have one name."""
    names = [found.name for found in pkgutil.iter_modules([str(Path(__file__).parent)]) if found.name.endswith("_page")]
    modules = [importlib.import_module(f".{name}", __package__) for name in names]
    modules.sort(key=lambda module: (module.ORDER, module.__name__))
    found = [page for module in modules if (page := module.page(runs, problems)) is not None]
    if len({page.name for page in found}) < len(found):
        raise ValueError(f"two pages have the same file name: {sorted(page.name for page in found)}")
    return found
