"""The cost model against reality: what the measured parts of a job add up to, and what the whole job took. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median

from handoff.analysis import cost, stats
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import CHUNKS, JOB_TASKS, JOB_WAYS
from handoff.analysis.stats import Estimate
from handoff.record import Record

CLOSE = 0.15  #: a prediction this near (relative to what was measured) decides as the measurement would


@dataclass(frozen=True, slots=True)
class Prediction:
    """One job: ``tasks`` tasks on a fresh crew of ``workers``."""

    payload: str
    start_method: str
    way: str
    tasks: int
    workers: int
    predicted_s: float  #: median over trials, as the next
    measured_s: float
    ratio: float  #: predicted over measured: the median of the trials', in each of which the two were done together

    @property
    def error(self) -> float:
        """How far off, relative to what was measured: 0.1 is predicted 10 % too long."""
        return self.ratio - 1

    @property
    def close(self) -> bool:
        return abs(self.error) <= CLOSE


def predictions(record: Record) -> list[Prediction]:
    """Every job of a record of the kind ``job``, predicted from the parts alone: no job is used for any prediction.

    Each trial's job is predicted from that trial's parts, measured on a crew just before: how fast the machine is for
    all of them, which changes from minute to minute where others use it too, is no part of the question.
    """
    figures = Figures(record)
    numbers = {"1": 1, "all": int(record.fingerprint["usable_cores"])}
    found = []
    for way in JOB_WAYS:
        for label, workers in numbers.items():
            for tasks in JOB_TASKS:
                pairs = list(_pairs(figures, way, label, workers, tasks))
                if pairs:
                    predicted, measured = (median(each) for each in zip(*pairs, strict=True))
                    ratio = median(p / m for p, m in pairs)
                    at = record.payload, record.start_method, way, tasks, workers
                    found.append(Prediction(*at, predicted, measured, ratio))
    return found


def _pairs(figures: Figures, way: str, label: str, workers: int, tasks: int) -> Iterator[tuple[float, float]]:
    """Predicted and measured seconds of each trial's jobs."""
    metrics = ("task-1", f"task-{label}", f"least-{label}", f"job-{tasks}-{label}")
    samples = [figures.samples(way, metric) for metric in metrics]
    for trial in samples[-1]:
        for row in zip(*(each.get(trial, ()) for each in samples), strict=False):
            one, many, least, measured = row
            if None not in row:
                yield _predict(CHUNKS[way], workers, tasks, one, many, least), measured


def _predict(chunk: int, workers: int, tasks: int, one: float, many: float, least: float) -> float:
    """``least`` is the job of one chunk a worker: what it takes beyond its tasks is start and setup.

    Start and setup are not measured apart: in a real job the first worker begins while the last still starts.
    """
    chunks = math.ceil(tasks / chunk)
    return cost.total(
        chunks,
        workers=workers,
        start=max(0.0, least - workers * chunk * many),
        task=one * tasks / chunks,
        parallelism=one / many,
    )


def share(found: Iterable[Prediction]) -> float:
    """The share of predictions that are close; NaN of none."""
    close = [each.close for each in found]
    return sum(close) / len(close) if close else math.nan


def efficiency(figures: Figures, lane: str, label: str, workers: int) -> Estimate:
    """How much of ``workers`` times one worker's rate is reached: 1 is perfect, ``1 / workers`` no gain at all.

    From ``task-1`` and ``task-<label>`` of the same trials and rounds, with the interval of their ratio.
    """
    gain = stats.ratio(figures.samples(lane, "task-1"), figures.samples(lane, f"task-{label}"))
    return Estimate(gain.value / workers, gain.low / workers, gain.high / workers, gain.n_trials, gain.n_samples)
