"""A stand-in for what cannot be pickled, so that the rest can be pickled and loaded in search of further failures."""

from __future__ import annotations

from typing import Any


class Absent:
    """Stands for something left out. Yields itself to every use, so that hooks which touch it rarely fail on it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (Absent, ())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *args: Any) -> None:
        pass
