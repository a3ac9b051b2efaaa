"""Before and after, for the user's own object and job: the templates of a strategy, with the target's words in them."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Collection

from handoff.advising.result import Job, OwnRecipe, Row
from handoff.advising.whole_job_child import MADE
from handoff.advising.whole_jobs import TASKS
from handoff.payload import Duty
from handoff.strategies import baselines, registry
from handoff.target import REF, Ref, parse_call

_NAME = re.compile(r"[^\W\d]\w*")
_MAKE_LIVE = "\n\n\ndef make_object():\n    return ...  # make or load here what you gave to handoff.advise\n"


def recipe_for(ref: Ref, job: Job) -> Callable[[Row], OwnRecipe]:
    """How to write down the recipe of a way for the object that ``ref`` makes, and the job that is to be done."""

    def written(row: Row) -> OwnRecipe:
        duty = Duty(row.duty)
        usual = Duty.ARGUMENT if duty is Duty.STATE else duty  # who sets nothing up sends it with each task
        before = registry()[baselines(usual)[0]].recipe.own[usual]
        after = registry()[row.strategy].recipe.own[duty]
        words = _words(ref, _names(before + after))
        if _live(ref):
            words |= {"make": "make_object()", "imports": words["imports"] + _MAKE_LIVE}
        words |= {"method": job.start_method, "workers": str(job.workers), "tasks": str(job.tasks)}
        return OwnRecipe(before.format(**words, chunk=1), after.format(**words, chunk=row.chunk))

    return written


def program_for(ref: Ref, job: Job) -> Callable[[str, Duty, int], str]:
    """How to write down the whole program of a way (strategy, duty, chunk), to be run and timed.

    It is what is printed, but that names of our own stand for making the object and for the number of tasks, and that a
    task that is not said what to do reads all of the object.
    """

    def written(strategy: str, duty: Duty, chunk: int) -> str:
        code = registry()[strategy].recipe.own[duty]
        words = _words(ref, _names(code))
        if not ref.work:
            words["use"] = "_task(obj)"
            declared = "make = Ref(" in words["imports"]
            words["imports"] += (
                f"\n_task = Ref({ref.root!r}, {ref.module!r}, {ref.name!r}).load().task"
                if declared else "\nfrom handoff.checksum import touch as _task"
            )  # fmt: skip
        words["imports"] += f"\n\n\ndef {MADE}(make):\n    return make()\n"
        words["make"] = f"{MADE}(lambda: {words['make']})"
        words |= {"method": job.start_method, "workers": str(job.workers), "tasks": TASKS}
        return code.format(**words, chunk=chunk)

    return written


def _names(code: str) -> Collection[str]:
    """All names in the code of a template: what is imported into it has to have another."""
    return set(_NAME.findall(re.sub(r"#.*|\{\w+\}", "", code)))


def _words(ref: Ref, taken: Collection[str]) -> dict[str, str]:
    """The imports that make the code run from any folder, the call that makes the object, and what a task does."""
    name, _, _ = parse_call(ref.name)
    lines = [
        *dict.fromkeys(
            f"sys.path.insert(0, {root!r})" for root in (ref.root, ref.work_root if ref.work else "") if root
        )
    ]
    lines = ["import sys", *lines] if lines else []
    if _live(ref):
        make = "None"
    elif name == ref.name and not name.replace(".", "").isidentifier():  # a payload of a collection, by its name
        make = "make()"
        lines.append("from handoff.target import Ref")
        lines.append(f"make = Ref({ref.root!r}, {ref.module!r}, {ref.name!r}).load().make")
    else:
        called, line = _imported(ref.module, name, taken)
        lines.append(line)
        make = called + (ref.name.removeprefix(name) if "(" in ref.name else "()")
    use = "...  # what a task does with obj"
    if ref.work:
        module, _, function = ref.work.partition(":")
        called, line = _imported(module, function, taken)
        lines.append(line)
        use = f"{called}(obj)"
    return {"imports": "\n".join(dict.fromkeys(lines)), "make": make, "use": use}


def _live(ref: Ref) -> bool:
    """Whether the object is in one process, which is given it."""
    return (ref.module, ref.name) == (REF.module, REF.name)


def _imported(module: str, name: str, taken: Collection[str]) -> tuple[str, str]:
    """What something is called after its import, and the import: under another name where the code has that one."""
    root, _, rest = name.partition(".")
    own = f"own_{root}" if root in taken else root
    called = f"{own}.{rest}" if rest else own
    if all(each.isidentifier() and not keyword.iskeyword(each) for each in module.split(".")):
        return called, f"from {module} import {root}" + (f" as {own}" if own != root else "")
    return called, f'from importlib import import_module\n{own} = import_module("{module}").{root}'
