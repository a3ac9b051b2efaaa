"""Where a process stands or has failed, in a line: the innermost frame that is the user's own."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator

#: Files of Python's library and of this package, and code that is in no file.
NOT_THEIRS = (os.path.dirname(os.__file__), os.path.dirname(__file__), "<")


def _theirs(stacks: str) -> list[tuple[str, str, str]]:
    """File, line and function of each frame of faulthandler's stacks that may be the user's, innermost first.

    What is installed comes last: it may be a library that waits for what is the user's in another thread or process.
    """
    return sorted(_frames(stacks), key=lambda frame: "site-packages" in frame[0])


def _frames(stacks: str) -> Iterator[tuple[str, str, str]]:
    for line in stacks.splitlines():
        if line.startswith('  File "'):
            file, _, rest = line.removeprefix('  File "').partition('", line ')
            number, _, function = rest.partition(" in ")
            if not file.startswith(NOT_THEIRS):
                yield file, number.rstrip(","), function


def user_frame(stacks: str) -> str:
    """`` (in make, path/to/file.py:3)`` of faulthandler's stacks; "" where nothing in them is the user's."""
    return next((f" (in {function}, {file}:{number})" for file, number, function in _theirs(stacks)), "")


def user_frame_in_brief(stacks: str) -> str:
    """``, in make (file.py, line 3)``: the same without the folder, for messages that are compared."""
    for file, number, function in _theirs(stacks):
        return f", in {function} ({os.path.basename(file)}, line {number})"
    return ""


def in_function(place: str) -> str:
    """Such a text without its line: a loop that never ends stands now here, now there."""
    return place.rpartition(", line ")[0]


def place_of(error: BaseException) -> str:
    """``file:line`` of the user's innermost frame of an error; "" if none."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((f"{f.filename}:{f.lineno}" for f in reversed(frames) if not f.filename.startswith(NOT_THEIRS)), "")


def pickles(stacks: str) -> bool:
    """Whether a process's stacks show it in the middle of pickling."""
    return any("reduction.py" in line and line.endswith((" in dump", " in dumps")) for line in stacks.splitlines())
