"""A manager that is reached by TCP, as one on another machine is; here by the loopback interface of this one.

A message of more than 16 KiB goes in two writes (``multiprocessing.connection``), and TCP may hold the second back
until the first is acknowledged, some 40 ms later: cpython issue 126471. By a Unix socket, the default, there is no such
wait.
"""

from __future__ import annotations

from typing import Any

from handoff.strategies.managers import CLASS_AFTER, CLASS_BEFORE, MANAGER_FAILS, holder_ends
from handoff.strategy import Channel, Ends, Recipe, Site, Strategy


def _carry(site: Site) -> Ends:
    from handoff.strategies._manager import HandoffManager

    manager: Any = HandoffManager(("127.0.0.1", 0), ctx=site.ctx)
    manager.start()
    site.at_end(manager.shutdown)
    return holder_ends(site, manager)


STRATEGIES = (
    Strategy(
        name="manager-class-tcp",
        summary="the same class on a manager that listens on TCP, as a remote one does; here on this machine",
        meaning="a proxy: the one object is the server's, whoever calls; it goes with its last proxy",
        channel=Channel.MANAGER,
        reached_by=Channel.TCP,
        carry=_carry,
        fails=MANAGER_FAILS,
        late=8,
        named_only=True,
        recipe=Recipe(CLASS_BEFORE, CLASS_AFTER.replace("ModelManager() as", 'ModelManager(("127.0.0.1", 0)) as')),
    ),
)
