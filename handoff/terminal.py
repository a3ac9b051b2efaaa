"""Diagnosis and advice for people: text that fits its terminal, markdown, CSV, HTML, and colours where they are drawn.

Pure: results in, text out. Words first, then tables. Text is a list of styled lines, which plain text, rich and HTML
share; only rich knows colours.
"""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handoff.analysis import units

if TYPE_CHECKING:
    from handoff.advising.words import Advice, Row
    from handoff.diagnosing import Diagnosis, Finding

FORMATS = ("text", "json", "markdown", "csv")
WIDEST = 110  #: longer lines of words are hard to read
NARROWEST = 40
HEAVY_BYTES = 1 << 10  #: an object whose heaviest part is lighter has nothing heavy in it, for people
MOST_ROWS = 12  #: of a table for people; JSON and CSV have all
STYLES = {"title": "bold", "bad": "red", "path": "bold cyan", "fix": "green", "dim": "dim", "plain": ""}


@dataclass(frozen=True, slots=True)
class Part:
    """One paragraph, or one line that must not be broken (``keep``)."""

    text: str
    style: str = "plain"
    indent: int = 0
    keep: bool = False


def width() -> int:
    """Columns to fill: the terminal's, within reason."""
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((100, 24)).columns))


def coloured(stream: Any = None) -> bool:
    """Whether to draw: on a terminal, unless NO_COLOR is set (no-color.org) or the terminal is dumb."""
    stream = sys.stdout if stream is None else stream
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def plain(parts: Iterable[Part], columns: int | None = None) -> str:
    """Text, wrapped."""
    columns = columns or width()
    lines: list[str] = []
    for part in parts:
        margin = " " * part.indent
        if part.keep:
            lines += [f"{margin}{line}".rstrip() for line in part.text.split("\n")]
            continue
        lines += textwrap.wrap(
            " ".join(part.text.split()), columns, initial_indent=margin, subsequent_indent=margin,
            break_on_hyphens=False, break_long_words=True,
        ) or [""]  # fmt: skip
    return "\n".join(lines) + "\n"


def drawn(parts: Iterable[Part], columns: int | None = None) -> Any:
    """The same for rich: wrapped here, so that both read the same."""
    from rich.text import Text

    text = Text()
    for part in parts:
        text.append(plain([part], columns), STYLES[part.style])
    text.rstrip()
    return text


def show(parts: Sequence[Part]) -> None:
    """On standard output, with colours if it is a terminal that wants them."""
    if coloured():
        from rich.console import Console

        Console(highlight=False, soft_wrap=True).print(drawn(parts))
    else:
        sys.stdout.write(plain(parts))
        sys.stdout.flush()


def page(title: str, parts: Iterable[Part]) -> str:
    """HTML of the same words; everything is escaped."""
    colours = {"title": "font-weight:bold", "bad": "color:#b00", "path": "font-weight:bold", "dim": "opacity:.7"}
    rows = []
    for part in parts:
        style = f"margin:.2em 0 .2em {part.indent / 2}em;{colours.get(part.style, '')}"
        tag = "pre" if part.keep else "div"
        rows.append(f'<{tag} style="{style}">{html.escape(part.text)}</{tag}>')
    return f'<div class="handoff" title="{html.escape(title)}">{"".join(rows)}</div>'


def table(rows: Sequence[Sequence[str]], columns: int, *, right: Sequence[int] = ()) -> str:
    """Aligned columns; where they do not fit, the last ones are left out, never cut."""
    cells = [list(row) for row in rows]
    while cells and len(cells[0]) > 2 and sum(_widths(cells)) + 2 * (len(cells[0]) - 1) > columns:
        cells = [row[:-1] for row in cells]
    widths = _widths(cells)
    lines = []
    for row in cells:
        made = (c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        lines.append("  ".join(made).rstrip())
    return "\n".join(lines)


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []


def _csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return file.getvalue()


def _cell(text: str) -> str:
    """Markdown: for a table's cell."""
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|")


def _code(text: str) -> str:
    """Markdown: code within a line, whatever it holds (CommonMark 6.1: a fence longer than any run of ticks in it)."""
    text = " ".join(text.split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# ----------------------------------------------------------------------------------------------------------- diagnosis


def diagnosis_summary(diagnosis: Diagnosis) -> str:
    """One sentence."""
    if diagnosis.culprits:
        found = f"{_many(len(diagnosis.culprits), 'culprit')} in the way of its hand-over"
        return f"{diagnosis.target}: {found}" + (f", {len(diagnosis.altered)} altered." if diagnosis.altered else ".")
    if diagnosis.altered:
        return f"{diagnosis.target}: everything is carried, but {_many(len(diagnosis.altered), 'part')} not unaltered."
    return f"{diagnosis.target}: no culprit; every pickler carries it, as far as could be seen."


def diagnosis_parts(diagnosis: Diagnosis) -> list[Part]:
    """All that was found, words first."""
    parts = [Part(diagnosis_summary(diagnosis), "title")]
    for title, stops, findings in (
        ("What stops it", "stops", diagnosis.culprits),
        ("What arrives altered", "altered by", diagnosis.altered),
    ):
        if findings:
            parts += [Part(""), Part(title, "title")]
        for finding in findings:
            parts += _finding_parts(finding, stops)
    if diagnosis.heavy and diagnosis.heavy[0].bytes >= HEAVY_BYTES:
        parts += [Part(""), Part("What is heavy (bytes it adds to the pickle)", "title")]
        parts += [
            Part(f"{units.size(item.bytes):>10}  {item.path}{f' ({item.type})' if item.type else ''}", indent=2)
            for item in diagnosis.heavy[:MOST_ROWS]
        ]
    if diagnosis.shared:
        parts += [Part(""), Part("What is shared within it (sent part by part, it arrives as several)", "title")]
        parts += [Part(f"{' is '.join(item.paths)} ({item.type})", indent=2) for item in diagnosis.shared[:MOST_ROWS]]
    if diagnosis.depth.deepest:
        text = f"Depth: {diagnosis.depth.deepest:,} objects deep; the recursion limit is {diagnosis.depth.limit:,}."
        parts += [Part(""), Part(text, "dim")]
    parts += [Part(f"Note: {note}", "dim") for note in diagnosis.notes]
    return parts


def _finding_parts(finding: Finding, verb: str) -> list[Part]:
    where = {"dump": "", "load": " (fails in the worker)", "arrival": ""}.get(finding.where, "")
    starts = "" if len(finding.start_methods) == 3 else f" under {' and '.join(finding.start_methods)}"
    parts = [
        Part(f"{finding.path}  ({finding.type})", "path", 2),
        Part(f"why: {finding.reason}{where}", "plain", 6),
        Part(f"{verb}: {', '.join(finding.blocks) or 'nothing by itself'}{starts}", "bad", 6),
    ]
    if finding.fix:
        parts.append(Part(f"fix: {finding.fix}", "fix", 6))
    if finding.behind:
        parts.append(Part(f"hidden behind {finding.behind}: it shows once that one is mended", "dim", 6))
    if finding.aliases:
        parts.append(Part(f"also at {', '.join(finding.aliases)}", "dim", 6))
    return parts


def diagnosis_markdown(diagnosis: Diagnosis) -> str:
    """For an issue or a page."""
    lines = [f"# Diagnosis of {_code(diagnosis.target)}", "", _cell(diagnosis_summary(diagnosis)), ""]
    for title, findings in (("What stops it", diagnosis.culprits), ("What arrives altered", diagnosis.altered)):
        if findings:
            lines += [f"## {title}", "", "| path | type | why | fix | strategies |", "| --- | --- | --- | --- | --- |"]
            lines += [
                f"| {_code(f.path)} | {_code(f.type)} | {_cell(f.reason)} | {_cell(f.fix)} | {', '.join(f.blocks)} |"
                for f in findings
            ]
            lines.append("")
    if diagnosis.heavy:
        lines += ["## What is heavy", "", "| path | bytes |", "| --- | ---: |"]
        lines += [f"| {_code(item.path)} | {item.bytes:,} |" for item in diagnosis.heavy]
        lines.append("")
    if diagnosis.shared:
        lines += ["## What is shared", ""]
        lines += [f"- {' is '.join(map(_code, item.paths))} ({_code(item.type)})" for item in diagnosis.shared]
        lines.append("")
    lines.append(f"Depth {diagnosis.depth.deepest:,}, recursion limit {diagnosis.depth.limit:,}.")
    lines += [f"- {_cell(note)}" for note in diagnosis.notes]
    return "\n".join(lines) + "\n"


def diagnosis_csv(diagnosis: Diagnosis) -> str:
    """A row a finding."""
    rows = [
        (what, f.path, f.type, f.reason, f.fix, " ".join(f.blocks), "")
        for what, findings in (("culprit", diagnosis.culprits), ("altered", diagnosis.altered))
        for f in findings
    ]
    rows += [("heavy", h.path, h.type, "", "", "", str(h.bytes)) for h in diagnosis.heavy]
    return _csv(("what", "path", "type", "reason", "fix", "blocks", "bytes"), rows)


def diagnosis_as(diagnosis: Diagnosis, form: str) -> str:
    """The diagnosis in one of :data:`FORMATS`."""
    match form:
        case "json":
            return json.dumps(diagnosis.to_json(), indent=1, allow_nan=False) + "\n"
        case "markdown":
            return diagnosis_markdown(diagnosis)
        case "csv":
            return diagnosis_csv(diagnosis)
        case _:
            return plain(diagnosis_parts(diagnosis))


def diagnosis_drawn(diagnosis: Diagnosis) -> Any:
    """For rich."""
    return drawn(diagnosis_parts(diagnosis))


def diagnosis_html(diagnosis: Diagnosis) -> str:
    """For notebooks."""
    return page(f"diagnosis of {diagnosis.target}", diagnosis_parts(diagnosis))


# -------------------------------------------------------------------------------------------------------------- advice

HEAD = ("way", "duty", "job", "task", "×", "setup", "memory", "99 % of a task", "trials", "note")


def _shown(row: Row) -> tuple[str, ...]:
    low, high = units.seconds(row.task_s_low), units.seconds(row.task_s_high)
    known = row.trials > 2
    return (
        row.strategy,
        row.duty,
        units.seconds(row.total_s),
        units.seconds(row.task_s),
        units.ratio(row.ratio),
        units.seconds(row.setup_s) if row.setup_s else "0",
        units.size(row.worker_uss_bytes) if row.worker_uss_bytes > 0 else "–",
        f"{low} – {high}" if known else "too few",
        str(row.trials),
        "; ".join(row.notes),
    )


def advice_parts(advice: Advice, columns: int | None = None) -> list[Part]:
    """Words, then the table, then what is no answer."""
    columns = columns or width()
    job = advice.job
    work = f"{_many(job.tasks, 'task')} on {_many(job.workers, 'worker')}, {job.start_method}, {job.duty}"
    parts = [Part(f"{advice.target}: {work}", "dim"), Part(advice.advice, "title")]
    parts += [Part(text) for text in (advice.sure, advice.now, advice.breaks_even, advice.memory) if text]
    if advice.best:
        parts.append(Part(f"What it is: {_summary(advice.best)}."))
        parts.append(Part(f"What it means: {advice.best.meaning}."))
    parts += _refactoring_parts(advice)
    if advice.tiers:
        parts += [Part(""), Part("The job by each way; ways between two lines are a tie", "title")]
        parts.append(Part(_table(advice, columns), keep=True))
        start = f"; {units.seconds(advice.start_s)} until a worker is ready is in it" if advice.start_s > 0 else ""
        text = f"job: start, setup and all tasks{start}. Setup is once. Memory: what one worker has to itself."
        parts.append(Part(text, "dim"))
    parts += _excluded_parts(advice)
    for title, code in _code_parts(advice):
        parts += [Part(""), Part(title, "title"), Part(code, indent=2, keep=True)]
    parts += [Part(f"Note: {note}", "dim") for note in advice.notes]
    return parts


def _summary(row: Row) -> str:
    from handoff.strategies import registry

    found = registry().get(row.strategy)
    return found.summary if found else row.strategy


def _code_parts(advice: Advice) -> list[tuple[str, str]]:
    """What the code looks like, with a title each: once where nothing has to change."""
    if advice.recipe is None:
        return []
    before, after = advice.recipe.before.rstrip(), advice.recipe.after.rstrip()
    return [("The code, as it may be already", after)] if before == after else [("Before", before), ("After", after)]


def _refactoring_parts(advice: Advice) -> list[Part]:
    parts = []
    for each in advice.refactorings:
        if each.task_s > 0 and each.gain > 0:
            figures = (
                f": {units.seconds(each.total_s)} for the job, {units.ratio(each.gain)} less than the best as it is"
            )
            if each.gain < 1.1:
                figures = f": {units.seconds(each.total_s)} for the job, no clear gain in time"
        elif each.task_s > 0:
            figures = f": {units.seconds(each.total_s)} for the job"
        else:
            figures = ""
        parts.append(Part(f"To refactor: {each.what}{figures}.", "fix"))
    return parts


def _table(advice: Advice, columns: int) -> str:
    rows: list[tuple[str, ...]] = [HEAD]
    breaks = []
    for tier in advice.tiers:
        breaks.append(len(rows))
        rows += [_shown(row) for row in tier]
    if len({row[1] for row in rows[1:]}) == 1:
        rows = [(row[0], *row[2:]) for row in rows]
        lines = table(rows, columns, right=(1, 2, 3, 4, 5)).split("\n")
    else:
        lines = table(rows, columns, right=(2, 3, 4, 5, 6)).split("\n")
    ruler = "-" * max(map(len, lines))
    made = []
    for number, line in enumerate(lines[: MOST_ROWS + 1]):
        if number in breaks:
            made.append(ruler)
        made.append(line)
    if len(lines) > MOST_ROWS + 1:
        made.append(f"… and {len(lines) - MOST_ROWS - 1} slower ones (--format json has all)")
    return "\n".join(made)


def _excluded_parts(advice: Advice) -> list[Part]:
    if not advice.excluded:
        return []
    parts = [Part(""), Part("No answer here", "title")]
    groups: dict[tuple[str, str], list[str]] = {}
    for each in advice.excluded:
        names = groups.setdefault((each.outcome, each.reason[:300]), [])
        if each.strategy not in names:
            names.append(each.strategy)
    for (outcome, reason), names in groups.items():
        parts.append(Part(f"{outcome}: {', '.join(names)}: {reason}", "dim", 2))
    return parts


def advice_text(advice: Advice, columns: int | None = None) -> str:
    """Plain text."""
    return plain(advice_parts(advice, columns), columns)


def advice_drawn(advice: Advice) -> Any:
    """For rich."""
    return drawn(advice_parts(advice))


def advice_html(advice: Advice) -> str:
    """For notebooks."""
    return page(f"advice for {advice.target}", advice_parts(advice, WIDEST))


def advice_markdown(advice: Advice) -> str:
    """For an issue or a page."""
    job = advice.job
    lines = [
        f"# Advice for {_code(advice.target)}",
        "",
        f"**{_cell(advice.advice)}**",
        "",
        f"{_many(job.tasks, 'task')}, {_many(job.workers, 'worker')}, {job.start_method}, {job.duty}. "
        + _cell(" ".join(filter(None, (advice.sure, advice.now, advice.breaks_even, advice.memory)))),
        "",
    ]
    lines += [f"- {_cell(part.text)}" for part in _refactoring_parts(advice)]
    if advice.tiers:
        lines += ["", f"| tier | {' | '.join(HEAD)} |", "| ---: | --- | --- |" + " ---: |" * 5 + " --- | ---: | --- |"]
        lines += [
            f"| {number} | {' | '.join(map(_cell, _shown(row)))} |"
            for number, tier in enumerate(advice.tiers, 1)
            for row in tier
        ]
        lines.append("")
    if advice.excluded:
        lines += ["| no answer | outcome | reason |", "| --- | --- | --- |"]
        lines += [f"| {e.strategy} | {e.outcome} | {_cell(e.reason)} |" for e in advice.excluded]
        lines.append("")
    for title, code in _code_parts(advice):
        lines += [f"{title}:", "", "```python", code, "```", ""]
    lines += [f"- {_cell(note)}" for note in advice.notes]
    return "\n".join(lines).rstrip() + "\n"


def advice_csv(advice: Advice) -> str:
    """A row a way; times in seconds."""
    head = (
        "tier",
        "strategy",
        "duty",
        "outcome",
        "task_s",
        "task_s_low",
        "task_s_high",
        "setup_s",
        "total_s",
        "worker_uss_bytes",
        "worker_pss_bytes",
        "parent_peak_bytes",
        "reason",
    )
    rows: list[Sequence[Any]] = [
        (
            n,
            r.strategy,
            r.duty,
            "ok",
            r.task_s,
            r.task_s_low,
            r.task_s_high,
            r.setup_s,
            r.total_s,
            *_bytes(r),
            "; ".join(r.notes),
        )
        for n, tier in enumerate(advice.tiers, 1)
        for r in tier
    ]
    rows += [("", e.strategy, e.duty, e.outcome, *[""] * 8, e.reason) for e in advice.excluded]
    return _csv(head, rows)


def _bytes(row: Row) -> list[Any]:
    """The memory figures of a row; empty where they were not measured."""
    found = (row.worker_uss_bytes, row.worker_pss_bytes, row.parent_peak_bytes)
    return [int(value) if value == value else "" for value in found]


def advice_as(advice: Advice, form: str) -> str:
    """The advice in one of :data:`FORMATS`."""
    match form:
        case "json":
            return json.dumps(advice.to_json(), indent=1, allow_nan=False) + "\n"
        case "markdown":
            return advice_markdown(advice)
        case "csv":
            return advice_csv(advice)
        case _:
            return advice_text(advice)
