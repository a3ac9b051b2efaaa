"""Following a fix really makes the object portable: each fix is code that runs here."""

from __future__ import annotations

import argparse
import copyreg
import functools
import multiprocessing
import os
import pickle
import subprocess
import sys
import types
import xmlrpc.client
from multiprocessing.managers import SyncManager
from pathlib import Path
from typing import Any

import fix_cases as cases
import pytest
import rich.console
import rich.errors

from handoff.diagnosing import Diagnosis, diagnose
from handoff.diagnosing.text import diagnosis_parts
from handoff.terminal import plain
from handoff.testing import assert_portable

PICKLES = ("pickle-2", "pickle-3", "pickle-4", "pickle-5", "pickle-default")


@pytest.mark.parametrize("pair", cases.PAIRS, ids=lambda pair: f"{pair.kind}-{pair.path}")
def test_a_fix_makes_it_portable(pair: cases.Pair) -> None:
    found = diagnose(pair.before())
    (finding,) = found.culprits
    assert (finding.kind, finding.path) == (pair.kind, pair.path), str(found)
    assert pair.says in finding.fix and finding.error and set(PICKLES) <= set(finding.blocks)
    mended = pair.after()
    assert not diagnose(mended).culprits
    assert_portable(mended)


def test_a_managers_proxy_needs_the_managers_authkey() -> None:
    process = multiprocessing.current_process()
    before = process.authkey
    manager = SyncManager(authkey=b"another", ctx=multiprocessing.get_context("spawn"))
    manager.start()
    try:
        obj = {"shared": manager.dict()}
        (finding,) = diagnose(obj).culprits
        assert (finding.kind, finding.path, finding.where) == ("manager-authkey", "obj['shared']", "load")
        process.authkey = b"another"  # as the fix says
        assert not diagnose(obj).culprits
    finally:
        process.authkey = before
        manager.shutdown()


def shown(found: Diagnosis) -> str:
    return " ".join(plain(diagnosis_parts(found)).split())


def test_a_stand_in_that_crashes_a_destructor_is_no_culprit() -> None:
    found = diagnose({"train": cases.Freed(), "a": 1})
    assert [each.path for each in found.culprits] == ["obj['train'].guard"]


def test_a_standard_stream_is_no_file_that_dill_empties(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", sys.__stdout__)  # not pytest's
    found = diagnose(cases.Report())
    assert not found.altered and found.culprits[0].blocks == PICKLES


def dispatched() -> Any:
    @functools.singledispatch
    def show(value: Any) -> str:
        return "?"

    return show


def test_what_a_real_dump_refutes_is_not_said() -> None:
    """A nested single-dispatch function: dill carries it, and what stands inside functools is beneath it."""
    (finding,) = diagnose({"show": dispatched()}).culprits
    assert finding.path == "obj['show']" and finding.inside
    assert ("dill" in finding.blocks) == (sys.version_info >= (3, 15))  # where dill 0.4.1 writes down no function
    assert finding.source.startswith("test_diagnose_fixes.py:")


def test_what_is_heavy_is_in_the_pickle() -> None:
    class_ = cases.Api
    assert all("__globals__" not in each.path for each in diagnose([class_, cases.plain_old]).heavy)
    bound = cases.Clock()
    bound.alert = bound.now  # type: ignore[attr-defined]
    bound.rows = list(range(5000))  # type: ignore[attr-defined]
    assert diagnose(bound).heavy[0].path == "obj.rows"


def test_the_next_step_comes_last_and_a_culprit_is_told_once() -> None:
    text = shown(diagnose({"f": lambda: 1, "lock": cases.Freed().guard}, name="a.py:make"))
    assert text.count("obj['lock'] (_thread.lock)") == 1 and "altered by dill: a new lock" in text
    assert "obj['f'] (function) at test_diagnose_fixes.py:" in text
    assert "pickle says: TypeError: cannot pickle '_thread.lock' object" in text
    assert "next: follow a fix above" in text  # dill carries both, and alters one
    text = shown(diagnose({"f": lambda: 1}, name="a.py:make"))
    assert text.rpartition("next: ")[2].startswith(
        "handoff support a.py:make (each way, really tried: cloudpickle, dill"
        if sys.version_info < (3, 15)
        else "handoff support a.py:make (each way, really tried: cloudpickle should"
    )
    assert shown(diagnose([1], name="a.py:make")).endswith(
        "next: handoff advise a.py:make (which way is the fastest, measured)"
    )


def test_support_of_a_standard_stream_tells_the_same(tmp_path: Path) -> None:
    """In the fork that ``handoff.support`` works in, standard output is the process's own, too."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, handoff\n"
        "if __name__ == '__main__':\n"
        "    asked = {'duties': ['argument'], 'start_methods': ['spawn']}\n"
        "    found = handoff.support([sys.stdout], strategies=['cloudpickle'], **asked)\n"
        "    print([str(cell.outcome.kind) for cell in found])\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "['ok']\n"


def test_importing_does_not_count_as_loading(tmp_path: Path) -> None:
    """A module that takes longer to import than an object may take to load is no reason to doubt the object."""
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(3.5)\n\nclass Thing:\n    pass\n")
    script = tmp_path / "script.py"
    script.write_text(
        "from slow_to_import import Thing\n"
        "from handoff.diagnosing import diagnose\n"
        "found = diagnose([Thing()])\n"
        "print(found.ok, found.notes)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "True ()\n"


class KeywordsError(Exception):
    def __init__(self, *, code: int, why: str) -> None:
        self.code, self.why = code, why


def exception_fix(error: Exception) -> str:
    (finding,) = diagnose(error).culprits
    assert (finding.kind, finding.where) == ("exception-arguments", "load")
    return finding.fix.partition(": ")[2]


def test_the_reducer_for_an_exception_of_a_librarys_is_code_that_runs() -> None:
    error = xmlrpc.client.ProtocolError("there", 404, "no", {})
    try:
        exec(exception_fix(error), {"copyreg": copyreg, "ProtocolError": xmlrpc.client.ProtocolError})
        assert_portable({"error": error})
        assert vars(pickle.loads(pickle.dumps(error))) == vars(error)
    finally:
        copyreg.dispatch_table.pop(xmlrpc.client.ProtocolError, None)


def test_the_reducer_for_an_exception_of_your_own_is_code_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    error = KeywordsError(code=4, why="no")
    names: dict[str, Any] = {"functools": functools}
    exec(f"def reduce(self): {exception_fix(error)}", names)
    monkeypatch.setattr(KeywordsError, "__reduce__", names["reduce"], raising=False)
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)


def test_what_a_library_has_for_everybody_is_imported_in_the_worker() -> None:
    (finding,) = diagnose({"environment": os.environ}).culprits
    assert (finding.path, finding.kind) == ("obj['environment']", "inside-a-library")
    assert "from os import environ" in finding.fix and finding.inside
    found = diagnose(argparse.ArgumentParser()).culprits  # a function local to its constructor, before 3.14
    before_3_14 = [("obj", "inside-a-library")] if sys.version_info < (3, 14) else []
    assert [(each.path, each.kind) for each in found] == before_3_14


THREADS = """
import threading
from handoff.diagnosing import diagnose

thread = threading.Thread(target=threading.Event().wait, daemon=True)
for name in ("new", "running"):
    print(name, *{way for each in diagnose([thread]).altered for way in each.blocks})
    if name == "new":
        thread.start()
"""


def test_a_thread_is_as_alive_as_it_was_where_the_diagnosis_was_asked_for() -> None:
    """In an interpreter of its own: pytest's hook for threads is nothing that dill carries."""
    told = subprocess.check_output([sys.executable, "-c", THREADS], text=True)
    running = "running dill" if sys.version_info < (3, 15) else "running"  # there dill 0.4.1 refuses it
    assert told.splitlines() == ["new", running]


class Level:
    def _make() -> Any:  # type: ignore[misc]  # runs in the class's body
        def log(self: Any, message: str) -> str:
            return message

        return log

    info = _make()


def test_a_bound_method_whose_function_has_another_name() -> None:
    (finding,) = diagnose(Level().info).culprits
    dill = {"dill"} if sys.version_info >= (3, 15) else set()  # where dill 0.4.1 writes down no function
    assert (finding.kind, set(finding.blocks)) == ("method-name", {*PICKLES, *dill}), str(finding)
    assert ("under dill: " in finding.reason) == bool(dill)


class LateOnly:
    def __reduce_ex__(self, protocol: Any) -> Any:
        return (int, ("x",)) if int(protocol) < 4 else (LateOnly, ())


def test_a_pickle_that_only_some_protocols_cannot_load() -> None:
    obj = LateOnly()
    found = [each for each in diagnose(obj).altered if each.where == "load"]
    assert [(each.kind, each.blocks) for each in found] == [("by-protocol", ("pickle-2", "pickle-3"))]
    assert found[0].fix.startswith("send it by pickle-4 or pickle-5") and "invalid literal" in found[0].reason


def test_a_namespace_of_yours_is_no_object_of_a_librarys() -> None:
    space = types.SimpleNamespace(environment=os.environ)
    assert [each.path for each in diagnose(space).culprits] == ["obj.environment"]


class Of:
    pass


def test_a_class_made_for_a_type_is_given_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Any = type("Of[int]", (Of,), {})
    (finding,) = diagnose(made()).culprits
    assert finding.kind == "class-not-found" and "class Named(Of[int]): ..." in finding.fix
    monkeypatch.setitem(globals(), "Named", type("Named", (made,), {"__module__": __name__}))
    assert pickle.loads(pickle.dumps(globals()["Named"]()))


def test_a_librarys_exception_that_cannot_travel_is_to_be_sent_as_text() -> None:
    error = rich.errors.ConsoleError("no such style")
    error.console = rich.console.Console()  # type: ignore[attr-defined]
    (finding,) = diagnose({"error": error}).culprits
    assert (finding.path, finding.kind) == ("obj['error']", "inside-a-library")
    assert "str(error)" in finding.fix
    assert_portable({"error": RuntimeError(str(error))})
