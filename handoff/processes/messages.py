"""What the sandbox is told when it starts, and what it tells. JSON, a message each, in the order of what happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Required, TypedDict

if TYPE_CHECKING:
    from handoff.target import RefFields


class WorkFields(TypedDict):
    """The fields of a :class:`handoff.target.Ref` that name the function of a task."""

    work: str
    work_root: str


class Request(TypedDict, total=False):
    """A target, and what is to be done with it: ``list``, ``diagnose`` or ``advise``."""

    target: Required[str]  #: as it was said
    ref: RefFields  #: one object; or ...
    collection: str  #: ... the file of a collection, and ...
    payload: str | None  #: ... which of it
    do: str
    diagnose_s: float  #: for a diagnosis
    work: WorkFields  #: what a task does with the object, if it was said
    job: Mapping[str, Any]  #: of :class:`handoff.advising.result.Job`
    also: Sequence[str]  #: start methods, beside the job's
    duty: str | None  #: None: the user said none
    budget_s: float  #: for an advice
    cwd: str  #: the asking process's, which its sandbox adds, with ...
    memory_bytes: int  #: ... what it may take ...
    folder: str  #: ... and a private folder, removed at the end


class JobProgram(TypedDict):
    """One program, and what it is foretold to take: ``fixed_s + tasks * slope_s``."""

    text: str  #: with the word for their number in it, see :mod:`handoff.advising.whole_jobs`
    tasks: int  #: of the job
    step: int  #: so few keep all workers busy
    fixed_s: float
    slope_s: float
    always: bool  #: is run in the first passes, however slow


class Ran(TypedDict, total=False):
    """One run."""

    program: int
    run: int  #: the how manieth pass
    tasks: int  #: with so many of the job's tasks
    seconds: float
    error: str  #: why there is no time


class Described(TypedDict):
    """What the outside may know of a payload, which makes no object of it."""

    ref: RefFields
    name: str
    duties: list[str]
    traits: list[str]
    nbytes: int | None
    why: str
    source: str


class Opened(Described):
    """Its object was made."""

    declared: bool  #: it is of a collection
    none: bool  #: the object is None
    imported_s: float
    made_s: float


class SandboxTold(TypedDict, total=False):
    """One message of the sandbox: one of these, and what belongs to it."""

    failed: str  #: in one line, with ...
    traceback: str  #: ... the user's
    opened: Opened
    entries: list[Described]
    progress: str
    first: dict[str, Any]  #: of :class:`handoff.advising.result.Advice`, before all is measured
    advice: dict[str, Any]  #: likewise; or what is needed to measure from outside:
    diagnosis: dict[str, Any]  #: of :class:`handoff.diagnosing.Diagnosis`
    walk_s: float  #: of the built-in reading ...
    endless: str  #: ... and what there is to say where that has no end
    work_s: float  #: of a task
    work: str
    note: str
    warnings: list[dict[str, Any]]  #: of :class:`handoff.advising.result.AdviceWarning`
    final: bool  #: nothing follows


Tell = Callable[[SandboxTold], None]
