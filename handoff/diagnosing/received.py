"""What arrived of the object elsewhere, by the same comparison as ``support``'s: each alteration is a finding.

The object is pickled as each pickler would do it, without what that one refuses; another interpreter loads each pickle,
compares it with what was sent, and makes the object once more where an answer depends on it.
"""

from __future__ import annotations

import io
import json
import pickle
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from handoff import timeouts
from handoff.diagnosing import hooks, reasons
from handoff.diagnosing.absent import Absent
from handoff.diagnosing.again import exception_fix
from handoff.diagnosing.dumps import error_text, pickles
from handoff.diagnosing.findings import ALL_STARTS, FRESH_STARTS, STRATEGIES, Finding
from handoff.diagnosing.load_child import ENDED, Control, Known, judge_apart, maker
from handoff.diagnosing.messages import Judged, Judging
from handoff.diagnosing.picklers import Cloudpickle, Dill, Plain, carried_by_forking
from handoff.diagnosing.walk import Walk
from handoff.payload import Payload
from handoff.processes.deadlines import TookTooLong, limited

if TYPE_CHECKING:
    from handoff.diagnosing.load_elsewhere import Loader
    from handoff.target import RefFields

HEAVY_S = 0.15  #: where pickling takes longer, the default protocol has to speak for the others
MANY = 50_000  #: and where it has more parts than these, for each comparison takes a second
MOST = 60  #: findings of what arrived altered; a whole library's state can be
_ABSENT = f"{Absent.__module__}.{Absent.__qualname__}"

Skip = Callable[[str], dict[int, Any]]


@dataclass(frozen=True, slots=True)
class Sent:
    """One pickle of the object."""

    codec: str
    strategies: tuple[str, ...]
    data: bytes
    whole: bool  #: nothing was left out of it


@dataclass(frozen=True, slots=True)
class Received:
    """What became of it."""

    findings: tuple[Finding, ...] = ()
    unaltered: tuple[str, ...] = ()  #: strategies by which the whole object arrived with nothing altered
    notes: tuple[str, ...] = ()


def received(
    obj: Any,
    walk: Walk,
    codecs: list[str],
    skip: Skip,
    dump_s: float,
    end: float,
    ref: RefFields | None,
    loader: Loader,
) -> Received:
    """Send ``obj`` by each pickler and say what arrived altered. ``skip`` gives what a codec must leave out, by id."""
    from handoff.compare.facts import facts
    from handoff.measuring import looking

    sent, late = _sent(obj, walk, codecs, skip, dump_s, end)
    if not sent or end - time.monotonic() < 0.5:
        return Received(notes=("what arrives was not compared: there was no time for it",) if sent else ())
    try:
        with limited(max(0.5, (end - time.monotonic()) / 3), fair=True):
            payload = maker(ref)() if ref else None
            own = payload is not None and payload.facts is not None
            statement = json.loads(looking.state(payload, obj) if payload else json.dumps(facts(obj)))
    except (TookTooLong, RecursionError):
        return Received(notes=("what arrives was not compared: the object takes too long to be stated",))
    except Exception as error:
        return Received(notes=(f"what arrives was not compared: {error_text(error)}",))
    judging: Judging = {
        "items": [(one.codec, len(one.data)) for one in sent],
        "sent": statement,
        "ref": ref,
        "own": own,
        "each_s": timeouts.ARRIVAL_S + 10 * dump_s,
    }
    data = b"".join(one.data for one in sent)
    answer = loader.load(
        data, "pickle", "judge", max(0.5, end - time.monotonic()), judging=judging, modules=walk.modules()
    )
    if not answer.get("ok"):
        return Received(notes=(f"what arrives was not compared: {answer.get('error')}",))
    found = _findings(obj, walk, skip, sent, answer["answers"], statement, ref, own)
    return replace(found, notes=(*found.notes, *_not_compared(late)))


def _not_compared(strategies: Collection[str]) -> Iterable[str]:
    if strategies:
        yield f"what arrives by {', '.join(strategies)} was not compared: it takes longer than there is time for"


def _sent(
    obj: Any, walk: Walk, codecs: list[str], skip: Skip, dump_s: float, end: float
) -> tuple[list[Sent], list[str]]:
    """The pickles, as the strategies make them, and those for which there was no time.

    dill comes last, and not where loading reopens the user's files.
    """
    default = pickle.DEFAULT_PROTOCOL
    forking = any(carried_by_forking(item) for item in walk.objs) if len(walk.objs) < MANY else False
    wanted: list[tuple[Any, int, tuple[str, ...]]] = []
    heavy = dump_s > HEAVY_S or len(walk.objs) > MANY
    for protocol in (default,) if heavy else (2, 3, 4, 5):
        named = (f"pickle-{protocol}",) if not heavy else tuple(name for name in STRATEGIES if "pickle-" in name)
        wanted.append(
            (Plain(), protocol, (*named, *(("pickle-default",) if protocol == default and not heavy else ())))
        )
    for name, make in (("cloudpickle", Cloudpickle), ("dill", Dill)):
        if name in codecs and not heavy and not (name == "dill" and _reopens(walk)):
            codec: Any = make(Plain())
            wanted.append((codec, codec.default_protocol, (name,)))
    found: list[Sent] = []
    late: list[str] = []
    for codec, protocol, strategies in wanted:
        file, left_out = io.BytesIO(), skip(codec.name)
        try:
            with limited(max(0.2, (end - time.monotonic()) / 4), fair=True):
                error = pickles(codec, obj, left_out, file, protocol)
        except TookTooLong:
            late += strategies
            continue
        if error is None:
            names = tuple(name for name in strategies if not (forking and name == "pickle-default"))
            found.append(Sent(codec.name, names, file.getvalue(), not left_out))
    return found, late


def _reopens(walk: Walk) -> bool:
    return any(each.kind.name in ("file", "temporary-file") for each in walk.culprits.values())


def _findings(
    obj: Any,
    walk: Walk,
    skip: Skip,
    sent: list[Sent],
    answers: list[Judged],
    statement: Any,
    ref: Any,
    own: bool,
) -> Received:
    def altered(one: Sent, answer: Judged) -> list[Mapping[str, str]]:
        found: list[Mapping[str, str]] = answer["verdict"]["altered"]
        return [each for each in found if one.whole or _certain(each, walk, skip(one.codec))]

    arrived = [(one, answer) for one, answer in zip(sent, answers, strict=False) if "verdict" in answer]
    here = _in_fork(
        [one for one, _ in arrived], statement, Control(maker(ref), own) if ref else Control(lambda: _live(obj))
    )
    late = [name for one, answer in zip(sent, answers, strict=False) if answer.get("error") == ENDED
            for name in one.strategies]  # fmt: skip
    notes = [*_not_compared(late)]
    if arrived and not here:
        notes.append("what arrives in a fork of this process was not compared: it takes longer than there is time for")
    excused = set() if ref else {each["what"] for answer in here for each in answer["verdict"]["notes"]}
    said: dict[str, _Said] = {}
    unaltered: list[str] = []
    forks: list[Judged | None] = [*here] or [None] * len(arrived)
    for (one, answer), forked in zip(arrived, forks, strict=True):
        fresh = [each for each in altered(one, answer) if each["what"] not in excused]
        fork = altered(one, forked) if forked is not None else fresh
        if one.whole and not fresh and not fork:
            unaltered += one.strategies
        for each in fresh:
            said.setdefault(each["what"], _Said(each)).add(one.strategies, FRESH_STARTS)
        for each in fork:
            said.setdefault(each["what"], _Said(each)).add(one.strategies, ("fork",))
    places: dict[str, _Place] = {}
    for what in list(said.values())[:MOST]:
        strategies = {strategy for strategy, _ in what.ways}
        finding = _finding(obj, what.each, _in_order(STRATEGIES, strategies))
        place = places.setdefault(finding.path, _Place(finding))  # it may be told in other words for another pickler
        place.ways |= what.ways
    findings = (*(each for place in places.values() for each in place.findings()), *_not_loaded(obj, sent, answers))
    hidden = len(said) - MOST
    notes += [f"{hidden:,} more altered parts are not shown"] if hidden > 0 else []
    return Received(findings, tuple(unaltered), tuple(notes))


def _not_loaded(obj: Any, sent: list[Sent], answers: list[Judged]) -> Iterable[Finding]:
    """Protocols of pickle's whose pickle cannot be loaded, where that of another one can."""
    plain = [(one, answer) for one, answer in zip(sent, answers, strict=False) if one.codec == "pickle" and one.whole]
    failed = [(one, answer["error"]) for one, answer in plain if answer.get("error", ENDED) != ENDED]
    if not failed or len(failed) == len(plain) or any(answer.get("error") == ENDED for _, answer in plain):
        return
    blocks = _in_order(STRATEGIES, [name for one, _ in failed for name in one.strategies])
    error = str(failed[0][1])
    reason = f"it pickles by this protocol, and cannot be loaded ({error})"
    yield Finding("obj", reasons.type_name(type(obj)), reason, hooks.by_another(blocks), blocks, "by-protocol", "load",
                  error)  # fmt: skip


@dataclass(slots=True)
class _Said:
    """One alteration, and the ways that show it: strategy and start method."""

    each: Mapping[str, str]
    ways: set[tuple[str, str]] = field(default_factory=set)

    def add(self, strategies: Iterable[str], starts: Iterable[str]) -> None:
        self.ways |= {(strategy, start) for strategy in strategies for start in starts}


@dataclass(slots=True)
class _Place:
    """What is altered at one path, and by which ways."""

    finding: Finding
    ways: set[tuple[str, str]] = field(default_factory=set)

    def findings(self) -> Iterable[Finding]:
        """One for each set of strategies: what dill alters under fork and all the others under spawn are two."""
        starts: dict[tuple[str, ...], list[str]] = {}
        for start in ALL_STARTS:
            strategies = _in_order(STRATEGIES, [strategy for strategy, at in self.ways if at == start])
            if strategies:
                starts.setdefault(strategies, []).append(start)
        for strategies, methods in starts.items():
            yield replace(self.finding, blocks=strategies, start_methods=tuple(methods))


def _in_order(all_of_them: Iterable[str], some: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in all_of_them if name in some)


def _live(obj: Any) -> Payload:
    return Payload(name="live", make=lambda: obj)


def _in_fork(sent: list[Sent], statement: Any, control: Control) -> list[Judged]:
    """The same in forks of this process, where modules and string hashes are the same, and the original is there: it is
    the control where no other can be made. Nothing where one of them does not answer."""
    known: Known = {}
    answers: list[Judged] = []
    for one in sent:
        answers.append(judge_apart(one.codec, one.data, statement, control, known, timeouts.ARRIVAL_S))
        if "verdict" not in answers[-1]:
            return []
    return answers


def _certain(each: Mapping[str, str], walk: Walk, left_out: Mapping[int, Any]) -> bool:
    """Whether an alteration is none of the stand-ins' doing."""
    if _ABSENT in each["what"] or "parts from" in each["what"] or each["what"].startswith("parts of"):
        return False
    paths = [walk.path(at) for key in left_out if (at := walk.memo.get(key)) is not None]
    place, _ = split(each)
    return not any(path.startswith(place) or place.startswith(path) for path in paths)


# -- one alteration as a finding


def split(each: Mapping[str, str]) -> tuple[str, str]:
    """The path of what is altered, and what is said of it."""
    path, what = each["path"], each["what"]
    if what.startswith(path):
        label, found, rest = what[len(path) :].partition(": ")
        if found:
            return path + label, rest
    return path, what


_GLOBAL = re.compile(r" \(global (\w+)\)")
_STEP = re.compile(r"\.([^\W\d]\w*)|\[(.*?)\](?=[.\[ )]|$)| \((key|value) (\d+)\)| \(global (\w+)\)", re.DOTALL)


def _resolve(obj: Any, path: str) -> list[tuple[str, Any, str]]:
    """The parts on the way to a path of the comparison: expression, object, and attribute's name if it is one.

    Goes as far as it can be followed past all hooks.
    """
    if path.startswith("type("):
        depth = path.find(").")
        inner = _resolve(obj, path[5:depth])
        way, at = [*inner, (f"type({inner[-1][0]})", type(inner[-1][1]), "")], depth + 1
    else:
        way, at = [("obj", obj, "")], 3
    while (match := _STEP.match(path, at)) is not None:
        step = hooks.step(way[-1][1], match)
        if step is None:
            break
        expression, part, name = step
        way.append((expression(way[-1][0]), part, name))
        at = match.end()
    return way


def _finding(obj: Any, each: Mapping[str, str], blocks: tuple[str, ...]) -> Finding:
    place, text = split(each)
    way = _resolve(obj, place)
    path, part, _ = way[-1]
    kind, reason, fix = hooks.explain(way, _in_words(text), each["hook"], blocks)
    if isinstance(part, BaseException) and place.startswith(f"{path}.args"):
        fix = exception_fix(part)
    if path != _GLOBAL.sub(r".__globals__['\1']", place) and "type(" not in place and place.startswith("obj"):
        reason = f"{place}: {reason}" if not reason.startswith(place) else reason
    return Finding(path, reasons.type_name(type(part)), reason, fix, blocks, kind, "arrival")


_OF = re.compile(r"([a-z][\w ']*) in obj.*?: (.*)", re.DOTALL)


def _in_words(text: str) -> str:
    if text.endswith(", did not arrive"):
        return f"it is {text.removesuffix(', did not arrive')} here, and does not arrive"
    text = text.replace(" of its process, arrived as", " of this process, arrived as")
    here, found, there = text.partition(", arrived as ")
    if found and here.startswith("NaN in it"):
        return f"{here}, and arrives as {there}"
    if found and (match := _OF.fullmatch(here)) is not None:
        return f"its {match[1]} is {match[2]} here, and arrives as {there}"
    if found and " in obj" not in here:
        return f"it is {here} here, and arrives as {there}"
    return text
