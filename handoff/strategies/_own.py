"""Recipes for the user's own object, tasks, workers and start method: templates that strategies fill in.

``handoff.advising.recipes`` knows the words: ``{imports}``, ``{make}`` (the call that makes the object), ``{use}``
(what a task does with ``obj``), ``{method}``, ``{workers}``, ``{tasks}``, ``{chunk}``. What runs has to end: a task
that raises raises in the parent, and so does a worker that is gone where the processes are written out.
"""

from __future__ import annotations

#: The object goes to a pool with every task; ``extra`` are imports, ``load`` and ``dump`` make a message of it.
_SENT = """\
import multiprocessing as mp
{extra}{{imports}}

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

#: The object is in a global of each worker of a pool; ``obtain`` is what a worker does when it starts.
_KEPT = """\
import multiprocessing as mp
{extra}{{imports}}

def start({names}):
    global {keeps}
    {obtain}

def work(task):
    return {{use}}

if __name__ == "__main__":
{setup}    with mp.get_context("{{method}}").Pool({{workers}}, start, ({values})) as pool:
        results = pool.map(work, range({{tasks}})){end}
"""

#: Processes written out, each with a pipe of its own: it gets the next task when it has answered.
_PROCESSES = """\
import multiprocessing as mp
from multiprocessing.connection import wait
{extra}{{imports}}

def work(obj, task):
    return {{use}}
{functions}
def serve({given}):
{before_loop}    while (task := conn.recv()) is not None:
        try:
            answer = True, work({take}, task)
        except Exception as error:
            answer = False, error
        conn.send(answer)

if __name__ == "__main__":
    ctx, obj = mp.get_context("{{method}}"), {{make}}
    todo, busy, results = iter(range({{tasks}})), {{{{}}}}, {{{{}}}}
{setup}
    def give(conn):
        if (task := next(todo, None)) is not None:
            busy[conn] = task
            conn.send(task){post}

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
                results[busy.pop(conn)] = answer
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


def sent(dump: str, load: str, *modules: str) -> str:
    """Made a message for every task, by a pool."""
    return _SENT.format(extra="".join(f"import {each}\n" for each in modules), dump=dump, load=load)


def kept(
    obtain: str,
    *,
    names: str = "",
    values: str = "",
    keeps: str = "obj",
    extra: str = "",
    setup: str = "",
    end: str = "",
) -> str:
    """Set up by the initializer of a pool."""
    return _KEPT.format(
        obtain=obtain, names=names, values=values, keeps=keeps, extra=extra, setup=setup, end=f"\n{end}" if end else ""
    ).rstrip() + "\n"  # fmt: skip


def processes(
    *, given: str = "conn", values: str = "theirs,", take: str = "obj", post: str = "", extra: str = "",
    functions: str = "", before_loop: str = "", setup: str = "", each: str = "", end: str = "",
) -> str:  # fmt: skip
    """By processes written out."""
    return _PROCESSES.format(
        given=given, values=values, take=take, post=f"\n            {post}" if post else "", extra=extra,
        functions=functions, before_loop=before_loop, setup=setup, each=each, end=end,
    )  # fmt: skip


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

OUT_OF_BAND = processes(take="take(conn)", post="post(conn, obj)", extra="import pickle\n", functions=_POST_BUFFERS)

_POST_SHARED = """
def parts(obj):
    buffers = []
    stream = pickle.dumps(obj, protocol=5, buffer_callback=buffers.append)
    return stream, [buffer.raw() for buffer in buffers]

def post(conn, segment, obj):
    stream, buffers = parts(obj)
    spans, at = [], 0
    for buffer in buffers:
        segment.buf[at : at + len(buffer)] = buffer
        spans.append((at, at + len(buffer)))
        at += len(buffer)
    conn.send((stream, spans))

def take(conn, segment):
    stream, spans = conn.recv()
    return pickle.loads(stream, buffers=[segment.buf[low:high] for low, high in spans])  # until the next task
"""

_SHARED = "import pickle\nfrom multiprocessing.shared_memory import SharedMemory\n"
THROUGH_SEGMENT = processes(
    given="conn, name", values="theirs, segments[conn].name", take="take(conn, segment)",
    post="post(conn, segments[conn], obj)", extra=_SHARED, functions=_POST_SHARED,
    before_loop="    segment = SharedMemory(name)\n",
    setup="    size, segments = max(1, sum(map(len, parts(obj)[1]))), {{}}\n",
    each="        segments[conn] = SharedMemory(create=True, size=size)  # one for each worker, used again and again\n",
    end="        for segment in segments.values():\n            segment.close()\n            segment.unlink()\n",
)  # fmt: skip

IN_SEGMENT = kept(
    "segment = SharedMemory(name)\n"
    "    obj = pickle.loads(stream, buffers=[segment.buf[low:high] for low, high in spans])",
    names="name, stream, spans",
    values="segment.name, stream, spans",
    keeps="obj, segment",
    extra=_SHARED,
    setup="""\
    buffers, spans, at = [], [], 0
    stream = pickle.dumps({{make}}, protocol=5, buffer_callback=buffers.append)
    segment = SharedMemory(create=True, size=max(1, sum(len(buffer.raw()) for buffer in buffers)))
    for buffer in buffers:
        size = len(buffer.raw())
        segment.buf[at : at + size] = buffer.raw()
        spans.append((at, at + size))
        at += size
""".replace("{{make}}", "{make}"),
    end="    segment.close()\n    segment.unlink()",
)

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
