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
    assert "<b>" not in page and "&lt;b&gt;fast" in page
    assert page.count("<details open>") == 1 and page.count("<details") == page.count("</details>")


def test_a_diagnosis_unfolds_what_stops_it_and_folds_the_rest() -> None:
    page = handoff.diagnose({"f": lambda: 1, "heavy": bytes(100_000)})._repr_html_()
    assert "<details open><summary>What stops it</summary>" in page
    assert re.search(r"<details><summary>What is heavy", page)


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
