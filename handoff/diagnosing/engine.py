"""The diagnosis itself, step by step: what is looked at, in which order, and within which time.

It is meant to run in a disposable process (:mod:`handoff.diagnosing.run`), where hooks may hang or exit, and where
dill may be imported after the standard pickler has been asked.
"""

from __future__ import annotations

import io
import pickle
import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from handoff.diagnosing import hooks, libraries, reasons
from handoff.diagnosing.arrival import PLAINS, Arrivals
from handoff.diagnosing.dumps import Codec, Met, error_text, pickles
from handoff.diagnosing.findings import ALL_STARTS, FRESH_STARTS, STRATEGIES, Depth, Diagnosis, Finding, Shared
from handoff.diagnosing.load_elsewhere import load_elsewhere
from handoff.diagnosing.paths import instance_dict
from handoff.diagnosing.picklers import Cloudpickle, Dill, Null, Plain, carried_by_forking
from handoff.diagnosing.received import received
from handoff.diagnosing.walk import CLASS_OF, GROUP_MOST, Culprit, Walk
from handoff.diagnosing.weights import heavy
from handoff.processes.deadlines import TookTooLong, limited

BEHIND_S = 0.25  #: for each of cloudpickle and dill behind what pickle refuses, and as much again as two dumps take
LOAD_MOST_BYTES = 1 << 30  #: larger pickles are not loaded elsewhere: the copy could cost the machine its memory
WHOLE_MOST_S = 0.15  #: objects that take pickle longer are not pickled and loaded again with cloudpickle and dill
SHARED_MOST = 20
TELLING_S = 0.05


@dataclass(slots=True)
class _LoadCulprit:
    index: int
    kind: reasons.Kind
    error: str
    codecs: set[str] = field(default_factory=set)
    starts: tuple[str, ...] = ALL_STARTS


class Run:
    """One diagnosis, step by step. Its steps are in :meth:`all`, in order."""

    def __init__(
        self, obj: Any, name: str, end: float, send: Callable[[Diagnosis], None], ref: dict[str, Any] | None = None
    ) -> None:
        self.obj, self.name, self.end, self.send, self.ref = obj, name, end, send, ref
        self.plain = Plain()
        self.walk = Walk(self.plain)
        self.notes: list[str] = []
        self.loads: dict[int, _LoadCulprit] = {}
        self.heavy: tuple[Any, ...] = ()
        self.recursion: dict[int, dict[str, str]] = {}
        self.codecs_run: list[str] = []
        self.arrivals = Arrivals(self.walk, self.codecs_run)
        self.dump_s = 0.0
        self.data = b""
        self.size = 0
        self.whole_error: BaseException | None = None
        self.roots: dict[str, bool] = {}
        self.telling_s = 0.0
        self._behinds: dict[int, str] = {}  #: what :meth:`_behind` has found for the present result

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def left_s(self) -> float:
        return max(0.0, self.end - time.monotonic())

    def all(self, behind: bool = True, arrivals: bool = True) -> Diagnosis:
        if "dill" in sys.modules:
            self.note("dill was already imported in this process: it changes what the pure-Python pickler accepts")
        self.dump()
        self.walk_plainly()
        self.find_recursion()
        self.check_walk()
        self.send_so_far()
        if behind:
            for make in (Cloudpickle, Dill):
                self.look_behind(make)
        self.arrivals.find()
        self.send_so_far()
        self.load_plainly()
        self.send_so_far()
        self.weigh()
        if behind:
            for make in (Cloudpickle, Dill):
                self.try_whole(make)
        if arrivals:
            self.send_so_far()
            self.compare_arrivals()
        return self.result()

    def compare_arrivals(self) -> None:
        """What each pickler's pickle has become elsewhere, where it is compared as ``support`` does."""
        if self.size > LOAD_MOST_BYTES // 4:
            self.note("what arrives was not compared: the object is too large")
            return
        found = received(self.obj, self.walk, self.codecs_run, self._left_out, self.dump_s, self.end, self.ref)
        self.arrivals.add(found)
        for note in found.notes:
            self.note(note)

    def _left_out(self, codec: str) -> dict[int, Any]:
        skip = self.skip_for(codec)
        return {**skip, **self.skip()} if codec == self.plain.name else skip

    def send_so_far(self) -> None:
        """Send what is known, in case a later step ends this process; what takes long to put together, only once."""
        if self.telling_s < TELLING_S:
            begin = time.monotonic()
            self.send(self.result())
            self.telling_s = time.monotonic() - begin

    # -- steps

    def dump(self) -> None:
        """The oracle: pickle the object for real, as it is."""
        file = io.BytesIO()
        begin = time.monotonic()
        try:
            with limited(max(0.5, self.left_s() / 4)):
                self.whole_error = pickles(self.plain, self.obj, {}, file)
        except TookTooLong as error:
            self.whole_error = error
        self.dump_s = time.monotonic() - begin
        self.data = file.getvalue() if self.whole_error is None else b""
        self.size = len(self.data)

    def walk_plainly(self) -> None:
        found = self.whole_error is not None
        allowed = self.left_s() / 2 if found else min(self.left_s() / 2, 0.5 + 3.0 * self.dump_s)
        self.walk.run(self.obj, time.monotonic() + allowed)
        if not self.walk.complete:
            self.note(f"only the first {len(self.walk.objs):,} objects were walked through in the time there was")

    def skip(self) -> dict[int, Any]:
        """The objects that a real dump must leave out to go through: by id."""
        walk = self.walk
        wanted = [index for index, culprit in walk.culprits.items() if "pickle" in culprit.codecs]
        wanted += list(self.recursion)
        found = {id(walk.objs[index]): walk.objs[index] for index in wanted}
        for index in wanted:
            found.update((id(walk.objs[at]), walk.objs[at]) for at in walk.makers(index))
        for index in wanted:  # an instance whose class is not found: so is the class, wherever it is met
            kind = type(walk.objs[index])
            if walk.culprits.get(index) is not None and self.plain.named(kind) is not None:
                found[id(kind)] = kind
        return found

    def find_recursion(self) -> None:
        """Deep chains: where each begins, for what the pickler cannot follow."""
        if self.whole_error is None:
            return
        if not isinstance(self.whole_error, RecursionError) and max(self.walk.depths(), default=0) <= 300:
            return
        self._find_deep(self.plain, 150, self.skip())

    def _find_deep(self, codec: Codec, least: int, skip: dict[int, Any]) -> bool:
        """Record the heads of chains at least ``least`` objects deep over which ``codec`` runs out of stack."""
        depths = self.walk.depths()
        heads: dict[int, int] = {}
        covered: set[int] = set()
        order = sorted(range(len(depths)), key=depths.__getitem__, reverse=True)
        for index in order:
            if depths[index] < least or len(heads) >= 50:
                break
            chain = []
            at = index
            while at >= 0 and at not in covered:
                chain.append(at)
                at = self.walk.parents[at]
            covered.update(chain)
            if len(chain) < least:
                continue
            head = self._head(index)
            heads.setdefault(head, depths[index] - depths[head] + 1)
        walk, found = self.walk, False
        for head in heads:
            rest = {key: obj for key, obj in skip.items() if obj is not walk.objs[head]}
            error = pickles(codec, walk.objs[head], rest, Null())
            if error is not None and (isinstance(error, RecursionError) or "recursion" in str(error)):
                self.recursion.setdefault(head, {})[codec.name] = error_text(error)
                found = True
        return found

    def _head(self, index: int) -> int:
        """The first node of the chain above a deep node that has the chain's most frequent type."""
        chain = []
        while index >= 0:
            chain.append(index)
            index = self.walk.parents[index]
        counts: dict[type, int] = {}
        for at in chain:
            kind = type(self.walk.objs[at])
            counts[kind] = counts.get(kind, 0) + 1
        own = {kind: number for kind, number in counts.items() if kind not in (dict, list, tuple)} or counts
        most = max(counts.values())
        best = [kind for kind, number in own.items() if number >= most / 3] or [max(counts, key=counts.__getitem__)]
        return next((at for at in reversed(chain) if type(self.walk.objs[at]) in best), chain[-1])

    def check_walk(self) -> None:
        """Where the walk and the real dump disagree, say so, and narrow down what the walk has missed."""
        found = [index for index, culprit in self.walk.culprits.items() if "pickle" in culprit.codecs]
        if self.whole_error is None:
            if found:
                paths = ", ".join(self.walk.path(self.walk.named_node(index)) for index in found[:3])
                self.note(f"pickle carries the object, though the walk found fault with {paths}")
                for index in found:
                    del self.walk.culprits[index]
            return
        if isinstance(self.whole_error, TookTooLong):
            self.note("pickling the object did not come to an end in the time there was")
        for _ in range(20):
            file = io.BytesIO()
            begin = time.monotonic()
            try:
                with limited(max(0.5, self.left_s() / 4)):
                    error = pickles(self.plain, self.obj, self.skip(), file)
            except TookTooLong as late:
                error = late
            self.dump_s = max(self.dump_s, time.monotonic() - begin)
            if error is None:
                self.data = file.getvalue()
                self.size = len(self.data)
                return
            if isinstance(error, RecursionError) and any(self._is_container(head) for head in self.recursion):
                self.note("the object was not loaded in another process: it nests too deep")
                return
            if isinstance(error, TookTooLong) or not self._narrow(self.plain, self.skip(), error):
                self.note(f"pickle still refuses the rest, which the walk found in order: {error_text(error)}")
                return

    def _is_container(self, index: int) -> bool:
        """Whether no stand-in can be put for a node: the picklers never ask about built-in containers."""
        return type(self.walk.objs[index]) in (dict, list, tuple, set, frozenset)

    def _narrow(self, codec: Codec, skip: dict[int, Any], error: BaseException) -> bool:
        """Find the deepest node of the walk that alone still fails to pickle, and record it. False if there is none."""
        walk, end = self.walk, time.monotonic() + min(self.left_s() / 3, 1.0 + 3 * self.dump_s)
        if len(walk.objs) > 200_000:
            return False
        children: dict[int, list[int]] = {}
        for index, parent in enumerate(walk.parents):
            if walk.steps[index] != CLASS_OF and index not in walk.by_value:
                children.setdefault(parent, []).append(index)
        at = 0
        while time.monotonic() < end:
            for child in children.get(at, ()):
                if id(walk.objs[child]) not in skip and pickles(codec, walk.objs[child], skip, Null()) is not None:
                    at = child
                    break
            else:
                last = pickles(codec, walk.objs[at], skip, Null()) or error
                if at not in walk.culprits:
                    self.note(f"the walk alone did not see why {codec.name} refuses {walk.path(walk.named_node(at))}")
                walk.fail(at, codec.name, last)
                return True
        return False

    def look_behind(self, make: Any) -> None:
        """Follow cloudpickle or dill into what the standard pickler refuses."""
        name = make.__name__.lower()
        walk = self.walk
        starts = sorted(
            set(self._some_culprits())
            | {index for index in (*walk.main, *walk.proxies) if index not in walk.culprits}
            | {index for index in walk.special if index not in walk.by_value}
        )
        self.roots[name] = bool(starts)
        try:
            codec: Codec = make(self.plain)
        except ImportError:
            self.note(f"{name} is not installed: what it carries was not looked at")
            return
        except Exception as error:
            self.note(f"{name} could not be imported: {error_text(error)}")
            return
        self.codecs_run.append(name)
        walk.complete = True
        walk.run_behind(codec, starts, time.monotonic() + min(self.left_s() / 3, BEHIND_S + 2 * self.dump_s))
        if not walk.complete:
            self.note(f"behind what pickle refuses, {name} was not followed to the end in the time there was")
        for head, errors in self.recursion.items():
            try:
                with limited(max(0.2, min(self.left_s() / 4, 1.0 + 5 * self.dump_s))):
                    refused = pickles(codec, walk.objs[head], self.skip_for(name), Null())
            except TookTooLong:
                self.note(f"{name} took too long over {walk.path(head)}")
                continue
            if refused is not None:
                errors[name] = error_text(refused)

    def _some_culprits(self) -> list[int]:
        """The culprits that other codecs are asked about: of one kind and type, as many as are listed."""
        counts: dict[tuple[str, type], int] = {}
        found = []
        for index, culprit in self.walk.culprits.items():
            if index in self.walk.by_value:
                continue
            key = (culprit.kind.name, type(self.walk.objs[index]))
            counts[key] = counts.get(key, 0) + 1
            if counts[key] <= GROUP_MOST:
                found.append(index)
        return found

    def skip_for(self, codec: str) -> dict[int, Any]:
        """The same for another codec, with what it fails to load."""
        walk = self.walk
        wanted = [index for index, culprit in walk.culprits.items() if codec in culprit.codecs]
        wanted += [index for index, errors in self.recursion.items() if codec in errors]
        wanted += [index for index, load in self.loads.items() if codec in load.codecs]
        wanted += [at for index in wanted for at in walk.makers(index)]
        return {id(walk.objs[index]): walk.objs[index] for index in wanted}

    def load_plainly(self) -> None:
        """Load the pickle in a worker's stead; name what fails there."""
        self.arrivals.facts = self.arrivals.by_reference()
        if self.walk.hooked <= len(self.walk.culprits) or not self.data:
            return  # nothing but plain containers: no hook to fail
        if len(self.data) > LOAD_MOST_BYTES:
            self.note(f"the pickle has {len(self.data):,} bytes and was not loaded in another process")
            return
        ask = [(module, name) for module, name, _, _ in self.arrivals.facts]
        answer = load_elsewhere(self.data, "pickle", "fast", self._load_s(), ask, modules=self.walk.modules())
        if answer.get("ok"):
            self.arrivals.compare(answer.get("facts", []))
        else:
            self._blame_loads(self.plain, answer)
        self.data = b""

    def _load_s(self) -> float:
        return max(0.5, min(self.left_s() / 3, 3.0 + 20 * self.dump_s))

    def _blame_loads(self, codec: Codec, answer: dict[str, Any]) -> None:
        """After a failed load: load again, past all failures, and name each object that failed."""
        if answer.get("guarded"):
            self.note(f"loading was stopped before it emptied a file ({answer['error']}); what follows was not seen")
            return
        file = io.BytesIO()
        skip = self.skip() if codec is self.plain else self.skip_for(codec.name)
        pickler = codec.pickler(file, skip)
        try:
            with limited(max(0.5, self.left_s() / 3)):
                pickler.dump(self.obj)
        except Exception as error:
            self.note(f"{codec.name}: loading fails ({answer.get('error')}); why was not seen: {error_text(error)}")
            return
        memo = pickler.memo if isinstance(pickler.memo, dict) else pickler.memo.copy()
        by_place: dict[int, Any] = dict(memo.values())
        detail = load_elsewhere(
            file.getvalue(), codec.name, "tolerant", max(1.0, min(self.left_s() / 2, 12.0)), modules=self.walk.modules()
        )
        named = 0
        for failure in detail.get("failures", ()):
            if failure.get("guarded"):
                self.note(f"loading was stopped before it emptied a file ({failure['error']})")
                named += 1
                continue
            if failure.get("doubtful"):
                why = f"parts are left out ({failure['error']})"
                self.note(f"{codec.name}: whether all can be restored was not seen, for {why}")
                named += 1
                continue
            victim = by_place.get(failure["memo"]) if failure["memo"] is not None else None
            for index in self._nodes_for(victim):
                self._add_load(index, codec.name, failure, victim)
                named += 1
        if not named and answer.get("hung"):  # what really hangs is named: no step may take so long as that
            why = "no part was seen to hang, so it may just be slow"
            self.note(f"{codec.name}: {answer['error']} in another process; {why}: give it more time")
        elif not named and skip:  # a stand-in may have reached somebody's destructor, or C code
            why = f"parts are left out ({answer.get('error')})"
            self.note(f"{codec.name}: whether all can be restored was not seen, for {why}")
        elif not named:
            self.note(
                f"{codec.name}: loading in another process fails, by what part was not seen: {answer.get('error')}"
            )
            self._add_load(0, codec.name, {"stage": "load", "error": str(answer.get("error")), "type": ""}, self.obj)

    def _nodes_for(self, victim: Any) -> list[int]:
        walk = self.walk
        if victim is None:
            return []
        index = walk.memo.get(id(victim))
        found = [at for at, obj in enumerate(walk.objs) if type(obj) is victim] if isinstance(victim, type) else []
        if index is not None and walk.objs[index] is victim and not (found and walk.steps[index] == CLASS_OF):
            found.insert(0, index)
        return found[: GROUP_MOST + 1]

    def _add_load(self, index: int, codec: str, failure: dict[str, Any], victim: Any) -> None:
        known = self.loads.get(index)
        if known is None:
            kind, starts = self._load_kind(index, failure, victim)
            known = self.loads[index] = _LoadCulprit(index, kind, failure["error"], starts=starts)
        known.codecs.add(codec)

    def _load_kind(self, index: int, failure: dict[str, Any], victim: Any) -> tuple[reasons.Kind, tuple[str, ...]]:
        obj, stage = self.walk.objs[index], failure["stage"]
        if stage == "find":
            is_main = failure["global"][0] == "__main__"
            return (reasons.MAIN if is_main else reasons.MISSING), FRESH_STARTS
        if failure["type"] == "TookTooLong":
            return reasons.HANG, ALL_STARTS
        if failure["type"] == "RecursionError" and hasattr(type(obj), "__getattr__"):
            return reasons.GETATTR, ALL_STARTS
        if stage == "hash":
            return reasons.HASH, ALL_STARTS
        if failure["type"] == "AuthenticationError":
            return reasons.AUTHKEY, ALL_STARTS
        if isinstance(obj, BaseException) and stage in ("make", "new"):
            return reasons.EXCEPTION, ALL_STARTS
        if stage == "items" and isinstance(obj, dict | list | set):
            return (reasons.ITEMS if failure["type"] == "AttributeError" else reasons.ITEMS_REFUSED), ALL_STARTS
        if stage == "state" and hooks.sets_attributes_itself(type(obj)):
            return reasons.SETATTR, ALL_STARTS
        return (reasons.SETSTATE if stage == "state" else reasons.CONSTRUCTOR), ALL_STARTS

    def try_whole(self, make: Any) -> None:
        """The oracle for cloudpickle and dill: a real dump and load of the whole, where there is time for it."""
        name = make.__name__.lower()
        if name not in self.codecs_run or not (self.roots[name] or self.walk.hooked):
            return
        for load in self.loads.values():  # made again by the same hooks, whoever pickled it
            if "pickle" in load.codecs and load.kind not in (reasons.MAIN, reasons.MISSING):
                load.codecs.add(name)
        if not self.roots[name] and self.dump_s > 0.05:
            return  # nothing here that it would take apart in another way than pickle
        codec: Codec = make(self.plain)
        self._prove(codec)
        if self.dump_s > WHOLE_MOST_S:
            self.note(f"{name} was asked for what pickle refuses only, not for the whole object: it is large")
            return
        data = self._dump_whole(codec)
        if data is None or not self.roots[name]:
            return
        if self._touches_files(name):
            self.note(f"{name}: not loaded, for loading opens the user's files again")
        elif len(data) <= LOAD_MOST_BYTES // 4 and self.left_s() >= 0.5:
            answer = load_elsewhere(data, name, "fast", self._load_s(), modules=self.walk.modules())
            if not answer.get("ok"):
                self._blame_loads(codec, answer)

    def _dump_whole(self, codec: Codec) -> bytes | None:
        """Pickle all but the known culprits with ``codec``; what it refuses beyond them becomes a culprit."""
        name, late = (
            codec.name,
            f"{codec.name} was not tried on the whole object: it takes longer than there is time for",
        )
        for _ in range(20):
            file = io.BytesIO()
            try:
                with limited(max(0.1, min(self.left_s() / 4, BEHIND_S + 2 * self.dump_s))):
                    error = pickles(codec, self.obj, self.skip_for(name), file)
                    if error is None:
                        return file.getvalue()
                    if isinstance(error, TookTooLong):
                        raise error
                    if "ecursion" in error_text(error) and self._find_deep(codec, 40, self.skip_for(name)):
                        continue
                    if self._blame_known(codec) or self._narrow(codec, self.skip_for(name), error):
                        continue
            except TookTooLong:
                self.note(late)
                return None
            self.note(f"{name} refuses the rest, which the walk found in order: {error_text(error)}")
            return None
        return None

    def _prove(self, codec: Codec) -> None:
        """Take back what the walk expected ``codec`` to refuse, and real dumps do not: of the whole, and of each."""
        walk, name = self.walk, codec.name
        expected = [index for index, culprit in walk.culprits.items() if name in culprit.codecs]
        if not expected or self.dump_s > WHOLE_MOST_S:
            return
        end = time.monotonic() + min(self.left_s() / 4, BEHIND_S + 2 * self.dump_s)
        try:
            with limited(max(0.1, end - time.monotonic())):
                refuted = expected if pickles(codec, self.obj, {}, Null()) is None else []
                met = Met(self.skip_for(name))
                if not refuted and pickles(codec, self.obj, met, Null()) is None:
                    refuted = [index for index in expected if not self._is_met(index, met)]
                for index in expected[:GROUP_MOST] if not refuted else ():
                    rest = {key: obj for key, obj in met.items() if obj is not walk.objs[index]}
                    if index not in walk.by_value and pickles(codec, walk.objs[index], rest, Null()) is None:
                        refuted.append(index)
        except TookTooLong:
            return
        for index in refuted:
            del walk.culprits[index].codecs[name]

    def _is_met(self, index: int, met: Met) -> bool:
        """Whether a real dump came upon a node, or upon what hides it."""
        walk = self.walk
        while index >= 0:
            if id(walk.objs[index]) in met.met:
                return True
            index = walk.parents[index]
        return False

    def _blame_known(self, codec: Codec) -> bool:
        """Ask ``codec`` to pickle the culprits it was thought to carry, each alone. True if it refuses one."""
        found, walk = False, self.walk
        for index, culprit in list(walk.culprits.items()):
            if codec.name not in culprit.codecs and index not in walk.by_value:
                error = pickles(codec, walk.objs[index], self.skip_for(codec.name), Null())
                if error is not None:
                    walk.fail(index, codec.name, error)
                    found = True
        return found

    def _touches_files(self, codec: str) -> bool:
        if codec != "dill":
            return False
        return any(c.kind.name in ("file", "temporary-file") for c in self.walk.culprits.values())

    def weigh(self) -> None:
        """What is heavy, by the size of the pickle that went through."""
        seconds = min(self.left_s() / 4, 0.2 + 0.8 * self.dump_s)
        try:
            with limited(seconds + 0.5):
                if self.size:
                    self.heavy = heavy(self.obj, self.size, self.skip(), time.monotonic() + seconds)
        except (TookTooLong, RecursionError):
            self.note("what is heavy was not weighed to the end")

    # -- the result

    def result(self) -> Diagnosis:
        walk, notes = self.walk, list(self.notes)
        counts: dict[tuple[str, type], int] = {}
        culprits: dict[str, Finding] = {}
        hidden = 0
        self._behinds = {}

        def add(kind: reasons.Kind, index: int, make: Callable[[], Finding]) -> None:
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
                blocks = tuple(s for s in STRATEGIES if s in known.blocks or s in finding.blocks)
                culprits[finding.path] = replace(known, blocks=blocks)
                return
            counts[key] = counts.get(key, 0) + 1
            culprits[finding.path] = finding

        heads = {at: libraries.head_of(walk, at) for at in {*walk.culprits, *self.loads} - {*self.recursion}}
        for index in sorted({*walk.culprits, *self.loads, *self.recursion}):
            if heads.get(index) is not None:
                continue
            if index in walk.culprits:
                culprit = walk.culprits[index]
                add(culprit.kind, index, partial(self._dump_finding, index, culprit))
            if index in self.recursion:
                add(reasons.RECURSION, index, partial(self._recursion_finding, index, self.recursion[index]))
            if index in self.loads:
                add(self.loads[index].kind, index, partial(self._load_finding, self.loads[index]))
        self._gather(heads, culprits)
        if hidden:
            notes.append(f"{hidden:,} more findings like those listed are not shown")
        if self.arrivals.hidden:
            notes.append(f"{self.arrivals.hidden:,} more altered parts like those listed are not shown")
        depths = walk.depths()
        return Diagnosis(
            target=self.name,
            culprits=tuple(culprits.values()),
            altered=libraries.altered_outside(self.arrivals.altered[: 5 * GROUP_MOST], culprits.values()),
            heavy=self.heavy,
            shared=self._shared(),
            depth=Depth(max(depths, default=0), sys.getrecursionlimit()),
            notes=tuple(notes),
        )

    def _gather(self, heads: dict[int, int | None], culprits: dict[str, Finding]) -> None:
        """Put what stands inside a library's object beneath it, as one finding."""
        inside: dict[int, list[Finding]] = {}
        for index, head in sorted(heads.items()):
            if head is not None and len(inside.setdefault(head, [])) < GROUP_MOST:
                inside[head] += self._inner(index)
        for head, inner in inside.items():
            if inner:
                own = culprits.get(self.walk.path(self.walk.named_node(head)))
                gathered = libraries.gathered(self.walk, head, inner, own)
                culprits[gathered.path] = gathered

    def _inner(self, index: int) -> list[Finding]:
        """What is wrong with a node inside a library's object, as far as it stops anything."""
        found = [self._dump_finding(index, self.walk.culprits[index])] if index in self.walk.culprits else []
        found += [self._load_finding(self.loads[index])] if index in self.loads else []
        return [each for each in found if each.blocks]

    def _dump_finding(self, index: int, culprit: Culprit) -> Finding:
        walk = self.walk
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
        starts = FRESH_STARTS if kind is reasons.MAIN else ALL_STARTS
        return Finding(
            walk.path(node), reasons.type_name(type(obj)), reason, kind.fix, tuple(blocks), kind.name, "dump",
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
                with limited(3.0):
                    pickle.dumps(obj, 5)
            except Exception:
                return True
            return False
        return True

    def _behind(self, index: int) -> str:
        """The path of the nearest culprit above that pickle cannot look into."""
        walk, known = self.walk, self._behinds
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
        walk, kind = self.walk, reasons.RECURSION
        blocks = (*(PLAINS if "pickle" in errors else ()), *(n for n in ("cloudpickle", "dill") if n in errors))
        reason = f"{kind.reason} ({max(walk.depths()):,} objects deep, limit {sys.getrecursionlimit():,})"
        return Finding(walk.path(index), reasons.type_name(type(walk.objs[index])), reason, kind.fix, blocks, kind.name,
                       "dump", "RecursionError", walk.other_paths(index))  # fmt: skip

    def _load_finding(self, load: _LoadCulprit) -> Finding:
        walk = self.walk
        node = walk.named_node(load.index)
        blocks = tuple(
            name for name in STRATEGIES if name in load.codecs or ("pickle" in load.codecs and name in PLAINS)
        )
        return Finding(walk.path(node), reasons.type_name(type(walk.objs[node])), f"{load.kind.reason} ({load.error})",
                       load.kind.fix, blocks, load.kind.name, "load", load.error, walk.other_paths(load.index), "",
                       load.starts)  # fmt: skip

    def _shared(self) -> tuple[Shared, ...]:
        walk = self.walk
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
            index = self.walk.parents[index]
        return False


def _is_mutable(obj: Any) -> bool:
    if isinstance(obj, list | dict | set | bytearray):
        return True
    return instance_dict(obj) is not None or type(obj).__module__ == "numpy"
