"""Which part of an object a pickler complains of: the path that the diagnosis has found to it, and its type.

The diagnosis is asked once for each payload that was refused or broken somewhere. It changes messages alone: what
became of a cell, and with which exception, is what happened in the cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from handoff.outcome import Kind, Outcome
from handoff.routes import Route
from handoff.strategy import Strategy

BUDGET_S = 1.5  #: for the diagnosis of one payload

Findings = Sequence[Mapping[str, Any]]


def pickler(way: Strategy | Route) -> str:
    """Which of :data:`handoff.diagnosing.STRATEGIES` fails as this way does; "" where nothing is pickled."""
    if isinstance(way, Strategy) and way.only:
        return ""
    if {"dill", "multiprocess"} & set(way.needs):
        return "dill"
    return "cloudpickle" if {"cloudpickle", "loky", "joblib"} & set(way.needs) else "pickle-default"


def askable(outcome: Outcome, way: Strategy | Route) -> bool:
    """Whether a diagnosis could say which part it was."""
    return outcome.kind in (Kind.REFUSED, Kind.BROKEN) and bool(pickler(way))


def named(outcome: Outcome, way: Strategy | Route, findings: Findings, whole: str) -> Outcome:
    """The outcome with the part named in its message; ``whole`` is the object's type, where no part is to blame."""
    if not askable(outcome, way):
        return outcome
    texts = [_text(found) for found in findings]
    meant = [found for found, text in zip(findings, texts, strict=True) if text and text in outcome.message]
    if not meant:
        wanted = "dump" if outcome.kind is Kind.REFUSED else "load"
        by = [found for found in findings if pickler(way) in found["blocks"] and found["where"] == wanted]
        meant = by if outcome.error_type or wanted == "load" else []
    if not meant:
        unnamed = outcome.kind is Kind.REFUSED or not outcome.error_type
        return outcome if unnamed else replace(outcome, message=f"obj ({whole}): {outcome.message}")
    others = len({found["path"] for found in meant}) - 1
    more = f", as {others} other part{'s' * (others > 1)}" if others else ""
    return replace(outcome, message=f"{meant[0]['path']} ({meant[0]['type']}){more}: {outcome.message}")


def _text(found: Mapping[str, Any]) -> str:
    """The message of the exception that the part alone gives."""
    return str(found["error"]).partition(": ")[2]
