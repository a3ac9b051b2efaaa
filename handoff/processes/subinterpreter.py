"""An interpreter of this process (PEP 734, Python 3.14): a worker in a thread that has modules and a GIL of its own.

It has the same descriptors as this process, so it speaks through pipes as every worker does, by ends of its own.
"""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from handoff.outcome import Kind, Outcome
from handoff.processes.serving import Serve, tell


def start_in_interpreter(serve: Serve, job: Any, inbox: Connection, outbox: Connection) -> Thread:
    """Start a thread that runs ``serve`` in a new interpreter until it returns. Raises what pickling the job raises.

    What keeps it from serving at all is told as its answer.
    """
    from concurrent import interpreters  # type: ignore[attr-defined, unused-ignore]  # 3.14 and later

    packed = pickle.dumps((serve, job), pickle.HIGHEST_PROTOCOL)
    descriptors = os.dup(inbox.fileno()), os.dup(outbox.fileno())
    interpreter = interpreters.create()

    def run() -> None:
        try:
            interpreter.call(_serve, tuple(sys.path), packed, *descriptors)
        except interpreters.ExecutionFailed as failed:  # nobody has served: the other side would wait for ever
            raised = failed.excinfo
            with suppress(OSError):
                tell(outbox, {"error": Outcome(Kind.BROKEN, "worker", raised.type.__name__, raised.msg).to_json()})
        finally:
            for descriptor in descriptors:
                with suppress(OSError):
                    os.close(descriptor)
            interpreter.close()

    thread = Thread(target=run, daemon=True)
    thread.start()
    return thread


def _serve(path: tuple[str, ...], packed: bytes, inbox: int, outbox: int) -> None:
    """In the new interpreter, which begins with the path of a fresh Python."""
    import os
    import pickle
    import sys
    from multiprocessing.connection import Connection

    sys.path[:] = path
    serve, job = pickle.loads(packed)
    with Connection(os.dup(inbox)) as commands, Connection(os.dup(outbox)) as answers:
        serve(job, commands, answers)
