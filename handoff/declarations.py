"""What a module of payloads may declare beside them: gaps in what strategies carry, and pairs before and after."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from handoff.outcome import Kind
from handoff.payload import Duty
from handoff.start_methods import START_METHODS

ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """An outcome that traits do not predict. ``*`` stands for any strategy, duty or start method."""

    payload: str
    strategy: str | Sequence[str]
    outcome: Kind
    reason: str
    source: str  #: an issue, a manual page, or the file of the interpreter that shows it
    duty: str | Sequence[str] = ANY
    start_method: str | Sequence[str] = ANY
    python: tuple[tuple[int, int], tuple[int, int]] = ((3, 11), (3, 99))  #: the first and the last with it

    def covers(
        self, payload: str, strategy: str, duty: str, start_method: str, python: tuple[int, int] = sys.version_info[:2]
    ) -> bool:
        """Whether it is about this cell, on this or another Python."""
        return (
            self.payload == payload
            and _among(strategy, self.strategy)
            and _among(duty, self.duty)
            and _among(start_method, self.start_method)
            and self.python[0] <= python <= self.python[1]
        )


def _among(name: str, names: str | Sequence[str]) -> bool:
    return names == ANY or (name == names if isinstance(names, str) else name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One form of the object, and what is tried to hand it over."""

    payload: str  #: ``package.module:name``, from the folder that the pair's package is in
    strategies: tuple[str, ...]
    duty: Duty = Duty.ARGUMENT
    start_methods: tuple[str, ...] = START_METHODS
    fails: tuple[tuple[str, Kind], ...] = ()  #: strategies that do not carry it, and how; all others do


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One workaround: what it replaces, what it is, and what it is for."""

    name: str  #: kebab-case; an API: append, never rename
    awkward: tuple[Side, ...]
    refactored: tuple[Side, ...]
    why: str
    source: str
