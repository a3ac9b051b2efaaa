"""What two answers about one object say against each other: of ``support``, ``diagnose`` and ``advise``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from handoff.advising.result import Advice
from handoff.diagnosing import STRATEGIES, Diagnosis

#: where a finding of the diagnosis says that it shows, for each outcome; dill's RLock arrives and cannot be taken
WHERE = {"refused": {"dump"}, "broken": {"load", "arrival"}, "altered": {"arrival"}}

Told = tuple[str, str, str, str]  #: strategy, start method, outcome, reason


def told(cells: Iterable[Any]) -> list[Told]:
    """The cells of ``handoff support``, or of ``handoff.support``, of the strategies that a diagnosis speaks of."""
    found = []
    for cell in cells:
        inner = cell.outcome if not isinstance(cell.outcome, str) else None
        kind = str(cell.outcome if inner is None else inner.kind)
        reason = f"{cell.error_type}: {cell.message}" if inner is None else inner.reason
        if cell.strategy in STRATEGIES and kind not in ("unavailable", "no answer"):
            found.append((cell.strategy, cell.start_method, kind, reason))
    return found


def against_diagnosis(cells: Iterable[Told], found: Diagnosis) -> Iterator[str]:
    """Every cell for which the diagnosis says something else, or nothing."""
    findings = (*found.culprits, *found.altered)
    for strategy, method, kind, reason in cells:
        named = [each for each in findings if strategy in each.blocks and method in each.start_methods]
        said = "; ".join(f"{each.path}: {each.where}: {each.reason}" for each in named) or "nothing"
        if (kind != "ok") is not bool(named) or (kind != "ok" and WHERE[kind].isdisjoint(each.where for each in named)):
            yield f"{strategy}, {method}: support {kind} {reason}; diagnose: {said}"


def against_advice(cells: Iterable[Told], advice: Advice) -> Iterator[str]:
    """Every way that is advised and does not carry the object, or that is left out for a reason and carries it."""
    method = advice.job.start_method
    kinds = {strategy: kind for strategy, at, kind, _ in cells if at == method}
    for row in (row for tier in advice.tiers for row in tier):
        if kinds.get(row.strategy, "ok") != "ok":
            yield f"{row.strategy}, {method}: advised; support {kinds[row.strategy]}"
    for out in advice.excluded:
        if kinds.get(out.strategy) == "ok" and out.outcome in WHERE:
            yield f"{out.strategy}, {method}: support ok; advise: {out.outcome}: {out.reason}"
