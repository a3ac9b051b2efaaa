"""Whole jobs: the programs that are printed for the leading ways are run, as often as there is time for it.

What the parts of a job add up to is a good guess of which ways lead. But a job is more than its parts: libraries that
use all cores in each of several workers, imports that workers share, what is paid once in a program, the end of a pool.
So the guess chooses whom to run, and the runs decide.

Each run is a program of its own, in a fresh interpreter (:class:`Afresh`). Where importing the user's module or making
the object takes long, it is a fork of a process that has done both, and nothing else, as a program stands when its main
part begins (:class:`Forks`, :class:`Stem`). What is timed is that part without the making.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Protocol

from handoff.advising import whole_job_child
from handoff.processes.forked import Forked
from handoff.processes.interpreter import Interpreter
from handoff.processes.messages import JobProgram, Ran
from handoff.processes.sandbox import Sandbox

SOURCE = "handoff.advising.whole_jobs"
PROGRAM = "handoff.advising.whole_job_child"  #: what is the program inside
TASKS = "_TASKS_"  #: stands in a program's text for their number
FIRST_PASS, AT_LEAST = 0.6, 2  #: of the time, at most, for running each once; but two of them are
BEHIND = (2.5, 2.0, 2.0, 1.5)  #: slower than the best by this factor after one pass, two, more: run no more
PASSES, LEAST_PASSES = 16, 3  #: at most; for so many of all programs there should be time
SHARES = 4  #: a run may take so many shares of the time before it is run with fewer tasks: fewer passes lose less
AS_LONG = 4  #: such a run takes so many times what is paid once, if it can: then what each task takes can be told
FEWER = 4  #: so many times fewer tasks are tried where a run took longer than it may
LEAST_S, PATIENCE = 2.0, 3.0  #: a run may take so many times what was foretold, and so much more: imports in workers
GUARD = 'if __name__ == "__main__":\n'
START_S, FORK_S = 0.15, 0.05  #: about what a run takes beside its job: a fresh interpreter, a fork, and their ends
SILENCE_S = 5.0  #: longer than the last run may take after the time: some is for its end in order


class Runner(Protocol):
    """What runs a program once."""

    @property
    def beside_s(self) -> float:
        """What a run takes beside its job."""

    def __call__(self, text: str, most_s: float) -> float | str | None:
        """Seconds of one run; why there are none; None where it takes longer than it may."""


def _told(inside: Interpreter, most_s: float) -> float | str | None:
    with closing(inside):
        try:
            found = next(iter(inside.told(most_s)), None)
        except TimeoutError:
            return None
        if found is None:
            return f"it {inside.how_it_ended()}"
    return str(found["error"]) if "error" in found else float(found["seconds"])


@dataclass
class Afresh:
    """Each run in a fresh interpreter, which imports the user's module and makes the object itself.

    ``folder`` is where the object was made, for makers that read files there. ``opened_s``: what importing and making
    took. Their libraries' threads may be at work for a while after it: BLAS's keep a core busy for some 30 ms.
    """

    folder: str
    opened_s: float
    seeds: Iterator[int] = field(default_factory=itertools.count)

    @property
    def beside_s(self) -> float:
        return START_S + self.opened_s

    def __call__(self, text: str, most_s: float) -> float | str | None:
        config = {**_parted(text), "cwd": self.folder}
        return _told(Sandbox(PROGRAM, config, seed=next(self.seeds)), most_s + LEAST_S + PATIENCE * self.beside_s)

    def run(self, programs: Sequence[JobProgram], until: float) -> Iterator[Ran]:
        """All of them, until a time of ``time.monotonic``."""
        return run_all(programs, self, until - time.monotonic())


@dataclass
class Forks:
    """Each run in a fork of this process, where the object is."""

    obj: Any
    folder: str
    beside_s: float = FORK_S

    def __call__(self, text: str, most_s: float) -> float | str | None:
        config = {**_parted(text), "cwd": self.folder}
        return _told(Forked(PROGRAM, config, prepare=self._give), most_s)

    def _give(self) -> None:
        whole_job_child.given["obj"] = self.obj


class Stem:
    """A fork of this process as it is now, which waits: whatever is done here until then is unknown to its runs."""

    beside_s = FORK_S

    def __init__(self, obj: Any, folder: str) -> None:
        self._inside = Forked(SOURCE, None, prepare=lambda: _held.update(obj=obj, folder=folder))

    def run(self, programs: Sequence[JobProgram], until: float) -> Iterator[Ran]:
        """All of them, in forks of the fork, until a time of ``time.monotonic``; then there is no more of it."""
        with closing(self):
            self._inside.give({"programs": programs, "until": until})
            yield from self._inside.told(max(0.0, until - time.monotonic()) + SILENCE_S)  # type: ignore[misc]  # as main tells

    def close(self) -> None:
        """Idempotent."""
        self._inside.close()


_held: dict[str, Any] = {}


def main(config: Mapping[str, Any], tell: Callable[[Ran], None]) -> None:
    """In the fork that waited: run the programs, and tell."""
    for ran in run_all(config["programs"], Forks(**_held), config["until"] - time.monotonic()):
        tell(ran)


class _Runs:
    """What one program has taken, by the number of its tasks, and what it is expected to take."""

    def __init__(self, program: JobProgram) -> None:
        self.program = program
        self.seconds: dict[int, list[float]] = {}
        self.most = program["tasks"]  #: with more than these it did not come to its end in time
        self.failed = False

    def expected_s(self, tasks: int, wrong: float = 1.0) -> float:
        """For so many tasks. ``wrong``: how many times what was foretold other programs have taken."""
        known = {each: median(runs) for each, runs in sorted(self.seconds.items())}
        if not known:
            return wrong * (self.program["fixed_s"] + tasks * self.program["slope_s"])
        if tasks in known:
            return known[tasks]
        fewest, most = min(known), max(known)
        slope = (known[most] - known[fewest]) / (most - fewest) if most > fewest else wrong * self.program["slope_s"]
        return max(known[fewest] / 2, known[most] + (tasks - most) * slope)

    def tasks(self, share_s: float, wrong: float) -> int:
        """All of the job's, where that takes no more than a share of the time. Else first as few as keep all workers
        busy, which tells what is paid once; then as many as fit."""
        all_of_them, step = self.program["tasks"], min(self.program["step"], self.program["tasks"])
        most_s = SHARES * share_s
        if all_of_them in self.seconds or (self.expected_s(all_of_them, wrong) <= most_s and self.most >= all_of_them):
            return all_of_them
        if not self.seconds:
            return step
        once_s, slope = self.expected_s(step, wrong), self.expected_s(2 * step, wrong) - self.expected_s(step, wrong)
        fits = step * max(2, 1 + int((min(most_s, AS_LONG * once_s) - once_s) / slope)) if slope > 0 else 2 * step
        return min(fits, max(step, self.most))

    def turn(self, once: Runner, share_s: float, wrong: list[float], end: float) -> Iterator[Ran]:
        """One run of all tasks; or of fewer, the first time after one of as few as can be."""
        few = bool(self.seconds)
        while not self.failed:
            tasks = self.tasks(share_s, median(wrong))
            expected_s = self.expected_s(tasks, median(wrong))
            left_s = end - time.monotonic() - once.beside_s
            if left_s < expected_s:
                return
            patience_s = LEAST_S + PATIENCE * expected_s
            most_s = min(max(left_s / 2, expected_s), patience_s)
            found = once(self.program["text"].replace(TASKS, str(tasks)), most_s)
            if found is None and tasks <= self.program["step"]:
                if most_s < patience_s:  # the time was up: that is no fault of the program
                    return
                found = f"it had not come to its end after {most_s:.1f} s"
            if isinstance(found, str):
                self.failed = True
                yield {"tasks": tasks, "error": found}
                return
            added_s = self.program["fixed_s"] + tasks * self.program["slope_s"]
            wrong.append((found or most_s) / added_s)
            if found is None:
                self.most = tasks // FEWER
                continue
            self.seconds.setdefault(tasks, []).append(found)
            yield {"tasks": tasks, "seconds": found}
            if few or tasks == self.program["tasks"]:
                return
            few = True


def run_all(programs: Sequence[JobProgram], once: Runner, left_s: float, *, seed: int = 0) -> Iterator[Ran]:
    """Run the programs in turn, pass after pass, until the time is over.

    The first pass takes them as they come, the others in random order. What fails, or is clearly behind, is run no
    more. What would take longer than its share of the time is run with fewer tasks.
    """
    end = time.monotonic() + left_s
    turn = random.Random(seed)
    share_s = max(0.0, left_s / LEAST_PASSES / max(1, len(programs)) - once.beside_s)
    runs = [_Runs(program) for program in programs]
    wrong = [1.0]
    going = list(range(len(programs)))
    for number in range(PASSES):
        for index in list(going):
            one = runs[index]
            if not number and len(wrong) > AT_LEAST and end - time.monotonic() < left_s * (1 - FIRST_PASS):
                going.remove(index)  # of those that were run, more is to be known
                continue
            for ran in one.turn(once, share_s, wrong, end):
                yield {**ran, "program": index, "run": number}
            if one.failed:
                going.remove(index)
        going = _still(going, runs, number + 1)
        if not going or time.monotonic() > end:
            return
        turn.shuffle(going)


def _still(going: list[int], runs: Sequence[_Runs], passes: int) -> list[int]:
    """Those that are not clearly behind, and what is run in any case; nothing where nobody is left to be compared."""
    took = {index: runs[index].expected_s(runs[index].program["tasks"]) for index in going if runs[index].seconds}
    most_s = BEHIND[min(passes, len(BEHIND)) - 1] * min(took.values(), default=0.0)
    found = [
        index for index in going
        if took.get(index, 0.0) <= most_s or (runs[index].program["always"] and passes < LEAST_PASSES)
    ]  # fmt: skip
    return found if len(found) > 1 else []


def _parted(text: str) -> dict[str, str]:
    """A program, and its main part, which is its last statement: at the same lines, for tracebacks."""
    at = text.rindex(GUARD)
    return {"text": text, "main": "\n" * text.count("\n", 0, at) + text[at:]}
