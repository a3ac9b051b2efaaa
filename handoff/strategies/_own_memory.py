"""Recipes for the user's own object through memory that processes share: templates, as in ``_own.py``."""

from __future__ import annotations

from handoff.payload import Duty
from handoff.strategies import _own

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

_SHARED = "import pickle\nimport traceback\nfrom multiprocessing.shared_memory import SharedMemory\n"
_LET_GO = """\
    except Exception as error:
        traceback.clear_frames(error.__traceback__)  # what they refer to keeps the segment from being closed
        raise
    finally:
        del obj
"""
_USED = f"""
def used(obj):
    try:
        return read(obj)
{_LET_GO}"""
THROUGH_SEGMENT = _own.carried(
    "post({at}, obj)", "take({at})", near="conn, segments[conn]", far="conn, segment",
    given="conn, name", values="theirs, segments[conn].name", extra=_SHARED, functions=_POST_SHARED,
    before_loop="    segment = SharedMemory(name)\n",
    setup="    size, segments = max(1, sum(map(len, parts(obj)[1]))), {{}}\n",
    each="        segments[conn] = SharedMemory(create=True, size=size)  # one for each worker, used again and again\n",
    end="        for segment in segments.values():\n            segment.close()\n            segment.unlink()\n",
    got="used(take(conn, segments[conn]))", reads=_USED,
)  # fmt: skip

IN_SEGMENT = _own.kept(
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

PICKLED = {**THROUGH_SEGMENT, Duty.STATE: IN_SEGMENT}

_ARRAY = "import numpy as np\n"
REUSED = {
    **PICKLED,
    Duty.SHARED: _own.shared(
        "    values = np.asarray(memoryview(obj))\n"
        "    segment = SharedMemory(create=True, size=max(1, values.nbytes))\n"
        "    block = np.ndarray(values.shape, values.dtype, segment.buf)\n"
        "    block[...] = values\n",
        names="segment, shape, dtype, lock",
        values="segment, values.shape, values.dtype, ctx.Lock()",
        update="block = np.ndarray(shape, dtype, segment.buf).reshape(-1)\n"
        "    with lock:\n"
        "        block[task % block.size] += 1  # one update, of what all workers see",
        whole="block.reshape(-1).tolist()",
        extra=f"from multiprocessing.shared_memory import SharedMemory\n{_ARRAY}",
        end="    del block\n    segment.close()\n    segment.unlink()",
    ),
}

_FILLED = """
def filled(obj):
    buffers = []
    stream = pickle.dumps(obj, protocol=5, buffer_callback=buffers.append)
    views = [buffer.raw() for buffer in buffers]
    segment = SharedMemory(create=True, size=max(1, sum(map(len, views))))
    spans, at = [], 0
    for view in views:
        segment.buf[at : at + len(view)] = view
        spans.append((at, at + len(view)))
        at += len(view)
    return segment, (segment.name, stream, spans)

def attached(name, stream, spans):
    segment = SharedMemory(name)
    return pickle.loads(stream, buffers=[segment.buf[low:high] for low, high in spans]), segment
"""

#: A segment for each hand-off. The parent unlinks it; a worker only makes and fills, or attaches and closes it.
FRESH = {
    Duty.ARGUMENT: _own.processes(
        post="segments[conn], message = filled(obj)\n            conn.send(message)",
        do="answer = True, used(conn.recv(), task)",
        got="freed(segments.pop(conn), answer)",
        values="theirs,",
        extra=f"from multiprocessing import resource_tracker\n{_SHARED}",
        functions=f"""{_FILLED}
def used(message, task):
    obj, segment = attached(*message)
    answer = work(obj, task)
    del obj  # or the segment could not be closed
    segment.close()
    return answer

def freed(segment, answer):
    segment.close()
    segment.unlink()
    return answer
""",
        setup="    segments = {{}}\n"
        "    resource_tracker.ensure_running()  # one for all: a worker's own would remove what it has read\n",
        end="        for segment in segments.values():\n            freed(segment, None)\n",
    ),
    Duty.RESULT: _own.returning(
        given="conn",
        values="theirs,",
        post="segment, message = filled(obj)\n            conn.send(message)\n            segment.close()",
        got="used(conn.recv())",
        extra=f"from multiprocessing import resource_tracker\n{_SHARED}",
        functions=f"""{_FILLED}
def used(message):
    obj, segment = attached(*message)
    try:
        return read(obj)
{_LET_GO}        segment.close()
        segment.unlink()
""",
        setup="    resource_tracker.ensure_running()  # one for all: a worker's own would remove what it has sent\n",
    ),
}

_LISTS = "from multiprocessing.shared_memory import ShareableList\n"
_WRITE_LIST = """
def write(items, obj):
    for index, item in enumerate(obj):
        items[index] = item
"""
LISTED = {
    **_own.carried(
        "write({at}, obj)", "list({at})", ahead=True, near="lists[conn]", far="items", given="conn, name",
        values="theirs, lists[conn].shm.name", extra=_LISTS, functions=_WRITE_LIST,
        before_loop="    items = ShareableList(name=name)\n", setup="    lists = {{}}\n",
        each="        lists[conn] = ShareableList(obj)  # one for each worker, used again and again\n",
        end="        for items in lists.values():\n            items.shm.close()\n            items.shm.unlink()\n",
    ),
    Duty.STATE: _own.kept(
        "items = ShareableList(name=name)", names="name", values="items.shm.name,", keeps="items", extra=_LISTS,
        fetch="obj = list(items)", setup="    items = ShareableList({make})\n",
        end="    items.shm.close()\n    items.shm.unlink()",
    ),
    Duty.SHARED: _own.shared(
        "    items = ShareableList(obj)\n",
        names="items, lock", values="items, ctx.Lock()",
        update="key = task % len(items)\n    with lock:\n        items[key] += 1  # one update of what all see",
        whole="list(items)", extra=_LISTS, end="    items.shm.close()\n    items.shm.unlink()",
    ),
}  # fmt: skip

PACKED = {
    Duty.STATE: _own.kept(
        "segment = SharedMemory(name)\n    obj = Packed(segment.buf, count)",
        names="name, count",
        values="segment.name, len(ends)",
        keeps="obj, segment",
        extra=f"from collections.abc import Sequence\nfrom itertools import accumulate\n{_SHARED}",
        functions="""
class Packed(Sequence):  # an item is made anew each time it is asked for
    def __init__(self, block, count):
        self.block, self.ends = block, block[: 8 * count].cast("Q")

    def __len__(self):
        return len(self.ends) - 1

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        return pickle.loads(self.block[self.ends[at] : self.ends[at + 1]])
""",
        setup="""\
    items = [pickle.dumps(item, protocol=5) for item in {make}]
    ends = list(accumulate(map(len, items), initial=8 * (len(items) + 1)))
    segment = SharedMemory(create=True, size=ends[-1])
    with segment.buf[: ends[0]].cast("Q") as head:
        for index, end in enumerate(ends):
            head[index] = end
    segment.buf[ends[0] : ends[-1]] = b"".join(items)
""",
        end="    segment.close()\n    segment.unlink()",
    )
}


_VIEWED = """
def view(array, shape, dtype):
    return np.ndarray(shape, dtype, BUFFER)

def write(array, obj):
    values = np.asarray(memoryview(obj))
    LOCKEDview(array, values.shape, values.dtype)[...] = values
"""
_HELD = """
def held(array, shape, dtype, use, *task):
    with array.get_lock():
        return use(view(array, shape, dtype), *task)
"""
_BY_ELEMENT = """
def view(array, shape, dtype):
    return np.array([array[index] for index in range(len(array))], dtype).reshape(shape)

def write(array, obj):
    for index, value in enumerate(np.asarray(memoryview(obj)).reshape(-1).tolist()):
        array[index] = value
"""


def array(make: str, *, by_element: bool) -> dict[Duty, str]:
    """``ctx.Array`` or ``ctx.RawArray``, through a view of numpy or element by element."""
    locked = make == "Array"
    functions = _BY_ELEMENT if by_element else _VIEWED.replace("BUFFER", "array.get_obj()" if locked else "array")
    functions = functions.replace("LOCKED", "with array.get_lock():\n        " if locked else "")
    held = locked and not by_element
    new = f"{make}(dtype.char, values.size)" if by_element else f'{make}("B", max(1, values.nbytes))'
    known = "    values = np.asarray(memoryview({0}))\n    shape, dtype = values.shape, values.dtype\n"
    filled = f"    array = {{0}}.{new}\n    write(array, values)\n"
    lock = "array.get_lock()" if locked else "lock"
    element = "array[task % len(array)]" if by_element else "block[task % block.size]"
    return {
        **_own.carried(
            "write({at}, obj)", "view({at}, shape, dtype)", near="arrays[conn]", far="array", ahead=True,
            given="conn, array, shape, dtype", values="theirs, arrays[conn], shape, dtype", extra=_ARRAY,
            functions=functions + (_HELD if held else ""), setup=known.format("obj") + "    arrays = {{}}\n",
            each=f"        arrays[conn] = ctx.{new}\n",
            do="answer = True, held(array, shape, dtype, work, task)" if held else "",
            got="held(arrays[conn], shape, dtype, read)" if held else "",
        ),
        Duty.STATE: _own.kept(
            "array, shape, dtype = given" if by_element else "obj = view(*given)", names="*given",
            values="array, shape, dtype", keeps="array, shape, dtype" if by_element else "obj", extra=_ARRAY,
            fetch="obj = view(array, shape, dtype)" if by_element else "", functions=functions,
            setup=known.format("{make}") + filled.format('mp.get_context("{method}")'),
        ),
        Duty.SHARED: _own.shared(
            known.format("obj") + filled.format("ctx"), functions=functions, extra=_ARRAY,
            names="array, shape, dtype" + ("" if locked else ", lock"),
            values="array, shape, dtype" + ("" if locked else ", ctx.Lock()"),
            update=("" if by_element else "block = view(array, shape, dtype).reshape(-1)\n    ")
            + f"with {lock}:\n        {element} += 1  # one update, of what all workers see",
            whole="array[:]" if by_element else "view(array, shape, dtype).reshape(-1).tolist()",
        ),
    }  # fmt: skip
