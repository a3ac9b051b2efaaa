"""What this suite relies on in asv without a promise of asv's: pinned in pyproject and asv.conf.json, and pinned here.

One small suite is run by the real ``asv run`` in this interpreter, through the runner's own wrapper, and published.
"""

from __future__ import annotations

import inspect
import json
import math
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("asv", reason="asv is not installed here: it is in the dependency group 'bench'")
pytest.importorskip("virtualenv", reason="virtualenv is not installed here: it is in the dependency group 'bench'")

ROOT = Path(__file__).resolve().parent.parent
WRAPPER = ROOT / "benchmarks" / "_asv.py"

pytestmark = pytest.mark.slow

SUITE = '''
"""Cells as this suite has them."""
import os
from abc import ABC, abstractmethod


class Cells:
    params = [["many", "one", "none", "wrong"]]
    param_names = ["strategy"]
    unit = "seconds"
    type = "time"
    version = "1"

    def setup_cache(self):
        many = [1e-3, 1.1e-3, 1.2e-3, 1.05e-3, 1.07e-3, 1.3e-3]
        return {"profile": os.environ["HANDOFF_PROFILE"], "many": many, "one": [2e-3]}

    setup_cache.timeout = 1234

    def track_time(self, cache, strategy):
        if strategy == "wrong":
            raise ValueError("the cell's own reason")
        if strategy == "none":
            return float("nan")
        assert cache["profile"] == os.environ["HANDOFF_PROFILE"] == "quick"
        return {"samples": cache[strategy], "number": 1}


class Base(ABC):
    unit = "bytes"
    version = "1"

    @abstractmethod
    def setup_cache(self): ...

    def track_bytes(self, number):
        return number


class Sizes(Base):
    def setup_cache(self):
        return 1234
'''

PLUGIN = '''
"""A publisher, as reports has one."""
import os
from asv.publishing import OutputPublisher


class Extra(OutputPublisher):
    name = "extra"
    button_label = "Extra"
    description = "An extra page"
    order = 99

    @classmethod
    def publish(cls, conf, repo, benchmarks, graphs, revisions):
        with open(os.path.join(conf.html_dir, "extra.html"), "w") as file:
            file.write("extra")
'''


@dataclass(frozen=True)
class Project:
    """A git repository with a small suite, and a home folder of its own."""

    root: Path
    home: Path

    def asv(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(WRAPPER), str(self.root / ".asv" / "machine.json"), "here", *arguments]
        return self.call(command, **env)

    def call(self, command: list[str], **env: str) -> subprocess.CompletedProcess[str]:
        # Warnings as errors are for this project's code, not for asv's.
        inherited = {key: value for key, value in os.environ.items() if key != "PYTHONWARNINGS"}
        return subprocess.run(
            command,
            cwd=self.root,
            env=inherited | {"HOME": str(self.home), **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )

    def configure(self, **changes: Any) -> None:
        config = {
            "version": 1,
            "project": "small",
            "repo": ".",
            "branches": ["HEAD"],
            "environment_type": "virtualenv",
            "launch_method": "forkserver",
            "env_dir": ".asv/env",
            "results_dir": ".asv/results",
            "html_dir": ".asv/html",
        }
        (self.root / "asv.conf.json").write_text(json.dumps(config | changes))

    def result(self) -> dict[str, Any]:
        """The one result file; asv writes NaN, which json reads."""
        (path,) = (path for path in (self.root / ".asv/results/here").glob("*.json") if path.name != "machine.json")
        loaded: dict[str, Any] = json.loads(path.read_text())
        return loaded

    def column(self, benchmark: str, name: str) -> Any:
        result = self.result()
        row = result["results"][benchmark]
        index = result["result_columns"].index(name)
        return row[index] if index < len(row) else None


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("asv")
    project = Project(folder / "project", folder / "home")
    project.home.mkdir()
    (project.root / "benchmarks").mkdir(parents=True)
    (project.root / "benchmarks" / "__init__.py").write_text('"""Benchmarks."""\n')
    (project.root / "benchmarks" / "cells.py").write_text(SUITE)
    (project.root / "publishers").mkdir()
    (project.root / "publishers" / "__init__.py").write_text("")
    (project.root / "publishers" / "extra.py").write_text(PLUGIN)
    project.configure()
    git = ["git", "-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "small"]):
        assert project.call([*git, *arguments]).returncode == 0
    return project


@pytest.fixture(scope="module")
def ran(project: Project) -> subprocess.CompletedProcess[str]:
    """The suite, run once."""
    commit = project.call(["git", "rev-parse", "HEAD"]).stdout.strip()
    where = ["-E", f"existing:{sys.executable}", "--set-commit-hash", commit]
    return project.asv("run", "--machine", "here", "--show-stderr", *where, HANDOFF_PROFILE="quick")


def test_a_failed_cell_gives_exit_code_2_and_its_reason(ran: subprocess.CompletedProcess[str]) -> None:
    assert ran.returncode == 2, ran.stdout
    assert "the cell's own reason" in ran.stdout


def test_samples_become_a_median_with_an_interval(project: Project, ran: subprocess.CompletedProcess[str]) -> None:
    many, one, *_ = project.column("cells.Cells.track_time", "result")
    assert many == pytest.approx(1.085e-3) and one == pytest.approx(2e-3)
    low, _, *_ = project.column("cells.Cells.track_time", "stats_ci_99_a")
    high, _, *_ = project.column("cells.Cells.track_time", "stats_ci_99_b")
    assert low < many < high
    assert project.column("cells.Cells.track_time", "stats_repeat")[:2] == [6, 1]
    assert re.search(r"many\s+1\.08±0\.0\dms", ran.stdout)


def test_nan_is_a_skip_and_an_exception_a_failure(project: Project, ran: subprocess.CompletedProcess[str]) -> None:
    _, _, none, wrong = project.column("cells.Cells.track_time", "result")
    assert math.isnan(none) and wrong is None
    assert re.search(r"none\s+n/a", ran.stdout) and re.search(r"wrong\s+failed", ran.stdout)


def test_a_cell_that_is_not_asked_for_is_a_skip(project: Project, ran: subprocess.CompletedProcess[str]) -> None:
    """What makes it safe that the runner asks for the cells alone which can have a figure."""
    commit = project.call(["git", "rev-parse", "HEAD"]).stdout.strip()
    where = ["--machine", "there", "-E", f"existing:{sys.executable}", "--set-commit-hash", commit]
    wrapper = [sys.executable, str(WRAPPER), str(project.root / ".asv" / "machine.json"), "there"]
    some = ["run", *where, r"--bench=^cells\.Cells\.track_\w+\((?:'one')\)$"]
    done = project.call([*wrapper, *some], HANDOFF_PROFILE="quick")
    results = project.root / ".asv/results/there"
    try:
        assert done.returncode == 0, done.stdout
        (path,) = (path for path in results.glob("*.json") if path.name != "machine.json")
        (row,) = json.loads(path.read_text())["results"].values()
        assert [math.isnan(value) for value in row[0]] == [True, False, True, True]
        assert row[1] == [["'many'", "'one'", "'none'", "'wrong'"]]
    finally:
        shutil.rmtree(results, ignore_errors=True)


def test_a_number_is_kept_with_its_unit(project: Project, ran: subprocess.CompletedProcess[str]) -> None:
    assert project.column("cells.Sizes.track_bytes", "result") == [1234]
    known = json.loads((project.root / ".asv/results/benchmarks.json").read_text())
    assert known["cells.Sizes.track_bytes"]["unit"] == "bytes"
    cells = known["cells.Cells.track_time"]
    assert (cells["type"], cells["unit"], cells["setup_cache_timeout"]) == ("time", "seconds", 1234)
    assert cells["params"] == [["'many'", "'one'", "'none'", "'wrong'"]], "asv keeps the repr of a parameter"


def test_show_and_publish_take_the_results(project: Project, ran: subprocess.CompletedProcess[str]) -> None:
    shown = project.asv("show", "HEAD", "--machine", "here")
    assert shown.returncode == 0 and "1.08±0.0" in shown.stdout
    assert project.asv("publish").returncode == 0
    index = json.loads((project.root / ".asv/html/index.json").read_text())
    found = index["benchmarks"].keys()
    assert found == {"cells.Cells.track_time", "cells.Sizes.track_bytes"}, "an abstract class is left out"


def test_spyglass_compares_two_results(project: Project, ran: subprocess.CompletedProcess[str]) -> None:
    """What asv keeps of this suite's samples is what tools for asv's results expect."""
    pytest.importorskip("asv_spyglass", reason="asv-spyglass is for Python 3.12 and later: dependency group 'test'")
    before, after = project.result(), project.result()
    for result in (before, after):  # it cannot bear a cell that failed (0.3.1), which this suite has none of
        values = result["results"]["cells.Cells.track_time"]
        values[0] = [math.nan if value is None else value for value in values[0]]
    row = after["results"]["cells.Cells.track_time"]
    for name in ("result", "stats_ci_99_a", "stats_ci_99_b", "stats_q_25", "stats_q_75"):
        index = after["result_columns"].index(name)
        row[index] = [value and value * 3 for value in row[index]]
    for name, result in (("before", before), ("after", after)):
        (project.root / f"{name}.json").write_text(json.dumps(result))
    command = [str(Path(sys.executable).parent / "asv-spyglass"), "compare", "before.json", "after.json"]
    done = project.call([*command, ".asv/results/benchmarks.json"], COLUMNS="160")
    assert done.returncode in (0, 1), done.stdout
    assert re.search(r"1\.0[89]±.*ms.*3\.2\d±.*ms.*3\.00.*track_time.*many", done.stdout), done.stdout


def test_a_publisher_needs_the_leading_dot(project: Project, ran: subprocess.CompletedProcess[str]) -> None:
    page = project.root / ".asv" / "html" / "extra.html"
    try:
        project.configure(plugins=["publishers.extra"])
        assert project.asv("publish").returncode == 0
        assert not page.exists(), "asv took the plugin without the dot: the dot can go"
        project.configure(plugins=[".publishers.extra"])
        assert project.asv("publish").returncode == 0
        assert page.read_text() == "extra"
    finally:
        project.configure()


def test_the_wrapper_writes_nothing_into_the_home_folder(
    project: Project, ran: subprocess.CompletedProcess[str]
) -> None:
    assert not (project.home / ".asv-machine.json").exists()
    assert json.loads((project.root / ".asv/machine.json").read_text())["here"]["machine"] == "here"


def test_asv_itself_wants_a_machine_file_in_the_home_folder(project: Project) -> None:
    """Why there is a wrapper; when this fails, it can go."""
    done = project.call([sys.executable, "-m", "asv", "run", "--machine", "other", "-E", f"existing:{sys.executable}"])
    assert done.returncode == 1 and "asv machine --yes" in done.stdout


def test_the_pins_stay_out_of_the_environments_name(project: Project) -> None:
    """``asv_runner`` and asv's other own requirements are pinned by the matrix without showing up in names."""
    config = ROOT / "asv.conf.json"
    shutil.copy(config, project.root / "real.json")
    code = (
        "import os, sys; from asv.config import Config; from asv.environment import get_environments\n"
        "for env in get_environments(Config.load('real.json'), [f'virtualenv:{sys.argv[1]}']): print(env.name)\n"
        "    \nprint(sorted(env._base_requirements.items()))"
    )
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    *lines, pins = project.call([sys.executable, "-c", code, version]).stdout.strip().split("\n")
    (name,) = (line for line in lines if not line.startswith("No executable found for python 3."))
    assert re.fullmatch(rf"virtualenv-py{version}-cloudpickle[\d.]+-dill[\d.]+-numpy[\d.]+", name), name
    assert "('pip+asv_runner', '0.3.2')" in pins


def test_setup_caches_are_told_apart_by_module_and_line() -> None:
    """So each class writes its own: one that is inherited would be run once for all."""
    from asv_runner.benchmarks._base import get_setup_cache_key

    from benchmarks.argument import Fork, Spawn

    keys = [get_setup_cache_key(each.setup_cache).partition(":") for each in (Fork, Spawn)]
    lines = [inspect.getsourcelines(each.setup_cache)[1] for each in (Fork, Spawn)]
    assert keys == [("argument", ":", str(line)) for line in lines]
    assert len(set(lines)) == 2
