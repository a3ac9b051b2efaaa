"""The experiment: one payload × one duty × one start method, all strategies, all trials; it leaves one record."""

from __future__ import annotations

import datetime as dt
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handoff.analysis import stats
from handoff.analysis.metrics import CODEC, DEEPER, FLOORS, KINDS, NULL, START, duty_of
from handoff.machine import fingerprint, noise
from handoff.outcome import Kind, Outcome
from handoff.payload import Payload
from handoff.processes.interpreter import Interpreter
from handoff.profile import Profile
from handoff.record import INTERRUPTED, MOST_TRIALS, NARROW, Record
from handoff.start_methods import START_METHODS
from handoff.strategies import registry
from handoff.target import Entry
from handoff.timing import nothing

Progress = Callable[[int, int, str], None]  #: done, of how many, what now


@dataclass(frozen=True, slots=True)
class Experiment:
    """What to measure."""

    entry: Entry
    kind: str
    start_method: str
    strategies: tuple[str, ...]


def plan(
    collection: Mapping[str, Entry],
    *,
    kinds: Iterable[str] = KINDS,
    start_methods: Iterable[str] = START_METHODS,
    strategies: Sequence[str] = (),
    declared: bool = True,
) -> list[Experiment]:
    """All experiments on the payloads of a collection: with ``declared``, for the duties that each payload declares."""
    kinds, start_methods = tuple(kinds), tuple(start_methods)
    experiments = []
    for kind in kinds:
        names = tuple(name for name in (strategies or registry()) if serves(name, kind))
        possible = DEEPER[kind].start_methods if kind in DEEPER else START_METHODS
        alone = kind == START or (kind in DEEPER and not DEEPER[kind].strategies)  # lanes of its own, no strategies
        for start_method in ("",) if kind == CODEC else (each for each in start_methods if each in possible):
            experiments += [
                Experiment(entry, kind, start_method, names)
                for entry in collection.values()
                if (names or alone) and (not declared or _declares(entry.payload, kind))
            ]
    return experiments


def _declares(payload: Payload, kind: str) -> bool:
    """Whether a payload is meant to be measured for a kind of experiment."""
    if kind == CODEC:
        return bool(payload.duties)
    return duty_of(kind) in payload.duties


def serves(strategy: str, kind: str) -> bool:
    """Whether a strategy has anything to measure for a kind of experiment."""
    found = registry()[strategy]
    if kind == START or (kind in DEEPER and not DEEPER[kind].strategies):
        return False
    return found.codec is not None if kind == CODEC else duty_of(kind) in found.duties


def measure(
    experiments: Sequence[Experiment],
    profile: Profile,
    folder: Path | None,
    *,
    seed: int | None = None,
    inside: str = "handoff.measuring.trial",
    progress: Progress = nothing,
) -> list[Record]:
    """Run experiments and write their records to ``folder`` (None: nowhere), each as soon as it is complete.

    Trials go on beyond the profile's number while intervals are wide, up to its maximum. ``inside`` is the module whose
    ``main`` is a trial.
    On ``KeyboardInterrupt`` what was measured so far is written first, marked as incomplete. Raises ``FileExistsError``
    when ``folder`` has a record of the same name already.
    """
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    records: list[Record] = []
    for group in _groups(experiments, profile):
        run = Run(group, profile, seed + len(records), inside)
        stopped, trial = "", 0
        try:
            while not stopped:
                run.trial(trial, lambda what: progress(len(records), len(experiments), what))
                trial += 1
                stopped = run.stop(trial)
        except BaseException:
            for record in run.finish(INTERRUPTED):
                if folder is not None and (record.rows or record.values):
                    record.write(folder)
            raise
        for record in run.finish(stopped):
            if folder is not None:
                record.write(folder)
            records.append(record)
    progress(len(records), len(experiments), "")
    return records


def _groups(experiments: Sequence[Experiment], profile: Profile) -> Iterator[list[Experiment]]:
    """Which experiments share the interpreter of a trial: one each, or all of one kind and start method."""
    if not profile.grouped:
        yield from ([experiment] for experiment in experiments)
        return
    groups: dict[tuple[str, str], list[Experiment]] = {}
    for experiment in experiments:
        groups.setdefault((experiment.kind, experiment.start_method), []).append(experiment)
    yield from groups.values()


class Run:
    """The records of one group while they grow. :mod:`handoff.advising.search` decides anew before each trial what is
    in it."""

    def __init__(self, group: list[Experiment], profile: Profile, seed: int, inside: str) -> None:
        self.group, self.profile, self.seed, self.inside = group, profile, seed, inside
        self.began = time.perf_counter()
        marks = fingerprint()
        now = dt.datetime.now(dt.UTC)
        run = f"{now:%Y%m%dT%H%M%S}-{os.getpid()}"
        self.records = [
            Record(
                payload=e.entry.payload.name,
                kind=e.kind,
                start_method=e.start_method,
                collection=e.entry.ref.module,
                strategies=list(e.strategies),
                profile=asdict(profile),
                fingerprint=marks,
                run=run,
                started=now.isoformat(timespec="seconds"),
                about={
                    "why": e.entry.payload.why,
                    "source": e.entry.payload.source,
                    "traits": sorted(e.entry.payload.traits),
                    "nbytes": e.entry.payload.nbytes,
                },
            )
            for e in group
        ]

    def trial(self, number: int, progress: Callable[[str], None]) -> None:
        """One trial of every experiment; when the interpreter dies of a lane, another goes on without that lane."""
        todo = set(range(len(self.group)))
        before = noise()
        while todo:
            self.interpreter(number, todo, progress)
        after = noise()
        for record in self.records:
            record.trials.append({"seed": self.seed + number, "before": before, "after": after})

    def interpreter(self, number: int, todo: set[int], progress: Callable[[str], None]) -> None:
        """One interpreter, for what is still to do of a trial: what it tells goes into the records."""
        order = sorted(todo)
        config = {
            "seed": self.seed + number,
            "start_method": self.group[0].start_method,
            "profile": asdict(self.profile),
            "experiments": [self.spec(index) for index in order],
        }
        inside = Interpreter(self.inside, config, seed=self.seed + number)
        patience = max(90.0, 15 * self.profile.answer_s)
        at, trying, died = order[0], "", ""
        try:
            for event in inside.told(patience):
                match event:
                    case {"at": index}:
                        at, trying = order[index], ""
                        progress(f"{self.records[at].title} trial {number + 1}")
                    case {"trying": lane}:
                        trying = lane
                    case {"done": index}:
                        todo.discard(order[index])
                    case _:
                        self.note(self.records[at], number, event)
            if todo:
                died = f"the measuring process {inside.how_it_ended()}"
        except TimeoutError as error:
            died = str(error)
        finally:
            complaint = inside.complaints().strip()
            inside.close()
        record = self.records[at]
        if complaint and complaint not in record.complaints:
            record.complaints.append(complaint)
        if died:
            self.forget(record, number)
            if trying in record.strategies and trying not in self.failed(record):
                record.outcomes[trying] = Outcome(Kind.BROKEN, "parent", "", died)
            else:
                record.failed = died
                todo.discard(at)

    def note(self, record: Record, number: int, event: dict[str, Any]) -> None:
        """Put what a trial tells of an experiment into its record."""
        match event:
            case {"row": [lane, metric, *rest]}:
                record.rows.append([lane, metric, number, *rest])
            case {"value": [lane, metric, *rest]}:
                record.values.append([lane, metric, number, *rest])
            case {"lane": lane, "outcome": outcome}:
                self._settle(record, lane, Outcome.from_json(outcome))
                if "bytes" in event:
                    record.wire_bytes[lane] = event["bytes"]
            case {"again": _}:
                self.forget(record, number)
            case {"baseline": lane}:
                record.baseline = lane
            case {"floor_bytes": nbytes}:
                record.floor_bytes = nbytes
            case {"failed": why}:
                record.failed = why

    def spec(self, index: int) -> dict[str, Any]:
        """What an interpreter is to measure of one experiment."""
        experiment, record = self.group[index], self.records[index]
        strategies = [] if record.failed else [s for s in experiment.strategies if s not in self.failed(record)]
        return {
            "ref": asdict(experiment.entry.ref),
            "kind": experiment.kind,
            "strategies": strategies,
            "verify": any(name not in record.outcomes for name in strategies),
            "known": self._known(record),
        }

    @staticmethod
    def _known(record: Record) -> dict[str, dict[str, tuple[int, float]]]:
        """The last sample of every lane and metric so far: later trials need not find out how long they take."""
        found: dict[str, dict[str, tuple[int, float]]] = {}
        for row in record.rows:
            lane, metric, _, _, n, seconds, *_ = row
            found.setdefault(lane, {})[metric] = n, seconds
        return found

    @staticmethod
    def forget(record: Record, number: int) -> None:
        """What this trial told of the experiment so far is void."""
        record.rows = [row for row in record.rows if row[2] != number]
        record.values = [row for row in record.values if row[2] != number]

    @staticmethod
    def failed(record: Record) -> set[str]:
        """The lanes that are known to fail."""
        return {name for name, outcome in record.outcomes.items() if not outcome.ok}

    @staticmethod
    def _settle(record: Record, lane: str, outcome: Outcome) -> None:
        """Keep the first failure: a lane that failed once is not asked again."""
        known = record.outcomes.get(lane)
        if known is None or known.ok:
            record.outcomes[lane] = outcome

    def stop(self, done: int) -> str:
        """Why there need be no more trials after ``done`` of them, or "". Only widths of intervals count, no ratio."""
        if done < self.profile.trials:
            return ""
        target = self.profile.target
        if target is not None and all(_narrow(record, target, self.failed(record)) for record in self.records):
            return NARROW
        return MOST_TRIALS if done >= max(self.profile.trials, self.profile.most_trials) else ""

    def finish(self, stopped: str) -> list[Record]:
        """The records, done. Every strategy has an outcome."""
        seconds = (time.perf_counter() - self.began) / len(self.records)
        for record in self.records:
            why = record.failed or "not reached before the end"
            for name in record.strategies:
                record.outcomes.setdefault(name, Outcome(Kind.BROKEN, "parent", "", why))
            record.rows = [row for row in record.rows if row[0] not in self.failed(record)]
            record.values = [row for row in record.values if row[0] not in self.failed(record)]
            record.seconds = round(seconds, 3)
            record.stopped = stopped
            record.complete = stopped != INTERRUPTED
        return self.records


def _narrow(record: Record, target: float, failed: set[str]) -> bool:
    """Whether every working lane's ratio to the baseline is known well enough, or none ever will be."""
    from handoff.analysis.figures import Figures  # it needs this module's names

    figures = Figures(record)
    metric = figures.metrics[0]  # what the verdicts are about
    if not figures.has(record.baseline, metric):
        return True
    baseline = figures.samples(record.baseline, metric)
    left_out = {record.baseline, NULL, *FLOORS.values(), *failed}  # the harness's own lanes carry no verdict
    others = [lane for lane in figures.lanes if lane not in left_out and figures.has(lane, metric)]
    return stats.enough((stats.ratio(figures.samples(lane, metric), baseline) for lane in others), target)
