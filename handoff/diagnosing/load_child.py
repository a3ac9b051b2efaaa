"""The disposable process that loads pickles, so that nothing is ever unpickled in the user's process.

``start`` runs in a fresh interpreter. It reads jobs from its standard input, loads each as a worker would, and answers
in JSON on its standard output. ``fast`` loads with the real unpickler. ``tolerant`` goes on past every failure, with a
stand-in for what failed, and names each by its index in the pickle's memo. ``judge`` loads several pickles of one
object, each in a fork, and compares what arrived with what was sent, as ``support`` does.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import types
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from handoff.diagnosing.tolerant_unpickler import WritesFile, load_tolerantly, text_of
from handoff.processes.proc import own_threads

if TYPE_CHECKING:
    from handoff.diagnosing.messages import Fact, Judged, Judging, LoadAnswer, LoadJob, MainModule
    from handoff.payload import Payload
    from handoff.target import RefFields


#: The first byte of an answer: it is loaded in a fork, in a fork that lacks threads which are here, or here at last.
FORKS, DOUBTFUL, ONCE = b"+", b"~", b"."
DONE = 79  #: how a process ends that has answered: whoever leaves with 0 in the middle of a load has not


def ended(status: int | None) -> LoadAnswer:
    """What is answered for a process that did not."""
    return {"ok": False, "died": True, "error": f"the process that loaded it ended (exit status {status})"}


def main(job: LoadJob, data: bytes, answer: Any) -> None:
    """Do one job and write one line of JSON to ``answer``. ``job`` is what :mod:`handoff.diagnosing.load_elsewhere`
    sends."""
    _protect(job)
    if job["main"] and b"__main__" in data:
        _import_main(job["main"])
    text = json.dumps(_done(job, data)).encode() + b"\n"
    while text:
        text = text[answer.write(text) :]


def _done(job: LoadJob, data: bytes) -> LoadAnswer:
    if job["judging"]:
        return {"ok": True, "answers": judge_all(job["judging"], data)}
    module: Any = pickle
    if job["codec"] in ("cloudpickle", "dill"):
        module = __import__(job["codec"])
    if job["mode"] == "tolerant":
        return {"ok": True, "failures": load_tolerantly(data)}
    try:
        _alive.append((module.loads if job["codec"] == "dill" else pickle.loads)(data))
        return {"ok": True, "facts": _facts(job["ask"])}
    except BaseException as error:
        text = text_of(error)
        return {"ok": False, "error": text, "guarded": isinstance(error, WritesFile) or "handoff keeps a load" in text}


_alive: list[Any] = []  #: a destructor may reach a stand-in; this process ends without any


def judge_all(asked: Judging, data: bytes) -> list[Judged]:
    """What arrived of each pickle.

    Each is loaded in a fork, so that none can change what another finds; so is each control, for making one may change
    its module, too.
    """
    answers: list[Judged] = []
    known: Known = {}
    at = 0
    for codec, size in asked["items"]:
        original = Control(maker(asked["ref"]), asked["own"]) if asked["ref"] else None
        answers.append(judge_apart(codec, data[at : at + size], asked["sent"], original, known, asked["each_s"]))
        at += size
    return answers


ENDED = "the process that loaded it ended"  #: by a limit of ours, perhaps
Known = dict[str, dict[str, Any]]  #: verdicts, by the digest of what was said of the object that arrived


class Control(NamedTuple):
    """What makes the object once more, where it is called."""

    load: Callable[[], Payload]
    own: bool = False  #: whether the payload says by itself what must be the same of it


def maker(ref: RefFields) -> Callable[[], Payload]:
    """What loads the payload, where it is called."""

    def load() -> Payload:
        from handoff.target import Ref

        return Ref(**ref).load()

    return load


def judge_apart(codec: str, data: bytes, sent: Any, control: Control | None, known: Known, limit_s: float) -> Judged:
    """Load and judge one pickle in a fork of this process: its ``verdict``, or an ``error``.

    What looks like one that was judged before is that again: no control is made for it. Its verdict is put there.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, limit_s)
            text = json.dumps(_judged(codec, data, sent, control, known)).encode()
            while text:
                text = text[os.write(writer, text) :]
        finally:
            os._exit(0)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as pipe:
            text = pipe.read()
    finally:
        os.waitpid(child, 0)
    try:
        answer: Judged = json.loads(text)
    except ValueError:
        return {"error": ENDED}
    if "looks" in answer:
        known[answer["looks"]] = answer["verdict"]
    return answer


def _judged(codec: str, data: bytes, sent: Any, control: Control | None, known: Known) -> Judged:
    from handoff.compare.altered import judge, looked_at
    from handoff.compare.facts import digest, dumps
    from handoff.processes.deadlines import limited

    def fairly(seconds: float) -> AbstractContextManager[None]:
        return limited(seconds, fair=True)

    try:
        module: Any = __import__("dill") if codec == "dill" else pickle
        _alive.append(module.loads(data))
        if control is not None and control.own:
            return _by_its_own_word(sent, control.load(), _alive[-1])
        found = looked_at(_alive[-1])
        looks = digest(dumps(found.statement))
        make = (lambda: control.load().make()) if control is not None else None
        verdict = known.get(looks) or judge(sent, found, make, limit=fairly).to_json()
    except BaseException as error:
        return {"error": text_of(error)}
    return {"verdict": verdict, "looks": looks}


def _by_its_own_word(sent: Any, payload: Payload, obj: Any) -> Judged:
    """What a payload that says what must be the same of it says of what arrived."""
    from handoff.measuring.looking import judged
    from handoff.measuring.looking import sent as known

    return {"verdict": judged(payload, obj, known(json.dumps(sent), 0.0)).to_json()}


def _protect(job: LoadJob) -> None:
    """A clock, a memory limit, no resource tracker (it would unlink segments that are not ours), no emptied files."""
    if hasattr(signal, "alarm"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(int(job["limit_s"]) + 2)
    try:
        import resource

        from handoff.processes.memory import address_space_bytes

        limit = address_space_bytes() + int(job["limit_bytes"])
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        pass
    from multiprocessing import process, resource_tracker

    if job["authkey"]:
        process.current_process().authkey = bytes.fromhex(job["authkey"])
    resource_tracker.register = _nothing
    resource_tracker.unregister = _nothing
    sys.addaudithook(_refuse_emptying)


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Stands for a function whose effect is not wanted here."""


def _refuse_emptying(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and len(args) == 3 and isinstance(args[2], int) and args[2] & os.O_TRUNC:  # noqa: SIM102 - reads
        if args[0] != os.devnull:
            raise WritesFile(f"handoff keeps a load from emptying {args[0]!r}")


class MainReached(BaseException):
    """Raised by ``diagnose`` when a worker's import of the main module calls it: what follows is not defined there."""


def _import_main(where: MainModule) -> None:
    """As a spawned worker does: run the user's main module as ``__mp_main__``, so that its guard is not entered."""
    os.environ["HANDOFF_DIAGNOSING"] = "1"
    module = types.ModuleType("__mp_main__")
    try:
        path = where["path"]
        if where["name"]:
            import importlib.util

            spec = importlib.util.find_spec(where["name"])
            path = spec.origin if spec is not None and spec.origin else path
            module.__package__ = where["name"].rpartition(".")[0]
        module.__file__ = path
        sys.argv = [path]
        sys.modules["__mp_main__"] = module
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec")
        exec(code, module.__dict__)
    except MainReached:
        pass
    except BaseException:
        return
    sys.modules["__main__"] = module


def _facts(ask: list[tuple[str, str]]) -> list[Fact]:
    """The plain values that a freshly imported module has under some names: what a worker would see."""
    answers: list[Fact] = []
    for module, path in ask:
        try:
            found: Any = sys.modules.get(module) or __import__(module, fromlist=["_"])
            if path.startswith("<globals>."):
                value = vars(found)[path[10:]]
            else:
                owner, _, name = path.rpartition(".")
                for part in owner.split("."):
                    found = getattr(found, part)
                value = vars(found)[name]
            answers.append(("ok", plain_value(value)))
        except BaseException as error:
            answers.append(("missing", text_of(error)))
    return answers


def plain_value(value: Any, level: int = 0) -> str | None:
    """A text that is equal in every process for equal plain values; None for what is not plain, or large."""
    kind = type(value)
    if kind in (int, float, bool, str, bytes, type(None)):
        return repr(value) if not isinstance(value, str | bytes) or len(value) <= 2000 else None
    if level < 3 and kind in (tuple, list, dict, set, frozenset) and len(value) <= 100:
        if kind is dict:
            pairs = [(plain_value(key, level + 1), plain_value(item, level + 1)) for key, item in value.items()]
            texts = [f"{key}: {item}" for key, item in pairs if key is not None and item is not None]
            return f"{{{', '.join(texts)}}}" if len(texts) == len(pairs) else None
        items = [plain_value(item, level + 1) for item in value]
        if any(item is None for item in items):
            return None
        shown = sorted(map(str, items)) if kind in (set, frozenset) else list(map(str, items))
        return f"{kind.__name__}[{', '.join(shown)}]"
    return None


def start() -> None:
    """Read jobs from standard input (a line of JSON, then the pickle each), and do them in forks of this process.

    What fails in a fork may fail for want of threads that an import has started: it is asked for once more, ``alone``.
    """
    source = os.fdopen(os.dup(0), "rb")
    answer = os.fdopen(os.dup(1), "wb", buffering=0)
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    sys.modules.setdefault("__mp_main__", types.ModuleType("__mp_main__"))
    while line := source.readline():
        job: LoadJob = json.loads(line)
        data = source.read(job["size"])
        for module in job["modules"]:
            with suppress(BaseException):
                __import__(module)
        forks = hasattr(os, "fork") and not job["alone"]
        answer.write(ONCE if not forks else FORKS if own_threads() == 1 else DOUBTFUL)
        child = os.fork() if forks else 0
        if child == 0:
            source.close()
            main(job, data, answer)
            os._exit(DONE)  # no destructor or exit hook of the user's runs
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != DONE:
            answer.write(json.dumps(ended(status)).encode() + b"\n")


__all__ = ["MainReached", "ended", "judge_apart", "main", "maker", "plain_value", "start"]
