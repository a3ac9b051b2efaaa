"""A run's figures for other tools, read by those tools where they can be installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import synthetic

from handoff.cli import main
from handoff.commands.export import FORMATS
from handoff.record import Record
from reports import exports
from reports.rows import Source, Table, tables


def found(records: list[Record]) -> list[Table]:
    return tables([Source(record) for record in records])


def exported(records: list[Record], form: str, folder: Path) -> Any:
    for record in records:
        record.write(folder / "records")
    target = folder / f"{form}.json"
    assert main(["export", str(folder / "records"), "--format", form, "-o", str(target)]) == 0
    return json.loads(target.read_text())


def test_the_formats_are_those_that_the_command_names() -> None:
    assert tuple(exports.FORMATS) == FORMATS


def test_bencher_gets_each_figure_in_nanoseconds_with_its_bounds(tmp_path: Path) -> None:
    records = [*synthetic.model_under_spawn(), *synthetic.footprints()]
    data = exported(records, "bencher", tmp_path)
    for measures in data.values():  # as Bencher's own schema of its format, bencher.dev/bmf.json, asks
        for metric in measures.values():
            assert "value" in metric and metric.keys() <= {"value", "lower_value", "upper_value"}
            assert all(isinstance(value, float) for value in metric.values())
    latency = data["argument/spawn/model-50mib/handoff/pickle-5-oob"]["latency"]
    assert latency["lower_value"] < latency["value"] < latency["upper_value"]
    assert latency["value"] == pytest.approx(20e6, rel=0.1)
    own = data["memory-argument/spawn/model-50mib/worker-uss-bytes/shm-reused"]["worker-uss-bytes"]
    assert own["value"] == pytest.approx(10 * 2**20)
    assert not [name for name in data if "shm-list" in name or "dill-recurse" in name], "refused, altered: no figure"


def test_github_gets_a_list_of_what_should_be_small(tmp_path: Path) -> None:
    data = exported(synthetic.model_under_spawn(), "smaller-is-better", tmp_path)
    assert all(each.keys() == {"name", "unit", "value", "range", "extra"} for each in data)
    assert all(isinstance(each["value"], float) and isinstance(each["range"], str) for each in data)
    (oob,) = [each for each in data if each["name"] == "argument/spawn/model-50mib/handoff/pickle-5-oob"]
    assert oob["unit"] == "seconds" and oob["value"] == pytest.approx(0.02, rel=0.1)
    assert oob["range"].startswith("99 %: 0.0")


def test_a_bound_that_is_unknown_is_left_out_or_said() -> None:
    once = found([synthetic.record(trials=1)])
    (metric,) = json.loads(exports.bencher(once)).values()
    assert "upper_value" not in metric["latency"]
    assert json.loads(exports.smaller_is_better(once))[0]["range"] == "99 %: unknown"
    assert json.loads(exports.pytest_benchmark(once))["benchmarks"][0]["extra_info"]["high_99"] is None


@pytest.mark.parametrize("trials", [1, 2, 5, 7, 10])
def test_statistics_are_as_pytest_benchmark_defines_them(trials: int) -> None:
    stats = pytest.importorskip("pytest_benchmark.stats")
    document = json.loads(exports.pytest_benchmark(found([synthetic.record(trials=trials, noise=0.1)])))
    (mine,) = [each["stats"] for each in document["benchmarks"]]
    theirs = stats.Stats()
    for value in mine["data"]:
        theirs.update(value)
    assert {name: mine[name] for name in theirs.fields} == pytest.approx(theirs.as_dict())


def test_pytest_benchmark_compares_two_runs(tmp_path: Path) -> None:
    pytest.importorskip("pytest_benchmark", reason="pytest-benchmark is in the dependency group 'test'")
    for number, seconds in ((1, 1e-3), (2, 3e-3)):
        record = synthetic.record(metrics={"handoff": {"pickle-default": 1e-3, "dill": seconds}})
        data = exported([record], "pytest-benchmark", tmp_path / str(number))
        (tmp_path / f"000{number}_run.json").write_text(json.dumps(data))
    command = [sys.executable, "-m", "pytest_benchmark", "compare", "0001_run.json", "0002_run.json"]
    options = ["--columns", "median,rounds", "--group-by", "fullname", "--csv", "out.csv"]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (dill,) = [block for block in done.stdout.split("\n\n") if "/dill'" in block]
    assert "argument/spawn/thing/handoff/dill" in dill and "(3.0" in dill, "three times slower, as it says itself"
    assert "Failed to load" not in done.stdout + done.stderr
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 5


def test_one_run_at_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for run in ("monday", "tuesday"):
        synthetic.tie().write(tmp_path / run)
    assert main(["export", str(tmp_path), "--format", "bencher"]) == 2
    assert "holds 2 runs; name the folder of one: monday, tuesday" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "monday"), "--format", "benchr"]) == 2
    assert "did you mean 'bencher'?" in capsys.readouterr().err
