"""What the experiments of a trial share."""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from handoff.measuring.lane import Handle
from handoff.measuring.lasting import Lasting
from handoff.strategy import Strategy


class Shop:
    """What the experiments of a trial share: the strategies, the context, the manager server, names."""

    def __init__(self, start_method: str, folder: str, strategies: Mapping[str, Strategy]) -> None:
        self.strategies = strategies
        self.start_method = start_method
        self.ctx: Any = multiprocessing.get_context(self.start_method or None)
        self.prefix = Path(folder).name
        self.numbers = itertools.count(1)
        self.stack = ExitStack()
        self.leaving: list[Handle] = []  #: workers that were asked to end, and need not be waited for yet
        self.lasting: Lasting | None = None
        self._manager: Any = None

    def __enter__(self) -> Shop:
        if self.start_method == "forkserver":
            from multiprocessing.forkserver import ensure_running

            ensure_running()
        return self

    def __exit__(self, *_: object) -> None:
        if self.lasting is not None:
            self.leaving.append(self.lasting.handle)
            self.drop_lasting()
        self.see_off()
        self.stack.close()

    def drop_lasting(self) -> None:
        """The worker that outlives payloads has ended, or will."""
        if self.lasting is not None:
            self.lasting.close()
            self.lasting = None

    def see_off(self) -> None:
        """Wait until the workers that leave are gone: before anything is timed, and at the end."""
        while self.leaving:
            self.leaving.pop().stop()

    def segment_name(self) -> str:
        return f"{self.prefix}-{next(self.numbers)}"

    def manager(self) -> Any:
        if self._manager is None:
            from handoff.strategies._manager import HandoffManager

            self._manager = HandoffManager(ctx=self.ctx)
            self._manager.start()
            self.stack.callback(self._manager.shutdown)
        return self._manager

    def drop_manager(self) -> None:
        """After a worker was killed in the middle of a request, the server may still wait for it."""
        if self._manager is not None:
            self.stack.close()
            self._manager = None
