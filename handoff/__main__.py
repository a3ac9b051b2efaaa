# PYTHON_ARGCOMPLETE_OK
"""The program: ``handoff`` and ``python -m handoff``. A signal ends it in order from its first moment on."""

from __future__ import annotations

import sys
from contextlib import suppress

from handoff.processes import signals


def main() -> int:
    """Run the command line; return its exit code."""
    try:
        signals.heed()
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


if __name__ == "__main__":
    raise SystemExit(main())
