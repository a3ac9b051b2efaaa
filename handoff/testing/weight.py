"""What an object weighs on its way: the bytes of its pickle, and the work of making it; and that compared with before.

Bytes are exact and the same everywhere. Work is a time, so it is given in units of a fixed object that is pickled in
turn with it: a faster machine makes both faster. How much that ratio differs between processors is not known, so take
the baseline where it is compared, or allow for a factor that is well above 1.
"""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from handoff.analysis import stats, units
from handoff.timing import apply

SCHEMA = 1
ROUNDS = 15  #: fewer than 8 have no distribution-free interval at 99 % (2 ** -7 is above a half of 1 %)
SAMPLE_S = 1e-3  #: a sample's least duration: a thousand times the clock's step
SLOW_S = 0.2  #: an object that takes longer is timed in as few rounds as still have an interval
FEWEST = 8
LIGHT_BYTES = 1 << 10  #: below, a hand-off takes as long as an empty message: no growth up to there is worth a word

#: The unit of work: 100 rows of plain values, as pickle sees them most (0.1 ms on current machines).
YARDSTICK = [{"number": n, "name": f"row {n}", "price": n / 7, "tags": ["a", str(n)]} for n in range(100)]


@dataclass(frozen=True, slots=True)
class Weight:
    """Of one object."""

    bytes: int
    work: float  #: seconds to pickle it ÷ seconds to pickle the yardstick
    work_low: float  #: the 99 % interval, over rounds
    work_high: float
    protocol: int


class BaselineError(Exception):
    """A file of baselines that cannot be read; the message says which and why."""


def weigh(obj: Any, protocol: int | None = None) -> Weight:
    """Pickle it as multiprocessing does; ``protocol`` None: the default one. Raises what its pickling raises."""
    from multiprocessing.reduction import ForkingPickler

    protocol = pickle.DEFAULT_PROTOCOL if protocol is None else protocol

    def dumps(value: Any) -> Any:
        return ForkingPickler.dumps(value, protocol)

    size = len(dumps(obj))
    first_s = apply(dumps, obj, 1).seconds
    loops = max(1, math.ceil(SAMPLE_S / max(first_s, 1e-9)))
    ratios = []
    for _ in range(ROUNDS if first_s < SLOW_S else FEWEST):
        mine_s = apply(dumps, obj, loops).seconds / loops
        ratios.append(math.log(mine_s / (apply(dumps, YARDSTICK, 10).seconds / 10)))
    low, high = stats.interval(ratios, stats.CONFIDENCE)
    work, work_low, work_high = (round(math.exp(each), 4) for each in (median(ratios), low, high))
    return Weight(size, work, work_low, work_high, protocol)


def heavier(was: Weight, now: Weight, factor: float) -> list[str]:
    """In words what grew by ``factor`` at least; of the work only what the intervals leave no doubt of."""
    grown = []
    if now.bytes >= max(LIGHT_BYTES, factor * was.bytes):
        before, after = units.size(was.bytes), units.size(now.bytes)
        grown.append(f"pickles to {after}, {units.ratio(now.bytes / was.bytes)} the {before} of")
    if now.bytes >= LIGHT_BYTES and now.work_low >= factor * was.work_high:
        grown.append(f"takes {units.ratio(now.work / was.work)} the work to pickle of")
    return grown


def read(text: str, where: str) -> dict[str, Weight]:
    """A file of baselines. Raises :class:`BaselineError`."""
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA:
            raise BaselineError(f"{where}: schema {data['schema']!r}, and this version reads {SCHEMA}")
        return {name: Weight(**weight) for name, weight in data["weights"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BaselineError(f"{where} is no file of baselines: {type(error).__name__}: {error}") from error


def write(weights: Mapping[str, Weight], path: Path) -> None:
    """Sorted by name, a weight a line: a change reads well as a diff."""
    lines = [f"  {json.dumps(name)}: {json.dumps(asdict(weights[name]))}" for name in sorted(weights)]
    path.write_text(f'{{"schema": {SCHEMA}, "weights": {{\n' + ",\n".join(lines) + "\n}}\n", encoding="utf-8")
