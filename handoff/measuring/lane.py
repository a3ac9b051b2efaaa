"""A lane: one strategy in the rounds of a trial, with its ends, its worker and what it has set up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol, Unpack, cast

from handoff import timeouts
from handoff.measuring.messages import SpentTold, WorkerAnswer, WorkerCommand
from handoff.measuring.worker import CHECKSUM, WorkerStart
from handoff.measuring.worker import main as work
from handoff.outcome import Kind, Outcome
from handoff.processes.deadlines import NoAnswer
from handoff.processes.worker_process import Gone, Silent, WorkerProcess
from handoff.strategy import Launch, Strategy
from handoff.timing import Spent


@dataclass
class Lane:
    """One lane of one experiment in this trial."""

    name: str
    strategy: Strategy | None
    ends: Any = None  #: (Sender, Receiver), Holding or Sharing
    launch: Launch = Launch.PROCESS
    stack: ExitStack = field(default_factory=ExitStack)
    counts: dict[str, int] = field(default_factory=dict)  #: operations a sample, by metric
    warmed: dict[str, bool] = field(default_factory=dict)  #: whether one more precedes it, untimed
    rounds: int = 1
    worker: Handle | None = None

    @property
    def in_this_process(self) -> bool:
        """Whether its worker is a thread of this process."""
        return self.strategy is not None and self.strategy.in_this_process

    @property
    def hired(self) -> Handle:
        """Its worker, which is there."""
        assert self.worker is not None
        return self.worker


class LaneRefused(Exception):
    """A lane that cannot go on; carries its outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class LaneFailed(Exception):
    """A lane that failed after its first hand-off had worked."""

    def __init__(self, lane: Lane, outcome: Outcome) -> None:
        super().__init__(f"{lane.name}: {outcome.reason}")
        self.lane, self.outcome = lane, outcome


def silence(where: str, error: Silent | NoAnswer) -> Outcome:
    """Of a lane that did not answer: it hangs, or the machine was too busy to tell."""
    kind = Kind.NO_ANSWER if error.too_busy else Kind.BROKEN
    return Outcome(kind, where, "", f"the machine was too busy to tell: {error}" if error.too_busy else str(error))


class Inside(Protocol):
    """What a handle has hold of: a :class:`WorkerProcess`, or an executor that is like one."""

    launch: Launch
    process: Any
    to_worker: Any
    from_worker: Any

    def command(self, command: Mapping[str, Any]) -> None: ...
    def answer(self, seconds: float) -> Mapping[str, Any]: ...
    def started(self) -> None: ...
    def dismiss(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...


class Handle:
    """A worker in the eyes of a lane: whatever goes wrong there is an outcome."""

    def __init__(self, inside: Inside) -> None:
        self.inside = inside
        self.to_worker, self.from_worker = inside.to_worker, inside.from_worker

    @classmethod
    def hire(cls, ctx: Any, job: WorkerStart, launch: Launch) -> Handle:
        """Start a worker. Raises what pickling the job raises."""
        inside = WorkerProcess(ctx)
        inside.start(launch, work, job)
        return cls(inside)

    @property
    def pid(self) -> int:
        """Of its process; a thread has none."""
        return int(self.inside.process.pid)

    def ready(self, seconds: float = timeouts.WORKER_START_S) -> WorkerAnswer:
        """Wait until the worker has opened its ends; what failed to open is in ``errors``."""
        answer = self.answer(seconds)
        self.inside.started()
        return answer

    def command(self, **command: Unpack[WorkerCommand]) -> None:
        self.inside.command(command)

    def answer(self, seconds: float) -> WorkerAnswer:
        """The worker's next answer. Raises :class:`LaneRefused` when it reports an error, dies, or does not answer."""
        try:
            answer = cast("WorkerAnswer", self.inside.answer(seconds))
        except Silent as error:
            raise LaneRefused(silence("worker", error)) from None
        except Gone as error:
            raise LaneRefused(Outcome(Kind.BROKEN, "worker", "", str(error))) from None
        if "error" in answer:
            raise LaneRefused(Outcome.from_json(answer["error"]))
        return answer

    def begin(self, **command: Unpack[WorkerCommand]) -> None:
        """Give a command, and wait until the worker begins with it."""
        self.command(**command)
        if message := self.from_worker.recv_bytes():
            raise self.complaint(message)

    @staticmethod
    def complaint(message: bytes) -> LaneRefused:
        """What a message means that is not the expected one: an error, or a wrong checksum."""
        if len(message) == CHECKSUM.size:
            return LaneRefused(Outcome(Kind.BROKEN, "worker", "", "a hand-off was acknowledged with a wrong checksum"))
        return LaneRefused(Outcome.from_json(json.loads(message)["error"]))

    def dismiss(self) -> None:
        """Ask it to end."""
        self.inside.dismiss()

    def stop(self) -> None:
        """Ask it to end, wait, and insist."""
        self.inside.stop()

    def kill(self) -> None:
        """End it now."""
        self.inside.kill()


def merge(near: Spent, far: SpentTold) -> Spent:
    """Both sides of one sample: the time is this side's; phases and disturbances come from where they happened."""
    there = Spent(**far)
    return Spent(
        near.seconds,
        near.encode_s + there.encode_s,
        near.decode_s + there.decode_s,
        near.touch_s + there.touch_s,
        near.switches + there.switches,
        near.faults + there.faults,
        near.collections + there.collections,
    )
