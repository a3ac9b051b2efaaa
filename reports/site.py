"""The one rendering function behind asv's plugin and ``handoff report``: records in, a folder of pages out.

:func:`render` is pure and gives file names with their bytes; :func:`write` puts them, and the records, into a folder.
The pages beside Decide are modules of their own: see :mod:`reports.extra`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from handoff.record import RecordError, read

from . import data, decide, extra, page, plain
from .rows import Source, Table, noise
from .run import runs

HEAVY = 1_400_000  #: bytes of a page: beyond, the plain report is split


def load(source: Path, *, without: Path | None = None) -> tuple[list[Source], list[str]]:
    """Every record below a folder, or one record; and what could not be read, each in a sentence.

    ``without``: a folder to leave out: that of the pages, which holds copies.
    """
    paths = [source] if source.is_file() else sorted(source.rglob("*.json"))
    if without is not None:
        pages = without.resolve()
        paths = [path for path in paths if pages not in path.resolve().parents or source.resolve() == pages]
    root = source.parent if source.is_file() else source
    found, problems = [], []
    for path in paths:
        try:
            found.append(Source(read(path), path.relative_to(root).as_posix()))
        except RecordError as error:
            problems.append(str(error))
    return found, problems


def write(
    sources: Sequence[Source],
    root: Path,
    folder: Path,
    *,
    problems: Sequence[str] = (),
    graph: data.GraphLink = data.no_graph,
    up: Sequence[page.Link] = (),
) -> Path:
    """Write the site into ``folder``, with copies of the records, so that it can be published. Returns its index."""
    files = render(sources, problems=problems, graph=graph, up=up)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for source in sources:
        if source.path:
            path = folder / "records" / source.path
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / source.path, path)
    return folder / "index.html"


def moved(source: Source, folder: str) -> Source:
    """The same record, seen from a folder further up."""
    return replace(source, path=f"{folder}/{source.path}")


def nothing(problems: Sequence[str], up: Sequence[page.Link]) -> str:
    """The page without any record: how to make some."""
    blocks: list[plain.Block] = [
        plain.Text("There are no records yet. Make some with `python -m benchmarks`, which also publishes them here."),
        plain.Text("Without asv: `handoff measure payloads -o records`, then `handoff report records -o report`."),
    ]
    if problems:
        blocks += [plain.Heading(2, "Left out"), plain.Items([decide.code(plain.short(text)) for text in problems])]
    return page.prose("Which way should I hand it over?", plain.inner(blocks), links=up, here="index.html")


def render(
    sources: Iterable[Source],
    *,
    problems: Sequence[str] = (),
    graph: data.GraphLink = data.no_graph,
    up: Sequence[page.Link] = (),
) -> dict[str, str]:
    """Every file of the site but the records: name to text. The newest run is ``index.html``.

    ``ValueError`` when there is no record, or when a clock ran backwards.
    """
    found = runs(sources)
    if not found:
        raise ValueError("no records: make some with: handoff measure TARGET -o DIR")
    choice = [page.Link(run.title, run.page, run.machine) for run in found]
    beside = extra.pages(found, problems)
    links = [*up, page.Link("Decide", "index.html"), *(page.Link(each.title, each.name) for each in beside)]
    links.append(page.Link("Plain report", "report.html"))
    out = _plain(found[0].tables)
    for run in found:
        stem = "data/" + run.page.removesuffix(".html")
        document = data.document(run.tables, title=run.title, graph=graph)
        downloads = [
            page.Link("All of it as JSON", f"{stem}.json"),
            page.Link("All of it as CSV", f"{stem}.csv"),
            page.Link("The verdicts as markdown, for a README or a pull request", f"{stem}.md"),
        ]
        out[run.page] = page.decide(document, links=links, runs=choice, here=run.page, downloads=downloads)
        out[f"{stem}.json"] = json.dumps(document, allow_nan=False)
        out[f"{stem}.csv"] = data.as_csv(run.tables)
        out[f"{stem}.md"] = verdicts(run.tables, run.title)
    for each in beside:
        out[each.name] = page.prose(each.title, plain.inner(each.blocks), links=links, here=each.name)
    return out


def _plain(found: Sequence[Table]) -> dict[str, str]:
    """The plain report: one page, or one for each duty and start method where that would weigh too much."""
    blocks = plain.blocks(found)
    whole, out = plain.as_html(blocks), {"report.md": plain.as_markdown(blocks)}
    if len(whole.encode()) <= HEAVY:
        return out | {"report.html": whole}
    parts: dict[tuple[str, str], list[Table]] = {}
    for table in found:
        parts.setdefault((table.kind, table.record.start_method), []).append(table)
    links = []
    for (kind, method), tables_of_it in parts.items():
        name = f"report-{kind}{'-' if method else ''}{method}.html"
        out[name] = plain.as_html(plain.blocks(tables_of_it))
        links.append(page.Link(f"{kind}{', ' if method else ''}{method}: {len(tables_of_it)} tables", name))
    head = plain.blocks([])[:1], [plain.Heading(2, "Limits"), plain.Items(plain.LIMITS), *plain.about(found)]
    body = plain.inner([*head[0], *head[1], *plain.warnings(noise(found)), plain.Heading(2, "In parts")])
    return out | {"report.html": plain.around(body + page.as_list(links))}


def verdicts(found: Sequence[Table], title: str) -> str:
    """The verdicts of a run as markdown."""
    blocks: list[plain.Block] = [plain.Heading(2, decide.code(title)), *plain.warnings(noise(found))]
    for kind in dict.fromkeys(table.kind for table in found):
        for method in dict.fromkeys(table.record.start_method for table in found if table.kind == kind):
            here = [t for t in found if (t.kind, t.record.start_method) == (kind, method)]
            blocks.append(plain.Heading(3, f"{kind}{', ' if method else ''}{method}"))
            rows = [
                [
                    f"`{decide.code(plain.short(t.record.payload))}`",
                    t.metric,
                    (advice.take and f"`{advice.take}`") or "none",
                    advice.text,
                ]
                for t in here
                for advice in [decide.advise(t)]
            ]
            blocks.append(plain.Grid(f"{len(here)} verdicts", ["payload", "timed", "take", "verdict"], rows))
    return plain.as_markdown(blocks)
