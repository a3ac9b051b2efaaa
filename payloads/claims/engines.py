"""Claims about dask, each with the fair figure beside.

What is printed is coarse, for it has to be the same on a busy machine: all is measured in turns, and a script writes
its figures to standard error.
"""

from __future__ import annotations

from payloads.claims._claim import Claim, ClaimVerdict, Script

BANDWIDTH = """
import sys
import time

import dask
import numpy as np
from distributed import Client, LocalCluster

if __name__ == "__main__":
    assumed = dask.utils.parse_bytes(dask.config.get("distributed.scheduler.bandwidth"))
    print(f"dask assumes {assumed / 1e6:g} MB/s")
    dask.config.set({"logging": {"distributed": "critical"}, "distributed.comm.compression": False})
    with LocalCluster(n_workers=1, dashboard_address=":0", silence_logs=50) as cluster, Client(cluster) as client:
        array, best = np.random.default_rng(1).random(2**22), float("inf")  # 32 MiB
        for _ in range(8):
            begin = time.perf_counter()
            client.scatter([array], hash=False, direct=True)
            best = min(best, time.perf_counter() - begin)
    print(f"{array.nbytes / best / 1e6:.0f} MB/s", file=sys.stderr)
    print("from this process to a worker of this machine it is more:", array.nbytes / best > assumed)
"""

SCATTER = """
import sys
import time

import dask
import numpy as np
from distributed import Client, LocalCluster

def read(array):
    return float(array.sum())

def submitted(client, array, tasks):
    begin = time.perf_counter()
    client.gather([client.submit(read, array, pure=False) for _ in range(tasks)])
    return time.perf_counter() - begin

def scattered(client, array, tasks):
    begin = time.perf_counter()
    (there,) = client.scatter([array], hash=False, direct=True)
    client.gather([client.submit(read, there, pure=False) for _ in range(tasks)])
    return time.perf_counter() - begin

if __name__ == "__main__":
    dask.config.set({"logging": {"distributed": "critical"},
        "distributed.comm.compression": False, "distributed.admin.large-graph-warning-threshold": "1 TiB"})
    with LocalCluster(n_workers=1, dashboard_address=":0", silence_logs=50) as cluster, Client(cluster) as client:
        array = np.random.default_rng(1).random(2**20)  # 8 MiB
        for tasks in (1, 16):
            turns = [(submitted(client, array, tasks), scattered(client, array, tasks)) for _ in range(8)]
            by_task, once = map(min, zip(*turns))
            faster = by_task / once
            print(f"{faster:.1f} times", file=sys.stderr)
            print(f"{tasks} tasks: scattered first it takes less than half: {faster > 2}")
"""

CLAIMS = (
    Claim(
        number=27,
        claim="Between two workers go 100 MB/s: by that dask decides where a task runs.",
        source="distributed.yaml: scheduler.bandwidth",
        verdict=ClaimVerdict.FALLS,
        explanation="On one machine it is far more (2,046 MB/s here, busy), so that a task is placed as if moving its"
        " data were dear. dask measures the bandwidth while it runs, and starts from this figure.",
        checks=(
            Script(
                tried="32 MiB scattered to a worker of this machine, the best of eight",
                script=BANDWIDTH,
                seen={
                    "": "prints dask assumes 100 MB/s / from this process to a worker of this machine it is more: True"
                },
                needs=("distributed", "numpy"),
                start_methods=("spawn",),
            ),
        ),
    ),
    Claim(
        number=28,
        claim="Scatter large objects before you submit tasks with them.",
        source="distributed's warning of a large graph, docs.dask.org/en/stable/best-practices.html",
        verdict=ClaimVerdict.ONLY_WHEN,
        explanation="several tasks use the same object: it then goes once, and not with each (sixteen tasks with 8 MiB"
        " took a quarter of the time, one about the same; a busy machine). hash=False, for else all of it is hashed"
        " first, and a list of one, for else each item of a list is data of its own.",
        checks=(
            Script(
                tried="8 MiB read by one task, and by sixteen, submitted with each against scattered first",
                script=SCATTER,
                seen={
                    "": "prints 1 tasks: scattered first it takes less than half: False / 16 tasks: scattered first it"
                    " takes less than half: True"
                },
                needs=("distributed", "numpy"),
                start_methods=("spawn",),
            ),
        ),
    ),
)
