"""Every strategy: what it says about itself, its recipe, and its round trip across a real process."""

from __future__ import annotations

import gc
import multiprocessing as mp
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from handoff.outcome import Kind
from handoff.payload import Duty, Payload, Trait
from handoff.processes.deadlines import NoAnswer, deadline
from handoff.start_methods import START_METHODS
from handoff.strategies import registry
from handoff.strategy import Launch, Site, Strategy
from handoff.target import Ref

if TYPE_CHECKING:
    from multiprocessing.managers import SyncManager

ANSWER_S = 30.0  #: how long a worker may take; far more than it needs, so that a slow machine fails nothing

FLAT = frozenset({Trait.FIXED_DTYPE, Trait.BUFFER})


def record() -> dict[str, float]:
    return {"apple": 3.0, "pear": 4.5, "plum": 0.25}


def numbers() -> list[int]:
    return list(range(100))


def grid() -> Any:
    return np.arange(600.0).reshape(20, 30)


def small_integers() -> Any:
    return np.arange(-50, 50, dtype=np.int16)


def octets() -> bytes:
    return bytes(range(256)) * 3


PAYLOADS = (
    Payload(name="record", make=record),
    Payload(name="numbers", make=numbers, traits=frozenset({Trait.SCALARS})),
    Payload(name="grid", make=grid, traits=FLAT),
    Payload(name="small-integers", make=small_integers, traits=FLAT),
    Payload(name="octets", make=octets, traits=FLAT),
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return type(other) is np.ndarray and one.dtype == other.dtype and np.array_equal(one, other)
    return type(one) is type(other) and bool(one == other)


# -- what a strategy says about itself


def test_importing_the_registry_imports_nothing_heavy() -> None:
    heavy = "{'numpy', 'dill', 'cloudpickle', 'multiprocessing.managers', 'rich', 'asv'}"
    code = f"import sys, handoff.strategies as s; s.registry(); print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("strategy", registry().values(), ids=lambda each: each.name)
def test_a_strategy_describes_itself(strategy: Strategy) -> None:
    assert set(strategy.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert strategy.name == strategy.name.strip("-")
    assert strategy.summary
    assert strategy.meaning
    assert strategy.duties
    assert set(strategy.start_methods) <= set(START_METHODS)
    assert set(strategy.inherits) <= set(strategy.start_methods)
    assert len(dict(strategy.fails)) == len(strategy.fails), "a trait is declared twice"


# -- recipes


def run_recipe(code: str, folder: Path) -> str:
    """Run one script as a reader would, warnings being errors; return what it prints."""
    script = folder / "recipe.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, "-W", "error", script.name],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout


@pytest.mark.parametrize("strategy", registry().values(), ids=lambda strategy: strategy.name)
def test_both_sides_of_a_recipe_run_and_agree(
    strategy: Strategy, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if strategy.lacks:
        pytest.skip(strategy.lacks)
    if {"dill", "multiprocess"} & set(strategy.needs) and sys.version_info >= (3, 15):
        reason = "dill 0.4.1 writes no function by value on 3.15, whose code objects have no co_lnotab"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    before, after = (run_recipe(code, tmp_path) for code in (strategy.recipe.before, strategy.recipe.after))
    assert after.strip()
    assert before == after or before.startswith("fails:")


# -- the round trip


MARK = f"handoff-test-{os.getpid()}"  #: in the name of every segment and semaphore of this process; others run here too


@pytest.fixture(autouse=True)
def marked_semaphores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(mp.current_process())["_config"], "semprefix", f"/{MARK}")


def segments() -> set[str]:
    """What is left of ours in shared memory. A semaphore goes with its lock, which may be in a cycle."""
    gc.collect()
    folder = Path("/dev/shm")
    return {name for name in os.listdir(folder) if MARK in name} if folder.is_dir() else set()


@contextmanager
def opened_site(payload: Payload, ctx: BaseContext, folder: Path, manager: Callable[[], SyncManager]) -> Iterator[Site]:
    """A site for one strategy; leaving it does what the strategy registered, last first."""
    numbers = count()
    with ExitStack() as stack:
        folder.mkdir(parents=True)
        yield Site(
            ctx=ctx,
            start_method=str(ctx.get_start_method()),
            obj=payload.make(),
            payload=payload,
            ref=Ref(str(Path(__file__).parent), __name__, payload.name),
            folder=folder,
            segment_name=lambda: f"{MARK}-{id(stack):x}-{next(numbers)}",
            manager=manager,
            at_end=stack.callback,
        )


@pytest.fixture
def managers() -> Iterator[Callable[[BaseContext], Callable[[], SyncManager]]]:
    """For a context, a function that gives its one manager, started when first asked for."""
    with ExitStack() as stack:
        started: list[SyncManager] = []

        def of(ctx: BaseContext) -> Callable[[], SyncManager]:
            def manager() -> SyncManager:
                from handoff.strategies._manager import HandoffManager

                if not started:
                    started.append(stack.enter_context(HandoffManager(ctx=ctx)))
                return started[0]

            return manager

        yield of


def serve(ends: dict[tuple[Duty, str], Any], inbox: Connection, outbox: Connection) -> None:
    """The worker's side: open everything, then go through one hand-off of each."""
    made = {payload.name: payload.make() for payload in PAYLOADS}
    for (duty, _), end in ends.items():
        if duty is Duty.ARGUMENT:
            end.open(inbox)
        elif duty is Duty.RESULT:
            end.open(outbox)
        elif duty is Duty.STATE:
            end.obtain()
        else:
            end.open()
    outbox.send("ready")
    for (duty, name), end in ends.items():
        for _ in range(2):
            if duty is Duty.ARGUMENT:
                obj = end.decode(end.take())
                outbox.send(end.fetch(obj) if hasattr(end, "fetch") else obj)
                del obj
                end.release()
            elif duty is Duty.RESULT:
                end.post(end.encode(made[name]))
                inbox.recv()
            elif duty is Duty.STATE:
                obj = end.get()
                outbox.send(end.fetch(obj) if hasattr(end, "fetch") else obj)
                del obj
            else:
                end.update(1)
                end.write(0, end.read(1))
                outbox.send(end.whole())
                inbox.recv()
    for end in ends.values():
        end.close()


_pool_args: tuple[Any, ...] = ()


def remember(*args: Any) -> None:
    global _pool_args
    _pool_args = args


def serve_remembered() -> None:
    serve(*_pool_args)


@contextmanager
def worker(strategy: Strategy, ctx: Any, args: tuple[Any, ...]) -> Iterator[Callable[[], bool]]:
    """The other side, of the kind that the strategy needs; yields whether it is still there."""
    if strategy.launch is Launch.POOL:
        with ctx.Pool(1, remember, args) as pool:
            task = pool.apply_async(serve_remembered)
            yield lambda: not task.ready()
            task.get(ANSWER_S)
            pool.close()
            pool.join()
        return
    make = threading.Thread if strategy.launch is Launch.THREAD else ctx.Process
    process = make(target=serve, args=args, daemon=True)
    process.start()
    try:
        yield process.is_alive
        process.join(ANSWER_S)
        assert not process.is_alive()
        assert getattr(process, "exitcode", 0) == 0
    finally:
        if process.is_alive() and hasattr(process, "kill"):
            process.kill()


def cells() -> list[Any]:
    return [
        pytest.param(strategy, method, id=f"{strategy.name}-{method}")
        for strategy in registry().values()
        if strategy.launch is not Launch.INTERPRETER  # numpy, which this module imports, cannot be loaded in one
        if strategy.execution is None  # tests/test_executors.py
        for method in strategy.start_methods
    ]


def ends_of(strategy: Strategy, payload: Payload, sites: Callable[[], Site]) -> Iterator[tuple[Duty, Any, Any]]:
    """Duty, this side's end, and the worker's, for all that the strategy can do with a payload."""
    if strategy.only and not strategy.only & payload.traits:
        return
    if any(kind is Kind.REFUSED and trait in payload.traits for trait, kind in strategy.fails):
        return
    if strategy.carry:
        sender, receiver = strategy.carry(sites())
        yield Duty.ARGUMENT, sender, receiver
        sender, receiver = strategy.carry(sites())
        yield Duty.RESULT, receiver, sender
    if strategy.hold:
        yield Duty.STATE, None, strategy.hold(sites())
    if strategy.share and payload.name != "octets":  # bytes can't be written
        shared = strategy.share(sites())
        yield Duty.SHARED, shared, shared


def go_round(
    strategy: Strategy, method: str, tmp_path: Path, managers: Callable[[BaseContext], Callable[[], SyncManager]]
) -> None:
    ctx: Any = mp.get_context(method)
    with ExitStack() as stack:
        folders = count()

        def make_site(payload: Payload) -> Site:
            folder = tmp_path / str(next(folders))
            return stack.enter_context(opened_site(payload, ctx, folder, managers(ctx)))

        near: dict[tuple[Duty, str], Any] = {}
        far: dict[tuple[Duty, str], Any] = {}
        for payload in PAYLOADS:
            for duty, here, there in ends_of(strategy, payload, lambda payload=payload: make_site(payload)):  # type: ignore[misc]
                near[duty, payload.name], far[duty, payload.name] = here, there
        inbox, to_worker = ctx.Pipe(duplex=False)
        from_worker, outbox = ctx.Pipe(duplex=False)
        with inbox, to_worker, from_worker, outbox:
            with worker(strategy, ctx, (far, inbox, outbox)) as alive:

                def answer() -> Any:
                    deadline = time.monotonic() + ANSWER_S
                    while not from_worker.poll(0.1):
                        assert alive(), "the worker is gone"
                        assert time.monotonic() < deadline, "the worker does not answer"
                    return from_worker.recv()

                assert answer() == "ready"
                drive(near, to_worker, from_worker, answer)
            for (duty, _), end in near.items():
                if duty is not Duty.STATE and not (duty is Duty.SHARED and strategy.launch is Launch.THREAD):
                    end.close()


def drive(near: dict[tuple[Duty, str], Any], to_worker: Connection, from_worker: Connection, answer: Any) -> None:
    """This side: one hand-off after the other, each compared with what a fresh build gives."""
    made = {payload.name: payload.make() for payload in PAYLOADS}
    touch = {payload.name: payload.touch for payload in PAYLOADS}
    for (duty, name), end in near.items():
        if duty is Duty.ARGUMENT:
            end.open(to_worker)
        elif duty is Duty.RESULT:
            end.open(from_worker)
        elif duty is Duty.SHARED:
            end.open()
        expected = made[name]
        for turn in (1, 2):
            if duty is Duty.ARGUMENT:
                end.post(end.encode(expected))
                assert same(answer(), expected)
            elif duty is Duty.RESULT:
                obj = end.decode(end.take())
                if hasattr(end, "touch"):
                    assert end.touch(obj) == touch[name](expected)
                assert same(end.fetch(obj) if hasattr(end, "fetch") else obj, expected)
                del obj
                end.release()
                to_worker.send("seen")
            elif duty is Duty.STATE:
                assert same(answer(), expected)
            else:
                changed = answer()
                elements = expected.values() if isinstance(expected, dict) else np.array(expected).reshape(-1)
                assert end.read(0) == end.read(1) == list(elements)[1] + turn
                assert same(changed, end.whole())
                assert type(changed) is type(expected)
                assert np.shape(changed) == np.shape(expected)
                to_worker.send("seen")


@pytest.mark.parametrize(("strategy", "method"), cells())
def test_what_is_handed_over_arrives_the_same_and_leaves_nothing(
    strategy: Strategy, method: str, tmp_path: Path, managers: Callable[[BaseContext], Callable[[], SyncManager]]
) -> None:
    assert not segments()
    go_round(strategy, method, tmp_path, managers)
    assert not segments()


# -- what is particular to one


UPDATING_S = (
    0.3  #: long enough for two processes to meet, even on one core: without its lock a managed list lost 10 to 40 %
)


def add(shared: Any, start: Any, counts: Any) -> None:
    """Update one element for a while, and say how often."""
    shared.open()
    start.wait(ANSWER_S)
    done, end = 0, time.monotonic() + UPDATING_S
    while time.monotonic() < end:
        shared.update(0)
        done += 1
    shared.close()
    counts.put(done)


@pytest.mark.parametrize("name", [s.name for s in registry().values() if s.share and s.launch is Launch.PROCESS])
def test_no_update_is_lost(
    name: str, tmp_path: Path, managers: Callable[[BaseContext], Callable[[], SyncManager]]
) -> None:
    ctx: Any = mp.get_context("spawn")
    strategy = registry()[name]
    payload = PAYLOADS[1] if not strategy.only or Trait.SCALARS in strategy.only else PAYLOADS[2]
    with opened_site(payload, ctx, tmp_path / "site", managers(ctx)) as site:
        assert strategy.share
        shared, start, counts = strategy.share(site), ctx.Barrier(2), ctx.SimpleQueue()
        processes = [ctx.Process(target=add, args=(shared, start, counts)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(ANSWER_S)
            assert process.exitcode == 0
        shared.open()
        assert shared.read(0) == counts.get() + counts.get()
        shared.close()


class Sleepy:
    """Takes longer to load than anybody waits."""

    def __reduce__(self) -> Any:
        return time.sleep, (2 * HANG_S,)


HANG_S = 1.0


@pytest.mark.parametrize("name", [name for name in registry() if name.startswith("manager-")])
def test_a_request_that_hangs_costs_only_its_own_strategy(
    name: str, tmp_path: Path, managers: Callable[[BaseContext], Callable[[], SyncManager]]
) -> None:
    ctx = mp.get_context("spawn")
    manager, carry = managers(ctx), registry()[name].carry
    assert carry
    with opened_site(PAYLOADS[0], ctx, tmp_path / "hangs", manager) as site:
        inbox, outbox = ctx.Pipe()
        sender, _ = carry(site)
        sender.open(outbox)
        with deadline(HANG_S), pytest.raises(NoAnswer):
            sender.post(Sleepy())
        inbox.close()
        outbox.close()
    begin = time.monotonic()
    with opened_site(PAYLOADS[0], ctx, tmp_path / "works", manager) as site:
        inbox, outbox = ctx.Pipe()
        with inbox, outbox:
            sender, receiver = carry(site)
            sender.open(outbox)
            receiver.open(inbox)
            sender.post(record())
            obj = receiver.take()
            assert (obj.all() if hasattr(receiver, "fetch") else obj) == record()
    assert time.monotonic() - begin < HANG_S, "waited for the request that hangs"


class Explosive(Exception):
    """An exception that can be pickled, and not loaded."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


class Grumpy:
    def __reduce__(self) -> Any:
        raise Explosive("not ", "today")


@pytest.mark.parametrize(
    ("obj", "error", "text"),
    [(lambda: 1, Exception, "pickle"), (threading.Lock(), TypeError, "lock"), (Grumpy(), RuntimeError, "not today")],
    ids=["lambda", "lock", "hook"],
)
def test_a_queue_tells_what_its_feeder_thread_could_not_pickle(
    obj: Any, error: type[Exception], text: str, tmp_path: Path
) -> None:
    ctx = mp.get_context("fork")
    with opened_site(PAYLOADS[0], ctx, tmp_path / "site", pytest.fail) as site:
        carry = registry()["queue"].carry
        assert carry
        sender, receiver = carry(site)
        inbox, outbox = ctx.Pipe()
        with inbox, outbox:
            sender.open(outbox)
            receiver.open(inbox)
            for expected in (record(), obj, record()):  # and goes on working
                sender.post(sender.encode(expected))
                if expected is obj:
                    with pytest.raises(error, match=text) as caught:
                        receiver.decode(receiver.take())
                    assert "feeder" in caught.value.__notes__[-1]
                else:
                    assert receiver.decode(receiver.take()) == expected
        sender.close()
        assert not [thread for thread in threading.enumerate() if "Feeder" in thread.name]


@pytest.mark.parametrize("name", ["array-locked-element", "array-raw-element"])
def test_by_element_is_refused_for_large_arrays_and_names_the_better_way(name: str, tmp_path: Path) -> None:
    payload = Payload(name="large", make=lambda: np.zeros(2**17 + 1), traits=FLAT)
    with opened_site(payload, mp.get_context("spawn"), tmp_path / "site", pytest.fail) as site:
        for factory in (registry()[name].carry, registry()[name].hold, registry()[name].share):
            assert factory
            with pytest.raises(
                ValueError, match=rf"131,072 elements.* 0\.2 s .*use {name.replace('element', 'numpy')}$"
            ):
                factory(site)


@pytest.mark.parametrize("name", ["array-raw-numpy", "array-locked-element"])
def test_an_array_without_a_c_type_is_refused(name: str, tmp_path: Path) -> None:
    payload = Payload(name="complex", make=lambda: np.zeros(4, complex), traits=FLAT)
    with opened_site(payload, mp.get_context("spawn"), tmp_path / "site", pytest.fail) as site:
        carry = registry()[name].carry
        assert carry
        with pytest.raises(TypeError, match="no type for an array of dtype complex128"):
            carry(site)


@pytest.mark.parametrize("name", ["process-args", "inherit", "initializer"])
def test_what_fork_does_not_pickle_is_said_to_be_inherited(name: str) -> None:
    strategy = registry()[name]
    assert strategy.inherits == ("fork",)
    assert "fork" in strategy.summary


@pytest.mark.parametrize(
    "name", [name for name, each in registry().items() if name.startswith("manager-") and each.hold]
)
def test_the_server_keeps_nothing_after_the_end(
    name: str, tmp_path: Path, managers: Callable[[BaseContext], Callable[[], SyncManager]]
) -> None:
    ctx = mp.get_context("spawn")
    strategy = registry()[name]
    manager = managers(ctx)
    before = manager()._number_of_objects()  # type: ignore[attr-defined]
    with opened_site(PAYLOADS[1], ctx, tmp_path / "site", manager) as site:
        assert strategy.carry
        assert strategy.hold
        assert strategy.share
        ends = [*strategy.carry(site), strategy.hold(site), strategy.share(site)]
        assert manager()._number_of_objects() == before + 3  # type: ignore[attr-defined]
        ends.clear()
        gc.collect()
        assert manager()._number_of_objects() == before + 3  # type: ignore[attr-defined]
    gc.collect()
    assert manager()._number_of_objects() == before  # type: ignore[attr-defined]
