"""Which ways work at all: every payload by every strategy and route, executed, and what really became of each.

Cells are run in hosts (:mod:`handoff.support_matrix.host`), one interpreter for a group of strategies, a start method
and some payloads; each cell has processes of its own, but those have one together that a look at the object refuses.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, cast

from handoff import timeouts
from handoff.machine import usable_cores
from handoff.outcome import Kind, Outcome
from handoff.payload import Duty
from handoff.processes.interpreter import Interpreter
from handoff.processes.lines import NOT_OURS
from handoff.start_methods import START_METHODS
from handoff.strategies import registry
from handoff.strategy import Channel, Strategy
from handoff.support_matrix.culprits import BUDGET_S, askable, named, pickler
from handoff.support_matrix.messages import CellOrder, HostConfig, HostTold
from handoff.support_matrix.pools import routes
from handoff.target import Entry, Ref
from handoff.timing import nothing

SLOW_S = 0.4  #: after this a cell that has not answered waits beside the next ones
CHUNK = 900  #: cells for one interpreter, which costs as much as about twenty
#: Read when an interpreter of ours starts, and taken out of its environment then: huge pages for large blocks, which
#: fault less often where 64 MiB are copied, and no threads of numpy's that wait for work.
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "OPENBLAS_NUM_THREADS": "1"}
ALWAYS = (
    "handoff.support_matrix.cell",
    "handoff.support_matrix.cell_worker",
    "handoff.strategies",
    "handoff.compare.shared_state",
)  #: what every process of a cell needs
#: Of the processes that a cell spawns, where nobody has set one: another than that of their parent (0), as it would be,
#: and the same in every run.
HASH_SEED = "1"
SOME_WORKERS = " (in workers of some hash seeds: others restore it)"
LARGE = "numpy"  #: it makes every fork dearer: imported beforehand only where it is needed

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """What became of one payload by one strategy or route, for one duty, under one start method."""

    payload: str
    strategy: str
    duty: str
    start_method: str
    outcome: str
    where: str = ""
    error_type: str = ""
    message: str = ""
    notes: tuple[str, ...] = ()  #: what differs and does not count
    seconds: float = 0.0  #: that it took, in an interpreter that was there already; 0 when nothing had to be run

    def to_json(self) -> dict[str, Any]:
        """As in the document: without what differs from run to run."""
        found = asdict(self)
        del found["seconds"]
        return found


def ways() -> Mapping[str, Strategy]:
    """Every way to hand something over: how multiprocessing itself is used first, then the other strategies."""
    return {**routes(), **registry()}


def _tried(known: Mapping[str, Strategy], *, live: bool) -> list[str]:
    """The ways that are tried where none is named."""
    return [name for name, way in known.items() if not (way.named_only or (live and way.makes))]


@dataclass(frozen=True, slots=True)
class _Todo:
    entry: Entry
    strategy: str
    duty: Duty
    start_method: str
    alike: str = ""  #: see :func:`alike`


def support(
    entries: Mapping[str, Entry],
    *,
    strategies: Sequence[str] = (),
    duties: Sequence[str] = (),
    start_methods: Sequence[str] = START_METHODS,
    patience_s: float = timeouts.CELL_S,
    jobs: int | None = None,
    isolated: bool = False,
    progress: Progress = nothing,
    live: bool = False,
) -> list[MatrixCell]:
    """Execute every cell of these payloads and return what became of it, in a fixed order.

    ``strategies`` and ``duties`` are names, none: all; a strategy's cells are those duties that it serves. ``jobs`` is
    how many interpreters work at the same time (None: one more than there are cores, as each often waits for a process
    to start or to end). With ``isolated`` every cell has an interpreter of its own, and spawned processes are really
    spawned: for comparison, at 0.5 s a cell. With ``live`` the object is in this process, of which all are forked: ways
    that make it elsewhere are left out.
    """
    known = ways()
    todo = [
        _Todo(entry, name, duty, method, alike(known[name], duty, method))
        for entry in entries.values()
        for name in (strategies or _tried(known, live=live))
        for duty in known[name].duties
        for method in start_methods
        if not duties or str(duty) in duties
    ]
    run = _Run(todo, patience_s, jobs or usable_cores() + 1, progress, isolated=isolated, live=live)
    try:
        run.work()
        run.name_parts()
    finally:
        run.close()
    return [
        MatrixCell(
            t.entry.payload.name, t.strategy, str(t.duty), t.start_method,
            str(o.kind), o.where, o.error_type, o.message, o.notes, run.seconds.get(index, 0.0),
        )
        for index, t in enumerate(todo)
        for o in (run.outcomes[index],)
    ]  # fmt: skip


def group_of(way: Strategy) -> tuple[str, ...]:
    """What a process imports that hands over by it, beyond what all do: it may change what picklers do."""
    if way.channel is Channel.MANAGER:
        return ("multiprocessing.managers", "handoff.strategies._manager", "hmac")
    return tuple(module for module in way.needs if module != "numpy")


def unavailable(way: Strategy, start_method: str) -> str:
    """Why it cannot be tried here at all, or ""."""
    if lacks := way.lacks:
        return lacks
    if start_method not in way.start_methods:
        return f"only under {' and '.join(way.start_methods)}"
    return ""


def alike(way: Strategy, duty: Duty, start_method: str) -> str:
    """How an object goes that way, where its hooks are all that is run of it: what others do alike, does alike.

    A word that means nothing beside that; "" where it is looked at first, or not pickled.
    """
    if way.only or way.looks_first(duty) or not way.pickled_as or way.inherited(duty, start_method):
        return ""
    return f"{way.pickled_as} {duty} {'forked' if start_method == 'fork' else 'fresh'}"


@dataclass
class _Batch:
    """What one host is to do."""

    preload: tuple[str, ...]  #: modules
    start_method: str
    cells: list[int]
    running: set[int] = field(default_factory=set)
    waits: bool = False  #: whether it has begun its last cell: another host may begin
    began: float = field(default_factory=time.monotonic)
    inside: Any = None


class _Run:
    """All cells, and the hosts that work on them."""

    def __init__(
        self,
        todo: Sequence[_Todo],
        patience_s: float,
        jobs: int,
        progress: Progress,
        *,
        isolated: bool,
        live: bool = False,
    ) -> None:
        self.todo, self.patience_s, self.jobs, self.progress, self.isolated = todo, patience_s, jobs, progress, isolated
        self.host = _forked_host if live else _host
        self.outcomes: dict[int, Outcome] = {}
        self.seconds: dict[int, float] = {}
        self.wrote: set[int] = set()  #: cells at which a host was told what is not ours
        self.active: list[_Batch] = []
        self.modules: dict[Ref, list[str]] = {}  #: that a payload needs, and none before it
        self.hangs: dict[Ref, list[tuple[str, str, str]]] = {}  #: cells that hung: place, side, how it is pickled
        self.kept: dict[Ref, str] = {}  #: what many cells may have in common: the module, or the object too
        self.waiting: deque[_Batch] = deque()
        self.by_seed: set[Ref] = set()  #: payloads of which what becomes may go by a worker's hash seed
        self.seed = HASH_SEED
        self.again = False  #: whether what had no answer is asked once more
        for index, cell in enumerate(todo):
            why = cell.entry.payload.missing() or unavailable(ways()[cell.strategy], cell.start_method)
            if live and cell.duty is Duty.RESULT and cell.start_method != "fork":
                why = why or "a worker that is not forked has no object to send back: it is in this process alone"
            if why:
                self.outcomes[index] = Outcome(Kind.UNAVAILABLE, "", "", why)

    def work(self) -> None:
        """Until every cell has its outcome."""
        if not self.isolated and len(self.outcomes) < len(self.todo):
            self._scout()
        self._line_up()
        self._go()
        self._ask_again()
        self._ask_other_workers()

    def _ask_again(self) -> None:
        """What the machine was too busy for is asked once more, each alone: nothing else of ours runs beside it."""
        unanswered = [index for index, outcome in self.outcomes.items() if outcome.kind is Kind.NO_ANSWER]
        preload = self._needed(large=True)
        for index in unanswered:
            del self.outcomes[index]
            cell = self.todo[index]
            group = group_of(ways()[cell.strategy])
            self.waiting.append(_Batch((*group, *([] if self.isolated else preload)), cell.start_method, [index]))
        jobs, self.jobs, self.again = self.jobs, 1, True
        self._go()
        self.jobs = jobs

    def _ask_other_workers(self) -> None:
        """What is restored in the order of a set arrives in some workers and fails in others, by their hash seeds."""
        if "PYTHONHASHSEED" in os.environ:  # all workers have that
            return
        from handoff.diagnosing.loads import SEEDS

        some = [index for index, cell in enumerate(self.todo) if cell.entry.ref in self.by_seed and cell.alike]
        fresh = [index for index in some if self.todo[index].start_method != "fork"]
        for seed in SEEDS[1:]:
            before = {index: self.outcomes.pop(index) for index in fresh if self.outcomes[index].ok}
            if not before:
                return
            self.seed = seed
            self._line_up()
            self._go()
            for index, outcome in before.items():
                found = self.outcomes[index]
                if found.kind in (Kind.OK, Kind.NO_ANSWER):
                    self.outcomes[index] = outcome
                else:
                    self.outcomes[index] = replace(found, message=f"{found.message}{SOME_WORKERS}")

    def _go(self) -> None:
        while self.waiting or self.active:
            while self.waiting and sum(not batch.waits for batch in self.active) < self.jobs:
                self._start(self.waiting.popleft())
            ready, _, _ = select.select([batch.inside.fd for batch in self.active], [], [], timeouts.HOST_LOOK_S)
            for batch in list(self.active):
                if batch.inside.fd in ready:
                    self._hear(batch)
                elif time.monotonic() - batch.began > timeouts.HOST_SILENT_S:
                    self._end(batch, f"no answer in {timeouts.HOST_SILENT_S:g} s")

    def _line_up(self) -> None:
        """Share the cells out to hosts."""
        groups: dict[tuple[tuple[str, ...], str], dict[Ref, list[int]]] = {}
        known = ways()
        for index, cell in enumerate(self.todo):
            if index not in self.outcomes:
                key = group_of(known[cell.strategy]), cell.start_method
                groups.setdefault(key, {}).setdefault(cell.entry.ref, []).append(index)
        batches = []
        for (group, method), found in groups.items():
            large = {ref for ref in found if LARGE in self.modules.get(ref, ())}
            if sum(map(len, found.values())) < CHUNK:  # one host for all of them is cheaper
                large = {*found} if large else large
            for refs in (found.keys() - large, large):
                cells = [found[ref] for ref in found if ref in refs]
                preload = group if self.isolated else (*group, *self._needed(large=refs is large))
                chunks = _chunks(cells, 1 if self.isolated else CHUNK)
                batches += [(refs is not large, not group, _Batch(preload, method, chunk)) for chunk in chunks]
        # What takes long first, as at the end it would be waited for alone: large objects, then servers and pools.
        self.waiting = deque(batch for *_, batch in sorted(batches, key=lambda item: item[:2]))

    def _needed(self, *, large: bool) -> tuple[str, ...]:
        """What the payloads import, with those that import the large module or without."""
        names = (name for found in self.modules.values() if large or LARGE not in found for name in found)
        return (*dict.fromkeys(names), *ALWAYS)

    def name_parts(self) -> None:
        """Ask the diagnosis which part of an object is meant by what went wrong, once for each payload."""
        known = ways()
        cells: dict[Ref, list[int]] = {}
        pickled = set()
        for index, outcome in self.outcomes.items():
            if askable(outcome):
                ref = self.todo[index].entry.ref
                cells.setdefault(ref, []).append(index)
                if pickler(known[self.todo[index].strategy]):
                    pickled.add(ref)
        config = self._config("fork", self._needed(large=True))
        config["budget_s"], config["patience_s"] = BUDGET_S, 3 * BUDGET_S
        asked = {ref: (ref.to_json(), ref in pickled) for ref in cells}
        for ref, word in self._ask(config, "diagnose", asked):
            self.progress(len(self.outcomes), len(self.todo), "looking for the parts that were meant")
            for index in cells[ref]:
                way = known[self.todo[index].strategy]
                self.outcomes[index] = named(self.outcomes[index], way, word["findings"], word["type"])

    def _ask(
        self, config: HostConfig, what: Literal["scout", "diagnose"], payloads: Mapping[Ref, Any]
    ) -> Iterator[tuple[Ref, HostTold]]:
        """Ask hosts about payloads. Of those that they do not come to there is no answer."""
        refs = list(payloads)
        shares = [share for share in (refs[start :: self.jobs] for start in range(self.jobs)) if share]
        hosts = []
        for share in shares:
            asked = [payloads[ref] for ref in share]
            hosts.append(self.host({**config, "scout": asked} if what == "scout" else {**config, "diagnose": asked}))
        try:
            for share, inside in zip(shares, hosts, strict=True):
                for word in inside.told(timeouts.HOST_SILENT_S):
                    yield share[word["number"]], cast("HostTold", word)
        except TimeoutError:
            return
        finally:
            for inside in hosts:
                _close(inside)

    def close(self) -> None:
        """End what is still running."""
        for batch in self.active:
            _close(batch.inside)
        self.active = []

    def _scout(self) -> None:
        """What the payloads import when they are made: what is harmless of it need not be imported for each cell."""
        tried = (cell.entry.ref for index, cell in enumerate(self.todo) if index not in self.outcomes)
        refs = {ref: ref.to_json() for ref in tried}
        for ref, word in self._ask({**self._config("fork", ALWAYS), "large": LARGE}, "scout", refs):
            self.progress(0, len(self.todo), "looking at what the payloads need")
            self.modules[ref], self.kept[ref] = word["modules"], word["keep"]
            self.by_seed |= {ref} if word["by_seed"] else set()
            self._hung(ref, word, "")

    def _config(self, start_method: str, preload: Sequence[str]) -> HostConfig:
        busy = min(max(os.getloadavg()[0] / usable_cores(), 1.0), 6.0) if hasattr(os, "getloadavg") else 1.0
        return {
            "start_method": start_method,
            "patience_s": self.patience_s,
            "slow_s": SLOW_S * busy,
            "isolated": self.isolated,
            "hash_seed": os.environ.get("PYTHONHASHSEED", self.seed),
            "environment": {} if self.isolated or ENVIRONMENT.keys() & os.environ.keys() else ENVIRONMENT,
            "preload": preload,
        }

    def _start(self, batch: _Batch) -> None:
        config = self._config(batch.start_method, batch.preload)
        config["cells"] = [
            CellOrder(index, ref.to_json(), cell.strategy, str(cell.duty), kept, cell.alike, hangs)
            for index in batch.cells
            for cell in (self.todo[index],)
            for ref in (cell.entry.ref,)
            for kept, hangs in ((self.kept.get(ref, ""), self.hangs.get(ref, ())),)
        ]
        batch.inside = self.host(config)
        batch.began = time.monotonic()
        self.active.append(batch)

    def _hear(self, batch: _Batch) -> None:
        data = os.read(batch.inside.fd, 1 << 16)
        batch.began = time.monotonic()
        before = batch.inside.listener.foreign_bytes
        messages = batch.inside.listener.messages(data)
        if batch.inside.listener.foreign_bytes > before:
            self.wrote |= batch.running
        for word in messages:
            self._note(batch, word)
        if not data:
            self._end(batch, "")

    def _note(self, batch: _Batch, word: HostTold) -> None:
        match word:
            case {"at": index, "last": last}:
                batch.running.add(index)
                batch.waits = last
                cell = self.todo[index]
                self.progress(len(self.outcomes), len(self.todo), f"{cell.entry.payload.name} {cell.start_method}")
            case {"cell": index, "outcome": outcome, "seconds": seconds}:
                batch.running.discard(index)
                self._hung(self.todo[index].entry.ref, word, self.todo[index].alike)
                self._settle(index, Outcome.from_json(outcome), seconds)

    def _hung(self, ref: Ref, word: HostTold, how: str) -> None:
        if place := word["stood"]:
            self.hangs.setdefault(ref, []).append((place, word.get("outcome", {}).get("where", ""), how))

    def _settle(self, index: int, outcome: Outcome, seconds: float) -> None:
        if index in self.wrote and NOT_OURS not in outcome.notes:
            outcome = replace(outcome, notes=(*outcome.notes, NOT_OURS))
        self.outcomes[index] = outcome
        self.seconds[index] = seconds
        self.progress(len(self.outcomes), len(self.todo), "")

    def _end(self, batch: _Batch, why: str) -> None:
        """A host has ended. If not all of its cells are done, the one it was at is to blame, and another goes on."""
        self.active.remove(batch)
        silent = bool(why)
        if not why:
            why = f"the measuring process {batch.inside.how_it_ended()}"
        complaints = batch.inside.complaints().strip().splitlines()
        _close(batch.inside)
        left = [index for index in batch.cells if index not in self.outcomes]
        suspects = [index for index in left if index in batch.running] or left[:1]
        if len(suspects) == 1:
            reason = f"{why}: {complaints[-1]}" if complaints else why
            kind = Kind.NO_ANSWER if silent and not self.again else Kind.BROKEN
            self._settle(suspects[0], Outcome(kind, "parent", "", reason), 0.0)
        else:  # each by itself will show which it was
            self.waiting.extend(_Batch(batch.preload, batch.start_method, [index]) for index in suspects)
        left = [index for index in left if index not in suspects]
        if left:
            self.waiting.append(_Batch(batch.preload, batch.start_method, left))


def _chunks(payloads: Sequence[list[int]], most: int) -> Iterator[list[int]]:
    """Cells by payload, about ``most`` together."""
    chunk: list[int] = []
    for cells in payloads:
        if most == 1:
            yield from ([index] for index in cells)
            continue
        if chunk and len(chunk) + len(cells) > most:
            yield chunk
            chunk = []
        chunk = chunk + cells
    if chunk:
        yield chunk


def _host(config: HostConfig) -> Interpreter:
    return Interpreter("handoff.support_matrix.host", config, environment=config["environment"])


def _forked_host(config: HostConfig) -> Interpreter:
    """For an object that only this process has: what is set when an interpreter starts, cannot be set any more."""
    from handoff.processes.forked import Forked

    return Forked("handoff.support_matrix.host", {**config, "environment": {}, "limited": False})


def _close(inside: Interpreter) -> None:
    """End a host, and whoever still carries its mark: a daemon that a cell has started, after the host was killed."""
    inside.close(strays=inside.process.poll() not in (None, 0))


def uncarried(cells: Sequence[MatrixCell]) -> list[str]:
    """The payloads that nothing carries to a process under some start method. A thread is no answer: nothing moves."""
    threads = {name for name, each in registry().items() if each.channel is Channel.THREAD}
    tries = [cell for cell in cells if cell.strategy not in threads]
    carried = {(cell.payload, cell.start_method) for cell in tries if cell.outcome == str(Kind.OK)}
    tried = dict.fromkeys((cell.payload, cell.start_method) for cell in tries if cell.outcome != str(Kind.UNAVAILABLE))
    return list(dict.fromkeys(payload for payload, method in tried if (payload, method) not in carried))
