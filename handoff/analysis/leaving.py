"""Stay on this machine, or leave it for a cluster: what records from there say of a job, by the cost model. Pure.

A record that was made with ``--cluster`` has what is done here anyway and the cluster's ways side by side: one worker
each, and nothing else going on. What a task takes longer there is the link and the engine. Of one size nobody knows
how much of that is bytes, which go through the link one after the other, and how much latency, in which other tasks
pass: the answer is the range between both, with the figures' intervals.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from handoff.analysis import cluster_cost, units
from handoff.analysis.cluster_cost import ClusterJob, Machines, Wire
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import KINDS, METRICS
from handoff.analysis.regret import code
from handoff.analysis.stats import Estimate
from handoff.record import Record
from handoff.strategies import registry

TASKS = 1000  #: of the job that is weighed: so many that what is paid once is next to nothing

KNOWN = 2.0  #: how far off an end of an interval may be, as a factor


def told(records: Iterable[Record], workers: int) -> Iterator[str]:
    """A line for each object and duty that was measured on a cluster of so many workers."""
    for record in records:
        if record.fingerprint.get("cluster") and record.rows and record.kind in KINDS:
            yield from _told(record, workers)


def from_work_s(
    here_s: tuple[float, float], there_s: tuple[float, float], cores: int, workers: int
) -> tuple[float, float]:
    """From how much work in a task on, in seconds, a job of many is done sooner there: at least, and at most.

    Given the intervals of a hand-off here and there, in seconds, the cores here and the workers there. 0: whatever a
    task does; infinity: never.
    """
    return (
        _least_s(here_s[1], there_s[0], cores, workers, one_by_one=False),
        _least_s(here_s[0], there_s[1], cores, workers, one_by_one=True),
    )


def _least_s(here_s: float, there_s: float, cores: int, workers: int, *, one_by_one: bool) -> float:
    longer_s = max(0.0, there_s - here_s)
    link = Wire(bytes_per_s=1 / longer_s) if one_by_one and longer_s else Wire(latency_s=longer_s / 2)
    job = ClusterJob(TASKS, 0.0, handoff_s=here_s, sent_bytes=1.0)
    return cluster_cost.least_work_s(job, Machines(workers=cores), Machines(workers=workers, link=link))


def _told(record: Record, workers: int) -> Iterator[str]:
    figures, metric, address = Figures(record), METRICS[record.kind][0], record.fingerprint["cluster"]
    scheme, ways = address.partition("://")[0], registry()
    there = [
        figures.figure(lane, metric).time
        for lane in figures.lanes
        if (way := ways.get(lane)) and way.execution and scheme in way.execution.clusters and figures.has(lane, metric)
    ]
    if not there or not figures.has(record.baseline, metric):
        return
    here, best = figures.figure(record.baseline, metric).time, min(there, key=lambda each: each.value)
    cores = record.fingerprint["usable_cores"]
    begin = (
        f"`{code(record.payload)}` as {record.kind} takes {units.seconds(best.value)} a task there, "
        f"{units.seconds(here.value)} here (`{record.baseline}`). "
    )
    counted = (
        f"{workers} worker{'s' * (workers != 1)} there, {cores} core{'s' * (cores != 1)} here: a job of many tasks "
    )
    if not (_known(here) and _known(best)):
        yield f"{begin}That is not known well enough to tell where a job is done sooner: more trials would."
        return
    least, most = from_work_s((here.low, here.high), (best.low, best.high), cores, workers)
    if math.isinf(least):
        yield f"{begin}{counted}is done sooner on this machine, whatever a task does."
    elif math.isinf(most):
        yield f"{begin}{counted}may be done sooner in either place: they are too near to tell."
    elif most == 0:
        yield f"{begin}{counted}is done sooner on the cluster, whatever a task does."
    else:
        yield f"{begin}{counted}is done sooner on the cluster {_from(least, most)}."


def _known(time: Estimate) -> bool:
    """Well enough to weigh it: else the range would go from next to nothing to minutes."""
    return time.value / KNOWN <= time.low and time.high <= time.value * KNOWN


def _from(least: float, most: float) -> str:
    if not least:
        return f"where a task works for {units.seconds(most)}, and maybe where it works less"
    here = f"on this machine where it works for less than {units.seconds(least)}"
    return f"where a task works for {units.seconds(most)}, {here}"
