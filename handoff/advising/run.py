"""One whole advice: opens the target or takes the object, and searches within the budget."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from handoff import timeouts
from handoff.advising import across, import_cost, plans, warned
from handoff.advising.result import BOTH, Advice, AdviceWarning, Job
from handoff.advising.search import BUDGET_S, Plan, Show
from handoff.payload import Duty, Payload, Trait
from handoff.processes.interpreter import Interpreter
from handoff.target import Entry, Ref, parse_work
from handoff.timing import nothing

if TYPE_CHECKING:
    from handoff.processes.messages import Described, Request, SandboxTold


INSIDE = "handoff.advising.in_sandbox"  #: what runs where the user's code does
TASKS = 100
NONE_NOTE = "the callable returned None: if that is not the object you mean, does it lack a return?"


def blank(opened: Described) -> Entry:
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

    config: Request = {**sandbox.request(target), "do": "list"}
    found: list[Described] = []
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


def fresh(config: dict[str, Any], seed: int) -> Interpreter:
    """A trial in a fresh interpreter, which makes the object itself."""
    from handoff.processes.sandbox import Sandbox

    return Sandbox(INSIDE, config, seed=seed)


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
    from functools import partial

    from handoff import target
    from handoff.advising import whole_jobs
    from handoff.advising.recipes import program_for, recipe_for
    from handoff.advising.work import found_by_name, named
    from handoff.diagnosing import diagnose
    from handoff.strategies import registry

    if not hasattr(os, "fork"):
        raise OSError("this platform has no fork: use the command, handoff advise file.py:callable")
    end = time.monotonic() + budget_s
    ref = target.REF if work is None else found_by_name(work, target.REF, job.start_method)
    target.hold(obj, work)
    try:
        with closing(whole_jobs.Stem(obj, "")) as stem:  # before anything is done with the object
            diagnosis = diagnose(obj, name=name, budget_s=max(1.0, min(15.0, budget_s / 3)))
            warnings = list(warned.warned(obj, work=work))
            if also and ref.work == target.LIVE_WORK:
                said = f"{work!r} has no name that a worker could import it by, so that only fork was judged"
                warnings.append(AdviceWarning(said, "give a function of a module", tuple(also)))
                also = ()
            entry = Entry(ref, Payload(name="obj", make=target.obj, work=work))
            job = replace(job, work=named(entry.payload))
            work_s, note = plans.tasked(entry, obj, job)
            plan = plans.forked_plan(name, entry, obj, job, end, diagnosis, work_s, note)
            plan.leave_out = tuple(each.name for each in registry().values() if each.makes)  # how to is not known
            plan.warnings = tuple(warnings)
            plan.programs = partial(program_for, ref)
            plan.recipes = partial(recipe_for, replace(ref, work="") if ref.work == target.LIVE_WORK else ref)
            plan.runner = stem
            return across.measure_each(plans.under_each(plan, also), progress=progress, show=show)
    finally:
        target.let_go()


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

    from handoff.advising import whole_jobs
    from handoff.advising.recipes import program_for, recipe_for
    from handoff.diagnosing import Diagnosis
    from handoff.machine import usable_cores
    from handoff.processes import sandbox

    begin = time.monotonic()
    job = replace(job, work=work)
    config: Request = {
        **sandbox.request(target, payload),
        "do": "advise",
        "job": asdict(job),
        "also": list(also),
        "duty": duty,
        "budget_s": budget_s,
        "diagnose_s": max(1.0, min(15.0, budget_s / 3)),
    }
    if work:
        named, root = parse_work(work)
        config["work"] = {"work": named, "work_root": root}
    told: SandboxTold = {}
    for message in sandbox.ask(INSIDE, config, patience_s=patience_s, more_s=2 * budget_s + 10, progress=progress):
        if "progress" in message:
            progress(message["progress"])
        if "first" in message:
            show(Advice.from_json(message["first"]))
        told |= message
    opened, notes = told["opened"], []
    if opened["none"]:
        notes.append(NONE_NOTE)
    if "advice" in told:
        advice = Advice.from_json(told["advice"])
        return replace(advice, notes=(*notes, *advice.notes))
    entry = blank(opened)
    if said := import_cost.note(entry.ref, opened["imported_s"]):
        notes.append(said)
    diagnosis = Diagnosis.from_json(told["diagnosis"])
    notes += [told["note"]] if told["note"] else []
    job = plans.fitting(replace(job, work=told["work"]), duty, opened["duties"], declared=opened["declared"])
    plan = Plan(
        target,
        entry,
        job,
        fresh,
        plans.end_of(begin, budget_s),
        usable_cores(),
        told["walk_s"],
        told["work_s"],
        opened["imported_s"],
        opened["made_s"],
        diagnosis,
        recipes=partial(recipe_for, entry.ref),
        programs=partial(program_for, entry.ref),
        endless=told["endless"],
        runner=whole_jobs.Afresh(opened["ref"]["folder"], opened["imported_s"] + opened["made_s"]),
        notes=notes,
        warnings=tuple(
            AdviceWarning(**each | {"start_methods": tuple(each["start_methods"])}) for each in told["warnings"]
        ),
    )
    if paths := plans.parts_left_out(diagnosis):
        plan.refactored = plans.beside(entry, paths), fresh
    return across.measure_each(plans.under_each(plan, also), progress=progress, show=show)
