"""Claims about the functions and methods that are handed to a pool."""

from __future__ import annotations

from payloads.claims._claim import Claim, ClaimVerdict, Script

LAMBDA = """
import multiprocessing as mp
import sys

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.map(lambda x: x * x, range(3)))
"""

LOCAL = """
import multiprocessing as mp
import sys

def main():
    def square(x):
        return x * x
    with mp.Pool(1) as pool:
        print(pool.map(square, range(3)))

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    main()
"""

CALLABLE = """
import multiprocessing as mp
import sys

class Square:
    def __call__(self, x):
        return x * x

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.map(Square(), range(3)))
"""

TARGET = """
import multiprocessing as mp
import sys

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    process = mp.Process(target=lambda: print("ran"))
    process.start()
    process.join()
"""

DUMMY = """
import multiprocessing
import multiprocessing.dummy
import sys

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    lock = multiprocessing.dummy.Lock()
    work = lambda x: (x * x, lock.acquire(), lock.release())[0]
    for package in (multiprocessing.dummy, multiprocessing):
        with package.Pool(1) as pool:
            print(pool.map(work, range(3)))
"""

DUMMY_HIDES = """
import multiprocessing
import multiprocessing.dummy
import sys

counts = {"done": 0}

def work(x):
    counts["done"] += 1

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    for package in (multiprocessing.dummy, multiprocessing):
        with package.Pool(1) as pool:
            pool.map(work, range(3))
        print(package.__name__, counts["done"])
        counts["done"] = 0
"""

STATIC = """
import multiprocessing as mp
import sys

class Foo:
    @staticmethod
    def work():
        return "complete"

    def bound(self):
        return "complete too"

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.apply_async(Foo().work).get(), pool.apply_async(Foo().bound).get())
"""

WRAPPED = """
import multiprocessing as mp
import sys

class Foo:
    def work(self):
        return "complete"

def work_of(foo):
    return foo.work()

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.apply_async(work_of, (Foo(),)).get())
"""

SELF_WITH_POOL = """
import multiprocessing as mp
import sys

class Service:
    def __init__(self):
        self.pool = mp.Pool(1)

    def work(self, x):
        return x * x

    def run(self):
        return self.pool.map({work}, range(3))

def square(x):
    return x * x

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    service = Service()
    try:
        print(service.run())
    finally:
        service.pool.terminate()
"""

PATHOS_LAMBDA = """
import multiprocessing as mp
import sys

if __name__ == "__main__":
    import multiprocess
    multiprocess.set_start_method(sys.argv[1])
    def scaled(factor):
        def scale(x):
            return factor * x
        return scale
    with multiprocess.Pool(1) as pool:
        print(pool.map(lambda x: x * x, range(3)), pool.map(scaled(5), range(3)))
"""

DILL_LAMBDA = """
import multiprocessing as mp
import sys

import dill

def run(message, x):
    return dill.loads(message)(x)

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    def scaled(factor):
        def scale(x):
            return factor * x
        return scale
    with mp.Pool(1) as pool:
        print(pool.apply(run, (dill.dumps(lambda x: x * x), 3)), pool.apply(run, (dill.dumps(scaled(5)), 3)))
"""

DILL_SLOWER = """
import pickle
import sys
import time

import dill

rows = [{"id": number, "name": f"row {number}"} for number in range(5000)]

def fastest(dumps):
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        dumps(rows)
        times.append(time.perf_counter() - begin)
    return min(times)

if __name__ == "__main__":
    print("dill takes more than twice as long:", fastest(dill.dumps) > 2 * fastest(pickle.dumps))
"""

PATHOS_METHOD = """
import sys

from pathos.multiprocessing import ProcessingPool

class Test:
    def process_data(self, x, y):
        return x * y

if __name__ == "__main__":
    import multiprocess
    multiprocess.set_start_method(sys.argv[1])
    pool = ProcessingPool(4)
    print(pool.map(Test().process_data, [1, 2, 3, 4], [5, 6, 7, 8]))
    pool.close()
    pool.join()
"""

STARMAP_METHOD = """
import multiprocessing as mp
import sys

class Test:
    def process_data(self, x, y):
        return x * y

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(4) as pool:
        print(pool.starmap(Test().process_data, zip([1, 2, 3, 4], [5, 6, 7, 8])))
"""

CLAIMS = (
    Claim(
        number=2,
        claim="pool.map fails with a lambda and with a local function, and works with a callable class.",
        source="000, 001, 002",
        verdict=ClaimVerdict.HOLDS,
        explanation="For every start method, because a pool pickles its tasks always. A lambda as a Process's "
        "target is another matter: under fork it runs.",
        checks=(
            Script(
                tried="a lambda to pool.map",
                script=LAMBDA,
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
            ),
            Script(
                tried="a local function to pool.map",
                script=LOCAL,
                seen={
                    "3.11 3.12": "raises AttributeError: Can't pickle local object 'main.<locals>.square'",
                    "3.13": "raises AttributeError: Can't get local object 'main.<locals>.square'",
                    "3.14 3.15": (
                        "raises PicklingError: Can't pickle local object <function main.<locals>.square at 0x…>"
                    ),
                },
            ),
            Script(tried="a callable class's instance to pool.map", script=CALLABLE, seen={"": "prints [0, 1, 4]"}),
            Script(
                tried="a lambda as a Process's target",
                script=TARGET,
                seen={
                    "spawn forkserver": (
                        "raises PicklingError: Can't pickle <function <lambda> at 0x…>: attribute lookup "
                        "<lambda> on __main__ failed"
                    ),
                    "fork": "prints ran",
                    "spawn forkserver 3.14 3.15": (
                        "raises PicklingError: Can't pickle <function <lambda> at 0x…>: it's not found as "
                        "__main__.<lambda>"
                    ),
                },
            ),
        ),
    ),
    Claim(
        number=14,
        claim="What fails in a pool for its pickling works with multiprocessing.dummy; if it does, pickling was it.",
        source="001",
        verdict=ClaimVerdict.HOLDS,
        explanation="With limits as a test: threads share globals as well, so that a program whose workers change"
        " one works in threads and silently does not in processes.",
        checks=(
            Script(
                tried="a lambda over a lock, in threads and then in processes",
                script=DUMMY,
                seen={
                    "": (
                        "prints [0, 1, 4]; raises PicklingError: Can't pickle <function <lambda> at 0x…>: "
                        "attribute lookup <lambda> on __main__ failed"
                    ),
                    "3.14 3.15": (
                        "prints [0, 1, 4]; raises PicklingError: Can't pickle <function <lambda> at 0x…>: "
                        "it's not found as __main__.<lambda>"
                    ),
                },
            ),
            Script(
                tried="a count kept in a global",
                script=DUMMY_HIDES,
                seen={"": "prints multiprocessing.dummy 3 / multiprocessing 0"},
            ),
        ),
    ),
    Claim(
        number=17,
        claim="dill and pathos carry lambdas and nested functions; they are slower.",
        source="001, 004",
        verdict=ClaimVerdict.ONLY_WHEN,
        explanation="when Python is older than 3.15, whose code objects have no co_lnotab: dill 0.4.1 refuses there. "
        "With pathos as with dill alone. How much slower is in the records: handoff measure with the strategies dill "
        "and pickle-default.",
        checks=(
            Script(
                tried="a lambda and a closure through dill",
                script=DILL_LAMBDA,
                seen={
                    "": "prints 9 15",
                    "3.15": (
                        "raises AttributeError: 'code' object has no attribute 'co_lnotab'. Did you mean "
                        "'.co_linetable' instead of '.co_lnotab'?"
                    ),
                },
                needs=("dill",),
            ),
            Script(
                tried="the same to the pool of multiprocess, which pathos uses",
                script=PATHOS_LAMBDA,
                seen={
                    "": "prints [0, 1, 4] [0, 5, 10]",
                    "3.15": (
                        "raises AttributeError: 'code' object has no attribute 'co_lnotab'. Did you mean "
                        "'.co_linetable' instead of '.co_lnotab'?"
                    ),
                },
                needs=("pathos", "multiprocess"),
            ),
            Script(
                tried="5,000 rows encoded by dill and by pickle",
                script=DILL_SLOWER,
                seen={"": "prints dill takes more than twice as long: True"},
                needs=("dill",),
            ),
        ),
    ),
    Claim(
        number=21,
        claim="A bound or static method cannot be pickled: pool.apply_async(foo.work) fails.",
        source="004",
        verdict=ClaimVerdict.FALLS,
        explanation="Since Python 3.4 a method is pickled as its object and its name, a static method by its "
        "qualified name. What fails is an object that holds what can't be pickled, such as the pool "
        "itself.",
        checks=(
            Script(
                tried="a static and a bound method to apply_async",
                script=STATIC,
                seen={"": "prints complete complete too"},
            ),
            Script(
                tried="a bound method of an object that holds the pool",
                script=SELF_WITH_POOL.format(work="self.work"),
                seen={"": ("raises NotImplementedError: pool objects cannot be passed between processes or pickled")},
            ),
            Script(
                tried="a module's function instead",
                script=SELF_WITH_POOL.format(work="square"),
                seen={"": "prints [0, 1, 4]"},
            ),
            Script(tried="a wrapper that takes the object", script=WRAPPED, seen={"": "prints complete"}),
        ),
    ),
    Claim(
        number=23,
        claim="pathos: ProcessingPool(4).map(t.process_data, [1, 2, 3, 4], [5, 6, 7, 8]) gives [5, 12, 21, 32].",
        source="004",
        verdict=ClaimVerdict.ONLY_WHEN,
        explanation="when Python is older than 3.15, where dill 0.4.1 cannot write a function by value. It needs "
        "no pathos: multiprocessing's starmap gives the same with the same bound method.",
        checks=(
            Script(
                tried="it",
                script=PATHOS_METHOD,
                seen={
                    "": "prints [5, 12, 21, 32]",
                    "3.15": (
                        "raises AttributeError: 'code' object has no attribute 'co_lnotab'. Did you mean "
                        "'.co_linetable' instead of '.co_lnotab'?"
                    ),
                },
                needs=("pathos",),
            ),
            Script(
                tried="the same with multiprocessing's starmap",
                script=STARMAP_METHOD,
                seen={"": "prints [5, 12, 21, 32]"},
            ),
        ),
    ),
)
