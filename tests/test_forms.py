"""Codecs and forms that say less than pickle does: what each of them alters, and what it leaves as it is."""

from __future__ import annotations

import dataclasses
import enum
import pickle
import tracemalloc
import uuid
from array import array
from decimal import Decimal
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from handoff.strategies import registry
from handoff.strategies.once import PackedList


def through(name: str, obj: Any) -> Any:
    codec = registry()[name].codec
    assert codec
    return codec.decode(codec.encode(obj))


@dataclasses.dataclass
class Order:
    number: int


class Colour(enum.Enum):
    RED = "red"


needs_msgspec = pytest.mark.skipif(find_spec("msgspec") is None, reason="msgspec is an optional extra")
needs_pyarrow = pytest.mark.skipif(find_spec("pyarrow") is None, reason="pyarrow is an optional extra")
NUMBER = uuid.UUID(int=7)


@needs_msgspec
@pytest.mark.parametrize("obj", [{"a": [1, 2.5, None, True, "text", b"bytes"]}, {1: "one"}, 2**63, []])
def test_msgpack_carries_plain_data(obj: Any) -> None:
    assert through("msgpack", obj) == obj


@needs_msgspec
@pytest.mark.parametrize(
    ("obj", "arrived"),
    [
        ((1, 2), [1, 2]),
        ([{3}, frozenset({4})], [[3], [4]]),
        (Order(5), {"number": 5}),
        (Colour.RED, "red"),
        (NUMBER, str(NUMBER)),
        (Decimal("1.5"), "1.5"),
        (bytearray(b"x"), b"x"),
    ],
)
def test_msgpack_alters_what_is_more(obj: Any, arrived: Any) -> None:
    got = through("msgpack", obj)
    assert got == arrived
    assert type(got) is type(arrived)


@needs_msgspec
def test_msgpack_makes_two_of_one_object() -> None:
    one: list[int] = []
    first, second = through("msgpack", [one, one])
    assert first is not second


@needs_msgspec
@pytest.mark.parametrize("obj", [np.arange(3), len, 2**64, 1j])
def test_msgpack_refuses_what_it_does_not_know(obj: Any) -> None:
    with pytest.raises((TypeError, OverflowError)):
        through("msgpack", obj)


@needs_pyarrow
def test_arrow_carries_tables() -> None:
    import pyarrow as pa

    table = pa.table({"number": [1, 2, None], "name": ["a", "b", "c"]}, metadata={"own": "note"})
    assert through("arrow-ipc", table).equals(table, check_metadata=True)


@needs_pyarrow
@pytest.mark.skipif(find_spec("pandas") is None, reason="pandas is no dependency")
def test_arrow_carries_frames_of_pandas_without_what_is_in_no_column() -> None:
    import pandas as pd

    frame = pd.DataFrame({"x": [1.5, 2.5], "kind": pd.Categorical(["a", "b"])}, index=pd.Index([10, 20], name="key"))
    frame.attrs["own"] = object
    with pytest.warns(UserWarning, match="attrs"):
        assert through("arrow-ipc", frame).attrs == {}
    frame.attrs = {"own": "text"}
    assert through("arrow-ipc", frame).attrs == frame.attrs
    pd.testing.assert_frame_equal(through("arrow-ipc", frame), frame)
    dates = pd.DataFrame({"x": [1, 2]}, index=pd.date_range("2026-01-01", periods=2, freq="D"))
    assert through("arrow-ipc", dates).index.freq is None


@needs_pyarrow
@pytest.mark.parametrize("obj", [[1, 2], {"a": 1}, np.arange(3)])
def test_arrow_refuses_what_is_no_table(obj: Any) -> None:
    with pytest.raises(TypeError, match="no table of pyarrow"):
        through("arrow-ipc", obj)


def packed(items: list[Any]) -> PackedList:
    ends, pickles = PackedList.packed(items)
    return PackedList(ends.tobytes() + b"".join(pickles), len(items))


@pytest.mark.parametrize("items", [[], ["a"], [None, {"b": (1, 2)}, "c" * 1000]])
def test_a_packed_list_has_the_items_of_the_list(items: list[Any]) -> None:
    found = packed(items)
    assert list(found) == items
    assert len(found) == len(items)
    assert found[:] == items
    assert [found[at] for at in range(-len(items), len(items))] == items + items
    with pytest.raises(IndexError):
        found[len(items)]
    found.close()


def test_a_packed_list_makes_an_item_when_it_is_asked_for_and_keeps_none() -> None:
    found = packed([list(range(1000)) for _ in range(200)])
    tracemalloc.start()
    assert sum(map(len, found)) == 200_000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20 * len(pickle.dumps(array("q", range(1000))))
    assert found[3] is not found[3]
    found.close()
