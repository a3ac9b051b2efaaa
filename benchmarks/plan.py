"""How much there is to measure; asv imports this module when it looks for benchmarks: it must stay light."""

from __future__ import annotations

import re
from collections.abc import Iterable

from benchmarks.names import benchmark_name


def expected(bench: str | None, profile: str = "quick") -> int:
    """How many records a run leaves that is limited to the benchmarks matching ``bench``."""
    from benchmarks._classes import ASV_DEEPER, ROOT, measured, slices
    from handoff.analysis.metrics import KINDS, METRICS
    from handoff.measuring.pairs import load_pairs
    from handoff.profile import PROFILES
    from handoff.start_methods import START_METHODS

    def wanted(module: str, start_method: str, metrics: Iterable[str]) -> bool:
        names = (benchmark_name(module, start_method, metric) for metric in metrics)
        return bench is None or any(re.search(bench, name) for name in names)

    pairs = len(load_pairs(ROOT / "payloads" / "pairs")) if PROFILES[profile].deeper else 0
    return pairs * sum(wanted("pairs", method, METRICS["pair"]) for method in START_METHODS) + sum(
        len(measured(experiments, PROFILES[profile]))
        for kind in (*KINDS, *ASV_DEEPER)
        for start_method, experiments in slices(kind).items()
        if wanted(kind, start_method, METRICS[kind])
    )
