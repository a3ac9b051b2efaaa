"""The trial: what one fresh interpreter does. It measures its experiments in turn and tells every sample at once.

What it tells is in :class:`handoff.measuring.messages.Told`. Each kind of experiment is a module of this package with
``run(measuring)``, imported where a trial needs it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from types import MappingProxyType

from handoff.analysis.metrics import CODEC, CONTENTION, FLOORS, INHERITANCE, JOB, MEMORY, SCALING, START, STARTUP
from handoff.measuring.lane import LaneFailed
from handoff.measuring.messages import Config, Spec, Tell, settled
from handoff.measuring.rounds import Measuring
from handoff.measuring.shop import Shop
from handoff.outcome import Kind, Outcome, describe
from handoff.payload import Duty
from handoff.strategies import registry
from handoff.strategy import Channel, Strategy
from handoff.target import Ref

#: Which module measures a kind of experiment.
MODULES: Mapping[str, str] = MappingProxyType(
    {
        CODEC: "codec",
        START: "startup",
        STARTUP: "startup",
        Duty.ARGUMENT: "handoffs",
        Duty.RESULT: "handoffs",
        Duty.STATE: "state",
        Duty.SHARED: "shared",
        CONTENTION: "contention",
        SCALING: "scaling",
        JOB: "scaling",
        INHERITANCE: "footprint",
        **dict.fromkeys(MEMORY, "footprint"),
    }
)

Prepare = Callable[[Shop, Spec, Config, Tell], Callable[[], None]]


def main(config: Config, tell: Tell, strategies: Mapping[str, Strategy] | None = None) -> None:
    """Run the experiments of ``config``; ``strategies`` are those of the registry."""
    run_all(config, tell, registry() if strategies is None else strategies, _prepare)


def run_all(config: Config, tell: Tell, strategies: Mapping[str, Strategy], prepare: Prepare) -> None:
    """Run the experiments of ``config``, in an order shuffled by its seed. What can't be prepared is told as failed."""
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()
    order = list(range(len(config["experiments"])))
    random.Random(config["seed"]).shuffle(order)
    with Shop(config["start_method"], config["folder"], strategies) as shop:
        for index in order:
            tell({"at": index})
            try:
                run = prepare(shop, config["experiments"][index], config, tell)
            except Exception as error:
                tell({"failed": f"{type(error).__name__}: {describe(error)}"})
            else:
                run()
            tell({"done": index})


def _prepare(shop: Shop, spec: Spec, config: Config, tell: Tell) -> Callable[[], None]:
    if why := Ref(**spec["ref"]).load().missing():
        return partial(_unavailable, spec["strategies"], why, tell)
    return partial(_measure, Measuring(shop, spec, config, tell))


def _unavailable(strategies: list[str], why: str, tell: Tell) -> None:
    """Tell of a payload that cannot be made here, by whatever way."""
    for name in strategies:
        tell(settled(name, Outcome(Kind.UNAVAILABLE, "", "", why)))


def _measure(measuring: Measuring) -> None:
    """Measure; when a lane that had worked fails later, begin again without it."""
    run = import_module(f"{__package__}.{MODULES[measuring.kind]}").run
    while True:
        try:
            run(measuring)
            measuring.tell_rows()
            return measuring.tell({"spent": measuring.ledger.spent_s})
        except LaneFailed as failed:
            lane = failed.lane
            measuring.give_up(lane.strategy.name if lane.strategy else lane.name, failed.outcome)
            if lane.strategy is None and lane.name != FLOORS[Channel.TCP]:
                return None  # the harness itself does not work here: nothing can be measured
