"""Measure hand-offs of an object, or of every payload of a collection, and write the records."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from handoff.analysis.metrics import DEEPER
from handoff.commands._options import UsageError, add_patience, choose, needs_proc, seconds
from handoff.profile import PROFILES, Profile
from handoff.start_methods import START_METHODS
from handoff.target import Entry
from handoff.terminal import Meter, ProgressLine, printable

if TYPE_CHECKING:
    from handoff.measuring.experiment import Experiment
    from handoff.record import Record

HELP = "measure hand-offs and write records"
PLACE = ("the suite", 1)
A_DAY_S = 86_400.0
NAMED = 3  #: of many experiments that failed for one reason
EXAMPLES = (
    "handoff measure my_payloads.py -o records",
    "handoff measure table.py:make_table --cluster dask://scheduler:8786 --duty argument -o records",
    "handoff measure payloads --payload rows-dict-1k --duty argument --start-method spawn -o records",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("target", metavar="TARGET", help="file.py:callable, package.module:callable, or a collection")
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="folder for the records")
    parser.add_argument("--payload", action="append", default=[], help="only this payload (repeatable)")
    parser.add_argument(
        "--duty",
        action="append",
        default=[],
        help=f"argument, state, result, shared, codec, start, or deeper: {', '.join(DEEPER)}",
    )
    parser.add_argument("--start-method", action="append", default=[], help="fork, spawn, forkserver (repeatable)")
    parser.add_argument(
        "--strategy", action="append", default=[], help="only this one (repeatable; handoff list strategies has all)"
    )
    parser.add_argument(
        "--cluster",
        metavar="URL",
        default="",
        help="dask://host:port or ray://host:port: run its ways there, beside what is done by default here",
    )
    parser.add_argument("--profile", default="quick", help="quick, standard or publish (default: quick)")
    add_patience(parser, "making the object")
    parser.add_argument("--trials", type=int, help="go on until it is decided, or for so many trials")
    parser.add_argument("--seed", type=int, help="of the shuffling, to repeat a run's order")


def _too_large(collection: Mapping[str, Entry], profile: Profile) -> list[str]:
    return [
        name for name, entry in collection.items() if entry.payload.duties and profile.leaves_out(entry.payload.nbytes)
    ]


def _profile(name: str, trials: int | None) -> Profile:
    """As named, or until it is decided: then trials alone end it."""
    profile = PROFILES[name]
    if trials is None:
        return profile
    if trials < 1:
        raise UsageError(f"--trials {trials}: at least 1")
    return replace(profile, trials=min(profile.trials, trials), most_trials=trials, record_s=A_DAY_S)


def _measured(
    experiments: Sequence[Experiment], profile: Profile, folder: Path, args: argparse.Namespace
) -> list[Record]:
    """Measure those that have no record in the folder yet. Raises :class:`UsageError` where it cannot be written to."""
    from handoff.measuring.experiment import measure
    from handoff.measuring.unfinished import to_go_on

    try:
        folder.mkdir(parents=True, exist_ok=True)
        left = to_go_on(experiments, profile, folder)
        there = f"{folder} has {len(experiments) - len(left)} of {len(experiments)} records"
        if not left:
            raise UsageError(f"{there}: to measure again, choose another folder")
        if len(left) < len(experiments):
            print(f"{there}, going on with the others", file=sys.stderr)
        return measure(left, profile, folder, seed=args.seed, progress=Meter(quiet=args.quiet))
    except OSError as error:
        raise UsageError(f"cannot write {args.output}: {error}") from error


def _there(url: str, named: list[str], kinds: Sequence[str]) -> tuple[list[str], int]:
    """What is measured on a cluster, and beside it, and its number of workers. Raises :class:`UsageError`."""
    from handoff.analysis.metrics import duty_of
    from handoff.machine import CLUSTER
    from handoff.processes import clusters
    from handoff.strategies import baselines

    try:
        cluster = clusters.ask(url)
    except clusters.NoCluster as error:
        raise UsageError(str(error)) from None
    ways = clusters.ways(url.partition("://")[0])
    if named and not set(ways) & set(named):
        raise UsageError(f"--cluster {url}: none of these strategies runs there; those that do: {', '.join(ways)}")
    for text in cluster.differing():
        print(f"{url}: {text}", file=sys.stderr, flush=True)
    os.environ[CLUSTER] = url
    usual = dict.fromkeys(name for kind in kinds for name in baselines(duty_of(kind))[:1])
    return named or [*usual, *ways], len(cluster.workers)


def run(args: argparse.Namespace) -> int:
    """Measure; 1 when an experiment failed as a whole."""
    from handoff.advising.run import open_target
    from handoff.analysis.metrics import ALL_KINDS, KINDS
    from handoff.measuring.experiment import plan
    from handoff.strategies import registry

    needs_proc()
    (profile,) = choose("profile", [args.profile], PROFILES)
    patience_s = seconds("--patience", args.patience)
    kinds = choose("duty", args.duty, ALL_KINDS) if args.duty else list(KINDS)
    strategies = choose("strategy", args.strategy, registry()) if args.strategy else []
    workers = 0
    if args.cluster:
        strategies, workers = _there(args.cluster, strategies, kinds)
        args.start_method = args.start_method or ["spawn"]  # the only one of a cluster's ways
    line = ProgressLine(quiet=args.quiet)
    try:
        collection = open_target(args.target, patience_s=patience_s, progress=line)
    finally:
        line.clear()
    payloads = choose("payload", args.payload, collection)
    start_methods = choose("start method", args.start_method, START_METHODS)
    large = [] if args.payload or len(collection) == 1 else _too_large(collection, PROFILES[profile])
    entries = {name: collection[name] for name in payloads if name not in large}
    experiments = plan(
        entries,
        kinds=kinds,
        start_methods=start_methods,
        strategies=strategies,
        declared=not args.duty,
    )
    if not experiments:
        raise UsageError("nothing to measure: none of these strategies serves these duties for these payloads")
    records = _measured(experiments, _profile(profile, args.trials), Path(args.output), args)
    if large:
        print(
            f"profile {profile} leaves out what is large: {', '.join(large)}; name it with --payload, or take another"
        )
    print(f"{len(records)} records in {args.output}; read them with: handoff report {args.output}")
    from handoff.analysis import answers, leaving

    for text in (*answers.told(records), *leaving.told(records, workers)):
        print(text)
    reasons = _failures(records)
    for text in reasons:
        print(text, file=sys.stderr)
    return 1 if reasons else 0


def _failures(records: Sequence[Record]) -> list[str]:
    """A line for each reason for which experiments failed as a whole."""
    failed: dict[str, list[str]] = {}
    for record in records:
        if record.failed:
            where = f" under {record.start_method}" if record.start_method else ""
            failed.setdefault(record.failed, []).append(f"{record.payload} as {record.kind}{where}")
    return [printable(f"not measured: {_a_few(names)}: {' '.join(why.split())}") for why, names in failed.items()]


def _a_few(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
