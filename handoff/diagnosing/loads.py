"""What fails where a pickle is loaded: by an interpreter elsewhere, and which object of the walk is meant."""

from __future__ import annotations

import io
import types
from contextlib import nullcontext
from typing import Any

from handoff.diagnosing import hooks, reasons
from handoff.diagnosing.absent import Absent
from handoff.diagnosing.dumps import Pickling, error_text
from handoff.diagnosing.evidence import LoadCulprit, Seen
from handoff.diagnosing.findings import ALL_STARTS, FRESH_STARTS, SOME_WORKERS
from handoff.diagnosing.load_elsewhere import Loader
from handoff.diagnosing.messages import Failure, LoadAnswer
from handoff.diagnosing.walk import CLASS_OF, GROUP_MOST
from handoff.processes.deadlines import limited

LOAD_MOST_BYTES = 1 << 30  #: larger pickles are not loaded elsewhere: the copy could cost the machine its memory
#: Of string hashes, where what becomes of an object may depend on them: of two attributes one comes first under half of
#: all seeds, so that all of these agree once in 32 times. The first is that of ``support``'s workers.
SEEDS = ("1", "2", "3", "4", "5", "6")

SEED = reasons.Reason(
    SOME_WORKERS,
    "its state is restored in the order of a set, which differs with a worker's hash seed: in some it fails",
    "code of its class that runs meanwhile (a property's setter, __setattr__) must bear that other attributes are not "
    "there yet: keep the value first, and check it where it is used",
)


class Loads:
    """The loads of one object's pickles: what they show goes to what is known of it."""

    def __init__(self, seen: Seen, loader: Loader) -> None:
        self.seen, self.loader = seen, loader

    def plainly(self) -> None:
        """Load the pickle in a worker's stead; name what fails there."""
        seen = self.seen
        seen.arrivals.facts = seen.arrivals.by_reference()
        if seen.walk.hooked <= len(seen.walk.culprits) or not seen.data:
            return  # nothing but plain containers: no hook to fail
        if len(seen.data) > LOAD_MOST_BYTES:
            seen.note(f"the pickle has {len(seen.data):,} bytes and was not loaded in another process")
            return
        ask = [(module, name) for module, name, _, _ in seen.arrivals.facts]
        answer, seed, sometimes = self._loaded(ask)
        if answer.get("ok"):
            seen.arrivals.compare(answer.get("facts", []))
        else:
            self.blame(seen.plain, answer, seed)
        for load in seen.loads.values() if sometimes else ():
            load.kind, load.starts = SEED, FRESH_STARTS  # a fork has the seed of this process
        seen.data = b""

    def _loaded(self, ask: list[tuple[str, str]]) -> tuple[LoadAnswer, str, bool]:
        """What a fresh process answers, or the first that fails, with its hash seed; whether others do not fail."""
        seen = self.seen
        seeds = SEEDS if any(map(hooks.restored_in_any_order, seen.walk.classes)) else ("",)
        answers: dict[str, LoadAnswer] = {}
        for seed in seeds:
            if len(answers) > 1 and seen.left_s() < 2 * self.limit_s():
                seen.note(f"it was restored under {len(answers)} of the {len(seeds)} hash seeds that were to be tried")
                break
            with Loader(seed) if seed else nullcontext(self.loader) as loader:
                answers[seed] = loader.load(
                    seen.data, "pickle", "fast", self.limit_s(), ask, modules=seen.walk.modules()
                )
            if len({bool(answer.get("ok")) for answer in answers.values()}) > 1:
                break
        failed = [seed for seed, answer in answers.items() if not answer.get("ok")]
        first = failed[0] if failed else seeds[0]
        return answers[first], first, 0 < len(failed) < len(answers)

    def limit_s(self) -> float:
        seen = self.seen
        return max(0.5, min(seen.left_s() / 3, 3.0 + 20 * seen.dump_s))

    def blame(self, codec: Pickling, answer: LoadAnswer, seed: str = "") -> None:
        """After a failed load: load again, past all failures, and name each object that failed."""
        seen = self.seen
        if answer.get("guarded"):
            seen.note(f"loading was stopped before it emptied a file ({answer['error']}); what follows was not seen")
            return
        file = io.BytesIO()
        skip = seen.skip() if codec is seen.plain else seen.skip_for(codec.name)
        pickler = codec.pickler(file, skip)
        try:
            with limited(max(0.5, seen.left_s() / 3), fair=True):
                pickler.dump(seen.obj)
        except Exception as error:
            seen.note(f"{codec.name}: loading fails ({answer.get('error')}); why was not seen: {error_text(error)}")
            return
        memo = pickler.memo if isinstance(pickler.memo, dict) else pickler.memo.copy()
        by_place: dict[int, Any] = dict(memo.values())
        limit_s = max(1.0, min(seen.left_s() / 2, 12.0))
        with Loader(seed) if seed else nullcontext(self.loader) as loader:
            detail = loader.load(file.getvalue(), codec.name, "tolerant", limit_s, modules=seen.walk.modules())
        named = 0
        for failure in detail.get("failures", ()):
            if failure.get("guarded"):
                seen.note(f"loading was stopped before it emptied a file ({failure['error']})")
                named += 1
                continue
            if failure.get("doubtful") or Absent.__module__ in failure["error"]:
                why = f"parts are left out ({failure['error']})"
                seen.note(f"{codec.name}: whether all can be restored was not seen, for {why}")
                named += 1
                continue
            victim = by_place.get(failure["memo"]) if failure["memo"] is not None else None
            for index in self._nodes_for(victim):
                self._add_load(index, codec.name, failure)
                named += 1
        if not named and answer.get("hung"):  # what really hangs is named: no step may take so long as that
            seen.note(
                f"{codec.name}: {answer['error']} in another process; no part was seen to hang: give it more time"
            )
        elif not named and skip:  # a stand-in may have reached somebody's destructor, or C code
            why = f"parts are left out ({answer.get('error')})"
            seen.note(f"{codec.name}: whether all can be restored was not seen, for {why}")
        elif not named:
            seen.note(
                f"{codec.name}: loading in another process fails, by what part was not seen: {answer.get('error')}"
            )
            self._add_load(0, codec.name, {"stage": "load", "error": str(answer.get("error")), "type": ""})

    def _nodes_for(self, victim: Any) -> list[int]:
        walk = self.seen.walk
        if victim is None:
            return []
        index = walk.memo.get(id(victim))
        found = [at for at, obj in enumerate(walk.objs) if type(obj) is victim] if isinstance(victim, type) else []
        if index is not None and walk.objs[index] is victim and not (found and walk.steps[index] == CLASS_OF):
            found.insert(0, index)
        return found[: GROUP_MOST + 1]

    def _add_load(self, index: int, codec: str, failure: Failure) -> None:
        seen = self.seen
        known = seen.loads.get(index)
        if known is None:
            kind, starts = self._load_kind(index, failure)
            known = seen.loads[index] = LoadCulprit(index, kind, failure["error"], starts=starts)
        known.codecs.add(codec)

    def _load_kind(self, index: int, failure: Failure) -> tuple[reasons.Reason, tuple[str, ...]]:
        obj, stage = self.seen.walk.objs[index], failure["stage"]
        if stage == "find":
            is_main = failure["sought"][0] == "__main__"
            return (reasons.MAIN if is_main else reasons.MISSING), FRESH_STARTS
        if failure["type"] == "TookTooLong":
            return reasons.HANG, ALL_STARTS
        if failure["type"] == "RecursionError" and hasattr(type(obj), "__getattr__"):
            return reasons.GETATTR, ALL_STARTS
        if stage == "hash":
            return reasons.HASH, ALL_STARTS
        if failure["type"] == "AuthenticationError":
            return reasons.AUTHKEY, ALL_STARTS
        if isinstance(obj, types.MethodType) and failure["type"] == "AttributeError":
            return reasons.METHOD, ALL_STARTS
        if isinstance(obj, BaseException) and stage in ("make", "new"):
            return reasons.EXCEPTION, ALL_STARTS
        if stage == "items" and isinstance(obj, dict | list | set):
            return (reasons.ITEMS if failure["type"] == "AttributeError" else reasons.ITEMS_REFUSED), ALL_STARTS
        if stage == "state" and hooks.sets_attributes_itself(type(obj)):
            return reasons.SETATTR, ALL_STARTS
        return (reasons.SETSTATE if stage == "state" else reasons.CONSTRUCTOR), ALL_STARTS
