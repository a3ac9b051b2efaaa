"""A lane: one strategy in the rounds of a trial, with its ends, its worker and what it has set up."""

from __future__ import annotations

import itertools
import json
import multiprocessing
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from handoff.measuring.worker import CHECKSUM, Job, serve_in_pool, start_in_pool
from handoff.measuring.worker import main as work
from handoff.outcome import Kind, Outcome
from handoff.processes.interpreter import describe_exit
from handoff.processes.pool import a_worker, end_pool
from handoff.strategy import Launch, Strategy
from handoff.timing import Spent

Tell = Callable[[dict[str, Any]], None]


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

    def __init__(self, config: dict[str, Any], strategies: Mapping[str, Strategy]) -> None:
        self.strategies = strategies
        self.start_method: str = config["start_method"]
        self.ctx: Any = multiprocessing.get_context(self.start_method or None)
        self.prefix = Path(config["folder"]).name
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
    """A worker that was started, and the two pipes to it."""

    def __init__(self, shop: Shop, job: Job, launch: Launch) -> None:
        self.launch = launch
        ctx = shop.ctx
        inbox, self.to_worker = ctx.Pipe(duplex=False)
        self.from_worker, outbox = ctx.Pipe(duplex=False)
        self.pool: Any = None
        self.process: Any
        match launch:
            case Launch.PROCESS:
                self.process = ctx.Process(target=work, args=(job, inbox, outbox), daemon=True)
                self.process.start()
            case Launch.POOL:
                self.pool = ctx.Pool(1, start_in_pool, (job, inbox, outbox))
                self.task = self.pool.apply_async(serve_in_pool)
                self.process = a_worker(self.pool)
            case Launch.THREAD:
                import multiprocessing.dummy

                self.process = multiprocessing.dummy.Process(target=work, args=(job, inbox, outbox))
                self.process.daemon = True
                self.process.start()
        if launch is not Launch.THREAD:
            self.inherited = (inbox, outbox)
        self.started = self.dismissed = False

    def ready(self, seconds: float = START_S) -> dict[str, Any]:
        """Wait until the worker has opened its ends; what failed to open is in ``errors``."""
        answer = self.answer(seconds)
        if self.launch is not Launch.THREAD:
            for conn in self.inherited:  # or the death of the worker would not be noticed
                conn.close()
        self.started = True
        return answer

    def command(self, **command: Any) -> None:
        self.to_worker.send_bytes(json.dumps(command).encode())

    def answer(self, seconds: float) -> dict[str, Any]:
        """The worker's next answer. Raises :class:`Refused` when it reports an error, dies, or does not answer."""
        watched: list[Any] = [self.from_worker]
        if self.launch is not Launch.THREAD:
            watched.append(self.process.sentinel)
        ready = wait(watched, seconds)
        if not ready:
            raise Refused(Outcome(Kind.BROKEN, "worker", "", f"no answer in {seconds:g} s"))
        if self.from_worker not in ready and not self.from_worker.poll():
            raise self.death()
        try:
            answer: dict[str, Any] = json.loads(self.from_worker.recv_bytes())
        except (EOFError, OSError):
            raise self.death() from None
        if "error" in answer:
            raise Refused(Outcome.from_json(answer["error"]))
        return answer

    def death(self) -> Refused:
        self.process.join(1)
        return Refused(Outcome(Kind.BROKEN, "worker", "", f"the worker {describe_exit(self.process.exitcode)}"))

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
        if not self.dismissed:
            self.dismissed = True
            with suppress(OSError):
                self.command(do="stop", lane="")

    def stop(self) -> None:
        """Ask it to end, wait, and insist."""
        self.dismiss()
        if self.launch is Launch.THREAD:
            self.process.join(1)
        elif self.launch is Launch.POOL:
            self.task.wait(5)  # Pool.terminate for ever waits for a lock that a worker held when it was ended
            if self.task.ready():
                self.pool.close()
                self.pool.join()
            else:
                self._end_pool()
        else:
            self.process.join(5)
            self.kill()
        self._close()

    def kill(self) -> None:
        """End it now."""
        if self.launch is Launch.POOL:
            self._end_pool()
        elif self.launch is Launch.PROCESS:
            if self.process.is_alive():
                self.process.kill()
            self.process.join()
        self._close()

    def _end_pool(self) -> None:
        """End a pool whose worker is stuck in its initializer or its one task, where it holds no lock of the pool."""
        if self.process.is_alive():
            self.process.kill()
        end_pool(self.pool, 5)

    def _close(self) -> None:
        self.to_worker.close()
        self.from_worker.close()
        if self.launch is not Launch.THREAD:
            for conn in self.inherited:
                conn.close()


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
