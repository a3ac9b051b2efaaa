"""The experiment: one payload × one duty × one start method, all strategies, all trials; it leaves one record."""

from __future__ import annotations

import datetime as dt
import math
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handoff import timeouts
from handoff.analysis import judging
from handoff.analysis.judging import Laws
from handoff.analysis.metrics import CODEC, DEEPER, FLOORS, KINDS, NULL, START, duty_of
from handoff.machine import cluster, fingerprint, noise
from handoff.measuring import questions
from handoff.measuring.ledger import REST
from handoff.measuring.messages import Spec
from handoff.outcome import Kind, Outcome
from handoff.payload import Payload
from handoff.processes.interpreter import Interpreter
from handoff.processes.lines import NOT_OURS
from handoff.profile import Profile, fields_of
from handoff.record import BUDGET, DECIDED, INTERRUPTED, MOST_TRIALS, Record
from handoff.start_methods import START_METHODS
from handoff.strategies import registry, usual
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
        names = tuple(name for name in (strategies or usual()) if serves(name, kind))
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

    Trials go on beyond the profile's number where a question is open, up to its maximum and while it has time.
    ``inside`` is the module whose ``main`` is a trial.
    On ``KeyboardInterrupt`` what was measured so far is written first, marked as incomplete. Raises ``FileExistsError``
    when ``folder`` has a record of the same name already.
    """
    schedule = Schedule(experiments, profile, folder, seed, inside, progress)
    try:
        schedule.first_pass()
        schedule.go_on()
    except BaseException:
        schedule.interrupt()
        raise
    progress(len(experiments), len(experiments), "")
    return schedule.records


class Schedule:
    """Which group of experiments has the next trial: all of them first, then those that leave a question open.

    A run has so many seconds (``Profile.record_s``) for each record that has figures, for all its experiments together.
    """

    def __init__(
        self,
        experiments: Sequence[Experiment],
        profile: Profile,
        folder: Path | None,
        seed: int | None,
        inside: str,
        progress: Progress,
    ) -> None:
        self.profile, self.folder, self.inside, self.progress = profile, folder, inside, progress
        self.groups = list(_groups(experiments, profile))
        self.of, self.begun = len(experiments), 0  #: experiments, and those that have had their first pass
        self.seed = random.SystemRandom().randrange(2**32) if seed is None else seed
        self.began = time.monotonic()
        self.runs: list[GroupRun] = []  #: in the order in which they were begun
        self.open: list[GroupRun] = []  #: that may go on
        self.known: Laws | None = None  #: how lanes scatter, as of the last pass
        #: How often at most it is asked which way to take.
        self.looks = max(1, profile.most_trials - profile.trials + 1)

    @property
    def records(self) -> list[Record]:
        """Those of all runs, as they were asked for."""
        return [record for run in self.runs for record in run.records]

    def first_pass(self) -> None:
        """Begin every group, with as many trials as its profile asks for at least."""
        for group in self.groups:
            run = GroupRun(group, self.profile, self.seed + len(self.records), self.inside)
            self.runs.append(run)
            self.open.append(run)
            while run.chosen:
                self.trial(run)
                run.choose_lacking()
            self.begun += len(group)
            if stopped := run.stop(run.done):
                self.finish(run, stopped)

    def go_on(self) -> None:
        """Trials in turn for those that leave a question open, while there is time."""
        measured = sum(bool(record.rows) for record in self.records)  # what is not to be had here takes no time
        seconds = max(self.profile.least_s, self.profile.record_s * measured)
        end = self.began + seconds if self.profile.record_s else math.inf
        while self.open:
            self.settle()
            for run in list(self.open):
                run.choose(end - time.monotonic())
                if run.chosen:
                    self.trial(run)
                    if stopped := run.stop(run.done):
                        self.finish(run, stopped)
                else:
                    self.finish(run, BUDGET)

    def settle(self) -> None:
        """What is decided needs no more trials. All records together say how their kind scatters."""
        if self.profile.bound is None:
            return
        self.known = judging.laws(record for record in self.records if record.rows)
        left = questions.settle(self.records, self.looks, self.known)
        for run in list(self.open):
            run.keep_open({i: left[record.name] for i, record in enumerate(run.records) if record.name in left})
            if not run.unsettled:
                self.finish(run, DECIDED)

    def trial(self, run: GroupRun) -> None:
        run.trial(run.done, lambda what: self.progress(min(self.begun, self.of - 1), self.of, what))

    def finish(self, run: GroupRun, stopped: str) -> None:
        self.open.remove(run)
        self.write(run.finish(stopped))

    def interrupt(self) -> None:
        """Write what was measured so far, marked as incomplete."""
        for run in self.open:
            self.write([record for record in run.finish(INTERRUPTED) if record.rows or record.values])

    def write(self, records: Sequence[Record]) -> None:
        """Write what is complete, with what it decides."""
        kinds = {record.kind for record in records}
        alike = [record for record in self.records if record.rows and record.kind in kinds]
        questions.settle(records, self.looks, self.known or judging.laws(alike))
        for record in records:
            if self.folder is not None:
                record.write(self.folder)


def _waiting(group: Sequence[Experiment], profile: Profile) -> dict[int, int]:
    """Which large payload of a group waits for which: the largest of those with the same traits that have all lanes."""
    found: dict[int, int] = {}
    most = profile.all_lanes_bytes
    sizes = {index: each.entry.payload.nbytes or 0 for index, each in enumerate(group)}
    for index, each in enumerate(group):
        if most and sizes[index] > most:
            alike = [
                other
                for other, one in enumerate(group)
                if 0 < sizes[other] <= most and one.entry.payload.traits == each.entry.payload.traits
            ]
            if alike:
                found[index] = max(alike, key=lambda other: sizes[other])
    return found


def _groups(experiments: Sequence[Experiment], profile: Profile) -> Iterator[list[Experiment]]:
    """Which experiments share the interpreter of a trial: one each, or all of one kind and start method."""
    if not profile.grouped:
        yield from ([experiment] for experiment in experiments)
        return
    groups: dict[tuple[str, str], list[Experiment]] = {}
    for experiment in experiments:
        groups.setdefault((experiment.kind, experiment.start_method), []).append(experiment)
    yield from groups.values()


class GroupRun:
    """The records of one group while they grow. :mod:`handoff.advising.search` decides anew before each trial what is
    in it."""

    def __init__(self, group: list[Experiment], profile: Profile, seed: int, inside: str) -> None:
        self.group, self.profile, self.seed, self.inside = group, profile, seed, inside
        self.done = 0  #: trials
        self.unanswered: dict[tuple[int, str], Outcome] = {}  #: by record and lane: what is asked once more
        self.unsettled = set(range(len(group)))  #: experiments that leave a question open
        self.waiting = _waiting(group, profile)  #: large ones, each for the first trial of a smaller one like it
        self.chosen = self.unsettled - self.waiting.keys()  #: those that the next trial has
        self.contested: Mapping[int, frozenset[str]] = {}  #: of those that leave it open, the ways that keep it open
        self.last_s: dict[int, float] = {}  #: what the last trial of each took
        marks = fingerprint()
        if cluster():
            marks = {**marks, "cluster": cluster()}
        now = dt.datetime.now(dt.UTC)
        run = f"{now:%Y%m%dT%H%M%S}-{os.getpid()}"
        self.records = [
            Record(
                payload=e.entry.payload.name,
                kind=e.kind,
                start_method=e.start_method,
                collection=e.entry.ref.module,
                strategies=list(e.strategies),
                profile=fields_of(profile),
                fingerprint=marks,
                run=run,
                started=now.isoformat(timespec="seconds"),
                about={
                    "why": e.entry.payload.why,
                    "source": e.entry.payload.source,
                    "traits": sorted(e.entry.payload.traits),
                    "nbytes": e.entry.payload.nbytes,
                    "target": e.entry.target,
                },
            )
            for e in group
        ]

    def trial(self, number: int, progress: Callable[[str], None]) -> None:
        """One trial of every wanted experiment; when the interpreter dies of a lane, another goes on without it."""
        todo, began = set(self.chosen), time.perf_counter()
        known = [record.seconds for record in self.records]
        before = noise()
        while todo:
            self.interpreter(number, todo, progress)
        after = noise()
        over_s = time.perf_counter() - began - (sum(record.seconds for record in self.records) - sum(known))
        for index in self.chosen:
            record = self.records[index]
            record.seconds += over_s / len(self.chosen)  # the interpreter's start is everybody's
            self.last_s[index] = record.seconds - known[index]
            record.trials.append({"seed": self.seed + number, "before": before, "after": after})
            if self.profile.record_s:
                for lane in questions.out(record) - record.left_out.keys():
                    record.left_out[lane] = len(record.trials)
        self.done += 1
        self._let_in()

    def _let_in(self) -> None:
        """What waited for a smaller one like it has the ways that contended there, in all its trials."""
        for large, small in self.waiting.items():
            there = questions.contenders(self.records[small]) | self.failed(self.records[small])
            if there - {""}:
                record = self.records[large]
                record.left_out = {name: 0 for name in record.strategies if name not in there}
                record.strategies = [name for name in record.strategies if name in there]
        self.waiting = {}

    def choose_lacking(self) -> None:
        """The next trial has what has had fewer than its profile asks for at least."""
        self.chosen = {i for i, record in enumerate(self.records) if len(record.trials) < self.profile.trials}

    def choose(self, seconds: float) -> None:
        """What the next trial has: what is open, as far as there is time; what has had fewest trials first.

        Among these the cheapest first: so most are answered.
        """
        order = sorted(self.unsettled, key=lambda i: (len(self.records[i].trials), self.last_s.get(i, 0.0)))
        self.chosen = set()
        for index in order:
            seconds -= self.last_s.get(index, 0.0)
            if seconds < 0:
                break
            self.chosen.add(index)

    def interpreter(self, number: int, todo: set[int], progress: Callable[[str], None]) -> None:
        """One interpreter, for what is still to do of a trial: what it tells goes into the records."""
        order = sorted(todo)
        config = {
            "seed": self.seed + number,
            "start_method": self.group[0].start_method,
            "profile": fields_of(self.profile),
            "experiments": [self.spec(index) for index in order],
        }
        inside = Interpreter(self.inside, config, seed=self.seed + number)
        patience = max(timeouts.TRIAL_SILENT_S, 15 * self.profile.answer_s)
        at, trying, died, began = order[0], "", "", time.perf_counter()
        try:
            for event in inside.told(patience):
                match event:
                    case {"at": index}:
                        at, trying, began = order[index], "", time.perf_counter()
                        progress(f"{self.records[at].title} trial {number + 1}")
                    case {"trying": lane}:
                        trying = lane
                    case {"done": index}:
                        todo.discard(order[index])
                        self.records[at].seconds += time.perf_counter() - began
                    case _:
                        self.note(self.records[at], len(self.records[at].trials), event)
            if todo:
                died = f"the measuring process {inside.how_it_ended()}"
        except TimeoutError as error:
            died = str(error)
        finally:
            complaint = inside.complaints().strip()
            if inside.listener.foreign_bytes:
                complaint = f"{complaint}\n{NOT_OURS}".strip()
            inside.close(strays=bool(died))
        record = self.records[at]
        if complaint and complaint not in record.complaints:
            record.complaints.append(complaint)
        if died:
            self.forget(record, len(record.trials))
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
            case {"spent": spent}:
                for what, seconds in spent.items():
                    record.spent_s[what] = record.spent_s.get(what, 0.0) + seconds
            case {"again": _}:
                self.forget(record, number)
            case {"baseline": lane}:
                record.baseline = lane
            case {"floor_bytes": nbytes}:
                record.floor_bytes = nbytes
            case {"failed": why}:
                record.failed = why

    def spec(self, index: int) -> Spec:
        """What an interpreter is to measure of one experiment."""
        experiment, record = self.group[index], self.records[index]
        gone = self.failed(record) | record.left_out.keys()
        strategies = [] if record.failed else [name for name in record.strategies if name not in gone]
        if contested := self.contested.get(index):  # the others rest: they tell nothing that is still asked
            wanted = contested | {record.baseline} | (set(strategies) - record.outcomes.keys())
            strategies = [name for name in strategies if name in wanted]
        spec: Spec = {
            "ref": experiment.entry.ref.to_json(),
            "kind": experiment.kind,
            "strategies": strategies,
            "verify": any(name not in record.outcomes for name in strategies),
            "known": self._known(record),
        }
        if self.profile.record_s and record.trials:
            spec["rounds"] = questions.best_rounds(record)
        return spec

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

    def _settle(self, record: Record, lane: str, outcome: Outcome) -> None:
        """Keep the first failure: a lane that failed once is not asked again, but where the machine was too busy."""
        known = record.outcomes.get(lane)
        if outcome.kind is Kind.NO_ANSWER and (id(record), lane) not in self.unanswered:
            self.unanswered[id(record), lane] = outcome
            record.outcomes.pop(lane, None)
        elif known is None or known.ok:
            record.outcomes[lane] = outcome

    @staticmethod
    def _harness_failure(record: Record) -> str:
        """Why nothing could be measured, where that is a lane of the harness itself; else ""."""
        if record.rows or record.values or record.outcomes.keys() & set(record.strategies):
            return ""
        own = {NULL, *FLOORS.values()} & record.outcomes.keys()
        return next((f"{lane}: {each.reason}" for lane in own if not (each := record.outcomes[lane]).ok), "")

    def stop(self, done: int) -> str:
        """Why there can be no more trials after ``done`` of them, or ""."""
        if done < self.profile.trials:
            return ""
        if done >= max(self.profile.trials, self.profile.most_trials):
            return MOST_TRIALS
        return "" if self.profile.bound is not None else MOST_TRIALS

    def keep_open(self, contested: Mapping[int, frozenset[str]]) -> None:
        """Which experiments still leave a question open, and by which ways; the others are decided."""
        self.unsettled &= contested.keys()
        self.contested = contested
        for index, record in enumerate(self.records):
            if index not in self.unsettled:
                record.stopped = record.stopped or DECIDED

    def finish(self, stopped: str) -> list[Record]:
        """The records, done. Every strategy has an outcome."""
        for record in self.records:
            record.failed = record.failed or self._harness_failure(record)
            why = record.failed or "not reached before the end"
            for name in record.strategies:
                unasked = Outcome(Kind.BROKEN, "parent", "", why)
                record.outcomes.setdefault(name, self.unanswered.get((id(record), name), unasked))
            record.rows = [row for row in record.rows if row[0] not in self.failed(record)]
            record.values = [row for row in record.values if row[0] not in self.failed(record)]
            known_s = sum(seconds for what, seconds in record.spent_s.items() if what != REST)
            record.spent_s = {what: round(seconds, 3) for what, seconds in record.spent_s.items()}
            record.spent_s[REST] = round(max(0.0, record.seconds - known_s), 3)
            record.seconds = round(record.seconds, 3)
            record.stopped = record.stopped or stopped
            record.complete = record.stopped != INTERRUPTED
        return self.records
