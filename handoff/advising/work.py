"""The user's own work: tried once in a fork before anything is measured, so that what is wrong with it is one line.

In a trial the worker calls it for every sample (:meth:`handoff.payload.Payload.task`); here it is called alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from handoff import timeouts
from handoff.outcome import describe
from handoff.payload import Payload
from handoff.stacks import place_of
from handoff.target import LIVE_WORK, Ref, TargetError, keep

AGAIN_S = 1.0  #: within this it is called again: a first call fills caches, and a job has many
CALLS = 5  #: at most, of which the quickest counts: the others waited for a busy machine
SOURCE = "handoff.advising.work"


def tried(ref: Ref, obj: Any, what: str) -> tuple[float, str]:
    """Call the work of ``ref`` on ``obj``, in a fork. Seconds of one call, and what there is to note of it.

    Raises :class:`TargetError` in one line where it raises, hangs, ends its process or returns what cannot be pickled.
    """
    from handoff.processes.forked import Forked

    config = {"work of": ref.name}
    with closing(Forked(SOURCE, config, prepare=lambda: _given.update(ref=ref, obj=obj))) as inside:
        try:
            found = next(iter(inside.told(timeouts.WORK_S + timeouts.STATED_S)), None)
        except TimeoutError:
            raise TargetError(f"--work {what}: had not returned after {timeouts.WORK_S:g} s") from None
        if found is None:
            raise TargetError(f"--work {what}: its process {inside.how_it_ended()}")
    if "failed" in found:
        raise TargetError(f"--work {what}: {found['failed']}")
    note = ""
    if found["changed"]:
        note = f"{what} changes the object: what is set up once per worker is another after each task, a copy is not"
    return float(found["seconds"]), note


_given: dict[str, Any] = {}


def main(config: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """In the fork: call it, and tell."""
    ref, obj = _given["ref"], _given["obj"]
    keep(ref, obj)
    payload = ref.load()
    before = _stated(obj)
    seconds: list[float] = []
    try:
        while not seconds or (sum(seconds) < AGAIN_S and len(seconds) < CALLS):
            begin = time.perf_counter()
            result = payload.work(obj)
            seconds.append(time.perf_counter() - begin)
    except BaseException as error:
        place = place_of(error)
        text = " ".join(describe(error).split())[:300]
        tell({"failed": f"raised {type(error).__name__}: {text}{f' ({place})' if place else ''}"})
        return
    try:
        from multiprocessing.reduction import ForkingPickler

        ForkingPickler.dumps(result)
    except Exception as error:
        kind = type(result).__name__
        tell({"failed": f"returns a {kind} that no worker can send back: {type(error).__name__}: {describe(error)}"})
        return
    tell({"seconds": min(seconds), "changed": before != _stated(obj)})


def _stated(obj: Any) -> str:
    """What is to be said of the object, in brief; "" where that takes too long to be worth it."""
    from handoff.compare.facts import brief
    from handoff.processes.deadlines import NoAnswer, deadline

    with suppress(NoAnswer, Exception), deadline(timeouts.STATED_S / 2):
        return brief(obj)
    return ""


def found_by_name(work: Callable[..., Any], ref: Ref, start_method: str) -> Ref:
    """The ref with a live function as its work. Raises ``ValueError`` for one that a fresh process cannot import."""
    module, name = getattr(work, "__module__", None), getattr(work, "__qualname__", "")
    file = getattr(sys.modules.get(str(module)), "__file__", None)
    if module is None or "<" in name or file is None:
        if start_method != "fork":
            raise ValueError(
                f"work={work!r}: under {start_method} a worker imports it by name: give a function of a module"
            )
        return replace(ref, work=LIVE_WORK, work_root="")
    path = Path(file).resolve()
    if module == "__main__":
        return replace(ref, work=f"{path.stem}:{name}", work_root=str(path.parent))
    root = path.parent if path.name != "__init__.py" else path.parent.parent
    for _ in range(module.count(".")):
        root = root.parent
    return replace(ref, work=f"{module}:{name}", work_root=str(root))


def named(payload: Payload) -> str:
    """What the work of a declared payload is called; "" where it has none."""
    work = payload.work
    return "" if work is None else getattr(work, "__name__", type(work).__name__)
