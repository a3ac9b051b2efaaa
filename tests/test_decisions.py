"""A real run, small: what its last line says, its records keep, and its page shows is one and the same."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout

import pytest
import synthetic
from agreeing import agree

from handoff.analysis import answers, judging
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import METRICS
from handoff.cli import main
from handoff.measuring import questions
from handoff.record import Record, read_all
from reports import site
from reports.rows import Source, Table, asked, tables

WAYS = ("pickle-default", "pickle-5", "pickle-5-oob", "shm-pickle-5", "dill")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Record], list[str]]:
    """The records of a real run, and the lines that it printed."""
    folder = tmp_path_factory.mktemp("decisions")
    (folder / "mine.py").write_text("def make():\n    return {'rows': list(range(5000)), 'raw': bytes(300_000)}\n")
    command = ["measure", f"{folder}/mine.py:make", "--start-method", "fork", "--trials", "3", "-o", f"{folder}/out"]
    command += [word for duty in ("argument", "result", "codec") for word in ("--duty", duty)]
    printed = io.StringIO()
    with redirect_stdout(printed):
        assert main(["measure", "-q", *command[1:], *(word for way in WAYS for word in ("--strategy", way))]) == 0
    records, problems = read_all(folder / "out")
    assert not problems
    return records, printed.getvalue().splitlines()


def tables_of(records: list[Record]) -> list[Table]:
    return tables(Source(record, f"{record.name}.json") for record in records)


def test_words_cells_and_intervals_of_every_table_agree(run: tuple[list[Record], list[str]]) -> None:
    found = tables_of(run[0])
    assert {table.kind for table in found} == {"argument", "result", "codec"}
    for table in found:
        assert table.decision.ways > 1
        agree(table)


def test_a_record_keeps_what_it_decides_and_says_the_same_when_read_alone(run: tuple[list[Record], list[str]]) -> None:
    for record in run[0]:
        metric = METRICS[record.kind][0]
        (table,) = [each for each in tables_of([record]) if each.metric == metric]
        assert record.decision and judging.as_json(table.decision) == record.decision
        law = judging.laws([record]).of(record, metric)
        assert judging.as_json(judging.judge(Figures(record), metric, law).decision) == record.decision


def test_the_last_line_is_the_first_of_the_page_and_what_is_open_has_its_command(
    run: tuple[list[Record], list[str]],
) -> None:
    records, lines = run
    questions = asked(tables_of(records))
    summary = answers.summary(questions)
    assert lines[-1] == summary.replace("`", "")
    assert summary.startswith(f"{sum(q.decision.decided for q in questions)} of {len(records)} questions answered")
    page = site.render([Source(record, f"{record.name}.json") for record in records])["index.html"]
    assert page.index('<div id="answered"><p>') < page.index('<form class="ask"')
    still_open = answers.open_ones(questions)
    assert len(still_open) == sum(
        record.decision is not None and record.decision["answer"] == "can't tell" for record in records
    )
    printed = "\n".join(lines)
    for each in still_open:
        assert answers.what_would_do(each) in page
        assert answers.what_would_do(each) in printed
        if each.trials:
            assert f"--trials {each.trials} -o DIR" in each.command
            assert each.command in printed


def test_a_decision_is_plain_json(run: tuple[list[Record], list[str]]) -> None:
    for record in run[0]:
        json.dumps(record.decision, allow_nan=False)
        assert record.laws.keys() == set(METRICS[record.kind])


def test_starting_a_worker_is_no_question_and_takes_no_time_from_those_that_are() -> None:
    record = synthetic.record(kind="start", metrics={"start": {"bare": 1e-2, "with-payload": 2e-2}}, baseline="bare")
    assert not questions.settle([record], 1, judging.laws([record]))
    record.strategies = []
    assert answers.asked([record]) == []
    closed = synthetic.record(metrics={"handoff": {"pickle-default": 1e-3, "pickle-5": 1.01e-3}}, noise=0.5, trials=3)
    assert questions.settle([closed], 1, judging.laws([closed])).keys() == {closed.name}
