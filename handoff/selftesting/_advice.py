"""What to do about a machine whose figures cannot be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from handoff.selftesting._frame import CheckResult, CheckState

NOISE = (
    "noise",
    "identical",
    "coverage",
    "slowdowns",
)  #: checks that fail of noise alone
PRESSURE = 5.0  #: percent of the last ten seconds in which some process waited for a processor


def advise(
    results: Iterable[CheckResult], marks: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[str]:
    """What to do, most telling first; nothing when all is well."""
    by_name = {result.name: result.state for result in results}
    bad = {name for name, state in by_name.items() if state in (CheckState.OFF, CheckState.UNDECIDED)}
    if not bad:
        return
    yield from _of_the_machine(marks, before, after)
    if bad & {"noise", "slowdowns"}:
        yield "measure more trials: standard goes on until intervals are narrow, publish has at least 20"
    if any(by_name.get(name) is CheckState.UNDECIDED for name in NOISE):
        yield "run the full selftest (without --quick): it decides what few data leave open"
    if not any(by_name.get(name) is CheckState.OFF for name in NOISE):  # else whatever they say is noise too
        yield from (text for name, text in _OF_A_CHECK.items() if name in bad)


_OF_A_CHECK = {
    "clock": "choose another clock source: /sys/devices/system/clocksource/clocksource0/available_clocksource",
    "null": "do not pin it to one core: the two processes of a hand-off need one each",
    "starts": "look for what every Python start runs here: sitecustomize, .pth files, PYTHONSTARTUP, an antivirus",
    "isolation": "measure the flagged strategies alone (--strategy NAME) before relying on a few percent",
    "agreement": "compare with pyperf's own advice: python -m pyperf system show",
}


def _of_the_machine(marks: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    cores = marks.get("usable_cores") or 1
    load = before["load"][0] if before.get("load") else 0.0
    pressure = before.get("pressure", {}).get("cpu_some_avg10", 0.0)
    if load > cores / 2 or pressure > PRESSURE:
        text = f"close other programs: before the start the load was {load:.1f} on {cores} cores"
        yield text + (f", and processes waited for a core {pressure:.0f} % of the time" if pressure else "")
    if cores < 2:
        yield "give it two cores: a hand-off has two processes"
    elif cores > 2:
        yield "pin it to a few quiet cores: taskset -c 2,3 handoff selftest"
    if (after.get("steal_ticks") or 0) > (before.get("steal_ticks") or 0):
        yield "the host takes time from this virtual machine: measure at another hour, or on a machine of your own"
    governors = {
        path.read_text().strip() for path in Path("/sys/devices/system/cpu").glob("cpu*/cpufreq/scaling_governor")
    }
    if governors - {"performance"}:
        yield f"fix the clock rate: the frequency governor is {', '.join(sorted(governors))}, set it to performance"
    if any(value > 1 for name, value in before.get("pressure", {}).items() if name.startswith(("memory", "io"))):
        yield "free memory or wait for the disk: the kernel reports that processes are held up by them"
