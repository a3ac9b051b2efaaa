"""An advice in a notebook: its ways as bars, a frame of pandas, a figure of matplotlib, and what goes on meanwhile."""

from __future__ import annotations

import html
import sys
from typing import TYPE_CHECKING, Any

from handoff.analysis import units
from handoff.terminal import ProgressLine, printable

if TYPE_CHECKING:
    from handoff.advising.result import Advice, Row

MOST = 15  #: ways that are drawn
BAR_EM = 16  #: the length of the longest bar
HEAD = ("way", "duty", "job", "×", "")
LEFT = "text-align:left"  #: notebooks set cells to the right, and bars would have no common beginning


def bars(advice: Advice) -> str:
    """The job by each way, as an HTML table with a bar each; a line stands between tiers."""
    rows = drawn_rows(advice)
    longest = max((row.total_s for _, row in rows), default=0.0) or 1.0
    lines, last = [], 0
    for tier, row in rows:
        border = "border-top:1px solid currentColor" if tier != last else ""
        last = tier
        best = advice.best is not None and row.key == advice.best.key
        bar = (
            f'<span style="display:inline-block;height:.8em;width:{BAR_EM * row.total_s / longest:.2f}em;'
            f'background:{"#0645ad" if best else "#8a8a8a"}"></span>'
        )
        cells = (row.way, row.duty, units.seconds(row.total_s), units.ratio(row.ratio))
        weight = "font-weight:bold" if best else ""
        shown = "".join(f'<td style="{LEFT}">{text}</td>' for text in (*map(html.escape, cells), bar))
        lines.append(f'<tr style="{border};{weight}">{shown}</tr>')
    head = "".join(f'<th scope="col" style="{LEFT}">{text}</th>' for text in HEAD)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def drawn_rows(advice: Advice) -> list[tuple[int, Row]]:
    """The first ways of an advice, each with the number of its tier."""
    return [(number, row) for number, tier in enumerate(advice.tiers, 1) for row in tier][:MOST]


def frame(rows: list[dict[str, Any]]) -> Any:
    """A DataFrame of pandas. Raises ``ImportError`` that says how to get it."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("to_frame() needs pandas: pip install pandas") from error
    return pd.DataFrame(rows)


def plot(advice: Advice, ax: Any = None) -> Any:
    """The job by each way on ``ax``, or on new axes of matplotlib; lines are 99 % intervals where there are any.

    Returns the axes. Raises ``ImportError`` that says how to get matplotlib.
    """
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError("plot() needs matplotlib: pip install matplotlib") from error
    rows = [row for _, row in drawn_rows(advice)][::-1]
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 0.6 + 0.35 * len(rows)), layout="constrained")
    best = advice.best.key if advice.best else ""
    known = [units.tells(row.total_s_low, row.total_s_high) for row in rows]
    spread = [
        [row.total_s - row.total_s_low if tells else 0.0 for row, tells in zip(rows, known, strict=True)],
        [row.total_s_high - row.total_s if tells else 0.0 for row, tells in zip(rows, known, strict=True)],
    ]
    colours = ["#0645ad" if row.key == best else "#8a8a8a" for row in rows]
    ax.barh([row.way for row in rows], [row.total_s for row in rows], xerr=spread, color=colours)
    ax.set_xlabel(f"seconds for {advice.job.tasks:,} tasks on {advice.job.workers} workers")
    ax.set_title(advice.target)
    return ax


class NotebookLine:
    """What is going on, on one line of a notebook's output that changes."""

    def __init__(self) -> None:
        from IPython.display import display

        self.handle = display({"text/plain": ""}, raw=True, display_id=True)

    def __call__(self, what: str) -> None:
        self.handle.update({"text/plain": f"{printable(what)} …" if what else ""}, raw=True)

    def clear(self) -> None:
        """Make room for what stays."""
        self("")


def line() -> NotebookLine | ProgressLine:
    """Shows what goes on: in a notebook, or on a terminal; elsewhere nothing."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return NotebookLine() if hasattr(shell, "kernel") else ProgressLine(quiet=False)
