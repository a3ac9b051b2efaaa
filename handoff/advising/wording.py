"""From records to advice: which way to take for one job. Pure: records in, ranked ways and words out.

What is ranked is the whole job: ``start + setup + tasks x task / parallelism`` (:mod:`handoff.analysis.cost`), computed
for every sample, so that what can be lost by taking a way comes from the same judge as everywhere else. Ways that send
the object with every task and ways that set it up once are compared by the same total.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

from handoff.advising.ranking import (
    AS_GOOD,
    CONTENDER,
    FEW,
    LIMIT,
    REFERENCE,
    SIMPLER,
    UNMEASURED,
    MeasuredWay,
    Ranking,
    Whole,
    rank,
)
from handoff.advising.result import BOTH, Advice, AdviceWarning, Job, Refactoring, Row
from handoff.analysis import cost, regret, stats, units
from handoff.analysis.metrics import NULL
from handoff.outcome import Kind
from handoff.payload import Duty
from handoff.record import Record
from handoff.strategies import baselines, registry
from handoff.strategy import Channel

if TYPE_CHECKING:
    from handoff.diagnosing import Diagnosis

MUCH_BYTES = 4 << 20  #: less is no reason to prefer one way to another: an import takes as much
AS_ADDED = 1.33  #: a job that took so many times the sum of its parts is not understood
DUTY_WORDS = {
    Duty.ARGUMENT: "sent with every task",
    Duty.STATE: "set up once per worker",
    Duty.RESULT: "sent back by every task",
    Duty.SHARED: "shared by all workers, one locked update a task",
}


def advise(
    target: str,
    job: Job,
    records: Sequence[Record],
    *,
    cores: int,
    diagnosis: Diagnosis | None = None,
    refactored: Sequence[Record] = (),
    memory: Sequence[Record] = (),
    imported_s: float = 0.0,
    made_s: float = math.nan,
    recipe: Any = None,
    notes: Sequence[str] = (),
    seconds: float = 0.0,
    work_s: float = math.nan,
    warnings: Sequence[AdviceWarning] = (),
    several: bool = False,
    wholes: Mapping[str, Whole] | None = None,
) -> Advice:
    """Put a ranking into words. With ``several`` start methods judged, they say of which this is.

    ``work_s`` is what a task does with the object, alone; ``refactored`` are records of it without its culprits,
    ``memory`` those of the kinds ``memory-<duty>``, ``wholes`` what the programs of some ways took.
    """
    known = known_faults(diagnosis, job.start_method)
    ranking = rank(
        records, job, cores=cores, known=known, imported_s=imported_s, made_s=made_s, nbytes=heavy_bytes(diagnosis),
        wholes=wholes,
    )  # fmt: skip
    tiers = tuple(tuple(_with_memory(row, memory) for row in tier) for tier in ranking.tiers)
    ranking = replace(ranking, tiers=tiers)
    diagnosis = _not_refuted(diagnosis, ranking)
    best = ranking.tiers[0][0] if ranking.tiers else None
    changes = _refactorings(ranking, job, diagnosis, refactored, cores, best)
    failed = next((record.failed for record in records if record.failed), "")
    more = [*notes, *([f"measuring failed: {failed}"] if failed else [])]
    said = _memory(ranking, memory)
    if best is not None and not said:
        measures = f"handoff measure {target} --duty memory-{best.duty} -o FOLDER"
        more.append(f"memory was not measured, for lack of time: a larger --budget, or {measures}, does that")
    if job.duty == Duty.SHARED:
        more.append("ways that hand over a copy are no answer where several write, and were not asked")
    return Advice(
        target=target,
        job=job,
        tiers=ranking.tiers,
        excluded=ranking.excluded,
        advice=_sentence(job, ranking, changes, diagnosis, work_s, several=several),
        start_s=ranking.start_s,
        sure=_how_sure(ranking),
        now=_now(ranking, job),
        breaks_even=_breaks_even(ranking, job),
        memory=said,
        refactorings=tuple(changes),
        recipe=recipe(best) if recipe and best else None,
        notes=tuple(more),
        seconds=seconds,
        work_s=work_s,
        culprits=diagnosis.culprits if diagnosis else (),
        warnings=tuple(warnings),
    )


def _with_memory(row: Row, records: Sequence[Record]) -> Row:
    found = _read_off(row.strategy, row.duty, records)
    return replace(
        row,
        worker_uss_bytes=found.get("worker-uss-bytes", math.nan),
        worker_pss_bytes=found.get("worker-pss-bytes", math.nan),
        parent_peak_bytes=found.get("parent-peak-bytes", math.nan),
    )


def _read_off(lane: str, duty: str, records: Sequence[Record]) -> dict[str, float]:
    """The readings of a lane by metric: the medians over trials, in bytes."""
    found: dict[str, list[float]] = {}
    for record in records:
        if record.kind == f"memory-{duty}":
            for name, metric, _, _, value in record.values:
                if name == lane:
                    found.setdefault(metric, []).append(value)
    return {metric: median(values) for metric, values in found.items()}


def _memory(ranking: Ranking, records: Sequence[Record]) -> str:
    """What the best way takes, and which of those as fast takes clearly less; "" where it was not measured."""
    best = ranking.tiers[0][0] if ranking.tiers else None
    if best is None or math.isnan(best.worker_uss_bytes):
        return ""
    bare = _read_off(NULL, best.duty, records).get("worker-uss-bytes")
    text = f"Memory: a worker that has the object has {units.size(best.worker_uss_bytes)} to itself"
    text += f" (a bare one {units.size(bare)})" if bare is not None else ""
    if not math.isnan(best.parent_peak_bytes):
        text += f", and this process rises by {units.size(best.parent_peak_bytes)} while it hands it over"
    least = min(ranking.tiers[0], key=lambda row: row.worker_uss_bytes if row.worker_uss_bytes > 0 else math.inf)
    saved = best.worker_uss_bytes - least.worker_uss_bytes
    if saved > max(MUCH_BYTES, 0.2 * best.worker_uss_bytes):
        text += f"; with {least.strategy} ({least.duty}) it is {units.size(least.worker_uss_bytes)}"
    return text + "."


def _not_refuted(diagnosis: Diagnosis | None, ranking: Ranking) -> Diagnosis | None:
    """The diagnosis without culprits that did not stop what they were said to: a real hand-over knows better."""
    if diagnosis is None:
        return None
    from handoff.diagnosing.findings import SOME_WORKERS

    carried = {way.strategy.pickled_as for way in ranking.ways.values() if way.duty is not Duty.STATE} - {""}
    told = [each for each in diagnosis.culprits if each.kind == SOME_WORKERS or not carried & set(each.blocks)]
    return replace(diagnosis, culprits=tuple(told))


def heavy_bytes(diagnosis: Diagnosis | None) -> int:
    """The weight of the heaviest parts, which is about that of the object."""
    return sum(each.bytes for each in diagnosis.heavy) if diagnosis else 0


def known_faults(diagnosis: Diagnosis | None, start_method: str) -> dict[str, tuple[Kind, str]]:
    """Strategies that the diagnosis saw altering the object under a start method, or failing in some of the workers,
    also by carrying the same pickle: which, and why."""
    from handoff.diagnosing.findings import SOME_WORKERS

    found: dict[str, tuple[Kind, str]] = {}
    if diagnosis is None:
        return found
    some = [each for each in diagnosis.culprits if each.kind == SOME_WORKERS]
    for finding in (*some, *diagnosis.altered):
        if start_method not in finding.start_methods:
            continue
        kind = Kind.BROKEN if finding in some else Kind.ALTERED
        reason = f"{finding.path} ({finding.type}): {finding.reason}"
        for name, strategy in registry().items():
            if strategy.pickled_as in finding.blocks:
                found.setdefault(name, (kind, reason))
    return found


def usual(duty: Duty) -> str:
    """The key of what is done when nothing else is asked for."""
    return f"{baselines(duty)[0]} {duty}"


def _named(row: Row) -> str:
    chunks = f", by {registry()[row.strategy].chunked.format(row.chunk)}" if row.chunk > 1 else ""
    return f"{row.strategy}, {DUTY_WORDS[Duty(row.duty)]}{chunks}"


def _task(job: Job, best: Row, work_s: float) -> str:
    """What a task is, and how much of its time that takes."""
    what = f"of {job.work}" if job.work else "that read all of it" if job.tasks != 1 else "that reads all of it"
    if job.duties[0] not in (Duty.ARGUMENT, Duty.STATE) or not work_s > 0:
        return ""
    of = f" of {units.seconds(best.task_s)}" if work_s < best.task_s else ""
    return f" {what} ({units.seconds(work_s)}{of} each)"


def _sentence(
    job: Job,
    ranking: Ranking,
    changes: Sequence[Refactoring],
    diagnosis: Diagnosis | None,
    work_s: float,
    *,
    several: bool = False,
) -> str:
    best = ranking.tiers[0][0] if ranking.tiers else None
    task = _task(job, best, work_s) if best else ""
    work = f"{job.tasks:,} task{'s' if job.tasks != 1 else ''}{task}"
    work += f" on {job.workers} worker{'s' if job.workers != 1 else ''}"
    if best is None:
        return _sentence_of_none(ranking, diagnosis)
    missing = _not_looked_at(job, ranking)
    under = f", under {job.start_method}" if several else ""
    lead = f"Of what was measured, {_named(best)}{under}" if missing else f"Take {_named(best)}{under}"
    text = f"{lead}: {work} take about {units.seconds(best.total_s)}"
    now = ranking.ways.get(usual(Duty.ARGUMENT))
    if now is not None and best.key != now.key:
        usual_s = stats.estimate(now.total).value
        ratio = usual_s / best.total_s
        does = f"what multiprocessing does with the object in every task ({units.seconds(usual_s)})"
        text += f", {units.ratio(ratio)} less than {does}" if ratio > 1.1 else f", about the same as {does}"
    others = [row for row in ranking.tiers[0][1:] if row.verdict == AS_GOOD]
    if ranking.copies or ranking.bound > LIMIT:
        text += f"; not sure yet: {_risk(ranking)}"
    elif len(ranking.ways) > 1:
        text += f"; {_risk(ranking)}"
    if others:
        text += f"; as good: {', '.join(_short(row, job) for row in others[:3])}"
        text += f" and {len(others) - 3} more" if len(others) > 3 else ""
    least = max(SIMPLER, min(ranking.bound, 2.0))  # more than what might be lost anyway
    gains = [change for change in changes if change.gain > least]
    if gains:
        top = max(gains, key=lambda change: change.gain)
        text += f"; to refactor pays: {top.what} ({units.ratio(top.gain)} less)"
    return f"{text}{missing}."


def _risk(ranking: Ranking) -> str:
    """How much can be lost by taking it."""
    if ranking.copies:
        return f"two copies of one way came out {regret.times(ranking.copies)} apart"
    if not math.isfinite(ranking.bound):
        return "too few trials to say how much can be lost by it"
    return f"at most {regret.shown_bound(ranking.bound)} × the best"


def _not_looked_at(job: Job, ranking: Ranking) -> str:
    """What of the question has no answer for lack of time: a whole duty, or all other ways."""
    late = [each for each in ranking.excluded if each.outcome == UNMEASURED]
    looked = {way.duty for way in ranking.ways.values()}
    duties = [
        duty for duty in job.duties
        if duty not in looked and any(str(duty) in each.duty.split(", ") for each in late)
    ]  # fmt: skip
    if duties:
        words = " or ".join(DUTY_WORDS[duty] for duty in duties)
        failed = [
            each for each in ranking.excluded
            if each.outcome in (Kind.REFUSED, Kind.BROKEN, Kind.ALTERED) and set(duties) & set(each.duty.split(", "))
        ]  # fmt: skip
        if failed:
            some = f"{len(failed)} way{'s' if len(failed) > 1 else ''} {words}"
            return f"; {some} did not carry it, the others were not measured: give it a larger --budget"
        return f"; nothing {words} was measured: give it a larger --budget"
    if late and len({way.strategy.name for way in ranking.ways.values()}) == 1:
        return "; no other way was measured: give it a larger --budget"
    return ""


def _sentence_of_none(ranking: Ranking, diagnosis: Diagnosis | None) -> str:
    """Nothing carries it, or nothing that was tried."""
    mend = ""
    if diagnosis is not None and diagnosis.culprits:
        first, *others = diagnosis.culprits
        rest = f" (and {len(others)} more, see handoff diagnose)" if others else ""
        mend = f"mend {first.path}{rest}: {first.fix}"
    if any(each.outcome == UNMEASURED for each in ranking.excluded):
        tried = [each for each in ranking.excluded if each.outcome not in (UNMEASURED, REFERENCE)]
        what = f"Nothing of the {len(tried)} ways that were tried carries it" if tried else "Nothing was measured"
        text = f"{what}, and the time was up before the others' turn: give it a larger --budget"
        return f"{text}, or {mend}." if tried and mend else f"{text}."
    return f"Nothing carries it as it is: {mend or 'see what was excluded, and why'}."


def _short(row: Row, job: Job) -> str:
    return f"{row.way} ({row.duty})" if job.duty == BOTH else row.way


def _refactorings(
    ranking: Ranking,
    job: Job,
    diagnosis: Diagnosis | None,
    refactored: Sequence[Record],
    cores: int,
    best: Row | None,
) -> list[Refactoring]:
    found = []
    way = registry().get(best.strategy) if best is not None else None
    if best is not None and way is not None and way.makes:
        found.append(Refactoring("send what builds it (parameters, a path), and build it in each worker", best.strategy,
                                 best.duty, best.task_s, best.total_s))  # fmt: skip
    if best is not None and way is not None and way.channel is Channel.FILE:
        found.append(Refactoring("write it to a file once and send the path", best.strategy, best.duty, best.task_s,
                                 best.total_s))  # fmt: skip
    culprits = diagnosis.culprits if diagnosis else ()
    if refactored and culprits:
        again = rank(refactored, job, cores=cores, start_s=ranking.start_s)
        if again.tiers:
            row = again.tiers[0][0]
            gain = best.total_s / row.total_s if best is not None else math.nan
            parts = ", ".join(finding.path for finding in culprits[:3]) + (" …" if len(culprits) > 3 else "")
            what = f"leave {parts} behind and send plain data in its place, by {row.strategy}"
            found.append(Refactoring(what, row.strategy, row.duty, row.task_s, row.total_s, gain))
    elif culprits:
        fixes = dict.fromkeys(f"{finding.path}: {finding.fix}" for finding in culprits[:3])
        found += [Refactoring(f"{fix} (not measured)") for fix in fixes]
    return found


def _how_sure(ranking: Ranking) -> str:
    if not ranking.tiers:
        return ""
    tier = ranking.tiers[0]
    run = [way.runs for way in ranking.ways.values() if way.runs]
    trials = max(run or (row.trials for row in tier))
    what = "run of each program" if run else "trial"
    if trials < FEW:
        some = f"one {what}" if trials == 1 else f"{trials} {_many(what)}"
        return f"A first impression from {some}: only factors count. A larger --budget tells more."
    if ranking.copies:
        return f"From {trials} {_many(what)}, in which {_risk(ranking)}: a quieter machine tells more."
    if len(ranking.ways) == 1:
        return f"From {trials} {_many(what)}; nothing else carries it."
    if not math.isfinite(ranking.bound):
        return f"From {trials} {_many(what)}: {_risk(ranking)}. A larger --budget tells more."
    known = f"From {trials} {_many(what)}, at 99 %: the whole job takes {_risk(ranking)} of {len(ranking.ways)} ways"
    if ranking.bound <= LIMIT:
        return f"{known}."
    open_ones = sum(row.verdict == CONTENDER for row in tier[1:])
    could = f"{open_ones} other{'s' if open_ones > 1 else ''} could be better" if open_ones else "it is led by little"
    return f"{known}; {could}. A larger --budget, on a quieter machine, tells more."


def _many(what: str) -> str:
    first, _, rest = what.partition(" ")
    return f"{first}s {rest}".rstrip()


def _now(ranking: Ranking, job: Job) -> str:
    for duty in (Duty.ARGUMENT, Duty.RESULT):
        if way := ranking.ways.get(usual(duty)):
            task, total = stats.estimate(way.task), stats.estimate(way.total)
            known = units.interval(task) if task.n_trials >= FEW else units.seconds(task.value)
            return (
                f"What multiprocessing does by itself ({way.strategy.name}, {DUTY_WORDS[duty]}): {known} a "
                f"task, {units.seconds(total.value)} for the job."
            )
    return ""


def _breaks_even(ranking: Ranking, job: Job) -> str:
    """From how many tasks on the best is better than the best of another tier, or than the usual way."""
    if not ranking.tiers:
        return ""
    best = ranking.tiers[0][0]
    other = _rival(ranking)
    if other is None:
        return ""
    mine, theirs = ranking.ways[best.key], ranking.ways[other]
    if any(way.runs and not 1 / AS_ADDED < way.off < AS_ADDED for way in (mine, theirs)):
        return ""  # the whole is not the sum of its parts: what it takes with other numbers of tasks is not known
    found = cost.break_even(mine.line, theirs.line, _replicates(mine, theirs))
    against = f"{theirs.strategy.name}{f', chunks of {theirs.chunk}' if theirs.chunk > 1 else ''} ({theirs.duty})"
    span = ""
    if not math.isnan(found.low):
        span = f" [{_count(found.low)}–{_count(found.high)}]"
        if found.agree < 0.95 or found.high > 100 * max(1.0, found.low):
            return f"Against {against}: where it begins to pay is not known well enough to say."
    match found.pays:
        case cost.Pays.ALWAYS:
            return f"Against {against}: better for any number of tasks."
        case cost.Pays.NEVER:
            return f"Against {against}: no number of tasks decides it."
        case cost.Pays.FROM:
            return f"Against {against}: better from {_count(found.n)}{span} tasks on."
        case _:
            return f"Against {against}: better up to {_count(found.n)}{span} tasks."


def _rival(ranking: Ranking) -> str | None:
    """The best way of another duty, where both are open; else the best of the next tier, or the usual way."""
    best = ranking.tiers[0][0]
    rows = [row for tier in ranking.tiers for row in tier]
    nearest = next((row for row in rows if row.duty != best.duty), None)
    if nearest is None and len(ranking.tiers) > 1:
        nearest = ranking.tiers[1][0]
    if nearest is not None:
        return nearest.key
    now = usual(Duty.ARGUMENT)
    return now if now in ranking.ways and best.key != now else None


def _replicates(mine: MeasuredWay, theirs: MeasuredWay) -> list[tuple[cost.LinearCost, cost.LinearCost]]:
    logs = stats.log_ratios(theirs.task, mine.task)
    if len(logs) < FEW:
        return []
    here = [math.log(median(x for x in row if x)) for row in mine.task.values() if any(row)]
    centre = median(here)
    pairs = zip(stats.replicates(here, 200, seed=1), stats.replicates(logs, 200, seed=2), strict=True)
    scale = theirs.line.slope / mine.line.slope / math.exp(median(logs)) if mine.line.slope else 1.0
    return [
        (
            cost.LinearCost(mine.line.fixed, mine.line.slope * math.exp(one - centre)),
            cost.LinearCost(theirs.line.fixed, mine.line.slope * math.exp(one - centre + ratio) * scale),
        )
        for one, ratio in pairs
    ]


def _count(n: float) -> str:
    return "∞" if math.isinf(n) else f"{max(1, math.ceil(n)):,}"
