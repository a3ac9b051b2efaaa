"""The plain report: words, then tables, as markdown and as one HTML page without any script. Pure.

Both are the same blocks in two notations. Everything that a payload, an error or a file name contributes is escaped.
"""

from __future__ import annotations

import html as htmllib
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from handoff.analysis import answers, regret, units
from handoff.analysis.metrics import CODEC, DEEPER, FLOORS
from handoff.analysis.regret import Answer
from handoff.analysis.stats import CONFIDENCE, SMALLEST_EFFECT, Estimate
from handoff.analysis.tables import table as as_table
from handoff.record import Record

from . import decide_data, meanings, verdicts
from .rows import FOOTPRINT, NOISY, Noise, Rank, Source, Table, TableCell, asked, noise, tables

LONGEST = 300  #: characters of a foreign text in a table's cell; all of it is in the record
LIMITS = (
    "These figures hold for this machine, these library versions and these payloads; take ratios, not seconds.",
    "One worker and one object at a time: what several workers do to each other is not in these figures.",
    (
        f"Intervals and bounds are {CONFIDENCE:.0%}, for all ways of a table at once. A way is taken where it is known"
        " to take at most so many times what the best of the others does; a change that saves less than"
        f" {SMALLEST_EFFECT:.0%} is none."
    ),
    (
        "A hand-off ends when the worker has read all of the object and acknowledged it, so no figure here is the cost"
        " of sending alone."
    ),
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading, level 1 to 4."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; backticks mark code."""

    text: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Links:
    """Links in a line: text and address, which is escaped as it is written."""

    items: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table with its caption; the first column is the rows' header."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str | Links]] = field(default_factory=list)


Block = Heading | Text | Items | Grid | Links


def markdown(records: Iterable[Record]) -> str:
    """The report as GitHub-flavoured markdown."""
    return as_markdown(blocks(tables(Source(record) for record in records)))


def html(records: Iterable[Record]) -> str:
    """The report as one HTML page."""
    return as_html(blocks(tables(Source(record) for record in records)))


# -- what to say -------------------------------------------------------------------------------------------------------


def blocks(found: Sequence[Table]) -> list[Block]:
    """The whole report."""
    out: list[Block] = [Heading(1, "What it costs to hand it over"), *answered(found)]
    out += [Heading(2, "Limits"), Items(LIMITS)]
    out += [Heading(2, "Machine, profile, noise"), *about(found), *warnings(noise(found))]
    kind = place = ""
    deeper = set[int]()
    for table in found:
        if table.kind != kind:
            kind, place = table.kind, ""
            out.append(Heading(2, f"{kind.capitalize()}: {meanings.DUTIES.get(kind, kind)}"))
        here = f"`{verdicts.code(table.record.payload)}`" + (f", {table.record.start_method}" if kind != CODEC else "")
        if here != place:
            place = here
            out.append(Heading(3, here))
            why = [str(table.record.about.get(key) or "") for key in ("why", "source")]
            out += [Text(verdicts.code(short(" Source: ".join(filter(None, why)))))] if any(why) else []
        if table.kind not in DEEPER:
            out += _table(table)
        elif id(table.record) not in deeper:  # all metrics of a deeper kind in one table, a row a lane
            deeper.add(id(table.record))
            out += _deeper(table)
    return out


def answered(found: Sequence[Table]) -> list[Block]:
    """What the run has answered, and what would answer the rest."""
    questions = asked(found)
    if not questions:
        return []
    rows = [
        f"{short(each.about)}: {answers.what_would_do(each)}"
        + (f": `{regret.code(each.command)}`" if each.trials else "")
        for each in answers.open_ones(questions)
    ]
    open_ones: list[Block] = [Text(f"{len(rows)} not answered, with what would answer them:"), Items(rows)]
    return [Text(answers.summary(questions)), *(open_ones if rows else [])]


def _deeper(table: Table) -> list[Block]:
    shown = as_table(table.record)
    notes = [Text(verdicts.code(short(note))) for note in shown.notes if note]
    rows = [[f"`{verdicts.code(first)}`", *(cell or "none" for cell in rest)] for first, *rest in shown.rows]
    return [
        Grid(verdicts.code(shown.title), shown.head, rows),
        *notes,
        *again(answers.command(table.record), table.path),
    ]


def again(command: str, path: str) -> list[Block]:
    """Where a table's figures come from, and the command that measures them again."""
    links = record_links(("its record", path))
    return [Text(f"Measure it again: `{verdicts.code(command)}`"), *([links] if links.items else [])]


def record_links(*named: tuple[str, str]) -> Links:
    """Links to records: what each is called, and its path below the site's records; without a path there is none."""
    return Links([(name, "records/" + quote(path)) for name, path in named if path])


def about(found: Sequence[Table]) -> list[Block]:
    """Each fingerprint that occurs, once."""
    marks: dict[str, int] = {}
    for table in found:
        line = fingerprint(table.record)
        marks[line] = marks.get(line, 0) + 1
    run = noise(found)
    items = [f"{line} ({count} tables)" for line, count in marks.items()]
    items.append(
        f"A/A error (how far two lanes of the same code came out apart): median {units.percent(run.median_aa)}, worst"
        f" {units.percent(run.worst_aa)}; {run.noisy} of {run.tables} tables beyond {NOISY:.0%}"
    )
    return [Items(items)]


def fingerprint(record: Record) -> str:
    """Machine, system, libraries and profile in a line."""
    marks, profile = record.fingerprint, record.profile
    versions = marks.get("versions") or {}
    parts = [
        f"{marks.get('cpu', '?')}, {marks.get('usable_cores', '?')} cores",
        f"{marks.get('system', '?')}, {marks.get('libc', '?')}",
        f"Python {marks.get('python', '?')}",
        ", ".join(f"{name} {version}" for name, version in versions.items()) or "no libraries",
        "profile {}: {} trials of {} rounds".format(*(profile.get(key, "?") for key in ("name", "trials", "rounds"))),
    ]
    return verdicts.code("; ".join(map(str, parts)))


def warnings(run: Noise) -> list[Text]:
    """What makes a run less than trustworthy, each with advice."""
    out = []
    if run.too_noisy:
        why = (
            f"{run.noisy} of {run.tables} tables have an A/A error beyond {NOISY:.0%}"
            if run.trials >= 3
            else f"only {run.trials} trials"
        )
        out.append(
            Text(f"Too noisy: {why}. Stop what else runs here, or take a longer profile, and measure again.", True)
        )
    if run.incomplete:
        out.append(Text(f"{run.incomplete} records are of an interrupted run: fewer samples, wider intervals.", True))
    if run.complaints:
        out.append(
            Text(f"{run.complaints} records hold warnings of measuring processes, shown with their tables.", True)
        )
    return out


def _table(table: Table) -> list[Block]:
    record = table.record
    out: list[Block] = []
    meaning = meanings.meaning(table.metric)
    advice = verdicts.advise(table)
    out.append(Text(f"**{table.metric}** ({meaning}). {advice.text}"))
    out += [Text(f"Warning of a measuring process: {verdicts.code(short(text))}", True) for text in record.complaints]
    buffers = table.metric == "handoff" and record.about.get("nbytes")
    codec = table.kind == CODEC
    advised = f"× {table.decision.advised or 'the way to take'}"
    head = ["strategy", "time", f"× {record.baseline or 'baseline'}", advised, "at most × the best", "so it is"]
    head += ["GB/s", "its floor"] if buffers else ["× its floor"] if table.metric == "handoff" else []
    head += ["wire bytes"] if codec else []
    memory = any(cell.memory for cell in table.cells)
    head += ["memory of the worker", "of the parent, at its peak", "of all"] if memory else []
    disturbed = any(cell.disturbed for cell in table.cells)
    head += ["undisturbed samples only"] if disturbed else []
    rows = [
        _row(table, cell, bool(buffers), codec)
        + ([_footprint(cell, name) for name in FOOTPRINT] if memory else [])
        + ([_clean(cell)] if disturbed else [])
        for cell in table.cells
    ]
    caption = f"{table.metric}, A/A error {units.percent(table.aa)}"
    for lane in table.lanes:
        rate = f", {units.rate(lane.bytes_per_s)}" if lane.bytes_per_s else ""
        caption += f"; {lane.name} {table.shown(lane.value)}{rate}"
    for name in FLOORS.values():
        if name in record.outcomes:
            caption += f"; no {name}: {short(record.outcomes[name].reason)}"
    out.append(Grid(caption, head, rows))
    if record.stopped:
        out.append(Text(decide_data.stopped(record)))
    return out + again(answers.command(table.record), table.path)


def _row(table: Table, cell: TableCell, buffers: bool, codec: bool) -> list[str]:
    name = f"`{verdicts.code(cell.strategy)}`" + (" (baseline)" if cell.strategy == table.record.baseline else "")
    if cell.time is None:
        row = [name, outcome_words(cell), *["no time"] * 4]
    else:
        slower = units.ratio_interval(cell.slower) if cell.slower else "none to take"
        bound = units.ratio(regret.rounded_up(cell.bound)) if math.isfinite(cell.bound) else "not bounded"
        row = [name, units.interval(cell.time), ratio_words(cell.ratio), slower, bound, standing(table, cell)]
    if buffers:
        lane = table.lane(cell.floor)
        row.append(
            units.rate(cell.bytes_per_s)
            if cell.bytes_per_s
            else "no time"
            if cell.time is None
            else "hands nothing over"
        )
        row.append(
            f"{units.rate(lane.bytes_per_s)} ({units.ratio(cell.floor_ratio.value)} its time)"
            if lane and lane.bytes_per_s and cell.floor_ratio
            else "none known"
        )
    elif table.metric == "handoff":
        row.append(ratio_words(cell.floor_ratio) if cell.floor_ratio else "none known")
    if codec:
        row.append(f"{cell.wire_bytes:,}" if cell.wire_bytes is not None else "none")
    return row


def standing(table: Table, cell: TableCell) -> str:
    """Where it stands, in a word or two."""
    if cell.left_out:
        return f"far; measured no further after {cell.left_out} trials"
    if cell.rank is Rank.BEST and table.record.strategies:
        return {Answer.CHANGE: "take", Answer.KEEP: "keep"}.get(table.decision.answer, "least at risk")
    return str(cell.rank)


def _footprint(cell: TableCell, name: str) -> str:
    return units.size_interval(cell.memory[name]) if cell.memory and name in cell.memory else "unknown"


def _clean(cell: TableCell) -> str:
    if cell.clean is None or cell.time is None:
        return "all of them" if cell.time else "no time"
    time = units.interval(cell.clean) if cell.clean.n_samples else "none"
    return f"{time} ({cell.clean.n_samples} of {cell.time.n_samples})"


def outcome_words(cell: TableCell) -> str:
    """The outcome with its reason, where there is no time."""
    if cell.outcome.ok:
        return "ok, not timed"
    return f"{cell.outcome.kind}: {verdicts.code(short(cell.outcome.reason))}"


def ratio_words(figure: Estimate | None) -> str:
    """A ratio with its interval."""
    return units.ratio_interval(figure) if figure else "no baseline"


def short(text: str) -> str:
    """One line, at most ``LONGEST`` characters of it."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters; all in the record)"


# -- two notations -----------------------------------------------------------------------------------------------------

_SPANS = re.compile(r"(`[^`]*`|\*\*[a-z-]+\*\*)")
_MARKS = re.compile(r"([\\*_{}\[\]<>#|~&!])")


def as_markdown(found: Iterable[Block]) -> str:
    """Blocks as markdown."""
    out = []
    for block in found:
        match block:
            case Heading(level, text):
                out.append(f"{'#' * level} {_md(text)}")
            case Text(text, warning):
                out.append(("> **Warning.** " if warning else "") + _md(text))
            case Items(items):
                out.append("\n".join(f"- {_md(item)}" for item in items))
            case Links(items):
                out.append(_md_links(items))
            case Grid(caption, head, rows):
                lines = [head, ["---"] * len(head), *rows]
                body = "\n".join(
                    "| " + " | ".join(cell if cell == "---" else _md_cell(cell) for cell in row) + " |" for row in lines
                )
                out.append(f"{_md(caption)}\n\n{body}")
    return "\n\n".join(out) + "\n"


def _md_links(items: Iterable[tuple[str, str]]) -> str:
    return " · ".join(f"[{_md(text)}](<{href}>)" for text, href in items)


def _md_cell(cell: str | Links) -> str:
    return _md_links(cell.items) if isinstance(cell, Links) else _md(cell)


def _md(text: str) -> str:
    text = " ".join(text.split())
    spans = _SPANS.split(text)
    return "".join(
        span.replace("|", "\\|") if index % 2 else _MARKS.sub(r"\\\1", span) for index, span in enumerate(spans)
    )


_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:auto;padding:1rem}
body{color:#1a1a1a;background:#fff}a{color:#0645ad}
@media (prefers-color-scheme:dark){body{color:#eee;background:#16181b}a{color:#8ab4f8}}
.scroll{overflow-x:auto}
table{border-collapse:collapse;margin:.5rem 0 2rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:.25rem 0}
tbody th{min-width:8rem}
th,td{border-bottom:1px solid #8886;padding:.2rem .6rem;text-align:left;vertical-align:top}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;padding:0}
nav ol{list-style:none;padding:0;columns:15rem}nav .deeper{padding-left:1rem}
p,td,th,code{overflow-wrap:anywhere}
.warning{border-left:.4rem solid #c00;padding-left:.6rem}
""".strip()


def inner(found: Iterable[Block]) -> str:
    """Blocks as HTML, without a page around them."""
    out: list[str] = []
    for block in found:
        match block:
            case Heading(level, text):
                out.append(f'<h{level} id="s{len(out)}">{_html(text)}</h{level}>')
            case Text(text, warning):
                out.append(
                    f'<p class="warning"><strong>Warning.</strong> {_html(text)}</p>'
                    if warning
                    else f"<p>{_html(text)}</p>"
                )
            case Items(items):
                out.append("<ul>" + "".join(f"<li>{_html(item)}</li>" for item in items) + "</ul>")
            case Links(items):
                out.append(f"<p>{_html_links(items)}</p>")
            case Grid(caption, head, rows):
                lines = "".join(f'<th scope="col">{_html(cell)}</th>' for cell in head)
                body = "".join(
                    f'<tr><th scope="row">{_html_cell(row[0])}</th>'
                    + "".join(f"<td>{_html_cell(cell)}</td>" for cell in row[1:])
                    + "</tr>"
                    for row in rows
                )
                label = htmllib.escape(f"{caption} ({len(out)})", quote=True)  # a region's name must be unique
                out.append(
                    f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
                    f"<table><caption>{_html(caption)}</caption><thead><tr>{lines}</tr></thead><tbody>{body}</tbody></table></div>"
                )
    return "\n".join(out)


def as_html(found: Iterable[Block], navigation: str = "", trust: str = "") -> str:
    """Blocks as one page, with its contents on top. ``navigation`` is HTML that is escaped already."""
    found = list(found)
    return around(inner(found), navigation + contents(found), trust)


def contents(found: Sequence[Block]) -> str:
    """Links to the headings of the second and third level, folded."""
    out = [
        f'<li{" class=deeper" if block.level > 2 else ""}><a href="#s{index}">{_html(block.text)}</a></li>'
        for index, block in enumerate(found)
        if isinstance(block, Heading) and block.level > 1
    ]
    return f'<nav aria-label="Contents"><details><summary>Contents</summary><ol>{"".join(out)}</ol></details></nav>'


def around(body: str, navigation: str = "", trust: str = "") -> str:
    """A page around HTML that is escaped already; ``trust`` is text for its foot."""
    head = f"<header>{navigation}</header>\n" if navigation else ""
    foot = f"<footer><p>{htmllib.escape(trust)}</p></footer>\n" if trust else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>handoff: plain report</title>\n<style>\n{_STYLE}\n</style>\n</head>\n"
        f"<body>\n{head}<main>\n{body}\n</main>\n{foot}</body>\n</html>\n"
    )


def _html_links(items: Iterable[tuple[str, str]]) -> str:
    return " · ".join(f'<a href="{htmllib.escape(href)}">{_html(text)}</a>' for text, href in items)


def _html_cell(cell: str | Links) -> str:
    return _html_links(cell.items) if isinstance(cell, Links) else _html(cell)


def _html(text: str) -> str:
    spans = _SPANS.split(text)
    out = []
    for index, span in enumerate(spans):
        if not index % 2:
            out.append(htmllib.escape(span))
        elif span.startswith("`"):
            out.append(f"<code>{htmllib.escape(span[1:-1])}</code>")
        else:
            out.append(f"<strong>{htmllib.escape(span[2:-2])}</strong>")
    return "".join(out)
