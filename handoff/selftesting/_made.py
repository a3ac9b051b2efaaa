"""Strategies made for the purpose: identical copies of one operation, and copies slowed by a known share of their time.

As a trial (``main`` below) this is :mod:`handoff.measuring.trial` with these strategies in place of the registry's. A
lane's name says what it is: ``copy-1``, ``copy-2`` ...; ``slow-5-1`` is the first that takes 5 % longer.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from multiprocessing.connection import Connection
from statistics import median
from time import perf_counter
from typing import Any

from handoff.measuring import trial
from handoff.measuring.messages import Config, Tell
from handoff.strategies.codecs import BytesReceiver
from handoff.strategy import Channel, Codec, Ends, Recipe, Site, Strategy

SLOWDOWNS = (3, 5, 10)  #: percent
FIRST = 16  #: hand-offs from which a sender learns how long one takes, before it slows any


def names(copies: int, slowed: int) -> tuple[str, ...]:
    """The lanes of an experiment. The first is the baseline."""
    slow = [f"slow-{percent}-{i + 1}" for percent in SLOWDOWNS for i in range(slowed)]
    return (*(f"copy-{i + 1}" for i in range(copies)), *slow)


def share(name: str) -> float:
    """By how much a lane is slowed."""
    kind, _, rest = name.partition("-")
    return int(rest.partition("-")[0]) / 100 if kind == "slow" else 0.0


class Spinning:
    """A function, and then a spin that lasts a share of what this very call took, by the same clock.

    Copies run the same code with a share of 0. What the clock saw is kept, so that the slowdown is verified time.
    """

    def __init__(self, function: Callable[[Any], Any], share: float, *, keep: bool) -> None:
        self.function, self.share, self.keep = function, share, keep
        self.calls, self.busy_s, self.spun_s = 0, 0.0, 0.0

    def __call__(self, value: Any) -> Any:
        begin = perf_counter()
        result = self.function(value)
        if not self.keep:
            result = None  # dropping it is a part of the operation
        now = end = perf_counter()
        until = end + self.share * (end - begin)
        while now < until:
            now = perf_counter()
        self.calls += 1
        self.busy_s += end - begin
        self.spun_s += now - end
        return result


class SpinningSender:
    """A sender whose ``encode`` only spins, for a share of the usual hand-off; ``post`` pickles and sends.

    So what ``encode_s`` of a sample is beyond a copy's was injected, and no more. The usual hand-off is a running
    median: it follows drift, and a rare long one moves it by 3 % at most.
    """

    def __init__(self, share: float) -> None:
        self.share, self.usual_s = share, 0.0
        self.first: list[float] = []
        self.began = self.spun_s = 0.0

    def open(self, conn: Connection) -> None:
        self.post = conn.send

    def encode(self, obj: Any) -> Any:
        began = perf_counter()
        self._learn(began - self.began - self.spun_s)
        now = start = perf_counter()
        until = start + self.share * self.usual_s
        while now < until:
            now = perf_counter()
        self.began, self.spun_s = began, now - start
        return obj

    def _learn(self, took: float) -> None:
        if self.usual_s:
            half = self.usual_s / 2
            self.usual_s += max(-half, min(half, took - self.usual_s)) / 16
        else:
            self.first.append(took)
            if len(self.first) == FIRST:
                self.usual_s = median(self.first)

    def close(self) -> None:
        pass


def make(name: str) -> Strategy:
    """The strategy of a lane."""
    slower = share(name)

    def carry(_: Site) -> Ends:
        return SpinningSender(slower), BytesReceiver(pickle.loads)

    codec = Codec(
        Spinning(pickle.dumps, slower, keep=True),
        Spinning(pickle.loads, slower, keep=False),
    )
    return Strategy(
        name=name,
        summary="for the selftest",
        meaning="a copy",
        channel=Channel.PIPE,
        codec=codec,
        carry=carry,
        recipe=Recipe("", ""),
    )


def main(config: Config, tell: Tell) -> None:
    """A trial. Tells one more row for each slowed codec: ``injected-encode`` or ``-decode``, verified seconds.

    In such a row ``seconds`` is what was spun, ``encode_s`` what the calls took without.
    """
    (experiment,) = config["experiments"]
    strategies = {name: make(name) for name in experiment["strategies"]}
    trial.main(config, tell, strategies)
    for name, strategy in strategies.items():
        assert strategy.codec is not None
        for step, function in (("encode", strategy.codec.encode), ("decode", strategy.codec.decode)):
            assert isinstance(function, Spinning)
            if function.share and function.calls:
                row = [name, f"injected-{step}", 0, function.calls, function.spun_s, function.busy_s, 0.0, 0.0, 0, 0, 0]
                tell({"row": row})
