"""Which way to take, and how much can be lost by taking it: bounds of regret, decisions, and their words. Pure.

The question before a refactoring is not "is A different from B?" but "how much can I lose by taking A?". The **regret**
of a way is how many times more it takes than the best of the others, and 1 if it is the best itself. Its bound is an
upper confidence limit, good for all ways of a table at once (constrained multiple comparisons with the best: Hsu,
"Constrained simultaneous confidence intervals for multiple comparisons with the best", Annals of Statistics 12, 1984,
1136-1144). It is the largest upper limit of the way's ratios to each of the others, paired in the same rounds. For a
bound to hold, only the ratio to the one truly best way has to, whichever that is; so all bounds hold together
if as many comparisons do as there are other ways. Hsu takes Dunnett's critical value for them, of equal variances; here
variances and numbers of trials differ, and the errors, sharing the best, are positively correlated: Sidak's level
("Rectangular confidence regions for the means of multivariate normal distributions", JASA 62, 1967) is on the safe
side. The intervals come from :mod:`handoff.analysis.moderated`, all of a table with one level, so that bounds,
factors and words can't contradict each other.

The way to take is the one with the least bound: the least worst case. A question is *answered* where that is at most
its profile's ``bound``. What is far behind for sure (:data:`FAR`) isn't counted among the comparisons: to be
taken in error it would have to be misjudged by its whole distance.

**Stopping.** A run goes on with what is not answered, so a table is judged again and again, and stops when it looks
good; that is no free lunch (Armitage, McPherson & Rowe, JRSS A 132, 1969). The chance of error is therefore shared over
the ``looks`` that a run may take: each gets the whole divided by the root of their number, since looks at growing data
resemble each other (to divide by the number would be right for independent ones). Simulated, seven looks at 3 to 12
trials, six ways of which five are 1.27 to 1.35 times the best, the hardest to get right; share of 600 to 1,500 tables
whose advised way was beyond its bound when they stopped:

===========================  ============  ============
error of each look            whole (1 %)   by the root
===========================  ============  ============
normal                             0.33 %        0.13 %
strays of 8 %; Cauchy        0.33; 0.17 %
two modes, 60:40                    1.2 %        0.73 %
===========================  ============  ============

**Resting.** After the first pass a trial has only the ways that are *contested*: the baseline, the least worst, and
each that may be faster than that by more than the limit. A way rests as soon as its own comparison is clear, and does
not wait for the others: its limit may cross once, at any look, which is what the error shared over the looks pays
for. Were that wrong, the table would be judged by what the way has, however little. Simulated as a run goes, looks at
each of 2 to 12 trials, a way 1.3 times faster than three others, 500 tables: 0 (normal), 1 (strays; Cauchy) and 2
(two modes) were decided and wrong; with all ways in all trials 0 (normal; strays), 1 and 2; of 400 tables of four equal
ways a gain was claimed in 0 (normal), 1 (strays; Cauchy) and 3 (two modes).

Judged once, 1 of 14,400 tables with one best way was wrong so (six kinds of noise, 2 to 8 trials).

**What it takes.** Real trials of 5 rounds, drawn from 40 of each of 32 tables (a two-core machine under load 4 to 9),
and, of 12 rounds, from 8 of each (load 2 to 4), the latter also by what Smyth's normal law makes of them; share of
tables answered at 1.25:

===============================  =====  =====  =====  =====
trials                               3      5      8     12
===============================  =====  =====  =====  =====
5 rounds, fork                    26 %   63 %   83 %   91 %
5 rounds, spawn                   11 %   50 %   76 %   93 %
12 rounds, fork and spawn         17 %   75 %   88 %
12 rounds, normal errors           6 %    8 %   69 %
===============================  =====  =====  =====  =====

Of 1,280 judgments on those of 5 rounds no advised way was beyond its bound by more than 1 %, and all bounds of a table
held in 98.4 to 100 %. Three trials can't answer more: two of them may be strays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations, cycle, islice
from statistics import median
from typing import TypeAlias

from handoff.analysis import units
from handoff.analysis.moderated import LanePair, Law, learn, limits, pair
from handoff.analysis.stats import CONFIDENCE, SMALLEST_EFFECT, Estimate, Samples

FAR = 1.5  #: a way whose ratio to some other is surely above this is no contender
WORTH = 1 + SMALLEST_EFFECT  #: less is nobody's reason to change code
MOST_PLANNED = 64  #: trials beyond which a forecast says no number


class Answer(StrEnum):
    """What a table says to whoever asks "which one?"."""

    CHANGE = "change"
    KEEP = "keep"
    CANNOT_TELL = "can't tell"


@dataclass(frozen=True, slots=True)
class Regret:
    """What can be lost by taking one way."""

    way: str
    bound: float  #: it takes at most so many times what the best of the others does; 1: none of them is faster
    least: float  #: it surely takes at least so many times what some other does; 1: nothing is surely faster
    factor: Estimate | None  #: how many times less it takes than the baseline; None where that has no time
    slower: Estimate  #: how many times more it takes than the way to take


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about one table: one vocabulary for pages, records and the desk."""

    answer: Answer
    advised: str  #: the way to take; where nothing can be told the least worst so far; "" where nothing has a time
    bound: float  #: it takes at most so many times what the best of the others does
    limit: float  #: a bound that decides
    baseline: str  #: what is done now; "" where that does not carry the object
    factor: Estimate | None  #: how many times less the advised way takes than the baseline
    keeping: float  #: the baseline's own bound; infinite where it does not carry the object
    saves_s: float  #: no way can save more than this of the baseline's time, each time; infinite where it is unknown
    ways: int  #: that were compared
    fails: str = ""  #: what is done when nothing else is asked for, where that does not carry the object
    copies: Estimate | None = None  #: what the baseline's two copies differ by, where that is more than it may be

    @property
    def decided(self) -> bool:
        return self.answer is not Answer.CANNOT_TELL

    @property
    def pays(self) -> bool:
        """Whether changing was shown to gain anything."""
        return self.answer is Answer.CHANGE and (self.factor is None or self.factor.low > 1)


@dataclass(frozen=True, slots=True)
class Question:
    """Which of these ways to take: the samples of one table."""

    lanes: Mapping[str, Samples]  #: the ways that may be taken: none of the harness's own lanes
    baseline: str  #: what is done now; it need not be among them
    again: Samples | None = None  #: the second copy of the baseline
    fails: str = ""  #: what is done when nothing else is asked for, where that does not carry the object


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a table says, and what that rests on: all of it at one level, so that nothing contradicts anything."""

    decision: Decision
    regrets: Mapping[str, Regret]  #: by way, the least bound first
    contested: frozenset[str] = frozenset()  #: the baseline, the least worst, and what may beat that by the limit


def against_baseline(question: Question) -> tuple[list[LanePair], list[LanePair]]:
    """What a law is learned from: each way against the baseline, and the baseline's second copy."""
    base = question.lanes.get(question.baseline)
    if base is None:
        return [], []
    pairs = [pair(mine, base) for way, mine in sorted(question.lanes.items()) if way != question.baseline]
    return pairs, [pair(question.again, base)] if question.again is not None else []


def law_of(questions: Iterable[Question]) -> Law:
    """How pairs scatter, from all questions of one kind and metric."""
    found = [against_baseline(each) for each in questions]
    same = [each for _, copies in found for each in copies]
    return learn([*(each for pairs, _ in found for each in pairs), *same], same)


def judge(
    question: Question,
    law: Law,
    *,
    limit: float,
    baseline_s: float = math.inf,
    confidence: float = CONFIDENCE,
    looks: int = 1,
) -> Judgement:
    """Which way to take. ``looks``: how often that is asked in all while its samples grow, see on stopping above."""
    table = _table(question)
    known, near = table.known(question.baseline, law, _error(confidence, looks))
    found = table.regrets(question.baseline, known, near)
    decision = decide(found, question.baseline, limit=limit, baseline_s=baseline_s)
    if question.fails:
        decision = _instead(decision, question.fails)
    decision = _if_copies_agree(decision, question, law)
    slower = {each.way: table.between(known, each.way, decision.advised) for each in found}
    by_way = {each.way: replace(each, slower=slower[each.way]) for each in found}
    return Judgement(decision, by_way, table.contested(known, found, question.baseline, limit))


def regrets(question: Question, law: Law, *, confidence: float = CONFIDENCE, looks: int = 1) -> tuple[Regret, ...]:
    """Every way's regret, the least bound first. All intervals and bounds hold at once with this confidence."""
    table = _table(question)
    return table.regrets(question.baseline, *table.known(question.baseline, law, _error(confidence, looks)))


def ratio(lane: Samples, other: Samples, law: Law) -> Estimate:
    """How many times more a lane takes than another: these two alone."""
    table = _table(Question({"a": lane, "b": other}, ""))
    return table.between(table.known("", law, _error(CONFIDENCE, 1))[0], "a", "b")


def shown(figure: Estimate) -> bool:
    """Whether a ratio is known to be another than 1, by enough to matter to anybody."""
    return (figure.low > 1 or figure.high < 1) and max(figure.value, 1 / figure.value) >= WORTH


def told_apart(question: Question, law: Law) -> list[tuple[str, str, Estimate]]:
    """Each two ways of which one surely takes longer, the faster first, and how many times longer."""
    table = _table(question)
    known, _ = table.known(question.baseline, law, _error(CONFIDENCE, 1))
    return [(b, a, table.between(known, a, b)) for (a, b), (_, low, _) in known.items() if low > 0]


def _table(question: Question) -> _Table:
    ways = tuple(sorted(question.lanes))
    return _Table(ways, {(a, b): pair(question.lanes[a], question.lanes[b]) for a, b in combinations(ways, 2)})


def _error(confidence: float, looks: int) -> float:
    return (1 - confidence) / math.sqrt(looks)


def decide(found: Sequence[Regret], baseline: str, *, limit: float, baseline_s: float = math.inf) -> Decision:
    """What regrets say. ``baseline_s``: what the baseline takes.

    The baseline is kept where it is good enough and nothing was shown to be faster by more than :data:`WORTH`: a tie is
    no reason to change code. What was shown to be faster is preferred to what may be. Where another way is safe and the
    baseline is not, that way is advised even if it was not shown to be faster: it has the least worst case.
    """
    if not found:
        return Decision(Answer.CANNOT_TELL, "", math.inf, limit, "", None, math.inf, math.inf, 0)
    now = next((each for each in found if each.way == baseline), None)
    keeping = now.bound if now else math.inf
    faster = [each for each in found if each is not now and _shown_faster(each)]
    keep = now is not None and keeping <= limit and not faster
    taken = now if keep and now else next((each for each in faster if each.bound <= limit), found[0])
    answer = Answer.KEEP if keep else Answer.CHANGE if taken.bound <= limit else Answer.CANNOT_TELL
    saves_s = baseline_s * (1 - 1 / keeping)
    return Decision(
        answer, taken.way, taken.bound, limit, baseline if now else "", taken.factor, keeping, saves_s, len(found)
    )


def _shown_faster(each: Regret) -> bool:
    """Than the baseline, by enough to change code."""
    return each.factor is not None and each.factor.low > 1 and each.factor.value >= WORTH


def _instead(decision: Decision, fails: str) -> Decision:
    """Where what is done now does not carry the object there is nothing to keep, and nothing to compare with."""
    answer = Answer.CHANGE if decision.answer is Answer.KEEP else decision.answer
    return replace(decision, answer=answer, baseline="", factor=None, keeping=math.inf, saves_s=math.inf, fails=fails)


def _if_copies_agree(decision: Decision, question: Question, law: Law) -> Decision:
    """A table that calls two copies of the same code different decides nothing."""
    base = question.lanes.get(question.baseline)
    if base is None or question.again is None:
        return decision
    copies = ratio(question.again, base, law)
    if not shown(copies):
        return decision
    return replace(decision, answer=Answer.CANNOT_TELL, copies=copies if copies.value >= 1 else copies.inverse)


def trials_to_decide(
    question: Question, law: Law, *, limit: float, confidence: float = CONFIDENCE, looks: int = 1
) -> int | None:
    """About how many trials in all it takes to answer; None if :data:`MOST_PLANNED` will hardly do.

    As if further trials said what those at hand do, over and over.
    """
    table, error = _table(question), _error(confidence, looks)
    done = max((len(each.numbers) for each in table.pairs.values()), default=0)
    if done < 2:
        return None
    _, near = table.known(question.baseline, law, error)
    table = table.of(near)

    def decided(trials: int) -> bool:
        grown = table.grown(trials)
        found = grown.regrets(question.baseline, *grown.known(question.baseline, law, error))
        return decide(found, question.baseline, limit=limit).decided

    if not decided(MOST_PLANNED):
        return None
    low, high = done - 1, MOST_PLANNED
    while high - low > max(1, low // 6):  # a forecast: to a sixth
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high


# -- words -------------------------------------------------------------------------------------------------------------


def sentence(decision: Decision, *, each: str = "a task", left_out: int = 0) -> str:
    """What to do, with the numbers that say so. Names stand in backticks.

    ``left_out``: how many more carry it, and were measured no further because they are surely far slower.
    """
    name, base = (f"`{code(each)}`" for each in (decision.advised, decision.baseline))
    bound = f"at most {shown_bound(decision.bound)} × the best"
    if not decision.advised:
        return "Nothing here has a time."
    first = f"`{code(decision.fails)}` does not carry it. " if decision.fails else ""
    if decision.ways == 1:
        others = (
            "whatever else carries it takes surely several times as long" if left_out else "nothing else carries it"
        )
        return f"{first}{'Keep' if decision.answer is Answer.KEEP else 'Take'} {name}: {others}."
    if decision.answer is Answer.KEEP:
        if math.isfinite(decision.saves_s) and decision.bound > 1:
            return f"Keep {name}: no way can save more than {units.seconds(rounded_up(decision.saves_s))} {each}."
        return f"Keep {name}: {bound}."
    if decision.answer is Answer.CHANGE:
        if decision.factor is None:
            return f"{first}Take {name}: {bound}."
        if decision.pays:
            return f"Take {name}: {bound}, {times(decision.factor)} less than {base}."
        return (
            f"Take {name} to be safe: {bound}, where {base} could be {shown_bound(decision.keeping)} ×; "
            f"that it takes less is not shown ({times(decision.factor)})."
        )
    if decision.copies:
        return f"{first}Can't tell: two copies of the same code came out {times(decision.copies)} apart."
    if not math.isfinite(decision.bound):
        return f"{first}Can't tell yet: one trial tells nothing."
    factor = decision.factor
    gain = f", {times(factor)} less than {base}" if factor and factor.low > 1 else ""
    least = f"least at risk is {name}, {bound}{gain}"
    return f"{first}Can't tell yet: {least}; {units.digits(decision.limit)} × would decide."


def code(text: str) -> str:
    """Text from elsewhere, so that its backticks mark nothing."""
    return text.replace("`", "'")


def short(decision: Decision) -> str:
    """The same in two or three words."""
    match decision.answer:
        case Answer.CHANGE:
            return f"take {decision.advised}"
        case Answer.KEEP:
            return f"keep {decision.advised}"
        case _:
            return str(Answer.CANNOT_TELL)


def times(figure: Estimate) -> str:
    """A factor with its interval: ``5.80 × [2.30–16.0]``; ``±?`` where nothing is known of its spread."""
    if not math.isfinite(figure.high) or figure.low <= 0:
        return f"{units.digits(figure.value)} × ±?"
    return f"{units.digits(figure.value)} × [{units.digits(figure.low)}–{units.digits(figure.high)}]"


def shown_bound(bound: float) -> str:
    """A bound as it is shown: rounded up, so that "at most" stays true."""
    return units.digits(rounded_up(bound))


def rounded_up(value: float) -> float:
    """To three significant digits, upwards."""
    if value <= 0 or not math.isfinite(value):
        return value
    step = 10.0 ** (math.floor(math.log10(value)) - 2)
    return math.ceil(value / step - 1e-6) * step


# -- each against each -------------------------------------------------------------------------------------------------


Known: TypeAlias = dict[tuple[str, str], tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class _Table:
    """The ways of a table, and each two of them as a pair: the first against the second."""

    ways: tuple[str, ...]
    pairs: Mapping[tuple[str, str], LanePair]

    def known(self, baseline: str, law: Law, error: float) -> tuple[Known, list[str]]:
        """The limits of each against each, and the ways that are not surely far behind; the baseline is among these."""
        found = self._limits(self.ways, law, _sidak(error, len(self.ways) - 1))
        near = [way for way in self.ways if way == baseline or _floor(found, way) <= math.log(FAR)]
        if len(near) < len(self.ways):
            found |= self._limits(near, law, _sidak(error, len(near) - 1))
        return found, near

    def regrets(self, baseline: str, known: Known, near: Sequence[str]) -> tuple[Regret, ...]:
        """Every way's, the least bound first; ``slower`` is against that one."""
        bounds, typical = (
            {way: max([0.0, *(known[way, other][at] for other in self.ways if other != way)]) for way in self.ways}
            for at in (2, 0)
        )
        for way in near:  # what is surely faster than the baseline is at most as far from the best as that
            if baseline in bounds and way != baseline and known[way, baseline][2] < 0:
                bounds[way] = min(bounds[way], bounds[baseline])
        ordered = sorted(self.ways, key=lambda way: (bounds[way], typical[way], way != baseline, way))
        return tuple(
            Regret(
                way,
                _exp(bounds[way]),
                _exp(_floor(known, way)),
                self.between(known, baseline, way) if baseline in self.ways else None,
                self.between(known, way, ordered[0]),
            )
            for way in ordered
        )

    def contested(self, known: Known, found: Sequence[Regret], baseline: str, limit: float) -> frozenset[str]:
        """What keeps a table open: the least worst way, and each that may be better than it by the limit."""
        if not found:
            return frozenset()
        least = found[0].way
        may = (way for way in self.ways if way != least and known[least, way][2] > math.log(limit))
        return frozenset({least, *may, *({baseline} & set(self.ways))})

    def of(self, ways: Sequence[str]) -> _Table:
        """These ways alone."""
        return _Table(tuple(ways), {key: each for key, each in self.pairs.items() if set(key) <= set(ways)})

    def _limits(self, ways: Sequence[str], law: Law, error: float) -> Known:
        """Middle, lower and upper limit of the log-ratio of each to each."""
        both = list(combinations(ways, 2))
        found: Known = {}
        for (a, b), (low, high) in zip(both, limits([self.pairs[key] for key in both], law, error), strict=True):
            numbers = self.pairs[a, b].numbers
            at = median(numbers) if numbers else math.nan
            found[a, b] = at, min(low, at), max(high, at)
            found[b, a] = -at, -max(high, at), -min(low, at)
        return found

    def between(self, known: Known, way: str, other: str) -> Estimate:
        """How many times more a way takes than another."""
        if way == other:
            return Estimate(1.0, 1.0, 1.0, self._trials(way), 0)
        one = self.pairs[min(way, other), max(way, other)]
        value, low, high = (_exp(x) for x in known[way, other])
        return Estimate(value, low, high, len(one.numbers), round(len(one.numbers) * one.rounds))

    def _trials(self, way: str) -> int:
        return max((len(each.numbers) for key, each in self.pairs.items() if way in key), default=0)

    def grown(self, trials: int) -> _Table:
        """As it might look after so many trials: the numbers of each pair over and over."""
        pairs = {
            key: LanePair(tuple(islice(cycle(each.numbers), max(trials, len(each.numbers)))), each.within, each.rounds)
            for key, each in self.pairs.items()
            if each.numbers
        }
        return _Table(self.ways, {**self.pairs, **pairs})


def _floor(known: Known, way: str) -> float:
    """How much slower than some other a way surely is: a log-ratio, 0 if there is none."""
    return max([0.0, *(low for (a, _), (_, low, _) in known.items() if a == way)])


def _sidak(error: float, comparisons: int) -> float:
    """The error of each, so that any of them errs with ``error`` at most. As of two at least: then the interval of
    a single pair, which has two ends, has the confidence that is said."""
    return -math.expm1(math.log1p(-error) / max(comparisons, 2))


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf if not math.isnan(x) else math.nan
