"""What a run that was killed has left, the next one clears: folders, segments, processes; nothing of others."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from ends import GENEROUS_S, HANDOFF, HERE, left, started
from test_ends import run_next

from handoff.processes import folders


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("d")
    (folder / "tmp").mkdir()
    return folder


def test_all_that_was_killed_at_once_too(place: Path) -> None:
    """As a container is: nobody was left to see that its parent is gone."""
    code = (
        "import os, signal, subprocess, sys, time; from handoff.processes import folders; folder = folders.make()\n"
        "os.environ['TMPDIR'] = str(folder); import tempfile; tempfile.tempdir = None; nested = folders.make()\n"
        "open(f'/dev/shm/{folder.name}-a', 'w').close(); open(f'/dev/shm/sem.{nested.name}-b', 'w').close()\n"
        "subprocess.Popen(['sleep', '600'], start_new_session=True, stdout=subprocess.DEVNULL)\n"
        "print(folder.name, nested.name, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = os.environ | {"TMPDIR": str(place / "tmp")}
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    names = done.stdout.split()
    assert len(names) == 2

    def segments() -> list[str]:
        return [name for name in os.listdir("/dev/shm") if any(each in name for each in names)]

    assert len(segments()) == 2
    assert left([run_next(place)], place) == segments() == []


#: It makes again what is swept, and ends whoever has started it: as MPI's daemon and its library do.
DAEMON = """
import os, signal, sys, time
os.mkdir(segment := f"/dev/shm/{sys.argv[1]}-0")
print(flush=True)
while os.path.exists(segment): time.sleep(0.001)
os.mkdir(segment)
os.kill(int(sys.argv[2]), signal.SIGKILL)
time.sleep(600)
"""
STARTS_IT = f"""
import os, subprocess, sys, time
def main(config, tell):
    command = [sys.executable, "-c", {DAEMON!r}, os.path.basename(config["folder"]), str(os.getpid())]
    daemon = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)
    daemon.stdout.readline()
    tell({{}})
    time.sleep(600)
"""


def test_what_its_daemons_make_while_they_are_ended_too(place: Path) -> None:
    (place / "starts_it.py").write_text(STARTS_IT)
    code = (
        "import os, signal; from handoff.processes.interpreter import Interpreter\n"
        f"inside = Interpreter('starts_it', {{}}, environment={{'PYTHONPATH': {str(place)!r}}})\n"
        f"next(inside.told({GENEROUS_S})); print(os.getpid(), inside.folder.name, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = os.environ | {"TMPDIR": str(place / "tmp")}
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment, check=False)
    pid, name = done.stdout.split()
    assert left([int(pid)], place) == []
    assert not list(Path("/dev/shm").glob(f"{name}*"))


def test_nothing_of_others_and_nothing_that_lives(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp = place / "tmp"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp))
    alive = folders.make()
    (precious := place / "precious").mkdir(mode=0o700)
    (precious / folders.LOCK).touch()
    (tmp / "handoff-1-abcdefgh").symlink_to(precious)
    (theirs := tmp / "handoff-2-abcdefgh").mkdir(mode=0o700)  # of that name by chance, without a lock
    (theirs / "file").touch()
    (open_to_all := tmp / "handoff-3-abcdefgh").mkdir()
    open_to_all.chmod(0o755)
    (open_to_all / folders.LOCK).touch()
    (linked := tmp / "handoff-4-abcdefgh").mkdir(mode=0o700)
    (linked / folders.LOCK).symlink_to(precious / folders.LOCK)
    (in_it := tmp / "handoff-5-abcdefgh").mkdir(mode=0o700)  # a dead one's, with a link in it
    (in_it / folders.LOCK).touch()
    (in_it / "link").symlink_to(precious)
    (empty := tmp / "handoff-6-abcdefgh").mkdir(mode=0o700)
    (tmp / "handoff-notes").mkdir(mode=0o700)
    before = set(os.listdir(tmp))
    folders.clear_dead(tmp)
    assert before - set(os.listdir(tmp)) == {in_it.name, empty.name}
    assert os.listdir(precious) == [folders.LOCK]
    folders.remove(alive)
    assert not alive.exists()


def test_the_lock_is_its_makers_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork of ours may outlive us: with our lock, it would keep our folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(place / "tmp"))
    folder = folders.make()
    child = os.fork()
    if child == 0:
        time.sleep(GENEROUS_S)
        os._exit(0)
    try:
        time.sleep(0.2)
        os.close(folders._held.pop(folder))
        with open(folder / folders.LOCK) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        folders.remove(folder)


@pytest.fixture
def short() -> Iterator[Path]:
    """A place whose temporary folder is near enough to the root that a socket's path fits."""
    with tempfile.TemporaryDirectory(prefix="d-", dir="/tmp") as folder:
        (Path(folder) / "tmp").mkdir()
        yield Path(folder)


def test_folders_and_sockets_are_their_users_alone(short: Path) -> None:
    """Of a server, a manager and a pool at work: all that they have lies in folders that nobody else may enter."""
    ways = [
        "--start-method",
        "forkserver",
        "--strategy",
        "manager-dict,pickle-5,pool",
        "--trials",
        "1",
        "-o",
        "records",
    ]
    command = [*HANDOFF, "measure", str(HERE / "awkward.py"), "--payload", "numbers", "--duty", "argument", "-q", *ways]
    sockets, modes = set(), set()
    with started(command, short) as process:
        while process.poll() is None:
            for folder in (short / "tmp").iterdir():
                with suppress(OSError):  # it may be gone by now
                    modes.add(folder.lstat().st_mode)  # tempfile's file that tries whether one can write is here, too
                    sockets |= {path.name for path in folder.rglob("*") if path.is_socket()}
            time.sleep(0.01)
        assert process.returncode == 0, process.communicate()
    assert {stat.S_IMODE(mode) for mode in modes if stat.S_ISDIR(mode)} == {0o700}
    assert not any(mode & (stat.S_IRWXG | stat.S_IRWXO) for mode in modes)
    assert sockets


def test_where_sockets_would_not_fit_folders_are_elsewhere(place: Path) -> None:
    """A temporary folder may have a longer name than a socket's path can have."""
    (long := place / "tmp" / ("x" * 60)).mkdir()
    code = (
        "import os; from handoff.processes import folders; from multiprocessing.managers import SyncManager\n"
        "with folders.private_folder() as folder:\n"
        "    import tempfile; tempfile.tempdir = str(folder)\n"
        "    with folders.private_folder() as nested:\n"
        "        tempfile.tempdir = str(nested)\n"
        "        with SyncManager() as manager: print(folder, nested.is_relative_to(folder), manager.dict())\n"
        "        tempfile.tempdir = None\n"
        "print(folder.exists())"
    )
    environment = os.environ | {"TMPDIR": str(long)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    folder, *rest = done.stdout.split()
    assert rest == ["True", "{}", "False"]
    assert Path(folder).parent in map(Path, folders.SHORT)
    assert list(long.iterdir()) == []


def test_a_folder_of_our_name_is_no_folder_of_ours(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made below it belongs to a run, so that the next one clears it."""
    with tempfile.TemporaryDirectory(prefix="handoff-") as ours:
        monkeypatch.setattr(tempfile, "tempdir", ours)
        with folders.private_folder() as folder:
            assert folders.OURS.fullmatch(folder.name)


@pytest.mark.parametrize("name", ["own", "ho-own"])
def test_what_is_started_by_hand_in_somebodys_folder_removes_nothing_there(place: Path, name: str) -> None:
    """Its parent is gone before it begins, and the folder in which it stands is not one that was made for it."""
    folder = place / name
    folder.mkdir(mode=0o700)
    (folder / "mine.txt").write_text("mine")
    (shared := Path(f"/dev/shm/{name}-{os.getpid()}")).write_text("mine")
    try:
        code = "from handoff.processes.boot import run; run('json', 1)"
        command = [sys.executable, "-c", code]
        environment = os.environ | {"PYTHONPATH": str(HERE)}
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, env=environment, start_new_session=True,
                              timeout=GENEROUS_S, check=False)  # fmt: skip
        assert done.returncode == -signal.SIGTERM
        assert (folder / "mine.txt").read_text() == "mine"
        assert shared.exists()
    finally:
        shared.unlink(missing_ok=True)
