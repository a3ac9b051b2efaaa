"""The worker's side of a cell: receives or holds the object, states it, uses it, and tells."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handoff import timeouts
from handoff.compare import shared_state
from handoff.compare.facts import facts
from handoff.measuring import looking
from handoff.outcome import Kind, Outcome
from handoff.payload import Duty, Payload
from handoff.processes import spawn_server
from handoff.processes.serving import hear, tell
from handoff.support_matrix import original, pools
from handoff.support_matrix.messages import CellAnswer
from handoff.support_matrix.original import Original
from handoff.target import Ref

USED, SEEN = "used", "seen.json"


def _broken(where: str, error: BaseException) -> CellAnswer:
    return {"error": Outcome.from_exception(Kind.BROKEN, where, error).to_json()}


@dataclass(frozen=True, slots=True)
class CellStart:
    """What a worker is started with."""

    ref: Ref
    duty: Duty
    end: Any  #: Receiver, Sender, Holding or Sharing, by duty
    given: Payload | None = None  #: for a thread, which must not load its own


def _given(made: Original, expected: str) -> CellAnswer:
    """What is told of a result's original: what it is judged by, unless the asking side has the same."""
    return {"brief": made.brief, "sent": "" if made.brief == expected else made.sent}


def plain_facts(obj: Any) -> Any:
    """An element's facts, as JSON brings them to the other side."""
    return json.loads(json.dumps(facts(obj)))


def _refused(where: str, error: BaseException) -> Outcome:
    return Outcome.from_exception(Kind.REFUSED, where, error)


def fetch(end: Any, obj: Any) -> Any:
    """Where the object itself stays elsewhere: get it, to compare it."""
    return end.fetch(obj) if hasattr(end, "fetch") else obj


def serve(job: CellStart, inbox: Any, outbox: Any) -> None:
    """Obey until the other side is gone."""
    if job.given is None:
        spawn_server.answer_when_asked()
    with suppress(EOFError, OSError):
        _Serving(job, inbox, outbox).serve()


class _Serving:
    def __init__(self, job: CellStart, inbox: Any, outbox: Any) -> None:
        self.job, self.end, self.inbox, self.outbox = job, job.end, inbox, outbox
        self.payload: Payload | None = job.given
        self.obj: Any = None

    def serve(self) -> None:
        tell(self.outbox, self.guarded(self.open))
        while True:
            command = hear(self.inbox)
            answer = self.guarded(getattr(self, f"_{command['do']}"), *command["given"])
            if answer is not None:
                tell(self.outbox, answer)

    def guarded(self, step: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return step(*arguments)
        except BaseException as error:
            return _broken("worker", error)

    def load(self) -> Payload:
        if self.payload is None:
            self.payload = self.job.ref.load()
        return self.payload

    def open(self) -> CellAnswer:
        match self.job.duty:
            case Duty.ARGUMENT:
                self.end.open(self.inbox)
            case Duty.RESULT:
                self.end.open(self.outbox)
            case Duty.STATE:
                self.end.obtain()
            case Duty.SHARED:
                self.end.open()
        return {"ready": True}

    def _take(self, expected: str) -> CellAnswer:
        self.obj = self.end.get() if self.job.duty is Duty.STATE else self.end.decode(self.end.take())
        payload = self.load()
        return {
            "same": looking.same(payload, fetch(self.end, self.obj), expected),
            "checksum": (getattr(self.end, "touch", None) or payload.touch)(self.obj),
        }

    def _judge(self, sent: str) -> CellAnswer:
        obj = self.end.whole() if self.job.duty is Duty.SHARED else fetch(self.end, self.obj)
        return {"verdict": looking.judged(self.load(), obj, sent).to_json()}

    def _use(self) -> CellAnswer:
        if hasattr(self.end, "fetch"):
            return {"used": False}
        (self.load().use or shared_state.use)(self.obj)
        return {"used": True}

    def _drop(self) -> CellAnswer:
        self.obj = None
        if self.job.duty is Duty.ARGUMENT:
            self.end.release()
        return {"dropped": True}

    def _give(self, expected: str) -> CellAnswer | None:
        payload = self.load()
        made = original.of(self.job.ref, payload)
        self.obj = made.obj
        word = _given(made, expected) | {"checksum": payload.touch(self.obj)}
        try:
            message = self.end.encode(self.obj)
        except Exception as error:
            return {"error": _refused("result", error).to_json()}
        tell(self.outbox, word)
        try:
            self.end.post(message)
        except Exception as error:
            spawn_server.leave_word(error, refused=True)
            os._exit(1)
        return None

    def _seen(self) -> CellAnswer:
        return {"seen": (self.load().seen or shared_state.seen)(self.obj)}

    def _whole(self, expected: str) -> CellAnswer:
        return {"same": looking.same(self.load(), self.end.whole(), expected)}

    def _change(self, size: int) -> CellAnswer:
        """Change one element so that the other side can see it: count up a number, or put another in its place."""
        last = size - 1
        near = [last, *range(min(last, 20))]
        before: dict[int, Any] = {}
        for index in near:
            value = before[index] = self.end.read(index)
            if type(value) is float or (type(value) is int and -128 <= value < 127):  # one more fits in a byte
                self.end.update(index)
                return {"changes": [(index, plain_facts(value + 1))]}
        here = plain_facts(before[last])
        for index in near[1:]:
            there = plain_facts(before[index])
            if there != here:
                self.end.write(last, before[index])
                return {"changes": [(last, there)]}
        return {"changes": []}


def receive(ref: Ref, obj: Any, uses: bool, expected: str, sent: str) -> CellAnswer:
    """The task whose argument is judged: look at what arrived, read all of it, and use what is there to be used.

    ``sent`` is the file of what it is judged by.
    """
    try:
        payload = ref.load()
        arrived = looking.same(payload, obj, expected)
        answer: CellAnswer = {"checksum": payload.touch(obj), "used": uses}
        if not arrived:
            text = Path(sent).read_text(encoding="utf-8")
            answer["verdict"] = looking.judged(payload, obj, text).to_json()
        if uses:
            (payload.use or shared_state.use)(obj)
    except Exception as error:
        return _broken("worker", error)
    return answer


_state: Any = None


def keep(obj: Any) -> None:
    """The initializer whose argument is judged."""
    global _state
    _state = obj


def receive_kept(ref: Ref, expected: str, sent: str) -> CellAnswer:
    """The task that finds the object in its worker. It has the same one as its parent, perhaps, which looks at it next:
    to use it is another task."""
    return receive(ref, _state, False, expected, sent)


def use_kept(ref: Ref) -> CellAnswer:
    """The task that uses what is there to be used."""
    try:
        (ref.load().use or shared_state.use)(_state)
    except Exception as error:
        return _broken("worker", error)
    return {"used": True}


_kept: list[Any] = []


def give(ref: Ref, folder: str, expected: str) -> Any:
    """The task whose result is judged: make the object, leave word of what it is, and return it."""
    obj = None
    try:
        payload = ref.load()
        made = original.of(ref, payload)
        obj = made.obj
        word = _given(made, expected) | {"checksum": payload.touch(obj), "looks": made.seen is not None}
        if made.seen:
            _kept.append(obj)
            _start_beside(_look, made.seen, obj, Path(folder))
    except Exception as error:
        word = _broken("worker", error)
    Path(folder, pools.GIVEN).write_text(json.dumps(word), encoding="utf-8")
    return obj


def _start_beside(target: Callable[..., None], *arguments: Any) -> None:
    """Start a thread that nobody waits for; an interpreter within a process has none such, and waits for it."""
    try:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
    except RuntimeError:
        thread = threading.Thread(target=target, args=arguments)
    thread.start()


def _look(seen: Callable[[Any], str], obj: Any, folder: Path) -> None:
    """Wait until the result was used on the other side, then say whether that shows in the original, here."""
    end = time.monotonic() + 2 * timeouts.SEEN_S
    while time.monotonic() < end and not (folder / USED).exists():
        time.sleep(0.002)
    try:
        found = seen(obj)
    except Exception as error:
        found = f"looking at the original raises {type(error).__name__}: {error}"
    part = folder / f"{SEEN}.part"
    part.write_text(json.dumps({"seen": found}), encoding="utf-8")
    part.rename(folder / SEEN)
