"""The verdict on an object that arrived: what of it is altered, and what differs and does not count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Alteration:
    """One thing that is not the same about what arrived."""

    path: str  #: of the part: ``obj.session``
    what: str  #: in one line, with the path: ``obj.session.root: 'https://…', did not arrive``
    hook: str = ""  #: of the class, that decides what travels of it: ``Session.__getstate__``
    owner: str = ""  #: the class whose attribute or content it is
    why: str = ""  #: of a note: why it does not count

    def to_json(self) -> dict[str, str]:
        """All fields, by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """All alterations, and what differs and does not count."""

    altered: tuple[Alteration, ...] = ()
    notes: tuple[Alteration, ...] = ()

    @property
    def reason(self) -> str:
        """The first alteration in one line, or ""."""
        return self.altered[0].what if self.altered else ""

    def to_json(self) -> dict[str, Any]:
        """For the way from a worker; :meth:`from_json` reads it."""
        return {"altered": [each.to_json() for each in self.altered], "notes": [each.to_json() for each in self.notes]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        return cls(
            tuple(Alteration(**each) for each in data["altered"]), tuple(Alteration(**each) for each in data["notes"])
        )
