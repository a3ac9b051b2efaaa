"""For notebooks and tests: objects that are here, not targets. All work happens in forks of this process."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from handoff import timeouts
from handoff.advising.result import Advice
from handoff.diagnosing import BUDGET_S, Diagnosis
from handoff.diagnosing import diagnose as find
from handoff.outcome import Kind, Outcome
from handoff.payload import Duty, Payload
from handoff.processes import proc
from handoff.target import TargetError
from handoff.timing import nothing

if TYPE_CHECKING:
    from handoff.support_matrix.matrix import MatrixCell
    from handoff.terminal import Part


@dataclass(frozen=True, slots=True, repr=False)
class Diagnosed(Diagnosis):
    """A diagnosis that shows itself: as text, in a rich terminal, in a notebook."""

    def __repr__(self) -> str:
        from handoff.diagnosing.text import diagnosis_summary

        return f"<Diagnosis of {diagnosis_summary(self)}>"

    def __str__(self) -> str:
        from handoff.diagnosing.text import diagnosis_parts
        from handoff.terminal import plain

        return plain(diagnosis_parts(self))

    def __rich__(self) -> Any:
        from handoff.diagnosing.text import diagnosis_drawn

        return diagnosis_drawn(self)

    def _repr_html_(self) -> str:
        from handoff.diagnosing.text import diagnosis_html

        return diagnosis_html(self)

    def to_frame(self) -> Any:
        """What was found as a DataFrame of pandas, a row each: what stops it, then what arrives altered."""
        from handoff.advising.notebook import frame

        found = [("stops", each) for each in self.culprits] + [("alters", each) for each in self.altered]
        return frame([{"what": what, **each.to_json()} for what, each in found])


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of an object by one strategy, for one duty, under one start method."""

    strategy: str
    duty: str
    start_method: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, repr=False)
class Support:
    """Which ways carry an object, each executed. Iterates over its cells."""

    target: str
    cells: tuple[Cell, ...]

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def ok(self) -> tuple[Cell, ...]:
        """Those that carry it."""
        return tuple(cell for cell in self.cells if cell.outcome.ok)

    @property
    def failed(self) -> tuple[Cell, ...]:
        """Those that do not, each with its reason; without what this platform lacks."""
        return tuple(cell for cell in self.cells if cell.outcome.kind not in (Kind.OK, Kind.UNAVAILABLE))

    def to_json(self) -> dict[str, Any]:
        """Schema 1."""
        cells = [
            {"strategy": c.strategy, "duty": c.duty, "start_method": c.start_method, **c.outcome.to_json()}
            for c in self.cells
        ]
        for cell in cells:
            cell["outcome"] = cell.pop("kind")
        return {"schema": 1, "target": self.target, "cells": cells}

    def __repr__(self) -> str:
        counts = Counter(str(cell.outcome.kind) for cell in self.cells)
        return f"<Support for {self.target}: {', '.join(f'{n} {kind}' for kind, n in counts.items())}>"

    def __str__(self) -> str:
        from handoff.terminal import plain

        return plain(self._parts())

    def __rich__(self) -> Any:
        from handoff.terminal import drawn

        return drawn(self._parts())

    def _repr_html_(self) -> str:
        from handoff.support_matrix.text import list_markup
        from handoff.terminal import Part, page

        headline = [Part(repr(self).strip("<>"), "title"), Part("")]
        return page(f"support for {self.target}", [*headline, *list_markup(self._matrix())])

    def to_frame(self) -> Any:
        """The cells as a DataFrame of pandas, a row each."""
        from handoff.advising.notebook import frame

        return frame(self.to_json()["cells"])

    def _parts(self) -> list[Part]:
        from handoff.support_matrix.text import list_parts
        from handoff.terminal import Part

        return [Part(repr(self).strip("<>"), "title"), *list_parts(self._matrix())]

    def _matrix(self) -> list[MatrixCell]:
        """The cells as the command has them, whose words are shown here, too."""
        from handoff.support_matrix.matrix import MatrixCell

        return [
            MatrixCell(self.target, c.strategy, c.duty, c.start_method, str(c.outcome.kind), c.outcome.where,
                       c.outcome.error_type, c.outcome.message, c.outcome.notes)
            for c in self.cells
        ]  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Advised(Advice):
    """An advice that shows itself: as text, in a rich terminal, in a notebook."""

    def __str__(self) -> str:
        from handoff.advising.text import advice_text

        return advice_text(self)

    def __rich__(self) -> Any:
        from handoff.advising.text import advice_drawn

        return advice_drawn(self)

    def _repr_html_(self) -> str:
        from handoff.advising.text import advice_html

        return advice_html(self)

    def to_frame(self) -> Any:
        """The ways as a DataFrame of pandas, a row each, with the number of its tier; times in seconds."""
        from handoff.advising.notebook import frame

        return frame([{"tier": n, **row.to_json()} for n, tier in enumerate(self.tiers, 1) for row in tier])

    def plot(self, ax: Any = None) -> Any:
        """The job by each way as bars of matplotlib; returns the axes."""
        from handoff.advising.notebook import plot

        return plot(self, ax)


def diagnose(obj: Any, *, budget: float = BUDGET_S, name: str = "obj") -> Diagnosed:
    """Find everything in ``obj`` that stops or alters its hand-over, and what is heavy; see ``handoff.diagnosing``.

    ``name`` is a label. ``budget`` in seconds, positive or ``ValueError``.
    """
    _not_again()
    found = find(obj, name=name, budget_s=budget)
    return Diagnosed(**{each.name: getattr(found, each.name) for each in fields(Diagnosis)})


def advise(
    obj: Any,
    *,
    duty: str | None = None,
    tasks: int | None = None,
    workers: int | None = None,
    start_methods: Sequence[str] = (),
    budget: float = 30.0,
    work: Callable[[Any], Any] | None = None,
    name: str = "obj",
    progress: Callable[[str], Any] | None = None,
) -> Advised:
    """Measure what can carry ``obj`` for a job, and say which way to take.

    ``duty``: ``argument``, ``state``, ``result`` or ``shared``; None: sent with every task or set up once, whichever is
    better. ``tasks`` (default 100) on ``workers`` processes (default: usable cores). ``start_methods``: those to be
    judged (default: all of this platform). About ``budget`` seconds are spent, in forks of this process.
    ``work(obj)`` is what a task does with the object; None: it reads all of it. ``progress`` is told what goes on.
    Raises ``ValueError`` for a wrong argument, also for work that raises or hangs, and ``OSError`` where there is no
    fork, or no ``/proc`` on Linux.
    """
    from handoff.advising.notebook import line
    from handoff.advising.run import advise_object, judged, usual_job
    from handoff.start_methods import START_METHODS

    _not_again()
    _one_of("duty", duty, tuple(map(str, Duty)))
    for each in start_methods:
        _one_of("start_methods", each, START_METHODS)
    if min(1 if tasks is None else tasks, 1 if workers is None else workers) < 1 or not budget > 0:
        raise ValueError(f"tasks, workers and budget must be positive: {tasks=} {workers=} {budget=}")
    _needs_proc()
    methods = judged(start_methods)
    job = usual_job(duty, tasks, workers, methods[0])
    shown = line() if progress is None else None
    try:
        told = progress or shown or nothing
        found = advise_object(obj, job, also=methods[1:], name=name, budget_s=budget, work=work, progress=told)
    except TargetError as error:
        raise ValueError(str(error).replace("--work ", "work=")) from None
    finally:
        if shown is not None:
            shown.clear()
    return Advised(**{each.name: getattr(found, each.name) for each in fields(Advice)})


def support(
    obj: Any,
    *,
    strategies: Sequence[str] = (),
    duties: Sequence[str] = (),
    start_methods: Sequence[str] = (),
    patience: float = timeouts.CELL_S,
    jobs: int | None = None,
    name: str = "obj",
    progress: Callable[[str], Any] | None = None,
) -> Support:
    """Try ``obj`` by each strategy, for each duty that it serves, under each start method of this platform, for real,
    and say what became of it.

    ``strategies``, ``duties``, ``start_methods``: no others than these. A hand-over that has not answered after
    ``patience`` seconds hangs. ``jobs``: so many at the same time (default: one more than cores). ``name`` is a label;
    ``progress`` is told what goes on (default: one line, in a notebook or a terminal). All happens in forks of this
    process. Raises ``ValueError`` for a wrong argument; ``OSError`` where there is no fork, or no ``/proc`` on Linux.
    """
    from handoff import target
    from handoff.advising.notebook import line
    from handoff.start_methods import START_METHODS
    from handoff.support_matrix import matrix

    _not_again()
    for each in strategies:
        _one_of("strategies", each, tuple(matrix.ways()))
    for each in duties:
        _one_of("duties", each, tuple(map(str, Duty)))
    for each in start_methods:
        _one_of("start_methods", each, START_METHODS)
    if not patience > 0 or (jobs is not None and jobs < 1):
        raise ValueError(f"patience and jobs must be positive: {patience=} {jobs=}")
    _needs_proc()
    shown = line() if progress is None else None
    told = progress or shown or nothing
    target.hold(obj)
    try:
        cells = matrix.support(
            {name: target.Entry(target.REF, Payload(name="obj", make=target.obj))},
            strategies=strategies,
            duties=duties,
            start_methods=start_methods or START_METHODS,
            patience_s=patience,
            jobs=jobs,
            progress=lambda done, total, what: told(f"{done} of {total} hand-overs{what and ': '}{what}"),
            live=True,
        )
    finally:
        target.let_go()
        if shown is not None:
            shown.clear()
    return Support(
        name,
        tuple(
            Cell(c.strategy, c.duty, c.start_method,
                 Outcome(Kind(c.outcome), c.where, c.error_type, c.message, c.notes))
            for c in cells
        ),
    )  # fmt: skip


def _not_again() -> None:
    """Raise ``RuntimeError`` where a worker that is not forked runs the user's script once more, to import from it."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__mp_main__":
            raise RuntimeError(
                "a worker runs this script again: put what calls handoff under if __name__ == '__main__'"
            )
        frame = frame.f_back  # type: ignore[assignment]  # None at the outermost


def _needs_proc() -> None:
    """Raise ``OSError`` where what is started could not be watched and cleared away."""
    if missing := proc.missing():
        raise OSError(missing)


def _one_of(what: str, value: str | None, valid: Sequence[str]) -> None:
    if value is not None and value not in valid:
        raise ValueError(f"{what} {value!r}: valid are {', '.join(valid)}")
