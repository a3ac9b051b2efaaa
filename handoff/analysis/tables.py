"""Records of the deeper kinds as tables, for people and as JSON. Pure: records in, text out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from handoff.analysis import job_model, units
from handoff.analysis.figures import Figures
from handoff.analysis.job_model import Prediction
from handoff.analysis.metrics import CONTENTION, JOB, SCALING, STARTUP
from handoff.analysis.stats import Estimate
from handoff.record import BYTES, Record, unit

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class RecordTable:
    """One record, as it is shown."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: tuple[str, ...] = ()


def table(record: Record) -> RecordTable:
    """A record of a deeper kind as a table."""
    figures = Figures(record)
    failed = tuple(f"{name}: {outcome.reason}" for name, outcome in record.outcomes.items() if not outcome.ok)
    cores = f"all is {workers(record)['all']}" if record.kind in (SCALING, CONTENTION, JOB) else ""
    notes = tuple(filter(None, (cores, record.failed, *failed)))
    if record.kind == JOB:
        found = job_model.predictions(record)
        head = ("way", "workers", "tasks", "predicted", "measured", "off")
        jobs: list[tuple[str, ...]] = [
            (
                p.way,
                f"{p.workers}",
                f"{p.tasks}",
                units.seconds(p.predicted_s),
                units.seconds(p.measured_s),
                f"{p.error:+.0%}",
            )
            for p in found
        ]
        return RecordTable(record.title, head, jobs, (_sentence(found), *notes))
    metrics = [m for m in figures.metrics if any(_estimate(figures, lane, m) for lane in figures.lanes)]
    rows = [(lane, *(_cell(figures, lane, metric) for metric in metrics)) for lane in figures.lanes]
    return RecordTable(record.title, ("lane", *metrics), rows, notes)


def workers(record: Record) -> dict[str, int]:
    """How many workers the end of a metric's name stands for, on the machine of the record."""
    cores = int(record.fingerprint["usable_cores"])
    found = {metric.rpartition("-")[2] for _, metric, *_ in record.rows}
    return {"1": 1, "all": cores, "double": 2 * cores} | {label: int(label) for label in found if label.isdigit()}


def _estimate(figures: Figures, lane: str, metric: str) -> Estimate | None:
    if unit(metric) == BYTES:
        try:
            return figures.amount(lane, metric)
        except KeyError:
            return None
    return figures.figure(lane, metric).time if figures.has(lane, metric) else None


def _cell(figures: Figures, lane: str, metric: str) -> str:
    found = _estimate(figures, lane, metric)
    if found is None:
        return ""
    if unit(metric) == BYTES:
        return units.size(found.value)
    kind = figures.record.kind
    if kind == STARTUP and metric == "start" and lane != figures.record.baseline:
        return f"{units.interval(found)} {units.ratio(figures.figure(lane, metric).ratio.value)}"
    what, _, label = metric.rpartition("-")
    if kind in (SCALING, CONTENTION) and what != "start":
        rate = f"{units.digits(1 / found.value)}/s"
        known = workers(figures.record)
        if kind == SCALING and label != "1" and label in known and figures.has(lane, "task-1"):
            reached = job_model.efficiency(figures, lane, label, known[label])
            return f"{rate} ({reached.value:.0%})"
        return rate
    return units.interval(found)


def _sentence(found: Sequence[Prediction]) -> str:
    close = job_model.share(found)
    if math.isnan(close):
        return "no job was run"
    return f"{close:.0%} of {len(found)} jobs were predicted within {job_model.CLOSE:.0%} of what they took"


def _all_jobs(records: Iterable[Record]) -> list[Prediction]:
    return [each for record in records if record.kind == JOB for each in job_model.predictions(record)]


def text(records: Sequence[Record]) -> str:
    """Aligned columns."""
    parts = []
    for found in map(table, records):
        lines = [found.head, *found.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(found.head))]
        shown = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        parts.append("\n".join([found.title, "", *shown, "", *found.notes]).rstrip())
    if jobs := _all_jobs(records):
        parts.append(_sentence(jobs))
    return "\n\n\n".join(parts) + "\n"


def markdown(records: Sequence[Record]) -> str:
    """A heading and a table for each record."""
    parts = []
    for found in map(table, records):
        lines = [found.head, tuple("---" for _ in found.head), *found.rows]
        shown = ["| " + " | ".join(line) + " |" for line in lines]
        parts.append("\n".join([f"## {found.title}", "", *shown, "", *(f"- {note}" for note in found.notes)]).rstrip())
    if jobs := _all_jobs(records):
        parts.append(_sentence(jobs))
    return "\n\n".join(parts) + "\n"


def to_json(records: Sequence[Record]) -> str:
    """Every figure with its unit (seconds an operation, or bytes) and interval; every prediction."""
    data = []
    for record in records:
        figures = Figures(record)
        cells = []
        for metric in figures.metrics:
            for lane in figures.lanes:
                if found := _estimate(figures, lane, metric):
                    low, high = (limit if math.isfinite(limit) else None for limit in (found.low, found.high))
                    cell = {"lane": lane, "metric": metric, "unit": unit(metric), "value": found.value}
                    cells.append(cell | {"low": low, "high": high, "trials": found.n_trials})
        data.append(
            {
                "kind": record.kind,
                "payload": record.payload,
                "start_method": record.start_method,
                "baseline": record.baseline,
                "workers": workers(record),
                "outcomes": {name: outcome.to_json() for name, outcome in record.outcomes.items()},
                "figures": cells,
            }
        )
    jobs = _all_jobs(records)
    predicted = [
        {
            "payload": p.payload,
            "start_method": p.start_method,
            "way": p.way,
            "tasks": p.tasks,
            "workers": p.workers,
            "predicted_s": p.predicted_s,
            "measured_s": p.measured_s,
            "ratio": p.ratio,
        }
        for p in jobs
    ]
    share = job_model.share(jobs)
    return json.dumps(
        {
            "schema": SCHEMA,
            "records": data,
            "predictions": predicted,
            "share_close": None if math.isnan(share) else share,
        },
        indent=1,
    )
