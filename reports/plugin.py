"""asv's publisher plugin: puts the Decide page into the published site, which opens on it, and links the two.

``"plugins": [".reports.plugin"]`` in asv.conf.json; the leading dot is needed, a bare name is silently ignored (asv
0.6.6). This is the one module that knows asv's files. asv imports it for every command that reads the configuration, so
nothing heavy is imported before publishing; and a fault here is said, and leaves asv's own site as it was.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from asv.console import log
from asv.publishing import OutputPublisher

if TYPE_CHECKING:
    from .rows import Table

FOLDER = "decide"  #: of the site
RUNS = 12  #: the newest runs get a page each
ANCHOR = '<li id="nav-li-regressions">'  #: in asv's navigation; the link goes before it
LINK = f'<li id="nav-li-decide"><a href="{FOLDER}/index.html">Decide</a></li>\n\t'
ASV = "asv.html"  #: asv's own page: it asks the network for its scripts, so the site does not open on it
#: The site's first page; an address with a fragment was meant for asv.
FIRST = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>handoff</title>
<script>location.replace(location.hash ? "{ASV}" + location.hash : "{FOLDER}/index.html");</script></head>
<body><p><a href="{FOLDER}/index.html">Decide</a>: which way to hand an object over. <a href="{ASV}">asv's own pages</a>
need their scripts from the network.</p></body></html>
"""
#: asv's own pages show their error page without the network: what can be said there.
OFFLINE = (
    f'asv loads the scripts of its own pages from the network. <a href="{FOLDER}/index.html">The Decide page</a> and'
    " all pages that it leads to need none."
)


class Decide(OutputPublisher):  # type: ignore[misc]  # asv has no types
    """Which strategy to take, for which payload."""

    name = "decide"
    button_label = "Decide"
    description = "Which way to hand an object over"

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:  # noqa: ARG003  # asv's
        """Called by ``asv publish`` after it wrote its own pages."""
        site = Path(conf.html_dir)
        folder = site / FOLDER
        if conf.project_url == "#" and (url := home(Path.cwd())):  # asv writes it after its publishers have run
            conf.project_url, conf.show_commit_url = url, f"{url}/commit/"
        try:
            _write(Path(conf.results_dir).parent / "records", folder, benchmarks)
            link(site / "index.html")
            explain(site / "error.html")
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            log.error(
                f"the Decide page was left out: {type(error).__name__}: {error}; the rest of the site is complete"
            )
            log.debug(traceback.format_exc())


def home(folder: Path) -> str:
    """The repository's page on the web, from the address that git has of it; "" where it has none of this sort.

    Never with a name or a password that an address may hold.
    """
    command = ["git", "config", "--get", "remote.origin.url"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = re.fullmatch(
        r"(?:https://(?:[^/@]*@)?|ssh://git@|git@)([\w.-]+)[/:]([\w./-]+?)(?:\.git)?/?", done.stdout.strip()
    )
    return f"https://{found[1]}/{found[2]}" if found else ""


def explain(error: Path) -> None:
    """Say on asv's error page, which stands where the network does not, what needs none."""
    text = error.read_text(encoding="utf-8")
    error.write_text(text.replace("</body>", f"<p>{OFFLINE}</p></body>"), encoding="utf-8")


def _write(records: Path, folder: Path, benchmarks: Mapping[str, Any]) -> None:
    root = str(Path(__file__).resolve().parent.parent)
    if root not in sys.path:  # asv may live in an environment without handoff; asv took the path away after its import
        sys.path.append(root)
    from handoff.record import newest as newest_reports

    from . import page, site

    up = [page.Link("asv's pages", f"../{ASV}")]
    sources, problems, selftests = [], [], []
    for run in newest(records):
        found = site.load(run)
        sources += [site.moved(source, run.relative_to(records).as_posix()) for source in found.sources]
        problems += found.problems
        selftests += found.selftests
    for problem in problems:
        log.warning(f"skipped: {problem}")
    if not sources:
        folder.mkdir(parents=True)
        (folder / "index.html").write_text(site.nothing(problems, up), encoding="utf-8")
        return
    site.write(
        sources,
        folder,
        problems=problems,
        selftests=newest_reports(selftests),
        graph=lambda table, lane: graph(benchmarks, table, lane),
        up=up,
    )


def newest(records: Path) -> list[Path]:
    """The folders that hold records, the newest ``RUNS`` of them."""
    folders = [
        Path(name)
        for name, _, files in os.walk(records)
        if any(file.endswith(".json") and not file.startswith("selftest") for file in files)
    ]
    return sorted(folders, key=lambda folder: (folder.stat().st_mtime, folder.name))[-RUNS:]


def graph(benchmarks: Mapping[str, Any], table: Table, lane: str) -> str:
    """The link to asv's graph of a figure; "" when asv has no such benchmark or parameter."""
    from benchmarks.names import benchmark_name

    record = table.record
    name = benchmark_name(table.kind, record.start_method, table.metric)
    benchmark = benchmarks.get(name)
    if benchmark is None:
        return ""
    wanted = {"strategy": repr(lane), "payload": repr(record.payload)}
    for key, values in zip(benchmark["param_names"], benchmark["params"], strict=True):
        if wanted.get(key) not in values:
            return ""
    chosen = "&".join(f"p-{key}={quote(wanted[key], safe='')}" for key in benchmark["param_names"])
    return f"../index.html#{quote(name)}?{chosen}"


def link(index: Path) -> None:
    """Let the site open on Decide, and put the link into asv's page, which moves aside: whole or not at all.

    Raises ``RuntimeError`` when asv's page is not the one we know.
    """
    text = index.read_text(encoding="utf-8")
    if text.count(ANCHOR) != 1:
        raise RuntimeError(f"{index} has no {ANCHOR!r}: this version of asv has another navigation")
    for path, content in ((index.with_name(ASV), text.replace(ANCHOR, LINK + ANCHOR)), (index, FIRST)):
        draft = path.with_suffix(".part")
        draft.write_text(content, encoding="utf-8")
        draft.replace(path)
