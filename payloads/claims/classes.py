"""Claims about classes: where they are defined, and what their instances hold."""

from __future__ import annotations

from payloads.claims._claim import Claim, ClaimVerdict, Script

LAMBDA_ATTRIBUTE = """
import multiprocessing as mp
import sys

class Config:
    def __init__(self):
        self.transform = lambda x: x * x

def work(config):
    print(config.transform(3))

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    process = mp.Process(target=work, args=(Config(),))
    process.start()
    process.join()
"""

METHOD = """
import multiprocessing as mp
import sys

class Config:
    def transform(self, x):
        return x * x

def work(config):
    print(config.transform(3))

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    process = mp.Process(target=work, args=(Config(),))
    process.start()
    process.join()
"""

WORKER_IN_GUARD = """
import multiprocessing as mp
import sys

class Config:
    def transform(self, x):
        return x * x

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    config = Config()

    def work(config):
        print(config.transform(3))

    process = mp.Process(target=work, args=(config,))
    process.start()
    process.join()
    print("exit code", process.exitcode)
"""

MAIN = """
import multiprocessing as mp
import sys

class Point:
    def __init__(self, x):
        self.x = x

def work(point):
    return point.x

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.apply(work, (Point(3),)))
"""

#: What an interactive session has: a main module that workers cannot import again.
MAIN_WITHOUT_FILE = """
import subprocess
import sys

CODE = '''
import multiprocessing as mp
import sys

class Point:
    def __init__(self, x):
        self.x = x

mp.set_start_method(sys.argv[1])
with mp.Pool(1) as pool:
    print(pool.apply(repr, (Point(3).x,)), pool.apply(type, (Point(3),)))
'''

if __name__ == "__main__":
    sys.exit(subprocess.run([sys.executable, "-c", CODE, sys.argv[1]]).returncode)
"""

GUARD = """
import multiprocessing as mp
import sys

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])

    class Point:
        def __init__(self, x):
            self.x = x

    def work(point):
        return point.x

    with mp.Pool(1) as pool:
        print(pool.apply(work, (Point(3),)))
"""

GUARD_CLASS_ONLY = """
import multiprocessing as mp
import sys

def work(point):
    print(point.x)

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])

    class Point:
        def __init__(self, x):
            self.x = x

    process = mp.Process(target=work, args=(Point(3),))
    process.start()
    process.join()
    print("exit code", process.exitcode)
"""

CLAIMS = (
    Claim(
        number=5,
        claim="An instance with a lambda for an attribute cannot be passed; the same class with a method can.",
        source="000",
        verdict=ClaimVerdict.ONLY_WHEN,
        explanation="the worker is spawned: a forked Process inherits the lambda. The article's second program, "
        "said to be fine, breaks under spawn and forkserver all the same, because its worker function"
        " stands inside the main guard.",
        checks=(
            Script(
                tried="a lambda attribute, to a Process",
                script=LAMBDA_ATTRIBUTE,
                seen={
                    "spawn forkserver 3.11 3.12": "raises AttributeError: Can't pickle local object"
                    " 'Config.__init__.<locals>.<lambda>'",
                    "fork": "prints 9",
                    "spawn forkserver 3.13": "raises AttributeError: Can't get local object"
                    " 'Config.__init__.<locals>.<lambda>'",
                    "spawn forkserver 3.14 3.15": (
                        "raises PicklingError: Can't pickle local object <function "
                        "Config.__init__.<locals>.<lambda> at 0x…>"
                    ),
                },
            ),
            Script(tried="a method instead", script=METHOD, seen={"": "prints 9"}),
            Script(
                tried="a method, with the worker inside the main guard as in 000",
                script=WORKER_IN_GUARD,
                seen={
                    "spawn forkserver": (
                        "prints exit code 1; in a worker: AttributeError: Can't get attribute 'work' on "
                        "<module '__mp_main__' from '…/script.py'>"
                    ),
                    "fork": "prints 9 / exit code 0",
                    "spawn forkserver 3.14 3.15": (
                        "prints exit code 1; in a worker: AttributeError: module '__mp_main__' has no attribute 'work'"
                    ),
                },
            ),
        ),
    ),
    Claim(
        number=10,
        claim="An instance of a class defined in __main__ cannot be unpickled in a worker.",
        source="000, 001, 002",
        verdict=ClaimVerdict.FALLS,
        explanation="spawn and forkserver import the script again as __mp_main__, and the class is found. It "
        "fails where there is nothing to import, as in an interactive session or python -c, and then "
        "only under spawn and forkserver: the pool waits for ever, because its worker dies of the "
        "task.",
        checks=(
            Script(tried="a class at the top of the script, to a pool", script=MAIN, seen={"": "prints 3"}),
            Script(
                tried="the same where the main module has no file (python -c)",
                script=MAIN_WITHOUT_FILE,
                seen={
                    "spawn forkserver 3.12 3.13": (
                        "hangs; in a worker: AttributeError: Can't get attribute 'Point' on <module "
                        "'__main__' (<class '_frozen_importlib.BuiltinImporter'>)>"
                    ),
                    "fork": "prints 3 <class '__main__.Point'>",
                    "spawn forkserver 3.11": (
                        "hangs; in a worker: AttributeError: Can't get attribute 'Point' on <module "
                        "'__main__' (built-in)>"
                    ),
                    "spawn forkserver 3.14 3.15": (
                        "hangs; in a worker: AttributeError: module '__main__' has no attribute 'Point'"
                    ),
                },
            ),
        ),
    ),
    Claim(
        number=11,
        claim="A class defined inside the 'if __name__ == \"__main__\"' block fails with a PicklingError.",
        source="002",
        verdict=ClaimVerdict.FALLS,
        explanation="It fails, but never so: pickling succeeds everywhere. Under fork all is well; under spawn "
        "and forkserver the worker cannot find the name, with AttributeError. A Process dies of that;"
        " a pool loses the task and waits for ever.",
        checks=(
            Script(
                tried="class and worker in the block, to a pool",
                script=GUARD,
                seen={
                    "spawn forkserver": (
                        "hangs; in a worker: AttributeError: Can't get attribute 'work' on <module "
                        "'__mp_main__' from '…/script.py'>"
                    ),
                    "fork": "prints 3",
                    "spawn forkserver 3.14 3.15": (
                        "hangs; in a worker: AttributeError: module '__mp_main__' has no attribute 'work'"
                    ),
                },
            ),
            Script(
                tried="the class alone in the block, to a Process",
                script=GUARD_CLASS_ONLY,
                seen={
                    "spawn forkserver": (
                        "prints exit code 1; in a worker: AttributeError: Can't get attribute 'Point' on "
                        "<module '__mp_main__' from '…/script.py'>"
                    ),
                    "fork": "prints 3 / exit code 0",
                    "spawn forkserver 3.14 3.15": (
                        "prints exit code 1; in a worker: AttributeError: module '__mp_main__' has no attribute 'Point'"
                    ),
                },
            ),
        ),
    ),
)
