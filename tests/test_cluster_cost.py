"""The cost model past one machine: known jobs, a simulated cluster, and what must hold for all of them."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.analysis import cluster_cost
from handoff.analysis.cluster_cost import ClusterJob, Machines, Wire, least_nodes, least_work_s, leaving
from handoff.analysis.cost import Pays

properties = settings(derandomize=True, deadline=None, max_examples=80)

GIGABIT = Wire(0.5e-3, 125e6)  # what 1 Gbit/s carries; half a millisecond one way is a usual switched network's
jobs = st.builds(
    ClusterJob,
    tasks=st.integers(1, 400),
    work_s=st.floats(1e-4, 1.0),
    handoff_s=st.floats(1e-5, 1e-2),
    sent_bytes=st.sampled_from([0.0, 1e3, 1e5, 1e6, 1e7]),
    returned_bytes=st.sampled_from([0.0, 1e3, 1e6]),
    state_bytes=st.sampled_from([0.0, 1e6, 1e9]),
    state_s=st.floats(0, 0.1),
)
links = st.builds(Wire, st.floats(0, 0.02), st.floats(1e7, 1e10))
clusters = st.builds(
    Machines,
    nodes=st.integers(1, 8),
    workers=st.integers(1, 8),
    link=links,
    start_s=st.floats(0, 5),
    ahead=st.integers(0, 2),
    node_shares=st.booleans(),
)


def simulated(job: ClusterJob, machines: Machines) -> float:
    """The same job, event by event: a link that sends one task at a time, and one that brings one answer at a time.

    A worker asks for as many tasks as it may have; what it is given waits for the link, crosses it, and for the worker.
    """
    link, copies = machines.link, machines.nodes if machines.node_shares else machines.all_workers
    begin = machines.start_s + job.state_s
    if job.state_bytes:
        begin += copies * job.state_bytes / link.bytes_per_s + link.latency_s
    out_free = back_free = finished = begin
    asking = [(begin, turn, worker) for turn in range(1 + machines.ahead) for worker in range(machines.all_workers)]
    free = [begin] * machines.all_workers
    answers: list[tuple[float, int]] = []  # when each answer gets to the link that leads back
    left = job.tasks
    while left or answers:
        if left and asking and (not answers or asking[0][0] <= answers[0][0]):
            asked, _, worker = heapq.heappop(asking)
            out_free = max(out_free, asked) + job.sent_bytes / link.bytes_per_s
            free[worker] = max(free[worker], out_free + link.latency_s) + job.handoff_s + job.work_s
            heapq.heappush(answers, (free[worker], worker))
            left -= 1
        else:
            done, worker = heapq.heappop(answers)
            back_free = max(back_free, done) + job.returned_bytes / link.bytes_per_s
            finished = back_free + link.latency_s
            heapq.heappush(asking, (finished, 0, worker))
    return finished


# -- what is known beforehand ------------------------------------------------------------------------------------------


def test_a_task_pays_for_its_way_there_and_back() -> None:
    job = ClusterJob(1, work_s=1.0, sent_bytes=125e6, returned_bytes=12.5e6)
    assert Machines(link=GIGABIT).total(job) == pytest.approx(1.0 + 1.0 + 0.1 + 0.001)
    assert Machines().total(job) == pytest.approx(1.0), "nothing crosses a link that is none"


def test_a_state_goes_to_each_node_or_to_each_worker() -> None:
    job = ClusterJob(0, work_s=1.0, state_bytes=125e6, state_s=0.25)
    shared = Machines(nodes=4, workers=8, link=GIGABIT)
    assert shared.total(job) == pytest.approx(4 * 1.0 + 0.0005 + 0.25)
    assert replace(shared, node_shares=False).total(job) == pytest.approx(32 * 1.0 + 0.0005 + 0.25)


def test_more_nodes_do_not_widen_the_link_of_the_one_who_submits() -> None:
    """64 MiB with each task over 1 Gbit/s: 0.54 s a task, however many work on them."""
    job = ClusterJob(1000, work_s=1.0, sent_bytes=2**26)
    per_task = [Machines(nodes=nodes, link=GIGABIT).line(job).slope for nodes in (1, 2, 4, 8, 64)]
    assert per_task[0] == pytest.approx(1.0 + 0.537 + 0.001, abs=0.001)
    assert per_task[1] == pytest.approx(per_task[0] / 2)
    assert per_task[2:] == pytest.approx([0.537] * 3, abs=0.001)


def test_what_the_one_who_submits_does_alone_limits_too() -> None:
    job = ClusterJob(1000, work_s=0.1, handoff_s=0.02, serial_s=0.01)
    assert Machines(nodes=8, workers=8).line(job).slope == pytest.approx(0.01)
    assert Machines(nodes=2, workers=2).line(job).slope == pytest.approx(0.03)


def test_whether_to_stay() -> None:
    """Four cores here or 8 nodes of 4 there, which start in 10 s and get a state of 1 GB over 1 Gbit/s each."""
    job = ClusterJob(1000, work_s=0.2, handoff_s=0.001, sent_bytes=1e4, state_bytes=1e9)
    here, there = Machines(workers=4), Machines(nodes=8, workers=4, link=GIGABIT, start_s=10.0)
    found = leaving(job, here, there)
    assert found.pays is Pays.FROM
    assert found.n == pytest.approx((10 + 64) / (0.201 / 4 - 0.20208 / 32), rel=1e-3)
    for tasks, sooner in ((int(found.n) - 40, False), (int(found.n) + 40, True)):
        there_s, here_s = (each.total(replace(job, tasks=tasks)) for each in (there, here))
        assert (there_s < here_s) is sooner
    assert leaving(job, here, Machines(nodes=1, workers=4, link=GIGABIT)).pays is Pays.NEVER
    assert leaving(replace(job, state_bytes=0.0), here, replace(there, start_s=0.0)).pays is Pays.ALWAYS


def test_from_how_much_work_on_it_pays() -> None:
    """10 MB with each task: 0.08 s of the link, so that tasks shorter than four times that are done here sooner."""
    job = ClusterJob(10_000, work_s=0.0, sent_bytes=1e7)
    here, there = Machines(workers=4), Machines(nodes=8, workers=4, link=GIGABIT)
    assert least_work_s(job, here, there) == pytest.approx(4 * 0.08, rel=0.01)
    assert least_work_s(job, here, Machines(nodes=2, workers=2, link=GIGABIT)) == math.inf


def test_with_how_many_nodes_it_pays() -> None:
    job = ClusterJob(1000, work_s=0.1, state_bytes=125e6)  # a second for each node
    here, there = Machines(workers=4), Machines(workers=4, link=GIGABIT)
    assert here.total(job) == pytest.approx(25.0)
    assert least_nodes(job, here, there, 100) == 2
    assert least_nodes(replace(job, tasks=10), here, there, 100) == 0
    times = [replace(there, nodes=nodes).total(job) for nodes in (1, 2, 5, 40)]
    assert times[0] > times[1] > times[2] < times[3], "each more node gets the state"


def test_a_link_is_found_from_what_tasks_of_several_sizes_took() -> None:
    sizes = [0.0, 1e4, 1e6, 1e8]
    found = cluster_cost.measured_link(sizes, [2e-3 + n / 125e6 for n in sizes])
    assert (found.latency_s, found.bytes_per_s) == pytest.approx((1e-3, 125e6), rel=1e-3)
    assert cluster_cost.measured_link([1.0, 2.0], [2.0, 2.0]) == Wire(1.0, math.inf)


def test_what_cannot_be_is_refused() -> None:
    for latency_s, bytes_per_s in ((-1.0, 1.0), (0.0, 0.0), (0.0, math.nan)):
        with pytest.raises(ValueError, match="bandwidth above 0"):
            Wire(latency_s, bytes_per_s)
    with pytest.raises(ValueError, match="negative"):
        ClusterJob(1, work_s=-1.0)
    with pytest.raises(ValueError, match="a part of handoff_s"):
        ClusterJob(1, work_s=1.0, serial_s=1.0)
    with pytest.raises(ValueError, match="need a node"):
        Machines(nodes=0)


# -- against a simulated cluster ---------------------------------------------------------------------------------------


@properties
@given(jobs, clusters)
def test_it_follows_a_simulated_cluster(job: ClusterJob, machines: Machines) -> None:
    """Within the time of one wave of tasks, and 5 %: the model knows no ramps at the beginning and the end."""
    found, expected = machines.total(job), simulated(job, machines)
    wave = machines.task_s(job) + machines.all_workers * machines.link.occupied_s(job.sent_bytes + job.returned_bytes)
    assert abs(found - expected) <= 0.05 * expected + wave


@properties
@given(jobs, clusters, st.integers(20, 60))
def test_of_many_tasks_it_is_within_a_tenth(job: ClusterJob, machines: Machines, waves: int) -> None:
    job = replace(job, tasks=waves * machines.all_workers)
    assert machines.total(job) == pytest.approx(simulated(job, machines), rel=0.1)


@properties
@given(jobs, clusters, clusters)
def test_it_decides_as_the_simulation_does(job: ClusterJob, here: Machines, there: Machines) -> None:
    """Where one is sooner by a third in both, it is the same one: the model is for choosing."""
    job = replace(job, tasks=job.tasks + 5 * max(here.all_workers, there.all_workers))
    model = here.total(job) / there.total(job)
    event_by_event = simulated(job, here) / simulated(job, there)
    if abs(math.log(event_by_event)) > math.log(4 / 3):
        assert (model > 1) == (event_by_event > 1)


@properties
@given(jobs, clusters)
def test_neither_a_slower_link_nor_more_work_makes_it_shorter(job: ClusterJob, machines: Machines) -> None:
    slower = replace(machines, link=Wire(machines.link.latency_s * 2, machines.link.bytes_per_s / 2))
    total = machines.total(job)
    assert slower.total(job) >= total * (1 - 1e-9)
    assert machines.total(replace(job, work_s=job.work_s * 2)) >= total * (1 - 1e-9)


@properties
@given(jobs, clusters, clusters)
def test_from_the_least_work_on_it_is_sooner(job: ClusterJob, here: Machines, there: Machines) -> None:
    found = least_work_s(job, here, there)
    if 0 < found < math.inf:
        longer, shorter = (replace(job, work_s=found * factor) for factor in (1.01, 0.99))
        assert there.total(longer) <= here.total(longer)
        assert there.total(shorter) >= here.total(shorter)


# -- against jobs on two workers of a real one -------------------------------------------------------------------------

SIZES = [0, 2**17, 2**20, 2**23]  #: bytes of the arrays that tell of the link
WORK_S = 0.05  #: asleep: what else goes on here takes nothing from it


def working(_: Any, work_s: float) -> int:
    time.sleep(work_s)
    return 0


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Of dask, with two workers: to it they are what two nodes are."""
    pytest.importorskip("distributed", reason="dask.distributed is an optional extra")
    import dask
    import distributed

    from handoff.strategies.dask_distributed import CONFIG

    library: Any = distributed
    folder = str(tmp_path_factory.mktemp("dask"))
    with (
        dask.config.set(CONFIG),
        library.LocalCluster(2, threads_per_worker=1, dashboard_address="127.0.0.1:0", local_directory=folder) as two,
        library.Client(two, set_as_default=False) as found,
    ):
        found.wait_for_workers(2)
        yield found


def took(client: Any, tasks: int, nbytes: int, work_s: float) -> float:
    """Seconds of a job."""
    objects = [np.random.default_rng(each).bytes(nbytes) for each in range(tasks)]
    begin = time.perf_counter()
    futures = [client.submit(working, each, work_s, pure=False) for each in objects]
    client.gather(futures)
    return time.perf_counter() - begin


@pytest.mark.filterwarnings("default")  # its threads leave sockets and loops to the garbage collector
@pytest.mark.skipif(find_spec("distributed") is None, reason="dask.distributed is an optional extra")
def test_jobs_on_two_workers_take_what_it_says(client: Any) -> None:
    """From the link alone, which single tasks tell; asserted with room for a busy machine."""
    took(client, 4, 2**10, 0.0)
    turns = [[took(client, 1, size, 0.0) for size in SIZES] for _ in range(5)]
    link = cluster_cost.measured_link(SIZES, [median(each) for each in zip(*turns, strict=True)])
    two = Machines(nodes=2, link=link, ahead=1)  # dask's worker-saturation of 1.1 is two tasks for a thread
    ratios = []
    for tasks, nbytes in ((20, 2**10), (21, 2**10), (20, 2**20)):
        job = ClusterJob(tasks, work_s=WORK_S, sent_bytes=nbytes)
        ratios.append(two.total(job) / took(client, tasks, nbytes, WORK_S))
    assert 0.5 < median(ratios) < 1.5, (ratios, link)
