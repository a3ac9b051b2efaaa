"""Containment: an interpreter of its own for whatever may hang, crash or litter, and nothing left of it afterwards.

Every process started here leads a session of its own; its descendants stay in its process group. Ending it kills the
group, but never the resource tracker: that one ends by itself when its pipe closes, and takes segments and semaphores
with it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from select import select
from types import MappingProxyType
from typing import Any

from handoff import timeouts
from handoff.processes import folders
from handoff.processes.cleanup import end_strays, kill_group
from handoff.processes.lines import Listener, new_word


class Interpreter:
    """A fresh Python with a near-empty ``__main__`` that runs ``module.main(config, tell)`` in a private folder.

    What ``main`` tells arrives as JSON, a line each, through a pipe of its own; its standard output goes nowhere. When
    this process ends in whatever way, the interpreter notices (its standard input closes) and ends its whole group.
    With ``script`` its ``__main__`` is a file that begins with that code, as a user's program is. ``environment`` is
    added to that of this process.
    """

    def __init__(
        self,
        module: str,
        config: Mapping[str, Any],
        *,
        seed: int = 0,
        script: str | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.folder = folders.make()
        read_fd, write_fd = os.pipe()
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        code = f"from handoff.processes.boot import run; run({module!r}, {write_fd})"
        how = ["-c", code]
        if script is not None:
            main = self.folder / "main.py"
            main.write_text(f'{script}\nif __name__ == "__main__":\n    {code}\n')
            how = [str(main)]
        self.process = subprocess.Popen(
            [sys.executable, "-P", *how],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self.stderr,
            cwd=self.folder,
            env={**os.environ, "TMPDIR": str(self.folder), "PYTHONHASHSEED": str(seed % 2**32), **environment},
            pass_fds=[write_fd],
            start_new_session=True,
        )
        os.close(write_fd)
        self.fd = read_fd
        self.give(config)

    def give(self, config: Mapping[str, Any]) -> None:
        """Its configuration, and the word that its messages begin with."""
        word = new_word()
        self.listener = Listener(word)
        self.arrived: deque[dict[str, Any]] = deque()  #: what it has told, and nobody has taken yet
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(f"{word} {json.dumps({**config, 'folder': str(self.folder)})}\n".encode())
            self.process.stdin.flush()

    def told(self, patience_s: float) -> Iterator[dict[str, Any]]:
        """What the interpreter tells, until it ends. Raises :class:`TimeoutError` after ``patience_s`` of silence.

        The end of the process is looked for too: a worker that was forked may outlive it and keep its pipe open.
        """
        silent_since = time.monotonic()
        while True:
            while self.arrived:
                yield self.arrived.popleft()
                silent_since = time.monotonic()
            ended = self.process.poll() is not None
            ready, _, _ = select([self.fd], [], [], 0 if ended else min(patience_s, timeouts.TICK_S))
            if ready:
                data = os.read(self.fd, 1 << 20)
                if not data:
                    return
                self.arrived.extend(self.listener.messages(data))
                silent_since = time.monotonic()
            elif ended:
                return
            elif time.monotonic() - silent_since >= patience_s:
                raise TimeoutError(f"no answer in {patience_s:g} s")

    def how_it_ended(self) -> str:
        """After the end of what it tells: a name for the exit, such as ``died of SIGSEGV``.

        What has closed its line and goes on, as another program or without its descriptors, is ended.
        """
        try:
            return describe_exit(self.process.wait(timeouts.WORKER_STOP_S))
        except subprocess.TimeoutExpired:
            kill_group(self.process.pid)
            self.process.wait()
            return "went on without a line to this one (os.exec… or closed descriptors?) and was ended"

    def complaints(self) -> str:
        """What it and its children wrote to standard error."""
        self.stderr.seek(0)
        return self.stderr.read(20_000).decode(errors="replace")

    def close(self, *, strays: bool = False) -> None:
        """End the whole group and remove everything it may have left. Idempotent.

        With ``strays`` end whoever has left the group as well, which is looked for among all processes.
        """
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        kill_group(self.process.pid)
        self.process.wait()
        if strays:
            end_strays(self.folder)
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            self.stderr.close()
        folders.remove(self.folder)


def describe_exit(code: int | None) -> str:
    """A name for an exit code: ``died of SIGSEGV``, ``exited with status 3``."""
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"died of {signal.Signals(-code).name}"
    return f"exited with status {code}"


def output(command: Sequence[str], seconds: float, *, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a command prints. It leads a session of its own, of which nothing outlives this call.

    Raises ``RuntimeError``, with what it has said, when it fails, and :class:`subprocess.TimeoutExpired`.
    """
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            told, complaint = process.communicate(timeout=seconds)
        finally:
            kill_group(process.pid)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} {describe_exit(process.returncode)}: {(told + complaint)[-500:]}")
    return told
