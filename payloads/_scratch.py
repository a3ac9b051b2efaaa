"""Real files for payloads that need one, in ``tempfile.gettempdir()``, which belongs to the one who runs them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

THREE_LINES = "first line\nsecond line\nthird line\n"


def scratch_file(suffix: str, text: str = "") -> str:
    """The path of a new file with this text. It stays: the payload needs it as long as its process lives."""
    handle, path = tempfile.mkstemp(suffix=suffix, prefix="payload-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def text_of(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")
