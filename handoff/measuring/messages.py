"""What a trial is told when it starts, and what it tells; what its workers are told, and answer.

JSON, a message each, in the order in which it happens. An outcome is that of :class:`handoff.outcome.Outcome`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NotRequired, Required, TypedDict

from handoff.outcome import Outcome

if TYPE_CHECKING:
    from handoff.outcome import OutcomeFields
    from handoff.profile import ProfileFields
    from handoff.target import RefFields

Known = dict[str, dict[str, tuple[int, float]]]  #: by lane and metric, a sample of before: operations and seconds


class Spec(TypedDict):
    """One experiment of a trial."""

    ref: RefFields
    kind: str
    strategies: list[str]
    verify: bool  #: whether what arrives is to be looked at, or was in an earlier trial
    known: NotRequired[Known]
    rounds: NotRequired[int]  #: for every lane, where earlier trials have told how many pay


class Config(TypedDict):
    """A trial."""

    seed: int
    start_method: str
    profile: ProfileFields
    experiments: list[Spec]
    folder: str  #: private, removed at the end; its interpreter adds it


class Told(TypedDict, total=False):
    """One message of a trial: one of these, and what belongs to it."""

    at: int  #: this experiment begins
    trying: str  #: this lane is about to do what may hang
    lane: str  #: a strategy, with ...
    outcome: OutcomeFields  #: ... its outcome ...
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


class WorkerCommand(TypedDict, total=False):
    """What a worker is to do: the name of a method of :class:`handoff.measuring.worker.Worker`, and what it needs."""

    do: Required[str]
    lane: str  #: whose end it is done with
    n: int  #: operations of a sample
    known: str  #: what is at once the same as what was sent; "": it is not asked
    sent: str  #: what is judged by
    index: int  #: of an element
    size: int  #: elements
    operation: str  #: on elements, see :mod:`handoff.measuring.shared` and :mod:`handoff.measuring.contention`
    step: str  #: see :mod:`handoff.measuring.footprint`
    slot: int  #: the how manieth worker this is ...
    of: int  #: ... of so many that contend ...
    begin_s: float  #: ... from this time of ``perf_counter`` ...
    end_s: float  #: ... to this


class SpentTold(TypedDict):
    """The fields of :class:`handoff.timing.Spent`."""

    seconds: float
    encode_s: float
    decode_s: float
    touch_s: float
    switches: int
    faults: int
    collections: int


class WorkerAnswer(TypedDict, total=False):
    """What a worker says to a command: what went wrong, or what belongs to it."""

    error: OutcomeFields
    ready: bool  #: its ends are open, but for ...
    errors: dict[str, OutcomeFields]  #: ... these: outcomes by lane
    same: bool  #: what arrived is at once the same as what is known: ...
    checksum: int  #: ... then this was made of it; else it is kept, to be judged
    verdict: dict[str, Any]  #: of :class:`handoff.compare.altered.Verdict`
    encoded: bool
    sent: bool
    dropped: bool
    left: bool
    before: float  #: an element
    n: int  #: operations done ...
    late: bool  #: ... begun after the others
    spent: SpentTold
    uss_bytes: int


def settled(lane: str, outcome: Outcome, nbytes: int | None = None) -> Told:
    """What became of a lane; with ``nbytes``, what its message weighs."""
    told: Told = {"lane": lane, "outcome": outcome.to_json()}
    if nbytes is not None:
        told["bytes"] = nbytes
    return told
