"""Pools of multiprocessing whose workers may have died."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from handoff.processes.deadlines import NoAnswer, deadline
from handoff.start_methods import pool_workers


def a_worker(pool: Any) -> Any:
    """One of a pool's processes. There may be none just now: the pool's own thread replaces one that has died."""
    while not (workers := pool_workers(pool)):
        time.sleep(0.001)
    return workers[0]


def end_pool(pool: Any, seconds: float) -> None:
    """End a pool, whatever its workers do: ``terminate`` waits for ever for a lock that one held when it died."""
    with suppress(NoAnswer), deadline(seconds):
        pool.terminate()
        pool.join()
    for process in pool_workers(pool):
        if process.is_alive():
            process.kill()
            process.join()
