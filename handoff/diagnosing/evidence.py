"""What a diagnosis has seen so far: the steps add to it, and the conclusion is drawn from it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handoff.diagnosing import reasons
from handoff.diagnosing.arrival import Arrivals
from handoff.diagnosing.findings import ALL_STARTS
from handoff.diagnosing.picklers import Plain
from handoff.diagnosing.walk import Walk

if TYPE_CHECKING:
    from handoff.target import RefFields


@dataclass(slots=True)
class LoadCulprit:
    """A node that is pickled and not loaded: why, by which picklers, and under which start methods."""

    index: int
    kind: reasons.Reason
    error: str
    codecs: set[str] = field(default_factory=set)
    starts: tuple[str, ...] = ALL_STARTS


class Seen:
    """What is known of one object, and until when more may be looked for."""

    def __init__(self, obj: Any, name: str, end: float, ref: RefFields | None = None) -> None:
        self.obj, self.name, self.end, self.ref = obj, name, end, ref
        self.plain = Plain()
        self.walk = Walk(self.plain)
        self.notes: list[str] = []
        self.loads: dict[int, LoadCulprit] = {}
        self.heavy: tuple[Any, ...] = ()
        self.recursion: dict[int, dict[str, str]] = {}
        self.codecs_run: list[str] = []
        self.arrivals = Arrivals(self.walk, self.codecs_run)
        self.dump_s = 0.0
        self.data = b""
        self.size = 0
        self.whole_error: BaseException | None = None
        self.roots: dict[str, bool] = {}

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def left_s(self) -> float:
        return max(0.0, self.end - time.monotonic())

    def skip(self) -> dict[int, Any]:
        """The objects that a real dump must leave out to go through: by id."""
        walk = self.walk
        wanted = [index for index, culprit in walk.culprits.items() if "pickle" in culprit.codecs]
        wanted += list(self.recursion)
        found = {id(walk.objs[index]): walk.objs[index] for index in wanted}
        for index in wanted:
            found.update((id(walk.objs[at]), walk.objs[at]) for at in walk.makers(index))
        for index in wanted:  # an instance whose class is not found: so is the class, wherever it is met
            kind = type(walk.objs[index])
            if walk.culprits.get(index) is not None and self.plain.named(kind) is not None:
                found[id(kind)] = kind
        return found

    def skip_for(self, codec: str) -> dict[int, Any]:
        """The same for cloudpickle or dill, with what it fails to load."""
        walk = self.walk
        wanted = [index for index, culprit in walk.culprits.items() if codec in culprit.codecs]
        wanted += [index for index, errors in self.recursion.items() if codec in errors]
        wanted += [index for index, load in self.loads.items() if codec in load.codecs]
        wanted += [at for index in wanted for at in walk.makers(index)]
        return {id(walk.objs[index]): walk.objs[index] for index in wanted}

    def left_out(self, codec: str) -> dict[int, Any]:
        """What this pickler's dump must leave out to go through, and to be loaded."""
        skip = self.skip_for(codec)
        return {**skip, **self.skip()} if codec == self.plain.name else skip
