"""The ledger of claims as blocks of :mod:`reports.plain`: words first, then what was seen. Pure.

The data comes from ``payloads.claims``; this module knows nothing of how it was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .plain import Block, Grid, Heading, Items, Text, as_markdown

if TYPE_CHECKING:
    from payloads.claims._claim import Claim

ORDER = ("holds", "holds only when", "does not hold")
REPEAT = "python -m reports.write_claims"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One program: what it tries, and what is seen by start method and Python."""

    tried: str
    seen: Mapping[str, Mapping[str, str]]  #: start method → Python ("3.11") → observation
    needs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """One claim with its verdict and evidence."""

    number: int
    claim: str
    source: str
    verdict: str
    explanation: str
    evidence: Sequence[Evidence]


def markdown(rows: Sequence[ClaimRow], pythons: Sequence[str]) -> str:
    """The page."""
    return as_markdown(blocks(rows, pythons))


def blocks(rows: Sequence[ClaimRow], pythons: Sequence[str]) -> list[Block]:
    """The ledger: how to read it, every verdict, and the evidence of each."""
    counts = {
        verdict: sum(row.verdict == verdict for row in rows) for verdict in dict.fromkeys(r.verdict for r in rows)
    }
    out: list[Block] = [
        Heading(1, "The ledger of claims"),
        Text(
            "What five articles, an issue and benchmarks of others say about pickling and multiprocessing, executed:"
            " every claim as small programs, each run as a script of its own under fork, spawn and forkserver (one"
            " alone where it starts an engine, or is about fork), on Python"
            f" {', '.join(pythons)} for Linux."
            f" Of {len(rows)} claims, {', '.join(f'{count} {_plural(verdict)}' for verdict, count in counts.items())}."
        ),
        Items(
            [
                "prints: what the program and its workers wrote, lines joined by /",
                "raises: the exception that ended the program, in the parent",
                "in a worker: an exception that only standard error told of",
                "hangs: no process of the program used any processor time any more, and none had ended",
            ]
        ),
        Text(
            f"`{REPEAT}` runs everything again and writes this page; `{REPEAT} --show --claim 3` prints the programs of"
            " a claim. A test fails when what happens is not what stands here."
        ),
        Grid(
            "Every claim and its verdict",
            ("#", "claim", "in", "verdict"),
            [(str(row.number), row.claim, row.source, row.verdict) for row in rows],
        ),
    ]
    for row in rows:
        when = row.verdict.endswith("when")  # the explanation goes on from there
        verdict = f"{row.verdict} {row.explanation}" if when else f"{row.verdict}. {row.explanation}"
        out += [Heading(2, f"{row.number}. {row.claim}"), Text(f"In {row.source}. Verdict: {verdict}")]
        found = [(_tried(each), under, _code(text)) for each in row.evidence for under, text in spread(each.seen)]
        out.append(Grid("What was seen", ("tried", "under", "seen"), found))
    return out


def _plural(verdict: str) -> str:
    return {"holds": "hold", "holds only when": "hold only in some cases", "does not hold": "do not hold"}[verdict]


def _tried(evidence: Evidence) -> str:
    return evidence.tried + (f" (needs {' and '.join(evidence.needs)})" if evidence.needs else "")


def spread(seen: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    """Each observation once, with the start methods and Pythons under which it was made, in their order."""
    every = list(dict.fromkeys(python for by_python in seen.values() for python in by_python))
    texts = dict.fromkeys(text for by_python in seen.values() for text in by_python.values())
    out = []
    for text in texts:
        methods: dict[tuple[str, ...], list[str]] = {}
        for method, by_python in seen.items():
            pythons = tuple(python for python in every if by_python.get(python) == text)
            if pythons:
                methods.setdefault(pythons, []).append(method)
        for pythons, under in methods.items():
            where = "every start method" if len(under) == len(seen) > 1 else ", ".join(under)
            out.append((where if len(pythons) == len(every) else f"{where} on {', '.join(pythons)}", text))
    return out


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39))}`"


def rows(claims: Iterable[Claim], start_methods: Iterable[str], pythons: Iterable[str]) -> list[ClaimRow]:
    """What is declared of the claims, for every start method and Python."""
    return [
        ClaimRow(
            claim.number,
            claim.claim,
            claim.source,
            str(claim.verdict),
            claim.explanation,
            [
                Evidence(
                    check.tried,
                    {
                        method: {python: check.expected(method, python) for python in pythons}
                        for method in start_methods
                        if method in check.start_methods
                    },
                    check.needs,
                )
                for check in claim.checks
            ],
        )
        for claim in claims
    ]
