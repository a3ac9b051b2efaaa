"""The trial of the advice (``tests/trials``) runs whole jobs; how good the advice is, a quiet machine tells."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent / "trials"
sys.path.insert(0, str(HERE))

import decide  # noqa: E402 - it stands in a folder of its own
import objects  # noqa: E402


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def test_there_are_thirty_cases_of_all_duties_and_start_methods() -> None:
    assert len({case.name for case in objects.CASES}) == 30
    assert {case.duty for case in objects.CASES} == {None, "argument", "state", "result", "shared"}
    assert {case.start_method for case in objects.CASES} == {"fork", "spawn", "forkserver"}


@pytest.mark.parametrize(
    ("make", "way"),
    [
        (objects.small_config, ("pickle-default", "argument")),
        (objects.small_config, ("initializer", "state")),
        (objects.small_config, ("process-args", "state")),
        (objects.small_config, ("manager-dict", "argument")),
        (objects.histogram, ("shm-reused", "result")),
        (objects.histogram, ("array-raw-numpy", "shared")),
    ],
)
@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_a_whole_job_is_run_by_two_workers(make: object, way: decide.Way, start_method: str) -> None:
    case = objects.Case(make, None, 7, 2, start_method)  # type: ignore[arg-type]
    seconds, why = decide.run_job(case, way, look=True)
    assert why == "" and seconds > 0


def test_a_way_that_refuses_is_no_answer() -> None:
    case = objects.Case(objects.settings_with_lambda, None, 3, 1, "spawn")
    assert "ambda" in decide.run_job(case, ("pickle-default", "argument"), look=True)[1]
    assert decide.run_job(case, ("cloudpickle", "argument"), look=True)[1] == ""
