"""A selftest's report as text, markdown and JSON. Pure, but for drawing on a terminal."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from handoff.analysis import units
from handoff.record import SELFTEST, STABILITY
from handoff.selftesting._frame import SCHEMA, CheckResult, CheckState, FigureLine, Report

COLUMNS = ("", "figure", "target", "", "")
STYLES = {CheckState.OK: "green", CheckState.OFF: "red", CheckState.UNDECIDED: "yellow"}


def value(line: FigureLine) -> str:
    """A figure with its interval, formatted."""

    def one(x: float) -> str:
        match line.unit:
            case "share":
                return f"{x:.1%}"
            case "ratio":
                return f"{x:.3f}"
            case "seconds":
                return units.seconds(x)
            case _:
                return f"{x:g}"

    if math.isnan(line.value):
        return "?"
    if math.isnan(line.low) or math.isinf(line.high):
        return one(line.value) + (" ±?" if math.isinf(line.high) else "")
    return f"{one(line.value)} [{one(line.low)} to {one(line.high)}]"


def table(result: CheckResult) -> list[tuple[str, str, str, str, str]]:
    """What, figure, target, state and note of each line."""
    return [
        (line.what, value(line), line.target, "" if line.state is CheckState.INFO else str(line.state), line.note)
        for line in result.lines
    ]


def text(report: Report) -> str:
    """Plain text, aligned."""
    rows = [row for result in report.results for row in table(result)]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
    parts = []
    for result in report.results:
        parts.append(f"{result.title}: {result.state}. {_sentence(result.summary)}")
        for row in table(result):
            cells = "  ".join(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True))
            parts.append(f"  {cells}  {row[4]}".rstrip())
        parts.append("")
    return "\n".join([*parts, *_end(report)])


def markdown(report: Report) -> str:
    """The same for a page."""
    parts = ["# Selftest", "", report.verdict, ""]
    for result in report.results:
        parts += [f"## {result.title[:1].upper()}{result.title[1:]}: {result.state}", "", _sentence(result.summary), ""]
        if result.lines:
            parts += ["| what | figure | target | | |", "| --- | --- | --- | --- | --- |"]
            parts += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table(result)] + [
                ""
            ]
    parts += [f"- {_sentence(advice)}" for advice in report.advice]
    return "\n".join(parts).rstrip() + "\n"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _end(report: Report) -> list[str]:
    parts = [report.verdict]
    if report.advice:
        parts += ["What to do:", *(f"  - {advice}" for advice in report.advice)]
    return [*parts, f"({report.depth}, {report.seconds:.0f} s)"]


def to_json(report: Report) -> str:
    """Schema 1. Numbers that are not finite are null."""
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": STABILITY if report.depth == STABILITY else SELFTEST,
        "started": report.started,
        "depth": report.depth,
        "trustworthy": report.trustworthy,
        "verdict": report.verdict,
        "advice": list(report.advice),
        "seconds": report.seconds,
        "fingerprint": dict(report.fingerprint),
        "noise": {"before": dict(report.before), "after": dict(report.after)},
        "checks": [asdict(result) for result in report.results],
    }
    return json.dumps(_finite(data), indent=1, allow_nan=False) + "\n"


def _finite(item: Any) -> Any:
    if isinstance(item, dict):
        return {key: _finite(x) for key, x in item.items()}
    if isinstance(item, list | tuple):
        return [_finite(x) for x in item]
    return None if isinstance(item, float) and not math.isfinite(item) else item


def draw(report: Report) -> None:
    """On a terminal, with rich."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    for result in report.results:
        style = STYLES.get(result.state, "")
        head = Text.assemble((result.title, "bold"), ": ", (str(result.state), style), ". ", _sentence(result.summary))
        console.print(head)
        drawn = Table(box=None, show_header=False, padding=(0, 1, 0, 2))
        for row, line in zip(table(result), result.lines, strict=True):
            drawn.add_row(
                *(Text(cell) for cell in row[:3]), Text(row[3], STYLES.get(line.state, "")), Text(row[4], "dim")
            )
        if result.lines:
            console.print(drawn)
        console.print()
    for part in _end(report):
        console.print(Text(part))
