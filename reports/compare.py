"""Two runs compared: what got slower, faster, or has another outcome. Pure.

Runs share no rounds, so their samples cannot be paired: a factor's interval is made of both runs' 99 % intervals, wider
than a paired one. A change counts only if that interval excludes 1 **and** the factor exceeds what either table
calls noise. Seconds are compared on one machine only; across machines it is the ratio to the baseline, in which a
slower machine cancels out.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handoff.analysis import units
from handoff.analysis.stats import Estimate

from .rows import Table, TableCell

SCHEMA = 1
#: What makes another machine, and what makes another environment on the same one; by their names in a fingerprint.
MACHINE = ("cpu", "usable_cores", "memory_bytes", "system")
ENVIRONMENT = (
    "python", "python_build", "gil", "libc", "malloc", "transparent_hugepages", "default_start_method",
    "default_pickle_protocol",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One figure, or one outcome, that is not what it was."""

    kind: str
    payload: str
    start_method: str
    metric: str
    strategy: str
    before: str  #: in words: a time or a ratio with its interval, or an outcome
    after: str
    factor: Estimate | None  #: after ÷ before, above 1 is slower; None where the outcome changed
    records: tuple[str, str]

    @property
    def words(self) -> str:
        """The factor; "" where the outcome changed."""
        return units.ratio_interval(self.factor) if self.factor else ""

    @property
    def slower(self) -> bool:
        return self.factor is not None and self.factor.value > 1

    @property
    def missing(self) -> bool:
        """Whether one of the two runs could not have it at all."""
        return self.factor is None and "unavailable" in (self.before, self.after)

    @property
    def lost(self) -> bool:
        """Whether what arrived before does no longer."""
        return self.factor is None and self.before == "ok" and self.after != "unavailable"


@dataclass(frozen=True, slots=True)
class TwoRuns:
    """Two runs."""

    changes: Sequence[Change]
    compared: int  #: figures
    common: int  #: tables that both runs have
    ratios: bool
    unlike: Mapping[str, tuple[str, str]]  #: marks of the fingerprints that differ

    def minded(self, least: float) -> list[Change]:
        """What is a finding: slower by the factor ``least`` at least, or no longer arriving."""
        return [each for each in self.changes if each.lost or (each.factor is not None and each.factor.value >= least)]

    @property
    def summary(self) -> str:
        slower, faster = (sum(each.slower is way for each in self.changes if each.factor) for way in (True, False))
        elsewhere = sum(each.missing for each in self.changes)
        outcomes = len(self.changes) - slower - faster - elsewhere
        what = "ratios to the baseline" if self.ratios else "seconds"
        there = f"; {elsewhere} that only one of the two runs has" if elsewhere else ""
        return (
            f"{slower} slower, {faster} faster, {outcomes} with another outcome, of {self.compared:,} figures compared"
            f" ({what}){there}"
        )

    @property
    def missing(self) -> Mapping[tuple[str, str, str], int]:
        """What one run could not have, for want of a library or a newer Python: way, before, after; how often."""
        return Counter((each.strategy, each.before, each.after) for each in self.changes if each.missing)

    @property
    def told(self) -> list[Change]:
        """The others, each worth a line."""
        return [each for each in self.changes if not each.missing]


def compare(before: Sequence[Table], after: Sequence[Table], *, ratios: bool | None = None) -> TwoRuns:
    """All of it; ``ratios`` None: seconds on one machine, else ratios. Raises ``ValueError`` for seconds of two."""
    unlike = differing(before, after)
    foreign = [mark for mark in unlike if mark in MACHINE]
    if ratios is False and foreign:
        raise ValueError(f"they are of another machine ({', '.join(foreign)}): compare ratios")
    ratios = bool(foreign) if ratios is None else ratios
    found, number = changes(before, after, ratios=ratios)
    return TwoRuns(found, number, len({_key(t) for t in before} & {_key(t) for t in after}), ratios, unlike)


def differing(before: Iterable[Table], after: Iterable[Table]) -> dict[str, tuple[str, str]]:
    """What differs between where two runs were measured, by its name in a fingerprint; and the profile."""
    return {mark: (a, b) for mark, a in (_marks(before)).items() if a != (b := _marks(after).get(mark, "?"))}


def _marks(found: Iterable[Table]) -> dict[str, str]:
    seen: dict[str, dict[str, None]] = {}
    for record in {id(table.record): table.record for table in found}.values():
        for mark in (*MACHINE, *ENVIRONMENT):
            seen.setdefault(mark, {})[str(record.fingerprint.get(mark, "?"))] = None
        for name, version in (record.fingerprint.get("versions") or {}).items():
            seen.setdefault(name, {})[str(version)] = None
        seen.setdefault("profile", {})[str(record.profile.get("name", "?"))] = None
    return {mark: " and ".join(values) for mark, values in seen.items()}


def changes(before: Iterable[Table], after: Iterable[Table], *, ratios: bool) -> tuple[list[Change], int]:
    """What changed, outcomes first, then the largest factor, and how many figures were compared."""
    old = {_key(table): table for table in before}
    found: list[Change] = []
    compared = 0
    for table in after:
        earlier = old.get(_key(table))
        if earlier is None:
            continue
        least = max(table.between_runs, earlier.between_runs)
        for cell in table.cells:
            was = earlier.cell(cell.strategy)
            if was is None:
                continue
            if was.outcome.kind != cell.outcome.kind:
                kinds = str(was.outcome.kind), str(cell.outcome.kind)
                found.append(_change(earlier, table, cell, *kinds, None))
                continue
            a, b = (was.ratio, cell.ratio) if ratios else (was.time, cell.time)
            if a is None or b is None or (ratios and cell.strategy == table.record.baseline):
                continue
            compared += 1
            factor = _factor(a, b)
            apart = factor.low > 1 or factor.high < 1
            if apart and max(factor.value, 1 / factor.value) - 1 > least:
                show = units.ratio_interval if ratios else units.interval
                found.append(_change(earlier, table, cell, show(a), show(b), factor))
    found.sort(key=lambda change: -abs(math.log(change.factor.value)) if change.factor else -math.inf)
    return found, compared


def _factor(a: Estimate, b: Estimate) -> Estimate:
    """Of two runs' figures; infinite or 0 where an end of an interval is unknown."""
    low = b.low / a.high if a.high > 0 else 0.0
    high = b.high / a.low if a.low > 0 else math.inf
    return Estimate(b.value / a.value, low, high, min(a.n_trials, b.n_trials), a.n_samples + b.n_samples)


def _key(table: Table) -> tuple[str, ...]:
    return table.kind, table.record.payload, table.record.start_method, table.metric


def _change(old: Table, new: Table, cell: TableCell, before: str, after: str, factor: Estimate | None) -> Change:
    kind, payload, start_method, metric = _key(new)
    return Change(kind, payload, start_method, metric, cell.strategy, before, after, factor, (old.path, new.path))


# -- formats -----------------------------------------------------------------------------------------------------------


def as_text(found: TwoRuns) -> str:
    """In words, a line a change, grouped by what was measured."""
    lines = [found.summary]
    lines += [f"  {mark}: {a} → {b}" for mark, (a, b) in found.unlike.items()]
    lines += [f"  {way}: {a} → {b}, {count} times" for (way, a, b), count in found.missing.items()]
    group = ""
    for change in sorted(found.told, key=_group):
        if _group(change) != group:
            group = _group(change)
            lines += ["", group]
        times = f"{change.words}  ({change.before} → {change.after})"
        lines.append(f"  {change.strategy:<24} {times if change.factor else f'{change.before} → {change.after}'}")
    return "\n".join(lines) + "\n"


def _group(change: Change) -> str:
    return " ".join(filter(None, (change.payload, change.kind, change.start_method, change.metric)))


def as_markdown(found: TwoRuns) -> str:
    """A table a change is a row of."""
    lines = [f"**{found.summary}**", *(f"- {mark}: {a} → {b}" for mark, (a, b) in found.unlike.items())]
    lines += [*(f"- `{way}`: {a} → {b}, {count} times" for (way, a, b), count in found.missing.items()), ""]
    if found.told:
        lines += ["| what | way | before | after | factor |", "| --- | --- | --- | --- | --- |"]
    for change in found.told:
        cells = (_group(change), f"`{change.strategy}`", change.before, change.after, change.words or "outcome")
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def as_json(found: TwoRuns) -> str:
    """The document of schema 1; a bound that is unknown is null."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "compared": found.compared,
            "of": "ratios" if found.ratios else "seconds",
            "unlike": found.unlike,
            "changes": [_json(change) for change in found.changes],
        },
        indent=1,
    )


def _json(change: Change) -> dict[str, Any]:
    out: dict[str, Any] = {
        name: getattr(change, name)
        for name in ("payload", "kind", "start_method", "metric", "strategy", "before", "after", "records")
    }
    if factor := change.factor:
        ends = (factor.value, factor.low, factor.high)
        values = (value if math.isfinite(value) else None for value in ends)
        out |= dict(zip(("factor", "factor_low", "factor_high"), values, strict=True))
    return out


FORMATS = {"text": as_text, "markdown": as_markdown, "json": as_json}
