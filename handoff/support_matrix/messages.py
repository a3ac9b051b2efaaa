"""What a host is told when it starts, and what it tells; what a cell's worker answers.

JSON, a message each, in the order in which it happens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NotRequired, TypedDict

if TYPE_CHECKING:
    from handoff.outcome import OutcomeFields
    from handoff.target import RefFields


class CellOrder(NamedTuple):
    """One cell to run; a list in JSON."""

    number: int  #: by which its outcome is told
    ref: RefFields
    strategy: str
    duty: str
    keeps: str  #: what the process that forks it may have for all cells of its payload: the module, or the object too
    alike: str = ""  #: cells that pickle it in the same way have the same word; "": there are none
    hangs: Sequence[tuple[str, str, str]] = ()  #: of this payload so far: place, side and ``alike`` of each


class HostConfig(TypedDict):
    """A host, and the one thing that it is to do: cells, scouting, or a diagnosis."""

    start_method: str
    patience_s: float
    slow_s: float  #: after this a cell that does nothing waits beside the next ones
    isolated: bool
    hash_seed: str
    environment: Mapping[str, str]  #: for this interpreter's start, and not for what it forks
    preload: Sequence[str]  #: modules
    limited: NotRequired[bool]  #: in its address space; not where it is forked from the user's own process
    folder: NotRequired[str]  #: private, removed at the end; its interpreter adds it
    cells: NotRequired[Sequence[CellOrder]]
    scout: NotRequired[Sequence[RefFields]]
    large: NotRequired[str]  #: with ``scout``, the module that is not imported beforehand
    diagnose: NotRequired[Sequence[tuple[RefFields, bool]]]  #: with each whether a pickler complains of it
    budget_s: NotRequired[float]  #: with ``diagnose``, for one payload


class HostTold(TypedDict, total=False):
    """One message of a host: one of ``at``, ``cell`` and ``number``, and what belongs to it."""

    at: int  #: this cell begins
    last: bool  #: and is the last
    cell: int  #: what became of this one
    outcome: OutcomeFields
    seconds: float
    stood: str  #: where it hung
    number: int  #: what was found out about this payload
    modules: list[str]  #: that making it imports
    keep: str  #: as in :class:`CellOrder`
    by_seed: bool  #: whether what becomes of it where it is loaded may go by the hash seed
    type: str  #: of its object
    findings: Sequence[dict[str, Any]]  #: of :class:`handoff.diagnosing.findings.Finding`


HostTell = Callable[[HostTold], None]


class CellAnswer(TypedDict, total=False):
    """What a cell's worker says to a command: what went wrong, or what belongs to it."""

    error: OutcomeFields
    ready: bool
    same: bool  #: what arrived is at once the same as what was sent ...
    verdict: dict[str, Any]  #: ... or this has become of it: of :class:`handoff.compare.altered.Verdict`
    checksum: int
    used: bool  #: what was there to be used
    dropped: bool
    brief: str  #: what is at once the same as a result's original ...
    sent: str  #: ... and what it is judged by; "": as the asking side's
    looks: bool  #: whether it will be seen if the result is used
    seen: str  #: what shows in the original since; "": nothing
    changes: list[tuple[int, Any]]  #: of elements: index, and the facts of what is there now
