"""What the runner shows while asv runs: a live line on a terminal, and everywhere else its last state alone.

asv is silent while a ``setup_cache`` measures, so the steps come from the records as they appear, and from what that
says of itself in a file beside them. asv imports this module when it looks for benchmarks: it must stay light.
"""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import TextIO

#: asv's own steps that take long and are worth a line; its tables and the cells' results are in the log.
STEP = re.compile(r"·+ ((?:Creating|Discovering|Building|Installing|Running|Benchmarking|Setting up|Uninstalling).*)")

NOW = "now.txt"  #: in the folder of records: what is being measured


class Progress:
    """Shows steps and counts records. ``expected`` is 0 where the number of records is not known."""

    def __init__(self, records: Path, expected: int, stream: TextIO) -> None:
        self.records, self.expected, self.stream = records, expected, stream
        self.live = stream.isatty()
        self.started = time.monotonic()
        self.seen: set[str] = set()
        self.step_text = "starting"
        self.ended = False

    def asv_says(self, line: str) -> None:
        """Take one line of asv's output."""
        if found := STEP.search(line):
            self.step(" ".join(found[1].split()))

    def step(self, text: str) -> None:
        """Something new is being done."""
        self.step_text = text
        self._show(text)

    def poll(self) -> None:
        """Look for new records; call it a few times a second."""
        new = {path.stem for path in self.records.glob("*.json")} - self.seen
        for name in sorted(new):
            self.seen.add(name)
            self.step_text = f"measured {name}"
        if self.live:
            self._show(self._now() or self.step_text)

    def _now(self) -> str:
        try:
            return (self.records / NOW).read_text(encoding="utf-8")
        except OSError:
            return ""

    def end(self) -> None:
        """Leave the terminal's line empty for what comes next; elsewhere say once how far it came."""
        (self.records / NOW).unlink(missing_ok=True)
        if self.live:
            self._write("\r\x1b[K")
        elif not self.ended:
            self.ended = True  # publishing and reporting come after, and leave no records
            self._write(f"[{self.count()}] {self.step_text}\n")

    def count(self) -> str:
        """How far it is: ``12/96 records, 1:02``."""
        seconds = int(time.monotonic() - self.started)
        of = f"/{self.expected}" if self.expected else ""
        return f"{len(self.seen)}{of} records, {seconds // 60}:{seconds % 60:02d}"

    def _show(self, text: str) -> None:
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            line = f"[{self.count()}] {text}"
            self._write(f"\r{line[:width]}\x1b[K")

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()
