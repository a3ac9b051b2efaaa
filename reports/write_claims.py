"""Run every claim and write ``CLAIMS.md``: ``python -m reports.write_claims [--python PATH]… [--claim N]…``.

Exit code 1 when what is seen differs from what is declared; the page is then left as it was.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from payloads.claims import ledger
from payloads.claims._claim import PYTHONS, START_METHODS, Claim
from payloads.claims._run import Observation, run_all, version_of
from reports.claims import markdown, rows

PAGE = Path(__file__).resolve().parent.parent / "CLAIMS.md"


def page(claims: Iterable[Claim]) -> str:
    """The whole page, from the declarations."""
    return markdown(rows(claims, START_METHODS, PYTHONS), PYTHONS)


def main(argv: list[str] | None = None) -> int:
    """Run, compare, write."""
    parser = argparse.ArgumentParser(prog="python -m reports.write_claims", description=__doc__)
    parser.add_argument(
        "--python", action="append", default=[], help="run under this interpreter (repeatable; default: this one)"
    )
    parser.add_argument("--claim", type=int, action="append", default=[], help="only this claim (repeatable)")
    parser.add_argument("--show", action="store_true", help="print the programs instead of running them")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, default=PAGE, help="the page (default: CLAIMS.md)")
    args = parser.parse_args(argv)
    claims = [claim for claim in ledger() if not args.claim or claim.number in args.claim]
    if args.show:
        for claim in claims:
            for check in claim.checks:
                print(f"# claim {claim.number}: {check.tried}{check.script}")
        return 0
    differ: list[tuple[str, Observation]] = []
    for python in args.python or [sys.executable]:
        begin = time.monotonic()
        results = run_all(claims, python)
        missing = sum(result.unavailable for result in results)
        differ += [(version_of(python), result) for result in results if not result.agrees]
        print(
            f"Python {version_of(python)}: {len(results)} runs in {time.monotonic() - begin:.0f} s, {missing} of them"
            " unavailable",
            file=sys.stderr,
        )
    for version, result in differ:
        print(f"claim {result.claim.number}, {result.check.tried}, {result.start_method}, Python {version}")
        print(f"  declared: {result.declared}\n  seen:     {result.seen}")
    if differ:
        return 1
    args.output.write_text(page(ledger()), encoding="utf-8")
    print(f"as declared; {args.output.name} written", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
