"""What ``handoff support`` found, as text, markdown, CSV and JSON. Pure: cells in, text out."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from handoff.machine import fingerprint
from handoff.support_matrix.matrix import Cell

SCHEMA = 1
#: One sign for each outcome, in the order of what is worst for whoever does not notice.
SIGNS: Mapping[str, str] = MappingProxyType(
    {"altered": "~", "broken": "!", "refused": "-", "ok": "+", "unavailable": "."}
)
LEGEND = (
    "+ ok   - refused: an error where it is sent   ! broken: fails where it arrives   "
    "~ altered: silently not the same   . unavailable"
)


def as_json(cells: Sequence[Cell]) -> str:
    """The document of schema 1."""
    return json.dumps(
        {"schema": SCHEMA, "fingerprint": fingerprint(), "cells": [cell.to_json() for cell in cells]}, indent=1
    )


def as_csv(cells: Sequence[Cell]) -> str:
    """One row a cell."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(cells[0].to_json()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(cell.to_json() for cell in cells)
    return out.getvalue()


def as_text(cells: Sequence[Cell]) -> str:
    """A grid for each duty, then the reasons."""
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


def as_markdown(cells: Sequence[Cell]) -> str:
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


def _methods(cells: Sequence[Cell]) -> list[str]:
    return list(dict.fromkeys(cell.start_method for cell in cells))


def _grid(cells: Sequence[Cell]) -> tuple[list[str], list[tuple[str, list[str]]]]:
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


def reasons(cells: Sequence[Cell]) -> Iterator[str]:
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


FORMATS: Mapping[str, Callable[[Sequence[Cell]], str]] = MappingProxyType(
    {"text": as_text, "json": as_json, "markdown": as_markdown, "csv": as_csv}
)
