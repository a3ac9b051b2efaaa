"""The diagnosis itself: what is looked at, in which process, in which order, and within which time.

All of it runs in a disposable fork of the user's process: the object is there without having been pickled, hooks that
hang or exit do no harm, and importing dill (which changes what pickling does) leaves the user's process as it was. The
fork sends its findings, as text, after each step; what it had found when its time ran out is kept.
"""

from __future__ import annotations

import gc
import io
import json
import os
import pickle
import select
import signal
import sys
import time
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from handoff.diagnosing import kinds
from handoff.diagnosing.codecs import Cloudpickle, Dill, Plain, carried_by_forking
from handoff.diagnosing.findings import ALL_STARTS, FRESH_STARTS, PICKLES, STRATEGIES, Depth, Diagnosis, Finding, Shared
from handoff.diagnosing.limits import TookTooLong, limited
from handoff.diagnosing.loader import MainReached, plain_value
from handoff.diagnosing.loading import end_group, load_elsewhere
from handoff.diagnosing.paths import instance_dict
from handoff.diagnosing.walk import CLASS_OF, Codec, Culprit, Null, Walk, error_text, pickles
from handoff.diagnosing.weights import heavy

BUDGET_S = 30.0
PLAINS = (*PICKLES, "pickle-default")
LOAD_MOST_BYTES = 1 << 30  #: larger pickles are not loaded elsewhere: the copy could cost the machine its memory
GROUP_MOST = 100  #: findings of one kind and type that are listed; the rest is counted in a note
SHARED_MOST = 20
_GRACE_S = 1.0


def diagnose(obj: Any, *, name: str = "obj", budget_s: float = BUDGET_S) -> Diagnosis:
    """Find everything in ``obj`` that stops or alters its hand-over to another process, and what is heavy in it.

    ``name`` is only a label, the diagnosis's ``target``; paths are rooted at ``obj``. At most about ``budget_s`` seconds
    are spent; what was left out for it is said in the ``notes``. Nothing is unpickled in this process, and no hook of
    the object's runs in it: on platforms with ``fork`` all happens in disposable processes. Raises ``ValueError`` for a
    budget that is not positive.
    """
    if not budget_s > 0:
        raise ValueError(f"budget_s is {budget_s!r}; give a positive number of seconds")
    if os.environ.get("HANDOFF_DIAGNOSING"):
        raise MainReached("diagnose was called while a worker imports the main module: guard it with "
                          "if __name__ == '__main__'")  # fmt: skip
    if not hasattr(os, "fork"):
        run = _Run(obj, name, time.monotonic() + budget_s, lambda diagnosis: None)
        run.note("this platform has no fork: hooks ran in this process, and dill and cloudpickle were not asked")
        return run.all(behind=False)
    return _in_fork(obj, name, budget_s)


def _in_fork(obj: Any, name: str, budget_s: float) -> Diagnosis:
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of threads; the child never returns to them
        child = os.fork()
    if child == 0:
        _be_the_child(obj, name, budget_s, reader, writer)
    os.close(writer)
    try:
        os.setpgid(child, child)
    except OSError:
        pass
    try:
        text, ended = _read(reader, time.monotonic() + budget_s + _GRACE_S)
    finally:
        os.close(reader)
        end_group(child)
        _, status = os.waitpid(child, 0)
    lines = [line for line in text.split(b"\n") if line]
    diagnosis = Diagnosis(name)
    final = False
    for line in reversed(lines):
        try:
            data = json.loads(line)
        except ValueError:
            continue
        diagnosis, final = Diagnosis.from_json(data["diagnosis"]), data["final"]
        break
    if final:
        return diagnosis
    why = (
        f"it ended with {os.waitstatus_to_exitcode(status)} (below 0: killed by that signal)"
        if ended
        else f"{budget_s:g} s were not enough"
    )
    return replace(diagnosis, notes=(*diagnosis.notes, f"the diagnosis is not complete: {why}"))


def _be_the_child(obj: Any, name: str, budget_s: float, reader: int, writer: int) -> None:
    """What the fork does; it never returns. A clock of its own ends it if the parent is gone."""
    code = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        gc.disable()
        gc.freeze()
        os.close(reader)
        quiet = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(quiet, descriptor)
        warnings.simplefilter("ignore")
        end = time.monotonic() + budget_s
        _end_with_parent(end)

        def send(diagnosis: Diagnosis, final: bool = False) -> None:
            line = json.dumps({"diagnosis": diagnosis.to_json(), "final": final}).encode() + b"\n"
            while line:
                line = line[os.write(writer, line) :]

        send(_Run(obj, name, end, send).all(), True)
        code = 0
    except BaseException as error:
        try:
            note = f"the diagnosis itself failed: {error_text(error)}"
            if os.environ.get("HANDOFF_DEBUG"):
                import traceback

                note += "\n" + traceback.format_exc()
            os.write(writer, json.dumps(
                {"diagnosis": Diagnosis(name, notes=(note,)).to_json(), "final": True}).encode() + b"\n")  # fmt: skip
        except BaseException:
            code = 2
    finally:
        os._exit(code)


def _end_with_parent(end: float) -> None:
    """Limit this process's own life, for the case that nobody is left to kill it."""
    try:
        import resource

        spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        seconds = int(spent + max(0.0, end - time.monotonic())) + 10
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (ImportError, OSError, ValueError):
        return


def _read(reader: int, end: float) -> tuple[bytes, bool]:
    """All that comes until the other end is closed (True) or time runs out (False)."""
    text = bytearray()
    while (left := end - time.monotonic()) > 0:
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        if not poll.poll(min(left, 1.0) * 1000):
            continue
        piece = os.read(reader, 1 << 20)
        if not piece:
            return bytes(text), True
        text += piece
        if text.endswith(b'"final": true}\n'):
            return bytes(text), True
    return bytes(text), False


@dataclass(slots=True)
class _LoadCulprit:
    index: int
    kind: kinds.Kind
    error: str
    codecs: set[str] = field(default_factory=set)
    starts: tuple[str, ...] = ALL_STARTS


class _Run:
    """One diagnosis, step by step. Its steps are in :meth:`all`, in order."""

    def __init__(self, obj: Any, name: str, end: float, send: Callable[[Diagnosis], None]) -> None:
        self.obj, self.name, self.end, self.send = obj, name, end, send
        self.plain = Plain()
        self.walk = Walk(self.plain)
        self.notes: list[str] = []
        self.loads: dict[int, _LoadCulprit] = {}
        self.altered: list[Finding] = []
        self.heavy: tuple[Any, ...] = ()
        self.recursion: dict[int, dict[str, str]] = {}
        self.codecs_run: list[str] = []
        self.dump_s = 0.0
        self.data = b""
        self.whole_error: BaseException | None = None
        self.roots: dict[str, bool] = {}
        self.facts: list[tuple[str, str, str, str]] = []  #: module, name, our value, path

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def left_s(self) -> float:
        return max(0.0, self.end - time.monotonic())

    def all(self, behind: bool = True) -> Diagnosis:
        if "dill" in sys.modules:
            self.note("dill was already imported in this process: it changes what the pure-Python pickler accepts")
        self.dump()
        self.walk_plainly()
        self.find_recursion()
        self.check_walk()
        self.send(self.result())
        if behind:
            for make in (Cloudpickle, Dill):
                self.look_behind(make)
        self.find_altered()
        self.send(self.result())
        self.load_plainly()
        self.send(self.result())
        self.weigh()
        if behind:
            for make in (Cloudpickle, Dill):
                self.try_whole(make)
        return self.result()

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
        for index in wanted:  # an instance whose class is not found: so is the class, wherever it is met
            kind = type(walk.objs[index])
            if walk.culprits.get(index) is not None and self.plain.named(kind) is not None:
                found[id(kind)] = kind
        return found

    def find_recursion(self) -> None:
        """Deep chains: where each begins, for what the pickler cannot follow."""
        if not isinstance(self.whole_error, RecursionError):
            if not (self.whole_error is not None and max(self.walk.depths(), default=0) > 300):
                return
        depths = self.walk.depths()
        heads: dict[int, int] = {}
        covered: set[int] = set()
        order = sorted(range(len(depths)), key=depths.__getitem__, reverse=True)
        for index in order:
            if depths[index] < 150 or len(heads) >= 50:
                break
            chain = []
            at = index
            while at >= 0 and at not in covered:
                chain.append(at)
                at = self.walk.parents[at]
            covered.update(chain)
            if len(chain) < 150:
                continue
            head = self._head(index)
            heads.setdefault(head, depths[index] - depths[head] + 1)
        walk = self.walk
        for head in heads:
            culprits = {index: c for index, c in walk.culprits.items() if "pickle" in c.codecs and index != head}
            skip = {id(walk.objs[index]): walk.objs[index] for index in culprits}
            error = pickles(self.plain, walk.objs[head], skip, Null())
            if isinstance(error, RecursionError):
                self.recursion[head] = {"pickle": error_text(error)}

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
                return
            if isinstance(error, TookTooLong) or not self._narrow(error):
                self.note(f"pickle still refuses the rest, which the walk found in order: {error_text(error)}")
                return

    def _narrow(self, error: BaseException) -> bool:
        """Find the deepest node of the walk that alone still fails to pickle, and record it. False if there is none."""
        skip, walk, begin = self.skip(), self.walk, time.monotonic()
        if len(walk.objs) > 200_000:
            return False
        children: dict[int, list[int]] = {}
        for index, parent in enumerate(walk.parents):
            children.setdefault(parent, []).append(index)
        at, limit = 0, 1.0 + 3 * self.dump_s
        while time.monotonic() - begin < limit:
            for child in children.get(at, ()):
                if id(walk.objs[child]) not in skip and pickles(self.plain, walk.objs[child], skip, Null()) is not None:
                    at = child
                    break
            else:
                last = pickles(self.plain, walk.objs[at], skip, Null()) or error
                walk.fail(at, "pickle", last)
                self.note(f"the walk alone did not see why pickle refuses {walk.path(walk.named_node(at))}")
                return True
        return False

    def look_behind(self, make: Any) -> None:
        """Follow cloudpickle or dill into what the standard pickler refuses."""
        name = make.__name__.lower()
        walk = self.walk
        starts = sorted(
            {index for index, culprit in walk.culprits.items() if index not in walk.by_value}
            | {index for index in walk.main if index not in walk.culprits}
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
        walk.run_behind(codec, starts, time.monotonic() + min(self.left_s() / 3, 2.0 + 3 * self.dump_s))
        if not walk.complete:
            self.note(f"behind what pickle refuses, {name} was not followed to the end in the time there was")
        for head, errors in self.recursion.items():
            try:
                with limited(max(0.2, min(self.left_s() / 4, 1.0 + 5 * self.dump_s))):
                    error = pickles(codec, walk.objs[head], self.skip_for(name), Null())
            except TookTooLong:
                self.note(f"{name} took too long over {walk.path(head)}")
                continue
            if error is not None:
                errors[name] = error_text(error)

    def skip_for(self, codec: str) -> dict[int, Any]:
        walk = self.walk
        found = {id(walk.objs[i]): walk.objs[i] for i, culprit in walk.culprits.items() if codec in culprit.codecs}
        for index, errors in self.recursion.items():
            if codec in errors:
                found[id(walk.objs[index])] = walk.objs[index]
        for index, load in self.loads.items():
            if codec in load.codecs:
                found[id(walk.objs[index])] = walk.objs[index]
        return found

    def load_plainly(self) -> None:
        """Load the pickle in a worker's stead; name what fails there."""
        self.facts = self._by_reference()
        if not self.walk.hooked or not self.data:
            return
        if len(self.data) > LOAD_MOST_BYTES:
            self.note(f"the pickle has {len(self.data):,} bytes and was not loaded in another process")
            return
        ask = [(module, name) for module, name, _, _ in self.facts]
        answer = load_elsewhere(self.data, "pickle", "fast", self._load_s(), ask)
        if answer.get("ok"):
            self._compare(answer.get("facts", []))
        else:
            self._blame_loads(self.plain, answer)
        self.data = b""

    def _load_s(self) -> float:
        return max(0.5, min(self.left_s() / 3, 5.0 + 20 * self.dump_s))

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
        by_place = {place: obj for place, obj in memo.values()}
        detail = load_elsewhere(file.getvalue(), codec.name, "tolerant", max(1.0, min(self.left_s() / 2, 12.0)))
        named = 0
        for failure in detail.get("failures", ()):
            if failure.get("guarded"):
                self.note(f"loading was stopped before it emptied a file ({failure['error']})")
                named += 1
                continue
            victim = by_place.get(failure["memo"]) if failure["memo"] is not None else None
            for index in self._nodes_for(victim):
                self._add_load(index, codec.name, failure, victim)
                named += 1
        if not named:
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

    def _load_kind(self, index: int, failure: dict[str, Any], victim: Any) -> tuple[kinds.Kind, tuple[str, ...]]:
        obj, stage = self.walk.objs[index], failure["stage"]
        if stage == "find":
            is_main = failure["global"][0] == "__main__"
            return (kinds.MAIN if is_main else kinds.MISSING), FRESH_STARTS
        if failure["type"] == "TookTooLong":
            return kinds.HANG, ALL_STARTS
        if failure["type"] == "RecursionError" and hasattr(type(obj), "__getattr__"):
            return kinds.GETATTR, ALL_STARTS
        if stage == "hash":
            return kinds.HASH, ALL_STARTS
        if isinstance(obj, BaseException) and stage in ("make", "new"):
            return kinds.EXCEPTION, ALL_STARTS
        return (kinds.SETSTATE if stage == "state" else kinds.CONSTRUCTOR), ALL_STARTS

    def try_whole(self, make: Any) -> None:
        """The oracle for cloudpickle and dill: a real dump of the whole and a real load, where there is time for it."""
        name = make.__name__.lower()
        if name not in self.codecs_run:
            return
        by_value = (kinds.MAIN, kinds.MISSING)
        carried = {at for at, load in self.loads.items() if "pickle" in load.codecs and load.kind not in by_value}
        if not self.roots.get(name) and not self.walk.hooked:
            return
        codec: Codec = make(self.plain)
        if not self.roots.get(name) and self.dump_s > 0.05:
            for index in carried:  # nothing here that it would take apart in another way than pickle
                self.loads[index].codecs.add(name)
            return
        file, error = io.BytesIO(), None
        try:
            with limited(max(0.1, min(self.left_s() / 4, 0.3 + self.dump_s))):
                error = pickles(codec, self.obj, self.skip_for(name), file)
        except TookTooLong as late:
            error = late
        if isinstance(error, TookTooLong):
            self.note(f"{name} was not tried on the whole object: it takes longer than there is time for")
        elif error is not None:
            self.note(f"{name} refuses the rest, which the walk found in order: {error_text(error)}")
        if error is not None or self._touches_files(name):
            for index in carried:
                self.loads[index].codecs.add(name)
            if error is None:
                self.note(f"{name}: not loaded, for loading opens the user's files again")
            return
        if file.tell() > LOAD_MOST_BYTES // 4 or self.left_s() < 0.5:
            return
        answer = load_elsewhere(file.getvalue(), name, "fast", self._load_s())
        if not answer.get("ok"):
            self._blame_loads(codec, answer)

    def _touches_files(self, codec: str) -> bool:
        if codec != "dill":
            return False
        return any(c.kind.name in ("file", "temporary-file") for c in self.walk.culprits.values())

    def weigh(self) -> None:
        skip = self.skip()
        size = Null()
        try:
            with limited(max(0.2, min(self.left_s() / 4, 1.0 + 2 * self.dump_s))):
                if self.whole_error is None and self.dump_s > 0.2:
                    total = self._total
                else:
                    error = pickles(self.plain, self.obj, skip, size)
                    total = size.bytes if error is None else 0
                if total:
                    seconds = min(self.left_s() / 4, 0.3 + 0.8 * self.dump_s)
                    self.heavy = heavy(self.obj, total, skip, time.monotonic() + seconds)
        except (TookTooLong, RecursionError):
            self.note("what is heavy was not weighed to the end")

    @property
    def _total(self) -> int:
        size = Null()
        pickles(self.plain, self.obj, {}, size)
        return size.bytes

    # -- what arrives, but altered

    def find_altered(self) -> None:
        walk = self.walk
        for index, culprit in walk.culprits.items():
            for strategy, what in culprit.kind.altered_by:
                if strategy in self.codecs_run and strategy not in culprit.codecs and self._is_met(index, strategy):
                    self._alter(index, culprit.kind, (strategy,), what)
        for index in walk.sentinels:
            self._alter(index, kinds.SENTINEL, STRATEGIES)
        for index in walk.lost:
            self._alter(index, kinds.LOST_STATE, (*PLAINS, "cloudpickle"))
        self._find_connections()
        self._find_singletons()
        self._find_array_aliases()

    def _is_met(self, index: int, strategy: str) -> bool:
        return index not in self.walk.by_value or strategy == "cloudpickle"

    def _alter(self, index: int, kind: kinds.Kind, blocks: tuple[str, ...], reason: str = "", more: tuple[str, ...] = (),
               starts: tuple[str, ...] = ALL_STARTS) -> None:  # fmt: skip
        node = self.walk.named_node(index)
        path = self.walk.path(node)
        reason = reason or kind.reason
        for at, known in enumerate(self.altered):
            if known.path == path and known.kind == kind.name:
                if blocks[0] not in known.blocks:
                    merged = f"{known.reason}; under {', '.join(blocks)}: {reason}"
                    self.altered[at] = replace(known, reason=merged, blocks=(*known.blocks, *blocks))
                return
        aliases = (*self.walk.other_paths(index), *more)
        self.altered.append(Finding(path, kinds.type_name(type(self.walk.objs[node])), reason, kind.fix, blocks,
                                    kind.name, "arrival", "", aliases, "", starts))  # fmt: skip

    def _find_connections(self) -> None:
        for kind, index in list(self.walk.classes.items()):
            if kind.__module__ == "multiprocessing.connection" and kind.__name__ in ("Connection", "PipeConnection"):
                for at, obj in enumerate(self.walk.objs):
                    if type(obj) is kind and at not in self.walk.culprits:
                        self._alter(at, kinds.CONNECTION, (*PICKLES, "cloudpickle", "dill"))

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
            if any(value is obj for value in vars(module).values()):
                self._alter(index, kinds.SENTINEL, STRATEGIES)

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
                    self._alter(index, kinds.ALIAS, STRATEGIES, f"{kinds.ALIAS.reason} (with {walk.path(first)})")

    def _by_reference(self) -> list[tuple[str, str, str, str]]:
        """Plain values of user classes and of globals that functions use: (module, name, value here, path)."""
        found: list[tuple[str, str, str, str]] = []
        walk = self.walk
        for kind, index in walk.classes.items():
            module = kind.__module__
            if not isinstance(module, str) or not _is_users(module) or self.plain.named(kind) is not None:
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
            if not _is_users(function.__module__):
                continue
            for name in function.__code__.co_names:
                text = plain_value(function.__globals__[name]) if name in function.__globals__ else None
                if text is not None:
                    how = f"{walk.path(index)}.__globals__[{name!r}]"
                    found.append((function.__module__, f"<globals>.{name}", text, how))
            if len(found) > 2000:
                break
        return found[:2000]

    def _compare(self, answers: list[Any]) -> None:
        for (module, name, here, path), (status, there) in zip(self.facts, answers, strict=False):
            if status != "ok" or there is None or there == here or module == "__main__":
                continue
            reason = f"{kinds.CLASS_STATE.reason} ({there[:60]} there, {here[:60]} here)"
            value_type = _type_of_text(here)
            if not any(item.path == path for item in self.altered):
                self.altered.append(Finding(path, value_type, reason, kinds.CLASS_STATE.fix, STRATEGIES,
                                            kinds.CLASS_STATE.name, "arrival", "", (), "", FRESH_STARTS))  # fmt: skip

    # -- the result

    def result(self) -> Diagnosis:
        walk, notes = self.walk, list(self.notes)
        counts: dict[tuple[str, str], int] = {}
        culprits: dict[str, Finding] = {}
        hidden = 0

        def add(finding: Finding) -> None:
            nonlocal hidden
            if not finding.blocks:
                return
            known = culprits.get(finding.path)
            if known is not None:
                blocks = tuple(s for s in STRATEGIES if s in known.blocks or s in finding.blocks)
                culprits[finding.path] = replace(known, blocks=blocks)
                return
            key = (finding.kind, finding.type)
            counts[key] = counts.get(key, 0) + 1
            if counts[key] > GROUP_MOST:
                hidden += 1
            else:
                culprits[finding.path] = finding

        for index in sorted({*walk.culprits, *self.loads, *self.recursion}):
            if index in walk.culprits:
                add(self._dump_finding(index, walk.culprits[index]))
            if index in self.recursion:
                add(self._recursion_finding(index, self.recursion[index]))
            if index in self.loads:
                add(self._load_finding(self.loads[index]))
        if hidden:
            notes.append(f"{hidden:,} more findings like those listed are not shown")
        depths = walk.depths()
        return Diagnosis(
            target=self.name,
            culprits=tuple(culprits.values()),
            altered=tuple(self.altered[: 5 * GROUP_MOST]),
            heavy=self.heavy,
            shared=self._shared(),
            depth=Depth(max(depths, default=0), sys.getrecursionlimit()),
            notes=tuple(notes),
        )

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
        if kind in (kinds.GETSTATE, kinds.UNPICKLABLE):
            reason = f"{reason} ({culprit.error})"
        starts = FRESH_STARTS if kind is kinds.MAIN else ALL_STARTS
        return Finding(walk.path(node), kinds.type_name(type(obj)), reason, kind.fix, tuple(blocks), kind.name, "dump",
                       culprit.error, walk.other_paths(index), self._behind(index), starts)  # fmt: skip

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
        walk = self.walk
        at = walk.parents[index]
        while at >= 0:
            culprit = walk.culprits.get(at)
            if culprit is not None and "pickle" in culprit.codecs:
                return walk.path(walk.named_node(at))
            at = walk.parents[at]
        return ""

    def _recursion_finding(self, index: int, errors: dict[str, str]) -> Finding:
        walk, kind = self.walk, kinds.RECURSION
        blocks = (*PLAINS, *(name for name in ("cloudpickle", "dill") if name in errors))
        reason = f"{kind.reason} ({max(walk.depths()):,} objects deep, limit {sys.getrecursionlimit():,})"
        return Finding(walk.path(index), kinds.type_name(type(walk.objs[index])), reason, kind.fix, blocks, kind.name,
                       "dump", "RecursionError", walk.other_paths(index))  # fmt: skip

    def _load_finding(self, load: _LoadCulprit) -> Finding:
        walk = self.walk
        node = walk.named_node(load.index)
        blocks = tuple(
            name for name in STRATEGIES if name in load.codecs or ("pickle" in load.codecs and name in PLAINS)
        )
        return Finding(walk.path(node), kinds.type_name(type(walk.objs[node])), f"{load.kind.reason} ({load.error})",
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
            others_above = [parent for parent, _ in others if not self._is_below(parent, index)]
            if not others_above:
                continue
            paths = (walk.path(index), *walk.other_paths(index, 3))
            if len(paths) > 1:
                found.append(Shared(paths, kinds.type_name(type(obj))))
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


def _is_users(module: str) -> bool:
    return isinstance(module, str) and module.partition(".")[0] not in _NOT_USERS


_NOT_USERS = frozenset(
    {*sys.stdlib_module_names, "numpy", "dill", "cloudpickle", "handoff", "pandas", "scipy", "torch"}
) - {"__main__"}


def _type_of_text(text: str) -> str:
    for prefix, name in (("'", "str"), ('"', "str"), ("b'", "bytes"), ("list[", "list"), ("tuple[", "tuple"), ("{", "dict"),
                         ("set[", "set"), ("frozenset[", "frozenset")):  # fmt: skip
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
    import numpy

    try:
        return bool(numpy.shares_memory(one, other, max_work=1000))
    except Exception:
        return bool(numpy.may_share_memory(one, other))


__all__ = ["BUDGET_S", "diagnose"]
