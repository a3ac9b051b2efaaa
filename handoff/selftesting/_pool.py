"""What experiments of identical and slowed lanes say, pair by pair. Trials are independent: they may be regrouped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handoff.analysis import regret
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import BIS
from handoff.analysis.moderated import Law
from handoff.analysis.regret import Question
from handoff.analysis.stats import Samples
from handoff.selftesting._frame import Bench, Operation

Key = tuple[int, Any]  #: experiment and trial


@dataclass(frozen=True, slots=True)
class Group:
    """Some trials of a cell's metric, as one experiment of that many trials would have been."""

    lanes: Mapping[str, Samples]
    baseline: str

    def copies(self) -> list[str]:
        """The identical lanes but the baseline, from which the A/A error is taken."""
        return sorted((n for n in self.lanes if n.startswith("copy-") and n != self.baseline), key=_number)

    def pairs(self) -> list[tuple[str, str]]:
        """Identical pairs, no lane in two of them: so they are independent."""
        copies = self.copies()
        return list(zip(copies[::2], copies[1::2], strict=False))

    def slowed(self) -> list[tuple[str, str]]:
        """Each slowed lane and a copy of its own to compare it with."""
        copies = self.copies()
        slow = sorted((n for n in self.lanes if n.startswith("slow-")), key=_number)
        return [(name, copies[index % len(copies)]) for index, name in enumerate(slow)]


def law(found: Iterable[Group]) -> Law:
    """How identical lanes scatter, as the suite learns it from all tables of a kind."""
    return regret.law_of(
        Question(
            {name: each.lanes[name] for name in (each.baseline, *each.copies())}, each.baseline, each.lanes.get(BIS)
        )
        for each in found
    )


def _number(name: str) -> list[int]:
    return [int(part) for part in name.split("-")[1:]]


def groups(figures: Sequence[Figures], metric: str, trials: int) -> Iterator[Group]:
    """Cut a cell's trials into experiments of ``trials`` each; what is left over is left out."""
    lanes = {
        lane: {
            (index, trial): row
            for index, one in enumerate(figures)
            if one.has(lane, metric)
            for trial, row in one.samples(lane, metric).items()
        }
        for lane in {lane for one in figures for lane in one.lanes}
    }
    lanes = {lane: samples for lane, samples in lanes.items() if samples}
    keys: list[Key] = sorted({key for samples in lanes.values() for key in samples})
    baseline = figures[0].record.baseline
    for start in range(0, len(keys) - trials + 1, trials):
        chosen = keys[start : start + trials]
        yield Group(
            {lane: {key: samples[key] for key in chosen if key in samples} for lane, samples in lanes.items()}, baseline
        )


def experiments(bench: Bench, cell: Operation) -> list[Group]:
    """A cell's trials as experiments of the depth's size, each metric by itself."""
    return [group for metric in cell.metrics for group in groups(bench.cell(cell), metric, bench.depth.trials)]
