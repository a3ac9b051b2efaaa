"""The record: the JSON that one experiment leaves. Written once, never unpickled, and never overwritten when whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from handoff import shapes
from handoff.outcome import Outcome

SCHEMA = 1

#: A sample: ``n`` operations took ``seconds`` together, of which the phases; and what disturbed both processes.
COLUMNS = (
    "lane",
    "metric",
    "trial",
    "round",
    "n",
    "seconds",
    "encode_s",
    "decode_s",
    "touch_s",
    "switches",
    "faults",
    "collections",
)

#: What was read off rather than timed: one value each, in the unit that its metric's name ends with, see :func:`unit`.
VALUE_COLUMNS = ("lane", "metric", "trial", "round", "value")

SECONDS, BYTES = "seconds", "bytes"

#: Kinds of reports that may lie beside the records: of a selftest, and of two runs compared.
SELFTEST, STABILITY = "selftest", "stability"


def unit(metric: str) -> str:
    """The unit of a metric: bytes where its name ends so, else seconds an operation."""
    return BYTES if metric.endswith("-bytes") else SECONDS


class RecordError(Exception):
    """A file that is not a record this version can read; the message names the file and what is wrong."""


_OUTCOME = shapes.having(
    {
        **dict.fromkeys(("kind", "where", "error_type", "message"), shapes.text),
        "notes": shapes.listed(shapes.text),
    },
    "kind", "where", "error_type", "message",
)  # fmt: skip
_SAMPLE = (
    *(shapes.text, shapes.text, shapes.count, shapes.count),
    *[shapes.maybe(shapes.positive)] * 2,  # operations, and seconds
    *[shapes.maybe(shapes.number)] * (len(COLUMNS) - 6),
)
_LOAD = shapes.having({"load": shapes.listed(shapes.number), "pressure": shapes.named(shapes.number)})

#: What is read from a file of a record, and what it has to be.
SHAPE = shapes.having(
    {
        **dict.fromkeys(
            ("payload", "kind", "start_method", "collection", "run", "started", "baseline", "failed", "stopped"),
            shapes.text,
        ),
        "columns": shapes.listed(shapes.text),
        "strategies": shapes.listed(shapes.text),
        "profile": shapes.having(
            {
                "name": shapes.text,
                "target": shapes.maybe(shapes.number),
                "bound": shapes.maybe(shapes.number),
                **dict.fromkeys(("trials", "most_trials", "asked_from", "rounds"), shapes.count),
                **dict.fromkeys(("sample_s", "lane_s", "answer_s", "record_s", "least_s"), shapes.number),
            }
        ),
        "fingerprint": shapes.having(
            {
                **dict.fromkeys(("cpu", "system", "libc", "python", "default_start_method"), shapes.text),
                **dict.fromkeys(("cores", "usable_cores", "memory_bytes"), shapes.maybe(shapes.count)),
                "versions": shapes.named(shapes.text),
                "gil": shapes.flag,
            }
        ),
        "about": shapes.having(
            {
                **dict.fromkeys(("why", "source", "target"), shapes.text),
                "traits": shapes.listed(shapes.text),
                "nbytes": shapes.maybe(shapes.count),
            }
        ),
        "floor_bytes": shapes.maybe(shapes.count),
        "outcomes": shapes.named(_OUTCOME),
        "wire_bytes": shapes.named(shapes.count),
        "rows": shapes.listed(shapes.row(*_SAMPLE)),
        "values": shapes.listed(shapes.row(*_SAMPLE[:4], shapes.measured)),
        "trials": shapes.listed(shapes.having({"before": _LOAD, "after": _LOAD})),
        "complaints": shapes.listed(shapes.text),
        "complete": shapes.flag,
        "seconds": shapes.number,
        "left_out": shapes.named(shapes.count),
        "spent_s": shapes.named(shapes.number),
        "looks": shapes.count,
        "laws": shapes.named(shapes.named(shapes.measured)),
        "decision": shapes.named(shapes.anything),
    },
    "columns", "payload", "kind", "outcomes",
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Record:
    """One payload × one duty (or the codecs alone) × one start method: all strategies, all trials."""

    payload: str
    kind: str  #: a duty, or ``codec``: encoding and decoding alone, in one process
    start_method: str  #: empty for ``codec``
    collection: str  #: module the payload comes from
    strategies: list[str]  #: those asked for
    profile: dict[str, Any]
    fingerprint: dict[str, Any]
    run: str  #: all records of one run share it
    started: str  #: ISO 8601, UTC
    about: dict[str, Any]  #: the payload's own documentation: why, source, traits, nbytes
    baseline: str = ""
    floor_bytes: int | None = None  #: what the floor lanes move
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    wire_bytes: dict[str, int] = field(default_factory=dict)  #: encoded size, by strategy (``codec`` only)
    rows: list[list[Any]] = field(default_factory=list)  #: see COLUMNS
    values: list[list[Any]] = field(default_factory=list)  #: see VALUE_COLUMNS
    trials: list[dict[str, Any]] = field(default_factory=list)  #: seed and noise of each
    complaints: list[str] = field(default_factory=list)  #: what measuring processes wrote to standard error
    failed: str = ""  #: why there is nothing to measure at all
    stopped: str = (
        ""  #: why there were no more trials, see :mod:`handoff.measuring.experiment`; empty in records of before
    )
    complete: bool = True  #: False: interrupted, with the samples that were there
    seconds: float = 0.0  #: wall time spent on it
    left_out: dict[str, int] = field(default_factory=dict)  #: lanes measured no further, and after how many trials
    spent_s: dict[str, float] = field(default_factory=dict)  #: of that, by what was done; empty in records of before
    looks: int = 1  #: how often in all it may be asked which way to take, while samples grow
    #: How lanes scatter, by metric: what all records of the run told of its kind, see ``handoff.analysis.moderated``.
    laws: dict[str, dict[str, float]] = field(default_factory=dict)
    decision: dict[str, Any] = field(default_factory=dict)  #: which way to take, by its first metric

    @property
    def name(self) -> str:
        """The file's stem, unique within a run."""
        return name_of(self.kind, self.payload, self.start_method)

    @property
    def title(self) -> str:
        """For people: ``argument rows-dict-1k spawn``."""
        return " ".join(filter(None, (self.kind, self.payload, self.start_method)))

    def to_json(self) -> str:
        data = {"schema": SCHEMA, "columns": COLUMNS, "value_columns": VALUE_COLUMNS}
        data |= {f.name: getattr(self, f.name) for f in fields(self)}
        data["outcomes"] = {name: outcome.to_json() for name, outcome in self.outcomes.items()}
        return json.dumps(data)

    def write(self, folder: Path) -> Path:
        """Write the record to ``folder``, whole or not at all, in the place of one that was interrupted.

        Raises ``FileExistsError`` rather than overwrite anything else.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        if path.exists() and not interrupted(path):
            raise FileExistsError(f"{path} exists: a record is never overwritten; choose another folder")
        draft = path.with_suffix(f".{os.getpid()}.part")
        draft.write_text(self.to_json() + "\n")
        draft.rename(path)
        return path


def name_of(kind: str, payload: str, start_method: str) -> str:
    """The stem of a record's file."""
    return f"{kind}--{payload}--{start_method or 'any'}"


def interrupted(path: Path) -> bool:
    """Whether it is a record that its run could not finish."""
    try:
        return not read(path).complete
    except RecordError:
        return False


def read(path: Path) -> Record:
    """Read one record. Raises :class:`RecordError`."""
    return _record(path, _loaded(path))


def each(paths: Iterable[Path]) -> Iterator[tuple[Path, Record | dict[str, Any] | RecordError]]:
    """What each file holds: a record, the report of a selftest (a dict with its ``kind``), or why it can't be read."""
    for path in paths:
        try:
            data = _loaded(path)
            yield path, data if data.get("kind") in (SELFTEST, STABILITY) else _record(path, data)
        except RecordError as error:
            yield path, error


def read_all(folder: Path) -> tuple[list[Record], list[str]]:
    """Every record below a folder, and what could not be read, each in a sentence; selftests' reports are left out."""
    found = [item for _, item in each(sorted(folder.rglob("*.json")))]
    return [x for x in found if isinstance(x, Record)], [str(x) for x in found if isinstance(x, RecordError)]


def newest(reports: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Reports, the newest first; one that does not say when it started is the oldest."""
    return sorted(reports, key=lambda data: str(data.get("started", "")), reverse=True)


def _loaded(path: Path) -> dict[str, Any]:
    """What a file of this version's schema holds. Raises :class:`RecordError`."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise RecordError(f"{path}: not a record: {error}") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else None
        raise RecordError(f"{path}: schema {found!r}, and this version reads schema {SCHEMA}")
    return data


def _record(path: Path, data: dict[str, Any]) -> Record:
    names = {f.name for f in fields(Record)}
    if wrong := SHAPE(data):
        raise RecordError(f"{path}: not a record: {wrong.strip()}")
    try:
        if tuple(data["columns"]) != COLUMNS:
            raise RecordError(f"{path}: columns {data['columns']}, and this version reads {list(COLUMNS)}")
        data["outcomes"] = {name: Outcome.from_json(outcome) for name, outcome in data["outcomes"].items()}
        return Record(**{key: value for key, value in data.items() if key in names})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"{path}: incomplete: {type(error).__name__}: {error}") from error


NARROW = "narrow enough"  #: why an experiment ended: its intervals were


MOST_TRIALS = "most trials"  #: its profile allows no more, however wide the intervals


DECIDED = "decided"  #: it is known which way to take, as surely as its profile asks


BUDGET = "time is up"  #: the seconds that its profile has for a run were spent


INTERRUPTED = "interrupted"
