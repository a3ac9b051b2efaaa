"""The kinds of experiment: what each measures, and its lanes where they are no strategies.

The deeper kinds (conditions of starting, memory, scaling) are asked for by name. They are no part of a run that names
no kind, since each takes about as long as all the duties of its payload together.
What measures a kind is told in :mod:`handoff.measuring.trial`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from handoff.payload import Duty
from handoff.start_methods import START_METHODS
from handoff.strategy import Channel

STARTUP = "startup"
INHERITANCE = "inheritance"  #: what reading costs a forked worker in memory
SCALING = "scaling"  #: tasks by way of use and number of workers
CONTENTION = "contention"  #: operations of many workers on one shared thing
JOB = "job"  #: whole jobs, and the parts from which the cost model predicts them
JOB_TASKS = (16, 64, 256, 1024)  #: from where starting is nearly all to where it is hardly anything
CONTENDED = ("read", "own-write", "update")
BARE = "bare"  #: a process that is started under no condition
WITH_PAYLOAD = "with-payload"  #: one that has the payload among its arguments
INTERPRETER = "interpreter"  #: no process: an interpreter of the same one, the same under each start method
STARTS = (BARE, WITH_PAYLOAD, INTERPRETER)  #: what every run measures
STARTUPS = (
    BARE,
    "main-numpy",
    "main-numpy-preloaded",
    "parent-200mb",
    "parent-1gb",
    "parent-payload",
    INTERPRETER,
)
INHERIT, FROZEN = "inherit", "inherit-frozen"

#: Ways to use several workers: how many tasks travel together; 0: as the library thinks best, by their number.
CHUNKS: Mapping[str, int] = MappingProxyType(
    {
        "pool-map": 0,
        "pool-map-chunk-1": 1,
        "pool-map-chunk-16": 16,
        "pool-imap": 1,
        "pool-imap-chunk-16": 16,
        "pool-imap-unordered": 1,
        "pool-apply": 1,
        "pool-apply-async": 1,
        "executor-map": 1,
        "executor-map-chunk-16": 16,
        "executor-submit": 1,
        "queue": 1,
        "simple-queue": 1,
        "pipe": 1,
    }
)
#: For whole jobs: a task's cost must not depend on how many there are, as the default chunks of ``pool-map`` make it.
JOB_WAYS = (
    "pool-map-chunk-1",
    "pool-map-chunk-16",
    "pool-imap",
    "pool-apply",
    "pool-apply-async",
    "executor-map",
    "executor-map-chunk-16",
    "simple-queue",
    "pipe",
)
MEMORY = tuple(f"memory-{duty}" for duty in Duty)

#: With one worker, then with as many as there are usable cores: sums over the workers.
FOOTPRINTS = (
    "worker-uss-bytes",
    "worker-pss-bytes",
    "parent-peak-bytes",
    "total-pss-bytes",
    "workers-uss-bytes",
    "workers-pss-bytes",
    "workers-parent-peak-bytes",
    "workers-total-pss-bytes",
    "machine-used-bytes",
)


def numbers_of_workers() -> dict[str, int]:
    """How many workers there are, by the end of a metric's name: 1, 2, 4 … below all, all usable cores, and twice that.

    On two cores 2 is not listed, as it is ``all``. What a record means by that is its fingerprint's ``usable_cores``.
    """
    from handoff.machine import usable_cores

    cores = usable_cores()
    found = {"1": 1}
    while 2 * max(found.values()) < cores:
        found[str(2 * max(found.values()))] = 2 * max(found.values())
    return found | {"all": cores, "double": 2 * cores}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deeper:
    """One kind of experiment."""

    kind: str
    summary: str
    metrics: tuple[str, ...]  #: the first is what verdicts are about; the unit is in the name, see ``record.unit``
    duty: Duty  #: it is for payloads with this duty
    strategies: bool = False  #: whether its lanes are the strategies that serve the duty, or else lanes of its own
    start_methods: tuple[str, ...] = START_METHODS
    by_payload: bool = True  #: whether it depends on the payload: else one payload is as good as another
    lanes: tuple[str, ...] = ()  #: its own lanes, where they are no strategies


DEEPER: Mapping[str, Deeper] = MappingProxyType(
    {
        each.kind: each
        for each in (
            Deeper(
                kind=STARTUP,
                summary="starting a process under conditions: what its main imports, how large its parent is",
                metrics=("start", "first", "parent-uss-bytes"),
                lanes=STARTUPS,
                duty=Duty.STATE,
                by_payload=False,
            ),
            Deeper(
                kind=INHERITANCE,
                summary="memory that a forked worker gets of its own by reading what it inherited",
                metrics=("read-uss-bytes", "collect-uss-bytes", "workers-read-uss-bytes"),
                lanes=(INHERIT, FROZEN),
                duty=Duty.STATE,
                start_methods=("fork",),
            ),
            Deeper(
                kind=SCALING,
                summary="tasks with one worker and with many, by way of use",
                metrics=("task-all", "task-1", "task-double", "start-1", "start-all", "start-double"),
                lanes=tuple(CHUNKS),
                duty=Duty.ARGUMENT,
            ),
            Deeper(
                kind=CONTENTION,
                summary="one worker and many reading and writing one shared thing",
                metrics=tuple(f"{what}-{number}" for what in CONTENDED for number in ("all", "1", "double")),
                duty=Duty.SHARED,
                strategies=True,
            ),
            Deeper(
                kind=JOB,
                summary="whole jobs on a fresh pool, and what the least job and steady work foretell of them",
                metrics=(
                    *(f"{part}-{number}" for part in ("task", "least") for number in ("1", "all")),
                    *(f"job-{tasks}-{number}" for tasks in JOB_TASKS for number in ("1", "all")),
                ),
                lanes=JOB_WAYS,
                duty=Duty.ARGUMENT,
            ),
            *(
                Deeper(
                    kind=kind,
                    summary=f"memory of workers and parent while the duty {duty} is done",
                    metrics=FOOTPRINTS,
                    duty=duty,
                    strategies=True,
                )
                for kind, duty in zip(MEMORY, Duty, strict=True)
            ),
        )
    }
)


OPERATIONS = ("element-read", "element-write", "locked-update", "whole-read")


CODEC = "codec"  #: encoding and decoding alone, in one process


START = "start"  #: starting a process, bare and with the payload among its arguments; for payloads with the duty state


KINDS = (CODEC, START, *Duty)  #: those of a run that names none


ALL_KINDS = (*KINDS, *DEEPER)


_DUTIES = {CODEC: Duty.ARGUMENT, START: Duty.STATE}


def duty_of(kind: str) -> str:
    """The duty that payloads and strategies must have to be measured for a kind of experiment."""
    return DEEPER[kind].duty if kind in DEEPER else _DUTIES.get(kind, kind)


#: What is measured for each kind of experiment; the first is what the verdicts are about.
METRICS: Mapping[str, tuple[str, ...]] = {
    CODEC: ("encode", "decode"),
    START: ("start",),
    Duty.ARGUMENT: ("handoff",),
    Duty.RESULT: ("handoff",),
    Duty.STATE: ("task", "setup"),
    Duty.SHARED: OPERATIONS,
    **{kind: each.metrics for kind, each in DEEPER.items()},
    "pair": ("task", "setup"),  # of handoff.measuring.pairs, which imports the experiment
}


NULL = "null"  #: an empty message: what the harness and the pipe cost by themselves


BIS = "baseline-bis"  #: the baseline once more: what differs between the two is error


#: Raw bytes over the same channel.
FLOORS = {Channel.PIPE: "floor-pipe", Channel.SHM: "floor-shm", Channel.TCP: "floor-tcp"}
