"""What a trial is told when it starts, and what it tells: JSON, a message each, in the order in which it happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NotRequired, TypedDict

from handoff.outcome import Outcome

Known = dict[str, dict[str, tuple[int, float]]]  #: by lane and metric, a sample of before: operations and seconds


class Spec(TypedDict):
    """One experiment of a trial."""

    ref: dict[str, Any]  #: of :class:`handoff.target.Ref`
    kind: str
    strategies: list[str]
    verify: bool  #: whether what arrives is to be looked at, or was in an earlier trial
    known: NotRequired[Known]
    rounds: NotRequired[int]  #: for every lane, where earlier trials have told how many pay


class Config(TypedDict):
    """A trial."""

    seed: int
    start_method: str
    profile: dict[str, Any]  #: of :class:`handoff.profile.Profile`
    experiments: list[Spec]
    folder: str  #: private, removed at the end; its interpreter adds it


class Told(TypedDict, total=False):
    """One message of a trial: one of these, and what belongs to it."""

    at: int  #: this experiment begins
    trying: str  #: this lane is about to do what may hang
    lane: str  #: a strategy, with ...
    outcome: dict[str, str]  #: ... its outcome ...
    bytes: int  #: ... and what its message weighs
    row: list[Any]  #: a sample: :data:`handoff.record.COLUMNS` without the trial
    value: list[Any]  #: likewise, :data:`handoff.record.VALUE_COLUMNS`
    baseline: str
    floor_bytes: int
    spent: dict[str, float]  #: seconds by what was done, see :mod:`handoff.measuring.ledger`
    again: bool  #: this trial's samples of the experiment are void
    failed: str  #: why there is nothing to measure at all
    done: int  #: this experiment has ended


Tell = Callable[[Told], None]


def settled(lane: str, outcome: Outcome, nbytes: int | None = None) -> Told:
    """What became of a lane; with ``nbytes``, what its message weighs."""
    told: Told = {"lane": lane, "outcome": outcome.to_json()}
    if nbytes is not None:
        told["bytes"] = nbytes
    return told
