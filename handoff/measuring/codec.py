"""The kind ``codec``: encoding and decoding alone, in this one process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from handoff import timing
from handoff.analysis.metrics import BIS
from handoff.measuring.lane import Lane, LaneRefused
from handoff.measuring.rounds import Measuring
from handoff.outcome import OK
from handoff.strategy import Codec
from handoff.timing import Spent


def run(measuring: Measuring) -> None:
    """Try every codec once, then measure those that work."""
    messages: dict[str, Any] = {}
    for strategy in measuring.usable():
        codec = strategy.codec
        if codec is None:
            continue
        try:
            with measuring.trying(strategy.name):
                message = codec.encode(measuring.obj)
                codec.decode(message)
        except LaneRefused as refused:
            measuring.settle(strategy.name, refused.outcome)
            continue
        messages[strategy.name] = message
        measuring.settle(strategy.name, OK, codec.size(message))
        measuring.lanes.append(Lane(strategy.name, strategy))
    if not measuring.lanes:
        return
    base = measuring.baseline()
    measuring.tell({"baseline": base})
    messages[BIS] = messages[base]
    measuring.lanes.append(Lane(BIS, measuring.shop.strategies[base]))

    def metrics(lane: Lane) -> dict[str, Callable[[int], Spent]]:
        codec = _codec(lane)
        return {
            "encode": partial(timing.apply, codec.encode, measuring.obj),
            "decode": partial(timing.apply, codec.decode, messages[lane.name]),
        }

    measuring.warm_up(metrics)
    measuring.rounds(metrics)
    measuring.lanes = []


def _codec(lane: Lane) -> Codec:
    assert lane.strategy is not None
    assert lane.strategy.codec is not None
    return lane.strategy.codec
