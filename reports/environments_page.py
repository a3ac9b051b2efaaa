"""Environments compared, Python and libraries, which asv's own pages can't show. One machine at a time."""

from __future__ import annotations

from collections.abc import Sequence

from . import changes, plain, verdicts
from .extra_pages import Page
from .run import Run

ORDER = 40


def page(runs: Sequence[Run], problems: Sequence[str]) -> Page | None:
    """The newest run of each environment against the first of them, by name."""
    machines: dict[str, dict[str, Run]] = {}
    for run in runs:
        machines.setdefault(run.machine, {}).setdefault(run.environment, run)
    blocks: list[plain.Block] = []
    for machine, environments in machines.items():
        (base, before), *others = sorted(environments.items())
        if others:
            blocks.append(plain.Heading(2, verdicts.code(machine)))
        for name, after in others:
            blocks += changes.blocks(f"{name} against {base}", before.tables, after.tables, ratios=False)
    return Page("environments.html", "Environments compared", blocks) if blocks else None
