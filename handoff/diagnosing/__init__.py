"""Finds every culprit in an object that stops, or alters, its hand-over to another process, and names its path.

Rooms: ``forking`` (the disposable process), ``engine`` (the steps), ``walk`` (through the object), ``codecs`` (how each
pickler takes one object apart), ``paths`` (expressions), ``kinds`` (why and what to do, as data), ``loading``,
``loader`` and ``tolerant`` (loading elsewhere, past failures), ``arrival`` (what arrives altered), ``weights`` (what is
heavy), ``findings`` (what is said).
"""

from handoff.diagnosing.findings import STRATEGIES, Depth, Diagnosis, Finding, Heavy, Shared
from handoff.diagnosing.run import BUDGET_S, diagnose

__all__ = ["BUDGET_S", "STRATEGIES", "Depth", "Diagnosis", "Finding", "Heavy", "Shared", "diagnose"]
