"""Which part of an object a pickler complains of: the path that the diagnosis has found to it, and its type.

The diagnosis is asked once for each payload that was refused or broken somewhere. It changes messages alone: what
became of a cell, and with which exception, is what happened in the cell. Where the diagnosis itself comes to no end, as
the object hangs or crashes, the whole object is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from handoff.outcome import Kind, Outcome
from handoff.strategy import Strategy

BUDGET_S = 1.5  #: for the diagnosis of one payload

#: In a repr that a message quotes (pickle's own from 3.15 on, MaybeEncodingError's): another one in every run.
ADDRESS = re.compile(r" at 0x[0-9a-f]+")

#: How the notes begin that pickle adds to its errors since 3.14: the way to the part, which its path says, and through
#: what the part was sent in, which is none of the user's.
_STEPS = "when serializing "

Findings = Sequence[Mapping[str, Any]]


def pickler(way: Strategy) -> str:
    """Which of :data:`handoff.diagnosing.STRATEGIES` fails as this way does; "" where nothing is pickled."""
    if way.only or not way.pickled_as:
        return ""
    if {"dill", "multiprocess"} & set(way.needs):
        return "dill"
    return "cloudpickle" if {"cloudpickle", "loky", "joblib"} & set(way.needs) else "pickle-default"


def askable(outcome: Outcome) -> bool:
    """Whether its reason is to say which part of the object is meant."""
    return outcome.kind in (Kind.REFUSED, Kind.BROKEN)


def named(outcome: Outcome, way: Strategy, findings: Findings, whole: str) -> Outcome:
    """An askable outcome with a part and its type before its message: all of the object, of type ``whole``, else.

    Left as it is when the way has named the part itself.
    """
    if outcome.message.startswith(("obj[", "obj.", "obj (")):
        return outcome
    outcome = replace(outcome, message=ADDRESS.sub("", outcome.message))
    meant = _meant(outcome, way, findings)
    if not meant:
        return replace(outcome, message=f"obj ({whole}): {outcome.message}")
    others = len({found["path"] for found in meant}) - 1
    more = f", as {others} other part{'s' * (others > 1)}" if others else ""
    said = "; ".join(part for part in outcome.message.split("; ") if not part.startswith(_STEPS))
    return replace(outcome, message=f"{meant[0]['path']} ({meant[0]['type']}){more}: {said}")


def _meant(outcome: Outcome, way: Strategy, findings: Findings) -> Findings:
    """What the diagnosis has found that this failure is about: the same words, else the same step of this pickler."""
    by = pickler(way)
    if not by:
        return ()
    same = [found for found in findings if (text := _text(found)) and text in outcome.message]
    wanted = "dump" if outcome.kind is Kind.REFUSED else "load"
    if same or not (outcome.error_type or wanted == "load"):
        return same
    return [found for found in findings if by in found["blocks"] and found["where"] == wanted]


def _text(found: Mapping[str, Any]) -> str:
    """The message of the exception that the part alone gives."""
    return ADDRESS.sub("", str(found["error"]).partition(": ")[2])
