"""Recipes for the user's own object in a manager's server: templates, as in ``_own.py``."""

from __future__ import annotations

from typing import Any

from handoff.payload import Duty
from handoff.strategies import _own


def _container(
    slots: str, one: str, fetch: str, elements: str, *, item: str = "box[{at}]", put: str = "box[{at}] = obj",
    slot: str = "len(slots)", **shared: str,
) -> dict[Duty, str]:  # fmt: skip
    """For the user's own object: a slot for each worker; one item for all of them; an item for each element."""
    made = _own.carried(
        put, item, near="slots[conn]", far="slot", ahead=True, given="conn, box, slot",
        values="theirs, box, slots[conn]",
        setup=f"    manager, slots = ctx.Manager(), {{{{}}}}\n    box = manager.{slots}\n",
        each=f"        slots[conn] = {slot}\n", end="        manager.shutdown()\n",
    )  # fmt: skip
    kept = _own.kept(
        "box = given", names="given", values="box,", keeps="box",
        fetch=f"obj = {fetch}  # asked for, and copied, by each task",
        setup=f'    manager = mp.get_context("{{method}}").Manager()\n    box = manager.{one}\n',
        end="    manager.shutdown()",
    )  # fmt: skip
    written = _own.shared(
        f"    manager, items = ctx.Manager(), items_of(obj)\n    shared = manager.{elements}\n",
        functions=_own.ITEMS, end="    manager.shutdown()", **shared,
    )  # fmt: skip
    return {**made, Duty.STATE: kept, Duty.SHARED: written}


DICT = _container(
    "dict()", "dict(object={make})", 'box["object"]', "dict(items)\n    keys = list(items)", whole="shared.values()"
)
LIST = _container(
    "list([None] * {workers})", "list([{make}])", "box[0]",
    "list(list(items.values()))\n    keys = range(len(items))", whole="shared[:]",
)  # fmt: skip
NAMESPACE = _container(
    "Namespace()", "Namespace(object={make})", "box.object",
    'Namespace(**{{f"v{{n}}": value for n, value in enumerate(items.values())}})\n'
    '    keys = [f"v{{n}}" for n in range(len(items))]',
    item="getattr(box, {at})", put="setattr(box, {at}, obj)", slot='f"v{{len(slots)}}"',
    update="key = keys[task % len(keys)]\n"
    "    with lock:\n"
    "        setattr(shared, key, getattr(shared, key) + 1)  # one update, of what all workers see",
    whole="[getattr(shared, key) for key in keys]",
)  # fmt: skip


def _keeper(methods: str, more: str = "") -> dict[str, Any]:
    """The object stays in the server, which does what is asked of it: imports, and a class registered on a manager."""
    return {
        "extra": f"{more}from multiprocessing.managers import SyncManager\n",
        "functions": f"""{_own.ITEMS if more else ""}
class Keeper:  # lives in the server: only what its methods return travels
    def put(self, obj):
        self.obj = obj

{methods}
class Keeping(SyncManager):
    pass

Keeping.register("Keeper", Keeper)
""",
    }


_KEEPERS: Any = {
    "given": "conn, keeper",
    "values": "theirs, keepers[conn]",
    "setup": "    manager, keepers = Keeping(ctx=ctx), {{}}\n    manager.start()\n",
    "each": "        keepers[conn] = manager.Keeper()\n",
    "end": "        manager.shutdown()\n",
    "ahead": True,
}
KEEPER = {
    Duty.ARGUMENT: _own.processes(
        post="keepers[conn].put(obj)", do="answer = True, keeper.work(task)", **_KEEPERS,
        **_keeper("    def work(self, task):\n        return work(self.obj, task)\n"),
    ),
    Duty.RESULT: _own.returning(
        post="keeper.put(obj)", got="keepers[conn].read()", **_KEEPERS,
        **_keeper("    def read(self):\n        return read(self.obj)\n"),
    ),
    Duty.STATE: _own.kept(
        "keeper = given", names="given", values="kept,", keeps="keeper", use="keeper.work(task)",
        setup='    manager = Keeping(ctx=mp.get_context("{method}"))\n    manager.start()\n'
        "    kept = manager.Keeper()\n    kept.put({make})\n",
        end="    manager.shutdown()",
        **_keeper("    def work(self, task):\n        obj = self.obj\n        return {use}\n"),
    ),
    Duty.SHARED: _own.shared(
        "    manager, items = Keeping(ctx=ctx), items_of(obj)\n    manager.start()\n"
        "    shared, keys = manager.Keeper(), list(items)\n    shared.put(items)\n",
        names="shared, keys", values="shared, keys",
        update="shared.add(keys[task % len(keys)])  # one update, of what all workers see",
        whole="shared.all()", end="    manager.shutdown()",
        **_keeper("""\
    lock = threading.Lock()  # each worker is served by a thread of the server

    def add(self, key):
        with self.lock:
            self.obj[key] += 1

    def all(self):
        return list(self.obj.values())
""", "import threading\n"),
    ),
}  # fmt: skip
