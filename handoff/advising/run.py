"""One whole advice: opens the target or takes the object, and searches within the budget."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from handoff import timeouts
from handoff.advising import across, warned
from handoff.advising.result import BOTH, Advice, AdviceWarning, Job
from handoff.advising.search import BUDGET_S, Opener, Plan, Show
from handoff.payload import Duty, Payload, Trait
from handoff.processes.deadlines import NoAnswer, deadline
from handoff.processes.interpreter import Interpreter
from handoff.target import Entry, Ref, parse_work
from handoff.timing import nothing

if TYPE_CHECKING:
    from handoff.diagnosing import Diagnosis


INSIDE = "handoff.advising.in_sandbox"  #: what runs where the user's code does
TASKS = 100
NONE_NOTE = "the callable returned None: if that is not the object you mean, does it lack a return?"


def blank(opened: dict[str, Any]) -> Entry:
    """The payload as the outside knows it, which imports nothing of it: to be measured by others."""

    def make() -> Any:
        raise RuntimeError("the asking process never makes the object")

    payload = Payload(
        name=opened["name"],
        make=make,
        duties=frozenset(map(Duty, opened["duties"])),
        traits=frozenset(map(Trait, opened["traits"])),
        nbytes=opened["nbytes"],
        why=opened["why"],
        source=opened["source"],
    )
    return Entry(Ref(**opened["ref"]), payload)


def open_target(target: str, *, patience_s: float, progress: Callable[[str], Any] = nothing) -> Mapping[str, Entry]:
    """The payloads that a TARGET names, by name; this process imports nothing of them.

    The object of a callable is made once, to see that it can be: within ``patience_s``. Raises :class:`TargetError`.
    """
    from handoff.processes import sandbox

    config = sandbox.request(target) | {"do": "list"}
    found: list[dict[str, Any]] = []
    for message in sandbox.ask(INSIDE, config, patience_s=patience_s, more_s=patience_s, progress=progress):
        found = message.get("entries", found)
    entries = [replace(blank(each), target=target) for each in found]
    return {entry.payload.name: entry for entry in entries}


def usual_job(duty: str | None, tasks: int | None, workers: int | None, start_method: str | None) -> Job:
    """The job, with what was not said: 100 tasks, a worker for each usable core, this Python's start method."""
    import multiprocessing

    from handoff.machine import usable_cores

    return Job(
        duty or BOTH,
        TASKS if tasks is None else tasks,
        workers or usable_cores(),
        start_method or multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0],
    )


def judged(asked: Sequence[str]) -> tuple[str, ...]:
    """The start methods to judge: those asked for, or else all of this platform, this Python's own first."""
    import multiprocessing

    if asked:
        return tuple(dict.fromkeys(asked))
    usual = multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]
    return usual, *(each for each in multiprocessing.get_all_start_methods() if each != usual)


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


def walking(obj: Any, payload: Payload) -> float:
    """Seconds that reading all of an object takes; at most ``timeouts.READING_S``."""
    begin = time.perf_counter()
    with suppress(Exception, NoAnswer), deadline(timeouts.READING_S):
        payload.touch(obj)
    return time.perf_counter() - begin


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
    from handoff.advising import refactored

    payload = replace(entry.payload, name=f"{entry.payload.name}-refactored", nbytes=None)
    return Entry(refactored.ref_of(entry.ref, paths), payload)


def fresh(config: dict[str, Any], seed: int) -> Interpreter:
    """A trial in a fresh interpreter, which makes the object itself."""
    from handoff.processes.sandbox import Sandbox

    return Sandbox(INSIDE, config, seed=seed)


def forking(ref: Ref, obj: Any) -> Opener:
    """Trials forked from this process, which has the object."""
    from handoff.processes.forked import Forked
    from handoff.target import keep

    return lambda config, _: Forked("handoff.measuring.trial", config, prepare=lambda: keep(ref, obj))


def forking_refactored(ref: Ref, paths: Sequence[str], obj: Any) -> Opener:
    """The same for the object without some parts, which are taken out in the fork."""
    from handoff.advising.refactored import without
    from handoff.processes.forked import Forked
    from handoff.target import keep

    return lambda config, _: Forked("handoff.measuring.trial", config, prepare=lambda: keep(ref, without(obj, paths)))


def forked_plan(
    target: str, entry: Entry, obj: Any, job: Job, end: float, diagnosis: Diagnosis | None, work_s: float, note: str
) -> Plan:
    """For an object that is in this process: made once, here."""
    from handoff.machine import usable_cores

    walk_s = walking(obj, entry.payload)
    plan = Plan(
        target, entry, job, forking(entry.ref, obj), end, usable_cores(), walk_s, work_s or walk_s, diagnosis=diagnosis
    )
    plan.notes += [note] if note else []
    plan.notes.append(
        "all trials share one build of the object, and one interpreter: what varies from start to start is not in the "
        "intervals"
    )
    if paths := parts_left_out(diagnosis):
        other = beside(entry, paths)
        plan.refactored = other, forking_refactored(other.ref, paths, obj)
    return plan


def advise_object(
    obj: Any,
    job: Job,
    *,
    also: Sequence[str] = (),
    name: str = "obj",
    budget_s: float = BUDGET_S,
    work: Callable[[Any], Any] | None = None,
    progress: Callable[[str], Any] = nothing,
    show: Show = nothing,
) -> Advice:
    """Advise on an object of this process, under the job's start method and ``also`` under others.

    Everything happens in forks of it. Raises ``OSError`` without fork.
    """
    from handoff import target
    from handoff.advising.work import found_by_name, named
    from handoff.diagnosing import diagnose
    from handoff.strategies import registry

    if not hasattr(os, "fork"):
        raise OSError("this platform has no fork: use the command, handoff advise file.py:callable")
    end = time.monotonic() + budget_s
    diagnosis = diagnose(obj, name=name, budget_s=max(1.0, min(15.0, budget_s / 3)))
    warnings = list(warned.warned(obj, work=work))
    ref = target.REF if work is None else found_by_name(work, target.REF, job.start_method)
    if also and ref.work == target.LIVE_WORK:
        warnings.append(AdviceWarning(f"{work!r} has no name that a worker could import it by, so that only fork was "
                                      "judged", "give a function of a module", tuple(also)))  # fmt: skip
        also = ()
    entry = Entry(ref, Payload(name="obj", make=target.obj, work=work))
    job = replace(job, work=named(entry.payload))
    target.hold(obj, work)
    try:
        work_s, note = tasked(entry, obj, job)
        plan = forked_plan(name, entry, obj, job, end, diagnosis, work_s, note)
        plan.leave_out = tuple(each.name for each in registry().values() if each.makes)  # how to make it is not known
        plan.warnings = tuple(warnings)
        return across.measure_each(under_each(plan, also), progress=progress, show=show)
    finally:
        target.let_go()


def end_of(begin: float, budget_s: float) -> float:
    """When a budget ends: it counts from the start, but half of it is for measuring, however long making took."""
    return max(begin + 0.97 * budget_s - 0.3, time.monotonic() + budget_s / 2)  # and some is for ending in order


def fitting(job: Job, asked: str | None, duties: Iterable[str], *, declared: bool) -> Job:
    """The job, for the duties that a payload of a collection declares, if none was asked for."""
    found = [duty for duty in Duty if duty in set(duties)]
    if asked or not declared or not found or {Duty.ARGUMENT, Duty.STATE} <= set(found):
        return job
    return replace(job, duty=str(found[0]))


def advise_target(
    target: str,
    job: Job,
    *,
    also: Sequence[str] = (),
    duty: str | None = None,
    payload: str | None = None,
    work: str = "",
    budget_s: float = BUDGET_S,
    patience_s: float = timeouts.TARGET_S,
    progress: Callable[[str], Any] = nothing,
    show: Show = nothing,
) -> Advice:
    """Advise on what a TARGET names, under the job's start method and ``also`` under others.

    This process imports nothing of the target. Raises :class:`TargetError`.
    """
    from functools import partial

    from handoff.advising.recipes import recipe_for
    from handoff.diagnosing import Diagnosis
    from handoff.machine import usable_cores
    from handoff.processes import sandbox

    begin = time.monotonic()
    job = replace(job, work=work)
    config = sandbox.request(target, payload) | {
        "do": "advise",
        "job": asdict(job),
        "also": list(also),
        "duty": duty,
        "budget_s": budget_s,
        "work": dict(zip(("work", "work_root"), parse_work(work), strict=True)) if work else {},
        "diagnose_s": max(1.0, min(15.0, budget_s / 3)),
    }
    opened: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for message in sandbox.ask(INSIDE, config, patience_s=patience_s, more_s=2 * budget_s + 10, progress=progress):
        if "progress" in message:
            progress(message["progress"])
        if "first" in message:
            show(Advice.from_json(message["first"]))
        opened = message.get("opened", opened)
        told |= message
    notes = []
    if opened["none"]:
        notes.append(NONE_NOTE)
    if "advice" in told:
        advice = Advice.from_json(told["advice"])
        return replace(advice, notes=(*notes, *advice.notes))
    entry = blank(opened)
    diagnosis = Diagnosis.from_json(told["diagnosis"])
    notes += [told["note"]] if told["note"] else []
    job = fitting(replace(job, work=told["work"]), duty, opened["duties"], declared=opened["declared"])
    plan = Plan(
        target,
        entry,
        job,
        fresh,
        end_of(begin, budget_s),
        usable_cores(),
        told["walk_s"],
        told["work_s"],
        opened["imported_s"],
        opened["made_s"],
        diagnosis,
        recipes=partial(recipe_for, entry.ref),
        notes=notes,
        warnings=tuple(
            AdviceWarning(**each | {"start_methods": tuple(each["start_methods"])}) for each in told["warnings"]
        ),
    )
    if paths := parts_left_out(diagnosis):
        plan.refactored = beside(entry, paths), fresh
    return across.measure_each(under_each(plan, also), progress=progress, show=show)
