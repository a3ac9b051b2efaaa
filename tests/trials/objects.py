"""Thirty objects and jobs on which advice is judged. They are used nowhere else: nothing was tuned to them."""

from __future__ import annotations

import datetime as dt
import decimal
import sqlite3
import string
import tempfile
import threading
import time
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

RANDOM = 20_240_229


@dataclass
class Order:
    """A row of a shop's book."""

    number: int
    customer: str
    lines: list[tuple[str, int, float]]
    paid: bool = False


@dataclass
class Settings:
    """A configuration with code in it."""

    name: str
    limits: dict[str, int]
    score: Callable[[float], float] = field(default=float)


class Model:
    """Weights by layer."""

    def __init__(self, layers: int, width: int) -> None:
        random = np.random.default_rng(RANDOM)
        self.weights = {f"layer{n}": random.standard_normal((width, width)) for n in range(layers)}
        self.bias = {f"layer{n}": np.zeros(width) for n in range(layers)}


class Sparse:
    """A matrix in compressed rows."""

    def __init__(self, rows: int, per_row: int) -> None:
        random = np.random.default_rng(RANDOM)
        self.shape = (rows, rows)
        self.indptr = np.arange(0, rows * per_row + 1, per_row, dtype=np.int64)
        self.indices = random.integers(0, rows, rows * per_row).astype(np.int32)
        self.data = random.standard_normal(rows * per_row)


class Node:
    """A tree with links to the parents."""

    __slots__ = ("children", "label", "parent")

    def __init__(self, label: int, parent: Node | None) -> None:
        self.label, self.parent = label, parent
        self.children: list[Node] = []


class Guarded:
    """Numbers and the lock that guards them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.numbers = list(range(20_000))


class Reader:
    """An open file, and what was read of it."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as the object lives
        self.seen = [f"line {n}" for n in range(5_000)]


class Store:
    """Leaves its connection behind when it travels, and opens it again."""

    def __init__(self) -> None:
        self.prices = {f"item-{n}": n / 7 for n in range(20_000)}
        self.connection = sqlite3.connect(":memory:")

    def __getstate__(self) -> dict[str, Any]:
        return {"prices": self.prices}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.prices = state["prices"]
        self.connection = sqlite3.connect(":memory:")


Tick = namedtuple("Tick", "time price volume venue")


def small_tuple() -> Any:
    return (17, "task", 2.5)


def small_config() -> Any:
    return {"name": "nightly", "retries": 3, "hosts": ["a", "b", "c"], "limits": {"cpu": 2, "memory": 4096}}


def frame_200mb() -> Any:
    return {f"column{n}": np.arange(n, n + 2_500_000, dtype=np.float64) for n in range(10)}


def frame_8mb() -> Any:
    return {f"column{n}": np.arange(n, n + 100_000, dtype=np.float64) for n in range(10)}


def orders() -> Any:
    return [Order(n, f"customer {n % 97}", [(f"article {k}", k, k * 1.5) for k in range(3)]) for n in range(3_000)]


def model_32mb() -> Any:
    return Model(8, 720)


def image_8mb() -> Any:
    return np.random.default_rng(RANDOM).integers(0, 255, (1632, 1632, 3), dtype=np.uint8)


def vector_64mb() -> Any:
    return np.random.default_rng(RANDOM).standard_normal(8 << 20)


def settings_with_lambda() -> Any:
    return Settings("fit", {f"limit{n}": n for n in range(500)}, lambda x: x * 2 + 1)


def words() -> Any:
    letters = string.ascii_lowercase
    return [f"{letters[n % 26]}{letters[n // 26 % 26]}-{n * 2654435761 % 2**32:x}" for n in range(120_000)]


def document() -> Any:
    def level(depth: int) -> Any:
        if depth == 0:
            return {"id": 1, "tags": ["x", "y"], "score": 0.5, "note": None}
        return {f"part{n}": level(depth - 1) for n in range(5)}

    return level(4)


def trades() -> Any:
    kind = np.dtype([("time", "i8"), ("price", "f8"), ("volume", "i4"), ("side", "S4")])
    made = np.zeros(160_000, kind)
    made["time"], made["price"] = np.arange(160_000), np.linspace(10, 20, 160_000)
    return made


def sparse() -> Any:
    return Sparse(40_000, 12)


def guarded() -> Any:
    return Guarded()


def reader() -> Any:
    return Reader()


def store() -> Any:
    return Store()


def counters() -> Any:
    return {f"word{n}": n for n in range(200)}


def histogram() -> Any:
    return np.zeros(1024, np.float64)


def blob_16mb() -> Any:
    return bytes(range(256)) * (16 << 12)


def html_text() -> Any:
    return "<li><a href='/item'>déjà vu</a></li>\n" * 30_000


def family() -> Any:
    root = Node(0, None)
    level = [root]
    for _ in range(3):
        for node in level:
            node.children = [Node(node.label * 20 + n, node) for n in range(20)]
        level = [child for node in level for child in node.children]
    return root


def small_arrays() -> Any:
    return [np.arange(n, n + 64, dtype=np.float64) for n in range(2_000)]


def ticks() -> Any:
    return [Tick(n * 0.25, 100 + n % 7, n % 1000, "XETR") for n in range(30_000)]


def papers() -> Any:
    day = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
    return [
        {"at": day + dt.timedelta(hours=n), "sum": decimal.Decimal(n) / 8, "file": Path(f"/srv/papers/{n}.pdf")}
        for n in range(400)
    ]


def id_set() -> Any:
    return {n * 7919 for n in range(250_000)}


def slow_lookup() -> Any:
    time.sleep(1.2)  # as parsing a large file would
    return {f"key-{n}": (n, n * 0.5) for n in range(60_000)}


@dataclass(frozen=True)
class Case:
    """One object, and one job for it; ``duty`` None: both to send it and to set it up are open."""

    make: Callable[[], Any]
    duty: str | None
    tasks: int
    workers: int
    start_method: str

    @property
    def name(self) -> str:
        return f"{self.make.__name__}-{self.duty or 'open'}-{self.tasks}x{self.workers}-{self.start_method}"


CASES = (
    Case(small_tuple, None, 10_000, 2, "fork"),
    Case(small_tuple, "argument", 10_000, 1, "spawn"),
    Case(small_config, None, 1, 1, "spawn"),
    Case(small_config, None, 1_000, 2, "forkserver"),
    Case(frame_200mb, None, 10, 2, "fork"),
    Case(frame_200mb, None, 3, 1, "spawn"),
    Case(frame_8mb, "argument", 100, 2, "forkserver"),
    Case(orders, None, 200, 2, "spawn"),
    Case(orders, "result", 50, 1, "forkserver"),
    Case(model_32mb, "state", 500, 2, "forkserver"),
    Case(model_32mb, None, 20, 1, "fork"),
    Case(image_8mb, "result", 40, 2, "fork"),
    Case(image_8mb, "argument", 100, 1, "spawn"),
    Case(settings_with_lambda, None, 300, 2, "fork"),
    Case(settings_with_lambda, None, 300, 1, "spawn"),
    Case(words, None, 10, 2, "spawn"),
    Case(document, "argument", 1_000, 2, "fork"),
    Case(trades, None, 200, 2, "spawn"),
    Case(sparse, "argument", 100, 2, "forkserver"),
    Case(guarded, None, 50, 2, "fork"),
    Case(reader, None, 50, 2, "fork"),
    Case(store, None, 60, 2, "spawn"),
    Case(counters, "shared", 2_000, 2, "fork"),
    Case(histogram, "shared", 5_000, 2, "spawn"),
    Case(blob_16mb, "argument", 60, 2, "fork"),
    Case(html_text, "argument", 500, 1, "forkserver"),
    Case(family, None, 30, 2, "spawn"),
    Case(small_arrays, "result", 50, 1, "fork"),
    Case(ticks, "state", 100, 1, "spawn"),
    Case(slow_lookup, None, 20, 2, "fork"),
)
