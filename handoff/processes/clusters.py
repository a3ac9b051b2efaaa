"""The user's own cluster: what it tells of itself before anything is measured there. Who asks can be ended.

Its address reaches the trials by their environment (``handoff.machine.cluster``). What is asked, and how, the ways that
run there know (``Execution.clusters``, ``Execution.asked``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from handoff import timeouts
from handoff.outcome import Unavailable
from handoff.processes.interpreter import Interpreter
from handoff.strategies import registry

ASKED = ("python", "cloudpickle", "numpy")  #: what has to agree for an object that is pickled here to be loaded there
OURS = "handoff"


class NoCluster(Exception):
    """There is no such cluster, or nothing can be measured on it; the message says why."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster as it is now."""

    address: str
    here: Mapping[str, str]  #: by name, the version of this side
    workers: Mapping[str, Mapping[str, str]]  #: by worker, the same; what it has not is ""

    def differing(self) -> list[str]:
        """A line for each group of workers that have other versions than this side."""
        found: dict[tuple[str, ...], list[str]] = {}
        for name, versions in self.workers.items():
            others = tuple(
                f"{each} {versions[each] or 'not installed'} (here {self.here[each]})"
                for each in (*ASKED, OURS)
                if versions[each] != self.here[each]
            )
            if others:
                found.setdefault(others, []).append(name)
        return [f"{_some(names)}: {', '.join(others)}" for others, names in found.items()]


def _some(names: list[str]) -> str:
    more = len(names) - 1
    return f"worker {names[0]}" + (f" and {more} more" if more else "")


def ways(scheme: str) -> list[str]:
    """The strategies that run on such clusters."""
    return [name for name, each in registry().items() if each.execution and scheme in each.execution.clusters]


def ask(url: str) -> Cluster:
    """What it tells. Raises :class:`NoCluster`, after at most ten seconds where nobody answers."""
    scheme, _, rest = url.partition("://")
    known = sorted({each for way in registry().values() if way.execution for each in way.execution.clusters})
    if scheme not in known or not rest:
        raise NoCluster(f"--cluster {url!r}: give one of {', '.join(f'{each}://host:port' for each in known)}")
    if lacks := registry()[ways(scheme)[0]].lacks:
        raise NoCluster(f"--cluster {url}: {lacks}")
    told = _told(url, scheme)
    if "error" in told:
        raise NoCluster(f"--cluster {url}: {told['error']}")
    cluster = Cluster(url, told["here"], told["workers"])
    if not cluster.workers:
        raise NoCluster(f"--cluster {url}: it has no workers")
    if without := [name for name, versions in cluster.workers.items() if not versions[OURS]]:
        raise NoCluster(f"--cluster {url}: handoff is not installed on {_some(without)}; its tasks are handoff's own")
    return cluster


def _told(url: str, scheme: str) -> dict[str, Any]:
    inside = Interpreter(__name__, {"url": url, "scheme": scheme})
    patience_s = timeouts.CLUSTER_S
    try:
        while message := next(inside.told(patience_s), None):
            if not message.get("connected"):
                return message
            patience_s = timeouts.CLUSTER_TOLD_S
        return {"error": f"who asked {inside.how_it_ended()}"}
    except TimeoutError:
        return {"error": f"it does not answer within {patience_s:g} s"}
    finally:
        inside.close()


def main(config: Mapping[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """Ask it, in an interpreter of its own."""
    execution = registry()[ways(config["scheme"])[0]].execution
    assert execution is not None
    assert execution.asked is not None
    try:
        versions = _versions()
        found = execution.asked(config["url"], versions, lambda: tell({"connected": True}))
        tell({"here": versions(), "workers": found})
    except Unavailable as error:
        tell({"error": str(error)})
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        tell({"error": f"it does not answer: {reason}"})
    os._exit(0)  # whatever threads the library still has


def _versions() -> Callable[[], dict[str, str]]:
    """A function that tells what is installed where it runs. It travels by value: handoff may not be there."""

    def versions() -> dict[str, str]:
        import importlib.metadata
        import platform

        found = {"python": platform.python_version()}
        for name, distribution in (("cloudpickle", "cloudpickle"), ("numpy", "numpy"), ("handoff", "handoff-bench")):
            try:
                found[name] = importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                found[name] = ""
        return found

    return versions
