"""How much there is to measure; asv imports this module when it looks for benchmarks: it must stay light."""

from __future__ import annotations

import re


def expected(bench: str | None) -> int:
    """How many records a run leaves that is limited to the benchmarks matching ``bench``."""
    from benchmarks._suite import slices
    from handoff.experiment import KINDS
    from handoff.figures import METRICS

    return sum(
        len(experiments)
        for kind in KINDS
        for name, experiments in slices(kind).items()
        if bench is None or any(re.search(bench, f"{kind}.{name}.track_{m.replace('-', '_')}") for m in METRICS[kind])
    )
