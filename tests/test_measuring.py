"""The measuring as a whole: real trials, real workers, on tiny payloads."""

from __future__ import annotations

import json
import os
import platform
import pty
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from handoff.analysis.figures import Figures
from handoff.analysis.metrics import BIS, KINDS, METRICS, NULL, START
from handoff.cli import main
from handoff.measuring.experiment import measure, plan
from handoff.measuring.unfinished import to_go_on
from handoff.outcome import Kind
from handoff.payload import Duty
from handoff.processes import folders
from handoff.processes.cleanup import PREFIX
from handoff.processes.proc import members
from handoff.profile import PROFILES, Profile
from handoff.record import Record, read, read_all
from handoff.start_methods import START_METHODS
from handoff.strategies import registry
from handoff.target import Entry, load_collection

HERE = Path(__file__).parent
GENEROUS_S = 60.0  #: an upper bound on ending, not a measurement
TINY = replace(PROFILES["quick"], trials=2, most_trials=0, record_s=0.0, rounds=2, sample_s=0.0005, lane_s=0.005)
IMPATIENT = replace(TINY, trials=1, answer_s=1.0)


@pytest.fixture(scope="module")
def payloads() -> Mapping[str, Entry]:
    return load_collection(HERE / "awkward.py")


def litter(pid: int) -> set[str]:
    """What a run started by process ``pid`` has left: segments, semaphores, temporary folders, processes."""
    mark = f"{PREFIX}-{pid}-"
    left = {name for place in ("/dev/shm", tempfile.gettempdir()) for name in os.listdir(place) if mark in name}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if f"TMPDIR={Path(tempfile.gettempdir(), mark)}".encode() in (entry / "environ").read_bytes():
                    left.add((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
    return left


def assert_no_trace(pid: int) -> None:
    end = time.monotonic() + GENEROUS_S
    while litter(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert litter(pid) == set()


@pytest.fixture
def no_trace() -> Iterator[None]:
    yield
    assert_no_trace(os.getpid())


def one(
    payloads: Mapping[str, Entry],
    name: str,
    kind: str,
    start_method: str,
    *,
    profile: Profile = TINY,
    strategies: Sequence[str] = (),
) -> Record:
    experiments = plan(
        {name: payloads[name]}, kinds=(kind,), start_methods=(start_method,), strategies=strategies, declared=False
    )
    (record,) = measure(experiments, profile, None, seed=1)
    return record


@pytest.mark.parametrize("start_method", START_METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_strategy_has_figures_or_a_reason(
    payloads: Mapping[str, Entry], kind: str, start_method: str, no_trace: None
) -> None:
    if kind == "codec" and start_method != "fork":
        pytest.skip("one process: no start method")
    record = one(payloads, "array", kind, start_method)
    assert record.complaints == []
    assert record.failed == ""
    figures = Figures(record)
    for name in record.strategies:
        outcome = record.outcomes[name]
        if outcome.ok:
            for metric in METRICS[kind]:
                figure = figures.figure(name, metric)
                assert 0 < figure.time.low <= figure.time.value <= figure.time.high
                assert figure.time.n_trials == 2
        else:
            assert outcome.reason, name
            assert not any(row[0] == name for row in record.rows)
    if kind != START:
        assert sum(outcome.ok for outcome in record.outcomes.values()) >= 5
    assert figures.has(BIS, METRICS[kind][0])
    assert record.outcomes[record.baseline].ok


def test_a_plain_list_is_refused_by_what_needs_a_block_of_numbers(
    payloads: Mapping[str, Entry], no_trace: None
) -> None:
    record = one(payloads, "numbers", Duty.ARGUMENT, "fork")
    assert record.outcomes["shm-reused"].kind is Kind.REFUSED
    assert record.outcomes["shm-reused"].error_type == "TypeError"
    assert record.outcomes["shm-list"].ok


def test_inheritance_is_only_there_under_fork(payloads: Mapping[str, Entry], no_trace: None) -> None:
    assert one(payloads, "numbers", Duty.STATE, "fork", strategies=("inherit",)).outcomes["inherit"].ok
    outcome = one(payloads, "numbers", Duty.STATE, "spawn", strategies=("inherit",)).outcomes["inherit"]
    assert outcome.kind is Kind.UNAVAILABLE
    assert "fork" in outcome.message


@pytest.mark.parametrize(
    ("payload", "duty", "kind", "where", "message"),
    [
        ("lambda", Duty.ARGUMENT, Kind.REFUSED, "parent", "lambda"),
        ("hangs-on-load", Duty.ARGUMENT, Kind.BROKEN, "worker", "no answer in 1 s"),
        ("hangs-on-dump", Duty.ARGUMENT, Kind.BROKEN, "parent", "no answer in 2 s"),
        ("raises-on-load", Duty.ARGUMENT, Kind.BROKEN, "worker", "invalid literal"),
        ("raises-on-load", Duty.RESULT, Kind.BROKEN, "result", "invalid literal"),
        ("kills-on-load", Duty.ARGUMENT, Kind.BROKEN, "worker", "SIGKILL"),
    ],
)
def test_what_goes_wrong_costs_its_own_cell(
    payloads: Mapping[str, Entry], payload: str, duty: Duty, kind: Kind, where: str, message: str, no_trace: None
) -> None:
    wanted = ("pickle-5", "thread")
    record = one(payloads, payload, duty, "spawn", profile=IMPATIENT, strategies=wanted)
    outcome = record.outcomes["pickle-5"]
    assert (outcome.kind, outcome.where) == (kind, where)
    assert message in outcome.message
    assert record.outcomes["thread"].ok
    assert Figures(record).has("thread", "handoff")


def test_a_worker_killed_in_the_middle_costs_one_lane(payloads: Mapping[str, Entry], no_trace: None) -> None:
    """Whoever kills a worker while it is timed: the run goes on, and the other lanes have their figures."""
    killed: list[subprocess.Popen[bytes]] = []

    def kill_a_worker(done: int, of: int, what: str) -> None:
        if killed or "trial 2" not in what:
            return
        code = (
            "import os,signal,sys,time\n"
            "end=time.monotonic()+20\n"
            "while time.monotonic()<end:\n"
            "    for p in filter(str.isdigit, os.listdir('/proc')):\n"
            "        try: line=open(f'/proc/{p}/cmdline','rb').read(); mine=open(f'/proc/{p}/environ','rb').read()\n"
            "        except OSError: continue\n"
            f"        if b'spawn_main' in line and b'{PREFIX}-{os.getpid()}-' in mine:\n"
            "            time.sleep(0.4); os.kill(int(p), signal.SIGKILL); sys.exit()\n"
            "    time.sleep(0.01)\n"
        )
        killed.append(subprocess.Popen([sys.executable, "-c", code]))

    experiments = plan({"array": payloads["array"]}, kinds=("argument",), start_methods=("spawn",),
                       strategies=("pickle-5", "pickle-4", "pickle-3"))  # fmt: skip
    profile = replace(TINY, rounds=200, lane_s=2.0, sample_s=0.005)
    (record,) = measure(experiments, profile, None, seed=1, progress=kill_a_worker)
    assert killed
    assert killed[0].wait() == 0
    broken = [name for name, outcome in record.outcomes.items() if not outcome.ok]
    assert len(broken) <= 1
    assert all(Figures(record).has(name, "handoff") for name in record.strategies if name not in broken)


def started(command: Sequence[str], until: str) -> subprocess.Popen[str]:
    """A run on a terminal, as soon as its live line says so. The terminal is left to the run."""
    ours, theirs = pty.openpty()
    run = subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL, text=True)
    os.close(theirs)
    said = ""
    while until not in said:
        said += os.read(ours, 4096).decode(errors="replace")
    threading.Thread(target=_drain, args=(ours,), daemon=True).start()
    return run


def _drain(terminal: int) -> None:
    with suppress(OSError):  # what a terminal says when its other end is closed
        while os.read(terminal, 4096):
            pass
    os.close(terminal)


def test_an_interrupted_run_keeps_what_it_measured(tmp_path: Path) -> None:
    """Ctrl-C: exit code 130, no trace, and the cells already measured are in the records."""
    command = [
        sys.executable, "-m", "handoff", "measure", str(HERE / "awkward.py"), "-o", str(tmp_path / "records"),
        "--payload", "numbers,array", "--duty", "argument", "--start-method", "spawn", "--profile", "standard",
    ]  # fmt: skip
    run = started(command, "trial 3")
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)
    assert run.wait(timeout=30) == 130
    assert_no_trace(run.pid)
    records, problems = read_all(tmp_path / "records")
    assert problems == []
    assert records
    assert all(record.rows for record in records)


def test_a_killed_run_leaves_no_trace_either(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "handoff", "measure", str(HERE / "awkward.py"), "-o", str(tmp_path / "records"),
        "--payload", "array", "--duty", "argument", "--start-method", "forkserver", "--profile", "standard",
    ]  # fmt: skip
    run = started(command, "trial 1")
    time.sleep(1.0)
    assert litter(run.pid)
    run.kill()
    run.communicate()
    assert_no_trace(run.pid)


@pytest.mark.parametrize("config", ["", 'word {"half": ', 'word {"seed": 1}\n'])
def test_an_interpreter_whose_parent_ended_before_it_had_started_leaves_no_trace(tmp_path: Path, config: str) -> None:
    folder = tmp_path / "ho-early"
    folder.mkdir(mode=0o700)
    (folder / folders.LOCK).touch()  # it is one of ours
    code = "from handoff.processes.boot import run; run('handoff.measuring.trial', 1)"
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(
        command, input=config, text=True, cwd=folder, capture_output=True, start_new_session=True, timeout=30
    )
    assert done.returncode == -signal.SIGTERM
    assert done.stderr == ""
    assert not folder.exists()


REPLENISHING = """
import os, signal, sys, threading, time
from handoff.processes.interpreter import Interpreter

def main(config, tell):
    def replenish():  # as the thread of a Pool does, only at once
        while True:
            pid = os.fork()
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            os.waitpid(pid, 0)

    for _ in range(4):
        threading.Thread(target=replenish).start()
    tell({"replenishing": True})

if __name__ == "__main__":
    os.environ["PYTHONPATH"] = os.path.dirname(__file__)
    inside = Interpreter("replenishing", {})
    for _ in inside.told(20):
        print(inside.process.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_that_are_replaced_when_they_are_killed_end_too(tmp_path: Path) -> None:
    script = tmp_path / "replenishing.py"
    script.write_text(REPLENISHING)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        group = int(run.stdout.readline())
        end = time.monotonic() + GENEROUS_S
        while members(group) and time.monotonic() < end:
            time.sleep(0.05)
        left = members(group)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert left == {}
        assert_no_trace(run.pid)


def test_a_record_is_read_as_it_was_written_and_never_overwritten(
    payloads: Mapping[str, Entry], tmp_path: Path
) -> None:
    record = one(payloads, "numbers", "codec", "fork")
    path = record.write(tmp_path)
    assert read(path).to_json() == record.to_json()
    with pytest.raises(FileExistsError, match="never overwritten"):
        record.write(tmp_path)


@pytest.mark.alone
def test_null_lane_and_floors_are_in_every_round(payloads: Mapping[str, Entry]) -> None:
    record = one(payloads, "array", Duty.ARGUMENT, "fork", strategies=("pickle-5",))
    figures = Figures(record)
    counts = {lane: len(figures.flat(lane, "handoff")) for lane in figures.lanes}
    assert set(counts) == {"pickle-5", NULL, BIS, "floor-pipe", "floor-shm"}
    assert len(set(counts.values())) == 1


def test_nothing_unknown_is_accepted() -> None:
    for option, value in [
        ("--payload", "x"),
        ("--strategy", "x"),
        ("--start-method", "x"),
        ("--profile", "x"),
        ("--duty", "x"),
    ]:
        command = [sys.executable, "-m", "handoff", "measure", str(HERE / "awkward.py"), "-o", "unused", option, value]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 2
        assert "unknown" in run.stderr
        assert "valid are:" in run.stderr
        assert run.stdout == ""


LARGE = """
from handoff.payload import Payload

def large():
    return bytes(129 * 2**20)

PAYLOADS = (
    Payload(name="small", make=lambda: b"x" * 100, touch=len, nbytes=100),
    Payload(name="large", make=large, touch=len, nbytes=129 * 2**20),
)
"""


def test_quick_leaves_out_what_is_large_and_says_so_unless_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text(LARGE)
    command = [sys.executable, "-m", "handoff", "measure", str(tmp_path / "two.py"), "-q", "-o"]
    some = ["--duty", "codec", "--strategy", "pickle-5"]
    whole = subprocess.run([*command, str(tmp_path / "whole"), *some], capture_output=True, text=True, check=True)
    assert "profile quick leaves out what is large: large;" in whole.stdout
    assert [record.payload for record in read_all(tmp_path / "whole")[0]] == ["small"]
    named = subprocess.run(
        [*command, str(tmp_path / "named"), *some, "--payload", "large"], capture_output=True, text=True, check=True
    )
    assert "leaves out" not in named.stdout
    assert [record.payload for record in read_all(tmp_path / "named")[0]] == ["large"]


def test_an_experiment_that_fails_as_a_whole_is_told_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text("def make(): raise ValueError('no\\nway')\nPAYLOADS = [make]\n")
    ways = ["--duty", "argument,state", "--strategy", "pickle-5,process-args", "--start-method", "fork"]
    assert main(["measure", str(tmp_path / "mine.py"), *ways, "--trials", "1", "-q", "-o", str(tmp_path / "r")]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said == "not measured: make as argument under fork, make as state under fork: ValueError: no way"


def test_every_strategy_is_measured_for_some_kind() -> None:
    served = {
        name
        for kind in KINDS
        for e in plan(load_collection(HERE / "awkward.py"), kinds=(kind,), strategies=tuple(registry()))
        for name in e.strategies
    }
    assert served == set(registry())


def test_records_say_what_they_are(payloads: Mapping[str, Entry]) -> None:
    data = json.loads(one(payloads, "numbers", "codec", "fork").to_json())
    assert data["schema"] == 1
    assert data["fingerprint"]["default_pickle_protocol"] in (4, 5)
    assert data["trials"][0]["before"]["load"]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="where blocks lie is known of glibc's malloc")
def test_a_payload_and_its_pickle_lie_at_another_distance_in_each_interpreter() -> None:
    code = (
        "import pickle, sys; from handoff.measuring.rounds import spacers\n"
        "for length in (20_000, 131_072, 200_000):\n"
        "    kept = {0}; text = chr(120) * length; also = {0}\n"
        "    for _ in range(9): data = pickle.dumps(text)\n"
        "    print((id(data) - id(text)) % 4096)"
    )

    def distances(kept: str) -> set[str]:
        command = [sys.executable, "-c", code.format(kept)]
        return {subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(6)}

    assert len(distances("None")) < 4 <= len(distances("spacers()"))


def test_a_run_that_was_ended_goes_on_in_the_same_folder(payloads: Mapping[str, Entry], tmp_path: Path) -> None:
    profile = replace(TINY, trials=1)
    both = plan({"numbers": payloads["numbers"]}, kinds=("codec", "argument"), start_methods=("fork",))
    records = measure(both[:1], profile, tmp_path)
    left = to_go_on(both, profile, tmp_path)
    assert left == both[1:]
    whole = records[0].write(tmp_path / "other")
    replace(records[0], complete=False).write(tmp_path / "ended")
    assert to_go_on(both[:1], profile, tmp_path / "ended") == both[:1]
    records[0].write(tmp_path / "ended")  # in the place of the one that was not whole
    assert read(tmp_path / "ended" / whole.name).complete
    with pytest.raises(FileExistsError, match="in another way"):
        to_go_on(both, replace(profile, trials=2), tmp_path)
    whole.write_text("mine")
    with pytest.raises(FileExistsError, match="in another way"):
        to_go_on(both, profile, whole.parent)
