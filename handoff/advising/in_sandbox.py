"""What runs in the sandbox: opens the target, diagnoses or measures it, and tells."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from handoff.advising import warned, whole_jobs
from handoff.advising.warned import Bindings
from handoff.analysis.units import size
from handoff.outcome import describe
from handoff.processes.boot import limit_memory, settle
from handoff.processes.memory import lacks_memory
from handoff.processes.messages import Described, Request, Tell
from handoff.processes.sandbox import memory_limit
from handoff.stacks import place_of
from handoff.target import Entry, Ref, TargetError, load_collection, parse_call

if TYPE_CHECKING:
    from handoff.measuring.messages import Config
    from handoff.measuring.messages import Tell as TrialTell

SLOW_S = 0.3  #: an object that takes longer to make is made once ...
SLOW_IMPORT_S = 0.4  #: ... and so is one whose module takes longer to import
OBJECT_SHARE = 0.4  #: of that, for the object: to hand it over takes it at least twice


def main(config: Request, tell: Tell) -> None:
    """What the contained interpreter does: a trial, or open the target and look at it."""
    settle()
    limit_bytes = config.get("memory_bytes") or memory_limit()
    if "experiments" in config:
        limit_memory(limit_bytes)
        from handoff.measuring import trial

        trial.main(cast("Config", config), cast("TrialTell", tell))
        return
    begin = time.monotonic()
    limit_memory(int(limit_bytes * OBJECT_SHARE))
    try:
        if config["do"] == "list" and "collection" in config:
            tell({"entries": _described(config), "final": True})
            return
        entry, obj, before, imported_s, made_s = _open(config, tell)
    except TargetError as error:
        tell({"failed": str(error), "traceback": traceback.format_exc()})
        return
    except BaseException as error:
        lacks = lacks_memory(error)
        said = _memory(config["target"], limit_bytes, error) if lacks else _raised(config["target"], error)
        tell({"failed": said, "traceback": traceback.format_exc()})
        return
    limit_memory(limit_bytes)
    if config["do"] == "list":
        tell({"entries": [_description(entry)], "final": True})
    elif config["do"] == "diagnose":
        tell({"diagnosis": _diagnosis(entry, obj, config), "final": True})
    elif made_s <= SLOW_S and imported_s <= SLOW_IMPORT_S:
        _advise(config, entry, obj, before, imported_s, made_s, begin, tell, None)
    else:
        with closing(whole_jobs.Stem(obj, entry.ref.folder)) as stem:  # before anything is done with the object
            _advise(config, entry, obj, before, imported_s, made_s, begin, tell, stem)


def _open(config: Request, tell: Tell) -> tuple[Entry, Any, Bindings, float, float]:
    """Load the target and make its object; tell of it. Also what was bound before, and how long both took."""
    begin = time.perf_counter()
    entry = _entry(config)
    imported_s = time.perf_counter() - begin
    before = warned.bindings() if config["do"] == "advise" else {}
    begin = time.perf_counter()
    obj = entry.payload.make()
    made_s = time.perf_counter() - begin
    tell(
        {
            "opened": {
                **_description(entry),
                "declared": "collection" in config,
                "none": obj is None,
                "imported_s": imported_s,
                "made_s": made_s,
            }
        }
    )
    return entry, obj, before, imported_s, made_s


def _description(entry: Entry) -> Described:
    """What the outside may know of a payload, which makes no object of it."""
    payload = entry.payload
    return {
        "ref": entry.ref.to_json(),
        "name": payload.name,
        "duties": sorted(payload.duties),
        "traits": sorted(payload.traits),
        "nbytes": payload.nbytes,
        "why": payload.why,
        "source": payload.source,
    }


def _described(config: Request) -> list[Described]:
    return [_description(entry) for entry in _collection(config).values()]


def _collection(config: Request) -> Mapping[str, Entry]:
    os.chdir(config["cwd"])
    try:
        return load_collection(config["collection"])
    finally:
        os.chdir(config["folder"])


def _entry(config: Request) -> Entry:
    if "ref" in config:
        ref = _for_work(Ref(**config["ref"]), config)
        return Entry(ref, ref.load())
    entries = _collection(config)
    name: str = config["payload"] or (next(iter(entries)) if len(entries) == 1 else "")
    if name not in entries:
        said = f"no payload is named {name!r}" if name else f"defines {len(entries)} payloads: say --payload NAME"
        raise TargetError(f"{config['target']}: {said}; there are: {', '.join(entries)}")
    ref = _for_work(replace(entries[name].ref, folder=config["cwd"]), config)
    return Entry(ref, ref.load())


def _for_work(ref: Ref, config: Request) -> Ref:
    return replace(ref, **config["work"]) if "work" in config else ref


def _memory(target: str, limit_bytes: int, error: BaseException) -> str:
    text = f": {found}" if (found := describe(error)) else ""
    limit = size(limit_bytes * OBJECT_SHARE)
    return f"{target}: the object needs more memory than the {limit} that it may have here, to be handed over{text}"


def _raised(target: str, error: BaseException) -> str:
    place = place_of(error)
    where = f" ({place})" if place else ""
    if isinstance(error, SystemExit):
        return f"{target}: calls sys.exit({describe(error)}) instead of returning an object{where}"
    text = " ".join(describe(error).split())
    return f"{target}: raised {type(error).__name__}{': ' if text else ''}{text[:300]}{where}"


def _diagnosis(entry: Entry, obj: Any, config: Request) -> dict[str, Any]:
    from handoff.diagnosing import diagnose

    return diagnose(obj, name=config["target"], budget_s=config["diagnose_s"], ref=entry.ref.to_json()).to_json()


def _advise(
    config: Request,
    entry: Entry,
    obj: Any,
    before: Bindings,
    imported_s: float,
    made_s: float,
    begin: float,
    tell: Tell,
    stem: whole_jobs.Stem | None,
) -> None:
    """Diagnose; and, what takes long to make, measure here, by forks. Else it is measured from outside, afresh."""
    from handoff.advising import across, plans, work
    from handoff.advising.recipes import program_for, recipe_for
    from handoff.advising.result import Job
    from handoff.diagnosing import Diagnosis

    end = plans.end_of(begin, config["budget_s"])
    asked = Job(**config["job"])
    asked = replace(asked, work=asked.work or work.named(entry.payload))
    try:
        work_s, note = plans.tasked(entry, obj, asked)
    except TargetError as error:
        tell({"failed": str(error), "traceback": ""})
        return
    maker = parse_call(entry.ref.name)[0] if "collection" not in config else ""
    warnings = warned.warned(obj, before=before, maker=maker, work=entry.payload.work)
    data = _diagnosis(entry, obj, config)
    if stem is None:
        walk_s, endless = plans.walking(obj, entry.payload, end)
        tell({"diagnosis": data, "walk_s": walk_s, "work_s": work_s or walk_s, "work": asked.work, "note": note,
              "endless": endless,
              "warnings": [each.to_json() for each in warnings], "final": True})  # fmt: skip
        return
    job = plans.fitting(asked, config["duty"], entry.payload.duties, declared="collection" in config)
    plan = plans.forked_plan(config["target"], entry, obj, job, end, Diagnosis.from_json(data), work_s, note)
    plan.imported_s, plan.made_s, plan.recipes = imported_s, made_s, partial(recipe_for, entry.ref)
    plan.programs = partial(program_for, entry.ref)
    plan.runner = stem
    plan.warnings = warnings
    advice = across.measure_each(
        plans.under_each(plan, config["also"]),
        progress=lambda what: tell({"progress": what}),
        show=lambda first: tell({"first": first.to_json()}),
    )
    tell({"advice": advice.to_json(), "final": True})
