"""Recipes for the user's own object: every Before and After is run as printed, and ends when a task raises."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from handoff.advising.recipes import recipe_for
from handoff.advising.result import Job, Row
from handoff.payload import Duty, Trait
from handoff.start_methods import START_METHODS
from handoff.strategies import registry
from handoff.strategy import Channel
from handoff.target import Ref

MODULE = """
from dataclasses import dataclass

@dataclass
class Row:
    number: int
    price: float

def rows():
    return [Row(number, number / 7) for number in range(200)]

def array(n=300_000):
    import numpy as np
    return np.arange(float(n))

def config(depth=3):
    return {"name": "x" * 50, "inner": config(depth - 1) if depth else [1, 2.5, None]}

def frame():
    import pandas as pd
    return pd.DataFrame({"a": range(1000), "b": [number / 7 for number in range(1000)]})

def text():
    return "some text " * 20_000

class Model:
    class Layer:
        def __init__(self, weights):
            self.weights = weights

    def __init__(self, layers):
        self.layers = [Model.Layer([number / 7] * 50) for number in range(layers)]

    def __len__(self):
        return len(self.layers)

    @classmethod
    def results(cls, layers=4):  # a name that the printed code has, too
        return cls(layers)

def numbers():
    return list(range(300))

def counts():
    return {f"word {number}": number for number in range(5)}

def table():
    import pyarrow as pa
    return pa.table({"a": range(1000)})

def work(obj):
    return len(obj)

def fails(obj):
    raise LookupError("a task of my own")
"""

OBJECTS = {
    "rows()": 200,
    "array(300_000)": 300_000,
    "config(depth=2)": 2,
    "frame()": 1000,
    "text()": 200_000,
    "Model.results(4)": 4,
    "numbers()": 300,
    "counts()": 5,
    "table()": 1000,
}
OWN = [(strategy.name, duty) for strategy in registry().values() for duty in strategy.recipe.own]
CARRYING = [(name, duty) for name, duty in OWN if duty is not Duty.SHARED]
#: The objects of those ways that do not carry all of them; a way that shares has elements to which 1 can be added.
FEW = {
    Trait.FIXED_DTYPE: ("array(300_000)",),
    Trait.TABLE: ("frame()", "table()"),
    Trait.SCALARS: ("numbers()",),
    Trait.ELEMENTS: ("rows()", "numbers()"),
}
NUMPYS = ("array(300_000)", "frame()")  # numpy does not load in a second interpreter
SHARED = ("counts()", "numbers()")
PLAIN = ("config(depth=2)", "text()", "numbers()", "counts()")  # what msgpack knows


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mine")
    (folder / "of_mine.py").write_text(MODULE)
    return folder


def row(strategy: str, duty: Duty, chunk: int = 1) -> Row:
    return Row(strategy, duty, 1, 1, 1, 0, 1, 1, 1, 1, "tie", 3, "", chunk=chunk)


def code_of(
    mine: Path, make: str, work: str, method: str, strategy: str, duty: Duty, chunk: int = 1
) -> tuple[str, str]:
    ref = Ref(str(mine), "of_mine", make, work=f"of_mine:{work}", work_root=str(mine))
    recipe = recipe_for(ref, Job(duty, 5, 2, method, work))(row(strategy, duty, chunk))
    return recipe.before, recipe.after


def run(code: str, folder: Path, more: str = "") -> subprocess.CompletedProcess[str]:
    path = folder / "as_printed.py"
    path.write_text(code + more)
    # 3.15's linecache warns of a spawned __main__ while an error is put into words: as an error it ends the worker.
    no_loader = "ignore:Module globals is missing a __spec__.loader:DeprecationWarning"
    command = [sys.executable, "-W", "error", "-W", no_loader, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=folder)


TELL = """    print("results:", sorted(results.values() if isinstance(results, dict) else results))\n"""


def served(strategy: str, duty: Duty) -> list[str]:
    """The objects that a way carries."""
    found = registry()[strategy]
    if found.lacks:
        pytest.skip(found.lacks)
    some = {make for trait in found.only for make in FEW[trait]}
    if duty is Duty.SHARED:
        return sorted(some) or list(SHARED)
    if strategy == "msgpack":
        return list(PLAIN)
    refused = ("table()", *(NUMPYS if found.channel is Channel.INTERPRETER else ()))
    made = sorted(some) or [each for each in OBJECTS if each not in refused]
    without = [each for each in made if each not in ("frame()", "table()")]
    return made if find_spec("pandas") and find_spec("pyarrow") else without


def test_every_way_has_a_recipe_for_the_users_own_object() -> None:
    """But of engines that are tried by name alone: those show their own start."""
    missing = [(each.name, duty) for each in registry().values() for duty in each.duties if duty not in each.recipe.own]
    assert [name for name, _ in missing if not registry()[name].named_only] == []


def turn(strategy: str, duty: Duty, request: pytest.FixtureRequest) -> tuple[str, str]:
    """An object and a start method, so that all meet over the ways."""
    if "multiprocess" in registry()[strategy].needs and sys.version_info >= (3, 15):
        reason = "dill 0.4.1 writes no function of the main module on 3.15, whose code objects have no co_lnotab"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    methods, made, index = registry()[strategy].start_methods, served(strategy, duty), OWN.index((strategy, duty))
    if not made:
        pytest.skip("what it carries is made by libraries that are not installed")
    return made[index % len(made)], methods[index % len(methods)]


@pytest.mark.parametrize(("strategy", "duty"), CARRYING)
def test_every_after_runs_as_it_is_from_any_folder(
    mine: Path, tmp_path: Path, strategy: str, duty: Duty, request: pytest.FixtureRequest
) -> None:
    make, method = turn(strategy, duty, request)
    _, code = code_of(mine, make, "work", method, strategy, duty, chunk=3)
    done = run(code, tmp_path, TELL)
    assert (done.returncode, done.stderr) == (0, ""), f"{strategy} {method} {make}\n{code}"
    assert done.stdout == f"results: {[OBJECTS[make]] * 5}\n"


@pytest.mark.parametrize("method", START_METHODS)
@pytest.mark.parametrize("duty", [Duty.ARGUMENT, Duty.RESULT])
def test_every_before_runs_as_it_is(mine: Path, tmp_path: Path, duty: Duty, method: str) -> None:
    for make in served("pool", duty):
        code, _ = code_of(mine, make, "work", method, "pool", duty)
        done = run(code, tmp_path, TELL)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"results: {[OBJECTS[make]] * 5}\n", "")


@pytest.mark.parametrize("strategy", [name for name, duty in OWN if duty is Duty.SHARED])
def test_no_update_of_what_is_shared_is_lost(
    mine: Path, tmp_path: Path, strategy: str, request: pytest.FixtureRequest
) -> None:
    """Five tasks, each of which adds 1 to another element."""
    make, method = turn(strategy, Duty.SHARED, request)
    _, code = code_of(mine, make, "work", method, strategy, Duty.SHARED)
    done = run(code, tmp_path, "    print(len(results), results[0], sum(results[:5]))\n")
    assert (done.returncode, done.stderr) == (0, ""), f"{strategy} {method} {make}\n{code}"
    size, first, some = map(float, done.stdout.split())
    assert (size, first, some) == (OBJECTS[make], 1, 15)


@pytest.mark.parametrize(("strategy", "duty"), CARRYING)
def test_a_task_that_raises_ends_it_with_its_own_error(
    mine: Path, tmp_path: Path, strategy: str, duty: Duty, request: pytest.FixtureRequest
) -> None:
    make, method = turn(strategy, duty, request)
    _, code = code_of(mine, make, "fails", method, strategy, duty)
    done = run(code, tmp_path)
    assert done.returncode == 1
    # The last of it, but for what loky's tracker says now and then of a semaphore that is gone already.
    assert "LookupError: a task of my own" in done.stderr.splitlines(), done.stderr


def test_what_the_code_names_itself_is_imported_under_another_name(mine: Path) -> None:
    _, code = code_of(mine, "Model.results(4)", "work", "spawn", "initializer", Duty.STATE)
    assert "from of_mine import Model\n" in code and "from of_mine import work as own_work\n" in code


def test_a_file_whose_name_is_no_name_is_imported_all_the_same(mine: Path, tmp_path: Path) -> None:
    (mine / "01-of-mine.py").write_text(MODULE)
    ref = Ref(str(mine), "01-of-mine", "rows", work="01-of-mine:work", work_root=str(mine))
    code = recipe_for(ref, Job("argument", 5, 2, "spawn", "work"))(row("pool", Duty.ARGUMENT)).after
    assert run(code, tmp_path, TELL).stdout == f"results: {[200] * 5}\n"


@pytest.mark.parametrize("strategy", ["process-args", "pickle-5-oob", "shm-pickle-5"])
def test_a_worker_that_is_gone_is_not_waited_for(mine: Path, tmp_path: Path, strategy: str) -> None:
    duty = next(duty for name, duty in OWN if name == strategy)
    _, code = code_of(mine, "array(300_000)", "work", "spawn", strategy, duty)
    done = run(re.sub(r"return own_work\(obj\)", "import os; os._exit(3)", code), tmp_path)
    assert done.returncode == 1
    assert "EOFError" in done.stderr or "ConnectionResetError" in done.stderr


def test_without_a_work_the_code_has_a_place_for_it(mine: Path, tmp_path: Path) -> None:
    recipe = recipe_for(Ref(str(mine), "of_mine", "rows"), Job("state", 5, 2, "spawn"))(row("initializer", Duty.STATE))
    assert "return ...  # what a task does with obj" in recipe.after
    assert run(recipe.after, tmp_path).returncode == 0
