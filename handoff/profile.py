"""How much measuring is done: one setting, which changes no parameter of any benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TypedDict, cast

from handoff import timeouts


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How many trials and rounds, and how long each sample."""

    name: str
    trials: int  #: fresh interpreters an experiment, at least; the unit of randomness
    most_trials: int = 0  #: go on up to this many (0: no more than ``trials``) ...
    bound: float | None = None  #: ... until no other way can be faster than the one to take by more than this factor
    rounds: int  #: at most, in each trial
    sample_s: float  #: a sample repeats its operation until it lasts this long
    lane_s: float  #: what one lane may take of one trial; a slow lane gets fewer rounds, at least one
    grouped: bool  #: one interpreter measures several experiments in turn, each with a worker of its own
    deeper: bool = False  #: whether asv measures the deeper kinds that it has
    answer_s: float = timeouts.HANDOFF_S  #: silence after which a hand-off counts as hung
    #: Go on until so many seconds a record that has figures are over, for all of a run together (0: no limit) ...
    record_s: float = 0.0
    least_s: float = 0.0  #: ... which are no less than this: who asks about one table waits for an answer
    most_bytes: int = 0  #: of a collection, payloads larger than this are left out (0: none); named ones never are
    all_lanes_bytes: int = 0  #: of a larger one the ways that contend for a smaller one like it are measured (0: all)

    def leaves_out(self, nbytes: int | None) -> bool:
        """Whether a run over a whole collection has no time for a payload of this size."""
        return bool(self.most_bytes and nbytes and nbytes > self.most_bytes)


class ProfileFields(TypedDict, total=False):
    """A :class:`Profile` in JSON, for a trial and in a record; records of before lack some, and have others."""

    name: str
    trials: int
    most_trials: int
    bound: float | None
    rounds: int
    sample_s: float
    lane_s: float
    grouped: bool
    deeper: bool
    answer_s: float
    record_s: float
    least_s: float
    most_bytes: int
    all_lanes_bytes: int
    target: float | None  #: of before
    asked_from: int  #: of before


def fields_of(profile: Profile) -> ProfileFields:
    """A profile for JSON."""
    return cast("ProfileFields", asdict(profile))


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile(
                name="quick",
                trials=2,
                most_trials=12,
                bound=1.25,
                rounds=4,
                sample_s=0.0003,
                lane_s=0.008,
                grouped=True,
                record_s=1.8,  # two trials of 0.5 s answer a third of the questions; then what is contested
                least_s=5.0,
                most_bytes=128 * 2**20,
                all_lanes_bytes=16 * 2**20,
            ),
            Profile(
                name="standard",
                trials=4,
                most_trials=20,
                bound=1.10,
                rounds=3,
                sample_s=0.010,
                lane_s=0.060,
                grouped=False,
                record_s=9.0,
                deeper=True,
            ),
            Profile(
                name="publish",
                trials=20,
                most_trials=40,
                bound=1.05,
                rounds=10,
                sample_s=0.010,
                lane_s=0.500,
                grouped=False,
                deeper=True,
            ),
        )
    }
)
