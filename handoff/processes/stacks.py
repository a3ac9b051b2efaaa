"""Where a process stands or has failed, in a line."""

from __future__ import annotations

import os
import traceback


def _where(stacks: str) -> str:
    """The innermost frame of faulthandler's stacks that is the user's own."""
    ours = (os.path.dirname(os.__file__), os.path.dirname(__file__), "<")
    for line in stacks.splitlines():
        if line.startswith('  File "'):
            file, _, rest = line.removeprefix('  File "').partition('", line ')
            number, _, function = rest.partition(" in ")
            if not file.startswith(ours):
                return f" (in {function}, {file}:{number.rstrip(',')})"
    return ""


def pickles(text: str) -> bool:
    """Whether a process's stacks show it in the middle of pickling."""
    return any("reduction.py" in line and line.endswith((" in dump", " in dumps")) for line in text.splitlines())


def _place(text: str) -> str:
    """The innermost frame that is the payload's own: neither the library's nor ours."""
    library = (os.path.dirname(os.__file__), os.path.dirname(__file__))
    for line in text.splitlines():
        if line.startswith('  File "') and not line.startswith(tuple(f'  File "{folder}' for folder in library)):
            file, _, rest = line.removeprefix('  File "').partition('", line ')
            number, _, function = rest.partition(" in ")
            if not file.startswith("<"):
                return f", in {function} ({os.path.basename(file)}, line {number})"
    return ""


def place_of(error: BaseException) -> str:
    """``file:line`` of the innermost frame that belongs to neither Python's library nor this package; "" if none."""
    ours = (os.path.dirname(os.__file__), os.path.dirname(__file__), "<")
    frames = traceback.extract_tb(error.__traceback__)
    return next((f"{f.filename}:{f.lineno}" for f in reversed(frames) if not f.filename.startswith(ours)), "")
