"""What the articles claim about pickling and multiprocessing, each claim as small programs whose results are declared.

``python -m payloads.claims`` runs them all and writes ``CLAIMS.md``. One module a group; each defines ``CLAIMS``.
"""

from __future__ import annotations

import importlib
import pkgutil

from payloads.claims._claim import Claim


def ledger() -> tuple[Claim, ...]:
    """Every claim, by number. Raises ``ValueError`` when a number is used twice."""
    found: dict[int, Claim] = {}
    for info in pkgutil.iter_modules(__path__):
        if info.name.startswith("_"):
            continue
        for claim in importlib.import_module(f"{__name__}.{info.name}").CLAIMS:
            if claim.number in found:
                raise ValueError(f"claim {claim.number} is declared twice, again in {info.name}")
            found[claim.number] = claim
    return tuple(found[number] for number in sorted(found))
