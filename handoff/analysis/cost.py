"""The cost model: what a whole job takes, and from where on one strategy is cheaper than another. Pure.

    total = start + setup + tasks x task / effective parallelism

Measured: *start* (from asking for the workers until all are ready), *setup* (what is paid once before the first task:
building a segment, filling a manager, initializers), *task* (one hand-off with its work, one worker, nothing else
going on), all in seconds of wall time, and the *parallelism*: how much faster than one worker the busy pool gets
through tasks. The model is linear, and says nothing of tasks of unequal length, of chunks (count a chunk as one task:
one hand-off, and the work as often as it has tasks), or of sizes outside the measured range: a pipe's 64 KiB buffer and
the allocator's thresholds put kinks into any line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

CONFIDENCE = 0.99  #: of the interval of a break-even, as of all intervals here


def total(
    tasks: int, *, workers: int = 1, start: float = 0.0, setup: float = 0.0, task: float, parallelism: float = 1.0
) -> float:
    """Seconds of wall time that a job of ``tasks`` equal tasks takes on a fresh pool.

    ``start`` and ``setup`` in seconds for *all* ``workers``, as measured with that many; ``task`` in seconds with one
    worker; ``parallelism`` as :func:`effective_parallelism` takes it. ``ValueError`` for negative costs or tasks.
    """
    if min(start, setup, task) < 0 or tasks < 0:
        raise ValueError(f"costs and tasks can't be negative: {tasks=} {start=} {setup=} {task=}")
    if not tasks:
        return start + setup
    return start + setup + tasks * task / effective_parallelism(tasks, workers, parallelism)


def parallelism(tasks: int, task: float, elapsed: float) -> float:
    """The parallelism that was measured: ``tasks`` of ``task`` seconds each (on one worker) took ``elapsed`` seconds.

    Measure it with many more tasks than workers, after start and setup. It may be below 1 (contention: a lock, a
    manager), and a little above the number of workers by noise. ``ValueError`` if any is not positive.
    """
    if not (tasks > 0 and task > 0 and elapsed > 0):
        raise ValueError(f"must be positive: {tasks=} {task=} {elapsed=}")
    return tasks * task / elapsed


def parallelism_limit(workers: int, cores: int, task: float, serial: float) -> float:
    """The most parallelism there can be, where none was measured: ``min(workers, cores, task / serial)``.

    ``serial`` is the part of ``task`` (both in seconds) that only one process can do at a time: what the parent
    encodes, sends and decodes, or a manager serves. Asymptotic bounds of a closed queueing network: Denning & Buzen,
    "The Operational Analysis of Queueing Network Models", Computing Surveys 10, 1978.
    """
    if workers < 1 or cores < 1 or not 0 <= serial <= task:
        raise ValueError(f"need a worker, a core and 0 <= serial <= task: {workers=} {cores=} {task=} {serial=}")
    return min(workers, cores, task / serial if serial else math.inf)


def effective_parallelism(tasks: int, workers: int, parallelism: float) -> float:
    """How much faster than one worker ``tasks`` equal tasks really get done: less than ``parallelism`` for few tasks.

    Tasks go in waves of ``workers``. A full wave runs at ``parallelism`` (that of the busy pool). In the last, partial
    wave of r tasks parallelism is taken to grow evenly from 1 for one task to ``parallelism`` for all workers. So five
    tasks on four perfect workers take two task times, not one and a quarter; for many tasks the figure tends to
    ``parallelism``, which it equals whenever ``workers`` divides ``tasks``.
    """
    if tasks < 1 or workers < 1 or not parallelism > 0:
        raise ValueError(f"need a task, a worker and parallelism above 0: {tasks=} {workers=} {parallelism=}")
    waves, rest = divmod(tasks, workers)
    times = waves * workers / parallelism  # in units of one task's time
    if rest:
        times += rest / (1 + (rest - 1) * (parallelism - 1) / (workers - 1))
    return tasks / times


# -- lines and where they cross ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LinearCost:
    """``fixed + slope x n`` seconds. For tasks: start + setup, and task / parallelism; for bytes: a fitted line."""

    fixed: float  #: seconds, whatever n is
    slope: float  #: seconds per task, or per byte

    def at(self, n: float) -> float:
        return self.fixed + self.slope * n


def fit(sizes: Sequence[float], seconds: Sequence[float]) -> LinearCost:
    """The line through times that span decades: least squares of *relative* errors, with neither part negative.

    Weights are 1 / seconds**2: the noise of times is multiplicative, and by absolute errors the largest size alone
    would decide. ``ValueError`` unless there are two different sizes, and as many times, all positive.
    """
    if len(sizes) != len(seconds) or len(set(sizes)) < 2 or min(seconds) <= 0 or min(sizes) < 0:
        raise ValueError("a line needs a time above 0 for each of at least two different sizes")
    # unknowns (fixed, slope) with fixed / t + slope * n / t = 1 for each (n, t): the normal equations of two columns
    ones = [1 / t for t in seconds]
    slopes = [n / t for n, t in zip(sizes, seconds, strict=True)]
    scale = max(slopes)  # bytes are large and per-byte times small: keep the sums of one magnitude
    scale_ones = max(ones)
    a = [x / scale_ones for x in ones]
    b = [x / scale for x in slopes]
    aa, ab, bb = _dot(a, a), _dot(a, b), _dot(b, b)
    determinant = aa * bb - ab * ab
    candidates = [(math.fsum(a) / aa, 0.0), (0.0, math.fsum(b) / bb)]
    if determinant > 0:
        fixed = (math.fsum(a) * bb - math.fsum(b) * ab) / determinant
        slope = (math.fsum(b) * aa - math.fsum(a) * ab) / determinant
        if fixed >= 0 and slope >= 0:
            candidates = [(fixed, slope)]
    fixed, slope = min(
        candidates, key=lambda c: math.fsum((c[0] * x + c[1] * y - 1) ** 2 for x, y in zip(a, b, strict=True))
    )
    return LinearCost(fixed / scale_ones, slope / scale)


def _dot(a: list[float], b: list[float]) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


class Pays(StrEnum):
    """For which n one line is below another."""

    ALWAYS = "always"  #: for every n above 0
    NEVER = "never"  #: for none
    FROM = "from"  #: for n above the break-even: dearer to set up, cheaper each time
    UNTIL = "until"  #: for n below the break-even: cheaper to set up, dearer each time


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Where one line goes below another (``FROM``, ``ALWAYS``, ``NEVER``) or rises above it (``UNTIL``).

    ``n`` and its interval are in tasks or bytes, 0 to infinity: ``ALWAYS`` is from 0 on, ``NEVER`` from infinity on.
    An interval that reaches infinity says that it may never pay. NaN where no replicates were given.
    """

    pays: Pays
    n: float
    low: float
    high: float
    agree: float  #: share of the replicates with the same ``pays``: below 0.95 or so, don't put it into words


def break_even(
    line: LinearCost,
    other: LinearCost,
    replicates: Iterable[tuple[LinearCost, LinearCost]] = (),
    *,
    confidence: float = CONFIDENCE,
) -> BreakEven:
    """For which n (tasks or bytes) ``line`` is cheaper than ``other``.

    ``replicates`` are plausible pairs (line, other), drawn with what they have in common: for strategies that were
    measured in the same rounds draw the baseline's seconds and the *ratio*, and multiply
    (:func:`handoff.analysis.stats.replicates`). The interval are their percentiles; a replicate that never breaks even
    counts as
    infinity, so that it is unbounded when the slopes can't be told apart, as it has to be (Fieller, JRSS B 16, 1954).
    """
    pays, n = _crossing(line, other)
    found = [_crossing(*pair) for pair in replicates]
    if not found:
        return BreakEven(pays, n, math.nan, math.nan, math.nan)
    ordered = sorted(_towards(pays, each, at) for each, at in found)
    tail = (1 - confidence) / 2 * (len(ordered) - 1)
    low, high = ordered[math.floor(tail)], ordered[-1 - math.floor(tail)]
    return BreakEven(pays, n, low, high, sum(each is pays for each, _ in found) / len(found))


def _crossing(line: LinearCost, other: LinearCost) -> tuple[Pays, float]:
    fixed, slope = line.fixed - other.fixed, line.slope - other.slope
    if fixed >= 0 and slope >= 0:
        return Pays.NEVER, math.inf
    if fixed <= 0 and slope <= 0:
        return Pays.ALWAYS, 0.0
    return Pays.FROM if slope < 0 else Pays.UNTIL, -fixed / slope


def _towards(pays: Pays, replicate: Pays, n: float) -> float:
    """A replicate's break-even, seen from the kind found: "until infinity" is always, "from infinity" never."""
    if replicate is pays:
        return n
    if pays is Pays.UNTIL:
        return math.inf if replicate is Pays.ALWAYS else 0.0
    return math.inf if replicate is Pays.UNTIL else n
