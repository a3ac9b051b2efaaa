"""Claims about what is set up once, or shared: models, arrays."""

from __future__ import annotations

from payloads.claims._claim import Claim, ClaimVerdict, Script

MODEL = """
import multiprocessing as mp
import sys

pickled = 0

class Model:
    def __getstate__(self):
        global pickled
        pickled += 1
        return {"weights": 1.0}

def load(path):
    return Model()

def start(given):
    global model
    model = load(given) if isinstance(given, str) else given

def predict(x):
    return type(model).__name__

def predict_with(model):
    return type(model).__name__

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    for what in ("model", "path"):
        pickled = 0
        with mp.Pool(2, start, (Model() if what == "model" else "model.bin",)) as pool:
            pool.map(predict, range(8), chunksize=1)
        print(f"initializer with the {what}: pickled {pickled} times")
    pickled, model = 0, Model()
    with mp.Pool(2) as pool:
        pool.map(predict_with, [model] * 8, chunksize=1)
    print(f"sent with each of 8 tasks: pickled {pickled} times")
"""

SHARED_ARRAY = """
import multiprocessing as mp
import sys

def square(index, array):
    array[index] = index * index

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    array = mp.Array("d", 4)
    with mp.Pool(2) as pool:
        pool.starmap(square, [(index, array) for index in range(4)])
    print(array[:])
"""

SHARED_ARRAY_ONCE = """
import multiprocessing as mp
import sys

def start(given):
    global array
    array = given

def square(index):
    array[index] = index * index

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    array = mp.Array("d", 4)
    with mp.Pool(2, start, (array,)) as pool:
        pool.map(square, range(4))
    print(array[:])
"""

NUMPY = """
import multiprocessing as mp
import sys

import numpy as np

def work(array):
    return float(array.sum())

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.apply(work, (np.arange(1000.0).reshape(10, 100),)))
"""

NUMPY_SHM = """
import multiprocessing as mp
import statistics
import sys
import time
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory

import numpy as np

def total(array):
    return float(array.sum())

def total_shared(name, size):
    segment = SharedMemory(name=name)
    result = float(np.frombuffer(segment.buf, np.float64, size).sum())
    segment.close()
    return result

def send(pool, array):
    return pool.apply(total, (array,))

def share(pool, array):
    segment = SharedMemory(create=True, size=array.nbytes)
    np.frombuffer(segment.buf, np.float64, array.size)[:] = array
    result = pool.apply(total_shared, (segment.name, array.size))
    segment.close()
    segment.unlink()
    return result

def faster(pool, array, rounds):
    times = {send: [], share: []}
    for _ in range(rounds):
        for way in times:
            begin = time.perf_counter()
            way(pool, array)
            times[way].append(time.perf_counter() - begin)
    return min(times, key=lambda way: statistics.median(times[way])).__name__

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    resource_tracker.ensure_running()
    with mp.Pool(1) as pool:
        for size, rounds, text in ((128, 301, "1 KiB"), (1 << 22, 5, "32 MiB")):
            print(f"{text}: {faster(pool, np.ones(size), rounds)}")
"""

CLAIMS = (
    Claim(
        number=8,
        claim="A pool's initializer avoids sending the model.",
        source="000",
        verdict=ClaimVerdict.ONLY_WHEN,
        explanation="the initializer gets the path, or the workers are forked. Given the model itself, spawn and "
        "forkserver pickle it once for each worker: still less than once for each task.",
        checks=(
            Script(
                tried="how often a model is pickled for 8 tasks on 2 workers",
                script=MODEL,
                seen={
                    "spawn forkserver": (
                        "prints initializer with the model: pickled 2 times / initializer with the path: "
                        "pickled 0 times / sent with each of 8 tasks: pickled 8 times"
                    ),
                    "fork": (
                        "prints initializer with the model: pickled 0 times / initializer with the path: "
                        "pickled 0 times / sent with each of 8 tasks: pickled 8 times"
                    ),
                },
            ),
        ),
    ),
    Claim(
        number=12,
        claim="numpy arrays pickle fine; for large ones shared memory is faster.",
        source="000",
        verdict=ClaimVerdict.HOLDS,
        explanation="A new segment for each array loses at 1 KiB and wins at 32 MiB. Where it turns is a matter "
        "of the machine: the pair 'big array sent with every task' measures both sides of it.",
        checks=(
            Script(tried="an array to a pool", script=NUMPY, seen={"": "prints 499500.0"}, needs=("numpy",)),
            Script(
                tried="what is faster, sending an array or sharing it in a new segment",
                script=NUMPY_SHM,
                seen={"": "prints 1 KiB: send / 32 MiB: share"},
                needs=("numpy",),
            ),
        ),
    ),
    Claim(
        number=20,
        claim="pool.starmap(f, [(i, array), ...]) with an mp.Array avoids serialization.",
        source="003",
        verdict=ClaimVerdict.FALLS,
        explanation="It raises RuntimeError under every start method: shared arrays pass only when a process "
        "starts. Given to the pool's initializer the same array works.",
        checks=(
            Script(
                tried="an mp.Array among a task's arguments",
                script=SHARED_ARRAY,
                seen={
                    "": (
                        "raises RuntimeError: SynchronizedArray objects should only be shared between "
                        "processes through inheritance"
                    )
                },
            ),
            Script(
                tried="the same array to the pool's initializer",
                script=SHARED_ARRAY_ONCE,
                seen={"": "prints [0.0, 1.0, 4.0, 9.0]"},
            ),
        ),
    ),
)
