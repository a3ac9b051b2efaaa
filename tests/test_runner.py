"""The runner: what it accepts, what it shows, and that nothing of a child is left."""

from __future__ import annotations

import io
import math
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import pytest

from benchmarks import __main__ as runner
from benchmarks._classes import Cell, Cells, Key, catalogue, measured, rows, slices
from benchmarks._progress import NOW, Progress
from benchmarks.names import benchmark_name
from benchmarks.pairs import names
from benchmarks.plan import lacking, selection
from handoff.analysis.metrics import KINDS, METRICS
from handoff.outcome import Kind
from handoff.profile import PROFILES
from handoff.strategies import registry
from handoff.support_matrix.expected import declared, gaps_of
from handoff.terminal import Meter, ProgressLine

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--profile", "fast"], "choose from"),
        (["--env", "conda"], "managed"),
        (["--bench", "("], "no regular expression"),
        (["--machine", "a/b"], "use letters"),
        (["--what"], "unrecognized arguments"),
    ],
)
def test_a_wrong_argument_is_named_and_gives_exit_code_2(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        runner.main(arguments)
    assert ended.value.code == 2
    assert expected in capsys.readouterr().err


def test_an_unknown_profile_lists_the_valid_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        runner.main(["--profile", "fast"])
    message = capsys.readouterr().err
    assert all(name in message for name in ("quick", "standard", "publish"))


def test_the_managed_run_takes_the_python_that_is_here() -> None:
    arguments = runner.run_arguments("managed", "here", ["Pickle", "Dill"], "abc")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert arguments[-3:] == ["-E", f"virtualenv:{version}", "abc^!"]
    assert arguments[4:6] == ["--bench=Pickle", "--bench=Dill"]


def asked(cells: Sequence[str], name: str) -> bool:
    """Whether ``asv run`` does a cell: it searches for each of the expressions."""
    return any(re.search(some, name) for some in cells)


@pytest.mark.parametrize("profile", list(PROFILES))
@pytest.mark.parametrize("missing", [frozenset[str](), frozenset({"pandas", "loky", "distributed"})])
def test_every_cell_that_can_have_a_figure_is_asked_for(profile: str, missing: frozenset[str]) -> None:
    cells, gaps, asked_for, there = selection(None, profile, missing), gaps_of(catalogue().values()), 0, 0
    for kind in KINDS:
        for start_method, experiments in slices(kind).items():
            name = benchmark_name(kind, start_method, METRICS[kind][0])
            chosen = {each.entry.payload.name for each in measured(experiments, PROFILES[profile])}
            lanes, there = rows(kind, experiments), there + len(rows(kind, experiments)) * len(experiments)
            for lane, each in product(lanes, experiments):
                payload, strategy = each.entry.payload, registry().get(lane)
                hit = asked(cells, f"{name}('{lane}', '{payload.name}')")
                asked_for += hit
                lacks = missing.intersection((*payload.needs, *(strategy.needs if strategy else ())))
                out = payload.name not in chosen or missing.intersection(payload.needs)
                assert not (hit and (out or lacks)), (name, lane, payload.name)
                if strategy and kind in ("argument", "result", "state") and not (out or lacks):
                    carried = declared(payload, strategy, kind, start_method, gaps)[0] is Kind.OK
                    assert hit or not carried, (name, lane, payload.name)
    assert 0.2 * there < asked_for < there


def test_of_a_benchmark_without_figures_one_cell_is_asked_for() -> None:
    cells = selection(None, "quick")
    for name in (way for method in ("fork", "spawn") for way in (f"pairs.{method.title()}.track_task",)):
        ways = names(name.split(".")[1].lower())
        assert [way for way in ways if asked(cells, f"{name}({way!r})")] == ways[:1]
    assert asked(selection(None, "standard"), f"pairs.Spawn.track_task({names('spawn')[-1]!r})")


@pytest.mark.parametrize(
    ("bench", "hits", "misses"),
    [
        ("argument", "argument.Fork.track_handoff('pickle-5', 'rows-dict-1k')", "result.Fork.track_handoff"),
        ("^argument.Spawn", "argument.Spawn.track_handoff('pickle-5', 'rows-dict-1k')", "argument.Fork.track_handoff"),
        ("rows-dict-1k", "argument.Fork.track_handoff('pickle-5', 'rows-dict-1k')", "argument.Fork.track_handoff"),
        ("(?i)FORK", "argument.Fork.track_handoff('pickle-5', 'rows-dict-1k')", "argument.Spawn.track_handoff"),
    ],
)
def test_the_users_own_choice_narrows_it_further(bench: str, hits: str, misses: str) -> None:
    cells = selection(bench, "quick")
    assert asked(cells, hits) and not asked(cells, f"{misses}('pickle-5', 'rows-tuple-1k')")


def test_what_asv_loads_for_each_cell_is_small_and_has_every_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cells: dict[Key, Cell] = {
        (metric, lane, payload): {"samples": [float(len(lane))] * 100, "number": 1}
        for metric, lane, payload in product(("encode", "decode"), ("pickle-5", "dill"), map(str, range(50)))
    }
    loaded = pickle.dumps(Cells(cells))
    assert len(loaded) < 500
    monkeypatch.chdir("/")
    found = pickle.loads(loaded)
    assert all(found.get(key, math.nan) == cell for key, cell in cells.items())
    assert math.isnan(found.get(("encode", "dill", "other"), math.nan))
    assert math.isnan(found.get(("encode", "none", "0"), math.nan))


def test_what_is_lacking_is_what_no_environment_has(tmp_path: Path) -> None:
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\nexit 3\n")
    silent.chmod(0o755)
    assert "numpy" not in lacking([Path(sys.executable)])
    assert lacking([]) == lacking([silent]) == frozenset(), "who does not answer may have all of it"


def test_children_learn_profile_and_records_and_no_constraints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONSTRAINT", "somewhere")
    env = runner.environment("quick", Path("records"))
    assert (env["HANDOFF_PROFILE"], env["HANDOFF_RECORDS"]) == ("quick", "records")
    assert "PIP_CONSTRAINT" not in env


def test_without_a_terminal_only_the_last_state_is_a_line(tmp_path: Path) -> None:
    stream = io.StringIO()
    progress = Progress(tmp_path, 2, stream)
    progress.asv_says("·· Building 8d6e8828 <main>   for virtualenv-py3.11")
    progress.asv_says("[100.00%] ··· ========== =====")
    assert progress.step_text == "Building 8d6e8828 <main> for virtualenv-py3.11"
    (tmp_path / "argument--dict--spawn.json").write_text("{}")
    progress.poll()
    progress.poll()
    assert stream.getvalue() == ""
    progress.end()
    progress.step("publishing")
    progress.end()
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("[1/2 records, 0:0") and line.endswith("] measured argument--dict--spawn")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_line_says_what_is_being_measured(tmp_path: Path) -> None:
    stream = Terminal()
    progress = Progress(tmp_path, 2, stream)
    progress.asv_says("·· Benchmarking virtualenv-py3.11")
    (tmp_path / NOW).write_text("argument dict spawn trial 2")
    progress.poll()
    progress.end()
    _, now, end = stream.getvalue().split("\r")[1:]
    assert now.startswith("[0/2 records, 0:0") and "] argument dict spawn trial 2" in now
    assert "argument" not in end
    assert not (tmp_path / NOW).exists()


def test_a_meter_says_how_long_it_took_and_how_long_it_will_take() -> None:
    seconds = iter([0.0, 1.0, 30.0, 3700.0])
    stream = Terminal()
    meter = Meter(quiet=False, stream=stream, clock=lambda: next(seconds))
    meter(0, 96, "argument dict spawn")
    meter(32, 96, "argument list spawn")
    first, second = stream.getvalue().split("\r\x1b[2K")[1:]
    assert first == "[0/96] 0:01  argument dict spawn", "nothing is known of the rest yet"
    assert second == "[32/96] 0:30, about 1:00 left  argument list spawn"
    meter(96, 96, "")
    assert stream.getvalue().endswith("\r\x1b[2K")


def test_a_line_says_how_long_it_has_gone_on_and_how_long_it_may_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.0, 2.0, 70.0])
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "60")
    line = ProgressLine(quiet=False, most_s=30.0, clock=lambda: next(seconds))
    line("argument: a first look")
    line("memory: " + "x" * 100)
    first, second = stream.getvalue().split("\r\x1b[2K")[1:]
    assert first == "0:02, at most 0:28 left  argument: a first look …"
    assert second.startswith("1:10, at most 0:00 left  memory: xx")
    assert len(second) == 59, "a line that is wrapped cannot be written over"


def test_in_a_pipe_a_meter_leaves_one_line() -> None:
    seconds = iter([0.0, 1.0, 30.0, 3700.0])
    stream = io.StringIO()
    meter = Meter(quiet=False, stream=stream, clock=lambda: next(seconds))
    for done in (0, 32, 96):
        meter(done, 96, "argument dict spawn")
    assert stream.getvalue() == "[96/96] 1:01:40\n"


#: Starts a grandchild in a session of its own, as a trial is, then waits; the child's process id is the first line.
CHILD = """
import os, subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(os.getpid(), grandchild.pid, flush=True)
time.sleep(600)
"""

PARENT = """
import os, sys
from pathlib import Path
from benchmarks import _child
from handoff.processes import signals
try:
    signals.heed()
    command = [sys.executable, "-c", sys.argv[1]]
    code = _child.run(command, os.environ, Path("."), Path(sys.argv[2]), print, sys.stdout.flush)
except KeyboardInterrupt:
    sys.exit(signals.exit_code())
sys.exit(code % 256)
"""


@pytest.fixture
def family(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """A runner, its child, and a grandchild in a session of its own."""
    command = [sys.executable, "-c", PARENT, CHILD, str(tmp_path / "log")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child, grandchild = map(int, parent.stdout.readline().split())
        try:
            yield parent, child, grandchild
        finally:
            for pid in (parent.pid, child, grandchild):
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


linux = pytest.mark.skipif(sys.platform != "linux", reason="process groups and /proc as on Linux")
Family = tuple[subprocess.Popen[str], int, int]


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_leaves_no_process_not_even_in_another_session(family: Family, number: signal.Signals) -> None:
    parent, child, grandchild = family
    parent.send_signal(number)
    assert parent.wait(30) == 128 + number
    assert not alive(child) and not alive(grandchild)


@linux
def test_a_killed_child_leaves_no_process_and_gives_its_exit_code(family: Family) -> None:
    parent, child, grandchild = family
    os.kill(child, signal.SIGKILL)
    start = time.monotonic()
    assert parent.wait(30) == (-signal.SIGKILL) % 256
    assert not alive(grandchild)
    assert time.monotonic() - start < 25
