"""Records in the forms that other tools read: pure, tables in, text out.

- ``pytest-benchmark``: what ``pytest-benchmark compare`` loads. A round there is a trial here, and its one number.
- ``bencher``: Bencher Metric Format (bencher.dev, reference "bencher-metric-format"), with the 99 % bounds.
- ``smaller-is-better``: ``customSmallerIsBetter`` of github-action-benchmark (README, "custom benchmark").

A benchmark is named after experiment, metric and strategy: names are only ever added, so a history holds.
"""

from __future__ import annotations

import json
import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import handoff
from handoff.analysis.figures import Figures
from handoff.analysis.stats import Estimate
from handoff.record import BYTES

from .rows import Table, TableCell

NS = 1e9  #: nanoseconds in a second: the unit of Bencher's measure ``latency``


def name(table: Table, cell: TableCell) -> str:
    """``argument/spawn/rows-dict-1k/handoff/pickle-5``."""
    return f"{_group(table)}/{cell.strategy}"


def _group(table: Table) -> str:
    return "/".join(filter(None, (table.kind, table.record.start_method, table.record.payload, table.metric)))


def _figures(found: Sequence[Table]) -> Iterator[tuple[Table, TableCell, Estimate]]:
    """Every figure of those that arrived, in seconds or bytes."""
    for table in found:
        for cell in table.cells:
            figure = cell.amount if table.unit == BYTES else cell.time
            if figure is not None:
                yield table, cell, figure


def bencher(found: Sequence[Table]) -> str:
    """Bencher Metric Format: ``latency`` in nanoseconds, and bytes under their metric's own name."""
    out: dict[str, dict[str, Any]] = {}
    for table, cell, figure in _figures(found):
        measure, factor = (table.metric, 1.0) if table.unit == BYTES else ("latency", NS)
        ends = {"value": figure.value, "lower_value": figure.low, "upper_value": figure.high}
        out[name(table, cell)] = {
            measure: {what: value * factor for what, value in ends.items() if math.isfinite(value)}
        }
    return json.dumps(out, indent=1, allow_nan=False)


def smaller_is_better(found: Sequence[Table]) -> str:
    """github-action-benchmark's list; the interval is its ``range``, which it shows and does not judge by."""
    out = []
    for table, cell, figure in _figures(found):
        known = math.isfinite(figure.low) and math.isfinite(figure.high)
        out.append(
            {
                "name": name(table, cell),
                "unit": table.unit,
                "value": figure.value,
                "range": f"99 %: {figure.low:.4g} to {figure.high:.4g}" if known else "99 %: unknown",
                "extra": f"{figure.n_trials} trials, {figure.n_samples} samples; {table.shown(figure)}",
            }
        )
    return json.dumps(out, indent=1, allow_nan=False)


def pytest_benchmark(found: Sequence[Table]) -> str:
    """What ``pytest-benchmark`` saves: times only, for it knows no other unit."""
    figures: dict[int, Figures] = {}
    out = []
    for table, cell, figure in _figures(found):
        if table.unit == BYTES:
            continue
        mine = figures.setdefault(id(table.record), Figures(table.record)).samples(cell.strategy, table.metric)
        rounds = ([each for each in row if each is not None] for row in mine.values())
        medians = [statistics.median(row) for row in rounds if row]
        params = {
            "payload": table.record.payload,
            "duty": table.kind,
            "start_method": table.record.start_method,
            "metric": table.metric,
            "strategy": cell.strategy,
        }
        ends = {"low": figure.low, "high": figure.high}
        out.append(
            {
                "group": _group(table),
                "name": cell.strategy,
                "fullname": name(table, cell),
                "params": params,
                "param": None,
                "extra_info": {f"{end}_99": value if math.isfinite(value) else None for end, value in ends.items()},
                "options": {"disable_gc": False, "timer": "perf_counter", "warmup": True},
                "stats": _statistics(medians),
            }
        )
    fingerprint = found[0].record.fingerprint
    return json.dumps(
        {
            "machine_info": {"python_version": fingerprint.get("python"), "cpu": {"brand_raw": fingerprint.get("cpu")}}
            | {"fingerprint": fingerprint},
            "commit_info": {},
            "benchmarks": out,
            "datetime": found[0].record.started,
            "version": f"handoff {handoff.__version__}",
        },
        indent=1,
    )


def _statistics(values: Sequence[float]) -> dict[str, Any]:
    """The fields of pytest-benchmark's statistics, by its own definitions (``pytest_benchmark/stats.py``)."""
    ordered, mean = sorted(values), statistics.mean(values)
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    q1, q3 = _quartiles(ordered)
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    outside = sum(not low <= value <= high for value in values)
    far = sum(not mean - spread <= value <= mean + spread for value in values)
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": mean,
        "stddev": spread,
        "rounds": len(values),
        "median": statistics.median(values),
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": outside,
        "stddev_outliers": far,
        "outliers": f"{far};{outside}",
        "ld15iqr": ordered[bisect_left(ordered, low)],
        "hd15iqr": ordered[bisect_right(ordered, high) - 1],
        "ops": 1 / mean,
        "total": sum(values),
        "data": list(values),
        "iterations": 1,
    }


def _quartiles(ordered: Sequence[float]) -> tuple[float, float]:
    """Medians of the halves; of an odd number, between the two usual ways of halving."""
    count = len(ordered)
    if count == 1:
        return ordered[0], ordered[0]
    if count % 2 == 0:
        return statistics.median(ordered[: count // 2]), statistics.median(ordered[count // 2 :])
    n, odd = divmod(count, 4)
    if odd == 1:
        return 0.25 * ordered[n - 1] + 0.75 * ordered[n], 0.75 * ordered[3 * n] + 0.25 * ordered[3 * n + 1]
    return 0.75 * ordered[n] + 0.25 * ordered[n + 1], 0.25 * ordered[3 * n + 1] + 0.75 * ordered[3 * n + 2]


FORMATS = {"pytest-benchmark": pytest_benchmark, "bencher": bencher, "smaller-is-better": smaller_is_better}
