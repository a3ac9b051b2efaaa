"""Numbers for people: formatted once, at the edge. Inside, everything is SI and float."""

from __future__ import annotations

import math

from handoff.analysis.stats import Estimate

_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))


def shown(value: float) -> float:
    """A number as it is shown: three significant digits, but all of a whole number's. The page's script starts here."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, max(0, 2 - math.floor(math.log10(abs(value)) + 1e-9)))


def seconds(value: float) -> str:
    """Three significant digits: ``1.23 ms``."""
    if not math.isfinite(value):
        return "?"
    unit, name = _unit(value)
    return f"{digits(shown(value) / unit)} {name}"


def tells(low: float, high: float) -> bool:
    """Whether an interval says anything: one whose ends are ten times apart, as few trials give, does not."""
    return math.isfinite(high) and low > 0 and high < 10 * low


def interval(figure: Estimate) -> str:
    """A time with its interval in the same unit: ``1.23 ms [1.20–1.31]``; ``±?`` where the spread is unknown."""
    if not tells(figure.low, figure.high):
        return f"{seconds(figure.value)} ±?"
    unit, name = _unit(figure.value)
    value, low, high = (digits(shown(each) / unit) for each in (figure.value, figure.low, figure.high))
    return f"{value} {name} [{low}–{high}]"


def _unit(value: float) -> tuple[float, str]:
    """The unit in which a time is shown; chosen after rounding, so that 999.6 µs is 1.00 ms."""
    rounded = abs(shown(value)) * (1 + 1e-12)
    return next(((unit, name) for unit, name in _TIMES if rounded >= unit), _TIMES[-1])


def ratio(value: float) -> str:
    """A factor: ``6.8×``."""
    return f"{digits(value)}×" if math.isfinite(value) else "?"


def ratio_interval(figure: Estimate) -> str:
    """A factor with its interval: ``6.80× [6.71–6.93]``."""
    if not tells(figure.low, figure.high):
        return f"{ratio(figure.value)} ±?"
    return f"{ratio(figure.value)} [{digits(figure.low)}–{digits(figure.high)}]"


def percent(value: float) -> str:
    """A relative error: ``1.2%``."""
    return f"{value:.1%}" if math.isfinite(value) else "unknown"


def digits(value: float) -> str:
    """Three significant digits without an exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    value = shown(value)
    places = max(0, 2 - math.floor(math.log10(abs(value)) + 1e-9))
    return f"{value:,.{places}f}"


def size(value: float) -> str:
    """Bytes in binary units: ``1.5 MiB``."""
    unit, name = next(((u, n) for u, n in _SIZES if abs(value) >= u), _SIZES[-1])
    return f"{digits(value / unit)} {name}" if unit > 1 else f"{value:.0f} B"


def size_interval(figure: Estimate) -> str:
    """Bytes with their interval in the same unit: ``1.50 MiB [1.49–1.52]``; ``±?`` where the spread is unknown."""
    if not (math.isfinite(figure.low) and math.isfinite(figure.high)):
        return f"{size(figure.value)} ±?"
    unit = next((u for u, _ in _SIZES if abs(figure.value) >= u), 1)
    low, high = (digits(limit / unit) if unit > 1 else f"{limit:.0f}" for limit in (figure.low, figure.high))
    return f"{size(figure.value)} [{low}–{high}]"


def rate(value: float) -> str:
    """Bytes a second in decimal units, as memory bandwidth is given: ``8.6 GB/s``."""
    return f"{digits(value / 1e9)} GB/s" if value >= 1e8 else f"{digits(value / 1e6)} MB/s"
