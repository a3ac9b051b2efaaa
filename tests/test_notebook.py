"""What results show in a notebook, and give to pandas and matplotlib."""

from __future__ import annotations

import re
import sys
from types import ModuleType, SimpleNamespace

import pytest

import handoff
from handoff.advising import notebook
from handoff.advising.result import Job, Row
from handoff.api import Advised
from handoff.terminal import ProgressLine


def row(way: str, total_s: float) -> Row:
    ends = total_s * 0.9, total_s * 1.1
    return Row(way, "argument", total_s / 10, ends[0] / 10, ends[1] / 10, 0.0, total_s, *ends, total_s, "", 5, "a copy")


@pytest.fixture
def advised() -> Advised:
    tiers = (row("<b>fast", 1.0),), (row("slow", 4.0),)
    return Advised("obj", Job("argument", 10, 2, "fork"), tiers, (), "Take <b>fast.")


def test_ways_are_bars_and_the_rest_is_folded(advised: Advised) -> None:
    page = advised._repr_html_()
    lengths = [float(each) for each in re.findall(r"width:([\d.]+)em", page)]
    assert lengths == [pytest.approx(notebook.BAR_EM / 4), notebook.BAR_EM]
    assert page.count(f'style="{notebook.LEFT}"><span') == 2, "else a notebook has the bars' ends in one line"
    assert page.count('<th scope="col"') == len(notebook.HEAD)
    assert "<b>" not in page and "&lt;b&gt;fast" in page
    assert page.count("<details open>") == 1 and page.count("<details") == page.count("</details>")


def test_a_diagnosis_unfolds_what_stops_it_and_folds_the_rest() -> None:
    page = handoff.diagnose({"f": lambda: 1, "heavy": bytes(100_000)})._repr_html_()
    assert "<details open><summary>What stops it</summary>" in page
    assert re.search(r"<details><summary>What is heavy", page)


def test_support_is_a_foldable_table_for_each_duty_with_each_reason_once() -> None:
    ways, duties = ("pickle-5", "shm-reused", "shm-list", "shm-fresh"), ("argument", "result")
    found = handoff.support({"a": 1}, strategies=ways, duties=duties, start_methods=("fork", "spawn"))
    page = found._repr_html_()
    assert page.count("<details") == page.count("</details>") == page.count("<table>") == 2
    assert page.count("<details open>") == 1 and "obj as argument: 1 of 4 ways" in page
    argument = page[page.index("obj as argument") : page.index("obj as result")]
    assert argument.count("a dict is not one block of equal numbers") == 1, "of two ways and two start methods"
    assert re.search(r"<td[^>]*>✓</td><td[^>]*>✓</td><td[^>]*>pickle-5</td>", argument)
    assert "    ✓     ✓     pickle-5\n" in str(found), "and the text is the command's list"


@pytest.mark.slow
def test_an_advice_on_a_live_object_has_code_that_says_what_to_fill_in() -> None:
    found = handoff.advise([1], tasks=4, workers=1, budget=4, start_methods=["fork"], work=lambda obj: obj)
    assert found.recipe is not None and "handoff" not in found.recipe.after.replace("handoff.advise", "")
    compile(found.recipe.after, "after", "exec")
    page = found._repr_html_()
    assert "make_object()" in page and "return ...  # make or load here what you gave to handoff.advise" in page
    assert "<summary>Before</summary>" in page or "<summary>The code, as it may be already</summary>" in page


def test_every_result_becomes_a_frame(advised: Advised) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed here")
    assert list(advised.to_frame()["tier"]) == [1, 2]
    found = handoff.support([1], strategies=("pickle-5",), duties=("argument",))
    assert set(found.to_frame()["outcome"]) == {"ok"} and len(found.to_frame()) == len(found)
    assert "obj['f']" in set(handoff.diagnose({"f": lambda: 1}).to_frame()["path"])


def test_without_pandas_or_matplotlib_it_says_what_to_install(
    advised: Advised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        advised.to_frame()
    with pytest.raises(ImportError, match="pip install matplotlib"):
        advised.plot()


def test_a_plot_has_a_bar_for_each_way(advised: Advised, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed here")
    ax = advised.plot()
    assert [bar.get_width() for bar in ax.patches] == [4.0, 1.0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["slow", "<b>fast"]


def test_progress_is_one_line_in_a_notebook_and_nothing_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(notebook.line(), ProgressLine)
    shown: list[str] = []
    handle = SimpleNamespace(update=lambda data, **_: shown.append(data["text/plain"]))
    module, display = ModuleType("IPython"), ModuleType("IPython.display")
    module.__dict__["get_ipython"] = lambda: SimpleNamespace(kernel=object())
    display.__dict__["display"] = lambda *_, **__: handle
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    line = notebook.line()
    line("measuring")
    line.clear()
    assert shown == ["measuring …", ""]
