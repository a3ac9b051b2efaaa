"""Looking at what arrived: at once in brief, and in full, with a control, where that is not the same.

The measuring, the support matrix and the desk look in one way, so that they never contradict each other.
"""

from __future__ import annotations

import json
import pickle
from functools import partial
from multiprocessing.reduction import ForkingPickler
from typing import Any

from handoff import timeouts
from handoff.compare.altered import judge
from handoff.compare.difference import difference
from handoff.compare.facts import brief as facts_in_brief
from handoff.compare.facts import brief_and_keepers, digest, facts
from handoff.compare.identity import keeps_hash
from handoff.compare.verdict import Alteration, Verdict
from handoff.payload import Payload
from handoff.processes.deadlines import limited

_LIMIT = partial(limited, fair=True)  #: a busy machine changes no verdict
CONTROLS = 5  #: as often as the original took a control may take


def state(payload: Payload, obj: Any) -> str:
    """What must be the same on the other side, as JSON."""
    return json.dumps((payload.facts or facts)(obj), default=str)


def brief(payload: Payload, obj: Any) -> str:
    """The digest of that: where two are the same, nothing differs. Costs half of it, or less."""
    return digest(state(payload, obj)) if payload.facts else facts_in_brief(obj)


def same(payload: Payload, obj: Any, expected: str) -> bool:
    """Whether the facts of what arrived are the expected ones, by their digest, and no hash has travelled with it.

    Then nothing need be compared.
    """
    if payload.facts:
        return brief(payload, obj) == expected
    found, keepers = brief_and_keepers(obj)
    return found == expected and not any(map(_keeps_hash, keepers))


def _keeps_hash(obj: Any) -> bool:
    try:
        with _LIMIT(timeouts.CONTROL_S):
            return keeps_hash(obj)
    except Exception:
        return False


def sent(statement: str, making_s: float) -> str:
    """What who judges an arrival must know of the original, as JSON: what must be the same, and what making it took."""
    return json.dumps([making_s, json.loads(statement)])


def judged(payload: Payload, obj: Any, known: str) -> Verdict:
    """What has become of an object, here where it has arrived; ``known`` is what :func:`sent` gave."""
    making_s, statement = json.loads(known)
    if payload.facts:
        text = difference(statement, json.loads(state(payload, obj)))
        return Verdict((Alteration("obj", text),) if text else ())
    control_s = max(timeouts.CONTROL_S, CONTROLS * making_s)
    return judge(statement, obj, payload.make, limit=_LIMIT, control_s=control_s)


def reconsidered(verdict: Verdict, payload: Payload, obj: Any, known: str) -> Verdict:
    """Where no control can be made, as of an object that only this process has: a copy made here, beside the original,
    tells which of the differences its classes do not see."""
    if not verdict.altered or payload.facts:
        return verdict
    try:
        with _LIMIT(timeouts.CONTROL_S):
            copy = pickle.loads(ForkingPickler.dumps(obj))
    except Exception:
        return verdict
    here = judge(json.loads(known)[1], copy, lambda: obj, limit=_LIMIT)
    excused = {each.what: each for each in here.notes}
    altered = tuple(each for each in verdict.altered if each.what not in excused)
    return Verdict(altered, (*verdict.notes, *(excused[e.what] for e in verdict.altered if e.what in excused)))


def notes(verdict: Verdict) -> tuple[str, ...]:
    """What differs and does not count, each with its reason, for an outcome."""
    return tuple(f"{each.what} ({each.why})" for each in verdict.notes)
