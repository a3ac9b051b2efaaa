"""The worker: the process (or thread) on the other side of every hand-off.

It gets its :class:`WorkerStart` when it is started and then obeys commands, one a sample. Commands and the data of the
duty ``argument`` come through ``inbox``; acknowledgements, reports and the data of the duty ``result`` go through
``outbox``. Both are private pipes of this trial, and commands are JSON.
"""

from __future__ import annotations

import gc
import pickle
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from handoff import timing
from handoff.outcome import Kind, Outcome, OutcomeFields
from handoff.payload import Duty, Payload
from handoff.processes.serving import hear, tell
from handoff.target import Ref

if TYPE_CHECKING:
    from handoff.measuring.messages import SpentTold, WorkerAnswer, WorkerCommand

CHECKSUM = struct.Struct("<Q")  #: an acknowledgement; every other answer is longer


@dataclass(frozen=True, slots=True)
class WorkerStart:
    """What a worker is started with."""

    ref: Ref
    duty: Duty
    lanes: tuple[tuple[str, Any], ...]  #: name and end: Receiver, Sender, Holding or Sharing, by duty
    #: the other payload of a thread worker, which must not build its own
    given: Payload | None = None
    lasts: bool = False  #: these ends serve every payload: jobs that follow bring theirs beside them


class StateReceiver:
    """Receives nothing but the wish to use the state that is already there."""

    def __init__(self, holding: Any, inbox: Connection) -> None:
        self.holding, self.take = holding, inbox.recv_bytes

    def decode(self, _: Any) -> Any:
        return self.holding.get()

    release = staticmethod(timing.nothing)


def main(job: WorkerStart, inbox: Connection, outbox: Connection) -> None:
    """Serve until told to stop or until the other side is gone."""
    with suppress(EOFError, BrokenPipeError):
        Worker(job, inbox, outbox).serve()


class Worker:
    """Opens its ends, says that it is ready, and obeys."""

    def __init__(self, job: WorkerStart, inbox: Connection, outbox: Connection) -> None:
        self.inbox, self.outbox = inbox, outbox
        self.lasting: dict[str, Any] = dict(job.lanes) if job.lasts else {}
        self.obj: Any = None
        self.kept: Any = None
        self.errors = self._begin(job)

    def _begin(self, job: WorkerStart) -> dict[str, OutcomeFields]:
        """Open the ends of a job; what fails to open, by lane."""
        self.job, self.payload = job, job.given
        self.ends = self.lasting | dict(job.lanes)
        errors: dict[str, OutcomeFields] = {}
        for name, end in job.lanes:
            try:
                self._open(end)
            except Exception as error:
                errors[name] = Outcome.from_exception(Kind.BROKEN, "worker", error).to_json()
        return errors

    def _open(self, end: Any) -> None:
        match self.job.duty:
            case Duty.ARGUMENT:
                end.open(self.inbox)
            case Duty.RESULT:
                end.open(self.outbox)
            case Duty.STATE:
                end.obtain()
                self._touch(end)(end.get())
            case Duty.SHARED:
                end.open()

    def serve(self) -> None:
        self._tell({"ready": True, "errors": self.errors})
        try:
            while (command := hear(self.inbox))["do"] != "stop":
                self._obey(cast("WorkerCommand", command))
        finally:
            self._close(self.ends)

    def _close(self, ends: dict[str, Any]) -> None:
        self.obj = self.kept = None
        for end in ends.values():
            with suppress(Exception):
                end.close()

    def _obey(self, command: WorkerCommand) -> None:
        end = self.ends.get(command.get("lane", ""))
        step: Callable[[Any, WorkerCommand], WorkerAnswer | timing.Spent] = getattr(self, f"_{command['do']}")
        try:
            found = step(end, command)
            answer: WorkerAnswer = {"spent": _told(found)} if isinstance(found, timing.Spent) else found
        except Exception as error:
            answer = {"error": Outcome.from_exception(Kind.BROKEN, "worker", error).to_json()}
        self._tell(answer)

    def _tell(self, answer: WorkerAnswer) -> None:
        tell(self.outbox, answer)

    def _load(self) -> Payload:
        if self.payload is None:
            self.payload = self.job.ref.load()
        return self.payload

    def _touch(self, end: Any) -> Callable[[Any], int]:
        """What a task does with what arrived at this end: some have their own way to it, else the payload's."""
        return getattr(end, "touch", None) or self._load().task

    def _looked(self, end: Any, obj: Any, command: WorkerCommand) -> WorkerAnswer:
        """Whether it is at once the same as what is ``known``, where that is asked: then its checksum, else it is kept.

        It is looked at before the work, which may change it.
        """
        if command["known"] and not hasattr(end, "touch"):
            from handoff.measuring import looking

            if not looking.same(self._load(), obj, command["known"]):
                self.kept = obj
                return {"same": False}
        return {"same": True, "checksum": self._touch(end)(obj)}

    def _go(self) -> None:
        """Say that the loop begins: only then does the other side start its clock."""
        self.outbox.send_bytes(b"")

    def _receive(self, receiver: Any, touch: Callable[[Any], int], n: int) -> timing.Spent:
        self._go()
        return timing.receive(receiver, touch, n, timing.nothing, self.outbox.send_bytes, CHECKSUM.pack)

    # One method a command.

    def _take_on(self, _: Any, __: WorkerCommand) -> WorkerAnswer:
        """The next job: it comes after the command, pickled by the process that has started this one."""
        return {"ready": True, "errors": self._begin(pickle.loads(self.inbox.recv_bytes()))}

    def _leave(self, _: Any, __: WorkerCommand) -> WorkerAnswer:
        """Done with a job: nothing of it is kept."""
        self._close({name: end for name, end in self.ends.items() if name not in self.lasting})
        self.ends, self.payload = dict(self.lasting), None
        gc.collect()
        return {"left": True}

    # ``check_…`` is the first hand-off of a lane: not timed, and looked at closely.

    def _check_argument(self, end: Any, command: WorkerCommand) -> WorkerAnswer:
        obj = end.decode(end.take())
        answer = self._looked(end, obj, command)
        del obj
        if answer["same"]:
            end.release()
        return answer

    def _judge(self, end: Any, command: WorkerCommand) -> WorkerAnswer:
        """What has become of what was kept, in full."""
        from handoff.measuring import looking

        verdict = looking.judged(self._load(), self.kept, command["sent"]).to_json()
        answer: WorkerAnswer = {"verdict": verdict, "checksum": self._touch(end)(self.kept)}
        self._drop(end, command)
        return answer

    def _argument(self, end: Any, command: WorkerCommand) -> timing.Spent:
        return self._receive(end, self._touch(end), command["n"])

    def _make(self) -> Any:
        if self.obj is None:
            self.obj = self._load().make()
        return self.obj

    def _check_result(self, end: Any, _: WorkerCommand) -> WorkerAnswer:
        """The result of a task: encoded here first, so that a refusal is told instead of sent."""
        message = end.encode(self._make())
        self._tell({"encoded": True})
        end.post(message)
        return {"sent": True}

    def _result(self, end: Any, command: WorkerCommand) -> timing.Spent:
        obj = end.obj if hasattr(end, "obj") else self._make()
        self._go()
        return timing.send(end, obj, command["n"], self.inbox.recv_bytes)

    def _check_state(self, end: Any, command: WorkerCommand) -> WorkerAnswer:
        obj = end.get()
        return self._looked(end, obj, command)

    def _state(self, end: Any, command: WorkerCommand) -> timing.Spent:
        return self._receive(StateReceiver(end, self.inbox), self._touch(end), command["n"])

    def _check_shared(self, end: Any, command: WorkerCommand) -> WorkerAnswer:
        """Leave a mark that the other side must see: the element plus one."""
        before = end.read(command["index"])
        end.update(command["index"])
        return {"before": float(before)}

    def _shared(self, end: Any, command: WorkerCommand) -> timing.Spent:
        size, n = command["size"], command["n"]
        operation: Callable[[int], Any]
        match command["operation"]:
            case "element-read":
                operation = _spread(end.read, size)
            case "element-write":
                operation = _spread(partial(_write, end.write, end.read(0)), size)
            case "locked-update":
                operation = _spread(end.update, size)
            case _:
                touch = self._load().touch

                def operation(_: int) -> int:
                    return touch(end.whole())

        return timing.repeat(operation, n)

    def _keep(self, end: Any, _: WorkerCommand) -> WorkerAnswer:
        """Have the object, read all of it and keep it, so that the memory of this process can be looked at."""
        match self.job.duty:
            case Duty.ARGUMENT:
                self.kept = end.decode(end.take())
            case Duty.STATE:
                self.kept = end.get()
            case Duty.SHARED:
                self.kept = end.whole()
            case Duty.RESULT:
                return self._check_result(end, {"do": "check_result"})
        return {"checksum": self._touch(end)(self.kept)}

    def _drop(self, end: Any, _: WorkerCommand) -> WorkerAnswer:
        self.kept = None
        if self.job.duty is Duty.ARGUMENT:
            end.release()
        return {"dropped": True}

    def _grow(self, end: Any, command: WorkerCommand) -> WorkerAnswer:
        """How much memory of its own this process gets by reading the object, or by collecting garbage."""
        from handoff.processes.memory import usage

        touch, obj = self._load().touch, end.get()
        usage()  # what reading the figure itself needs is there before
        before = usage().uss_bytes
        if command["step"] == "read":
            touch(obj)
        else:
            gc.collect()
        return {"uss_bytes": usage().uss_bytes - before}

    def _contend(self, end: Any, command: WorkerCommand) -> WorkerAnswer:
        """One operation over and over while others do the same; each worker has its part of the elements."""
        late = perf_counter() > command["begin_s"]
        width = max(1, command["size"] // command["of"])
        first = command["slot"] * width % command["size"]
        operation: Callable[[int], Any]
        match command["operation"]:
            case "read":
                operation = _spread(end.read, width, first)
            case "own-write":
                operation = _spread(partial(_write, end.write, end.read(first)), width, first)
            case _:
                operation = _spread(end.update, command["size"])
        done, spent = timing.until(operation, command["begin_s"], command["end_s"])
        return {"n": done, "spent": _told(spent), "late": late}


def _told(spent: timing.Spent) -> SpentTold:
    return cast("SpentTold", spent._asdict())


STRIDE = 7919  #: a prime, so that successive elements lie on different cache lines and pages and all are visited


def _spread(step: Callable[[int], Any], size: int, first: int = 0) -> Callable[[int], Any]:
    return lambda index: step(first + index * STRIDE % size)


def _write(write: Callable[[int, Any], Any], value: Any, index: int) -> None:
    write(index, value)
