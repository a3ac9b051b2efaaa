"""Where traits do not say what becomes of a payload: each seen, executed by the tests, and with its source."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from handoff.declarations import ANY, Gap
from handoff.outcome import Kind

DILL = ("dill", "dill-recurse", "pathos")
BY_CLOUDPICKLE = ("cloudpickle", "loky", "joblib")
FRESH = ("spawn", "forkserver")
MANAGERS = ("manager-dict", "manager-list", "manager-namespace", "manager-class", "manager-class-tcp")
NUMPY_ARRAYS = ("array-locked-numpy", "array-raw-numpy")
PICKLES = ("pickle-default", "pickle-2", "pickle-3", "pickle-4", "pickle-5", "pickle-5-oob")
#: Every way to send a copy.
COPYING = (
    *("pool", "process-pool-executor", "queue", "simple-queue", "shm-pickle-5", "pathos", "cloudpickle"),
    *("dill", "dill-recurse", *PICKLES, *MANAGERS, "loky", "joblib"),
)
INHERITED = ("inherit", "process-args", "initializer")
#: What an executor's initializer is given is inherited, too, where its workers are forked.
INHERITED_BY_STATE = (*INHERITED, "pool", "process-pool-executor", "pathos")
DILL_SOURCE = "dill 0.4.1, dill/_dill.py"
CLOUDPICKLE_SOURCE = "cloudpickle 3.1.2, cloudpickle/cloudpickle.py"

#: Whatever a pickler or a loader written in C does alone.
BY_C = (
    *(name for name in COPYING if name not in DILL),
    *("path-pickle", "initializer", "process-args", "interpreter-queue", "interpreter-queue-told"),
    "interpreter-pool",
)
INTERPRETERS = ("interpreter-queue", "interpreter-queue-told", "interpreter-pool")
#: Functions and classes that dill writes down by value.
BY_VALUE = (
    *("function-lambda", "function-nested", "function-lru-cached", "closure-config", "closure-open-file"),
    *("partial-lambda", "instance-local-class", "instance-main", "instance-main-guard", "instance-lambda-attribute"),
    *("method-class", "reduce-lambda", "lru-cache-filled", "thread"),
)

MSGSPEC_SOURCE = "msgspec manual, supported types"
ONCE_SOURCE = "handoff/strategies/once.py"


def no_plain_data(names: Collection[str]) -> tuple[Gap, ...]:
    """What the forms for plain data do with a library's one object: msgpack knows no such class, and it is no list."""
    forms = (
        ("msgpack", "of a class that msgspec does not know", MSGSPEC_SOURCE),
        ("packed-list", "is no list", ONCE_SOURCE),
    )
    return tuple(
        Gap(payload=name, strategy=form, outcome=Kind.REFUSED, reason=reason, source=source)
        for form, reason, source in forms
        for name in names
    )


def sent_by_dill(names: Collection[str], outcome: Kind, **more: Any) -> tuple[Gap, ...]:
    """What becomes of payloads that dill has to write down; a state under fork is inherited."""
    return tuple(
        Gap(payload=name, strategy=DILL, duty=duty, start_method=methods, outcome=outcome, **more)
        for name in names
        for duty, methods in ((("argument", "result"), ANY), ("state", FRESH))
    )


UNKNOWN_TO_MSGPACK = (
    *("array-strided-1mib", "array-object-1k", "function-module", "partial-function", "callable-class", "bound-method"),
    *("method-static", "method-class", "function-decorated", "function-lru-cached", "instance-module"),
    *("instance-local-class", "instance-main", "instance-main-guard", "class-attribute-changed"),
    *("class-counter-changed", "function-global-changed", "lru-cache-filled", "sentinel", "rows-slots-1k"),
    *("getstate-connection", "reduce-ex-connection", "copyreg-connection", "getstate-raises", "new-required-args"),
    *("exception-required-args", "getattr-proxy", "setstate-raises", "setstate-hangs", "shared-1k", "linked-list-150"),
    *("logger", "stdlib-400"),
)

GAPS = (
    *(
        Gap(payload=name, strategy="msgpack", outcome=outcome, reason=reason, source=MSGSPEC_SOURCE)
        for outcome, reason, names in (
            (Kind.REFUSED, "has a class that msgspec does not know", UNKNOWN_TO_MSGPACK),
            (Kind.BROKEN, "arrives as what has not the attributes that are read", ("enum-local", "namedtuple-local")),
            (Kind.BROKEN, "a dataclass's object arrives as a dict, without its attributes", ("rows-dataclass-1k",)),
            (Kind.ALTERED, "tuples and sets arrive as lists", ("rows-tuple-1k", "rows-namedtuple-1k", "sets-1k")),
            (Kind.ALTERED, "tuples arrive as lists", ("plain-four",)),
            (Kind.ALTERED, "arrives as bytes", ("bytearray-1mib", "memoryview")),
        )
        for name in names
    ),
    *(
        Gap(
            payload=name,
            strategy="packed-list",
            outcome=Kind.REFUSED,
            reason="is no list",
            source=ONCE_SOURCE,
        )
        for name in (
            *("bytearray-1mib", "array-f64-4kib", "array-f64-1mib", "array-f64-64mib", "images-u8-32x224x224x3"),
            *("array-strided-1mib", "nested-50", "config-dict", "stdlib-400", "counters-100", "sentinel"),
        )
    ),
    Gap(
        payload="shared-1k",
        strategy="packed-list",
        outcome=Kind.ALTERED,
        reason="each item is pickled by itself: what they have in common is there in each",
        source=ONCE_SOURCE,
    ),
    *(
        Gap(payload=name, strategy=INTERPRETERS, outcome=Kind.OK, reason=reason, source="PEP 734; Python/crossinterp.c")
        for name, reason in (
            ("function-lambda", "a function that needs nothing of its module travels as its code"),
            ("function-nested", "a function that needs nothing of its module travels as its code"),
            ("memoryview", "the same memory is seen by all interpreters of a process"),
        )
    ),
    *(
        Gap(
            payload=name,
            strategy=INTERPRETERS,
            duty="result",
            outcome=Kind.BROKEN,
            reason="it cannot be made there: an interpreter has no daemon threads",
            source="threading.Thread.start (Lib/threading.py)",
        )
        for name in ("thread", "mp-queue")
    ),
    Gap(
        payload="setstate-hangs",
        strategy="interpreter-pool",
        duty=("argument", "result"),
        outcome=Kind.BROKEN,
        reason="it hangs where it is loaded, and the pool waits",
        source="concurrent/futures/interpreter.py, WorkerContext.run",
    ),
    Gap(
        payload="logger",
        strategy=INTERPRETERS,
        duty="result",
        outcome=Kind.ALTERED,
        reason="a logger travels by name: here that names this interpreter's own, with its own handlers",
        source="logging.Logger.__reduce__ (Lib/logging/__init__.py)",
    ),
    *sent_by_dill(
        BY_VALUE,
        Kind.REFUSED,
        reason="dill writes down a function by the co_lnotab of its code, which 3.15 has no more",
        source="What's New In Python 3.15, removed; dill 0.4.1, dill/_dill.py, save_code",
        python=((3, 15), (3, 99)),
    ),
    Gap(
        payload="linked-list-20k",
        strategy=BY_C,
        duty=("argument", "result", "state"),
        outcome=Kind.OK,
        reason="from 3.14 on the stack's size limits how deep C code goes, not a count: 8 MiB hold 20,000 levels "
        "there, and 15,000 on 3.15",
        source="_Py_CheckRecursiveCall (Python/ceval.c of 3.14)",
        python=((3, 14), (3, 14)),
    ),
    *(
        gap
        for name, reason in (
            ("enum-local", "its functional API's class is looked up by name"),
            ("sqlite-file", "no reducer for connections"),
            ("sqlite-memory", "no reducer for connections"),
            ("thread-pool", "holds a SimpleQueue, which has no reducer"),
        )
        for gap in sent_by_dill((name,), Kind.REFUSED, reason=reason, source=DILL_SOURCE)
    ),
    *sent_by_dill(
        ("rlock", "handler-queue", "handler-stream"),
        Kind.BROKEN,
        reason="its RLock arrives held",
        source="dill issue 321",
    ),
    Gap(
        payload="mp-queue",
        strategy="pathos",
        duty="state",
        start_method="fork",
        outcome=Kind.BROKEN,
        reason="multiprocess runs its own hooks after a fork, not multiprocessing's: the queue still counts on the "
        "thread that feeds it",
        source="multiprocessing.queues.Queue._after_fork (Lib/multiprocessing/queues.py)",
    ),
    *(
        Gap(payload=name, strategy=DILL, outcome=Kind.OK, reason="by name, or with its target", source=DILL_SOURCE)
        for name in ("module", "weakref")
    ),
    Gap(
        payload="module", strategy=BY_CLOUDPICKLE, outcome=Kind.OK, reason="modules by name", source=CLOUDPICKLE_SOURCE
    ),
    Gap(
        payload="file-text-reading",
        strategy=BY_CLOUDPICKLE,
        outcome=Kind.ALTERED,
        reason="ships the file's content as a StringIO",
        source=CLOUDPICKLE_SOURCE,
    ),
    Gap(
        payload="memoryview",
        strategy=BY_CLOUDPICKLE,
        outcome=Kind.ALTERED,
        reason="arrives as bytes",
        source=CLOUDPICKLE_SOURCE,
    ),
    Gap(
        payload="sqlite-memory",
        strategy=INHERITED_BY_STATE,
        duty="state",
        start_method="fork",
        outcome=Kind.ALTERED,
        reason="the database is this process's memory",
        source="sqlite.org/inmemorydb.html",
    ),
    Gap(
        payload="thread-pool",
        strategy=INHERITED_BY_STATE,
        duty="state",
        start_method="fork",
        outcome=Kind.BROKEN,
        reason="its thread is not in the child",
        source="os.fork (Python manual)",
    ),
    Gap(
        payload="handler-stream",
        strategy=INHERITED_BY_STATE,
        duty="state",
        start_method="fork",
        outcome=Kind.OK,
        reason="logging makes its locks anew after a fork, and the descriptor is the same",
        source="logging._after_at_fork_child_reinit_locks (Lib/logging/__init__.py)",
    ),
    Gap(
        payload="thread-local",
        strategy="thread",
        duty=("argument", "state", "result"),
        outcome=Kind.BROKEN,
        reason="another thread has no value in it",
        source="threading.local (Python manual)",
    ),
    Gap(
        payload="context-variable",
        strategy="thread",
        duty=("argument", "state"),
        outcome=Kind.ALTERED,
        reason="a new thread begins with an empty context",
        source="contextvars (Python manual)",
    ),
    Gap(
        payload="lru-cache-filled",
        strategy=DILL,
        start_method="fork",
        duty="argument",
        outcome=Kind.ALTERED,
        reason="travels by value, without its cache",
        source=DILL_SOURCE,
    ),
    Gap(
        payload="lru-cache-filled",
        strategy=DILL,
        duty="result",
        outcome=Kind.ALTERED,
        reason="travels by value, without its cache",
        source=DILL_SOURCE,
    ),
    *(
        Gap(
            payload=name,
            strategy=("manager-class", "manager-class-tcp"),
            duty="result",
            start_method=FRESH,
            outcome=Kind.ALTERED,
            reason="it stays in the manager's process, which has not seen the change",
            source="multiprocessing.managers (Python manual)",
        )
        for name in ("class-attribute-changed", "function-global-changed")
    ),
    *(
        Gap(
            payload=name,
            strategy=MANAGERS,
            duty="result",
            start_method=FRESH,
            outcome=Kind.REFUSED,
            reason="the manager's process, which loads whatever is put in, has another __main__",
            source="multiprocessing.managers (Python manual)",
        )
        for name in ("instance-main", "instance-main-guard")
    ),
    Gap(
        payload="setstate-hangs",
        strategy=MANAGERS,
        duty=("argument", "state", "result"),
        outcome=Kind.BROKEN,
        reason="the manager's process loads whatever is put in, and hangs",
        source="multiprocessing.managers.Server.serve_client (Lib/multiprocessing/managers.py)",
    ),
    Gap(
        payload="logger",
        strategy=COPYING,
        duty="result",
        start_method=FRESH,
        outcome=Kind.ALTERED,
        reason="a logger travels by name: here that names this process's own, with its own handlers",
        source="logging.Logger.__reduce__ (Lib/logging/__init__.py)",
    ),
    *(
        Gap(
            payload=name,
            strategy="joblib",
            duty="argument",
            outcome=Kind.ALTERED,
            reason="arrays beyond a megabyte are written to a file and arrive as memory maps of it",
            source="joblib.Parallel, max_nbytes (joblib manual)",
        )
        for name in ("array-f64-64mib", "images-u8-32x224x224x3", "model-64mib")
    ),
    Gap(
        payload="socket",
        strategy=("pathos", "loky", "joblib"),
        outcome=Kind.OK,
        reason="multiprocess and loky hand the descriptor over, as multiprocessing does",
        source="multiprocess 0.70.19, multiprocess/reduction.py; loky 3.7.0, loky/backend/reduction.py",
    ),
    *(
        Gap(
            payload=name,
            strategy="rebuild",
            outcome=Kind.ALTERED,
            reason="its database is another file: building it makes a new one",
            source="tempfile.mkstemp (Python manual)",
        )
        for name in ("getstate-connection", "reduce-ex-connection", "copyreg-connection")
    ),
    *(
        Gap(
            payload=name,
            strategy=("array-locked-element", "array-raw-element"),
            outcome=Kind.REFUSED,
            reason="by element takes too long for more than 131,072 elements: this strategy says so",
            source="handoff/strategies/arrays.py",
        )
        for name in ("bytes-1mib", "bytearray-1mib", "array-f64-64mib")
    ),
    Gap(
        payload="images-u8-32x224x224x3",
        strategy=(*NUMPY_ARRAYS, "shm-reused", "shm-fresh", "path-mmap"),
        outcome=Kind.OK,
        reason="four axes, and yet one block",
        source="numpy user guide, the N-dimensional array",
    ),
    Gap(
        payload="array-strided-1mib",
        strategy=MANAGERS,
        duty="shared",
        outcome=Kind.REFUSED,
        reason="a view with strides has no single block to be filled again",
        source="handoff/strategies/_flat.py",
    ),
    Gap(
        payload="bytearray-1mib",
        strategy="shm-reused",
        duty="shared",
        outcome=Kind.REFUSED,
        reason="only an array can be a view of a segment",
        source="handoff/strategies/shm.py",
    ),
    Gap(
        payload="logger",
        strategy="rebuild",
        start_method=FRESH,
        outcome=Kind.ALTERED,
        reason="the worker's logger of that name has a handler, and so a log file, of its own",
        source="logging.getLogger (Python manual)",
    ),
    *(
        Gap(payload=name, strategy="rebuild", outcome=Kind.OK, reason=reason, source="threading (Python manual)")
        for name, reason in (
            ("thread", "nobody else has to see it: a thread of the worker's own is as good"),
            ("thread-pool", "nobody else has to see it: a pool of the worker's own is as good"),
        )
    ),
    Gap(
        payload="setstate-hangs",
        strategy="thread",
        duty="shared",
        outcome=Kind.BROKEN,
        reason="what threads share begins as a copy, made by pickle",
        source="handoff/strategies/thread.py",
    ),
    *(
        Gap(
            payload=name,
            strategy=MANAGERS[:3],
            duty="shared",
            outcome=Kind.REFUSED,
            reason="each element is an object of the server's: limited to 131,072",
            source="handoff/strategies/managers.py",
        )
        for name in ("bytearray-1mib", "array-f64-64mib", "images-u8-32x224x224x3")
    ),
)
