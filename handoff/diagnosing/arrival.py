"""What arrives, but is silently not the same: a file opened elsewhere, an alias gone, a marker that is no longer it."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass, field, replace
from typing import Any

from handoff.compare.names import installed
from handoff.compare.shared_state import shares
from handoff.diagnosing import reasons
from handoff.diagnosing.findings import FRESH_STARTS, PICKLES, STRATEGIES, Finding
from handoff.diagnosing.libraries import head_of
from handoff.diagnosing.load_child import plain_value
from handoff.diagnosing.messages import Fact
from handoff.diagnosing.paths import instance_dict
from handoff.diagnosing.received import Received
from handoff.diagnosing.walk import GROUP_MOST, Walk

PLAINS = (*PICKLES, "pickle-default")
_FACTS_MOST = 2000  #: values compared with those of a fresh import


@dataclass(slots=True)
class Arrivals:
    """Collects the findings ``altered`` of one walk."""

    walk: Walk
    codecs_run: list[str]
    altered: list[Finding] = field(default_factory=list)
    facts: list[tuple[str, str, str, str]] = field(default_factory=list)  #: module, name, our value, path
    hidden: int = 0  #: how many were left out, because as many like them are there
    _known: dict[tuple[str, str], int] = field(default_factory=dict)  #: (path, kind) -> place in ``altered``
    _counts: dict[tuple[str, type, str], int] = field(default_factory=dict)  #: by kind, type and strategy

    def find(self) -> None:
        walk = self.walk
        for index, culprit in walk.culprits.items():
            for strategy, what in culprit.kind.altered_by:
                if strategy in self.codecs_run and strategy not in culprit.codecs and self._is_met(index, strategy):
                    self._alter(index, culprit.kind, (strategy,), what)
        for index in walk.sentinels:
            self._alter(index, reasons.SENTINEL, STRATEGIES)
        for index in walk.proxies:
            if index not in walk.culprits or "pickle" not in walk.culprits[index].codecs:
                self._alter(index, reasons.PROXY, (*PLAINS, "cloudpickle"))
        for index in walk.lost:
            self._alter(index, reasons.LOST_STATE, (*PLAINS, "cloudpickle"))
        self._find_connections()
        self._find_singletons()
        self._find_array_aliases()

    def _is_met(self, index: int, strategy: str) -> bool:
        return index not in self.walk.by_value or strategy == "cloudpickle"

    def _alter(self, index: int, kind: reasons.Reason, blocks: tuple[str, ...], reason: str = "") -> None:
        node = self.walk.named_node(index)
        group = (kind.name, type(self.walk.objs[node]), blocks[0])
        self._counts[group] = self._counts.get(group, 0) + 1
        if self._counts[group] > GROUP_MOST:
            self.hidden += 1
            return
        path = self.walk.path(node)
        reason = reason or kind.reason
        if (at := self._known.setdefault((path, kind.name), len(self.altered))) < len(self.altered):
            known = self.altered[at]
            if blocks[0] not in known.blocks:
                same = known.reason == reason
                merged = reason if same else f"{known.reason}; under {', '.join(blocks)}: {reason}"
                self.altered[at] = replace(known, reason=merged, blocks=(*known.blocks, *blocks))
            return
        aliases = self.walk.other_paths(index)
        self.altered.append(Finding(path, reasons.type_name(type(self.walk.objs[node])), reason, kind.fix, blocks,
                                    kind.name, "arrival", "", aliases))  # fmt: skip

    def _find_connections(self) -> None:
        for kind in list(self.walk.classes):
            if kind.__module__ == "multiprocessing.connection" and kind.__name__ in ("Connection", "PipeConnection"):
                for at, obj in enumerate(self.walk.objs):
                    if type(obj) is kind and at not in self.walk.culprits:
                        self._alter(at, reasons.CONNECTION, (*PICKLES, "cloudpickle", "dill"))

    def _find_singletons(self) -> None:
        """Stateless instances that a module holds under a name: markers, compared by identity."""
        for kind, index in self.walk.classes.items():
            obj = self.walk.objs[index]
            module = sys.modules.get(kind.__module__)
            if type(obj) is not kind or kind is object or module is None or not kind.__flags__ & (1 << 9):
                continue
            if not self.walk._is_simple(kind) or instance_dict(obj) or index in self.walk.culprits:
                continue
            if any("__slots__" in base.__dict__ and base.__dict__["__slots__"] for base in kind.__mro__):
                continue
            if kind.__module__.partition(".")[0] in sys.stdlib_module_names:
                continue
            if any(value is obj for value in vars(module).values()) and head_of(self.walk, index) is None:
                self._alter(index, reasons.SENTINEL, STRATEGIES)

    def _find_array_aliases(self) -> None:
        """Arrays that overlap in memory: two views of one buffer, or an array and a view of it."""
        walk = self.walk
        spans = []
        for index in walk.arrays:
            array = walk.objs[index]
            if array.dtype.hasobject or not array.nbytes:
                continue
            low, high = _bounds(array)
            spans.append((low, high, index))
        spans.sort()
        group: list[int] = []
        reach = -1
        groups = []
        for low, high, index in spans:
            if low >= reach:
                if len(group) > 1:
                    groups.append(group)
                group, reach = [], high
            group.append(index)
            reach = max(reach, high)
        if len(group) > 1:
            groups.append(group)
        for group in groups[:GROUP_MOST]:
            first, *others = sorted(group)
            for index in others:
                if any(_share(walk.objs[index], walk.objs[other]) for other in group if other != index):
                    self._alter(index, reasons.ALIAS, STRATEGIES, f"{reasons.ALIAS.reason} (with {walk.path(first)})")

    def add(self, found: Received) -> None:
        """What was seen to arrive: it refutes what was only expected, and adds what was not."""
        seen = not shares(map(type, self.walk.objs))  # whether a lock is still shared shows only when it is used
        for item in list(self.altered):
            if (seen or item.kind == reasons.SENTINEL.name) and not set(found.unaltered).isdisjoint(item.blocks):
                self._replace(item, tuple(name for name in item.blocks if name not in found.unaltered))
        expected = tuple(self.altered)
        for finding in found.findings:
            known = self._told(finding)
            if known is not None and (known in expected or known.start_methods == finding.start_methods):
                self._replace(known, tuple(name for name in STRATEGIES if name in {*known.blocks, *finding.blocks}))
            elif finding.kind != reasons.ALIAS.name or finding.type != "numpy.ndarray":  # arrays: seen exactly, above
                self.altered.append(finding)

    def _replace(self, item: Finding, blocks: tuple[str, ...]) -> None:
        at = self.altered.index(item)
        self.altered[at : at + 1] = [replace(item, blocks=blocks)] if blocks else []

    def _told(self, finding: Finding) -> Finding | None:
        """The finding that says the same already, in its own words."""
        for item in self.altered:
            alias = item.kind == finding.kind == reasons.ALIAS.name
            lost = item.kind == reasons.LOST_STATE.name and finding.path.startswith(f"{item.path}.")
            if item.path == finding.path or alias or lost:
                return item
        return None

    def by_reference(self) -> list[tuple[str, str, str, str]]:
        """Plain values of user classes and of globals that functions use: (module, name, value here, path)."""
        found: list[tuple[str, str, str, str]] = []
        walk = self.walk
        for kind, index in walk.classes.items():
            module = kind.__module__
            if installed(str(module)) or self.walk.plain.named(kind) is not None:
                continue
            if not kind.__flags__ & (1 << 9):
                continue
            base = walk.path(index) if walk.objs[index] is kind else f"type({walk.path(index)})"
            for name, value in vars(kind).items():
                if name.startswith("__") or isinstance(value, types.FunctionType):
                    continue
                text = plain_value(value)
                if text is not None and name.isidentifier():
                    found.append((module, f"{kind.__qualname__}.{name}", text, f"{base}.{name}"))
        for index in walk.functions:
            function = walk.objs[index]
            if installed(str(function.__module__)):
                continue
            for name in function.__code__.co_names:
                text = plain_value(function.__globals__[name]) if name in function.__globals__ else None
                if text is not None:
                    how = f"{walk.path(index)}.__globals__[{name!r}]"
                    found.append((function.__module__, f"<globals>.{name}", text, how))
            if len(found) > _FACTS_MOST:
                break
        return found[:_FACTS_MOST]

    def compare(self, answers: list[Fact]) -> None:
        for (module, _, here, path), (status, there) in zip(self.facts, answers, strict=False):
            if status != "ok" or there is None or there == here or module == "__main__":
                continue
            reason = f"{reasons.CLASS_STATE.reason} ({there[:60]} there, {here[:60]} here)"
            value_type = _type_of_text(here)
            if not any(item.path == path for item in self.altered):
                self.altered.append(Finding(path, value_type, reason, reasons.CLASS_STATE.fix, STRATEGIES,
                                            reasons.CLASS_STATE.name, "arrival", "", (), "", FRESH_STARTS))  # fmt: skip


def _type_of_text(text: str) -> str:
    for prefix, name in (("'", "str"), ('"', "str"), ("b'", "bytes"), ("list[", "list"), ("{", "dict"),
                         ("tuple[", "tuple"), ("set[", "set"), ("frozenset[", "frozenset")):  # fmt: skip
        if text.startswith(prefix):
            return name
    if text in ("True", "False"):
        return "bool"
    if text == "None":
        return "NoneType"
    return "int" if text.lstrip("-").isdigit() else "float"


def _bounds(array: Any) -> tuple[int, int]:
    """First and past-last address of an array's elements."""
    low = high = array.__array_interface__["data"][0]
    for size, stride in zip(array.shape, array.strides, strict=True):
        if stride < 0:
            low += (size - 1) * stride
        else:
            high += (size - 1) * stride
    return low, high + array.itemsize


def _share(one: Any, other: Any) -> bool:
    import numpy as np

    enough: Any = 1000
    try:
        return bool(np.shares_memory(one, other, max_work=enough))
    except Exception:
        return bool(np.may_share_memory(one, other))
