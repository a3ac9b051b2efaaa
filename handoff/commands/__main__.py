"""The table of commands for the README: ``python -m handoff.commands README.md`` writes it between its markers."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

from handoff import commands
from handoff.cli import between

BEGIN, END = "<!-- commands -->", "<!-- /commands -->"


def table() -> str:
    """A row for each command, from its ``HELP``."""
    names = sorted(found.name for found in pkgutil.iter_modules(commands.__path__) if not found.name.startswith("_"))
    helps = {name: importlib.import_module(f"{commands.__name__}.{name}").HELP for name in names}
    return "".join(f"| `handoff {name}` | {text} |\n" for name, text in helps.items())


def renewed(text: str) -> str:
    """A page with the table of now between its markers. Raises ``ValueError`` where there are none."""
    return between(text, BEGIN, END, f"\n{table()}")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(renewed(Path(name).read_text(encoding="utf-8")), encoding="utf-8")
    if not sys.argv[1:]:
        sys.stdout.write(table())
