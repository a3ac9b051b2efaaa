"""The house's chores; ``nox`` alone does what CI does: lint, types, tests."""

from __future__ import annotations

import functools
import os
import subprocess
import sys

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.error_on_missing_interpreters = False  # nox's own default is True where CI is set

SUPPORTED = ("3.11", "3.12", "3.13", "3.14", "3.15")
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
PROJECT = nox.project.load_toml("pyproject.toml")
# A fifth of a test's time is waiting for what it has started (processor time of a run), hence one more than cores.
WORKERS = min(4, (os.cpu_count() or 1) + 1)


@functools.cache
def runs(version: str) -> bool:
    """Whether this Python starts: a shim of a version manager can be on the path without a Python behind it."""
    try:
        command = [f"python{version}", "-c", "pass"]
        return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


PYTHONS = sorted({HERE, *filter(runs, SUPPORTED)}, key=lambda version: int(version.split(".")[1]))


def needs(*groups: str) -> list[str]:
    """The requirements of some of pyproject's dependency groups."""
    return list(nox.project.dependency_groups(PROJECT, *groups))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests, on each Python that is here."""
    session.install("-e", ".[executors,codecs,dask,mpi]", *needs("test", "pages", "bench", "docs"))
    if session.posargs:
        session.run("python", "-m", "pytest", f"-n{WORKERS}", *session.posargs)
        return
    session.run("python", "-m", "pytest", "-m", "alone")
    # A worker that was lost for a test that hangs is told at once; pytest-xdist gives its tests to nobody.
    session.run("python", "-m", "pytest", f"-n{WORKERS}", "--max-worker-restart=0", "-m", "not alone")


@nox.session(python=HERE)
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.install(*needs("lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")


@nox.session(python=HERE)
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    session.install("-e", ".", "nox", *needs("types", "test", "pages"))
    session.run("mypy", *session.posargs)


@nox.session(python=HERE)
def bench(session: nox.Session) -> None:
    """Measure on this machine, publish and report; everything after -- goes to ``python -m benchmarks``."""
    session.install("-e", ".", *needs("bench"))
    # The runner needs time to end everything it started; nox would kill it half a second after Ctrl-C.
    session.run("python", "-m", "benchmarks", *session.posargs, interrupt_timeout=60, terminate_timeout=60)


@nox.session(python=HERE)
def check(session: nox.Session) -> None:
    """Check that asv can import the benchmarks, and that their parameters agree."""
    session.install("-e", ".", *needs("bench"))
    session.run("asv", "check", "-E", "existing:python", *session.posargs)


@nox.session(python=HERE)
def publish(session: nox.Session) -> None:
    """Make asv's pages, and everything that is published with them, from the results that are there."""
    session.install("-e", ".", *needs("bench"))
    session.run("asv", "publish", *session.posargs)


@nox.session(python=HERE)
def docs(session: nox.Session) -> None:
    """Make the documentation's pages, in .site/html."""
    session.install("-e", ".", *needs("docs"))
    session.run("python", "-m", "reports.docs", ".site/pages")
    session.run("mkdocs", "build", "--strict", *session.posargs)


@nox.session(python=HERE)
def selftest(session: nox.Session) -> None:
    """Check the measuring itself on this machine."""
    session.install("-e", ".")
    session.run("handoff", "selftest", *session.posargs)


@nox.session(python=PYTHONS)
def catalogue(session: nox.Session) -> None:
    """Execute every cell of the catalogue, on each Python that is here, and compare with what is declared."""
    session.install("-e", ".[executors,codecs]", *needs("test"))
    session.env["HANDOFF_WHOLE_CATALOGUE"] = "fork,spawn,forkserver"
    session.run("python", "-m", "pytest", "tests/test_support.py", "-k", "is_what_happens", *session.posargs)
