"""For your own tests: an object that goes to other processes must keep being able to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def assert_portable(
    obj: Any,
    strategies: Sequence[str] = ("pickle-default",),
    start_methods: Sequence[str] = ("spawn",),
    *,
    duties: Sequence[str] = (),
    name: str = "obj",
) -> None:
    """Assert that ``obj`` arrives unaltered by each strategy under each start method: it is really handed over.

    Raises ``AssertionError`` that names each culprit's path, type, reason and fix; ``ValueError`` for a wrong name.
    """
    __tracebackhide__ = True  # pytest shows the test's line
    from handoff.api import diagnose, support
    from handoff.timing import nothing

    found = support(obj, strategies=strategies, start_methods=start_methods, duties=duties, name=name, progress=nothing)
    failed = found.failed
    if not failed:
        return
    lines = [f"{name} is not portable:"]
    lines += [
        f"  {cell.strategy}, {cell.duty}, {cell.start_method}: {cell.outcome.kind}: {cell.outcome.reason}"
        for cell in failed
    ]
    diagnosis = diagnose(obj, name=name)
    wanted = {cell.strategy for cell in failed}
    findings = [each for each in (*diagnosis.culprits, *diagnosis.altered) if _concerns(each.blocks, wanted)]
    for finding in findings:
        lines.append(f"  {finding.path} ({finding.type}): {finding.reason}")
        if finding.fix:
            lines.append(f"    fix: {finding.fix}")
    raise AssertionError("\n".join(lines))


def _concerns(blocks: Sequence[str], strategies: set[str]) -> bool:
    """Whether a finding has to do with what failed: those that the diagnosis does not know pickle in some way."""
    from handoff.diagnosing import STRATEGIES

    return bool(strategies & set(blocks)) or not strategies <= set(STRATEGIES)
