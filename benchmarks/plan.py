"""How much there is to measure; asv imports this module when it looks for benchmarks: it must stay light."""

from __future__ import annotations

import re


def expected(bench: str | None, profile: str = "quick") -> int:
    """How many records a run leaves that is limited to the benchmarks matching ``bench``."""
    from benchmarks._classes import ASV_DEEPER, ROOT, measured, slices
    from handoff.analysis.metrics import KINDS, METRICS
    from handoff.measuring.pairs import load_pairs
    from handoff.profile import PROFILES
    from handoff.start_methods import START_METHODS

    pairs = [
        method
        for method in START_METHODS
        if PROFILES[profile].deeper
        and (
            bench is None
            or any(re.search(bench, f"pairs.{method.title()}.track_{metric}") for metric in METRICS["pair"])
        )
    ]
    return len(pairs) * len(load_pairs(ROOT / "payloads" / "pairs")) + sum(
        len(measured(experiments, PROFILES[profile]))
        for kind in (*KINDS, *ASV_DEEPER)
        for name, experiments in slices(kind).items()
        if bench is None or any(re.search(bench, f"{kind}.{name}.track_{m.replace('-', '_')}") for m in METRICS[kind])
    )
