"""The tasks that an executor's workers do while it is measured, and its initializer. Every worker imports this: light.

A task is what a user's own would be: the object comes with it, or is there, and what is returned is a number, or it.
"""

from __future__ import annotations

from typing import Any

from handoff.outcome import Kind, Outcome, OutcomeFields
from handoff.payload import Duty, Payload
from handoff.target import Ref

_ref: Ref | None = None
_state: Any = None
_payload: Payload | None = None
_made: Any = None


def begin(ref: Ref, *state: Any) -> None:
    """The initializer. It raises nothing: a pool would start worker after worker."""
    global _ref, _state, _payload, _made
    _ref, _payload, _made = ref, None, None
    (_state,) = state or (None,)


def _load() -> Payload:
    global _payload
    if _payload is None:
        assert _ref is not None
        _payload = _ref.load()
    return _payload


def argument(obj: Any) -> int:
    """Whose argument is the object: does with it what the payload says."""
    return (_payload or _load()).task(obj)


def state() -> int:
    """Which finds the object in its worker."""
    return (_payload or _load()).task(_state)


def result() -> Any:
    """Which returns the object. It was made before, by the worker that did the first task; there may be another."""
    global _made
    if _made is None:
        _made = _load().make()
    return _made


def ready(duty: str, *kept: Any) -> dict[str, Any]:
    """The first task: the payload is loaded, the result made, the state used. Tells what that raises."""
    global _made
    try:
        payload = _load()
        if duty == Duty.RESULT:
            _made = payload.make()
        elif duty == Duty.STATE:
            payload.task(kept[0] if kept else _state)
    except Exception as error:
        return {"errors": {"": _broken(error)}}
    return {"errors": {}}


def checked_argument(known: str, sent: str, obj: Any) -> dict[str, Any]:
    """Look at what has come, at once in full where it is not the same: the next task may be another worker's."""
    try:
        payload = _load()
        if known:
            from handoff.measuring import looking

            if not looking.same(payload, obj, known):
                verdict = looking.judged(payload, obj, sent).to_json()
                return {"same": False, "verdict": verdict, "checksum": payload.task(obj)}
        return {"same": True, "checksum": payload.task(obj)}
    except Exception as error:
        return {"error": _broken(error)}


def checked_state(known: str, sent: str) -> dict[str, Any]:
    """The same, of what is there."""
    return checked_argument(known, sent, _state)


def _broken(error: Exception) -> OutcomeFields:
    return Outcome.from_exception(Kind.BROKEN, "worker", error).to_json()
