"""Claims about protocols and about the tools that help to find what fails."""

from __future__ import annotations

from payloads.claims._claim import Claim, ClaimVerdict, Script

DIS = """
import contextlib
import io
import pickle
import pickletools

if __name__ == "__main__":
    data = pickle.dumps({"data": [1, 2, 3], "nested": {"key": "value"}})
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        pickletools.dis(io.BytesIO(data))
    shown = text.getvalue()
    print([word for word in ("data", "nested", "key", "value", "EMPTY_LIST", "EMPTY_DICT") if word in shown])
"""

FORKING_PICKLER = """
import threading
from multiprocessing.reduction import ForkingPickler

class Cache:
    def __init__(self):
        self.guard = threading.Lock()

class Service:
    def __init__(self):
        self.name, self.cache, self.convert = "shop", Cache(), lambda x: x

if __name__ == "__main__":
    try:
        ForkingPickler.dumps(Service())
    except Exception as error:
        names = [name for name in ("cache", "guard", "convert") if name in str(error)]
        print("attributes that it names:", names)
        raise
"""

PROTOCOL = """
import multiprocessing as mp
import pickle
import sys

def work(conn):
    data = conn.recv_bytes()
    assert data[0] == 0x80
    print("protocol", data[1])

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    near, far = mp.Pipe()
    process = mp.Process(target=work, args=(far,))
    process.start()
    near.send({"key": "value"})
    process.join()
    print(f"pickle's default {pickle.DEFAULT_PROTOCOL}, its highest {pickle.HIGHEST_PROTOCOL}")
"""

LAYERS = """
import multiprocessing as mp
import sys

def parse_with(config, x):
    return x * config["factor"]

def attempt(pool, function, *args):
    try:
        print(pool.apply(function, args))
    except Exception as error:
        print(str(error).replace(__name__, "script"))

def main():
    config = {"factor": 3, "log": open("parse.log", "w")}

    def parse(x):
        return parse_with(config, x)

    with mp.Pool(1) as pool:
        attempt(pool, parse, 7)
        attempt(pool, parse_with, config, 7)
        attempt(pool, parse_with, {"factor": 3}, 7)

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    main()
"""

PROFILE = """
import cProfile
import multiprocessing as mp
import sys

class Report:
    def __init__(self, number):
        self.number, self.file = number, open("report.txt", "w")

def work(x):
    report = Report(x)
    report.file.close()
    return {returned}

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        cProfile.run("results = pool.map(work, range(3))", "profile")
    print(results)
"""

CLAIMS = (
    Claim(
        number=6,
        claim="pickletools.dis(io.BytesIO(data)) shows what is inside a pickle.",
        source="000",
        verdict=ClaimVerdict.HOLDS,
        explanation="It takes bytes as well: pickletools.dis(data).",
        checks=(
            Script(
                tried="it, on a nested dict",
                script=DIS,
                seen={"": "prints ['data', 'nested', 'key', 'value', 'EMPTY_LIST', 'EMPTY_DICT']"},
            ),
        ),
    ),
    Claim(
        number=13,
        claim="multiprocessing.reduction.ForkingPickler.dumps(obj) isolates the attribute that cannot be pickled.",
        source="001",
        verdict=ClaimVerdict.FALLS,
        explanation="It names the type of the first culprit, not where that is, and says nothing of the second. "
        "It is the right pickler to ask, though: it knows what multiprocessing carries and pickle "
        "does not, such as sockets.",
        checks=(
            Script(
                tried="an object with a lock two levels down, and a lambda",
                script=FORKING_PICKLER,
                seen={
                    "": ("prints attributes that it names: []; raises TypeError: cannot pickle '_thread.lock' object")
                },
            ),
        ),
    ),
    Claim(
        number=15,
        claim="multiprocessing uses protocol 2 or higher.",
        source="001",
        verdict=ClaimVerdict.HOLDS,
        explanation="It is pickle's default protocol: 4 up to 3.13, 5 from 3.14. numpy arrays are copied into the "
        "stream with either: protocol 5's out-of-band buffers are never used.",
        checks=(
            Script(
                tried="the protocol of a message as it comes out of a pipe",
                script=PROTOCOL,
                seen={
                    "": "prints protocol 4 / pickle's default 4, its highest 5",
                    "3.14 3.15": ("prints protocol 5 / pickle's default 5, its highest 5"),
                },
            ),
        ),
    ),
    Claim(
        number=18,
        claim="Pickling errors are layered: mending one reveals the next.",
        source="001",
        verdict=ClaimVerdict.HOLDS,
        explanation="Three rounds here: the nested function, then the open file in its config, then it works.",
        checks=(
            Script(
                tried="a closure over a config with an open file, mended step by step",
                script=LAYERS,
                seen={
                    "3.11": (
                        "prints Can't pickle local object 'main.<locals>.parse' / cannot pickle "
                        "'_io.TextIOWrapper' object / 21"
                    ),
                    "3.12": (
                        "prints Can't pickle local object 'main.<locals>.parse' / cannot pickle "
                        "'TextIOWrapper' instances / 21"
                    ),
                    "3.13": (
                        "prints Can't get local object 'main.<locals>.parse' / cannot pickle 'TextIOWrapper' "
                        "instances / 21"
                    ),
                    "3.14 3.15": (
                        "prints Can't pickle local object <function main.<locals>.parse at 0x…> / cannot "
                        "pickle 'TextIOWrapper' instances / 21"
                    ),
                },
            ),
        ),
    ),
    Claim(
        number=19,
        claim="Profiling pool.map of a function that makes an object with an open file in the worker fails to pickle.",
        source="003",
        verdict=ClaimVerdict.FALLS,
        explanation="What is made in the worker and stays there is never pickled. What fails is returning it, "
        "with MaybeEncodingError, and that has nothing to do with the profiler: without it the error "
        "is the same. (The profiler sees the parent waiting, and nothing of the workers.)",
        checks=(
            Script(
                tried="the object stays in the worker, a number is returned",
                script=PROFILE.format(returned="x * x"),
                seen={"": "prints [0, 1, 4]"},
            ),
            Script(
                tried="the object is returned",
                script=PROFILE.format(returned="report"),
                seen={
                    "spawn forkserver 3.12 3.13 3.14 3.15": (
                        "raises MaybeEncodingError: Error sending result: '[<__mp_main__.Report object at "
                        "0x…>]'. Reason: 'TypeError(\"cannot pickle 'TextIOWrapper' instances\")'"
                    ),
                    "spawn forkserver 3.11": (
                        "raises MaybeEncodingError: Error sending result: '[<__mp_main__.Report object at "
                        "0x…>]'. Reason: 'TypeError(\"cannot pickle '_io.TextIOWrapper' object\")'"
                    ),
                    "fork 3.12 3.13 3.14 3.15": (
                        "raises MaybeEncodingError: Error sending result: '[<__main__.Report object at "
                        "0x…>]'. Reason: 'TypeError(\"cannot pickle 'TextIOWrapper' instances\")'"
                    ),
                    "fork 3.11": (
                        "raises MaybeEncodingError: Error sending result: '[<__main__.Report object at "
                        "0x…>]'. Reason: 'TypeError(\"cannot pickle '_io.TextIOWrapper' object\")'"
                    ),
                },
            ),
            Script(
                tried="the same without a profiler",
                script=PROFILE.format(returned="report").replace(
                    'cProfile.run("results = pool.map(work, range(3))", "profile")',
                    "results = pool.map(work, range(3))",
                ),
                seen={
                    "spawn forkserver 3.12 3.13 3.14 3.15": (
                        "raises MaybeEncodingError: Error sending result: '[<__mp_main__.Report object at "
                        "0x…>]'. Reason: 'TypeError(\"cannot pickle 'TextIOWrapper' instances\")'"
                    ),
                    "spawn forkserver 3.11": (
                        "raises MaybeEncodingError: Error sending result: '[<__mp_main__.Report object at "
                        "0x…>]'. Reason: 'TypeError(\"cannot pickle '_io.TextIOWrapper' object\")'"
                    ),
                    "fork 3.12 3.13 3.14 3.15": (
                        "raises MaybeEncodingError: Error sending result: '[<__main__.Report object at "
                        "0x…>]'. Reason: 'TypeError(\"cannot pickle 'TextIOWrapper' instances\")'"
                    ),
                    "fork 3.11": (
                        "raises MaybeEncodingError: Error sending result: '[<__main__.Report object at "
                        "0x…>]'. Reason: 'TypeError(\"cannot pickle '_io.TextIOWrapper' object\")'"
                    ),
                },
            ),
        ),
    ),
)
