"""Every culprit of an awkward object is named, by a path that leads to it; nothing is held against a clean one."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Sequence
from typing import Any

import diagnose_cases as cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ordinary_cases import broken_where_it_is_restored_in_the_order_of_a_set

from handoff.diagnosing import STRATEGIES, Diagnosis, Finding, diagnose, hooks, received
from handoff.diagnosing.dumps import pickles
from handoff.diagnosing.paths import literal, render
from handoff.diagnosing.reasons import KINDS, type_name
from handoff.processes import deadlines
from handoff.processes.deadlines import TookTooLong

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # the cases hold files and sockets open on purpose
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
PICKLES = ("pickle-2", "pickle-3", "pickle-4", "pickle-5", "pickle-default")
#: What is said where dill 0.4.1 writes down no function: on Python 3.15, whose code objects have no co_lnotab.
NO_CODE = ("the walk alone did not see why dill refuses",) if sys.version_info >= (3, 15) else ()


def named(group: tuple[cases.Case, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", group, ids=lambda case: case.name)


def check_paths(obj: Any, findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        found = eval(finding.path, {"obj": obj})
        assert type_name(type(found)) == finding.type, finding.path
        fresh = any(mark in finding.path for mark in ("__reduce_ex__", "__getstate__"))
        for alias in finding.aliases:
            assert fresh or eval(alias, {"obj": obj}) is found, alias
        assert finding.reason and finding.fix and set(finding.blocks) <= set(STRATEGIES) and finding.blocks


def beside_dill(findings: Sequence[Finding], expected: Sequence[str] = ()) -> list[Finding]:
    """The findings, but on 3.15 those that stop dill alone and are not expected."""
    return [each for each in findings if not NO_CODE or each.blocks != ("dill",) or each.path in expected]


@named(cases.CASES)
def test_every_culprit_is_found_and_no_other(case: cases.Case) -> None:
    obj = case.make()
    found = diagnose(obj)
    assert {finding.path for finding in beside_dill(found.culprits, case.culprits)} == set(case.culprits), str(found)
    check_paths(obj, (*found.culprits, *found.altered))
    expected = ("not loaded", "parts are left out", *NO_CODE)
    assert not [note for note in found.notes if not any(text in note for text in expected)], found.notes
    if case.altered is not None:
        refused = {finding.path for finding in found.culprits if NO_CODE and {*PICKLES, "dill"} <= {*finding.blocks}}
        assert {finding.path for finding in found.altered} == set(case.altered) - refused


@named(cases.CLEAN)
def test_a_clean_object_has_no_culprit(case: cases.Case) -> None:
    found = diagnose(case.make())
    assert not beside_dill(found.culprits), str(found)
    assert case.altered is None or NO_CODE or not found.altered, str(found)
    assert not [note for note in found.notes if not any(text in note for text in NO_CODE)]


@named(cases.ALTERED)
def test_what_arrives_altered_is_named(case: cases.Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases.Limits, "limit", 10)  # a case changes it
    obj = case.make()
    found = diagnose(obj)
    assert {finding.path for finding in found.culprits} == set(case.culprits), str(found)
    assert {finding.path for finding in found.altered} == set(case.altered or ()), str(found)
    check_paths(obj, found.altered)


def blocks(obj: Any) -> dict[str, tuple[str, ...]]:
    return {finding.path: finding.blocks for finding in diagnose(obj).culprits}


def test_a_lambda_stops_the_pickles_and_a_lock_cloudpickle_too() -> None:
    assert blocks([lambda: 1, threading.Lock()]) == {
        "obj[0]": (*PICKLES, "dill") if NO_CODE else PICKLES,
        "obj[1]": (*PICKLES, "cloudpickle"),
    }


def test_a_generator_stops_all() -> None:
    assert blocks(cases.generate()) == {"obj": STRATEGIES}


def test_a_socket_passes_multiprocessings_own_pickler_only() -> None:
    import socket

    with socket.socket() as one:
        assert blocks(one) == {"obj": (*PICKLES[:4], "cloudpickle", "dill")}


def test_what_travels_only_by_value_stops_only_those_who_send_values() -> None:
    obj = cases.Box(x=cases.local_class(guard=threading.Lock())(value=1))
    assert blocks(obj)["type(obj.x).guard"] == ("cloudpickle",)


def test_what_is_hidden_names_what_hides_it() -> None:
    obj = cases.over(threading.Lock(), 1)
    by_path = {finding.path: finding for finding in diagnose(obj).culprits}
    assert by_path["obj.__closure__[0].cell_contents"].behind == "obj"


def test_a_shared_culprit_is_one_finding_with_its_aliases() -> None:
    lock = threading.Lock()
    (found,) = diagnose([lock, {"a": lock}, (lock,)]).culprits
    assert (found.path, found.aliases) == ("obj[0]", ("obj[1]['a']", "obj[2][0]"))


def test_shared_references_and_depth_are_reported() -> None:
    part = [1, 2]
    found = diagnose({"a": part, "b": {"c": part}})
    assert [item.paths for item in found.shared] == [("obj['a']", "obj['b']['c']")]
    assert found.depth.deepest == 2 and found.depth.limit == sys.getrecursionlimit()


def test_the_heaviest_parts_come_first() -> None:
    obj = cases.Box(meta={"a": 1}, layers={"w": np.zeros(100_000), "b": np.zeros(10_000)}, rest=b"x" * 50_000)
    heavy = diagnose(obj).heavy
    assert [item.path for item in heavy][:3] == ["obj.layers['w']", "obj.layers['b']", "obj.rest"]
    assert 800_000 <= heavy[0].bytes < 801_000


@pytest.mark.parametrize("length", [4_000, 100_000])
def test_a_chain_too_deep_is_a_finding_at_its_head(length: int) -> None:
    obj = cases.Box(head=cases.linked(length, threading.Lock()))
    found = diagnose(obj)
    by_kind = {finding.kind: finding for finding in found.culprits}
    assert set(by_kind) == {"recursion", "lock"}
    assert by_kind["recursion"].path == "obj.head"
    assert type_name(type(eval(by_kind["lock"].path, {"obj": obj}))) == "_thread.lock"
    assert found.depth.deepest == length + 2


@pytest.mark.alone
def test_of_very_many_alike_some_are_listed_and_the_rest_counted() -> None:
    found = diagnose([threading.Lock() for _ in range(5_000)])
    assert len(found.culprits) == 100 == len(found.altered)
    assert "4,900 more findings like those listed are not shown" in found.notes
    assert "4,900 more altered parts like those listed are not shown" in found.notes


def test_what_is_merely_slow_to_load_is_a_note_and_no_culprit() -> None:
    found = diagnose([cases.SlowToLoad() for _ in range(12)], budget_s=3)
    assert found.culprits == ()
    assert any("no part was seen to hang" in note or "not complete" in note for note in found.notes)


def test_two_deep_chains_are_two_findings() -> None:
    depth = 5_000 if sys.version_info < (3, 14) else 50_000  # since then the stack's 8 MiB are the limit of C code
    obj = [cases.linked(depth), {"b": cases.linked(depth)}, cases.linked(3)]
    assert [finding.path for finding in diagnose(obj).culprits] == ["obj[0]", "obj[1]['b']"]


def test_a_list_nested_too_deep_is_a_finding() -> None:
    obj: list[Any] = []
    for _ in range(200_000):  # 3.14 bears 20,000: its C code is limited by the stack, no longer by a number
        obj = [obj]
    assert [finding.kind for finding in diagnose(obj).culprits] == ["recursion"]


def test_no_hook_runs_in_this_process() -> None:
    cases.Counted.runs = 0
    diagnose([cases.Counted(), cases.Counted(), lambda: 1])
    assert cases.Counted.runs == 0


def test_hooks_that_hang_are_found_and_cost_little() -> None:
    class_ = type("Hangs", (cases.Box,), {"__getstate__": lambda _: threading.Event().wait()})
    class_.__module__, class_.__qualname__ = cases.__name__, "Hangs"
    cases.Hangs = class_  # type: ignore[attr-defined]
    try:
        found = diagnose([class_(), lambda: 1], budget_s=20)
    finally:
        del cases.Hangs  # type: ignore[attr-defined]
    assert [finding.path for finding in found.culprits] == ["obj[0]", "obj[1]"], str(found)


def test_nothing_is_left_behind(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "log.txt"
    with path.open("w") as file:
        file.write("kept")
        file.flush()
        before = set(os.listdir("/proc/self/fd"))
        found = diagnose(cases.Box(file=file, f=lambda: file))
        assert set(os.listdir("/proc/self/fd")) == before
        assert path.read_text() == "kept"
    assert {"dill", "cloudpickle"} & {name for finding in found.altered for name in finding.blocks}


def test_no_process_is_left(tmp_path: pathlib.Path) -> None:
    out = run_script(
        tmp_path,
        """
        import os, threading
        from handoff.diagnosing import diagnose
        diagnose([lambda: 1, threading.Lock(), Exception("x")])
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            print("none")
        """,
    )
    assert out == "none\n"


def run_script(tmp_path: pathlib.Path, text: str) -> str:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(text))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_main_classes_are_held_against_an_object_only_where_a_worker_misses_them(tmp_path: pathlib.Path) -> None:
    out = run_script(
        tmp_path,
        """
        from handoff.diagnosing import diagnose

        class Outside:
            pass

        if __name__ == "__main__":
            class Guarded:
                pass
            found = diagnose([Outside(), {"g": Guarded()}])
            print([(item.path, item.kind, item.start_methods) for item in found.culprits])
        """,
    )
    assert out.strip() == "[(\"obj[1]['g']\", 'main', ('spawn', 'forkserver'))]"


def test_the_users_process_imports_neither_dill_nor_cloudpickle(tmp_path: pathlib.Path) -> None:
    out = run_script(
        tmp_path,
        """
        import sys
        from handoff.diagnosing import diagnose
        heavy = {"numpy", "rich", "dill", "cloudpickle", "multiprocessing"}
        print(heavy & set(sys.modules))
        found = diagnose([lambda: 1, open(__file__)])
        print(len(found.culprits), heavy & set(sys.modules))
        """,
    )
    assert out.split("\n")[:2] == ["set()", "2 set()"]


def test_the_json_form_has_schema_1_and_comes_back() -> None:
    found = diagnose({"f": lambda: 1, "a": np.zeros(1000)}, name="my_code.py:make")
    data = found.to_json()
    assert data["schema"] == 1 and data["target"] == "my_code.py:make"
    assert {"path", "type", "reason", "fix", "blocks"} <= set(data["culprits"][0])
    assert Diagnosis.from_json(data) == found
    with pytest.raises(ValueError, match="schema"):
        Diagnosis.from_json({"schema": 2})


def test_a_budget_must_be_positive() -> None:
    with pytest.raises(ValueError, match="budget_s"):
        diagnose(1, budget_s=0)


def test_what_depends_on_a_workers_hash_seed_is_told() -> None:
    """In a third of all workers the table comes first, and it is restored; in the others it is not (pandas 21391)."""
    found = diagnose(broken_where_it_is_restored_in_the_order_of_a_set())
    (finding,) = found.culprits
    assert finding.path == "obj[0]"
    assert finding.kind == "hash-seed"
    assert finding.where == "load"
    assert finding.start_methods == ("spawn", "forkserver")
    assert set(finding.blocks) == set(STRATEGIES)
    assert not hooks.restored_in_any_order(dict) and not hooks.restored_in_any_order(Diagnosis)


def test_what_there_was_no_time_for_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """One protocol that takes too long to be compared, a fork that does not answer: the others say what they found."""

    def slow(codec: Any, obj: Any, skip: Any, file: Any, protocol: int = 4) -> BaseException | None:
        if protocol == 2:
            raise TookTooLong
        return pickles(codec, obj, skip, file, protocol)

    monkeypatch.setattr(received, "pickles", slow)
    monkeypatch.setattr(received, "_in_fork", lambda *_: [])
    found = diagnose({"a": {1, 2}})
    assert found.ok
    assert any("what arrives by pickle-2 was not compared" in note for note in found.notes), found.notes
    assert any("what arrives in a fork of this process was not compared" in note for note in found.notes)


def test_who_waits_for_a_processor_is_not_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook is given its time on a clock that stands still meanwhile."""
    monkeypatch.setattr(deadlines, "unqueued_s", lambda: 0.0)
    watch = deadlines.Watch(0.02)
    with watch.running():
        assert watch.call(lambda: time.sleep(0.2)) is None
    monkeypatch.undo()
    with watch.running(), pytest.raises(TookTooLong):
        watch.call(time.sleep, 60)


def test_no_time_to_look_is_said_in_the_notes() -> None:
    found = diagnose([cases.SetstateHangs()], budget_s=0.001)
    assert found.notes or found.culprits


def test_kinds_name_each_type_once() -> None:
    names = [name for kind in KINDS for name in kind.types]
    assert not [name for name in set(names) if names.count(name) > 1 and name != "tempfile._TemporaryFileWrapper"]
    assert len({kind.name for kind in KINDS}) == len(KINDS)


KEYS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.floats(allow_nan=False),
    lambda inner: st.tuples(inner, inner) | st.tuples(inner) | st.just(()),
    max_leaves=5,
)


@given(KEYS)
def test_a_key_that_has_a_literal_is_found_by_it(key: Any) -> None:
    text = literal(key)
    assert text is None or eval(f"obj[{text}]", {"obj": {key: "found"}}) == "found"


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=81, max_size=400))
def test_long_paths_lead_to_the_same_place(indices: list[int]) -> None:
    """However deep a part lies, the expression for its path evaluates to it."""
    part: Any = "here"
    for index in reversed(indices):
        outer: list[Any] = [None] * 4
        outer[index] = part
        part = outer
    assert eval(render(list(indices)), {"obj": part}) == "here"


PARTS = st.recursive(
    st.integers() | st.text(max_size=3) | st.just(threading.Lock) | st.just("LAMBDA"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)


def plant(part: Any) -> Any:
    if part == "LAMBDA":
        return lambda: 1
    if part is threading.Lock:
        return threading.Lock()
    if isinstance(part, list):
        return [plant(item) for item in part]
    if isinstance(part, dict):
        return {key: plant(item) for key, item in part.items()}
    return part


def planted(part: Any, path: str = "obj") -> set[str]:
    if isinstance(part, list):
        return {found for place, item in enumerate(part) for found in planted(item, f"{path}[{place}]")}
    if isinstance(part, dict):
        return {found for key, item in part.items() for found in planted(item, f"{path}[{key!r}]")}
    return {path} if callable(part) or type(part).__name__ == "lock" else set()


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(PARTS)
def test_whatever_is_planted_is_found(part: Any) -> None:
    """In any nesting of lists and dicts, the culprits are exactly the planted lambdas and locks."""
    obj = plant(part)
    assert {finding.path for finding in diagnose(obj).culprits} == planted(obj)
