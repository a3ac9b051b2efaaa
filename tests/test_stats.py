"""Statistics on made data whose answer is known, and properties that must hold for any data."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from handoff.analysis import stats
from handoff.selftesting import _frame

Floats: TypeAlias = NDArray[np.float64]
Lane: TypeAlias = dict[int, list[float | None]]

# Deterministic, and no deadline: a busy machine is no reason to fail.
properties = settings(derandomize=True, deadline=None, max_examples=60)

seconds = st.floats(1e-9, 1e3)
numbers = st.floats(-20, 20)
lanes = st.dictionaries(st.integers(0, 30), st.lists(seconds | st.none() | st.just(math.nan), max_size=6), max_size=9)
full_lanes = st.dictionaries(st.integers(0, 30), st.lists(seconds, min_size=1, max_size=5), min_size=2, max_size=9)


def lane(table: Floats) -> Lane:
    """Trials by rounds, as a mapping."""
    return {trial: list(row) for trial, row in enumerate(table.tolist())}


def experiment(
    rng: np.random.Generator,
    *effects: float,
    trials: int = 20,
    rounds: int = 8,
    between: float = 0.01,
    within: float = 0.02,
) -> list[Lane]:
    """Lanes that share violent drift (30 % between trials, 10 % between rounds) and have some noise of their own."""
    drift = 0.3 * rng.normal(size=(trials, 1)) + 0.1 * rng.normal(size=(trials, rounds))
    return [
        lane(
            1e-3
            * effect
            * np.exp(drift + between * rng.normal(size=(trials, 1)) + within * rng.normal(size=(trials, rounds)))
        )
        for effect in effects
    ]


# -- estimates ---------------------------------------------------------------------------------------------------------


def test_estimate_is_the_median_of_medians() -> None:
    got = stats.estimate({0: [1.0, 3.0, 2.0], 1: [5.0, None], 2: [4.0, math.nan, 4.0], 3: [], 4: [None]})
    assert (got.value, got.n_trials, got.n_samples) == (4.0, 3, 6)
    # three trials: never narrower than their range
    assert got.low < 2.0
    assert got.high > 5.0


def test_no_interval_from_less_than_two_trials() -> None:
    got = stats.estimate({7: [1.0, 1.1, 0.9, 1.0]})
    assert (got.value, got.low, got.high, got.n_trials) == (1.0, 0.0, math.inf, 1)
    assert got.half_width == math.inf
    empty = stats.ratio({0: [1.0, None]}, {0: [None, 2.0], 1: [1.0]})
    assert math.isnan(empty.value)
    assert (empty.low, empty.high, empty.n_trials, empty.n_samples) == (0.0, math.inf, 0, 0)


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.inf])
def test_impossible_durations_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        stats.estimate({0: [1.0, wrong]})
    with pytest.raises(ValueError, match="positive and finite"):
        stats.ratio({0: [1.0, wrong]}, {0: [1.0, 1.0]})


@properties
@given(lanes)
def test_the_value_lies_in_its_interval(samples: Lane) -> None:
    got = stats.estimate(samples)
    assert math.isnan(got.value) or got.low <= got.value <= got.high
    usable = [[x for x in row if x is not None and not math.isnan(x)] for row in samples.values()]
    if 0 < got.n_trials < stats.trials_needed():
        medians = [median(row) for row in usable if row]
        assert got.n_trials == 1 or (got.low <= min(medians) * (1 + 1e-9) and got.high >= max(medians) * (1 - 1e-9))


@properties
@given(full_lanes, st.floats(1e-3, 1e3))
def test_estimates_scale_and_ratios_do_not(samples: Lane, factor: float) -> None:
    scaled = {trial: [x and x * factor for x in row] for trial, row in samples.items()}
    one, other = stats.estimate(samples), stats.estimate(scaled)
    assert [one.value * factor, one.low * factor, one.high * factor] == pytest.approx(
        [other.value, other.low, other.high], rel=1e-6
    )
    itself = stats.ratio(scaled, samples)
    assert [itself.value, itself.low, itself.high] == pytest.approx([factor] * 3, rel=1e-6)


@properties
@given(full_lanes, full_lanes)
def test_swapping_lane_and_baseline_inverts_the_ratio(a: Lane, b: Lane) -> None:
    forth, back = stats.ratio(a, b), stats.ratio(b, a)
    assert (forth.n_trials, forth.n_samples) == (back.n_trials, back.n_samples)
    if forth.n_trials > 1 and forth.low > 1e-200 and back.low > 1e-200:
        assert [forth.value, forth.low, forth.high] == pytest.approx(
            [1 / back.value, 1 / back.high, 1 / back.low], rel=1e-6
        )


@properties
@given(full_lanes)
def test_identical_lanes_tie(samples: Lane) -> None:
    got = stats.ratio(samples, samples)
    assert (got.value, got.low, got.high) == (1.0, 1.0, 1.0)
    assert stats.aa_error(samples, samples) == 0


@properties
@given(st.lists(numbers, min_size=2, max_size=25), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_intervals_nest(values: list[float], a: float, b: float) -> None:
    narrow, wide = (stats.interval(values, c) for c in sorted((a, b)))
    assert wide[0] <= narrow[0] + 1e-9
    assert narrow[1] <= wide[1] + 1e-9
    assert narrow[0] - 1e-9 <= median(values) <= narrow[1] + 1e-9


def test_confidence_must_be_a_probability() -> None:
    for wrong in (0.0, 1.0, 95.0):
        with pytest.raises(ValueError, match="between 0 and 1"):
            stats.interval([1.0, 2.0], wrong)


def test_trials_needed_is_where_the_range_suffices() -> None:
    assert [stats.trials_needed(c) for c in (0.5, 0.95, 0.99, 0.999)] == [2, 6, 8, 11]
    values = [float(x) for x in range(8)]
    low, high = stats.interval(values, 0.99)
    # all but the range
    assert 0 <= low < 0.3
    assert 6.7 < high <= 7


# -- against scipy -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 6, 7, 9, 19, 40])
def test_student_agrees_with_scipy(freedom: int) -> None:
    scipy_stats: Any = pytest.importorskip("scipy.stats")
    for central in (0.05, 0.5, 0.95, 0.99, 0.9999):
        assert stats._t_quantile(central, freedom) == pytest.approx(
            scipy_stats.t.ppf((1 + central) / 2, freedom), rel=1e-7
        )


def test_small_samples_get_the_t_interval() -> None:
    """Where the t interval is wider than the range, it is the interval."""
    scipy_stats: Any = pytest.importorskip("scipy.stats")
    values = [0.9, 1.0, 1.3]
    expected = scipy_stats.t.interval(0.99, 2, np.mean(values), scipy_stats.sem(values))
    assert stats.interval(values, 0.99) == pytest.approx(expected)


# -- synthetic truths --------------------------------------------------------------------------------------------------


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return rng.normal(size=shape)


def cauchy(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return rng.standard_cauchy(size=shape)


def pareto(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Index 1.5: no variance, and long delays only. Its median is put to 0."""
    return rng.pareto(1.5, size=shape) + 1 - 2 ** (1 / 1.5)


def bimodal(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Modes at 0 (60 %) and 5: the median, put to 0, is where the normal distribution at 0 has 5/6 below."""
    return np.where(rng.random(shape) < 0.6, 0.0, 5.0) + rng.normal(size=shape) - 0.9674


NOISES = [normal, cauchy, pareto, bimodal]
Noise: TypeAlias = Callable[[np.random.Generator, tuple[int, ...]], Floats]


def covered(noise: Noise, trials: int, confidence: float, count: int = 3000) -> float:
    """The share of intervals that hold the true median, 0."""
    table = noise(np.random.default_rng(trials), (count, trials)).tolist()
    return sum(low <= 0 <= high for low, high in (stats.interval(row, confidence) for row in table)) / count


@pytest.mark.parametrize("trials", [10, 20])
@pytest.mark.parametrize("noise", NOISES)
def test_coverage(noise: Noise, trials: int) -> None:
    """Enough trials: 95 % means 92 to 98 %, and 99 % at least 98 %, whatever the distribution."""
    assert 0.92 < covered(noise, trials, 0.95) < 0.98
    assert covered(noise, trials, 0.99) > 0.98


@pytest.mark.parametrize("trials", [2, 3, 5])
@pytest.mark.parametrize(("noise", "least"), list(zip(NOISES, [0.985, 0.985, 0.97, 0.96], strict=True)))
def test_coverage_of_few_trials(noise: Noise, least: float, trials: int) -> None:
    """Too few trials to be free of assumptions: right for normal and heavy-tailed noise, nearly so for skewed."""
    assert covered(noise, trials, 0.99) > least


def test_coverage_through_rounds_drift_and_holes() -> None:
    """The whole way, seconds to interval: drift, noise on both levels, a tenth of rounds missing, bimodal rounds."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(600):
        mine, base = experiment(rng, 1.07, 1.0, trials=10, rounds=6)
        for samples in (mine, base):
            for row in samples.values():
                mode = rng.random(len(row)) < 0.3
                row[:] = [
                    None if rng.random() < 0.1 else x and x * (1.5 if slow else 1)
                    for x, slow in zip(row, mode, strict=True)
                ]
        got = stats.ratio(mine, base, confidence=0.95)
        held += got.low <= 1.07 <= got.high
    assert 0.92 < held / 600 < 0.98


def test_a_bootstrap_of_three_trials_would_be_too_narrow() -> None:
    """Why there is none: it can't leave the trials' range, which holds the median in 3 of 4 cases."""
    table = np.sort(np.random.default_rng(0).normal(size=(3000, 3)), axis=1)
    assert np.mean((table[:, 0] <= 0) & (table[:, 2] >= 0)) == pytest.approx(0.75, abs=0.03)
    assert covered(normal, 3, 0.99) > 0.985


@properties
@given(full_lanes, full_lanes, st.lists(st.floats(0.01, 100), min_size=50, max_size=50))
def test_common_drift_cancels(a: Lane, b: Lane, drift: list[float]) -> None:
    """Whatever slows down both lanes of a round alike leaves the ratio as it is."""

    def drifted(samples: Lane) -> Lane:
        return {t: [x and x * drift[(7 * t + index) % 50] for index, x in enumerate(row)] for t, row in samples.items()}

    before, after = stats.ratio(a, b), stats.ratio(drifted(a), drifted(b))
    if before.n_trials > 1 and before.low > 1e-200 and before.high < 1e200:
        assert [before.value, before.low, before.high] == pytest.approx([after.value, after.low, after.high], rel=1e-6)


def test_wild_samples_do_not_move_the_figure() -> None:
    """A stalled sample in four of ten rounds, a thousand times too slow, in every trial, changes nothing much."""
    rng = np.random.default_rng(4)
    mine, base = experiment(rng, 1.5, 1.0, trials=10, rounds=10)
    for row in mine.values():
        for index in range(4):
            value = row[index]
            assert value is not None
            row[index] = value * 1000
    assert stats.ratio(mine, base).value == pytest.approx(1.5, rel=0.05)


def test_missing_rounds_pair_by_index() -> None:
    base: Lane = {0: [1.0, 10.0, 100.0], 1: [1.0, 10.0, 100.0]}
    slow: Lane = {0: [2.0, None, 200.0], 1: [2.0], 5: [9.0]}
    got = stats.ratio(slow, base)
    assert got.value == pytest.approx(2.0)
    assert (got.n_trials, got.n_samples) == (2, 3)
    assert stats.log_ratios(slow, base) == pytest.approx([math.log(2)] * 2)


# -- verdicts ----------------------------------------------------------------------------------------------------------


def figure(value: float, low: float, high: float) -> stats.Estimate:
    return stats.Estimate(value, low, high, 10, 80)


def test_aa_error_is_the_larger_of_offset_and_noise() -> None:
    base: Lane = {t: [1.0] for t in range(9)}
    assert stats.aa_error(base, {t: [1.04] for t in range(9)}) == pytest.approx(0.04)
    noisy: Lane = {t: [math.exp((t - 4) / 100)] for t in range(9)}
    assert stats.aa_error(base, noisy) == pytest.approx(
        math.expm1(stats.standard_error([t / 100 for t in range(-4, 5)]))
    )
    assert stats.aa_error({0: [1.0]}, {0: [1.0]}) == math.inf


def test_standard_error_is_that_of_the_median() -> None:
    rng = np.random.default_rng(8)
    mean = np.mean([stats.standard_error(row) for row in rng.normal(size=(500, 20)).tolist()])
    assert mean == pytest.approx(math.sqrt(math.pi / 2 / 20), rel=0.1)


# -- stopping, replicates ----------------------------------------------------------------------------------------------


def test_enough() -> None:
    narrow, wide = figure(1.0, 0.99, 1.01), figure(1.0, 0.8, 1.25)
    assert narrow.half_width == pytest.approx(0.01, rel=0.01)
    assert wide.half_width == pytest.approx(0.25)
    assert _frame.enough([narrow], 0.02)
    assert not _frame.enough([narrow, wide], 0.02)
    assert not _frame.enough([narrow], 0.02, minimum=11)
    assert not _frame.enough([stats.estimate({})], 0.02)


@pytest.mark.parametrize("target", [0.015, 0.02, 0.03])
def test_stopping_by_width_keeps_the_coverage(target: float) -> None:
    """Looking after every trial from 8 to 20 and stopping when narrow enough costs about a percent of coverage."""
    rng = np.random.default_rng(12)
    held, looks = 0, 0
    for row in (0.03 * rng.normal(size=(600, 20))).tolist():
        for count in range(8, 21):
            low, high = stats.interval(row[:count], 0.99)
            if _frame.enough([stats.Estimate(1.0, math.exp(low), math.exp(high), count, count)], target):
                break
        held += low <= 0 <= high
        looks += count
    assert held / 600 > 0.97
    assert looks < 600 * 20  # it does stop early


@properties
@given(st.lists(numbers, min_size=2, max_size=15), st.integers(0, 9))
def test_replicates_have_the_interval_as_quantiles(values: list[float], seed: int) -> None:
    drawn = sorted(stats.replicates(values, 200, seed=seed))
    assert len(drawn) == 200
    for confidence in (0.505, 0.905, 0.985):  # these ends are the k-th of 200 from either side
        step = round(200 * (1 - confidence) / 2 - 0.5)
        low, high = stats.interval(values, confidence)
        assert drawn[step] == pytest.approx(low, abs=1e-6)
        assert drawn[-1 - step] == pytest.approx(high, abs=1e-6)


def test_replicates_are_deterministic_and_need_two_trials() -> None:
    values = [0.1, 0.3, 0.2, 0.5]
    assert stats.replicates(values, 100, seed=1) == stats.replicates(values, 100, seed=1)
    assert stats.replicates(values, 100, seed=1) != stats.replicates(values, 100, seed=2)
    with pytest.raises(ValueError, match="two trials"):
        stats.replicates([1.0], 100, seed=1)
    with pytest.raises(ValueError, match="even"):
        stats.replicates(values, 99, seed=1)
