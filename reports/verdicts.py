"""Rows to words: the verdict of each table, and from how many tasks on setting up once pays. Pure.

Words follow from ranks alone, and ranks from :mod:`handoff.analysis.stats`: where the baseline is among the best, the
advice is to keep it, because a tie is no reason to change code; where nothing could be told apart, that is said.
Text marks code with backticks; the renderers turn those into their own form, and escape everything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from handoff.analysis import cost, stats, units
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import NULL
from handoff.analysis.stats import Estimate, Verdict
from handoff.outcome import Kind
from handoff.payload import Duty
from handoff.strategies import baselines, registry

from .rows import CODEC, Cell, Rank, Table

REPLICATES = 400  #: of a break-even: its 99 % interval then rests on two of them at each end
SURE = 0.95  #: share of the replicates that must agree before a break-even is put into words
NAMED = 4  #: slower strategies named one by one


@dataclass(frozen=True, slots=True)
class Advice:
    """The words of one table."""

    take: str  #: the strategy to take; "" where none can be named
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


def advise(table: Table) -> Advice:
    """The verdict sentence of a table."""
    if table.record.failed:
        return Advice("", False, f"Nothing was measured: {code(table.record.failed)}.", "not measured")
    if any(cell.amount for cell in table.cells):
        return _amounts(table)
    if not table.record.strategies:
        return _conditions(table)
    failures, others = _failures(table)
    if table.best is None:
        words, short = _untimed(table)
        return Advice("", False, " ".join([words, *failures]), short, others)
    taken, parts = _winner(table, table.best)
    base = table.baseline
    if taken is not None and taken.rank in (Rank.BEST, Rank.TIE):
        parts += _told_apart(table)
    text = " ".join(["; ".join(parts) + ".", *failures])
    more = " ".join(filter(None, (*_references(table), others)))
    keep = taken is not None and taken is base and not _default(table)
    saves, sure = _saves(table, taken, keep), _sure(table, taken, keep)
    if taken is None:
        return Advice("", False, text, "nothing shown faster", more, saves, sure)
    if table.kind == CODEC:
        return _codec(taken.strategy, keep, text, more)
    return Advice(taken.strategy, keep, text, f"{'keep' if keep else 'take'} {taken.strategy}", more, saves, sure)


def led(table: Table, advice: Advice | None = None) -> bool:
    """Whether its ratios are to a best that was told apart or ties; else they are to the baseline."""
    base = table.baseline
    if not table.record.strategies or base is None or base.time is None:
        return True
    taken = table.cell((advice or advise(table)).take)
    return taken is not None and taken.rank in (Rank.BEST, Rank.TIE)


def _told_apart(table: Table) -> list[str]:
    """The rest of the sentence: what was not told apart from the best, and what is slower."""
    ordered = sorted(table.at(Rank.SLOWER), key=lambda cell: cell.slower.value if cell.slower else math.inf)
    ordered.sort(key=lambda cell: cell is not table.baseline)
    return _unclear(table.at(Rank.UNCLEAR)) + _slower([(cell, cell.slower) for cell in ordered])


def _against_baseline(table: Table, base: Cell) -> list[str]:
    """The same where no best can be told: all is compared with the baseline."""
    others = [(cell, ratio) for cell, ratio in _compared(table) if cell is not base]
    ties = [cell for cell, _ in others if cell.verdict is Verdict.TIE]
    slower = [(cell, ratio) for cell, ratio in others if cell.verdict is Verdict.DIFFERENT]
    unclear = [cell for cell, _ in others if cell.verdict is Verdict.INCONCLUSIVE]
    return _as_good(ties) + _unclear(unclear) + _slower(slower)


def _compared(table: Table) -> list[tuple[Cell, Estimate]]:
    """All ways with their ratio to the baseline, the lowest first; those of the same ratio by name."""
    found = [(cell, cell.ratio) for cell in table.cells if cell.ratio and cell.rank is not Rank.REFERENCE]
    return sorted(found, key=lambda item: (item[1].value, item[0].strategy))


def _winner(table: Table, best: Cell) -> tuple[Cell | None, list[str]]:
    """What to take, None where nothing can be named, and the first parts of the sentence."""
    base, ties = table.baseline, table.at(Rank.TIE)
    if base and base.rank in (Rank.BEST, Rank.TIE):
        others = [cell for cell in (best, *ties) if cell is not base]
        default = _default(table)
        verb = f"`{default}` does not carry it. Take" if default else "Keep"
        words = [f"{verb} `{base.strategy}` ({_time(base)}): nothing is faster beyond noise"]
        return base, words + _as_good(others)
    if base and base.rank is Rank.UNCLEAR:
        if faster := _shown_faster(table):
            parts = [f"Take `{faster[0].strategy}` ({_time(faster[0])})" + _gain(faster[0], base)]
            if also := faster[1:]:
                parts.append(f"{_names(also)} {_are(also)} faster than that, too")
            return faster[0], [*parts, "which way is the fastest can't be told"]
        text = f"No winner can be told, so no reason to change: nothing was shown to be faster than `{base.strategy}`"
        parts = [f"{text} ({_time(base)})"]
        first, ratio = _compared(table)[0]  # the baseline itself has one
        if ratio.value < 1:
            parts.append(f"`{first.strategy}` looks fastest ({units.ratio_interval(ratio)} its time)")
        return None, parts + _against_baseline(table, base)
    return best, [f"Take `{best.strategy}` ({_time(best)})" + _gain(best, base), *_as_good(ties)]


def _shown_faster(table: Table) -> list[Cell]:
    """What was shown to be faster than the baseline, the most surely fast first."""
    found = [(cell, ratio) for cell, ratio in _compared(table) if cell.verdict is Verdict.DIFFERENT and ratio.value < 1]
    return [cell for cell, _ in sorted(found, key=lambda item: (item[1].high, item[0].strategy))]


def _default(table: Table) -> str:
    """What does this when nothing else is asked for, where it does not carry the object; "" where it does."""
    name = next(iter(baselines(Duty.ARGUMENT if table.kind == CODEC else table.kind)), "")
    cell = table.cell(name)
    return name if cell is not None and not cell.outcome.ok and name != table.record.baseline else ""


def factor(taken: Cell) -> Estimate | None:
    """How many times slower than this the baseline is."""
    ratio = taken.ratio
    if ratio is None or not 0 < ratio.value < math.inf:
        return None
    low, high = 1 / ratio.high, 1 / ratio.low if ratio.low > 0 else math.inf
    return Estimate(1 / ratio.value, low, high, ratio.n_trials, ratio.n_samples)


def _saves(table: Table, taken: Cell | None, keep: bool) -> str:
    base = table.baseline
    if keep:
        return "nothing: no other way is faster beyond noise"
    if taken is None:
        return "nothing that was shown"
    times = factor(taken)
    if base is None or taken is base or not base.time or not taken.time or not times:
        default = _default(table)
        why = f": `{default}` does not carry it" if default else ""
        return f"nothing to compare with{why}; it takes {_time(taken)}"
    return f"{_saved(taken, base)} of the {_time(base)} that `{base.strategy}` takes ({units.ratio(times.value)})"


def _sure(table: Table, taken: Cell | None, keep: bool) -> str:
    seen = taken or table.baseline
    trials = seen.time.n_trials if seen and seen.time else 0
    same = f"two copies of the same code came out {units.percent(table.aa)} apart"
    if keep or taken is None:
        known = "Sure within that" if keep and not table.noisy else "Not sure"
        return f"{known}: in {trials} trials {same}; {_findable(table.detectable)}."
    times = factor(taken) if taken is not table.baseline else None
    if times is None:
        return f"In {trials} trials {same}."
    reach = f"the 99 % interval of that factor is {units.ratio_interval(times)}, from {trials} trials"
    if table.noisy:
        return f"Fairly: {reach}; but {same}, so only large differences count."
    return f"Sure: {reach}; {same}."


def detectable(least: float) -> str:
    """The smallest slowdown found nine times out of ten, in words; "" where there is hardly any."""
    if not least <= 9:
        return ""
    return units.percent(least) if least < 1 else f"a factor of {units.digits(1 + least)}"


def _findable(least: float) -> str:
    size = detectable(least)
    if not size:
        return "hardly any difference, however large, would surely have been found"
    return f"a difference of {size} would have been found nine times out of ten"


def _amounts(table: Table) -> Advice:
    """Bytes: what has least and what has most, beside a bare worker."""
    found = sorted((cell.amount.value, cell.strategy) for cell in table.cells if cell.amount)
    words = [f"`{code(name)}` {units.size(value)}" for value, name in found]
    text = f"From {words[0]} to {words[-1]}" if len(words) > 1 else words[0]
    bare = table.lane(NULL)
    text += f"; a bare worker that is handed nothing: {units.size(bare.value.value)}" if bare else ""
    failures, others = _failures(table)
    return Advice("", False, " ".join([f"{text}.", *failures]), "see the amounts", others)


def _as_good(cells: Sequence[Cell]) -> list[str]:
    return [f"{_names(cells)} {_are(cells)} as good within noise"] if cells else []


def _untimed(table: Table) -> tuple[str, str]:
    """What to say where nothing that hands over has a time."""
    if table.at(Rank.REFERENCE):
        return "Only a thread, which hands nothing over, carries it.", "only a thread"
    if any(cell.outcome.ok for cell in table.cells):
        return "What carries it was not timed here.", "not timed"
    return "Nothing carries it.", "nothing carries it"


def _codec(take: str, keep: bool, text: str, more: str) -> Advice:
    """Bytes and back are a part of a hand-off: what is fastest here is no advice yet."""
    text = text if keep else f"Fastest is {text.removeprefix('Take ')}"
    if "-oob`" in text:
        text += " This is no hand-off yet: what goes out of band has not moved; see the duty argument."
    return Advice(take, keep, text, f"{'tie' if keep else 'fastest'}: {take}", more)


def _conditions(table: Table) -> Advice:
    """Lanes that are no strategies, such as ways of starting: nothing to choose from, only something to know."""
    words = [f"`{code(cell.strategy)}` {_time(cell)}" for cell in table.cells if cell.time]
    return Advice("", False, f"It takes: {', '.join(words) or 'not timed'}.", "nothing to choose")


def _gain(best: Cell, base: Cell | None) -> str:
    """What changing to the best saves."""
    if base is None or base is best or base.slower is None or not base.time or not best.time:
        return ""
    saved = _saved(best, base)
    return f": saves {saved} each against `{base.strategy}`" if saved else ""


def _saved(taken: Cell, base: Cell) -> str:
    """Of the baseline's time, by the ratio in the same rounds: medians of noisy samples need not agree with it."""
    if not base.time or not taken.ratio or taken.ratio.value >= 1:
        return ""
    return units.seconds(base.time.value * (1 - taken.ratio.value))


def _unclear(cells: Sequence[Cell]) -> list[str]:
    if not cells:
        return []
    shown = cells if len(cells) <= NAMED + 1 else cells[:NAMED]
    rest = f" and {len(cells) - len(shown)} more" if len(cells) > len(shown) else ""
    return [f"too noisy to tell from it: {_names(shown)}{rest}"]


def _slower(ordered: Sequence[tuple[Cell, Estimate | None]]) -> list[str]:
    """How many times slower each is."""
    named, rest = ordered[:NAMED], ordered[NAMED:]
    if len(rest) == 1:
        named, rest = ordered, []
    words = [f"`{cell.strategy}` {units.ratio(ratio.value) if ratio else '?'} slower" for cell, ratio in named]
    if rest:
        reach = [ratio.value for _, ratio in rest if ratio]
        words.append(f"{len(rest)} more {units.ratio(min(reach))} to {units.ratio(max(reach))} slower")
    return words


def _references(table: Table) -> list[str]:
    return [
        f"For reference, a thread (nothing is handed over, and all threads share one GIL): {_time(cell)}."
        for cell in table.at(Rank.REFERENCE)
    ]


_FAILED = {
    Kind.REFUSED: "Refused by",
    Kind.BROKEN: "Broken in the worker with",
    Kind.ALTERED: "Arrives silently altered, so never take",
    Kind.UNAVAILABLE: "Not available here:",
}


def _failures(table: Table) -> tuple[list[str], str]:
    """What does not carry it, a sentence an outcome; and how many were never made for it."""
    found = []
    for kind, words in _FAILED.items():
        cells = [cell for cell in table.cells if cell.outcome.kind is kind and not _other_shape(table, cell)]
        if cells:
            found.append(f"{words} {_names(cells)}.")
    others = sum(_other_shape(table, cell) for cell in table.cells)
    return found, f"{others} more {'is' if others == 1 else 'are'} for objects of another shape." if others else ""


def _other_shape(table: Table, cell: Cell) -> bool:
    """Whether a strategy refused because it was never made for such a payload: no finding, so not named."""
    strategy = registry().get(cell.strategy)
    traits = set(table.record.about.get("traits") or ())
    return cell.outcome.kind is Kind.REFUSED and bool(strategy and strategy.only and not strategy.only & traits)


def code(text: str) -> str:
    """Text from elsewhere, so that its backticks mark nothing."""
    return text.replace("`", "'")


def _names(cells: Iterable[Cell]) -> str:
    return ", ".join(f"`{code(cell.strategy)}`" for cell in cells)


def _are(cells: Sequence[Cell]) -> str:
    return "is" if len(cells) == 1 else "are"


def _time(cell: Cell) -> str:
    return units.seconds(cell.time.value) if cell.time else "no time"


# -- from how many tasks on --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Job:
    """A way to run a whole job on one worker: what is paid once, and each time."""

    strategy: str
    duty: str
    line: cost.Line
    fixed: tuple[float, ...]  #: plausible values of what is paid once
    slope: tuple[float, ...]  #: plausible values of what is paid each time


@dataclass(frozen=True, slots=True)
class Pays:
    """From how many tasks on one way is cheaper than another."""

    job: Job
    other: Job
    at: cost.BreakEven

    @property
    def sure(self) -> bool:
        return self.at.agree >= SURE and math.isfinite(self.at.high)

    @property
    def _perhaps(self) -> bool:
        return self.at.pays is cost.Pays.FROM and math.isfinite(self.at.n)

    @property
    def short(self) -> str:
        """In two or three words."""
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


def _paid(job: Job) -> str:
    """What it costs, a worker's start included."""
    return f"{units.seconds(job.line.fixed)} once, then {units.seconds(job.line.slope)} a task"


def tasks(n: float) -> str:
    """A number of tasks, rounded up."""
    return f"{math.ceil(n):,}" if math.isfinite(n) else "∞"


def state_jobs(task: Table, setup: Table) -> dict[str, Job]:
    """Every strategy of a state record as a job; needs two trials."""
    figures = Figures(task.record)
    found = {}
    for cell in task.cells:
        once = setup.cell(cell.strategy)
        if cell.time and once and once.time and cell.rank is not Rank.REFERENCE:
            fixed, slope = _draws(figures, cell.strategy, "setup", 1), _draws(figures, cell.strategy, "task", 2)
            if fixed and slope:
                line = cost.Line(once.time.value, cell.time.value)
                found[cell.strategy] = Job(cell.strategy, "state", line, fixed, slope)
    return found


def argument_job(argument: Table, setup: Table, strategy: str) -> Job | None:
    """Sending it with every task: what is paid once is a bare worker's start, as the state's record measured it."""
    cell, bare = argument.cell(strategy), setup.lane(NULL)
    if cell is None or cell.time is None or bare is None:
        return None
    fixed = _draws(Figures(setup.record), NULL, "setup", 3)
    slope = _draws(Figures(argument.record), strategy, "handoff", 4)
    if not fixed or not slope:
        return None
    return Job(strategy, "argument", cost.Line(bare.value.value, cell.time.value), fixed, slope)


def pays(job: Job, other: Job) -> Pays:
    """From how many tasks on ``job`` is cheaper."""
    pairs = [
        (cost.Line(a, b), cost.Line(c, d))
        for a, b, c, d in zip(job.fixed, job.slope, other.fixed, other.slope, strict=True)
    ]
    return Pays(job, other, cost.break_even(job.line, other.line, pairs))


def advised(table: Table) -> str:
    """What to take or, where nothing was shown to be faster, the baseline; "" where nothing has a time."""
    usual = table.baseline if table.baseline and table.baseline.time else table.best
    return advise(table).take or (usual.strategy if usual else "")


def setup_pays(argument: Table, task: Table, setup: Table) -> list[Pays]:
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
