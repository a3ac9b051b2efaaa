"""What processes of ours tell each other: a line each, that begins with a word which only they know, and then is JSON.

The user's code runs beside ours in the process that tells. It may write to every descriptor that it finds, and may have
replaced whatever is a module's attribute: what a :func:`teller` uses was taken before, and is C as far as it goes. What
does not begin with the word is not ours: a :class:`Listener` counts it, and passes over it.
"""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MOST_BYTES = 1 << 28  #: of one line; a document of the largest objects is a tenth of that
WORD_BYTES = 16  #: as many as nobody guesses

#: What there is to say where something was passed over.
NOT_OURS = "something in it wrote to descriptors that are not its own: that was discarded"

exit_now = os._exit  #: the user's code may have replaced that, too: then a fork would go on as its parent
_decoder: Any = json.JSONDecoder()
_write, decoded, _type, _memoryview = os.write, _decoder.scan_once, type, memoryview


def _encoder() -> Callable[[Any], str]:
    """``json.dumps`` of nothing but C functions, which look nothing up; itself where there are none, or others."""
    from json import encoder

    try:
        parts = encoder.c_make_encoder(  # type: ignore[attr-defined]  # typeshed lacks it
            None, None, encoder.c_encode_basestring_ascii, None, ": ", ", ", False, False, True  # type: ignore[attr-defined]  # typeshed lacks it
        )  # fmt: skip
        join = "".join
        join(parts({"a": [1, None]}, 0))
    except TypeError:
        return json.dumps
    return lambda message: join(parts(message, 0))


encoded = _encoder()


def new_word() -> str:
    """A word for two processes."""
    return os.urandom(WORD_BYTES).hex()


def teller(descriptor: int, word: str) -> Callable[[Any], None]:
    """What tells a message through a descriptor. Raises ``OSError`` where that is closed."""

    def tell(message: Any) -> None:
        view = _memoryview((word + encoded(message) + "\n").encode())
        while view:
            view = view[_write(descriptor, view) :]

    return tell


class Listener:
    """Takes what comes through a pipe, and gives the messages in it."""

    def __init__(self, word: str) -> None:
        self.word = word.encode()
        self.foreign_bytes = 0  #: of what was not told by ours
        self._parts: list[bytes] = []  #: of a line that has not ended
        self._held = 0  #: bytes in them

    def messages(self, data: bytes) -> list[dict[str, Any]]:
        """Those that are complete with this data."""
        first, *lines = data.split(b"\n")
        self._hold(first)
        if not lines:
            return []
        whole, self._parts, self._held = b"".join(self._parts), [], 0
        found = [message for line in (whole, *lines[:-1]) if (message := self._read(line)) is not None]
        self._hold(lines[-1])
        return found

    def _hold(self, part: bytes) -> None:
        self._parts.append(part)
        self._held += len(part)
        if self._held > MOST_BYTES:
            self.foreign_bytes += self._held
            self._parts, self._held = [], 0

    def _read(self, line: bytes) -> dict[str, Any] | None:
        at = line.rfind(self.word)  # before it may stand the begin of one whose teller was ended
        if not line.startswith(self.word):
            self.foreign_bytes += at if at >= 0 else len(line) + 1
        if at < 0:
            return None
        text = line[at + len(self.word) :].decode(errors="replace")
        try:
            message, end = decoded(text, 0)
        except (ValueError, StopIteration, RecursionError):
            message, end = None, -1
        if _type(message) is not dict or end != len(text):
            self.foreign_bytes += len(text)  # somebody wrote into the middle of it
            return None
        found: dict[str, Any] = message
        return found
