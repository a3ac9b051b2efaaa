"""The benchmark classes, derived from the registries: one for each kind of experiment and start method.

A class's ``setup_cache`` runs the experiments of its slice, which leave their records, and returns the figures; each
``track_…`` cell looks one up. Nothing is timed here. What is not supported is ``nan``, which asv calls skipped; the
record has the reason.
"""

from __future__ import annotations

import linecache
import os
import types
from collections.abc import Callable, Mapping
from functools import cache
from math import nan
from pathlib import Path
from typing import Any

from benchmarks._progress import NOW
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import CODEC, DEEPER, INHERITANCE, METRICS, START, STARTUP
from handoff.measuring.experiment import Experiment, measure, plan, serves
from handoff.payload import Trait
from handoff.profile import PROFILES, Profile
from handoff.record import BYTES, SECONDS, unit
from handoff.strategies import registry
from handoff.strategy import Strategy
from handoff.target import Entry, load_collection

ROOT = Path(__file__).resolve().parent.parent

#: What asv compares figures by. A new version needs a line under METHODOLOGY in the changelog.
VERSION = "3"
TIMEOUT_S = 4 * 3600  #: for one ``setup_cache``; each hand-off in it has a watchdog of its own

#: The deeper kinds that have a module here; the others would have thousands of cells: their records are for the desk.
ASV_DEEPER = (STARTUP, INHERITANCE)

Cell = dict[str, Any] | float


@cache
def catalogue() -> Mapping[str, Entry]:
    """The built-in catalogue: one more collection, given by path."""
    return load_collection(ROOT / "payloads")


def slices(kind: str) -> dict[str, list[Experiment]]:
    """The experiments of one kind, by the name of the class that runs them."""
    found: dict[str, list[Experiment]] = {}
    for experiment in plan(_entries(kind), kinds=(kind,)):
        found.setdefault(class_name(kind, experiment.start_method), []).append(experiment)
    return found


def class_name(kind: str, start_method: str) -> str:
    """``Fork``, ``Spawn``, ``Forkserver``; where nothing is started it is the kind's own."""
    return (start_method or kind).title()


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
        return ["bare", "with-payload"]
    if kind in DEEPER and not DEEPER[kind].strategies:
        return list(DEEPER[kind].lanes)
    traits = frozenset[Trait]().union(*(experiment.entry.payload.traits for experiment in experiments))
    return [name for name, strategy in registry().items() if serves(name, kind) and _could_carry(strategy, traits)]


def _could_carry(strategy: Strategy, traits: frozenset[Trait]) -> bool:
    return not strategy.only or bool(strategy.only & traits)


def measured(experiments: list[Experiment], profile: Profile) -> list[Experiment]:
    """The experiments of a slice that a profile has time for."""
    if experiments[0].kind in DEEPER and not profile.deeper:
        return []
    return [each for each in experiments if not profile.leaves_out(each.entry.payload.nbytes)]


def run_slice(experiments: list[Experiment]) -> dict[tuple[str, str, str], Cell]:
    """Measure, and return what the cells show, by metric, lane and payload."""
    profile = os.environ.get("HANDOFF_PROFILE", "quick")
    if profile not in PROFILES:
        raise ValueError(f"HANDOFF_PROFILE={profile!r}: unknown profile; valid are: {', '.join(PROFILES)}")
    folder = Path(os.environ.get("HANDOFF_RECORDS") or ROOT / ".asv" / "records" / f"unnamed-{os.getpid()}")
    cells: dict[tuple[str, str, str], Cell] = {}
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
        for lane, size in record.wire_bytes.items():
            cells["wire-bytes", lane, record.payload] = float(size)
    return cells


def classes(kind: str, module: str) -> dict[str, type]:
    """The benchmark classes of one kind, ready to be a module's content."""
    found = {}
    for number, (name, experiments) in enumerate(slices(kind).items()):
        body: dict[str, Any] = {
            "__doc__": f"{kind}: {name}",
            "__module__": module,
            "params": [rows(kind, experiments), [experiment.entry.payload.name for experiment in experiments]],
            "param_names": ["strategy", "payload"],
            "timeout": 60,
            "setup_cache": _setup_cache(experiments, number, module),
        }
        for metric in (*METRICS[kind], *(("wire-bytes",) if kind == CODEC else ())):
            method = _track(metric)
            body[method.__name__] = method
        found[name] = type(name, (), body)
    return found


def _setup_cache(experiments: list[Experiment], number: int, module: str) -> Callable[[Any], Any]:
    """A ``setup_cache`` of its own for each class.

    asv (0.6.6) tells them apart by module and by the line on which each is written, and would share one among all
    classes made here. So each is given a line of a source that exists for this purpose only.
    """

    def setup_cache(self: Any) -> dict[tuple[str, str, str], Cell]:
        return run_slice(experiments)

    name = f"<{module}>"
    linecache.cache[name] = (0, None, ["def setup_cache(self): ...\n"] * (number + 1), name)
    code = setup_cache.__code__.replace(co_firstlineno=number + 1, co_filename=name)
    found = types.FunctionType(code, globals(), "setup_cache", None, setup_cache.__closure__)
    found.__module__ = module
    found.timeout = TIMEOUT_S  # type: ignore[attr-defined]
    return found


def _track(metric: str) -> Callable[..., Cell]:
    def track(self: Any, cells: dict[tuple[str, str, str], Cell], strategy: str, payload: str) -> Cell:
        return cells.get((metric, strategy, payload), nan)

    track.__name__ = track.__qualname__ = f"track_{metric.replace('-', '_')}"
    track.__doc__ = metric
    details = (
        {"version": VERSION, "unit": BYTES}
        if unit(metric) == BYTES
        else {"version": VERSION, "unit": SECONDS, "type": "time"}
    )
    for key, value in details.items():
        setattr(track, key, value)
    return track
