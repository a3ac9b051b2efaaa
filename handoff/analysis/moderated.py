"""Few trials of very many lanes: how far a comparison may be off, learned from all comparisons of its kind.

A quick run has three to ten numbers for each of hundreds of pairs of lanes. So few say little of a pair's own scatter;
all pairs together say much. Smyth ("Linear models and empirical Bayes methods for assessing differential expression in
microarray experiments", Statistical Applications in Genetics and Molecular Biology 3, 2004) met this with genes: he
takes each gene's variance as drawn from a law whose two numbers all genes tell, and combines what the gene says with
what the law says. This is that, with two differences that the records here asked for:

* **The errors are Student's, not normal.** From trial to trial most numbers of a pair stay within some 7 to 13 %
  (median robust standard deviation of 1,032 pairs), and one in 25 is off by a factor of two for a whole trial; on a
  machine under load one in ten (its worker was on another core, or laid out otherwise in memory). A normal law has to
  call that a large variance, 0.15 to 0.41; Smyth's estimator then sees variances of all sizes (prior degrees of
  freedom: 1.1 to 1.3) and has almost nothing to give. Student's law (Box & Tiao, "A further look at robustness via
  Bayes's theorem", Biometrika 49, 1962; Lange, Little & Taylor, "Robust statistical modeling using the t distribution",
  JASA 84, 1989) says what is seen: a narrow core, and strays. How heavy its tails are is learned too (of those pairs:
  1.5 to 2 degrees of freedom); without strays it is all but the normal law.
* **What is expected of a pair follows its rounds**, of which there are many: the noise within trials is a covariate of
  the scale (a trend; Phipson, Lee, Majewski, Alexander & Smyth, "Robust hyperparameter estimation protects against
  hypervariable genes", Annals of Applied Statistics 10, 2016, have the mean expression for it). A lane that scatters
  more than others is known by its own rounds, and by the wide upper tail of a lognormal law of scales.

Each pair then has a posterior distribution of its true log-ratio; an interval is its quantiles. The run's own A/A pairs
(``baseline-bis`` against the baseline, whose true ratio is 1) check the law: where they are off by more than it
predicts, all scales are raised; they are never lowered. From :data:`MANY` trials on, intervals are distribution-free
(:func:`handoff.analysis.stats.interval`), which by then costs nothing: of 16 tables at 20 trials 54 % were decided at
1.05 by these, and 58 % by the law.

Share of 99 % intervals that hold the truth, from 700 to 1,000 pairs a cell (so within 0.4), 5 or 6 rounds, scales of
lanes spread by a factor of two either way:

==================================  =====  =====  =====  =====
trials                                  2      3      5      8
==================================  =====  =====  =====  =====
normal                               99.6   99.1   99.6   99.4
lognormal                                   99.1
strays: 8 %, by 15 times the scale   99.3   99.1   99.7   99.4
Cauchy                               99.7   99.2   99.4   99.1
two modes, 60:40                     98.4   99.2   97.9   99.1
Pareto, index 1.5                           99.4
==================================  =====  =====  =====  =====

Of real trials, drawn from 40 of each of 32 tables (a two-core machine at load 4 to 9; truth: the median of all 40),
99.5 to 99.97 % of intervals that are to be good for a whole table at once were.

Needs numpy, imported where it is used: this runs where a run is planned and read, never in a worker that is measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean, median
from typing import TYPE_CHECKING, Any, TypeAlias

from handoff.analysis.stats import Samples, _paired, interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

MANY = 20  #: trials from which intervals assume no distribution
TAILS = (1.0, 1.5, 2.0, 3.0, 5.0, 30.0)  #: Student's degrees of freedom that are tried; 30 is all but normal
#: What is believed before anything is seen, with the weight of so many pairs: what the same records told.
PRIOR_PAIRS, PRIOR_TAILS, PRIOR_SLOPE, PRIOR_SPREAD = 10, 2.0, 0.5, 0.8
MOST_PAIRS = 300  #: that a law is learned from, evenly spread over those there are: more teach hardly more
PRIOR_AA = 10  #: A/A pairs' worth of belief that the law is right: one stray pair of a short run proves nothing


@dataclass(frozen=True, slots=True)
class LanePair:
    """One lane against another, in the same rounds."""

    numbers: tuple[float, ...]  #: one a trial: the median of its paired log-ratios
    within: float = math.nan  #: standard error that noise within a trial gives such a number; NaN: one round a trial
    rounds: float = 1.0  #: a trial, on average


@dataclass(frozen=True, slots=True)
class Law:
    """How the numbers of a kind's pairs scatter about their truth, from trial to trial.

    The error of a number is ``scale`` times Student's t with ``tails`` degrees of freedom; a pair's log(scale) is
    normal with standard deviation ``spread`` about ``level + slope * log(within)``.
    """

    tails: float
    level: float
    slope: float
    spread: float
    usual: float  #: the typical log(within), taken where a pair has none
    pairs: int = 0  #: it was learned from
    aa: int = 0  #: A/A pairs that checked it
    inflation: float = 1.0  #: factor of all scales that these asked for, at least 1

    def centre(self, within: float) -> float:
        """The expected log(scale) of a pair."""
        known = math.log(within) if 0 < within < math.inf else self.usual
        return self.level + self.slope * known + math.log(self.inflation)


def pair(lane: Samples, other: Samples) -> LanePair:
    """What the rounds that both have tell of ``lane`` against ``other``: positive numbers where the lane is slower."""
    return of_rows(_paired(lane, other))


def of_rows(rows: Sequence[Sequence[float]]) -> LanePair:
    """The same of log-ratios by trial, then by round.

    The noise within trials is taken from the median absolute deviation, so that one disturbed round in ten counts for
    nothing, as it does in a median; each trial's own median, which deviates by nothing, is left out.
    """
    middles = [median(row) for row in rows]
    apart = [abs(x - at) for row, at in zip(rows, middles, strict=True) for x in row if x != at]
    each = 1.4826 * median(apart) if apart else math.nan  # 1.4826: to a normal law's standard deviation
    rounds = fmean(map(len, rows)) if rows else 1.0
    # pi / 2: the variance of a normal sample's median against that of its mean
    return LanePair(tuple(middles), each * math.sqrt(math.pi / 2 / rounds), rounds)


# -- learning ----------------------------------------------------------------------------------------------------------


def learn(pairs: Iterable[LanePair], same: Iterable[LanePair] = ()) -> Law:
    """The law of a kind, from its pairs (each lane of each table against that table's baseline).

    ``same`` are its A/A pairs, the second copies of the baseline. Empirical Bayes: what is most likely to have led to
    all these numbers, each pair's own truth integrated out, by expectation and maximisation (Dempster, Laird & Rubin,
    JRSS B 39, 1977) over scales on a grid. Where there are few pairs, what other records told
    (:data:`PRIOR_PAIRS`) counts for as much as they do.
    """
    known = [each for each in pairs if len(each.numbers) > 1]
    noises = [math.log(each.within) for each in known if 0 < each.within < math.inf]
    usual = median(noises) if noises else math.log(0.1)
    if not known:
        return Law(PRIOR_TAILS, usual * (1 - PRIOR_SLOPE), PRIOR_SLOPE, PRIOR_SPREAD, usual)
    law = _likeliest(known[:: math.ceil(len(known) / MOST_PAIRS)], usual)
    return _checked(law, [each for each in same if len(each.numbers) > 1])


def _likeliest(pairs: Sequence[LanePair], usual: float) -> Law:
    """The best of all tails, looked for from the usual ones on, in the direction that gains."""
    found = {PRIOR_TAILS: _fitted(pairs, PRIOR_TAILS, usual)}
    start = TAILS.index(PRIOR_TAILS)
    for ahead in (TAILS[start + 1 :], TAILS[start - 1 :: -1]):
        best = found[PRIOR_TAILS][0]
        for tails in ahead:
            found[tails] = _fitted(pairs, tails, usual)
            if found[tails][0] < best:
                break
            best = found[tails][0]
    return max(found.values(), key=lambda each: each[0])[1]


def _fitted(pairs: Sequence[LanePair], tails: float, usual: float) -> tuple[float, Law]:
    """The best law with these tails, and how likely it is."""
    import numpy as np

    numbers = _table(pairs)
    scales = np.linspace(math.log(0.001), math.log(4.0), 34)
    spans = np.maximum(np.nanmax(numbers, 1) - np.nanmin(numbers, 1), 1e-4)
    at = _places(numbers, spans / 4)
    seen = _log_likelihood(numbers, at, np.broadcast_to(scales, (len(pairs), len(scales))), tails)
    top = seen.max(axis=(1, 2), keepdims=True)
    steps = np.diff(at, axis=1, append=at[:, -1:])[:, :, None]  # the last one is nothing, and far out
    told = np.log(np.maximum((np.exp(seen - top) * steps).sum(axis=1), 1e-300)) + top[:, 0]
    noise = np.array([math.log(p.within) if 0 < p.within < math.inf else usual for p in pairs]) - usual
    middle, slope, spread = float(np.median(np.log(spans))) - 1.0, PRIOR_SLOPE, PRIOR_SPREAD
    for _ in range(60):
        prior = -0.5 * ((scales - (middle + slope * noise)[:, None]) / spread) ** 2
        prior -= np.log(np.exp(prior).sum(axis=1, keepdims=True))
        joint = told + prior
        peak = joint.max(axis=1, keepdims=True)
        weights = np.exp(joint - peak)
        total = weights.sum(axis=1, keepdims=True)
        weights /= total
        mean = weights @ scales
        middle = float(np.mean(mean - slope * noise))
        strength = PRIOR_PAIRS / 4  # the believed slope counts as PRIOR_PAIRS pairs whose noises spread by half an e
        slope = float((noise @ (mean - middle) + strength * PRIOR_SLOPE) / (noise @ noise + strength))
        squares = float((weights * (scales - (middle + slope * noise)[:, None]) ** 2).sum())
        spread = math.sqrt((squares + PRIOR_PAIRS * PRIOR_SPREAD**2) / (len(pairs) + PRIOR_PAIRS))
    evidence = float((np.log(total) + peak).sum()) - 0.5 * (math.log(tails / PRIOR_TAILS) / 0.7) ** 2
    return evidence, Law(tails, middle - slope * usual, slope, spread, usual, pairs=len(pairs))


def _checked(law: Law, same: Sequence[LanePair]) -> Law:
    """With scales raised as far as the A/A pairs ask for: by the root of the mean square of what they are off."""
    if not same:
        return law
    normal = NormalDist()
    off = [normal.inv_cdf(min(max(p, 1e-9), 1 - 1e-9)) for p in _below_zero(same, law)]
    square = (PRIOR_AA + math.fsum(x * x for x in off)) / (PRIOR_AA + len(off))
    return replace(law, aa=len(off), inflation=max(1.0, math.sqrt(square)))


# -- intervals ---------------------------------------------------------------------------------------------------------


def limits(pairs: Sequence[LanePair], law: Law, error: float) -> list[tuple[float, float]]:
    """For each pair the log-ratios that its truth is below, and above, with probability ``error`` each.

    Everything for a pair of less than two trials.
    """
    found = [interval(each.numbers, 1 - 2 * error) if len(each.numbers) >= MANY else _NOTHING for each in pairs]
    few = [index for index, each in enumerate(pairs) if 1 < len(each.numbers) < MANY]
    if few:
        at, below = _posterior([pairs[index] for index in few], law)
        for index, places, shares in zip(few, at, below, strict=True):
            found[index] = _quantile(error, places, shares), _quantile(1 - error, places, shares)
    return found


_NOTHING = (-math.inf, math.inf)


def best_rounds(pairs: Iterable[LanePair], *, trial_s: float, round_s: float) -> int:
    """How many rounds a trial should have, where starting one costs ``trial_s`` and each round ``round_s``.

    Kalibera & Jones ("Rigorous Benchmarking in Reasonable Time", ISMM 2013, section 5): the root of cost times variance
    above, over cost times variance below. The variances are those of the typical pair, robust as everywhere here,
    and right to a third; the optimum is flat. 1 where there is no pair of three trials and two rounds.
    """
    known = [each for each in pairs if len(each.numbers) > 2 and each.within > 0]
    if not known:
        return 1
    within = median(each.within**2 * each.rounds for each in known)
    between = median(_spread(each.numbers) ** 2 - each.within**2 for each in known)
    least = (
        0.05 * within / median(each.rounds for each in known)
    )  # rounds that explain everything: do not go on for ever
    return max(1, round(math.sqrt(trial_s / round_s * within / max(between, least))))


def _spread(numbers: Sequence[float]) -> float:
    middle = median(numbers)
    return 1.4826 * median(abs(x - middle) for x in numbers)


def _below_zero(pairs: Sequence[LanePair], law: Law) -> list[float]:
    """The probability of each pair's truth lying below 0."""
    import numpy as np

    return [float(np.interp(0.0, at, below)) for at, below in zip(*_posterior(pairs, law), strict=True)]


def _quantile(share: float, at: Any, below: Any) -> float:
    import numpy as np

    return float(np.interp(share, below, at))


def _posterior(pairs: Sequence[LanePair], law: Law) -> tuple[Floats, Floats]:
    """Places of the log-ratio, and the probability of each pair's truth lying below them: pairs by places."""
    import numpy as np

    numbers = _table(pairs)
    centre = np.array([law.centre(each.within) for each in pairs])
    nodes = np.arange(-3.0, 4.6, 0.4)  # more of the wide side: a lane may be wilder than any that taught the law
    scales = centre[:, None] + law.spread * nodes
    at = _places(numbers, np.exp(centre))
    seen = _log_likelihood(numbers, at, scales, law.tails) - 0.5 * nodes**2
    density = np.exp(seen - seen.max(axis=(1, 2), keepdims=True)).sum(axis=2)
    steps = (density[:, 1:] + density[:, :-1]) / 2 * np.diff(at, axis=1)
    below = np.concatenate([np.zeros((len(pairs), 1)), np.cumsum(steps, axis=1)], axis=1)
    return at, below / below[:, -1:]


def _places(numbers: Floats, unit: Floats) -> Floats:
    """Where to look at a pair's likelihood: close about each number (of the first eight), and far out.

    ``unit`` is about how wide the pair's numbers lie; beyond 200 of it there is nothing to see.
    """
    import numpy as np

    middle = np.nanmedian(numbers, axis=1)
    near = np.where(np.isnan(numbers[:, :8]), middle[:, None], numbers[:, :8])
    close = near[:, :, None] + unit[:, None, None] * np.sinh(np.linspace(-2.2, 2.2, 9)) / 2
    far = middle[:, None] + unit[:, None] * np.sinh(np.linspace(-6, 6, 41))
    return np.sort(np.concatenate([close.reshape(len(numbers), -1), far], axis=1), axis=1)


def _log_likelihood(numbers: Floats, at: Floats, scales: Floats, tails: float) -> Floats:
    """Of every pair's numbers, did the truth lie ``at`` and were the log(scale) so: pairs by places by scales."""
    import numpy as np

    constant = math.lgamma((tails + 1) / 2) - math.lgamma(tails / 2) - 0.5 * math.log(tails * math.pi)
    inverse = np.exp(-2 * scales)[:, None, :] / tails
    total = np.zeros((*at.shape, scales.shape[1]))
    for column in numbers.T:
        there = ~np.isnan(column)
        apart = np.where(there, column, 0.0)[:, None] - at
        each = constant - scales[:, None, :] - (tails + 1) / 2 * np.log1p((apart**2)[:, :, None] * inverse)
        total += np.where(there[:, None, None], each, 0.0)
    return total


def _table(pairs: Sequence[LanePair]) -> Floats:
    """Numbers as an array, pairs by trials, NaN where a pair has fewer."""
    import numpy as np

    table = np.full((len(pairs), max(len(each.numbers) for each in pairs)), np.nan)
    for row, each in zip(table, pairs, strict=True):
        row[: len(each.numbers)] = each.numbers
    return table
