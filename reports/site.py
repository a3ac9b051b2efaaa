"""The one rendering function behind asv's plugin and ``handoff report``: records in, a folder of pages out.

:func:`render` is pure and gives file names with their bytes; :func:`write` puts them, and the records, into a folder.
More pages (support, workarounds, claims) are given as :class:`Page` by whoever has their data.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from handoff.record import RecordError, read

from . import data, decide, page, plain
from .rows import Source, Table, noise, tables

HEAVY = 1_400_000  #: bytes of a page: beyond, the plain report is split
SHOWN = 500  #: changes listed on a page; the rest is in the CSV files


@dataclass(frozen=True, slots=True)
class Page:
    """One more page beside Decide: its file name, its title, and its content as blocks, which are escaped here."""

    name: str
    title: str
    blocks: Sequence[plain.Block]


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
    extra: Sequence[Page] = (),
    up: Sequence[page.Link] = (),
) -> Path:
    """Write the site into ``folder``, with copies of the records, so that it can be published. Returns its index."""
    files = render(sources, problems=problems, graph=graph, extra=extra, up=up)
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
    extra: Sequence[Page] = (),
    up: Sequence[page.Link] = (),
) -> dict[str, str]:
    """Every file of the site but the records: name to text. The newest run is ``index.html``.

    ``ValueError`` when there is no record, or when a clock ran backwards.
    """
    runs = _runs(tables(sources))
    if not runs:
        raise ValueError("no records: make some with: handoff measure TARGET -o DIR")
    names = _names(list(runs))
    titles = {run: _title(run, found) for run, found in runs.items()}
    choice = [page.Link(titles[run], names[run], _machine(found)) for run, found in runs.items()]
    out: dict[str, str] = {}
    compared = {"environments.html": _environments(runs), "history.html": _history(runs, titles)}
    links = [*up, page.Link("Decide", "index.html"), *(page.Link(each.title, each.name) for each in extra)]
    links += [
        page.Link(text, name)
        for name, text in (("environments.html", "Environments"), ("history.html", "History"))
        if compared[name]
    ]
    links += [page.Link("Method and noise", "method.html"), page.Link("Plain report", "report.html")]
    for run, found in runs.items():
        stem = "data/" + names[run].removesuffix(".html")
        document = data.document(found, title=titles[run], graph=graph)
        downloads = [
            page.Link("All of it as JSON", f"{stem}.json"),
            page.Link("All of it as CSV", f"{stem}.csv"),
            page.Link("The verdicts as markdown, for a README or a pull request", f"{stem}.md"),
        ]
        out[names[run]] = page.decide(document, links=links, runs=choice, here=names[run], downloads=downloads)
        out[f"{stem}.json"] = json.dumps(document, allow_nan=False)
        out[f"{stem}.csv"] = data.as_csv(found)
        out[f"{stem}.md"] = verdicts(found, titles[run])
    newest = next(iter(runs.values()))
    out |= _plain(newest)
    out["method.html"] = page.prose(
        "Method and noise", plain.inner(_method(runs, titles, problems)), links=links, here="method.html"
    )
    for name, found_blocks in compared.items():
        if found_blocks:
            title = "Environments compared" if name.startswith("env") else "History"
            out[name] = page.prose(title, plain.inner(found_blocks), links=links, here=name)
    for each in extra:
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


# -- runs --------------------------------------------------------------------------------------------------------------


def _runs(found: Sequence[Table]) -> dict[str, list[Table]]:
    """Tables by run, the newest run first."""
    runs: dict[str, list[Table]] = {}
    for table in found:
        runs.setdefault(table.run, []).append(table)
    return dict(sorted(runs.items(), key=lambda item: (_started(item[1]), item[0]), reverse=True))


def _started(found: Iterable[Table]) -> str:
    return min(table.record.started for table in found)


def _machine(found: Sequence[Table]) -> str:
    """What the machine is, after its name, where the folders of records give it one."""
    marks, run = found[0].record.fingerprint, found[0].run
    name = f"{run.partition('/')[0]}: " if "/" in run else ""
    return f"{name}{marks.get('cpu', '?')}, {marks.get('usable_cores', '?')} cores"


def _title(run: str, found: Sequence[Table]) -> str:
    record = found[0].record
    libraries = ", ".join(f"{name} {version}" for name, version in data.environment(found[0]).items())
    profile = record.profile.get("name", "?")
    return f"{_started(found)[:16].replace('T', ' ')} UTC, {libraries}, profile {profile}" + (
        f" ({run})" if run else ""
    )


def _names(runs: Sequence[str]) -> dict[str, str]:
    """A file name for each run; the first is the index."""
    out: dict[str, str] = {}
    for number, run in enumerate(runs):
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", run)[-80:].strip("-.") or "run"
        out[run] = "index.html" if not number else f"run-{len(runs) - number}-{safe}.html"
    return out


def _environments(runs: Mapping[str, Sequence[Table]]) -> list[plain.Block]:
    """Each environment against the one most runs have, newest run of each, machine by machine."""
    machines: dict[str, dict[str, Sequence[Table]]] = {}
    for found in runs.values():
        key = ", ".join(f"{name} {version}" for name, version in data.environment(found[0]).items())
        machines.setdefault(_machine(found), {}).setdefault(key, found)
    blocks: list[plain.Block] = []
    for machine, environments in machines.items():
        if len(environments) < 2:
            continue
        blocks.append(plain.Heading(2, decide.code(machine)))
        (base, before), *others = sorted(environments.items())
        for name, after in others:
            blocks += _changes(f"{name} against {base}", before, after, ratios=False)
    return blocks


def _history(runs: Mapping[str, Sequence[Table]], titles: Mapping[str, str]) -> list[plain.Block]:
    """Each run against the run before it on the same machine with the same libraries: ratios to the baseline."""
    blocks: list[plain.Block] = []
    later: dict[tuple[str, str], str] = {}
    for run, found in runs.items():  # the newest first
        key = _machine(found), str(data.environment(found[0]))
        if key in later:
            title = f"{titles[later[key]]}, against {titles[run]}"
            blocks += _changes(title, found, runs[later[key]], ratios=True)
        later[key] = run
    return blocks


def _changes(title: str, before: Sequence[Table], after: Sequence[Table], *, ratios: bool) -> list[plain.Block]:
    found, compared = data.changes(before, after, ratios=ratios)
    what = "ratios to the baseline" if ratios else "times"
    words = f"{len(found)} changes among {compared} {what} compared"
    head = ["payload", "duty", "start method", "timed", "strategy", "before", "after", "factor"]
    rows = [
        [
            plain.short(decide.code(change["payload"])),
            change["kind"],
            change["start_method"] or "none",
            change["metric"],
            change["strategy"],
            change["before"],
            change["after"],
            change["text"] or "outcome",
        ]
        for change in found[:SHOWN]
    ]
    more = f" The first {SHOWN} are shown." if len(found) > SHOWN else ""
    text = (
        f"{words}. A change counts only if the 99 % intervals exclude each other and it exceeds both tables'"
        f" thresholds; runs share no rounds, so this finds less than the verdicts within a run.{more}"
    )
    grids: list[plain.Block] = [plain.Grid(words, head, rows)] if rows else []
    return [plain.Heading(3, decide.code(title)), plain.Text(text), *grids]


def _method(
    runs: Mapping[str, Sequence[Table]], titles: Mapping[str, str], problems: Sequence[str]
) -> list[plain.Block]:
    blocks: list[plain.Block] = [
        plain.Heading(2, "Limits"),
        plain.Items(plain.LIMITS),
        plain.Heading(2, "How it is judged"),
    ]
    blocks += [plain.Items(RULES)]
    if problems:
        blocks += [plain.Heading(2, "Left out"), plain.Items([decide.code(plain.short(text)) for text in problems])]
    for run, found in runs.items():
        state = noise(found)
        blocks += [plain.Heading(2, decide.code(titles[run])), *plain.about(found), *plain.warnings(state)]
        marks = found[0].record.fingerprint
        rows = [[decide.code(str(key)), decide.code(plain.short(str(value)))] for key, value in sorted(marks.items())]
        blocks.append(plain.Grid(f"Fingerprint of {titles[run]}", ["what", "value"], rows))
        rows = [
            [
                plain.short(decide.code(t.record.payload)),
                t.kind,
                t.record.start_method or "none",
                t.metric,
                plain.aa_words(t),
                plain.detectable_words(t),
                "too noisy" if t.noisy else "fine",
            ]
            for t in sorted(found, key=lambda t: -t.aa)
            if any(cell.time for cell in t.cells)
        ]
        head = ["payload", "duty", "start method", "timed", "A/A error", "slowdown found 9 times of 10", "so it is"]
        blocks.append(plain.Grid(f"Noise of each table of {titles[run]}", head, rows))
    return blocks


RULES = (
    (
        "A trial is one fresh interpreter. In each of its rounds every strategy runs once, in shuffled order, beside an"
        " empty message, the physical floor, and a second copy of the baseline: the A/A pair, whose error is shown."
    ),
    "A ratio is the median over trials of each trial's median of paired log-ratios; its interval is over trials.",
    (
        "Of one table, whatever its number of rows, the chance that any identical pair is called different is at most"
        " 5 % (Holm's correction). In simulations at most 2 of 1,000 identical pairs were."
    ),
    (
        "Strategies that can't be told from the best, and whose whole interval is within 10 %, are as good: a tie."
        " What is neither different nor a tie is unclear, and is never shown as a win."
    ),
    (
        "What arrives altered has no time here. A thread hands nothing over: it is a reference, and never the advice."
        " Only strategies that let the other side see writes are measured for the duty shared."
    ),
    "There is no overall score and no mean over payloads, machines or start methods.",
)
