"""The conclusion of a diagnosis: what was seen, as findings that are said once each, with their reasons and fixes."""

from __future__ import annotations

import enum
import pickle
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from handoff import timeouts
from handoff.compare.names import module_of
from handoff.diagnosing import hooks, libraries, reasons
from handoff.diagnosing.again import exception_fix
from handoff.diagnosing.arrival import PLAINS
from handoff.diagnosing.evidence import LoadCulprit, Seen
from handoff.diagnosing.findings import ALL_STARTS, FRESH_STARTS, STRATEGIES, Depth, Diagnosis, Finding, Shared
from handoff.diagnosing.paths import instance_dict
from handoff.diagnosing.picklers import carried_by_forking
from handoff.diagnosing.walk import GROUP_MOST, Culprit
from handoff.processes.deadlines import limited

SHARED_MOST = 20
#: Reasons whose fix is to change the class.
_A_CLASSES_OWN = (reasons.CLASS, reasons.GETSTATE, reasons.UNPICKLABLE)


def conclude(seen: Seen) -> Diagnosis:
    """The diagnosis, as far as it is known by now."""
    return _Conclusion(seen).diagnosis()


class _Conclusion:
    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self._behinds: dict[int, str] = {}  #: what :meth:`_behind` has found

    def diagnosis(self) -> Diagnosis:
        """All of it together."""
        seen = self.seen
        walk, notes = seen.walk, list(seen.notes)
        counts: dict[tuple[str, type], int] = {}
        culprits: dict[str, Finding] = {}
        hidden = 0

        def add(kind: reasons.Reason, index: int, make: Callable[[], Finding]) -> None:
            nonlocal hidden
            key = (kind.name, type(walk.objs[index]))
            if counts.get(key, 0) >= GROUP_MOST:
                hidden += 1
                return
            finding = make()
            if not finding.blocks:
                return
            known = culprits.get(finding.path)
            if known is not None:
                culprits[finding.path] = _together(known, finding)
                return
            counts[key] = counts.get(key, 0) + 1
            culprits[finding.path] = finding

        heads = {at: libraries.head_of(walk, at) for at in {*walk.culprits, *seen.loads} - {*seen.recursion}}
        for index in sorted({*walk.culprits, *seen.loads, *seen.recursion}):
            if heads.get(index) is not None:
                continue
            if index in walk.culprits:
                culprit = walk.culprits[index]
                add(culprit.kind, index, partial(self._dump_finding, index, culprit))
            if index in seen.recursion:
                add(reasons.RECURSION, index, partial(self._recursion_finding, index, seen.recursion[index]))
            if index in seen.loads:
                add(seen.loads[index].kind, index, partial(self._load_finding, seen.loads[index]))
        self._gather(heads, culprits)
        if hidden:
            notes.append(f"{hidden:,} more findings like those listed are not shown")
        if seen.arrivals.hidden:
            notes.append(f"{seen.arrivals.hidden:,} more altered parts like those listed are not shown")
        depths = walk.depths()
        return Diagnosis(
            target=seen.name,
            culprits=tuple(culprits.values()),
            altered=libraries.altered_outside(seen.arrivals.altered[: 5 * GROUP_MOST], culprits.values()),
            heavy=seen.heavy,
            shared=self._shared(),
            depth=Depth(max(depths, default=0), sys.getrecursionlimit()),
            notes=tuple(notes),
        )

    def _gather(self, heads: dict[int, int | None], culprits: dict[str, Finding]) -> None:
        """Put what stands inside a library's object beneath it, as one finding."""
        seen = self.seen
        inside: dict[int, list[Finding]] = {}
        for index, head in sorted(heads.items()):
            if head is not None and len(inside.setdefault(head, [])) < GROUP_MOST:
                inside[head] += self._inner(index)
        for head, inner in inside.items():
            if inner:
                own = culprits.get(seen.walk.path(seen.walk.named_node(head)))
                gathered = libraries.gathered(seen.walk, head, inner, own)
                culprits[gathered.path] = gathered

    def _inner(self, index: int) -> list[Finding]:
        """What is wrong with a node inside a library's object, as far as it stops anything."""
        seen = self.seen
        found = [self._dump_finding(index, seen.walk.culprits[index])] if index in seen.walk.culprits else []
        found += [self._load_finding(seen.loads[index])] if index in seen.loads else []
        return [each for each in found if each.blocks]

    def _dump_finding(self, index: int, culprit: Culprit) -> Finding:
        walk = self.seen.walk
        node = walk.named_node(index)
        obj = walk.objs[node]
        blocks: list[str] = []
        if "pickle" in culprit.codecs and index not in walk.by_value:
            blocks += [name for name in PLAINS if self._blocks_plainly(obj, name)]
        blocks += [name for name in ("cloudpickle", "dill") if name in culprit.codecs]
        kind = culprit.kind
        reason = kind.reason
        if kind in (reasons.GETSTATE, reasons.UNPICKLABLE):
            reason = f"{reason} ({culprit.error})"
        fix = kind.fix
        if kind in _A_CLASSES_OWN and libraries.is_library(module_of(type(obj))):
            fix = libraries.again(walk, node)  # nobody can mend the class
        elif kind is reasons.CLASS and not type(obj).__qualname__.replace(".", "").isidentifier():  # Page[int]
            fix = (
                f"give it a name at module level, class Named({type(obj).__qualname__}): ..., and make it of that class"
            )
        starts = FRESH_STARTS if kind is reasons.MAIN else ALL_STARTS
        return Finding(
            walk.path(node), reasons.type_name(type(obj)), reason, fix, tuple(blocks), kind.name, "dump",
            culprit.error, walk.other_paths(index), self._behind(index), starts, source=hooks.source_of(obj),
        )  # fmt: skip

    def _blocks_plainly(self, obj: Any, strategy: str) -> bool:
        if strategy == "pickle-default":
            if carried_by_forking(obj):
                return False
            protocol = pickle.DEFAULT_PROTOCOL
        else:
            protocol = int(strategy[-1])
        if type(obj) is pickle.PickleBuffer:
            return protocol < 5
        kind = type(obj)
        hook = kind.__reduce_ex__ if not isinstance(obj, type) else None
        if protocol == 5 and isinstance(hook, types.FunctionType):
            try:
                with limited(timeouts.DUMP_S):
                    pickle.dumps(obj, 5)
            except Exception:
                return True
            return False
        return True

    def _behind(self, index: int) -> str:
        """The path of the nearest culprit above that pickle cannot look into."""
        walk, known = self.seen.walk, self._behinds
        passed, found = [index], ""
        at = walk.parents[index]
        while at >= 0:
            culprit = walk.culprits.get(at)
            if culprit is not None and "pickle" in culprit.codecs:
                found = walk.path(walk.named_node(at))
                break
            if at in known:
                found = known[at]
                break
            passed.append(at)
            at = walk.parents[at]
        known.update(dict.fromkeys(passed, found))
        return found

    def _recursion_finding(self, index: int, errors: dict[str, str]) -> Finding:
        walk, kind = self.seen.walk, reasons.RECURSION
        blocks = (*(PLAINS if "pickle" in errors else ()), *(n for n in ("cloudpickle", "dill") if n in errors))
        reason = f"{kind.reason} ({max(walk.depths()):,} objects deep, limit {sys.getrecursionlimit():,})"
        return Finding(walk.path(index), reasons.type_name(type(walk.objs[index])), reason, kind.fix, blocks, kind.name,
                       "dump", "RecursionError", walk.other_paths(index))  # fmt: skip

    def _load_finding(self, load: LoadCulprit) -> Finding:
        walk = self.seen.walk
        node = walk.named_node(load.index)
        blocks = tuple(
            name for name in STRATEGIES if name in load.codecs or ("pickle" in load.codecs and name in PLAINS)
        )
        obj, fix = walk.objs[node], load.kind.fix
        if load.kind is reasons.EXCEPTION and isinstance(obj, BaseException):
            fix = exception_fix(obj)
        elif isinstance(obj, enum.Enum):  # it is made again by its value, of which a copy may not be equal to it
            kind = type(obj).__qualname__
            fix = f"define __reduce_ex__(self, protocol) in `{kind}`: return getattr, (type(self), self.name)"
        return Finding(walk.path(node), reasons.type_name(type(obj)), f"{load.kind.reason} ({load.error})",
                       fix, blocks, load.kind.name, "load", load.error, walk.other_paths(load.index), "",
                       load.starts)  # fmt: skip

    def _shared(self) -> tuple[Shared, ...]:
        walk = self.seen.walk
        found = []
        for index, others in walk.again.items():
            obj = walk.objs[index]
            if isinstance(obj, type | types.FunctionType | types.BuiltinFunctionType | types.ModuleType | tuple):
                continue
            if index in walk.culprits or not _is_mutable(obj) or index in walk.by_value:
                continue
            if libraries.head_of(walk, index) is not None:
                continue  # what a library shares within its own object is that object's affair
            others_above = [parent for parent, _ in others if not self._is_below(parent, index)]
            if not others_above:
                continue
            paths = (walk.path(index), *walk.other_paths(index, 3))
            if len(paths) > 1:
                found.append(Shared(paths, reasons.type_name(type(obj))))
            if len(found) >= SHARED_MOST:
                break
        return tuple(found)

    def _is_below(self, index: int, above: int) -> bool:
        """Whether a node lies below another: then the second way is a cycle, not a sharing."""
        for _ in range(10_000):
            if index == above:
                return True
            if index < above:
                return False
            index = self.seen.walk.parents[index]
        return False


def _is_mutable(obj: Any) -> bool:
    if isinstance(obj, list | dict | set | bytearray):
        return True
    return instance_dict(obj) is not None or type(obj).__module__ == "numpy"


def _together(known: Finding, other: Finding) -> Finding:
    """Two findings of one part: what stops pickle itself is the reason; why another refuses it stands beside that."""
    blocks = tuple(s for s in STRATEGIES if s in known.blocks or s in other.blocks)
    if {*PLAINS}.isdisjoint(known.blocks) and not {*PLAINS}.isdisjoint(other.blocks):
        known = replace(other, reason=f"{other.reason}; under {', '.join(known.blocks)}: {known.reason}")
    return replace(known, blocks=blocks)
