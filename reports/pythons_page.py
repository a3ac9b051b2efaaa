"""Pythons compared: what each does by default, the same payload by the same way on each, and what changed between them.

One run of each Python, the newest, on one machine at a time: ``handoff report RUN RUN …`` makes one site of several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from handoff.analysis.metrics import BARE, START
from handoff.machine import has_gil

from . import changes, compare, plain, side_by_side, verdicts
from .extra_pages import Page
from .rows import Table
from .run import LIBRARIES, Run
from .side_by_side import ASKED, NOT_MEASURED, Known

ORDER = 30
MOST_ROWS = 1_000  #: of the same way on each Python: beyond, a page is slow to read and to load


def page(runs: Sequence[Run], problems: Sequence[str]) -> Page | None:
    """None where no machine has two Pythons."""
    machines: dict[str, dict[tuple[int, ...], Run]] = {}
    for run in runs:
        machines.setdefault(run.machine, {}).setdefault(_minor(run), run)
    blocks: list[plain.Block] = []
    for machine, found in machines.items():
        if len(found) > 1:
            blocks.append(plain.Heading(2, verdicts.code(machine)))
            blocks += _machine({_name(version): run for version, run in sorted(found.items())})
    return Page("pythons.html", "Pythons compared", blocks) if blocks else None


def _mark(run: Run, name: str) -> str:
    return str(run.tables[0].record.fingerprint.get(name, "?"))


def _minor(run: Run) -> tuple[int, ...]:
    """(3, 14) of 3.14.2; of what is no version, nothing."""
    parts = _mark(run, "python").split(".")[:2]
    return tuple(int(part) for part in parts if part.isdecimal())


def _name(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version)) or "?"


def _machine(by: Mapping[str, Run]) -> list[plain.Block]:
    known = {name: Known.of(run.tables) for name, run in by.items()}
    out: list[plain.Block] = [
        plain.Heading(3, "What each does by default"),
        plain.Text(
            "Nothing else asked for: a worker is started by the default start method, and the object travels with the"
            " default pickle protocol. Medians with 99 % intervals, each from a run of its own;"
            " ±?: too few trials for one."
        ),
        plain.Grid("By default", ["what", *by], _defaults(by, known)),
        plain.Heading(3, "What changed from one to the next"),
    ]
    for (before, old), (after, new) in pairwise(by.items()):
        out += _between(before, old, after, new)
    rows, left_out = _same_way(known)
    if rows:
        out.append(plain.Heading(3, "The same payload by the same way"))
        if left_out:
            out.append(
                plain.Text(
                    f"Shown is what is done by default, and each way that is taken on some Python; {left_out:,} more"
                    " rows are in the runs' own pages."
                )
            )
        out.append(
            plain.Grid(f"{len(rows):,} figures, on each Python", ["payload", "what", "started by", "way", *by], rows)
        )
    return out


def _between(before: str, old: Run, after: str, new: Run) -> list[plain.Block]:
    """The largest changes of times, and outcomes by way: a new way has another outcome for every payload."""
    found, compared = compare.changes(old.tables, new.tables, ratios=False)
    times = [change for change in found if change.factor]
    words = f"From {before} to {after}: {len(times)} of {compared:,} times changed"
    out: list[plain.Block] = [
        plain.Heading(4, verdicts.code(f"{after} against {before}")),
        plain.Text(
            f"{words}. A change counts if the 99 % intervals exclude each other and it exceeds both tables' thresholds;"
            " the two runs share no rounds, so what is small is not found."
            + (f" The {changes.SHOWN} largest are shown." if len(times) > changes.SHOWN else "")
        ),
    ]
    if times:
        head = ["payload", "what", "started by", "way", before, after, "factor", "records"]
        rows: list[list[str | plain.Links]] = [
            [
                plain.short(f"`{verdicts.code(change.payload)}`"),
                f"{change.kind}, {change.metric}",
                change.start_method or "none",
                f"`{verdicts.code(change.strategy)}`",
                change.before,
                change.after,
                change.words,
                plain.record_links(*zip((before, after), change.records, strict=True)),
            ]
            for change in times[: changes.SHOWN]
        ]
        out.append(plain.Grid(words, head, rows))
    outcomes: dict[tuple[str, str, str], dict[str, None]] = {}
    for change in found:
        if not change.factor:
            outcomes.setdefault((change.strategy, change.before, change.after), {})[change.payload] = None
    if outcomes:
        lines = [
            [f"`{verdicts.code(way)}`", was, now, plain.short(verdicts.code(", ".join(payloads)))]
            for (way, was, now), payloads in outcomes.items()
        ]
        out.append(
            plain.Grid(f"Another outcome on {after} than on {before}", ["way", before, after, "payloads"], lines)
        )
    return out


def _defaults(by: Mapping[str, Run], known: Mapping[str, Known]) -> list[list[str]]:
    def row(title: str, mark: str) -> list[str]:
        return [title, *(_mark(run, mark) for run in by.values())]

    versions = [run.tables[0].record.fingerprint.get("versions") or {} for run in by.values()]
    rows = [
        row("Python", "python"),
        row("start method", "default_start_method"),
        row("pickle protocol", "default_pickle_protocol"),
        ["GIL", *("on" if has_gil(run.tables[0].record.fingerprint) else "off" for run in by.values())],
        *([name, *(str(found.get(name, "none")) for found in versions)] for name in LIBRARIES),
    ]
    usual = {name: _mark(run, "default_start_method") for name, run in by.items()}
    bare = [_first_start(known[name], usual[name]) for name in by]
    if any(text != NOT_MEASURED for text in bare):
        rows.append(["starting a bare worker", *bare])
    for kind, metric, what in ASKED:
        payloads = dict.fromkeys(payload for each in known.values() for payload in each.payloads(kind, metric))
        for payload in payloads:
            tables = [known[name].get(kind, metric, payload, usual[name]) for name in by]
            if sum(bool(table and side_by_side.figure(table.baseline)) for table in tables) > 1:
                cells = [side_by_side.words(table, table.record.baseline if table else "") for table in tables]
                rows.append([f"{what}: `{verdicts.code(payload)}`", *cells])
    return rows


def _first_start(known: Known, method: str) -> str:
    tables = [known.get(START, "start", payload, method) for payload in known.payloads(START, "start")]
    return side_by_side.words(tables[0] if tables else None, BARE)


def _same_way(known: Mapping[str, Known]) -> tuple[list[list[str]], int]:
    """Rows of each way that has a figure on two Pythons at least; and how many were left out for their number."""
    found: dict[tuple[str, ...], list[str]] = {}
    telling: set[tuple[str, ...]] = set()
    for kind, metric, what in ((START, "start", "start"), *ASKED):
        keys = dict.fromkeys(key[2:] for each in known.values() for key in each.tables if key[:2] == (kind, metric))
        for payload, method in keys:
            tables = [each.get(kind, metric, payload, method) for each in known.values()]
            for name in dict.fromkeys(cell.strategy for table in tables if table for cell in table.cells):
                if sum(bool(table and side_by_side.figure(table.cell(name))) for table in tables) > 1:
                    key = (f"`{verdicts.code(payload)}`", what, method or "none", f"`{verdicts.code(name)}`")
                    found[key] = [side_by_side.words(table, name) for table in tables]
                    if any(table and _told(table, name) for table in tables):
                        telling.add(key)
    shown = found if len(found) <= MOST_ROWS else {key: cells for key, cells in found.items() if key in telling}
    return [[*key, *cells] for key, cells in shown.items()], len(found) - len(shown)


def _told(table: Table, name: str) -> bool:
    best = table.best
    return name == table.record.baseline or (best is not None and name == best.strategy)
