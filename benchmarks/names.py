"""What asv calls a figure: the one rule, which the classes here keep by hand and a test holds them to.

A name in asv's history is an API: append, never rename. asv imports this module, and so does the publisher plugin: it
must stay light.
"""

from __future__ import annotations


def class_name(kind: str, start_method: str) -> str:
    """``Fork``, ``Spawn``, ``Forkserver``; where nothing is started it is the kind's own."""
    return (start_method or kind).title()


def benchmark_name(kind: str, start_method: str, metric: str) -> str:
    """``argument.Fork.track_handoff``: module, class and method."""
    return f"{kind}.{class_name(kind, start_method)}.track_{metric.replace('-', '_')}"
