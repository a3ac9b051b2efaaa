"""A run that was ended: what of it is still to be measured, in the same folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handoff.profile import Profile, fields_of
from handoff.record import Record, RecordError, name_of, read

if TYPE_CHECKING:
    from handoff.measuring.experiment import Experiment


def to_go_on(experiments: Sequence[Experiment], profile: Profile, folder: Path) -> list[Experiment]:
    """Those of which ``folder`` has no whole record yet: a run that was ended there goes on.

    Raises ``FileExistsError`` where a file of that name was measured in another way, or is no record.
    """
    left = []
    for each in experiments:
        path = folder / f"{name_of(each.kind, each.entry.payload.name, each.start_method)}.json"
        other = FileExistsError(f"{path} was measured in another way; choose another folder")
        try:
            found = read(path) if path.exists() else None
        except RecordError:
            raise other from None
        if found is None or not found.complete:
            left.append(each)
        elif not _is_of(found, each, profile):
            raise other
    return left


def _is_of(found: Record, asked: Experiment, profile: Profile) -> bool:
    """Whether a record is what an experiment leaves."""
    same = found.collection == asked.entry.ref.module and found.profile == json.loads(json.dumps(fields_of(profile)))
    lacking = {*asked.strategies} - {*found.strategies}  # which were left out after others had been measured
    return same and {*found.strategies} <= {*asked.strategies} and lacking <= found.left_out.keys()
