"""However a command is ended, it ends in order: its exit code, one line, and nothing left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GENEROUS_S = 60.0
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
#: Moments are drawn for each run: a few here, more where this says so.
MOMENTS = int(os.environ.get("HANDOFF_TEST_MOMENTS", "1"))
SEED = int(os.environ.get("HANDOFF_TEST_SEED", "21"))
COMMANDS = {
    "support": ["support", str(HERE / "hostile.py"), "--payload", "fine,hangs-in-reduce", "-q"],
    "diagnose": ["diagnose", f"{HERE / 'ends_targets.py'}:slow", "-q"],
    "advise": ["advise", f"{HERE / 'ends_targets.py'}:rows", "-q"],
    "measure": ["measure", str(HERE / "awkward.py"), "--payload", "numbers", "--duty", "argument", "-q"],
    "selftest": ["selftest", "--check", "null", "-q"],
}


def started(command: list[str], folder: Path) -> subprocess.Popen[str]:
    """A command with a temporary folder of its own, which must be empty afterwards."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "handoff", *command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder / "tmp")},
    )


def left_by(pid: int, folder: Path) -> list[str]:
    """What is still there of a command: files, segments, processes that carry its temporary folder."""
    found = [path.name for path in (folder / "tmp").iterdir()]
    found += [path.name for path in Path("/dev/shm").glob(f"*handoff-{pid}-*")]
    mark = f"TMPDIR={folder / 'tmp'}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if any(line.startswith(mark) for line in (entry / "environ").read_bytes().split(b"\0")):
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def assert_nothing_left(pid: int, folder: Path) -> None:
    end = time.monotonic() + GENEROUS_S  # the resource trackers end by themselves
    while (found := left_by(pid, folder)) and time.monotonic() < end:
        time.sleep(0.1)
    assert found == []


@pytest.mark.parametrize("moment", range(MOMENTS))
@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_signal_ends_a_command_in_order(name: str, number: signal.Signals, moment: int) -> None:
    after_s = random.Random(f"{SEED} {name} {number} {moment}").uniform(0.5, 4)
    with tempfile.TemporaryDirectory(prefix="ends-") as place:  # short: sockets have their names below it
        folder = Path(place)
        (folder / "tmp").mkdir()
        more = ["-o", str(folder / "records")] if name == "measure" else []
        with started([*COMMANDS[name], *more], folder) as process:
            try:
                process.wait(after_s)
            except subprocess.TimeoutExpired:
                process.send_signal(number)
            _, errors = process.communicate(timeout=GENEROUS_S)
        assert process.returncode in (CODES[number], 0, 1), errors  # it may have been done
        assert "Traceback" not in errors
        assert_nothing_left(process.pid, folder)


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_while_it_imports_too(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    code = (
        "import builtins, os, sys; real = builtins.__import__\n"
        "def hook(name, *rest):\n"
        f"    if name == 'argparse': builtins.__import__ = real; os.kill(os.getpid(), {int(number)})\n"
        "    return real(name, *rest)\n"
        "builtins.__import__ = hook\n"
        "sys.argv = ['handoff', 'list', 'duties']\n"
        "from handoff.__main__ import main; raise SystemExit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == CODES[number], done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("what", ["import time, atexit; atexit.register(time.sleep, 600)", "thread", "destructor"])
def test_nothing_of_the_users_keeps_a_command_from_ending(what: str, tmp_path: Path) -> None:
    code = {
        "thread": "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()",
        "destructor": "import time\nclass A:\n    def __del__(self): time.sleep(600)\nkept = A()",
    }.get(what, what)
    (tmp_path / "mine.py").write_text(f"{code}\ndef make(): return [1, 2]\n")
    command = [sys.executable, "-P", "-m", "handoff", "support", "mine.py:make", "-q"]
    ways = ["--strategy", "pickle-5", "--start-method", "fork"]
    done = subprocess.run(
        [*command, *ways], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=GENEROUS_S
    )
    assert done.returncode == 0, done.stderr
    assert "pickle-5" in done.stdout


#: A module, or a maker, that does not give an object, and what every command says of it in one line.
UNMADE = {
    "import os; os.kill(os.getpid(), 11)": "SIGSEGV",
    "import time; time.sleep(600)": "had not returned after",
    "def make(): raise BaseException('no')": "raised BaseException: no",
    "def make(): raise SystemExit(3)": "sys.exit",
    "import os\ndef make(): os._exit(3)": "exited with status 3",
    "def make():\n    while True: pass": "had not returned after",
}


@pytest.mark.parametrize("code", UNMADE, ids=range(len(UNMADE)))
@pytest.mark.parametrize("command", ["support", "diagnose", "advise", "measure"])
def test_every_command_opens_its_target_in_the_same_way(command: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(f"{code}\n")
    more = ["-o", "records"] if command == "measure" else []
    patience = "1s" if "had not returned" in UNMADE[code] else f"{GENEROUS_S:.0f}s"  # the others end by themselves
    line = [sys.executable, "-P", "-m", "handoff", command, "mine.py:make", "-q", "--patience", patience, *more]
    done = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=GENEROUS_S)
    assert done.returncode == 2, done.stderr
    assert UNMADE[code] in done.stderr
    assert len(done.stderr.splitlines()) == 1


CLEARS = "\x1b]0;title\x07\x1b[2J\ud800 \u202e"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("form", ["text", "json", "markdown", "csv"])
@pytest.mark.parametrize("command", ["support", "diagnose", "advise"])
def test_what_a_payload_says_is_printed_and_not_obeyed(command: str, form: str, encoding: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        f"class Bad:\n    def __reduce__(self): raise ValueError({CLEARS!r})\ndef make(): return [Bad()]\n"
    )
    ways = ["--strategy", "pickle-5", "--start-method", "fork"] if command == "support" else []
    ways += ["--budget", "2s", "--start-method", "fork"] if command == "advise" else []
    line = [sys.executable, "-P", "-m", "handoff", command, "mine.py:make", "-q", "--format", form, *ways]
    done = subprocess.run(
        line,
        capture_output=True,
        cwd=tmp_path,
        check=False,
        timeout=GENEROUS_S,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )
    said = (done.stdout + done.stderr).decode(encoding)
    assert done.returncode == (0 if command == "advise" else 1), said  # a thread gets the object itself
    assert "Traceback" not in said
    assert "title" in said or command == "advise"  # which may have had no time to hear it
    assert not set(said) & set("\x1b\x07\ud800\u202e")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "| head -1", "| true"])
def test_streams_may_be_closed(closed: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def make(): return [1, 2]\n")
    line = f"{sys.executable} -P -m handoff diagnose mine.py:make -q {closed}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=100
    )
    assert (done.returncode, done.stderr) == (0, "")
