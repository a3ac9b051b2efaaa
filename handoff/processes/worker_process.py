"""A worker process, seen from its parent: started in the way that a strategy needs, with a pipe to it and one from it.

Who waits for an answer learns when the worker has ended or is silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from multiprocessing.connection import wait
from threading import Thread
from typing import Any

from handoff import timeouts
from handoff.processes.deadlines import Patience
from handoff.processes.interpreter import describe_exit
from handoff.processes.pool import a_worker, end_pool
from handoff.processes.proc import with_descendants
from handoff.processes.serving import NotOurs, Serve, hear, keep_for_task, serve_as_task, tell
from handoff.processes.subinterpreter import start_in_interpreter
from handoff.strategy import Launch


class Gone(Exception):
    """The worker ended instead of answering; says how."""


class Silent(Exception):
    """The worker did not answer in time."""

    def __init__(self, text: str, *, too_busy: bool = False) -> None:
        super().__init__(text)
        self.too_busy = too_busy  #: whether the machine was, rather than that it hangs


class WorkerProcess:
    """One worker, or a thread in its place, which may run an interpreter of its own.

    The pipes are there before it is started: ends may be opened on them.
    """

    def __init__(self, ctx: Any) -> None:
        self.ctx = ctx
        self.inbox, self.to_worker = ctx.Pipe(duplex=False)
        self.from_worker, self.outbox = ctx.Pipe(duplex=False)
        self.process: Any = None  #: None for a thread or an interpreter: nothing can end it
        self.launch = Launch.PROCESS
        self.dismissed = False

    def start(self, launch: Launch, serve: Serve, job: Any, *, daemon: bool = True) -> None:
        """Start it. Raises what pickling the job raises."""
        self.launch = launch
        arguments = (job, self.inbox, self.outbox)
        match launch:
            case Launch.PROCESS:
                process = self.ctx.Process(target=serve, args=arguments, daemon=daemon)
                process.start()
                self.process = process
            case Launch.POOL:
                self.pool = self.ctx.Pool(1, keep_for_task, (serve, *arguments))
                self.task = self.pool.apply_async(serve_as_task)
                self.process = a_worker(self.pool)
            case Launch.THREAD:
                from multiprocessing.dummy import Process

                self.thread: Thread = Process(target=serve, args=arguments)
                self.thread.daemon = True
                self.thread.start()
            case Launch.INTERPRETER:
                self.thread = start_in_interpreter(serve, job, self.inbox, self.outbox)

    def started(self) -> None:
        """Once it has answered: close its ends of the pipes, or its death would not be noticed."""
        if self.launch is not Launch.THREAD:
            self.inbox.close()
            self.outbox.close()

    def command(self, command: Mapping[str, Any]) -> None:
        """Tell it what to do. Raises ``BrokenPipeError`` when it is gone."""
        tell(self.to_worker, command)

    def answer(self, seconds: float | None = None) -> dict[str, Any]:
        """Its next answer. Raises :class:`Gone` or, after so many seconds, :class:`Silent`."""
        watched: list[Any] = [self.from_worker, *([self.process.sentinel] if self.process else [])]
        ready = wait(watched, seconds)
        patience = Patience(seconds or 0.0, self._theirs)
        patience.begun -= patience.seconds
        while not ready:  # who waits for a processor is not silent
            if not (left_s := patience.left_s()):
                raise Silent(f"no answer in {seconds:g} s", too_busy=patience.too_busy)
            ready = wait(watched, left_s)
        if self.from_worker not in ready and not self.from_worker.poll():
            raise self.end()
        try:
            return hear(self.from_worker)
        except NotOurs as error:
            raise Gone(str(error)) from None
        except (EOFError, OSError):
            raise self.end() from None

    def _theirs(self) -> Iterable[int]:
        return with_descendants([self.process.pid]) if self.process else ()

    def end(self) -> Gone:
        """How it ended."""
        if self.process is None:
            return Gone("the worker ended")
        self.process.join(timeouts.KILLED_S)
        return Gone(f"the worker {describe_exit(self.process.exitcode)}")

    def dismiss(self) -> None:
        """Ask it to end, once."""
        if not self.dismissed:
            self.dismissed = True
            with suppress(OSError):
                self.command({"do": "stop"})

    def stop(self) -> None:
        """Ask it to end, wait, and insist."""
        self.dismiss()
        match self.launch:
            case Launch.THREAD | Launch.INTERPRETER:
                self.thread.join(timeouts.KILLED_S)
            case Launch.POOL:
                self.task.wait(
                    timeouts.WORKER_STOP_S
                )  # Pool.terminate waits for ever for a lock that a worker held when it was ended
                if self.task.ready():
                    self.pool.close()
                    self.pool.join()
                else:
                    self._end_pool()
            case Launch.PROCESS:
                self.process.join(timeouts.WORKER_STOP_S)
                self._end_process()
        self.close()

    def kill(self) -> None:
        """End it now; a thread goes on until its pipes close."""
        match self.launch:
            case Launch.POOL:
                self._end_pool()
            case Launch.PROCESS:
                self._end_process()
        self.close()

    def close(self) -> None:
        """Close this side's ends. Idempotent."""
        self.to_worker.close()
        self.from_worker.close()
        self.started()

    def _end_process(self) -> None:
        if self.process is not None:
            if self.process.is_alive():
                self.process.kill()
            self.process.join()

    def _end_pool(self) -> None:
        """End a pool whose worker is stuck in its initializer or its one task, where it holds no lock of the pool."""
        if self.process.is_alive():
            self.process.kill()
        end_pool(self.pool, timeouts.WORKER_STOP_S)
