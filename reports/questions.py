"""The questions that people asked, each answered by a command and its output: ``python -m reports.questions``.

docs/questions.toml has the questions; their commands are executed here, and what they print is kept in
docs/questions.md, so that the site can be built without measuring. A number of a question renews that one alone.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from handoff import timeouts

ROOT = Path(__file__).resolve().parent.parent
SOURCE, PAGE = ROOT / "docs" / "questions.toml", ROOT / "docs" / "questions.md"
COLUMNS = 100  #: of the answers
MOST_LINES = 60  #: of an answer that are shown; the rest is said to be there


@dataclass(frozen=True, slots=True)
class PublicQuestion:
    """One question with the command that answers it."""

    number: int
    title: str
    asked: str  #: where, in public
    answer: str  #: in words, which hold whatever the figures
    command: str
    code: int
    says: Sequence[str]  #: patterns that the command's output has to have
    files: Mapping[str, str]
    needs: Sequence[str] = ()  #: modules
    rights: str = ""  #: what only some machines allow

    @property
    def lacks(self) -> list[str]:
        """The modules that are not installed here."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


def questions() -> list[PublicQuestion]:
    """All of them, in order."""
    data = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    found = []
    for number, each in enumerate(data["question"], 1):
        names = [name for name in data["files"] if name in each["command"]]
        found.append(PublicQuestion(number, **each, files={name: data["files"][name].strip() for name in names}))
    return found


def executed(question: PublicQuestion) -> tuple[int, str]:
    """The exit code and the standard output of its command, in an empty folder with its files."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in question.files.items():
            (Path(folder) / name).write_text(text + "\n", encoding="utf-8")
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        environment = {**os.environ, "PATH": path, "COLUMNS": str(COLUMNS), "NO_COLOR": "1"}
        done = subprocess.run(
            ["sh", "-c", question.command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=timeouts.QUESTION_S, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout.replace(folder, ".")


def shown(question: PublicQuestion, output: str) -> str:
    """The question as a part of the page."""
    parts = [heading(question), "", f"Asked in {question.asked}."]
    for name, text in question.files.items():
        parts += ["", f"`{name}`:", "", "```python", text, "```"]
    parts += ["", "```sh", question.command, "```", "", "```text", output, "```", "", question.answer.strip()]
    if question.rights:
        parts += ["", f"This one needs the right {question.rights}."]
    return "\n".join(parts)


def cut(output: str) -> str:
    """What the page shows of an output."""
    lines = output.rstrip().replace("```", "'''").splitlines()
    more = [f"… and {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    return "\n".join([*lines[:MOST_LINES], *more])


def heading(question: PublicQuestion) -> str:
    """Its line in the page."""
    return f"## {question.number}. {question.title}"


def outputs(page: str) -> dict[int, str]:
    """What the page has of each command's output, by number."""
    found = {}
    parts = re.split(r"^## (\d+)\. ", page, flags=re.MULTILINE)[1:]  # an output may have headings of its own
    for number, part in zip(parts[::2], parts[1::2], strict=True):
        output = re.search(r"```text\n(.*?)\n?```", part, re.DOTALL)
        found[int(number)] = output[1] if output else ""
    return found


def page(answers: Mapping[int, str]) -> str:
    """docs/questions.md with these outputs."""
    found = questions()
    head = (
        f"# {len(found)} questions\n\nThat people asked in public, each with a command that answers it and what it"
        " printed on one machine, while others worked on it: your figures are what counts. Made by"
        " `python -m reports.questions`.\n\n"
    )
    return head + "\n\n".join(shown(each, answers.get(each.number, "not executed yet")) for each in found) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Execute and write; 1 where an output does not say what it should."""
    parser = argparse.ArgumentParser(prog="python -m reports.questions", description=__doc__)
    parser.add_argument("numbers", metavar="NUMBER", nargs="*", type=int, help="only these (default: all)")
    wanted = parser.parse_args(argv).numbers
    failed = 0
    for question in questions():
        if wanted and question.number not in wanted:
            continue
        code, output = executed(question)
        output = cut(output)
        silent = [pattern for pattern in question.says if not re.search(pattern, output)]
        if code != question.code or silent:
            failed += 1
            print(f"{question.number}: exit code {code}; does not say: {silent}\n{output[-2000:]}", file=sys.stderr)
            continue
        known = outputs(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
        PAGE.write_text(page(known | {question.number: output}), encoding="utf-8")
        print(f"{question.number}: {question.title}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
