"""How much there is to measure, and which cells can show it.

asv imports this module when it looks for benchmarks: it must stay light.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.names import benchmark_name, class_name

if TYPE_CHECKING:
    from handoff.declarations import Gap
    from handoff.measuring.experiment import Experiment

#: Prints which of the modules that are its arguments can be imported, without importing them.
FIND = "import importlib.util as u, sys; print(*[name for name in sys.argv[1:] if u.find_spec(name)])"


def expected(bench: str | None, profile: str = "quick") -> int:
    """How many records a run leaves that is limited to the benchmarks matching ``bench``."""
    from benchmarks._classes import ASV_DEEPER, ROOT, measured, slices
    from handoff.analysis.metrics import KINDS, METRICS
    from handoff.measuring.pairs import load_pairs
    from handoff.profile import PROFILES
    from handoff.start_methods import START_METHODS

    def wanted(module: str, start_method: str, metrics: Iterable[str]) -> bool:
        names = (benchmark_name(module, start_method, metric) for metric in metrics)
        return bench is None or any(re.search(bench, name) for name in names)

    pairs = len(load_pairs(ROOT / "payloads" / "pairs")) if PROFILES[profile].deeper else 0
    return pairs * sum(wanted("pairs", method, METRICS["pair"]) for method in START_METHODS) + sum(
        len(measured(experiments, PROFILES[profile]))
        for kind in (*KINDS, *ASV_DEEPER)
        for start_method, experiments in slices(kind).items()
        if wanted(kind, start_method, METRICS[kind])
    )


def selection(bench: str | None, profile: str, lacking: Collection[str] = ()) -> list[str]:
    """What ``asv run --bench`` is told: the cells that can have a figure, where modules are ``lacking``.

    asv forks a child for every cell, some 7 ms, and of the 11,500 only a third has a figure in a ``quick`` run of the
    baseline. A cell that asv is not told to run is ``nan``, as it would be if it ran. Where no cell can have a figure
    the first is run, so that asv knows the benchmark. ``bench`` is the user's own regular expression.
    """
    chosen = [*_classes(profile, frozenset(lacking)), *_pairs(profile)]
    if bench is None:
        return chosen
    try:
        return [re.compile(f"^(?=.*(?:{bench})){cells[1:]}").pattern for cells in chosen]
    except re.error:  # flags, which stand at the head of an expression only
        return [bench]


def _classes(profile: str, lacking: frozenset[str]) -> Iterator[str]:
    """The cells of each class that has strategies and payloads."""
    from benchmarks._classes import ASV_DEEPER, catalogue, measured, rows, slices
    from handoff.analysis.metrics import KINDS
    from handoff.profile import PROFILES
    from handoff.support_matrix.expected import gaps_of

    gaps = gaps_of(catalogue().values())
    for kind in (*KINDS, *ASV_DEEPER):
        for start_method, experiments in slices(kind).items():
            lanes = rows(kind, experiments)
            groups: dict[tuple[str, ...], list[str]] = {}
            for each in measured(experiments, PROFILES[profile]):
                could = tuple(lane for lane in lanes if _could(lane, each, lacking, gaps))
                groups.setdefault(could, []).append(each.entry.payload.name)
            groups.pop((), None)
            first = {(lanes[0],): [experiments[0].entry.payload.name]}
            for some, payloads in (groups or first).items():
                yield _cells(kind, start_method, some, payloads)


def _could(lane: str, experiment: Experiment, lacking: frozenset[str], gaps: Sequence[Gap]) -> bool:
    """Whether a lane could carry the payload; what is no strategy could."""
    from handoff.analysis.metrics import duty_of
    from handoff.outcome import Kind
    from handoff.strategies import registry
    from handoff.support_matrix.expected import declared

    payload, strategy = experiment.entry.payload, registry().get(lane)
    if lacking.intersection(payload.needs):
        return False
    if strategy is None:
        return True
    if lacking.intersection(strategy.needs) or strategy.since > sys.version_info[:2]:
        return False
    if strategy.only and strategy.only.isdisjoint(payload.traits):  # unless somebody tried, and it does
        return declared(payload, strategy, duty_of(experiment.kind), experiment.start_method, gaps)[0] is Kind.OK
    return True


def _pairs(profile: str) -> Iterator[str]:
    """The cells of the workaround pairs."""
    from benchmarks.pairs import names
    from handoff.profile import PROFILES
    from handoff.start_methods import START_METHODS

    for start_method in START_METHODS:
        ways = names(start_method)
        yield _cells("pairs", start_method, ways if PROFILES[profile].deeper else ways[:1])


def _cells(module: str, start_method: str, *parameters: Iterable[str]) -> str:
    """The regular expression of all cells with these parameters, which asv names by their ``repr``."""
    some = ", ".join(f"(?:{'|'.join(re.escape(repr(value)) for value in values)})" for values in parameters)
    return rf"^{module}\.{class_name(module, start_method)}\.track_\w+\({some}\)$"


def lacking(pythons: Sequence[Path]) -> frozenset[str]:
    """The modules that payloads and strategies need and that none of these interpreters has."""
    from benchmarks._classes import catalogue
    from handoff.strategies import registry

    needed = {name for entry in catalogue().values() for name in entry.payload.needs}
    needed |= {name for strategy in registry().values() for name in strategy.needs}
    missing = frozenset(needed)
    for python in pythons:
        command = [str(python), "-c", FIND, *sorted(needed)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        missing -= needed if done.returncode else frozenset(done.stdout.split())
    return missing if pythons else frozenset()
