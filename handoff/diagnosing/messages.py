"""What the disposable process that loads pickles is told, and what it answers.

JSON, one job and one answer. A verdict is that of :class:`handoff.compare.altered.Verdict`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Required, TypedDict

if TYPE_CHECKING:
    from handoff.target import RefFields


#: A value of a freshly imported module, as ``["ok", text or None]``; or ``["missing", error]``.
Fact = tuple[str, str | None]


class MainModule(TypedDict):
    """How a spawned worker would find ``__main__``: by a module's name, or by a file."""

    name: str
    path: str


class Judging(TypedDict):
    """What the mode ``judge`` wants besides."""

    items: list[tuple[str, int]]  #: each pickle's codec and size, one after the other in the data
    sent: Any  #: what :func:`handoff.compare.facts.facts` said of the object
    ref: RefFields | None  #: by which it is made once more
    own: bool  #: whether the payload says by itself what must be the same of it
    each_s: float  #: for one pickle


class LoadJob(TypedDict):
    """One job; the pickle follows it."""

    codec: str
    mode: str  #: ``fast``, ``tolerant`` or ``judge``
    size: int  #: of the pickle, in bytes
    limit_s: float
    limit_bytes: int  #: address space beyond the interpreter's
    ask: list[tuple[str, str]]  #: module and name of plain values that are to be told after a load
    modules: list[str]  #: imported before the clock starts
    authkey: str  #: hexadecimal
    main: MainModule | None
    judging: Judging | None
    alone: bool  #: in a process of its own that was started for it, not forked


class Failure(TypedDict, total=False):
    """One step of a load that failed."""

    stage: Required[str]  #: ``find``, ``load``, ``reduce``, …
    error: Required[str]
    type: Required[str]  #: of the exception
    memo: int | None  #: index in the pickle's memo of the object that it befell
    guarded: bool  #: it was about to empty a file, and was kept from it
    doubtful: bool  #: perhaps due to a stand-in among its parts
    sought: tuple[str, str]  #: module and name of what was not found


class Judged(TypedDict, total=False):
    """What became of one pickle: a verdict, or what went wrong."""

    verdict: dict[str, Any]
    looks: str  #: a digest of what was said of what arrived: what looks alike is judged once
    error: str


class LoadAnswer(TypedDict, total=False):
    """The answer to a job."""

    ok: Required[bool]
    error: str
    guarded: bool  #: as of a :class:`Failure`
    facts: list[Fact]  #: in the order in which they were asked for
    failures: list[Failure]
    answers: list[Judged]  #: in the order of the items
    died: bool  #: the process ended without an answer
    hung: bool  #: it had none in its time
