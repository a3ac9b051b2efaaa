"""Statistics: from seconds per operation to figures with intervals. Pure, and plain Python.

What is decided by them, and how certainty is pooled over few trials of many lanes, is in
:mod:`handoff.analysis.regret` and :mod:`handoff.analysis.moderated`.

Samples are seconds per operation, by trial and then by round. A trial (one fresh interpreter) is the unit of
randomness, so each trial gives **one** number: the median of its rounds or, for a ratio, the median of its paired
log-ratios, lane against baseline in the same round, from which drift common to both cancels (Kalibera & Jones,
"Rigorous Benchmarking in Reasonable Time", ISMM 2013: repeat at the highest level that varies). The figure is the
median of those numbers over trials, and its interval comes from those numbers alone:

* **enough trials** (6 for 95 %, 8 for 99 %; :func:`trials_needed`): the sign test's order statistics, interpolated
  (Hettmansperger & Sheather, Statistics & Probability Letters 4, 1986, 75-79). It assumes no distribution.
* **fewer**: no interval can be free of assumptions, for even the whole range of m trials holds the median only in
  1 - 2**(1-m) of all cases. It is Student's t on the logarithms, widened to hold at least that range.
* **one trial** tells nothing about the spread between trials: the interval is everything, 0 to infinity.

Why not the hierarchical bootstrap: resampling trials *and* rounds counts the noise within trials twice (Davison &
Hinkley, Bootstrap Methods and their Application, 1997, section 3.8), and a resampled median of three trials can't leave
their range. Share of 95 % intervals that hold the truth, 20,000 simulations a cell (500 for the bootstrap; 8 rounds):

====================================  =====  =====  =====  =====
trials                                    3      5     10     20
====================================  =====  =====  =====  =====
here: normal                           95.2   96.0   94.9   95.1
here: Cauchy                           97.8   98.3   94.8   94.8
here: lognormal                        94.0   96.2   94.8   94.8
here: Pareto, index 1.5                93.5   96.4   94.7   95.3
here: two modes, 60:40                 90.6   94.9   94.7   94.8
bootstrap: noise between trials        76.6          95.2   95.0
bootstrap: noise within trials         98.8          99.4   99.8
bootstrap of trials only, normal       75.8          93.8   95.4
====================================  =====  =====  =====  =====

At 99 % and m = 3 (the quick profile): normal 99.1, lognormal 98.3, Pareto 97.9, two modes 60:40 97.0. Where the truth
lies in an empty gap between two modes of equal weight any point of the gap is a median; an interval may then end inside
it, and holds the gap's middle in 76 (m = 3) to 96 % (m = 20) of cases.

Why not scipy: what is needed of it is a t quantile, some twenty lines; the tests check it against scipy, and users are
spared a dependency many times the size of this package.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist, median
from typing import Any, TypeAlias

#: Seconds per operation by trial, then by round. Rounds of lanes measured together share their index; ``None`` or NaN
#: stands for a round that a lane missed, and a lane may have fewer rounds than others.
Samples: TypeAlias = Mapping[Any, Sequence[float | None]]

CONFIDENCE = 0.99  #: of each interval: one identical pair in a hundred may be taken for different
SMALLEST_EFFECT = 0.02  #: less than 2 % is nobody's reason to refactor, and within what code layout alone can do
#: (Mytkowicz, Diwan, Hauswirth & Sweeney, "Producing Wrong Data Without Doing Anything Obviously Wrong", ASPLOS 2009)
ONE_SIGMA = 2 * NormalDist().cdf(1) - 1  #: confidence of an interval of plus or minus one standard error: 68.27 %


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure (seconds, or a ratio) with its interval; NaN with 0 to infinity where there are no samples."""

    value: float
    low: float
    high: float
    n_trials: int  #: trials with at least one usable round
    n_samples: int  #: usable rounds over all trials

    @property
    def half_width(self) -> float:
        """Half the interval, relative: 0.05 is plus or minus 5 %; infinity if nothing is known."""
        return math.sqrt(self.high / self.low) - 1 if self.low > 0 else math.inf

    @property
    def inverse(self) -> Estimate:
        """Of a ratio: the other way round."""
        value, low, high = (1 / x if x else math.inf for x in (self.value, self.high, self.low))
        return Estimate(value, low, high, self.n_trials, self.n_samples)


def estimate(by_trial: Samples, *, confidence: float = CONFIDENCE) -> Estimate:
    """Seconds per operation: the median over trials of the per-trial medians.

    ``ValueError`` for a duration that is zero, negative or infinite: that is a broken clock, not noise.
    """
    rounds = {trial: [x for x in map(_seconds, row) if x is not None] for trial, row in by_trial.items()}
    medians = [median(row) for row in rounds.values() if row]
    low, high = interval([math.log(x) for x in medians], confidence)
    value = median(medians) if medians else math.nan
    # exp(log(x)) may miss x by one unit in the last place
    return Estimate(value, min(_exp(low), value), max(_exp(high), value), len(medians), sum(map(len, rounds.values())))


def ratio(lane: Samples, baseline: Samples, *, confidence: float = CONFIDENCE) -> Estimate:
    """How many times slower than the baseline the lane is: median over trials of medians of paired log-ratios.

    Only rounds that both have count. Swapping lane and baseline inverts it. Errors as :func:`estimate`.
    """
    return _ratio(_paired(lane, baseline), confidence)


def _ratio(pairs: list[list[float]], confidence: float) -> Estimate:
    logs = [median(row) for row in pairs]
    low, high = interval(logs, confidence)
    value = _exp(median(logs)) if logs else math.nan
    return Estimate(value, _exp(low), _exp(high), len(logs), sum(map(len, pairs)))


def log_ratios(lane: Samples, baseline: Samples) -> list[float]:
    """One number a trial that both lanes have: its median of paired log-ratios. What all tests here work on."""
    return [median(row) for row in _paired(lane, baseline)]


def interval(values: Iterable[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of the median of independent ``values`` (one a trial, any sign, any unit; for times: logarithms).

    Everything (minus to plus infinity) for fewer than two values. See the module's text for method and coverage.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence!r}: must lie between 0 and 1")
    return _limits(sorted(values), confidence)


def trials_needed(confidence: float = CONFIDENCE) -> int:
    """The fewest trials from which an interval needs no assumption about the distribution."""
    return math.ceil(1 - math.log2(1 - confidence))


def replicates(values: Iterable[float], count: int, *, seed: int) -> list[float]:
    """``count`` (even) plausible medians, for figures computed from several: their quantiles are :func:`interval`.

    This is the confidence distribution (Xie & Singh, International Statistical Review 81, 2013, 3-39), sampled evenly
    and shuffled by ``seed``: where a bootstrap of few trials is too narrow, this is not. Use different seeds for
    independent figures. ``ValueError`` for fewer than two values, of which nothing is known, and for an odd ``count``.
    """
    ordered = sorted(values)
    if len(ordered) < 2:
        raise ValueError("replicates need at least two trials")
    if count < 2 or count % 2:
        raise ValueError(f"count {count}: must be even and positive")
    half = count // 2
    drawn = [limit for step in range(half) for limit in _limits(ordered, (step + 0.5) / half)]
    random.Random(seed).shuffle(drawn)
    return drawn


# -- the machine's own error -------------------------------------------------------------------------------------------


def aa_error(baseline: Samples, baseline_bis: Samples) -> float:
    """This experiment's own A/A error, relative: 0.01 is 1 %. Infinite for fewer than two trials.

    The larger of what the ratio of two identical lanes came out as, and its standard error (half its 68 % interval).
    The first alone may be near 0 by luck: another identical pair would exceed three times it in one case of five. A
    half 99 % interval instead would at three trials be ten standard errors, and quick runs could never tell anything.
    """
    logs = log_ratios(baseline_bis, baseline)
    return math.expm1(max(abs(median(logs)), standard_error(logs))) if len(logs) > 1 else math.inf


def standard_error(values: Iterable[float]) -> float:
    """Of the median of independent values: half the 68 % interval. Infinite for fewer than two values."""
    low, high = interval(values, ONE_SIGMA)
    return (high - low) / 2


# -- the numbers beneath -----------------------------------------------------------------------------------------------


def _seconds(sample: float | None) -> float | None:
    """A sample as a float; None if missing."""
    if sample is None or math.isnan(sample):
        return None
    if not 0 < sample < math.inf:
        raise ValueError(f"a sample of {sample!r} s: durations must be positive and finite")
    return float(sample)


def _paired(lane: Samples, baseline: Samples) -> list[list[float]]:
    """Log-ratios by trial and round, of the trials and rounds that both lanes have."""
    rows = []
    for trial, mine in lane.items():
        # a difference of logarithms, not the logarithm of a quotient: swapping the lanes then changes the sign alone
        row = [
            math.log(a) - math.log(b)
            for x, y in zip(mine, baseline.get(trial, ()), strict=False)
            if (a := _seconds(x)) is not None and (b := _seconds(y)) is not None
        ]
        if row:
            rows.append(row)
    return rows


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _limits(ordered: list[float], confidence: float) -> tuple[float, float]:
    """The interval of the median of sorted values; everything for fewer than two."""
    count = len(ordered)
    if count < 2:
        return -math.inf, math.inf
    coverages = _coverages(count)
    if confidence > coverages[0]:
        mean, error = _mean_error(ordered)
        reach = _t_quantile(confidence, count - 1) * error
        return min(ordered[0], mean - reach), max(ordered[-1], mean + reach)
    depth = sum(c >= confidence for c in coverages)  # the 1-based rank from either end of the outer order statistic
    outer = coverages[depth - 1]
    inner = coverages[depth] if depth < len(coverages) else 0.0
    share = (outer - confidence) / (outer - inner)
    weight = (count - depth) * share / (depth + (count - 2 * depth) * share)
    inside = (ordered[depth], ordered[-1 - depth]) if 2 * depth < count else (median(ordered),) * 2
    # from the outer end, so that equal order statistics give just that number
    low, high = ordered[depth - 1], ordered[-depth]
    return low + weight * (inside[0] - low), high + weight * (inside[1] - high)


@lru_cache(maxsize=256)
def _coverages(count: int) -> tuple[float, ...]:
    """How often the d-th smallest and d-th largest of ``count`` values enclose the median: d = 1 ... count // 2."""
    inside, ways = [], 0
    for depth in range(count // 2):
        ways += math.comb(count, depth)
        inside.append(1 - 2 * ways / (1 << count))
    return tuple(inside)


def _mean_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean and its standard error, exactly rounded sums: equal values have no error at all."""
    count = len(values)
    first = values[0]
    shift = math.fsum(x - first for x in values) / count
    squares = math.fsum((x - first - shift) ** 2 for x in values)
    return first + shift, math.sqrt(squares / (count - 1) / count)


def _t_central(t: float, freedom: int) -> float:
    """P(abs(T) < t) of Student's t, whole degrees of freedom: Abramowitz & Stegun 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = 0.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine * cosine * k / (k + 1)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


@lru_cache(maxsize=4096)
def _t_quantile(central: float, freedom: int) -> float:
    """The t with P(abs(T) < t) = ``central``, by bisection on the angle atan(t / sqrt(freedom))."""
    low, high = 0.0, math.pi / 2
    root = math.sqrt(freedom)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_central(math.tan(middle) * root, freedom) < central else (low, middle)
    return math.tan((low + high) / 2) * root
