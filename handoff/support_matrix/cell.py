"""One cell: one payload by one strategy or route, for one duty, under one start method. What really becomes of it?

Everything here runs in processes that belong to this cell alone: they may hang, crash and litter. The object is made,
stated (dumping and loading may change the original), handed over, stated and read on the other side, and then used:
where sharing is the point, a use there must show here.
"""

from __future__ import annotations

import importlib
import itertools
import json
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from types import FrameType, GetSetDescriptorType, MemberDescriptorType, MethodDescriptorType, WrapperDescriptorType
from typing import Any, cast

from handoff import timeouts
from handoff.checksum import touch
from handoff.compare.difference import difference
from handoff.compare.verdict import Verdict
from handoff.measuring import looking
from handoff.outcome import OK, HandoverEnded, Kind, Outcome, Unavailable
from handoff.payload import Duty, Payload
from handoff.processes import spawn_server
from handoff.processes.deadlines import NoAnswer
from handoff.processes.memory import limits_met
from handoff.processes.worker_process import Gone, WorkerProcess
from handoff.start_methods import name_semaphores
from handoff.strategy import Channel, Execution, Initializer, Launch, Site, Strategy
from handoff.support_matrix import original, pools
from handoff.support_matrix.cell_worker import (
    SEEN,
    USED,
    CellStart,
    _refused,
    fetch,
    give,
    keep,
    plain_facts,
    receive,
    receive_kept,
    serve,
    use_kept,
)
from handoff.support_matrix.messages import CellAnswer
from handoff.support_matrix.original import Original
from handoff.target import Ref, made_here_alone

Stage = Callable[[str], None]

PARENT, STARTING, WORKER, RESULT = "parent", "starting", "worker", "result"  #: stages, after making the object
SENT = "sent.json"  #: the file in an executor's folder by which its worker judges what arrived


class CellEnded(Exception):
    """The cell has its outcome before its end."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class RefusedAtALook(CellEnded):
    """The strategy has looked at the object and refuses it: nothing was done with it."""


class NotRefused(Exception):
    """A look does not refuse it: the rest needs a process in which nothing was done before."""


@dataclass(frozen=True, slots=True)
class CellSpec:
    """What to hand over, and how."""

    ref: Ref
    strategy: str
    duty: Duty
    start_method: str
    folder: Path  #: private to the cell
    prefix: str  #: of the names of its segments and semaphores
    patience_s: float = timeouts.EXECUTOR_S  #: of an executor
    doubtful: bool = False  #: whether such an object was refused before


def run(spec: CellSpec, stage: Stage, looked: Original | None = None) -> tuple[Outcome, Original | None]:
    """Execute the cell. Whatever it starts is ended by the caller.

    With the outcome comes the original where the strategy refused it by looking at it, and nothing was done: this
    process may look at it for other cells, with ``looked``. Then it raises :class:`NotRefused` if a look is not enough.
    """
    tempfile.tempdir = str(spec.folder)
    os.environ["TMPDIR"] = os.environ["JOBLIB_TEMP_FOLDER"] = str(spec.folder)
    name_semaphores(f"/{spec.prefix}")
    multiprocessing.set_start_method(spec.start_method, force=True)
    try:
        payload = spec.ref.load()
        made = looked or original.of(spec.ref, payload)
    except Exception as error:
        outcome = Outcome.from_exception(Kind.BROKEN, "parent", error)
        return replace(outcome, message=f"it cannot be made{limits_met(error)}: {outcome.message}"), None
    from handoff.strategies import registry

    strategy = registry()[spec.strategy]
    if strategy.execution is not None:
        return _Executed(spec, strategy, payload, made, stage).run(), None
    try:
        return _Handed(spec, strategy, payload, made, stage, fresh=looked is None).run(), None
    except RefusedAtALook as refused:
        return refused.outcome, made if _quiet(made.obj) else None
    except CellEnded as ended:
        return ended.outcome, None


#: What is asked of an object that is looked at; and how those ask who are written in C.
_ASKED = ("dtype", "shape", "size", "__getattr__", "__getattribute__", "__class__", "__dict__")
_IN_C = (GetSetDescriptorType, MemberDescriptorType, MethodDescriptorType, WrapperDescriptorType)


def _quiet(obj: Any) -> bool:
    """Whether looking at it runs nobody's code, which might do anything: fork, for one."""
    asked = [vars(base)[name] for base in type(obj).__mro__ for name in _ASKED if name in vars(base)]
    if not all(isinstance(each, _IN_C) for each in asked):
        return False
    own = getattr(obj, "__dict__", ())
    return "dtype" not in own and "__getattr__" not in own  # a module may have the latter


# ----------------------------------------------------------------------------------------------------------- strategies


class _Handed:
    """A cell of a strategy, in its parent."""

    def __init__(
        self, spec: CellSpec, strategy: Strategy, payload: Payload, made: Original, stage: Stage, *, fresh: bool
    ) -> None:
        self.spec, self.strategy, self.payload, self.made, self.stage = spec, strategy, payload, made, stage
        self.fresh = fresh  #: whether nothing was done in this process before
        self.obj = made.obj
        self.ctx: Any = multiprocessing.get_context(spec.start_method)
        self.numbers = itertools.count(1)
        self.worker: WorkerProcess | None = None
        self.kept: list[Any] = []  # until the process ends
        self._manager: Any = None

    def pipes(self) -> None:
        """Made when nothing but the worker is still to be started: only its end may close them."""
        self.worker = WorkerProcess(self.ctx)

    def run(self) -> Outcome:
        self.stage(PARENT)
        match self.spec.duty:
            case Duty.ARGUMENT:
                return self._argument()
            case Duty.STATE:
                return self._held()
            case Duty.RESULT:
                return self._result()
            case Duty.SHARED:
                return self._shared()

    def site(self) -> Site:
        return Site(
            ctx=self.ctx,
            start_method=self.spec.start_method,
            obj=self.obj,
            payload=self.payload,
            ref=self.spec.ref,
            folder=self.spec.folder,
            segment_name=lambda: f"{self.spec.prefix}-{next(self.numbers)}",
            manager=self._server,
            at_end=self._keep,
        )

    def set_up(self, make: Callable[[Site], Any]) -> Any:
        """The strategy's ends. Raises :class:`RefusedAtALook` where it refuses by looking at the object."""
        if self.spec.doubtful and self.strategy.channel is Channel.MANAGER and self.spec.duty is not Duty.RESULT:
            self.here(ForkingPickler.dumps, self.obj)  # what is refused needs no server
        try:
            ends = self.here(make, self.site())
        except CellEnded as ended:
            if self.strategy.looks_first(self.spec.duty) and not self.kept and self._manager is None:
                raise RefusedAtALook(ended.outcome) from None
            raise
        if not self.fresh:
            raise NotRefused
        return ends

    def _keep(self, call: Callable[[], Any]) -> Callable[[], Any]:
        self.kept.append(call)
        return call

    def _server(self) -> Any:
        if self._manager is None:
            from handoff.strategies._manager import HandoffManager

            self._manager = HandoffManager(ctx=self.ctx)
            self._manager.start()
        return self._manager

    def here(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """A step of this side: what it raises is a refusal."""
        try:
            return step(*arguments)
        except Unavailable as error:
            raise CellEnded(Outcome(Kind.UNAVAILABLE, "", "", str(error))) from None
        except Exception as error:
            process = self.worker.process if self.worker else None
            if process is not None and isinstance(error, BrokenPipeError) and not process.is_alive():
                raise self.death() from None
            raise CellEnded(_refused("parent", error)) from None

    @property
    def hired(self) -> WorkerProcess:
        """The worker, whose pipes are there."""
        assert self.worker is not None
        return self.worker

    def start(self, end: Any) -> None:
        """Start the worker; raises what its arguments raise when they are pickled, as a refusal."""
        launch = self.strategy.launch
        job = CellStart(self.spec.ref, self.spec.duty, end, self.payload if launch is Launch.THREAD else None)
        self.stage(WORKER if self.spec.duty is Duty.STATE else STARTING)
        self.here(partial(self.hired.start, launch, serve, job, daemon=False))
        answer = self.answer()
        self.hired.started()
        if "error" in answer:
            raise CellEnded(Outcome.from_json(answer["error"]))

    def command(self, do: str, *given: Any) -> None:
        try:
            self.hired.command({"do": do, "given": given})
        except BrokenPipeError:
            raise self.death() from None

    def answer(self) -> CellAnswer:
        """What the worker says next; how it ended when it says nothing any more."""
        try:
            return cast("CellAnswer", self.hired.answer())
        except Gone:
            raise self.death() from None

    def death(self) -> CellEnded:
        """How the worker ended, or what it has left word of."""
        process = self.hired.process
        how = str(self.hired.end())
        if process is not None:
            with suppress(OSError, ValueError):
                word = json.loads(spawn_server.word_of(process.pid, "failed").read_text(encoding="utf-8"))
                outcome = Outcome(Kind.BROKEN, "worker", word["error_type"], word["message"])
                return CellEnded(replace(outcome, kind=Kind.REFUSED, where="result") if word["refused"] else outcome)
        return CellEnded(Outcome(Kind.BROKEN, "worker", "", how))

    @contextmanager
    def worker_watched(self) -> Iterator[None]:
        """Raise :class:`CellEnded` when the worker ends although this side waits for it: a queue never would."""
        gone = False

        def look(_: int, __: FrameType | None) -> None:
            nonlocal gone
            if gone:  # twice: what it had sent is here by now
                raise self.death()
            gone = not process.is_alive()

        process = self.hired.process
        if process is None:
            yield
            return
        before = signal.signal(signal.SIGALRM, look)
        signal.setitimer(signal.ITIMER_REAL, timeouts.WORKER_LOOK_S, timeouts.WORKER_LOOK_S)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def told(self) -> CellAnswer:
        """The worker's next answer, which may be its failure."""
        answer = self.answer()
        if "error" in answer:
            raise CellEnded(Outcome.from_json(answer["error"]))
        return answer

    def _argument(self) -> Outcome:
        assert self.strategy.carry is not None
        sender, receiver = self.set_up(self.strategy.carry)
        self.pipes()
        self.here(sender.open, self.hired.to_worker)
        message = self.here(sender.encode, self.obj)  # a refusal needs no worker
        self.start(receiver)
        self.stage(WORKER)
        self.command("take", self.made.brief)
        self.here(sender.post, message)
        return self._judge(self.told())

    def _held(self) -> Outcome:
        assert self.strategy.hold is not None
        holding = self.set_up(self.strategy.hold)
        self.pipes()
        self.start(holding)
        self.stage(WORKER)
        self.command("take", self.made.brief)
        return self._judge(self.told())

    def _judge(self, arrived: CellAnswer) -> Outcome:
        """The same? And if it is used there, does that show here?"""
        verdict = self._verdict(arrived)
        changed = verdict.reason
        changed = changed or _unequal(self.payload, lambda: self.payload.touch(self.obj), arrived["checksum"])
        if not changed and self.made.seen:
            self.command("use")
            if self.told()["used"]:
                changed = self.made.seen(self.obj)
        outcome = _outcome("worker", changed, verdict)
        if outcome.ok:
            self.command("drop")
            self.told()
        return outcome

    def _verdict(self, arrived: CellAnswer) -> Verdict:
        """The worker's judgement, where what arrived is not at once the same."""
        if arrived["same"]:
            return Verdict()
        self.command("judge", self.made.sent)
        verdict = Verdict.from_json(self.told()["verdict"])
        if made_here_alone(self.spec.ref, self.spec.start_method):
            return looking.reconsidered(verdict, self.payload, self.obj, self.made.sent)
        return verdict

    def _result(self) -> Outcome:
        assert self.strategy.carry is not None
        sender, receiver = self.set_up(self.strategy.carry)
        self.pipes()
        self.here(receiver.open, self.hired.from_worker)
        self.start(sender)
        self.stage(RESULT)
        self.command("give", self.made.brief)
        given = self.told()  # encoded, or an error
        try:
            with self.worker_watched():
                message = receiver.take()
            obj = receiver.decode(message)
        except CellEnded:
            raise
        except Exception as error:
            outcome = Outcome.from_exception(Kind.BROKEN, "result", error)
            return outcome if not isinstance(error, EOFError) else self.death().outcome
        try:
            known = fetch(receiver, obj)
            verdict = _judged(self.payload, self.made, given, known)
            changed = verdict.reason
            checksum = (getattr(receiver, "touch", None) or self.payload.touch)(obj)
            changed = changed or _unequal(self.payload, lambda: given["checksum"], checksum)
            if not changed and self.made.use and known is obj:
                self.made.use(obj)
                self.command("seen")
                changed = self.told()["seen"]
        except CellEnded:
            raise
        except Exception as error:
            return Outcome.from_exception(Kind.BROKEN, "result", error)
        outcome = _outcome("result", changed, verdict)
        if outcome.ok:
            del obj, known
            receiver.release()
        return outcome

    def _shared(self) -> Outcome:
        assert self.strategy.share is not None
        sharing_end = self.set_up(self.strategy.share)
        self.pipes()
        self.start(sharing_end)
        if self.strategy.launch is not Launch.THREAD:
            self.here(sharing_end.open)
        self.stage(WORKER)
        self.command("whole", self.made.brief)
        verdict = self._verdict(self.told())
        changed = verdict.reason
        if not changed and (size := _size(self.obj)):
            self.command("change", size)
            changes = self.told()["changes"]
            for index, made in changes:
                if found := difference(made, plain_facts(sharing_end.read(index))):
                    changed = f"element {index} as the worker has changed it is not to be seen here: {found}"
        return _outcome("worker", changed, verdict)


def _judged(payload: Payload, here: Original, given: CellAnswer, obj: Any) -> Verdict:
    """What has become of a result, here where it has arrived."""
    return (
        Verdict()
        if looking.same(payload, obj, given["brief"])
        else looking.judged(payload, obj, given["sent"] or here.sent)
    )


def _outcome(where: str, changed: str, verdict: Verdict) -> Outcome:
    """Of a hand-over that arrived; with what differs and does not count."""
    notes = looking.notes(verdict)
    return Outcome(Kind.ALTERED, where, "", changed, notes) if changed else replace(OK, notes=notes)


def _unequal(payload: Payload, sent: Callable[[], int], arrived: int) -> str:
    """What differs between checksums; nothing where general facts have said more: two processes' modules differ."""
    if payload.touch is touch and not payload.facts:
        return ""
    return "" if (expected := sent()) == arrived else f"checksum: {expected}, arrived as {arrived}"


def _size(obj: Any) -> int:
    return int(getattr(obj, "size", 0) or len(obj))


# ---------------------------------------------------------------------------------------------------- executors


@dataclass(frozen=True)
class _Case(pools.Case):
    """An executor's cell, whose tasks are those of this module."""

    keeps: bool = False  #: whether the executor has its own way to keep state

    uses: bool = False  #: whether the worker is to use what arrives, so that it is seen here
    brief: str = ""  #: the digest of the original's facts

    @property
    def task(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if self.duty is Duty.RESULT:
            return give, (self.ref, str(self.folder), self.brief)
        how = (self.brief, str(self.folder / SENT))
        if self.duty is Duty.STATE and not self.keeps:
            return receive_kept, (self.ref, *how)
        return receive, (self.ref, self.obj, self.uses, *how)

    @property
    def initializer(self) -> Initializer:
        """It imports what the task needs, too."""
        return keep, (self.obj if self.duty is Duty.STATE and not self.keeps else None,)


class _Executed:
    """A cell of an executor, in its parent."""

    def __init__(self, spec: CellSpec, strategy: Strategy, payload: Payload, made: Original, stage: Stage) -> None:
        assert strategy.execution is not None
        self.spec, self.strategy, self.payload, self.made, self.stage = spec, strategy, payload, made, stage
        self.obj, self.execution = made.obj, strategy.execution

    def run(self) -> Outcome:
        spec = self.spec
        result = spec.duty is Duty.RESULT
        case = _Case(
            spec.ref,
            self.payload,
            None if result else self.obj,
            spec.start_method,
            spec.duty,
            spec.folder,
            spec.patience_s,
            begun=lambda: self.stage(RESULT if result else WORKER),
            uses=self.made.use is not None,
            brief=self.made.brief,
            keeps=self.execution.keeps,
        )
        if not result:
            (spec.folder / SENT).write_text(self.made.sent, encoding="utf-8")
        by_start = spec.duty is Duty.STATE and not self.execution.keeps
        self.stage(WORKER if by_start else STARTING)
        try:
            answer = pools.carry(self.strategy, case)
        except HandoverEnded as ended:
            return _as_told(spec, self.execution, ended.outcome)
        except NoAnswer as error:
            return Outcome(Kind.BROKEN, "worker", "", str(error))
        except Unavailable as error:
            return Outcome(Kind.UNAVAILABLE, "", "", str(error))
        except Exception as error:
            return _refused("result" if result else "parent", error)
        return self._result(answer) if result else self._argument(answer, kept=by_start)

    def _argument(self, answer: CellAnswer, *, kept: bool) -> Outcome:
        if "error" in answer:
            return Outcome.from_json(answer["error"])
        verdict = Verdict.from_json(answer["verdict"]) if "verdict" in answer else Verdict()
        changed = verdict.reason
        changed = changed or _unequal(self.payload, lambda: self.payload.touch(self.obj), answer["checksum"])
        if not changed and self.made.seen:
            if kept:
                try:
                    answer = pools.carry_on(use_kept, self.spec.ref)
                except HandoverEnded as ended:
                    return _as_told(self.spec, self.execution, ended.outcome)
            if "error" in answer:
                return Outcome.from_json(answer["error"])
            changed = self.made.seen(self.obj) if answer["used"] else ""
        return _outcome("worker", changed, verdict)

    def _result(self, obj: Any) -> Outcome:
        word = json.loads((self.spec.folder / pools.GIVEN).read_text(encoding="utf-8"))
        if "error" in word:
            return Outcome.from_json(word["error"])
        try:
            verdict = _judged(self.payload, self.made, word, obj)
            changed = verdict.reason
            checksum = self.payload.touch(obj)
            changed = changed or _unequal(self.payload, lambda: word["checksum"], checksum)
            if not changed and self.made.use and word["looks"]:
                self.made.use(obj)
                changed = self._looked()
        except Exception as error:
            return Outcome.from_exception(Kind.BROKEN, "result", error)
        return _outcome("result", changed, verdict)

    def _looked(self) -> str:
        (self.spec.folder / USED).touch()
        end = time.monotonic() + timeouts.SEEN_S
        while time.monotonic() < end:
            with suppress(OSError, ValueError):
                return str(json.loads((self.spec.folder / SEEN).read_text(encoding="utf-8"))["seen"])
            time.sleep(0.002)
        return ""


def _as_told(spec: CellSpec, execution: Execution, outcome: Outcome) -> Outcome:
    """An executor's outcome, with the exception that its user gets to see."""
    if outcome.kind is Kind.BROKEN:
        note = f" ({pools.note(execution)})"
        if execution.raises and outcome.error_type and outcome.message.endswith(note):
            inner = f"{outcome.error_type}: {outcome.message.removesuffix(note)}"
            outcome = replace(outcome, error_type=execution.raises, message=f"in the worker: {inner}")
        if spec.duty is Duty.RESULT and (spec.folder / pools.GIVEN).exists():
            outcome = replace(outcome, where="result")
    return outcome


def imports(group: str) -> list[str]:
    """What every process of a group of strategies has imported, as a program has that uses them."""
    return [name for name in group.split("+") if name and importlib.util.find_spec(name) is not None]
