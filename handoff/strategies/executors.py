"""The executors people choose between, as they are: tasks are submitted, and the library's own workers do them.

Each has one worker here, or as few as its library allows. ``argument``: the object is an argument of every task;
``result``: every task returns it; ``state``: the initializer of each worker gets it, or what the library has instead.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

from handoff.outcome import HandoverEnded, Kind, Outcome
from handoff.payload import Duty
from handoff.start_methods import (
    executor_workers,
    name_semaphores,
    names_begin_alike,
    pool_workers,
    replace_no_workers,
    semaphore_prefix,
)
from handoff.strategies import _own
from handoff.strategies.at_start import AT_START_FAILS
from handoff.strategies.codecs import BEFORE, BY_VALUE_FAILS, COPY, DILL_FAILS, FORKING_FAILS
from handoff.strategy import Channel, Execution, Executor, Initializer, Launch, Recipe, Site, Strategy

_BY_DILL = (*DILL_FAILS, *(pair for pair in BY_VALUE_FAILS if pair[0] not in dict(DILL_FAILS)))


FOR_EVER = "who waits does so for ever"  #: of what a library tells nobody


def refused_here(error: Exception) -> HandoverEnded:
    """Of what cannot be pickled here, by a library that raises its own error of it: the cause says why."""
    return HandoverEnded(Outcome.from_exception(Kind.REFUSED, "parent", error.__cause__ or error))


def raised_line(traceback: str) -> str:
    """The line of a traceback's text that names the exception: the first after the last of its frames.

    Its notes come after it, such as 3.14's own of what was being pickled.
    """
    lines = [line for line in traceback.strip().splitlines() if line.strip()] or [""]
    after = [line for line, before in zip(lines[1:], lines, strict=False) if before[0] == " " != line[0]]
    return (after or lines)[-1].strip()


class AsFuture:
    """What a task will return, of a library whose own object for that is called otherwise."""

    __slots__ = ("result",)

    def __init__(self, result: Callable[[], Any]) -> None:
        self.result = result


class PoolExecutor:
    """A ``Pool`` of multiprocessing, or of its copy with dill: ``apply_async`` is its ``submit``."""

    def __init__(self, package: str, site: Site, initializer: Initializer) -> None:
        name_semaphores(semaphore_prefix(), package)
        self.pool: Any = importlib.import_module(package).get_context(site.start_method).Pool(1, *initializer)
        self._first = pool_workers(self.pool)

    def submit(self, function: Callable[..., Any], /, *args: Any) -> AsFuture:
        return AsFuture(self.pool.apply_async(function, args).get)

    @property
    def _processes(self) -> dict[int, Any]:
        return {process.pid: process for process in (*self._first, *pool_workers(self.pool))}

    def shutdown(self, wait: bool = True) -> None:
        self.pool.close()
        if wait:
            self.pool.join()

    def abandon(self) -> None:
        """Before its workers are killed: replace none, and do not wait at the end of this process for a lock that one
        of them holds. A worker that waits for a task holds one, and so does whoever is to tell it to end."""
        replace_no_workers(self.pool)


def _pool(site: Site, initializer: Initializer) -> Executor:
    return PoolExecutor("multiprocessing", site, initializer)


def _pathos(site: Site, initializer: Initializer) -> Executor:
    return PoolExecutor("multiprocess", site, initializer)


def _process_pool(site: Site, initializer: Initializer) -> Executor:
    from concurrent.futures import ProcessPoolExecutor

    return ProcessPoolExecutor(1, site.ctx, *initializer)


def name_lokys_semaphores(package: str, prefix: str) -> None:
    """Let loky name its semaphores, and multiprocessing's, as this process does: they are swept by their names."""
    name_semaphores(prefix)
    names_begin_alike(importlib.import_module(f"{package}.backend.synchronize"))


def _start_named(package: str, prefix: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """The initializer of a worker in which a lock or a queue that is made is one of loky's, too."""
    name_lokys_semaphores(package, prefix)
    function(*arguments)


def _loky(site: Site, initializer: Initializer) -> Executor:
    import loky

    name_lokys_semaphores("loky", semaphore_prefix())
    executor: Executor = loky.ProcessPoolExecutor(
        1, initializer=_start_named, initargs=("loky", semaphore_prefix(), *initializer)
    )
    return executor


class JoblibExecutor:
    """A call of ``joblib.Parallel`` for each task. It has two workers: one job would run in this process.

    What one call hands over it writes once, if it is a big array: a call for each task writes it for each task. State
    is what is given to the calls inside one ``with``: it is written for the first of them alone.
    """

    def __init__(self, site: Site, initializer: Initializer, **options: Any) -> None:
        import joblib

        package = "joblib.externals.loky"
        name_lokys_semaphores(package, semaphore_prefix())
        # Where joblib puts its files by itself if there is room; but under a name that is swept.
        folder = f"/dev/shm/{site.segment_name()}" if os.path.isdir("/dev/shm") else str(site.folder)
        os.makedirs(folder, exist_ok=True)
        self.parallel: Any = joblib.Parallel(
            n_jobs=2,
            backend="loky",
            temp_folder=folder,
            initializer=_start_named,
            initargs=(package, semaphore_prefix(), *initializer),
            **options,
        )
        self.delayed = joblib.delayed
        self.entered = False
        self.parallel([self.delayed(_nothing)(), self.delayed(_nothing)()])  # both workers are there

    def submit(self, function: Callable[..., Any], /, *args: Any) -> AsFuture:
        (answer,) = self.parallel([self.delayed(function)(*args)])
        return AsFuture(lambda: answer)

    def keep(self, obj: Any) -> Any:
        self.parallel.__enter__()
        self.entered = True
        return obj

    @property
    def _processes(self) -> dict[int, Any]:
        from joblib.externals.loky import reusable_executor

        return {process.pid: process for process in executor_workers(reusable_executor._executor)}

    def shutdown(self, wait: bool = True) -> None:
        from joblib.externals.loky import reusable_executor

        if self.entered:
            self.parallel.__exit__(None, None, None)
        if reusable_executor._executor is not None:
            reusable_executor._executor.terminate(kill_workers=not wait)


def _nothing() -> None:
    """A task that has nothing to do."""


def _joblib(site: Site, initializer: Initializer) -> Executor:
    return JoblibExecutor(site, initializer)


_EXECUTOR_BEFORE = """
import multiprocessing as mp

def work(numbers):
    return sum(numbers)

if __name__ == "__main__":
    with mp.Pool(1) as pool:
        print(pool.apply(work, ([1, 2, 3],)))
"""

_EXECUTOR_AFTER = """
from concurrent.futures import ProcessPoolExecutor

def work(numbers):
    return sum(numbers)

if __name__ == "__main__":
    with ProcessPoolExecutor(1) as executor:
        print(executor.submit(work, [1, 2, 3]).result())
"""

_CLOSURE_BEFORE = """
import multiprocessing as mp

def main():
    factor = 3
    with mp.Pool(1) as pool:
        try:
            print(pool.apply(lambda x: x * factor, (2,)))
        except Exception as error:
            print("fails:", type(error).__name__)

if __name__ == "__main__":
    main()
"""

_PATHOS_AFTER = """
from multiprocess import Pool  # what pathos.multiprocessing.ProcessPool is made of

def main():
    factor = 3
    with Pool(1) as pool:
        print(pool.apply(lambda x: x * factor, (2,)))

if __name__ == "__main__":
    main()
"""

_LOKY_AFTER = """
from loky import get_reusable_executor

def main():
    factor = 3
    executor = get_reusable_executor(max_workers=1)
    print(executor.submit(lambda x: x * factor, 2).result())
    executor.shutdown()

if __name__ == "__main__":
    main()
"""

_JOBLIB_AFTER = """
from joblib import Parallel, delayed

def main():
    factor = 3
    print(Parallel(n_jobs=2)(delayed(lambda x: x * factor)(x) for x in (2,))[0])

if __name__ == "__main__":
    main()
"""

#: The Pool of ``multiprocess`` has the words of multiprocessing's.
_OWN_PATHOS = {
    duty: code.replace("import multiprocessing as mp", "import multiprocess as mp  # what pathos is made of")
    for duty, code in {**_own.BY_POOL, Duty.STATE: _own.INITIALIZED}.items()
}

#: What a worker is to keep stands in its ``__main__``: a function that travels by value has no module there.
_KEPT = """
def start(given):
    import __main__
    __main__.kept = given

def work(task):
    from __main__ import kept as obj
    return {use}
"""


def _by_loky(functions: str, calls: str, given: str = "") -> str:
    return f"""\
from loky import get_reusable_executor
{{imports}}
{functions}
if __name__ == "__main__":
    executor = get_reusable_executor({{workers}}{given})
    try:
        {calls}
    finally:
        executor.shutdown(kill_workers=True)
"""


_OWN_LOKY = {
    Duty.ARGUMENT: _by_loky(
        _own.WORK_FUNCTION,
        "obj = {make}\n        results = list(executor.map(work, [obj] * {tasks}, range({tasks}), chunksize={chunk}))",
    ),
    Duty.RESULT: _by_loky(_own.MADE_FUNCTIONS, "results = [read(obj) for obj in executor.map(work, range({tasks}))]"),
    Duty.STATE: _by_loky(
        _KEPT, "results = list(executor.map(work, range({tasks})))", ", initializer=start, initargs=({make},)"
    ),
}


def _by_joblib(functions: str, calls: str) -> str:
    return f"""\
from joblib import Parallel, delayed
{{imports}}
{functions}
if __name__ == "__main__":
    {calls}
"""


_OWN_JOBLIB = {
    Duty.ARGUMENT: _by_joblib(
        _own.WORK_FUNCTION,
        "obj = {make}\n    results = Parallel({workers})(delayed(work)(obj, task) for task in range({tasks}))"
    ),
    Duty.RESULT: _by_joblib(
        _own.MADE_FUNCTIONS,
        "results = [read(obj) for obj in Parallel({workers})(delayed(work)(task) for task in range({tasks}))]"
    ),
    Duty.STATE: _by_joblib(
        _own.WORK_FUNCTION,
        "obj = {make}\n"
        "    with Parallel({workers}) as parallel:  # in all its calls a large array is written to its file once\n"
        "        results = parallel(delayed(work)(obj, task) for task in range({tasks}))",
    ),
}  # fmt: skip

STRATEGIES = (
    Strategy(
        name="pool",
        change=0,
        summary="multiprocessing.Pool: the object with every task, its result, or given to the initializer",
        meaning=COPY + "; under fork, what the initializer gets is inherited",
        channel=Channel.PIPE,
        launch=Launch.EXECUTOR,
        execution=Execution(make=_pool, loaded_by="multiprocessing", fails_at_start=AT_START_FAILS),
        inherits=("fork",),
        fails=FORKING_FAILS,
        late=1,
        recipe=Recipe(BEFORE, BEFORE, {**_own.BY_POOL, Duty.STATE: _own.INITIALIZED}),
    ),
    Strategy(
        name="process-pool-executor",
        change=1,
        chunked="executor.map(…, chunksize={})",
        likely=((Duty.ARGUMENT, 4),),
        summary="concurrent.futures.ProcessPoolExecutor: as pool, with futures; a broken worker is told",
        meaning=COPY + "; under fork, what the initializer gets is inherited",
        channel=Channel.PIPE,
        launch=Launch.EXECUTOR,
        execution=Execution(
            make=_process_pool,
            loaded_by="multiprocessing",
            raises="BrokenProcessPool",
            fails_at_start=AT_START_FAILS,
        ),
        inherits=("fork",),
        fails=FORKING_FAILS,
        late=1,
        recipe=Recipe(_EXECUTOR_BEFORE, _EXECUTOR_AFTER, _own.BY_EXECUTOR),
    ),
    Strategy(
        name="pathos",
        pickled_as="dill",
        summary="pathos: the Pool of multiprocess, which pickles with dill",
        meaning=COPY + "; functions and classes without an importable name travel by value",
        channel=Channel.PIPE,
        launch=Launch.EXECUTOR,
        execution=Execution(make=_pathos, loaded_by="multiprocess"),
        inherits=("fork",),
        needs=("multiprocess",),
        fails=_BY_DILL,
        late=6,
        recipe=Recipe(_CLOSURE_BEFORE, _PATHOS_AFTER, _OWN_PATHOS),
    ),
    # loky starts its workers by a method of its own: fork and exec, a fresh interpreter, as spawn
    Strategy(
        name="loky",
        pickled_as="cloudpickle",
        summary="loky.ProcessPoolExecutor, which pickles with cloudpickle",
        meaning=COPY + "; functions and classes without an importable name travel by value",
        channel=Channel.PIPE,
        launch=Launch.EXECUTOR,
        execution=Execution(make=_loky, raises="TerminatedWorkerError"),
        start_methods=("spawn",),
        needs=("loky",),
        fails=BY_VALUE_FAILS,
        late=2,
        recipe=Recipe(_CLOSURE_BEFORE, _LOKY_AFTER, _OWN_LOKY),
    ),
    Strategy(
        name="joblib",
        pickled_as="cloudpickle",
        summary="joblib.Parallel: loky, and big arrays through memory-mapped files",
        meaning=COPY + "; arrays beyond 1 MB arrive as memory maps that can't be written to, written once a call",
        channel=Channel.PIPE,
        launch=Launch.EXECUTOR,
        execution=Execution(make=_joblib, raises="TerminatedWorkerError", keeps=True),
        start_methods=("spawn",),
        needs=("joblib",),
        fails=BY_VALUE_FAILS,
        late=3,
        recipe=Recipe(_CLOSURE_BEFORE, _JOBLIB_AFTER, _OWN_JOBLIB),
    ),
)
