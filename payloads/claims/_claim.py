"""A claim, and the programs that put it to the test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

START_METHODS = ("fork", "spawn", "forkserver")
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")  #: on which what is declared was seen


class ClaimVerdict(StrEnum):
    """What became of a claim."""

    HOLDS = "holds"
    ONLY_WHEN = "holds only when"  #: the explanation begins with when
    FALLS = "does not hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One program, and what is seen when it runs.

    ``seen`` maps a selection to an observation as :func:`payloads.claims._run.observe` words it. A selection names
    start methods and Pythons ("spawn forkserver", "fork 3.13", "" for all); of those that fit, the last counts.
    """

    tried: str  #: what the program does, in a few words
    script: str  #: a whole program, as a user would write it; its argument is the start method
    seen: Mapping[str, str]
    needs: tuple[str, ...] = ()  #: modules beyond the standard library
    start_methods: tuple[str, ...] = START_METHODS  #: those that it is run under: one, where it has engines of its own

    def expected(self, start_method: str, python: str) -> str:
        """What is declared for a start method and a Python ("3.11"), or "" if nothing is."""
        found = ""
        for selection, observation in self.seen.items():
            words = selection.split()
            methods = [word for word in words if word in START_METHODS]
            pythons = [word for word in words if word not in START_METHODS]
            if start_method in (methods or START_METHODS) and python in (pythons or (python,)):
                found = observation
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One sentence of the articles, and whether it is so."""

    number: int
    claim: str  #: in our words
    source: str  #: the articles that say so
    verdict: ClaimVerdict
    explanation: str  #: why; for ONLY_WHEN it goes on from "holds only when"
    checks: tuple[Script, ...]
