"""Where traits do not say what becomes of a payload: each seen, executed by the tests, and with its source."""

from __future__ import annotations

from handoff.expect import Gap
from handoff.outcome import Kind

DILL = ("dill", "dill-recurse", "pathos")
BY_CLOUDPICKLE = ("cloudpickle", "loky", "joblib")
INHERITED = ("inherit", "process-args", "initializer")
DILL_SOURCE = "dill 0.4.1, dill/_dill.py"
CLOUDPICKLE_SOURCE = "cloudpickle 3.1.2, cloudpickle/cloudpickle.py"

GAPS = (
    *(
        Gap(payload=name, strategy=DILL, outcome=Kind.REFUSED, reason=reason, source=DILL_SOURCE)
        for name, reason in (
            ("enum-local", "its functional API's class is looked up by name"),
            ("sqlite-file", "no reducer for connections"),
            ("sqlite-memory", "no reducer for connections"),
            ("thread-pool", "holds a SimpleQueue, which has no reducer"),
        )
    ),
    *(
        Gap(payload=name, strategy=DILL, outcome=Kind.BROKEN, reason="its RLock arrives held", source="dill issue 321")
        for name in ("rlock", "handler-stream", "handler-queue")
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
        strategy=INHERITED,
        start_method="fork",
        outcome=Kind.ALTERED,
        reason="the database is this process's memory",
        source="sqlite.org/inmemorydb.html",
    ),
    Gap(
        payload="thread-pool",
        strategy=INHERITED,
        start_method="fork",
        outcome=Kind.BROKEN,
        reason="its thread is not in the child",
        source="os.fork (Python manual)",
    ),
    Gap(
        payload="handler-stream",
        strategy=INHERITED,
        start_method="fork",
        outcome=Kind.OK,
        reason="logging makes its locks anew after a fork, and the descriptor is the same",
        source="logging._after_at_fork_child_reinit_locks (Lib/logging/__init__.py)",
    ),
    Gap(
        payload="thread-local",
        strategy="thread",
        outcome=Kind.BROKEN,
        reason="another thread has no value in it",
        source="threading.local (Python manual)",
    ),
    Gap(
        payload="context-variable",
        strategy="thread",
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
)
