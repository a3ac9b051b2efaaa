"""Cells of an object that only this process has: executed in forks of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from handoff import timeouts
from handoff.outcome import Kind, Outcome
from handoff.payload import Duty


def executed(strategy: str, duty: Duty, method: str, patience_s: float) -> Outcome:
    """One cell, in a fork of its own."""
    from handoff.processes.forked import Forked
    from handoff.strategies import registry
    from handoff.support_matrix.matrix import unavailable

    if why := unavailable(registry()[strategy], method):
        return Outcome(Kind.UNAVAILABLE, "", "", why)
    config = {"strategy": strategy, "duty": str(duty), "start_method": method, "patience_s": patience_s}
    inside = Forked("handoff.support_matrix.in_fork", config)
    stage, end = "parent", time.monotonic() + patience_s + timeouts.IN_FORK_S
    try:
        for word in inside.told(patience_s + 5):
            if "outcome" in word:
                return Outcome.from_json(word["outcome"])
            stage = word["stage"]
            if time.monotonic() > end:
                break
        how = f"the process {inside.how_it_ended()}"
    except TimeoutError:
        how = f"no answer in {patience_s:g} s"
    finally:
        with suppress(OSError):
            inside.close()
    where = stage if stage in ("parent", "result") else "worker"
    return Outcome(Kind.BROKEN, where, "", how)


def main(config: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """In the fork: hand the object over as asked, and tell what became of it."""
    from handoff import target
    from handoff.support_matrix import cell

    folder = Path(config["folder"])
    spec = cell.CellSpec(
        target.REF,
        config["strategy"],
        Duty(config["duty"]),
        config["start_method"],
        folder,
        f"{folder.name}-{os.getpid()}",
        config["patience_s"],
    )
    outcome, _ = cell.run(spec, lambda stage: tell({"stage": stage}))
    tell({"outcome": outcome.to_json()})
