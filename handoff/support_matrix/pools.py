"""Executors as people use them: what becomes of an object that is a task's argument, its result, or a worker's state?

Each cell runs in an interpreter of its own, which may hang or crash with the object. The executor is made as for
measuring; only its pickler's ``loads`` is watched, so that a failure to load is told at once, with its reason:
``multiprocessing.Pool`` would wait for ever (cpython issues 83932, 79492, 103061), and ``ProcessPoolExecutor`` would
only say that the pool is broken.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import json
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, cast

from handoff import timeouts
from handoff.outcome import OK, HandoverEnded, Kind, Outcome, OutcomeFields, Unavailable
from handoff.payload import Duty, Payload
from handoff.processes import spawn_server
from handoff.processes.deadlines import NoAnswer, deadline
from handoff.processes.executing import Executing, broken
from handoff.processes.interpreter import Interpreter, describe_exit
from handoff.start_methods import name_semaphores, semaphore_prefix
from handoff.strategies import registry
from handoff.strategy import Execution, Initializer, Site, Strategy
from handoff.support_matrix.culprits import ADDRESS
from handoff.target import Ref
from handoff.timing import nothing

GIVEN = "given.json"  #: what the worker says of the result that it returns
WOULD_HANG = "a plain Pool waits for ever"


@dataclass(frozen=True, slots=True)
class Case:
    """One cell, inside the measuring process."""

    ref: Ref
    payload: Payload
    obj: Any  #: the original; ``None`` for the duty ``result``, whose original is made in the worker
    start_method: str
    duty: Duty
    folder: Path
    limit_s: float
    begun: Callable[[], Any] = nothing  #: to be called when the workers have started

    @property
    def task(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """The function a worker calls and its arguments; state that an executor keeps precedes those."""
        if self.duty is Duty.RESULT:
            return give, (self.ref, str(self.folder / GIVEN))
        return receive, (self.ref, self.obj)

    @property
    def initializer(self) -> Initializer:
        """What the workers do first."""
        return nothing, ()

    def site(self) -> Site:
        """Where the executor is made."""
        numbers = itertools.count(1)
        prefix = semaphore_prefix().strip("/")
        return Site(
            ctx=multiprocessing.get_context(self.start_method),
            start_method=self.start_method,
            obj=self.obj,
            payload=self.payload,
            ref=self.ref,
            folder=self.folder,
            segment_name=lambda: f"{prefix}-{next(numbers)}",
            manager=_no_manager,
            at_end=_alive.append,
        )


def _no_manager() -> NoReturn:
    raise Unavailable("no executor has a manager here")


def run(
    route: str, start_method: str, ref: Ref, duty: Duty = Duty.ARGUMENT, *, limit_s: float = timeouts.POOL_S
) -> Outcome:
    """Hand the payload over by an executor, in an interpreter of its own, and say what became of it.

    Takes 0.1 s (fork) to 0.5 s (spawn) plus what the payload's module imports; ``KeyError`` for an unknown one.
    """
    spec = routes()[route]
    if spec.lacks:
        return Outcome(Kind.UNAVAILABLE, "", "", spec.lacks)
    if start_method not in spec.start_methods or duty not in (Duty.ARGUMENT, Duty.RESULT):
        return Outcome(Kind.UNAVAILABLE, "", "", f"{route} has no {duty} under {start_method}")
    config = {"route": route, "start_method": start_method, "ref": ref.to_json(), "duty": str(duty), "limit_s": limit_s}
    interpreter = Interpreter("handoff.support_matrix.pools", config)
    try:
        return _told(interpreter, 3 * limit_s + 10)
    finally:
        interpreter.close()


def _told(interpreter: Interpreter, patience_s: float) -> Outcome:
    """The outcome, or how the interpreter ended without telling one."""
    try:
        for message in interpreter.told(patience_s):
            return Outcome.from_json(cast("OutcomeFields", message))
        reason = f"the parent {interpreter.how_it_ended()}"
    except TimeoutError as error:
        reason = str(error)
    return _placed(Outcome(Kind.BROKEN, "parent", "", reason), interpreter.folder)


def _placed(outcome: Outcome, folder: Path) -> Outcome:
    """Once the worker has made its result, whatever goes wrong goes wrong with the result."""
    if outcome.kind is Kind.BROKEN and (folder / GIVEN).exists():
        return replace(outcome, where="result")
    return outcome


# ----------------------------------------------------------------------------------------------- the measuring process


def main(config: Mapping[str, Any], tell: Callable[[OutcomeFields], None]) -> None:
    """Run one cell and tell its outcome; then be gone, whatever threads and workers there still are."""
    os.environ["JOBLIB_TEMP_FOLDER"] = config["folder"]
    try:
        outcome = _cell(config)
    except HandoverEnded as ended:
        outcome = ended.outcome
    except NoAnswer as error:
        outcome = Outcome(Kind.BROKEN, "parent", "", str(error))
    except Exception as error:  # the payload's own: making it, stating it, looking at it
        outcome = _broken("parent", error)
    tell(_placed(outcome, Path(config["folder"])).to_json())
    os._exit(0)  # the one who started this process ends the rest of its group


def _cell(config: Mapping[str, Any]) -> Outcome:
    from handoff.compare.difference import difference
    from handoff.compare.facts import facts

    route, duty, limit = routes()[config["route"]], Duty(config["duty"]), config["limit_s"]
    ref = Ref(**config["ref"])
    payload = ref.load()
    state = payload.facts or facts
    obj, sent = None, {}
    with deadline(limit):
        if duty is not Duty.RESULT:
            obj = payload.make()
            sent = _plain(state(obj))  # before the hand-over, which may change the original (dill truncates open files)
    case = Case(ref, payload, obj, config["start_method"], duty, Path(config["folder"]), limit)
    answer = _carry(route, case)
    if duty is Duty.RESULT:
        given = json.loads((case.folder / GIVEN).read_text())
        if "error" in given:
            raise HandoverEnded(Outcome.from_json(given["error"]))
        with deadline(limit):
            sent, arrived, seen = given["facts"], _plain(state(answer)), ""
            touched, expected = payload.touch(answer), given["checksum"]
    else:
        if "error" in answer:
            raise HandoverEnded(Outcome.from_json(answer["error"]))
        with deadline(limit):
            arrived, touched, expected = answer["facts"], answer["checksum"], payload.touch(obj)
            seen = payload.seen(obj) if payload.use and payload.seen else ""
    changed = (
        difference(sent, arrived) or seen or (f"checksum: {expected}, arrived as {touched}" * (touched != expected))
    )
    return Outcome(Kind.ALTERED, "result" if duty is Duty.RESULT else "worker", "", changed) if changed else OK


def _carry(route: Strategy, case: Case) -> Any:
    """What the task returned. A pool's own exception means: refused, in the parent or for the result."""
    try:
        return carry(route, case)
    except (HandoverEnded, NoAnswer):
        raise
    except Exception as error:
        where = "result" if case.duty is Duty.RESULT else "parent"
        outcome = Outcome.from_exception(Kind.REFUSED, where, error)
        raise HandoverEnded(replace(outcome, message=ADDRESS.sub("", outcome.message))) from None


def _plain(statement: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(statement))


# -------------------------------------------------------------------------------------------------------- the worker


def receive(ref: Ref, obj: Any) -> dict[str, Any]:
    """The task whose argument is judged: state what arrived, read all of it, and use what is there to be used."""
    from handoff.compare.facts import facts

    try:
        payload = ref.load()
        answer = {"facts": _plain((payload.facts or facts)(obj)), "checksum": payload.touch(obj)}
        if payload.use:
            payload.use(obj)
    except Exception as error:
        return {"error": Outcome.from_exception(Kind.BROKEN, "worker", error).to_json()}
    return answer


def give(ref: Ref, path: str) -> Any:
    """The task whose result is judged: make the object, leave word of what it is, and return it."""
    from handoff.compare.facts import facts

    obj = None
    try:
        payload = ref.load()
        obj = payload.make()
        word = {"facts": _plain((payload.facts or facts)(obj)), "checksum": payload.touch(obj)}
    except Exception as error:
        word = {"error": Outcome.from_exception(Kind.BROKEN, "worker", error).to_json()}
    Path(path).write_text(json.dumps(word))
    return obj


def _report_loading(package: str, conn: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """An initializer: tell through ``conn`` why something could not be loaded; all else stays as it is."""
    _watch_loading(package, lambda error: conn.send_bytes(json.dumps(_broken("worker", error).to_json()).encode()))
    function(*arguments)


def _watch_loading(package: str, report: Callable[[BaseException], Any]) -> None:
    """Make a package's pickler report what its ``loads`` raises, and raise it all the same."""
    pickler: Any = importlib.import_module(f"{package}.reduction").ForkingPickler
    original = pickler.loads

    def loads(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except BaseException as error:
            report(error)
            raise

    pickler.loads = staticmethod(loads)


def _broken(where: str, error: BaseException) -> Outcome:
    return Outcome.from_exception(Kind.BROKEN, where, error)


# ---------------------------------------------------------------------------------------------------- the executors


@dataclass(slots=True)
class _Watch:
    """What the parent knows of a hand-over that has not been answered."""

    case: Case
    execution: Execution
    inbox: Any = None  #: what the worker reports; None: it has no way to
    failed: list[BaseException] = field(default_factory=list)  #: what could not be loaded here
    workers: list[Any] = field(default_factory=list)
    dead: bool = False  #: at the last look

    def reported(self) -> Outcome | None:
        """The reason that the worker or this process has given by now."""
        if self.inbox is not None and self.inbox.poll():
            return self._noted(Outcome.from_json(json.loads(self.inbox.recv_bytes())))
        return self._noted(_broken("parent", self.failed[0])) if self.failed else None

    def died(self) -> Outcome | None:
        """That a worker is gone, where nobody else tells it. Seen twice: what it has sent is here by now."""
        gone = [worker for worker in self.workers if not self.execution.raises and not worker.is_alive()]
        if gone and self.dead:
            how = f"the worker {describe_exit(gone[0].exitcode)}"
            return self.left_word() or self._noted(Outcome(Kind.BROKEN, "worker", "", how))
        self.dead = bool(gone)
        return None

    def left_word(self) -> Outcome | None:
        """What a worker that could not be loaded itself has left word of."""
        for worker in self.workers:
            with suppress(OSError, ValueError):
                word = json.loads(spawn_server.word_of(worker.pid, "failed").read_text(encoding="utf-8"))
                return self._noted(Outcome(Kind.BROKEN, "worker", word["error_type"], word["message"]))
        return None

    def _noted(self, outcome: Outcome) -> Outcome:
        return replace(outcome, message=f"{outcome.message} ({note(self.execution)})")

    def silence(self, seconds: float) -> Outcome:
        """Nobody answered in time: whose fault is it?"""
        where = "parent" if _is_encoding() and self.case.duty is Duty.ARGUMENT else "worker"
        return Outcome(Kind.BROKEN, where, "", f"no answer in {seconds:g} s")


def note(execution: Execution) -> str:
    """What a plain program gets to know of a task that could not be loaded."""
    return f"who waits is told {execution.raises}" if execution.raises else WOULD_HANG


#: Executors end with the process: the worker that made a result, or keeps the object, may still be asked about it.
_alive: list[Any] = []


def carry(strategy: Strategy, case: Case) -> Any:
    """What the parent gets from the task. Raises :class:`HandoverEnded`, or what making or submitting raises."""
    assert strategy.execution is not None
    execution = strategy.execution
    watch, initializer, site = _Watch(case, execution), case.initializer, case.site()
    if package := execution.loaded_by:
        name_semaphores(semaphore_prefix(), package)
        watch.inbox, outbox = importlib.import_module(package).get_context(case.start_method).Pipe(duplex=False)
        _watch_loading(package, watch.failed.append)
        initializer = _report_loading, (package, outbox, *initializer)
    executing = Executing(execution, site, initializer)
    _alive.append(executing)
    watch.workers = executing.processes  # of a Pool: one that dies is replaced by another
    first = executing.submit(nothing)  # here: no other thread forks
    watch.workers = watch.workers or executing.processes
    _wait(watch, executing, lambda: first.result(), case.limit_s + timeouts.WORKER_START_S)
    case.begun()
    function, arguments = case.task
    if case.duty is Duty.STATE and execution.keeps:
        arguments = (*arguments[:1], *executing.keep(case.obj), *arguments[2:])
    _carried.append((watch, executing))
    return carry_on(function, *arguments)


_carried: list[tuple[_Watch, Executing]] = []


def carry_on(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the parent gets from another task of the executor that carried last. Raises as :func:`carry`."""
    watch, executing = _carried[-1]
    return _wait(watch, executing, lambda: executing.submit(function, *arguments).result(), watch.case.limit_s)


def _wait(watch: _Watch, executing: Executing, ask: Callable[[], Any], seconds: float) -> Any:
    """What ``ask`` returns, which a thread calls. Raises :class:`HandoverEnded` where it never will."""
    answers: list[Any] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            answers.append(ask())
        except BaseException as error:
            errors.append(error)

    asking = threading.Thread(target=call, daemon=True)
    asking.start()
    end = time.monotonic() + seconds
    while True:
        asking.join(timeouts.POOL_LOOK_S)
        if answers:
            return answers[0]
        reason = watch.reported()
        if errors and (reason is None or not broken(errors[0])):
            raise HandoverEnded(_told_by(watch, executing, errors[0]))
        reason = reason or watch.died()
        if reason is None and time.monotonic() > end:
            reason = watch.silence(seconds)
        if reason is not None:
            raise HandoverEnded(reason)


def _told_by(watch: _Watch, executing: Executing, error: BaseException) -> Outcome:
    """What the executor itself says."""
    outcome = (watch.left_word() if broken(error) else None) or executing.failure(error, watch.case.duty)
    return replace(outcome, message=ADDRESS.sub("", outcome.message))


def _is_encoding() -> bool:
    """Whether a thread of this process is in the middle of pickling."""
    for frame in sys._current_frames().values():
        step: FrameType | None = frame
        while step is not None:
            if (
                step.f_code.co_name in ("dump", "dumps")
                and "ickle" in step.f_code.co_filename + step.f_code.co_qualname
            ):
                return True
            step = step.f_back
    return False


def routes() -> Mapping[str, Strategy]:
    """The strategies whose workers are an executor's."""
    return {name: each for name, each in registry().items() if each.execution is not None}
