"""What the benchmark classes have in common: a slice of experiments for each kind and start method, measured once.

A class's ``setup_cache`` runs the experiments of its slice, which leave their records, and returns the figures; each
``track_…`` cell looks one up. Nothing is timed here. What is not supported is ``nan``, which asv calls skipped; the
record has the reason.
"""

from __future__ import annotations

import os
import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from benchmarks._progress import NOW
from handoff import timeouts
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import DEEPER, INHERITANCE, START, STARTS, STARTUP
from handoff.measuring.experiment import Experiment, measure, plan, serves
from handoff.payload import Trait
from handoff.profile import PROFILES, Profile
from handoff.record import BYTES, SECONDS
from handoff.strategies import registry, usual
from handoff.strategy import Strategy
from handoff.target import Entry, load_collection

ROOT = Path(__file__).resolve().parent.parent

#: What asv compares figures by. A new version needs a line under METHODOLOGY in the changelog.
VERSION = "4"

#: The deeper kinds that have a module here; the others would have thousands of cells: their records are for the desk.
ASV_DEEPER = (STARTUP, INHERITANCE)

Cell = dict[str, Any] | float  #: samples for asv to summarize, or a number as it is
Key = tuple[str, str, str]  #: metric, lane and payload
F = TypeVar("F", bound=Callable[..., Any])


class Cells:
    """What a class shows: a file for each lane, in the folder that asv makes for a ``setup_cache`` and its cells.

    What ``setup_cache`` returns asv loads anew for every cell, in a process of its own: with all samples of a slice in
    it that was a fifth of the cell's time.
    """

    def __init__(self, cells: Mapping[Key, Cell]) -> None:
        self.folder = Path.cwd()
        lanes: dict[str, dict[Key, Cell]] = {}
        for key, cell in cells.items():
            lanes.setdefault(key[1], {})[key] = cell
        for lane, some in lanes.items():
            self._file(lane).write_bytes(pickle.dumps(some))

    def get(self, key: Key, default: float) -> Cell:
        """What one cell shows; ``default`` where nothing was measured."""
        try:
            some: dict[Key, Cell] = pickle.loads(self._file(key[1]).read_bytes())
        except FileNotFoundError:
            return default
        return some.get(key, default)

    def _file(self, lane: str) -> Path:
        return self.folder / f"{lane}.cells"


@cache
def catalogue() -> Mapping[str, Entry]:
    """The built-in catalogue: one more collection, given by path."""
    return load_collection(ROOT / "payloads")


def slices(kind: str) -> dict[str, list[Experiment]]:
    """The experiments of one kind, by start method: what one class measures."""
    found: dict[str, list[Experiment]] = {}
    for experiment in plan(_entries(kind), kinds=(kind,)):
        found.setdefault(experiment.start_method, []).append(experiment)
    return found


def _entries(kind: str) -> Mapping[str, Entry]:
    """The payloads for one kind: all, but for the deeper ones the first of each family, or the first of all."""
    if kind not in DEEPER:
        return catalogue()
    found: dict[str, Entry] = {}
    for entry in catalogue().values():
        if DEEPER[kind].duty in entry.payload.duties:
            found.setdefault(entry.ref.module if DEEPER[kind].by_payload else "", entry)
    return {entry.payload.name: entry for entry in found.values()}


def rows(kind: str, experiments: list[Experiment]) -> list[str]:
    """The lanes that are a class's first parameter: strategies that could carry some payload of the slice.

    A strategy that takes one shape of object only has no row in a slice without that shape; the records say why.
    """
    if kind == START:
        return list(STARTS)
    if kind in DEEPER and not DEEPER[kind].strategies:
        return list(DEEPER[kind].lanes)
    traits = frozenset[Trait]().union(*(experiment.entry.payload.traits for experiment in experiments))
    return [name for name in usual() if serves(name, kind) and _could_carry(registry()[name], traits)]


def _could_carry(strategy: Strategy, traits: frozenset[Trait]) -> bool:
    return not strategy.only or bool(strategy.only & traits)


def measured(experiments: list[Experiment], profile: Profile) -> list[Experiment]:
    """The experiments of a slice that a profile has time for."""
    if experiments[0].kind in DEEPER and not profile.deeper:
        return []
    return [each for each in experiments if not profile.leaves_out(each.entry.payload.nbytes)]


def parameters(kind: str, start_method: str = "") -> list[list[str]]:
    """``params`` of a class: its lanes, and the payloads of its slice."""
    experiments = slices(kind)[start_method]
    return [rows(kind, experiments), [experiment.entry.payload.name for experiment in experiments]]


def run(kind: str, start_method: str = "") -> Cells:
    """Measure the slice of a class; what its cells show."""
    return run_slice(slices(kind)[start_method])


def run_slice(experiments: list[Experiment]) -> Cells:
    """Measure, and return what the cells show, by metric, lane and payload."""
    profile = os.environ.get("HANDOFF_PROFILE", "quick")
    if profile not in PROFILES:
        raise ValueError(f"HANDOFF_PROFILE={profile!r}: unknown profile; valid are: {', '.join(PROFILES)}")
    folder = Path(os.environ.get("HANDOFF_RECORDS") or ROOT / ".asv" / "records" / f"unnamed-{os.getpid()}")
    cells: dict[Key, Cell] = {}
    folder.mkdir(parents=True, exist_ok=True)

    def say(done: int, of: int, what: str) -> None:
        now = folder / NOW
        now.write_text(what, encoding="utf-8") if what else now.unlink(missing_ok=True)

    for record in measure(measured(experiments, PROFILES[profile]), PROFILES[profile], folder, progress=say):
        figures = Figures(record)
        for metric in figures.metrics:
            for lane in figures.lanes:
                if figures.has(lane, metric):
                    cells[metric, lane, record.payload] = {"samples": figures.flat(lane, metric), "number": 1}
                elif figures.has_amount(lane, metric):
                    cells[metric, lane, record.payload] = figures.amount(lane, metric).value
        for lane, nbytes in record.wire_bytes.items():
            cells["wire-bytes", lane, record.payload] = float(nbytes)
    return Cells(cells)


class Benchmark(ABC):
    """The base of every class here that asv runs. asv leaves out what is abstract, so each is run once, as itself."""

    param_names = ["strategy", "payload"]
    timeout = timeouts.LOOKUP_S  #: asv's name for it
    version = VERSION

    @abstractmethod
    def setup_cache(self) -> Cells | dict[Any, Cell]:
        """Measure the slice. Each class writes its own, since asv (0.6.6) tells them apart by module and line."""


def lasting(setup_cache: F) -> F:
    """Give a ``setup_cache`` the time that a slice takes at most."""
    return _with(setup_cache, timeout=timeouts.SLICE_S)


def in_seconds(track: F) -> F:
    """A figure in seconds, of which asv shows the median with its interval."""
    return _with(track, unit=SECONDS, type="time")


def in_bytes(track: F) -> F:
    """A figure in bytes."""
    return _with(track, unit=BYTES)


def _with(function: F, **attributes: object) -> F:
    vars(function).update(attributes)
    return function
