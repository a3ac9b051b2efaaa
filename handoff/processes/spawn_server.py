"""Spawned processes without their start: a fresh interpreter that has imported what every worker imports, and forks.

``spawn`` starts an interpreter for each process; what the process then is given, and in which order it is loaded, is
the same as with ``forkserver``, which forks it from a clean server. So the processes of many cells may come from one
server that was started as ``spawn`` starts its interpreters, provided that it has imported nothing that changes an
answer: the tests compare with real spawning. Environment and limits are those of the process that asks.

Importing this module in a server (both it and multiprocessing's own fork server preload it) makes its children leave
word of what they could not load: otherwise that is only a traceback on the standard error of a process long gone.
"""

from __future__ import annotations

import errno
import gc
import io
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver, popen_forkserver, reduction, spawn, util
from multiprocessing.context import set_spawning_popen
from pathlib import Path
from types import MappingProxyType
from typing import Any

from handoff import start_methods
from handoff.outcome import describe

#: Where processes leave word of themselves, named by their number; told by the environment, which all of them have.
WORD = "HANDOFF_WORD"
#: Dumps the stacks of a process that does not answer.
ASK = signal.SIGUSR2


def word_of(pid: int, what: str, folder: str | None = None) -> Path:
    """The file in which a process leaves word: ``failed`` or ``stack``."""
    return Path(folder or os.environ.get(WORD) or tempfile.gettempdir(), f"{what}-{pid}")


def answer_when_asked() -> None:
    """From now on :data:`ASK` writes this process's stacks to its file, even when it hangs in somebody's C code."""
    try:
        import faulthandler  # is of the process: an interpreter within one cannot load it
    except ImportError:
        return
    path = word_of(os.getpid(), "stack")
    try:
        file = open(f"{path}.new", "a", encoding="utf-8")  # noqa: SIM115 - open as long as the process
        faulthandler.register(ASK, file=file, all_threads=True, chain=False)
        os.rename(f"{path}.new", path)  # who sees it may ask: before that the signal would end this process
    except OSError:
        return
    _files.append(file)


_files: list[Any] = []


def leave_word(error: BaseException, *, refused: bool = False) -> None:
    """Say why this process ends."""
    try:
        text = json.dumps({"error_type": type(error).__name__, "message": describe(error), "refused": refused})
        word_of(os.getpid(), "failed").write_text(text, encoding="utf-8")
    except OSError:
        return


def watch() -> None:
    """Make what this process and its children do first when they are spawned leave word of what it raises."""
    original = start_methods.spawned_main()
    prepare = spawn.prepare

    def main(fd: int, parent_sentinel: int) -> Any:
        try:
            return original(fd, parent_sentinel)
        except BaseException as error:
            leave_word(error)
            raise

    def prepare_here(data: Mapping[str, Any]) -> None:
        gc.freeze()  # collecting need not look at, and so copy, what the server has imported
        data = dict(data)
        folder = data.pop("handoff cell", "")
        if folder:
            os.environ[WORD] = folder
            Path(folder, f"worker-{os.getpid()}").touch()
            answer_when_asked()
        environment = data.pop("handoff environment", None)
        if environment is not None:
            os.environ.clear()
            os.environ.update(environment)
            tempfile.tempdir = None
        prepare(data)

    start_methods.replace_spawned_main(main)
    spawn.prepare = prepare_here


def watch_spawned() -> None:
    """Really spawned interpreters of this process, too, leave word of what they cannot load."""
    original: Callable[..., list[str]] = spawn.get_command_line
    spawn.get_preparation_data = _data

    def command_line(**kwargs: Any) -> list[str]:
        line = original(**kwargs)
        at = line.index("-c") + 1
        line[at] = f"import handoff.processes.spawn_server; handoff.processes.spawn_server.watch(); {line[at]}"
        return line

    spawn.get_command_line = command_line


def outlive_clients() -> None:
    """Make the server of this process go on when one who asks for a process is killed in the middle of asking.

    The server's loop passes over a connection that was aborted, and ends with an ``EOFError``.
    """
    original: Callable[..., Any] = reduction.recvfds

    def recvfds(*arguments: Any) -> Any:
        try:
            return original(*arguments)
        except EOFError:
            raise ConnectionAbortedError(errno.ECONNABORTED, "the client is gone") from None

    reduction.recvfds = recvfds  # type: ignore[assignment]  # a function of the module is replaced


class Popen(popen_forkserver.Popen):
    """What ``spawn`` starts a process with, except that the interpreter is forked from the server."""

    method = "spawn"

    def _launch(self, process_obj: Any) -> None:
        data: dict[str, Any] = _data(process_obj._name)
        data["handoff environment"] = dict(os.environ)
        buffer = io.BytesIO()
        set_spawning_popen(self)
        try:
            reduction.dump(data, buffer)
            reduction.dump(process_obj, buffer)
        finally:
            set_spawning_popen(None)
        assert _server is not None
        self.sentinel, writer = _server.connect_to_new_process(self._fds)  # type: ignore[attr-defined]  # private
        kept = os.dup(writer)
        self.finalizer = util.Finalize(self, util.close_fds, (kept, self.sentinel))  # type: ignore[attr-defined]  # Popen declares it nowhere
        with open(writer, "wb", closefd=True) as file:
            file.write(buffer.getbuffer())
        self.pid = forkserver.read_signed(self.sentinel)


def _data(name: str) -> dict[str, Any]:
    """What a process is told before anything else, and whose it is."""
    data = dict(_preparation_data(name))
    if cell:
        data["handoff cell"] = cell
    return data


cell = ""  #: the folder of the cell that this process belongs to
_preparation_data = spawn.get_preparation_data
_server: forkserver.ForkServer | None = None


class Server:
    """A fork server that outlives the cells, which are its clients; for ``spawn`` or for ``forkserver``."""

    def __init__(
        self, start_method: str, preload: Sequence[str], environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        global _server
        self.environment = {**environment, SERVES: " ".join(environment)}  #: for its start, and for nobody else
        if start_method == "spawn":
            from multiprocessing import popen_spawn_posix

            _server = self.server = forkserver.ForkServer()
            popen_spawn_posix.Popen = Popen  # type: ignore[assignment,misc]  # a class is replaced by ours
        else:
            spawn.get_preparation_data = _data
            self.server = start_methods.fork_server()
        self.server.set_forkserver_preload(["handoff.processes.spawn_server", *preload])
        self._start = self.server.ensure_running
        self.ensure()
        self.server.ensure_running = lambda: None  # type: ignore[method-assign]  # a client is not its parent

    def ensure(self) -> None:
        """Start it, also again when a cell has killed it."""
        os.environ.update(self.environment)
        try:
            self._start()
        finally:
            for name in self.environment:
                del os.environ[name]

    @property
    def pid(self) -> int:
        return start_methods.fork_server_pid(self.server)


SERVES = "HANDOFF_SERVES"
if SERVES in os.environ:  # this process is such a server
    for name in os.environ.pop(SERVES).split():
        del os.environ[name]
    watch()
    outlive_clients()
    sys.argv = ["-c"]  # as a spawned interpreter sees itself until it is told
