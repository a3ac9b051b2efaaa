"""The diagnosis itself, step by step: what is looked at, in which order, and within which time.

It is meant to run in a disposable process (:mod:`handoff.diagnosing.run`), where hooks may hang or exit, and where
dill may be imported after the standard pickler has been asked.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from typing import Any

from handoff.diagnosing import reasons
from handoff.diagnosing.conclusion import conclude
from handoff.diagnosing.dumps import Met, Pickling, error_text, pickles
from handoff.diagnosing.evidence import Seen
from handoff.diagnosing.findings import Diagnosis
from handoff.diagnosing.load_elsewhere import Loader
from handoff.diagnosing.loads import LOAD_MOST_BYTES, Loads
from handoff.diagnosing.picklers import Cloudpickle, Dill, Null
from handoff.diagnosing.received import received
from handoff.diagnosing.walk import CLASS_OF, GROUP_MOST
from handoff.diagnosing.weights import heavy
from handoff.processes.deadlines import TookTooLong, limited, unqueued_s

BEHIND_S = 0.25  #: for each of cloudpickle and dill behind what pickle refuses, and as much again as two dumps take
WHOLE_MOST_S = 0.15  #: objects that take pickle longer are not pickled and loaded again with cloudpickle and dill
TELLING_S = 0.05
_CONTAINERS = (dict, list, tuple, set, frozenset)  #: the picklers never ask about these: no stand-in can be put for one


class Steps:
    """One diagnosis, step by step. Its steps are in :meth:`all`, in order."""

    def __init__(self, seen: Seen, send: Callable[[Diagnosis], None]) -> None:
        self.seen, self.send, self.loader = seen, send, Loader()
        self.loads = Loads(seen, self.loader)
        self.telling_s = 0.0

    def all(self, behind: bool = True, arrivals: bool = True) -> Diagnosis:
        """Every step; what is loaded elsewhere is loaded by one interpreter, which has imported what it needs."""
        with self.loader:
            return self._all(behind, arrivals)

    def _all(self, behind: bool, arrivals: bool) -> Diagnosis:
        seen = self.seen
        if "dill" in sys.modules:
            seen.note("dill was already imported in this process: it changes what the pure-Python pickler accepts")
        self.dump()
        self.walk_plainly()
        self.find_recursion()
        self.check_walk()
        self.send_so_far()
        if behind:
            for make in (Cloudpickle, Dill):
                self.look_behind(make)
        seen.arrivals.find()
        self.send_so_far()
        self.loads.plainly()
        self.send_so_far()
        self.weigh()
        if behind:
            for make in (Cloudpickle, Dill):
                self.try_whole(make)
        if arrivals:
            self.send_so_far()
            self.compare_arrivals()
        return conclude(seen)

    def compare_arrivals(self) -> None:
        """What each pickler's pickle has become elsewhere, where it is compared as ``support`` does."""
        seen = self.seen
        if seen.size > LOAD_MOST_BYTES // 4:
            seen.note("what arrives was not compared: the object is too large")
            return
        found = received(
            seen.obj, seen.walk, seen.codecs_run, seen.left_out, seen.dump_s, seen.end, seen.ref, self.loader
        )
        seen.arrivals.add(found)
        for note in found.notes:
            seen.note(note)

    def send_so_far(self) -> None:
        """Send what is known, in case a later step ends this process; what takes long to put together, only once."""
        if self.telling_s < TELLING_S:
            begin = time.monotonic()
            self.send(conclude(self.seen))
            self.telling_s = time.monotonic() - begin

    def dump(self) -> None:
        """The oracle: pickle the object for real, as it is."""
        seen = self.seen
        file = io.BytesIO()
        begin = unqueued_s()  # what follows depends on it, and not on what else the machine does
        try:
            with limited(max(0.5, seen.left_s() / 4), fair=True):
                seen.whole_error = pickles(seen.plain, seen.obj, {}, file)
        except TookTooLong as error:
            seen.whole_error = error
        seen.dump_s = max(0.0, unqueued_s() - begin)
        seen.data = file.getvalue() if seen.whole_error is None else b""
        seen.size = len(seen.data)

    def walk_plainly(self) -> None:
        seen = self.seen
        found = seen.whole_error is not None
        allowed = seen.left_s() / 2 if found else min(seen.left_s() / 2, 0.5 + 3.0 * seen.dump_s)
        seen.walk.run(seen.obj, time.monotonic() + allowed)
        if not seen.walk.complete:
            seen.note(f"only the first {len(seen.walk.objs):,} objects were walked through in the time there was")

    def find_recursion(self) -> None:
        """Deep chains: where each begins, for what the pickler cannot follow."""
        seen = self.seen
        if seen.whole_error is None:
            return
        if not isinstance(seen.whole_error, RecursionError) and max(seen.walk.depths(), default=0) <= 300:
            return
        self._find_deep(seen.plain, 150, seen.skip())

    def _find_deep(self, codec: Pickling, least: int, skip: dict[int, Any]) -> bool:
        """Record the heads of chains at least ``least`` objects deep over which ``codec`` runs out of stack."""
        seen = self.seen
        depths = seen.walk.depths()
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
                at = seen.walk.parents[at]
            covered.update(chain)
            if len(chain) < least:
                continue
            head = self._head(index)
            heads.setdefault(head, depths[index] - depths[head] + 1)
        walk, found = seen.walk, False
        for head in heads:
            rest = {key: obj for key, obj in skip.items() if obj is not walk.objs[head]}
            error = pickles(codec, walk.objs[head], rest, Null())
            if error is not None and (isinstance(error, RecursionError) or "recursion" in str(error)):
                seen.recursion.setdefault(head, {})[codec.name] = error_text(error)
                found = True
        return found

    def _head(self, index: int) -> int:
        """The first node of the chain above a deep node that has the chain's most frequent type."""
        seen = self.seen
        chain = []
        while index >= 0:
            chain.append(index)
            index = seen.walk.parents[index]
        counts: dict[type, int] = {}
        for at in chain:
            kind = type(seen.walk.objs[at])
            counts[kind] = counts.get(kind, 0) + 1
        own = {kind: number for kind, number in counts.items() if kind not in (dict, list, tuple)} or counts
        most = max(counts.values())
        best = [kind for kind, number in own.items() if number >= most / 3] or [max(counts, key=counts.__getitem__)]
        return next((at for at in reversed(chain) if type(seen.walk.objs[at]) in best), chain[-1])

    def check_walk(self) -> None:
        """Where the walk and the real dump disagree, say so, and narrow down what the walk has missed."""
        seen = self.seen
        found = [index for index, culprit in seen.walk.culprits.items() if "pickle" in culprit.codecs]
        if seen.whole_error is None:
            if found:
                paths = ", ".join(seen.walk.path(seen.walk.named_node(index)) for index in found[:3])
                seen.note(f"pickle carries the object, though the walk found fault with {paths}")
                for index in found:
                    del seen.walk.culprits[index]
            return
        if isinstance(seen.whole_error, TookTooLong):
            seen.note("pickling the object did not come to an end in the time there was")
        for _ in range(20):
            file = io.BytesIO()
            begin = unqueued_s()
            try:
                with limited(max(0.5, seen.left_s() / 4), fair=True):
                    error = pickles(seen.plain, seen.obj, seen.skip(), file)
            except TookTooLong as late:
                error = late
            seen.dump_s = max(seen.dump_s, unqueued_s() - begin)
            if error is None:
                seen.data = file.getvalue()
                seen.size = len(seen.data)
                return
            if isinstance(error, RecursionError) and any(
                type(seen.walk.objs[head]) in _CONTAINERS for head in seen.recursion
            ):
                seen.note("the object was not loaded in another process: it nests too deep")
                return
            if isinstance(error, TookTooLong) or not self._narrow(seen.plain, seen.skip(), error):
                seen.note(f"pickle still refuses the rest, which the walk found in order: {error_text(error)}")
                return

    def _narrow(self, codec: Pickling, skip: dict[int, Any], error: BaseException) -> bool:
        """Find the deepest node of the walk that alone still fails to pickle, and record it. False if there is none."""
        seen = self.seen
        walk, end = seen.walk, time.monotonic() + min(seen.left_s() / 3, 1.0 + 3 * seen.dump_s)
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
                    seen.note(f"the walk alone did not see why {codec.name} refuses {walk.path(walk.named_node(at))}")
                walk.fail(at, codec.name, last)
                return True
        return False

    def look_behind(self, make: Any) -> None:
        """Follow cloudpickle or dill into what the standard pickler refuses."""
        seen = self.seen
        name = make.__name__.lower()
        walk = seen.walk
        starts = sorted(
            set(self._some_culprits())
            | {index for index in (*walk.main, *walk.proxies) if index not in walk.culprits}
            | {index for index in walk.special if index not in walk.by_value}
        )
        seen.roots[name] = bool(starts)
        try:
            codec: Pickling = make(seen.plain)
        except ImportError:
            seen.note(f"{name} is not installed: what it carries was not looked at")
            return
        except BaseException as error:  # a file of that name beside the user's, which may do anything
            seen.note(f"{name} could not be imported: {error_text(error)}")
            return
        seen.codecs_run.append(name)
        walk.complete = True
        walk.run_behind(codec, starts, time.monotonic() + min(seen.left_s() / 3, BEHIND_S + 2 * seen.dump_s))
        if not walk.complete:
            seen.note(f"behind what pickle refuses, {name} was not followed to the end in the time there was")
        for head, errors in seen.recursion.items():
            try:
                with limited(max(0.2, min(seen.left_s() / 4, 1.0 + 5 * seen.dump_s)), fair=True):
                    refused = pickles(codec, walk.objs[head], seen.skip_for(name), Null())
            except TookTooLong:
                seen.note(f"{name} took too long over {walk.path(head)}")
                continue
            if refused is not None:
                errors[name] = error_text(refused)
        self._prove(codec)  # before dill, which moves a file that it pickles, has seen the object

    def _some_culprits(self) -> list[int]:
        """The culprits that other codecs are asked about: of one kind and type, as many as are listed."""
        seen = self.seen
        counts: dict[tuple[str, type], int] = {}
        found = []
        for index, culprit in seen.walk.culprits.items():
            if index in seen.walk.by_value:
                continue
            key = (culprit.kind.name, type(seen.walk.objs[index]))
            counts[key] = counts.get(key, 0) + 1
            if counts[key] <= GROUP_MOST:
                found.append(index)
        return found

    def try_whole(self, make: Any) -> None:
        """The oracle for cloudpickle and dill: a real dump and load of the whole, where there is time for it."""
        seen = self.seen
        name = make.__name__.lower()
        if name not in seen.codecs_run or not (seen.roots[name] or seen.walk.hooked):
            return
        codec: Pickling = make(seen.plain)
        for load in seen.loads.values():
            if "pickle" in load.codecs and load.kind not in (reasons.MAIN, reasons.MISSING, reasons.METHOD):
                load.codecs.add(name)  # made again by the same hooks, whoever pickled it
        if not seen.roots[name] and seen.dump_s > 0.05:
            return  # nothing here that it would take apart in another way than pickle
        if seen.dump_s > WHOLE_MOST_S:
            seen.note(f"{name} was asked for what pickle refuses only, not for the whole object: it is large")
            return
        self._clear_loads(codec)
        data = self._dump_whole(codec)
        if data is None or not seen.roots[name]:
            return
        if self._touches_files(name):
            seen.note(f"{name}: not loaded, for loading opens the user's files again")
        elif len(data) <= LOAD_MOST_BYTES // 4 and seen.left_s() >= 0.5:
            answer = self.loader.load(data, name, "fast", self.loads.limit_s(), modules=seen.walk.modules())
            if not answer.get("ok"):
                self.loads.blame(codec, answer)

    def _clear_loads(self, codec: Pickling) -> None:
        """Take back that loading fails, where it failed beside stand-ins and the whole is carried without any."""
        seen, file = self.seen, io.BytesIO()
        doubted = [load for load in seen.loads.values() if codec.name in load.codecs]
        whole = doubted and seen.skip() and not self._touches_files(codec.name)
        if whole and pickles(codec, seen.obj, {}, file) is None:
            loaded = self.loader.load(file.getvalue(), codec.name, "fast", self.loads.limit_s()).get("ok")
            for load in doubted if loaded else ():
                load.codecs.discard(codec.name)

    def _dump_whole(self, codec: Pickling) -> bytes | None:
        """Pickle all but the known culprits with ``codec``; what it refuses beyond them becomes a culprit."""
        seen = self.seen
        name = codec.name
        for _ in range(20):
            file = io.BytesIO()
            try:
                with limited(max(0.1, min(seen.left_s() / 4, BEHIND_S + 2 * seen.dump_s)), fair=True):
                    error = pickles(codec, seen.obj, seen.skip_for(name), file)
                    if error is None:
                        return file.getvalue()
                    if "ecursion" in error_text(error) and self._find_deep(codec, 40, seen.skip_for(name)):
                        continue
                    if self._blame_known(codec) or self._narrow(codec, seen.skip_for(name), error):
                        continue
            except TookTooLong:
                seen.note(f"{name} was not tried on the whole object: it takes longer than there is time for")
                return None
            seen.note(f"{name} refuses the rest, which the walk found in order: {error_text(error)}")
            return None
        return None

    def _prove(self, codec: Pickling) -> None:
        """Take back what the walk expected ``codec`` to refuse, and real dumps do not: of the whole, and of each."""
        seen = self.seen
        walk, name = seen.walk, codec.name
        expected = [index for index, culprit in walk.culprits.items() if name in culprit.codecs]
        if not expected or seen.dump_s > WHOLE_MOST_S:
            return
        end = time.monotonic() + min(seen.left_s() / 4, BEHIND_S + 2 * seen.dump_s)
        try:
            with limited(max(0.1, end - time.monotonic()), fair=True):
                refuted = expected if pickles(codec, seen.obj, {}, Null()) is None else []
                met = Met(seen.skip_for(name))
                if not refuted and pickles(codec, seen.obj, met, Null()) is None:
                    refuted = [index for index in expected if not self._is_met(index, met)]
                for index in expected[:GROUP_MOST] if not refuted else ():
                    rest = {key: obj for key, obj in met.items() if obj is not walk.objs[index]}
                    if index not in walk.by_value and pickles(codec, walk.objs[index], rest, Null()) is None:
                        refuted.append(index)
        except TookTooLong:
            seen.note(f"whether {name} really refuses what it is said to was not tried to the end: there was no time")
            return
        for index in refuted:
            del walk.culprits[index].codecs[name]

    def _is_met(self, index: int, met: Met) -> bool:
        """Whether a real dump came upon a node, or upon what hides it."""
        walk = self.seen.walk
        while index >= 0:
            if id(walk.objs[index]) in met.met:
                return True
            index = walk.parents[index]
        return False

    def _blame_known(self, codec: Pickling) -> bool:
        """Ask ``codec`` to pickle the culprits it was thought to carry, each alone. True if it refuses one."""
        seen = self.seen
        found, walk = False, seen.walk
        for index, culprit in list(walk.culprits.items()):
            if codec.name not in culprit.codecs and index not in walk.by_value:
                error = pickles(codec, walk.objs[index], seen.skip_for(codec.name), Null())
                if error is not None:
                    walk.fail(index, codec.name, error)
                    found = True
        return found

    def _touches_files(self, codec: str) -> bool:
        return codec == "dill" and any(
            c.kind.name in ("file", "temporary-file") for c in self.seen.walk.culprits.values()
        )

    def weigh(self) -> None:
        """What is heavy, by the size of the pickle that went through."""
        seen = self.seen
        seconds = min(seen.left_s() / 4, 0.2 + 0.8 * seen.dump_s)
        try:
            with limited(seconds + 0.5):
                if seen.size:
                    end = time.monotonic() + seconds
                    seen.heavy = heavy(seen.obj, seen.size, seen.skip(), end)
                    if time.monotonic() > end:
                        seen.note("what is heavy was not weighed to the end")
        except (TookTooLong, RecursionError):
            seen.note("what is heavy was not weighed to the end")
