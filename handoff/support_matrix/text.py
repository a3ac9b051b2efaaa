"""What ``handoff support`` found, as text, markdown, CSV and JSON. Pure: cells in, text out.

Text of one object is a list, a line a way; of a collection it is a grid, a line a payload.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from handoff.machine import fingerprint
from handoff.support_matrix.matrix import MatrixCell
from handoff.terminal import Part, many, plain, printable

SCHEMA = 1
#: One sign for each outcome, in the order of what is worst for whoever does not notice.
SIGNS: Mapping[str, str] = MappingProxyType(
    {"altered": "~", "broken": "!", "no answer": "?", "refused": "-", "ok": "+", "unavailable": "."}
)
LEGEND = (
    "+ ok   - refused: an error where it is sent   ! broken: fails where it arrives   "
    "~ altered: silently not the same   ? no answer: the machine was too busy   . unavailable"
)

_LEFT = "text-align:left;vertical-align:top"  #: a notebook sets cells to the right
WORKS, SOME = "works", "works under some start methods"
GROUPS = (WORKS, SOME, "altered", "refused", "broken", "no answer", "unavailable")  #: of a list, the good news first
MARKS: Mapping[str, str] = MappingProxyType(
    {"ok": "✓", "altered": "~", "refused": "✗", "broken": "✗", "no answer": "?", "unavailable": "·"}
)
MARKS_SAID = "✓ arrives the same   ✗ fails   ~ arrives silently altered   · not available here   ? no answer"


def as_json(cells: Sequence[MatrixCell]) -> str:
    """The document of schema 1."""
    return json.dumps(
        {"schema": SCHEMA, "fingerprint": fingerprint(), "cells": [cell.to_json() for cell in cells]}, indent=1
    )


def as_csv(cells: Sequence[MatrixCell]) -> str:
    """One row a cell."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(cells[0].to_json()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(cell.to_json() for cell in cells)
    return out.getvalue()


def as_text(cells: Sequence[MatrixCell]) -> str:
    """A list of ways for one object; for several a grid for each duty, then the reasons."""
    if len({cell.payload for cell in cells}) == 1:
        return as_list(cells)
    blocks = [LEGEND]
    for duty in dict.fromkeys(cell.duty for cell in cells):
        header, rows = _grid([cell for cell in cells if cell.duty == duty])
        width = max(len(name) for name, _ in rows)
        lines = [f"{duty}: start methods {', '.join(_methods(cells))}, one sign each; + alone: all of them"]
        lines += [f"{number:>{width + 3}}  {name}" for number, name in enumerate(header, 1)]
        cell_width = max(len(sign) for _, signs in rows for sign in signs) + 1
        cell_width = max(cell_width, len(str(len(header))) + 1)
        lines.append(" " * width + "".join(f"{number:>{cell_width}}" for number in range(1, len(header) + 1)))
        lines += [f"{name:<{width}}" + "".join(f"{sign:>{cell_width}}" for sign in signs) for name, signs in rows]
        blocks.append("\n".join(lines))
    blocks.append("\n".join(["Reasons", *(f"  {line}" for line in reasons(cells))]))
    return "\n\n".join(blocks)


def as_markdown(cells: Sequence[MatrixCell]) -> str:
    """The same as tables."""
    blocks = ["# What works, what breaks, what silently changes", f"`{LEGEND}`"]
    blocks.append(f"Python {fingerprint()['python']}; start methods, one sign each: {', '.join(_methods(cells))}.")
    for duty in dict.fromkeys(cell.duty for cell in cells):
        header, rows = _grid([cell for cell in cells if cell.duty == duty])
        lines = [f"## {duty}", "", "| payload | " + " | ".join(header) + " |", "| --- |" + " --- |" * len(header)]
        lines += [f"| {name} | " + " | ".join(f"`{sign}`" for sign in signs) + " |" for name, signs in rows]
        blocks.append("\n".join(lines))
    blocks.append("\n".join(["## Reasons", "", *(f"- {line}" for line in reasons(cells))]))
    return "\n\n".join(blocks)


def as_list(cells: Sequence[MatrixCell]) -> str:
    """One object: for each duty its ways grouped by outcome, a mark for each start method, each reason once."""
    return plain(list_parts(cells))


def list_parts(cells: Sequence[MatrixCell]) -> list[Part]:
    """The same as parts."""
    methods = _methods(cells)
    parts: list[Part] = []
    for title, ways in _by_duty(cells):
        parts += [Part(title, "title"), Part(f"{' '.join(methods)}", "dim", indent=4, keep=True)]
        for group in GROUPS:
            found = {way: each for way, each in ways.items() if _group(each) == group}
            parts += [Part(group, "path", indent=2), *_same_reasons(found, methods)] if found else []
        parts.append(Part(""))
    return [*parts, Part(MARKS_SAID, "dim")]


def list_markup(cells: Sequence[MatrixCell]) -> list[Part]:
    """The same for a notebook: for each duty a table, a line a way, that can be folded."""
    methods = _methods(cells)
    parts: list[Part] = []
    for title, ways in _by_duty(cells):
        head = "".join(f'<th scope="col" style="{_LEFT}">{text}</th>' for text in (*methods, "way", "why"))
        lines = []
        for group in GROUPS:
            found = {way: each for way, each in ways.items() if _group(each) == group}
            for said, names in _alike(found):
                why = "<br>".join(map(html.escape, map(printable, (group, *said) if group != WORKS else said)))
                once = f'<td style="{_LEFT}" rowspan="{len(names)}">{why}</td>'
                for way in names:
                    shown = "".join(f'<td style="{_LEFT}">{sign}</td>' for sign in _marks(ways[way], methods))
                    lines.append(f'<tr>{shown}<td style="{_LEFT}">{html.escape(way)}</td>{once}</tr>')
                    once = ""
        parts += [Part(title, "title"), Part("", markup=f"<table><tr>{head}</tr>{''.join(lines)}</table>")]
        parts.append(Part(MARKS_SAID, "dim"))
    return parts


def _by_duty(cells: Sequence[MatrixCell]) -> Iterator[tuple[str, dict[str, list[MatrixCell]]]]:
    """For each duty how many ways carry it, in words, and the cells of each way."""
    for duty in dict.fromkeys(cell.duty for cell in cells):
        mine = [cell for cell in cells if cell.duty == duty]
        ways: dict[str, list[MatrixCell]] = {}
        for cell in mine:
            ways.setdefault(cell.strategy, []).append(cell)
        here = [found for found in ways.values() if any(cell.outcome != "unavailable" for cell in found)]
        carrying = sum(any(cell.outcome == "ok" for cell in found) for found in here)
        counted = f"{carrying} of {many(len(here), 'way')}"
        yield f"{mine[0].payload} as {duty}: {counted} that can be tried here carry it", ways


def _group(cells: Sequence[MatrixCell]) -> str:
    """The heading for a way that came out like this under its start methods."""
    outcomes = {cell.outcome for cell in cells}
    if "ok" in outcomes:
        return WORKS if len(outcomes - {"unavailable"}) == 1 else SOME
    return next((group for group in GROUPS if group in outcomes), GROUPS[-1])


def _same_reasons(ways: Mapping[str, Sequence[MatrixCell]], methods: Sequence[str]) -> Iterator[Part]:
    """A line a way, and below those that fail alike the reasons, once."""
    for said_of, names in _alike(ways):
        for way in names:
            signs = " ".join(
                sign.center(len(method)) for method, sign in zip(methods, _marks(ways[way], methods), strict=True)
            )
            yield Part(f"{signs}   {way}", indent=4, keep=True)
        yield from (Part(text, "dim", indent=8) for text in said_of)


def _alike(ways: Mapping[str, Sequence[MatrixCell]]) -> list[tuple[tuple[str, ...], list[str]]]:
    """The reasons of ways that do not work, with the names of those that fail alike."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for way, cells in ways.items():
        by_reason: dict[str, list[str]] = {}
        for cell in cells:
            if cell.outcome != "ok":
                by_reason.setdefault(_reason(cell), []).append(cell.start_method)
        said = [
            text if len(where) == len(cells) else f"{', '.join(where)}: {text}" for text, where in by_reason.items()
        ]
        alike.setdefault(tuple(said), []).append(way)
    return list(alike.items())


def _marks(cells: Sequence[MatrixCell], methods: Sequence[str]) -> list[str]:
    """What became of a way, a mark for each start method."""
    marks = {cell.start_method: MARKS.get(cell.outcome, "?") for cell in cells}
    return [marks.get(method, " ") for method in methods]


def _reason(cell: MatrixCell) -> str:
    message = re.sub(r"\b0x[0-9a-f]{6,}", "0x…", cell.message)
    text = " ".join(f"{cell.error_type}: {message}".split() if cell.error_type else message.split())
    return f"in the {cell.where}: {text}" if cell.where else text or cell.outcome


def _methods(cells: Sequence[MatrixCell]) -> list[str]:
    return list(dict.fromkeys(cell.start_method for cell in cells))


def _grid(cells: Sequence[MatrixCell]) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The columns' names, and for each payload its signs: one for each start method, or one where all agree."""
    header = list(dict.fromkeys(cell.strategy for cell in cells))
    signs: dict[str, dict[str, str]] = {}
    for cell in cells:
        row = signs.setdefault(cell.payload, {})
        row[cell.strategy] = row.get(cell.strategy, "") + SIGNS[cell.outcome]
    rows = []
    for payload, row in signs.items():
        rows.append((payload, [text[0] if len(set(text := row.get(n, " "))) == 1 else text for n in header]))
    return header, rows


def reasons(cells: Sequence[MatrixCell]) -> Iterator[str]:
    """Each reason once for each payload, with where it holds; what is altered first."""
    groups: dict[tuple[str, ...], dict[str, None]] = {}
    rank = list(SIGNS)
    for cell in sorted(cells, key=lambda cell: rank.index(cell.outcome)):
        if cell.outcome != "ok":
            about = "" if cell.outcome == "unavailable" else cell.payload
            message = re.sub(r"\b0x[0-9a-f]{6,}", "0x…", cell.message)
            key = (about, cell.outcome, cell.where, cell.error_type, message)
            groups.setdefault(key, {})[f"{cell.strategy} ({cell.duty}, {cell.start_method})"] = None
    for (payload, outcome, where, error_type, message), found in groups.items():
        names = list(found)
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        text = " ".join(f"{error_type}: {message}".split() if error_type else message.split())
        place = f" in the {where}" if where else ""
        yield f"{payload} {outcome}{place}: {text} [{shown}]".strip()


def notes(cells: Sequence[MatrixCell]) -> Iterator[str]:
    """Each note once for each payload, with how many cells it is of."""
    counts = Counter((cell.payload, re.sub(r"\d{8,}", "…", note)) for cell in cells for note in cell.notes)
    for (payload, note), count in counts.items():
        yield f"{payload}: {note} [{count} {'cell' if count == 1 else 'cells'}]"


FORMATS: Mapping[str, Callable[[Sequence[MatrixCell]], str]] = MappingProxyType(
    {"text": as_text, "json": as_json, "markdown": as_markdown, "csv": as_csv}
)
