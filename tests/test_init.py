"""What ``handoff init ci`` writes: valid workflows whose steps run, here as on a runner; and the container's recipe."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from handoff.cli import main

yaml = pytest.importorskip("ruamel.yaml", reason="comes with check-jsonschema, in the dependency group 'test'")

ROOT = Path(__file__).resolve().parent.parent
LITTLE = "--duty argument --start-method fork --strategy pickle-5 --strategy pickle-default"  # of what it would measure
OWN = 'def make():\n    return {"rows": [(n, str(n)) for n in range(100)]}\n'


def steps(path: Path) -> list[dict[str, Any]]:
    ((job),) = yaml.YAML(typ="safe").load(path)["jobs"].values()
    found: list[dict[str, Any]] = job["steps"]
    return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_two_valid_workflows_are_written_and_never_over_others(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "ci", 'own.py:make(3, "a: b")', "--setup", "make install", "--python", "3.12"]) == 0
    written = sorted((project / ".github" / "workflows").glob("*.yml"))
    assert [path.name for path in written] == ["handoff-nightly.yml", "handoff.yml"]
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, *map(str, written)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for path in written:
        (job,) = yaml.YAML(typ="safe").load(path)["jobs"].values()
        assert job["env"]["TARGET"] == 'own.py:make(3, "a: b")'
        scripts = "".join(step.get("run", "") for step in job["steps"])
        assert "make install" in scripts and "pip install handoff-bench" in scripts
        assert "${{" not in scripts and "@" not in scripts, "nothing of the event is put into a script"
    capsys.readouterr()
    assert main(["init", "ci", "own.py"]) == 2
    assert "--force writes over it" in capsys.readouterr().err
    assert main(["init", "ci", "own.py", "--force"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ci", "nowhere.py:make"], "no such file"),
        (["cd", "own.py"], "valid are: ci"),
        (["ci", "own.py", "--python", "three"], "give it as 3.13"),
        (["ci", "own.py", "--setup", "a\nb"], "one line"),
    ],
)
def test_what_would_not_run_there_is_refused(
    project: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (project / ".github").exists()


def test_the_base_is_installed_again_before_it_is_measured(project: Path) -> None:
    """Else the branch is measured twice where code is imported from what is installed."""
    assert main(["init", "ci", "own.py:make", "--setup", "make install"]) == 0
    (script,) = [
        step["run"]
        for step in steps(project / ".github" / "workflows" / "handoff.yml")
        if step.get("name") == "measure its base"
    ]
    order = [script.index(part) for part in ('git checkout --quiet "$BASE"', "make install", "handoff measure")]
    assert order == sorted(order)


@pytest.mark.slow
def test_the_steps_for_a_pull_request_run_and_say_what_changed(project: Path) -> None:
    assert main(["init", "ci", "own.py:make"]) == 0
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["init", "-q", "-b", "main"], ["add", "own.py"], ["commit", "-q", "-m", "base"]):
        subprocess.run([*git, *command], check=True)
    base = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    (project / "own.py").write_text(OWN.replace("100", "10_000"))
    for command in (["checkout", "-q", "-b", "branch"], ["commit", "-q", "-a", "-m", "heavier"]):
        subprocess.run([*git, *command], check=True)
    summary = project / "summary.md"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {
        "PATH": path,
        "TARGET": "own.py:make",
        "BASE": base,
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    for step in steps(project / ".github" / "workflows" / "handoff.yml"):
        script = step.get("run", "").replace(" -o handoff-records/", f" {LITTLE} -o handoff-records/")
        script = re.sub(r"python -m pip install [^\s;]+", "true", script)  # it is here
        if script:
            done = subprocess.run(
                ["bash", "-e", "-c", script], env=environment, capture_output=True, text=True, timeout=240, check=False
            )
            assert done.returncode == 0, (step["name"], done.stdout, done.stderr)
    assert re.search(r"\*\*\d+ slower, \d+ faster", summary.read_text())
    slower = re.search(r"\| make argument fork handoff \| `pickle-(5|default)` \|", summary.read_text())
    assert slower, summary.read_text()  # which of the two is told apart in so short a run is chance
    assert (project / "handoff-report" / "index.html").exists()


def test_the_containers_recipe_says_how_much_shared_memory_and_why() -> None:
    from handoff.target import load_target

    text = (ROOT / "Containerfile").read_text()
    (given,) = re.findall(r"--shm-size=(\d+)g", text)
    largest = max(entry.payload.nbytes or 0 for entry in load_target(str(ROOT / "payloads")).values())
    assert int(given) * 2**30 > 4 * largest > 64 * 2**20, "more than a container gets, and than lanes of a trial need"
    assert "Why --shm-size" in text and "nox -s bench" in text
