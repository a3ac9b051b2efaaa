"""The floor of what goes through TCP: as many raw bytes, over one connection to where a worker is, and a word back.

The far end is a thread in the process of a worker, begun by a task: so it is on the worker's host, wherever that is.
Where no executor tells a host it is a process of this machine. It loads nothing that comes: it listens at one address
for one connection, which has to begin with a word that only the task was given, and both end together.
"""

from __future__ import annotations

import multiprocessing
import os
import secrets
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from handoff import timeouts
from handoff.checksum import checksum
from handoff.measuring.worker import CHECKSUM
from handoff.payload import Duty
from handoff.processes.executing import Executing
from handoff.strategy import Launch
from handoff.timing import Spent, nothing

LOOPBACK = "127.0.0.1"
WORD_BYTES = 16  #: what the connection begins with
DONE = CHECKSUM.pack(0)  #: as every lane of the harness acknowledges


def _listener(host: str) -> socket.socket:
    listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.settimeout(timeouts.HANDOFF_S)  # who has asked for it comes at once, but for a busy machine
    return listener


def listen(host: str, word: bytes, duty: str, nbytes: int, read_all: bool) -> int:
    """A task: a far end in this process. Returns its port. Raises ``OSError`` where it cannot listen there."""
    listener = _listener(host)
    port: int = listener.getsockname()[1]
    threading.Thread(target=_serve, args=(listener, word, duty, nbytes, read_all), daemon=True).start()
    return port


def _listening(tell: Connection, *how: Any) -> None:
    """A far end that is a process."""
    listener = _listener(LOOPBACK)
    tell.send_bytes(b"%d" % listener.getsockname()[1])
    _serve(listener, *how)


def _serve(listener: socket.socket, word: bytes, duty: str, nbytes: int, read_all: bool) -> None:
    """Until the connection ends, or nobody comes who knows the word."""
    with suppress(OSError), _welcomed(listener, word) as conn:
        data = memoryview(bytearray(os.urandom(nbytes)))  # nothing on the way can make it less
        wish = memoryview(bytearray(DONE))
        conn.sendall(DONE)
        while _filled(conn, wish if duty == Duty.RESULT else data):
            if duty == Duty.RESULT:
                conn.sendall(data)
            else:
                if read_all:
                    checksum(data)
                conn.sendall(DONE)


def _welcomed(listener: socket.socket, word: bytes) -> socket.socket:
    """The connection that begins with the word. Raises ``OSError`` where none does."""
    with listener:
        while True:
            conn, _ = listener.accept()
            conn.settimeout(timeouts.WIRE_S)
            said = memoryview(bytearray(len(word)))
            if _filled(conn, said) and secrets.compare_digest(said, word):
                _ready(conn)
                return conn
            conn.close()


def _ready(conn: socket.socket) -> None:
    conn.settimeout(None)
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # it waits for nothing, as who wants to be fast
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # whoever has gone without a word is noticed ...
    if hasattr(socket, "TCP_KEEPIDLE"):
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)  # ... in minutes, not in two hours


def _filled(conn: socket.socket, view: memoryview) -> bool:
    """Receive as much as there is room for; False where the other side has ended."""
    while len(view):
        got = conn.recv_into(view)
        if not got:
            return False
        view = view[got:]
    return True


class FloorWire:
    """The near end: to a lane both its worker and its ends, for all goes over the one connection."""

    launch = Launch.EXECUTOR  #: a worker of its own
    process: Any = None
    obj = ()  #: what is sent is not the payload

    def __init__(self, executing: Executing | None, duty: Duty, nbytes: int, *, read_all: bool) -> None:
        """To where an executor's worker is, or on this machine. Raises whatever keeps it from there."""
        self.read_all = read_all
        self.data = memoryview(bytearray(os.urandom(nbytes)))
        self.answered = memoryview(bytearray(DONE))
        word = secrets.token_bytes(WORD_BYTES)
        how = (word, str(duty), nbytes, read_all)
        host: str = getattr(executing.executor, "host", "") if executing else ""
        if host and executing:
            port = executing.submit(partial(listen, host, *how)).result()
        else:
            host, port = LOOPBACK, self._begin(how)
        self.conn = socket.create_connection((host, port), timeouts.WIRE_S)
        try:
            self.conn.sendall(word)
            self.recv_bytes = self._acknowledged
            self._acknowledged()
        except BaseException:
            self.kill()
            raise
        _ready(self.conn)
        self.to_worker = self.from_worker = self
        self.post = self.conn.sendall

    def _begin(self, how: tuple[Any, ...]) -> int:
        """A process of its own: spawned, for threads may run here."""
        here, there = multiprocessing.get_context("spawn").Pipe(duplex=False)
        self.process = multiprocessing.get_context("spawn").Process(target=_listening, args=(there, *how), daemon=True)
        self.process.start()
        there.close()
        with here:
            return int(here.recv_bytes())

    # What a lane does with the worker

    def command(self, _: Mapping[str, Any]) -> None:
        self.recv_bytes = self._begun

    def _begun(self) -> bytes:
        """As a worker that begins with a sample says."""
        self.recv_bytes = self._acknowledged
        return b""

    def answer(self, _: float) -> dict[str, Any]:
        """All figures are this side's."""
        return {"spent": Spent(0.0)._asdict()}

    started = dismiss = staticmethod(nothing)

    def stop(self) -> None:
        self.kill()

    def kill(self) -> None:
        """The far end ends with the connection."""
        self.conn.close()
        if self.process is not None:
            self.process.join(timeouts.WORKER_STOP_S)
            self.process.kill()

    # The two pipes

    def send_bytes(self, _: bytes) -> None:
        """The wish for what comes back."""
        self.conn.sendall(DONE)

    def _acknowledged(self) -> bytes:
        if not _filled(self.conn, self.answered):
            raise EOFError("the far end of the wire has closed")
        return bytes(self.answered)

    # Its ends

    open = close = release = staticmethod(nothing)

    def encode(self, _: Any) -> memoryview:
        return self.data

    def take(self) -> memoryview:
        if not _filled(self.conn, self.data):
            raise EOFError("the far end of the wire has closed")
        return self.data

    def decode(self, message: memoryview) -> memoryview:
        return message

    def touch(self, obj: memoryview) -> int:
        if self.read_all:
            checksum(obj)
        return 0
