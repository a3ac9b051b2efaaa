"""The lanes that every round has beside the strategies: the harness itself, and the physical limits.

They are ends like any other, so the one timing loop drives them too.
"""

from __future__ import annotations

import fcntl
import os
import sys
import termios
from array import array
from multiprocessing.connection import Connection
from operator import index
from typing import Any

from handoff.analysis.metrics import FLOORS
from handoff.checksum import checksum
from handoff.payload import Payload, Trait
from handoff.strategies._flat import Shape, raw
from handoff.strategies.codecs import encode_out_of_band, out_of_band_size, read_into, write_all
from handoff.strategies.shm import RawReceiver, RawSender, new_segment
from handoff.strategy import Channel, Ends, Site
from handoff.timing import nothing

WATCHING = 5_000  #: looks into a pipe, a fraction of a microsecond each, before waiting as usual


class NullSender:
    """Sends an empty message, made of an empty tuple. All steps are C functions: they cost next to nothing."""

    obj = ()  #: what it sends, whatever the payload is
    encode = staticmethod(b"".join)

    def open(self, conn: Connection) -> None:
        self.post = conn.send_bytes

    def close(self) -> None:
        pass


class NullReceiver:
    """Receives an empty message and takes its length, by the two cheapest calls there are."""

    decode = staticmethod(len)
    touch = staticmethod(index)
    release = staticmethod(nothing)

    def open(self, conn: Connection) -> None:
        self.take = conn.recv_bytes

    def close(self) -> None:
        pass


class NullHolding:
    """No state: a bare worker."""

    def obtain(self) -> None:
        pass

    def get(self) -> None:
        return None

    def touch(self, _: Any) -> int:
        return 0

    def close(self) -> None:
        pass


class NullSharing:
    """Shares nothing: what the loop around an operation costs."""

    def open(self) -> None:
        pass

    def read(self, index: int) -> int:
        return index

    def write(self, index: int, value: Any) -> None:
        pass

    def update(self, index: int) -> None:
        pass

    def whole(self) -> None:
        return None

    def close(self) -> None:
        pass


class _Awake:
    """An end of a pipe that does not go to sleep in the middle of what is larger than the pipe.

    That comes in pipefuls, and for each of them sleeping and waking up takes longer than copying. How often a process
    sleeps is the scheduler's mood, and a slower receiver may well sleep less; nothing is faster than not to sleep.
    """

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes

    def open(self, conn: Connection) -> None:
        self.fd = conn.fileno()
        pipeful = fcntl.fcntl(self.fd, fcntl.F_GETPIPE_SZ) if hasattr(fcntl, "F_GETPIPE_SZ") else 0
        self.part = pipeful // 2 if self.nbytes > pipeful else self.nbytes
        self.room = pipeful - self.part
        self.there = array("i", [0])

    def watch(self, least: int, most: int) -> None:
        """Stay awake until there are so many bytes in the pipe, within reason."""
        for _ in range(WATCHING):
            fcntl.ioctl(self.fd, termios.FIONREAD, self.there)
            if least <= self.there[0] <= most:
                break
            os.sched_yield()  # the other end may be on this core

    def close(self) -> None:
        pass


class FloorSender(_Awake):
    """Writes raw bytes from memory that is always the same."""

    def open(self, conn: Connection) -> None:
        super().open(conn)
        self.data = memoryview(bytes(self.nbytes))

    def encode(self, _: Any) -> memoryview:
        return self.data

    def post(self, message: memoryview) -> None:
        for begin in range(0, self.nbytes, self.part):
            if begin:
                self.watch(0, self.room)
            write_all(self.fd, message[begin : begin + self.part])


class FloorReceiver(_Awake):
    """Reads raw bytes into memory that is always the same; buffer payloads are read once more, as a touch does."""

    def __init__(self, nbytes: int, *, read_all: bool) -> None:
        super().__init__(nbytes)
        self.read_all = read_all

    def open(self, conn: Connection) -> None:
        super().open(conn)
        self.data = bytearray(self.nbytes)

    def take(self) -> bytearray:
        message = memoryview(self.data)
        for begin in range(0, self.nbytes, self.part):
            part = message[begin : begin + self.part]
            if begin:
                self.watch(len(part), sys.maxsize)
            read_into(self.fd, part)
        return self.data

    def decode(self, message: bytearray) -> bytearray:
        return message

    def touch(self, obj: bytearray) -> int:
        return checksum(obj) if self.read_all else 0

    def release(self) -> None:
        pass


class FloorSegmentSender(RawSender):
    """Copies the payload's own memory into a reused segment: memcpy, and an empty message.

    Where the payload is no single block it copies as many bytes from elsewhere. Memory is not all alike: numpy asks for
    huge pages from 4 MiB on, and copying from small ones takes a seventh longer.
    """

    def __init__(self, name: str, nbytes: int) -> None:
        super().__init__(name)
        self.nbytes = nbytes
        self.data: memoryview | None = None

    def encode(self, obj: Any) -> memoryview:
        if self.data is None:
            self.data = _block(obj, self.nbytes)
        return self.data

    def close(self) -> None:
        self.data = None
        super().close()


class FloorSegmentReceiver(RawReceiver):
    """Reads all of the raw bytes in place."""

    def decode(self, message: memoryview) -> Any:
        return message

    def touch(self, obj: memoryview) -> int:
        checksum(obj)
        return 0  # as every lane of the harness acknowledges


def _block(obj: Any, nbytes: int) -> memoryview:
    """The memory of an object that is one block of so many bytes, else other memory of that size."""
    try:
        block = raw(obj)
        if len(block) == nbytes:
            return block
    except (TypeError, ValueError):
        pass
    return memoryview(bytearray(nbytes))


def raw_bytes(obj: Any, payload: Payload) -> int:
    """How many bytes a hand-off has to move at the least: the buffers alone, or else the shortest stream there is."""
    if payload.nbytes is not None:
        return payload.nbytes
    for dumps in (encode_out_of_band, _cloudpickled):
        try:
            return out_of_band_size(dumps(obj))
        except Exception:
            continue
    return 1


def _cloudpickled(obj: Any) -> tuple[bytes, list[Any]]:
    import cloudpickle

    return cloudpickle.dumps(obj), []


def floors(site: Site, nbytes: int) -> dict[str, Ends]:
    """The floor lanes for a payload. Shared memory has one only for payloads that are buffers."""
    is_buffer, nbytes = Trait.BUFFER in site.payload.traits, max(1, nbytes)
    found: dict[str, Ends] = {FLOORS[Channel.PIPE]: (FloorSender(nbytes), FloorReceiver(nbytes, read_all=is_buffer))}
    if is_buffer:
        name = new_segment(site, nbytes).name
        found[FLOORS[Channel.SHM]] = (
            FloorSegmentSender(name, nbytes),
            FloorSegmentReceiver(name, Shape("bytes", "B", (nbytes,)), nbytes),
        )
    return found
