"""Running a check: a plain program in a private folder, watched for hanging, with nothing left of it afterwards.

A program hangs when every process of its group sleeps and none gets any processor time for ``timeouts.IDLE_S``: that
is the same on a busy machine, where waiting for the processor is not sleeping.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from handoff import timeouts
from handoff.processes import proc
from handoff.processes.cleanup import kill_group
from payloads.claims._claim import Claim, Script

_ERROR = re.compile(r"^((?:\w+\.)*\w*(?:Error|Exception|Empty))(?:: (.*))?$", re.MULTILINE)
#: What a spawned child says when the parent broke off writing to it: an echo of the parent's own error.
_ECHO = "EOFError: Ran out of input"
#: The cause of an error in the same process, with the notes that 3.14 adds to it; a worker's own traceback, which a
#: pool quotes, ends in quotation marks before these words.
_CAUSE = re.compile(
    r"^(?:\w+\.)*\w+(?:Error|Exception|Empty)(?:: .*)?\n(?:when serializing .*\n)*\n"
    r"(?:The above exception was the direct cause of|During handling of the above exception, another)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Observation:
    """One check under one start method: what was declared and what was seen."""

    claim: Claim
    check: Script
    start_method: str
    declared: str
    seen: str

    @property
    def unavailable(self) -> bool:
        return self.seen.startswith("unavailable")

    @property
    def agrees(self) -> bool:
        return self.unavailable or self.seen == self.declared


def run_all(
    claims: Iterable[Claim], python: str = sys.executable, *, done: Callable[[Observation], object] = lambda _: None
) -> list[Observation]:
    """Every check of the claims under every start method, as many at a time as there are cores."""
    version = version_of(python)
    todo = [(claim, check, method) for claim in claims for check in claim.checks for method in check.start_methods]

    def one(item: tuple[Claim, Script, str]) -> Observation:
        claim, check, method = item
        result = Observation(claim, check, method, check.expected(method, version), observe(check, method, python))
        done(result)
        return result

    with ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)))) as pool:
        return list(pool.map(one, todo))


@cache
def version_of(python: str) -> str:
    """``3.11``, of an interpreter given by path."""
    return _ask(python, "import sys; print('%d.%d' % sys.version_info[:2])")


@cache
def _has(python: str, module: str) -> bool:
    return _ask(python, f"import importlib.util; print(importlib.util.find_spec({module!r}) is not None)") == "True"


def _ask(python: str, code: str) -> str:
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def observe(check: Script, start_method: str, python: str = sys.executable) -> str:
    """Run one check; return what was seen in a sentence without addresses, paths and process numbers."""
    missing = [module for module in check.needs if not _has(python, module)]
    if missing:
        return f"unavailable: {' and '.join(missing)} not installed"
    folder = Path(tempfile.mkdtemp(prefix="claim-"))
    try:
        script = folder / "script.py"
        script.write_text(check.script.lstrip("\n"), encoding="utf-8")
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = subprocess.Popen(
                [python, str(script), start_method],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=folder,
                env=os.environ | {"TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
                start_new_session=True,
            )
            try:
                end = _wait(process)
            finally:
                kill_group(process.pid)
                process.wait()
        texts = [(folder / name).read_text(errors="replace").replace(str(folder), "…") for name in ("out", "err")]
        return _words(end, *texts)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes]) -> str:
    """How it ended: ``0``, another exit status, ``hangs``, or ``still runs after …``."""
    begin = idle_since = time.monotonic()
    used = -1
    while True:
        with suppress(subprocess.TimeoutExpired):
            return str(process.wait(timeouts.WORKER_LOOK_S))
        now = time.monotonic()
        sleeping, ticks = proc.activity(process.pid)
        if not sleeping or ticks != used:
            idle_since, used = now, ticks
        elif now - idle_since > timeouts.IDLE_S:
            return "hangs"
        if now - begin > timeouts.PROGRAM_S:
            return f"still runs after {timeouts.PROGRAM_S:g} s"


def _words(end: str, out: str, err: str) -> str:
    printed = " / ".join(filter(None, (line.strip(" ;/") for line in out.splitlines())))
    errors = list(dict.fromkeys(_errors(err)))
    parts = [f"prints {printed}"] if printed else []
    if end.isdigit() and int(end):
        parts.append(f"raises {errors.pop()}" if errors else f"exits with status {end}")
    elif end != "0":
        parts.append(end if end[0].isalpha() else f"is killed by signal {end.removeprefix('-')}")
    if errors:
        parts.append(f"in a worker: {errors[-1]}")
    text = re.sub(r"0x[0-9a-f]+", "0x…", "; ".join(parts))
    # what it was doing when it ran out of depth is a matter of one frame more or less
    text = re.sub(r"(Stack overflow) \(used \d+ kB\)", r"\1", text)
    text = re.sub(r"(maximum recursion depth exceeded|Stack overflow) while [^;]*", r"\1", text)
    return text or "ends silently"


def _errors(text: str) -> Iterator[str]:
    for kind, message in _ERROR.findall(_CAUSE.sub("\n", text)):
        line = f"{kind.rpartition('.')[2]}: {message}".removesuffix(": ")
        if line != _ECHO:
            yield line
