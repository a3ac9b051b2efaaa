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
INHERITANCE = "inheritance"  #: what reading costs a forked worker in memory
MEMORY = tuple(f"memory-{duty}" for duty in Duty)

#: With one worker, then with as many as there are usable cores: sums over the workers.
FOOTPRINTS = (
    "worker-uss-bytes",
    "worker-pss-bytes",
    "parent-peak-bytes",
    "total-pss-bytes",
    "workers-uss-bytes",
    "workers-pss-bytes",
    "workers-parent-peak-bytes",
    "workers-total-pss-bytes",
    "machine-used-bytes",
)


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
            Deeper(
                kind=INHERITANCE,
                summary="memory that a forked worker gets of its own by reading what it inherited",
                module="handoff.footprint",
                metrics=("read-uss-bytes", "collect-uss-bytes", "workers-read-uss-bytes"),
                duty=Duty.STATE,
                start_methods=("fork",),
            ),
            *(
                Deeper(
                    kind=kind,
                    summary=f"memory of workers and parent while the duty {duty} is done",
                    module="handoff.footprint",
                    metrics=FOOTPRINTS,
                    duty=duty,
                    strategies=True,
                )
                for kind, duty in zip(MEMORY, Duty, strict=True)
            ),
        )
    }
)
