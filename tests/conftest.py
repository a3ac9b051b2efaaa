"""What every test finds, however the tests were started."""

from __future__ import annotations

import copyreg
import functools
import importlib
import signal
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent

# A shell's background job (`nohup`, `&`, many CI runners) ignores these signals, and so would every child of a test:
# those that send one would wait for ever. A handler becomes the default again in what is executed.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)


@functools.cache
def unit(test: str) -> str:
    """What goes to one worker as a whole: a file whose tests share a fixture of their module, else the test alone."""
    file = test.partition("::")[0]
    return file if 'scope="module"' in (ROOT / file).read_text(encoding="utf-8") else test


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Any:
    """With ``-n``: no fixture of a module is made twice, and no worker is left alone with a long file at the end.

    pytest-xdist's own groups are marks, which it writes into a field that pytest 9 no longer reads.
    """
    if config.getoption("dist") != "load":
        return None
    config.option.loadscopereorder = False  # as without workers: what a later file imports, an earlier one has not yet
    scheduler: Any = importlib.import_module("xdist.scheduler").LoadScopeScheduling(config, log)
    scheduler._split_scope = unit  # what its own subclasses replace
    return scheduler


@pytest.fixture(autouse=True)
def tblib_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh process: dask brings tblib, by which copyreg pickles tracebacks and exceptions."""
    for cls, reducer in list(copyreg.dispatch_table.items()):
        if getattr(getattr(reducer, "func", reducer), "__module__", "").startswith("tblib"):  # a partial, or a function
            monkeypatch.delitem(copyreg.dispatch_table, cls)
