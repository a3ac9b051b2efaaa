"""The Decide page in a real browser: headless Chromium over ``file://``, nothing mocked."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import published
import pytest
import synthetic

from handoff.analysis import regret, units
from handoff.analysis.figures import Figures
from handoff.cli import main
from handoff.outcome import Kind
from handoff.record import COLUMNS, Record
from handoff.strategies import registry
from reports import meanings, pictures, plain, verdicts
from reports.rows import Rank, Source, Table, TableCell, tables

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
LIMIT_BYTES = 1_500_000
WIDTHS = (400, 1000, 2000)

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pages are not looked at")
if CHROMIUM is None:
    pytest.skip("no chromium on PATH: pages are not looked at", allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def records() -> list[Record]:
    sizes = (1 << 16, 1 << 20, 1 << 26)
    grown = [
        synthetic.record(
            f"array-f64-{name}",
            metrics={
                "handoff": {
                    "pickle-default": 2e-5 + size * 2.5e-9,
                    "shm-pickle-5": 4e-4 + size * 0.2e-9,
                    "pickle-5-oob": 5e-5 + size * 1e-9,
                    "floor-shm": 1e-5 + size * 0.15e-9,
                    "floor-pipe": 1e-5 + size * 0.8e-9,
                }
            },
            nbytes=size,
        )
        for name, size in zip(("64kib", "1mib", "64mib"), sizes, strict=True)
    ]
    under_fork = synthetic.record("small-dict", start_method="fork", stopped="narrow enough")
    for row in under_fork.rows[:2]:
        row[COLUMNS.index("switches")] = 99
    deeper = [*synthetic.footprints(), synthetic.scaling()]
    return [*synthetic.model_under_spawn(), synthetic.tie(), synthetic.nothing_carries(), under_fork, *grown, *deeper]


@pytest.fixture(scope="module")
def site(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(records, tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every page there is, of records whose every text tries to break out: runs, environments, pairs, a selftest."""
    folder = tmp_path_factory.mktemp("hostile")
    nasty = synthetic.HOSTILE
    number = 0
    for python in ("3.13.1", nasty):
        for night in range(6):
            thing = synthetic.hostile(slower=2 if night > 2 else 1)
            other = synthetic.pair(nasty + "y" * 10_000)
            for record in (thing, other, synthetic.noisy()):
                record.fingerprint = {**synthetic.FINGERPRINT, "python": python, "cpu": nasty}
                record.started = f"2026-01-{night + 1:02}T00:00:00+00:00"
                record.run = nasty
                path = folder / "records" / "machine <b>" / f"{night}-{len(python)} <i>" / f"{number}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(record.to_json())
                number += 1
    (folder / "records" / "<s>.json").write_text("{")
    check = {"name": "identical", "lines": [{"what": "identical pairs called different" + nasty, "note": nasty}]}
    report = {"schema": 1, "kind": "selftest", "trustworthy": False, "verdict": nasty * 50, "advice": [nasty]}
    report |= {"fingerprint": {"cpu": nasty, "usable_cores": 2}, "checks": [check], "depth": nasty, "started": nasty}
    (folder / "records" / "selftest.json").write_text(json.dumps(report))
    assert main(["report", str(folder / "records"), "-o", str(folder / "out")]) == 0
    return folder / "out"


def build(records: list[Record], folder: Path) -> Path:
    for number, record in enumerate(records):
        (folder / "records").mkdir(exist_ok=True)
        (folder / "records" / f"{number}.json").write_text(record.to_json())
    assert main(["report", str(folder / "records"), "-o", str(folder / "out")]) == 0
    return folder / "out"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test for any error on the console, and for any request that is no file."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    found = context.new_page()
    complaints: list[str] = []
    found.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    found.on("pageerror", lambda error: complaints.append(str(error)))
    found.on(
        "request",
        lambda request: None if request.url.startswith(("file:", "data:")) else complaints.append(request.url),
    )
    yield found
    context.close()
    assert complaints == []


def visit(page: Page, site: Path, state: str = "", name: str = "index.html") -> None:
    page.goto(f"{(site / name).as_uri()}{'#' if state else ''}{state}")
    if name.startswith(("index", "run-")):
        page.wait_for_selector("html[data-ready]")


def all_tables(records: list[Record]) -> list[Table]:
    return tables(Source(record, f"{number}.json") for number, record in enumerate(records))


def plain_words(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("`", ""))


def test_words_come_first_and_answer_the_question(page: Page, site: Path, records: list[Record]) -> None:
    visit(page, site, "payload=model-50mib&duty=argument&start=spawn")
    order = page.eval_on_selector_all("h2", "found => found.map(each => each.textContent)")
    assert order[:4] == ["Verdict", "Filters", "Table", "Charts"]
    assert "model-50mib" in page.locator("#matrix tbody tr").first.inner_text(), "what was asked for stands first"
    words = page.inner_text("#verdict-text")
    table = next(t for t in all_tables(records) if t.record.payload == "model-50mib" and t.kind == "argument")
    advice = verdicts.advise(table)
    assert words.startswith(f"Take {advice.take}"), "the answer first"
    for part in (advice.main, advice.more, advice.saves, advice.sure):
        assert plain_words(part) in plain_words(words)
    assert "set it up once?" in words
    assert re.search(r"from \d+ tasks on", words)


def test_the_page_shows_the_records_numbers(page: Page, site: Path, records: list[Record]) -> None:
    """Every table of every question: time and ratio of each cell, and all figures of its tooltip."""
    seen = 0
    found = all_tables(records)
    for kind, start, metric in sorted({(t.kind, t.record.start_method, t.metric) for t in found}):
        visit(page, site, f"duty={kind}&start={start}&metric={metric}")
        page.reload()
        page.wait_for_selector("html[data-ready]")
        texts = page.eval_on_selector_all(
            "#matrix td[data-payload]",
            "found => found.map(td => [td.dataset.payload, td.dataset.strategy, td.innerText.split('\\n')])",
        )
        shown = {(payload, strategy): lines for payload, strategy, lines in texts}
        if page.locator("#all").count():
            page.click("#all")
        told = plain_words(page.inner_text("#verdict-text"))
        lacking = page.inner_text("#lacking")
        for table in found:
            if (table.kind, table.record.start_method, table.metric) != (kind, start, metric):
                continue
            assert plain_words(verdicts.advise(table).main) in told
            for cell in table.cells:
                seen += 1
                if (table.record.payload, cell.strategy) not in shown:
                    assert cell.outcome.kind is Kind.UNAVAILABLE, "what is not here takes no column"
                    assert cell.strategy in lacking and cell.outcome.reason in lacking
                    continue
                assert shown[table.record.payload, cell.strategy] == in_cell(table, cell)
                tip = tooltip(page, table.record.payload, cell.strategy)
                for figure in in_tooltip(table, cell):
                    assert figure in tip
    assert seen == sum(len(table.cells) for table in found)


MINUS = "\u2212"


def in_cell(table: Table, cell: TableCell) -> list[str]:
    """What stands in a cell of the table."""
    if cell.amount:
        bare = table.lane("null")
        more = cell.amount.value - bare.value.value if bare else 0
        return [units.size(cell.amount.value), f"{MINUS if more < 0 else '+'}{units.size(abs(more))}"]
    if not cell.time:
        return [str(cell.outcome.kind)]
    if not table.record.strategies:
        return [units.seconds(cell.time.value), f"{units.ratio(cell.slower.value)}" if cell.slower else "no ratio"]
    word = "" if cell.rank is Rank.FAR else f"{plain.standing(table, cell)} "
    return [units.seconds(cell.time.value), word + (units.ratio(cell.slower.value) if cell.slower else "no ratio")]


def in_tooltip(table: Table, cell: TableCell) -> Iterator[str]:
    """Every figure of a cell."""
    if cell.amount:
        yield f"bytes: {units.size_interval(cell.amount)}"
    if cell.time:
        yield f"time: {units.interval(cell.time)}"
    if cell.slower and table.record.strategies:
        yield f"against {table.decision.advised}: {units.ratio_interval(cell.slower)}"
    if math.isfinite(cell.bound):
        yield f"at most: {units.ratio(regret.rounded_up(cell.bound))} the best"
    if cell.ratio:
        yield f"against {table.record.baseline}: {units.ratio_interval(cell.ratio)}"
    if cell.floor_ratio:
        yield f"against the floor: {units.ratio_interval(cell.floor_ratio)}"
    if cell.bytes_per_s:
        yield f"speed: {units.rate(cell.bytes_per_s)}"
    if cell.wire_bytes is not None:
        yield f"encoded: {cell.wire_bytes:,} bytes"
    for metric, figure in (cell.memory or {}).items():
        yield f"memory: {meanings.meaning(metric)}: {units.size_interval(figure)}"
    if cell.clean:
        yield f"undisturbed samples only: {units.interval(cell.clean)} ({cell.clean.n_samples} of"
    for phase, spent in (cell.phases or {}).items():
        yield f"{phase} {units.seconds(spent)}"


def tooltip(page: Page, payload: str, strategy: str) -> str:
    page.focus(f'td[data-payload="{payload}"][data-strategy="{strategy}"] .cell')
    return str(page.text_content("#tip"))


def test_a_tie_is_framed_as_a_tie_and_altered_as_altered(page: Page, site: Path) -> None:
    visit(page, site, "duty=argument&start=spawn")
    for strategy in ("pickle-default", "pickle-5", "cloudpickle"):
        cell = page.locator(f'td[data-payload="small-dict"][data-strategy="{strategy}"] .cell')
        assert ("best" if strategy == "pickle-default" else "tie") in (cell.get_attribute("class") or "")
        assert ("keep" if strategy == "pickle-default" else "contender") in cell.inner_text()
    assert "keep pickle-default" in page.inner_text("#matrix tr:has(td[data-payload=small-dict])")
    altered = page.locator('td[data-payload="model-50mib"][data-strategy="dill-recurse"]')
    assert altered.inner_text() == "altered"
    assert "a lock is gone" in tooltip(page, "model-50mib", "dill-recurse")


def test_the_state_is_in_the_url(page: Page, site: Path) -> None:
    visit(page, site)
    page.select_option("#duty", "state")
    page.select_option("#metric", "setup")
    page.select_option("#payload", "model-50mib")
    page.uncheck("#strategies input[value=initializer]")
    for part in ("duty=state", "metric=setup", "payload=model-50mib", "hide=initializer"):
        assert part in page.url
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    assert page.input_value("#metric") == "setup"
    assert page.locator("#matrix thead", has_text="initializer").count() == 0


def test_a_payload_stays_chosen_where_it_was_not_measured(page: Page, site: Path) -> None:
    visit(page, site, "payload=small-dict&duty=argument&start=spawn")
    page.select_option("#duty", "state")
    assert page.input_value("#payload") == "small-dict"
    words = page.inner_text("#verdict-text")
    assert words.startswith("small-dict was not measured as state under spawn in this run.")
    assert "handoff measure payloads --payload small-dict --duty state --start-method spawn -o DIR" in words
    page.select_option("#duty", "argument")
    assert page.inner_text("#verdict-text").startswith("Keep pickle-default")


def test_the_answer_says_what_it_is_what_changes_and_how_it_is_done(page: Page, site: Path) -> None:
    visit(page, site, "payload=model-50mib&duty=argument&start=spawn")
    taken = page.inner_text("#verdict-text .answer").removeprefix("Take ")
    assert page.inner_text("#what") == registry()[taken].summary
    assert page.inner_text("#changes") == registry()[taken].meaning
    page.click("#verdict-text summary:has-text('The code')")
    assert "import" in page.inner_text("#verdict-text pre")
    assert not page.locator("label", has_text="what is measured").is_visible(), "one thing is no choice"


def test_nonsense_in_the_url_is_borne(page: Page, site: Path) -> None:
    visit(page, site, "payload=%3Cb%3E&duty=none&start=x&metric=y&sort=zz&compare=q&hide=,,a&find=")
    assert page.locator("#matrix tbody tr").count() > 3


def test_a_chosen_payloads_columns_are_ordered_by_its_time(page: Page, site: Path, records: list[Record]) -> None:
    visit(page, site, "payload=model-50mib&duty=argument&start=spawn")
    table = next(t for t in all_tables(records) if t.record.payload == "model-50mib" and t.kind == "argument")
    timed = [name for _, name in sorted((cell.time.value, cell.strategy) for cell in table.cells if cell.time)]
    assert page.locator("#matrix thead th").all_inner_texts()[3 : 3 + len(timed)] == timed
    assert re.search(r"[0-9.]+× \[[0-9.]+…[0-9.]+\]", page.inner_text("#matrix tfoot")), "a way over all payloads"


def test_filters_sort_and_compare(page: Page, site: Path) -> None:
    visit(page, site, "duty=argument&start=spawn")
    page.fill("#find", "array")
    assert page.locator("#matrix tbody tr").count() == 3
    page.fill("#find", "")
    page.check("#pays")
    rows = page.locator("#matrix tbody tr").all_inner_texts()
    assert rows
    assert not any("keep" in row or "no winner" in row for row in rows)
    page.uncheck("#pays")
    page.click("#matrix thead button:has-text('pickle-default')")
    assert page.get_attribute("#matrix thead th[aria-sort]", "aria-sort") == "ascending"
    assert "small-dict" in page.locator("#matrix tbody tr").first.inner_text()
    page.select_option("#compare", "pickle-5-oob")
    cell = page.inner_text('td[data-payload="model-50mib"][data-strategy="pickle-5-oob"]')
    assert cell.endswith("\u22481.00\u00d7")
    page.select_option("#also", "floor")
    assert page.inner_text('td[data-payload="model-50mib"][data-strategy="shm-pickle-5"]').endswith("floor")
    row = page.inner_text("#matrix tr:has(td[data-payload=model-50mib])")
    assert re.search(r"from \d+ tasks", row)
    assert "5 of 5" in page.inner_text("#matrix tfoot")


def test_the_keyboard_reaches_a_cell_and_its_record(page: Page, site: Path) -> None:
    visit(page, site, "duty=argument&start=spawn&find=model")
    page.focus("#table")
    page.keyboard.press("Tab")
    for _ in range(20):  # past the heads
        if page.evaluate("document.activeElement.classList.contains('cell')"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.closest('td').dataset.strategy") == "pickle-5-oob"
    assert page.get_attribute("*:focus", "aria-describedby") == "tip"
    page.keyboard.press("Enter")
    assert page.is_visible("dialog#details")
    assert "handoff measure payloads --payload model-50mib --duty argument --start-method spawn" in page.inner_text(
        "dialog code.copy"
    )
    page.click("dialog summary")
    assert "import" in page.inner_text("dialog pre"), "the strategy's recipe"
    href = page.get_attribute("dialog a.record", "href")
    assert href is not None
    assert json.loads((site / href).read_text())["payload"] == "model-50mib"
    page.keyboard.press("Escape")
    assert not page.is_visible("dialog#details")


def test_charts_have_intervals_floor_break_even_and_numbers(page: Page, site: Path) -> None:
    visit(page, site, "payload=array-f64-1mib&duty=argument&start=spawn")
    chart = page.locator("#chart-size")
    assert chart.locator("circle").count() == 5 * 3 - 3  # three strategies and a floor, three sizes
    assert chart.locator(".whisker").count() > 0
    assert chart.locator("polyline.floor").count() == 1
    assert chart.locator(".mark").count() == 1
    assert "beats pickle-default from about" in chart.inner_text()
    chart.locator("summary").click()
    assert chart.locator("tbody tr").count() == 4
    assert page.locator("#chart-phases rect.bar").count() == 3 * 4
    page.select_option("#payload", "model-50mib")
    memory = page.locator("#chart-memory")
    assert memory.locator("circle").count() == 4
    memory.locator("summary").click()
    assert "60.0 MiB [60.0–60.0]" in memory.locator("tr:has-text('pickle-5-oob')").inner_text()
    scaling = page.locator("#chart-scaling-tasks")
    assert scaling.locator("circle").count() == 2 * 3
    assert scaling.locator("polyline.floor").count() == 1, "what perfect scaling would be"
    found = Figures(synthetic.scaling())
    scaling.locator("summary").click()
    for lane in ("pool-map", "queue"):
        row = scaling.locator(f"tr:has-text('{lane}')").inner_text()
        for metric in ("task-1", "task-all", "task-double"):
            assert f"{units.digits(1 / found.figure(lane, metric).time.value)}/s" in row
    assert page.locator("#chart-tasks .mark").count() == 1
    assert "break-even" in str(page.text_content("#chart-tasks svg"))


def test_downloads_and_links_lead_somewhere(page: Page, site: Path) -> None:
    visit(page, site)
    for name in page.eval_on_selector_all("a[href]", "found => found.map(each => each.getAttribute('href'))"):
        if not name.startswith(("#", "data:")):
            assert (site / name).is_file(), name
    document = json.loads((site / "data" / "index.json").read_text())
    assert document["schema"] == 1


def test_noise_is_said_in_a_banner(page: Page, tmp_path: Path, site: Path) -> None:
    visit(page, site)
    assert page.locator(".banner").count() == 0
    noisy = build([synthetic.noisy()], tmp_path)
    visit(page, noisy)
    assert "too noisy" in page.inner_text(".banner")
    assert page.locator(".cell.best, .cell.tie").count() == 0


def test_hostile_texts_stay_texts(page: Page, hostile: Path) -> None:
    page.set_viewport_size({"width": 900, "height": 800})
    names = {path.name for path in hostile.glob("*.html")}
    assert {"index.html", "method.html", "report.html", "history.html", "environments.html", "pairs.html"} <= names
    for name in sorted(names):
        visit(page, hostile, name=name)
        assert page.evaluate("window.hostile") is None, name
        assert page.locator("main b, main i, main s, dialog b, header b, footer b, main script[src]").count() == 0, name
        assert page.evaluate("document.documentElement.scrollWidth") <= 900, name
        if name != "claims.html":
            assert "<b>bold</b>" in page.inner_text("body"), name
    visit(page, hostile)
    assert "<script>window.hostile = 1</script>" in page.inner_text("#verdict-text")
    page.focus('td[data-strategy="dill"] .cell >> nth=0')
    assert "x" * 10_000 in str(page.text_content("#tip"))
    page.keyboard.press("Enter")
    assert "<b>bold</b>" in page.inner_text("#details")
    assert page.locator("dialog b").count() == 0


def test_the_foot_of_every_page_says_how_far_to_trust_it(page: Page, site: Path, hostile: Path) -> None:
    for path in sorted(site.glob("*.html")):
        visit(page, site, name=path.name)
        assert "A/A error of this run" in page.inner_text("footer")
    visit(page, hostile)
    assert page.locator(".banner:has-text('failed its self-test')").count() == 1


def test_every_page_leads_back(page: Page, site: Path) -> None:
    for path in sorted(site.glob("*.html")):
        visit(page, site, name=path.name)
        assert page.get_attribute("nav a:has-text('Decide')", "href") == "index.html"


def test_the_plain_reports_figures_lead_to_their_records(page: Page, site: Path) -> None:
    visit(page, site, name="report.html")
    found = page.eval_on_selector_all("main a", "found => found.map(each => each.getAttribute('href'))")
    assert len(found) >= 10
    for href in found:
        assert json.loads((site / href).read_text())["schema"] == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_no_width_makes_the_page_itself_scroll_sideways(page: Page, site: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for path in sorted(site.glob("*.html")):
        visit(page, site, "payload=model-50mib" if path.name == "index.html" else "", name=path.name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, site: Path, hostile: Path, scheme: str) -> None:
    sync_playwright = pytest.importorskip("axe_core_python.sync_playwright", reason="axe-core-python is not installed")
    source = Path(sync_playwright.__file__).with_name("axe.min.js").read_text()
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light", bypass_csp=True)
    page = context.new_page()
    looks = [(site, "index.html", f"payload=model-50mib&duty={duty}") for duty in ("argument", "memory-argument")]
    looks += [(site, "index.html", f"duty={duty}") for duty in ("state", "scaling")]
    looks += [(site, path.name, "") for path in sorted(site.glob("*.html"))]
    seen = {"claims.html", "support.html", *(path.name for path in sorted(hostile.glob("run-*.html"))[1:])}
    looks += [(hostile, path.name, "") for path in sorted(hostile.glob("*.html")) if path.name not in seen]
    names = {name for _, name, _ in looks}
    assert {"index.html", "history.html", "environments.html", "pairs.html", "claims.html", "method.html"} < names
    for folder, name, state in looks:
        page.goto("about:blank")
        visit(page, folder, state, name)
        page.evaluate(source)
        found: dict[str, Any] = page.evaluate("axe.run({resultTypes: ['violations']})")
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found["violations"]] == [], name
    context.close()


@pytest.fixture
def served(tmp_path: Path, records: list[Record]) -> Iterator[str]:
    """The address of a site that asv published, with the Decide page in it."""
    pytest.importorskip("asv", reason="asv is not installed: its site is not looked at")
    folder = published.repository(tmp_path)
    (folder / "records" / "machine" / "run").mkdir(parents=True)
    for number, record in enumerate(records):
        (folder / "records" / "machine" / "run" / f"{number}.json").write_text(record.to_json())
    done = published.publish(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    handler = partial(Quiet, directory=str(folder / "html"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


def test_the_published_site_has_the_page_and_asks_nothing_of_others(browser: Browser, served: str) -> None:
    context = browser.new_context(color_scheme="dark", viewport={"width": 400, "height": 800})
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{served}/")
    page.wait_for_url("**/decide/index.html*")  # the site opens on it, and asv's own scripts are not asked for
    page.goto(f"{served}/decide/index.html#payload=model-50mib&duty=argument&start=spawn")
    page.wait_for_selector("html[data-ready]")
    assert page.inner_text("#verdict-text").startswith("Take shm-")
    assert page.locator("#chart-tasks .mark").count() == 1
    page.focus('td[data-payload="model-50mib"][data-strategy="shm-pickle-5"] .cell')
    page.keyboard.press("Enter")
    record = page.get_attribute("dialog a.record", "href")
    assert page.request.get(f"{served}/decide/{record}").json()["payload"] == "model-50mib"
    assert page.request.get(f"{served}/{page.get_attribute('nav a >> nth=0', 'href')}".replace("/../", "/")).ok
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert [url for url in asked if not url.startswith((served, "data:"))] == []
    assert complaints == []
    context.close()


def test_another_run_answers_the_same_question(page: Page, tmp_path: Path) -> None:
    for night in (1, 2):
        record = synthetic.tie()
        record.started = f"2026-01-0{night}T00:00:00+00:00"
        folder = tmp_path / "records" / "machine" / str(night)
        folder.mkdir(parents=True)
        (folder / "a.json").write_text(record.to_json())
    assert main(["report", str(tmp_path / "records"), "-o", str(tmp_path / "out")]) == 0
    visit(page, tmp_path / "out", "payload=small-dict&duty=argument&start=spawn")
    labels = page.eval_on_selector_all("#run option", "found => found.map(each => each.textContent)")
    assert [label[:10] for label in labels] == ["2026-01-02", "2026-01-01"]
    page.select_option("#run", index=1)
    page.wait_for_url("**/run-1-*")
    page.wait_for_selector("html[data-ready]")
    assert "payload=small-dict" in page.url
    assert "2026-01-01" in page.inner_text("main")


def test_other_runs_stand_beside_this_one_with_what_differs(page: Page, tmp_path: Path) -> None:
    for night, (python, cpu) in enumerate(
        (("3.13.1", "Test CPU <1>"), ("3.14.0", "Test CPU <1>"), ("3.13.1", "Another"))
    ):
        for number, record in enumerate((*synthetic.model_under_spawn(), synthetic.tie())):
            record.started = f"2026-01-0{9 - night}T00:00:00+00:00"
            record.fingerprint = {**synthetic.FINGERPRINT, "python": python, "cpu": cpu}
            path = tmp_path / "records" / "machine" / str(night) / f"{number}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(record.to_json())
    assert main(["report", str(tmp_path / "records"), "-o", str(tmp_path / "out")]) == 0
    visit(page, tmp_path / "out", "payload=model-50mib&duty=argument&start=spawn")
    mine, python, machine = page.locator("#others tbody tr").all_inner_texts()
    assert mine.startswith("this run") and "change" in mine
    assert python.split("\t")[1] == "python 3.14.0" and "6.80" in python
    assert machine.split("\t")[1].startswith("machine: Another, 2 cores")
    assert "of another machine compare the factors" in page.inner_text("#others caption")
    page.click("#others a:has-text('2026-01-08')")
    page.wait_for_url("**/run-*")
    page.wait_for_selector("html[data-ready]")
    assert "payload=model-50mib" in page.url and page.input_value("#payload") == "model-50mib"


def test_a_way_has_one_colour_in_all_charts(page: Page, site: Path) -> None:
    visit(page, site, "payload=array-f64-1mib&duty=argument&start=spawn")
    names = """found => Object.fromEntries(found.filter(g => g.querySelector("text"))
        .map(g => [g.querySelector("text").textContent.split(/[ ,]/)[0], g.getAttribute("class")]))"""
    one = page.eval_on_selector_all("#chart-size g[class^=c]", names)
    page.select_option("#payload", "model-50mib")
    other = page.eval_on_selector_all("#chart-tasks g[class^=c]", names)
    common = one.keys() & other.keys() - {"floor-shm"}
    assert "pickle-default" in common and all(one[name] == other[name] for name in common)


def test_the_first_screen_is_a_picture_of_the_answer(page: Page, site: Path, records: list[Record]) -> None:
    visit(page, site, "payload=model-50mib&duty=argument&start=spawn")
    picture = page.locator("#picture")
    assert picture.bounding_box()["y"] < 450, "without scrolling"  # type: ignore[index]  # it is there
    table = next(t for t in all_tables(records) if t.record.payload == "model-50mib" and t.kind == "argument")
    taken = verdicts.advise(table).take
    marked = picture.locator("g.change").text_content() or ""
    assert "take this" in marked and taken in marked
    assert "by default" in (picture.locator("g.usual").text_content() or "")
    timed = sorted((c.time.value, c.strategy) for c in table.cells if c.time)
    assert picture.locator("g.way > text:first-child").all_text_contents() == [name for _, name in timed]
    assert picture.locator("g.way .reach").count() == len(timed), "each with its interval"
    assert page.inner_text("#verdict-text .pill") == "change"


def test_start_methods_stand_side_by_side(page: Page, site: Path) -> None:
    visit(page, site, "payload=small-dict&duty=argument&start=spawn")
    assert page.inner_text("#verdict-text .stand .pill") == "keep"
    rows = page.locator("#starts tbody tr")
    assert [row.split()[0] for row in rows.all_inner_texts()] == ["fork", "spawn"]
    page.click("#starts button:has-text('fork')")
    assert page.input_value("#start") == "fork"
    page.go_back()
    assert page.input_value("#start") == "spawn", "a question is a step that one can go back from"


def test_payloads_are_counted_by_how_they_stand(page: Page, site: Path) -> None:
    visit(page, site, "duty=argument&start=spawn")
    shown = page.get_attribute("#overview svg", "aria-label")
    assert shown == "4 change, 0 safer, 1 keep, 0 can't tell, 1 nothing works, 0 not here"
    assert page.locator(".verdicts li:has(button:text-is('lock')) .pill").inner_text() == "nothing works"


def test_all_or_none_of_the_ways_can_be_chosen_at_once(page: Page, site: Path) -> None:
    visit(page, site, "payload=model-50mib&duty=argument&start=spawn")
    columns = page.locator("#matrix thead th").count()
    page.click("#no-ways")
    assert page.locator("#matrix thead th").count() == 3 and page.locator("#strategies input:checked").count() == 0
    page.check("#strategies input[value=dill]")
    assert page.locator("#matrix thead th").count() == 4
    page.click("#all-ways")
    assert page.locator("#matrix thead th").count() == columns


def test_code_and_commands_can_be_copied(browser: Browser, site: Path) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    visit(page, site, "payload=model-50mib&duty=argument&start=spawn")
    taken = page.inner_text("#verdict-text .answer").removeprefix("Take ")
    page.click("#verdict-text summary:has-text('The code')")
    page.click("#verdict-text details .copybutton")
    page.wait_for_selector("#verdict-text details .copybutton:has-text('copied')")
    assert page.evaluate("navigator.clipboard.readText()") == registry()[taken].recipe.after.strip()
    context.close()


def test_it_can_be_printed(page: Page, site: Path) -> None:
    visit(page, site, "payload=model-50mib&duty=argument&start=spawn")
    page.emulate_media(media="print")
    for chart in ("#chart-tasks", "#chart-phases", "#chart-memory", "#chart-scaling-tasks"):
        assert page.is_visible(f"{chart} svg")
    assert not page.is_visible("nav")
    assert page.is_visible("#verdict-text") and page.is_visible("#picture svg")
    assert page.inner_text("#asked") == "Asked: model-50mib as argument, spawn, handoff."
    page.set_viewport_size({"width": 1040, "height": 720})  # A4, landscape
    assert page.evaluate("document.documentElement.scrollWidth") <= 1040, "the whole table"


def test_dark_is_dark(browser: Browser, site: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    visit(page, site)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light, "it is kept"
    context.close()


def test_six_thousand_cells_are_light_and_soon_there(page: Page, tmp_path: Path) -> None:
    from handoff.strategies import registry

    names = [*registry()][:28]
    found = build(synthetic.many(6000 // len(names) // 2 + 1, names, ("argument", "result")), tmp_path)
    assert (found / "index.html").stat().st_size <= LIMIT_BYTES
    for path in found.glob("*.html"):
        assert path.stat().st_size <= LIMIT_BYTES, path.name
    visit(page, found)
    assert page.locator("#matrix .cell").count() >= 3000 - len(names)


def test_readmes_picture_can_be_drawn_again(tmp_path: Path, records: list[Record]) -> None:
    """By the command that CONTRIBUTING names; from records that have the question."""
    for record in records:
        record.write(tmp_path / "run")
    picture = tmp_path / "decide.png"
    question = ["--payload", "model-50mib", "-o", str(picture)]
    command = [sys.executable, "-m", "reports.pictures", str(tmp_path / "run"), *question]
    subprocess.run(command, cwd=Path(__file__).parent.parent, check=True)  # a browser of its own
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert pictures.main([str(tmp_path / "run"), *question, "--start-method", "fork"]) == 2
