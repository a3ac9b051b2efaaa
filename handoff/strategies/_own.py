"""Recipes for the user's own object, tasks, workers and start method: templates that strategies fill in.

``handoff.advising.recipes`` knows the words: ``{imports}``, ``{make}`` (the call that makes the object), ``{use}``
(what a task does with ``obj``), ``{method}``, ``{workers}``, ``{tasks}``, ``{chunk}``. What runs has to end: a task
that raises raises in the parent, and so does a worker that is gone where the processes are written out.

What is sent to a worker and what comes back from it are mirror images: one description of the two ends serves both.
"""

from __future__ import annotations

from collections.abc import Callable

from handoff.payload import Duty

#: The object goes to a pool with every task; ``extra`` are imports, ``load`` and ``dump`` make a message of it.
_SENT = """\
import multiprocessing as mp
{extra}{{imports}}
{functions}
def work(message_and_task):
    message, task = message_and_task
    obj = {load}
    return {{use}}

if __name__ == "__main__":
    obj = {{make}}
    with mp.get_context("{{method}}").Pool({{workers}}) as pool:
        messages = (({dump}, task) for task in range({{tasks}}))
        results = list(pool.imap(work, messages))
"""

#: A pool's tasks return the object; ``dump`` and ``load`` as above. All have come before the first is read: what raises
#: in the middle of ``imap`` leaves the pool while a worker writes a result, which may wait for ever (seen in 3.11).
_RETURNED = """\
import multiprocessing as mp
{extra}{{imports}}
{functions}
def work(task):
    obj = {{make}}
    return {dump}

def read(obj):
    return {{use}}

if __name__ == "__main__":
    with mp.get_context("{{method}}").Pool({{workers}}) as pool:
        messages = pool.map(work, range({{tasks}}))
        results = [read({load}) for message in messages]
"""

#: The object is in a global of each worker of a pool; ``obtain`` is what a worker does when it starts, ``fetch`` what
#: each task does before it uses it.
_KEPT = """\
import multiprocessing as mp
{extra}{{imports}}
{functions}
def start({names}):
    global {keeps}
    {obtain}

def work(task):
{fetch}    return {use}

if __name__ == "__main__":
{setup}    with mp.get_context("{{method}}").Pool({{workers}}, start, ({values})) as pool:
        results = pool.map(work, range({{tasks}})){end}
"""

#: Processes written out, each with a pipe of its own: it gets the next task when it has answered.
_PROCESSES = """\
import multiprocessing as mp
from multiprocessing.connection import wait
{extra}{{imports}}

{task}
{functions}
def serve({given}):
{before_loop}    while (task := conn.recv()) is not None:
        try:
            {do}
        except Exception as error:
            answer = False, error
        conn.send(answer){reply}

if __name__ == "__main__":
    ctx, obj = mp.get_context("{{method}}"), {{make}}
    todo, busy, results = iter(range({{tasks}})), {{{{}}}}, {{{{}}}}
{setup}
    def give(conn):
        if (task := next(todo, None)) is not None:
            busy[conn] = task
            {ahead}conn.send(task){post}

    workers = []
    for _ in range({{workers}}):
        conn, theirs = ctx.Pipe()
{each}        worker = ctx.Process(target=serve, args=({values}), daemon=True)
        worker.start()
        theirs.close()
        workers.append((worker, conn))
    try:
        for _, conn in workers:
            give(conn)
        while busy:
            for conn in wait(list(busy)):
                done, answer = conn.recv()  # EOFError: the worker is gone
                if not done:
                    raise answer
                results[busy.pop(conn)] = {got}
                give(conn)
        for worker, conn in workers:
            conn.send(None)
            worker.join()
    finally:
        for worker, _ in workers:
            worker.kill()
            worker.join()
{end}"""

BY_ARGUMENT = """\
import multiprocessing as mp
{imports}

def work(obj, task):
    return {use}

if __name__ == "__main__":
    obj = {make}
    with mp.get_context("{method}").Pool({workers}) as pool:
        results = pool.starmap(work, [(obj, task) for task in range({tasks})], chunksize={chunk})
"""

BY_RESULT = """\
import multiprocessing as mp
{imports}

def work(task):
    return {make}

def read(obj):
    return {use}

if __name__ == "__main__":
    with mp.get_context("{method}").Pool({workers}) as pool:
        made = pool.map(work, range({tasks}))
        results = [read(obj) for obj in made]
"""

BY_FUTURES = """\
import multiprocessing as mp
from concurrent.futures import ProcessPoolExecutor
{imports}

def work(obj, task):
    return {use}

if __name__ == "__main__":
    obj = {make}
    with ProcessPoolExecutor({workers}, mp.get_context("{method}")) as pool:
        results = list(pool.map(work, [obj] * {tasks}, range({tasks}), chunksize={chunk}))
"""

RESULTS_OF_FUTURES = """\
import multiprocessing as mp
from concurrent.futures import ProcessPoolExecutor
{imports}

def work(task):
    return {make}

def read(obj):
    return {use}

if __name__ == "__main__":
    with ProcessPoolExecutor({workers}, mp.get_context("{method}")) as pool:
        results = [read(obj) for obj in pool.map(work, range({tasks}))]
"""

KEPT_FOR_FUTURES = """\
import multiprocessing as mp
from concurrent.futures import ProcessPoolExecutor
{imports}

def start(given):
    global obj
    obj = given

def work(task):
    return {use}

if __name__ == "__main__":
    with ProcessPoolExecutor({workers}, mp.get_context("{method}"), start, ({make},)) as pool:
        results = list(pool.map(work, range({tasks})))
"""

#: What a pool does by itself.
BY_POOL = {Duty.ARGUMENT: BY_ARGUMENT, Duty.RESULT: BY_RESULT}
BY_EXECUTOR = {Duty.ARGUMENT: BY_FUTURES, Duty.RESULT: RESULTS_OF_FUTURES, Duty.STATE: KEPT_FOR_FUTURES}

INHERITED = """\
import multiprocessing as mp
{imports}

obj = None

def work(task):
    return {use}

if __name__ == "__main__":
    obj = {make}  # before the pool starts: its workers begin with a copy of this memory
    with mp.get_context("fork").Pool({workers}) as pool:
        results = pool.map(work, range({tasks}))
"""


def sent(dump: str, load: str, *modules: str, functions: str = "") -> dict[Duty, str]:
    """Made a message for every task, or of every result, by a pool."""
    words = {"extra": _imports(modules), "dump": dump, "load": load, "functions": functions}
    return {Duty.ARGUMENT: _SENT.format(**words), Duty.RESULT: _RETURNED.format(**words)}


def _imports(modules: tuple[str, ...]) -> str:
    return "".join(f"import {each}\n" for each in modules)


def kept(
    obtain: str,
    *,
    names: str = "",
    values: str = "",
    keeps: str = "obj",
    fetch: str = "",
    use: str = "{use}",
    extra: str = "",
    functions: str = "",
    setup: str = "",
    end: str = "",
) -> str:
    """Set up by the initializer of a pool."""
    return _KEPT.format(
        obtain=obtain, names=names, values=values, keeps=keeps, extra=extra, setup=setup,
        fetch=f"    {fetch}\n" if fetch else "", use=use, functions=functions, end=f"\n{end}" if end else "",
    ).rstrip() + "\n"  # fmt: skip


USED = """\
def work(obj, task):
    return {use}"""


def processes(
    *, given: str = "conn", values: str = "theirs,", take: str = "obj", post: str = "", extra: str = "",
    functions: str = "", before_loop: str = "", setup: str = "", each: str = "", end: str = "", do: str = "",
    got: str = "", ahead: bool = False,
) -> str:  # fmt: skip
    """By processes written out: each has the object, or ``post`` sends it after a task and ``take`` is what comes.

    With ``ahead`` it is put where it is taken from before the task is sent, and whoever gets the task need not wait.
    """
    return _PROCESSES.format(
        task=USED,
        do=do or f"answer = True, work({take}, task)", reply="", got=got or "answer",
        given=given, values=values, post=f"\n            {post}" if post and not ahead else "",
        ahead=f"{post}\n            " if ahead else "", extra=extra,
        functions=functions, before_loop=before_loop, setup=setup, each=each, end=end,
    )  # fmt: skip


MADE = """\
def work(task):
    return {make}

def read(obj):
    return {use}"""
#: The same as parts of a program that stand by themselves.
WORK_FUNCTION, MADE_FUNCTIONS = f"\n{USED}\n", f"\n{MADE}\n"


def returning(
    *, given: str, values: str, post: str, take: str = "", extra: str = "", functions: str = "", before_loop: str = "",
    setup: str = "", each: str = "", end: str = "", got: str = "", ahead: bool = False,
) -> str:  # fmt: skip
    """The same in the other direction: ``post`` sends what a task has made after its answer, ``take`` is here."""
    return _PROCESSES.format(
        task=MADE, do="\n            ".join(("obj = work(task)", *([post] if ahead else []), "answer = True, None")),
        reply="" if ahead else f"\n        if answer[0]:\n            {post}", got=got or f"read({take})", post="",
        ahead="", given=given,
        values=values, extra=extra, functions=functions, before_loop=before_loop, setup=setup, each=each, end=end,
    )  # fmt: skip


def carried(
    post: str, take: str, *, near: str, far: str, given: str, values: str, extra: str = "", functions: str = "",
    before_loop: str = "", setup: str = "", each: str = "", end: str = "", do: str = "", got: str = "",
    reads: str = "", ahead: bool = False,
) -> dict[Duty, str]:  # fmt: skip
    """Processes written out, in both directions: ``{at}`` in ``post`` and ``take`` is ``near`` here, ``far`` there.

    ``reads`` are functions for what comes back alone.
    """

    def at(text: str, place: str) -> str:
        return text.replace("{at}", place)

    def made(builder: Callable[..., str], here: str, there: str, functions: str, **more: str) -> str:
        return builder(
            post=at(post, here), take=at(take, there), given=given, values=values, extra=extra, functions=functions,
            before_loop=before_loop, setup=setup, each=each, end=end, ahead=ahead, **more,
        )  # fmt: skip

    return {
        Duty.ARGUMENT: made(processes, near, far, functions, do=do),
        Duty.RESULT: made(returning, far, near, functions + reads, got=got),
    }


#: Several write to one thing, all see it: each task is an update under a lock.
_SHARED_BY_ALL = """\
import multiprocessing as mp
{extra}{{imports}}
{functions}
def start(*given):
    global {names}
    {names} = given

def work(task):
    {update}

if __name__ == "__main__":
    ctx, obj = mp.get_context("{{method}}"), {{make}}
{setup}    with ctx.Pool({{workers}}, start, ({values})) as pool:
        pool.map(work, range({{tasks}}))
    results = {whole}{end}
"""

#: An object by its elements.
ITEMS = """
def items_of(obj):
    return obj if isinstance(obj, dict) else dict(enumerate(obj.reshape(-1).tolist() if hasattr(obj, "dtype") else obj))
"""

_UPDATE = """\
key = keys[task % len(keys)]
    with lock:
        shared[key] += 1  # one update, of what all workers see"""


def shared(
    setup: str, *, names: str = "shared, lock, keys", values: str = "shared, ctx.Lock(), keys", update: str = _UPDATE,
    whole: str, extra: str = "", functions: str = "", end: str = "",
) -> str:  # fmt: skip
    """Written to by several."""
    return _SHARED_BY_ALL.format(
        setup=setup, names=names, values=values, update=update, whole=whole, extra=extra, functions=functions,
        end=f"\n{end}" if end else "",
    ).rstrip() + "\n"  # fmt: skip


_POST_BUFFERS = """
def post(conn, obj):
    buffers = []
    stream = pickle.dumps(obj, protocol=5, buffer_callback=buffers.append)
    conn.send((stream, len(buffers)))
    for buffer in buffers:
        conn.send_bytes(buffer.raw())

def take(conn):
    stream, count = conn.recv()
    return pickle.loads(stream, buffers=[bytearray(conn.recv_bytes()) for _ in range(count)])
"""

OUT_OF_BAND = carried(
    "post({at}, obj)", "take({at})", near="conn", far="conn", given="conn", values="theirs,", extra="import pickle\n",
    functions=_POST_BUFFERS,
)  # fmt: skip

INITIALIZED = kept("obj = given", names="given", values="{make},")
REBUILT = kept("obj = {make}")
AS_PROCESS_ARGUMENT = processes(given="conn, obj", values="theirs, obj")


def in_file(name: str, write: str, read: str, extra: str) -> str:
    """Written to a file once, of which every worker gets the path."""
    text = kept(
        f"obj = {read}", names="path", values="path,", extra=f"{extra}import tempfile\nfrom pathlib import Path\n"
    )
    before, main, rest = text.partition('if __name__ == "__main__":\n')
    inner = "".join(f"    {line}\n" for line in rest.splitlines())
    head = (
        f'    with tempfile.TemporaryDirectory() as folder:\n        path = Path(folder) / "{name}"\n        {write}\n'
    )
    return before + main + head + inner
