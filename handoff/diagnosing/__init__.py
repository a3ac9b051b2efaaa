"""Finds every culprit in an object that stops, or alters, its hand-over to another process, and names its path.

Rooms: ``engine`` (what is done, where and in which order), ``walk`` (through the object), ``codecs`` (how each pickler
takes one object apart), ``paths`` (expressions), ``kinds`` (why and what to do, as data), ``loading`` and ``loader``
(the disposable process that loads), ``weights`` (what is heavy), ``findings`` (what is said).
"""

from handoff.diagnosing.engine import BUDGET_S, diagnose
from handoff.diagnosing.findings import STRATEGIES, Depth, Diagnosis, Finding, Heavy, Shared

__all__ = ["BUDGET_S", "STRATEGIES", "Depth", "Diagnosis", "Finding", "Heavy", "Shared", "diagnose"]
