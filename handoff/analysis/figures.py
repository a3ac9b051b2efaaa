"""From a record's samples to figures: times with intervals, ratios to the baseline, phases, and the question asked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from handoff.analysis import stats
from handoff.analysis.metrics import BIS, FLOORS, METRICS, NULL, duty_of
from handoff.analysis.regret import Question
from handoff.analysis.stats import Estimate, Samples
from handoff.machine import has_gil
from handoff.outcome import Kind
from handoff.record import COLUMNS, VALUE_COLUMNS, Record
from handoff.strategies import baselines, registry
from handoff.strategy import Channel

CAUSES = ("switches", "faults", "collections")  #: what is counted of both processes during a sample, see COLUMNS
FAULT_S = 1e-6  #: what a page fault costs at least: taking it, and zeroing a page (0.5 µs and more on current machines)
_HARNESS = frozenset({NULL, BIS, *FLOORS.values()})
_LOSES = frozenset(
    {Kind.REFUSED, Kind.BROKEN, Kind.ALTERED}
)  #: what is not here, or was not answered, may well carry it
_AT = {name: index for index, name in enumerate(COLUMNS)}
_VALUE_AT = {name: index for index, name in enumerate(VALUE_COLUMNS)}


@dataclass(frozen=True, slots=True)
class Figure:
    """One lane's figure for one metric."""

    lane: str
    metric: str
    time: Estimate  #: seconds an operation
    ratio: Estimate  #: to the baseline, paired by round
    phases: Mapping[str, float]  #: median seconds an operation: encode, decode, touch, and transfer (all the rest)
    bytes_per_s: float | None  #: payload bytes a second, where there are buffers or raw bytes to count
    clean: Estimate  #: as ``time``, of the samples that nothing disturbed; ``time`` leaves none out
    disturbed: Mapping[str, int]  #: how many samples each cause disturbed, see :meth:`Figures.disturbed`


class Figures:
    """All figures of one record, computed when asked for."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self._rows: dict[tuple[str, str], list[list[float]]] = {}
        for row in record.rows:
            self._rows.setdefault((row[0], row[1]), []).append(row)
        self._values: dict[tuple[str, str], list[list[float]]] = {}
        for row in record.values:
            self._values.setdefault((row[0], row[1]), []).append(row)

    @property
    def lanes(self) -> list[str]:
        """Every lane that has samples: strategies in registry order, then the harness's own."""
        have = {lane for lane, _ in (*self._rows, *self._values)}
        known = [name for name in registry() if name in have]
        return known + sorted(have - set(known))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those of its kind, then those that depend on the machine: numbers of workers."""
        known = METRICS[self.record.kind]
        return known + tuple(dict.fromkeys(m for _, m in (*self._rows, *self._values) if m not in known))

    def has(self, lane: str, metric: str) -> bool:
        """Whether there are samples."""
        return (lane, metric) in self._rows

    def samples(self, lane: str, metric: str, column: str = "seconds", *, clean: bool = False) -> Samples:
        """Per-operation values by trial, then by round; None for a missed round or, ``clean``, a disturbed one."""
        rows = self._rows.get((lane, metric), [])
        if clean:
            flagged = set().union(*self.disturbed(lane, metric).values())
            rows = [row for index, row in enumerate(rows) if index not in flagged]
        by_trial: dict[int, dict[int, float]] = {}
        for row in rows:
            by_trial.setdefault(int(row[_AT["trial"]]), {})[int(row[_AT["round"]])] = row[_AT[column]] / row[_AT["n"]]
        return {
            trial: [rounds.get(index) for index in range(max(rounds) + 1)] for trial, rounds in sorted(by_trial.items())
        }

    def flat(self, lane: str, metric: str) -> list[float]:
        """Per-operation seconds of every sample, in order."""
        return [row[_AT["seconds"]] / row[_AT["n"]] for row in self._rows.get((lane, metric), [])]

    def has_amount(self, lane: str, metric: str) -> bool:
        """Whether there are values that were read off rather than timed."""
        return (lane, metric) in self._values

    def amount(self, lane: str, metric: str) -> Estimate:
        """What was read off rather than timed, in the metric's own unit: median over trials of the trials' medians.

        Raises ``KeyError`` when the lane has no values of the metric. Amounts, unlike durations, may be 0 or negative
        (what memory has grown by); where no trial found less than nothing, the interval does not reach below 0.
        """
        if (lane, metric) not in self._values:
            raise KeyError(f"{self.record.name}: no values of {lane} {metric}")
        by_trial: dict[float, list[float]] = {}
        rows = self._values[lane, metric]
        for row in rows:
            by_trial.setdefault(row[_VALUE_AT["trial"]], []).append(row[_VALUE_AT["value"]])
        medians = [median(found) for found in by_trial.values()]
        low, high = stats.interval(medians, stats.CONFIDENCE)
        if min(medians) >= 0 and math.isfinite(low):
            low = max(low, 0.0)
        return Estimate(median(medians), low, high, len(medians), len(rows))

    def disturbed(self, lane: str, metric: str) -> dict[str, set[int]]:
        """Which samples (0 is the first row) each cause disturbed: never by how long they took.

        A cause counts when there is more than twice what this lane's median sample has of it: what an operation always
        does (allocating, collecting, giving way to its worker) belongs to it. Page faults must also weigh 1 % of it.
        """
        rows = self._rows.get((lane, metric), [])
        found: dict[str, set[int]] = {}
        for cause in CAUSES:
            at = _AT[cause]
            usual = median(row[at] / row[_AT["n"]] for row in rows) if rows else 0.0
            found[cause] = {
                index
                for index, row in enumerate(rows)
                if row[at] > math.ceil(2 * usual * row[_AT["n"]])
                and (cause != "faults" or (row[at] - usual * row[_AT["n"]]) * FAULT_S > 0.01 * row[_AT["seconds"]])
            }
        return found

    def answers(self, lane: str) -> bool:
        """Whether a lane is a way to take: not the harness's own, nor a reference that is there for comparison."""
        strategy = registry().get(lane)
        gil = has_gil(self.record.fingerprint)
        return lane not in _HARNESS and (strategy is None or not strategy.is_reference(gil=gil))

    def question(self, metric: str) -> Question:
        """Which of the ways that work to take. What was left out of later trials surely takes several times the best's
        time, and is out of the question."""
        record = self.record
        ways = [
            lane
            for lane in self.lanes
            if self.answers(lane) and self.has(lane, metric) and lane not in record.left_out and self._works(lane)
        ]
        again = self.samples(BIS, metric) if self.has(BIS, metric) else None
        usual = next(iter(baselines(duty_of(record.kind))), "")
        fails = usual if usual in record.outcomes and record.outcomes[usual].kind in _LOSES else ""
        return Question({way: self.samples(way, metric) for way in ways}, record.baseline, again, fails)

    def _works(self, lane: str) -> bool:
        """Only what arrives unchanged is a way to take, whatever samples there are of others."""
        return lane in self.record.outcomes and self.record.outcomes[lane].ok

    @cached_property
    def aa_error(self) -> Mapping[str, float]:
        """This experiment's own A/A error, by metric: relative, infinite where it is unknown."""
        base = self.record.baseline
        return {
            metric: stats.aa_error(self.samples(base, metric), self.samples(BIS, metric))
            if self.has(base, metric) and self.has(BIS, metric)
            else float("inf")
            for metric in self.metrics
        }

    def figure(self, lane: str, metric: str) -> Figure:
        """One figure. Raises ``KeyError`` when the lane has no samples of the metric."""
        if not self.has(lane, metric):
            raise KeyError(f"{self.record.name}: no samples of {lane} {metric}")
        mine = self.samples(lane, metric)
        ratio = stats.ratio(mine, self.samples(self.record.baseline, metric))
        time = stats.estimate(mine)
        size = self._moved(lane)
        return Figure(
            lane,
            metric,
            time,
            ratio,
            self.phases(lane, metric),
            size / time.value if size and metric == "handoff" else None,
            stats.estimate(self.samples(lane, metric, clean=True)),
            {cause: len(which) for cause, which in self.disturbed(lane, metric).items()},
        )

    def floor(self, lane: str) -> str:
        """The floor lane that this lane's channel has, or "" where there is none."""
        strategy = registry().get(lane)
        name = FLOORS.get(strategy.floor_on(self.record.fingerprint.get("cluster", "")), "") if strategy else ""
        return name if self.has(name, "handoff") else ""

    def _moved(self, lane: str) -> int | None:
        if lane == NULL or (lane in registry() and registry()[lane].channel is Channel.THREAD):
            return None
        return self.record.about.get("nbytes") or (self.record.floor_bytes if lane.startswith("floor") else None)

    def phases(self, lane: str, metric: str) -> dict[str, float]:
        """Median seconds an operation of each phase of a hand-off; empty for other metrics.

        And for an executor's, in which the library pickles and loads where no clock of ours is.
        """
        strategy = registry().get(self.record.baseline if lane == BIS else lane)
        if metric != "handoff" or (strategy is not None and strategy.execution is not None):
            return {}
        found: dict[str, float] = {}
        rows = self._rows[lane, metric]
        for phase in ("encode", "decode", "touch"):
            found[phase] = median(row[_AT[f"{phase}_s"]] / row[_AT["n"]] for row in rows)
        rest = (row[_AT["seconds"]] - sum(row[_AT[f"{p}_s"]] for p in found) for row in rows)
        found["transfer"] = max(0.0, median(r / row[_AT["n"]] for r, row in zip(rest, rows, strict=True)))
        return found
