"""``handoff diagnose``: hostile and bad targets, outputs, exit codes. Targets run contained, and leave nothing."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from handoff.commands._options import seconds
from handoff.processes.sandbox import memory_limit
from handoff.target import Ref, TargetError, load_target, parse_call, parse_target

GENEROUS_S = 60.0  #: an upper bound on containment, not a measurement

TARGETS = '''
"""Targets of all kinds."""
import ctypes, os, signal, sys, threading, time
from pathlib import Path

def config():
    return {"name": "run", "scale": lambda x: 2 * x, "lock": [threading.Lock()], "values": list(range(1000))}

def plain(n=3, *, k="x"):
    return {"n": list(range(n)), "k": k}

class Factory:
    @staticmethod
    def build():
        return [1, 2, 3]

def relative():
    return Path("beside.txt").read_text()

def raises():
    raise ValueError("no such\\nthing")

def hangs():
    time.sleep(600)

def spins():
    while True:
        pass

def exits():
    sys.exit(3)

def exits_hard():
    os._exit(4)

def crashes():
    ctypes.string_at(0)

def killed():
    os.kill(os.getpid(), signal.SIGKILL)

def prints():
    print("from the target")
    os.write(1, b"from the target, raw")
    return {"a": 1}

def eats():
    import numpy as np
    return np.ones(1 << 40)

def forks():
    os.fork()
    return [1, 2, 3]

def daemon():
    if os.fork() == 0:
        os.setsid()
        Path("daemon.pid").write_text(str(os.getpid()))
        time.sleep(600)
    while not Path("daemon.pid").exists() or not Path("daemon.pid").read_text():
        time.sleep(0.01)
    return [1]

def returns_none():
    pass

def asks():
    return input()

def interrupts():
    raise KeyboardInterrupt

def unspeakable():
    class Unspeakable(Exception):
        def __str__(self):
            raise RuntimeError
    raise Unspeakable

def needs(n, *, k):
    return n

not_callable = 3
'''


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A user's folder."""
    (tmp_path / "targets.py").write_text(TARGETS)
    (tmp_path / "beside.txt").write_text("beside")
    (tmp_path / "syntax.py").write_text("def make(:\n    pass\n")
    (tmp_path / "imports.py").write_text("\nimport no_such_module_anywhere\n")
    (tmp_path / "exits.py").write_text("import sys\nsys.exit(2)\n")
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "two.py").write_text("def one(): return 1\ndef two(): return lambda: 2\nPAYLOADS = [one, two]\n")
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "json.py").write_text("def make(): return 1\n")
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("VALUE = [1]\n")
    (package / "whole.py").write_text("from .part import VALUE\ndef make(): return VALUE\n")
    return tmp_path


def handoff(desk: Path, *args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "handoff", *args]
    environment = {**os.environ, "COLUMNS": "100", **(env or {})}
    return subprocess.run(
        command, cwd=desk, capture_output=True, text=True, timeout=GENEROUS_S, env=environment, check=False
    )


def traces(of: int | None = None) -> set[str]:
    """Folders, segments and semaphores with this package's prefix."""
    places = [Path("/dev/shm"), Path(os.environ.get("TMPDIR", "/tmp"))]
    return {str(p) for place in places if place.is_dir() for p in place.iterdir() if f"handoff-{of}-" in p.name}


HOSTILE = {
    "raises": r"targets.py:raises: raised ValueError: no such thing \(.*targets\.py:\d+\)",
    "hangs": r"had not returned after 2 s \(in hangs, .*targets\.py:\d+\); .*--patience",
    "spins": r"had not returned after 2 s",
    "exits": r"calls sys\.exit\(3\) instead of returning an object",
    "exits_hard": r"its process exited with status 4 before it had returned an object; does it call os\._exit\?",
    "crashes": r"its process died of SIGSEGV before it had returned an object \(in crashes, .*targets\.py:\d+\)",
    "killed": r"its process died of SIGKILL .*memory runs out",
    "eats": r"the object needs more memory than the .*GiB|MiB",
    "asks": r"raised EOFError",
    "interrupts": r"raised KeyboardInterrupt",
    "unspeakable": r"raised Unspeakable: \(its message raises RuntimeError\)",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_target_costs_one_clear_line_and_exit_code_2(desk: Path, name: str) -> None:
    done = handoff(desk, "diagnose", f"targets.py:{name}", "--patience", "2s")
    assert done.returncode == 2, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("handoff diagnose: ")
    assert re.search(HOSTILE[name], line), line


@pytest.mark.parametrize("name", ["raises", "crashes", "exits"])
def test_verbose_shows_the_users_own_traceback(desk: Path, name: str) -> None:
    done = handoff(desk, "diagnose", f"targets.py:{name}", "-v")
    assert done.returncode == 2
    assert f"in {name}" in done.stderr


@pytest.mark.parametrize("name", ["prints", "forks", "daemon", "returns_none", "relative", "Factory.build", "plain(3)"])
def test_a_target_that_misbehaves_but_returns_is_diagnosed(desk: Path, name: str) -> None:
    done = handoff(desk, "diagnose", f"targets.py:{name}", "--format", "json")
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["culprits"] == []
    assert done.stderr == ""


def test_none_is_an_object_but_is_said_to_be_none(desk: Path) -> None:
    assert "returned None" in handoff(desk, "diagnose", "targets.py:returns_none").stdout


def test_no_process_that_a_target_has_started_is_left(desk: Path) -> None:
    assert handoff(desk, "diagnose", "targets.py:daemon").returncode == 0
    assert ends(int((desk / "daemon.pid").read_text()))


def ends(pid: int) -> bool:
    """Whether a process is gone, or will be in a moment; a zombie is a matter of whoever adopted it."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    return False


def test_an_interrupt_ends_everything(desk: Path) -> None:
    command = [sys.executable, "-P", "-m", "handoff", "diagnose", "targets.py:daemon_then_hangs"]
    (desk / "targets.py").write_text(TARGETS + "\ndef daemon_then_hangs():\n    daemon()\n    hangs()\n")
    with subprocess.Popen(command, cwd=desk, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + GENEROUS_S
        while not (desk / "daemon.pid").exists() and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=GENEROUS_S)
    assert process.returncode == 130, errors
    assert "interrupted" in errors
    assert traces(process.pid) == set()
    assert ends(int((desk / "daemon.pid").read_text()))


BAD = {
    "missing.py:make": r"missing\.py: no such file",
    "missing": r"missing: no such file or folder; name a callable",
    "no_such_module_anywhere:make": r"no such module",
    "syntax.py:make": r"syntax\.py:1: SyntaxError: invalid syntax",
    "imports.py:make": r"imports\.py:2: ModuleNotFoundError while importing imports: .*no_such_module_anywhere",
    "exits.py:make": r"exits\.py:2: SystemExit while importing exits",
    "targets.py:nothing": r"targets\.py: nothing is named 'nothing'; it has config",
    "targets.py:not_callable": r"not_callable is a int: name a callable",
    "targets.py:needs": r"targets\.py:\d+\): missing a required argument: 'n'; .*targets:needs\(…, k=…\)",
    "targets.py:plain(3, 4)": r"too many positional arguments",
    "targets.py:plain(open)": r"arguments must be literals",
    "targets.py:plain(": r"not a target",
    "targets.py": r"defines no PAYLOADS; name a callable in it",
    "empty.py": r"defines no PAYLOADS",
    "two.py": r"defines 2 payloads: say --payload NAME; there are: one, two",
    "package:make": r"nothing is named 'make'",
    "shadow/json.py:make": r"importing 'json' gives another module",
}


@pytest.mark.parametrize("target", BAD)
def test_a_bad_target_is_one_line_saying_what_and_where(desk: Path, target: str) -> None:
    done = handoff(desk, "diagnose", target)
    assert (done.returncode, done.stdout) == (2, ""), done
    (line,) = done.stderr.splitlines()
    assert re.search(BAD[target], line), line


@pytest.mark.parametrize("options", [["--budget", "soon"], ["--patience", "-1"], ["-o", "no/such/folder/file"]])
def test_bad_options_are_exit_code_2(desk: Path, options: list[str]) -> None:
    assert handoff(desk, "diagnose", "targets.py:plain", *options).returncode == 2


@pytest.mark.parametrize(
    ("text", "value"), [("30", 30.0), ("30s", 30.0), ("1.5m", 90.0), ("500ms", 0.5), ("1h", 3600.0)]
)
def test_times_have_units(text: str, value: float) -> None:
    assert seconds("--budget", text) == value


def test_targets_may_be_modules_of_packages_and_payloads_of_collections(desk: Path) -> None:
    assert handoff(desk, "diagnose", "package/whole.py:make").returncode == 0
    assert handoff(desk, "diagnose", "package.whole:make").returncode == 0
    assert handoff(desk, "diagnose", "two.py", "--payload", "one").returncode == 0
    assert handoff(desk, "diagnose", "two.py", "--payload", "two").returncode == 1
    assert handoff(desk, "diagnose", "targets.py:plain", "--payload", "two").returncode == 2


def check_schema(data: dict[str, Any]) -> None:
    assert data["schema"] == 1
    assert {"schema", "target", "culprits", "altered", "heavy"} <= data.keys()
    for item in (*data["culprits"], *data["altered"]):
        assert {"path", "type", "reason", "fix", "blocks"} <= item.keys()
    for item in data["heavy"]:
        assert {"path", "bytes"} <= item.keys()


def test_json_has_the_keys_of_schema_1_and_every_culprit(desk: Path) -> None:
    done = handoff(desk, "diagnose", "targets.py:config", "--format", "json")
    assert done.returncode == 1
    data = json.loads(done.stdout)
    check_schema(data)
    assert data["target"] == "targets.py:config"
    assert [item["path"] for item in data["culprits"]] == ["obj['scale']", "obj['lock'][0]"]
    assert "pickle-default" in data["culprits"][0]["blocks"]
    assert "cloudpickle" not in data["culprits"][0]["blocks"]


def test_text_says_all_and_fits_a_narrow_terminal_without_colour(desk: Path) -> None:
    for columns in (60, 100):
        done = handoff(desk, "diagnose", "targets.py:config", env={"COLUMNS": str(columns)})
        assert done.returncode == 1
        assert max(map(len, done.stdout.splitlines())) <= columns
        assert "\x1b" not in done.stdout
        words = " ".join(done.stdout.split())
        for part in ("2 culprits", "obj['scale'] (function)", "why:", "fix:", "stops:", "What is heavy", "Depth:"):
            assert part in words


def test_markdown_and_csv_and_files(desk: Path) -> None:
    done = handoff(desk, "diagnose", "targets.py:config", "--format", "markdown", "-o", "found.md")
    assert (done.returncode, done.stdout) == (1, "")
    assert "| `obj['scale']` | `function` |" in (desk / "found.md").read_text()
    done = handoff(desk, "diagnose", "targets.py:config", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["path"] for row in rows if row["what"] == "culprit"] == ["obj['scale']", "obj['lock'][0]"]


def on_terminal(desk: Path, env: dict[str, str]) -> str:
    """What the command writes to a terminal of 80 columns."""
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm-256color", **env}
    environment = {key: value for key, value in environment.items() if value}
    command = [sys.executable, "-P", "-m", "handoff", "diagnose", "-q", "targets.py:config"]
    with subprocess.Popen(command, cwd=desk, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        data = b""
        try:
            while piece := os.read(ours, 1 << 16):
                data += piece
        except OSError:  # the other end is closed
            pass
        assert process.wait(GENEROUS_S) == 1
    os.close(ours)
    return data.decode()


def test_colour_is_for_terminals_that_want_it(desk: Path) -> None:
    assert "\x1b[" in on_terminal(desk, {"NO_COLOR": ""})
    assert "\x1b[" not in on_terminal(desk, {"NO_COLOR": "1"})


def test_the_asking_process_never_imports_the_target(desk: Path) -> None:
    code = (
        "import sys; from handoff.cli import main; code = main(['diagnose', 'targets.py:plain', '-q']); "
        "assert 'targets' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=desk, capture_output=True, timeout=GENEROUS_S, check=False)
    assert done.returncode == 0, done


# -- targets, as others use them


def test_a_target_is_parted_at_the_right_colon() -> None:
    assert parse_target('json:dumps({"a": 1})') == Ref(str(Path.cwd()), "json", 'dumps({"a": 1})')
    assert parse_target("some.module:Class.make") == Ref(str(Path.cwd()), "some.module", "Class.make")
    assert isinstance(parse_target("payloads"), Path)


def test_arguments_are_literals() -> None:
    assert parse_call('make(3, "x", k=[1], d={"a": None})') == ("make", [3, "x"], {"k": [1], "d": {"a": None}})
    for text in ("make(open('x'))", "make(x)", "make(1 + y)", "make(**{'a': 1})", "make(f'{x}')", "make(1)(2)"):
        with pytest.raises(TargetError):
            parse_call(text)


def test_a_target_with_arguments_loads_anywhere() -> None:
    (entry,) = load_target('json:dumps({"a": 1}, indent=None)').values()
    assert entry.payload.make() == '{"a": 1}'
    assert entry.ref.load().make() == '{"a": 1}'


def test_the_memory_limit_is_a_share_of_what_there_is() -> None:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < memory_limit() < total
