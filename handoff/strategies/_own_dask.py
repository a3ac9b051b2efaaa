"""Recipes for the user's own object on a dask cluster of this machine: templates, as in ``_own.py``."""

from __future__ import annotations

from handoff.payload import Duty
from handoff.strategies._own import MADE_FUNCTIONS, WORK_FUNCTION

_CLUSTER = """\
from distributed import Client, LocalCluster
{{imports}}
{functions}
if __name__ == "__main__":
    local = LocalCluster(n_workers={{workers}}, threads_per_worker=1, dashboard_address=":0")
    with local as cluster, Client(cluster) as client:  # Client("tcp://host:port") for a cluster that is there
{calls}"""

_READ = """
def read(obj):
    return {use}
"""


def _on(functions: str, *calls: str) -> str:
    return _CLUSTER.format(functions=functions, calls="".join(f"        {line}\n" for line in calls))


def _actors(method: str, *calls: str, given: str = "", read: str = "") -> str:
    """One actor on each worker, and tasks for them in turn."""
    made = f"submit(Working{given}, actor=True, pure=False, workers=[worker])"
    return _on(
        f"\nclass Working:{method}{read}",
        *(["obj = {make}"] if given or "obj, task" in method else []),
        f"futures = [client.{made} for worker in client.nthreads()]",
        "actors = [future.result() for future in futures]",
        *calls,
    )


_TASK = """
    def work(self, obj, task):
        return {use}
"""
_MAKES = """
    def work(self, task):
        return {make}
"""
_HAS = """
    def __init__(self, obj):
        self.obj = obj

    def work(self, task):
        obj = self.obj
        return {use}
"""
_IN_TURN = "answers = [actors[task % len(actors)].work({given}task) for task in range({{tasks}})]"

SUBMITTED = {
    Duty.ARGUMENT: _on(
        WORK_FUNCTION,
        "obj = {make}",
        "tasks = [client.submit(work, obj, task, pure=False) for task in range({tasks})]  # pure: sent once",
        "results = client.gather(tasks)",
    ),
    Duty.RESULT: _on(
        MADE_FUNCTIONS,
        "tasks = [client.submit(work, task, pure=False) for task in range({tasks})]",
        "results = [read(obj) for obj in client.gather(tasks)]",
    ),
}
SCATTERED = {
    Duty.ARGUMENT: _on(
        WORK_FUNCTION,
        "obj = {make}",
        "sent = (client.scatter([obj], hash=False, direct=True)[0] for _ in range({tasks}))",
        "tasks = [client.submit(work, each, task, pure=False) for task, each in enumerate(sent)]",
        "results = client.gather(tasks)",
    ),
    Duty.STATE: _on(
        WORK_FUNCTION,
        "obj = {make}",
        "kept = client.scatter([obj], hash=False, broadcast=True)[0]  # in a list: not a dict's items",
        "tasks = [client.submit(work, kept, task, pure=False) for task in range({tasks})]",
        "results = client.gather(tasks)",
    ),
}
ACTED = {
    Duty.ARGUMENT: _actors(_TASK, _IN_TURN.format(given="obj, "), "results = [answer.result() for answer in answers]"),
    Duty.RESULT: _actors(
        _MAKES, _IN_TURN.format(given=""), "results = [read(answer.result()) for answer in answers]", read=_READ
    ),
    Duty.STATE: _actors(
        _HAS, _IN_TURN.format(given=""), "results = [answer.result() for answer in answers]", given=", obj"
    ),
}
