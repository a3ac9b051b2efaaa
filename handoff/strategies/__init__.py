"""Every strategy there is: one module a family, each exporting ``STRATEGIES``. Adding one touches one file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from handoff.strategy import Strategy


@cache
def registry() -> Mapping[str, Strategy]:
    """All strategies by name, family after family. Raises ``ValueError`` when a name is taken twice."""
    found: dict[str, Strategy] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("_"):
            continue
        for strategy in importlib.import_module(f"{__name__}.{module.name}").STRATEGIES:
            if strategy.name in found:
                raise ValueError(f"strategy {strategy.name!r} is defined twice, the second time in {module.name}")
            found[strategy.name] = strategy
    return MappingProxyType(found)


def usual() -> tuple[str, ...]:
    """The strategies that are tried where none is named."""
    return tuple(name for name, each in registry().items() if not each.named_only)


def baselines(duty: str, strategies: Mapping[str, Strategy] | None = None) -> tuple[str, ...]:
    """What every ratio of a duty is to: the first of these that works. ``strategies``: as the registry."""
    found = (registry() if strategies is None else strategies).values()
    turns = sorted((each.baseline_turn, each.name) for each in found if duty in each.baseline_of)
    return tuple(name for _, name in turns)
