"""Before and after, for the user's own object and job: the templates of a strategy, with the target's words in them."""

from __future__ import annotations

from collections.abc import Callable

from handoff.advising.result import Job, OwnRecipe, Row
from handoff.payload import Duty
from handoff.strategies import baselines, registry
from handoff.target import Ref, parse_call

TAKEN = {
    "work",
    "start",
    "serve",
    "post",
    "take",
    "parts",
    "obj",
    "task",
    "mp",
    "pool",
    "ProcessPoolExecutor",
}  #: names that the templates use


def recipe_for(ref: Ref, job: Job) -> Callable[[Row], OwnRecipe]:
    """How to write down the recipe of a way for the object that ``ref`` makes, and the job that is to be done."""
    words = _words(ref) | {"method": job.start_method, "workers": str(job.workers), "tasks": str(job.tasks)}

    def written(row: Row) -> OwnRecipe:
        template = registry()[row.strategy].recipe.own.get(Duty(row.duty))
        before = registry()[baselines(Duty.ARGUMENT)[0]].recipe.own[Duty.ARGUMENT]
        if template is None:
            own = registry()[row.strategy].recipe
            note = f"# {row.strategy}, on a small object; put {words['make']} of {ref.module} in its place\n"
            return OwnRecipe(note + own.before.strip() + "\n", note + own.after.strip() + "\n")
        return OwnRecipe(before.format(**words, chunk=1), template.format(**words, chunk=row.chunk))

    return written


def _words(ref: Ref) -> dict[str, str]:
    """The imports that make the code run from any folder, the call that makes the object, and what a task does."""
    name, _, _ = parse_call(ref.name)
    lines = [
        *dict.fromkeys(
            f"sys.path.insert(0, {root!r})" for root in (ref.root, ref.work_root if ref.work else "") if root
        )
    ]
    lines = ["import sys", *lines] if lines else []
    if name == ref.name and not name.replace(".", "").isidentifier():  # a payload of a collection, by its name
        make = "make()"
        lines.append("from handoff.target import Ref")
        lines.append(f"make = Ref({ref.root!r}, {ref.module!r}, {ref.name!r}).load().make")
    else:
        called, line = _imported(ref.module, name)
        lines.append(line)
        make = called + (ref.name.removeprefix(name) if "(" in ref.name else "()")
    use = "...  # what a task does with obj"
    if ref.work:
        module, _, function = ref.work.partition(":")
        called, line = _imported(module, function)
        lines.append(line)
        use = f"{called}(obj)"
    return {"imports": "\n".join(dict.fromkeys(lines)), "make": make, "use": use}


def _imported(module: str, name: str) -> tuple[str, str]:
    """What something is called after its import, and the import: under another name where a template has that one."""
    root = name.partition(".")[0]
    if root not in TAKEN:
        return name, f"from {module} import {root}"
    return f"own_{name}", f"from {module} import {root} as own_{root}"
