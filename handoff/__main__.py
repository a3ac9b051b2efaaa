# PYTHON_ARGCOMPLETE_OK
"""The program: ``handoff`` and ``python -m handoff``. A signal ends it in order from its first moment on."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress

from handoff.processes import signals


def main() -> int:
    """Run the command line; return its exit code."""
    try:
        signals.heed()
        _open_streams()
        from handoff.cli import main as run  # it takes a while, and may be interrupted

        code = run()
    except KeyboardInterrupt:
        code = signals.exit_code()
        with suppress(OSError):
            print(f"\nhandoff: {signals.how()}", file=sys.stderr)
    except SystemExit as end:  # argparse's
        code = end.code if isinstance(end.code, int) else 2
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or nobody reads it
            stream.flush()
    signals.end_soon(code)
    return code


def _open_streams() -> None:
    """Standard streams that are there, whatever we were started with, and that encode any text."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which else a file of ours would get
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    raise SystemExit(main())
