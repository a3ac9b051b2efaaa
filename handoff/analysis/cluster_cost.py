"""The cost model past one machine: what a job takes on so many nodes, and when it pays to leave this one. Pure.

    total = start + state to every node + tasks x task / parallelism

Measured: the *link* between whoever has the object and the workers (:func:`measured_link`), what a hand-off takes
without it (pickling, loading, the engine's own work for a task), and the work. One machine is a cluster of one node
whose link costs nothing. The one who submits has one link to all nodes: what tasks are given goes through it one after
the other, and so does what they return, the other way at the same time (full duplex); latencies of different workers
pass at the same time. The state is sent by the one who has it, once for each node where a node's workers share it
(ray's object store), else once for each worker (dask's processes, ranks of MPI): an engine whose nodes pass it on to
each other is faster. As :mod:`handoff.analysis.cost` it says nothing of tasks of unequal length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from handoff.analysis import cost
from handoff.analysis.cost import BreakEven, LinearCost

LONGEST_S = 1e6  #: twelve days: a task that would have to be longer is none
HALVINGS = 60  #: of that interval: what is left of it is below any clock's resolution
ROUNDING = 1e-9  #: of a job's time: so much sooner is not sooner


@dataclass(frozen=True, slots=True)
class Wire:
    """From whoever submits to the nodes. ``ValueError`` for a negative latency, or where nothing gets through."""

    latency_s: float = 0.0  #: seconds of an empty message, one way
    bytes_per_s: float = math.inf  #: each way

    def __post_init__(self) -> None:
        if self.latency_s < 0 or not self.bytes_per_s > 0:
            raise ValueError(f"need a latency of 0 or more and a bandwidth above 0: {self}")

    def occupied_s(self, nbytes: float) -> float:
        """Seconds in which nothing else goes through it, that way."""
        return nbytes / self.bytes_per_s


def measured_link(sizes: Sequence[float], seconds: Sequence[float]) -> Wire:
    """The link of tasks that were given so many bytes and returned next to nothing, in so many seconds each.

    What the engine itself does for a task is a part of its latency, half of it each way. ``ValueError`` as
    :func:`handoff.analysis.cost.fit` raises it.
    """
    line = cost.fit(sizes, seconds)
    return Wire(line.fixed / 2, 1 / line.slope if line.slope else math.inf)


@dataclass(frozen=True, slots=True)
class ClusterJob:
    """Equal tasks. ``ValueError`` for a negative part."""

    tasks: int
    work_s: float  #: seconds that a task works when it has what it needs, on one worker
    handoff_s: float = 0.0  #: seconds of a hand-off apart from the link: pickling, loading, reading, the answer
    serial_s: float = 0.0  #: the part of them that the one who submits has to do by itself, a task at a time
    sent_bytes: float = 0.0  #: that go with each task
    returned_bytes: float = 0.0  #: that come back of each task
    state_bytes: float = 0.0  #: that every worker has before its first task
    state_s: float = 0.0  #: seconds until a worker that has got them can use them

    def __post_init__(self) -> None:
        parts = self.tasks, self.work_s, self.handoff_s, self.serial_s, self.sent_bytes, self.returned_bytes
        if min(*parts, self.state_bytes, self.state_s) < 0 or self.serial_s > self.handoff_s:
            raise ValueError(f"no part of a job is negative, and serial_s is a part of handoff_s: {self}")


@dataclass(frozen=True, slots=True)
class Machines:
    """Where a job runs. ``ValueError`` for less than a node and a worker."""

    nodes: int = 1
    workers: int = 1  #: of each node
    link: Wire = Wire()  # nothing: it is this machine
    start_s: float = 0.0  #: seconds until all workers are there: 0 of a cluster that runs
    ahead: int = 0  #: tasks that a worker has got beside the one that it works on: their way takes no time (dask: 1)
    node_shares: bool = True  #: whether what has come to a node is there for all of its workers
    efficiency: float = 1.0  #: of so many busy workers, against as many times one: measured (``task-all``), or 1

    def __post_init__(self) -> None:
        if self.nodes < 1 or self.workers < 1 or min(self.start_s, self.ahead) < 0 or not self.efficiency > 0:
            raise ValueError(
                f"need a node, a worker, a start and tasks ahead of 0 or more, and an efficiency above 0: {self}"
            )

    @property
    def all_workers(self) -> int:
        return self.nodes * self.workers

    def setup_s(self, job: ClusterJob) -> float:
        """Seconds until every worker has the state."""
        copies = self.nodes if self.node_shares else self.all_workers
        if not job.state_bytes:
            return job.state_s
        return copies * self.link.occupied_s(job.state_bytes) + self.link.latency_s + job.state_s

    def task_s(self, job: ClusterJob) -> float:
        """Seconds of one task while nothing else goes on."""
        crossing = self.link.occupied_s(job.sent_bytes) + self.link.occupied_s(job.returned_bytes)
        return job.handoff_s + job.work_s + crossing + 2 * self.link.latency_s

    def kept_busy_s(self, job: ClusterJob) -> float:
        """Seconds that a worker takes for each of many tasks: less than one alone, if the next is there already."""
        return max(job.handoff_s + job.work_s, self.task_s(job) / (1 + self.ahead))

    def parallelism(self, job: ClusterJob) -> float:
        """How much faster than one of them all workers are, kept busy: bounded by what only one task has at a time."""
        serial = max(job.serial_s, self.link.occupied_s(job.sent_bytes), self.link.occupied_s(job.returned_bytes))
        workers = self.all_workers * self.efficiency
        return min(workers, self.kept_busy_s(job) / serial) if serial else workers

    def before_s(self, job: ClusterJob) -> float:
        """Seconds before the workers are busy: they start, they get the state, and their first tasks are on the way."""
        return self.start_s + self.setup_s(job) + self.task_s(job) - self.kept_busy_s(job)

    def total(self, job: ClusterJob) -> float:
        """Seconds of wall time of the whole job."""
        busy, parallelism = self.kept_busy_s(job), self.parallelism(job)
        start = self.before_s(job)
        return cost.total(job.tasks, workers=self.all_workers, start=start, task=busy, parallelism=parallelism)

    def line(self, job: ClusterJob) -> LinearCost:
        """What it takes by the number of tasks, where these are many."""
        return LinearCost(self.before_s(job), self.kept_busy_s(job) / self.parallelism(job))


def leaving(
    job: ClusterJob, here: Machines, there: Machines, replicates: Iterable[tuple[LinearCost, LinearCost]] = ()
) -> BreakEven:
    """For how many tasks the job is done sooner ``there``; see :func:`handoff.analysis.cost.break_even`."""
    return cost.break_even(there.line(job), here.line(job), replicates)


def least_work_s(job: ClusterJob, here: Machines, there: Machines) -> float:
    """From how much work in a task on the job is done sooner ``there``, in seconds: 0 is always, infinity never."""
    return _first(lambda work_s: _gain(replace(job, work_s=work_s), here, there) > 0)


def least_nodes(job: ClusterJob, here: Machines, there: Machines, most: int) -> int:
    """With how many nodes like those of ``there`` the job is done sooner than ``here``, or 0 if not with ``most``.

    More nodes may be slower again: each gets the state.
    """
    return next((n for n in range(1, most + 1) if _gain(job, here, replace(there, nodes=n)) > 0), 0)


def _gain(job: ClusterJob, here: Machines, there: Machines) -> float:
    return here.total(job) * (1 - ROUNDING) - there.total(job)


def _first(holds: Callable[[float], bool]) -> float:
    """Where something begins to hold that then holds for all longer times."""
    if holds(0.0):
        return 0.0
    if not holds(LONGEST_S):
        return math.inf
    low, high = 0.0, LONGEST_S
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
