"""Support: what is said of a cell is what really happens, whatever the others do; and nothing is left of any."""

from __future__ import annotations

import csv
import importlib.util
import io
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from handoff.cli import main
from handoff.compare.facts import stated
from handoff.start_methods import START_METHODS
from handoff.support_matrix.expected import differences
from handoff.support_matrix.matrix import ENVIRONMENT, MatrixCell, support, uncarried
from handoff.support_matrix.original import inert
from handoff.support_matrix.text import FORMATS
from handoff.target import load_collection

HERE = Path(__file__).parent
GENEROUS_S = 60.0  #: an upper bound on ending, not a measurement
CATALOGUE = load_collection(HERE.parent / "payloads")
HOSTILE = load_collection(HERE / "hostile.py")
USUAL = ("pickle-5", "process-args", "pool", "process-pool-executor", "queue")


def litter() -> set[str]:
    """What runs of this process have left: segments, semaphores, folders, processes."""
    mark = f"handoff-{os.getpid()}-"
    left = {
        name for place in ("/dev/shm", os.environ.get("TMPDIR", "/tmp")) for name in os.listdir(place) if mark in name
    }
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / "environ").read_bytes():
                    left.add((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
    return left


@pytest.fixture(autouse=True)
def _no_trace() -> Iterator[None]:
    yield
    end = time.monotonic() + GENEROUS_S
    while litter() and time.monotonic() < end:
        time.sleep(0.05)
    assert litter() == set()


def by_name(cells: list[MatrixCell]) -> dict[tuple[str, str, str, str], MatrixCell]:
    return {(cell.payload, cell.strategy, cell.duty, cell.start_method): cell for cell in cells}


def unnamed(cells: Iterable[MatrixCell]) -> list[MatrixCell]:
    """Failures whose reason does not begin with the path and the type of a part, or of all of the object."""
    failed = [cell for cell in cells if cell.outcome in ("refused", "broken")]
    return [cell for cell in failed if not re.match(r"obj.* \([\w.<>]+\)(, as \d+ other parts?)?: ", cell.message)]


@pytest.mark.slow
def test_the_hostile_cost_their_own_cells_and_are_named_for_what_they_did() -> None:
    cells = by_name(support(HOSTILE, strategies=USUAL, start_methods=("fork", "spawn"), patience_s=1.5))
    for place, cell in cells.items():
        if place[0] == "fine":
            assert cell.outcome == "ok", cell
        assert not unnamed([cell])
    one = {name: cells[name, "pickle-5", "argument", "spawn"] for name in HOSTILE}
    assert one["hangs-in-reduce"].where == "parent"
    assert "no answer in 1.5 s, in __reduce__ (hostile.py" in one["hangs-in-reduce"].message
    assert "no answer in 1.5 s, in __setstate__ (hostile.py" in one["hangs-in-setstate"].message
    assert "no answer in 1.5 s, in __del__ (hostile.py" in one["hangs-in-del"].message
    assert one["crashes"].message == "obj (hostile.Loads): the worker died of SIGSEGV"
    assert one["leaves"].message == "obj (hostile.Loads): the worker exited with status 3"
    assert one["eats"].error_type == "MemoryError"
    assert "no answer" in one["shouts"].message
    assert one["starts-child"].outcome == one["starts-daemon"].outcome == "altered"
    assert "SIGKILL" in one["kills-group"].message
    assert {cells[name, "pool", "argument", "fork"].outcome for name in ("crashes", "leaves", "eats")} == {"broken"}


@pytest.mark.slow
def test_what_hangs_by_some_ways_is_not_waited_for_by_each(tmp_path: Path) -> None:
    """And a way that does not pickle it is asked, and does not hang."""
    loop = "while True:\n            try: time.sleep(0)\n            except BaseException: pass"  # on several lines
    (tmp_path / "spinning.py").write_text(
        f"import time\nclass Spins:\n    def __reduce__(self):\n        {loop}\ndef spins(): return [Spins()]\n"
        "PAYLOADS = (spins,)\n"
    )
    ways = (*USUAL, "pickle-default", "simple-queue", "pickle-2", "inherit", "initializer", "rebuild", "manager-list")
    found = support(load_collection(tmp_path / "spinning.py"), strategies=ways, patience_s=1.5)
    cells = by_name(found)
    for method in START_METHODS:
        assert cells["spins", "rebuild", "state", method].outcome == "ok"
        if method != "spawn":
            assert cells["spins", "inherit", "state", method].outcome == ("ok" if method == "fork" else "unavailable")
    assert cells["spins", "process-args", "state", "fork"].outcome == "ok"
    assert cells["spins", "initializer", "state", "fork"].outcome == "ok"
    assert cells["spins", "pool", "state", "fork"].outcome == "ok"
    hung = [cell for cell in found if cell.outcome == "broken"]
    not_asked = [cell for cell in hung if "not asked: others that pickle it in the same way hung" in cell.message]
    assert all("in __reduce__ (spinning.py, line " in cell.message for cell in not_asked)  # others may be too busy
    assert len(not_asked) > len(hung) / 4
    assert all(cell.seconds == 0 for cell in not_asked)
    kinds = {(cell.duty, cell.start_method == "fork") for cell in hung if cell not in not_asked}
    assert kinds >= {(cell.duty, cell.start_method == "fork") for cell in not_asked}  # one of each was asked


@pytest.mark.slow
def test_cells_that_share_an_interpreter_answer_as_isolated_ones() -> None:
    """Real spawning, and an interpreter for each cell, change no answer."""
    names = ("plain-four", "setstate-raises", "socket", "instance-main", "class-attribute-changed")
    some = {name: CATALOGUE[name] for name in names}
    strategies = ("pickle-default", "dill", "process-args", "manager-dict", "pool")
    duties, methods = ("argument", "state"), ("spawn",)
    shared = support(some, strategies=strategies, duties=duties, start_methods=methods)
    isolated = support(some, strategies=strategies, duties=duties, start_methods=methods, isolated=True)
    places = [(cell.payload, cell.strategy, cell.duty, cell.start_method, cell.outcome) for cell in shared]
    assert places == [(c.payload, c.strategy, c.duty, c.start_method, c.outcome) for c in isolated]
    # a pool replaces a worker that cannot start for ever: on a busy machine its own words may not be read in time
    pairs = zip(shared, isolated, strict=True)
    assert [(a, b) for a, b in pairs if a.error_type != b.error_type and a.error_type and b.error_type] == []


def test_multiprocessing_as_it_is_used() -> None:
    names = ("plain-four", "function-lambda", "exception-required-args")
    cells = by_name(support({n: CATALOGUE[n] for n in names}, strategies=USUAL, start_methods=("fork", "spawn")))
    assert all(cell.outcome == "ok" for place, cell in cells.items() if place[0] == "plain-four")

    def told(*place: str) -> tuple[str, str, str]:
        cell = cells[place]  # type: ignore[index]
        return cell.outcome, cell.where, cell.error_type

    assert told("function-lambda", "process-args", "state", "fork") == ("ok", "", "")
    assert told("function-lambda", "process-args", "state", "spawn")[:2] == ("refused", "parent")
    assert told("function-lambda", "pool", "argument", "spawn")[:2] == ("refused", "parent")
    assert told("function-lambda", "pool", "result", "fork") == ("refused", "result", "MaybeEncodingError")
    assert told("function-lambda", "queue", "argument", "fork")[0] == "broken"
    broken = "exception-required-args"
    assert told(broken, "pool", "argument", "fork") == ("broken", "worker", "TypeError")
    assert told(broken, "process-pool-executor", "argument", "fork") == ("broken", "worker", "BrokenProcessPool")
    assert told(broken, "process-args", "state", "spawn") == ("broken", "worker", "TypeError")


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import threading\nPAYLOADS = {'numbers': lambda: [1, 2], 'lock': threading.Lock}\n")
    line = [sys.executable, "-m", "handoff", "support", str(file), "-q", "--format", "json", "--start-method", "spawn"]
    line += ["--strategy", "pickle-5,process-args"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (1, "")  # nothing of these carries a lock
    answer = json.loads(done.stdout)
    assert answer["schema"] == 1 and answer["fingerprint"]["python"]
    assert answer["cells"][0] == {
        "payload": "numbers", "strategy": "pickle-5", "duty": "argument", "start_method": "spawn",
        "outcome": "ok", "where": "", "error_type": "", "message": "", "notes": [],
    }  # fmt: skip
    assert subprocess.run([*line, "--strategy", "nonsense"], capture_output=True, check=False).returncode == 2


def test_formats_say_what_happened_and_where() -> None:
    cells = [
        MatrixCell("numbers", "pickle-5", "argument", "fork", "ok"),
        MatrixCell(
            "numbers", "pickle-5", "argument", "spawn", "refused", "parent", "TypeError", "cannot pickle 0x7fabc1234567"
        ),
    ]
    assert json.loads(FORMATS["json"](cells))["cells"][1]["error_type"] == "TypeError"
    assert len(list(csv.DictReader(io.StringIO(FORMATS["csv"](cells))))) == 2
    several = [*cells, MatrixCell("words", "pickle-5", "argument", "fork", "ok")]
    for form, found in (("text", several), ("markdown", cells)):
        assert "+-" in FORMATS[form](found) and "TypeError: cannot pickle 0x…" in FORMATS[form](found)
    assert uncarried(cells) == ["numbers"]


def test_one_object_is_a_list_a_line_a_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    long = "cannot pickle " + " ".join(["this"] * 30)
    refused = ("refused", "parent", "TypeError", long)
    cells = [
        *(MatrixCell("numbers", "pickle-5", "argument", method, "ok") for method in ("fork", "spawn")),
        *(
            MatrixCell("numbers", way, "argument", m, *refused)
            for way in ("queue", "manager-dict")
            for m in ("fork", "spawn")
        ),
        MatrixCell("numbers", "dill", "argument", "fork", "ok"),
        MatrixCell("numbers", "dill", "argument", "spawn", "altered", "worker", "", "obj.x differs"),
        *(MatrixCell("numbers", "thread", "argument", method, "ok") for method in ("fork", "spawn")),
    ]
    lines = FORMATS["text"](cells).splitlines()
    at = {name: next(i for i, line in enumerate(lines) if line.split()[-1:] == [name]) for name in ("queue", "dill")}
    assert lines[0] == "numbers as argument: 3 of 5 ways that can be tried here" and max(map(len, lines)) <= 74
    assert any(line.split() == ["✓", "✓", "pickle-5"] for line in lines)
    assert (
        lines[at["dill"]].split() == ["✓", "~", "dill"]
        and "spawn: in the worker: obj.x differs" in lines[at["dill"] + 1]
    )
    assert lines[at["queue"] + 1].split() == ["✗", "✗", "manager-dict"], "what fails alike has its reason once"
    assert sum("cannot pickle" in line for line in lines) == 1
    assert uncarried(cells) == []
    assert uncarried([cell for cell in cells if cell.strategy not in ("pickle-5", "dill")]) == ["numbers"], "a thread"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_cells_that_share_an_object_answer_as_isolated_ones(method: str) -> None:
    """A big object is made once for many cells; one that a process could tell from its own is made for each."""
    names = ("rows-dict-1k", "model-1mib", "arrays-aliasing-1mib", "handler-stream", "lru-cache-filled")
    some = {name: CATALOGUE[name] for name in names}
    strategies = ("pickle-5-oob", "dill", "manager-class", "simple-queue", "thread", "rebuild", "process-pool-executor")
    shared = support(some, strategies=strategies, start_methods=(method,))
    isolated = support(some, strategies=strategies, start_methods=(method,), isolated=True)
    assert [told(cell) for cell in shared] == [told(cell) for cell in isolated]


def told(cell: MatrixCell) -> tuple[str, ...]:
    place = (cell.payload, cell.strategy, cell.duty, cell.start_method)
    return (*place, cell.outcome, cell.where, cell.error_type)


def in_words(cells: list[MatrixCell]) -> list[tuple[str, ...]]:
    return [(*told(cell), cell.message) for cell in cells]


class Node:
    def __init__(self) -> None:
        self.next: object = None


class Named(NamedTuple):
    number: int


class Hooked(Node):
    def __del__(self) -> None: ...


def test_only_what_is_memory_and_nothing_else_is_shared() -> None:
    def shareable(obj: object) -> bool:
        return inert(stated(obj)[1])

    assert shareable({"rows": [(1, "x"), {2.5}, b"y"], "node": Node(), "named": Named(1), "module": os})
    assert not any(map(shareable, [Hooked(), [threading.Lock()], {"file": io.StringIO()}, (n for n in range(1))]))
    assert shareable(CATALOGUE["model-1mib"].payload.make()) and shareable(CATALOGUE["rows-slots-1k"].payload.make())


def test_an_object_that_a_process_could_tell_from_its_own_is_made_for_each_cell(tmp_path: Path) -> None:
    """Although nothing but lists, strings and numbers: one names a process, one a file, one has started a thread."""
    file = tmp_path / "own.py"
    file.write_text(
        "import os, tempfile, threading, time\n"
        "def made(name, what):\n"
        f"    with open({str(tmp_path)!r} + '/' + name, 'a') as file: print(os.getpid(), file=file)\n"
        "    time.sleep(0.02)\n"
        "    return [what]\n"
        "def process(): return made('process', os.getpid())\n"
        "def path(): return made('path', tempfile.mkstemp()[1])\n"
        "def started():\n"
        "    threading.Thread(target=time.sleep, args=(0.5,), daemon=True).start()\n"
        "    return made('started', 1)\n"
        "def numbers(): return made('numbers', 1)\n"
        "PAYLOADS = (process, path, started, numbers)\n"
    )
    some = ("pickle-3", "pickle-4", "pickle-5")
    cells = support(load_collection(file), strategies=some, duties=("argument",), start_methods=("fork",))
    assert {cell.outcome for cell in cells} == {"ok"}, cells
    times = {name: len((tmp_path / name).read_text().split()) for name in ("process", "path", "started", "numbers")}
    looked_at = 1  # before all cells
    assert times == {
        "process": looked_at + 3,
        "path": looked_at + 3,
        "started": looked_at + 3,
        "numbers": looked_at + 1,
    }


def test_only_looks_share_a_process(tmp_path: Path) -> None:
    """What a strategy refuses by looking at it needs no process of its own; all else has one in which nothing was."""
    file = tmp_path / "looks.py"
    file.write_text(
        "import os\n"
        "def made(name, what):\n"
        f"    with open({str(tmp_path)!r} + '/' + name, 'a') as file: print(os.getpid(), file=file)\n"
        "    return what\n"
        "def numbers(): return made('numbers', [1.5, 2])\n"
        "def block(): return made('block', b'block')\n"
        "def words(): return made('words', {'one': 1})\n"
        "from handoff.payload import Payload\n"
        "def used(obj): return ''  # what is used is made for each cell\n"
        "PAYLOADS = [Payload(name=m.__name__, make=m, use=used, seen=used) for m in (numbers, block, words)]\n"
    )
    some, duties = ("shm-list", "array-raw-element", "shm-reused", "pickle-5"), ("argument", "state")
    ways = {"strategies": some, "duties": duties, "start_methods": ("fork",)}
    answers = in_words(support(load_collection(file), **ways))  # type: ignore[arg-type]
    made = {name: len(set((tmp_path / name).read_text().split())) for name in ("numbers", "block", "words")}
    beside = 2  # one looks at it before all cells, one asks for the part that was refused
    assert made["words"] == beside + 1 + 1  # six looks, and pickle-5
    assert made["numbers"] == beside + 2 + 1 + 1  # shm-list carries it, twice; four looks
    assert made["block"] == beside + 1 + 4 + 1  # two looks; what looks do not refuse is done in a fresh process
    assert answers == in_words(support(load_collection(file), **ways, isolated=True))  # type: ignore[arg-type]


def test_an_object_that_forks_when_it_is_looked_at(tmp_path: Path) -> None:
    """It could double with each look: where looking runs somebody's code, every look has a process of its own."""
    file = tmp_path / "forks.py"
    file.write_text(
        "import os\n"
        "class Forks(dict):\n"
        "    @property\n"
        "    def dtype(self): os.fork(); raise AttributeError('dtype')\n"
        "PAYLOADS = (Forks,)\n"
    )
    some = ("array-raw-element", "array-locked-numpy", "shm-reused", "shm-fresh", "shm-list")
    cells = support(load_collection(file), strategies=some, start_methods=("fork",))
    assert len(cells) == 18 and {(cell.outcome, cell.where) for cell in cells} == {("refused", "parent")}, cells


def test_payloads_do_not_see_what_an_interpreter_of_ours_is_started_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENVIRONMENT:  # a nanny of dask's, in this process before, has left one of them
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "environment.py"
    file.write_text(
        "import os\n"
        "def seen(): return sorted({'GLIBC_TUNABLES', 'OPENBLAS_NUM_THREADS', 'HANDOFF_SERVES'} & os.environ.keys())\n"
        "def touch(obj):\n"
        "    if obj or seen(): raise ValueError(f'{obj} {seen()}')\n"
        "    return 0\n"
        "from handoff.payload import Payload\n"
        "PAYLOADS = (Payload(name='environment', make=seen, touch=touch),)\n"
    )
    some = ("pickle-5", "initializer", "manager-dict")
    cells = support(load_collection(file), strategies=some, duties=("argument", "result", "state"))
    assert {cell.outcome for cell in cells} == {"ok"}, [cell for cell in cells if cell.outcome != "ok"]


def test_what_was_refused_once_is_asked_for_before_a_server_is_started() -> None:
    """A manager's server answers nothing else than the same pickler does here."""
    some = {name: CATALOGUE[name] for name in ("lock", "function-lambda", "plain-four")}
    ways = {"strategies": ("manager-dict", "manager-class"), "start_methods": ("fork", "spawn")}
    answers = in_words(support(some, **ways))  # type: ignore[arg-type]
    assert answers == in_words(support(some, **ways, isolated=True))  # type: ignore[arg-type]


@pytest.mark.alone
def test_reasons_name_the_part_and_its_type(tmp_path: Path) -> None:
    file = tmp_path / "parts.py"
    file.write_text(
        "import threading\n"
        "class Late:\n"
        "    def __setstate__(self, state): raise ValueError('too late')\n"
        "    def __getstate__(self): return {'a': 1}\n"
        "def handlers(): return {'log': [1, {'lock': threading.Lock()}]}\n"
        "def late(): return ['first', Late()]\n"
        "PAYLOADS = (handlers, late)\n"
    )
    some = ("pickle-5", "pool", "manager-dict", "cloudpickle")
    cells = by_name(support(load_collection(file), strategies=some, duties=("argument",), start_methods=("spawn",)))
    for way in some:
        cell = cells["handlers", way, "argument", "spawn"]
        assert cell.message.startswith("obj['log'][1]['lock'] (_thread.lock): "), cell
        assert "'_thread.lock'" in cell.message
        late = cells["late", way, "argument", "spawn"]
        assert late.message.startswith("obj[1] (parts.Late): ") and "too late" in late.message, late
        assert "\n" not in late.message and "Traceback" not in late.message


@pytest.mark.alone
def test_a_cell_that_works_keeps_its_turn_and_one_that_waits_does_not(tmp_path: Path) -> None:
    """Side by side, cells that have much to do took ten times as long, and seemed to hang.

    On a busy machine others wait 2.4 s for one that waits.
    """
    file = tmp_path / "slow.py"
    file.write_text(
        "import os, time\n"
        "class Slow:\n"
        "    def __init__(self, clock): self.clock = clock\n"
        "    def __reduce__(self):\n"
        "        begin, end = time.monotonic(), self.clock() + (3.0 if self.clock is time.monotonic else 0.8)\n"
        "        while self.clock() < end: time.sleep(0.01) if self.clock is time.monotonic else sum(range(1000))\n"
        f"        with open({str(tmp_path)!r} + f'/{{self.clock.__name__}}', 'a') as file:\n"
        "            file.write(f'{begin} {time.monotonic()}\\n')\n"
        "        return int, ()\n"
        "def works(): return Slow(time.process_time)\n"
        "def waits(): return Slow(time.monotonic)\n"
        "PAYLOADS = (works, waits)\n"
    )
    some = ("pickle-3", "pickle-4", "pickle-5")
    slow = load_collection(file)
    support(slow, strategies=some, duties=("argument",), start_methods=("fork",), patience_s=30, jobs=1)
    together = {}
    for clock in ("process_time", "monotonic"):
        turns = sorted(tuple(map(float, line.split())) for line in (tmp_path / clock).read_text().splitlines())
        assert len(turns) >= len(some)
        together[clock] = any(later[0] < earlier[1] for earlier, later in itertools.pairwise(turns))
    assert together == {"process_time": False, "monotonic": True}


def test_what_a_queue_cannot_pickle_in_the_worker_is_refused_at_once() -> None:
    """``SimpleQueue.get`` of this side would wait for ever for a worker that is gone."""
    some = {"function-lambda": CATALOGUE["function-lambda"]}
    (cell,) = support(some, strategies=("simple-queue",), duties=("result",), start_methods=("spawn",))
    error = "AttributeError" if sys.version_info < (3, 14) else "PicklingError"
    assert (cell.outcome, cell.where, cell.error_type) == ("refused", "result", error)


def test_what_two_processes_have_of_their_own_does_not_alter_a_module(tmp_path: Path) -> None:
    """A checksum over everything that can be reached differs where the object is the same by name."""
    file = tmp_path / "named.py"
    file.write_text("import os\ndef module(): return os\nPAYLOADS = (module,)\n")
    cells = support(load_collection(file), strategies=("cloudpickle",), duties=("argument",), start_methods=("spawn",))
    assert [cell.outcome for cell in cells] == ["ok"], cells


@pytest.mark.skipif(importlib.util.find_spec("loky") is None, reason="loky is an optional extra")
def test_loky_leaves_no_semaphores() -> None:
    def semaphores() -> set[str]:
        return {name for name in os.listdir("/dev/shm") if name.startswith("sem.loky")}

    before = semaphores()
    names = [name for name in ("loky", "joblib") if importlib.util.find_spec(name)]
    made = {name: CATALOGUE[name] for name in ("plain-four", "mp-queue")}  # a queue that a worker makes is of three
    cells = support(made, strategies=names, start_methods=("spawn",))
    worked = [cell.outcome for cell in cells if (cell.payload, cell.duty) == ("plain-four", "argument")]
    assert worked == ["ok"] * len(names), cells
    new = semaphores() - before  # others' too, where tests run beside each other: these go when their processes do
    end = time.monotonic() + GENEROUS_S
    while new & semaphores() and time.monotonic() < end:
        time.sleep(0.1)
    assert not new & semaphores()


@pytest.mark.slow
def test_an_executors_state_is_read_here_before_it_is_used_there_and_is_inherited_by_a_fork() -> None:
    """Its initializer's argument is the same object's, where it is shared: what the worker takes, the parent lacks."""
    shared = ("mp-lock", "thread-pool", "handler-stream", "file-text-writing", "sqlite-file", "sqlite-memory")
    entries = {name: CATALOGUE[name] for name in shared}
    ways_ = ("pool", "process-pool-executor", "initializer")
    cells = support(entries, strategies=ways_, start_methods=("fork",), duties=("state",))
    assert {cell.strategy for cell in cells} == set(ways_)
    assert differences(cells, CATALOGUE, whole=False) == []


SAMPLE_OF = 24  # payloads of which one is executed in every run, by all ways; another one for every Python


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", START_METHODS)
def test_what_is_declared_is_what_happens_in_a_sample(method: str) -> None:
    names = sorted(name for name in CATALOGUE if "64mib" not in name)[sys.version_info[1] % SAMPLE_OF :: SAMPLE_OF]
    cells = support({name: CATALOGUE[name] for name in names}, start_methods=(method,))
    assert differences(cells, CATALOGUE, whole=False) == []
    assert unnamed(cells) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif("HANDOFF_WHOLE_CATALOGUE" not in os.environ, reason="some minutes; set HANDOFF_WHOLE_CATALOGUE")
def test_what_is_declared_is_what_happens() -> None:
    methods = os.environ["HANDOFF_WHOLE_CATALOGUE"].split(",")
    cells = support(CATALOGUE, start_methods=methods)
    assert differences(cells, CATALOGUE) == []
    assert unnamed(cells) == []


def test_the_command_tries_by_itself_what_support_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried by name alone starts servers and engines: none of that without being asked."""
    asked: list[Any] = []

    def noted(*_: Any, **options: Any) -> list[MatrixCell]:
        asked.append(options["strategies"])
        return []

    monkeypatch.setattr("handoff.support_matrix.matrix.support", noted)
    (tmp_path / "mine.py").write_text("def make():\n    return 5\n")
    for more in ([], ["--strategy", "manager-class-tcp"]):
        main(["support", f"{tmp_path / 'mine.py'}:make", *more])
    assert asked == [(), ["manager-class-tcp"]]
