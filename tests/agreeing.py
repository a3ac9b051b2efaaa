"""Do the words, the cells and the intervals of a table say the same?"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from handoff.analysis import regret
from handoff.analysis.regret import Answer
from reports import verdicts
from reports.rows import Rank, Table, TableCell


def agree(table: Table) -> None:
    """Words, cells and intervals of one table."""
    advice, decision = verdicts.advise(table), table.decision
    timed = {cell.strategy: cell for cell in table.cells if cell.time}
    best = timed.get(decision.advised)
    for cell in timed.values():
        for figure in (cell.time, cell.ratio, cell.slower):
            assert figure is None or figure.low <= figure.value <= figure.high
        if cell.rank is Rank.FAR and cell.slower:
            assert cell.slower.value > 1
        if cell.rank is Rank.CONTENDER and cell.slower and best:
            assert cell.slower.low <= regret.FAR
    if best and best.slower and table.record.strategies and advice.saves:
        agree_on_the_answer(table, advice, best, timed)


def agree_on_the_answer(
    table: Table, advice: verdicts.TableWords, best: TableCell, timed: Mapping[str, TableCell]
) -> None:
    decision, base = table.decision, table.baseline
    assert best.rank is Rank.BEST
    assert best.bound == decision.bound
    for cell in timed.values():
        if cell.rank in (Rank.BEST, Rank.CONTENDER) and cell.slower:
            assert 1 / cell.slower.low <= decision.bound * 1.0001 or not decision.decided, "nothing is further ahead"
    shown = [
        cell for cell in timed.values()
        if cell.rank in (Rank.BEST, Rank.CONTENDER) and cell.ratio and cell.ratio.high < 1 and cell.ratio.value < 0.98
    ]  # fmt: skip
    match decision.answer:
        case Answer.KEEP:
            assert not shown, "what is kept is beaten by nothing that was shown"
            assert advice.keep and advice.take == table.record.baseline and advice.short == f"keep {advice.take}"
            assert "Keep `" in advice.main and "Take `" not in advice.main
            assert decision.bound <= decision.limit
        case Answer.CHANGE:
            assert advice.take == decision.advised and not advice.keep and best.bound <= decision.limit
            assert "Keep `" not in advice.main
            assert decision.pays != ("is not shown" in advice.main), "a change that pays was shown to"
            if decision.factor and "less than" in advice.main:
                assert best in shown or decision.factor.low > 1
                assert best.ratio and base
                assert regret.times(best.ratio.inverse) in advice.main, "the sentence's factor is the cell's"
        case _:
            assert advice.take == "" and "Can't tell" in advice.main and not advice.keep
            assert "Also at most" not in advice.main
            if (
                shown
                and not decision.copies
                and math.isfinite(decision.bound)
                and decision.factor
                and decision.factor.low > 1
            ):
                assert "less than" in advice.main, "a gain that was shown is said"
    for number in re.findall("at most ([0-9.,]+) \u00d7 the best[,.]", advice.main):
        assert float(number.replace(",", "")) >= decision.bound * 0.9999
    for name in re.findall("`([^`]+)`", advice.main.partition("Also at most")[2].partition(".")[2].partition(".")[0]):
        assert timed[name].bound <= decision.limit
