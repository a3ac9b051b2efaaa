"""The support page: it is what is declared, and says where Pythons or start methods differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.support import Declared, Unpredicted, _sign, markdown
from reports.write_support import PAGE, main


def test_the_page_is_not_stale(tmp_path: Path) -> None:
    assert main(["-o", str(tmp_path / "page.md")]) == 0
    same = PAGE.read_text(encoding="utf-8") == (tmp_path / "page.md").read_text(encoding="utf-8")
    assert same, "run python -m reports.write_support"


def test_the_page_says_where_it_differs() -> None:
    both = {"3.11": "ok", "3.12": "ok"}
    cells = [
        Declared("numbers", way, "argument", method, found)
        for way, other in (("pickle-4", both), ("pickle-5", both), ("dill", {"3.11": "ok", "3.12": "altered"}))
        for method, found in (("fork", both), ("spawn", other))
    ]
    gap = Unpredicted("numbers", "dill", "spawn", "altered", "it forgets", "an issue")
    text = markdown(cells, [gap], ("3.11", "3.12"))
    assert "| payload | pickle-4, pickle-5 | dill |" in text
    assert "| numbers | `+` | `+(3.11 +, 3.12 ~)` |" in text
    assert _sign({"3.11": "ok", "3.12": "ok", "3.13": "refused", "3.14": "ok"}) == "(3.11–3.12 +, 3.13 -, 3.14 +)"
    assert "| numbers | dill | spawn | altered | it forgets | an issue |" in text


@pytest.mark.parametrize("sign", ["+", "-", "!", "~"])
def test_the_catalogue_has_every_outcome(sign: str) -> None:
    assert f"`{sign}`" in PAGE.read_text(encoding="utf-8")
