"""The words of the project, a sentence each: GLOSSARY.md is made from here, and ``handoff explain`` answers by it.

What an enumeration in the code says of its members is read from there, so that no two places can disagree.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from handoff.outcome import Kind
from handoff.payload import Duty, Trait
from handoff.start_methods import START_METHODS

#: In the order in which one meets them. Only what is no member of an enumeration: those say for themselves.
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "payload": "one documented shape of object: how to build it, how to read all of it, how to compare two of it,"
        " and which article or manual page documents it; your own object is one as well",
        "strategy": "one way to get a payload to a worker, or to share it with one, such as `shm-pickle-5`",
        "way": "the same as a strategy, as one says it in a sentence",
        "start method": f"how a worker comes to life: {', '.join(f'`{name}`' for name in START_METHODS)}",
        "duty": "what the payload is for: it decides which strategies are an answer at all",
        "work": "what a task does with the object when it has it: your own function, or else reading all of it",
        "phase": "a part of one hand-off: encode, transfer, decode, touch (reading all of it); `setup` is paid once",
        "outcome": "what became of a hand-off, always with its reason",
        "trait": "what is special about a payload; strategies say which traits they cannot carry, and how they fail",
        "control": "a second, independent original: what differs between two originals is no evidence of alteration",
        "baseline": "what multiprocessing does when nothing else is asked for, or the first way after it that works:"
        " what every ratio is to",
        "lane": "what is timed side by side in a round: each strategy, and a few lanes of the harness's own",
        "floor": "a lane that moves raw bytes over the same channel and reads them: no strategy can be faster",
        "null lane": "a lane with an empty message: what the harness and the channel cost by themselves",
        "baseline-bis": "a lane that is the baseline once more: what differs between the two is error (an A/A test)",
        "round": "within a trial: every lane once, in shuffled order, so that a slow moment meets all of them",
        "trial": "one fresh interpreter that measures; intervals are over trials, since what differs between"
        " interpreters is more than what differs within one",
        "experiment": "one payload, one duty, one start method: all strategies, all trials",
        "record": "the JSON file that an experiment leaves: samples, outcomes, seed, and on what machine",
        "fingerprint": "the part of a record that says where it was measured: processor, kernel, versions, load",
        "profile": "how much is measured: `quick`, `standard` or `publish`",
        "regret": "how much can be lost by taking a way: an upper bound of its slowdown against the best of the others",
        "decided": "of a question: some way takes at most 1.25 (`quick`), 1.10 (`standard`) or 1.05 (`publish`) times"
        " what the best of the others does, for sure; all ways considered at once, at 99 %",
        "contender": "a way that is not known to be far from the best, nor the one to take",
        "break-even": "from how many tasks, or bytes, on one way is cheaper than another",
    }
)

GROUPS: tuple[tuple[str, type[Enum]], ...] = (("duty", Duty), ("outcome", Kind), ("trait", Trait))


def members(kind: type[Enum]) -> dict[str, str]:
    """What the comments of an enumeration say of its members, by the members' values."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in inspect.getsource(kind).splitlines():
        if begins := re.match(r"    ([A-Z_]+) = ", line):
            name = begins[1]
        if name and (said := re.search(r"#: (.+)", line)):
            found.setdefault(str(kind[name].value), []).append(said[1].strip())
    return {value: " ".join(said) for value, said in found.items()}


def entries() -> dict[str, tuple[str, str]]:
    """Every word: what kind of word it is ("" for those of :data:`WORDS`), and its sentence."""
    found = {word: ("", sentence) for word, sentence in WORDS.items()}
    for group, kind in GROUPS:
        found |= {value: (group, sentence) for value, sentence in members(kind).items()}
    return found


def page() -> str:
    """GLOSSARY.md."""
    lines = [
        "# Glossary",
        "",
        "The words that code, pages and texts use, and what each means; `handoff explain WORD` says the same.",
        "Made by `python -m reports.readme GLOSSARY.md`.",
        "",
        *(f"- **{word}**: {sentence}." for word, sentence in WORDS.items()),
    ]
    for group, kind in GROUPS:
        plural = {"duty": "Duties"}.get(group, f"{group.title()}s")
        lines += ["", f"## {plural}", "", *(f"- **{value}**: {said}." for value, said in members(kind).items())]
    return "\n".join(lines).replace("``", "`") + "\n"
