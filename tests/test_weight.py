"""The fixture that holds an object's weight against a stored baseline, as a user's own tests have it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from handoff.testing import weight
from handoff.testing.weight import Weight

TEST = """
import pytest

def make():
    return {"rows": list(range(10_000)), "name": "nightly"}

@pytest.mark.handoff_weight(factor=1.4)
def test_the_config_stays_light(handoff_weight):
    handoff_weight(make(), "config")
"""


def own_tests(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "handoff.testing.pytest_plugin", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers -W error\n")
    return subprocess.run(
        [*command, *options], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_own.py").write_text(TEST)
    assert own_tests(tmp_path, "--handoff-update").returncode == 0
    return tmp_path


def test_a_baseline_is_stored_and_what_stays_as_it_was_passes(folder: Path) -> None:
    ((name, stored),) = json.loads((folder / "handoff-weights.json").read_text())["weights"].items()
    assert name == "test_own.py::test_the_config_stays_light config" and stored["bytes"] > 20_000
    assert own_tests(folder).returncode == 0


def test_what_got_heavier_fails_and_the_message_says_where(folder: Path) -> None:
    text = TEST.replace('"name": "nightly"', '"name": "nightly", "cache": bytes(60_000)')
    (folder / "test_own.py").write_text(text)
    done = own_tests(folder)
    assert done.returncode == 1
    said = r"config pickles to [\d.]+ KiB, 3\.\d+× the [\d.]+ KiB of handoff-weights.json \(allowed: less than 1.4×\)"
    assert re.search(said, done.stdout), done.stdout
    assert "58.6 KiB in obj['cache']" in done.stdout
    assert own_tests(folder, "--handoff-update").returncode == 0
    assert own_tests(folder).returncode == 0


def test_since_compares_with_a_revision_whatever_the_branch_stored(folder: Path) -> None:
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    (folder / "test_own.py").write_text(TEST.replace("10_000", "20_000"))
    assert own_tests(folder, "--handoff-update").returncode == 0
    assert own_tests(folder).returncode == 0
    done = own_tests(folder, "--handoff-since", "main")
    assert done.returncode == 1 and re.search(r"2\.\d+× the [\d.]+ KiB of main", done.stdout), done.stdout
    done = own_tests(folder, "--handoff-since", "nowhere")
    assert done.returncode == 1 and "--handoff-since nowhere" in done.stdout


def test_without_a_baseline_it_says_how_to_store_one(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(TEST)
    done = own_tests(tmp_path)
    assert done.returncode == 1 and "run pytest --handoff-update, and commit the file" in done.stdout


def test_work_counts_only_beyond_what_the_intervals_leave_open() -> None:
    was = Weight(4000, 1.0, 0.9, 1.1, 4)
    assert weight.heavier(was, Weight(4000, 3.0, 2.0, 4.0, 4), 1.5) == ["takes 3.00× the work to pickle of"]
    assert weight.heavier(was, Weight(4000, 3.0, 1.6, 4.0, 4), 1.5) == [], "1.6 is below 1.5 times 1.1"
    assert weight.heavier(Weight(50, 1, 1, 1, 4), Weight(900, 9, 9, 9, 4), 1.5) == [], "an empty message takes as long"


class Slow:
    """Pickles to little, with much work."""

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return int, (sum(range(20_000)),)


def test_work_is_measured_in_units_that_a_faster_machine_has_as_well() -> None:
    assert weight.weigh(weight.YARDSTICK).work_low < 1.5, "itself"
    light, heavy = weight.weigh([1]), weight.weigh([Slow() for _ in range(10)])
    assert heavy.work_low > 3 * light.work_high


def test_a_broken_file_of_baselines_is_said(folder: Path) -> None:
    (folder / "handoff-weights.json").write_text('{"schema": 7, "weights": {}}')
    assert "schema 7, and this version reads 1" in own_tests(folder).stdout
    (folder / "handoff-weights.json").write_text("[")
    assert "handoff-weights.json is no file of baselines" in own_tests(folder).stdout
