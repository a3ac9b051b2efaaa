"""Shares with exact bounds, and asv's way of telling two results apart. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


def exact_interval(count: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a share; it holds the truth at least that often. Clopper & Pearson, Biometrika 26, 1934, 404."""
    if not 0 <= count <= of:
        raise ValueError(f"{count} of {of}: not a share")
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else _solve(lambda p: 1 - _at_most(count - 1, of, p) > tail)
    high = 1.0 if count == of else _solve(lambda p: _at_most(count, of, p) < tail)
    return low, high


def _solve(beyond: Callable[[float], bool]) -> float:
    """Where a condition on p in 0 ... 1 becomes true, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return (low + high) / 2


def _at_most(count: int, of: int, p: float) -> float:
    """P(X <= count) of the binomial distribution, 0 < p < 1."""
    log_p, log_q, whole = math.log(p), math.log1p(-p), math.lgamma(of + 1)
    return math.fsum(
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(of - k + 1) + k * log_p + (of - k) * log_q)
        for k in range(count + 1)
    )


#: Samples from which asv's interval needs no assumption (fewer: a posterior of Laplace-distributed noise).
ASV_SAMPLES = 9


def asv_interval(samples: Sequence[float]) -> tuple[float, float]:
    """The 99 % interval that asv stores with a result: ``asv_runner.statistics.quantile_ci`` (0.3.2) of the median.

    For at least ``ASV_SAMPLES`` samples; ``ValueError`` for fewer.
    """
    if len(samples) < ASV_SAMPLES:
        raise ValueError(f"{len(samples)} samples: asv's interval is another one below {ASV_SAMPLES}")
    ordered, total = sorted(samples), 0.0
    low, high = -math.inf, math.inf
    for k, value in enumerate(ordered):
        total += math.comb(len(ordered), k) / (1 << len(ordered))
        if total <= 0.005:
            low = value
        if total >= 0.995:
            high = value
            break
    return low, high


def asv_differ(mine: Sequence[float], other: Sequence[float]) -> bool:
    """Whether ``asv compare`` calls two results different: their intervals do not overlap.

    That is ``asv._stats.is_different`` (0.6.6) as ``asv run`` leaves results by default, without samples.
    """
    (low, high), (other_low, other_high) = asv_interval(mine), asv_interval(other)
    return high < other_low or low > other_high
