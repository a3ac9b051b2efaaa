"""Which way to take, by a record's samples: what pages, the terminal and the schedule of a run all ask. Pure.

A law of scatter is learned from all records of a run, a kind and a metric each; a record keeps those that it was judged
by, so that whoever reads it later, alone or among others, comes to the same decision.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any, cast

from handoff.analysis import regret, stats
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import METRICS, START
from handoff.analysis.moderated import LanePair, Law, learn
from handoff.analysis.regret import Decision, Judgement
from handoff.analysis.stats import Estimate
from handoff.profile import PROFILES
from handoff.record import DecisionFields, Record


class Laws:
    """How the lanes of each kind and metric scatter, learned from what was added, when it is asked for."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[str, str], tuple[list[LanePair], list[LanePair]]] = {}
        self._laws: dict[tuple[str, str], Law] = {}

    def add(self, figures: Figures, metric: str) -> None:
        """Take what a table tells. Raises ``ValueError`` for durations that are none."""
        pairs, same = self._pairs.setdefault((figures.record.kind, metric), ([], []))
        more = regret.against_baseline(figures.question(metric))
        pairs += more[0]
        same += more[1]

    def of(self, record: Record, metric: str) -> Law:
        """The one that a record keeps, or else what all that was added tells."""
        if metric in record.laws:
            return Law(**record.laws[metric])  # type: ignore[arg-type]  # written by asdict
        key = record.kind, metric
        if key not in self._laws:
            pairs, same = self._pairs.get(key, ([], []))
            self._laws[key] = learn([*pairs, *same], same)
        return self._laws[key]


def laws(records: Iterable[Record]) -> Laws:
    """What all these records tell together."""
    found = Laws()
    for record in records:
        figures = Figures(record)
        for metric in figures.metrics:
            found.add(figures, metric)
    return found


def limit(record: Record) -> float:
    """The bound of regret that decides, by the record's profile; that of ``quick`` where it names none."""
    bound = record.profile.get("bound") or getattr(PROFILES.get(str(record.profile.get("name"))), "bound", None)
    return float(bound or PROFILES["quick"].bound or math.inf)


def judge(figures: Figures, metric: str, law: Law) -> Judgement:
    """Which way to take by one metric of a record, and every way's regret."""
    record = figures.record
    question = figures.question(metric)
    base = question.lanes.get(record.baseline)
    baseline_s = stats.estimate(base).value if base else math.inf
    return regret.judge(question, law, limit=limit(record), baseline_s=baseline_s, looks=max(1, record.looks))


def trials_to_decide(figures: Figures, metric: str, law: Law) -> int | None:
    """About how many trials in all would decide it; None where hardly any number will do."""
    record = figures.record
    return regret.trials_to_decide(figures.question(metric), law, limit=limit(record), looks=max(1, record.looks))


def keep(record: Record, known: Laws) -> frozenset[str]:
    """Put into a record what it is judged by, and the decision; the ways that are still contested."""
    figures = Figures(record)
    record.laws = {metric: asdict(known.of(record, metric)) for metric in figures.metrics if _asked(figures, metric)}
    metric = METRICS[record.kind][0]
    if metric in record.laws:
        found = judge(figures, metric, known.of(record, metric))
        record.decision = as_json(found.decision)
        return found.contested
    return frozenset()


def decided(record: Record) -> bool:
    """Whether there is nothing left to decide: it was, or there is no choice.

    Lanes of starting a worker are conditions, nothing to choose from.
    """
    found = record.decision
    return record.kind == START or (
        found is not None and (found["ways"] < 2 or found["answer"] != regret.Answer.CANNOT_TELL)
    )


def _asked(figures: Figures, metric: str) -> bool:
    return bool(figures.question(metric).lanes)


def as_json(decision: Decision) -> DecisionFields:
    """A decision as a record keeps it: what is infinite or unknown is null."""
    found: dict[str, Any] = {}
    for name in (field.name for field in fields(decision)):
        value = getattr(decision, name)
        found[name] = (
            [_finite(x) for x in (value.value, value.low, value.high)]
            if isinstance(value, Estimate)
            else _finite(value)
        )
    return cast("DecisionFields", found)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
