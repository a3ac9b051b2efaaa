"""Data to bytes: the pages as HTML. The one module that knows HTML beside :mod:`reports.plain`; pure.

No framework and no charting library. What PyPI has that carries its own script was measured (November 2026): plotly 7.1
is 4.8 MB; bokeh 3.9 is 1.27 MB and draws on a canvas, where no screen reader finds a number; vega by vl-convert 1.9 is
0.90 MB, but 84 MB installed and 4 s to bundle; pyecharts 2.1 loads its script from the network; pygal 3.1 draws on the
server, which for each payload, duty and start method is more than the page may weigh. So the page's script draws its
three kinds of charts itself, as SVG, in some 120 lines, each with its numbers in a table below.

Everything is in the page: style, script (allowed by their hashes: the page's policy forbids all else, and all of the
network) and the data, compressed. The script puts all text into text nodes.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
MARK = '<meta name="generator" content="handoff">'  #: by which a page of ours is known, and may be written over


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the navigation, or of the choice of runs."""

    text: str
    href: str
    group: str = ""


def decide(
    document: Mapping[str, Any],
    *,
    links: Sequence[Link],
    runs: Sequence[Link],
    here: str,
    downloads: Sequence[Link],
    trust: str = "",
    distrust: str = "",
    problems: int = 0,
) -> str:
    """The Decide page of one run. ``here`` is its own file name; ``runs`` are all of them, by machine.

    ``trust``: what is known of the machine's own error, in a line; ``distrust``: why its figures should not be trusted.
    """
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    # no time stamp: the same records make the same page
    packed = base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()
    script = (_HERE / "decide.js").read_text(encoding="utf-8")
    body = f"""
{_answered(document["answers"])}
<noscript><p class="banner">This page needs its script. <a href="report.html">The plain report</a> has every figure
without.</p></noscript>
<div id="app" hidden>
<form class="ask" id="ask" aria-label="The question">
<label>I hand over <select id="payload"></select></label>
<label>as <select id="duty"></select></label>
<label>under <select id="start"></select></label>
<label>what is measured <select id="metric"></select></label>
{_runs(runs, here)}
</form>
<p id="asked" class="printonly"></p>
<p id="duty-says" class="dim"></p>
<section aria-labelledby="h-verdict"><h2 id="h-verdict" tabindex="-1">Verdict</h2>
<div id="verdict-text" aria-live="polite"></div>
<p class="dim">{escape(document["title"])}. Measured on this machine: take ratios elsewhere, not seconds.</p></section>
<section class="filters" aria-labelledby="h-filters"><h2 id="h-filters" tabindex="-1">Filters</h2>
<div class="ask">
<label>payloads whose name contains <input id="find" type="search" autocomplete="off"></label>
<label>ratios against <select id="compare"></select></label>
<label>cells also show <select id="also"></select></label>
<label class="check"><input id="pays" type="checkbox"> only where a change pays</label>
</div>
<fieldset><legend>Strategies</legend><button type="button" id="all-ways">all</button>
<button type="button" id="no-ways">none</button><ul class="inline" id="strategies"></ul></fieldset></section>
<section aria-labelledby="h-table"><h2 id="h-table">Table</h2>
<p class="dim">Solid frame: the way to take, or to keep. Dashed frames: as good, for all that matters here. A
<em>contender</em> is not known to be far from the best. Where nothing is decided nothing is framed, and all is compared
with the way that is least at risk. The darker, the slower. Hover or focus a cell for its figures (arrow keys move
between cells), press it for its record and the command that measures it again. A column's head sorts.</p>
<div class="scroll" id="table" role="region" aria-label="All figures" tabindex="0"></div>
<p class="dim" id="lacking"></p></section>
<section aria-labelledby="h-charts"><h2 id="h-charts">Charts</h2><div id="charts-body"></div></section>
</div>
<section aria-labelledby="h-downloads"><h2 id="h-downloads">Downloads</h2>{as_list(downloads)}</section>
<dialog id="details" aria-labelledby="details-title"><div id="details-body"></div>
<form method="dialog"><button>Close</button></form></dialog>
<div id="tip" role="tooltip" hidden></div>
<script type="application/octet-stream" id="data">{packed}</script>
"""
    noise = document["noise"]
    banner = ""
    if noise["too_noisy"]:
        banner = (
            '<div class="banner" role="alert"><strong>This run is too noisy.</strong> Two copies of the same code came'
            f" out more than 10 % apart in {noise['noisy']} of {noise['tables']} tables (median"
            f" {escape(str(noise['median_aa']))}; {noise['trials']} trials): read no small difference from it."
            ' <a href="method.html">How noise is judged, and what helps</a></div>'
        )
    if distrust:
        banner += (
            f'<div class="banner" role="alert"><strong>This machine failed its self-test.</strong> {escape(distrust)}'
            ' <a href="method.html">What was found</a></div>'
        )
    if problems:
        banner += (
            f'<p class="dim"><a href="method.html">{problems} {"file" if problems == 1 else "files"}</a> could not be'
            " read, or made no sense, and are not shown.</p>"
        )
    return shell("Which way should I hand it over?", banner + body, links=links, here=here, script=script, trust=trust)


def prose(title: str, blocks: str, *, links: Sequence[Link], here: str, trust: str = "") -> str:
    """A page without data: ``blocks`` is HTML that is escaped already."""
    return shell(title, blocks, links=links, here=here, trust=trust)


def navigation(links: Sequence[Link], here: str, more: str = "") -> str:
    """The links to all pages; ``more`` is HTML of further items."""
    current = ' aria-current="page"'
    items = "".join(
        f'<li><a href="{escape(link.href)}"{current if link.href == here else ""}>{escape(link.text)}</a></li>'
        for link in links
    )
    return f'<nav aria-label="Pages"><ul>{items}{more}</ul></nav>'


def shell(title: str, body: str, *, links: Sequence[Link], here: str, script: str = "", trust: str = "") -> str:
    """Head, navigation, body, and at the end how far the machine is to be trusted."""
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    theme = '<li><button type="button" id="theme" hidden>dark or light</button></li>' if script else ""
    policy = f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'"
    policy += f"; script-src '{_hash(script)}'" if script else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{MARK}
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} – handoff</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the answer</a>
<header><h1>{escape(title)}</h1>{navigation(links, here, theme)}</header>
<main id="main">{body}</main>
{f'<footer class="dim"><p>{escape(trust)}</p></footer>' if trust else ""}
{f"<script>{script}</script>" if script else ""}
</body>
</html>
"""


def _answered(found: Mapping[str, Any]) -> str:
    """What the run has answered, and the commands that would answer the rest."""
    items = "".join(
        f"<li>{_code(each['about'])}: {escape(each['takes'])}"
        + (f" <code>{escape(each['command'])}</code>" if each["command"] else "")
        + "</li>"
        for each in found["open"]
    )
    more = f"<details><summary>{len(found['open'])} not answered: what would do it</summary><ul>{items}</ul></details>"
    return f'<div id="answered"><p>{_code(found["summary"])}</p>{more if items else ""}</div>'


def _code(text: str) -> str:
    """Text whose backticks mark code, as HTML."""
    parts = (escape(part) for part in text.split("`"))
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _runs(runs: Sequence[Link], here: str) -> str:
    if len(runs) < 2:
        return ""
    groups: dict[str, list[str]] = {}
    for run in runs:
        chosen = " selected" if run.href == here else ""
        groups.setdefault(run.group, []).append(
            f'<option value="{escape(run.href)}"{chosen}>{escape(run.text)}</option>'
        )
    inside = "".join(
        f'<optgroup label="{escape(name)}">{"".join(options)}</optgroup>' for name, options in groups.items()
    )
    return f'<label>machine and run <select id="run">{inside}</select></label>'


def as_list(found: Iterable[Link]) -> str:
    """A list of links."""
    return (
        "<ul>" + "".join(f'<li><a href="{escape(link.href)}">{escape(link.text)}</a></li>' for link in found) + "</ul>"
    )


def grid(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A plain table; everything is escaped here."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}"><table class="plain"><caption>'
        f"{escape(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )
