"""The sources of the documentation site: ``python -m reports.docs FOLDER``, then ``mkdocs build`` makes pages of them.

What is written by hand stands in ``docs/`` and at the top of the repository; the reference is made from the code.
"""

from __future__ import annotations

import argparse
import inspect
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from handoff import api, testing
from handoff.cli import all_commands, parser
from handoff.glossary import members
from handoff.payload import Payload, Trait
from handoff.record import COLUMNS, SCHEMA, VALUE_COLUMNS, Record
from handoff.strategies import registry
from handoff.target import load_target

from .readme import ways

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = ("METHODOLOGY", "GLOSSARY", "CLAIMS", "SUPPORT", "CONTRIBUTING", "CHANGELOG")
HELP_WIDTH = 100  #: columns of the commands' help


def commands() -> str:
    """Every command's own help."""
    lines = ["# Commands", "", "What `--help` says, in the order in which one needs them."]
    verbs = next(action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    for name, module in all_commands().items():
        lines += ["", f"## handoff {name}", "", f"{module.HELP[0].upper()}{module.HELP[1:].rstrip('.')}", ""]
        lines += ["```text", verbs.choices[name].format_help().rstrip(), "```"]
    return "\n".join(lines)


def strategies() -> str:
    """Every strategy: the table, and then what each is, with code before and after."""
    lines = ["# Ways", "", "Each is a strategy that `handoff` executes and measures.", "", ways()]
    for each in registry().values():
        facts = {
            "who has what": each.meaning,
            "for": ", ".join(each.duties),
            "start methods": ", ".join(each.start_methods),
            "inherited, not pickled, under": ", ".join(each.inherits),
            "needs": ", ".join(each.needs),
            "carries only what is": ", ".join(sorted(each.only)),
            "cannot carry what is": ", ".join(f"{trait} ({kind})" for trait, kind in each.fails),
        }
        lines += ["", f"## {each.name}", "", f"{each.summary[0].upper()}{each.summary[1:]}.", ""]
        lines += [f"- {what}: {text}" for what, text in facts.items() if text]
        for title, code in (("Before", each.recipe.before), ("After", each.recipe.after)):
            lines += ["", f"{title}:", "", "```python", code.strip(), "```"]
    return "\n".join(lines)


def payloads() -> str:
    """The built-in catalogue, and the traits."""
    lines = ["# Payloads", "", "The built-in catalogue. Your own objects are payloads too.", ""]
    lines += ["| payload | why | for | traits | from |", "| --- | --- | --- | --- | --- |"]
    for name, entry in load_target(str(ROOT / "payloads")).items():
        each: Payload = entry.payload
        duties = ", ".join(sorted(each.duties)) or "its outcome"
        cells = (f"`{name}`", each.why, duties, ", ".join(sorted(each.traits)), each.source)
        lines.append(f"| {' | '.join(_cell(text) for text in cells)} |")
    lines += ["", "## Traits", ""]
    lines += [f"- **{name}**: {said}." for name, said in members(Trait).items()]
    return "\n".join(lines).replace("``", "`")


def _cell(text: str) -> str:
    """Text in a table: its bars, brackets and asterisks are itself."""
    return text if text.startswith("`") else re.sub(r"([|*_<\[\]])", r"\\\1", " ".join(text.split()))


def functions() -> str:
    """What a program imports: signatures and docstrings."""
    lines = ["# In Python", "", "For notebooks, scripts and tests. Importing `handoff` imports nothing heavy.", ""]
    for module, found in (
        ("handoff", (api.diagnose, api.support, api.advise)),
        ("handoff.testing", (testing.assert_portable,)),
    ):
        for function in found:
            lines += [
                f"## {module}.{function.__name__}",
                "",
                "```python",
                _signature(function),
                "```",
                "",
                _doc(function),
                "",
            ]
    lines += [
        "## The fixture handoff_weight",
        "",
        _doc(__import__("handoff.testing.pytest_plugin", fromlist=["_"])),
        "",
    ]
    lines += ["## Payloads and strategies of your own", "", "See [Contributing](../CONTRIBUTING.md)."]
    return "\n".join(lines)


def _signature(function: Callable[..., Any]) -> str:
    shown = inspect.signature(function)
    return (
        f"{function.__name__}(\n"
        + "".join(f"    {each},\n" for each in _parameters(shown))
        + f") -> {shown.return_annotation}"
    )


def _parameters(signature: inspect.Signature) -> Iterator[str]:
    named = False
    for each in signature.parameters.values():
        if each.kind is each.KEYWORD_ONLY and not named:
            named = True
            yield "*"
        yield str(each)


def _doc(documented: Any) -> str:
    return (inspect.getdoc(documented) or "").replace("``", "`")


def records() -> str:
    """The fields of a record, as its class says them."""
    source = inspect.getsource(Record)
    lines = ["# Records", "", _doc(sys.modules[Record.__module__]), "", f"The schema is {SCHEMA}.", ""]
    lines += ["| field | type | what |", "| --- | --- | --- |"]
    for each in fields(Record):
        said = re.search(rf"^    {each.name}: [^#]*#: (.*)$", source, re.MULTILINE)
        lines.append(f"| `{each.name}` | `{each.type}` | {_cell(said[1]) if said else ''} |")
    lines += ["", f"A row of `rows` is {', '.join(f'`{name}`' for name in COLUMNS)};"]
    lines += [f"one of `values` {', '.join(f'`{name}`' for name in VALUE_COLUMNS)}."]
    return "\n".join(lines).replace("``", "`")


REFERENCE = {
    "commands": commands,
    "ways": strategies,
    "payloads": payloads,
    "python": functions,
    "records": records,
}


def write(folder: Path) -> None:
    """All sources, in an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "reference").mkdir(parents=True)
    (folder / "index.md").write_text(_visible((ROOT / "README.md").read_text(encoding="utf-8")), encoding="utf-8")
    for name in WRITTEN:
        (folder / f"{name}.md").write_text(
            _visible((ROOT / f"{name}.md").read_text(encoding="utf-8")), encoding="utf-8"
        )
    for path in (ROOT / "docs").iterdir():
        if path.suffix == ".md":
            (folder / path.name).write_text(_visible(path.read_text(encoding="utf-8")), encoding="utf-8")
        elif path.suffix in (".png", ".svg"):
            (folder / "docs").mkdir(exist_ok=True)
            shutil.copyfile(path, folder / "docs" / path.name)
    for name, make in REFERENCE.items():
        (folder / "reference" / f"{name}.md").write_text(make() + "\n", encoding="utf-8")


def _visible(text: str) -> str:
    """Markdown without its remarks for tests; the site's links to the README lead to its first page."""
    return (
        re.sub(r"<!-- .*? -->\n?", "", text)
        .replace("](README.md", "](index.md")
        .replace("](docs/tutorial.md", "](tutorial.md")
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Write them; returns the exit code."""
    arguments = argparse.ArgumentParser(prog="python -m reports.docs", description=__doc__)
    arguments.add_argument("folder", metavar="FOLDER", type=Path)
    write(arguments.parse_args(argv).folder)
    return 0


if __name__ == "__main__":
    import os

    os.environ["COLUMNS"] = str(HELP_WIDTH)  # argparse asks for it when it formats
    sys.exit(main())
