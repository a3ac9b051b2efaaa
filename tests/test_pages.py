"""The Decide page in a real browser: headless Chromium over ``file://``, nothing mocked."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import synthetic

from handoff import units
from handoff.cli import main
from handoff.record import Record
from reports import decide
from reports.rows import Source, Table, tables

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
    under_fork = synthetic.record("small-dict", start_method="fork")
    return [*synthetic.model_under_spawn(), synthetic.tie(), synthetic.nothing_carries(), under_fork, *grown]


@pytest.fixture(scope="module")
def site(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(records, tmp_path_factory.mktemp("site"))


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
    assert order[:4] == ["Verdict", "Table", "Charts", "Filters"]
    assert "model-50mib" in page.locator("#matrix tbody tr").first.inner_text(), "what was asked for stands first"
    words = page.inner_text("#verdict-text")
    table = next(t for t in all_tables(records) if t.record.payload == "model-50mib" and t.kind == "argument")
    assert plain_words(decide.advise(table).text) in words
    assert "Set it up once?" in words
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
        for table in found:
            if (table.kind, table.record.start_method, table.metric) != (kind, start, metric):
                continue
            for cell in table.cells:
                lines = shown[table.record.payload, cell.strategy]
                seen += 1
                if cell.time is None:
                    assert lines == [str(cell.outcome.kind)]
                    continue
                assert lines[0] == units.seconds(cell.time.value)
                assert cell.slower is not None
                assert lines[1].split()[-1] == units.ratio(cell.slower.value)
                tip = tooltip(page, table.record.payload, cell.strategy)
                assert f"time: {units.interval(cell.time)}" in tip
                assert f"against the best: {units.ratio_interval(cell.slower)}" in tip
                if cell.ratio:
                    assert f"against {table.record.baseline}: {units.ratio_interval(cell.ratio)}" in tip
                if cell.floor_ratio:
                    assert f"against the floor: {units.ratio_interval(cell.floor_ratio)}" in tip
                if cell.bytes_per_s:
                    assert f"speed: {units.rate(cell.bytes_per_s)}" in tip
                if cell.wire_bytes is not None:
                    assert f"encoded: {cell.wire_bytes:,} bytes" in tip
    assert seen == sum(len(table.cells) for table in found)


def tooltip(page: Page, payload: str, strategy: str) -> str:
    page.focus(f'td[data-payload="{payload}"][data-strategy="{strategy}"] .cell')
    return str(page.text_content("#tip"))


def test_a_tie_is_framed_as_a_tie_and_altered_as_altered(page: Page, site: Path) -> None:
    visit(page, site, "duty=argument&start=spawn")
    for strategy in ("pickle-default", "pickle-5", "cloudpickle"):
        cell = page.locator(f'td[data-payload="small-dict"][data-strategy="{strategy}"] .cell')
        assert "tie" in (cell.get_attribute("class") or "")
        assert "best" not in cell.inner_text()
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


def test_nonsense_in_the_url_is_borne(page: Page, site: Path) -> None:
    visit(page, site, "payload=%3Cb%3E&duty=none&start=x&metric=y&sort=zz&compare=q&hide=,,a&find=")
    assert page.locator("#matrix tbody tr").count() > 3


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
    assert page.evaluate("document.activeElement.closest('td').dataset.strategy") == "pickle-5"
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


def test_hostile_texts_stay_texts(page: Page, tmp_path: Path) -> None:
    visit(page, build([synthetic.hostile()], tmp_path))
    assert page.evaluate("window.hostile") is None
    assert "<script>window.hostile = 1</script>" in page.inner_text("#verdict-text")
    page.focus('td[data-strategy="dill"] .cell')
    assert "x" * 10_000 in str(page.text_content("#tip"))
    page.keyboard.press("Enter")
    assert "<b>bold</b>" in page.inner_text("#details")
    assert page.locator("main b, main i, dialog b").count() == 0
    for name in ("method.html", "report.html"):
        visit(page, tmp_path / "out", name=name)
        assert page.evaluate("window.hostile") is None


@pytest.mark.parametrize("width", WIDTHS)
def test_no_width_makes_the_page_itself_scroll_sideways(page: Page, site: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for name in ("index.html", "method.html", "report.html"):
        visit(page, site, name=name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, site: Path, scheme: str, tmp_path: Path) -> None:
    sync_playwright = pytest.importorskip("axe_core_python.sync_playwright", reason="axe-core-python is not installed")
    source = Path(sync_playwright.__file__).with_name("axe.min.js").read_text()
    noisy = build([synthetic.noisy(), synthetic.hostile()], tmp_path)
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light", bypass_csp=True)
    page = context.new_page()
    for folder, name, state in (
        (site, "index.html", "payload=model-50mib"),
        (site, "index.html", "duty=state"),
        (noisy, "index.html", ""),
        (site, "method.html", ""),
        (site, "report.html", ""),
    ):
        page.goto("about:blank")
        visit(page, folder, state, name)
        page.evaluate(source)
        found: dict[str, Any] = page.evaluate("axe.run()")
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found["violations"]] == [], name
    context.close()


def test_dark_is_dark(browser: Browser, site: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    visit(page, site)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    context.close()


def test_six_thousand_cells_are_light_and_soon_there(page: Page, tmp_path: Path) -> None:
    from handoff.strategies import registry

    names = [*registry()][:28]
    found = build(synthetic.many(6000 // len(names) // 2 + 1, names, ("argument", "result")), tmp_path)
    assert (found / "index.html").stat().st_size <= LIMIT_BYTES
    visit(page, found)
    assert page.locator("#matrix .cell").count() >= 3000 - len(names)
