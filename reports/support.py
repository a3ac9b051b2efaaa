"""The support matrix as blocks of :mod:`reports.plain`: how to read it, a grid for each duty, and the gaps. Pure.

The data is what :mod:`reports.support_page` gives: declarations, which the tests hold to what happens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from .plain import Block, Grid, Heading, Items, Text, as_markdown

REPEAT = "python -m reports.write_support"
SIGNS: Mapping[str, str] = {"ok": "+", "refused": "-", "broken": "!", "altered": "~", "unavailable": "."}
MEANING = (
    "`+` ok: arrives, is the same, and can be used",
    "`-` refused: an error where it is sent",
    "`!` broken: an error, a crash or a hang where it arrives",
    "`~` altered: arrives, and is silently not the same",
    "`.` no such way under this start method",
)
DUTIES: Mapping[str, str] = {
    "argument": "sent with a task",
    "result": "returned by a task",
    "state": "set up once in a worker",
    "shared": "several write, all see it",
}


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared of one payload, by one way, for one duty, under one start method, by Python."""

    payload: str
    way: str
    duty: str
    start_method: str
    outcomes: Mapping[str, str]  #: Python ("3.11") → outcome


@dataclass(frozen=True, slots=True)
class Unpredicted:
    """One gap: where traits do not say what happens."""

    payload: str
    ways: str
    where: str  #: duties, start methods and Pythons, if not all
    outcome: str
    reason: str
    source: str


def markdown(cells: Sequence[Declared], gaps: Sequence[Unpredicted], pythons: Sequence[str]) -> str:
    """The page."""
    return as_markdown(blocks(cells, gaps, pythons))


def blocks(cells: Sequence[Declared], gaps: Sequence[Unpredicted], pythons: Sequence[str]) -> list[Block]:
    """The matrix, a duty at a time; ways that do the same for every payload share a column."""
    methods = list(dict.fromkeys(cell.start_method for cell in cells))
    payloads = dict.fromkeys(cell.payload for cell in cells)
    ways = dict.fromkeys(cell.way for cell in cells)
    out: list[Block] = [
        Heading(1, "What works, what breaks, what silently changes"),
        Text(
            f"{len(payloads)} documented payloads by {len(ways)} ways, on Python {', '.join(pythons)} for Linux. One"
            f" sign where every start method does the same, else one each for {', '.join(methods)}."
        ),
        Items(MEANING),
        Text(
            f"`{REPEAT}` writes this page from what payloads, strategies and gaps declare. The tests execute the cells"
            " and fail where something else happens; `handoff support payloads` shows each with its exception."
        ),
    ]
    for duty, what in DUTIES.items():
        here = [cell for cell in cells if cell.duty == duty]
        if here:
            out += [Heading(2, f"{duty}: {what}"), _grid(duty, here)]
    rows = [(gap.payload, gap.ways, gap.where, gap.outcome, gap.reason, gap.source) for gap in gaps]
    out += [
        Heading(2, "Where traits do not say it"),
        Grid("Gaps: executed like everything else", ("payload", "by", "where", "outcome", "why", "source"), rows),
    ]
    return out


def _grid(duty: str, cells: Sequence[Declared]) -> Grid:
    columns: dict[str, dict[str, list[str]]] = {}
    for cell in cells:
        columns.setdefault(cell.way, {}).setdefault(cell.payload, []).append(_sign(cell.outcomes))
    payloads = list(dict.fromkeys(cell.payload for cell in cells))
    alike: dict[tuple[str, ...], list[str]] = {}
    for way, column in columns.items():
        alike.setdefault(tuple(_joined(column[payload]) for payload in payloads), []).append(way)
    head = ("payload", *(", ".join(names) for names in alike.values()))
    rows = [(payload, *(column[number] for column in alike)) for number, payload in enumerate(payloads)]
    return Grid(f"Duty {duty}", head, rows)


def _sign(outcomes: Mapping[str, str]) -> str:
    signs = {python: SIGNS[outcome] for python, outcome in outcomes.items()}
    if len(set(signs.values())) == 1:
        return next(iter(signs.values()))
    spans = (list(span) for _, span in groupby(signs, key=lambda python: signs[python]))
    return "(" + ", ".join(f"{_span(span)} {signs[span[0]]}" for span in spans) + ")"


def _span(pythons: Sequence[str]) -> str:
    return pythons[0] if len(pythons) == 1 else f"{pythons[0]}–{pythons[-1]}"


def _joined(signs: Sequence[str]) -> str:
    return f"`{signs[0] if len(set(signs)) == 1 else ''.join(signs)}`"
