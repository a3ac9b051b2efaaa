"""Rows to data: one document a run, which the page shows and a reader can download, and the same as CSV. Pure.

Times are in seconds, sizes in bytes, ratios are times slower; a triple is value, low and high of the 99 % interval,
null where unknown. Numbers have the three digits that are shown, which makes a page of 6,000 cells a third as large;
the script puts units to them as :mod:`handoff.analysis.units` does, and a test holds the two together. CSV has every
digit.
"""

from __future__ import annotations

import csv
import io
import math
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from handoff.analysis import answers, cost, regret, units
from handoff.analysis.job_model import predictions
from handoff.analysis.metrics import CONTENTION, JOB, NULL, SCALING
from handoff.analysis.stats import Estimate
from handoff.analysis.tables import workers
from handoff.record import BUDGET, DECIDED, INTERRUPTED, MOST_TRIALS, NARROW, Record
from handoff.strategies import registry
from handoff.strategy import Strategy

from . import meanings, verdicts
from .rows import FOOTPRINT, HarnessLane, Rank, Table, TableCell, asked, noise

SCHEMA = 1
GraphLink = Callable[[Table, str], str]  #: asv's graph of a table's strategy; "" where there is none
PHASES = ("encode", "transfer", "decode", "touch")  #: in the order in which they happen

_SIZE = re.compile(r"^(.*)-\d+(?:k|m|g|kib|mib|gib)?$")


def no_graph(table: Table, strategy: str) -> str:
    """Where there is no asv."""
    return ""


def document(found: Sequence[Table], *, title: str, graph: GraphLink = no_graph) -> dict[str, Any]:
    """Everything that a page shows of one run."""
    names = {cell.strategy for table in found for cell in table.cells}
    known = registry()
    run = noise(found)
    return {
        "schema": SCHEMA,
        "title": title,
        "answers": answered(found),
        "started": min((table.record.started for table in found), default=""),
        "kinds": list(dict.fromkeys(table.kind for table in found)),
        "duties": dict(meanings.DUTIES),
        "meanings": {table.metric: meanings.meaning(table.metric) for table in found},
        "phases": PHASES,
        "strategies": {
            name: _strategy(known[name]) if name in known else {}
            for name in sorted(names, key=lambda name: (list(known).index(name) if name in known else len(known), name))
        },
        "noise": {
            "too_noisy": run.too_noisy,
            "tables": run.tables,
            "noisy": run.noisy,
            "median_aa": units.percent(run.median_aa),
            "trials": run.trials,
        },
        "tables": [_table(table, graph) for table in found],
        "jobs": jobs(found),
        "crossings": crossings(found),
        "footprint": [meanings.meaning(name) for name in FOOTPRINT],
        "scaling": scaling(found),
        "runs": whole_jobs(found),
    }


def answered(found: Sequence[Table]) -> dict[str, Any]:
    """What the run has answered, and what would answer the rest: the soonest answered first."""
    questions = asked(found)
    return {
        "summary": answers.summary(questions),
        "open": [
            {"about": each.about, "takes": answers.what_would_do(each), "command": each.command if each.trials else ""}
            for each in answers.open_ones(questions)
        ],
    }


def _strategy(strategy: Strategy) -> dict[str, str]:
    return {
        "summary": strategy.summary,
        "meaning": strategy.meaning,
        "recipe": strategy.recipe.after.strip(),
    }


def _table(table: Table, graph: GraphLink) -> dict[str, Any]:
    record = table.record
    advice = verdicts.advise(table)
    family = _SIZE.match(record.payload)
    return {
        "payload": record.payload,
        "kind": table.kind,
        "start_method": record.start_method,
        "metric": table.metric,
        "family": family[1] if family else "",
        "bytes": record.about.get("nbytes") or record.floor_bytes,
        "baseline": record.baseline,
        "fails": table.decision.fails,
        "take": advice.take,
        "keep": advice.keep,
        "pays": bool(advice.take) and table.decision.pays,
        "choice": bool(record.strategies),
        "advised": table.decision.advised,
        "bound": _number(table.decision.bound),
        "limit": table.decision.limit,
        "short": advice.short,
        "words": advice.main,
        "more": advice.more,
        "saves": advice.saves,
        "sure": advice.sure,
        "unit": table.unit,
        "group": record.collection.rpartition(".")[2],
        "stopped": stopped(record),
        "why": str(record.about.get("why") or ""),
        "source": str(record.about.get("source") or ""),
        "aa": _number(table.aa),
        "aa_text": units.percent(table.aa),
        "noisy": table.noisy,
        "complete": record.complete,
        "record": table.path,
        "command": answers.command(record),
        "target": shlex.quote(answers.target(record)),
        "lanes": [_lane(lane) for lane in table.lanes],
        "cells": [_cell(table, cell, graph) for cell in table.cells],
    }


def stopped(record: Record) -> str:
    """Why there were no more trials, in words; "" where the record does not say."""
    trials = max((len(record.trials), *(int(row[2]) + 1 for row in (*record.rows[-1:], *record.values[-1:]))))
    why = {
        NARROW: "its intervals were narrow enough",
        DECIDED: "it was decided",
        BUDGET: "the time for its run was up",
        MOST_TRIALS: "its profile allows no more",
        INTERRUPTED: "it was interrupted",
    }
    return f"Ended after {trials} trials: {why.get(record.stopped, record.stopped)}." if record.stopped else ""


def _lane(lane: HarnessLane) -> dict[str, Any]:
    return {"name": lane.name, "value": _triple(lane.value), "rate": _number(lane.bytes_per_s)}


def _cell(table: Table, cell: TableCell, graph: GraphLink) -> dict[str, Any]:
    found: dict[str, Any] = {"strategy": cell.strategy, "outcome": str(cell.outcome.kind), "rank": str(cell.rank)}
    if not cell.outcome.ok:
        found["reason"] = cell.outcome.reason
    if link := graph(table, cell.strategy):
        found["graph"] = link
    figures = {"time": cell.time, "slower": cell.slower, "ratio": cell.ratio, "floor": cell.floor_ratio}
    found |= {name: _triple(figure) for name, figure in figures.items() if figure}
    if math.isfinite(cell.bound):
        found["bound"] = units.shown(regret.rounded_up(cell.bound))
    if cell.left_out:
        found["left_out"] = cell.left_out
    if cell.floor:
        found["floor_lane"] = cell.floor
    if cell.bytes_per_s:
        found["rate"] = _number(cell.bytes_per_s)
    if cell.wire_bytes is not None:
        found["wire_bytes"] = cell.wire_bytes
    if cell.phases:
        found["phases"] = [_number(cell.phases[name]) for name in PHASES]
    if cell.amount:
        found["amount"] = _triple(cell.amount)
    if cell.memory:
        found["memory"] = [_triple(cell.memory[name]) if name in cell.memory else None for name in FOOTPRINT]
    if cell.clean and cell.time and cell.disturbed:
        found["clean"] = _triple(cell.clean) if cell.clean.n_samples else None
        found["disturbed"] = {"samples": cell.time.n_samples, "clean": cell.clean.n_samples, **cell.disturbed}
    return found


def _triple(figure: Estimate) -> list[float | None]:
    return [_number(figure.value), _number(figure.low), _number(figure.high)]


def _number(value: float | None) -> float | None:
    return units.shown(value) if value is not None and math.isfinite(value) else None


# -- what spans several tables -----------------------------------------------------------------------------------------


def jobs(found: Iterable[Table]) -> list[dict[str, Any]]:
    """For payloads both sent and set up: total time against tasks, and from how many tasks setting up pays."""
    by = {(t.record.payload, t.record.start_method, t.kind, t.metric): t for t in found}
    out = []
    for (payload, start_method, kind, metric), task in by.items():
        if (kind, metric) != ("state", "task"):
            continue
        setup = by.get((payload, start_method, "state", "setup"))
        if setup is None:
            continue
        argument = by.get((payload, start_method, "argument", "handoff"))
        found_pays = verdicts.setup_pays(argument, task, setup) if argument else []
        pays = found_pays[0] if found_pays else None
        out.append(
            {
                "payload": payload,
                "start_method": start_method,
                "words": " ".join(each.text for each in found_pays),
                "short": pays.short if pays else "",
                "tasks": [_whole(pays.at.n), _whole(pays.at.low), _whole(pays.at.high)] if pays else None,
                "sure": bool(pays and pays.sure),
                "lines": _lines(argument, task, setup),
            }
        )
    return out


def _whole(n: float) -> int | None:
    return math.ceil(n) if math.isfinite(n) else None


def _lines(argument: Table | None, task: Table, setup: Table) -> list[dict[str, Any]]:
    lines = []
    for cell in task.cells:
        once = setup.cell(cell.strategy)
        if cell.time and once and once.time and cell.rank is not Rank.REFERENCE:
            lines.append(_line(f"{cell.strategy} (state)", once.time.value, cell.time.value))
    bare = setup.lane(NULL)
    if argument and bare:
        wanted = {argument.record.baseline, verdicts.advised(argument), *(c.strategy for c in argument.at(Rank.BEST))}
        lines += [
            _line(f"{cell.strategy} (argument)", bare.value.value, cell.time.value)
            for cell in argument.cells
            if cell.time and cell.strategy in wanted
        ]
    return lines


def _line(name: str, fixed: float, slope: float) -> dict[str, Any]:
    return {"name": name, "fixed": _number(fixed), "slope": _number(slope)}


_SCALING = {"task": "tasks", "read": "reads", "own-write": "writes", "update": "locked updates"}


def scaling(found: Iterable[Table]) -> list[dict[str, Any]]:
    """For what was measured with one worker and with many: by way or strategy, operations a second against workers."""
    groups: dict[tuple[str, str, str, str], list[tuple[int, Table]]] = {}
    for table in found:
        what, _, label = table.metric.rpartition("-")
        if table.kind in (SCALING, CONTENTION) and what in _SCALING:
            number = workers(table.record)[label]
            groups.setdefault((table.record.payload, table.kind, table.record.start_method, what), []).append(
                (number, table)
            )
    out = []
    for (payload, kind, start_method, what), members in groups.items():
        members.sort(key=lambda member: member[0])
        names = dict.fromkeys(cell.strategy for _, table in members for cell in table.cells if cell.time)
        lines = [{"name": name, "points": list(_rates(name, members))} for name in names]
        found_here = {"payload": payload, "kind": kind, "start_method": start_method, "what": _SCALING[what]}
        if lines:
            out.append(found_here | {"cores": members[0][1].record.fingerprint.get("usable_cores"), "lines": lines})
    return out


def _rates(name: str, members: Sequence[tuple[int, Table]]) -> Iterable[list[Any]]:
    """Workers, then operations a second with their interval."""
    for number, table in members:
        cell = table.cell(name)
        if cell and cell.time:
            rates = (1 / x if x > 0 else math.inf for x in (cell.time.value, cell.time.high, cell.time.low))
            yield [number, [_number(rate) for rate in rates]]


def whole_jobs(found: Iterable[Table]) -> list[dict[str, Any]]:
    """Whole jobs as they ran, and as the cost model predicts them from their parts."""
    records = {id(table.record): table.record for table in found if table.kind == JOB}.values()
    return [
        {
            "payload": each.payload,
            "start_method": each.start_method,
            "way": each.way,
            "workers": each.workers,
            "tasks": each.tasks,
            "predicted": _number(each.predicted_s),
            "measured": _number(each.measured_s),
            "ratio": _number(each.ratio),
        }
        for record in records
        for each in predictions(record)
    ]


def crossings(found: Iterable[Table]) -> list[dict[str, Any]]:
    """For payloads in several sizes: from how many bytes on the best at the largest beats the baseline."""
    groups: dict[tuple[str, str, str], list[Table]] = {}
    for table in found:
        match = _SIZE.match(table.record.payload)
        if match and table.metric == "handoff":
            groups.setdefault((match[1], table.kind, table.record.start_method), []).append(table)
    out = []
    for (family, kind, start_method), members in groups.items():
        members = sorted((t for t in members if _bytes(t)), key=_bytes)
        if len({_bytes(t) for t in members}) < 2 or not members[-1].best:
            continue
        best, base = members[-1].best.strategy, members[-1].record.baseline
        both = [
            (t, a.time, b.time) for t in members if (a := t.cell(best)) and (b := t.cell(base)) and a.time and b.time
        ]
        if best == base or len({_bytes(t) for t, _, _ in both}) < 2:
            continue
        sizes = [_bytes(t) for t, _, _ in both]
        mine, other = (cost.fit(sizes, [row[which].value for row in both]) for which in (1, 2))  # type: ignore[union-attr]  # both have a cell
        at = cost.break_even(mine, other)
        if at.pays is cost.Pays.FROM and sizes[0] <= at.n <= sizes[-1]:
            words = f"{best} beats {base} from about {units.size(at.n)} on (lines fitted through {len(both)} sizes)"
            out.append(
                {"family": family, "kind": kind, "start_method": start_method, "bytes": _number(at.n), "words": words}
            )
    return out


def _bytes(table: Table) -> int:
    return int(table.record.about.get("nbytes") or table.record.floor_bytes or 0)


# -- downloads ---------------------------------------------------------------------------------------------------------

COLUMNS = (
    "run", "kind", "payload", "start_method", "metric", "strategy", "outcome", "reason", "rank", "bound",
    "time_s", "time_low_s", "time_high_s", "ratio", "ratio_low", "ratio_high", "slower", "slower_low", "slower_high",
    "floor_ratio", "bytes_per_s", "wire_bytes", "baseline", "aa_error", "n_trials", "n_samples", "record",
    "amount_bytes", "amount_low_bytes", "amount_high_bytes", "worker_uss_bytes", "parent_peak_bytes", "total_pss_bytes",
    "clean_s", "n_clean", "stopped",
)  # fmt: skip


def as_csv(found: Iterable[Table]) -> str:
    """Every cell, full precision. A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for table in found:
        record = table.record
        for cell in table.cells:
            row = [table.run, table.kind, record.payload, record.start_method, table.metric, cell.strategy]
            row += [str(cell.outcome.kind), "" if cell.outcome.ok else cell.outcome.reason, str(cell.rank)]
            figures = [_finite(cell.bound), *_parts(cell.time), *_parts(cell.ratio), *_parts(cell.slower)]
            figures += [cell.floor_ratio.value if cell.floor_ratio else "", cell.bytes_per_s or ""]
            figures += [cell.wire_bytes if cell.wire_bytes is not None else "", record.baseline, table.aa]
            figures += [cell.time.n_trials if cell.time else 0, cell.time.n_samples if cell.time else 0, table.path]
            memory = [cell.memory[name].value if cell.memory and name in cell.memory else "" for name in FOOTPRINT]
            clean = [cell.clean.value, cell.clean.n_samples] if cell.clean else ["", ""]
            figures += [*_parts(cell.amount), *memory, *clean, record.stopped]
            writer.writerow([_inert(value) for value in (*row, *figures)])
    return out.getvalue()


def _finite(value: float) -> float | str:
    return value if math.isfinite(value) else ""


def _parts(figure: Estimate | None) -> list[Any]:
    return [figure.value, figure.low, figure.high] if figure else ["", "", ""]


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value
