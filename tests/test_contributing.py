"""The examples of CONTRIBUTING.md do what it says they do."""

from __future__ import annotations

import importlib.util
import json
import multiprocessing as mp
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

import handoff
from handoff.strategies import registry
from handoff.strategy import Site, Strategy
from handoff.target import load_collection

TEXT = (Path(__file__).resolve().parent.parent / "CONTRIBUTING.md").read_text()


def example(name: str) -> str:
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", TEXT, re.DOTALL)
    assert found, f"CONTRIBUTING.md has no example {name!r}"
    return found[1]


@pytest.fixture
def strategy(tmp_path: Path) -> Iterator[Strategy]:
    """The strategy of the example, from a module as it would be one."""
    path = tmp_path / "example_strategy.py"
    path.write_text(example("strategy"))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    yield cast("Strategy", module.STRATEGIES[0])
    del sys.modules[path.stem]


def test_the_payload_is_a_collection_of_one_file(tmp_path: Path) -> None:
    path = tmp_path / "example_sensors.py"
    path.write_text(example("payload"))
    ((name, entry),) = load_collection(path).items()
    assert name == entry.payload.name == "sensor-day-f64-675kib"
    obj = entry.payload.make()
    assert obj.nbytes == entry.payload.nbytes
    assert entry.payload.touch(obj) == entry.payload.touch(entry.payload.make())


def test_the_strategy_is_new_and_carries_an_object(strategy: Strategy) -> None:
    assert strategy.name not in registry()
    assert strategy.carry is not None
    # Of all that a site has, this strategy needs nothing.
    sender, receiver = strategy.carry(cast("Site", None))
    left, right = mp.Pipe()
    obj: Any = {"numbers": list(range(1000)), "text": "abc" * 100}
    with left, right:
        sender.open(left)
        receiver.open(right)
        sender.post(sender.encode(obj))
        assert receiver.decode(receiver.take()) == obj


def test_the_strategys_recipe_runs(strategy: Strategy, tmp_path: Path) -> None:
    for number, code in enumerate((strategy.recipe.before, strategy.recipe.after)):
        path = tmp_path / f"recipe_{number}.py"
        path.write_text(code)
        done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_its_command_is_the_one_that_ci_runs() -> None:
    command = (Path(__file__).resolve().parent.parent / ".ci" / "run").read_text().strip().splitlines()[-1]
    assert command in TEXT


CLASH = """\
class Whole:
    '''Its pickle leaves a part behind.'''
    def __init__(self):
        self.kept, self.left = 1, [2]

    def __getstate__(self):
        return {"kept": self.kept, "left": None}


def make():
    return Whole()
"""


def test_a_strategy_is_one_file_and_every_command_has_it(tmp_path: Path) -> None:
    """Nothing else has to be said of it: where pickle alters, it is called altered, too."""
    root = tmp_path / "site"
    shutil.copytree(Path(handoff.__file__).parent, root / "handoff", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "handoff" / "strategies" / "zlibbed.py").write_text(example("strategy"))
    (tmp_path / "mine.py").write_text(CLASH)

    def ask(*args: str) -> str:
        code = (
            f"import sys; sys.path.insert(0, {str(root)!r}); from handoff.cli import main; sys.exit(main(sys.argv[1:]))"
        )
        env = {**os.environ, "PYTHONPATH": str(root)}
        done = subprocess.run(
            [sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path,
            env=env,
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    assert "pickle-5-zlib" in ask("list", "strategies")
    assert "zlib" in ask("explain", "pickle-5-zlib")
    support = json.loads(ask("support", "mine.py:make", "--format", "json"))
    advice = json.loads(ask("advise", "mine.py:make", "--duty", "argument", "--budget", "20s", "--format", "json"))
    cells = [cell for cell in support["cells"] if cell["strategy"] == "pickle-5-zlib" and cell["duty"] == "argument"]
    assert cells and {cell["outcome"] for cell in cells} == {"altered"}
    told = {each["outcome"] for each in advice["excluded"] if each["strategy"] == "pickle-5-zlib"}
    assert told and told <= {"altered", "unmeasured"}  # the latter where a busy machine let the budget pass
    assert "pickle-5-zlib" not in {row["strategy"] for tier in advice["tiers"] for row in tier}
