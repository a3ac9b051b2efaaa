"""What altered means: ordinary objects arrive as good as they were, and what a program can tell is told."""

from __future__ import annotations

import datetime as dt
import functools
import json
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handoff.checksum import touch
from handoff.compare.altered import judge
from handoff.compare.facts import INLINE_PARTS, facts
from handoff.measuring import looking
from handoff.payload import Payload
from handoff.support_matrix.matrix import MatrixCell, support
from handoff.target import load_collection

HERE = Path(__file__).parent
CASES = load_collection(HERE / "ordinary_cases.py")
LIBRARIES = {**load_collection(HERE / "library_cases.py"), **load_collection(HERE / "library_models.py")}


def told(cells: list[MatrixCell], name: str) -> list[MatrixCell]:
    return [cell for cell in cells if cell.payload == name]


@pytest.mark.slow
def test_what_a_program_cannot_tell_is_a_note_and_what_it_can_is_altered() -> None:
    cells = support(CASES, strategies=("pickle-2", "pool"), duties=("argument",), start_methods=("spawn",))
    for name in CASES:
        outcome = name.partition("-")[0]
        if name == "altered-a-sentinel-of-the-standard-library" and sys.version_info >= (3, 15):
            outcome = "ok"  # dataclasses.MISSING is a sentinel of PEP 661 there, which pickles by its name
        assert [cell.outcome for cell in told(cells, name)] == [outcome] * 2, told(cells, name)
    notes = {cell.payload: " ".join(cell.notes) for cell in cells if cell.outcome == "ok"}
    assert "made anew by Guarded.__setstate__" not in notes["ok-a-lock-made-anew"]  # nothing differs: both are free
    assert "made anew by Memo.__setstate__" in notes["ok-a-memo-made-anew"]
    assert "own equality" in notes["ok-equal-by-its-own-equality"]
    assert "a cache" in notes["ok-a-cached-property"]


@pytest.mark.slow
def test_results_are_judged_like_arguments() -> None:
    names = ("ok-a-memo-made-anew", "ok-times-and-names", "altered-a-public-attribute", "altered-a-hash-that-travels")
    cells = support(
        {n: CASES[n] for n in names}, strategies=("pickle-5", "pool"), duties=("result",), start_methods=("spawn",)
    )
    assert [cell.outcome for cell in cells] == [cell.payload.partition("-")[0] for cell in cells], cells


@pytest.mark.slow
@pytest.mark.parametrize("library", sorted({name.partition("-")[0] for name in LIBRARIES}))
def test_objects_of_libraries_arrive_as_good_as_they_were(library: str) -> None:
    pytest.importorskip(library)
    some = {name: entry for name, entry in LIBRARIES.items() if name.startswith(f"{library}-")}
    cells = support(some, strategies=("pickle-5",), duties=("argument",), start_methods=("fork", "spawn"))
    words = {"-lost-": "altered", "-refused-": "refused"}
    wanted = [next((words[word] for word in words if word in cell.payload), "ok") for cell in cells]
    assert [cell.outcome for cell in cells] == wanted, [cell for cell in cells if cell.outcome != "ok"]


class Noisy:
    def __init__(self, number: int) -> None:
        self.number = number
        self.rows = [number]


def judged(sent: Any, arrived: Any, control: Callable[[], Any] | None = None) -> tuple[list[str], list[str]]:
    verdict = judge(facts(sent), arrived, control)
    return [each.what for each in verdict.altered], [each.what for each in verdict.notes]


def test_values_in_which_two_originals_differ_are_noise_and_nothing_else_is() -> None:
    numbers = iter(range(10))
    assert judged(Noisy(100), Noisy(200)) == (
        ["obj.number: 100, arrived as 200", "obj.rows[0]: 100, arrived as 200"],
        [],
    )
    altered, notes = judged(Noisy(100), Noisy(200), lambda: Noisy(next(numbers)))
    assert (altered, len(notes)) == ([], 2)
    lost = Noisy(200)
    del lost.number
    assert judged(Noisy(100), lost, lambda: Noisy(next(numbers)))[0] == ["obj.number: 100, did not arrive"]


def test_all_alterations_are_listed_each_with_its_path() -> None:
    sent, arrived = {"a": [1, 2], "b": Noisy(1), "c": 3}, {"a": [1, 5], "b": Noisy(2), "c": 3}
    verdict = judge(facts(sent), arrived)
    assert [each.path for each in verdict.altered] == ["obj['a'][1]", "obj['b'].number", "obj['b'].rows[0]"]
    assert verdict.reason == "obj['a'][1]: 2, arrived as 5"
    assert type(verdict).from_json(verdict.to_json()) == verdict


class Asked:
    """Has a default that is made where somebody asks for it, as traits do; its pickle brings it."""

    def __getattr__(self, name: str) -> Any:
        if name == "rows":
            self.rows = [1]
            return self.rows
        raise AttributeError(name)


def test_what_an_original_gives_when_it_is_asked_for_it_may_arrive() -> None:
    arrived, other = Asked(), Asked()
    arrived.rows, other.rows = [1], [2]
    assert judged(Asked(), arrived, Asked)[0] == []
    assert judged(Asked(), other, Asked)[0] == ["obj.rows: not there, arrived as list"]


WHEN = dt.datetime(2024, 1, 1)


def test_which_of_two_equal_values_it_is_tells_nothing_and_which_list_it_is_does() -> None:
    rows: list[int] = []
    for sent, arrived, altered in (
        ([WHEN, WHEN], [WHEN, WHEN.replace()], 0),
        ([(WHEN, None), {"a": 1}], [(WHEN.replace(), None), {"a": 1}], 0),
        ([rows, rows], [rows, []], 1),
        ([(WHEN, rows), rows], [(WHEN, []), rows], 1),
    ):
        assert len(judged(sent, arrived, functools.partial(list, sent))[0]) == altered, sent


def test_long_texts_are_told_apart_under_their_attributes_names() -> None:
    sent, arrived = Noisy(1), Noisy(1)
    sent.text = "x" * 3000  # type: ignore[attr-defined]
    arrived.text = "x" * 2999 + "y"  # type: ignore[attr-defined]
    (told,) = judged(sent, arrived)[0]
    assert told.startswith("obj.text: 'xxx")


def many(last: Any) -> list[Any]:
    return [*(Noisy(number) for number in range(INLINE_PARTS)), last]


def test_beyond_what_is_stated_in_full_an_original_made_here_tells_what_differs() -> None:
    lost = Noisy(1)
    del lost.number
    assert judged(many(Noisy(1)), many(lost), lambda: many(Noisy(1)))[0] == [
        f"obj[{INLINE_PARTS}].number: 1, did not arrive"
    ]
    arrived = Asked()
    arrived.rows = [1]
    assert judged(many(Asked()), many(arrived), lambda: many(Asked()))[0] == []
    assert judged(many(Asked()), many(arrived))[0] != []  # nobody to ask
    numbers = iter(range(10))
    assert judged(many(Noisy(100)), many(Noisy(200)), lambda: many(Noisy(next(numbers))))[0] == []


class Missing:
    def __deepcopy__(self, memo: Any) -> Missing:
        return self


missing = Missing()


def test_a_marker_that_is_to_be_the_only_one_is_one_under_any_name() -> None:
    assert judged([missing], [Missing()])[0] == [f"obj[0]: {__name__}.missing itself, arrived as a copy"]
    assert judged([Missing()], [Missing()])[0] == []


def test_a_control_is_made_only_where_an_answer_depends_on_it() -> None:
    made = []

    def control() -> Any:
        made.append(1)
        return [1]

    assert judged([1], [1], control) == ([], []) and made == []
    assert judged([[1]], [(1,)], control)[0] == ["obj[0]: list, arrived as tuple"] and made == []


def test_a_control_that_cannot_be_made_is_none() -> None:
    def control() -> Any:
        raise OSError("no")

    assert judged(Noisy(1), Noisy(2), control)[0][0] == "obj.number: 1, arrived as 2"


def test_no_code_of_the_object_runs_where_it_is_stated() -> None:
    class Counted:
        calls: list[str] = []

        def __eq__(self, other: object) -> bool:
            self.calls.append("eq")
            return True

        def __hash__(self) -> int:
            self.calls.append("hash")
            return 1 << 40

        def __init__(self) -> None:
            self._kept = 1 << 40

    facts([Counted()])
    assert Counted.calls == []


class Kept:
    """Computes its hash as it is made, or (``lazy``) when it is first asked for."""

    def __init__(self, name: str, lazy: bool = False) -> None:
        self.name, self.lazy = name, lazy
        self.kept = None if lazy else hash(("kept", name))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kept) and self.name == other.name

    def __hash__(self) -> int:
        self.kept = hash(("kept", self.name)) if self.kept is None else self.kept
        return self.kept


@pytest.mark.parametrize("lazy", [False, True])
def test_a_hash_that_travels_is_told_where_no_control_can_be_made(lazy: bool) -> None:
    elsewhere, here = Kept("a", lazy), Kept("a", lazy)
    elsewhere.kept = 1 << 40  # as strings hash in another process
    assert hash(here) != hash(elsewhere)
    (told,) = judged(elsewhere, elsewhere)[0]
    assert told.startswith("obj: brings the hash that it had elsewhere")
    assert judged(here, here) == ([], [])


class Ordered(dict):  # type: ignore[type-arg]
    """Iterates in an order of its own, whatever the order in which it was filled."""

    def __iter__(self) -> Iterator[Any]:
        return iter(sorted(dict.keys(self)))

    def __reduce__(self) -> Any:
        return Ordered, (sorted(self.items()),)


def test_an_object_that_has_no_control_is_compared_with_a_copy_beside_it() -> None:
    obj = Ordered({3: 1, 1: 2})
    copy = pickle.loads(pickle.dumps(obj))
    known = looking.sent(json.dumps(facts(obj)), 0.0)
    alone = judge(facts(obj), copy)
    assert [each.what for each in alone.altered] == ["order in obj: [3] [1], arrived as [1] [3]"]
    payload = Payload(name="ordered", make=dict)
    found = looking.reconsidered(alone, payload, obj, known)
    assert (found.altered, [each.why for each in found.notes]) == ((), ["the same in its own order"])
    lost = judge(facts({"a": 1}), {"a": 2})
    assert looking.reconsidered(lost, payload, {"a": 1}, looking.sent(json.dumps(facts({"a": 1})), 0.0)) == lost


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("ok-")])
def test_what_is_no_loss_changes_no_checksum(name: str) -> None:
    """A sample's acknowledgement is compared with it: a way that carries the object would be called broken."""
    obj = CASES[name].payload.make()
    assert touch(pickle.loads(pickle.dumps(obj))) == touch(obj)


def test_a_function_that_travels_by_value_may_be_another_one_than_its_class_has() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    method = Named().called
    with pytest.raises(AttributeError):
        pickle.loads(pickle.dumps(method))
    assert judged(method, pickle.loads(cloudpickle.dumps(method)), lambda: Named().called)[0] == []


class Named:
    def _make() -> Any:  # type: ignore[misc]  # runs in the class's body
        def inner(self: Any) -> int:
            return 1

        return inner

    called = _make()
