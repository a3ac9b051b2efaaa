"""Interpreters of one process: what a round trip takes, and what fork makes of them."""

from __future__ import annotations

from payloads.claims._claim import Claim, ClaimVerdict, Script

#: A process and an interpreter that are there, and the fastest of some round trips to either.
BOTH = """
import multiprocessing as mp
import sys
import time

if sys.version_info < (3, 14):
    sys.exit(print("only from Python 3.14 on"))

from concurrent.futures import InterpreterPoolExecutor, ProcessPoolExecutor

def fastest(executor, obj):
    taken = []
    for _ in range(100):
        begin = time.perf_counter()
        executor.submit(type(obj), obj).result()
        taken.append(time.perf_counter() - begin)
    return min(taken)

if __name__ == "__main__":
    context = mp.get_context(sys.argv[1])
    with ProcessPoolExecutor(1, context) as process, InterpreterPoolExecutor(1) as interpreter:
        process.submit(int).result()  # forked before there is another interpreter
"""

ROUND_TRIPS = (
    BOTH
    + """\
        for name, obj, published_s in (("an int", 5, 120e-6), ("a list of 100", list(range(100)), 140e-6)):
            turns = [(fastest(interpreter, obj), fastest(process, obj)) for _ in range(10)]
            mine, others = map(min, zip(*turns))
            print(f"{name} takes at most the {published_s * 1e6:.0f} us:", mine <= published_s)
            print("and less than to a process:", mine < others)
"""
)

FORKED = """
import multiprocessing as mp
import sys

if sys.version_info < (3, 14):
    sys.exit(print("only from Python 3.14 on"))

from concurrent import interpreters

def work():
    print("works")

if __name__ == "__main__":
    interpreter = interpreters.create()
    process = mp.get_context(sys.argv[1]).Process(target=work)
    process.start()
    process.join()
    print("exit code", process.exitcode)
    interpreter.close()
"""

INITIALIZER = """
import sys

if sys.version_info < (3, 14):
    sys.exit(print("only from Python 3.14 on"))

import pathlib
import tempfile
from concurrent.futures import InterpreterPoolExecutor
from functools import partial

MODULE = '''
kept = None

def keep(what):
    global kept
    kept = what

def task():
    return kept
'''

def set_path(folder):
    import sys
    sys.path.insert(0, folder)

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "model.py").write_text(MODULE)
        sys.path.insert(0, folder)
        import model
        for name, initializer in (("keep", model.keep), ("partial(keep)", partial(model.keep))):
            with InterpreterPoolExecutor(1, initializer=set_path, initargs=(folder,)) as executor:
                executor.submit(initializer, 5).result()
                print(name, executor.submit(model.task).result())
"""

LISTS = (
    BOTH
    + """\
        for name, obj in (("of 10,000 ints", list(range(10_000))), ("of ten times 100 kB", [b"x" * 100_000] * 10)):
            turns = [(fastest(interpreter, obj), fastest(process, obj)) for _ in range(8)]
            mine, others = map(min, zip(*turns))
            print(f"{name}: {mine * 1e3:.2f} and {others * 1e3:.2f} ms, {mine / others:.2f} times", file=sys.stderr)
            print(f"a list {name} takes longer to an interpreter than to a process:", mine > others)
"""
)

TOO_OLD = "prints only from Python 3.14 on"

CLAIMS = (
    Claim(
        number=26,
        claim="Through an InterpreterPoolExecutor a round trip of an int takes 0.12 ms, and 0.05 after a change to "
        "CPython; of a list of 100 ints 0.14 and 0.07 ms.",
        source="cpython issue 148125 (on an M2)",
        verdict=ClaimVerdict.HOLDS,
        explanation="As figures of that machine: here, with 2 virtual cores, the fastest takes less than what was "
        "published without the change (0.03 and 0.04 ms on 3.14 and 3.15, which do not have it), and less than "
        "through a ProcessPoolExecutor in the same minute. That is no reason to mix the two: see the third check.",
        checks=(
            Script(
                tried="2,000 round trips each, the fastest of them",
                script=ROUND_TRIPS,
                seen={
                    "": (
                        "prints an int takes at most the 120 us: True / and less than to a process: True / "
                        "a list of 100 takes at most the 140 us: True / and less than to a process: True"
                    ),
                    "3.11 3.12 3.13": TOO_OLD,
                },
            ),
            Script(
                tried="a module's function that only sets a global, in the pool",
                script=INITIALIZER,
                seen={"": "prints keep None / partial(keep) 5", "3.11 3.12 3.13": TOO_OLD},
            ),
            Script(
                tried="a Process, started while there is another interpreter",
                script=FORKED,
                seen={
                    "": "prints works / exit code 0",
                    "fork": "prints exit code -11",
                    "3.11 3.12 3.13": TOO_OLD,
                },
            ),
        ),
    ),
    Claim(
        number=31,
        claim="To an interpreter lists go 2 to 17 times slower than to a process.",
        source="cpython issue 148072 (3.14.3, on an M2)",
        verdict=ClaimVerdict.HOLDS,
        explanation="1.5 to 1.6 times for 10,000 ints, 27 to 32 times for ten times the same 100 kB, on 3.14 and 3.15"
        " (a busy machine, the fastest of 480). An int or a list of 100 goes faster to an interpreter: claim 26.",
        checks=(
            Script(
                tried="480 round trips of each list to both, in turns, the fastest of each",
                script=LISTS,
                seen={
                    "": (
                        "prints a list of 10,000 ints takes longer to an interpreter than to a process: True / "
                        "a list of ten times 100 kB takes longer to an interpreter than to a process: True"
                    ),
                    "3.11 3.12 3.13": TOO_OLD,
                },
            ),
        ),
    ),
)
