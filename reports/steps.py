"""Where a history steps from one level to another. Pure.

A history is one number a run, such as a logarithm of a ratio. It is taken as pieces, each level but for noise, and
the pieces are those that minimise the sum of absolute deviations from each piece's median plus a penalty a step: an
optimal partition (Jackson et al., "An algorithm for optimal partitioning of data on an interval", IEEE Signal
Processing Letters 12, 2005), by dynamic programming. Absolute deviations, as in asv's own step detection, because one
run on a disturbed machine is an outlier and no step; for the same reason no piece is shorter than ``SHORTEST``.

The noise is estimated from the differences of successive runs, which hold each step once only (Hall, Kay &
Titterington, Biometrika 77, 1990), by their median, which a few steps do not move. The penalty grows with the logarithm
of the number of runs (Yao, "Estimating the number of change-points via Schwarz' criterion", Statistics & Probability
Letters 6, 1988); its factor was chosen by simulation: :data:`PENALTY`.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

SHORTEST = 2  #: runs of a piece
FEWEST = 5  #: runs of a history that can be judged at all
#: Standard deviations of noise, times ln n, that a step has to explain. Simulated: of flat histories of 5 to 60 runs
#: with normal, heavy-tailed (t of 3) or contaminated noise (one run in ten 8 times as noisy) at most 3 % have a step; a
#: step of 5 standard deviations in the middle is found within a run of its place in 82 % of 6 runs, 97 % of 12.
PENALTY = 3.0


@dataclass(frozen=True, slots=True)
class Step:
    """From ``at`` on (an index) the level is ``after``; before, back to the step before, it was ``before``."""

    at: int
    before: float
    after: float


def steps(history: Sequence[float], *, least: float) -> list[Step]:
    """The steps of a history, in order: only those of at least ``least``, in the history's own unit.

    ``ValueError`` for what is not finite. Nothing for fewer than ``FEWEST`` numbers.
    """
    if not all(map(math.isfinite, history)):
        raise ValueError("a history of numbers that are not finite")
    count = len(history)
    if count < FEWEST or max(history) - min(history) < least:
        return []
    ends = _partition(history, PENALTY * max(_noise(history), least / 3) * math.log(count))
    while True:
        levels = [median(history[a:b]) for a, b in zip([0, *ends], [*ends, count], strict=True)]
        small = [i for i in range(len(ends)) if abs(levels[i + 1] - levels[i]) < least]
        if not small:
            return [Step(at, levels[i], levels[i + 1]) for i, at in enumerate(ends)]
        del ends[min(small, key=lambda i: abs(levels[i + 1] - levels[i]))]


def _noise(history: Sequence[float]) -> float:
    """Standard deviation of the noise, were it normal."""
    jumps = [abs(b - a) for a, b in pairwise(history)]
    return median(jumps) / 0.6745 / math.sqrt(2)


def _partition(history: Sequence[float], penalty: float) -> list[int]:
    """Where the pieces of the cheapest partition begin, but for the first."""
    count = len(history)
    costs = [_costs(history[start:]) for start in range(count)]
    best = [-penalty, *[math.inf] * count]  # the cheapest partition of the first so many
    start_of = [0] * (count + 1)
    for end in range(SHORTEST, count + 1):
        for start in (0, *range(SHORTEST, end - SHORTEST + 1)):
            cost = best[start] + penalty + costs[start][end - start - 1]
            if cost < best[end]:
                best[end], start_of[end] = cost, start
    ends = []
    at = start_of[count]
    while at:
        ends.append(at)
        at = start_of[at]
    return ends[::-1]


def _costs(values: Sequence[float]) -> list[float]:
    """The sum of absolute deviations from their median, of the first one, the first two and so on."""
    ordered: list[float] = []
    found = []
    for value in values:
        insort(ordered, value)
        half = len(ordered) // 2
        found.append(sum(ordered[len(ordered) - half :]) - sum(ordered[:half]))
    return found
