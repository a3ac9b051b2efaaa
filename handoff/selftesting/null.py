"""Is the harness thin? The ``null`` lane against a hand-written ping-pong, in the same processes and rounds."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any

from handoff import timeouts
from handoff.analysis import stats
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import NULL
from handoff.analysis.stats import Estimate
from handoff.measuring import handoffs
from handoff.measuring.lane import Lane
from handoff.measuring.messages import Config, Tell
from handoff.measuring.rounds import Measuring
from handoff.measuring.shop import Shop
from handoff.outcome import OK
from handoff.payload import Duty
from handoff.profile import Profile
from handoff.selftesting._frame import Bench, Check, CheckResult, CheckState, FigureLine, ratio_line
from handoff.strategy import Channel, Ends, Recipe, Site, Strategy
from handoff.timing import Spent

LIMIT = 0.03
PLAIN = "plain"
ACK = b"\0" * 8  #: as long as the suite's acknowledgement
COUNT = struct.Struct("<Q")


class PlainSender:
    """The hand-written one: two pipes, and nothing else in its loop."""

    def __init__(self, to_worker: Connection, from_worker: Connection) -> None:
        self.to_worker, self.from_worker = to_worker, from_worker

    def open(self, conn: Connection) -> None:
        pass

    def play(self, n: int) -> float:
        """``n`` round trips; seconds. The worker is there, waiting, when the clock starts."""
        self.to_worker.send_bytes(COUNT.pack(n))
        send, receive = self.to_worker.send_bytes, self.from_worker.recv_bytes
        receive()
        begin = perf_counter()
        for _ in range(n):
            send(b"")
            receive()
        return perf_counter() - begin

    def encode(self, obj: Any) -> Any:
        return obj

    def post(self, message: Any) -> None:
        pass

    def close(self) -> None:
        self.to_worker.close()
        self.from_worker.close()


class PlainReceiver:
    """The other side of it: one ``take`` plays all round trips of a sample."""

    def __init__(self, inbox: Connection, outbox: Connection) -> None:
        self.inbox, self.outbox = inbox, outbox

    def open(self, conn: Connection) -> None:
        pass

    def take(self) -> None:
        receive, send = self.inbox.recv_bytes, self.outbox.send_bytes
        (n,) = COUNT.unpack(receive())
        send(ACK)
        for _ in range(n):
            receive()
            send(ACK)

    def decode(self, message: Any) -> Any:
        return message

    def touch(self, _: Any) -> int:
        return 0

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass


def _carry(site: Site) -> Ends:
    inbox, to_worker = site.ctx.Pipe(duplex=False)
    from_worker, outbox = site.ctx.Pipe(duplex=False)
    site.at_end(inbox.close)
    site.at_end(outbox.close)
    return PlainSender(to_worker, from_worker), PlainReceiver(inbox, outbox)


_STRATEGY = Strategy(name=PLAIN, summary="", meaning="", channel=Channel.PIPE, carry=_carry, recipe=Recipe("", ""))


def main(config: Config, tell: Tell) -> None:
    """A trial with two lanes, each timed its own way."""
    (experiment,) = config["experiments"]
    with Shop(config["start_method"], config["folder"], {PLAIN: _STRATEGY}) as shop:
        tell({"at": 0})
        measuring = Measuring(shop, experiment, config, tell)
        handoffs.open_lanes(measuring, Duty.ARGUMENT, PLAIN)

        def metrics(lane: Lane) -> dict[str, Callable[[int], Spent]]:
            if lane.name == PLAIN:
                return {"handoff": partial(_play, lane)}
            if lane.name == NULL:
                return {"handoff": partial(handoffs.exchange, measuring, Duty.ARGUMENT, lane)}
            return {}

        tell({"baseline": PLAIN})
        measuring.settle(PLAIN, OK)
        measuring.warm_up(metrics)
        measuring.rounds(metrics)
        measuring.close_lanes()
        tell({"done": 0})


def _play(lane: Lane, n: int) -> Spent:
    sender: PlainSender = lane.ends[0]
    lane.hired.begin(do=Duty.ARGUMENT, lane=PLAIN, n=1)
    seconds = sender.play(n)
    lane.hired.from_worker.recv_bytes()
    lane.hired.answer(timeouts.WORKER_START_S)
    return Spent(seconds)


def _run(bench: Bench) -> CheckResult:
    profile = Profile(name="selftest", trials=1, rounds=61, sample_s=0.003, lane_s=0.4, grouped=False)
    pairs: dict[str, tuple[dict[int, Any], dict[int, Any]]] = {"fork": ({}, {}), "spawn": ({}, {})}

    def ratios() -> list[Estimate]:
        return [stats.ratio(mine, plain, confidence=0.95) for mine, plain in pairs.values()]

    for number in bench.alternate(ratios, LIMIT):
        bench.say(f"null lane, trial {number + 1}")
        for method, (mine, plain) in pairs.items():
            figures = Figures(bench.experiment("task", Duty.ARGUMENT, method, (PLAIN,), profile, __name__))
            mine[number] = figures.samples(NULL, "handoff")[0]
            plain[number] = figures.samples(PLAIN, "handoff")[0]
    lines = []
    for method, (mine, plain) in pairs.items():
        ratio = stats.ratio(mine, plain, confidence=0.95)
        lines.append(ratio_line(f"null lane to ping-pong, {method}", ratio, LIMIT, f"{ratio.n_trials} trials"))
        lines.append(FigureLine(f"a ping-pong, {method}", stats.estimate(plain).value, unit="seconds"))
    judged = [line for line in lines if line.state is not CheckState.INFO]
    state = max((line.state for line in judged), key=(CheckState.OK, CheckState.UNDECIDED, CheckState.OFF).index)
    summary = "the null lane takes " + ", ".join(f"{line.value - 1:+.1%}" for line in judged) + " more than a ping-pong"
    return CheckResult(state, summary, tuple(lines), {line.what: line.value for line in lines})


CHECK = Check("null", "the harness is thin", 40, _run)
