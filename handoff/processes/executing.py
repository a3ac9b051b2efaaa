"""An executor at work, seen from the process that submits to it: how it is started, why it gives no answer, its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from handoff import timeouts
from handoff.outcome import HandoverEnded, Kind, Outcome, describe, refuses_interpreters
from handoff.payload import Duty
from handoff.processes.deadlines import NoAnswer, deadline
from handoff.processes.interpreter import describe_exit
from handoff.start_methods import executor_workers
from handoff.strategy import Execution, Initializer, Pending, Site


def nothing() -> None:
    """The first task: a worker that does it has started."""


class Executing:
    """An executor, made as its strategy says. Raises what making it raises, as of giving the initializer its object."""

    def __init__(self, execution: Execution, site: Site, initializer: Initializer) -> None:
        self.execution = execution
        self.executor = execution.make(site, initializer)
        self.ended = False

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Pending:
        return self.executor.submit(function, *args)

    def start(self) -> None:
        """Wait until a worker is there, and its initializer done."""
        self.submit(nothing).result()

    def keep(self, obj: Any) -> tuple[Any, ...]:
        """What every task of the duty ``state`` is given: nothing, where the initializer has got the object."""
        executor: Any = self.executor
        try:
            return (executor.keep(obj),) if self.execution.keeps else ()
        except Exception as error:
            if broken(error):  # a worker that has died of it has not refused it
                raise HandoverEnded(self.failure(error, Duty.STATE)) from None
            raise

    @property
    def processes(self) -> list[Any]:
        """Its workers that are known here, as ``Process`` objects; threads, and workers of a server, are none."""
        return executor_workers(self.executor)

    def stop(self) -> None:
        """Let it end, and insist. Idempotent."""
        if not self.ended:
            self.ended = True
            try:
                with deadline(timeouts.WORKER_STOP_S):
                    self.executor.shutdown()
            except (NoAnswer, Exception):
                self.kill()

    def kill(self) -> None:
        """End its workers, whatever they do. Idempotent."""
        self.ended = True
        with suppress(Exception):
            getattr(self.executor, "abandon", nothing)()
        for process in self.processes:
            with suppress(Exception):
                process.kill()
        with suppress(NoAnswer, Exception), deadline(timeouts.WORKER_STOP_S):
            self.executor.shutdown(wait=False)

    def failure(self, error: BaseException, duty: str) -> Outcome:
        """What an exception means that the executor itself has raised for a task."""
        if isinstance(error, HandoverEnded):
            return error.outcome
        name, message, last = _original(error)
        if not broken(error):
            where = "result" if duty == Duty.RESULT else "parent"
            if refuses_interpreters(error):
                return Outcome.from_exception(Kind.REFUSED, where, error)
            text = describe(error)
            text = text if message in text else f"{text} ({last})"
            return Outcome(Kind.REFUSED, where, type(error).__name__, text)
        first = describe(error).partition("\n")[0]
        if name:
            return Outcome(Kind.BROKEN, "worker", name, f"{message} ({first})")
        return Outcome(Kind.BROKEN, "worker", type(error).__name__, self.exit() or first)

    def exit(self) -> str:
        """How its worker has ended, if it has and is known here."""
        for process in self.processes:
            process.join(timeouts.KILLED_S)
            if process.exitcode is not None:
                return f"the worker {describe_exit(process.exitcode)}"
        return ""


def broken(error: BaseException) -> bool:
    """Whether an executor says by this exception that it works no more."""
    return any(cls.__name__ in ("BrokenExecutor", "BrokenProcessPool") for cls in type(error).__mro__)


def _original(error: BaseException) -> tuple[str, str, str]:
    """The type, the message and the line of the exception that is kept as text behind another: a worker's traceback."""
    lines = [line for line in str(error.__cause__ or "").strip().strip("\"'").splitlines() if line.strip()]
    if not lines:
        return "", "", ""
    kind, _, message = lines[-1].partition(": ")
    name = kind.rpartition(".")[2]
    return (name if name.isidentifier() else ""), message, lines[-1]
