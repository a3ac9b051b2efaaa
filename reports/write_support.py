"""Write ``SUPPORT.md`` from what is declared: ``python -m reports.write_support [-o FILE]``. Nothing is executed."""

from __future__ import annotations

import argparse
from pathlib import Path

from reports.support import markdown
from reports.support_page import PYTHONS, catalogue

PAGE = Path(__file__).resolve().parent.parent / "SUPPORT.md"


def main(argv: list[str] | None = None) -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m reports.write_support", description=__doc__)
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, default=PAGE, help="the page (default: SUPPORT.md)"
    )
    output = parser.parse_args(argv).output
    output.write_text(markdown(*catalogue(), PYTHONS), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
