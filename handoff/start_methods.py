"""The start methods there are: the one list; and what processes need of multiprocessing that it has no public word for.

Each private name stands behind one function here. A Python that no longer has such a name breaks
``tests/test_private.py``, which says the name and the version, and this file alone. Not here: what the manuals
describe in spite of its underscore (``os._exit``, ``sys._current_frames``), and what the statements of objects read of
the objects that they are about (``handoff.compare``).
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # workers import this module
    from collections.abc import Callable
    from typing import Any

START_METHODS = ("fork", "spawn", "forkserver")


def by_default(python: tuple[int, int], platform: str) -> tuple[str, int]:
    """The start method and the pickle protocol of a Python where nobody names any.

    Sources: ``multiprocessing/context.py`` (fork on Linux up to 3.13, forkserver from 3.14; spawn on macOS since 3.8,
    and on Windows) and ``pickle.DEFAULT_PROTOCOL`` (4 since 3.8, 5 from 3.14).
    """
    new = python >= (3, 14)
    usual = "forkserver" if new else "fork"
    return "spawn" if platform in ("darwin", "win32") else usual, 5 if new else 4


def semaphore_prefix() -> str:
    """What the names of this process's semaphores begin with: whoever ends it sweeps them by that."""
    return str(_process_config("multiprocessing")["semprefix"])


def name_semaphores(prefix: str, package: str = "multiprocessing") -> None:
    """Let a package (multiprocessing, or a copy of it) name this process's semaphores so, and those of its children."""
    _process_config(package)["semprefix"] = prefix
    made = sys.modules.get(f"{package}.synchronize")
    if made is not None and made.SemLock._make_name.__module__ != made.__name__:  # loky's rule, once it is imported
        names_begin_alike(made)


def names_begin_alike(synchronize: Any) -> None:
    """Let the ``SemLock`` of a module (multiprocessing's, loky's) name semaphores as all of this process are named."""
    names = synchronize.SemLock._rand
    synchronize.SemLock._make_name = staticmethod(lambda: f"{semaphore_prefix()}-{next(names)}")


def _process_config(package: str) -> dict[str, object]:
    """What a process hands down to its children: private, and with no public way to it in 3.11 to 3.15."""
    name = f"{package}.process"
    __import__(name)  # importlib is more than a contained interpreter has
    config: dict[str, object] = sys.modules[name].current_process()._config
    return config


def pool_workers(pool: Any) -> list[Any]:
    """The processes of a ``multiprocessing.Pool`` just now; its own thread replaces those that have died."""
    return list(pool._pool)


def replace_no_workers(pool: Any) -> None:
    """A ``multiprocessing.Pool`` whose workers are about to be killed replaces none, and is not waited for at exit."""
    pool._worker_handler._state = "TERMINATE"
    pool._terminate.cancel()


def executor_workers(executor: Any) -> list[Any]:
    """The ``Process`` objects of an executor like ``ProcessPoolExecutor``; of one whose workers are others, none."""
    return list((getattr(executor, "_processes", None) or {}).values())


def tracker_pid() -> int:
    """The process id of the resource tracker, which runs."""
    from multiprocessing import resource_tracker

    tracker: Any = resource_tracker._resource_tracker
    return int(tracker._pid)


def forget_tracker() -> None:
    """This process, a fork, has no resource tracker: it starts one of its own where it needs one."""
    from multiprocessing import resource_tracker

    tracker: Any = resource_tracker._resource_tracker
    tracker._fd = tracker._pid = None


def forget_fork_server() -> None:
    """The same of the fork server, where this process has heard of one."""
    if (forkserver := sys.modules.get("multiprocessing.forkserver")) is not None:
        server: Any = forkserver._forkserver
        server._forkserver_address = server._forkserver_alive_fd = server._forkserver_pid = None
        server._inherited_fds = None


def fork_server() -> Any:
    """The ``ForkServer`` that processes of the start method ``forkserver`` are asked for."""
    from multiprocessing import forkserver

    return forkserver._forkserver


def fork_server_pid(server: Any) -> int:
    """The process id of a ``ForkServer``, which runs."""
    return int(server._forkserver_pid)


def spawned_main() -> Callable[[int, int], Any]:
    """What a spawned process, or one of the fork server, does first: it loads what it is to run, and runs that."""
    from multiprocessing import spawn

    main: Callable[[int, int], Any] = spawn._main
    return main


def replace_spawned_main(main: Callable[[int, int], Any]) -> None:
    """Do that instead, in this process and its children."""
    from multiprocessing import spawn

    module: Any = spawn
    module._main = main


def forget_parents_folder() -> None:
    """This process, a fork, makes a folder of its own for multiprocessing's sockets, and may have children."""
    config = _process_config("multiprocessing")
    config.pop("tempdir", None)
    config.pop("daemon", None)
