"""The plan of an advice: for which job an object is measured, until when, and by which interpreters or forks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from handoff import timeouts
from handoff.advising import warned
from handoff.advising.result import Job
from handoff.advising.search import Opener, Plan
from handoff.checksum import touch
from handoff.payload import Duty, Payload
from handoff.processes.deadlines import NoAnswer, deadline
from handoff.stacks import place_of
from handoff.target import Entry, Ref

if TYPE_CHECKING:
    from handoff.diagnosing import Diagnosis


def under_each(plan: Plan, also: Sequence[str]) -> list[Plan]:
    """The plan, and the same for other start methods."""
    methods = (plan.job.start_method, *also)
    warnings = warned.concerning(plan.warnings, methods)
    return [
        replace(
            plan,
            job=replace(plan.job, start_method=method),
            notes=list(plan.notes),
            warnings=warnings,
            against=warned.against(warnings, method),
        )
        for method in methods
    ]


def walking(obj: Any, payload: Payload, end: float) -> tuple[float, str]:
    """Seconds that reading all of an object takes; at most ``timeouts.READING_S``, for what is merely large.

    What iterates in its own way may never come to an end. It may take until ``end``; with it comes what there is to
    say then: nothing can be measured where a task reads all of it.
    """
    seconds, stood = _read(obj, payload, timeouts.READING_S)
    if not stood or payload.work is not None or payload.touch is not touch:
        return seconds, ""
    longer_s = end - time.monotonic()
    if longer_s > timeouts.READING_S:
        seconds, stood = _read(obj, payload, longer_s)
    if not stood:
        return seconds, ""
    return seconds, (
        "Nothing was measured: a task reads all of the object where nothing else is said, and that had not come to an "
        f"end after {seconds:.0f} s ({stood}): say what a task does with it (--work FILE:FUNCTION, or work=)."
    )


def _read(obj: Any, payload: Payload, most_s: float) -> tuple[float, str]:
    """Seconds that reading took; and where in the user's code it stood, if it was ended there."""
    stood = ""
    begin = time.perf_counter()
    try:
        with suppress(Exception), deadline(most_s):
            payload.touch(obj)
    except NoAnswer as late:
        stood = place_of(late)
    return time.perf_counter() - begin, stood


def tasked(entry: Entry, obj: Any, job: Job) -> tuple[float, str]:
    """Seconds of the user's own work on the object, 0 where a task reads it; and a note. Raises TargetError."""
    from handoff.advising.work import tried

    return tried(entry.ref, obj, job.work) if entry.payload.work is not None else (0.0, "")


def parts_left_out(diagnosis: Diagnosis | None) -> tuple[str, ...]:
    """The culprits that can be reached, and left behind, by their paths."""
    paths = [each.path for each in diagnosis.culprits] if diagnosis else []
    return tuple(path for path in paths if "(" not in path and path != "obj" and "__reduce" not in path)


def beside(entry: Entry, paths: Sequence[str]) -> Entry:
    """The entry of an object without the parts at ``paths``."""
    from handoff.advising import without_parts

    payload = replace(entry.payload, name=f"{entry.payload.name}-refactored", nbytes=None)
    return Entry(without_parts.ref_of(entry.ref, paths), payload)


def forking(ref: Ref, obj: Any) -> Opener:
    """Trials forked from this process, which has the object."""
    from handoff.processes.forked import Forked
    from handoff.target import keep

    return lambda config, _: Forked("handoff.measuring.trial", config, prepare=lambda: keep(ref, obj))


def forking_refactored(ref: Ref, paths: Sequence[str], obj: Any) -> Opener:
    """The same for the object without some parts, which are taken out in the fork."""
    from handoff.advising.without_parts import without
    from handoff.processes.forked import Forked
    from handoff.target import keep

    return lambda config, _: Forked("handoff.measuring.trial", config, prepare=lambda: keep(ref, without(obj, paths)))


def forked_plan(
    target: str, entry: Entry, obj: Any, job: Job, end: float, diagnosis: Diagnosis | None, work_s: float, note: str
) -> Plan:
    """For an object that is in this process: made once, here."""
    from handoff.machine import usable_cores

    walk_s, endless = walking(obj, entry.payload, end)
    plan = Plan(
        target, entry, job, forking(entry.ref, obj), end, usable_cores(), walk_s, work_s or walk_s,
        diagnosis=diagnosis, endless=endless,
    )  # fmt: skip
    plan.notes += [note] if note else []
    plan.notes.append(
        "all trials share one build of the object, and one interpreter: what varies from start to start is not in the "
        "intervals"
    )
    if paths := parts_left_out(diagnosis):
        other = beside(entry, paths)
        plan.refactored = other, forking_refactored(other.ref, paths, obj)
    return plan


def end_of(begin: float, budget_s: float) -> float:
    """When a budget ends: it counts from the start, but half of it is for measuring, however long making took."""
    return max(begin + 0.97 * budget_s - 0.3, time.monotonic() + budget_s / 2)  # and some is for ending in order


def fitting(job: Job, asked: str | None, duties: Iterable[str], *, declared: bool) -> Job:
    """The job, for the duties that a payload of a collection declares, if none was asked for."""
    found = [duty for duty in Duty if duty in set(duties)]
    if asked or not declared or not found or {Duty.ARGUMENT, Duty.STATE} <= set(found):
        return job
    return replace(job, duty=str(found[0]))
