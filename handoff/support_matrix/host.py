"""The ward: an interpreter that does nothing but fork, so that each cell gets a clean process for the price of a fork.

For each payload it forks a *stem*, which imports the payload's module and, where that can make no difference
(:mod:`handoff.support_matrix.original`), makes the object. The stem forks a disposable parent for every cell, waits for
what that
tells, and then ends everything the cell has started: its workers, what they have started, and daemons that have left
their session (stem and ward are subreapers: orphans come to them). Whoever does not answer is asked for its stacks
first, so that the outcome can say where it hangs.

Cells whose strategy looks at the object before it does anything have one parent together, as long as it refuses them: a
look changes nothing, unless it runs somebody's code. What it does not refuse begins again in a parent of its own.

A cell that takes longer than ``slow_s`` and does nothing waits on, while the next ones have their turn.

Told, a JSON object each: ``{"at": index, "last": …}`` when a cell begins, and then ``{"cell": index, "outcome": …,
"seconds": …}``.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from handoff.compare.names import class_name
from handoff.outcome import Kind, Outcome
from handoff.payload import Duty
from handoff.processes import spawn_server
from handoff.processes.cleanup import (
    end_all,
    lives,
    own_children,
    processes,
    processor_s,
    reap,
    remove,
    sweep,
    with_descendants,
)
from handoff.processes.interpreter import describe_exit
from handoff.stacks import pickles, user_frame_in_brief
from handoff.support_matrix import original
from handoff.support_matrix.shared_imports import harmless
from handoff.target import Ref
from handoff.timing import nothing

Tell = Callable[[dict[str, Any]], None]

STARTING_S = 20.0  #: patience while something starts or is made: a busy machine is slow, not hung
LOOK_S = 0.1  #: between two looks at whether a cell works or waits
BUSY = 0.25  #: of the time that it has had, in its processes on a processor: it works
WAITING = 16  #: cells that may wait beside the one that has its turn
MEMORY_BYTES = 4 << 30  #: of address space for a process of a cell; the largest payload takes a tenth
FILE_BYTES = 1 << 30  #: for a file that a cell writes
MAKINGS = 20  #: as often as it took to make and state the object, beside its patience, a cell may be silent
MODULE, OBJECT = "module", "object"  #: what the cells of a payload may have from the process that forks them
STEMS = 8  #: with cells that wait, beside the one that has its turn
WORD_BYTES = 4000  #: of what is told at once: several processes write into one pipe, and less than 4096 stays together
#: Modules of what many workers are given when they start.
PRIMITIVES = ("multiprocessing.queues", "multiprocessing.synchronize")


def main(config: Mapping[str, Any], tell: Tell) -> None:
    """Run the cells of ``config``, or look at what its payloads need."""
    ward = Ward(config)
    if "scout" in config:
        ward.scout(config["scout"], config["large"], tell)
    elif "diagnose" in config:
        ward.diagnose(config["diagnose"], config["budget_s"], tell)
    else:
        ward.cells(config["cells"], tell)
    ward.end()


@dataclass
class _Running:
    """A disposable process, what it has told so far, and its files."""

    numbers: deque[int]  #: what it is to do, one after the other: the first is what it is at
    pid: int
    pidfd: int
    read: int
    folder: Path
    stage: str = "making"
    began: float = field(default_factory=time.perf_counter)
    since: float = field(default_factory=time.monotonic)  #: when it told the last time
    looked: float = 0.0  #: when it was seen to work
    making_s: float = 0.0  #: that it took until it could be handed over
    pending: bytes = b""
    known: dict[str, Any] = field(default_factory=dict)  #: what it told beside its stages

    def next(self) -> None:
        """It goes on to its next number."""
        self.stage, self.began, self.since = "making", time.perf_counter(), time.monotonic()


@dataclass
class _Stem:
    """A process that forks the cells of one payload: what it is to run, and what it has left."""

    cells: list[Any]
    pid: int
    read: int
    left: bytes = b""


#: What a process does, in a folder of its own: it tells the outcomes of its numbers, and with each if it goes on.
Body = Callable[[Sequence[int], Tell, Path], None]


@dataclass(frozen=True, slots=True)
class _Work:
    """What processes are forked for: numbers, each of which has an outcome."""

    body: Body
    done: Callable[[int, dict[str, Any], float], None]
    at: Callable[[int], None] = nothing  #: a number is begun, perhaps again


class Ward:
    """The interpreter that forks."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.folder = Path(config["folder"])
        self.start_method: str = config["start_method"]
        self.patience_s: float = config["patience_s"]
        self.slow_s: float = config["slow_s"]
        self.count = 0
        self.isolated: bool = config["isolated"]
        self.slow = False  #: whether a cell has made the others wait
        self.hung = False  #: whether one did not answer at all: then the next that seem to work may do so for ever, too
        self.todo: deque[deque[int]] = deque()  #: runs of numbers that no process has begun
        self.running: list[_Running] = []
        self.current: _Running | None = None  #: the one whose turn it is: the others wait
        self.write = 0  #: in a stem, where it tells the ward that it waits
        self.making_s = 0.0  #: in a stem, what it has taken to import and make
        reap()
        self._limit()
        quiet = os.open(os.devnull, os.O_WRONLY)
        self.complaints = os.dup(2)
        os.set_inheritable(self.complaints, False)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        signal.signal(signal.SIGIO, self._parent_is_gone)
        sys.excepthook = self._complain
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()
        self.tracker = int(resource_tracker._resource_tracker._pid)  # type: ignore[attr-defined]
        gc.disable()  # there is no garbage in what is imported
        for name in config["preload"]:
            with suppress(Exception):
                importlib.import_module(name)
        from handoff.strategies import registry

        registry()
        gc.freeze()
        gc.enable()
        os.environ["PYTHONHASHSEED"] = config["hash_seed"]
        for name in config["environment"]:  # it was for this interpreter's start
            del os.environ[name]
        self.server: spawn_server.Server | None = None
        if self.isolated:
            _leave_word_in_spawned()
        if self.isolated and self.start_method == "forkserver":
            self.server = spawn_server.Server(self.start_method, ())
        elif not self.isolated and self.start_method != "fork":
            ours = [name for name in sys.modules if name.startswith("handoff.strategies.")]
            preload = [*config["preload"], *ours, *PRIMITIVES]
            self.server = spawn_server.Server(self.start_method, preload, config["environment"])

    def _limit(self) -> None:
        most = MEMORY_BYTES
        with suppress(ValueError, OSError):
            most = min(most, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)
        with suppress(ValueError, OSError):
            most = min(most, int(Path("/sys/fs/cgroup/memory.max").read_text()))
        for what, value in ((resource.RLIMIT_AS, most), (resource.RLIMIT_FSIZE, FILE_BYTES), (resource.RLIMIT_CORE, 0)):
            _, hard = resource.getrlimit(what)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(what, (value, hard))

    def _complain(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        os.dup2(self.complaints, 2)
        sys.__excepthook__(kind, error, trace)

    def _parent_is_gone(self, _: int, __: FrameType | None) -> None:
        self.end()
        sweep(self.folder)
        os._exit(1)

    # -- cells

    def cells(self, cells: Sequence[Any], tell: Tell) -> None:
        """Run them, and tell when each begins and what became of it."""
        last = cells[-1][0]
        groups: list[list[Any]] = []
        for cell in cells:
            if not groups or groups[-1][-1][1] != cell[1]:
                groups.append([])
            groups[-1].append(cell)
        todo = deque(groups)
        stems: dict[int, _Stem] = {}
        current: _Stem | None = None
        while todo or stems:
            if todo and current is None and len(stems) <= STEMS:
                if self.server is not None:
                    self.server.ensure()
                current = self._plant(todo.popleft(), last, tell)
                stems[current.read] = current
            for read in select.select(list(stems), [], [])[0]:
                stem = stems[read]
                word = os.read(read, 1 << 16)
                stem.left += word.replace(b"w", b"")
                if not word:
                    del stems[read]
                    left = self._uproot(stem, stems.values())
                    if left:
                        todo.append(left)
                if stem is current:  # it waits, or it is done
                    current = None

    def _plant(self, cells: list[Any], last: int, tell: Tell) -> _Stem:
        """Fork the process that forks the cells of one payload."""
        read, write = os.pipe()
        pid = os.fork()
        if pid:
            os.close(write)
            return _Stem(cells, pid, read)
        status = 1
        try:
            os.close(read)
            os.set_inheritable(write, False)
            signal.signal(signal.SIGIO, signal.SIG_IGN)
            reap()
            self.write = write
            ref = Ref(**cells[0][1])
            begin = time.monotonic()
            with suppress(Exception):  # each cell will see it, and say so
                if cells[0][4] == OBJECT:
                    original.keep(ref)
                elif cells[0][4] == MODULE:
                    ref.load()
            self.making_s = time.monotonic() - begin
            gc.freeze()  # collecting in a cell need not look at, and so copy, what is there already
            left = self._grow(cells, last, tell)
            os.write(write, json.dumps([cell[0] for cell in left]).encode())
            status = 0
        except BaseException:
            self._complain(*sys.exc_info())
        finally:
            os._exit(status)

    def _grow(self, cells: list[Any], last: int, tell: Tell) -> list[Any]:
        """In a stem: run its cells; return those that are left when the server they need is gone."""

        looks = [number for number, cell in enumerate(cells) if _looks_first(cell[2], Duty(cell[3]))]
        runs = [looks] * bool(looks) + [[number] for number in range(len(cells)) if number not in looks]
        final = runs[-1][-1] if cells[-1][0] == last else -1
        doubtful = False

        def at(number: int) -> None:
            tell({"at": cells[number][0], "last": number == final})

        def body(numbers: Sequence[int], say: Tell, folder: Path) -> None:
            from handoff.support_matrix import cell

            prefix = f"{self.folder.name}-{folder.name}"
            looked: original.Original | None = None
            for number in numbers:
                _, ref, strategy, duty, *_ = cells[number]
                place = Ref(**ref), strategy, Duty(duty), self.start_method
                spec = cell.Spec(*place, folder, prefix, doubtful=doubtful)
                try:
                    outcome, looked = cell.run(spec, lambda stage: say({"stage": stage}), looked)
                except cell.NotRefused:
                    say({"number": number, "outcome": None})
                    break
                say({"number": number, "outcome": outcome.to_json(), "goes_on": looked is not None})
                if looked is None:
                    break

        def done(number: int, told: dict[str, Any], seconds: float) -> None:
            nonlocal doubtful
            doubtful = doubtful or (number not in looks and told["kind"] == Kind.REFUSED and told["where"] == "parent")
            word = {"cell": cells[number][0], "outcome": told, "seconds": round(seconds, 4)}
            while len(json.dumps(word)) > WORD_BYTES and told["notes"]:
                told["notes"].pop()
            while len(json.dumps(word)) > WORD_BYTES:
                told["message"] = told["message"][: len(told["message"]) // 2]
            tell(word)

        return [cells[number] for number in self._run(runs, _Work(body, done, at))]

    def _uproot(self, stem: _Stem, others: Iterable[_Stem]) -> list[Any]:
        """End what is left of a stem; return its cells that are still to be run. Raises when it has ended of itself."""
        os.close(stem.read)
        status = os.waitstatus_to_exitcode(os.waitpid(stem.pid, 0)[1])
        if status:  # which of its cells was to blame will show when they are run one by one, in another ward
            os.kill(os.getpid(), -status) if status < 0 else os._exit(status)
        known = {self.tracker, *(other.pid for other in others)} | ({self.server.pid} if self.server else set())
        end_all(lambda: set(own_children()) - known)
        left = json.loads(stem.left)
        return [cell for cell in stem.cells if cell[0] in left]

    def _run(self, runs: Iterable[Sequence[int]], work: _Work) -> list[int]:
        """One process after the other, each for a run of numbers; who takes long waits beside the next.

        A process goes on to its next number as long as its body does; one whose outcome is None it gives back, to have
        a process of its own. Returns what could not be begun, because the server of these processes is gone.
        """
        self.todo = deque(deque(run) for run in runs)
        left: list[int] = []
        while self.todo or self.running:
            if self.todo and self.current is None and len(self.running) <= WAITING:
                if not self._served():
                    left = [number for run in self.todo for number in run]
                    self.todo.clear()
                    continue
                numbers = self.todo.popleft()
                work.at(numbers[0])
                self.current = self._fork(numbers, work.body)
                self.running.append(self.current)
            elif self.current is None and self.write:  # the next stem may have its turn
                os.write(self.write, b"w")
            ready = self._wait()
            for child in (*self.running,):
                if child.read in ready or child.pidfd in ready:
                    for word in self._hear(child):  # somebody may have forked it, and then it tells all twice
                        if child in self.running and word.get("number", child.numbers[0]) == child.numbers[0]:
                            self._told(work, child, word["outcome"], goes_on=word.get("goes_on", False))
                if child in self.running:
                    self._mind(work, child)
        return left

    def _told(self, work: _Work, child: _Running, outcome: dict[str, Any] | None, *, goes_on: bool = False) -> None:
        """A process is done with its number."""
        number = child.numbers.popleft()
        seconds = time.perf_counter() - child.began
        if goes_on and child.numbers:
            work.at(child.numbers[0])
            child.next()
        else:
            self.running.remove(child)
            self.current = None if child is self.current else self.current
            self._bury(child)
            again = deque([number] if outcome is None else [])
            self.todo.extendleft(run for run in (child.numbers, again) if run)
        if outcome is not None:
            work.done(number, child.known | outcome, seconds)

    def _mind(self, work: _Work, child: _Running) -> None:
        """A process that has told nothing yet is given up after its time; the next has its turn before that."""
        now = time.monotonic()
        if now > child.since + self._patience(child):
            self._told(work, child, self._silent(child).to_json())
            self.hung = True
        elif child is self.current and now > self._turn_ends(child):
            if not self.hung and self._works(child):
                child.looked = now
            else:
                self.current = None
                self.slow = True

    def _served(self) -> bool:
        """Whether there is the server that starts this one's processes, or none is needed."""
        return self.server is None or not self.write or lives(self.server.pid)

    def _wait(self) -> list[int]:
        """Which of their descriptors have something to say, as soon as one has or a deadline passes."""
        deadlines = [child.since + self._patience(child) for child in self.running]
        if self.current is not None:
            deadlines.append(self._turn_ends(self.current))
        left = min(deadlines) - time.monotonic()
        watched = [fd for child in self.running for fd in {child.read, child.pidfd}]
        return select.select(watched, [], [], max(left, 0) + 0.001)[0]

    def _turn_ends(self, child: _Running) -> float:
        """When it is looked at whether the others go on waiting for a cell: sooner where they had to wait before."""
        return max(child.since + (self.slow_s / 5 if self.slow else self.slow_s), child.looked + LOOK_S)

    def _works(self, child: _Running) -> bool:
        """Whether a cell takes long because it has much to do: then others beside it would only make it take longer."""
        worked_s = sum(processor_s(pid) for pid in self._members(child))
        return worked_s > BUSY * (time.perf_counter() - child.began)

    def _patience(self, child: _Running) -> float:
        if child.stage in ("making", "starting"):
            return STARTING_S
        return self.patience_s + MAKINGS * (child.making_s + self.making_s)

    def _fork(self, numbers: deque[int], body: Body) -> _Running:
        self.count += 1
        folder = self.folder / f"c{self.count}" if not self.write else self.folder / f"c{os.getpid()}-{self.count}"
        folder.mkdir()
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            if self.write:
                os.close(self.write)
            _run(lambda say: body(numbers, say, folder), write, folder)
        os.close(write)
        return _Running(numbers, pid, os.pidfd_open(pid), read, folder)

    def _hear(self, child: _Running) -> Iterator[dict[str, Any]]:
        """What it tells: an outcome, with which it may go on; as it dies, none but that."""
        if child.read != child.pidfd and select.select([child.read], [], [], 0)[0]:
            data = os.read(child.read, 1 << 16)
            child.pending += data
            while b"\n" in child.pending:
                line, child.pending = child.pending.split(b"\n", 1)
                word = json.loads(line)
                if "outcome" in word:
                    yield word
                    continue
                now = time.monotonic()
                if child.stage == "making":
                    child.making_s += now - child.since
                child.stage, child.since = word.pop("stage"), now
                child.known |= word
            if not data:  # nobody can tell anything any more
                os.close(child.read)
                child.read = child.pidfd
        elif select.select([child.pidfd], [], [], 0)[0]:
            status = os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])
            where = "result" if child.stage == "result" else "parent"
            outcome = Outcome(Kind.BROKEN, where, "", f"the parent {describe_exit(status)}").to_json()
            yield {"outcome": outcome}

    def _servers(self) -> tuple[int, ...]:
        return (self.tracker,) if self.server is None else (self.tracker, self.server.pid)

    def _silent(self, child: _Running) -> Outcome:
        """Who does not answer, and where does it hang?"""
        members = self._members(child)
        for member in members:
            if spawn_server.word_of(member, "stack", str(child.folder)).exists():
                with suppress(ProcessLookupError):
                    os.kill(member, spawn_server.ASK)
        time.sleep(0.05)
        limit = STARTING_S if child.stage in ("making", "starting") else self.patience_s
        where = "parent" if child.stage in ("making", "parent") else "result" if child.stage == "result" else "worker"
        place = ""
        for member in members:
            path = spawn_server.word_of(member, "stack", str(child.folder))
            with suppress(OSError):
                text = path.read_text(encoding="utf-8", errors="replace")
                place = place or user_frame_in_brief(text)
                if member == child.pid and where == "worker" and pickles(text):
                    where = "parent"
        return Outcome(Kind.BROKEN, where, "", f"no answer in {limit:g} s{place}")

    # -- the end of a cell

    def _bury(self, child: _Running) -> None:
        """End everything that a cell has started, and remove its files."""
        known = self._of_others(child)
        ended: set[int] = set()

        def left() -> set[int]:
            served = with_descendants(set(_workers(child.folder)) - ended)
            ended.update(served)
            return (served | set(own_children())) - known

        end_all(left)
        os.close(child.pidfd)
        if child.read != child.pidfd:
            os.close(child.read)
        remove(child.folder)
        name = f"{self.folder.name}-{child.folder.name}"
        with suppress(OSError):
            for entry in os.listdir("/dev/shm"):
                if entry.startswith((f"{name}-", f"sem.{name}-")):
                    Path("/dev/shm", entry).unlink(missing_ok=True)

    def end(self) -> None:
        """End what all cells have shared, too; the resource tracker ends by itself."""
        end_all(lambda: set(processes()) - {os.getpid(), self.tracker})

    def _of_others(self, child: _Running) -> set[int]:
        """Processes known not to be of a cell."""
        known = {os.getpid(), *self._servers()}
        for other in self.running:
            if other is not child:
                known |= {other.pid, *_workers(other.folder)}
        return known

    def _members(self, child: _Running) -> set[int]:
        """The processes of a cell: its parent's descendants, those of its workers, and all orphans."""
        known = self._of_others(child)
        return with_descendants({child.pid, *_workers(child.folder), *own_children()} - known) - known

    # -- what the payloads need

    def scout(self, refs: Sequence[dict[str, Any]], large: str, tell: Tell) -> None:
        """Tell which modules making each payload imports, each in a process of its own.

        Import them here, too, and do not tell them of the next ones; but not what comes with the ``large`` one.
        """

        def body(numbers: Sequence[int], say: Tell, _: Path) -> None:
            import threading

            def around() -> tuple[int, ...]:
                """What a process may have around it, that another one forked from it would have in another way."""
                places = "/proc/self/fd", os.getcwd()
                return threading.active_count(), len(own_children()), *(len(os.listdir(place)) for place in places)

            before, at_first = set(sys.modules), around()
            payload = Ref(**refs[numbers[0]]).load()
            quiet, keep = threading.active_count() == 1, ""
            if around() == at_first:
                keep = MODULE
                with suppress(Exception):
                    keep = OBJECT if original.worth_sharing(payload) and around() == at_first else keep
            modules = sorted(set(sys.modules) - before)
            say({"outcome": {"modules": modules, "quiet": quiet, "keep": keep}})

        def done(number: int, told: dict[str, Any], _: float) -> None:
            modules = harmless(told.get("modules", ()), refs[number]["module"]) if told.get("quiet") else []
            for name in modules if large not in modules else ():
                with suppress(Exception):
                    importlib.import_module(name)
            tell({"number": number, "modules": modules, "keep": told.get("keep", "")})

        self._run(([number] for number in range(len(refs))), _Work(body, done))

    def diagnose(self, refs: Sequence[tuple[dict[str, Any], bool]], budget_s: float, tell: Tell) -> None:
        """Tell the type of each payload's object, and what the diagnosis finds in those that a pickler complains of."""
        from handoff.diagnosing import diagnose

        def body(numbers: Sequence[int], say: Tell, _: Path) -> None:
            os.setpgid(0, 0)  # what kills its group kills this process alone
            ref, pickled = refs[numbers[0]]
            obj = Ref(**ref).load().make()
            say({"stage": "parent", "type": class_name(type(obj))})
            found = diagnose(obj, budget_s=budget_s, arrivals=False).culprits if pickled else ()
            say({"outcome": {"findings": [each.to_json() for each in found]}})

        def done(number: int, told: dict[str, Any], _: float) -> None:
            if "type" in told:  # else it could not even be made
                tell({"number": number, "type": told["type"], "findings": told.get("findings", ())})

        self._run(([number] for number in range(len(refs))), _Work(body, done))


def _looks_first(name: str, duty: Duty) -> bool:
    """Whether it is a strategy that refuses by looking at the object, before anything is done with it."""
    from handoff.strategies import registry

    strategy = registry().get(name)
    return strategy is not None and strategy.looks_first(duty)


def _workers(folder: Path) -> list[int]:
    """The processes that a server has forked for a cell."""
    try:
        return [int(name.removeprefix("worker-")) for name in os.listdir(folder) if name.startswith("worker-")]
    except OSError:
        return []


def _run(body: Callable[[Tell], None], write: int, folder: Path) -> None:
    """The forked side: never returns."""
    status = 70
    try:
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        sys.excepthook = sys.__excepthook__
        os.set_inheritable(write, False)
        os.environ[spawn_server.WORD] = spawn_server.cell = str(folder)
        spawn_server.answer_when_asked()

        def say(word: dict[str, Any]) -> None:
            data = json.dumps(word).encode() + b"\n"
            while data:
                data = data[os.write(write, data) :]

        try:
            body(say)
            status = 0
        except BaseException as error:  # ours, or the payload's own SystemExit
            say({"outcome": Outcome.from_exception(Kind.BROKEN, "parent", error).to_json()})
    finally:
        os._exit(status)


def _leave_word_in_spawned() -> None:
    """A really spawned interpreter, too, leaves word of what it cannot load."""
    from multiprocessing import spawn

    original = spawn.get_command_line
    spawn.get_preparation_data = spawn_server._data

    def command_line(**kwargs: Any) -> list[str]:
        line = original(**kwargs)
        at = line.index("-c") + 1
        line[at] = f"import handoff.processes.spawn_server; handoff.processes.spawn_server.watch(); {line[at]}"
        return line

    spawn.get_command_line = command_line
