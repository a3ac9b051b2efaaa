"""Tables: pandas, polars and Arrow. What a data engineer hands over first; missing libraries make them unavailable."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from handoff.declarations import ANY, Gap
from handoff.outcome import Kind
from handoff.payload import Duty, Payload, Trait
from payloads._gaps import no_plain_data

#: About one pipe buffer (65,536 bytes, pipe(7)), about 1 MiB, and a day of events; of text, which takes a string
#: object a cell where nothing else does, a third of that.
ROWS = {"1k": 1_000, "30k": 30_000, "1m": 1_000_000}
TEXT_ROWS = {"1k": 1_000, "30k": 30_000, "300k": 300_000}


def _numbers(rows: int) -> dict[str, Any]:
    """Four columns of eight bytes each: id, time, value, weight."""
    import numpy as np

    at = np.arange(rows)
    return {"id": at, "time": at * 0.25, "value": (at % 1000).astype(float), "weight": at * 1e-6}


def _text(rows: int) -> dict[str, list[Any]]:
    """A log: a moment, a name among a hundred, a message of its own, and a gap in every tenth row."""
    begin = dt.datetime(2024, 1, 1)
    return {
        "at": [begin + dt.timedelta(seconds=row) for row in range(rows)],
        "user": [f"user{row % 100:03d}" for row in range(rows)],
        "message": [None if row % 10 == 9 else f"order {row:07d} was sent" for row in range(rows)],
        "count": [row % 7 for row in range(rows)],
    }


def pandas_numbers(rows: int) -> Any:
    import pandas as pd

    return pd.DataFrame(_numbers(rows))


def pandas_text(rows: int) -> Any:
    import pandas as pd

    return pd.DataFrame(_text(rows)).astype({"user": "category", "message": object})


def pandas_arrow(rows: int) -> Any:
    """The same columns, kept by Arrow."""
    import pandas as pd
    import pyarrow as pa

    return pa.table(_text(rows)).to_pandas(types_mapper=pd.ArrowDtype)


def polars_text(rows: int) -> Any:
    import polars as pl

    return pl.DataFrame(_text(rows))


def arrow_table(rows: int) -> Any:
    import pyarrow as pa

    return pa.table(_text(rows))


def _sizes(
    stem: str, make: Callable[[int], Any], sizes: dict[str, int], needs: tuple[str, ...], why: str, source: str
) -> tuple[Payload, ...]:
    return tuple(
        Payload(
            name=f"{stem}-{size}",
            make=_Made(make, rows),
            duties=frozenset({Duty.ARGUMENT}),
            needs=needs,
            traits=frozenset({Trait.TABLE} if needs == ("polars",) else {Trait.TABLE, Trait.ONE_INTERPRETER}),
            why=f"{why} {rows:,} rows.",
            source=source,
        )
        for size, rows in sizes.items()
    )


class _Made:
    """A table of so many rows; a class, so that payloads can be compared and pickled."""

    def __init__(self, make: Callable[[int], Any], rows: int) -> None:
        self.make, self.rows = make, rows

    def __call__(self) -> Any:
        return self.make(self.rows)


PAYLOADS = (
    *_sizes("frame-pandas-numbers", pandas_numbers, ROWS, ("pandas",),
            "Sensor readings, four columns of eight bytes: nothing but two blocks of memory and their labels.",
            "pandas user guide, Intro to data structures"),
    *_sizes("frame-pandas-text", pandas_text, TEXT_ROWS, ("pandas",),
            "A log with moments, names as a category, messages as Python strings with gaps: what read_csv gave up to "
            "pandas 2.",
            "pandas user guide, Working with text data; Categorical data"),
    *_sizes("frame-pandas-arrow", pandas_arrow, TEXT_ROWS, ("pandas", "pyarrow"),
            "The same log with columns that Arrow keeps: no Python string a cell.",
            "pandas user guide, PyArrow functionality"),
    *_sizes("frame-polars", polars_text, TEXT_ROWS, ("polars",),
            "The same log in polars, which pickles it as one Arrow stream.",
            "polars user guide, Multiprocessing"),
    *_sizes("table-arrow", arrow_table, TEXT_ROWS, ("pyarrow",),
            "The same log as an Arrow table, as a Parquet file is read.",
            "Apache Arrow, Python: Memory and IO interfaces, pickling with out-of-band buffers"),
)  # fmt: skip

GAPS = (
    *no_plain_data([each.name for each in PAYLOADS]),
    *(
        Gap(payload=f"frame-polars-{size}", strategy="arrow-ipc", start_method="fork", outcome=Kind.BROKEN,
            reason="a fork has none of the threads that polars waits for", source="polars user guide, Multiprocessing")
        for size in TEXT_ROWS
    ),
    *(
        Gap(payload=f"frame-polars-{size}", strategy=strategy, duty=duty, outcome=outcome,
            reason="polars loads there without its C part, warns, and raises a NameError where that is used",
            source="polars 2.1.0, polars/meta/build.py")
        for size in TEXT_ROWS
        for strategy, duty, outcome in (
            (("interpreter-queue", "interpreter-queue-told"), ANY, Kind.BROKEN),
            ("interpreter-pool", "argument", Kind.REFUSED),
            ("interpreter-pool", ("result", "state"), Kind.BROKEN),
        )
    ),
)  # fmt: skip
