"""The suite measures its own error: identical lanes, slowdowns of known size, and its figures against others' ways.

One module a check, each exporting ``CHECK``; what begins with an underscore they share. Nothing here times an operation
that the suite would time: the checks run real experiments, with strategies and trials made for the purpose.
"""

from __future__ import annotations

import datetime as dt
import importlib
import pkgutil
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType

from handoff.machine import fingerprint, noise
from handoff.selftesting._advice import advise
from handoff.selftesting._frame import Bench, Check, CheckResult, CheckState, Effort, Report

Progress = Callable[[int, int, str], None]  #: done, of how many, what now


def checks() -> Mapping[str, Check]:
    """All checks by name, in the order in which they run. Raises ``ValueError`` when a name is taken twice."""
    found: dict[str, Check] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("_"):
            continue
        check: Check = importlib.import_module(f"{__name__}.{module.name}").CHECK
        if check.name in found:
            raise ValueError(f"check {check.name!r} is defined twice, the second time in {module.name}")
        found[check.name] = check
    return MappingProxyType(dict(sorted(found.items(), key=lambda item: (item[1].rank, item[0]))))


def run(
    depth: Effort,
    *,
    names: Iterable[str] = (),
    seed: int | None = None,
    progress: Progress = lambda *_: None,
) -> Report:
    """Run the named checks, or all that the depth has room for.

    A check that cannot run is ``unavailable``, with its reason; the others go on.
    """
    wanted = set(names)
    chosen = [
        check
        for name, check in checks().items()
        if name in wanted or (not wanted and (check.quick or depth.name != "quick"))
    ]
    started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    before, began = noise(), time.perf_counter()
    results = []
    with Bench(depth, seed) as bench:
        for index, check in enumerate(chosen):
            bench.say = partial(_say, progress, index, len(chosen), check.name)
            bench.say(check.title)
            results.append(_run_one(check, bench))
    progress(len(chosen), len(chosen), "")
    after = noise()
    seconds = time.perf_counter() - began
    advice = advise(results, fingerprint(), before, after)
    return Report(depth.name, tuple(results), tuple(advice), fingerprint(), before, after, round(seconds, 1), started)


def _say(progress: Progress, index: int, of: int, name: str, text: str) -> None:
    progress(index, of, f"{name}: {text}")


def _run_one(check: Check, bench: Bench) -> CheckResult:
    begin = time.perf_counter()
    try:
        result = check.run(bench)
    except Exception as error:
        result = CheckResult(CheckState.UNAVAILABLE, f"could not run: {type(error).__name__}: {error}")
    return result.named(check, time.perf_counter() - begin)
