"""The house rules: what is in the repository, what is not, and what importing the package costs."""

from __future__ import annotations

import ast
import json
import re
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LAYOUT = """
    .ci/run CHANGELOG.md CONTRIBUTING.md GLOSSARY.md LICENSE METHODOLOGY.md README.md asv.conf.json benchmarks
    constraints.txt handoff handoff/strategies noxfile.py payloads pyproject.toml reports tests
""".split()  # noqa: SIM905 - reads better than a column of strings

#: What a worker must not pay for unless its payload or strategy asks for it.
HEAVY = (
    "numpy",
    "dill",
    "cloudpickle",
    "asv",
    "asv_runner",
    "rich",
    "multiprocessing.managers",
    "scipy",
    "pathos",
    "loky",
)

#: Where packages come from is a matter of each machine's pip, never of a file here.
REGISTRY = re.compile(
    r"pypi\.org|files\.python[h]osted|registry\.(?:npmjs|yarnpkg)"
    r"|(?:index|extra-index|find-links|registry)(?:-url)?\s*[=:]\s*[\"']?(?:https?|file):",
    re.IGNORECASE,
)
#: Home folders, and the folders that this machine's checkouts and environments live in.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:home|Users|root|work|opt/wheels)/[\w.-]")


def tracked() -> Iterator[tuple[str, str]]:
    """Every text file that git tracks: path and text."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: what is tracked is unknown")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in listing.decode().split("\0"):
        if name and (ROOT / name).is_file():
            data = (ROOT / name).read_bytes()
            if b"\0" not in data:
                yield name, data.decode("utf-8")


def offences(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in tracked()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_holds_a_package_registrys_address() -> None:
    assert offences(REGISTRY) == []


def test_no_file_holds_a_path_of_a_machine() -> None:
    assert offences(MACHINE_PATH) == []


def test_the_top_level_is_as_described() -> None:
    assert [name for name in LAYOUT if not (ROOT / name).exists()] == []


def test_the_noxfile_is_short_and_each_session_is_one_sentence() -> None:
    text = (ROOT / "noxfile.py").read_text()
    assert len(text.splitlines()) < 120
    sessions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and is_session(node)]
    assert sessions
    for session in sessions:
        sentence = ast.get_docstring(session) or ""
        assert re.fullmatch(r"[A-Z][^\n]*\.", sentence), f"{session.name}: {sentence!r}"


def is_session(function: ast.FunctionDef) -> bool:
    return any("session" in ast.unparse(decorator) for decorator in function.decorator_list)


def test_every_module_says_what_it_is() -> None:
    silent = [
        name
        for name, text in tracked()
        if name.endswith(".py") and text.strip() and not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = (ROOT / ".ci" / "run").read_text().strip().splitlines()[-1]
    assert command in (ROOT / "README.md").read_text()


def test_constraints_are_exact_and_agree_with_what_asv_installs() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    version = "[0-9][A-Za-z0-9.]*"
    pins = {}
    for line in lines:
        # A pin; or a span from one to another, where no one version has wheels for every Python that is supported.
        found = re.fullmatch(rf"([A-Za-z0-9_.-]+)(?:==({version})|>=({version}),<=({version}))", line)
        assert found, line
        name, *ends = filter(None, found.groups())
        pins[name.lower()] = ends
    assert {name for name, ends in pins.items() if len(ends) > 1} <= {"numpy", "scipy"}
    text = (ROOT / "asv.conf.json").read_text()
    config = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    for name, versions in config["matrix"]["req"].items():
        assert versions == pins[name.removeprefix("pip+")], f"{name}: the baseline is what CI installs"
    assert all(len(rule["req"]) == 1 for rule in config["exclude"])  # one of the two, on each Python
    for include in config["include"]:
        base = config["matrix"]["req"]
        assert base.keys() <= include["req"].keys()
        changed = [name for name in base if include["req"][name] != base[name][0]]
        libraries = include["req"].keys() - base.keys()  # what some payloads need: all of them are one factor
        assert all([include["req"][name]] == pins[name.removeprefix("pip+").lower()] for name in libraries)
        assert len(changed) + bool(libraries) == 1, f"one factor at a time, not {changed}, {libraries}"


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = f"import handoff, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert run(code) == "[]"


def test_importing_the_package_costs_little() -> None:
    """Less than half of what importing multiprocessing's pool takes, which everybody who hands over imports.

    Processor time, in interleaved triples of the same interpreter: a busy machine takes longer over all of them.
    """
    codes = ("pass", "import handoff", "import multiprocessing.pool")
    rounds = [[processor_s(code) for code in codes] for _ in range(9)]
    ours_s = statistics.median(ours - bare for bare, ours, _ in rounds)
    pool_s = statistics.median(pool - bare for bare, _, pool in rounds)
    assert ours_s < pool_s / 2


def processor_s(code: str) -> float:
    """What a fresh interpreter takes of the processors."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_no_page_has_an_inline_handler() -> None:
    """The pages' own policy blocks them, and browsers report what is blocked as an error."""
    inline = re.compile(r"""<[a-z]+[^>]*\son[a-z]+\s*=\s*["'{]""")
    assert [line for line in offences(inline) if line.startswith(("reports/", "handoff/"))] == []
