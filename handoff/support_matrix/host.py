"""The host: an interpreter that does nothing but fork, so that each cell gets a clean process for the price of a fork.

For each payload it forks a *template*, which imports the payload's module and, where that can make no difference
(:mod:`handoff.support_matrix.original`), makes the object. The template forks a disposable parent for every cell
(:mod:`handoff.support_matrix.disposable`); template and host are subreapers: orphans of a cell come to them.

Cells whose strategy looks at the object before it does anything have one parent together, as long as it refuses them: a
look changes nothing, unless it runs somebody's code. What it does not refuse begins again in a parent of its own.

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
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, cast

from handoff import start_methods
from handoff.compare.names import class_name
from handoff.outcome import Kind, Outcome, OutcomeFields
from handoff.payload import Duty
from handoff.processes import spawn_server
from handoff.processes.cleanup import adopt_orphans, end_all, sweep
from handoff.processes.lines import Listener, exit_now, new_word, teller
from handoff.processes.proc import own_children, processes, queued_s
from handoff.stacks import in_function
from handoff.support_matrix import original
from handoff.support_matrix.disposable import Disposable, Tell, Work
from handoff.support_matrix.messages import CellOrder, HostConfig, HostTell, HostTold
from handoff.support_matrix.shared_imports import harmless
from handoff.target import Ref, RefFields

MEMORY_BYTES = 4 << 30  #: of address space for a process of a cell; the largest payload takes a tenth
FILE_BYTES = 1 << 30  #: for a file that a cell writes
MODULE, OBJECT = "module", "object"  #: what the cells of a payload may have from the process that forks them
#: Cells of a payload that hung in one function, until those are not asked any more of which one alike has.
ENOUGH = 3
TEMPLATES = 8  #: with cells that wait, beside the one that has its turn
WORD_BYTES = 4000  #: of what is told at once: several processes write into one pipe, and less than 4096 stays together
#: Modules of what many workers are given when they start.
PRIMITIVES = ("multiprocessing.queues", "multiprocessing.synchronize")


def main(config: HostConfig, tell: HostTell) -> None:
    """Run the cells of ``config``, or look at what its payloads need."""
    host = Host(config)
    if "scout" in config:
        host.scout(config["scout"], config["large"], tell)
    elif "diagnose" in config:
        host.diagnose(config["diagnose"], config["budget_s"], tell)
    else:
        host.cells([CellOrder(*cell) for cell in config["cells"]], tell)
    host.end()


@dataclass
class _Template:
    """A process that forks the cells of one payload: what it is to run, and what it has left."""

    cells: list[CellOrder]
    pid: int
    read: int
    listener: Listener
    left: list[int] = field(default_factory=list)


class Host:
    """The interpreter that forks."""

    def __init__(self, config: HostConfig) -> None:
        self.folder = Path(config["folder"])
        self.start_method: str = config["start_method"]
        adopt_orphans()
        self._limit(address_space=config.get("limited", True))
        quiet = os.open(os.devnull, os.O_WRONLY)
        self.complaints = os.dup(2)
        os.set_inheritable(self.complaints, False)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        signal.signal(signal.SIGIO, self._parent_is_gone)
        sys.excepthook = self._complain
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()
        self.tracker = start_methods.tracker_pid()
        gc.disable()  # there is no garbage in what is imported
        for name in config["preload"]:
            with suppress(Exception, SystemExit):  # what fails here fails in its cells, and is told there
                importlib.import_module(name)
        from handoff.strategies import registry

        registry()
        gc.freeze()
        gc.enable()
        os.environ["PYTHONHASHSEED"] = config["hash_seed"]
        for name in config["environment"]:  # it was for this interpreter's start
            del os.environ[name]
        self.server: spawn_server.Server | None = None
        if config["isolated"]:
            spawn_server.watch_spawned()
        if config["isolated"] and self.start_method == "forkserver":
            self.server = spawn_server.Server(self.start_method, ())
        elif not config["isolated"] and self.start_method != "fork":
            ours = [name for name in sys.modules if name.startswith("handoff.strategies.")]
            preload = [*config["preload"], *ours, *PRIMITIVES]
            self.server = spawn_server.Server(self.start_method, preload, config["environment"])
        self.processes = Disposable(self.folder, config["patience_s"], config["slow_s"], self.tracker, self.server)

    def _limit(self, *, address_space: bool) -> None:
        """No process of a cell eats the machine; one that has somebody's whole program keeps its address space."""
        most = MEMORY_BYTES
        with suppress(ValueError, OSError):
            most = min(most, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)
        with suppress(ValueError, OSError):
            most = min(most, int(Path("/sys/fs/cgroup/memory.max").read_text()))
        for what, value in ((resource.RLIMIT_AS, most), (resource.RLIMIT_FSIZE, FILE_BYTES), (resource.RLIMIT_CORE, 0)):
            if what == resource.RLIMIT_AS and not address_space:
                continue
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

    def cells(self, cells: Sequence[CellOrder], tell: HostTell) -> None:
        """Run them, and tell when each begins and what became of it."""
        last = cells[-1].number
        groups: list[list[CellOrder]] = []
        for cell in cells:
            if not groups or groups[-1][-1].ref != cell.ref:
                groups.append([])
            groups[-1].append(cell)
        todo = deque(groups)
        templates: dict[int, _Template] = {}
        current: _Template | None = None
        while todo or templates:
            if todo and current is None and len(templates) <= TEMPLATES:
                if self.server is not None:
                    self.server.ensure()
                current = self._fork_template(todo.popleft(), last, tell)
                templates[current.read] = current
            for read in select.select(list(templates), [], [])[0]:
                template = templates[read]
                data = os.read(read, 1 << 16)
                for told in template.listener.messages(data):
                    template.left = told.get("left", template.left)
                if not data:
                    del templates[read]
                    left = self._end_template(template, templates.values())
                    if left:
                        todo.append(left)
                if template is current:  # it waits, or it is done
                    current = None

    def _fork_template(self, cells: list[CellOrder], last: int, tell: HostTell) -> _Template:
        """Fork the process that forks the cells of one payload."""
        read, write = os.pipe()
        word = new_word()
        pid = os.fork()
        if pid:
            os.close(write)
            return _Template(cells, pid, read, Listener(word))
        status = 1
        try:
            os.close(read)
            os.set_inheritable(write, False)
            signal.signal(signal.SIGIO, signal.SIG_IGN)
            adopt_orphans()
            self.processes.write, self.processes.say = write, teller(write, word)
            self.processes.stood.update(in_function(place) for place, *_ in cells[0].hangs)
            ref = Ref(**cells[0].ref)
            begin, queued = time.monotonic(), queued_s([os.getpid()])
            with suppress(Exception):  # each cell will see it, and say so
                if cells[0].keeps == OBJECT:
                    original.keep(ref)
                elif cells[0].keeps == MODULE:
                    ref.load()
            self.processes.making_s = time.monotonic() - begin - (queued_s([os.getpid()]) - queued)
            gc.freeze()  # collecting in a cell need not look at, and so copy, what is there already
            left = self._run_cells(cells, last, tell)
            self.processes.say({"left": [cell.number for cell in left]})
            status = 0
        except BaseException:
            self._complain(*sys.exc_info())
        finally:
            exit_now(status)

    def _run_cells(self, cells: list[CellOrder], last: int, tell: HostTell) -> list[CellOrder]:
        """In a template: run its cells; return those that are left when the server they need is gone."""

        looks = [number for number, cell in enumerate(cells) if _looks_first(cell.strategy, Duty(cell.duty))]
        runs = [looks] * bool(looks) + [[number] for number in range(len(cells)) if number not in looks]
        final = runs[-1][-1] if cells[-1].number == last else -1
        doubtful = False
        hung = {how: (place, where) for place, where, how in cells[0].hangs if how}  # the last of each

        def at(number: int) -> None:
            tell({"at": cells[number].number, "last": number == final})

        def known(number: int) -> dict[str, Any] | None:
            """What is not asked any more: it would hang as those did that pickle alike."""
            place, where = hung.get(cells[number].alike, ("", ""))
            if self.processes.stood[in_function(place)] < ENOUGH:
                return None
            text = f"not asked: others that pickle it in the same way hung{place}"
            return cast("dict[str, Any]", Outcome(Kind.BROKEN, where, "", text).to_json())

        def body(numbers: Sequence[int], say: Tell, folder: Path) -> None:
            from handoff.support_matrix import cell

            prefix = f"{self.folder.name}-{folder.name}"
            looked: original.Original | None = None
            for number in numbers:
                order = cells[number]
                place = Ref(**order.ref), order.strategy, Duty(order.duty), self.start_method
                spec = cell.CellSpec(*place, folder, prefix, doubtful=doubtful)
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
            if told.get("stood") and cells[number].alike:
                hung[cells[number].alike] = told["stood"], told["where"]
            doubtful = doubtful or (number not in looks and told["kind"] == Kind.REFUSED and told["where"] == "parent")
            stood, outcome = told.pop("stood", ""), cast("OutcomeFields", told)
            word: HostTold = {"cell": cells[number].number, "stood": stood, "outcome": outcome}
            word["seconds"] = round(seconds, 4)
            while len(json.dumps(word)) > WORD_BYTES and told["notes"]:
                told["notes"].pop()
            while len(json.dumps(word)) > WORD_BYTES:
                told["message"] = told["message"][: len(told["message"]) // 2]
            tell(word)

        return [cells[number] for number in self.processes.run(runs, Work(body, done, at, known))]

    def _end_template(self, template: _Template, others: Iterable[_Template]) -> list[CellOrder]:
        """End what is left of a template; return its cells still to be run. Raises where that ended of itself."""
        os.close(template.read)
        status = os.waitstatus_to_exitcode(os.waitpid(template.pid, 0)[1])
        if status:  # which of its cells was to blame will show when they are run one by one, in another host
            os.kill(os.getpid(), -status) if status < 0 else os._exit(status)
        known = self.processes.shared() | {other.pid for other in others}
        end_all(lambda: set(own_children()) - known)
        return [cell for cell in template.cells if cell.number in template.left]

    # -- the end of a cell

    def end(self) -> None:
        """End what all cells have shared, too; the resource tracker ends by itself."""
        end_all(lambda: set(processes()) - {os.getpid(), self.tracker})

    # -- what the payloads need

    def scout(self, refs: Sequence[RefFields], large: str, tell: HostTell) -> None:
        """Tell which modules making each payload imports, each in a process of its own.

        Import them here, too, and do not tell them of the next ones; but not what comes with the ``large`` one.
        """

        def body(numbers: Sequence[int], say: Tell, _: Path) -> None:
            import threading

            def around() -> tuple[int, ...]:
                """What a process may have around it, that another one forked from it would have in another way."""
                places = "/dev/fd", os.getcwd()
                return threading.active_count(), len(own_children()), *(len(os.listdir(place)) for place in places)

            before, at_first = set(sys.modules), around()
            payload = Ref(**refs[numbers[0]]).load()
            quiet, keep, kinds = threading.active_count() == 1, "", cast("Collection[type]", ())
            if around() == at_first:
                keep = MODULE
                with suppress(Exception):
                    shared, kinds = original.worth_sharing(payload)
                    keep = OBJECT if shared and around() == at_first else keep
            modules = sorted(set(sys.modules) - before)
            from handoff.diagnosing.hooks import restored_in_any_order  # not in what the payload imports

            by_seed = any(map(restored_in_any_order, kinds))
            say({"outcome": {"modules": modules, "quiet": quiet, "keep": keep, "by_seed": by_seed}})

        def done(number: int, told: dict[str, Any], _: float) -> None:
            modules = harmless(told.get("modules", ()), refs[number]["module"]) if told.get("quiet") else []
            for name in modules if large not in modules else ():
                with suppress(Exception, SystemExit):
                    importlib.import_module(name)
            tell({"number": number, "modules": modules, "keep": told.get("keep", ""),
                  "by_seed": told.get("by_seed", False), "stood": told.get("stood", "")})  # fmt: skip

        self.processes.run(([number] for number in range(len(refs))), Work(body, done))

    def diagnose(self, refs: Sequence[tuple[RefFields, bool]], budget_s: float, tell: HostTell) -> None:
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

        self.processes.run(([number] for number in range(len(refs))), Work(body, done))


def _looks_first(name: str, duty: Duty) -> bool:
    """Whether it is a strategy that refuses by looking at the object, before anything is done with it."""
    from handoff.strategies import registry

    strategy = registry().get(name)
    return strategy is not None and strategy.looks_first(duty)
