"""An advice as text, table, markdown, CSV or HTML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from handoff.advising.notebook import bars
from handoff.analysis import units
from handoff.terminal import MOST_ROWS, WIDEST, Part, _code, _csv, cell, drawn, many, page, plain, table, width

if TYPE_CHECKING:
    from handoff.advising.result import Advice, ByDefault, Row, UnderMethod


CLEARLY = 0.05  #: less apart are two trials of one way
HEAD = ("way", "duty", "job", "task", "×", "setup", "memory", "99 % of a task", "trials", "note")


def _shown(row: Row) -> tuple[str, ...]:
    low, high = units.seconds(row.task_s_low), units.seconds(row.task_s_high)
    known = row.trials > 2 and units.tells(row.task_s_low, row.task_s_high)
    return (
        row.way,
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
    work = f"{many(job.tasks, 'task')} on {many(job.workers, 'worker')}, {job.start_method}, {job.duty}"
    parts = [Part(f"{advice.target}: {work}", "dim"), Part(advice.advice, "title")]
    parts += [Part(text) for text in (advice.sure, advice.now, advice.breaks_even, advice.memory) if text]
    if advice.best:
        parts.append(Part(f"What it is: {_summary(advice.best)}."))
        parts.append(Part(f"What it means: {advice.best.meaning}."))
    parts += _start_method_parts(advice)
    parts += [Part(f"Warning: {each.text}.", "fix") for each in advice.warnings]
    parts += _refactoring_parts(advice)
    if advice.tiers:
        parts += [
            Part(""),
            Part(
                "The job by each way; what stands above the first line was not shown to be slower than the first",
                "title",
            ),
        ]
        parts.append(Part(_table(advice, columns), keep=True, markup=bars(advice)))
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


def _start_method_parts(advice: Advice) -> list[Part]:
    """What the other start methods would do, a line each, and what Pythons do by default."""
    parts = [Part(f"Start methods: {_under(each)}." if n == 0 else f"{_under(each)}.", indent=2 * (n > 0))
             for n, each in enumerate(advice.start_methods)]  # fmt: skip
    if advice.defaults:
        parts.append(Part(f"By default: {'; '.join(map(_default, advice.defaults))}."))
    return parts


def _under(each: UnderMethod) -> str:
    if not each.strategy:
        return f"{each.start_method}: {each.note}"
    way = f"{each.strategy} ({each.duty})" + (f", chunks of {each.chunk}" if each.chunk > 1 else "")
    more = "" if each.ratio == 1 else ", as good"
    if abs(each.ratio - 1) >= CLEARLY:
        more = f", {units.ratio(each.ratio)}" if each.ratio > 1 else f", {units.ratio(1 / each.ratio)} faster"
    text = f"{each.start_method}: {units.seconds(each.total_s)} by {way}{more}"
    ready = f"a worker is ready in {units.seconds(each.start_s)}" if each.start_s > 0 else ""
    return "; ".join(filter(None, (text, ready, each.note)))


def _default(each: ByDefault) -> str:
    known = f"{units.seconds(each.total_s)} for the job, {units.seconds(each.task_s)} a task"
    return f"{each.pythons}: {each.start_method} and protocol {each.protocol}, {each.note or known}"


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
        f"**{cell(advice.advice)}**",
        "",
        f"{many(job.tasks, 'task')}, {many(job.workers, 'worker')}, {job.start_method}, {job.duty}. "
        + cell(" ".join(filter(None, (advice.sure, advice.now, advice.breaks_even, advice.memory)))),
        "",
    ]
    lines += [f"- {cell(part.text)}" for part in _start_method_parts(advice)]
    lines += [f"- Warning: {cell(each.text)}." for each in advice.warnings]
    lines += [f"- {cell(part.text)}" for part in _refactoring_parts(advice)]
    if advice.tiers:
        lines += ["", f"| tier | {' | '.join(HEAD)} |", "| ---: | --- | --- |" + " ---: |" * 5 + " --- | ---: | --- |"]
        lines += [
            f"| {number} | {' | '.join(map(cell, _shown(row)))} |"
            for number, tier in enumerate(advice.tiers, 1)
            for row in tier
        ]
        lines.append("")
    if advice.excluded:
        lines += ["| no answer | outcome | reason |", "| --- | --- | --- |"]
        lines += [f"| {e.strategy} | {e.outcome} | {cell(e.reason)} |" for e in advice.excluded]
        lines.append("")
    for title, code in _code_parts(advice):
        lines += [f"{title}:", "", "```python", code, "```", ""]
    lines += [f"- {cell(note)}" for note in advice.notes]
    return "\n".join(lines).rstrip() + "\n"


def advice_csv(advice: Advice) -> str:
    """A row a way; times in seconds."""
    head = (
        "tier",
        "strategy",
        "duty",
        "chunk",
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
            r.chunk,
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
    rows += [("", e.strategy, e.duty, "", e.outcome, *[""] * 8, e.reason) for e in advice.excluded]
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
