"""The fingerprint of a measurement: everything about machine, system and libraries that may change a figure."""

from __future__ import annotations

import importlib.metadata
import multiprocessing
import os
import pickle
import platform
import sys
import sysconfig
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypedDict

LIBRARIES = ("numpy", "cloudpickle", "dill", "multiprocess", "pathos", "loky", "joblib")


class Fingerprint(TypedDict, total=False):
    """Of one measurement: what stays the same during a run. Records of before lack some."""

    cpu: str
    cores: int | None
    usable_cores: int
    memory_bytes: int
    cgroup_cpu: str
    cgroup_memory: str
    system: str
    libc: str
    transparent_hugepages: str
    malloc: dict[str, str]  #: what the environment says to the allocator
    shm_bytes: int
    clock: str
    clock_resolution_s: float
    clock_source: str
    python: str
    python_build: str
    gil: bool
    versions: dict[str, str]  #: of :data:`LIBRARIES`
    default_start_method: str
    default_pickle_protocol: int
    cluster: str  #: where it was measured, if not here


class Load(TypedDict, total=False):
    """What else goes on."""

    load: list[float]  #: averages of 1, 5 and 15 minutes
    pressure: dict[str, float]  #: percent of time stalled, see psi(7)
    steal_ticks: int | None  #: of the clock, see proc(5)


def has_gil(fingerprint: Fingerprint | None = None) -> bool:
    """Whether all threads share one GIL: in the process that a fingerprint is of, or else in this one.

    Builds without it exist since 3.13, and even there an extension module may have switched it on.
    """
    if fingerprint is not None:
        return bool(fingerprint.get("gil", True))
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def _read(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text().strip()
    return ""


CLUSTER = "HANDOFF_CLUSTER"  #: in the environment of trials


@cache
def fingerprint() -> Fingerprint:
    """What stays the same during a run. Values are strings, numbers or empty; nothing identifies a person."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _read("/proc/cpuinfo").splitlines() if "model name" in line), ""
    )
    shm = os.statvfs("/dev/shm") if Path("/dev/shm").is_dir() else None
    versions = {}
    for name in LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return {
        "cpu": cpu or platform.machine(),
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "cgroup_cpu": _read("/sys/fs/cgroup/cpu.max"),
        "cgroup_memory": _read("/sys/fs/cgroup/memory.max"),
        "system": f"{platform.system()} {platform.release()}",
        "libc": " ".join(platform.libc_ver()),
        "transparent_hugepages": _read("/sys/kernel/mm/transparent_hugepage/enabled"),
        "malloc": {key: value for key, value in os.environ.items() if key.startswith("MALLOC_") or key == "LD_PRELOAD"},
        "shm_bytes": shm.f_frsize * shm.f_blocks if shm else 0,
        "clock": time.get_clock_info("perf_counter").implementation,
        "clock_resolution_s": time.get_clock_info("perf_counter").resolution,
        "clock_source": _read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "python": platform.python_version(),
        "python_build": " ".join([platform.python_compiler(), *_optimisations()]),
        "gil": has_gil(),
        "versions": versions,
        "default_start_method": multiprocessing.get_all_start_methods()[0],
        "default_pickle_protocol": pickle.DEFAULT_PROTOCOL,
    }


def _optimisations() -> list[str]:
    """How the interpreter was built: the options that change its speed."""
    wanted = ("--enable-optimizations", "--with-lto", "--with-pydebug", "--enable-experimental-jit", "--disable-gil")
    options = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    return [option for option in wanted if option in options]


def cluster() -> str:
    """The address of the user's own cluster, on which those ways run that can; "" where each starts its own here."""
    return os.environ.get(CLUSTER, "")


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def noise() -> Load:
    """What else goes on now: load averages, pressure (PSI: percent of time stalled) and steal (clock ticks)."""
    pressure = {}
    for what in ("cpu", "memory", "io"):
        for line in _read(f"/proc/pressure/{what}").splitlines():
            kind, avg10, *_ = line.split()
            pressure[f"{what}_{kind}_avg10"] = float(avg10.split("=")[1])
    first = (_read("/proc/stat").splitlines() or [""])[0].split()
    return {
        "load": list(os.getloadavg()),
        "pressure": pressure,
        "steal_ticks": int(first[8]) if len(first) > 8 else None,
    }


def free_shared_bytes() -> int | None:
    """Bytes that shared memory has room for; None where it is not a file system of its own."""
    if not Path("/dev/shm").is_dir():
        return None
    found = os.statvfs("/dev/shm")
    return found.f_frsize * found.f_bavail
