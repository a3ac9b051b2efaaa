"""What ``handoff selftest`` found on this machine, in a line and as blocks. Pure; a report is a file, so may be odd."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from handoff.analysis import units

from . import plain, verdicts
from .rows import Noise

RUN = "handoff selftest --format json -o RECORDS/selftest.json"
LINES = (  #: of the report, for the foot of each page: check, beginning of the line's name, words
    ("identical", "identical pairs called different", "identical pairs called different"),
    ("noise", "least slowdown", "least slowdown found in 9 of 10 cases"),
)


def line(report: Mapping[str, Any] | None, run: Noise) -> str:
    """How far the machine and this run are to be trusted, for the foot of every page."""
    mine = f"A/A error of this run: median {units.percent(run.median_aa)} over {run.tables} tables."
    if report is None:
        return f"{mine} This machine's own error has not been measured: {RUN}"
    found = []
    for check, begins, words in LINES:
        known = [each for each in _lines(report, check) if str(each.get("what", "")).startswith(begins)]
        if known:
            found.append(f"{words}: {', '.join(map(figure, known[: 1 if check == 'identical' else 2]))}")
    started = str(report.get("started", ""))[:10]
    said = "; ".join(found) or str(report.get("verdict", ""))
    return (
        f"{mine} Self-test of this machine ({' '.join(filter(None, (started, str(report.get('depth', '')))))}): {said}."
    )


def distrust(report: Mapping[str, Any] | None) -> str:
    """Why figures of this machine should not be trusted; "" where nothing was shown to be off."""
    return "" if report is None or report.get("trustworthy", True) else str(report.get("verdict", ""))


def blocks(report: Mapping[str, Any] | None) -> list[plain.Block]:
    """Every figure of the report with its interval."""
    if report is None:
        return [
            plain.Text(
                "How often identical code is called different on this machine, and the smallest slowdown that is found"
                f" here, has not been measured: run `{RUN}`, and then `handoff report RECORDS -o PAGES`, which makes"
                " these pages again."
            )
        ]
    bad = not report.get("trustworthy", True)
    when = f"{verdicts.code(str(report.get('started', ''))[:16])}, depth {verdicts.code(str(report.get('depth', '?')))}"
    out: list[plain.Block] = [
        plain.Text(verdicts.code(plain.short(str(report.get("verdict", "")))), bad),
        plain.Text(f"`handoff selftest` on this machine ({when}):"),
    ]
    rows = [
        [
            plain.short(verdicts.code(str(each.get("what", "?")))),
            figure(each),
            verdicts.code(str(each.get("target", ""))) or "none",
            verdicts.code(str(each.get("state", ""))),
            plain.short(verdicts.code(str(each.get("note", "")))) or "none",
        ]
        for check in _checks(report)
        for each in _lines(report, str(check.get("name")))
    ]
    head = ["what", "figure, and its interval", "target", "so it is", "note"]
    out.append(plain.Grid(f"Self-test of {when}", head, rows))
    advice = report.get("advice")
    if isinstance(advice, list) and advice:
        out += [plain.Items([verdicts.code(plain.short(str(each))) for each in advice])]
    return out


def figure(each: Mapping[str, Any]) -> str:
    """A figure of a report with its interval, in its unit."""
    value, low, high = (_number(each.get(key)) for key in ("value", "low", "high"))
    show = {"share": units.percent, "ratio": lambda x: f"{x:.3f}", "seconds": units.seconds}.get(
        str(each.get("unit", "")), lambda x: f"{x:g}"
    )
    if math.isnan(value):
        return "unknown"
    return show(value) + (f" [{show(low)} to {show(high)}]" if math.isfinite(low) and math.isfinite(high) else "")


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _checks(report: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    checks = report.get("checks")
    yield from (each for each in checks if isinstance(each, Mapping)) if isinstance(checks, Sequence) else ()


def _lines(report: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    for check in _checks(report):
        lines = check.get("lines")
        if check.get("name") == name and isinstance(lines, Sequence):
            yield from (each for each in lines if isinstance(each, Mapping))
