"""Method and noise: the rules of judgement, the machines, and how far each table can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence

from handoff.analysis import regret, units

from . import plain, selftest, verdicts
from .extra_pages import Page
from .rows import Table, noise
from .run import Run

ORDER = 90

RULES = (
    (
        "A trial is one fresh interpreter. In each of its rounds every strategy runs once, in shuffled order, beside an"
        " empty message, the physical floor, and a second copy of the baseline: the A/A pair, whose error is shown."
    ),
    "A ratio is the median over trials of each trial's median of paired log-ratios; its interval is over trials.",
    (
        "What is asked is how much can be lost by taking a way: an upper bound of how many times more it takes than the"
        " best of the others, all ways of a table considered at once, at 99 % (multiple comparisons with the best: Hsu"
        " 1984). Few trials are judged by how all lanes of their kind scatter in the run, which its A/A pairs check."
    ),
    (
        "The way with the least bound is taken where that is at most 1.25 (profile quick), 1.10 (standard) or 1.05"
        " (publish); what is done by default is kept where its own bound is, and nothing was shown to be 2 % faster."
        " Else nothing is decided, and it is said how many trials would."
    ),
    (
        "What arrives altered has no time here. A thread hands nothing over: it is a reference, and never the advice."
        " Only strategies that let the other side see writes are measured for the duty shared."
    ),
    "There is no overall score and no mean over payloads, machines or start methods.",
)


def trials(table: Table) -> int:
    """Trials of its best strategy."""
    return max((cell.time.n_trials for cell in table.cells if cell.time), default=0)


def page(runs: Sequence[Run], problems: Sequence[str]) -> Page:
    """Rules first, then each run."""
    blocks: list[plain.Block] = [
        plain.Heading(2, "Limits"),
        plain.Items(plain.LIMITS),
        plain.Heading(2, "How it is judged"),
    ]
    blocks += [plain.Items(RULES)]
    if problems:
        blocks += [plain.Heading(2, "Left out"), plain.Items([verdicts.code(plain.short(text)) for text in problems])]
    machines = {run.machine: run.selftest for run in reversed(runs)}
    for machine, report in machines.items():
        blocks += [plain.Heading(2, f"The machine's own error: {verdicts.code(machine)}"), *selftest.blocks(report)]
    for run in runs:
        found = run.tables
        state = noise(found)
        blocks += [plain.Heading(2, verdicts.code(run.title)), *plain.about(found), *plain.warnings(state)]
        marks = found[0].record.fingerprint
        rows = [
            [verdicts.code(str(key)), verdicts.code(plain.short(str(value))) or "unknown"]
            for key, value in sorted(marks.items())
        ]
        blocks.append(plain.Grid(f"Fingerprint of {run.title}", ["what", "value"], rows))
        rows = [
            [
                plain.short(verdicts.code(t.record.payload)),
                t.kind,
                t.record.start_method or "none",
                t.metric,
                units.percent(t.aa),
                units.ratio(regret.rounded_up(t.decision.bound)) if math.isfinite(t.decision.bound) else "none",
                "decided" if t.decision.decided else "open",
                f"{t.record.stopped or 'not said'}, {trials(t)} trials",
            ]
            for t in sorted(found, key=lambda t: -t.aa)
            if t.judged
        ]
        head = ["payload", "duty", "start method", "timed", "A/A error", "bound", "so it is"]
        head.append("ended")
        blocks.append(plain.Grid(f"Noise of each table of {run.title}", head, rows))
    return Page("method.html", "Method and noise", blocks)
