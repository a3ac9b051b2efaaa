"""Spawn, fork or forkserver: start, hand-off, state and memory side by side. One run of each environment."""

from __future__ import annotations

from collections.abc import Sequence

from handoff.analysis.metrics import BARE, START, STARTS, STARTUP, STARTUPS
from handoff.start_methods import START_METHODS

from . import plain, side_by_side, verdicts
from .extra_pages import Page
from .run import Run
from .side_by_side import Known

ORDER = 20


def page(runs: Sequence[Run], problems: Sequence[str]) -> Page | None:
    """The newest run of each machine and environment that has at least two start methods."""
    blocks: list[plain.Block] = []
    for run in side_by_side.newest(runs):
        methods = [method for method in START_METHODS if any(t.record.start_method == method for t in run.tables)]
        if len(methods) > 1:
            blocks += _run(run, methods)
    return Page("start-methods.html", "Spawn, fork or forkserver", blocks) if blocks else None


def _run(run: Run, methods: Sequence[str]) -> list[plain.Block]:
    known = Known.of(run.tables)
    marks = run.tables[0].record.fingerprint
    out: list[plain.Block] = [
        plain.Heading(2, verdicts.code(run.title)),
        plain.Text(
            f"This Python starts workers by `{marks.get('default_start_method', '?')}` unless told otherwise. Under"
            " fork what a process is started with is inherited, not pickled. Medians with 99 % intervals; `take` is"
            " said where another way was shown to pay. The start methods were measured one after the other."
        ),
    ]
    if rows := _starts(known, methods):
        out.append(plain.Grid("Starting a process that does nothing, and seeing its end", ["start", *methods], rows))
    for kind, metric, what in side_by_side.ASKED:
        rows = []
        for payload in known.payloads(kind, metric):
            cells = [side_by_side.by_default(known.get(kind, metric, payload, method)) for method in methods]
            if set(cells) != {side_by_side.NOT_MEASURED}:
                rows.append([plain.short(f"`{verdicts.code(payload)}`"), *cells])
        if rows:
            caption = f"{what[0].upper()}{what[1:]}, as it is done by default"
            out.append(plain.Grid(caption, ["payload", *methods], rows))
    return out


def _starts(known: Known, methods: Sequence[str]) -> list[list[str]]:
    """Conditions of starting, each once; what depends on the payload, once a payload."""
    rows = []
    for kind, lanes in ((START, STARTS), (STARTUP, STARTUPS)):
        for number, payload in enumerate(known.payloads(kind, "start")):
            tables = [known.get(kind, "start", payload, method) for method in methods]
            for lane in lanes:
                once = lane == BARE and (number or kind == STARTUP)
                if once or not any(side_by_side.figure(table.cell(lane)) for table in tables if table):
                    continue
                its = f", {verdicts.code(payload)}" if kind == START and lane not in STARTUPS else ""
                if number and not its:
                    continue
                rows.append([f"{lane}{its}", *(side_by_side.words(table, lane) for table in tables)])
    return rows
