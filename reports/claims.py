"""The ledger of claims as blocks of :mod:`reports.plain`: words first, then what was seen. Pure.

The data comes from ``payloads.claims``; this module knows nothing of how it was found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .plain import Block, Grid, Heading, Items, Text, as_markdown

METHODS = ("fork", "spawn", "forkserver")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One program: what it tries, and what is seen by start method and Python."""

    tried: str
    seen: Mapping[str, Mapping[str, str]]  #: start method → Python ("3.11") → observation
    needs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One claim with its verdict and evidence."""

    number: int
    claim: str
    source: str
    verdict: str
    explanation: str
    evidence: Sequence[Evidence]


def markdown(rows: Sequence[Row], pythons: Sequence[str]) -> str:
    """The page."""
    return as_markdown(blocks(rows, pythons))


def blocks(rows: Sequence[Row], pythons: Sequence[str]) -> list[Block]:
    """The ledger: how to read it, every verdict, and the evidence of each."""
    counts = {
        verdict: sum(row.verdict == verdict for row in rows) for verdict in dict.fromkeys(r.verdict for r in rows)
    }
    out: list[Block] = [
        Heading(1, "The ledger of claims"),
        Text(
            "What five articles say about pickling and multiprocessing, executed: every claim as small programs, each"
            f" run as a script of its own under {', '.join(METHODS)}, on Python {', '.join(pythons)} for Linux."
            f" Of {len(rows)} claims, {', '.join(f'{count} {_plural(verdict)}' for verdict, count in counts.items())}."
        ),
        Items(
            [
                "prints: what the program and its workers wrote, lines joined by /",
                "raises: the exception that ended the program, in the parent",
                "in a worker: an exception that only standard error told of",
                (f"hangs: no process of the program used any processor time any more, and none had ended; `{REPEAT}`"
                " runs everything again and writes this page; with `--show --claim 3` it prints the programs of a claim"),
            ]
        ),
        Grid(
            "Every claim and its verdict",
            ("#", "claim", "in", "verdict"),
            [(str(row.number), row.claim, row.source, f"**{_mark(row.verdict)}**") for row in rows],
        ),
    ]
    for row in rows:
        when = row.verdict.endswith("when")
        verdict = f"**{_mark(row.verdict)}**" + (f" {row.explanation}" if when else f". {row.explanation}")
        out += [Heading(2, f"{row.number}. {row.claim}"), Text(f"In {row.source}. Verdict: {verdict}")]
        out.append(
            Grid(
                "What was seen",
                ("tried", *METHODS),
                [(_tried(each), *(_cell(each.seen[method]) for method in METHODS)) for each in row.evidence],
            )
        )
    return out


REPEAT = "python -m payloads.claims"


def _plural(verdict: str) -> str:
    return {"holds": "hold", "holds only when": "hold only in some cases", "does not hold": "do not hold"}.get(
        verdict, verdict
    )


def _mark(verdict: str) -> str:
    """Spans of words in bold are of letters and hyphens alone: see ``plain``."""
    return verdict.replace(" ", "-") if verdict == "holds" else verdict


def _tried(evidence: Evidence) -> str:
    return evidence.tried + (f" (needs {' and '.join(evidence.needs)})" if evidence.needs else "")


def _cell(seen: Mapping[str, str]) -> str:
    """What was seen, once if it is the same on every Python."""
    by_text: dict[str, list[str]] = {}
    for python, text in seen.items():
        by_text.setdefault(text, []).append(python)
    if len(by_text) == 1:
        return _code(next(iter(by_text)))
    return "; ".join(f"{', '.join(pythons)}: {_code(text)}" for text, pythons in by_text.items())


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39))}`"
