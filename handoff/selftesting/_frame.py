"""What all checks share: how deep to go, what a check leaves, and where it gets its measurements."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any

from handoff.analysis.figures import Figures
from handoff.analysis.stats import Estimate
from handoff.measuring.experiment import Experiment, measure
from handoff.processes import folders
from handoff.profile import PROFILES, Profile
from handoff.record import Record
from handoff.selftesting._numbers import exact_interval
from handoff.target import Entry, Ref

SCHEMA = 1
#: Checks of the machine; the rest is of the suite itself.
OF_THE_MACHINE = frozenset({"clock", "noise", "identical", "coverage", "slowdowns", "stability"})
ESSENTIAL = frozenset({"noise", "identical", "slowdowns"})  #: checks without which nobody should trust anything
PAYLOADS = "handoff.selftesting._payloads"


class CheckState(StrEnum):
    """What a check, or a line of it, comes to."""

    OK = "ok"
    OFF = "off"  #: shown to miss its target: the whole interval is outside
    UNDECIDED = "undecided"  #: misses it, but too few data or too much noise to be sure
    UNAVAILABLE = "unavailable"  #: could not be looked at, with a reason
    INFO = "info"  #: a figure to look at, without a target


@dataclass(frozen=True, slots=True)
class FigureLine:
    """One figure of a check."""

    what: str
    value: float
    low: float = math.nan  #: of its interval; NaN: it has none
    high: float = math.nan
    unit: str = "share"  #: share, ratio, seconds or count
    target: str = ""  #: in words
    state: CheckState = CheckState.INFO
    note: str = ""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found. ``data`` is for programs: numbers behind the lines."""

    state: CheckState
    summary: str  #: one sentence
    lines: tuple[FigureLine, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    title: str = ""
    seconds: float = 0.0

    def named(self, check: Check, seconds: float) -> CheckResult:
        return replace(self, name=check.name, title=check.title, seconds=round(seconds, 1))


@dataclass(frozen=True, slots=True)
class Check:
    """One way in which figures could be wrong, and how it is looked for."""

    name: str
    title: str
    rank: int  #: order in the report
    run: Callable[[Bench], CheckResult]
    quick: bool = True  #: whether 90 seconds have room for it


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a selftest found."""

    depth: str
    results: tuple[CheckResult, ...]
    advice: tuple[str, ...]
    fingerprint: Mapping[str, Any]
    before: Mapping[str, Any]  #: noise of the machine, see :func:`handoff.machine.noise`
    after: Mapping[str, Any]
    seconds: float
    started: str = ""  #: ISO 8601, UTC

    @property
    def trustworthy(self) -> bool:
        """Whether nothing was shown to be off."""
        return not any(result.state is CheckState.OFF for result in self.results)

    @property
    def verdict(self) -> str:
        """In words."""
        by_state = {state: [r.title for r in self.results if r.state is state] for state in CheckState}
        if by_state[CheckState.OFF]:
            noisy = any(r.name in OF_THE_MACHINE for r in self.results if r.state is CheckState.OFF)
            text = "Do not trust figures from this machine as it is now." if noisy else "The suite is biased here."
            text += f" What should hold and does not: {'; '.join(by_state[CheckState.OFF])}."
        elif by_state[CheckState.UNDECIDED]:
            text = "Nothing is shown to be wrong, and not everything is shown to be right"
            text += f"; undecided: {'; '.join(by_state[CheckState.UNDECIDED])}."
        elif {r.name for r in self.results} >= ESSENTIAL:
            text = "Figures from this machine can be trusted as far as their intervals say."
        elif by_state[CheckState.OK]:
            text = f"What was looked at is as it should be: {'; '.join(by_state[CheckState.OK])}."
        else:
            text = "Nothing is known of this machine."
        if by_state[CheckState.UNAVAILABLE]:
            text += f" Not looked at: {'; '.join(by_state[CheckState.UNAVAILABLE])}."
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured. Seconds are limits: whatever is complete by then is what a check has to judge by."""

    name: str
    profile: Profile  #: of the experiments with identical and slowed lanes; their trials are pooled and regrouped
    trials: int  #: with which identical pairs are judged, as an experiment of that many trials would judge them
    copies: int  #: identical lanes in an experiment, the baseline included
    slowed: int  #: slowed lanes of each size in an experiment, over all metrics of a cell
    cell_s: float  #: seconds for each of the two cells (CPU and IPC)
    most_experiments: int  #: in each cell
    power_trials: tuple[int, ...]  #: trials at which slowdowns are looked for
    alternations: int  #: of the checks that compare two ways of measuring, at most
    check_s: float  #: seconds for each of those checks


def _depths() -> Iterator[Effort]:
    # Eight trials: the fewest whose 99 % interval assumes nothing, and the fewest of the profile standard. Twenty:
    # those of publish. A lane gets 14 ms of a trial, in more rounds and shorter samples than standard's three of
    # 10 ms: more rounds are what narrows a trial's median most.
    standard = replace(PROFILES["standard"], name="selftest", trials=8, most_trials=0, bound=None, record_s=0.0)
    short = replace(standard, rounds=7, sample_s=0.002, lane_s=0.020)
    yield Effort(
        name="quick",
        profile=short,
        trials=8,
        copies=17,
        slowed=6,
        cell_s=17.0,
        most_experiments=2,
        power_trials=(8,),
        alternations=12,
        check_s=6.0,
    )
    yield Effort(
        name="full",
        profile=replace(short, trials=10),
        trials=8,
        copies=19,
        slowed=20,
        cell_s=170.0,
        most_experiments=10,
        power_trials=(8, 20),
        alternations=40,
        check_s=34.0,
    )
    yield Effort(  # the profile standard itself, as long as it takes
        name="thorough",
        profile=standard,
        trials=8,
        copies=25,
        slowed=20,
        cell_s=3600.0,
        most_experiments=85,
        power_trials=(8, 20),
        alternations=100,
        check_s=600.0,
    )


DEPTHS: Mapping[str, Effort] = MappingProxyType({depth.name: depth for depth in _depths()})


class Bench:
    """Where checks get their measurements: experiments run once and are shared."""

    def __init__(self, depth: Effort, seed: int | None = None) -> None:
        self.depth = depth
        self.random = random.Random(seed)
        self.say: Callable[[str], None] = lambda _: None
        self.folder = folders.make()  #: private, removed at the end
        self.cell = cache(self._cell)

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        folders.remove(self.folder)

    def entry(self, payload: str) -> Entry:
        ref = Ref("", PAYLOADS, payload)
        return Entry(ref, ref.load())

    def experiment(
        self,
        payload: str,
        kind: str,
        start_method: str,
        strategies: Sequence[str],
        profile: Profile,
        inside: str = "handoff.measuring.trial",
    ) -> Record:
        """Run one experiment. Raises ``RuntimeError`` when it failed as a whole."""
        what = Experiment(self.entry(payload), kind, start_method, tuple(strategies))
        (record,) = measure([what], profile, None, seed=self.random.randrange(2**32), inside=inside)
        if record.failed or not record.rows:
            reasons = [outcome.reason for outcome in record.outcomes.values() if not outcome.ok]
            raise RuntimeError(record.failed or "; ".join([*reasons, *record.complaints]) or "no samples")
        return record

    def _cell(self, cell: Operation) -> tuple[Figures, ...]:
        """Experiments of identical and slowed lanes, as many as there is time for and at least one."""
        from handoff.selftesting._made import names

        lanes = names(self.depth.copies, self.depth.slowed // len(cell.metrics))
        found: list[Figures] = []
        for number in self.within(self.depth.cell_s, self.depth.most_experiments):
            self.say(f"{cell.title}, experiment {number + 1} of at most {self.depth.most_experiments}")
            record = self.experiment(
                cell.payload, cell.kind, cell.start_method, lanes, self.depth.profile, "handoff.selftesting._made"
            )
            found.append(Figures(record))
        return tuple(found)

    @staticmethod
    def within(seconds: float, most: int, *, least: int = 1) -> Iterator[int]:
        """Count up to ``most`` while there is time for one more, judging by those before; at least ``least`` times."""
        began = time.perf_counter()
        for number in range(most):
            if number >= least and (time.perf_counter() - began) * (number + 1) / number > seconds:
                return
            yield number

    def alternate(
        self, ratios: Callable[[], Iterable[Estimate]], limit: float, seconds: float | None = None
    ) -> Iterator[int]:
        """Count alternations of two ways of measuring, at least ``LEAST``, as long as there is time.

        Ends before that when every ratio so far is known to half its ``limit``: the rule looks at widths alone.
        """
        for number in self.within(
            self.depth.check_s if seconds is None else seconds, self.depth.alternations, least=LEAST
        ):
            yield number
            if enough(ratios(), limit / 2):
                return


def enough(estimates: Iterable[Estimate], target: float, *, minimum: int = 8) -> bool:
    """Whether more alternations are needless: every interval is within plus or minus ``target`` (0.02: 2 %).

    Never before ``minimum`` trials, and never by looking at what the ratios are: stopping on significance would make
    every A/A pair differ sooner or later (Armitage, McPherson & Rowe, JRSS A 132, 1969). Stopping on width is nearly
    harmless because a median and its interval's width are all but independent (Chow & Robbins, Annals of Mathematical
    Statistics 36, 1965, 457-462). Simulated, looking after each of 8 to 20 trials, the worst target: a 95 % interval
    holds the truth in 93 %, a 99 % one in 98.4 %.
    """
    return all(e.n_trials >= minimum and e.half_width <= target for e in estimates)


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of operation that is measured many times over."""

    name: str
    title: str
    payload: str
    kind: str
    start_method: str
    metrics: tuple[str, ...]


CELLS = (
    Operation("cpu", "CPU-bound (pickling rows)", "rows", "codec", "", ("encode", "decode")),
    Operation("ipc", "IPC (a small dict to a worker)", "task", "argument", "fork", ("handoff",)),
)


def worst(lines: Sequence[FigureLine]) -> CheckState:
    """The state of a check by those of its lines."""
    states = {line.state for line in lines}
    order = (CheckState.OFF, CheckState.UNDECIDED, CheckState.OK, CheckState.INFO)
    return next((state for state in order if state in states), CheckState.UNAVAILABLE)


def at_most(count: int, of: int, limit: float) -> tuple[float, float, float, CheckState]:
    """Share, its exact 95 % interval, and whether it is within ``limit``: off only if the whole interval is above."""
    low, high = exact_interval(count, of)
    share = count / of if of else math.nan
    state = CheckState.OK if of and share <= limit else CheckState.OFF if low > limit else CheckState.UNDECIDED
    return share, low, high, state


def at_least(count: int, of: int, limit: float) -> tuple[float, float, float, CheckState]:
    """The same for a share that has to reach ``limit``: off only if the whole interval is below."""
    low, high = exact_interval(count, of)
    share = count / of if of else math.nan
    state = CheckState.OK if of and share >= limit else CheckState.OFF if high < limit else CheckState.UNDECIDED
    return share, low, high, state


#: Alternations without which nothing is known of the spread.
LEAST = 2


def near_one(ratio: Estimate, limit: float) -> CheckState:
    """Whether a ratio is within 1 ± ``limit``, and known as narrowly; off only if its whole interval is outside."""
    if ratio.low > 1 + limit or ratio.high < 1 - limit:
        return CheckState.OFF
    return CheckState.OK if abs(ratio.value - 1) <= limit and ratio.half_width <= limit else CheckState.UNDECIDED


def ratio_line(what: str, ratio: Estimate, limit: float, note: str = "") -> FigureLine:
    """A line for a ratio that should be 1."""
    target = f"within {limit:.0%} of 1, ±{limit:.0%} or less"
    return FigureLine(what, ratio.value, ratio.low, ratio.high, "ratio", target, near_one(ratio, limit), note)
