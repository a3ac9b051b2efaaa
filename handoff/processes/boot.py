"""What a contained interpreter runs first. It imports next to nothing: what is loaded here is in every figure.

The size of an interpreter is a part of what it costs to fork it.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import sys

from handoff.processes.lines import teller
from handoff.start_methods import name_semaphores


def run(module: str, fd: int) -> None:
    """Read the configuration, arrange for a clean end, and run ``module.main(config, tell)``."""
    line = _first_line()
    word, _, text = line.decode().partition(" ")
    config = json.loads(text or "{}")
    folder = os.getcwd()

    def parent_is_gone(_: int, __: object) -> None:
        from pathlib import Path

        from handoff.processes import folders
        from handoff.processes.cleanup import end_strays, kill_group, sweep

        kill_group(os.getpid(), spare=os.getpid())
        if folders.is_ours(Path(folder)):  # whoever starts this by hand stands in a folder of his own

            def clean(spare: int) -> None:
                sweep(Path(folder))
                end_strays(Path(folder), spare=spare)
                sweep(Path(folder))

            # Daemons in sessions of their own (by themselves ray's agents stay for two minutes), and what they have
            # made since: in a fork, for a library may end this process as soon as its daemons are gone (MPI does).
            if (cleaner := os.fork()) == 0:
                try:
                    os.setsid()
                    clean(os.getppid())
                    os._exit(0)
                finally:
                    os._exit(1)
            if os.waitpid(cleaner, 0)[1]:  # a library's own hooks after a fork can crash it (seen on 3.14 and 3.15)
                clean(0)
        # A Pool's thread replaces workers that were killed, until this process has ended: both end at once. The
        # resource tracker ignores this signal.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.killpg(0, signal.SIGTERM)

    os.set_inheritable(fd, False)
    signal.signal(signal.SIGIO, parent_is_gone)
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    if not line or select.select([0], [], [], 0)[0]:  # it was gone before it could be noticed: nothing follows the line
        parent_is_gone(0, None)
    name_semaphores(f"/{os.path.basename(folder)}")
    __import__(module)
    sys.modules[module].main(config, teller(fd, word))


def settle() -> None:
    """No input; stacks when asked for, and when crashing: for what runs the user's code."""
    import faulthandler

    quiet = os.open(os.devnull, os.O_RDONLY)
    os.dup(0)  # the pipe that tells of our parent's end stays open elsewhere
    os.dup2(quiet, 0)
    faulthandler.enable(all_threads=False)
    faulthandler.register(signal.SIGUSR2, all_threads=False, chain=False)


def limit_memory(nbytes: int) -> None:
    """Let this process and its children have so much memory of their own, each; shared mappings do not count."""
    try:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (nbytes if hard < 0 else min(nbytes, hard), hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (ImportError, OSError, ValueError):
        pass  # contextlib is more than is loaded here


def _first_line() -> bytes:
    """The configuration; nothing when the parent ended before it had written all of it."""
    line = b""
    while not line.endswith(b"\n"):
        data = os.read(0, 1 << 16)
        if not data:
            return b""
        line += data
    return line
