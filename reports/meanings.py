"""What kinds of experiment and metrics are, as the reader would say it."""

from __future__ import annotations

from collections.abc import Mapping

from handoff.analysis.metrics import DEEPER

#: What a table's metric is, as the reader would say it.
MEANING: Mapping[str, str] = {
    "handoff": "one hand-off: encode, transfer, decode, and read all of it",
    "task": "one task that uses the state, all of it read",
    "setup": "paid once: from having the object to a worker that has read all of it, the worker's start included",
    "encode": "object to bytes",
    "decode": "bytes to object",
    "element-read": "reading one element",
    "element-write": "writing one element",
    "locked-update": "adding to one element, no update lost",
    "whole-read": "reading everything",
    "start": "starting a worker until it answers",
    "first": "the first task of a process that was just started",
}
_FOOTPRINTS: Mapping[str, str] = {
    "worker-uss-bytes": "what one worker that has the object has of its own (USS)",
    "worker-pss-bytes": "one worker that has the object, each shared page divided by those who share it (PSS)",
    "parent-peak-bytes": "how far the parent's resident memory rises with one worker",
    "total-pss-bytes": "the parent and all that it started, one worker, every shared page once",
    "workers-uss-bytes": "what as many workers as there are usable cores have of their own (USS)",
    "workers-pss-bytes": "as many workers as there are usable cores, shared pages divided (PSS)",
    "workers-parent-peak-bytes": "how far the parent's resident memory rises with as many workers as usable cores",
    "workers-total-pss-bytes": "the parent and all that it started, as many workers as usable cores, shared pages once",
    "machine-used-bytes": "all memory of the machine that is not free, with as many workers as usable cores",
    "read-uss-bytes": "what a worker gets of its own by reading what it inherited",
    "collect-uss-bytes": "what a worker gets of its own by one garbage collection instead",
    "workers-read-uss-bytes": "what as many workers as usable cores get of their own by reading",
    "parent-uss-bytes": "what the starting process has of its own",
}
_COUNTED: Mapping[str, str] = {
    "task": "one task",
    "start": "starting the workers until all are ready",
    "first": "the first tasks, one for each worker",
    "least": "a job of one task for each worker, their start included",
    "read": "reading an element of one's own",
    "own-write": "writing an element of one's own",
    "update": "adding to one element, no update lost",
}
_NUMBERS = {"1": "one worker", "all": "as many workers as usable cores", "double": "twice as many workers"}
DUTIES: Mapping[str, str] = {
    **{kind: deeper.summary for kind, deeper in DEEPER.items()},
    "argument": "it travels with every task",
    "state": "it is set up once per worker and used by every task",
    "result": "it comes back from the worker",
    "shared": "it is written by several and seen by all",
    "start": "a worker is started with it",
    "codec": "it is only turned into bytes and back, in one process",
    "pair": "an awkward object as it is, and refactored",
}


def meaning(metric: str) -> str:
    """What a metric is, as the reader would say it; the metric itself where it is unknown."""
    what, _, number = metric.rpartition("-")
    workers = _NUMBERS.get(number, f"{number} workers")
    if what.startswith("job-"):
        return f"a whole job of {what.removeprefix('job-')} tasks, {workers}, started for it"
    if what in _COUNTED:
        return f"{_COUNTED[what]}, {workers}"
    return MEANING.get(metric) or _FOOTPRINTS.get(metric, metric)
