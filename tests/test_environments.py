"""Wherever a command is run, it works; each row is a shell's line around one command."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from ends import HANDOFF, some
from hostile_run import ran
from test_hostile import CALLS, COMMANDS, line

#: ``RUN`` is the command. What mounts needs a namespace of its own, and so does not run everywhere.
LINES = {
    "few-files": "ulimit -n 64; RUN",
    "little-memory": "ulimit -v 400000; RUN",
    "no-home": "env -u HOME RUN",
    "no-tmp": "TMPDIR=/nowhere RUN",
    "ascii": "LC_ALL=C PYTHONUTF8=0 PYTHONIOENCODING=ascii RUN",
    "safe-path": "PYTHONSAFEPATH=1 RUN",
    "optimized": "PYTHONOPTIMIZE=1 RUN",
    "warnings": "PYTHONWARNINGS=error RUN",
    "narrow": "COLUMNS=30 TERM= RUN",
    "one-core": "taskset -c 0 RUN",
    "shadows": "echo 'raise SystemExit(3)' | tee json.py pickle.py numpy.py > /dev/null; RUN",
    "ignoring": "trap '' INT TERM HUP; RUN",
    "nothing": "env -i RUN",
    "relative-tmp": "mkdir t; TMPDIR=t RUN",
    "strange-tmp": "mkdir -p 'a b'$'\\n''\"c\\''<d>'; TMPDIR=$PWD/'a b'$'\\n''\"c\\''<d>' RUN",
    "long-tmp": "d=$PWD; for n in 1 2 3 4; do d=$d/$(printf 'x%.0s' {1..50}); done; mkdir -p $d; TMPDIR=$d RUN",
    "strange-home": "HOME=/dev/null RUN",
    "developing": "PYTHONDEVMODE=1 RUN",
    "traced": "PYTHONTRACEMALLOC=5 PYTHONMALLOC=debug RUN",
    "frozen-seed": "PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 PYTHONNOUSERSITE=1 RUN",
    "strange-path": "PYTHONPATH=:/nowhere:.:$PWD/mine.py RUN",
    "strange-width": "COLUMNS=0 LINES=-1 TERM=no-such RUN",
    "one-column": "COLUMNS=1 RUN",
    "strange-language": "LANG=xx_YY.nothing LC_ALL=xx TZ=no/where RUN",
    "few-processes": "ulimit -u 4000; RUN",
    "small-stack": "ulimit -s 256; RUN",
    "no-core": "ulimit -c unlimited; RUN",
    "polite": "nice -n 19 RUN",
    "at-an-address": "cd /; cd -  > /dev/null; mkdir -p \"a 'b' <c>\"; cp mine.py \"a 'b' <c>\"; cd \"a 'b' <c>\"; RUN",
    "another-user-mask": "umask 0777; RUN",
    "no-locale": "unset LANG LC_ALL; LC_ALL=POSIX RUN",
    "latin": "PYTHONIOENCODING=latin-1 RUN",
    "umask-0": "umask 0; RUN",
    "files-256": "ulimit -n 256; RUN",
    "locked": "ulimit -l 0; RUN",
    "msgqueue": "ulimit -q 0; RUN",
    "sigpending": "ulimit -i 1; RUN",
    "cpu": "ulimit -t 200; RUN",
    "data": "ulimit -d 300000; RUN",
    "stack-unl": "ulimit -s unlimited; RUN",
    "bg": "(RUN) & wait $!",
    "nohup": "nohup RUN",
    "timeout": "timeout 200 RUN",
    "stdout-file": "RUN > out.txt; r=$?; cat out.txt; exit $r",
    "stdout-append": "RUN 2>&1 >> out.txt; r=$?; cat out.txt; exit $r",
    "force-color": "FORCE_COLOR=1 CLICOLOR_FORCE=1 RUN | sed 's/\\x1b\\[[0-9;]*m//g'",
    "unbuffered": "PYTHONUNBUFFERED=1 RUN",
    "faulth": "PYTHONFAULTHANDLER=1 RUN",
    "importtime": "PYTHONPROFILEIMPORTTIME=1 RUN 2> /dev/null",
    "verbose": "PYTHONVERBOSE=1 RUN 2> /dev/null",
    "utf8-0": "PYTHONUTF8=1 LC_ALL=C RUN",
    "int-max": "PYTHONINTMAXSTRDIGITS=640 RUN",
    "malloc": "PYTHONMALLOC=malloc MALLOC_ARENA_MAX=1 RUN",
    "warn-import": "PYTHONWARNINGS=error::ImportWarning,error::ResourceWarning,error::DeprecationWarning RUN",
    "startup": "echo 'raise SystemExit(3)' > s.py; PYTHONSTARTUP=$PWD/s.py RUN",
    "breakpoint": "PYTHONBREAKPOINT=nowhere.x RUN",
    "shadows-more": "for n in dill cloudpickle logging; do echo 'raise SystemExit(3)' > $n.py; done; RUN",
    "shadows-handoff": "for n in handoff payloads reports; do mkdir $n; touch $n/__init__.py; done; RUN",
    "link-tmp": "mkdir real; ln -s real t; TMPDIR=$PWD/t RUN",
    "tmp-handoff": "mkdir handoff-tmp; TMPDIR=$PWD/handoff-tmp RUN",
    "tmp-spaces": "mkdir '  '; TMPDIR=\"$PWD/  \" RUN",
    "sched": "chrt -b 0 RUN",
    "idle": "chrt -i 0 RUN",
    "ionice": "ionice -c 3 RUN",
    "omp": "OMP_NUM_THREADS=0 OPENBLAS_NUM_THREADS=-1 MKL_NUM_THREADS=x RUN",
    "numpy-env": "NUMPY_EXPERIMENTAL_ARRAY_FUNCTION=0 NPY_DISABLE_CPU_FEATURES=nothing RUN 2> /dev/null",
    "path-empty": "P=$PATH; PATH= ; RUN",
    "subshell-pipe": "RUN | cat | cat",
    "many-descriptors": 'for n in {10..200}; do eval "exec $n</dev/null"; done; RUN',
}
MOUNTS = {
    "small-shm": "mount -t tmpfs -o size=1m none /dev/shm && RUN",
    "64-mb-shm": "mount -t tmpfs -o size=64m none /dev/shm && RUN",
    "read-only-shm": "mount -t tmpfs -o ro none /dev/shm && RUN",
    "full-tmp": "mkdir t; mount -t tmpfs -o size=4k none t && head -c 4096 /dev/zero > t/x; TMPDIR=$PWD/t RUN",
    "read-only-tmp": "mkdir t; mount -t tmpfs -o ro none t; TMPDIR=$PWD/t RUN",
    "no-proc": "mount -t tmpfs none /proc && RUN",
}
ROWS = [(command, where) for where in (*LINES, *MOUNTS) for command in ("diagnose", "support")]
ROWS.remove(("support", "no-proc"))  # who has processes to watch says what is missing, below


def may_mount() -> bool:
    if os.geteuid():
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(("command", "where"), some(ROWS))
def test_it_works_there(command: str, where: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def make(): return [1, 2]\n")
    shown = (LINES | MOUNTS)[where].replace("RUN", shlex.join(line(command)))
    shell = ["bash", "-c", shown]
    if where in MOUNTS:
        if not may_mount():
            pytest.skip("a file system cannot be mounted here")
        shell = ["unshare", "-m", *shell]
    ended = ran(shell, tmp_path)
    assert ended.faults(codes=(0,)) == [], ended
    assert "pickle" in ended.out or "no culprit" in " ".join(ended.out.split())


@pytest.mark.parametrize("command", ["support", "advise"])
def test_without_proc_it_says_what_is_missing(command: str, tmp_path: Path) -> None:
    if not may_mount():
        pytest.skip("a file system cannot be mounted here")
    (tmp_path / "mine.py").write_text("def make(): return [1, 2]\n")
    shown = f"mount -t tmpfs none /proc && {shlex.join(line(command))}"
    ended = ran(["unshare", "-m", "bash", "-c", shown], tmp_path)
    assert ended.faults(codes=(2,)) == [], ended
    assert "mount -t proc" in ended.err


@pytest.mark.parametrize("command", CALLS)
def test_without_proc_a_program_is_told_too(command: str, tmp_path: Path) -> None:
    if not may_mount():
        pytest.skip("a file system cannot be mounted here")
    (tmp_path / "mine.py").write_text("def make(): return [1, 2]\n")
    ended = ran(["unshare", "-m", "bash", "-c", f"mount -t tmpfs none /proc && {shlex.join(line(command))}"], tmp_path)
    if command == "api-diagnose":  # it watches nobody
        assert (ended.code, ended.left) == (0, ()), ended
    else:
        assert (ended.code, ended.left) == (1, ()), ended
        assert "OSError: /proc is not mounted" in ended.err


@pytest.mark.parametrize("command", [*COMMANDS, "measure"])
def test_in_a_folder_that_was_removed_it_says_so(command: str, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    words = [*HANDOFF, "measure", "mine.py:make", "-o", "records"] if command == "measure" else line(command)
    ended = ran(["bash", "-c", f"cd gone && rmdir ../gone && {shlex.join(words)}"], tmp_path)
    assert ended.faults(codes=(2,)) == [], ended
    assert "cd to one that is there" in ended.err
