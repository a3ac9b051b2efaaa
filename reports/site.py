"""The one rendering function behind asv's plugin and ``handoff report``: records in, a folder of pages out.

:func:`render` is pure and gives file names with their bytes; :func:`write` puts them, and the records, into a folder.
The pages beside Decide are modules of their own: see :mod:`reports.extra`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from handoff.record import SELFTEST, Record, RecordError, each, newest

from . import decide_data, extra_pages, other_runs, page, plain, selftest, verdicts
from .rows import Source, Table, noise
from .run import runs

HEAVY = 1_400_000  #: bytes of a page: beyond, the plain report is split


@dataclass(slots=True)
class Found:
    """What lies in a folder of records."""

    sources: list[Source] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  #: what could not be read, each in a sentence
    selftests: list[dict[str, Any]] = field(default_factory=list)  #: the newest first


def load(source: Path, *, without: Path | None = None) -> Found:
    """Every record below a folder, or one record; and the reports of selftests, also in the three folders above.

    ``without``: a folder to leave out: that of the pages, which holds copies.
    """
    own = Path(os.path.realpath(source))  # which bears links in a loop
    paths = [source] if source.is_file() else sorted(source.rglob("*.json"))
    if without is not None:
        pages = Path(os.path.realpath(without))
        if own in pages.parents:  # else what lies below the pages' folder is what was asked for
            paths = [path for path in paths if pages not in Path(os.path.realpath(path)).parents]
    root = source.parent if source.is_file() else source
    above = [] if source.is_file() else own.parents[:3]  # asv's folder holds records/machine/run
    beside = [path for folder in above for path in sorted(folder.glob("selftest*.json"))]
    found = Found()
    for path, item in each([*paths, *beside]):
        match item:
            case Record():
                found.sources.append(Source(item, path.relative_to(root).as_posix(), path))
            case RecordError():
                found.problems.append(str(item))
            case {"kind": kind} if kind == SELFTEST:
                found.selftests.append(item)
    found.selftests = newest(found.selftests)
    return found


def load_runs(runs: Sequence[Path], *, without: Path | None = None) -> Found:
    """Several folders of records, or records: each is a run of its own, called as its folder is."""
    if len(runs) == 1:
        return load(runs[0], without=without)
    places = [run.resolve() for run in runs]
    names = [place.name for place in places]
    if len(set(names)) < len(names):  # of a/records and b/records, what is different
        names = ["-".join(place.relative_to(os.path.commonpath(places)).parts) for place in places]
    found = Found()
    for name, run in zip(names, runs, strict=True):
        one = load(run, without=without)
        found.sources += [moved(source, name) for source in one.sources]
        found.problems += one.problems
        found.selftests += one.selftests
    found.selftests = newest(found.selftests)
    return found


def write(
    sources: Sequence[Source],
    folder: Path,
    *,
    problems: Sequence[str] = (),
    selftests: Sequence[dict[str, Any]] = (),
    graph: decide_data.GraphLink = decide_data.no_graph,
    up: Sequence[page.Link] = (),
) -> Path:
    """Write the site into ``folder``, with copies of the records, so that it can be published. Returns its index.

    Raises ``FileExistsError`` where that would write over files which are no report's. No link there is followed.
    """
    files = render(sources, problems=problems, selftests=selftests, graph=graph, up=up)
    copies = {f"records/{source.path}": source.file for source in sources if source.file}
    copies = {name: file for name, file in copies.items() if not _same(folder / name, file)}
    if not _ours(folder) and (taken := [name for name in (*files, *copies) if os.path.lexists(folder / name)]):
        raise FileExistsError(f"{folder / taken[0]} is there and no report's; give another folder, or an empty one")
    inside = {folder / parent for name in (*files, *copies) for parent in Path(name).parents[:-1]}
    if links := [path for path in sorted(inside) if path.is_symlink()]:
        raise FileExistsError(f"{links[0]} is a link to another folder, and no report's; give another folder")
    for name, text in files.items():
        path = _made_for(folder / name)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")  # records may hold lone surrogates
    for name, file in copies.items():
        shutil.copyfile(file, _made_for(folder / name))
    return folder / "index.html"


def _made_for(path: Path) -> Path:
    """The path of a file that is to be written, with its folder, and no link in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        path.unlink()
    return path


def _same(path: Path, other: Path) -> bool:
    return path.exists() and path.samefile(other)


def _ours(folder: Path) -> bool:
    """Whether the folder has a report of ours, which a new one may replace."""
    try:
        if (folder / "index.html").is_symlink():
            return False
        with (folder / "index.html").open(encoding="utf-8", errors="replace") as file:
            return page.MARK in file.read(1000)
    except OSError:
        return False


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
        blocks += [plain.Heading(2, "Left out"), plain.Items([verdicts.code(plain.short(text)) for text in problems])]
    return page.prose("Which way should I hand it over?", plain.inner(blocks), links=up, here="index.html")


def render(
    sources: Iterable[Source],
    *,
    problems: Sequence[str] = (),
    selftests: Sequence[dict[str, Any]] = (),
    graph: decide_data.GraphLink = decide_data.no_graph,
    up: Sequence[page.Link] = (),
) -> dict[str, str]:
    """Every file of the site but the records: name to text. The newest run is ``index.html``.

    A page that says how to make records when there is none that makes sense.
    """
    problems = list(problems)
    found = runs(sources, problems, selftests)
    if not found:
        return {"index.html": nothing(problems, up)}
    choice = [page.Link(run.title, run.page, run.machine) for run in found]
    beside = extra_pages.pages(found, problems)
    links = [*up, page.Link("Decide", "index.html"), *(page.Link(it.title, it.name) for it in beside)]
    links.append(page.Link("Plain report", "report.html"))
    trust = selftest.line(found[0].selftest, noise(found[0].tables))
    out = _plain(found[0].tables, links, trust)
    documents = [(run, decide_data.document(run.tables, title=run.title, graph=graph)) for run in found]
    for run, document in documents:
        stem = "data/" + run.page.removesuffix(".html")
        downloads = [
            page.Link("All of it as JSON", f"{stem}.json"),
            page.Link("All of it as CSV", f"{stem}.csv"),
            page.Link("The verdicts as markdown, for a README or a pull request", f"{stem}.md"),
        ]
        out[run.page] = page.decide(
            document | {"others": other_runs.others(documents, run)},
            links=links,
            runs=choice,
            here=run.page,
            downloads=downloads,
            trust=selftest.line(run.selftest, noise(run.tables)),
            distrust=selftest.distrust(run.selftest),
            problems=len(problems),
        )
        out[f"{stem}.json"] = json.dumps(document, allow_nan=False)
        out[f"{stem}.csv"] = decide_data.as_csv(run.tables)
        out[f"{stem}.md"] = verdicts_page(run.tables, run.title)
    for beside_it in beside:
        body = plain.inner(beside_it.blocks)
        out[beside_it.name] = page.prose(beside_it.title, body, links=links, here=beside_it.name, trust=trust)
    return out


def _plain(found: Sequence[Table], nav: Sequence[page.Link], trust: str) -> dict[str, str]:
    """The plain report: one page, or one for each duty and start method where that would weigh too much."""
    blocks = plain.blocks(found)
    head = page.navigation(nav, "report.html")
    whole, out = plain.as_html(blocks, head, trust), {"report.md": plain.as_markdown(blocks)}
    if len(whole.encode()) <= HEAVY:
        return out | {"report.html": whole}
    parts: dict[tuple[str, str], list[Table]] = {}
    for table in found:
        parts.setdefault((table.kind, table.record.start_method), []).append(table)
    links = []
    for (kind, method), tables_of_it in parts.items():
        name = f"report-{kind}{'-' if method else ''}{method}.html"
        out[name] = plain.as_html(plain.blocks(tables_of_it), page.navigation(nav, name), trust)
        links.append(page.Link(f"{kind}{', ' if method else ''}{method}: {len(tables_of_it)} tables", name))
    top = plain.blocks([])[:1], [plain.Heading(2, "Limits"), plain.Items(plain.LIMITS), *plain.about(found)]
    body = plain.inner([*top[0], *top[1], *plain.warnings(noise(found)), plain.Heading(2, "In parts")])
    return out | {"report.html": plain.around(body + page.as_list(links), head, trust)}


def verdicts_page(found: Sequence[Table], title: str) -> str:
    """The verdicts of a run as markdown."""
    blocks: list[plain.Block] = [plain.Heading(2, verdicts.code(title)), *plain.answered(found)]
    blocks += plain.warnings(noise(found))
    for kind in dict.fromkeys(table.kind for table in found):
        for method in dict.fromkeys(table.record.start_method for table in found if table.kind == kind):
            here = [t for t in found if (t.kind, t.record.start_method) == (kind, method)]
            blocks.append(plain.Heading(3, f"{kind}{', ' if method else ''}{method}"))
            rows = [
                [
                    f"`{verdicts.code(plain.short(t.record.payload))}`",
                    t.metric,
                    (advice.take and f"`{advice.take}`") or "none",
                    advice.text,
                ]
                for t in here
                for advice in [verdicts.advise(t)]
            ]
            blocks.append(plain.Grid(f"{len(here)} verdicts", ["payload", "timed", "take", "verdict"], rows))
    return plain.as_markdown(blocks)
