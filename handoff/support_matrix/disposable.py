"""Disposable processes of the support matrix: each is forked for a run of numbers, watched, and cleaned up after.

Who does not answer is asked for its stacks first, so that the outcome can say where it hangs. Who takes longer than
``slow_s`` and does nothing waits on, while the next ones have their turn. At its end everything that it has started is
ended, too: its workers, what they have started, and daemons that have left their session.

Who stands in a function of the user's where others have hung is given up sooner, the sooner the more they were: what
hangs by one way hangs by most, and there are many. And what is known by others need not be begun at all.

Waiting for a processor is not hanging: a process is given that time beside its patience. Where that was not enough, the
outcome is ``no answer``, and whoever asked may ask again.
"""

from __future__ import annotations

import math
import os
import select
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handoff import timeouts
from handoff.outcome import Kind, Outcome, OutcomeFields
from handoff.processes import spawn_server
from handoff.processes.cleanup import end_all, remove
from handoff.processes.interpreter import describe_exit
from handoff.processes.lines import NOT_OURS, Listener, exit_now, new_word, teller
from handoff.processes.proc import lives, own_children, processor_s, queued_s, with_descendants
from handoff.stacks import in_function, pickles, user_frame_in_brief
from handoff.timing import nothing

Tell = Callable[[dict[str, Any]], None]

BUSY = 0.25  #: of the time that it has had, in its processes on a processor, or in the queue for one: it works
WAITING = 16  #: processes that may wait beside the one that has its turn
#: Of its patience, for who stands where many have hung: where one has, it gets a half, where two have, a quarter, …
LEAST_SHARE = 0.05
MAKINGS = 20  #: as often as it took to make and state the object, beside its patience, a process may be silent


@dataclass
class _Running:
    """A disposable process, what it has told so far, and its files."""

    numbers: deque[int]  #: what it is to do, one after the other: the first is what it is at
    pid: int
    pidfd: int
    read: int
    folder: Path
    listener: Listener
    stage: str = "making"
    began: float = field(default_factory=time.perf_counter)
    since: float = field(default_factory=time.monotonic)  #: when it told the last time
    looked: float = 0.0  #: when it was seen to work
    queued_s: float = 0.0  #: that its processes have waited for processors, when that was looked at
    queued_before_s: float = 0.0  #: that those which serve it had, when it began
    too_busy: bool = False
    asked_s: float = 0.0  #: so long after it has told something it was asked where it stands
    making_s: float = 0.0  #: that it took until it could be handed over
    known: dict[str, Any] = field(default_factory=dict)  #: what it told beside its stages

    def next(self) -> None:
        """It goes on to its next number."""
        self.stage, self.began, self.since, self.asked_s = "making", time.perf_counter(), time.monotonic(), 0.0


#: What a process does, in a folder of its own: it tells the outcomes of its numbers, and with each if it goes on.
Body = Callable[[Sequence[int], Tell, Path], None]


@dataclass(frozen=True, slots=True)
class Work:
    """What processes are forked for: numbers, each of which has an outcome."""

    body: Body
    done: Callable[[int, dict[str, Any], float], None]
    at: Callable[[int], None] = nothing  #: a number is begun, perhaps again
    known: Callable[[int], dict[str, Any] | None] = nothing  #: its outcome, where it need not be begun


class Disposable:
    """The disposable processes of a process that forks: one has its turn, others may wait beside it."""

    def __init__(
        self, folder: Path, patience_s: float, slow_s: float, tracker: int, server: spawn_server.Server | None = None
    ) -> None:
        self.folder, self.patience_s, self.slow_s = folder, patience_s, slow_s
        self.tracker, self.server = tracker, server  #: shared by all of them, and not ended with one
        self.count = 0
        self.slow = False  #: whether one has made the others wait
        self.stood: Counter[str] = Counter()  #: functions in which some have hung, and how many
        self.todo: deque[deque[int]] = deque()  #: runs of numbers that no process has begun
        self.running: list[_Running] = []
        self.current: _Running | None = None  #: the one whose turn it is: the others wait
        self.write = 0  #: in a template, where it tells its host ...
        self.say: Tell = nothing  #: ... that it waits, and what it has left
        self.making_s = 0.0  #: in a template, what it has taken to import and make

    def run(self, runs: Iterable[Sequence[int]], work: Work) -> list[int]:
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
                if known := work.known(numbers[0]):
                    work.done(numbers.popleft(), known, 0.0)
                    self.todo.extendleft([numbers] if numbers else [])
                    continue
                work.at(numbers[0])
                self.current = self._fork(numbers, work.body)
                self.running.append(self.current)
            elif self.current is None and self.write:  # the next template may have its turn
                self.say({"waits": True})
            ready = self._wait()
            for child in (*self.running,):
                if child.read in ready or child.pidfd in ready:
                    for word in self._words(child):  # somebody may have forked it, and then it tells all twice
                        if child in self.running and word.get("number", child.numbers[0]) == child.numbers[0]:
                            self._finish(work, child, word["outcome"], goes_on=word.get("goes_on", False))
                if child in self.running:
                    self._watch(work, child)
        return left

    def _finish(self, work: Work, child: _Running, outcome: OutcomeFields | None, *, goes_on: bool = False) -> None:
        """A process is done with its number."""
        number = child.numbers.popleft()
        seconds = time.perf_counter() - child.began
        if goes_on and child.numbers:
            work.at(child.numbers[0])
            child.next()
        else:
            self.running.remove(child)
            self.current = None if child is self.current else self.current
            self._clean_up(child)
            again = deque([number] if outcome is None else [])
            self.todo.extendleft(run for run in (child.numbers, again) if run)
        if outcome is not None:
            work.done(number, child.known | outcome, seconds)

    def _watch(self, work: Work, child: _Running) -> None:
        """A process that has told nothing yet is given up after its time; the next has its turn before that."""
        now = time.monotonic()
        if now > self._given_up_at(child) and not self._has_queued(child):
            self._hangs(work, child, *self._where_it_hangs(child))
        elif now > self._asked_at(child) and (gone := self._as_others(child, now)):
            self._hangs(work, child, *gone)
        elif child is self.current and now > self._turn_ends(child):
            if self._works(child):
                child.looked = now
            else:
                self.current = None
                self.slow = True

    def _hangs(self, work: Work, child: _Running, outcome: Outcome, place: str) -> None:
        """It is given up where it stands; of that it tells the host, and the next that stands there."""
        if place:
            self.stood[in_function(place)] += 1
            child.known["stood"] = place
        self._finish(work, child, outcome.to_json())

    def _served(self) -> bool:
        """Whether there is the server that starts this one's processes, or none is needed."""
        return self.server is None or not self.write or lives(self.server.pid)

    def _wait(self) -> list[int]:
        """Which of their descriptors have something to say, as soon as one has or a deadline passes."""
        deadlines = [min(self._given_up_at(child), self._asked_at(child)) for child in self.running]
        if self.current is not None:
            deadlines.append(self._turn_ends(self.current))
        left = min(deadlines) - time.monotonic()
        watched = [fd for child in self.running for fd in {child.read, child.pidfd}]
        return select.select(watched, [], [], max(left, 0) + 0.001)[0]

    def _turn_ends(self, child: _Running) -> float:
        """When it is looked at whether the others go on waiting for this one: sooner where they had to wait before."""
        return max(child.since + (self.slow_s / 5 if self.slow else self.slow_s), child.looked + timeouts.CELL_LOOK_S)

    def _works(self, child: _Running) -> bool:
        """Whether one takes long because it has much to do: then others beside it would only make it take longer."""
        members = self._members(child)
        worked_s = sum(map(processor_s, members)) + queued_s(members)
        return worked_s > BUSY * (time.perf_counter() - child.began)

    def _given_up_at(self, child: _Running) -> float:
        return child.since + self._patience(child) + child.queued_s

    def _asked_at(self, child: _Running) -> float:
        """When it is asked whether it stands where others have hung: each time after twice as long."""
        if not self.stood:
            return math.inf
        return child.since + max(_share(max(self.stood.values())) * self._patience(child), 2 * child.asked_s)

    def _as_others(self, child: _Running, now: float) -> tuple[Outcome, str] | None:
        """What became of one that stands where others have hung; None: it has waited for processors, or goes on."""
        took_s = child.asked_s = now - child.since
        found_s = queued_s(self._members(child)) + self._queued_serving_s() - child.queued_before_s
        where, place = self._stands(child)
        others = self.stood[in_function(place)]
        if not others or took_s - found_s < _share(others) * self._patience(child):
            return None
        said = f"it hangs where others had no answer in {self._limit(child):g} s{place}"
        return Outcome(Kind.BROKEN, where, "", said), place

    def _has_queued(self, child: _Running) -> bool:
        """Whether its processes have waited for processors since that was looked at: it gets so much longer."""
        if select.select([child.read], [], [], 0)[0]:
            return True  # it has answered, while this process waited for one
        members = self._members(child)
        if sum(map(processor_s, members)) > self._patience(child) + timeouts.CELL_IMPORTS_S:
            return False  # it had its time, and more
        most_s = min((timeouts.BUSIEST - 1) * self._patience(child), timeouts.BUSY_MOST_S)
        found = min(queued_s(members) + self._queued_serving_s() - child.queued_before_s, most_s)
        longer, child.queued_s = found > child.queued_s + timeouts.CELL_LOOK_S, max(found, child.queued_s)
        child.too_busy = child.queued_s >= most_s
        return longer

    def _queued_serving_s(self) -> float:
        """What those have waited for processors that a process needs and has not started, this one among them."""
        return queued_s({*self.shared(), os.getpid()})

    def _patience(self, child: _Running) -> float:
        if child.stage in ("making", "starting"):
            return self._limit(child)
        return self.patience_s + MAKINGS * (child.making_s + self.making_s)

    def _fork(self, numbers: deque[int], body: Body) -> _Running:
        self.count += 1
        folder = self.folder / f"c{self.count}" if not self.write else self.folder / f"c{os.getpid()}-{self.count}"
        folder.mkdir()
        read, write = os.pipe()
        word = new_word()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            if self.write:
                os.close(self.write)
            _execute(lambda say: body(numbers, say, folder), teller(write, word), write, folder)
        os.close(write)
        queued_s = self._queued_serving_s()
        return _Running(numbers, pid, os.pidfd_open(pid), read, folder, Listener(word), queued_before_s=queued_s)

    def _words(self, child: _Running) -> Iterator[dict[str, Any]]:
        """What it tells: an outcome, with which it may go on; as it dies, none but that."""
        if child.read != child.pidfd and select.select([child.read], [], [], 0)[0]:
            data = os.read(child.read, 1 << 16)
            for word in child.listener.messages(data):
                if "outcome" in word:
                    if child.listener.foreign_bytes and word["outcome"]:
                        word["outcome"].setdefault("notes", []).append(NOT_OURS)
                    yield word
                    continue
                now = time.monotonic()
                if child.stage == "making":  # without what it has waited for processors, else it gets that many times
                    took_s = now - child.since
                    child.making_s += took_s - min(queued_s([child.pid]), took_s)
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

    def _limit(self, child: _Running) -> float:
        begins = child.stage in ("making", "starting")
        return max(self.patience_s, timeouts.CELL_START_S if begins else 0.0)

    def _where_it_hangs(self, child: _Running) -> tuple[Outcome, str]:
        """What became of one that does not answer; and the user's line where it stands, if it does."""
        where, place = self._stands(child)
        if child.too_busy:
            took_s = time.monotonic() - child.since
            return Outcome(Kind.NO_ANSWER, where, "", f"the machine was too busy to tell in {took_s:.0f} s{place}"), ""
        return Outcome(Kind.BROKEN, where, "", f"no answer in {self._limit(child):g} s{place}"), place

    def _stands(self, child: _Running) -> tuple[str, str]:
        """On which side it does not answer, and at which line of the user's."""
        where = "parent" if child.stage in ("making", "parent") else "result" if child.stage == "result" else "worker"
        asked = {each: spawn_server.word_of(each, "stack", str(child.folder)) for each in self._members(child)}
        asked = {each: path for each, path in asked.items() if path.exists()}
        for member, path in asked.items():
            with suppress(OSError):
                os.truncate(path, 0)  # it may have been asked before
                os.kill(member, spawn_server.ASK)
        end = time.monotonic() + timeouts.STACKS_S / 4
        before: dict[int, str] = {}
        texts = {0: ""}
        while (texts != before or not all(texts.values())) and time.monotonic() < end:
            time.sleep(timeouts.STACKS_S / 40)
            before, texts = texts, {each: _text(path) for each, path in asked.items()}
        if where == "worker" and pickles(texts.get(child.pid, "")):
            where = "parent"
        return where, user_frame_in_brief("\n".join(texts.values()))

    # -- the end of a process

    def _clean_up(self, child: _Running) -> None:
        """End everything that it has started, and remove its files."""
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

    def shared(self) -> set[int]:
        """The processes that serve all of them."""
        return {self.tracker} if self.server is None else {self.tracker, self.server.pid}

    def _of_others(self, child: _Running) -> set[int]:
        """Processes known not to be of this one."""
        known = {os.getpid(), *self.shared()}
        for other in self.running:
            if other is not child:
                known |= {other.pid, *_workers(other.folder)}
        return known

    def _members(self, child: _Running) -> set[int]:
        """Its processes: its own descendants, those of its workers, and all orphans."""
        known = self._of_others(child)
        return with_descendants({child.pid, *_workers(child.folder), *own_children()} - known) - known


def _share(others: int) -> float:
    """Of its patience, what one gets that stands where so many others have hung."""
    return max(0.5**others, LEAST_SHARE)


def _text(path: Path) -> str:
    """What a file holds; nothing where it is gone."""
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""


def _workers(folder: Path) -> list[int]:
    """The workers that a server has forked for a disposable process."""
    try:
        return [int(name.removeprefix("worker-")) for name in os.listdir(folder) if name.startswith("worker-")]
    except OSError:
        return []


def _execute(body: Callable[[Tell], None], say: Tell, write: int, folder: Path) -> None:
    """The forked side: never returns."""
    status = 70
    try:
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        sys.excepthook = sys.__excepthook__
        os.set_inheritable(write, False)
        os.environ[spawn_server.WORD] = spawn_server.cell = str(folder)
        spawn_server.answer_when_asked()
        try:
            body(say)
            status = 0
        except BaseException as error:  # ours, or the payload's own SystemExit
            say({"outcome": Outcome.from_exception(Kind.BROKEN, "parent", error).to_json()})
    finally:
        exit_now(status)
