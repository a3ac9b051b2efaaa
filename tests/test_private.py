"""The private names of the standard library that are used: a Python without one says here which, and which Python."""

from __future__ import annotations

import ast
import multiprocessing
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from handoff import start_methods

PACKAGE = Path(start_methods.__file__).parent
HERE = f"Python {platform.python_version()}"


def names(file: Path) -> set[str]:
    """The private attributes that a module reads or sets of anything but itself, and of what it imports from here."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    }  # fmt: skip


def works(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except AttributeError as error:
        pytest.fail(f"{HERE} has no {error.name}, which handoff/start_methods.py needs")


def test_these_names_are_used_there_alone() -> None:
    known = names(PACKAGE / "start_methods.py")
    assert len(known) > 10
    for file in PACKAGE.rglob("*.py"):
        if file.name != "start_methods.py":
            # _config["semprefix"] has a place of its own; mpi4py.futures has names like these, for the way of that name
            others = {"_pool", "_manager_comm"} if file.name == "mpi.py" else set()
            assert not (names(file) & known) - {"_config"} - others, file


def test_the_workers_of_a_pool_are_known() -> None:
    with multiprocessing.get_context("fork").Pool(1) as pool:
        (worker,) = works(lambda: start_methods.pool_workers(pool))
        assert pool.apply(os.getpid) == worker.pid


def test_a_pool_that_is_given_up_replaces_no_worker() -> None:
    pool = multiprocessing.get_context("spawn").Pool(1)
    (worker,) = start_methods.pool_workers(pool)
    assert pool.apply(os.getpid) == worker.pid
    works(lambda: start_methods.replace_no_workers(pool))
    worker.kill()
    worker.join(10)
    assert not any(each.is_alive() for each in start_methods.pool_workers(pool)), HERE
    pool.close()


def test_the_workers_of_an_executor_are_known_and_threads_are_none() -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as executor:
        pid = executor.submit(os.getpid).result()
        assert [each.pid for each in start_methods.executor_workers(executor)] == [pid], HERE
    with ThreadPoolExecutor(1) as threads:
        assert start_methods.executor_workers(threads) == []


def test_semaphores_are_named_alike_whoever_has_put_a_rule_of_its_own_there() -> None:
    """As loky does when it is imported."""
    done = subprocess.run([sys.executable, "-c", NAMES], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "/theirs\n/ours-\n"), (HERE, done.stderr)


NAMES = """
import multiprocessing.synchronize as synchronize
from handoff import start_methods

synchronize.SemLock._make_name = staticmethod(lambda: "/theirs")
print(synchronize.SemLock._make_name())
start_methods.name_semaphores("/ours")
print(synchronize.SemLock._make_name()[:6])
"""


def test_trackers_and_servers_are_known_and_forgotten() -> None:
    """In a process of its own: what is forgotten there is missing nowhere else."""
    done = subprocess.run([sys.executable, "-c", FORGETS], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "known\nforgotten\n"), (HERE, done.stderr)


FORGETS = """
import os
from multiprocessing import forkserver, resource_tracker
from handoff import start_methods

resource_tracker.ensure_running()
forkserver.ensure_running()
tracker, server = start_methods.tracker_pid(), start_methods.fork_server_pid(start_methods.fork_server())
assert tracker != server
for pid in (tracker, server):
    os.kill(pid, 0)
print("known", flush=True)
if not (pid := os.fork()):
    start_methods.forget_tracker()
    start_methods.forget_fork_server()
    start_methods.forget_parents_folder()
    resource_tracker.ensure_running()
    forkserver.ensure_running()
    mine = start_methods.tracker_pid(), start_methods.fork_server_pid(start_methods.fork_server())
    assert not {tracker, server} & set(mine)
    print("forgotten", flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""


def test_what_a_spawned_process_does_first_can_be_replaced() -> None:
    done = subprocess.run([sys.executable, "-c", REPLACES], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "called\n"), (HERE, done.stderr)


REPLACES = """
import os, sys
from multiprocessing import spawn
from handoff import start_methods

assert callable(start_methods.spawned_main())
start_methods.replace_spawned_main(lambda fd, parent: print("called", flush=True))
sys.argv[1:] = ["--multiprocessing-fork"]
spawn.spawn_main(os.open(os.devnull, os.O_RDONLY))
"""
