"""The record: the JSON that one experiment leaves. Written once, never unpickled, and never overwritten when whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict, get_type_hints

from handoff import shapes
from handoff.machine import Fingerprint, Load
from handoff.outcome import Outcome, OutcomeFields
from handoff.profile import ProfileFields

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


Measured = Annotated[float, shapes.measured]  #: may be below 0, or infinite where nothing is known
_SAMPLE = (
    *(shapes.text, shapes.text, shapes.count, shapes.count),
    *[shapes.maybe(shapes.positive)] * 2,  # operations, and seconds
    *[shapes.maybe(shapes.number)] * (len(COLUMNS) - 6),
)


class About(TypedDict, total=False):
    """A payload's own documentation."""

    why: str
    source: str
    target: str  #: as it was said, of one's own
    traits: list[str]
    nbytes: int | None


class Trial(TypedDict, total=False):
    """What is known of one trial as a whole."""

    seed: int
    before: Load
    after: Load


class DecisionFields(TypedDict):
    """A :class:`handoff.analysis.regret.Decision` in JSON: what is infinite or unknown is null."""

    answer: str
    advised: str
    bound: Measured | None
    limit: Measured | None
    baseline: str
    factor: list[Measured | None] | None  #: its value, and its interval's ends
    keeping: Measured | None
    saves_s: Measured | None
    ways: int
    fails: NotRequired[str]
    copies: NotRequired[list[Measured | None] | None]


@dataclass(slots=True, kw_only=True)
class Record:
    """One payload × one duty (or the codecs alone) × one start method: all strategies, all trials."""

    payload: str
    kind: str  #: a duty, or ``codec``: encoding and decoding alone, in one process
    start_method: str  #: empty for ``codec``
    collection: str  #: module the payload comes from
    strategies: list[str]  #: those asked for
    profile: ProfileFields
    fingerprint: Fingerprint
    run: str  #: all records of one run share it
    started: str  #: ISO 8601, UTC
    about: About
    baseline: str = ""
    floor_bytes: int | None = None  #: what the floor lanes move
    outcomes: Annotated[dict[str, Outcome], shapes.named(shapes.of(OutcomeFields))] = field(default_factory=dict)
    wire_bytes: dict[str, int] = field(default_factory=dict)  #: encoded size, by strategy (``codec`` only)
    rows: Annotated[list[list[Any]], shapes.listed(shapes.row(*_SAMPLE))] = field(default_factory=list)  #: see COLUMNS
    #: See VALUE_COLUMNS.
    values: Annotated[list[list[Any]], shapes.listed(shapes.row(*_SAMPLE[:4], shapes.measured))] = field(
        default_factory=list
    )
    trials: list[Trial] = field(default_factory=list)
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
    laws: dict[str, dict[str, Measured]] = field(default_factory=dict)
    decision: DecisionFields | None = None  #: which way to take, by its first metric

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


@cache
def shape() -> shapes.Shape:
    """What a file of a record has to be: each of its fields as that is declared, where it is there."""
    known = {name: shapes.of(each) for name, each in get_type_hints(Record, include_extras=True).items()}
    return shapes.having({"columns": shapes.listed(shapes.text), **known}, "columns", "payload", "kind", "outcomes")


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
    data["decision"] = data.get("decision") or None  # empty in records of before
    if wrong := shape()(data):
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
