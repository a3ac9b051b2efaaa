"""Targets of commands that are ended while they work."""

import time


class Deaf:
    """Nobody gets an answer of it."""

    def __reduce__(self) -> tuple[type, tuple[()]]:
        time.sleep(600)
        return Deaf, ()


def stubborn() -> list[Deaf]:
    """It takes a moment to make, and longer to look at."""
    time.sleep(1)
    return [Deaf() for _ in range(3)]


def rows() -> list[dict[str, int]]:
    return [{"a": number, "b": -number} for number in range(2000)]
