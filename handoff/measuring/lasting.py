"""A worker that outlives payloads: one is started in a trial, and takes on one payload after the other.

Starting a worker takes longer than measuring a payload does. What has to be given to a process when it starts (a
queue, a lock, an array of multiprocessing) still needs a fresh one, but for ends that know nothing of the payload: they
are made once. Under fork starting is cheap, and having what the parent has is the point: there workers do not last.
"""

from __future__ import annotations

import io
from contextlib import ExitStack
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any, NoReturn

from handoff import timeouts
from handoff.measuring.lane import Handle, Lane
from handoff.measuring.worker import WorkerStart
from handoff.outcome import OutcomeFields


class Lasting:
    """The worker, and the lanes whose ends it has from its start."""

    def __init__(self, handle: Handle, lanes: list[Lane]) -> None:
        self.handle = handle
        self.ends = {lane.name: lane.ends for lane in lanes}
        self.stack = ExitStack()  #: what ends with the worker
        for lane in lanes:
            self.stack.push(lane.stack.pop_all())

    def take_on(self, job: WorkerStart, seconds: float) -> dict[str, OutcomeFields]:
        """Give it a payload's job; what failed to open. Raises :class:`handoff.measuring.lane.LaneRefused`."""
        message = packed(job)
        self.handle.command(do="take_on")
        self.handle.to_worker.send_bytes(message)
        return self.handle.answer(seconds)["errors"]

    def leave(self) -> None:
        """Let it forget the payload. Raises :class:`handoff.measuring.lane.LaneRefused`."""
        self.handle.command(do="leave")
        self.handle.answer(timeouts.LANE_LEAVE_S)

    def close(self) -> None:
        """After its end."""
        self.stack.close()


def travels(end: Any) -> bool:
    """Whether an end can be sent to a process that has started already."""
    try:
        packed(end)
    except Exception:
        return False
    return True


def packed(what: Any) -> bytes:
    """Pickled for a process that has started: a pipe's end would need a thread here that hands it out."""
    buffer = io.BytesIO()
    pickler = ForkingPickler(buffer)
    pickler.dispatch_table = {**pickler.dispatch_table, Connection: _stays}
    pickler.dump(what)
    return buffer.getvalue()


def _stays(conn: Connection) -> NoReturn:
    raise TypeError("a pipe's end passes when a process is started")
