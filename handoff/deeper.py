"""The deeper kinds of experiment: conditions of starting, memory, scaling. Each is asked for by its name.

They are no part of a run that names no kind, since each takes about as long as all the duties of its payload together.
A kind is a module with ``run(measuring)``, imported where a trial needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from handoff.payload import Duty
from handoff.strategy import START_METHODS

STARTUP = "startup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deeper:
    """One kind of experiment."""

    kind: str
    summary: str
    module: str  #: whose ``run(measuring)`` measures it
    metrics: tuple[str, ...]  #: the first is what verdicts are about; the unit is in the name, see ``record.unit``
    duty: Duty  #: it is for payloads with this duty
    strategies: bool = False  #: whether its lanes are the strategies that serve the duty, or else lanes of its own
    start_methods: tuple[str, ...] = START_METHODS


DEEPER: Mapping[str, Deeper] = MappingProxyType(
    {
        each.kind: each
        for each in (
            Deeper(
                kind=STARTUP,
                summary="starting a process under conditions: what its main imports, how large its parent is",
                module="handoff.startup",
                metrics=("start", "first", "parent-uss-bytes"),
                duty=Duty.STATE,
            ),
        )
    }
)
