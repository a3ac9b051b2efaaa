"""Numbers for people: formatted once, at the edge. Inside, everything is SI and float."""
# ruff: noqa: RUF001, RUF002  (the multiplication sign and the en dash are meant)

from __future__ import annotations

import math

from handoff.stats import Estimate

_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))


def seconds(value: float) -> str:
    """Three significant digits: ``1.23 ms``."""
    if not math.isfinite(value):
        return "?"
    unit, name = next(((u, n) for u, n in _TIMES if abs(value) >= u), _TIMES[-1])
    return f"{digits(value / unit)} {name}"


def interval(figure: Estimate) -> str:
    """A time with its interval in the same unit: ``1.23 ms [1.20–1.31]``; ``±?`` where the spread is unknown."""
    if not math.isfinite(figure.high) or figure.low <= 0:
        return f"{seconds(figure.value)} ±?"
    unit, name = next(((u, n) for u, n in _TIMES if abs(figure.value) >= u), _TIMES[-1])
    return f"{digits(figure.value / unit)} {name} [{digits(figure.low / unit)}–{digits(figure.high / unit)}]"


def ratio(value: float) -> str:
    """A factor: ``6.8×``."""
    return f"{digits(value)}×" if math.isfinite(value) else "?"


def ratio_interval(figure: Estimate) -> str:
    """A factor with its interval: ``6.80× [6.71–6.93]``."""
    if not math.isfinite(figure.high) or figure.low <= 0:
        return f"{ratio(figure.value)} ±?"
    return f"{ratio(figure.value)} [{digits(figure.low)}–{digits(figure.high)}]"


def percent(value: float) -> str:
    """A relative error: ``1.2%``."""
    return f"{value:.1%}" if math.isfinite(value) else "unknown"


def digits(value: float) -> str:
    """Three significant digits without an exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = max(0, 2 - math.floor(math.log10(abs(value)) + 1e-9))
    return f"{value:,.{places}f}"


def size(value: float) -> str:
    """Bytes in binary units: ``1.5 MiB``."""
    unit, name = next(((u, n) for u, n in _SIZES if abs(value) >= u), _SIZES[-1])
    return f"{digits(value / unit)} {name}" if unit > 1 else f"{value:.0f} B"


def rate(value: float) -> str:
    """Bytes a second in decimal units, as memory bandwidth is given: ``8.6 GB/s``."""
    return f"{digits(value / 1e9)} GB/s" if value >= 1e8 else f"{digits(value / 1e6)} MB/s"
