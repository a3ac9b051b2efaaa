"""What payloads have in common of which only the outcome is of interest, not the time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handoff.payload import Duty

OUTCOME = frozenset[Duty]()  #: not timed: what becomes of it is the whole figure
PATIENCE_S = 2.0  #: whoever cannot have a lock, an item or an answer in this time will not have it at all


def facts_type(obj: Any) -> Mapping[str, Any]:
    """For what is only seen to be of its type."""
    return {"type": type(obj).__name__}
