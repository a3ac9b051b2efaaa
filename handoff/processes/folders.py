"""Private folders: unguessable, 0700, locked as long as whoever made them lives. What dead runs have left is cleared.

A number of a process tells nothing: it is given again, and in a container that shares the folder it means another one.
A lock (flock(2)) ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from handoff.processes.cleanup import PREFIX, end_strays, sweep

LOCK = ".lock"  #: in each folder; it also tells our folders from others of such a name
NESTED = "ho-"  #: what the names of those inside another one begin with
OURS = re.compile(PREFIX + r"-\d+-[a-z0-9_]{8}")  #: what :func:`tempfile.mkdtemp` makes of :func:`make`'s prefix

#: A unix socket's path has at most so many bytes (sun_path of unix(7), less the NUL that ends it), and this much of it
#: comes after the folder in which ours are: ours, one inside it, multiprocessing's own, and its socket in that.
SOCKET_BYTES = 107
BELOW_BYTES = len(f"/{PREFIX}-4194304-xxxxxxxx/ho-xxxxxxxx/pymp-xxxxxxxx/listener-xxxxxxxx")
SHORT = ("/tmp", "/var/tmp")  #: where folders are instead, as CPython's are since 3.14

_held: dict[Path, int] = {}  #: the locks of this process
_looked = False


def make() -> Path:
    """A new private folder, which :func:`remove` removes; at first, what dead runs have left is cleared."""
    global _looked
    place = Path(tempfile.gettempdir())
    nested = any(map(OURS.fullmatch, place.parts))  # one inside another has a short name: sockets are made there
    place = place if nested else _base()
    if not nested and not _looked:
        _looked = True
        clear_dead(place)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=NESTED if nested else f"{PREFIX}-{os.getpid()}-", dir=place))
        try:
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:  # another run took it for a dead one's, in the moment before it was locked
            continue
        with suppress(OSError):  # a file system without locks: then nobody else gets one, either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            _held[folder] = descriptor
            return folder
        os.close(descriptor)  # likewise


def _base() -> Path:
    """Where ours are: the temporary folder, or a short one where the paths of sockets in ours would be too long."""
    usual = tempfile.gettempdir()
    if len(os.fsencode(usual)) + BELOW_BYTES <= SOCKET_BYTES:
        return Path(usual)
    return Path(next((each for each in SHORT if os.access(each, os.W_OK | os.X_OK)), usual))


@contextmanager
def private_folder() -> Iterator[Path]:
    """One for a block."""
    folder = make()
    try:
        yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """Remove one, with those inside it, and every segment and semaphore that is named after one of them."""
    for nested in [Path(place) for place, _, names in os.walk(folder) if LOCK in names]:
        sweep(nested)
    sweep(folder)
    if (descriptor := _held.pop(folder, None)) is not None:
        os.close(descriptor)


def end_own() -> None:
    """End every interpreter of this process that is left, with its strays and its folder: a command was interrupted.

    An interrupt can come in the middle of starting or ending one, when nobody else would.
    """
    for folder in {*_held, *_base().glob(f"{PREFIX}-{os.getpid()}-*")}:
        if _is_private(folder):
            end_strays(folder)
            remove(folder)


def clear_dead(place: Path) -> None:
    """End and remove what runs have left that could not do so themselves. Nothing of others, and nothing that lives."""
    with suppress(OSError):
        for folder in [Path(entry.path) for entry in os.scandir(place) if OURS.fullmatch(entry.name)]:
            with suppress(OSError):
                _clear_if_dead(folder)


def _clear_if_dead(folder: Path) -> None:
    """Raises ``OSError`` when it is not ours, or is locked."""
    if not _is_private(folder):
        return
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        os.rmdir(folder)  # empty: its maker ended before it was locked. What is not empty is not ours
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        end_strays(folder)
        remove(folder)
    finally:
        os.close(descriptor)


def is_ours(folder: Path) -> bool:
    """Whether it is a private folder that :func:`make` has made, here or in another process."""
    named = OURS.fullmatch(folder.name) or folder.name.startswith(NESTED)
    return bool(named) and _is_private(folder) and (folder / LOCK).exists()


def _is_private(folder: Path) -> bool:
    """Whether it is a folder, and of this user alone; a link is none."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _forget() -> None:
    """In a fork: the locks are its parent's, and must end with it."""
    while _held:
        os.close(_held.popitem()[1])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
