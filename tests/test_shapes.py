"""Of JSON from outside a type says what it has to be; and the types say what is really written."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Annotated, Any, NotRequired, TypedDict

import pytest
import synthetic

from handoff import record, shapes
from handoff.analysis.regret import Decision
from handoff.machine import Fingerprint, Load, fingerprint, noise
from handoff.outcome import OK, Outcome, OutcomeFields
from handoff.profile import PROFILES, Profile, ProfileFields, fields_of


class Inner(TypedDict, total=False):
    seconds: float | None
    below: Annotated[float, shapes.measured]


class Outer(TypedDict):
    name: str
    count: int
    inner: Inner
    by_name: dict[str, list[Inner]]
    any: NotRequired[Any]
    fine: NotRequired[bool]


WHOLE = {"name": "a", "count": 2, "inner": {}, "by_name": {"b": [{"seconds": None, "below": -1.5}]}}


def test_the_shape_of_a_type_takes_what_fits_and_says_where_something_does_not() -> None:
    shape = shapes.of(Outer)
    assert shape(WHOLE) == ""
    assert shape({**WHOLE, "any": object(), "fine": True, "more": 1}) == ""
    assert "has no name" in shape({})
    for wrong, where in (
        ({"name": 1}, ".name is"),
        ({"count": 1.5}, ".count is"),
        ({"inner": []}, ".inner is"),
        ({"inner": {"seconds": -1.0}}, ".inner.seconds is"),
        ({"inner": {"seconds": "1"}}, ".inner.seconds is"),
        ({"by_name": {"b": [{}, {"below": float("nan")}]}}, ".by_name.b[1].below is"),
        ({"fine": 1}, ".fine is"),
    ):
        assert where in shape({**WHOLE, **wrong}), wrong


def test_a_type_that_no_json_has_is_no_shape() -> None:
    with pytest.raises(TypeError, match="no shape"):
        shapes.of(set[int])


def test_what_is_written_is_what_the_types_say() -> None:
    before = {"target", "asked_from"}
    assert set(ProfileFields.__annotations__) - before == {field.name for field in fields(Profile)}
    assert set(record.DecisionFields.__annotations__) == {field.name for field in fields(Decision)}
    assert set(OutcomeFields.__annotations__) == {field.name for field in fields(Outcome)}
    assert set(fingerprint()) == set(Fingerprint.__annotations__) - {"cluster"}
    for declared, written in (
        (Fingerprint, fingerprint()),
        (Load, noise()),
        (OutcomeFields, OK.to_json()),
        *((ProfileFields, fields_of(each)) for each in PROFILES.values()),
    ):
        assert shapes.of(declared)(json.loads(json.dumps(written))) == ""


@pytest.mark.parametrize("wrong", [
    {"decision": {"answer": "change"}},
    {"decision": {"answer": 1, "ways": "many"}},
    {"decision": [1]},
    {"trials": [{"before": {"load": "high"}}]},
    {"trials": [{"after": {"pressure": {"cpu": "x"}}}]},
    {"fingerprint": {"malloc": []}},
    {"profile": {"grouped": "yes"}},
    {"laws": {"handoff": {"shape": "wide"}}},
    {"about": {"nbytes": -1}},
], ids=str)  # fmt: skip
def test_a_file_that_is_not_as_it_should_be_is_told_with_its_place(wrong: dict[str, Any], tmp_path: Any) -> None:
    path = synthetic.tie().write(tmp_path)
    assert record.read(path).payload
    path.write_text(json.dumps(json.loads(path.read_text()) | wrong))
    with pytest.raises(record.RecordError, match=f"not a record: .{next(iter(wrong))}"):
        record.read(path)


def test_a_record_of_before_without_a_decision_can_be_read(tmp_path: Any) -> None:
    path = synthetic.tie().write(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"decision": {}}))
    assert record.read(path).decision is None
