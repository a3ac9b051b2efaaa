"""Commands that are started in a folder of their own, ended, and what is left of them then; rows that are drawn."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import synthetic

HERE = Path(__file__).parent
ROOT = HERE.parent
ORDERLY_S = 10.0  #: that a program which ends with its input may take for it


def end_orderly(process: subprocess.Popen[str]) -> None:
    """End a program that reads its input until that ends, with its group: one that is killed leaves its semaphores."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(ORDERLY_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


GENEROUS_S = 60.0
SEED = os.environ.get("HANDOFF_TEST_SEED", "21")
WHOLE = bool(os.environ.get("HANDOFF_WHOLE_HOSTILE"))
SAMPLE = 8  #: rows that run always, of each table
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: -9}
TARGETS = HERE / "ends_targets.py"
HANDOFF = (sys.executable, "-P", "-m", "handoff")
#: What is ended, and about how long it would go on: a moment is drawn within.
COMMANDS: dict[str, tuple[Sequence[str], float]] = {
    "support": ((*HANDOFF, "support", f"{HERE / 'hostile.py'}", "--payload", "fine,hangs-in-reduce", "-q"), 6.0),
    "diagnose": ((*HANDOFF, "diagnose", f"{TARGETS}:stubborn", "-q"), 6.0),
    "advise": ((*HANDOFF, "advise", f"{TARGETS}:rows", "-q"), 8.0),
    "measure": (
        (*HANDOFF, "measure", f"{HERE / 'awkward.py'}", "--payload", "numbers", "--duty", "argument", "-q",
         "--strategy", "pickle-5,queue", "--trials", "3", "-o", "records"),
        8.0,
    ),
    "selftest": ((*HANDOFF, "selftest", "--check", "null", "-q"), 6.0),
    "report": ((*HANDOFF, "report", "given", "-o", "pages"), 2.0),
    "bench": ((sys.executable, "-m", "benchmarks", "--env", "existing", "--machine", "here", "--bench", "Codec"), 15.0),
}  # fmt: skip


def some(table: Sequence[tuple[str, ...]], sample: int = SAMPLE) -> list[tuple[str, ...]]:
    """All of a table, or those of its rows that run always: drawn, but the same every day."""
    return list(table) if WHOLE else random.Random(SEED).sample(table, min(sample, len(table)))


def furnish(name: str, folder: Path) -> None:
    """What a command needs there: a temporary folder of its own, records, a repository for asv."""
    (folder / "tmp").mkdir()
    if name == "report":
        (folder / "given").mkdir()
        for number, record in enumerate((synthetic.record(trials=3, rounds=2), *synthetic.model_under_spawn())):
            (folder / "given" / f"{number}.json").write_text(record.to_json())
    if name == "bench":
        for part in ("benchmarks", "payloads", "reports"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "asv.conf.json", folder)
        for line in ("init -q -b main", "add .", "-c user.name=x -c user.email=x@localhost commit -q -m x"):
            subprocess.run(["git", *line.split()], cwd=folder, check=True)


def started(command: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    """A command with a temporary folder of its own, which must be empty afterwards; it leads a group of its own."""
    return subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder / "tmp")},
        start_new_session=True,
    )


def heeds(pid: int) -> bool:
    """Whether signals are ours by now: until then Python itself starts, which ends as it likes. No zombie heeds."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    caught = next((int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt")), -1)
    return caught < 0 or bool(caught >> (signal.SIGHUP - 1) & 1)


def left_by(pid: int, folder: Path) -> list[str]:
    """What is still there of a command: files, segments, processes that carry its temporary folder."""
    found = [path.name for path in (folder / "tmp").iterdir()]
    found += [path.name for path in Path("/tmp").glob(f"handoff-{pid}-*")]  # where ours are if that is too long a path
    found += [path.name for path in Path("/dev/shm").glob(f"*handoff-{pid}-*")]
    mark = f"TMPDIR={folder / 'tmp'}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if any(line.startswith(mark) for line in (entry / "environ").read_bytes().split(b"\0")):
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def left(pids: Sequence[int], folder: Path) -> list[str]:
    """What is there of runs, once it has had time to go by itself: resource trackers do."""
    end = time.monotonic() + GENEROUS_S
    while (found := [name for pid in pids for name in left_by(pid, folder)]) and time.monotonic() < end:
        time.sleep(0.1)
    return found
