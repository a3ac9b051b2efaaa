"""Run the suite: ``python -m benchmarks`` measures through asv, publishes, reports, and says where everything is.

asv itself is untouched and can be used directly; this is the one command for somebody who wants numbers. It adds what
asv lacks: progress while a ``setup_cache`` measures, a machine file inside the repository, a folder of records for each
run, and a clean end at Ctrl-C. Exit codes: 0 fine, 1 something failed, 2 usage, 130 interrupted (143 by SIGTERM, 129
by SIGHUP).
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".asv"  #: everything asv and this module write
ENVIRONMENTS = {
    "managed": "a virtualenv of asv's own with exactly pinned libraries; measures the commit",
    "existing": "this interpreter as it is; measures the working tree",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the suite as the arguments say; returns the exit code."""
    args = parse(argv)
    commit = git("rev-parse", "HEAD")
    if not commit:
        print(
            f"{ROOT}: not a git repository with a commit, which asv needs: clone it instead of unpacking it",
            file=sys.stderr,
        )
        return 2
    if args.env == "managed" and git("status", "--porcelain", "--", "handoff", "pyproject.toml"):
        print(
            "note: handoff/ has uncommitted changes, which the managed environment does not see (it builds the commit);"
            " take --env existing to measure them",
            file=sys.stderr,
        )

    from benchmarks import _child
    from benchmarks._progress import Progress
    from benchmarks.plan import expected, lacking, selection
    from handoff.processes import folders, signals

    run = HOME / "records" / args.machine / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{commit[:8]}"
    run.mkdir(parents=True)
    log = HOME / "run.log"
    log.write_bytes(b"")
    # Interrupted, asv leaves its folders behind; in the system's own place, since a socket's path has to be short.
    temporary = folders.make()
    env = environment(args.profile, run) | {"TMPDIR": str(temporary)}
    progress = Progress(run, expected(args.bench, args.profile), sys.stderr)

    def child(command: list[str]) -> int:
        return _child.run(command, env, ROOT, log, progress.asv_says, progress.poll)

    asv = [sys.executable, str(ROOT / "benchmarks" / "_asv.py"), str(HOME / "machine.json"), args.machine]
    report = HOME / "report"
    failed = []
    try:
        pythons = [Path(sys.executable)]
        if args.env == "managed":  # what fails here fails again in the run, which says so
            child([*asv, "setup", "-E", virtualenv()])
            pythons = sorted((HOME / "env").glob("*/bin/python"))
        cells = selection(args.bench, args.profile, lacking(pythons))
        code = child([*asv, *run_arguments(args.env, args.machine, cells, commit)])
        progress.end()
        if code:
            failed.append(f"asv run (exit code {code})")
        progress.step("publishing")
        if child([*asv, "publish"]):
            failed.append("asv publish")
        progress.step("writing the report")
        if child([sys.executable, "-m", "handoff", "report", str(run), "-o", str(report)]):
            failed.append("handoff report")
        progress.end()
    except KeyboardInterrupt:
        with suppress(OSError):  # after SIGHUP there is no terminal to say it on
            progress.end()
            print(f"{signals.how()}; what was measured so far is in {shown(run)}", file=sys.stderr)
        return signals.exit_code()
    finally:
        folders.remove(temporary)
    if failed:
        print("", *tail(log), f"failed: {', '.join(failed)}; all of it is in {shown(log)}", sep="\n", file=sys.stderr)
    print(summary(run, report))
    for text in answered(run):
        print(text)
    return 1 if failed else 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; a wrong one ends the process with code 2 and a message that lists the valid ones."""
    from handoff.profile import PROFILES

    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure through asv, publish, report.")
    parser.add_argument(
        "--profile", choices=list(PROFILES), default="quick", help="how much is measured (default: quick)"
    )
    parser.add_argument("--bench", type=regex, metavar="REGEX", help="only the benchmarks whose name matches")
    parser.add_argument(
        "--machine", type=machine_name, default=machine_name(platform.node() or "localhost"), metavar="NAME",
        help="what asv calls this machine (default: its host name)",
    )  # fmt: skip
    parser.add_argument(
        "--env", choices=list(ENVIRONMENTS), default="managed",
        help="; ".join(f"{name}: {what}" for name, what in ENVIRONMENTS.items()),
    )  # fmt: skip
    return parser.parse_args(argv)


def regex(text: str) -> str:
    """A regular expression that compiles."""
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None
    return text


def machine_name(text: str) -> str:
    """A name that can be a folder's."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r}: use letters, digits, '_', '.' and '-'")
    return text


def environment(profile: str, records: Path) -> dict[str, str]:
    """The environment of asv and of everything it starts: how the benchmarks learn what to do."""
    # A constraints file is for this project's tools; asv's environments have their own pins, some of them older. And a
    # worker that compiles the payloads anew each time would start more slowly than any user's.
    unwanted = ("PIP_CONSTRAINT", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    inherited = {key: value for key, value in os.environ.items() if key not in unwanted}
    return inherited | {"HANDOFF_PROFILE": profile, "HANDOFF_RECORDS": str(records), "PYTHONUNBUFFERED": "1"}


def virtualenv() -> str:
    """asv's own environments for this Python.

    By its version, so that a machine with one Python needs no other; asv finds it by name or takes this one.
    """
    return f"virtualenv:{sys.version_info.major}.{sys.version_info.minor}"


def run_arguments(env: str, machine: str, cells: Sequence[str], commit: str) -> list[str]:
    """The arguments of ``asv run`` for the commit that is checked out."""
    where = {
        "managed": ["-E", virtualenv(), f"{commit}^!"],
        # asv saves nothing from an existing environment unless it is told which commit that is.
        "existing": ["-E", f"existing:{sys.executable}", "--set-commit-hash", commit],
    }[env]
    return ["run", "--machine", machine, "--show-stderr", *(f"--bench={some}" for some in cells), *where]


def tail(log: Path, lines: int = 20) -> list[str]:
    """The end of what asv said."""
    return log.read_text(errors="replace").splitlines()[-lines:]


def summary(records: Path, report: Path) -> str:
    """Where everything is."""
    lines = [
        f"records   {shown(records)}",
        f"results   {shown(HOME / 'results')} (asv show, asv compare)",
        f"asv pages {shown(HOME / 'html' / 'index.html')} (asv preview)",
    ]
    if (page := report / "index.html").exists():
        lines.append(f"report    {shown(page)}")
    return "\n".join(lines)


def answered(records: Path) -> Iterator[str]:
    """What the run has answered, and what it has not."""
    from handoff.analysis import answers
    from handoff.record import read_all

    return answers.told(read_all(records)[0])


def shown(path: Path) -> str:
    """A path as somebody in the repository would type it."""
    return os.path.relpath(path)


def git(*arguments: str) -> str:
    """What git answers, or nothing."""
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def program() -> int:
    """The same; a signal ends it in order from its first moment on."""
    from handoff.processes import signals

    try:
        signals.heed()
        return main()
    except KeyboardInterrupt:
        return signals.exit_code()


if __name__ == "__main__":
    sys.exit(program())
