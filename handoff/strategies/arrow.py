"""Arrow's stream format: tables and frames by their columns' own memory, not by pickle.

A table of pyarrow is read where its bytes have arrived; a frame of pandas or polars is made of it, column by column.
What is in no column is lost: an index's frequency, attrs that are not JSON. Columns of other Python objects than text
are refused.
"""

from __future__ import annotations

import sys
from typing import Any

from handoff.payload import Trait
from handoff.strategies import _own
from handoff.strategies.codecs import BytesReceiver, BytesSender
from handoff.strategy import Channel, Codec, Ends, Recipe, Site, Strategy

_KIND = b"handoff-kind"  #: the key in the schema's metadata that says what is to be made of the table

#: By kind: the module and the class. What a module has made is there when the module is.
_CLASSES = {b"table": ("pyarrow", "Table"), b"pandas": ("pandas", "DataFrame"), b"polars": ("polars", "DataFrame")}


def kind_of(obj: Any) -> bytes:
    """Which of the three it is. Raises ``TypeError`` for anything else."""
    for kind, (module, name) in _CLASSES.items():
        if module in sys.modules and type(obj) is getattr(sys.modules[module], name, None):
            return kind
    raise TypeError(f"a {type(obj).__name__} is no table of pyarrow, and no frame of pandas or polars")


def encode(obj: Any) -> Any:
    """As a stream of Arrow: a ``pyarrow.Buffer``. Raises ``TypeError``, and what pyarrow says of a column."""
    import pyarrow as pa

    kind = kind_of(obj)
    match kind:
        case b"pandas":
            table = pa.Table.from_pandas(obj)
        case b"polars":
            table = obj.to_arrow()
        case _:
            table = obj
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _KIND: kind})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def decode(message: Any) -> Any:
    """The inverse of :func:`encode`: a table refers to the message's memory."""
    import pyarrow as pa

    with pa.ipc.open_stream(message) as reader:
        table = reader.read_all()
    metadata = dict(table.schema.metadata)
    kind = metadata.pop(_KIND)
    table = table.replace_schema_metadata(metadata or None)
    match kind:
        case b"pandas":
            return table.to_pandas()
        case b"polars":
            import polars as pl

            return pl.from_arrow(table)
        case _:
            return table


def _carry(site: Site) -> Ends:
    kind_of(site.obj)
    return BytesSender(encode), BytesReceiver(decode)


_BEFORE = """
import multiprocessing as mp
import pyarrow as pa

def work(table):
    return sum(table["price"].to_pylist())

if __name__ == "__main__":
    with mp.get_context("spawn").Pool(1) as pool:
        print(pool.apply(work, (pa.table({"price": [1.5, 2.5]}),)))
"""

_AFTER = """
import multiprocessing as mp
import pyarrow as pa

def work(message):
    table = pa.ipc.open_stream(message).read_all()
    return sum(table["price"].to_pylist())

if __name__ == "__main__":
    table = pa.table({"price": [1.5, 2.5]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    with mp.get_context("spawn").Pool(1) as pool:
        print(pool.apply(work, (sink.getvalue().to_pybytes(),)))
"""

_OWN_FUNCTIONS = """
def packed(obj):
    kind = type(obj).__module__.partition(".")[0]
    table = pa.Table.from_pandas(obj) if kind == "pandas" else obj.to_arrow() if kind == "polars" else obj
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return kind, sink.getvalue().to_pybytes()

def unpacked(message):
    kind, stream = message
    table = pa.ipc.open_stream(stream).read_all()
    if kind == "polars":
        import polars
        return polars.from_arrow(table)
    return table.to_pandas() if kind == "pandas" else table
"""

STRATEGIES = (
    Strategy(
        name="arrow-ipc",
        pickled_as="",
        summary="Arrow's stream format through a pipe: tables of pyarrow, frames of pandas and polars",
        meaning="a copy; what is in no column is lost: an index's frequency, attrs that are not JSON. A pyarrow table "
        "can't be changed",
        channel=Channel.PIPE,
        codec=Codec(encode, decode),
        carry=_carry,
        needs=("pyarrow",),
        only=frozenset({Trait.TABLE}),
        recipe=Recipe(
            _BEFORE, _AFTER, _own.sent("packed(obj)", "unpacked(message)", "pyarrow as pa", functions=_OWN_FUNCTIONS)
        ),
    ),
)
