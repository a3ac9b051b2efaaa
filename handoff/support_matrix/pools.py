"""Routes: the pools people really use, as they are. What becomes of an object that is a task's argument, or its result?

Each cell runs in an interpreter of its own, which may hang or crash with the object. The object travels exactly as in
anybody's program; only the pickler's ``loads`` is watched, so that a failure to load is told at once, with its reason:
``multiprocessing.Pool`` would wait for ever (cpython issues 83932, 79492, 103061), and ``ProcessPoolExecutor`` would
only say that the pool is broken.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import json
import multiprocessing.process
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Any

from handoff import timeouts
from handoff.outcome import OK, Kind, Outcome
from handoff.payload import Duty, Payload
from handoff.processes.deadlines import NoAnswer, deadline
from handoff.processes.interpreter import Interpreter, describe_exit
from handoff.start_methods import START_METHODS
from handoff.strategy import lacking
from handoff.target import Ref
from handoff.timing import nothing

GIVEN = "given.json"  #: what the worker says of the result that it returns

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # in the repr that MaybeEncodingError quotes: another one in every run

WOULD_HANG = "a plain Pool waits for ever"
WOULD_BREAK = "a plain ProcessPoolExecutor says BrokenProcessPool"


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
    begun: Callable[[], Any] = nothing  #: to be called when the workers have started, by a route that ``starts`` them

    @property
    def task(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """The function a worker calls and its arguments."""
        if self.duty is Duty.RESULT:
            return give, (self.ref, str(self.folder / GIVEN))
        return receive, (self.ref, self.obj)


@dataclass(frozen=True, slots=True)
class Route:
    """One way to use somebody's pool."""

    name: str  #: kebab-case; an API: append, never rename
    summary: str
    carry: Callable[
        [Case], Any
    ]  #: what the parent gets from the task; raises :class:`HandoverEnded` or what the pool raises
    needs: tuple[str, ...] = ()
    start_methods: tuple[str, ...] = START_METHODS
    duties: tuple[Duty, ...] = (Duty.ARGUMENT, Duty.RESULT)
    since: tuple[int, int] = (3, 11)  #: the first Python that has it
    starts: bool = False  #: whether its workers are fresh interpreters, which takes longer than any hand-over

    @property
    def lacks(self) -> str:
        """Why it cannot be tried here, under whatever start method."""
        return lacking(self.needs, self.since)


class HandoverEnded(Exception):
    """The hand-over ended without an answer."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


def run(
    route: str, start_method: str, ref: Ref, duty: Duty = Duty.ARGUMENT, *, limit_s: float = timeouts.POOL_S
) -> Outcome:
    """Hand the payload over by a route, in an interpreter of its own, and say what became of it.

    Takes 0.1 s (fork) to 0.5 s (spawn) plus what the payload's module imports; ``KeyError`` for an unknown route.
    """
    spec = ROUTES[route]
    if spec.lacks:
        return Outcome(Kind.UNAVAILABLE, "", "", spec.lacks)
    if start_method not in spec.start_methods or duty not in spec.duties:
        return Outcome(Kind.UNAVAILABLE, "", "", f"{route} has no {duty} under {start_method}")
    config = {"route": route, "start_method": start_method, "ref": asdict(ref), "duty": str(duty), "limit_s": limit_s}
    interpreter = Interpreter("handoff.support_matrix.pools", config)
    try:
        return _told(interpreter, 3 * limit_s + 10)
    finally:
        interpreter.close()


def _told(interpreter: Interpreter, patience_s: float) -> Outcome:
    """The outcome, or how the interpreter ended without telling one."""
    try:
        for message in interpreter.told(patience_s):
            return Outcome.from_json(message)
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


def main(config: Mapping[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
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

    route, duty, limit = ROUTES[config["route"]], Duty(config["duty"]), config["limit_s"]
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


def _carry(route: Route, case: Case) -> Any:
    """What the task returned. A pool's own exception means: refused, in the parent or for the result."""
    try:
        return route.carry(case)
    except (HandoverEnded, NoAnswer):
        raise
    except Exception as error:
        where = "result" if case.duty is Duty.RESULT else "parent"
        outcome = Outcome.from_exception(Kind.REFUSED, where, error)
        raise HandoverEnded(replace(outcome, message=_ADDRESS.sub("", outcome.message))) from None


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


def _report_loading(package: str, conn: Any) -> None:
    """A pool's initializer: tell through ``conn`` why something could not be loaded; all else stays as it is."""
    _watch_loading(package, lambda error: conn.send_bytes(json.dumps(_broken("worker", error).to_json()).encode()))


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


# -------------------------------------------------------------------------------------------------------- the pools


@dataclass(slots=True)
class _Watch:
    """What the parent knows of a hand-over that has not been answered."""

    case: Case
    package: str
    note: str
    inbox: Any  #: what the worker reports
    failed: list[BaseException]  #: what could not be loaded here

    def reported(self) -> Outcome | None:
        """The reason that the worker or this process has given by now."""
        if self.inbox.poll():
            return self._noted(Outcome.from_json(json.loads(self.inbox.recv_bytes())))
        return self._noted(_broken("parent", self.failed[0])) if self.failed else None

    def _noted(self, outcome: Outcome) -> Outcome:
        return Outcome(outcome.kind, outcome.where, outcome.error_type, f"{outcome.message} ({self.note})")

    def silence(self) -> Outcome:
        """Nobody answered in time: whose fault is it?"""
        where = "parent" if _is_encoding() and self.case.duty is Duty.ARGUMENT else "worker"
        return Outcome(Kind.BROKEN, where, "", f"no answer in {self.case.limit_s:g} s")


def _watched(case: Case, package: str, note: str) -> tuple[Any, Any, _Watch]:
    """The package's context, the end that the worker reports through, and the watch of this side."""
    module = importlib.import_module(package)
    # A package with processes of its own names its semaphores as this process does, whose names are swept at the end.
    ours = multiprocessing.process.current_process()._config["semprefix"]  # type: ignore[attr-defined]
    importlib.import_module(f"{package}.process").current_process()._config["semprefix"] = ours
    context: Any = module.get_context(case.start_method)
    inbox, outbox = context.Pipe(duplex=False)
    watch = _Watch(case, package, note, inbox, [])
    _watch_loading(package, watch.failed.append)
    return context, outbox, watch


_alive: list[Any] = []  # pools end with the process: the worker that made a result may still be asked about it


def _pool(case: Case, package: str = "multiprocessing") -> Any:
    context, outbox, watch = _watched(case, package, WOULD_HANG)
    pool = context.Pool(1, _report_loading, (package, outbox))
    _alive.append(pool)
    worker = pool._pool[0]  # replaced by another one when it dies
    function, arguments = case.task
    end = time.monotonic() + case.limit_s
    answer = pool.apply_async(function, arguments)
    while not answer.ready():
        answer.wait(timeouts.POOL_LOOK_S)
        if answer.ready():
            break
        gone = not worker.is_alive()
        reason = watch.reported()
        if reason is None and gone:
            reason = Outcome(Kind.BROKEN, "worker", "", f"the worker {describe_exit(worker.exitcode)} ({WOULD_HANG})")
        if reason is None and time.monotonic() > end:
            reason = watch.silence()
        if reason is not None:
            raise HandoverEnded(reason)
    return answer.get()


def _multiprocess_pool(case: Case) -> Any:
    return _pool(case, "multiprocess")


def _process_pool_executor(case: Case) -> Any:
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    context, outbox, watch = _watched(case, "multiprocessing", WOULD_BREAK)
    executor = ProcessPoolExecutor(1, context, _report_loading, ("multiprocessing", outbox))
    _alive.append(executor)
    function, arguments = case.task
    future = executor.submit(function, *arguments)
    workers = list((executor._processes or {}).values())
    try:
        return future.result(case.limit_s)
    except TimeoutError as error:
        if future.done():  # the task's own
            raise error
        raise HandoverEnded(watch.reported() or watch.silence()) from None
    except BrokenProcessPool:
        reason = watch.reported()
        if reason is None:
            for worker in workers:
                worker.join(timeouts.KILLED_S)
            codes = [worker.exitcode for worker in workers]
            reason = Outcome(
                Kind.BROKEN, "worker", "BrokenProcessPool", f"the worker {describe_exit((*codes, None)[0])}"
            )
        raise HandoverEnded(reason) from None


def _loky(case: Case) -> Any:
    from loky import ProcessPoolExecutor

    function, arguments = case.task
    named = _name_semaphores("loky")
    _alive.append(executor := ProcessPoolExecutor(1))
    executor.submit(int).result()
    case.begun()
    return _dug(case, lambda: executor.submit(_with_names, named, function, *arguments).result())


def _joblib(case: Case) -> Any:
    import joblib

    function, arguments = case.task
    named = _name_semaphores("joblib.externals.loky")
    parallel = joblib.Parallel(n_jobs=2, backend="loky")  # one job would run in this process
    parallel([joblib.delayed(int)(), joblib.delayed(int)()])  # its workers are kept for the next call
    case.begun()
    return _dug(case, lambda: parallel([joblib.delayed(_with_names)(named, function, *arguments)])[0])


def _name_semaphores(package: str, ours: str = "") -> tuple[str, str]:
    """Let loky name its semaphores as this process does: whoever ends the cell sweeps them by their names."""
    ours = ours or multiprocessing.process.current_process()._config["semprefix"]  # type: ignore[attr-defined]
    numbers = itertools.count(1)
    semaphores: Any = importlib.import_module(f"{package}.backend.synchronize")
    semaphores.SemLock._make_name = staticmethod(lambda: f"{ours}-loky-{os.getpid()}-{next(numbers)}")
    return package, ours


def _with_names(named: tuple[str, str], function: Callable[..., Any], *arguments: Any) -> Any:
    """The task, where a lock or a queue that is made in loky's worker is one of loky's."""
    _name_semaphores(*named)
    return function(*arguments)


def _dug(case: Case, call: Callable[[], Any]) -> Any:
    """Call loky, which keeps the original error as text behind its own, and put both into the outcome."""
    answers: list[Any] = []
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(call())
        except BaseException as error:
            errors.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(case.limit_s + timeouts.LOKY_START_S)
    if answers:
        return answers[0]
    if not errors:
        where = "parent" if _is_encoding() and case.duty is Duty.ARGUMENT else "worker"
        raise HandoverEnded(Outcome(Kind.BROKEN, where, "", f"no answer in {case.limit_s:g} s"))
    error = errors[0]
    lines = [line for line in str(error.__cause__ or "").strip().strip("\"'").splitlines() if line.strip()]
    kind, _, message = lines[-1].partition(": ") if lines else ("", "", "")
    if "BrokenProcessPool" not in [cls.__name__ for cls in type(error).__mro__]:
        where = "result" if case.duty is Duty.RESULT else "parent"
        text = str(error) if message in str(error) else f"{error} ({lines[-1]})"
        raise HandoverEnded(Outcome(Kind.REFUSED, where, type(error).__name__, text))
    name, first = kind.rpartition(".")[2], str(error).partition("\n")[0]
    if name.isidentifier():
        raise HandoverEnded(Outcome(Kind.BROKEN, "worker", name, f"{message} ({first})"))
    raise HandoverEnded(Outcome(Kind.BROKEN, "worker", type(error).__name__, first))


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


_ALL = (
    Route("pool", "multiprocessing.Pool: a task's argument, or its result", _pool),
    Route(
        "process-pool-executor",
        "concurrent.futures.ProcessPoolExecutor: a task's argument, or its result",
        _process_pool_executor,
    ),
    Route("pathos", "pathos: the Pool of multiprocess, which pickles with dill", _multiprocess_pool, ("multiprocess",)),
    # loky starts its workers by a method of its own: fork and exec, a fresh interpreter, as spawn
    Route(
        "loky", "loky.ProcessPoolExecutor, which pickles with cloudpickle", _loky, ("loky",), ("spawn",), starts=True
    ),
    Route(
        "joblib",
        "joblib.Parallel: loky, and big arrays through memory-mapped files",
        _joblib,
        ("joblib",),
        ("spawn",),
        starts=True,
    ),
)
ROUTES: Mapping[str, Route] = MappingProxyType({route.name: route for route in _ALL})
