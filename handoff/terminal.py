"""Diagnosis and advice for people: text that fits its terminal, markdown, CSV, HTML, and colours where they are drawn.

Pure: results in, text out. Words first, then tables. Text is a list of styled lines, which plain text, rich and HTML
share; only rich knows colours.
"""

from __future__ import annotations

import csv
import html
import io
import os
import re
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

FORMATS = ("text", "json", "markdown", "csv")
WIDEST = 110  #: longer lines of words are hard to read
NARROWEST = 40
MOST_ROWS = 12  #: of a table for people; JSON and CSV have all
STYLES = {"title": "bold", "bad": "red", "path": "bold cyan", "fix": "green", "dim": "dim", "plain": ""}

#: What a terminal would obey or hide, and what no encoding has: control characters but tab and newline, marks that turn
#: the direction of text or take no room, lone surrogates.
_UNPRINTABLE = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def printable(text: str) -> str:
    """The same with escapes in place of what is not to be printed: payloads' names and messages may hold anything."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


@dataclass(frozen=True, slots=True)
class Part:
    """One paragraph, or one line that must not be broken (``keep``). Its text is made printable."""

    text: str
    style: str = "plain"
    indent: int = 0
    keep: bool = False
    markup: str = ""  #: what a notebook shows instead: HTML, escaped already

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", printable(self.text))


def width() -> int:
    """Columns to fill: the terminal's, within reason."""
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((100, 24)).columns))


def coloured(stream: Any = None) -> bool:
    """Whether to draw: on a terminal, unless NO_COLOR is set (no-color.org) or the terminal is dumb."""
    stream = sys.stdout if stream is None else stream
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def plain(parts: Iterable[Part], columns: int | None = None) -> str:
    """Text, wrapped."""
    columns = columns or width()
    lines: list[str] = []
    for part in parts:
        margin = " " * part.indent
        if part.keep:
            lines += [f"{margin}{line}".rstrip() for line in part.text.split("\n")]
            continue
        lines += textwrap.wrap(
            " ".join(part.text.split()), columns, initial_indent=margin, subsequent_indent=margin,
            break_on_hyphens=False, break_long_words=True,
        ) or [""]  # fmt: skip
    return "\n".join(lines) + "\n"


def drawn(parts: Iterable[Part], columns: int | None = None) -> Any:
    """The same for rich: wrapped here, so that both read the same."""
    from rich.text import Text

    text = Text()
    for part in parts:
        text.append(plain([part], columns), STYLES[part.style])
    text.rstrip()
    return text


def show(parts: Sequence[Part]) -> None:
    """On standard output, with colours if it is a terminal that wants them."""
    if coloured():
        from rich.console import Console

        Console(highlight=False, soft_wrap=True).print(drawn(parts))
    else:
        sys.stdout.write(plain(parts))
        sys.stdout.flush()


def page(title: str, parts: Iterable[Part]) -> str:
    """HTML of the same words, for notebooks; everything is escaped. Of titled sections only the first is unfolded."""
    colours = {"title": "font-weight:bold", "bad": "color:#b00", "path": "font-weight:bold", "dim": "opacity:.7"}
    shown, sections = [], 0
    for number, part in enumerate(parts):
        if part.style == "title" and number > 1:  # the headline itself comes first or after a line of its own
            shown.append("</details>" if sections else "")
            shown.append(f"<details{'' if sections else ' open'}><summary>{html.escape(part.text)}</summary>")
            sections += 1
            continue
        style = f"margin:.2em 0 .2em {part.indent / 2}em;{colours.get(part.style, '')}"
        tag = "pre" if part.keep else "div"
        shown.append(part.markup or f'<{tag} style="{style}">{html.escape(part.text)}</{tag}>')
    shown.append("</details>" if sections else "")
    return f'<div class="handoff" title="{html.escape(title)}">{"".join(shown)}</div>'


def table(rows: Sequence[Sequence[str]], columns: int, *, right: Sequence[int] = ()) -> str:
    """Aligned columns; where they do not fit, the last ones are left out, never cut."""
    cells = [list(row) for row in rows]
    while cells and len(cells[0]) > 2 and sum(_widths(cells)) + 2 * (len(cells[0]) - 1) > columns:
        cells = [row[:-1] for row in cells]
    widths = _widths(cells)
    lines = []
    for row in cells:
        made = (c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        lines.append("  ".join(made).rstrip())
    return "\n".join(lines)


def listing(rows: Iterable[tuple[str, str]], columns: int | None = None) -> str:
    """A name and a sentence each; sentences are wrapped beside the names, or below them where there is no room."""
    rows, columns = list(rows), columns or width()
    left = min(max((len(name) for name, _ in rows), default=0) + 2, columns // 2)
    lines = []
    for name, text in rows:
        wrapped = textwrap.wrap(" ".join(text.split()), columns - left, break_on_hyphens=False) or [""]
        if len(name) > left - 2:
            lines.append(name)
            name = ""
        lines += [f"{name.ljust(left)}{wrapped[0]}".rstrip(), *(" " * left + line for line in wrapped[1:])]
    return "\n".join(lines) + "\n"


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []


def _csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return file.getvalue()


def cell(text: str) -> str:
    """Markdown: for a table's cell."""
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|")


def _code(text: str) -> str:
    """Markdown: code within a line, whatever it holds (CommonMark 6.1: a fence longer than any run of ticks in it)."""
    text = " ".join(text.split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")


def many(number: int, noun: str) -> str:
    """``1 way``, ``1,200 ways``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class ProgressLine:
    """What is going on, on one line of standard error; nothing where that is no terminal, or when quiet.

    With how long it has gone on, and how long it may yet where it has at most ``most_s`` seconds. ``clock`` gives them.
    """

    def __init__(
        self, *, quiet: bool, most_s: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.stream = sys.stderr
        self.live = self.stream.isatty() and not quiet
        self.most_s, self.clock, self.began = most_s, clock, clock()

    def __call__(self, what: str) -> None:
        if self.live:
            spent = self.clock() - self.began
            left = f", at most {clock_time(max(0.0, self.most_s - spent))} left" if self.most_s is not None else ""
            text = f"{clock_time(spent)}{left}  {printable(what)} …"
            self.stream.write(f"\r\x1b[2K{text[: shutil.get_terminal_size().columns - 1]}")
            self.stream.flush()

    def clear(self) -> None:
        """Make room for what stays."""
        if self.live:
            self.stream.write("\r\x1b[2K")
            self.stream.flush()


class Meter:
    """Progress on standard error: one live line on a terminal, its last state alone elsewhere, nothing when quiet.

    ``clock`` gives seconds; what is left is said once a tenth is done, from how long that took.
    """

    def __init__(self, *, quiet: bool, stream: Any = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.quiet, self.clock, self.began = quiet, clock, clock()
        self.live = self.stream.isatty()

    def __call__(self, done: int, of: int, what: str) -> None:
        """Show that ``done`` of ``of`` steps are done and ``what`` is going on."""
        if self.quiet:
            return
        spent = self.clock() - self.began
        state = f"[{done}/{of}] {clock_time(spent)}"
        if done == of:
            self._write("\r\x1b[2K" if self.live else f"{state}\n")
        elif self.live:
            left = f", about {clock_time(spent / done * (of - done))} left" if 10 * done >= of else ""
            self._write(f"\r\x1b[2K{state}{left}  {printable(what)}"[: shutil.get_terminal_size().columns + 4])

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


def clock_time(seconds: float) -> str:
    """``0:07``, ``12:30``, ``1:02:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
