"""Runs a command in a folder of its own, and says how it ended and what it has left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ends import GENEROUS_S, left_by

LONGEST_S = 30.0  #: of any row, on a machine that does nothing else
WAITED_S = 8 * LONGEST_S  #: here a machine may do a lot else


@dataclass(frozen=True)
class Ended:
    """A command that has come to its end, or was ended when nobody waited any longer (``code`` is None)."""

    code: int | None
    out: str
    err: str
    seconds: float
    left: tuple[str, ...]

    def faults(self, *, codes: Sequence[int]) -> list[str]:
        """What is wrong with it, a line each."""
        found = [] if self.code in codes else [f"code {self.code}, not {'/'.join(map(str, codes))}"]
        if "Traceback" in self.out + self.err or "Exception ignored" in self.err or "Fatal Python error" in self.err:
            found.append("a traceback")
        if self.code == 2 and len(self.err.strip().splitlines()) != 1:
            found.append("not one line")
        if set(self.out + self.err) & set("\x1b\x07\ud800"):
            found.append("raw text of a payload")
        return [*found, *(f"left: {each}" for each in self.left)]

    def __str__(self) -> str:
        return f"{self.code} after {self.seconds:.1f} s\n{self.out[-600:]}\n--\n{self.err[-1500:]}"


def ran(
    command: Sequence[str],
    folder: Path,
    *,
    mark: str = "",
    environment: Mapping[str, str | None] = MappingProxyType({}),
) -> Ended:
    """Run it with a temporary folder of its own. ``mark`` is in the command line of what the user's code starts."""
    short = Path(tempfile.mkdtemp(prefix="h-"))  # sockets have their names below it
    (short / "tmp").mkdir()
    env = {**os.environ, "TMPDIR": str(short / "tmp"), **environment}
    begin = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={name: value for name, value in env.items() if value is not None},
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=WAITED_S)
            code: int | None = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            code = None
    took_s = time.monotonic() - begin
    left = _left(process.pid, short, mark)
    shutil.rmtree(short, ignore_errors=True)
    for pid in _marked(mark):
        os.kill(pid, signal.SIGKILL)
    said = [each.decode(errors="surrogateescape") for each in (out, err)]
    return Ended(code, said[0], said[1], took_s, tuple(left))


def _left(pid: int, folder: Path, mark: str) -> list[str]:
    end = time.monotonic() + GENEROUS_S / 4  # resource trackers end by themselves
    while True:
        found = [*left_by(pid, folder), *(f"process {each}" for each in _marked(mark))]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.1)


def _marked(mark: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*") if mark else ():
        try:
            if mark.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found
