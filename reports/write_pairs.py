"""Measure the pairs and report: ``python -m reports.write_pairs -o FOLDER``; the records and ``pairs.md`` go there."""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff.commands._options import UsageError, choose
from handoff.measuring.pairs import load_pairs, measure_pairs, plan_pairs
from handoff.profile import PROFILES
from handoff.record import read_all
from handoff.start_methods import START_METHODS
from handoff.terminal import Meter
from reports import pairs as report


def main(argv: list[str] | None = None) -> int:
    """Measure, then report on all records in the folder; 1 when a pair failed as a whole."""
    parser = argparse.ArgumentParser(prog="python -m reports.write_pairs", description=__doc__)
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="folder for records and page")
    parser.add_argument("--pair", action="append", default=[], help="only this pair (repeatable)")
    parser.add_argument("--start-method", action="append", default=[], help="fork, spawn, forkserver (repeatable)")
    parser.add_argument("--profile", default="quick", help="quick, standard or publish (default: quick)")
    parser.add_argument("--seed", type=int, help="of the shuffling, to repeat a run's order")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    args = parser.parse_args(argv)
    found = load_pairs(Path(__file__).resolve().parent.parent / "payloads" / "pairs")
    try:
        (profile,) = choose("profile", [args.profile], PROFILES)
        names = choose("pair", args.pair, found)
        methods = choose("start method", args.start_method, START_METHODS)
        plan = plan_pairs({name: found[name] for name in names}, methods)
        measure_pairs(plan, PROFILES[profile], args.output, seed=args.seed, progress=Meter(quiet=args.quiet))
    except (UsageError, FileExistsError) as error:
        parser.error(str(error))
    records, _ = read_all(args.output)
    page = args.output / "pairs.md"
    page.write_text(report.markdown(records), encoding="utf-8")
    print(f"{len(records)} records; the page: {page}")
    return 1 if any(record.failed for record in records) else 0


if __name__ == "__main__":
    raise SystemExit(main())
