"""The refactored shape of an object: itself without the parts that keep it from travelling, to be measured too."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from typing import Any

from handoff.target import Ref

LEFT_OUT = "left out"


def ref_of(ref: Ref, paths: Sequence[str]) -> Ref:
    """Where another process gets the refactored object from."""
    arguments = ", ".join(map(repr, (ref.root, ref.module, ref.name, ref.folder, *paths)))
    return Ref("", __name__, f"make({arguments})")


def make(root: str, module: str, name: str, folder: str, *paths: str) -> Any:
    """Make the object, and leave parts of it behind."""
    return without(Ref(root, module, name, folder).load().make(), paths)


def without(obj: Any, paths: Sequence[str]) -> Any:
    """A copy with None in the place of each part; a path is an expression in ``obj`` that evaluates to one.

    Only in a contained process: it pickles, and evaluates expressions that :mod:`handoff.diagnosing` made. Raises what
    these raise when a part cannot be reached, or when something else is in the way, too.
    """
    parts = [eval(path, {"__builtins__": {}, "obj": obj}) for path in paths]
    left_out = {id(part) for part in parts}
    file = io.BytesIO()

    class Pickler(pickle.Pickler):
        def persistent_id(self, part: Any) -> Any:
            return LEFT_OUT if id(part) in left_out else None

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, _: Any) -> None:
            return None

    Pickler(file, 5).dump(obj)
    file.seek(0)
    return Unpickler(file).load()
