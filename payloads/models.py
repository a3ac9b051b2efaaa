"""Fitted models: an object graph with arrays in it, and a dict of tensors."""

from __future__ import annotations

from typing import Any

from handoff.payload import Duty, Payload, Trait
from payloads._gaps import no_plain_data

#: Trees: a first try, scikit-learn's own default since 0.22, and a model that was tuned for accuracy.
TREES = {"10": 10, "100": 100, "300": 300}


class _Forest:
    """A fitted forest: a Python object a tree, the tree itself an array of a C type."""

    def __init__(self, trees: int) -> None:
        self.trees = trees

    def __call__(self) -> Any:
        import numpy as np
        from sklearn.ensemble import RandomForestClassifier

        numbers = np.arange(2_000.0).reshape(500, 4) % 97
        return RandomForestClassifier(self.trees, max_depth=8, random_state=0).fit(numbers, np.arange(500) % 3)


class _StateDict:
    """The weights of a small network, by name, as they are sent from a trainer to its workers."""

    def __init__(self, width: int) -> None:
        self.width = width

    def __call__(self) -> Any:
        import torch

        return {
            f"layer{number}.weight": torch.arange(self.width * self.width, dtype=torch.float32).reshape(
                self.width, self.width
            )
            for number in range(4)
        }


#: Four layers so wide: 64 KiB (one pipe buffer), 4 MiB, and 64 MiB.
WIDTHS = {"64kib": 64, "4mib": 512, "64mib": 2048}
ARGUMENT = frozenset({Duty.ARGUMENT, Duty.STATE})

PAYLOADS = (
    *(
        Payload(
            name=f"model-forest-{name}-trees",
            make=_Forest(trees),
            duties=ARGUMENT,
            needs=("sklearn",),
            traits=frozenset({Trait.ONE_INTERPRETER}),
            why=f"{trees} trees of depth 8 over 500 rows, three classes: a model to predict with in every worker.",
            source="scikit-learn user guide, Model persistence",
        )
        for name, trees in TREES.items()
    ),
    *(
        Payload(
            name=f"model-state-dict-{name}",
            make=_StateDict(width),
            duties=ARGUMENT,
            needs=("torch",),
            traits=frozenset({Trait.ONE_INTERPRETER}),
            why=f"Four square layers of {width} float32: what load_state_dict takes.",
            source="PyTorch notes, Multiprocessing best practices; Serialization semantics",
        )
        for name, width in WIDTHS.items()
    ),
)

GAPS = no_plain_data([each.name for each in PAYLOADS])
