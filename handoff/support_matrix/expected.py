"""What traits say must become of a payload, and the gaps: what really happens where they cannot say it.

A gap stands beside the payload, in its module's ``GAPS``. The tests execute every cell and fail on any difference
between what is declared here and what happens, in either direction: an improvement upstream turns them red, too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence

from handoff.declarations import Gap
from handoff.outcome import Kind
from handoff.payload import Payload, Trait
from handoff.strategy import Strategy
from handoff.support_matrix.matrix import MatrixCell, ways
from handoff.target import Entry, TargetError, import_from


def predicted(
    payload: Payload, way: Strategy, duty: str, start_method: str, python: tuple[int, int] = sys.version_info[:2]
) -> Kind:
    """What traits say: the first of a strategy's ``fails`` that the payload has.

    What was changed while the program ran is there after a fork, and so it is where a result arrives: in the parent.
    """
    if start_method not in way.start_methods or python < way.since:
        return Kind.UNAVAILABLE
    if duty == "shared" and Trait.ELEMENTS not in payload.traits:
        return Kind.REFUSED
    if way.inherited(duty, start_method):
        return Kind.ALTERED if Trait.LOCK in payload.traits else Kind.OK  # the child's lock is a copy
    if way.only and not way.only & payload.traits:
        return Kind.REFUSED
    fails = way.failures(duty)
    forked = start_method == "fork" and not way.in_this_process
    here = _THERE if duty == "result" or forked else ()
    return next((kind for trait, kind in fails if trait in payload.traits and trait not in here), Kind.OK)


#: What a fork inherits, and what the parent has that made the same object before a result arrives.
_THERE = (Trait.CHANGED, Trait.MAIN_CODE)


def gaps_of(entries: Iterable[Entry]) -> list[Gap]:
    """The gaps that the payloads' modules declare, or a ``_gaps`` module beside them."""
    modules = dict.fromkeys((entry.ref.root, entry.ref.module) for entry in entries)
    modules |= dict.fromkeys((root, f"{name.rpartition('.')[0]}._gaps") for root, name in modules if "." in name)
    found: list[Gap] = []
    for root, name in modules:
        try:
            found += getattr(import_from(root, name), "GAPS", ())
        except TargetError:
            if not name.endswith("._gaps"):
                raise
    return found


def declared(
    payload: Payload,
    way: Strategy,
    duty: str,
    start_method: str,
    gaps: Sequence[Gap],
    python: tuple[int, int] = sys.version_info[:2],
) -> tuple[Kind, Gap | None]:
    """What must become of a cell, and the gap that says so where traits do not: the first that covers it."""
    expected = predicted(payload, way, duty, start_method, python)
    if expected is Kind.UNAVAILABLE:
        return expected, None
    gap = next((gap for gap in gaps if gap.covers(payload.name, way.name, duty, start_method, python)), None)
    return (expected, None) if gap is None else (gap.outcome, gap)


def differences(cells: Iterable[MatrixCell], entries: Mapping[str, Entry], *, whole: bool = True) -> list[str]:
    """Where what happened is not what is declared; and, of a whole catalogue, gaps that are none any more."""
    gaps, known = gaps_of(entries.values()), ways()
    found, used, tried = [], set(), set()
    for cell in cells:
        if cell.outcome == Kind.UNAVAILABLE:
            continue
        payload, way = entries[cell.payload].payload, known[cell.strategy]
        expected, gap = declared(payload, way, cell.duty, cell.start_method, gaps)
        if gap is not None:
            tried.add(gaps.index(gap))
            if gap.outcome is not predicted(payload, way, cell.duty, cell.start_method):
                used.add(gaps.index(gap))
        if cell.outcome != expected:
            place = f"{cell.payload} {cell.strategy} {cell.duty} {cell.start_method}"
            text = f"{cell.error_type} {cell.message}".strip()
            found.append(f"{place}: declared {expected}, happened {cell.outcome} {cell.where}: {text}")
    if whole:
        found += [f"{gaps[n]}: traits say the same" for n in sorted(tried - used)]
    return found
