"""Targets of commands that are ended while they work."""

import time


def slow() -> list[int]:
    time.sleep(600)
    return []


def rows() -> list[dict[str, int]]:
    return [{"a": number, "b": -number} for number in range(2000)]
