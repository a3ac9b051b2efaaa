"""Recipes for the user's own object: every Before and After is run as printed, and ends when a task raises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from handoff.advising.recipes import recipe_for
from handoff.advising.result import Job, Row
from handoff.payload import Duty, Trait
from handoff.start_methods import START_METHODS
from handoff.strategies import registry
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

def work(obj):
    return len(obj)

def fails(obj):
    raise LookupError("a task of my own")
"""

OBJECTS = {"rows()": 200, "array(300_000)": 300_000, "config(depth=2)": 2, "frame()": 1000, "text()": 200_000}
OWN = [(strategy.name, duty) for strategy in registry().values() for duty in strategy.recipe.own]


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
    command = [sys.executable, "-W", "error", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=folder)


TELL = """    print("results:", sorted(results.values() if isinstance(results, dict) else results))\n"""


def serves(strategy: str, make: str, method: str) -> bool:
    found = registry()[strategy]
    only_arrays = Trait.FIXED_DTYPE in found.only
    if strategy == "msgpack" and make not in ("config(depth=2)", "text()"):  # of the others it knows no class
        return False
    for module in (*found.needs, *(["pandas"] if "frame" in make else [])):
        pytest.importorskip(module)
    return method in found.start_methods and (not only_arrays or make.startswith("array"))


@pytest.mark.parametrize(("strategy", "duty"), OWN)
def test_every_after_runs_as_it_is_from_any_folder(mine: Path, tmp_path: Path, strategy: str, duty: Duty) -> None:
    """Each with an object of its own turn, so that all five meet all start methods over the ways."""
    made = [make for make in OBJECTS if serves(strategy, make, "fork")]
    for index, method in enumerate(START_METHODS):
        make = made[(index + OWN.index((strategy, duty))) % len(made)]
        if not serves(strategy, make, method):
            continue
        for code in code_of(mine, make, "work", method, strategy, duty, chunk=3):
            done = run(code, tmp_path, TELL)
            assert (done.returncode, done.stderr) == (0, ""), f"{strategy} {method} {make}\n{code}"
            assert done.stdout == f"results: {[OBJECTS[make]] * 5}\n"


@pytest.mark.parametrize(("strategy", "duty"), OWN)
def test_a_task_that_raises_ends_it_with_its_own_error(mine: Path, tmp_path: Path, strategy: str, duty: Duty) -> None:
    method = registry()[strategy].start_methods[-1]
    make = next(each for each in ("array(300_000)", *OBJECTS) if serves(strategy, each, method))
    _, code = code_of(mine, make, "fails", method, strategy, duty)
    done = run(code, tmp_path)
    assert done.returncode == 1
    assert done.stderr.rstrip().splitlines()[-1] == "LookupError: a task of my own", done.stderr


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
