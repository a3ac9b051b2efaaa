"""Claims about arrays that are shared and not sent: what is sent and never read, and nine ways beside each other."""

from __future__ import annotations

from payloads.claims._claim import Claim, ClaimVerdict, Script

UNREAD = """
import multiprocessing as mp
import sys
import time
from multiprocessing import shared_memory

import numpy as np

N = 2**22  # 32 MiB of float64

def work(name, tasks, answers):
    shared = shared_memory.SharedMemory(name)
    array = np.ndarray(N, buffer=shared.buf)
    for given, reads in iter(tasks.get, None):
        given = array if given is None else given
        answers.put(float(given.sum()) if reads else float(given[0]))
    del array, given
    shared.close()

def took(tasks, answers, given, reads):
    begin = time.perf_counter()
    tasks.put((given, reads))
    answers.get()
    return time.perf_counter() - begin

if __name__ == "__main__":
    context = mp.get_context(sys.argv[1])
    shared = shared_memory.SharedMemory(create=True, size=8 * N)
    there, array = np.ndarray(N, buffer=shared.buf), np.random.default_rng(1).random(N)
    tasks, answers = context.Queue(), context.Queue()
    process = context.Process(target=work, args=(shared.name, tasks, answers))
    process.start()

    def by_segment(reads):
        begin = time.perf_counter()
        there[:] = array
        return time.perf_counter() - begin + took(tasks, answers, None, reads)

    gain = {}
    for reads in (False, True):
        by_queue, copied = map(min, zip(*((took(tasks, answers, array, reads), by_segment(reads)) for _ in range(12))))
        gain[reads] = by_queue / copied
    print(f"{gain[False]:.1f} times unread, {gain[True]:.1f} read", file=sys.stderr)
    for reads, word in ((False, "unread"), (True, "read")):
        print(f"{word}: by segment in less than half of the time:", gain[reads] > 2)
    tasks.put(None)
    process.join()
    del there
    shared.close()
    shared.unlink()
"""

NINE = """
import multiprocessing as mp
import sys
import time
from multiprocessing import shared_memory
from multiprocessing.managers import BaseManager

import numpy as np

N = 2**23  # 64 MiB of float64
array = np.random.default_rng(1).random(N)

class Manager(BaseManager):
    pass

Manager.register("array", lambda: array, exposed=("item", "sum"))  # in its own process, a fork of this one

def look(array, reads, answers):
    answers.send(float(array.sum()) if reads else float(array[0]))

def inherited(reads, answers):
    look(array, reads, answers)

def as_argument(given, reads, answers):
    look(given, reads, answers)

def from_pipe(end, reads, answers):
    look(end.recv(), reads, answers)

def from_queue(queue, reads, answers):
    look(queue.get(), reads, answers)

def from_ctypes(shared, reads, answers):
    look(np.frombuffer(getattr(shared, "get_obj", lambda: shared)()), reads, answers)

def from_segment(name, reads, answers):
    shared = shared_memory.SharedMemory(name)
    look(np.ndarray(N, buffer=shared.buf), reads, answers)
    shared.close()

def from_file(path, reads, answers):
    look(np.memmap(path, float, "r"), reads, answers)

def from_manager(proxy, reads, answers):
    answers.send(float(proxy.sum()) if reads else float(proxy.item(0)))

def ran(target, *given, send=None):
    mine, theirs = context.Pipe()
    process = context.Process(target=target, args=(*given, theirs))
    process.start()
    if send:
        send(array)
    mine.recv()
    process.join()

def inheritance(reads):
    ran(inherited, reads)

def argument(reads):
    ran(as_argument, array, reads)

def pipe(reads):
    mine, theirs = context.Pipe()
    ran(from_pipe, theirs, reads, send=mine.send)

def queue(reads):
    queue = context.Queue()
    ran(from_queue, queue, reads, send=queue.put)

def copied(shared, reads):
    np.frombuffer(getattr(shared, "get_obj", lambda: shared)())[:] = array
    ran(from_ctypes, shared, reads)

def ctypes_array(reads):
    copied(context.Array("d", N), reads)

def raw_array(reads):
    copied(context.RawArray("d", N), reads)

def segment(reads):
    shared = shared_memory.SharedMemory(create=True, size=8 * N)
    np.ndarray(N, buffer=shared.buf)[:] = array
    ran(from_segment, shared.name, reads)
    shared.close()
    shared.unlink()

def file(reads):
    mapped = np.memmap("array", float, "w+", shape=N)
    mapped[:] = array
    ran(from_file, "array", reads)

def manager(reads):
    with Manager(ctx=context) as manager:
        ran(from_manager, manager.array(), reads)

WAYS = inheritance, argument, pipe, queue, ctypes_array, raw_array, segment, file, manager

def seconds(way, reads):
    begin = time.perf_counter()
    way(reads)
    return time.perf_counter() - begin

if __name__ == "__main__":
    context = mp.get_context(sys.argv[1])
    for reads in (False, True):
        took = {way.__name__: min(seconds(way, reads) for _ in range(4)) for way in WAYS}
        print({name: round(1e3 * each, 1) for name, each in took.items()}, "ms", file=sys.stderr)
        word = "read" if reads else "unread"
        least = min(took.pop("inheritance"), took.pop("argument"))  # the same: a fork has both
        print(f"{word}: inherited in less than what every other way takes:", least < min(took.values()))
        print(f"{word}: by queue or pipe ten times that:", min(took["queue"], took["pipe"]) > 10 * least)
        print(f"{word}: by queue or pipe ten times a segment:", min(took["queue"], took["pipe"]) > 10 * took["segment"])
"""

CLAIMS = (
    Claim(
        number=29,
        claim="Arrays through shared memory arrive 5.8 times as fast as pickled through a queue (32 MiB).",
        source="spdl:examples/benchmark_arena_transport.py (3,767 against 647 MB/s)",
        verdict=ClaimVerdict.HOLDS,
        explanation="In that benchmark nobody reads what arrives. Read by who gets it, the factor was about the same"
        " here: 8.1, and 8.6 unread (a busy machine).",
        checks=(
            Script(
                tried="32 MiB through a queue against a copy into a segment that is there, unread and read",
                script=UNREAD,
                seen={
                    "": "prints unread: by segment in less than half of the time: True / read: by segment in less than"
                    " half of the time: True"
                },
                needs=("numpy",),
            ),
        ),
    ),
    Claim(
        number=30,
        claim="Of nine ways to share an array inheritance is the fastest; queues and pipes are nearly two orders of"
        " magnitude slower than the others.",
        source="superfastpython.com/numpy-array-share-fastest (an array of 800 MB)",
        verdict=ClaimVerdict.ONLY_WHEN,
        explanation="what is inherited is compared: a forked worker has what the parent had, its arguments too, without"
        " a copy, and a queue took some thirty times as long (64 MiB, read by the worker). What must be copied into a"
        " segment, an Array or a RawArray first saved about a half of a queue's time (149, 168, 159 and 296 ms; a busy"
        " machine).",
        checks=(
            Script(
                tried="64 MiB in nine ways to a worker that is started for it, unread and read",
                script=NINE,
                seen={
                    "": " / ".join(
                        f"{'' if number else 'prints '}{word}: inherited in less than what every other way"
                        f" takes: True / {word}: by queue or pipe ten times that: True / {word}: by queue or pipe ten"
                        " times a segment: False"
                        for number, word in enumerate(("unread", "read"))
                    )
                },
                needs=("numpy",),
                start_methods=("fork",),
            ),
        ),
    ),
)
