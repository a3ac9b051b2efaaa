"""What the records so far leave open: which lanes are out of the question, how many rounds pay. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, median

from handoff.analysis import judging, stats
from handoff.analysis.figures import Figures
from handoff.analysis.judging import Laws
from handoff.analysis.metrics import METRICS
from handoff.measuring.ledger import LOOKING, SAMPLES
from handoff.record import Record

OUT = 3.0  #: a lane that surely takes so many times what the best takes is measured no further ...
#: ... where what is sure is this many standard errors below the ratio: one-sided 99.9 %, for dozens of lanes at once.
SURE = 3.1
#: Standard deviation of a log-ratio between trials, and of one round within a trial: the larger of what was measured on
#: two idle cores (0.13 to 0.19, 0.34 to 0.48). A lane is left out by what is usual, not by its own few numbers.
BETWEEN, WITHIN = 0.19, 0.48
LEAST = 2  #: trials that even a lane has which is out: one number tells nothing of its scatter
LEAST_ROUNDS, MOST_ROUNDS = 2, 20  #: more than these take the time of other tables


def out(record: Record) -> frozenset[str]:
    """The lanes that are measured no further: in every metric surely more than :data:`OUT` times the best.

    The baseline stays, since every factor is to it.
    """
    figures = Figures(record)
    metrics = [metric for metric in METRICS[record.kind] if figures.has(record.baseline, metric)]
    ways = [lane for lane in figures.lanes if figures.answers(lane)]
    found = [_out(figures, metric, [way for way in ways if figures.has(way, metric)]) for metric in metrics]
    return frozenset.intersection(*found) - {record.baseline} if found else frozenset()


def contenders(record: Record) -> frozenset[str]:
    """The ways that take no more than :data:`OUT` times the best in some metric, by what is known so far.

    And what they are compared with: the baseline, and what hands nothing over.
    """
    figures = Figures(record)
    found = {record.baseline, *(name for name in record.strategies if not figures.answers(name))}
    for metric in METRICS[record.kind]:
        ways = [lane for lane in figures.lanes if figures.answers(lane) and figures.has(lane, metric)]
        seconds = {way: stats.estimate(figures.samples(way, metric)).value for way in ways}
        found |= {way for way in ways if seconds[way] <= OUT * min(seconds.values())}
    return frozenset(found)


def _out(figures: Figures, metric: str, ways: Sequence[str]) -> frozenset[str]:
    """Those of one metric."""
    seconds = {way: stats.estimate(figures.samples(way, metric)).value for way in ways}
    best = min(seconds, key=lambda way: seconds[way], default="")
    found = set()
    for way in ways:
        rows = _rounds(figures, metric, way, best)
        if len(rows) >= LEAST:
            rounds = fmean(map(len, rows))
            error = math.sqrt((BETWEEN**2 + WITHIN**2 / rounds) / len(rows))
            numbers = [median(row) for row in rows]
            # in every trial: one that had bad luck as a whole must not put a lane out
            if min(numbers) > math.log(OUT) and median(numbers) - SURE * error > math.log(OUT):
                found.add(way)
    return frozenset(found)


def _rounds(figures: Figures, metric: str, way: str, other: str) -> list[list[float]]:
    """Log-ratios in the rounds that both have, by trial."""
    mine, theirs = figures.samples(way, metric), figures.samples(other, metric)
    rows = [
        [math.log(a / b) for a, b in zip(mine[trial], theirs[trial], strict=False) if a and b]
        for trial in mine.keys() & theirs.keys()
    ]
    return [row for row in rows if row]


def best_rounds(record: Record) -> int:
    """How many rounds a trial of this experiment should have: Kalibera & Jones's optimum.

    With ``c`` the cost of a trial without its rounds, ``d`` that of a round, and the variances of a number between and
    within trials, the least variance for the time is at ``sqrt(c / d * within / between)`` rounds ("Rigorous
    Benchmarking in Reasonable Time", ISMM 2013, section 9). Costs and variances are those of this record, the variances
    of all its ways together; where there are too few trials to tell, what is usual. Looking at what arrived, which the
    first trial alone does, is no cost of those to come.
    """
    done = len(record.trials)
    samples_s = record.spent_s.get(SAMPLES, 0.0)
    rounds = len({(row[2], row[3]) for row in record.rows})
    if not done or not rounds or samples_s <= 0:
        return LEAST_ROUNDS
    within, between = _variances(record)
    once_s = record.spent_s.get(LOOKING, 0.0)
    ratio = max(record.seconds - samples_s - once_s, 0.0) / done / (samples_s / rounds)
    return round(min(MOST_ROUNDS, max(LEAST_ROUNDS, math.sqrt(ratio * within / between))))


def _variances(record: Record) -> tuple[float, float]:
    """Within and between trials, of log-ratios to the baseline: the mean over the ways, pooled with what is usual."""
    figures, metric = Figures(record), METRICS[record.kind][0]
    withins, betweens = [WITHIN**2], [BETWEEN**2]
    if figures.has(record.baseline, metric):
        for way in figures.lanes:
            if not figures.answers(way) or way == record.baseline or not figures.has(way, metric):
                continue
            rows = [row for row in _rounds(figures, metric, way, record.baseline) if len(row) > 1]
            if len(rows) > 1:
                within = fmean(_variance(row) for row in rows)
                withins.append(within)
                means = [fmean(row) for row in rows]
                betweens.append(max(0.0, _variance(means) - within / fmean(map(len, rows))))
    return fmean(withins), fmean(betweens)


def _variance(values: Sequence[float]) -> float:
    middle = fmean(values)
    return math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1)


def settle(records: Sequence[Record], looks: int, known: Laws) -> Mapping[str, frozenset[str]]:
    """Judge which way to take, in what verdicts are about; by name, those records that leave it open, each with its
    contested ways: further trials need no others.

    ``known``: how the lanes of each kind scatter. What is once decided stays so, and keeps the law it was judged by.
    ``looks``: how often that is asked in all.
    """
    still_open = [record for record in records if record.rows and not judging.decided(record)]
    contested = {}
    for record in still_open:
        record.looks, record.laws = looks, {}
        contested[record.name] = judging.keep(record, known)
    return {record.name: contested[record.name] for record in still_open if not judging.decided(record)}
