"""Asks a disposable process to load a pickle, under a clock and a memory limit, and kills it with all it started."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any, Self, cast

from handoff import timeouts
from handoff.diagnosing.load_child import DOUBTFUL, FORKS, ended
from handoff.diagnosing.messages import Judging, LoadAnswer, LoadJob, MainModule

_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from handoff.diagnosing.load_child import start; start()"
)
LIMIT_BYTES = 4 << 30  #: address space that a load may take beyond the interpreter's, at least


class Loader:
    """A disposable interpreter that imports what a pickle needs, once, and loads each pickle in a fork of itself.

    Where that import leaves threads, which no fork has, a load that fails is tried again in an interpreter of its own.
    ``seed``: of its string hashes; "": any, as of a worker of one's own.
    """

    def __init__(self, seed: str = "") -> None:
        self.seed = seed
        self.child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill it, with all that it has started."""
        if self.child is None:
            return
        end_group(self.child.pid)
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self.child = None

    def load(
        self,
        data: bytes,
        codec: str,
        mode: str,
        limit_s: float,
        ask: list[tuple[str, str]] | None = None,
        judging: Judging | None = None,
        modules: list[str] | None = None,
    ) -> LoadAnswer:
        """What it answers, or how it ended.

        ``ask`` is a list of (module, qualified name) whose plain values are reported after a successful load.
        ``judging`` is for the mode ``judge``. ``modules`` are imported before the clock of ``limit_s`` starts.
        """
        job: LoadJob = {
            "codec": codec,
            "mode": mode,
            "size": len(data),
            "limit_s": limit_s,
            "limit_bytes": max(LIMIT_BYTES, 6 * len(data)),
            "ask": ask or [],
            "modules": modules or [],
            "authkey": _authkey(),
            "main": _main_module(),
            "judging": judging,
            "alone": False,
        }
        answer, how = self._asked(job, data)
        if how == DOUBTFUL and not answer["ok"]:
            self.close()
            answer, _ = self._asked({**job, "alone": True}, data)
        return answer

    def _asked(self, job: LoadJob, data: bytes) -> tuple[LoadAnswer, bytes]:
        """What it answers, and how it was loaded. What has given no whole answer is ended."""
        how, answer = b"", None
        try:
            child = self.child = self.child or _started(self.seed)
            answer, how = _converse(child, json.dumps(job).encode() + b"\n", data, job["limit_s"])
        finally:
            if answer is None or "hung" in answer or how not in (FORKS, DOUBTFUL):
                self.close()
        return answer or ended(child.returncode), how


def _started(seed: str) -> subprocess.Popen[bytes]:
    path = [entry if entry else os.getcwd() for entry in sys.path]
    return subprocess.Popen(
        [sys.executable, *_flags(), "-c", _BOOT, json.dumps(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONHASHSEED": seed or "random"},
    )


def _converse(
    child: subprocess.Popen[bytes], head: bytes, data: bytes, limit_s: float
) -> tuple[LoadAnswer | None, bytes]:
    """Write the job and read the answer, neither waiting on the other; None where it has ended without one.

    A first byte says that all is imported, and how it is loaded: the clock starts then.
    """
    assert child.stdin is not None and child.stdout is not None
    end = time.monotonic() + timeouts.IMPORT_S
    imported = b""
    os.set_blocking(child.stdin.fileno(), False)
    out = [memoryview(head), memoryview(data)]
    answer = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdin, selectors.EVENT_WRITE)
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return {"ok": False, "hung": True, "error": f"it had not loaded after {limit_s:.1f} s"}, imported
            for ready, _ in selector.select(left):
                if ready.fileobj is child.stdout:
                    piece = os.read(child.stdout.fileno(), 1 << 16)
                    answer += piece
                    if not imported and answer:
                        imported, end = bytes(answer[:1]), time.monotonic() + limit_s
                        del answer[:1]
                        if not answer:
                            continue
                    if not piece or answer.endswith(b"\n"):
                        return _read(bytes(answer)), imported
                elif not out:
                    selector.unregister(child.stdin)
                else:
                    try:
                        sent = os.write(child.stdin.fileno(), out[0][: 1 << 20])
                        out[0] = out[0][sent:]
                    except BrokenPipeError:
                        out.clear()
                    if out and not len(out[0]):
                        out.pop(0)


def _read(text: bytes) -> LoadAnswer | None:
    try:
        answer: Any = json.loads(text)
    except ValueError:
        return None
    return cast("LoadAnswer", answer) if isinstance(answer, dict) else None


def end_group(pid: int) -> None:
    """Kill a process and all of its group (each child here leads its own)."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _flags() -> list[str]:
    flags: Any = vars(subprocess)["_args_from_interpreter_flags"]
    return list(flags())


def _authkey() -> str:
    process = sys.modules.get("multiprocessing.process")
    return bytes(process.current_process().authkey).hex() if process is not None else ""


def _main_module() -> MainModule | None:
    """How a spawned worker would find ``__main__``; None if it could not (an interactive session, ``-c``)."""
    main: Any = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and getattr(spec, "name", None) and not spec.name.endswith("__main__"):
        return {"name": spec.name, "path": getattr(main, "__file__", "") or ""}
    path = getattr(main, "__file__", None)
    if isinstance(path, str) and os.path.exists(path):
        return {"name": "", "path": os.path.abspath(path)}
    return None
