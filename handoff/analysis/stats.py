"""Statistics and verdicts: from seconds per operation to "different", "tie" or "inconclusive". Pure, and plain Python.

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

Why not scipy: what is needed of it is a t quantile and the signed-rank distribution, some forty lines; the tests check
them against scipy, and users are spared a dependency many times the size of this package.

Stopping early: the rule (:func:`enough`) looks only at the *width* of intervals, never at a ratio or a verdict, and
not before 8 trials. Stopping on significance would make every A/A pair differ sooner or later (Armitage, McPherson &
Rowe, JRSS A 132, 1969); stopping on width is nearly harmless because a median and its interval's width are all but
independent (Chow & Robbins, Annals of Mathematical Statistics 36, 1965, 457-462). What is left: an interval that was
narrow by luck stops sooner. Simulated, looking after each of 8 to 20 trials, the worst target: a 95 % interval holds
the truth in 93 %, a 99 % one in 98.4 %.

What follows for verdicts, simulated with drift of 30 % between trials: at most 2 of 1,000 identical pairs were called
different at m = 3, 10 and 20, normal and heavy-tailed. A slowdown of 5 % was found at m = 20 in 98 to 100 % of cases
where trials' ratios spread by up to 2 % (standard deviation), in 70 % where by 4 %; and a factor of 2 at m = 3 in
98 to 100 % where by up to 6 %. :func:`minimum_detectable_effect` says what the data at hand can find.
"""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from statistics import NormalDist, median
from typing import Any, TypeAlias, TypeVar

#: Seconds per operation by trial, then by round. Rounds of lanes measured together share their index; ``None`` or NaN
#: stands for a round that a lane missed, and a lane may have fewer rounds than others.
Samples: TypeAlias = Mapping[Any, Sequence[float | None]]

CONFIDENCE = 0.99  #: of each interval: one identical pair in a hundred may be taken for different
PAGE_ERROR = 0.05  #: chance that a page calls any identical pair different, whatever its number of rows (:func:`holm`)
SMALLEST_EFFECT = 0.02  #: less than 2 % is nobody's reason to refactor, and within what code layout alone can do
#: (Mytkowicz, Diwan, Hauswirth & Sweeney, "Producing Wrong Data Without Doing Anything Obviously Wrong", ASPLOS 2009)
AA_FACTOR = 3.0  #: an effect must exceed three standard errors of the experiment's own A/A test
TIE_LIMIT = 0.10  #: a tie promises, at the interval's confidence, to be within 10 %
ONE_SIGMA = 2 * NormalDist().cdf(1) - 1  #: confidence of an interval of plus or minus one standard error: 68.27 %

Key = TypeVar("Key", bound=Hashable)


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


def compared(lane: Samples, baseline: Samples) -> tuple[Estimate, float]:
    """:func:`ratio` with the :func:`p_value` of the same pairs."""
    pairs = _paired(lane, baseline)
    return _ratio(pairs, CONFIDENCE), p_value([median(row) for row in pairs])


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


# -- verdicts ----------------------------------------------------------------------------------------------------------


class LaneVerdict(StrEnum):
    """What can be said of two lanes."""

    DIFFERENT = "different"  #: the interval excludes 1 and the effect exceeds the threshold
    TIE = "tie"  #: not different, and the whole interval is within ``TIE_LIMIT``
    INCONCLUSIVE = "inconclusive"  #: neither: too noisy, or too few trials


def aa_error(baseline: Samples, baseline_bis: Samples) -> float:
    """This experiment's own A/A error, relative: 0.01 is 1 %. Infinite for fewer than two trials.

    The larger of what the ratio of two identical lanes came out as, and its standard error (half its 68 % interval).
    The first alone may be near 0 by luck: another identical pair would exceed three times it in one case of five. A
    half 99 % interval instead would at three trials be ten standard errors, and quick runs could never tell anything.
    """
    logs = log_ratios(baseline_bis, baseline)
    return math.expm1(max(abs(median(logs)), standard_error(logs))) if len(logs) > 1 else math.inf


def threshold(aa: float) -> float:
    """The relative effect that counts, for an A/A error: 0.02 is 2 %."""
    return max(SMALLEST_EFFECT, AA_FACTOR * aa)


def verdict(figure: Estimate, aa: float, *, significant: bool = True) -> LaneVerdict:
    """Different only if the interval excludes 1 **and** the effect exceeds :func:`threshold` (and is ``significant``).

    ``figure`` is a :func:`ratio`, ``aa`` the :func:`aa_error` of the experiment,
    ``significant`` whether the page's :func:`holm` left it standing.
    An effect is as large upwards as downwards: x1.02 and x1/1.02 are both 2 %. Not different is a tie only if the
    whole interval is within 10 % (an equivalence test: Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15, 1987).
    """
    excluded = figure.low > 1 or figure.high < 1
    if excluded and significant and max(figure.value, 1 / figure.value) - 1 > threshold(aa):
        return LaneVerdict.DIFFERENT
    if figure.low * (1 + TIE_LIMIT) >= 1 and figure.high <= 1 + TIE_LIMIT:
        return LaneVerdict.TIE
    return LaneVerdict.INCONCLUSIVE


@dataclass(frozen=True, slots=True)
class Member:
    """One lane of a tie tier."""

    lane: str
    ratio: Estimate  #: to the tier's best
    verdict: LaneVerdict  #: against the tier's best: ``TIE`` or ``INCONCLUSIVE``, never ``DIFFERENT``


def tiers(lanes: Mapping[str, Samples], aa: float, *, confidence: float = CONFIDENCE) -> tuple[tuple[Member, ...], ...]:
    """Ordered tie tiers, the fastest first; in each the best leads and the rest follow by their ratio to it.

    "Not different" is not transitive: A may tie with B, and B with C, but not A with C. So each lane is compared, in
    paired rounds, with the *best* of a tier alone, and belongs to the first tier from whose best it is not different;
    Holm's correction is over these comparisons. Best is the lane whose upper limit (of its ratio to the lane with most
    samples) is the lowest: the one that is most surely fast, so that a lane with one lucky trial leads nothing. Should
    some lane be different from it and faster, that one leads. A noisy lane in a tier is marked ``INCONCLUSIVE``, and
    may well have a larger ratio than the next tier's best. The order of ``lanes`` does not matter: names break ties.
    """
    return tuple(_tiers(lanes, aa, confidence))


def first_tier(lanes: Mapping[str, Samples], aa: float, *, confidence: float = CONFIDENCE) -> tuple[Member, ...]:
    """The first of :func:`tiers` alone, which takes a fraction of the time; empty where there are no lanes."""
    return next(_tiers(lanes, aa, confidence), ())


def _tiers(lanes: Mapping[str, Samples], aa: float, confidence: float) -> Iterator[tuple[Member, ...]]:
    counts = {name: sum(_seconds(x) is not None for row in lanes[name].values() for x in row) for name in sorted(lanes)}
    if not counts:
        return
    reference = lanes[max(counts, key=lambda name: counts[name])]
    against = {name: ratio(lanes[name], reference, confidence=confidence) for name in counts}
    left = sorted(counts, key=lambda name: (against[name].high, _order(against[name].value), name))
    while left:
        best, seen = left[0], set[str]()
        while True:
            seen.add(best)
            members = _against(best, left, lanes, aa, confidence)
            faster = [m.lane for m in members if _different(m) and m.ratio.value < 1 and m.lane not in seen]
            if not faster:
                break
            best = faster[0]
        tier = tuple(m for m in members if not (_different(m) and m.ratio.value > 1))
        yield tier
        taken = {m.lane for m in tier}
        left = [name for name in left if name not in taken]


def _against(best: str, names: list[str], lanes: Mapping[str, Samples], aa: float, confidence: float) -> list[Member]:
    """The best and then all others by their ratio to it, each with its corrected verdict."""
    paired = {name: _paired(lanes[name], lanes[best]) for name in names if name != best}
    alive = holm({name: p_value([median(row) for row in pairs]) for name, pairs in paired.items()})
    members = []
    for name, pairs in paired.items():
        estimated = _ratio(pairs, confidence)
        members.append(Member(name, estimated, verdict(estimated, aa, significant=alive[name] <= PAGE_ERROR)))
    members.sort(key=lambda m: (_order(m.ratio.value), m.lane))
    itself = ratio(lanes[best], lanes[best], confidence=confidence)
    same = Estimate(1.0, 1.0, 1.0, itself.n_trials, itself.n_samples)
    return [Member(best, same, LaneVerdict.TIE), *members]


def _different(member: Member) -> bool:
    return member.verdict is LaneVerdict.DIFFERENT


def _order(value: float) -> float:
    return math.inf if math.isnan(value) else value


# -- tests, power, stopping --------------------------------------------------------------------------------------------


def p_value(values: Sequence[float]) -> float:
    """Two-sided p of "the median is 0": the interval of confidence 1 - p just reaches 0. 1 for less than two values."""
    count = len(values)
    if count < 2:
        return 1.0
    ordered = sorted(values)
    if ordered[0] > 0 or ordered[-1] < 0:
        mean, error = _mean_error(ordered)
        beyond = 1 - _t_central(abs(mean) / error, count - 1) if error else 0.0
        return min(math.ldexp(1.0, 1 - count), max(beyond, 0.0))
    inside, outside = 1.0, 0.0  # confidences whose intervals hold 0, and don't
    for _ in range(50):
        middle = (inside + outside) / 2
        low, high = _limits(ordered, middle)
        inside, outside = (middle, outside) if low <= 0 <= high else (inside, middle)
    return 1 - outside


def wilcoxon(values: Iterable[float]) -> float:
    """Exact two-sided p of Wilcoxon's signed-rank test, a cross-check of :func:`p_value`; zeros are left out.

    It asks for symmetry as well as a median of 0, and so finds more in tame noise and is fooled by skewed noise. Equal
    magnitudes share their mean rank. The distribution over all 2**n signs is counted, never approximated (n up to some
    hundreds). Wilcoxon, Biometrics Bulletin 1, 1945, 80-83. Fewer than 8 values never reach 1 %.
    """
    kept = sorted((x for x in values if x), key=abs)
    if not kept:
        return 1.0
    sizes = [abs(x) for x in kept]
    below = {size: sizes.index(size) for size in set(sizes)}
    doubled = [2 * below[size] + sizes.count(size) + 1 for size in sizes]  # twice the mean rank, an integer
    ways = [1] + [0] * sum(doubled)
    reach = 0
    for rank in doubled:
        for total in range(reach, -1, -1):
            ways[total + rank] += ways[total]
        reach += rank
    positive = sum(rank for rank, x in zip(doubled, kept, strict=True) if x > 0)
    tail = sum(ways[: min(positive, reach - positive) + 1])
    return min(1.0, 2 * tail / (1 << len(kept)))


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """p values corrected for being many: those up to ``PAGE_ERROR`` stand.

    Holm (Scandinavian Journal of Statistics 6, 1979, 65-70): the chance of *any* false finding on the page stays below
    the limit, however the comparisons depend on each other, and here all share a baseline. Benjamini and Hochberg's
    false discovery rate would allow some false rows on a page with many true ones; true differences here are mostly so
    large that the stricter promise costs little.
    """
    corrected: dict[Key, float] = {}
    worst = 0.0
    ordered = sorted(p_values, key=lambda key: p_values[key])
    for index, key in enumerate(ordered):
        worst = max(worst, min(1.0, (len(ordered) - index) * p_values[key]))
        corrected[key] = worst
    return {key: corrected[key] for key in p_values}


def standard_error(values: Iterable[float]) -> float:
    """Of the median of independent values: half the 68 % interval. Infinite for fewer than two values."""
    low, high = interval(values, ONE_SIGMA)
    return (high - low) / 2


def minimum_detectable_effect(
    values: Sequence[float],
    *,
    n_trials: int | None = None,
    aa: float | None = None,
    confidence: float = CONFIDENCE,
    power: float = 0.9,
) -> float:
    """The smallest relative slowdown that :func:`verdict` finds with this ``power``; infinite for less than two trials.

    ``values`` are the :func:`log_ratios` of a pair with the spread in question, best of the A/A pair; ``n_trials`` the
    trials to plan for (default: as many as ``values``); ``aa`` the experiment's :func:`aa_error` (default: not known
    yet, two standard errors). An effect has to clear the wider of interval and threshold, both of which are themselves
    estimates, by the power's normal quantile of their joint error. A rule of thumb: simulated, normal and heavy-tailed,
    m = 3 to 20, it is found in 88 to 95 % of the experiments it was computed from, and in 86 to 94 % of fresh ones.
    """
    count = len(values) if n_trials is None else n_trials
    if len(values) < 2 or count < 2:
        return math.inf
    scale = math.sqrt(len(values) / count)
    error = standard_error(values) * scale
    quantile = _t_quantile(confidence, count - 1)
    low, high = interval(values, confidence)
    half_width = (high - low) / 2 * scale * quantile / _t_quantile(confidence, len(values) - 1)
    least = math.log1p(threshold(math.expm1(2 * error) if aa is None else aa))
    hurdle = max(half_width, quantile * error, least)
    return math.expm1(hurdle + NormalDist().inv_cdf(power) * math.hypot(error, hurdle / math.sqrt(count - 1)))


def enough(estimates: Iterable[Estimate], target: float, *, minimum: int = 8) -> bool:
    """Whether more trials are needless: every interval is within plus or minus ``target`` (0.02: 2 %).

    Never before ``minimum`` trials, and never by looking at what the ratios are: see the module's text on stopping
    early. Record whether an experiment ended by this or by its budget.
    """
    return all(e.n_trials >= minimum and e.half_width <= target for e in estimates)


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
