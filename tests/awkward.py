"""Payloads for the tests of measuring: small, and some that misbehave. A collection like any user's."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from handoff.payload import Duty, Payload, Trait

EVERY = frozenset(Duty)


class HangsOnLoad:
    """Can be pickled; loading it never ends."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        time.sleep(600)

    def __getstate__(self) -> dict[str, Any]:
        return {"some": "state"}


class HangsOnDump:
    """Pickling it never ends."""

    def __reduce__(self) -> tuple[Any, ...]:
        time.sleep(600)
        return HangsOnDump, ()


class RaisesOnLoad:
    """Can be pickled; loading it raises."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return int, ("no number",)


class KillsOnLoad:
    """Can be pickled; loading it kills the process."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _die_unless_parent, (os.getpid(),)


def _die_unless_parent(parent: int) -> None:
    if os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _array() -> Any:
    import numpy as np

    return np.arange(512.0)


def _touch_nothing(_: Any) -> int:
    return 7


def _no_facts(_: Any) -> dict[str, Any]:
    return {}


def _make_lambda() -> Any:
    return lambda: 1


def _awkward(name: str, make: Callable[[], Any], *traits: Trait) -> Payload:
    return Payload(name=name, make=make, touch=_touch_nothing, facts=_no_facts, traits=frozenset(traits))


PAYLOADS = (
    Payload(name="numbers", make=lambda: [1, 2, 3], duties=EVERY - {Duty.SHARED}, traits=frozenset({Trait.SCALARS})),
    Payload(
        name="array",
        make=_array,
        duties=EVERY,
        nbytes=4096,
        traits=frozenset({Trait.BUFFER, Trait.FIXED_DTYPE}),
    ),
    _awkward("lambda", _make_lambda, Trait.LOCAL_FUNCTION),
    _awkward("hangs-on-load", HangsOnLoad, Trait.LOAD_FAILS),
    _awkward("hangs-on-dump", HangsOnDump, Trait.DUMP_FAILS),
    _awkward("raises-on-load", RaisesOnLoad, Trait.LOAD_FAILS),
    _awkward("kills-on-load", KillsOnLoad, Trait.LOAD_FAILS),
)
