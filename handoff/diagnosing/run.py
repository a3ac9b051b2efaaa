"""Runs a diagnosis in a disposable fork of the user's process, and takes its findings as text.

The object is there without having been pickled, hooks that hang or exit do no harm, and importing dill (which changes
what pickling does) leaves the user's process as it was. The fork sends its findings after each step; what it had found
when its time ran out is kept.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handoff import timeouts
from handoff.compare.names import class_name
from handoff.compare.resource_kinds import keep_alive
from handoff.diagnosing.dumps import error_text
from handoff.diagnosing.engine import Steps
from handoff.diagnosing.evidence import Seen
from handoff.diagnosing.findings import STRATEGIES, Diagnosis, Finding
from handoff.diagnosing.load_child import MainReached
from handoff.diagnosing.load_elsewhere import end_group
from handoff.processes import folders
from handoff.processes.cleanup import adopt_orphans, descendants, end_all, end_strays, end_tree
from handoff.processes.interpreter import describe_exit
from handoff.processes.lines import NOT_OURS, Listener, exit_now, new_word, teller

if TYPE_CHECKING:
    from handoff.target import RefFields

BUDGET_S = 20.0


def diagnose(
    obj: Any,
    *,
    name: str = "obj",
    budget_s: float = BUDGET_S,
    ref: RefFields | None = None,
    arrivals: bool = True,
) -> Diagnosis:
    """Find everything in ``obj`` that stops or alters its hand-over to another process, and what is heavy in it.

    ``name`` is only a label, the diagnosis's ``target``; paths are rooted at ``obj``. ``ref`` are the fields of a
    :class:`handoff.target.Ref` by which another process can make the object once more; without it no two originals
    are compared. ``arrivals`` False: only what stops it is asked. At most about ``budget_s``
    seconds are spent; what was left out for it is said in the ``notes``. Nothing is unpickled in this process, and no
    hook of the object's runs in it: on platforms with ``fork`` all happens in disposable processes. Raises
    ``ValueError`` for a budget that is not positive.
    """
    if not budget_s > 0:
        raise ValueError(f"budget_s is {budget_s!r}; give a positive number of seconds")
    if os.environ.get("HANDOFF_DIAGNOSING"):
        raise MainReached("diagnose was called while a worker imports the main module: guard it with "
                          "if __name__ == '__main__'")  # fmt: skip
    if not hasattr(os, "fork"):
        seen = Seen(obj, name, time.monotonic() + budget_s, ref)
        seen.note("this platform has no fork: hooks ran in this process, and dill and cloudpickle were not asked")
        return Steps(seen, lambda _: None).all(behind=False, arrivals=False)
    return _in_fork(obj, name, budget_s, ref, arrivals)


def _in_fork(obj: Any, name: str, budget_s: float, ref: RefFields | None, arrivals: bool) -> Diagnosis:
    with folders.private_folder() as folder:
        return _forked(obj, name, budget_s, ref, arrivals, folder)


def _forked(obj: Any, name: str, budget_s: float, ref: RefFields | None, arrivals: bool, folder: Path) -> Diagnosis:
    reader, writer = os.pipe()
    listener = Listener(new_word())
    running = threading.enumerate()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of threads; the child never returns to them
        child = os.fork()
    if child == 0:
        os.close(reader)
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)  # what its hooks leave there is nobody's
        keep_alive(running)
        _be_the_child(obj, name, budget_s, teller(writer, listener.word.decode()), ref, arrivals)
    os.close(writer)
    try:
        os.setpgid(child, child)
    except OSError:
        pass
    try:
        told, ended = _told(reader, listener, time.monotonic() + budget_s + timeouts.DIAGNOSIS_GRACE_S)
    finally:
        os.close(reader)
        end_tree(child)
        end_group(child)
        end_strays(folder)
        _, status = os.waitpid(child, 0)
    diagnosis = Diagnosis.from_json(told["diagnosis"]) if told else Diagnosis(name)
    if listener.foreign_bytes:
        diagnosis = replace(diagnosis, notes=(*diagnosis.notes, NOT_OURS))
    if told.get("final"):
        return diagnosis
    why = (
        f"it ended with {os.waitstatus_to_exitcode(status)} (below 0: killed by that signal)"
        if ended
        else f"{budget_s:g} s were not enough"
    )
    diagnosis = replace(diagnosis, notes=(*diagnosis.notes, f"the diagnosis is not complete: {why}"))
    if not ended:
        return diagnosis
    code = os.waitstatus_to_exitcode(status)  # whoever closes the line without ending was killed by us
    how = describe_exit(code) if code != -signal.SIGKILL else "was killed, or closed all its descriptors"
    return _broken(diagnosis, obj, f"a process that only looked at it {how}")


def _broken(diagnosis: Diagnosis, obj: Any, how: str) -> Diagnosis:
    """With the object as its culprit, if there is none: nobody may take what could not be looked at for fine."""
    if diagnosis.culprits:
        return diagnosis
    fix = "look at its hooks (__reduce_ex__, __getstate__, …): one of them does what ends or breaks whoever calls it"
    finding = Finding("obj", class_name(type(obj)), how, fix, STRATEGIES, error=how)
    return replace(diagnosis, culprits=(finding,))


def _be_the_child(
    obj: Any, name: str, budget_s: float, tell: Callable[[Any], None], ref: RefFields | None, arrivals: bool
) -> None:
    """What the fork does; it never returns. A clock of its own ends it if the parent is gone."""
    code = 1
    try:
        os.setpgid(0, 0)
        adopt_orphans()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        gc.disable()
        gc.freeze()
        quiet = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(quiet, descriptor)
        warnings.simplefilter("ignore")
        end = time.monotonic() + budget_s
        _end_with_parent(end)

        def send(diagnosis: Diagnosis, final: bool = False) -> None:
            tell({"diagnosis": diagnosis.to_json(), "final": final})

        send(Steps(Seen(obj, name, end, ref), send).all(arrivals=arrivals), True)
        code = 0
    except BaseException as error:
        try:
            note = f"the diagnosis itself failed: {error_text(error)}"
            broken = _broken(Diagnosis(name, notes=(note,)), obj, f"looking at it failed: {error_text(error)}")
            tell({"diagnosis": broken.to_json(), "final": True})
        except BaseException:
            code = 2
    finally:
        with suppress(BaseException):
            end_all(lambda: descendants(os.getpid()))
        exit_now(code)


def _end_with_parent(end: float) -> None:
    """Limit this process's own life, for the case that nobody is left to kill it."""
    try:
        import resource

        spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        seconds = int(spent + max(0.0, end - time.monotonic())) + 10
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (ImportError, OSError, ValueError):
        return


def _told(reader: int, listener: Listener, end: float) -> tuple[dict[str, Any], bool]:
    """The last that is told until the other end is closed (True) or time runs out (False)."""
    told: dict[str, Any] = {}
    while (left := end - time.monotonic()) > 0:
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        if not poll.poll(min(left, 1.0) * 1000):
            continue
        piece = os.read(reader, 1 << 20)
        if not piece:
            return told, True
        for told in listener.messages(piece):  # noqa: B007 - each replaces those before it
            pass
        if told.get("final"):
            return told, True
    return told, False
