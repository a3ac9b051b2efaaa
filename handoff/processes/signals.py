"""Ctrl-C, SIGTERM (how CI cancels) and SIGHUP (a terminal that is closed) end a command in the same way: in order."""

from __future__ import annotations

import atexit
import os
import signal

from handoff import timeouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_got = signal.SIGINT
_code: int | None = None
_pid = 0


def heed() -> None:
    """From now on each of them raises ``KeyboardInterrupt``, once: a second one must not stop the cleaning up.

    What whoever started this process lets it ignore (``nohup``) it goes on to ignore.
    """
    global _pid
    ours = _pid = os.getpid()
    atexit.register(_leave)  # registered first, called last

    def end(number: int, _: FrameType | None) -> None:
        global _got
        if os.getpid() != ours:  # a forked worker: it has nothing to put in order, and ends as it would without us
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        for each in HEEDED:
            signal.signal(each, signal.SIG_IGN)
        _got = signal.Signals(number)
        raise KeyboardInterrupt

    for number in HEEDED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


def exit_code() -> int:
    """Of a command that was ended: 130, 143 or 129, as shells have it."""
    return 128 + _got


def how() -> str:
    """In a word or two."""
    return "interrupted" if _got is signal.SIGINT else f"ended by {_got.name}"


def end_soon(code: int) -> None:
    """The interpreter's own end has ``timeouts.END_S`` from now on; then this process exits as it is.

    After the last exit hook it exits, too: destructors of what modules hold do not run.
    """
    global _code
    _code = code

    def exit_now(_: int, __: FrameType | None) -> None:
        os._exit(code)

    signal.signal(signal.SIGALRM, exit_now)
    signal.setitimer(signal.ITIMER_REAL, timeouts.END_S)


def _leave() -> None:
    if _code is not None and os.getpid() == _pid:
        os._exit(_code)
