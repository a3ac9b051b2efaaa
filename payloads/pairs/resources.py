"""Open files and live connections, and what to hand over instead."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

from handoff.declarations import Pair, Side
from handoff.outcome import Kind
from handoff.payload import Duty, Payload, Trait
from payloads._scratch import THREE_LINES, scratch_file, text_of
from payloads.custom_pickling import Repository, _database, facts_repository, touch_repository

PLAIN = ("pickle-default",)
BY_VALUE = ("pickle-default", "cloudpickle", "dill")
INHERITED = ("process-args",)
FORK = ("fork",)
REFUSED = (("pickle-default", Kind.REFUSED),)
ALL_REFUSED = tuple((each, Kind.REFUSED) for each in BY_VALUE)
COUNT = "SELECT count(*) FROM users"


class OpenedOnce:
    """A path, and the connection that the worker opens with it the first time it needs one: an initializer's work."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.opened: tuple[int, sqlite3.Connection] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "opened": None}

    def connection(self) -> sqlite3.Connection:
        """The connection of this process: one that was open before a fork is the parent's."""
        if self.opened is None or self.opened[0] != os.getpid():
            self.opened = os.getpid(), sqlite3.connect(self.path, check_same_thread=False)
        return self.opened[1]


def read_all(path: str) -> int:
    """Open, read and close, in each task."""
    return len(text_of(path))


def count_users(path: str) -> int:
    """Connect, ask and close, in each task."""
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute(COUNT).fetchone()[0])
    finally:
        connection.close()


PAYLOADS = (
    Payload(name="path-of-file", make=lambda: scratch_file(".txt", THREE_LINES), touch=read_all),
    Payload(name="path-of-database", make=lambda: _database(), touch=count_users),
    Payload(
        name="connection-opened-once",
        make=lambda: OpenedOnce(_database()),
        touch=lambda obj: int(obj.connection().execute(COUNT).fetchone()[0]),
        facts=lambda obj: {"path": obj.path},
    ),
    Payload(
        name="repository-live",
        make=lambda: Repository(_database()),
        touch=touch_repository,
        facts=facts_repository,
        traits=frozenset({Trait.OS_RESOURCE}),
    ),
)

HERE = "payloads.pairs.resources"

PAIRS = (
    Pair(
        name="open-file",
        awkward=(
            Side(
                payload="payloads.resources:file-text-reading",
                strategies=BY_VALUE,
                fails=(*REFUSED, ("cloudpickle", Kind.ALTERED), ("dill", Kind.ALTERED)),
            ),
            Side(
                payload="payloads.resources:file-text-reading",
                strategies=INHERITED,
                duty=Duty.STATE,
                start_methods=FORK,
            ),
        ),
        refactored=(Side(payload=f"{HERE}:path-of-file", strategies=PLAIN),),
        why="An open file, against its path, opened and read in each task.",
        source="articles/000",
    ),
    Pair(
        name="sqlite-connection",
        awkward=(
            Side(
                payload="payloads.resources:sqlite-file",
                strategies=BY_VALUE,
                fails=ALL_REFUSED,
            ),
            Side(payload="payloads.resources:sqlite-file", strategies=INHERITED, duty=Duty.STATE, start_methods=FORK),
        ),
        refactored=(
            Side(payload=f"{HERE}:path-of-database", strategies=PLAIN),
            Side(payload=f"{HERE}:connection-opened-once", strategies=("initializer",), duty=Duty.STATE),
        ),
        why="An SQLite connection, against its path with each task, and a connection that each worker opens once.",
        source="articles/000, 001",
    ),
    Pair(
        name="live-connection",
        awkward=(
            Side(
                payload=f"{HERE}:repository-live",
                strategies=BY_VALUE,
                fails=ALL_REFUSED,
            ),
            Side(payload=f"{HERE}:repository-live", strategies=INHERITED, duty=Duty.STATE, start_methods=FORK),
        ),
        refactored=(
            Side(payload="payloads.custom_pickling:getstate-connection", strategies=PLAIN),
            Side(payload="payloads.custom_pickling:reduce-ex-connection", strategies=PLAIN),
            Side(payload="payloads.custom_pickling:copyreg-connection", strategies=PLAIN),
            Side(payload=f"{HERE}:path-of-database", strategies=PLAIN),
        ),
        why="An object that holds a live connection, against __getstate__ with __setstate__, __reduce_ex__, copyreg,"
        " and its parameters alone. All of them open a connection in each task.",
        source="articles/000, 001, 002, 003",
    ),
)
