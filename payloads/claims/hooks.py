"""Claims about pickling hooks: what makes an object portable, and at what cost."""

from __future__ import annotations

from payloads.claims._claim import Claim, ClaimVerdict, Script

HOOKS = """
import multiprocessing as mp
import sys
import threading

class WithState:
    def __init__(self, host):
        self.host, self.connection = host, threading.Lock()

    def __getstate__(self):
        return {"host": self.host}

    def __setstate__(self, state):
        self.__init__(**state)

class WithReduce:
    def __init__(self, host):
        self.host, self.connection = host, threading.Lock()

    def __reduce_ex__(self, protocol):
        return type(self), (self.host,)

def work(*objects):
    return [(obj.host, type(obj.connection).__name__) for obj in objects]

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.apply(work, (WithState("db"), WithReduce("db"))))
"""

FORGOTTEN = """
import multiprocessing as mp
import sys
import threading

class Forgetful:
    def __init__(self, host):
        self.host, self.connection = host, threading.Lock()

    def __getstate__(self):
        return {"host": self.host}

def work(obj):
    return hasattr(obj, "connection")

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print("the worker's object has its connection:", pool.apply(work, (Forgetful("db"),)))
"""

COST = """
import multiprocessing as mp
import pickle
import sqlite3
import sys
import time

class Plain:
    def __init__(self, path):
        self.path = path

class Hooked(Plain):
    def __getstate__(self):
        return self.__dict__.copy()

    def __setstate__(self, state):
        self.__dict__.update(state)

class Connected(Hooked):
    def __setstate__(self, state):
        self.__dict__.update(state)
        self.connection = sqlite3.connect(self.path)

def fastest(runs, n):
    times = [[] for _ in runs]
    for _ in range(9):
        for run, taken in zip(runs, times):
            begin = time.perf_counter()
            for _ in range(n):
                run()
            taken.append((time.perf_counter() - begin) / n)
    return [min(taken) for taken in times]

def copy(obj):
    return lambda: pickle.loads(pickle.dumps(obj))

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        task, hooked, plain = fastest([lambda: pool.apply(abs, (1,)), copy(Hooked("db")), copy(Plain("db"))], 300)
    print("the hooks cost less than a fifth of an empty task:", hooked - plain < task / 5)
    connected, plain = fastest([copy([kind(":memory:") for _ in range(200)]) for kind in (Connected, Plain)], 1)
    print("200 objects that connect again on arrival take more than 3 times as long:", connected > 3 * plain)
"""

REDUCE = """
import multiprocessing as mp
import sys

def make(number):
    return Thing(number)

class Thing:
    def __init__(self, number):
        self.number = number

    def __reduce__(self):
        return {maker}, (self.number,)

def work(thing):
    return thing.number

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.apply(work, (Thing(7),)))
"""

COPYREG = """
import copyreg
import multiprocessing as mp
import sqlite3
import sys

{before}
def connect(path):
    return sqlite3.connect(path, check_same_thread=False)  # a pool loads results in a thread

def reduce(connection):
    return connect, (connection.execute("PRAGMA database_list").fetchone()[2],)

{register}
def work(connection):
    return connection.execute("SELECT 6 * 7").fetchone()[0]

def give():
    return connect("users.db")

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    {inside}
    with mp.Pool(1) as pool:
        print(pool.apply(work, (connect("users.db"),)))
        print(pool.apply(give).execute("SELECT 6 * 7").fetchone()[0])
"""

REGISTER = "copyreg.pickle(sqlite3.Connection, reduce)"
TOP = COPYREG.format(before="", register=REGISTER + "\n", inside="")
GUARDED = COPYREG.format(before="", register="", inside=REGISTER)

CLAIMS = (
    Claim(
        number=7,
        claim="__getstate__ with __setstate__, or __reduce_ex__, make an object portable, at negligible cost.",
        source="000, 002, 003",
        verdict=ClaimVerdict.ONLY_WHEN,
        explanation="messages hold few objects and what __setstate__ opens again is cheap. Beside a task's round "
        "trip the hooks themselves are nothing, but 200 objects that each open an SQLite database on "
        "arrival take several times as long as their parameters alone. Without __setstate__ the "
        "attribute is missing in the worker, and nobody says so.",
        checks=(
            Script(
                tried="both, for an object that holds a lock",
                script=HOOKS,
                seen={"": "prints [('db', 'lock'), ('db', 'lock')]"},
            ),
            Script(
                tried="__getstate__ without __setstate__",
                script=FORGOTTEN,
                seen={"": "prints the worker's object has its connection: False"},
            ),
            Script(
                tried="what the hooks cost",
                script=COST,
                seen={
                    "": (
                        "prints the hooks cost less than a fifth of an empty task: True / 200 objects that "
                        "connect again on arrival take more than 3 times as long: True"
                    )
                },
            ),
        ),
    ),
    Claim(
        number=16,
        claim="A __reduce__ that returns a lambda fails; with a module-level callable it works.",
        source="001",
        verdict=ClaimVerdict.HOLDS,
        explanation="Under every start method.",
        checks=(
            Script(
                tried="a lambda",
                script=REDUCE.format(maker="(lambda number: Thing(number))"),
                seen={
                    "3.11 3.12": (
                        "raises AttributeError: Can't pickle local object 'Thing.__reduce__.<locals>.<lambda>'"
                    ),
                    "3.13": "raises AttributeError: Can't get local object 'Thing.__reduce__.<locals>.<lambda>'",
                    "3.14 3.15": (
                        "raises PicklingError: Can't pickle local object <function "
                        "Thing.__reduce__.<locals>.<lambda> at 0x…>"
                    ),
                },
            ),
            Script(tried="a module's function", script=REDUCE.format(maker="make"), seen={"": "prints 7"}),
        ),
    ),
    Claim(
        number=25,
        claim="Registering a reducer with copyreg makes a type portable.",
        source="001",
        verdict=ClaimVerdict.ONLY_WHEN,
        explanation="every process that pickles the type has registered the reducer. Under spawn and forkserver a"
        " worker does not know of what stands inside the main guard: sending works, returning does "
        "not.",
        checks=(
            Script(
                tried="registered at the top of the module: sent, and returned", script=TOP, seen={"": "prints 42 / 42"}
            ),
            Script(
                tried="registered inside the main guard: sent, and returned",
                script=GUARDED,
                seen={
                    "spawn forkserver": (
                        "prints 42; raises MaybeEncodingError: Error sending result: '<sqlite3.Connection "
                        "object at 0x…>'. Reason: 'TypeError(\"cannot pickle 'sqlite3.Connection' object\")'"
                    ),
                    "fork": "prints 42 / 42",
                },
            ),
        ),
    ),
)
