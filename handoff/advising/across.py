"""One job under several start methods: each is looked at, and one answer says which to take.

First a look at the likeliest ways under each; then the budget goes to those that are not clearly behind, and most of it
to the first of them. Of start methods that are as fast as each other, as far as can be told, this Python's own is
taken, since nothing changes then.
"""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handoff.advising.ranking import SIMPLER, UNMEASURED, MeasuredWay, Ranking, Whole
from handoff.advising.result import Advice, ByDefault, Row, UnderMethod
from handoff.advising.search import MEMORY_S, MEMORY_SHARE, Plan, Search, Show
from handoff.advising.whole_jobs import LEAST_PASSES
from handoff.analysis import stats
from handoff.measuring.questions import OUT
from handoff.payload import Duty
from handoff.processes.messages import JobProgram
from handoff.start_methods import by_default
from handoff.strategies import baselines, registry
from handoff.timing import nothing

LOOK = 0.5  #: of the budget, at most, for the first looks at several start methods
FIRST_S = 3.0  #: what the first look at the first of them may take, for who asks waits for it ...
FIRST = 0.6  #: ... and at most this share of the looks' time
LEADER = 0.6  #: of the rest for the first of them, where others are not clearly behind
WHOLE = 0.6  #: of what is left after the looks, at most, for running the programs of the leading ways
CHUNKINGS = 2  #: of one strategy at most: what the sums of their parts tell apart, a whole job may not
MOST_PROGRAMS, LEAST_PROGRAMS, PER_DUTY = 12, 4, 6  #: so many, as the time allows; of each duty the best ones ...
NEAR = 4.0  #: ... that are within this factor of the best, as far as the sum of their parts tells
AS_GOOD = SIMPLER - 1  #: what is no reason to take a less simple way is none to change the start method


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of one start method by now."""

    search: Search
    ranking: Ranking

    @property
    def best(self) -> Row | None:
        return self.ranking.tiers[0][0] if self.ranking.tiers else None

    @property
    def best_key(self) -> str:
        return self.best.key if self.best else ""

    @property
    def total_s(self) -> float:
        return self.best.total_s if self.best else math.inf

    @property
    def out(self) -> bool:
        """Whether it is no answer: nothing carries the object, or a warning speaks against it."""
        return self.best is None or bool(self.search.plan.against)


def measure_each(plans: Sequence[Plan], *, progress: Callable[[str], Any] = nothing, show: Show = nothing) -> Advice:
    """Measure these plans, which differ in their start method alone, until the end that they have in common.

    The first is what is done by default. ``show`` gets what is known after the first look at it, or at the next where
    that told nothing.
    """
    begin, end = time.monotonic(), plans[0].end
    if plans[0].endless:
        return replace(Search(plans[0], progress).conclude(), advice=plans[0].endless, excluded=())
    stop = end - min(MEMORY_S, MEMORY_SHARE * max(0.0, end - begin))
    searches = [Search(replace(plan, several=len(plans) > 1), progress) for plan in plans]
    looks_s = (LOOK if len(plans) > 1 or plans[0].runner is not None else 1.0) * max(0.0, end - begin)
    for number, search in enumerate(searches):
        now = time.monotonic()
        left_s = begin + looks_s - now
        share_s = left_s / (len(searches) - number)
        search.plan.end = now + (share_s if number else max(share_s, min(FIRST_S, FIRST * left_s)))
        told = any(other.ranking().tiers for other in searches[:number])
        search.look(nothing if told else show, _defaults(search.plan) if len(plans) > 1 else ())
    enough = stop - _whole_s(_order(searches), stop - time.monotonic())
    for number, (search, share) in enumerate(_worth_more(searches)):
        search.plan.end = time.monotonic() + share * (enough - time.monotonic())
        search.go_on(always=number == 0)
    _run_programs(_order(searches), stop, progress)
    known = _order(searches)
    first = known[0].search
    first.plan.end = end
    first.weigh()
    advice = replace(first.conclude(), seconds=round(time.monotonic() - begin, 1))
    if len(plans) == 1:
        return advice
    under = tuple(_under(each, known[0]) for each in known)
    return replace(advice, start_methods=under, defaults=_by_default(known))


def _whole_s(known: Sequence[_Known], left_s: float) -> float:
    """What is kept of the time for running programs, as far as is known of the job."""
    plan, best_s = known[0].search.plan, known[0].total_s
    if plan.runner is None or not math.isfinite(best_s):
        return 0.0
    each_s = plan.runner.beside_s + 2 * best_s  # most of them take longer than the best
    return max(0.0, min(LEAST_PASSES * MOST_PROGRAMS * each_s, WHOLE * left_s))


@dataclass(frozen=True, slots=True)
class _Leader:
    """A way whose program is to be run."""

    search: Search
    way: MeasuredWay
    usual: bool  #: it is what is done when nothing else is asked for

    def program(self, text: str, *, always: bool) -> JobProgram:
        """Its program, with what the sum of its parts foretells."""
        job, line = self.search.plan.job, self.way.line
        step = self.way.chunk * job.workers
        return JobProgram(
            text=text, tasks=job.tasks, step=step, fixed_s=line.fixed, slope_s=line.slope, always=always or self.usual
        )


def _run_programs(known: Sequence[_Known], until: float, progress: Callable[[str], Any]) -> None:
    """Run the programs of the leading ways, and of what is done when nothing else is asked for."""
    plan, leaders = known[0].search.plan, _leaders(known)
    if plan.runner is None or plan.programs is None or len(leaders) < 2:
        return
    each_s = LEAST_PASSES * (plan.runner.beside_s + min(each.total_s for each in known))
    leaders = leaders[: max(LEAST_PROGRAMS, int((until - time.monotonic()) / each_s))]
    programs: list[JobProgram] = []
    for leader in leaders:
        way, written = leader.way, plan.programs(leader.search.plan.job)
        text = written(way.strategy.name, way.duty, way.chunk)
        programs.append(leader.program(text, always=way.key == known[0].best_key))
    progress(f"running the programs of {len(programs)} ways")
    for ran in plan.runner.run(programs, until):
        leader = leaders[ran["program"]]
        whole = leader.search.wholes.setdefault(leader.way.key, Whole())
        if "seconds" in ran:
            whole.runs.append((ran["run"], ran["tasks"], ran["seconds"]))
        else:
            whole.error = ran["error"]


def _leaders(known: Sequence[_Known]) -> list[_Leader]:
    """Of each start method that is near the best ways of each duty, and the simplest; first the best of all."""
    found: dict[tuple[str, str], _Leader] = {}
    possible = [each for each in known if not each.out] or [each for each in known if each.best is not None]
    best_s = min((each.total_s for each in possible), default=math.inf)
    near = [each for each in possible if each.total_s <= NEAR * best_s]
    for each in near:
        ways = sorted(each.ranking.ways.values(), key=lambda way: stats.estimate(way.total).value)
        within = [way for way in ways if stats.estimate(way.total).value <= NEAR * each.total_s]
        for duty in each.search.plan.job.duties:
            of_it = [way for way in within if way.duty == duty]
            strategies = [way.strategy for way in of_it]
            chosen = [way for n, way in enumerate(of_it) if strategies[:n].count(way.strategy) < CHUNKINGS]
            chosen = chosen[: PER_DUTY if each is near[0] else 1]
            simplest = min(of_it, key=lambda way: way.change, default=None)
            for way in [*chosen, *filter(None, [simplest])]:
                found.setdefault((each.search.plan.job.start_method, way.key), _Leader(each.search, way, way.usual))
        for way in ways:
            if way.usual and each is near[0]:
                found.setdefault((each.search.plan.job.start_method, way.key), _Leader(each.search, way, usual=True))
    leaders = sorted(found.values(), key=lambda each: stats.estimate(each.way.total).value)
    places: Counter[Duty] = Counter()
    turns = []  # the best of each duty first: sums of parts tell duties apart less well than ways
    for number, leader in enumerate(leaders):
        turns.append((not leader.usual, places[leader.way.duty], number))
        places[leader.way.duty] += 1
    return [leaders[number] for *_, number in sorted(turns)][:MOST_PROGRAMS]


def _defaults(plan: Plan) -> list[str]:
    """The ways that Pythons take by themselves, for the comparison of what they do."""
    return [way for _, method, protocol in _pythons() if method == plan.job.start_method for way in _ways_of(protocol)]


def _ways_of(protocol: int) -> list[str]:
    """The ways that pickle in a protocol and do no more; what this Python does by itself first, if it takes that."""
    plain = [each.name for each in registry().values() if each.pickled_as == each.name == f"pickle-{protocol}"]
    own = by_default(sys.version_info[:2], sys.platform)[1]
    return [*(baselines(Duty.ARGUMENT)[:1] if protocol == own else ()), *plain]


def _pythons() -> list[tuple[str, str, int]]:
    """What Pythons on this platform do by default, this one first: who, start method, protocol."""
    here = sys.version_info[:2]
    other, who = ((3, 13), "3.13 and earlier") if here >= (3, 14) else ((3, 14), "3.14 and later")
    this = f"this Python ({here[0]}.{here[1]})"
    return [(this, *by_default(here, sys.platform)), (who, *by_default(other, sys.platform))]


def _worth_more(searches: Sequence[Search]) -> list[tuple[Search, float]]:
    """The start methods not clearly behind, the best first, each with its share of what is left when its turn comes."""
    known = sorted((_Known(search, search.ranking()) for search in searches), key=lambda each: each.total_s)
    best_s = known[0].total_s
    near = [each.search for each in known if each is known[0] or each.total_s < OUT * best_s < math.inf]
    shares = [LEADER if len(near) > 1 else 1.0, *(1 / (len(near) - number) for number in range(1, len(near)))]
    return list(zip(near, shares, strict=True))


def _order(searches: Sequence[Search]) -> list[_Known]:
    """The start method to take, and then the others, the best first."""
    found = [_Known(search, search.ranking()) for search in searches]
    known = sorted(found, key=lambda each: (each.out, each.total_s))
    best, usual = known[0], found[0]
    if usual is not best and usual.out == best.out and usual.total_s <= (1 + AS_GOOD) * best.total_s:
        known.remove(usual)
        known.insert(0, usual)
    return known


def _under(each: _Known, first: _Known) -> UnderMethod:
    plan, best = each.search.plan, each.best
    if best is None:
        late = any(other.outcome == UNMEASURED for other in each.ranking.excluded)
        failed = next((run.record.failed for run in each.search.runs.values() if run.record.failed), "")
        note = failed or ("not measured for lack of time" if late else "nothing carries it")
        return UnderMethod(plan.job.start_method, note=plan.against or note)
    return UnderMethod(
        plan.job.start_method,
        best.strategy,
        best.duty,
        best.chunk,
        best.total_s,
        best.total_s / first.total_s,
        each.ranking.start_s,
        plan.against,
    )


def _by_default(known: Sequence[_Known]) -> tuple[ByDefault, ...]:
    found = []
    for who, method, protocol in _pythons():
        here = next((each for each in known if each.search.plan.job.start_method == method), None)
        duties = here.search.plan.job.duties if here else ()
        duty = next((duty for duty in (Duty.ARGUMENT, Duty.RESULT) if duty in duties), None)
        if here is None or duty is None:
            continue
        names = _ways_of(protocol)
        way = next(filter(None, (here.ranking.ways.get(f"{name} {duty}") for name in names)), None)
        if way is not None:
            figures = stats.estimate(way.task).value, stats.estimate(way.total).value
            found.append(ByDefault(who, method, protocol, *figures))
        else:
            why = next((each for each in here.ranking.excluded if each.strategy in names), None)
            measured = why is not None and why.outcome != UNMEASURED
            note = f"{why.outcome}: {why.reason}" if why and measured else "not measured for lack of time"
            found.append(ByDefault(who, method, protocol, note=note))
    return tuple(found)
