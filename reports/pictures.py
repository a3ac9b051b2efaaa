"""README's picture of the Decide page, made again: ``python -m reports.pictures RECORDS``.

It is what a reader sees who has chosen one payload: the top of the page, in light colours. Wants playwright and a
Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from handoff.record import Record

from . import site

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "decide.png"
SIZE = {"width": 1060, "height": 1040}  #: pixels: as wide as README is shown, as high as the picture and its words are
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def question(records: Sequence[Record], payload: str, duty: str, start_method: str) -> str:
    """The page's address of a question. Raises ``ValueError`` where the records have no such experiment."""
    if not any((it.payload, it.kind, it.start_method) == (payload, duty, start_method) for it in records):
        raise ValueError(f"the records have no {payload} as {duty} under {start_method}")
    return urlencode({"payload": payload, "duty": duty, "start": start_method})


def draw(page: Path, state: str, picture: Path) -> None:
    """A screenshot. Raises what playwright raises where there is no browser."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)  # else playwright's own
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        looking = browser.new_page(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]  # a TypedDict there
        looking.goto(f"{page.as_uri()}#{state}")
        looking.wait_for_selector("main svg")
        looking.screenshot(path=picture)
        browser.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Draw; 2 where there are no such records."""
    parser = argparse.ArgumentParser(prog="python -m reports.pictures", description=__doc__)
    parser.add_argument("records", metavar="RECORDS", type=Path, help="of one run")
    parser.add_argument("--payload", default="model-1mib", help="what is handed over (default: %(default)s)")
    parser.add_argument("--duty", default="argument", help="default: %(default)s")
    parser.add_argument("--start-method", default="spawn", help="default: %(default)s")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, default=PICTURE, help="default: docs/decide.png")
    args = parser.parse_args(argv)
    found = site.load(args.records)
    try:
        state = question([each.record for each in found.sources], args.payload, args.duty, args.start_method)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        draw(site.write(found.sources, Path(folder), selftests=found.selftests), state, args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
