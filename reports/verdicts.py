"""Rows to words: what each table decides, and from how many tasks on setting up once pays. Pure.

What is decided, and its sentence, come from :mod:`handoff.analysis.regret`; here stands what goes with it.
Text marks code with backticks; the renderers turn those into their own form, and escape everything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from handoff.analysis import cost, regret, stats, units
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import CODEC, NULL
from handoff.analysis.regret import Answer
from handoff.analysis.regret import code as code
from handoff.outcome import Kind
from handoff.strategies import registry

from .rows import Rank, Table, TableCell

REPLICATES = 400  #: of a break-even: its 99 % interval then rests on two of them at each end
SURE = 0.95  #: share of the replicates that must agree before a break-even is put into words
NAMED = 4  #: ways named one by one
#: What a time is each time of; else each task.
EACH = {"setup": "a worker", "encode": "an object", "decode": "an object", "start": "a worker"}
EACH |= {"element-read": "an element", "element-write": "an element", "locked-update": "an update"}


@dataclass(frozen=True, slots=True)
class TableWords:
    """The words of one table."""

    take: str  #: the strategy to take; "" where that is not decided
    keep: bool  #: it is the baseline: no change pays
    main: str  #: the verdict
    short: str  #: in two or three words
    more: str = ""  #: what is no part of the choice: references, and strategies for objects of another shape
    saves: str = ""  #: what taking it saves; "" where there is nothing to choose
    sure: str = ""  #: how sure that is

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(filter(None, (self.main, self.more)))


def advise(table: Table) -> TableWords:
    """The verdict sentence of a table."""
    if table.record.failed:
        return TableWords("", False, f"Nothing was measured: {code(table.record.failed)}.", "not measured")
    if any(cell.amount for cell in table.cells):
        return _amounts(table)
    if not table.record.strategies:
        return _conditions(table)
    failures, others = _failures(table)
    if table.best is None:
        words, short = _untimed(table)
        return TableWords("", False, " ".join([words, *failures]), short, others)
    decision = table.decision
    said = regret.sentence(decision, each=EACH.get(table.metric, "a task"), left_out=len(table.record.left_out))
    main = " ".join([said, *_also(table), *failures])
    more = " ".join(filter(None, (*_references(table), others)))
    keep = decision.answer is Answer.KEEP
    take = decision.advised if decision.decided else ""
    found = TableWords(take, keep, main, regret.short(decision), more, _saves(table), _sure(table))
    return _codec(found) if table.kind == CODEC else found


def _also(table: Table) -> list[str]:
    """What would do as well."""
    within = sorted(table.within, key=lambda cell: (cell.bound, cell.strategy))
    if not within or not table.decision.decided:
        return []
    rest = f" and {len(within) - NAMED} more" if len(within) > NAMED else ""
    return [f"Also at most {units.digits(table.decision.limit)} × the best: {_names(within[:NAMED])}{rest}."]


def _saves(table: Table) -> str:
    decision, base, taken = table.decision, table.baseline, table.best
    if decision.answer is Answer.KEEP:
        least = "nothing: no other way takes less"
        return least if decision.bound <= 1 else f"no way can save more than {_most(decision.saves_s)} of {_time(base)}"
    if not decision.decided:
        return "not known yet"
    if not decision.baseline or base is None or base.time is None or decision.factor is None:
        why = f": `{decision.fails}` does not carry it" if decision.fails else ""
        return f"nothing to compare with{why}; it takes {_time(taken)}"
    its = f"the {_time(base)} that `{decision.baseline}` takes ({regret.times(decision.factor)} less)"
    if not decision.pays:
        return f"nothing that was shown, of {its}"
    return f"{units.seconds(base.time.value * (1 - 1 / decision.factor.value))} of {its}"


def _most(saved_s: float) -> str:
    return units.seconds(regret.rounded_up(saved_s))


def _sure(table: Table) -> str:
    decision = table.decision
    trials = max((cell.time.n_trials for cell in table.cells if cell.time), default=0)
    if decision.ways < 2:
        return f"Nothing else carries it; {trials} trials."
    aa = f"; two copies of the same code came out {units.percent(table.aa)} apart" if math.isfinite(table.aa) else ""
    bound, out = regret.shown_bound(decision.bound), len(table.record.left_out)
    far = (
        f" ({out} more, surely several times slower, {'was' if out == 1 else 'were'} measured no further)"
        if out
        else ""
    )
    return (
        f"At {stats.CONFIDENCE:.0%} `{decision.advised}` takes at most {bound} × the best of {decision.ways} ways{far},"
        f" from {trials} trials; {units.digits(decision.limit)} × decides{aa}."
    )


def _amounts(table: Table) -> TableWords:
    """Bytes: what has least and what has most, beside a bare worker."""
    found = sorted((cell.amount.value, cell.strategy) for cell in table.cells if cell.amount)
    words = [f"`{code(name)}` {units.size(value)}" for value, name in found]
    text = f"From {words[0]} to {words[-1]}" if len(words) > 1 else words[0]
    bare = table.lane(NULL)
    text += f"; a bare worker that is handed nothing: {units.size(bare.value.value)}" if bare else ""
    failures, others = _failures(table)
    return TableWords("", False, " ".join([f"{text}.", *failures]), "see the amounts", others)


def _untimed(table: Table) -> tuple[str, str]:
    """What to say where nothing that hands over has a time."""
    if table.cells and all(cell.outcome.kind is Kind.UNAVAILABLE for cell in table.cells):
        return f"Not looked at here: {code(table.cells[0].outcome.reason)}.", "not here"
    if table.at(Rank.REFERENCE):
        return "Only a thread, which hands nothing over, carries it.", "only a thread"
    if any(cell.outcome.ok for cell in table.cells):
        return "What carries it was not timed here.", "not timed"
    return "Nothing carries it.", "nothing carries it"


def _codec(found: TableWords) -> TableWords:
    """Bytes and back are a part of a hand-off: what is fastest here is no advice yet."""
    if found.keep or not found.take:
        return found
    text = found.main.replace("Take `", "Fastest is `", 1)
    if "-oob" in found.take:
        text += " This is no hand-off yet: what goes out of band has not moved; see the duty argument."
    return replace(found, main=text, short=f"fastest: {found.take}")


def _conditions(table: Table) -> TableWords:
    """Lanes that are no strategies, such as ways of starting: nothing to choose from, only something to know."""
    timed = sorted((cell.time.value, cell.strategy) for cell in table.cells if cell.time)
    if not timed:
        return TableWords("", False, "Not timed here.", "not timed")
    words = [f"`{code(name)}` {units.seconds(value)}" for value, name in timed]
    return TableWords("", False, f"It takes: {', '.join(words)}.", "nothing to choose")


def _references(table: Table) -> list[str]:
    return [
        f"For reference, a thread (nothing is handed over, and all threads share one GIL): {_time(cell)}."
        for cell in table.at(Rank.REFERENCE)
    ]


_FAILED = {
    Kind.REFUSED: "Refused by",
    Kind.BROKEN: "Broken in the worker with",
    Kind.ALTERED: "Arrives silently altered, so never take",
    Kind.NO_ANSWER: "The machine was too busy to tell of",
    Kind.UNAVAILABLE: "Not available here:",
}


def _failures(table: Table) -> tuple[list[str], str]:
    """What does not carry it, a sentence an outcome; and what says nothing of it: not here, or for other shapes."""
    found: list[str] = []
    aside: list[str] = []
    for kind, words in _FAILED.items():
        cells = [cell for cell in table.cells if cell.outcome.kind is kind and not _other_shape(table, cell)]
        if cells:
            (aside if kind is Kind.UNAVAILABLE else found).append(f"{words} {_names(cells)}.")
    others = sum(_other_shape(table, cell) for cell in table.cells)
    aside += [f"{others} more {'is' if others == 1 else 'are'} for objects of another shape."] if others else []
    return found, " ".join(aside)


def _other_shape(table: Table, cell: TableCell) -> bool:
    """Whether a strategy refused because it was never made for such a payload: no finding, so not named."""
    strategy = registry().get(cell.strategy)
    traits = set(table.record.about.get("traits") or ())
    return cell.outcome.kind is Kind.REFUSED and bool(strategy and strategy.only and not strategy.only & traits)


def _names(cells: Iterable[TableCell]) -> str:
    return ", ".join(f"`{code(cell.strategy)}`" for cell in cells)


def _time(cell: TableCell | None) -> str:
    return units.seconds(cell.time.value) if cell and cell.time else "no time"


# -- from how many tasks on --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WholeJob:
    """A way to run a whole job on one worker: what is paid once, and each time."""

    strategy: str
    duty: str
    line: cost.LinearCost
    fixed: tuple[float, ...]  #: plausible values of what is paid once
    slope: tuple[float, ...]  #: plausible values of what is paid each time


@dataclass(frozen=True, slots=True)
class Cheaper:
    """From how many tasks on one way is cheaper than another."""

    job: WholeJob
    other: WholeJob
    at: cost.BreakEven

    @property
    def sure(self) -> bool:
        return self.at.agree >= SURE and math.isfinite(self.at.high)

    @property
    def latest(self) -> bool:
        """That it pays is sure, from which task on is not: what is paid once may be more than the other's, or less."""
        return not self.sure and self.at.pays in (cost.Pays.FROM, cost.Pays.ALWAYS) and math.isfinite(self.at.high)

    @property
    def _perhaps(self) -> bool:
        return self.at.pays is cost.Pays.FROM and math.isfinite(self.at.n)

    @property
    def short(self) -> str:
        """In two or three words."""
        if self.latest:
            return f"from {_many(self.at.high)} at the latest"
        if not self.sure:
            return f"not sure; {tasks(self.at.n)} tasks by the medians" if self._perhaps else "can't be told"
        n = tasks(self.at.n)
        return {"from": f"from {n} tasks", "until": f"up to {n} tasks"}.get(self.at.pays, str(self.at.pays))

    @property
    def text(self) -> str:
        """In words."""
        mine = f"`{self.job.strategy}` as {self.job.duty}"
        its = f"({_paid(self.job)})"
        other = f"`{self.other.strategy}` as {self.other.duty} ({_paid(self.other)})"
        low, high = tasks(self.at.low), tasks(self.at.high)
        if self.latest:
            return f"{mine} {its} is cheaper than {other} from {_many(self.at.high)} on at the latest."
        if not self.sure:
            text = f"Whether {mine} {its} pays against {other} can't be told from these samples"
            return text + (f"; by the medians alone, from {tasks(self.at.n)} tasks on." if self._perhaps else ".")
        match self.at.pays:
            case cost.Pays.ALWAYS:
                return f"{mine} {its} is cheaper than {other} from the first task on."
            case cost.Pays.NEVER:
                return f"{mine} {its} never pays against {other}."
            case cost.Pays.FROM:
                return f"{mine} {its} is cheaper than {other} from {tasks(self.at.n)} tasks on [{low}–{high}]."
            case _:
                return f"{mine} {its} is cheaper than {other} for up to {tasks(self.at.n)} tasks [{low}–{high}]."


def _paid(job: WholeJob) -> str:
    """What it costs, a worker's start included."""
    return f"{units.seconds(job.line.fixed)} once, then {units.seconds(job.line.slope)} a task"


def _many(n: float) -> str:
    """``1 task``, ``12 tasks``: from which on."""
    return f"{tasks(max(1.0, n))} task{'s' if n > 1 else ''}"


def tasks(n: float) -> str:
    """A number of tasks, rounded up."""
    return f"{math.ceil(n):,}" if math.isfinite(n) else "∞"


def state_jobs(task: Table, setup: Table) -> dict[str, WholeJob]:
    """Every strategy of a state record as a job; needs two trials."""
    figures = Figures(task.record)
    found = {}
    for cell in task.cells:
        once = setup.cell(cell.strategy)
        if cell.time and once and once.time and cell.rank is not Rank.REFERENCE:
            fixed, slope = _draws(figures, cell.strategy, "setup", 1), _draws(figures, cell.strategy, "task", 2)
            if fixed and slope:
                line = cost.LinearCost(once.time.value, cell.time.value)
                found[cell.strategy] = WholeJob(cell.strategy, "state", line, fixed, slope)
    return found


def argument_job(argument: Table, setup: Table, strategy: str) -> WholeJob | None:
    """Sending it with every task: what is paid once is a bare worker's start, as the state's record measured it."""
    cell, bare = argument.cell(strategy), setup.lane(NULL)
    if cell is None or cell.time is None or bare is None:
        return None
    fixed = _draws(Figures(setup.record), NULL, "setup", 3)
    slope = _draws(Figures(argument.record), strategy, "handoff", 4)
    if not fixed or not slope:
        return None
    return WholeJob(strategy, "argument", cost.LinearCost(bare.value.value, cell.time.value), fixed, slope)


def pays(job: WholeJob, other: WholeJob) -> Cheaper:
    """From how many tasks on ``job`` is cheaper."""
    pairs = [
        (cost.LinearCost(a, b), cost.LinearCost(c, d))
        for a, b, c, d in zip(job.fixed, job.slope, other.fixed, other.slope, strict=True)
    ]
    return Cheaper(job, other, cost.break_even(job.line, other.line, pairs))


def advised(table: Table) -> str:
    """What to take or, where that is not decided, the baseline; "" where nothing has a time."""
    usual = table.baseline if table.baseline and table.baseline.time else table.best
    return advise(table).take or (usual.strategy if usual else "")


def setup_pays(argument: Table, task: Table, setup: Table) -> list[Cheaper]:
    """The best state against sending it each time, the best way and as by default: "should I set it up once?"."""
    job = state_jobs(task, setup).get(advised(task))
    sent = dict.fromkeys((advised(argument), argument.record.baseline))
    others = (argument_job(argument, setup, name) for name in sent)
    return [pays(job, other) for other in others if job and other]


def _draws(figures: Figures, lane: str, metric: str, seed: int) -> tuple[float, ...]:
    """Plausible medians over trials, drawn on the logarithm so that none is negative."""
    if not figures.has(lane, metric):
        return ()
    logs = [math.log(stats.estimate({0: row}).value) for row in figures.samples(lane, metric).values()]
    if len(logs) < 2:
        return ()
    return tuple(min(math.exp(min(x, 60.0)), 1e12) for x in stats.replicates(logs, REPLICATES, seed=seed))
