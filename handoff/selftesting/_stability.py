"""Do two runs say the same? Strategies that one run tells apart must not come out the other way in another.

A pair of strategies is *told apart* by a run when the interval of the ratio of the two, of all ways of a table at once,
leaves out 1, and the ratio is more than ``FAR``. It is *contradicted* when the other run tells it apart the other way,
which must not be; and *inverted* when the other run merely has the slower one as the faster, be it within noise: that
leaves open who is right. Both runs are asked in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from handoff.analysis import judging, regret, stats
from handoff.analysis.figures import Figures
from handoff.analysis.judging import Laws
from handoff.analysis.metrics import METRICS
from handoff.analysis.moderated import Law
from handoff.machine import fingerprint, noise
from handoff.record import SECONDS, STABILITY, Record, unit
from handoff.selftesting._frame import CheckResult, CheckState, FigureLine, Report, worst
from handoff.selftesting._numbers import exact_interval

FAR = 1.05  #: more than 5 % apart
MOST_SHOWN = 10  #: inverted pairs that get a line of their own


@dataclass(frozen=True, slots=True)
class ToldApart:
    """Two strategies that one run tells apart, and what the other run says of them."""

    where: str  #: record and metric
    faster: str
    slower: str
    ratio: float  #: slower to faster in the run that tells them apart
    again: float  #: the same in the other run
    contradicted: bool  #: the other run tells them apart the other way

    @property
    def inverted(self) -> bool:
        return self.again < 1


def pairs(mine: Record, other: Record, known: tuple[Laws, Laws]) -> Iterator[ToldApart]:
    """What ``mine`` tells apart and ``other`` has measured too. ``known``: how lanes scatter in either's run."""
    here, there = Figures(mine), Figures(other)
    for metric in METRICS[mine.kind]:
        if unit(metric) != SECONDS or not (here.has(mine.baseline, metric) and there.has(other.baseline, metric)):
            continue
        again = {frozenset(pair): pair for pair in told_apart(there, metric, known[1].of(other, metric))}
        for faster, slower in told_apart(here, metric, known[0].of(mine, metric)):
            if there.has(faster, metric) and there.has(slower, metric):
                its = again.get(frozenset((faster, slower)))
                yield ToldApart(
                    f"{mine.title} {metric}",
                    faster,
                    slower,
                    _ratio(here, metric, faster, slower),
                    _ratio(there, metric, faster, slower),
                    its == (slower, faster),
                )


def told_apart(figures: Figures, metric: str, law: Law) -> Iterator[tuple[str, str]]:
    """Pairs (faster, slower) that this run tells apart, and far."""
    for faster, slower, ratio in regret.told_apart(figures.question(metric), law):
        if ratio.value > FAR:
            yield faster, slower


def _ratio(figures: Figures, metric: str, faster: str, slower: str) -> float:
    return stats.ratio(figures.samples(slower, metric), figures.samples(faster, metric)).value


def compare(before: Iterable[Record], after: Iterable[Record]) -> Report:
    """Two runs of the same experiments as a report; records that only one of them has are left out, and counted."""
    old, new = _by_name(before), _by_name(after)
    both = [(old[name], new[name]) for name in old if name in new]
    of_old, of_new = (judging.laws(run.values()) for run in (old, new))
    found = [pair for a, b in both for pair in (*pairs(a, b, (of_old, of_new)), *pairs(b, a, (of_new, of_old)))]
    inverted = [pair for pair in found if pair.inverted]
    contradicted = [pair for pair in found if pair.contradicted]
    lines = [
        _share("contradicted by the other run", contradicted, found, CheckState.OFF),
        _share("inverted in the other run, be it within noise", inverted, found, CheckState.UNDECIDED),
        FigureLine("pairs told apart by more than 5 %", len(found), unit="count"),
        FigureLine("experiments that both runs have", len(both), unit="count"),
        FigureLine("experiments that only one run has", len(old.keys() ^ new.keys()), unit="count"),
    ]
    for pair in sorted(inverted, key=lambda pair: pair.again)[:MOST_SHOWN]:
        what = f"{pair.slower} to {pair.faster}, {pair.where}"
        lines.append(
            FigureLine(what, pair.again, unit="ratio", note=f"{pair.ratio:.3f} in the run that tells them apart")
        )
    of = f"of {len(found)} pairs told apart by more than 5 %"
    summary = f"{of}, the other run contradicts {len(contradicted)}, and {len(inverted)} are inverted there"
    data: dict[str, Any] = {
        "pairs": len(found),
        "contradicted": len(contradicted),
        "inverted": len(inverted),
        "experiments": len(both),
    }
    result = CheckResult(worst(lines), summary, tuple(lines), data, "stability", "two runs agree")
    now = noise()
    apart = _apart(old, new)
    return Report(STABILITY, (result,), apart, fingerprint(), now, now, 0.0, min(_starts(new), default=""))


def _share(what: str, some: Sequence[ToldApart], of: Sequence[ToldApart], bad: CheckState) -> FigureLine:
    low, high = exact_interval(len(some), len(of)) if of else (0.0, 1.0)
    state = CheckState.UNDECIDED if not of else bad if some else CheckState.OK
    share = len(some) / len(of) if of else float("nan")
    return FigureLine(what, share, low, high, "share", "none", state, f"{len(some)} of {len(of)}")


def _by_name(records: Iterable[Record]) -> dict[tuple[str, ...], Record]:
    """The newest record of each experiment and version of Python."""
    ordered = sorted(records, key=lambda record: record.started)
    return {(record.name, str(record.fingerprint.get("python", ""))): record for record in ordered if record.rows}


def _starts(records: dict[tuple[str, ...], Record]) -> list[str]:
    return [record.started for record in records.values()]


def _apart(old: dict[tuple[str, ...], Record], new: dict[tuple[str, ...], Record]) -> tuple[str, ...]:
    """What to know about the two: nothing to compare is a matter of what was asked for."""
    if old.keys() & new.keys():
        return ()
    return ("measure the same payloads, duties and start methods twice: the two runs have no experiment in common",)
