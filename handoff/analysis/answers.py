"""What a run has answered, in a line, and what would answer the rest. Pure.

A question is a payload, a duty and a start method: which way to take, by what the verdicts of its kind are about. It
counts where more than one way carries the object.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from handoff.analysis import judging, regret, units
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import CODEC, KINDS, METRICS
from handoff.analysis.regret import Decision
from handoff.record import Record

SHOWN = 5  #: open questions in the terminal; the report has all


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a run."""

    record: Record
    decision: Decision
    trials: int | None = None  #: where it is open: about how many in all would answer it; None where hardly any will

    @property
    def about(self) -> str:
        """The question, in words."""
        record = self.record
        return f"`{regret.code(record.payload)}` as {record.kind}" + (
            f" under {record.start_method}" if record.start_method else ""
        )

    @property
    def command(self) -> str:
        """What would answer it."""
        return command(self.record, trials=self.trials or 0)

    @property
    def takes_s(self) -> float:
        """About how many seconds that takes: as long for each trial as the record took."""
        return (self.trials or 0) * self.record.seconds / max(1, len(self.record.trials))


def asked(records: Iterable[Record]) -> list[Asked]:
    """The questions of a run, each judged as its record says, or by what all of them tell."""
    sound = [record for record in records if record.rows and record.kind in KINDS]
    known = judging.laws(sound)
    found = []
    for record in sound:
        figures, metric = Figures(record), METRICS[record.kind][0]
        law = known.of(record, metric)
        decision = judging.judge(figures, metric, law).decision
        trials = None if decision.decided else judging.trials_to_decide(figures, metric, law)
        found += [Asked(record, decision, trials)] if is_question(record, decision) else []
    return found


def is_question(record: Record, decision: Decision) -> bool:
    """Whether there is anything to choose from."""
    return record.kind in KINDS and bool(record.strategies) and decision.ways > 1


def summary(found: Sequence[Asked]) -> str:
    """All of it in one line."""
    if not found:
        return "Nothing here is a question: no object has two ways that carry it."
    answered = [each for each in found if each.decision.decided]
    pays = [each for each in answered if each.decision.pays]
    of = f"{len(answered)} of {len(found)} question{'s' if len(found) != 1 else ''} answered"
    if not pays:
        return f"{of}; in none another way was shown to pay."
    handed = [each for each in pays if each.record.kind != CODEC] or pays  # encoding alone hands nothing over yet
    most = max(handed, key=lambda each: each.decision.factor.low if each.decision.factor else 0.0)
    gain = ""
    if factor := most.decision.factor:
        gain = f": {regret.times(factor)} less by `{regret.code(most.decision.advised)}`"
    return f"{of}; in {len(pays)} another way pays, most for {most.about}{gain}."


def open_ones(found: Sequence[Asked]) -> list[Asked]:
    """Those without an answer, the soonest answered first."""
    return sorted(
        (each for each in found if not each.decision.decided), key=lambda each: (each.trials is None, each.takes_s)
    )


def what_would_do(each: Asked) -> str:
    """How many trials an open question asks for, and how long they take."""
    if each.trials is None:
        return f"hardly to be told here: more than {regret.MOST_PLANNED} trials, or a quieter machine"
    return f"about {each.trials} trials, {units.seconds(each.takes_s)}"


# -- commands ----------------------------------------------------------------------------------------------------------


def target(record: Record) -> str:
    """What to give a command to find the payload again; records of before it was kept name their collection."""
    return str(record.about.get("target") or record.collection.partition(".")[0] or "payloads")


def command(record: Record, *, trials: int = 0) -> str:
    """The one command that measures a record again; with ``trials`` until it is decided, or so many of them."""
    words = ["handoff", "measure", target(record), "--payload", record.payload, "--duty", record.kind]
    words += ["--start-method", record.start_method] if record.start_method else []
    words += ["--profile", str(record.profile.get("name", "quick"))]
    words += ["--trials", str(trials)] if trials else []
    return shlex.join(words) + " -o DIR"


def told(records: Sequence[Record]) -> Iterator[str]:
    """What is still open, with the command that would answer it; at the end what was answered."""
    questions = asked(records)
    still_open = open_ones(questions)
    for each in still_open[:SHOWN]:
        yield f"not answered: {each.about.replace('`', '')}: {what_would_do(each)}"
        if each.trials:
            yield f"    {each.command}"
    if len(still_open) > SHOWN:
        yield f"and {len(still_open) - SHOWN} more, which the report has"
    if questions:
        yield summary(questions).replace("`", "")
