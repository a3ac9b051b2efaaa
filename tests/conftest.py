"""What every test finds, however the tests were started."""

from __future__ import annotations

import signal

# A shell's background job (`nohup`, `&`, many CI runners) ignores these signals, and so would every child of a test:
# those that send one would wait for ever. A handler becomes the default again in what is executed.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
