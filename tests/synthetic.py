"""Records with known answers: every lane's true time is given, and the noise is small, seeded and recorded."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from handoff.analysis.metrics import BIS, NULL
from handoff.machine import Fingerprint
from handoff.outcome import OK, Kind, Outcome
from handoff.record import COLUMNS, Record

TRIALS, ROUNDS = 10, 5
HOSTILE = "<script>window.hostile = 1</script> \"quoted\" 'single' `ticked` | pipe\nnew line & <b>bold</b> "

FINGERPRINT: Fingerprint = {
    "cpu": "Test CPU <1>",
    "cores": 2,
    "usable_cores": 2,
    "memory_bytes": 1 << 33,
    "system": "Linux 6.0",
    "libc": "glibc 2.36",
    "python": "3.13.1",
    "versions": {"numpy": "2.4.6", "dill": "0.4.1", "cloudpickle": "3.1.2"},
    "default_start_method": "fork",
    "default_pickle_protocol": 4,
}


def record(
    payload: str = "thing",
    kind: str = "argument",
    start_method: str = "spawn",
    *,
    metrics: Mapping[str, Mapping[str, float]] | None = None,
    failures: Mapping[str, Outcome] | None = None,
    baseline: str = "pickle-default",
    noise: float = 0.002,
    aa: float = 1.0,
    trials: int = TRIALS,
    rounds: int = ROUNDS,
    nbytes: int | None = None,
    **more: Any,
) -> Record:
    """A record whose lanes take what ``metrics`` (by metric, then by lane; seconds) says, times lognormal noise.

    ``aa``: how many times slower the second copy of the baseline is: what this experiment gets wrong. ``failures``: the
    outcomes of the strategies that have no time.
    """
    metrics = {"handoff": {"pickle-default": 1e-3}} if metrics is None else metrics
    failures = failures or {}
    source = random.Random(f"{payload} {kind} {start_method}")
    rows: list[list[Any]] = []
    for metric, lanes in metrics.items():
        times = dict(lanes)
        if baseline in times:
            times[BIS] = times[baseline] * aa
        for trial in range(trials):
            drift = source.gauss(0, 0.05)  # common to all lanes of a trial: pairs cancel it
            for turn in range(1 if metric == "setup" else rounds):
                rows += [row(lane, metric, trial, turn, t, drift + source.gauss(0, noise)) for lane, t in times.items()]
    timed = [lane for lane in next(iter(metrics.values()), {}) if lane != NULL and not lane.startswith("floor")]
    fields: dict[str, Any] = {
        "payload": payload,
        "kind": kind,
        "start_method": start_method,
        "collection": "payloads.test",
        "strategies": [*timed, *(name for name in failures if name not in timed)],
        "profile": {"name": "standard", "trials": trials, "rounds": rounds},
        "fingerprint": FINGERPRINT,
        "run": "20260101T000000-1",
        "started": "2026-01-01T00:00:00+00:00",
        "about": {"why": "made up", "source": "tests", "traits": ["buffer"] if nbytes else [], "nbytes": nbytes},
        "baseline": baseline if baseline in timed else "",
        "floor_bytes": nbytes or 100,
        "outcomes": dict.fromkeys(timed, OK) | dict(failures),
        "rows": rows,
    }
    return Record(**fields | more)


def row(lane: str, metric: str, trial: int, turn: int, seconds: float, logs: float) -> list[Any]:
    """One sample of ten operations; a tenth of the time each in encode, decode and touch."""
    import math

    spent = seconds * math.exp(logs) * 10
    values: dict[str, Any] = dict.fromkeys(COLUMNS, 0)
    values |= {"lane": lane, "metric": metric, "trial": trial, "round": turn, "n": 10, "seconds": spent}
    values |= {"encode_s": spent / 10, "decode_s": spent / 10, "touch_s": spent / 10}
    return [values[name] for name in COLUMNS]


def refused(message: str = "cannot pickle it") -> Outcome:
    return Outcome(Kind.REFUSED, "parent", "TypeError", message)


def model_under_spawn() -> list[Record]:
    """A 50 MiB model: sent with every task, or set up once. shm-pickle-5 ties with shm-reused; dill arrives altered."""
    size = 50 << 20
    argument = record(
        "model-50mib",
        metrics={
            "handoff": {
                "pickle-default": 0.068,
                "pickle-5": 0.060,
                "pickle-5-oob": 0.020,
                "shm-pickle-5": 0.010,
                "shm-reused": 0.010,
                "dill": 0.070,
                "thread": 0.004,
                NULL: 2e-5,
                "floor-pipe": 0.018,
                "floor-shm": 0.009,
            }
        },
        failures={
            "shm-list": refused("a dict is not a flat list"),
            "dill-recurse": Outcome(Kind.ALTERED, "worker", "", "a lock is gone"),
        },
        nbytes=size,
    )
    state = record(
        "model-50mib",
        "state",
        metrics={
            "task": {"process-args": 0.005, "initializer": 0.005, "path-pickle": 0.005, NULL: 1e-5},
            "setup": {"process-args": 0.3, "initializer": 0.32, "path-pickle": 0.4, NULL: 0.1},
        },
        failures={"inherit": Outcome(Kind.UNAVAILABLE, "parent", "Unavailable", "only under fork")},
        baseline="process-args",
        nbytes=size,
    )
    codec = record(
        "model-50mib",
        "codec",
        "",
        metrics={m: {"pickle-default": 0.02, "pickle-5-oob": 1e-5} for m in ("encode", "decode")},
        wire_bytes={"pickle-default": size + 200, "pickle-5-oob": size + 300},
        nbytes=size,
    )
    return [argument, state, codec]


def amounts(
    payload: str, kind: str, start_method: str = "spawn", *, metrics: Mapping[str, Mapping[str, int]], **more: Any
) -> Record:
    """A record of what was read off rather than timed: bytes by metric, then lane; a page more in the first trial."""
    values = [
        [lane, metric, trial, 0, size + (4096 if trial == 0 else 0)]
        for metric, lanes in metrics.items()
        for lane, size in lanes.items()
        for trial in range(TRIALS)
    ]
    lanes = [lane for lane in next(iter(metrics.values())) if lane != NULL]
    fields: dict[str, Any] = {
        "outcomes": dict.fromkeys(lanes, OK),
        "strategies": lanes,
        "values": values,
        "baseline": "",
    }
    return record(payload, kind, start_method, metrics={}, **fields | more)


def footprints() -> list[Record]:
    """What the model under spawn costs in memory: in band a copy, in shared memory none; and beyond the parent."""
    size = 50 << 20
    lanes = {"pickle-default": size, "pickle-5-oob": size, "shm-pickle-5": 0, "shm-reused": 0, NULL: 0}
    return [
        amounts(
            "model-50mib",
            "memory-argument",
            metrics={
                "worker-uss-bytes": {lane: 10 * 2**20 + own for lane, own in lanes.items()},
                "parent-peak-bytes": {lane: 4096 + 2 * own for lane, own in lanes.items()},
                "total-pss-bytes": {lane: 60 * 2**20 + 3 * own for lane, own in lanes.items()},
            },
        )
    ]


def scaling() -> Record:
    """Two ways on two cores: one gains as much as there is to gain, the other nothing."""
    one = {"pool-map": 1e-3, "queue": 2e-3}
    return record(
        "model-50mib",
        "scaling",
        metrics={
            "task-all": {"pool-map": 0.5e-3, "queue": 2e-3},
            "task-1": one,
            "task-double": {"pool-map": 0.5e-3, "queue": 2.1e-3},
        },
        baseline="pool-map",
        strategies=[],
    )


def tie() -> Record:
    """A small dict: everything takes the time of the pipe."""
    return record(
        "small-dict", metrics={"handoff": {"pickle-default": 1e-4, "pickle-5": 1e-4, "cloudpickle": 1.003e-4}}
    )


def noisy() -> Record:
    """Two identical lanes came out 40 % apart: nothing to be told."""
    return record("noisy", metrics={"handoff": {"pickle-default": 1e-4, "pickle-5": 0.8e-4}}, noise=0.3, aa=1.4)


def nothing_carries() -> Record:
    return record(
        "lock",
        metrics={},
        failures={name: refused("cannot pickle '_thread.lock' object") for name in ("pickle-5", "dill")},
    )


def pair(payload: str) -> Record:
    """A workaround: what cloudpickle needs a millisecond for, refactored to take a tenth of it."""
    before, after = (
        f"{role} thing {way}"
        for role, way in (("awkward", "cloudpickle argument"), ("refactored", "pickle-5 argument"))
    )
    times = {before: 1e-3, after: 1e-4}
    return record(payload, "pair", metrics={"task": times, "setup": dict.fromkeys(times, 0.1)}, baseline=before)


def hostile(slower: float = 2) -> Record:
    """Names and texts that try to break out of a page."""
    return record(
        HOSTILE + "name",
        metrics={"handoff": {"pickle-default": 1e-3, "pickle-5": 1e-3 * slower}},
        failures={
            "dill": refused(HOSTILE + "x" * 10_000),
            "cloudpickle": Outcome(Kind.BROKEN, "worker", "<i>", HOSTILE),
        },
        about={"why": HOSTILE, "source": HOSTILE, "traits": [], "nbytes": None},
        complaints=[HOSTILE],
    )


def many(payloads: int, strategies: Sequence[str], kinds: Sequence[str] = ("argument",)) -> list[Record]:
    """A large run: ``payloads`` x ``strategies`` cells for each kind, as the quick profile leaves them."""
    source = random.Random(7)
    return [
        record(
            f"array-f64-{index}kib",
            kind,
            metrics={"handoff": {name: 1e-4 * source.uniform(1, 30) * (1 + index / 20) for name in strategies}},
            trials=3,
            rounds=3,
            nbytes=1024 * (index + 1),
        )
        for kind in kinds
        for index in range(payloads)
    ]
