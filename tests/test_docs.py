"""The documentation site: built strictly and offline, its reference made from the code, its tutorial executed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from handoff.cli import all_commands
from handoff.strategies import registry
from handoff.target import load_target
from reports import docs, questions

ROOT = Path(__file__).resolve().parent.parent
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", TUTORIAL, re.DOTALL))
RUNS = re.findall(r"<!-- run: (\d+) -->\n```sh\n(.*?)\n```\n(?:\n```text\n(.*?)```)?", TUTORIAL, re.DOTALL)
LOADED = re.compile(r"""<(?:script|img|iframe|source)[^>]+src=["'](.*?)["']|<link[^>]+href=["'](.*?)["'][^>]*>""")
GENEROUS_S = 240.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed here: it is in the dependency group 'docs'")
    folder = tmp_path_factory.mktemp("site")
    docs.write(folder / ".site" / "pages")
    shutil.copyfile(ROOT / "mkdocs.yml", folder / "mkdocs.yml")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "mkdocs", "build", "--strict", "-q"],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / ".site" / "html"


def test_it_is_built_strictly_and_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 12
    for page in pages:
        text = page.read_text(encoding="utf-8")
        links = LOADED.finditer(re.sub(r"<link[^>]+rel=.canonical.[^>]*>", "", text))
        loaded = [found[1] or found[2] for found in links]
        assert loaded and not [each for each in loaded if re.match(r"(?:https?:)?//", each)], page
        assert page.stat().st_size < 1_500_000


def test_the_reference_has_every_command_way_and_payload(site: Path) -> None:
    commands = (site / "reference" / "commands.html").read_text()
    assert all(f">handoff {name}<" in commands and name in commands for name in all_commands())
    ways = (site / "reference" / "ways.html").read_text()
    assert all(f'id="{name}"' in ways for name in registry())
    payloads = (site / "reference" / "payloads.html").read_text()
    assert all(f"<code>{name}</code>" in payloads for name in load_target(str(ROOT / "payloads")))
    python = (site / "reference" / "python.html").read_text()
    assert all(name in python for name in ("handoff.diagnose", "handoff.support", "handoff.advise", "assert_portable"))
    assert "columns" not in python, "a name that is none"


@pytest.mark.slow
def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "COLUMNS": "100"}
    assert len(RUNS) >= 7
    for code, command, shown in RUNS:
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=GENEROUS_S, env=environment,
            check=False,
        )  # fmt: skip
        assert done.returncode == int(code), (command, done.stdout, done.stderr)
        assert [line for line in shown.splitlines() if line not in done.stdout.splitlines()] == [], (
            command,
            done.stdout,
        )


@pytest.mark.parametrize("question", questions.questions(), ids=lambda each: str(each.number))
def test_the_page_of_questions_has_each_with_an_answer_that_says_it(question: questions.PublicQuestion) -> None:
    page = questions.PAGE.read_text(encoding="utf-8")
    answer = questions.outputs(page)[question.number]
    kept = questions.shown(question, answer)
    assert kept in page, f"renew it: python -m reports.questions {question.number}"
    assert [pattern for pattern in question.says if not re.search(pattern, answer)] == []


#: Of so many questions one has its command executed in every run, another one for every Python; all where asked for.
EVERY = 4
ASKED = (
    questions.questions()
    if "HANDOFF_WHOLE_DOCS" in os.environ
    else questions.questions()[sys.version_info[1] % EVERY :: EVERY]
)


@pytest.mark.slow
@pytest.mark.parametrize("question", ASKED, ids=lambda each: str(each.number))
def test_a_question_is_answered_by_its_command(question: questions.PublicQuestion) -> None:
    if question.lacks:
        pytest.skip(f"not installed here: {', '.join(question.lacks)}")
    code, output = questions.executed(question)
    if question.rights and "permitted" in output:
        pytest.skip(f"no right {question.rights}")
    assert code == question.code, output
    assert [pattern for pattern in question.says if not re.search(pattern, output)] == [], output
