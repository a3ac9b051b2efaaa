"""A contained process that is forked, not started afresh: it finds an object that this process has built."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from handoff import start_methods, timeouts
from handoff.processes import folders
from handoff.processes.boot import run
from handoff.processes.cleanup import adopt_orphans, descendants, end_all, end_tree
from handoff.processes.interpreter import Interpreter
from handoff.processes.lines import exit_now
from handoff.timing import nothing


class Forked(Interpreter):
    """An :class:`~handoff.processes.interpreter.Interpreter` forked from this process, where an object is that is
    costly to make. Without ``config`` it waits for that (:meth:`give`).

    ``prepare`` is called in the child before its ``module.main(config, tell)``. What varies between fresh interpreters
    (memory layout, hash seed, allocator history) does not vary between such children. Raises ``OSError`` without fork.
    """

    def __init__(self, module: str, config: Mapping[str, Any] | None, *, prepare: Callable[[], Any] = nothing) -> None:
        if not hasattr(os, "fork"):
            raise OSError("this platform has no fork")
        self.folder = folders.make()
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        read_fd, write_fd = os.pipe()
        orders_fd, our_end_fd = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of threads; the child returns to none
            child = os.fork()
        if child == 0:
            os.close(read_fd)
            os.close(our_end_fd)
            self._be_the_child(module, orders_fd, write_fd, prepare)
        os.close(write_fd)
        os.close(orders_fd)
        self.fd = read_fd
        process: Any = _Child(child, os.fdopen(our_end_fd, "wb"))
        self.process = process
        if config is not None:
            self.give(config)

    def close(self, *, strays: bool = False) -> None:
        """End it and all that it has started, wherever that has gone, and remove what they have left. Idempotent."""
        code = self.process.poll()
        if code is None:
            end_tree(self.process.pid)
        super().close(strays=strays or code not in (None, 0))

    def _be_the_child(self, module: str, orders: int, out: int, prepare: Callable[[], Any]) -> None:
        """Never returns. What this process inherited of multiprocessing's helpers belongs to its parent."""
        code = 1
        try:
            os.setsid()
            adopt_orphans()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD, signal.SIGIO):
                signal.signal(number, signal.SIG_DFL)
            os.dup2(orders, 0)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(self.stderr.fileno(), 2)
            sys.stdout, sys.stderr = _stream("stdout", 1), _stream("stderr", 2)
            warnings.simplefilter("ignore")
            os.chdir(self.folder)
            os.environ["TMPDIR"] = tempfile.tempdir = str(self.folder)
            _forget_helpers()
            prepare()
            run(module, out)
            code = 0
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            with suppress(BaseException):
                end_all(lambda: descendants(os.getpid()))
            exit_now(code)


def _stream(name: str, descriptor: int) -> Any:
    """The process's own stream as it is, for an object may hold it; in the place of somebody's own, a plain one."""
    stream = getattr(sys, name)
    if isinstance(stream, io.TextIOWrapper) and stream is getattr(sys, f"__{name}__"):
        stream.reconfigure(write_through=True)
        return stream
    return io.TextIOWrapper(io.FileIO(descriptor, "w", closefd=False), write_through=True)


class _Child:
    """What is needed of ``subprocess.Popen``."""

    def __init__(self, pid: int, stdin: io.BufferedWriter) -> None:
        self.pid, self.stdin = pid, stdin
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._wait(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int | None:
        if timeout is None:
            return self._wait(0)
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("a fork of this process", timeout)
            time.sleep(timeouts.WORKER_LOOK_S)
        return self.returncode

    def _wait(self, flags: int) -> int | None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, flags)
            except ChildProcessError:  # somebody else's handler of SIGCHLD was faster
                pid, status = self.pid, 0
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _forget_helpers() -> None:
    """Start trackers and servers of our own: the parent's would outlive us, and tell of what we leave in them."""
    start_methods.forget_tracker()
    start_methods.forget_parents_folder()
    start_methods.forget_fork_server()
