"""What a worker that was not forked imports before its first task, and which packages take it."""

from __future__ import annotations

import re
import subprocess
import sys

from handoff import timeouts
from handoff.analysis import units
from handoff.target import Ref

LEAST_S = 0.05  #: an import that takes less is not worth a word: a spawned interpreter alone takes as long
MOST = 3  #: packages that are named
SHARE = 0.1  #: of the whole: a package with less is not named
_LINE = re.compile(r"import time: +(\d+) \| +(\d+) \| ( *)(\S+)")


def note(ref: Ref, imported_s: float) -> str:
    """A sentence on what importing the object's module takes, and of what; "" where that is little."""
    if imported_s < LEAST_S:
        return ""
    packages = by_package(ref)
    whole_s = sum(packages.values())
    if whole_s < LEAST_S:
        return ""
    named = [(name, taken) for name, taken in packages.items() if name != ref.module and taken >= SHARE * whole_s]
    parts = ", ".join(f"{name} {units.seconds(taken)}" for name, taken in named[:MOST])
    of_it = f", of it {parts}" if parts else ""
    return f"importing {ref.module} takes {units.seconds(whole_s)}{of_it}: each worker that is not forked pays that"


def by_package(ref: Ref) -> dict[str, float]:
    """Seconds by the package that the module imports, the longest first, in a fresh interpreter; its own rest too."""
    code = f"import sys; sys.path.insert(0, {ref.root!r}); __import__({ref.module!r})"
    try:
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", code], cwd=ref.folder or None, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=timeouts.IMPORTS_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return read(done.stderr, ref.module)


def read(report: str, module: str) -> dict[str, float]:
    """Python's own report (``-X importtime``), where what a module imports stands above it, two blanks further in."""
    lines = [(len(m[3]), m[4], int(m[1]) / 1e6, int(m[2]) / 1e6) for m in map(_LINE.match, report.splitlines()) if m]
    own = next((n for n, (_, name, _, _) in enumerate(lines) if name == module), None)
    if own is None:
        return {}
    depth, _, itself_s, _ = lines[own]
    found = {module: itself_s}
    for inner, name, _, whole_s in reversed(lines[:own]):
        if inner <= depth:
            break
        if inner == depth + 2:
            package = name.partition(".")[0]
            found[package] = found.get(package, 0.0) + whole_s
    return dict(sorted(found.items(), key=lambda item: -item[1]))
