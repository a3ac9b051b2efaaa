"""A diagnosis as text, table, markdown, CSV or HTML."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from handoff.analysis import units
from handoff.diagnosing.findings import STRATEGIES
from handoff.terminal import MOST_ROWS, Part, _code, _csv, cell, drawn, many, page, plain

if TYPE_CHECKING:
    from handoff.diagnosing import Diagnosis, Finding


HEAVY_BYTES = 1 << 10  #: an object whose heaviest part is lighter has nothing heavy in it, for people


def diagnosis_summary(diagnosis: Diagnosis) -> str:
    """One sentence."""
    if diagnosis.culprits:
        found = f"{many(len(diagnosis.culprits), 'culprit')} in the way of its hand-over"
        return f"{diagnosis.target}: {found}" + (f", {len(diagnosis.altered)} altered." if diagnosis.altered else ".")
    if diagnosis.altered:
        return f"{diagnosis.target}: everything is carried, but {many(len(diagnosis.altered), 'part')} not unaltered."
    return f"{diagnosis.target}: no culprit; every pickler carries it, as far as could be seen."


def diagnosis_parts(diagnosis: Diagnosis) -> list[Part]:
    """All that was found, words first."""
    parts = [Part(diagnosis_summary(diagnosis), "title")]
    altered = {each.path: each for each in diagnosis.altered}
    for title, stops, findings in (
        ("What stops it", "stops", diagnosis.culprits),
        ("What arrives altered", "altered by", _only_altered(diagnosis)),
    ):
        if findings:
            parts += [Part(""), Part(title, "title")]
        for finding, *others in _alike(findings):
            parts += _finding_parts(finding, stops, altered.get(finding.path) if stops == "stops" else None)
            if others:
                shown = ", ".join(each.path for each in others[:ALIKE_SHOWN])
                more = f" and {len(others) - ALIKE_SHOWN:,} more" if len(others) > ALIKE_SHOWN else ""
                parts.append(Part(f"the same at {shown}{more}", "dim", 6))
    if diagnosis.heavy and diagnosis.heavy[0].bytes >= HEAVY_BYTES:
        parts += [Part(""), Part("What is heavy (bytes it adds to the pickle)", "title")]
        parts += [
            Part(f"{units.size(item.bytes):>10}  {item.path}{f' ({item.type})' if item.type else ''}", indent=2)
            for item in diagnosis.heavy[:MOST_ROWS]
        ]
    if diagnosis.shared:
        parts += [Part(""), Part("What is shared within it (sent part by part, it arrives as several)", "title")]
        parts += [Part(f"{' is '.join(item.paths)} ({item.type})", indent=2) for item in diagnosis.shared[:MOST_ROWS]]
    if diagnosis.depth.deepest:
        deep = many(diagnosis.depth.deepest, "object")
        text = f"Depth: {deep} deep; the recursion limit is {diagnosis.depth.limit:,}."
        parts += [Part(""), Part(text, "dim")]
    parts += [Part(f"Note: {note}", "dim") for note in diagnosis.notes]
    parts += [Part(""), Part(f"next: {next_step(diagnosis)}", "fix")]
    return parts


ALIKE_SHOWN = 4  #: paths of what is told once for several; JSON has a finding for each


def _alike(findings: Iterable[Finding]) -> list[list[Finding]]:
    """The findings, those together that say the same of several places."""
    groups: dict[Finding, list[Finding]] = {}
    for each in findings:
        groups.setdefault(replace(each, path="", aliases=(), source=""), []).append(each)
    return list(groups.values())


def _only_altered(diagnosis: Diagnosis) -> tuple[Finding, ...]:
    """What arrives altered and is no culprit: a culprit's own alterations are told with it."""
    told = {each.path for each in diagnosis.culprits}
    return tuple(each for each in diagnosis.altered if each.path not in told)


def next_step(diagnosis: Diagnosis) -> str:
    """What to do now: a command for a TARGET, a call for an object."""
    target = diagnosis.target
    named = ":" in target or "/" in target
    blocked = {name for each in (*diagnosis.culprits, *diagnosis.altered) for name in each.blocks}
    free = [name for name in STRATEGIES if name not in blocked]

    def command(verb: str) -> str:
        return f"handoff {verb} {shlex.quote(target)}" if named else f"handoff.{verb}({target})"

    if not blocked:
        return f"{command('advise')}  (which way is the fastest, measured)"
    if free:
        return f"{command('support')}  (each way, really tried: {', '.join(free)} should carry it unaltered)"
    return f"follow a fix above, then {command('diagnose')} again; {command('support')} tries all other ways"


INSIDE_SHOWN = 4  #: of a library's object; JSON has more


def _finding_parts(finding: Finding, verb: str, altered: Finding | None = None) -> list[Part]:
    where = {"dump": "", "load": " (fails in the worker)", "arrival": ""}.get(finding.where, "")
    starts = "" if len(finding.start_methods) == 3 else f" under {' and '.join(finding.start_methods)}"
    parts = [
        Part(f"{finding.path}  ({finding.type}){f' at {finding.source}' if finding.source else ''}", "path", 2),
        Part(f"why: {finding.reason}{where}", "plain", 6),
        *([Part(f"pickle says: {finding.error}", "plain", 6)] if _says_more(finding) else ()),
        *(Part(f"in it: {each}", "dim", 6) for each in finding.inside[:INSIDE_SHOWN]),
        *([Part(f"in it: {more} more", "dim", 6)] if (more := len(finding.inside) - INSIDE_SHOWN) > 0 else ()),
        Part(f"{verb}: {', '.join(finding.blocks) or 'nothing by itself'}{starts}", "bad", 6),
    ]
    if altered is not None:
        parts.append(Part(f"altered by {', '.join(altered.blocks)}: {altered.reason}", "bad", 6))
    if finding.fix:
        parts.append(Part(f"fix: {finding.fix}", "fix", 6))
    if finding.behind:
        parts.append(Part(f"hidden behind {finding.behind}: it shows once that one is mended", "dim", 6))
    if finding.aliases:
        parts.append(Part(f"also at {', '.join(finding.aliases)}", "dim", 6))
    return parts


def _says_more(finding: Finding) -> bool:
    """Whether pickle's own message is not told already."""
    return bool(finding.error) and finding.error not in finding.reason and not finding.inside


def diagnosis_markdown(diagnosis: Diagnosis) -> str:
    """For an issue or a page."""
    lines = [f"# Diagnosis of {_code(diagnosis.target)}", "", cell(diagnosis_summary(diagnosis)), ""]
    for title, findings in (("What stops it", diagnosis.culprits), ("What arrives altered", diagnosis.altered)):
        if findings:
            lines += [f"## {title}", "", "| path | type | why | fix | strategies |", "| --- | --- | --- | --- | --- |"]
            lines += [
                f"| {_code(f.path)} | {_code(f.type)} | {cell(f.reason)} | {cell(f.fix)} | {', '.join(f.blocks)} |"
                for f in findings
            ]
            lines.append("")
    if diagnosis.heavy:
        lines += ["## What is heavy", "", "| path | bytes |", "| --- | ---: |"]
        lines += [f"| {_code(item.path)} | {item.bytes:,} |" for item in diagnosis.heavy]
        lines.append("")
    if diagnosis.shared:
        lines += ["## What is shared", ""]
        lines += [f"- {' is '.join(map(_code, item.paths))} ({_code(item.type)})" for item in diagnosis.shared]
        lines.append("")
    lines.append(f"Depth {diagnosis.depth.deepest:,}, recursion limit {diagnosis.depth.limit:,}.")
    lines += [f"- {cell(note)}" for note in diagnosis.notes]
    return "\n".join(lines) + "\n"


def diagnosis_csv(diagnosis: Diagnosis) -> str:
    """A row a finding."""
    rows = [
        (what, f.path, f.type, f.reason, f.fix, " ".join(f.blocks), "")
        for what, findings in (("culprit", diagnosis.culprits), ("altered", diagnosis.altered))
        for f in findings
    ]
    rows += [("heavy", h.path, h.type, "", "", "", str(h.bytes)) for h in diagnosis.heavy]
    return _csv(("what", "path", "type", "reason", "fix", "blocks", "bytes"), rows)


def diagnosis_as(diagnosis: Diagnosis, form: str) -> str:
    """The diagnosis in one of :data:`FORMATS`."""
    match form:
        case "json":
            return json.dumps(diagnosis.to_json(), indent=1, allow_nan=False) + "\n"
        case "markdown":
            return diagnosis_markdown(diagnosis)
        case "csv":
            return diagnosis_csv(diagnosis)
        case _:
            return plain(diagnosis_parts(diagnosis))


def diagnosis_drawn(diagnosis: Diagnosis) -> Any:
    """For rich."""
    return drawn(diagnosis_parts(diagnosis))


def diagnosis_html(diagnosis: Diagnosis) -> str:
    """For notebooks."""
    return page(f"diagnosis of {diagnosis.target}", diagnosis_parts(diagnosis))
