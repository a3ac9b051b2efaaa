"""What a refactoring buys: records of pairs to rows, sentences and blocks of :mod:`reports.plain`. Pure.

A pair's awkward way is the fastest of those that hand the object over at all; every refactored way is compared with it.
Where something is paid once, that is how much longer than the awkward way it takes until the first task can begin:
starting the worker is in both. Times are in seconds, and ratios times slower than the awkward way.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from handoff.analysis import cost, regret, stats, units
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import BIS
from handoff.analysis.moderated import Law
from handoff.analysis.regret import Question
from handoff.analysis.stats import Estimate
from handoff.measuring.pairs import AWKWARD, PAIR, REFACTORED, PairLane
from handoff.outcome import Outcome
from handoff.payload import Duty
from handoff.record import Record

from . import verdicts
from .plain import Block, Grid, Heading, Items, Text, again, as_markdown, fingerprint

SAME = 1.10
TASK, SETUP, MEMORY = "task", "setup", "worker-uss-bytes"
SAID: dict[str, str] = {
    Duty.ARGUMENT: "sending `{}` with every task",
    Duty.STATE: "having `{}` set up once",
    Duty.RESULT: "returning `{}` from every task",
    Duty.SHARED: "sharing `{}`",
}


@dataclass(frozen=True, slots=True)
class Once:
    """What is paid once, and from which task on it pays."""

    extra: Estimate  #: seconds beyond what the awkward way needs before its first task; may be negative
    at: cost.BreakEven  #: in tasks


@dataclass(frozen=True, slots=True)
class PairRow:
    """One way of one pair under one start method."""

    way: PairLane
    outcome: Outcome
    task: Estimate | None = None
    setup: Estimate | None = None
    wire_bytes: int | None = None
    uss_bytes: float | None = None  #: what the worker has of its own
    ratio: Estimate | None = None  #: a task, to the awkward way's
    once: Once | None = None  #: for the duty ``state``


@dataclass(frozen=True, slots=True)
class PairTable:
    """One pair under one start method."""

    record: Record
    aa: float
    rows: Sequence[PairRow]
    base: PairRow | None  #: the awkward way that others are compared with


def tables(records: Iterable[Record]) -> list[PairTable]:
    """The pairs among the records, in their order."""
    return [table(record) for record in records if record.kind == PAIR]


def table(record: Record) -> PairTable:
    """All rows of one record: in the order in which its lanes were asked for."""
    figures = Figures(record)
    times = {lane: stats.estimate(figures.samples(lane, TASK)) for lane in figures.lanes if figures.has(lane, TASK)}
    awkward = [lane for lane in record.strategies if lane in times and lane.startswith(AWKWARD)]
    base = min(awkward, key=lambda lane: times[lane].value, default="")
    law = _law(figures, base, list(times))
    found = {lane: _row(figures, lane, base, times.get(lane), law) for lane in record.strategies}
    return PairTable(record, figures.aa_error[TASK], tuple(row for row in found.values() if row), found.get(base))


def _law(figures: Figures, base: str, lanes: Sequence[str]) -> Law:
    """How the lanes of a record scatter."""
    again = figures.samples(BIS, TASK) if base == figures.record.baseline and figures.has(BIS, TASK) else None
    return regret.law_of([Question({lane: figures.samples(lane, TASK) for lane in lanes if lane != BIS}, base, again)])


def _row(figures: Figures, lane: str, base: str, task: Estimate | None, law: Law) -> PairRow | None:
    record, way = figures.record, PairLane.of(lane)
    if way is None:
        return None
    if task is None:
        return PairRow(way, record.outcomes[lane])
    known = base and lane != base
    ratio = regret.ratio(figures.samples(lane, TASK), figures.samples(base, TASK), law) if known else None
    return PairRow(
        way,
        record.outcomes[lane],
        task,
        stats.estimate(figures.samples(lane, SETUP)),
        record.wire_bytes.get(lane),
        _memory(figures, lane),
        ratio,
        _once(figures, lane, base) if ratio and way.duty is Duty.STATE else None,
    )


def _memory(figures: Figures, lane: str) -> float | None:
    try:
        return figures.amount(lane, MEMORY).value
    except KeyError:
        return None


def _once(figures: Figures, lane: str, base: str) -> Once | None:
    """Break-even of setting up once against the awkward way; needs two trials that both have."""
    mine, its = _by_trial(figures, lane, SETUP), _by_trial(figures, base, SETUP)
    task, other = _by_trial(figures, lane, TASK), _by_trial(figures, base, TASK)
    trials = [trial for trial in mine if trial in its and trial in task and trial in other]
    if len(trials) < 2:
        return None
    sends = PairLane.of(base)
    first = 0.0 if sends is not None and sends.duty is Duty.STATE else 1.0  # the first task is in its setup
    extras = [mine[trial] - (its[trial] - first * other[trial]) for trial in trials]
    logs = stats.log_ratios(figures.samples(lane, TASK), figures.samples(base, TASK))
    times = [math.log(other[trial]) for trial in trials]
    extra = stats.replicates(extras, verdicts.REPLICATES, seed=1)
    slope = [math.exp(x) for x in stats.replicates(times, verdicts.REPLICATES, seed=2)]
    factor = [math.exp(min(x, 60.0)) for x in stats.replicates(logs, verdicts.REPLICATES, seed=3)]
    middle = stats.estimate(figures.samples(base, TASK)).value
    ratio = stats.ratio(figures.samples(lane, TASK), figures.samples(base, TASK)).value
    typical = (
        sorted(extras)[len(extras) // 2] if len(extras) % 2 else sum(sorted(extras)[len(extras) // 2 - 1 :][:2]) / 2
    )
    at = cost.break_even(
        cost.LinearCost(typical, middle * ratio),
        cost.LinearCost(0.0, middle),
        [(cost.LinearCost(e, s * f), cost.LinearCost(0.0, s)) for e, s, f in zip(extra, slope, factor, strict=True)],
    )
    return Once(Estimate(typical, *stats.interval(extras), len(trials), len(trials)), at)


def _by_trial(figures: Figures, lane: str, metric: str) -> dict[int, float]:
    return {
        trial: stats.estimate({0: rounds}).value
        for trial, rounds in figures.samples(lane, metric).items()
        if any(rounds)
    }


# -- words -------------------------------------------------------------------------------------------------------------


def sentences(found: PairTable) -> list[str]:
    """What a reader needs: what the awkward way costs, and what each refactored one buys."""
    if found.record.failed:
        return [f"Nothing was measured: {verdicts.code(found.record.failed)}."]
    out = []
    rows = [row for row in found.rows if row.way.role == REFACTORED]
    if found.base is None:
        reasons = [f"{_name(row.way)} is {row.outcome.kind}" for row in found.rows if row.way.role == AWKWARD]
        under = found.record.start_method
        out.append(f"Nothing hands the awkward object over under {under}: {', '.join(reasons) or 'nothing was tried'}.")
        out += [_capital(f"{_name(row.way)} costs {units.interval(row.task)} a task.") for row in rows if row.task]
    else:
        out += [_bought(found.base, row) for row in rows if row.task]
    for row in rows:
        if row.task is None:
            out.append(f"{_capital(_name(row.way))} is {row.outcome.kind}: {verdicts.code(row.outcome.reason)}.")
    return out


def _bought(base: PairRow, row: PairRow) -> str:
    assert base.task and row.task and row.ratio
    awkward = f"{_name(base.way)} costs {units.seconds(base.task.value)}"
    if row.once is not None and not _same(row.ratio):
        paid = f"{_paid_once(row.once)}{units.seconds(row.task.value)} a task"
        return f"{_capital(awkward)}; {_name(row.way)} {paid}: {_pays(row.once.at)}."
    each = f"{_name(row.way)} {units.seconds(row.task.value)}"
    factor = units.ratio_interval(row.ratio)
    if _same(row.ratio):
        words = "a task costs the same, to within 10 %"
    elif not regret.shown(row.ratio):
        words = f"too noisy to tell them apart, {factor}"
    elif row.ratio.value < 1:
        words = f"it saves time, taking {factor} as long"
    else:
        words = f"it buys no time: {factor} slower"
    return f"{_capital(awkward)}; {each}: {words}."


def _same(ratio: Estimate) -> bool:
    """Whether two ways surely take the same, for all that matters: within what ``standard`` calls decided."""
    return ratio.low >= 1 / SAME and ratio.high <= SAME and not regret.shown(ratio)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _paid_once(once: Once) -> str:
    if once.extra.low > 0:
        return f"{units.interval(once.extra)} once, then "
    if once.extra.high <= 0:
        return "nothing more once, then "
    return f"at most {units.seconds(once.extra.high)} once, then "


def _pays(at: cost.BreakEven) -> str:
    sure = at.agree >= verdicts.SURE
    low, high = nth(at.low), nth(at.high)
    match at.pays:
        case cost.Pays.NEVER if sure:
            return "it never pays in time"
        case cost.Pays.ALWAYS if sure:
            return "it pays from the first task on"
        case cost.Pays.FROM if sure and math.isfinite(at.high):
            return f"it pays from the {nth(at.n)} task on" + (f" [{low}–{high}]" if low != high else "")
        case cost.Pays.FROM | cost.Pays.ALWAYS if math.isfinite(at.high):
            return f"it pays from the {high} task on at the latest"
        case cost.Pays.UNTIL if sure and math.isfinite(at.high):
            return f"it pays for up to {verdicts.tasks(at.n)} tasks only"
        case _:
            return "from which task on it pays, if it does, can't be told from these samples"


def nth(n: float) -> str:
    """The first whole task that is beyond ``n``: ``2nd`` for 1.3."""
    if not math.isfinite(n):
        return "∞th"
    number = max(1, math.floor(n) + 1)
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def _name(way: PairLane) -> str:
    return f"{SAID[way.duty].format(verdicts.code(way.payload))} (`{way.strategy}`)"


# -- blocks ------------------------------------------------------------------------------------------------------------


def markdown(records: Iterable[Record]) -> str:
    """The page."""
    return as_markdown(blocks(records))


def blocks(records: Iterable[Record], paths: Mapping[str, str] = MappingProxyType({})) -> list[Block]:
    """Every pair: why, then for each start method the sentences and the figures; ``paths`` are those of records."""
    found = tables(records)
    out: list[Block] = [
        Heading(1, "What the documented refactorings buy"),
        Text(
            "Each pair hands an awkward object over as it is, by whatever carries it, and does the same job with the"
            " refactored forms: in the same rounds, each way with a worker of its own. A task ends when the worker has"
            " read all of the object, or used it, and acknowledged it."
        ),
        Items(
            [
                "task: one task, all of its work included; under it the 99% interval",
                "setup: from having the object to a worker that has read all of it once, the worker's start included",
                "once: how much longer that is than starting a worker for the awkward way",
                "its own memory: what would be free if the worker ended, after its tasks (USS)",
                *dict.fromkeys(fingerprint(each.record) for each in found),
            ]
        ),
    ]
    names = dict.fromkeys(each.record.payload for each in found)
    for name in names:
        mine = [each for each in found if each.record.payload == name]
        about = mine[0].record.about
        out += [Heading(2, name), Text(verdicts.code(f"{about.get('why', '')} Source: {about.get('source', '')}"))]
        for each in mine:
            out += [Heading(3, f"{name}, {each.record.start_method}"), Items(sentences(each)), _grid(each)]
            out += again(_command(each.record), paths.get(each.record.name, ""))
    return out


def _command(record: Record) -> str:
    """The one command that measures a pair again."""
    words = ["--pair", record.payload, "--start-method", record.start_method]
    words += ["--profile", str(record.profile.get("name", "quick"))]
    return f"python -m reports.write_pairs {shlex.join(words)} -o DIR"


def _grid(found: PairTable) -> Grid:
    head = ("way", "task", "× the awkward way", "setup", "bytes a task", "its own memory")
    caption = f"A/A error {units.percent(found.aa)}" if math.isfinite(found.aa) else "A/A error unknown"
    return Grid(caption, head, [_cells(found, row) for row in found.rows])


def _cells(found: PairTable, row: PairRow) -> list[str]:
    name = f"{row.way.role}: {_name(row.way)}"
    if row.task is None or row.setup is None:
        return [name, f"{row.outcome.kind}: {verdicts.code(row.outcome.reason)}", "no time", "no time", "none", "none"]
    ratio = "itself" if row is found.base else "nothing to compare with"
    if row.ratio:
        ratio = units.ratio_interval(row.ratio)
    size = f"{row.wire_bytes:,}" if row.wire_bytes is not None else "not pickled for each task"
    memory = units.size(row.uss_bytes) if row.uss_bytes is not None else "unknown"
    return [name, units.interval(row.task), ratio, units.interval(row.setup), size, memory]
