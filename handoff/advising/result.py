"""What an advice is: the job, the ways with their figures, what was left out and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from handoff.payload import Duty

SCHEMA = 1


BOTH = "argument or state"  #: the duty of a job that may send the object with every task, or set it up once


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done."""

    duty: str  #: a duty, or :data:`BOTH`
    tasks: int
    workers: int
    start_method: str
    work: str = ""  #: what a task does with the object, as it was named; "": it reads all of it

    @property
    def duties(self) -> tuple[Duty, ...]:
        """The duties whose ways are open."""
        return (Duty.ARGUMENT, Duty.STATE) if self.duty == BOTH else (Duty(self.duty),)


def key_of(strategy: str, duty: str, chunk: int = 1) -> str:
    """What tells one way to do a job from the others."""
    return f"{strategy} {duty}" + (f" {chunk}" if chunk > 1 else "")


@dataclass(frozen=True, slots=True)
class Row:
    """One way to do the job. Times in seconds; a bound of an interval is infinite where a single trial says nothing."""

    strategy: str
    duty: str
    task_s: float
    task_s_low: float
    task_s_high: float
    setup_s: float  #: once, beyond starting the workers
    total_s: float
    total_s_low: float
    total_s_high: float
    ratio: float  #: of the total, to the best
    verdict: str  #: where it stands: take, as good, contender, slower or far
    trials: int
    meaning: str
    notes: tuple[str, ...] = ()
    #: Of one worker that has the object: memory that is nobody else's; NaN: not seen.
    worker_uss_bytes: float = math.nan
    worker_pss_bytes: float = math.nan  #: the same with its share of what it has in common with others
    chunk: int = 1  #: tasks that a pool pickles at once, the object in them once
    parent_peak_bytes: float = math.nan  #: how far the parent's memory rose while it handed the object to one worker

    @property
    def key(self) -> str:
        return key_of(self.strategy, self.duty, self.chunk)

    @property
    def way(self) -> str:
        """What it is called."""
        return f"{self.strategy}, chunks of {self.chunk}" if self.chunk > 1 else self.strategy

    def to_json(self) -> dict[str, Any]:
        found = {name: _finite(value) for name, value in asdict(self).items()}
        return {**found, "notes": list(self.notes)}


@dataclass(frozen=True, slots=True)
class Excluded:
    """A way that is no answer, and why."""

    strategy: str
    outcome: str
    reason: str
    duty: str = ""


@dataclass(frozen=True, slots=True)
class Refactoring:
    """A change of the object or of what is sent, and what it was measured to gain."""

    what: str
    strategy: str = ""
    duty: str = ""
    task_s: float = math.nan
    total_s: float = math.nan
    gain: float = math.nan  #: how many times less the job takes than by the best way for the object as it is

    def to_json(self) -> dict[str, Any]:
        return {name: _finite(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class OwnRecipe:
    """Code before and after."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class UnderMethod:
    """The best way under one start method, of several that were judged."""

    start_method: str
    strategy: str = ""  #: "": there is none
    duty: str = ""
    chunk: int = 1
    total_s: float = math.nan
    ratio: float = math.nan  #: of the total, to that of the way to take
    start_s: float = math.nan  #: until one worker is ready
    note: str = ""  #: why there is none, or why it is not taken

    def to_json(self) -> dict[str, Any]:
        return {name: _finite(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class ByDefault:
    """What some Pythons do with the object when nothing is said: start method, pickle protocol, and what that takes."""

    pythons: str  #: ``this Python (3.11)``, ``3.14 and later``
    start_method: str
    protocol: int
    task_s: float = math.nan
    total_s: float = math.nan
    note: str = ""  #: why there is no figure

    def to_json(self) -> dict[str, Any]:
        return {name: _finite(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class AdviceWarning:
    """What can go wrong under some start methods, seen from facts at hand, and what to do about it."""

    what: str
    remedy: str
    start_methods: tuple[str, ...] = ()  #: under which; (): under all
    serious: bool = False  #: these are not taken as long as there is another

    @property
    def text(self) -> str:
        under = f"under {' and '.join(self.start_methods)}: " if self.start_methods else ""
        return f"{under}{self.what}. {self.remedy[:1].upper()}{self.remedy[1:]}"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "start_methods": list(self.start_methods)}


@dataclass(frozen=True, slots=True)
class Advice:
    """What to take for a job, how sure that is, and what else there is."""

    target: str
    job: Job
    tiers: tuple[tuple[Row, ...], ...]
    excluded: tuple[Excluded, ...]
    advice: str  #: one sentence
    start_s: float = math.nan  #: until one worker is ready
    sure: str = ""  #: one sentence
    now: str = ""  #: what multiprocessing does by itself, and what that takes; "" if it does not work
    breaks_even: str = ""  #: one sentence
    memory: str = ""  #: one sentence
    refactorings: tuple[Refactoring, ...] = ()
    recipe: OwnRecipe | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0  #: that measuring took
    work_s: float = math.nan  #: of a task's time: what it does with the object, alone and at once
    culprits: tuple[Any, ...] = field(default=())  #: findings of the diagnosis
    start_methods: tuple[UnderMethod, ...] = ()  #: the one to take first; (): only one was asked for
    defaults: tuple[ByDefault, ...] = ()  #: what Pythons do by themselves, this one first
    warnings: tuple[AdviceWarning, ...] = ()

    @property
    def best(self) -> Row | None:
        """The way to take: the first of the first tier."""
        return self.tiers[0][0] if self.tiers else None

    def to_json(self) -> dict[str, Any]:
        """Schema 1: what the project's design promises, and more keys beside."""
        return {
            "schema": SCHEMA,
            "target": self.target,
            "job": {name: value for name, value in asdict(self.job).items() if name != "work"},
            "work": self.job.work,
            "tiers": [[row.to_json() for row in tier] for tier in self.tiers],
            "excluded": [asdict(each) for each in self.excluded],
            "advice": self.advice,
            "start_s": _finite(self.start_s),
            "sure": self.sure,
            "now": self.now,
            "breaks_even": self.breaks_even,
            "memory": self.memory,
            "refactorings": [each.to_json() for each in self.refactorings],
            "recipe": asdict(self.recipe) if self.recipe else None,
            "culprits": [each.to_json() for each in self.culprits],
            "notes": list(self.notes),
            "seconds": self.seconds,
            "work_s": _finite(self.work_s),
            "start_methods": [each.to_json() for each in self.start_methods],
            "defaults": [each.to_json() for each in self.defaults],
            "warnings": [each.to_json() for each in self.warnings],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Advice:
        """The inverse of :meth:`to_json`. Raises ``ValueError`` for another schema."""
        from handoff.diagnosing import Finding

        if data.get("schema") != SCHEMA:
            raise ValueError(f"an advice of schema {data.get('schema')!r}; this version reads {SCHEMA}")
        known = {name: data[name] for name in ("target", "advice", "sure", "now", "breaks_even", "seconds")}
        known["memory"] = data.get("memory", "")
        row = partial(_from_json, Row)
        return cls(
            **known,
            job=Job(**data["job"], work=data.get("work", "")),
            tiers=tuple(tuple(map(row, tier)) for tier in data["tiers"]),
            excluded=tuple(Excluded(**each) for each in data["excluded"]),
            work_s=math.nan if data.get("work_s") is None else data["work_s"],
            start_s=math.nan if data["start_s"] is None else data["start_s"],
            refactorings=tuple(_from_json(Refactoring, each) for each in data["refactorings"]),
            recipe=OwnRecipe(**data["recipe"]) if data["recipe"] else None,
            notes=tuple(data["notes"]),
            culprits=tuple(_from_json(Finding, each) for each in data["culprits"]),
            start_methods=tuple(_from_json(UnderMethod, each) for each in data.get("start_methods", ())),
            defaults=tuple(_from_json(ByDefault, each) for each in data.get("defaults", ())),
            warnings=tuple(_from_json(AdviceWarning, each) for each in data.get("warnings", ())),
        )

    def __repr__(self) -> str:
        return f"<Advice for {self.target}: {self.advice}>"


def _from_json(kind: Any, data: Mapping[str, Any]) -> Any:
    high = ("task_s_high", "total_s_high")
    known = {k: (math.inf if k in high else math.nan) if v is None else v for k, v in data.items()}
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in known.items()})


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
