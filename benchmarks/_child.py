"""Running a child so that nothing of it is left, however it ends.

The runner becomes the subreaper of its descendants (Linux): a process whose parent was killed becomes the runner's own
child, so the sweep at the end finds it wherever it moved. asv imports this module when it looks for benchmarks: it must
stay light.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from handoff import timeouts
from handoff.processes import cleanup


def run(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    line: Callable[[str], None],
    tick: Callable[[], None],
) -> int:
    """Run ``command`` with its output in ``log`` and, line by line, given to ``line``; return its exit code.

    ``tick`` is called a few times a second. At a ``KeyboardInterrupt`` the child is interrupted, given
    ``timeouts.INTERRUPTED_S``, then killed; it goes on to the caller, and no descendant lives.
    """
    cleanup.adopt_orphans()
    with log.open("ab") as file:
        # A session of its own: Ctrl-C reaches only this process, which passes it on once.
        process = subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            _follow(process, process.stdout.fileno(), file.write, line, tick)
            return process.wait()
        except BaseException:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeouts.INTERRUPTED_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            raise
        finally:
            process.stdout.close()
            cleanup.end_descendants()


def _follow(
    process: subprocess.Popen[bytes],
    fd: int,
    keep: Callable[[bytes], object],
    line: Callable[[str], None],
    tick: Callable[[], None],
) -> None:
    """Read ``fd`` to its end, or until the process has ended and nothing comes: an orphan may hold the other end."""
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        while True:
            if selector.select(timeouts.TICK_S):
                data = os.read(fd, 65536)
                if not data:
                    break
                keep(data)
                *lines, pending = (pending + data).split(b"\n")
                for raw in lines:
                    line(raw.decode(errors="replace"))
            elif process.poll() is not None:
                break
            tick()
    if pending:
        line(pending.decode(errors="replace"))
    tick()
