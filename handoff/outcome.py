"""The outcome of one hand-off: what really happened, where, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NotRequired, TypedDict


class Kind(StrEnum):
    """What can become of a hand-off."""

    OK = "ok"  #: arrives, and is the same for any program
    REFUSED = "refused"  #: a clear error in the parent
    BROKEN = "broken"  #: fails in the worker: unpickling error, dead worker, proven hang
    ALTERED = "altered"  #: arrives, but is silently not the same
    NO_ANSWER = "no answer"  #: the machine was too busy to tell; asked again alone before it is said
    UNAVAILABLE = "unavailable"  #: library or platform lacks it


class OutcomeFields(TypedDict):
    """An :class:`Outcome` in JSON."""

    kind: str
    where: str
    error_type: str
    message: str
    notes: NotRequired[list[str]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened, with its reason. ``where`` is ``parent``, ``worker``, ``result`` or empty when all is well."""

    kind: Kind
    where: str = ""
    error_type: str = ""  #: the exception's class name, as a traceback prints it
    message: str = ""
    notes: tuple[str, ...] = ()  #: what differs and does not count: see :mod:`handoff.compare.altered`

    @property
    def ok(self) -> bool:
        return self.kind is Kind.OK

    @property
    def reason(self) -> str:
        """One line for people: where, type and message."""
        text = f"{self.error_type}: {self.message}" if self.error_type else self.message
        return f"in the {self.where}: {text}" if self.where else text

    def to_json(self) -> OutcomeFields:
        return {
            "kind": str(self.kind), "where": self.where, "error_type": self.error_type, "message": self.message,
            "notes": list(self.notes),
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: OutcomeFields) -> Outcome:
        return cls(Kind(data["kind"]), data["where"], data["error_type"], data["message"], tuple(data.get("notes", ())))

    @classmethod
    def from_exception(cls, kind: Kind, where: str, error: BaseException) -> Outcome:
        """Of what went wrong. What another interpreter of this process cannot load is refused: its error comes back."""
        if module := refuses_interpreters(error):
            return cls(Kind.REFUSED, where, "ImportError", f"{module} {_NO_INTERPRETERS}")
        return cls(kind, where, type(error).__name__, describe(error))


OK = Outcome(Kind.OK)

_NO_INTERPRETERS = "does not support loading in subinterpreters"  #: Python/import.c, since 3.12


def refuses_interpreters(error: BaseException) -> str:
    """The extension module that no interpreter but the first can load, where that is what went wrong; else "".

    What another interpreter raised comes as the cause: itself, or a plain ``Exception`` with its traceback as text.
    """
    each: BaseException | None = error
    told = ("ImportError", "NotShareableError")
    while each is not None and (type(each).__name__ in told or (type(each) is Exception and each is not error)):
        before, found, _ = str(each).partition(f" {_NO_INTERPRETERS}")
        if found:
            return before.rpartition("module ")[2]
        each = each.__cause__
    return ""


class Unavailable(Exception):
    """Raised by a strategy that this platform, start method or set of libraries lacks."""


class HandoverEnded(Exception):
    """A hand-over has ended without an answer, and this is why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


def describe(error: BaseException) -> str:
    """The message of an exception with its notes, or a placeholder when even ``str`` of it fails."""
    try:
        text = str(error)
        if type(error).__name__ == "RemoteError":  # a manager's: all of a traceback, between two rules
            text = f"in the manager's process: {text.strip().rstrip('-').strip().splitlines()[-1]}"
    except Exception as second:
        text = f"(its message raises {type(second).__name__})"
    notes = [note for note in getattr(error, "__notes__", ()) if isinstance(note, str)]
    return "; ".join([text, *notes[:5]])[:2000]
