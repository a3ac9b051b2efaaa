"""Finds every culprit in an object that stops, or alters, its hand-over to another process, and names its path.

Rooms: ``run`` (the disposable process), ``engine`` (the steps), ``evidence`` (what they have
seen), ``conclusion`` (from that to findings), ``walk`` (through the object), ``picklers`` (how each
pickler takes one object apart), ``paths`` (expressions), ``reasons`` (why and what to do, as data), ``hooks`` (which
hook decides, read from classes and source), ``libraries`` (what stands inside a library's object), ``loads`` (what
fails to load), ``load_elsewhere``, ``load_child`` and ``tolerant_unpickler`` (by whom, past failures), ``arrival`` and
``received`` (what arrives altered: expected, and seen), ``weights`` (what is heavy), ``dumps`` (real ones),
``findings`` (what is said), ``text`` (how it is shown).
"""

from handoff.diagnosing.findings import STRATEGIES, Depth, Diagnosis, Finding, Heavy, Shared
from handoff.diagnosing.run import BUDGET_S, diagnose

__all__ = ["BUDGET_S", "STRATEGIES", "Depth", "Diagnosis", "Finding", "Heavy", "Shared", "diagnose"]
