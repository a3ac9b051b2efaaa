"""An executor in a trial: to a lane it is a worker with two pipes, so that the one timing loop drives it like others.

What is sent is a task submitted, what is received is its result. Where the object itself goes in a task, pickling and
loading belong to the library, and happen where no clock of ours is: of such a lane there are no phases.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from handoff import timeouts
from handoff.measuring import tasks
from handoff.measuring.lane import Handle, Lane, LaneRefused
from handoff.measuring.rounds import Measuring
from handoff.measuring.worker import CHECKSUM
from handoff.outcome import Outcome
from handoff.payload import Duty
from handoff.processes.executing import Executing
from handoff.strategy import Launch, Pending
from handoff.timing import Spent, nothing


def _same(obj: Any) -> Any:
    return obj


class Executed:
    """What :class:`handoff.processes.worker_process.WorkerProcess` is for a process."""

    launch: Launch = Launch.EXECUTOR
    process: Any = None  #: it has as many as it likes

    def __init__(self, executing: Executing, duty: Duty, measuring: Measuring, kept: tuple[Any, ...]) -> None:
        self.executing, self.duty, self.measuring = executing, duty, measuring
        self.submit = executing.submit
        self.given: tuple[Any, ...] = kept
        self.usual = tasks.result if duty is Duty.RESULT else tasks.argument if kept else tasks.state
        self.task: Any = tasks.argument  #: what the next object is sent with
        self.told: dict[str, Any] = {}
        self.to_worker = self.from_worker = self
        #: the task whose result nobody has asked for yet: not every library gives it twice
        self.pending: Pending | None = executing.submit(tasks.ready, duty, *kept)

    # What a lane does with the worker

    def command(self, command: Mapping[str, Any]) -> None:
        """What the next task is."""
        known, sent = command.get("known", ""), self.measuring.sent
        match command["do"]:
            case "check_argument":
                self.task = partial(tasks.checked_argument, known, sent)
            case "check_state":
                checked: Any = tasks.checked_argument if self.given else tasks.checked_state
                self.pending = self.submit(checked, known, sent, *self.given)
            case "check_result":
                self.send_bytes(b"")
                self.told = {"encoded": True}
            case "judge":
                pass  # it was, with the first look
            case _:
                self.task = tasks.argument
                self.recv_bytes = self._begun

    def answer(self, seconds: float) -> dict[str, Any]:
        """What the last task that was no sample's tells; nothing of a sample: all its figures are this side's."""
        if self.told.get("encoded"):
            self.told = {"sent": True}
            return {"encoded": True}
        answer = None if self.pending is None else self.received()
        if isinstance(answer, dict) and {"same", "error", "errors"} & answer.keys():
            return answer
        return {"spent": Spent(0.0)._asdict()}

    def started(self) -> None:
        """There are no ends of pipes to close."""

    def dismiss(self) -> None:
        """Nothing has to be said for it to end."""

    def stop(self) -> None:
        self.executing.stop()

    def kill(self) -> None:
        self.executing.kill()

    # The two pipes

    def send_bytes(self, _: bytes) -> None:
        """Submit the usual task."""
        self.pending = self.submit(self.usual, *self.given)

    def post(self, obj: Any) -> None:
        """Submit a task with the object."""
        self.pending = self.submit(self.task, obj)

    def received(self) -> Any:
        """What the task has returned. Raises :class:`handoff.measuring.lane.LaneRefused` where there is no result."""
        pending, self.pending = self.pending, None
        assert pending is not None
        try:
            return pending.result()
        except Exception as error:
            raise LaneRefused(self.executing.failure(error, self.duty)) from None

    def _begun(self) -> bytes:
        """As a worker that begins with a sample says."""
        self.recv_bytes = self.acknowledged
        return b""

    def acknowledged(self) -> bytes:
        return CHECKSUM.pack(self.received())

    recv_bytes: Any = acknowledged


class TaskSender:
    """This side's end for ``argument``."""

    encode = staticmethod(_same)
    open = close = staticmethod(nothing)

    def __init__(self, inside: Executed) -> None:
        self.post = inside.post


class TaskReceiver:
    """This side's end for ``result``."""

    decode = staticmethod(_same)
    open = release = close = staticmethod(nothing)

    def __init__(self, inside: Executed) -> None:
        self.take = inside.received


def engage(measuring: Measuring, duty: Duty, lane: Lane) -> Handle:
    """Make the lane's executor; when this returns, a worker has loaded the payload. Raises :class:`LaneRefused`."""
    assert lane.strategy is not None
    assert lane.strategy.execution is not None
    execution, site = lane.strategy.execution, measuring.site(lane)
    state = (measuring.obj,) if duty is Duty.STATE and not execution.keeps else ()
    executing = Executing(execution, site, (tasks.begin, (measuring.ref, *state)))
    kept = executing.keep(measuring.obj) if duty is Duty.STATE else ()
    inside = Executed(executing, duty, measuring, kept)
    lane.worker = handle = Handle(inside)
    lane.ends = (TaskSender(inside), TaskReceiver(inside))
    for error in handle.ready(timeouts.WORKER_START_S)["errors"].values():
        raise LaneRefused(Outcome.from_json(error))
    return handle
