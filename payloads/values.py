"""Plain values: numbers, strings, dates and small dicts. Every pickler carries them; what differs is the cost."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import marshal
import pathlib
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from handoff.payload import Duty, Payload, Trait

PIPE = "a pipe holds 65,536 bytes (pipe(7), Linux since 2.6.11)"


class Status(enum.Enum):
    """An order's state: the kind of enum that travels in every message of a work queue."""

    NEW = "new"
    PAID = "paid"
    SENT = "sent"
    BACK = "back"


def plain_four() -> tuple[int, str, list[int], dict[str, str]]:
    return (42, "hello", [1, 2, 3], {"key": "value"})


def touch_plain_four(obj: tuple[int, str, list[int], dict[str, str]]) -> int:
    number, text, numbers, table = obj
    return number + len(text) + sum(numbers) + len(table["key"])


def config_dict() -> dict[str, Any]:
    """A service's settings: four levels, 24 feature flags, three databases, twelve routes."""
    return {
        "name": "orders",
        "version": [2, 14, 0],
        "debug": False,
        "databases": {
            name: {
                "engine": "postgresql",
                "host": f"{name}.db.example.org",
                "port": 5432,
                "options": {
                    "connect_timeout": 2.5,
                    "pool": {"min": 2, "max": 20, "recycle": 1800},
                    "ssl": True,
                },
            }
            for name in ("primary", "replica", "archive")
        },
        "features": {f"feature_{index:02d}": index % 3 == 0 for index in range(24)},
        "routes": [
            {
                "path": f"/api/v2/resource{index}",
                "methods": ["GET", "POST"],
                "timeout": 0.5 + index,
                "auth": None,
            }
            for index in range(12)
        ],
        "logging": {
            "version": 1,
            "handlers": {
                name: {
                    "class": "logging.StreamHandler",
                    "level": "INFO",
                    "formatter": "plain",
                }
                for name in ("console", "file", "audit")
            },
            "root": {"level": "WARNING", "handlers": ["console", "file", "audit"]},
        },
    }


def touch_config(obj: dict[str, Any]) -> int:
    """Every value, written down in C: marshal's format 2 has no references, so equal dicts give equal bytes."""
    return zlib.crc32(marshal.dumps(obj, 2))


def ints_10k() -> list[int]:
    """Two in three fit four bytes of a pickle, one needs more; nearly none is one of CPython's cached small ints."""
    return [index * 97 if index % 3 else index * 1_000_000_007 for index in range(10_000)]


def floats_10k() -> list[float]:
    return [index * 0.25 for index in range(10_000)]


def touch_floats(obj: list[float]) -> int:
    return int(sum(obj))


def strings_unique_1k() -> list[str]:
    return [f"user{index:06d}@example.org" for index in range(1_000)]


def strings_repeated_1k() -> list[str]:
    """1,000 references to ten strings: a pickler's memo writes each once."""
    words = [f"category-{index:02d}-of-ten" for index in range(10)]
    return [words[index % 10] for index in range(1_000)]


def touch_strings(obj: list[str]) -> int:
    return sum(map(len, obj))


def lists_100x10() -> list[list[int]]:
    return [list(range(index * 1000, index * 1000 + 10)) for index in range(100)]


def touch_lists(obj: list[list[int]]) -> int:
    return sum(map(sum, obj))


def stdlib_400() -> dict[str, list[Any]]:
    """100 each of datetimes (aware), Decimals, Paths and enum members."""
    start = dt.datetime(2025, 1, 1, 12, 30, tzinfo=dt.UTC)
    states = list(Status)
    return {
        "datetimes": [start + dt.timedelta(minutes=17 * index) for index in range(100)],
        "decimals": [decimal.Decimal(index * 1999) / 100 for index in range(100)],
        "paths": [pathlib.PurePosixPath("data", f"2025-{index % 12 + 1:02d}", f"{index}.csv") for index in range(100)],
        "states": [states[index % 4] for index in range(100)],
    }


def touch_stdlib(obj: dict[str, list[Any]]) -> int:
    total: int = sum(moment.minute + moment.day for moment in obj["datetimes"])
    total += int(sum(obj["decimals"]))
    total += sum(len(path.parts) + len(path.name) for path in obj["paths"])
    total += sum(len(state.value) for state in obj["states"])
    return total


def facts_stdlib(obj: dict[str, list[Any]]) -> Mapping[str, Any]:
    return {
        "datetimes": [moment.isoformat() for moment in obj["datetimes"]],
        "decimals": [str(number) for number in obj["decimals"]],
        "paths": [str(path) for path in obj["paths"]],
        "states": [state.name for state in obj["states"]],
        "states are the enum's own members": all(state is Status[state.name] for state in obj["states"]),
        "types": sorted({type(item).__qualname__ for items in obj.values() for item in items}),
    }


def scalars_1k() -> list[int | float | bool | str | bytes | None]:
    """200 records of five fields, flattened: what a ``ShareableList`` can hold. No text ends in NUL, or loses it."""
    flat: list[int | float | bool | str | bytes | None] = []
    for index in range(200):
        flat += [
            index * 7,
            index * 0.5,
            index % 2 == 0 if index % 4 else None,
            f"item-{index:04d}",
            b"\x01\x02\x03\x04",
        ]
    return flat


def touch_scalars(obj: Sequence[Any]) -> int:
    """Field by field, in C."""
    total: int = sum(obj[0::5]) + int(sum(obj[1::5])) + sum(filter(None, obj[2::5]))
    return total + sum(map(len, obj[3::5])) + sum(map(len, obj[4::5]))


def counters_100() -> dict[str, int]:
    return {f"events.{name}.{index:02d}": index * 10 for name in ("ok", "failed") for index in range(50)}


def touch_counters(obj: Mapping[str, int]) -> int:
    return sum(map(len, obj.keys())) + sum(obj.values())


ARGUMENT = frozenset({Duty.ARGUMENT})

PAYLOADS = (
    Payload(
        name="plain-four",
        make=plain_four,
        touch=touch_plain_four,
        duties=ARGUMENT | {Duty.RESULT},
        why="The four arguments with which the article shows a pool at work: about 60 bytes of pickle, "
        "so what is measured is the round trip itself.",
        source="articles/002",
    ),
    Payload(
        name="config-dict",
        make=config_dict,
        touch=touch_config,
        traits=frozenset({Trait.ELEMENTS}),
        duties=ARGUMENT | {Duty.STATE},
        why=f"A service's settings in four levels, 2.6 KB as JSON: far inside one pipe buffer; {PIPE}. "
        "Set up once per worker or, more often than people think, sent with every task.",
        source="articles/000; logging.config dictionary schema (Python manual)",
    ),
    Payload(
        name="ints-10k",
        make=ints_10k,
        touch=sum,
        traits=frozenset({Trait.SCALARS, Trait.ELEMENTS}),
        duties=ARGUMENT,
        why="10,000 ids or sample indices: one epoch's shard of a small data set. Two in three take three or five "
        "bytes of pickle, the rest, past 32 bits, up to eight: 59 KB, just inside one pipe buffer.",
        source="articles/002; pickletools, BININT and LONG1 (Lib/pickletools.py)",
    ),
    Payload(
        name="floats-10k",
        make=floats_10k,
        touch=touch_floats,
        traits=frozenset({Trait.SCALARS, Trait.ELEMENTS}),
        duties=ARGUMENT | {Duty.RESULT, Duty.SHARED},
        why="10,000 measurements as Python floats: nine bytes of pickle each, 90 KB, one and a half pipe buffers; "
        "beside array-f64-1mib it shows what boxing costs.",
        source="articles/002; pickletools, BINFLOAT (Lib/pickletools.py)",
    ),
    Payload(
        name="strings-unique-1k",
        make=strings_unique_1k,
        touch=touch_strings,
        traits=frozenset({Trait.ELEMENTS, Trait.SCALARS}),
        duties=ARGUMENT,
        why="1,000 e-mail addresses of 22 characters, all different: one page of keys for a batch job.",
        source="articles/002; pickle memo (Lib/pickle.py, Pickler.memoize)",
    ),
    Payload(
        name="strings-repeated-1k",
        make=strings_repeated_1k,
        touch=touch_strings,
        traits=frozenset({Trait.ELEMENTS, Trait.SCALARS}),
        duties=ARGUMENT,
        why="A categorical column: 1,000 cells, ten different values. The memo writes a repeated string once, then two "
        "bytes for each reference: unique and repeated strings are different payloads.",
        source="pickle memo (Lib/pickle.py, Pickler.memoize)",
    ),
    Payload(
        name="lists-100x10",
        make=lists_100x10,
        touch=touch_lists,
        traits=frozenset({Trait.ELEMENTS}),
        duties=ARGUMENT,
        why="100 small batches of ten numbers in one chunk: Pool.map sends an iterable in about four chunks per "
        "worker, so 800 tasks for two workers travel as 100 a message.",
        source="articles/000; multiprocessing.pool.Pool._map_async (Lib/multiprocessing/pool.py)",
    ),
    Payload(
        name="stdlib-400",
        make=stdlib_400,
        touch=touch_stdlib,
        facts=facts_stdlib,
        traits=frozenset({Trait.ELEMENTS}),
        duties=ARGUMENT,
        why="100 each of the four value types that database rows and job descriptions are made of; each has a "
        "reduction of its own, and enum members must arrive as the very members.",
        source="articles/002; datetime, decimal, pathlib and enum manual pages on pickling",
    ),
    Payload(
        name="scalars-1k",
        make=scalars_1k,
        touch=touch_scalars,
        traits=frozenset({Trait.SCALARS, Trait.ELEMENTS}),
        duties=ARGUMENT,
        why="200 records of five scalars in one flat list: every type that ShareableList holds, 1,000 slots, so that "
        "its cost per element shows.",
        source="multiprocessing.shared_memory.ShareableList (Python manual)",
    ),
    Payload(
        name="counters-100",
        make=counters_100,
        touch=touch_counters,
        traits=frozenset({Trait.ELEMENTS}),
        duties=frozenset({Duty.SHARED}),
        why="A statistics table that every worker adds to: 100 named counters, the size of one service's metrics page.",
        source="articles/003; multiprocessing.managers.SyncManager.dict (Python manual)",
    ),
)
