"""The sandbox: whatever is the user's own runs in an interpreter that may hang, crash, exit, litter or eat memory.

:func:`ask` listens to what the module inside tells, and turns whatever goes wrong into one line for the person at the
desk. The process that asks imports nothing of theirs.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from handoff import timeouts
from handoff.processes import memory, proc
from handoff.processes.cleanup import adopt_orphans, end_all
from handoff.processes.deadlines import Patience
from handoff.processes.interpreter import Interpreter
from handoff.processes.lines import NOT_OURS
from handoff.processes.messages import Request, SandboxTold
from handoff.stacks import user_frame
from handoff.target import TargetError, parse_target
from handoff.terminal import printable

MEMORY_SHARE = 0.8  #: of what is available: the rest is for the machine to go on working


class _Theirs(Exception):
    """The text of a traceback in the contained process; shown with ``-v``, as the cause of what is told."""

    def __str__(self) -> str:
        return f"in the contained process:\n{self.args[0]}"


# ------------------------------------------------------------------------------------------------------------- outside


def request(target: str, payload: str | None = None) -> Request:
    """What to send inside for a TARGET. Raises :class:`TargetError` for what can be told without importing it."""
    where = parse_target(target)
    if isinstance(where, Path):
        if not where.exists():
            hint = "" if target.endswith(".py") or "/" in target else "; name a callable: file.py:callable"
            raise TargetError(f"{target}: no such file or folder{hint}")
        return {"target": target, "collection": str(where.resolve()), "payload": payload}
    if payload:
        raise TargetError(f"{target}: names one object; --payload is for collections")
    return {"target": target, "ref": replace(where, folder=os.getcwd()).to_json()}


class Sandbox(Interpreter):
    """A contained interpreter of which nothing is left afterwards, wherever its descendants have gone."""

    def __init__(self, module: str, config: Mapping[str, Any], *, seed: int = 0) -> None:
        if path := os.environ.get("PYTHONPATH"):  # relative entries are meant from here, not from its private folder
            entries = (os.path.abspath(entry) for entry in path.split(os.pathsep) if entry)
            os.environ["PYTHONPATH"] = os.pathsep.join(entries)
        limits = {"cwd": os.getcwd(), "memory_bytes": memory_limit()}
        self._before = set(proc.children(os.getpid()))
        adopt_orphans()  # a daemon may have dropped its environment, by which it would be known
        super().__init__(module, {**limits, **config}, seed=seed)

    def patience(self, seconds: float) -> Patience:
        """So long from now on, beside what it and its descendants will have waited for processors."""

        def inside() -> Iterable[int]:
            return proc.with_descendants({self.process.pid})

        return Patience(seconds, inside, proc.queued_s(inside()), sum(map(proc.processor_s, inside())))

    def close(self, *, strays: bool = True) -> None:
        """End whatever carries its mark, and remove everything. Idempotent."""
        if self.fd >= 0:
            super().close(strays=strays)
            end_all(self._orphans)

    def _orphans(self) -> set[int]:
        """What has come here since this was started; trackers end by themselves."""
        found = set(proc.children(os.getpid())) - self._before
        return {pid for pid in found if not proc.is_tracker(pid)}


def ask(
    inside_module: str,
    config: Request,
    *,
    patience_s: float = timeouts.TARGET_S,
    more_s: float,
    progress: Callable[[str], None],
) -> Iterator[SandboxTold]:
    """What ``inside_module`` tells: ``{"opened": …}`` within ``patience_s``, then its answers within ``more_s``.

    Only the time counts in which what is inside had a processor or wanted none. Raises :class:`TargetError` that says
    in one line what went wrong, with the user's traceback as its cause.
    """
    target = config["target"]
    progress("importing and making the object")
    with closing(Sandbox(inside_module, config)) as inside:
        patience = inside.patience(patience_s)
        opened = passed_over = False
        told = inside.told(2 * timeouts.TICK_S)
        while True:
            try:
                message = cast("SandboxTold | None", next(told, None))
            except TimeoutError:
                if not patience.left_s():
                    raise _given_up(target, inside, patience_s if not opened else more_s, opened=opened) from None
                told = inside.told(2 * timeouts.TICK_S)
                continue
            if inside.listener.foreign_bytes and not passed_over:
                passed_over = True
                print(printable(f"{target}: {NOT_OURS}"), file=sys.stderr)
            if message is None:
                raise _ended(target, inside, opened=opened)
            if "failed" in message:
                raise TargetError(message["failed"]) from _Theirs(message["traceback"])
            if "opened" in message:
                opened, patience = True, inside.patience(more_s + timeouts.SANDBOX_GRACE_S)
            yield message
            if message.get("final"):
                return


def _given_up(target: str, inside: Interpreter, seconds: float, *, opened: bool) -> TargetError:
    if opened:
        return TargetError(f"{target}: looking at the object did not come to an end within {seconds:g} s")
    with suppress(ProcessLookupError):
        os.kill(inside.process.pid, signal.SIGUSR2)  # its stacks, please
    time.sleep(timeouts.STACKS_S)
    stacks = inside.complaints()
    error = TargetError(
        f"{target}: had not returned after {seconds:g} s{user_frame(stacks)};"
        " if it needs longer, say --patience SECONDS"
    )
    error.__cause__ = _Theirs(stacks)
    return error


def _ended(target: str, inside: Interpreter, *, opened: bool) -> TargetError:
    how = inside.how_it_ended()
    what = "while the object was looked at" if opened else "before it had returned an object"
    why = ""
    if "SIGKILL" in how:
        why = "; the system does that when memory runs out"
    elif not opened and "status" in how:
        why = "; does it call os._exit?"
    stacks = inside.complaints()
    if "Traceback" in stacks:
        why = f": {stacks.strip().splitlines()[-1]}"
    error = TargetError(f"{target}: its process {how} {what}{user_frame(stacks)}{why}")
    error.__cause__ = _Theirs(stacks.strip() or "(it wrote nothing to standard error)")
    return error


def memory_limit() -> int:
    """Bytes that a contained process may take: a share of what is available to us, now."""
    found = []
    with suppress(OSError, KeyError):
        found.append(memory.machine_available_bytes())
    for limit, used, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        with suppress(OSError, ValueError, IndexError):
            base = Path("/sys/fs/cgroup")
            free = int((base / limit).read_text()) - int((base / used).read_text())
            stat = (base / limit).with_name("memory.stat").read_text().splitlines()
            found.append(free + next((int(line.split()[1]) for line in stat if line.startswith(cache)), 0))
    return int(min(found, default=1 << 40) * MEMORY_SHARE)


# -------------------------------------------------------------------------------------------------------------- inside
