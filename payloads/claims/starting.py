"""Claims about start methods, and about switching the pickler."""

from __future__ import annotations

from payloads.claims._claim import Claim, ClaimVerdict, Script

ARGUMENTS = """
import multiprocessing as mp
import sys
import threading

def work(*given):
    print("started with", ", ".join(type(each).__name__ for each in given))

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    process = mp.Process(target=work, args=(lambda: None, threading.Lock(), (n for n in [1])))
    process.start()
    process.join()
"""

TASK = """
import multiprocessing as mp
import sys
import threading

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        pool.apply(type, (threading.Lock(),))
"""

RESULT = """
import multiprocessing as mp
import sys
import threading

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        pool.apply(threading.Lock)
"""

QUEUE = """
import multiprocessing as mp
import sys
import threading

def work(queue, seen):
    queue.put(threading.Lock())
    queue.put("the second item")
    seen.wait()

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    queue, seen = mp.Queue(), mp.Event()
    process = mp.Process(target=work, args=(queue, seen))
    process.start()
    print("first to arrive:", queue.get())
    seen.set()
    process.join()
"""

SET_DILL = """
import multiprocessing
import sys

import dill

if __name__ == "__main__":
    multiprocessing.set_start_method("dill")
"""

IMPORT_DILL = """
import multiprocessing as mp
import sys

import dill

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.map(lambda x: x * x, range(3)))
"""

DILL_SIZE = """
import pickle
import time

import dill
import numpy as np

class Point:
    def __init__(self, x):
        self.x = x

CASES = {
    "rows": [{"id": number, "name": f"row {number}"} for number in range(5000)],
    "points of __main__": [Point(number) for number in range(500)],
    "8 MB array": np.ones(1_000_000),
}

def fastest(dumps, obj):
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        dumps(obj)
        times.append(time.perf_counter() - begin)
    return min(times)

if __name__ == "__main__":
    for name, obj in CASES.items():
        slower = name != "8 MB array" and fastest(dill.dumps, obj) > 2 * fastest(pickle.dumps, obj)
        more = len(dill.dumps(obj)) / len(pickle.dumps(obj)) - 1
        size = "the same size" if more == 0 else "larger by over 5 %" if more > 0.05 else "larger by under 5 %"
        print(f"{name}: {size}{', over twice as slow' if slower else ''}")
"""

CLAIMS = (
    Claim(
        number=9,
        claim="dill is slower and its output larger; multiprocessing.set_start_method('dill') switches it on.",
        source="000, 001",
        verdict=ClaimVerdict.FALLS,
        explanation="'dill' is no start method: ValueError. Importing dill does not switch anything on for "
        "multiprocessing either. It is slower where there are objects to walk. Its output is larger "
        "for classes of __main__, which it writes by value, and the same for plain data. On 3.15 dill 0.4.1 "
        "cannot write a function by value: code objects have no co_lnotab any more.",
        checks=(
            Script(
                tried="set_start_method('dill')",
                script=SET_DILL,
                seen={"": "raises ValueError: cannot find context for 'dill'"},
                needs=("dill",),
            ),
            Script(
                tried="a lambda to a pool after importing dill",
                script=IMPORT_DILL,
                seen={
                    "": (
                        "raises PicklingError: Can't pickle <function <lambda> at 0x…>: attribute lookup "
                        "<lambda> on __main__ failed"
                    ),
                    "3.14 3.15": (
                        "raises PicklingError: Can't pickle <function <lambda> at 0x…>: it's not found as "
                        "__main__.<lambda>"
                    ),
                },
                needs=("dill",),
            ),
            Script(
                tried="dill against pickle",
                script=DILL_SIZE,
                seen={
                    "": (
                        "prints rows: the same size, over twice as slow / points of __main__: larger by over "
                        "5 %, over twice as slow / 8 MB array: larger by under 5 %"
                    ),
                    "3.15": (
                        "prints rows: the same size, over twice as slow; raises AttributeError: 'code' "
                        "object has no attribute 'co_lnotab'. Did you mean '.co_linetable' instead of "
                        "'.co_lnotab'?"
                    ),
                },
                needs=("dill", "numpy"),
            ),
        ),
    ),
    Claim(
        number=22,
        claim="Under fork some of these errors vanish; under spawn everything is serialized.",
        source="004",
        verdict=ClaimVerdict.HOLDS,
        explanation="Only what a Process is started with escapes pickling under fork. A pool's tasks, all results"
        " and whatever goes through a queue are pickled under every start method; a queue drops what "
        "it can't pickle, tells it on standard error, and goes on.",
        checks=(
            Script(
                tried="a lambda, a lock and a generator to a Process",
                script=ARGUMENTS,
                seen={
                    "spawn forkserver": (
                        "raises PicklingError: Can't pickle <function <lambda> at 0x…>: attribute lookup "
                        "<lambda> on __main__ failed"
                    ),
                    "fork": "prints started with function, lock, generator",
                    "spawn forkserver 3.14 3.15": (
                        "raises PicklingError: Can't pickle <function <lambda> at 0x…>: it's not found as "
                        "__main__.<lambda>"
                    ),
                },
            ),
            Script(
                tried="a lock to a pool's task",
                script=TASK,
                seen={"": "raises TypeError: cannot pickle '_thread.lock' object"},
            ),
            Script(
                tried="a lock as a task's result",
                script=RESULT,
                seen={
                    "": (
                        "raises MaybeEncodingError: Error sending result: '<unlocked _thread.lock object at "
                        "0x…>'. Reason: 'TypeError(\"cannot pickle '_thread.lock' object\")'"
                    )
                },
            ),
            Script(
                tried="a lock put into a queue by the worker, and then a text",
                script=QUEUE,
                seen={
                    "": (
                        "prints first to arrive: the second item; in a worker: TypeError: cannot pickle "
                        "'_thread.lock' object"
                    )
                },
            ),
        ),
    ),
)
