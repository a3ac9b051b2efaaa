"""Picklers over a pipe: the object becomes a stream of bytes, the worker rebuilds a copy.

What they carry is a question of the pickler; how the bytes travel is always the same: ``Connection.send_bytes``, as
``multiprocessing`` itself does it, except that out-of-band buffers (PEP 574) follow the stream one by one, uncopied.
"""

from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

from handoff.outcome import Kind
from handoff.payload import Duty, Trait
from handoff.strategies import _own
from handoff.strategy import Channel, Codec, Ends, Recipe, Site, Strategy
from handoff.timing import nothing

IOV_MAX = 1 << 30  #: bytes asked of one read or write: Linux moves at most 2 GiB - 4 KiB in one call


class BytesSender:
    """Encodes with a codec and sends the message whole."""

    def __init__(self, encode: Callable[[Any], Any]) -> None:
        self.encode = encode

    def open(self, conn: Connection) -> None:
        self.post = conn.send_bytes

    def close(self) -> None:
        pass


class BytesReceiver:
    """Receives a message whole and decodes it with a codec."""

    def __init__(self, decode: Callable[[Any], Any]) -> None:
        self.decode = decode

    def open(self, conn: Connection) -> None:
        self.take = conn.recv_bytes

    release = staticmethod(nothing)

    def close(self) -> None:
        pass


def write_all(fd: int, buffer: Any) -> None:
    """Write all of a contiguous buffer to a file descriptor, without copying it first."""
    view = memoryview(buffer).cast("B")
    while view:
        view = view[os.write(fd, view[:IOV_MAX]) :]


def read_into(fd: int, buffer: Any) -> None:
    """Fill a writable buffer from a file descriptor. Raises ``EOFError`` when the other end closes first."""
    view = memoryview(buffer).cast("B")
    while view:
        got = os.readv(fd, [view[:IOV_MAX]])
        if not got:
            raise EOFError("the other end closed the pipe in the middle of a buffer")
        view = view[got:]


def encode_out_of_band(obj: Any) -> tuple[bytes, list[memoryview]]:
    """Pickle with protocol 5; return the stream and the raw buffers that were left out of it, uncopied."""
    buffers: list[pickle.PickleBuffer] = []
    stream = pickle.dumps(obj, protocol=5, buffer_callback=buffers.append)
    return stream, [buffer.raw() for buffer in buffers]


def decode_out_of_band(message: tuple[Any, list[Any]]) -> Any:
    """The inverse of :func:`encode_out_of_band`; the object refers to the buffers that it is given."""
    stream, buffers = message
    return pickle.loads(stream, buffers=buffers)


def out_of_band_size(message: tuple[Any, list[Any]]) -> int:
    """Bytes of the stream and of all buffers together."""
    stream, buffers = message
    return len(stream) + sum(len(buffer) for buffer in buffers)


class BuffersSender:
    """Sends the sizes of the out-of-band buffers and the stream, then each buffer straight from its memory."""

    def __init__(self) -> None:
        self.encode = encode_out_of_band

    def open(self, conn: Connection) -> None:
        self.conn, self.fd = conn, conn.fileno()

    def post(self, message: tuple[bytes, list[memoryview]]) -> None:
        stream, buffers = message
        self.conn.send_bytes(struct.pack(f"<{len(buffers) + 1}Q", len(buffers), *map(len, buffers)) + stream)
        for buffer in buffers:
            write_all(self.fd, buffer)

    def close(self) -> None:
        pass


class BuffersReceiver:
    """Reads each buffer into memory of its own, which then *is* the memory of the rebuilt object."""

    def __init__(self) -> None:
        self.decode = decode_out_of_band

    def open(self, conn: Connection) -> None:
        self.conn, self.fd = conn, conn.fileno()

    def take(self) -> tuple[memoryview, list[bytearray]]:
        head = memoryview(self.conn.recv_bytes())
        (count,) = struct.unpack_from("<Q", head)
        buffers = []
        for size in struct.unpack_from(f"<{count}Q", head, 8):
            buffer = bytearray(size)
            read_into(self.fd, buffer)
            buffers.append(buffer)
        return head[8 * (count + 1) :], buffers

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass


def _encode_cloudpickle(obj: Any) -> bytes:
    import cloudpickle

    return cloudpickle.dumps(obj)  # type: ignore[no-any-return]  # it has no types


def _encode_dill(obj: Any) -> bytes:
    import dill

    return dill.dumps(obj)  # type: ignore[no-any-return]  # it has no types


def _encode_dill_recurse(obj: Any) -> bytes:
    import dill

    return dill.dumps(obj, recurse=True)  # type: ignore[no-any-return]  # it has no types


def _decode_dill(message: bytes) -> Any:
    import dill

    return dill.loads(message)


def _over_bytes(codec: Codec) -> Callable[[Site], Ends]:
    def carry(site: Site) -> Ends:
        return BytesSender(codec.encode), BytesReceiver(codec.decode)

    return carry


def _out_of_band(site: Site) -> Ends:
    return BuffersSender(), BuffersReceiver()


BEFORE = """
import multiprocessing as mp

def work(numbers):
    return sum(numbers)

if __name__ == "__main__":
    with mp.Pool(1) as pool:
        print(pool.apply(work, ([1, 2, 3],)))
"""

_PICKLE_AFTER = """
import multiprocessing as mp
import pickle

def work(message):
    return sum(pickle.loads(message))

if __name__ == "__main__":
    with mp.Pool(1) as pool:
        print(pool.apply(work, (pickle.dumps([1, 2, 3], protocol={protocol}),)))
"""

_LIBRARY_BEFORE = """
import multiprocessing as mp

def main():
    factor = 3
    with mp.Pool(1) as pool:
        try:
            print(pool.apply(lambda x: x * factor, (2,)))
        except Exception as error:
            print("fails:", type(error).__name__)

if __name__ == "__main__":
    main()
"""

_LIBRARY_AFTER = """
import multiprocessing as mp
import {library}

def call(message, *args):
    return {library}.loads(message)(*args)

def main():
    factor = 3
    with mp.Pool(1) as pool:
        print(pool.apply(call, ({library}.dumps(lambda x: x * factor{options}), 2)))

if __name__ == "__main__":
    main()
"""

_BUFFERS_AFTER = """
import multiprocessing as mp
import pickle
import numpy as np

def work(inbox, outbox):
    stream, count = inbox.recv()
    buffers = [inbox.recv_bytes() for _ in range(count)]
    outbox.send(float(pickle.loads(stream, buffers=buffers).sum()))

if __name__ == "__main__":
    ctx = mp.get_context("spawn")
    inbox, feed = ctx.Pipe(duplex=False)
    answers, outbox = ctx.Pipe(duplex=False)
    worker = ctx.Process(target=work, args=(inbox, outbox))
    worker.start()
    buffers = []
    stream = pickle.dumps(np.arange(1000.0), protocol=5, buffer_callback=buffers.append)
    feed.send((stream, len(buffers)))
    for buffer in buffers:
        feed.send_bytes(buffer.raw())
    print(answers.recv())
    worker.join()
"""

_BUFFERS_BEFORE = """
import multiprocessing as mp
import numpy as np

def work(array):
    return float(array.sum())

if __name__ == "__main__":
    with mp.get_context("spawn").Pool(1) as pool:
        print(pool.apply(work, (np.arange(1000.0),)))
"""

#: What the standard pickler does with the traits that it does not simply carry. A local class or function has no
#: importable name; a resource of the operating system has no state to write down; loading fails in the worker.
PICKLE_FAILS = (
    (Trait.LOCAL_FUNCTION, Kind.REFUSED),
    (Trait.LOCAL_CLASS, Kind.REFUSED),
    (Trait.OS_RESOURCE, Kind.REFUSED),
    (Trait.LOCK, Kind.REFUSED),
    (Trait.SYNCHRONIZED, Kind.REFUSED),
    (Trait.SOCKET, Kind.REFUSED),
    (Trait.INTERPRETER, Kind.REFUSED),
    (Trait.DUMP_FAILS, Kind.REFUSED),
    (Trait.DEEP, Kind.REFUSED),
    (Trait.MAIN_CODE, Kind.BROKEN),
    (Trait.LOAD_FAILS, Kind.BROKEN),
    (Trait.IDENTITY, Kind.ALTERED),
    (Trait.CHANGED, Kind.ALTERED),
)
#: multiprocessing's own pickler hands a socket's descriptor over.
FORKING_FAILS = tuple((trait, kind) for trait, kind in PICKLE_FAILS if trait is not Trait.SOCKET)
#: cloudpickle and dill write functions and classes down by value.
BY_VALUE_FAILS = tuple(
    (trait, kind)
    for trait, kind in PICKLE_FAILS
    if trait not in (Trait.LOCAL_FUNCTION, Trait.LOCAL_CLASS, Trait.MAIN_CODE)
)


def told_as(instead: Kind, kind: Kind, fails: tuple[tuple[Trait, Kind], ...]) -> tuple[tuple[Trait, Kind], ...]:
    """The same failures, where one kind of them is told as another."""
    return tuple((trait, instead if each is kind else each) for trait, each in fails)


#: dill's pickler is written in Python, and each level of the object takes some of the interpreter's stack.
#: It opens files anew and makes new locks.
DILL_FAILS = ((Trait.NESTED, Kind.REFUSED), (Trait.OS_RESOURCE, Kind.ALTERED), (Trait.LOCK, Kind.ALTERED))

COPY = "a copy: changes made by the worker are not seen by the sender; nothing to clean up"


def _pickle(protocol: int) -> Strategy:
    codec = Codec(partial(pickle.dumps, protocol=protocol), pickle.loads)
    return Strategy(
        name=f"pickle-{protocol}",
        pickled_as=f"pickle-{protocol}",
        change=5 if protocol == 5 else 9,
        summary=f"pickle protocol {protocol}, in one stream through a pipe",
        meaning=COPY,
        channel=Channel.PIPE,
        codec=codec,
        carry=_over_bytes(codec),
        fails=PICKLE_FAILS,
        late=5 - protocol,  # older ones after newer ones; 0 for the newest
        recipe=Recipe(
            BEFORE,
            _PICKLE_AFTER.format(protocol=protocol),
            _own.sent(f"pickle.dumps(obj, protocol={protocol})", "pickle.loads(message)", "pickle"),
        ),
    )


CARRIED = frozenset({Duty.ARGUMENT, Duty.RESULT})  #: duties in which the object travels with every task


def _library(
    name: str,
    module: str,
    summary: str,
    codec: Codec,
    options: str = "",
    nested: tuple[tuple[Trait, Kind], ...] = (),
    *,
    turn: int = 0,
    likely: int = 0,
    late: int = 0,
    change: int = 9,
) -> Strategy:
    return Strategy(
        name=name,
        pickled_as=module,
        change=change,
        summary=summary,
        meaning=COPY + "; functions and classes without an importable name travel by value",
        channel=Channel.PIPE,
        codec=codec,
        carry=_over_bytes(codec),
        needs=(module,),
        fails=(*nested, *(pair for pair in BY_VALUE_FAILS if pair[0] not in dict(nested))),
        baseline_of=CARRIED if turn else frozenset(),
        baseline_turn=turn,
        likely=tuple((duty, likely) for duty in CARRIED if likely),
        late=late,
        recipe=Recipe(
            _LIBRARY_BEFORE,
            _LIBRARY_AFTER.format(library=module, options=options),
            _own.sent(f"{module}.dumps(obj{options})", f"{module}.loads(message)", module),
        ),
    )


_DEFAULT = Codec(ForkingPickler.dumps, ForkingPickler.loads)

STRATEGIES = (
    Strategy(
        name="pickle-default",
        change=0,
        chunked="Pool.map(…, chunksize={})",
        summary="what multiprocessing does by itself: Connection.send, with Python's default pickle protocol",
        meaning=COPY,
        channel=Channel.PIPE,
        codec=_DEFAULT,
        carry=_over_bytes(_DEFAULT),
        fails=FORKING_FAILS,
        baseline_of=CARRIED,
        likely=tuple((duty, 1) for duty in CARRIED),
        recipe=Recipe(BEFORE, BEFORE, _own.BY_POOL),
    ),
    *(_pickle(protocol) for protocol in (2, 3, 4, 5)),
    Strategy(
        name="pickle-5-oob",
        pickled_as="pickle-5",
        summary="pickle protocol 5 with its buffers sent after the stream, straight from and into their memory",
        meaning=COPY,
        channel=Channel.PIPE,
        codec=Codec(encode_out_of_band, decode_out_of_band, out_of_band_size),
        carry=_out_of_band,
        fails=PICKLE_FAILS,
        likely=tuple((duty, 2) for duty in CARRIED),
        recipe=Recipe(_BUFFERS_BEFORE, _BUFFERS_AFTER, _own.OUT_OF_BAND),
    ),
    _library(
        "cloudpickle",
        "cloudpickle",
        "cloudpickle.dumps through a pipe: functions and classes by value",
        Codec(_encode_cloudpickle, pickle.loads),
        turn=2,
        likely=5,
        change=6,
    ),
    _library(
        "dill",
        "dill",
        "dill.dumps through a pipe: most of an interpreter by value",
        Codec(_encode_dill, _decode_dill),
        nested=DILL_FAILS,
        turn=3,
        late=5,
    ),
    _library(
        "dill-recurse",
        "dill",
        "dill.dumps(recurse=True): only the globals that a function refers to",
        Codec(_encode_dill_recurse, _decode_dill),
        ", recurse=True",
        DILL_FAILS,
        late=6,
    ),
)
