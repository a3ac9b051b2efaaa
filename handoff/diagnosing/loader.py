"""The disposable process that loads pickles, so that nothing is ever unpickled in the user's process.

``main`` runs in a fresh interpreter. It reads a job from its standard input, loads it as a worker would, and answers
in JSON on its standard output. ``fast`` loads with the real unpickler. ``tolerant`` goes on past every failure, with a
stand-in for what failed, and names each by its index in the pickle's memo.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import signal
import sys
import types
from typing import Any

from handoff.diagnosing.absent import Absent
from handoff.diagnosing.limits import TookTooLong, limited

STEP_S = 2.0  #: one constructor or ``__setstate__`` that takes longer counts as hanging


class _WritesFile(Exception):
    """Loading opened a file in a way that empties it. Kept from doing so."""


def main(job: dict[str, Any], data: bytes, answer: Any) -> None:
    """Do one job and write one line of JSON to ``answer``. ``job`` is what :mod:`handoff.diagnosing.loading` sends."""
    _protect(job)
    if job.get("main") and b"__main__" in data:
        _import_main(job["main"])
    result: dict[str, Any] = {}
    module: Any = pickle
    if job["codec"] in ("cloudpickle", "dill"):
        module = __import__(job["codec"])
    if job["mode"] == "fast":
        try:
            loaded = (module.loads if job["codec"] == "dill" else pickle.loads)(data)
            result["ok"] = True
            result["facts"] = _facts(job.get("ask", ()))
            del loaded
        except BaseException as error:
            result["ok"] = False
            result["error"] = _text(error)
            result["guarded"] = isinstance(error, _WritesFile) or "handoff keeps a load" in _text(error)
    else:
        base = module.Unpickler if job["codec"] == "dill" else pickle._Unpickler  # type: ignore[attr-defined]
        result["failures"] = _load_tolerantly(base, data)
        result["ok"] = True
    answer.write(json.dumps(result).encode() + b"\n")
    answer.flush()


def _protect(job: dict[str, Any]) -> None:
    """A clock, a memory limit, no resource tracker (it would unlink segments that are not ours), no emptied files."""
    if hasattr(signal, "alarm"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(int(job["limit_s"]) + 2)
    try:
        import resource

        pages = int(open("/proc/self/statm").read().split()[0])
        limit = pages * resource.getpagesize() + int(job["limit_bytes"])
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        pass
    from multiprocessing import process, resource_tracker

    if job.get("authkey"):
        process.current_process().authkey = bytes.fromhex(job["authkey"])
    nothing = lambda *args, **kwargs: None  # noqa: E731 - a stand-in for two functions of any signature
    resource_tracker.register = nothing
    resource_tracker.unregister = nothing
    sys.addaudithook(_refuse_emptying)


def _refuse_emptying(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and len(args) == 3 and isinstance(args[2], int) and args[2] & os.O_TRUNC:
        if args[0] != os.devnull:
            raise _WritesFile(f"handoff keeps a load from emptying {args[0]!r}")


class MainReached(BaseException):
    """Raised by ``diagnose`` when a worker's import of the main module calls it: what follows is not defined there."""


def _import_main(where: dict[str, str]) -> None:
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


def _facts(ask: Any) -> list[Any]:
    """The plain values that a freshly imported module has under some names: what a worker would see."""
    answers = []
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
            answers.append(["ok", plain_value(value)])
        except BaseException as error:
            answers.append(["missing", _text(error)])
    return answers


def plain_value(value: Any, level: int = 0) -> str | None:
    """A text that is equal in every process for equal plain values; None for what is not plain, or large."""
    kind = type(value)
    if kind in (int, float, bool, str, bytes, type(None)):
        return repr(value) if not isinstance(value, str | bytes) or len(value) <= 2000 else None
    if level < 3 and kind in (tuple, list, dict, set, frozenset) and len(value) <= 100:
        if kind is dict:
            pairs = [(plain_value(key, level + 1), plain_value(item, level + 1)) for key, item in value.items()]
            return None if any(None in pair for pair in pairs) else f"{{{pairs}}}"
        items = [plain_value(item, level + 1) for item in value]
        if any(item is None for item in items):
            return None
        return f"{kind.__name__}{sorted(map(str, items)) if kind in (set, frozenset) else items}"
    return None


def _text(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:500]
    except BaseException:
        return type(error).__name__


def _load_tolerantly(base: Any, data: bytes) -> list[dict[str, Any]]:
    """Load past failures with the pure-Python unpickler; each failure with the memo index of the object it befell."""
    failures: list[dict[str, Any]] = []

    class Tolerant(base):  # type: ignore[misc]
        dispatch = dict(base.dispatch)

        def __init__(self) -> None:
            super().__init__(io.BytesIO(data))
            self.pending: dict[str, Any] | None = None
            self.index: dict[int, int] = {}
            self.keep: list[Any] = []

        def fail(self, stage: str, error: BaseException, obj: Any = None) -> None:
            note = {"stage": stage, "error": _text(error), "type": type(error).__name__, "memo": None}
            note["guarded"] = isinstance(error, _WritesFile)
            failures.append(note)
            if obj is None:
                self.pending = note
            else:
                note["memo"] = self.index.get(id(obj))

        def find_class(self, module: str, name: str) -> Any:
            try:
                return super().find_class(module, name)
            except BaseException as error:
                failures.append({"stage": "find", "error": _text(error), "type": type(error).__name__,
                                 "memo": None, "global": [module, name]})  # fmt: skip
                self.pending = failures[-1]
                return Absent

        def remembered(self, place: int, obj: Any) -> None:
            self.index[id(obj)] = place
            self.keep.append(obj)
            if self.pending is not None:
                self.pending["memo"] = place
                self.pending = None

        def do_memoize(self) -> None:
            place = len(self.memo)
            self.memo[place] = self.stack[-1]
            self.remembered(place, self.stack[-1])

        dispatch[pickle.MEMOIZE[0]] = do_memoize

        def do_binput(self) -> None:
            place = self.read(1)[0]
            self.memo[place] = self.stack[-1]
            self.remembered(place, self.stack[-1])

        dispatch[pickle.BINPUT[0]] = do_binput

        def do_long_binput(self) -> None:
            place = int.from_bytes(self.read(4), "little")
            self.memo[place] = self.stack[-1]
            self.remembered(place, self.stack[-1])

        dispatch[pickle.LONG_BINPUT[0]] = do_long_binput

        def do_reduce(self) -> None:
            args = self.stack.pop()
            func = self.stack[-1]
            try:
                with limited(STEP_S):
                    self.stack[-1] = func(*args)
            except BaseException as error:
                self.stack[-1] = Absent()
                self.fail("make", error)

        dispatch[pickle.REDUCE[0]] = do_reduce

        def do_newobj(self) -> None:
            args = self.stack.pop()
            self.make_new(args, {})

        dispatch[pickle.NEWOBJ[0]] = do_newobj

        def do_newobj_ex(self) -> None:
            kwargs = self.stack.pop()
            args = self.stack.pop()
            self.make_new(args, kwargs)

        dispatch[pickle.NEWOBJ_EX[0]] = do_newobj_ex

        def make_new(self, args: Any, kwargs: Any) -> None:
            kind = self.stack[-1]
            try:
                with limited(STEP_S):
                    self.stack[-1] = kind.__new__(kind, *args, **kwargs)
            except BaseException as error:
                self.stack[-1] = Absent()
                self.fail("new", error)

        def do_build(self) -> None:
            obj, depth = self.stack[-2], len(self.stack)
            try:
                with limited(STEP_S):
                    base.dispatch[pickle.BUILD[0]](self)
            except BaseException as error:
                del self.stack[depth - 1 :]
                if not isinstance(obj, Absent):
                    self.fail("state", error, obj)

        dispatch[pickle.BUILD[0]] = do_build

        def do_setitem(self) -> None:
            value = self.stack.pop()
            key = self.stack.pop()
            self.put([key, value], self.stack[-1])

        dispatch[pickle.SETITEM[0]] = do_setitem

        def do_setitems(self) -> None:
            items = self.pop_mark()
            self.put(items, self.stack[-1])

        dispatch[pickle.SETITEMS[0]] = do_setitems

        def put(self, items: list[Any], into: Any) -> None:
            for place in range(0, len(items), 2):
                try:
                    with limited(STEP_S):
                        into[items[place]] = items[place + 1]
                except BaseException as error:
                    self.blame(error, items[place], into)

        def blame(self, error: BaseException, key: Any, into: Any) -> None:
            todo = [key]
            while todo:
                item = todo.pop()
                try:
                    hash(item)
                except BaseException as cause:
                    if isinstance(item, tuple | frozenset):
                        todo.extend(item)
                    else:
                        self.fail("hash", cause, item)
                        return
            self.fail("items", error, into)

        def do_additems(self) -> None:
            items = self.pop_mark()
            for item in items:
                try:
                    with limited(STEP_S):
                        self.stack[-1].add(item)
                except BaseException as error:
                    self.blame(error, item, self.stack[-1])

        dispatch[pickle.ADDITEMS[0]] = do_additems

        def do_frozenset(self) -> None:
            items = self.pop_mark()
            good = []
            for item in items:
                try:
                    hash(item)
                    good.append(item)
                except BaseException as error:
                    self.blame(error, item, items)
            self.append(frozenset(good))

        dispatch[pickle.FROZENSET[0]] = do_frozenset

        def do_append(self) -> None:
            value = self.stack.pop()
            self.extend([value], self.stack[-1])

        dispatch[pickle.APPEND[0]] = do_append

        def do_appends(self) -> None:
            items = self.pop_mark()
            self.extend(items, self.stack[-1])

        dispatch[pickle.APPENDS[0]] = do_appends

        def extend(self, items: list[Any], into: Any) -> None:
            try:
                with limited(STEP_S):
                    if hasattr(into, "extend"):
                        into.extend(items)
                    else:
                        for item in items:
                            into.append(item)
            except BaseException as error:
                if not isinstance(into, Absent):
                    self.fail("items", error, into)

    unpickler = Tolerant()
    try:
        unpickler.load()
    except BaseException as error:
        failures.append({"stage": "load", "error": _text(error), "type": type(error).__name__, "memo": None})
    return failures


def start() -> None:
    """Read one job from standard input (a line of JSON, then the pickle), and do it."""
    source = os.fdopen(os.dup(0), "rb")
    answer = os.fdopen(os.dup(1), "wb")
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    job = json.loads(source.readline())
    data = source.read(job["size"])
    sys.modules.setdefault("__mp_main__", types.ModuleType("__mp_main__"))
    main(job, data, answer)
    answer.close()
    os._exit(0)  # no destructor or exit hook of the user's runs


__all__ = ["TookTooLong", "main", "plain_value", "start"]
