"""A process that does nothing: what a start is measured with. What it imported would be part of the start."""

from __future__ import annotations

from typing import Any


def nothing(*_: Any) -> None:
    """Take the arguments, and end."""
