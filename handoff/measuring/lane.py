"""A lane: one strategy in the rounds of a trial, with its ends, its worker and what it has set up."""

from __future__ import annotations

import itertools
import json
import multiprocessing
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handoff.measuring.worker import CHECKSUM, Job
from handoff.measuring.worker import main as work
from handoff.outcome import Kind, Outcome
from handoff.processes.worker_process import Gone, Silent, WorkerProcess
from handoff.strategy import Launch, Strategy
from handoff.timing import Spent

START_S = 60.0  #: patience with a starting worker: importing on a busy machine is slow, not hung


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
    def hired(self) -> Handle:
        """Its worker, which is there."""
        assert self.worker is not None
        return self.worker


class Refused(Exception):
    """A lane that cannot go on; carries its outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class LaneFailed(Exception):
    """A lane that failed after its first hand-off had worked."""

    def __init__(self, lane: Lane, outcome: Outcome) -> None:
        super().__init__(f"{lane.name}: {outcome.reason}")
        self.lane, self.outcome = lane, outcome


class Shop:
    """What the experiments of a trial share: the strategies, the context, the manager server, names."""

    def __init__(self, start_method: str, folder: str, strategies: Mapping[str, Strategy]) -> None:
        self.strategies = strategies
        self.start_method = start_method
        self.ctx: Any = multiprocessing.get_context(self.start_method or None)
        self.prefix = Path(folder).name
        self.numbers = itertools.count(1)
        self.stack = ExitStack()
        self.leaving: list[Handle] = []  #: workers that were asked to end, and need not be waited for yet
        self._manager: Any = None

    def __enter__(self) -> Shop:
        if self.start_method == "forkserver":
            from multiprocessing.forkserver import ensure_running

            ensure_running()
        return self

    def __exit__(self, *_: object) -> None:
        self.see_off()
        self.stack.close()

    def see_off(self) -> None:
        """Wait until the workers that leave are gone: before anything is timed, and at the end."""
        while self.leaving:
            self.leaving.pop().stop()

    def segment_name(self) -> str:
        return f"{self.prefix}-{next(self.numbers)}"

    def manager(self) -> Any:
        if self._manager is None:
            from handoff.strategies._manager import HandoffManager

            self._manager = HandoffManager(ctx=self.ctx)
            self._manager.start()
            self.stack.callback(self._manager.shutdown)
        return self._manager

    def drop_manager(self) -> None:
        """After a worker was killed in the middle of a request, the server may still wait for it."""
        if self._manager is not None:
            self.stack.close()
            self._manager = None


class Handle:
    """A worker in the eyes of a lane: whatever goes wrong there is an outcome."""

    def __init__(self, inside: WorkerProcess) -> None:
        self.inside = inside
        self.to_worker, self.from_worker = inside.to_worker, inside.from_worker

    @classmethod
    def hire(cls, shop: Shop, job: Job, launch: Launch) -> Handle:
        """Start a worker. Raises what pickling the job raises."""
        inside = WorkerProcess(shop.ctx)
        inside.start(launch, work, job)
        return cls(inside)

    @property
    def pid(self) -> int:
        """Of its process; a thread has none."""
        return int(self.inside.process.pid)

    def ready(self, seconds: float = START_S) -> dict[str, Any]:
        """Wait until the worker has opened its ends; what failed to open is in ``errors``."""
        answer = self.answer(seconds)
        self.inside.started()
        return answer

    def command(self, **command: Any) -> None:
        self.inside.command(command)

    def answer(self, seconds: float) -> dict[str, Any]:
        """The worker's next answer. Raises :class:`Refused` when it reports an error, dies, or does not answer."""
        try:
            answer = self.inside.answer(seconds)
        except (Gone, Silent) as error:
            raise Refused(Outcome(Kind.BROKEN, "worker", "", str(error))) from None
        if "error" in answer:
            raise Refused(Outcome.from_json(answer["error"]))
        return answer

    def begin(self, **command: Any) -> None:
        """Give a command, and wait until the worker begins with it."""
        self.command(**command)
        if message := self.from_worker.recv_bytes():
            raise self.complaint(message)

    @staticmethod
    def complaint(message: bytes) -> Refused:
        """What a message means that is not the expected one: an error, or a wrong checksum."""
        if len(message) == CHECKSUM.size:
            return Refused(Outcome(Kind.BROKEN, "worker", "", "a hand-off was acknowledged with a wrong checksum"))
        return Refused(Outcome.from_json(json.loads(message)["error"]))

    def dismiss(self) -> None:
        """Ask it to end."""
        self.inside.dismiss()

    def stop(self) -> None:
        """Ask it to end, wait, and insist."""
        self.inside.stop()

    def kill(self) -> None:
        """End it now."""
        self.inside.kill()


def merge(near: Spent, far: dict[str, Any]) -> Spent:
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
