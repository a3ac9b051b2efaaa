"""However a command is ended, it ends in order: its exit code, one line, and nothing left."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from ends import CODES, COMMANDS, GENEROUS_S, HANDOFF, SEED, TARGETS, furnish, heeds, left, some, started

from handoff.cli import main
from handoff.record import read_all
from handoff.start_methods import START_METHODS

#: Each command by each signal, to itself or to its whole group as a terminal sends it, at six moments.
SWEEP = [
    (name, number.name, whom, str(moment))
    for moment in range(6)
    for whom in ("itself", "its-group")
    for number in CODES
    for name in COMMANDS
]


@pytest.mark.parametrize(("name", "number", "whom", "moment"), some(SWEEP))
def test_however_a_command_is_ended_it_ends_in_order(name: str, number: str, whom: str, moment: str) -> None:
    command, lasts_s = COMMANDS[name]
    after_s = random.Random(f"{SEED} {name} {number} {whom} {moment}").uniform(0, lasts_s)
    with tempfile.TemporaryDirectory(prefix="ends-") as place:  # short: sockets have their names below it
        furnish(name, folder := Path(place))
        with started(command, folder) as process:
            while not heeds(process.pid):
                time.sleep(0.01)
            try:
                process.wait(after_s)
            except subprocess.TimeoutExpired:
                (os.killpg if whom == "its-group" else os.kill)(process.pid, signal.Signals[number])
            _, errors = process.communicate(timeout=2 * GENEROUS_S)
        assert process.returncode in (CODES[signal.Signals[number]], 0, 1), errors  # it may have been done
        assert "Traceback" not in errors
        pids = [process.pid]
        if number == "SIGKILL":  # nobody was left to clear up: the next run does
            pids.append(run_next(folder))
        assert left(pids, folder) == []
        assert_goes_on(name, folder)


def run_next(folder: Path) -> int:
    """Another run in the same place; its number."""
    with started([*HANDOFF, "diagnose", f"{TARGETS}:rows", "-q"], folder) as process:
        _, errors = process.communicate(timeout=GENEROUS_S)
    assert process.returncode == 0, errors
    return process.pid


#: Where a command's records are.
RECORDS = {"measure": "records", "bench": ".asv/records", "report": "given"}


def assert_goes_on(name: str, folder: Path) -> None:
    """Records are whole or absent, what there is can be reported, and the same folder goes on."""
    if name not in RECORDS or not (place := folder / RECORDS[name]).is_dir():
        return
    records, problems = read_all(place)
    assert problems == []
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        assert main(["report", str(place), "-o", str(folder / "read")]) == (0 if records else 2)
    if name == "measure":
        done = subprocess.run(COMMANDS[name][0], capture_output=True, text=True, cwd=folder, check=False)
        records, problems = read_all(place)
        assert problems == []
        assert all(record.complete for record in records)
        assert len(records) == len(START_METHODS)
        assert done.returncode == 0 or "has 3 of 3 records" in done.stderr, done.stderr


@pytest.mark.parametrize("number", [*CODES][:3], ids=lambda number: number.name)
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
