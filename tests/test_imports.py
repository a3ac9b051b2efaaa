"""What a worker imports before its first task: which packages take it, and when that is worth a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from handoff.advising import import_cost
from handoff.target import Ref

REPORT = """\
import time: self [us] | cumulative | imported package
import time:       200 |        200 |   _io
import time:      5000 |       5000 | site
import time:      1000 |       1000 |     numpy.core
import time:     90000 |      91000 |   numpy
import time:      4000 |       4000 |   numpy.random
import time:      2000 |       2000 |   json
import time:      3000 |     100000 | own
import time:       100 |        100 | atexit
"""


def test_time_goes_to_the_packages_that_the_module_imports() -> None:
    found = import_cost.read(REPORT, "own")
    assert found == pytest.approx({"numpy": 0.095, "own": 0.003, "json": 0.002})
    assert list(found) == ["numpy", "own", "json"]
    assert import_cost.read(REPORT, "other") == {}


def test_a_slow_import_is_said_with_what_takes_it(tmp_path: Path) -> None:
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "__init__.py").write_text("import time; time.sleep(0.2)\n")
    (tmp_path / "own.py").write_text("import slow, json\n")
    ref = Ref(str(tmp_path), "own", "make")
    said = import_cost.note(ref, 0.25)
    assert said.startswith("importing own takes 2") and "of it slow 2" in said and "json" not in said
    assert import_cost.note(ref, 0.01) == ""


def test_what_fails_or_prints_there_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("raise RuntimeError('\\udcff')\n")
    assert import_cost.note(Ref(str(tmp_path), "own", "make"), 1.0) == ""
