"""The Python interface: live objects, typed results that show themselves, and the assertion for one's own tests."""

from __future__ import annotations

import argparse
import importlib
import inspect
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import handoff
from handoff.api import Diagnosed, Support
from handoff.commands._options import seconds
from handoff.testing import assert_portable

AWKWARD: dict[str, Any] = {"f": lambda x: x, "<b>": [threading.Lock()], "data": list(range(100))}


def left_behind() -> set[str]:
    mark = f"handoff-{os.getpid()}-"
    places = [Path("/dev/shm"), Path(os.environ.get("TMPDIR", "/tmp"))]
    return {str(path) for place in places if place.is_dir() for path in place.iterdir() if mark in path.name}


def test_diagnose_is_typed_and_shows_itself() -> None:
    found = handoff.diagnose(AWKWARD)
    assert isinstance(found, Diagnosed)
    assert [each.path for each in found.culprits] == ["obj['f']", "obj['<b>'][0]"]
    assert repr(found) == "<Diagnosis of obj: 2 culprits in the way of its hand-over, 1 altered.>"
    assert "fix:" in str(found)
    assert "obj[&#x27;&lt;b&gt;&#x27;][0]" in found._repr_html_()
    assert "<b>" not in found._repr_html_()
    assert Diagnosed.from_json(found.to_json()) == found


def test_support_executes_every_cell_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # a sentence is looked for that would be broken where a terminal is narrow
    found = handoff.support(
        AWKWARD, strategies=("pickle-default", "inherit"), duties=("argument", "state"), start_methods=("fork",)
    )
    assert isinstance(found, Support)
    assert [(cell.strategy, cell.duty, str(cell.outcome.kind)) for cell in found] == [
        ("pickle-default", "argument", "refused"),
        ("inherit", "state", "altered"),
    ]
    assert "taken in the worker, and still free here" in str(found)
    assert found.failed == found.cells
    assert "<b>" not in found._repr_html_()
    assert found.to_json()["cells"][0]["outcome"] == "refused"


def test_support_of_plain_data() -> None:
    told: list[str] = []
    found = handoff.support(
        [1, 2, 3],
        strategies=("pickle-5", "shm-list"),
        duties=("argument", "state"),
        start_methods=("fork",),
        progress=told.append,
    )
    assert [cell.outcome.ok for cell in found] == [True, True, True]
    assert repr(found) == "<Support for obj: 3 ok>"
    assert told[-1].startswith("3 of 3 hand-overs")
    assert left_behind() == set()


@pytest.mark.slow
@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_advise_on_a_live_object(start_method: str) -> None:
    seen: list[str] = []
    found = handoff.advise(
        {"a": list(range(1000))}, tasks=10, workers=2, budget=8, start_methods=[start_method], progress=seen.append
    )
    assert found.best is not None
    assert repr(found).startswith("<Advice for obj: Take ")
    assert str(found).count("\n") > 5
    assert found.advice.replace("'", "&#x27;") in found._repr_html_()
    assert found.job.start_method == start_method
    assert any("share one build" in note for note in found.notes)
    assert "rebuild" not in {row.strategy for tier in found.tiers for row in tier}
    assert seen
    assert left_behind() == set()


@pytest.mark.slow
def test_advise_and_support_judge_a_live_object_alike(tmp_path: Path) -> None:
    """Its class says that the two are equal; no worker can make another one to see that, so the copy is made here."""
    (tmp_path / "cached_of_mine.py").write_text(
        "class Cached:\n"
        "    def __init__(self):\n        self.a, self._cache = 1, {1: 2}\n"
        "    def __eq__(self, other):\n        return self.a == other.a\n"
        "    __hash__ = None\n"
        "    def __getstate__(self):\n        return {'a': self.a, '_cache': {}}\n\n"
        "def use(obj):\n    return obj.a\n"
    )
    (tmp_path / "script.py").write_text(
        "import cached_of_mine, handoff\n"
        "if __name__ == '__main__':\n"
        "    obj, how = cached_of_mine.Cached(), {'start_methods': ['spawn']}\n"
        "    found = handoff.support(obj, strategies=['pickle-5'], duties=['argument'], **how)\n"
        "    print(*(each.outcome.kind for each in found))\n"
        "    how |= {'work': cached_of_mine.use, 'budget': 20}\n"
        "    found = handoff.advise(obj, duty='argument', tasks=3, workers=1, **how)\n"
        "    print(found.best.strategy, *sorted({each.outcome for each in found.excluded} & {'altered'}))\n"
    )
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    supported, advised = done.stdout.splitlines()
    assert supported == "ok"
    assert "altered" not in advised


#: What only a command has (a TARGET is made, an answer is written), and only a function (it has the object).
OF_COMMANDS = {"target", "payload", "format", "output", "isolated"}
OF_FUNCTIONS = {"obj", "name", "progress"}


def plural(word: str) -> str:
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


@pytest.mark.parametrize("name", ["diagnose", "support", "advise"])
def test_options_and_arguments_are_the_same_words_with_the_same_defaults(name: str) -> None:
    parser = argparse.ArgumentParser()
    importlib.import_module(f"handoff.commands.{name}").configure(parser)
    options = {each.dest: each for each in parser._actions if each.dest != "help"}
    if name != "support":  # there it is for making the object as well as for an answer
        options.pop("patience")
    known = inspect.signature(getattr(handoff, name)).parameters
    several = {dest: f"{dest[:-1]}ies" if dest.endswith("y") else f"{dest}s" for dest in options}
    words = {
        several[dest] if isinstance(each, argparse._AppendAction) else dest: each for dest, each in options.items()
    }
    assert words.keys() - OF_COMMANDS - {"payloads"} == known.keys() - OF_FUNCTIONS
    for word in words.keys() & known.keys():
        default = words[word].default
        if word == "budget":
            default = seconds("--budget", default)
        assert (known[word].default or None) == (default or None) or word == "patience", word


def test_a_worker_that_runs_the_script_again_is_told_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import handoff\n"
        "found = handoff.support([1], strategies=['pickle-5'], duties=['argument'], start_methods=['spawn'])\n"
        "print(*(cell.outcome.reason for cell in found))\n"
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, check=True, timeout=120
    )
    assert "put what calls handoff under if __name__ == '__main__'" in done.stdout


def test_rich_draws_all_results(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    Console(width=80).print(handoff.diagnose([1]))
    found = handoff.support([1], strategies=("pickle-5",), duties=("argument",), start_methods=("fork",))
    Console(width=80).print(found)
    out = capsys.readouterr().out
    assert "no culprit" in out
    assert "1 ok" in out


@pytest.mark.parametrize(
    "wrong", [{"duty": "fun"}, {"tasks": 0}, {"workers": 0}, {"start_methods": ["x"]}, {"budget": -1}]
)
def test_wrong_arguments_raise(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        handoff.advise(1, **wrong)


@pytest.mark.parametrize("wrong", [{"strategies": ["x"]}, {"duties": ["x"]}, {"start_methods": ["x"]}])
def test_wrong_names_raise(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="valid are"):
        handoff.support(1, **wrong)


def test_an_object_that_is_portable_passes() -> None:
    assert_portable({"plain": [1, 2, 3]})
    assert_portable(len, strategies=("pickle-default", "cloudpickle"), start_methods=("fork", "spawn"))


def test_an_object_that_is_not_fails_with_all_culprits_and_what_to_do() -> None:
    with pytest.raises(AssertionError) as raised:
        assert_portable(AWKWARD, name="config")
    text = str(raised.value)
    assert "config is not portable" in text
    assert "pickle-default, argument, spawn: refused" in text
    for part in ("obj['f'] (function)", "obj['<b>'][0] (_thread.lock)", "importable name", "fix: define it at module"):
        assert part in text


def test_the_functions_stay_functions_when_the_modules_are_imported() -> None:
    importlib.import_module("handoff.support_matrix.matrix")
    importlib.import_module("handoff.advising.wording")
    assert callable(handoff.support)
    assert callable(handoff.advise)
    assert {"advise", "diagnose", "support"} <= set(dir(handoff))
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        handoff.nothing_of_the_kind  # noqa: B018


def test_importing_is_light_and_using_it_leaves_picklers_alone() -> None:
    code = (
        "import sys, handoff; assert 'handoff.api' not in sys.modules; "
        "handoff.diagnose({'f': lambda: 1}); handoff.support([1], strategies=['dill', 'cloudpickle']); "
        "found = {'dill', 'cloudpickle', 'multiprocessing.managers', 'numpy', 'rich'} & set(sys.modules); "
        "assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_package_is_typed() -> None:
    assert (Path(handoff.__file__).parent / "py.typed").is_file()
