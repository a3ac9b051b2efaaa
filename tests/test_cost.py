"""The cost model: known jobs, known crossings, and what must hold for all of them."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from handoff.analysis import cost, stats
from handoff.analysis.cost import LinearCost, Pays

properties = settings(derandomize=True, deadline=None, max_examples=80)

parts = st.floats(1e-9, 1e3)
lines = st.builds(LinearCost, st.floats(0, 1e3), st.floats(0, 1e3))
tasks = st.integers(1, 500)
workers = st.integers(1, 64)


# -- total -------------------------------------------------------------------------------------------------------------


def test_total_is_the_sum_of_its_parts() -> None:
    assert cost.total(100, workers=4, start=0.2, setup=0.05, task=0.01, parallelism=2.5) == pytest.approx(0.65)
    assert cost.total(0, workers=4, start=0.2, setup=0.05, task=0.01, parallelism=2.5) == 0.25
    assert cost.total(7, task=0.5) == 3.5


def test_five_tasks_on_four_workers_take_two_task_times() -> None:
    assert cost.total(5, workers=4, task=1.0, parallelism=4.0) == pytest.approx(2.0)
    assert cost.effective_parallelism(5, 4, 4.0) == pytest.approx(2.5)
    assert cost.effective_parallelism(1, 4, 4.0) == pytest.approx(1.0)


@properties
@given(tasks, workers)
def test_perfect_workers_follow_a_simulated_pool(count: int, pool: int) -> None:
    """With no contention the model is what a queue of equal tasks and ``workers`` servers does."""
    free = [0.0] * pool
    for _ in range(count):
        heapq.heapreplace(free, free[0] + 1.0)
    assert cost.total(count, workers=pool, task=1.0, parallelism=float(pool)) == pytest.approx(max(free))


@properties
@given(st.integers(1, 50), workers, st.floats(0.1, 64))
def test_full_waves_run_at_the_measured_parallelism(waves: int, pool: int, measured: float) -> None:
    assert cost.effective_parallelism(waves * pool, pool, measured) == pytest.approx(measured)


@properties
@given(tasks, workers, st.floats(0.05, 1), parts)
def test_another_task_never_makes_a_job_shorter(count: int, pool: int, efficiency: float, task: float) -> None:
    parallelism = max(efficiency * pool, 0.05)
    one = cost.total(count, workers=pool, task=task, parallelism=parallelism)
    assert cost.total(count + 1, workers=pool, task=task, parallelism=parallelism) >= one * (1 - 1e-9)


@properties
@given(tasks, parts, parts)
def test_parallelism_is_what_total_takes(count: int, task: float, elapsed: float) -> None:
    measured = cost.parallelism(count, task, elapsed)
    assert cost.total(count, task=task, parallelism=measured) == pytest.approx(elapsed)


def test_the_serial_part_limits() -> None:
    assert cost.parallelism_limit(8, 4, task=1.0, serial=0.0) == 4
    assert cost.parallelism_limit(8, 64, task=1.0, serial=0.5) == 2
    assert cost.parallelism_limit(2, 64, task=1.0, serial=0.1) == 2


def test_impossible_costs_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        cost.total(1, task=-1.0)
    with pytest.raises(ValueError, match="negative"):
        cost.total(-1, task=1.0)
    with pytest.raises(ValueError, match="parallelism above 0"):
        cost.total(1, task=1.0, parallelism=0.0)
    with pytest.raises(ValueError, match="positive"):
        cost.parallelism(10, 1.0, 0.0)
    with pytest.raises(ValueError, match="serial"):
        cost.parallelism_limit(1, 1, task=1.0, serial=2.0)


# -- fit ---------------------------------------------------------------------------------------------------------------


@properties
@given(st.floats(1e-7, 1e-1), st.floats(1e-12, 1e-6))
def test_fit_finds_the_line(fixed: float, slope: float) -> None:
    """Points on a line, over six decades of size."""
    sizes = [0.0, 1e3, 1e5, 1e7, 1e9]
    line = LinearCost(fixed, slope)
    found = cost.fit(sizes, [line.at(n) for n in sizes])
    assert [found.fixed, found.slope] == pytest.approx([fixed, slope], rel=1e-4)


def test_fit_heeds_small_sizes_as_much_as_large() -> None:
    """5 % of noise everywhere: the fixed part is still found, though it is a thousandth of the largest time."""
    rng = np.random.default_rng(1)
    sizes = np.geomspace(1e2, 1e8, 25)
    seconds = (50e-6 + sizes * 5e-10) * np.exp(0.05 * rng.normal(size=25))
    found = cost.fit(list(sizes), list(seconds))
    assert found.fixed == pytest.approx(50e-6, rel=0.06)
    assert found.slope == pytest.approx(5e-10, rel=0.06)


def test_fit_knows_no_negative_costs() -> None:
    assert cost.fit([1.0, 2.0], [1.0, 4.0]).fixed == 0.0
    assert cost.fit([1.0, 2.0], [4.0, 1.0]).slope == 0.0
    with pytest.raises(ValueError, match="two different sizes"):
        cost.fit([1.0, 1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="time above 0"):
        cost.fit([1.0, 2.0], [0.0, 2.0])


# -- break-even --------------------------------------------------------------------------------------------------------


def test_known_crossings() -> None:
    cheap_setup, cheap_task = LinearCost(1.0, 0.10), LinearCost(3.0, 0.05)
    assert cost.break_even(cheap_task, cheap_setup).pays is Pays.FROM
    assert cost.break_even(cheap_task, cheap_setup).n == pytest.approx(40)
    assert cost.break_even(cheap_setup, cheap_task).pays is Pays.UNTIL
    assert cost.break_even(cheap_setup, cheap_task).n == pytest.approx(40)
    always = cost.break_even(LinearCost(1.0, 0.05), LinearCost(3.0, 0.1))
    assert (always.pays, always.n) == (Pays.ALWAYS, 0.0)
    assert math.isnan(always.low)
    assert math.isnan(always.high)
    assert math.isnan(always.agree)
    assert cost.break_even(LinearCost(3.0, 0.1), LinearCost(1.0, 0.05)).pays is Pays.NEVER


@properties
@given(lines, lines, st.floats(0, 1e4))
def test_the_crossing_says_which_is_cheaper(line: LinearCost, other: LinearCost, n: float) -> None:
    got = cost.break_even(line, other)
    gain = other.at(n) - line.at(n)
    assume(abs(gain) > 1e-9 * (line.at(n) + other.at(n)) and n > 0)
    pays = n < got.n if got.pays is Pays.UNTIL else n > got.n
    assert pays == (gain > 0)


@properties
@given(lines, lines, st.floats(1e-3, 1e3))
def test_the_unit_of_time_does_not_matter(line: LinearCost, other: LinearCost, factor: float) -> None:
    assume(min(abs(line.slope - other.slope), abs(line.fixed - other.fixed)) > 1e-6)
    one = cost.break_even(line, other)
    two = cost.break_even(
        LinearCost(line.fixed * factor, line.slope * factor), LinearCost(other.fixed * factor, other.slope * factor)
    )
    assert one.pays is two.pays
    assert one.n == pytest.approx(two.n, rel=1e-3)


@properties
@given(lines, lines)
def test_seen_from_the_other_side(line: LinearCost, other: LinearCost) -> None:
    assume(line != other)
    mirror = {Pays.FROM: Pays.UNTIL, Pays.UNTIL: Pays.FROM, Pays.ALWAYS: Pays.NEVER, Pays.NEVER: Pays.ALWAYS}
    assert cost.break_even(other, line).pays is mirror[cost.break_even(line, other).pays]


def test_equal_lines_never_pay() -> None:
    assert cost.break_even(LinearCost(1.0, 1.0), LinearCost(1.0, 1.0)).pays is Pays.NEVER


def test_replicates_that_never_pay_open_the_interval() -> None:
    base = LinearCost(1.0, 0.10)
    replicates = [(LinearCost(3.0, slope), base) for slope in (0.05, 0.08, 0.09, 0.11)]
    got = cost.break_even(LinearCost(3.0, 0.08), base, replicates)
    assert (got.pays, got.agree) == (Pays.FROM, 0.75)
    assert (got.low, got.n, got.high) == pytest.approx((40, 100, math.inf))
    mirrored = cost.break_even(base, LinearCost(3.0, 0.08), [(b, a) for a, b in replicates])
    assert mirrored.pays is Pays.UNTIL
    assert (mirrored.low, mirrored.high) == pytest.approx((40, math.inf))


@pytest.mark.parametrize("trials", [3, 10])
def test_coverage_of_the_break_even(trials: int) -> None:
    """Made trials: setups and tasks with noise of their own, the task also as a ratio; the truth is 40 tasks.

    A 95 % interval, composed of independent draws, holds it in at least 93 % of cases, at three trials too.
    """
    rng = np.random.default_rng(trials)
    held = 0
    for _ in range(150):
        fixed = rng.normal(math.log(1.0), 0.03, trials), rng.normal(math.log(3.0), 0.03, trials)
        task, ratio = rng.normal(math.log(0.1), 0.05, trials), rng.normal(math.log(0.5), 0.02, trials)
        drawn = [
            np.exp(stats.replicates(each.tolist(), 200, seed=seed)) for seed, each in enumerate((*fixed, task, ratio))
        ]
        pairs = [(LinearCost(b, t * r), LinearCost(a, t)) for a, b, t, r in zip(*drawn, strict=True)]
        a, b, t, r = (math.exp(np.median(each)) for each in (*fixed, task, ratio))
        got = cost.break_even(LinearCost(b, t * r), LinearCost(a, t), pairs, confidence=0.95)
        held += got.low <= 40 <= got.high
    assert held / 150 >= 0.93
