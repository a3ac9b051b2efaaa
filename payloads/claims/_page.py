"""The ledger as a page: this has the data, :mod:`reports.claims` the words."""

from __future__ import annotations

from collections.abc import Iterable

from payloads.claims._claim import PYTHONS, START_METHODS, Claim
from reports.claims import Evidence, Row, markdown


def rows(claims: Iterable[Claim]) -> list[Row]:
    """What is declared of the claims, for every start method and Python."""
    return [
        Row(
            claim.number,
            claim.claim,
            claim.source,
            str(claim.verdict),
            claim.explanation,
            [
                Evidence(
                    check.tried,
                    {
                        method: {python: check.expected(method, python) for python in PYTHONS}
                        for method in START_METHODS
                    },
                    check.needs,
                )
                for check in claim.checks
            ],
        )
        for claim in claims
    ]


def page(claims: Iterable[Claim]) -> str:
    """The whole page, from the declarations."""
    return markdown(rows(claims), PYTHONS)
