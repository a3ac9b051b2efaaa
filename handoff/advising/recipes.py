"""Before and after, for the user's own object: the code of a strategy, with the call that makes the object in it."""

from __future__ import annotations

from collections.abc import Callable

from handoff.advising.result import Job, Recipe, Row
from handoff.payload import Duty
from handoff.strategies import registry
from handoff.target import Ref, parse_call

BEFORE = """\
import multiprocessing as mp
{imports}

def work(obj, task):
    ...

if __name__ == "__main__":
    obj = {make}
    with mp.get_context("{method}").Pool({workers}) as pool:
        pool.starmap(work, [(obj, task) for task in range({tasks})], chunksize={chunk})
"""

#: By strategy: the whole of it, for a pool. Others show their own recipe.
AFTER = {
    "pickle-default": BEFORE,
    "initializer": """\
import multiprocessing as mp
{imports}

def start(given):
    global obj
    obj = given

def work(task):
    ...  # uses obj

if __name__ == "__main__":
    with mp.get_context("{method}").Pool({workers}, initializer=start, initargs=({make},)) as pool:
        pool.map(work, range({tasks}))
""",
    "inherit": """\
import multiprocessing as mp
{imports}

obj = None

def work(task):
    ...  # uses obj

if __name__ == "__main__":
    obj = {make}  # before the pool starts: its workers begin with a copy of this memory
    with mp.get_context("fork").Pool({workers}) as pool:
        pool.map(work, range({tasks}))
""",
    "process-args": """\
import multiprocessing as mp
{imports}

def serve(obj, tasks, answers):
    while (task := tasks.get()) is not None:
        answers.put(...)  # uses obj

if __name__ == "__main__":
    ctx = mp.get_context("{method}")
    tasks, answers = ctx.Queue(), ctx.Queue()
    obj = {make}
    workers = [ctx.Process(target=serve, args=(obj, tasks, answers)) for _ in range({workers})]
    for worker in workers:
        worker.start()
    for task in range({tasks}):
        tasks.put(task)
    results = [answers.get() for _ in range({tasks})]
    for worker in workers:
        tasks.put(None)
    for worker in workers:
        worker.join()
""",
    "rebuild": """\
import multiprocessing as mp
{imports}

def start():
    global obj
    obj = {make}

def work(task):
    ...  # uses obj

if __name__ == "__main__":
    with mp.get_context("{method}").Pool({workers}, initializer=start) as pool:
        pool.map(work, range({tasks}))
""",
    "cloudpickle": """\
import multiprocessing as mp
import cloudpickle
{imports}

def work(message, task):
    obj = cloudpickle.loads(message)
    ...

if __name__ == "__main__":
    message = cloudpickle.dumps({make})
    with mp.get_context("{method}").Pool({workers}) as pool:
        pool.starmap(work, [(message, task) for task in range({tasks})])
""",
}
AFTER["dill"] = AFTER["cloudpickle"].replace("cloudpickle", "dill")


def recipe_for(ref: Ref, job: Job) -> Callable[[Row], Recipe]:
    """How to write down the recipe of a way for the object that ``ref`` makes, and the job that is to be done."""
    name, _, _ = parse_call(ref.name)
    declared = name == ref.name and not name.replace(".", "").isidentifier()  # a payload of a collection, by its name
    root, make = name.partition(".")[0], ref.name if "(" in ref.name else f"{ref.name}()"
    imports = f"from {ref.module} import {root}"
    if declared:
        imports, make = f"# make() is that of {ref.name} in {ref.module}", "make()"

    def written(row: Row) -> Recipe:
        words = {
            "imports": imports,
            "make": make,
            "method": job.start_method,
            "workers": job.workers,
            "tasks": job.tasks,
            "chunk": 1,
        }
        template = AFTER.get(row.strategy)
        if template is None or (row.strategy == "pickle-default" and row.duty != Duty.ARGUMENT):
            own = registry()[row.strategy].recipe
            note = f"# {row.strategy}, on a small object; put {make} of {ref.module} in its place\n"
            return Recipe(note + own.before.strip() + "\n", note + own.after.strip() + "\n")
        return Recipe(BEFORE.format(**words), template.format(**words | {"chunk": row.chunk}))

    return written
