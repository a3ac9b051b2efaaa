"""What arrives altered elsewhere is a finding: its path, the hook that drops it, and a fix that really helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import diagnose_cases as cases
import pytest

from handoff.diagnosing import STRATEGIES, Diagnosis, Finding, diagnose
from handoff.diagnosing.libraries import KIND, altered_outside
from handoff.target import Ref

FRESH = ("spawn", "forkserver")


def diagnosed(make: Callable[[], Any]) -> Diagnosis:
    """As the command does it: another process can make the object once more."""
    ref = Ref(str(Path(__file__).parent), "diagnose_cases", make.__name__)
    return diagnose(make(), ref=ref.to_json())


def only(make: Callable[[], Any]) -> Finding:
    found = diagnosed(make)
    assert not found.culprits, str(found)
    (finding,) = found.altered
    return finding


def test_what_the_hook_of_a_base_class_leaves_out_is_named_with_the_list_it_reads() -> None:
    found = only(cases.shop)
    assert (found.path, found.type, found.blocks) == ("obj[0].root", "str", STRATEGIES)
    assert "does not arrive: `Listed.__getstate__`" in found.reason
    assert "__attrs__ = [*Listed.__attrs__, 'root']" in found.fix
    assert not diagnosed(cases.shop_listed).altered


def test_what_a_hook_replaces_is_named_with_its_line() -> None:
    found = only(cases.callbacks)
    assert found.path == "obj['registry'].known"
    assert "`Callbacks.__getstate__` (diagnose_cases.py:" in found.reason
    assert not diagnosed(cases.callbacks_kept).altered


def test_a_hash_that_travels_is_altered_where_strings_hash_otherwise() -> None:
    found = only(cases.apples)
    assert (found.path, found.start_methods) == ("list(obj['prices'])[0]", FRESH)
    assert "`_hash`" in found.fix
    assert not diagnosed(cases.apples_left_out).altered


def test_what_some_protocols_alter_says_which_do_not() -> None:
    found = only(cases.read_only)
    assert found.path == "obj['table']" and "pickle-5" not in found.blocks and "pickle-2" in found.blocks
    assert found.fix.startswith("send it by pickle-5")


@pytest.mark.parametrize("make", [cases.shop, cases.apples, cases.read_only, cases.callbacks])
def test_support_says_the_same(make: Callable[[], Any]) -> None:
    """What one of the two calls altered by pickle's default and by dill, the other does, too."""
    from handoff.api import support

    found = diagnose(make())  # neither can make the object once more
    for strategy in ("pickle-default", "dill"):
        asked = support(make(), strategies=[strategy], duties=["argument"], start_methods=["spawn"], patience=60)
        (cell,) = asked
        assert (str(cell.outcome.kind) == "altered") == any(strategy in each.blocks for each in found.altered), cell


def test_what_is_altered_in_a_librarys_object_is_told_once_beneath_it() -> None:
    def finding(path: str, blocks: tuple[str, ...], kind: str = "lock") -> Finding:
        return Finding(path, "_thread.lock", "another arrives", "make it anew", blocks, kind, "arrival")

    head = replace(finding("obj.client", STRATEGIES[:6], KIND), fix="make it in the worker", where="dump")
    inner = [finding("obj.client.lock", STRATEGIES), finding("list(obj.client.pool)[0]", ("dill",))]
    hidden, apart = finding("obj.client.name", STRATEGIES[:2]), finding("obj.clients", ("dill",))
    first, second = altered_outside([*inner, hidden, apart], [head])
    assert first == apart
    assert (second.path, second.blocks, second.fix) == ("obj.client", ("dill",), "make it in the worker")
    assert [each.partition(" ")[0] for each in second.inside] == [each.path for each in inner]


def test_what_a_hook_puts_into_the_state_is_its_own_doing_whatever_class_that_has() -> None:
    found = only(cases.emptied)
    assert "`Emptied.__getstate__` (diagnose_cases.py:" in found.reason
    assert "take 'hits' along" in found.fix


def test_a_global_that_is_set_at_run_time_is_told_once_and_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "own_settings.py").write_text(
        "VERBOSE = False\nNAMES = []\n\ndef task(item):\n    return NAMES if VERBOSE else item\n\n"
        "def make():\n    global VERBOSE\n    VERBOSE = True\n    NAMES.append(object)\n    return task\n"
    )
    ref = Ref(str(tmp_path), "own_settings", "make")
    found = diagnose(ref.load().make(), ref=ref.to_json())
    assert {each.path: each.start_methods for each in found.altered} == {
        "obj.__globals__['VERBOSE']": FRESH,
        "obj.__globals__['NAMES']": FRESH,
    }
    for each in found.altered:
        assert each.kind == "changed-at-run-time"
        assert "travels by reference" in each.reason
        assert "initializer" in each.fix
