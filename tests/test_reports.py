"""Records in, words and figures out: known answers, hostile texts, records that can't be read."""

from __future__ import annotations

import csv
import importlib
import inspect
import io
import json
import math
import random
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import synthetic
from agreeing import agree
from published import publish, repository

from handoff.analysis import answers, units
from handoff.analysis.cost import LinearCost
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import DEEPER, KINDS, METRICS
from handoff.cli import main
from handoff.machine import Fingerprint
from handoff.outcome import Kind, Outcome
from handoff.record import Record
from handoff.start_methods import START_METHODS
from handoff.target import load_target
from reports import (
    compare,
    decide_data,
    extra_pages,
    interpreters_page,
    other_runs,
    plain,
    pythons_page,
    side_by_side,
    site,
    start_methods_page,
    steps,
    verdicts,
)
from reports.rows import Rank, Source, Table, noise, tables
from reports.run import runs


def table_of(*records: object, metric: str = "handoff", kind: str = "argument") -> Table:
    found = tables(Source(record) for record in records)  # type: ignore[arg-type]
    return next(table for table in found if table.metric == metric and table.kind == kind)


# -- rows --------------------------------------------------------------------------------------------------------------


def test_ranks_follow_the_truth() -> None:
    table = table_of(*synthetic.model_under_spawn())
    ranks = {cell.strategy: cell.rank for cell in table.cells}
    assert {ranks["shm-pickle-5"], ranks["shm-reused"]} == {Rank.BEST, Rank.CONTENDER}
    assert ranks["pickle-5-oob"] is Rank.FAR
    assert ranks["thread"] is Rank.REFERENCE, "a thread hands nothing over: it is no answer"
    assert ranks["dill-recurse"] is Rank.NONE


def test_ratios_and_floor_are_the_true_ones() -> None:
    table = table_of(*synthetic.model_under_spawn())
    cell = table.cell("pickle-default")
    assert cell is not None
    assert cell.slower is not None
    assert cell.slower.value == pytest.approx(6.8, rel=0.01)
    assert cell.floor == "floor-pipe"
    assert cell.floor_ratio is not None
    assert cell.floor_ratio.value == pytest.approx(68 / 18, rel=0.01)
    assert cell.wire_bytes == (50 << 20) + 200, "from the codec's record of the same payload"


def test_altered_never_wins_even_with_samples() -> None:
    record = synthetic.record(
        metrics={"handoff": {"pickle-default": 1e-3, "pickle-5": 1e-6}},
        failures={"pickle-5": Outcome(Kind.ALTERED, "worker", "", "a lost lock")},
    )
    table = table_of(record)
    assert table.best is not None
    assert table.best.strategy == "pickle-default"
    cell = table.cell("pickle-5")
    assert cell is not None
    assert (cell.time, cell.rank) == (None, Rank.NONE)


def test_a_run_that_is_too_noisy_says_so() -> None:
    assert noise([table_of(synthetic.noisy())]).too_noisy
    assert not noise([table_of(synthetic.tie())]).too_noisy


# -- words -------------------------------------------------------------------------------------------------------------


def test_the_verdict_names_what_to_take_and_what_it_saves() -> None:
    advice = verdicts.advise(table_of(*synthetic.model_under_spawn()))
    assert advice.take in ("shm-pickle-5", "shm-reused")
    assert not advice.keep
    assert re.match(
        r"Take `shm-[\w-]+`: at most 1\.0\d+ \u00d7 the best, 6\.[78]\d \u00d7 \[6[\d.]+–[67][\d.]+\] less than"
        " `pickle-default`. Also at most 1.10 \u00d7 the best: `shm-",
        advice.text,
    )
    assert re.match(r"5\d\.\d ms of the 6\d\.\d ms that `pickle-default` takes", advice.saves)
    assert "Arrives silently altered, so never take `dill-recurse`." in advice.text
    assert advice.text.endswith("1 more is for objects of another shape."), "shm-list: flat lists of scalars only"


def test_a_tie_with_the_baseline_is_no_win() -> None:
    advice = verdicts.advise(table_of(synthetic.tie()))
    assert advice.keep
    assert advice.take == "pickle-default"
    assert advice.text.startswith("Keep `pickle-default`")


def test_noise_gives_no_winner() -> None:
    advice = verdicts.advise(table_of(synthetic.noisy()))
    assert advice.take in ("", "pickle-default")
    assert advice.text.startswith("Can't tell: two copies of the same code came out 1.4")


def test_where_nothing_is_shown_to_be_faster_one_stays_with_the_baseline() -> None:
    lanes = {"pickle-default": 1.0e-3, "cloudpickle": 1.02e-3, "dill": 0.97e-3}
    argument = synthetic.record("thing", metrics={"handoff": lanes}, noise=0.3, aa=1.5, trials=3)
    state = synthetic.record(
        "thing",
        "state",
        metrics={"task": {"process-args": 1e-4, "initializer": 1e-4}, "setup": {"process-args": 0.3, "null": 0.1}},
        baseline="process-args",
    )
    found = tables([Source(argument), Source(state)])
    table = found[0]
    advice = verdicts.advise(table)
    assert advice.take == ""
    assert advice.main.startswith("Can't tell yet: ")
    assert (advice.short, advice.saves) == ("can't tell", "not known yet")
    (job,) = decide_data.jobs(found)
    assert "`pickle-default` as argument" in job["words"], "what is done now, and not what looked fastest by luck"


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3, 0.6])
def test_words_and_cells_say_the_same_however_noisy(noise: float) -> None:
    """A card that says "sure" above a cell that says "inconclusive" is believed by nobody."""
    lanes = {"pickle-default": 1.0e-3, "cloudpickle": 1.1e-3, "dill": 2e-3, "pickle-5-oob": 5e-4, "shm-pickle-5": 4e-4}
    records = [
        synthetic.record(f"thing-{seed}", metrics={"handoff": lanes}, noise=noise, trials=4 + seed % 9)
        for seed in range(30)
    ]
    taken = 0
    for table in tables(Source(record) for record in records):
        taken += table.decision.pays
        agree(table)
    assert taken > 0 or noise > 0.3


def test_a_default_that_does_not_carry_it_is_not_kept() -> None:
    refused = {"pickle-default": Outcome(Kind.REFUSED, "parent", "TypeError", "no")}
    record = synthetic.record(
        "a-lambda", metrics={"handoff": {"cloudpickle": 1e-4, "dill": 3e-4}}, failures=refused, baseline="cloudpickle"
    )
    advice = verdicts.advise(table_of(record))
    assert (advice.take, advice.keep, advice.short) == ("cloudpickle", False, "take cloudpickle")
    assert advice.main.startswith("`pickle-default` does not carry it. Take `cloudpickle`")
    assert advice.saves.startswith("nothing to compare with: `pickle-default` does not carry it")
    assert side_by_side.by_default(table_of(record)).startswith(
        "`pickle-default` does not carry it; take `cloudpickle`"
    )
    (document,) = decide_data.document([table_of(record)], title="")["tables"]
    answer = other_runs.answer(document)
    assert (answer["baseline"], answer["usual"], answer["factor"]) == ("pickle-default", None, None)


def test_that_it_pays_is_said_where_from_which_task_on_is_not_known() -> None:
    """What is paid once is about the same, a task surely less."""
    job = verdicts.WholeJob("initializer", "state", LinearCost(1.1, 0.1), (0.8, 0.9, 1.1, 1.2), (0.1,) * 4)
    other = verdicts.WholeJob("pickle-default", "argument", LinearCost(1.0, 1.0), (1.0,) * 4, (1.0,) * 4)
    found = verdicts.pays(job, other)
    assert not found.sure and found.short == "from 1 task at the latest"
    assert found.text.endswith("from 1 task on at the latest.")
    unknown = verdicts.pays(replace(job, slope=(0.1, 0.1, 0.1, 2.0)), other)
    assert not unknown.latest and "can't be told" in unknown.text


@pytest.mark.parametrize("kind", [Kind.UNAVAILABLE, Kind.NO_ANSWER])
def test_a_default_that_is_not_here_or_did_not_answer_is_not_said_to_fail(kind: Kind) -> None:
    """A frame without pandas was said not to be carried by pickle."""
    unknown = dict.fromkeys(("pickle-default", "dill"), Outcome(kind, "", "", "pandas: not installed"))
    for metrics in ({}, {"handoff": {"cloudpickle": 1e-4, "pickle-4": 3e-4}}):
        table = table_of(synthetic.record("frame", metrics=metrics, failures=unknown, baseline="cloudpickle"))
        words = f"{verdicts.advise(table)} {side_by_side.by_default(table)}"
        assert "does not carry it" not in words and (metrics or f"{kind}: pandas: not installed" in words)
        (document,) = decide_data.document([table], title="")["tables"]
        assert not document["fails"]


def test_encoding_alone_is_no_advice_to_hand_over() -> None:
    advice = verdicts.advise(table_of(*synthetic.model_under_spawn(), kind="codec", metric="encode"))
    assert advice.text.startswith("Fastest is `pickle-5-oob`")
    assert "has not moved" in advice.text
    assert advice.short == "fastest: pickle-5-oob"


def test_nothing_carries_it() -> None:
    advice = verdicts.advise(table_of(synthetic.nothing_carries()))
    assert advice.text == "Nothing carries it. Refused by `pickle-5`, `dill`."


def test_ways_to_start_are_told_by_their_time_and_what_was_not_timed_as_that() -> None:
    times = {"with-payload": 5e-2, "bare": 8e-3}
    record = synthetic.record(kind="start", metrics={"start": times}, baseline="", strategies=[])
    assert (
        verdicts.advise(table_of(record, kind="start", metric="start")).main
        == "It takes: `bare` 8.00 ms, `with-payload` 50.0 ms."
    )
    untimed = synthetic.record(kind="start", metrics={}, baseline="", strategies=[])
    found = verdicts.advise(table_of(untimed, kind="start", metric="start"))
    assert (found.main, found.short, found.take) == ("Not timed here.", "not timed", "")


def test_what_could_not_be_made_here_is_not_what_nothing_carries() -> None:
    missing = Outcome(Kind.UNAVAILABLE, "", "", "pandas: not installed")
    record = synthetic.record(metrics={}, failures={"pickle-default": missing, "dill": missing})
    record.baseline = ""
    advice = verdicts.advise(table_of(record))
    assert advice.text.startswith("Not looked at here: pandas: not installed.")
    assert "carries" not in advice.text


def test_from_how_many_tasks_setup_pays() -> None:
    records = synthetic.model_under_spawn()
    argument = table_of(*records)
    task, setup = (table_of(*records, metric=metric, kind="state") for metric in ("task", "setup"))
    found, default = verdicts.setup_pays(argument, task, setup)
    assert default.other.strategy == argument.record.baseline != found.other.strategy
    assert default.at.n < found.at.n
    assert found.sure
    # 0.3 + 0.005 n against 0.1 + 0.010 n
    assert found.at.n == pytest.approx(40, rel=0.1)
    assert found.at.low < 40 < found.at.high
    assert "is cheaper than `shm-" in found.text


# -- the plain report --------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.cells:
            self.cells[-1] += data


def everything() -> list[Record]:
    return [*synthetic.model_under_spawn(), synthetic.tie(), synthetic.noisy(), synthetic.nothing_carries()]


def test_both_notations_hold_every_figure() -> None:
    records = everything()
    text, page = plain.markdown(records), Page(plain.html(records))
    for table in tables(Source(record) for record in records):
        for cell in table.cells:
            wanted = units.interval(cell.time) if cell.time else cell.outcome.reason
            assert wanted in page.text
            assert wanted in text.replace("\\", "")
        if table.metric == "handoff" and table.record.about["nbytes"]:
            floor = table.lane("floor-shm")
            assert floor is not None
            assert floor.bytes_per_s is not None
            assert units.rate(floor.bytes_per_s) in page.text


def test_no_cell_is_blank_and_limits_come_first() -> None:
    page = Page(plain.html(everything()))
    assert all(cell.strip() for cell in page.cells)
    assert page.text.index("Limits") < page.text.index("Argument")
    assert "Too noisy" not in Page(plain.html([synthetic.tie()])).text
    assert "Too noisy" in Page(plain.html([synthetic.noisy()])).text


def test_hostile_texts_are_text() -> None:
    page = Page(plain.html([synthetic.hostile()]))
    assert "script" not in page.tags
    assert "b" not in page.tags
    assert "<script>window.hostile = 1</script>" in page.text
    text = plain.markdown([synthetic.hostile()])
    outside_code = re.sub(r"`[^`]*`", "", text)
    assert not re.search(r"(?<!\\)<", outside_code)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    bars = {len(re.findall(r"(?<!\\)\|", line)) for line in rows}
    assert len(bars) == 1, "a pipe or a newline in a text would add or split cells"
    assert "10,1" in text, "says how long what it leaves out is"


# -- the command -------------------------------------------------------------------------------------------------------


def test_unreadable_records_are_named_and_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic.tie().write(tmp_path / "run")
    (tmp_path / "truncated.json").write_text(synthetic.noisy().to_json()[:500])
    (tmp_path / "foreign.json").write_text(json.dumps({"schema": 99}))
    (tmp_path / "empty.json").write_text("")
    assert main(["report", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert "small-dict" in out
    for name in ("truncated.json", "foreign.json", "empty.json"):
        assert name in err


def test_no_records_say_how_to_make_some(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert "handoff measure" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "missing")]) == 2
    assert "handoff measure" in capsys.readouterr().err


# -- the site ----------------------------------------------------------------------------------------------------------


def test_units_survive_rounding_first() -> None:
    assert units.seconds(0.0009996) == "1.00 ms"
    assert units.seconds(0.00123456) == "1.23 ms"
    assert units.digits(9.996) == "10.0"
    assert units.digits(2592.4) == "2,592"
    assert units.seconds(4.2e-10) == "0.420 ns"


def test_each_run_has_its_page_and_the_newest_is_the_index(tmp_path: Path) -> None:
    records = tmp_path / "records"
    synthetic.tie().write(records / "machine" / "first")
    later = synthetic.tie()
    later.started = "2026-02-02T00:00:00+00:00"
    later.write(records / "machine" / "second")
    assert main(["report", str(records), "-o", str(tmp_path / "out")]) == 0
    names = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {"index.html", "run-1-machine-first.html", "method.html", "history.html", "report.html"} <= names
    assert {"records/machine/first/argument--small-dict--spawn.json", "data/index.csv", "data/index.md"} <= names
    assert "environments.html" not in names, "one environment: nothing to compare"
    assert "2026-02-02" in (tmp_path / "out" / "data" / "index.md").read_text()


def test_pages_inside_the_records_are_not_read_as_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic.tie().write(tmp_path)
    for _ in range(2):
        assert main(["report", str(tmp_path), "-o", str(tmp_path / "report")]) == 0
        assert "skipped" not in capsys.readouterr().err
    assert not (tmp_path / "report" / "history.html").exists()


def test_a_command_measures_ones_own_target_again(tmp_path: Path) -> None:
    (tmp_path / "my code.py").write_text("def make(n):\n    return [n]\n")
    text = f"{tmp_path}/my code.py:make(3)"
    (entry,) = load_target(text).values()
    record = synthetic.record(entry.payload.name)
    record.about["target"] = entry.target
    (table,) = tables([Source(record)])
    words = shlex.split(answers.command(table.record))
    assert words[:5] == ["handoff", "measure", text, "--payload", entry.payload.name]
    assert answers.command(synthetic.record(collection="payloads.graphs")).startswith(
        "handoff measure payloads --payload thing"
    )


def test_csv_holds_every_digit_and_no_formula() -> None:
    record = synthetic.record("=cmd()", metrics={"handoff": {"pickle-default": 1e-3}})
    (table,) = tables([Source(record)])
    (row,) = csv.DictReader(io.StringIO(decide_data.as_csv([table])))
    cell = table.cells[0]
    assert cell.time is not None
    assert float(row["time_s"]) == cell.time.value
    assert row["payload"] == "'=cmd()"


def test_what_changed_between_environments() -> None:
    lanes = {"pickle-default": 1e-3, "pickle-5": 1e-3, "dill": 1e-2}
    before = tables([Source(synthetic.record(metrics={"handoff": lanes}), "before.json")])
    after = tables([Source(synthetic.record(metrics={"handoff": lanes | {"dill": 2e-2}}), "after.json")])
    found, compared = compare.changes(before, after, ratios=True)
    assert compared == 2
    assert [change.strategy for change in found] == ["dill"]
    assert found[0].factor is not None and found[0].factor.value == pytest.approx(2, rel=0.02)
    assert found[0].factor.low < 2 < found[0].factor.high
    assert found[0].records == ("before.json", "after.json")


def two_runs(
    folder: Path,
    *,
    dill: float = 1e-2,
    machine: Fingerprint | None = None,
    failures: Mapping[str, Outcome] | None = None,
) -> None:
    """Two folders of records, in the second of which dill takes as long as given."""
    lanes = {"pickle-default": 1e-3, "pickle-5": 1e-3, "dill": 1e-2}
    synthetic.record(metrics={"handoff": lanes}).write(folder / "before")
    after = synthetic.record(metrics={"handoff": lanes | {"dill": dill}}, failures=failures)
    after.fingerprint = {**after.fingerprint, **(machine or {})}
    after.write(folder / "after")


def compared(folder: Path, *more: str) -> int:
    return main(["compare", str(folder / "before"), str(folder / "after"), *more])


def test_compare_finds_what_got_slower_and_says_how_sure_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two_runs(tmp_path, dill=2e-2)
    assert compared(tmp_path) == 1
    text = capsys.readouterr().out
    assert re.search(r"1 slower, 0 faster, 0 with another outcome, of 3 figures compared", text)
    assert re.search(r"dill +2\.\d\d× \[1\.\d\d–2\.\d\d\]", text)
    assert compared(tmp_path, "--threshold", "3") == 0, "slower, but by less than what is minded"
    assert "1 slower" in capsys.readouterr().out
    assert compared(tmp_path, "--format", "json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1 and found["compared"] == 3 and found["unlike"] == {}
    (change,) = found["changes"]
    assert change["strategy"] == "dill" and change["factor_low"] < change["factor"] < change["factor_high"]
    assert compared(tmp_path, "--format", "markdown") == 1
    assert "| `dill` |" in capsys.readouterr().out


def test_compare_says_nothing_of_what_is_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two_runs(tmp_path)
    assert compared(tmp_path) == 0
    assert "0 slower, 0 faster, 0 with another outcome, of 3 figures compared" in capsys.readouterr().out


def test_compare_minds_what_no_longer_arrives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two_runs(tmp_path, dill=5e-3)
    assert compared(tmp_path) == 0, "faster is no finding"
    capsys.readouterr()
    worse = tmp_path / "worse"
    two_runs(worse, failures={"pickle-5": synthetic.refused()})
    assert compared(worse) == 1
    assert re.search(r"pickle-5 +ok → refused", capsys.readouterr().out)
    assert main(["compare", str(worse / "after"), str(worse / "before")]) == 0, "and that it arrives again is none"


def test_compare_tells_once_of_what_one_run_could_not_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A library that is not installed in one of them is no outcome of each object."""
    two_runs(tmp_path, failures={"dill": Outcome(Kind.UNAVAILABLE, "", "", "dill: not installed")})
    for form, line in (
        ("text", "  dill: ok → unavailable, 1 times"),
        ("markdown", "- `dill`: ok → unavailable, 1 times"),
    ):
        assert compared(tmp_path, "--format", form) == 0
        lines = capsys.readouterr().out.splitlines()
        assert "0 with another outcome" in lines[0] and "; 1 that only one of the two runs has" in lines[0]
        assert line in lines and not any("| `dill` |" in each for each in lines)


def test_compare_takes_no_seconds_of_unlike_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two_runs(tmp_path, dill=2e-2, machine={"cpu": "Another CPU", "python": "3.14.0"})
    assert compared(tmp_path) == 1
    text = capsys.readouterr().out
    assert "cpu: Test CPU <1> → Another CPU" in text and "python: 3.13.1 → 3.14.0" in text
    assert "ratios to the baseline" in text and "of 2 figures compared" in text
    assert compared(tmp_path, "--of", "seconds") == 2
    assert "another machine" in capsys.readouterr().err


def test_compare_wants_two_runs_of_something(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two_runs(tmp_path)
    assert main(["compare", str(tmp_path / "before"), str(tmp_path / "nowhere")]) == 2
    assert "no such folder" in capsys.readouterr().err
    synthetic.record("another").write(tmp_path / "other")
    assert main(["compare", str(tmp_path / "before"), str(tmp_path / "other")]) == 2
    assert "have no experiment in common" in capsys.readouterr().err


def test_from_how_many_bytes_one_beats_the_other() -> None:
    records = [
        synthetic.record(
            f"block-{size}kib",
            metrics={"handoff": {"pickle-default": 1e-5 + size * 4e-6, "shm-reused": 1e-4 + size * 1e-6}},
            nbytes=size * 1024,
        )
        for size in (4, 64, 1024)
    ]
    (crossing,) = decide_data.crossings(tables(Source(record) for record in records))
    assert crossing["bytes"] == pytest.approx(30 * 1024, rel=0.1)


# -- memory and scaling ------------------------------------------------------------------------------------------------


def test_memory_stands_beside_time_and_in_tables_of_its_own() -> None:
    records = [*synthetic.model_under_spawn(), *synthetic.footprints()]
    cell = table_of(*records).cell("pickle-5-oob")
    assert cell is not None
    assert cell.memory is not None
    assert cell.memory["worker-uss-bytes"].value == 60 << 20
    table = table_of(*records, metric="worker-uss-bytes", kind="memory-argument")
    assert table.unit == "bytes"
    assert not table.noisy, "there is no A/A pair of bytes"
    assert verdicts.advise(table).main.startswith(
        "From `shm-pickle-5` 10.0 MiB to `pickle-default` 60.0 MiB; a bare worker that is handed nothing: 10.0 MiB."
    )
    assert {cell.rank for cell in table.cells} == {Rank.NONE}, "no verdict on bytes"


def test_the_plain_report_shows_amounts() -> None:
    page = Page(plain.html([*synthetic.model_under_spawn(), *synthetic.footprints(), synthetic.scaling()]))
    assert "not timed" not in page.text
    assert "60.0 MiB [60.0–60.0]" in page.text, "beside the time"
    assert "210 MiB" in page.text
    figures = Figures(synthetic.scaling())
    for lane in ("pool-map", "queue"):
        assert f"{units.digits(1 / figures.figure(lane, 'task-1').time.value)}/s" in page.text


def test_scaling_is_in_operations_a_second() -> None:
    (group,) = decide_data.scaling(tables([Source(synthetic.scaling())]))
    assert group["cores"] == 2
    lines = {line["name"]: [(n, rate[0]) for n, rate in line["points"]] for line in group["lines"]}
    assert [n for n, _ in lines["pool-map"]] == [1, 2, 4]
    assert [rate for _, rate in lines["pool-map"]] == pytest.approx([1000, 2000, 2000], rel=0.05)
    assert [rate for _, rate in lines["queue"]] == pytest.approx([500, 500, 476], rel=0.05)
    assert all(low <= value <= high for line in group["lines"] for _, (value, low, high) in line["points"])


def test_disturbed_samples_are_counted_and_the_rest_shown() -> None:
    record = synthetic.tie()
    for row in record.rows[:3]:
        row[9] = 50  # involuntary switches
    cell = table_of(record).cell(record.rows[0][0])
    assert cell is not None
    assert cell.time is not None
    assert cell.clean is not None
    assert cell.disturbed == {"switches": 3} or sum(cell.disturbed.values()) <= 3  # type: ignore[union-attr]
    assert cell.clean.n_samples < cell.time.n_samples


# -- steps in a history ------------------------------------------------------------------------------------------------


def history(*levels: tuple[int, float], noise: float, seed: int) -> list[float]:
    source = random.Random(seed)
    return [level + source.gauss(0, noise) for count, level in levels for _ in range(count)]


def test_steps_are_found_where_they_are() -> None:
    found = steps.steps(history((8, 0.0), (6, 0.5), (7, -0.2), noise=0.02, seed=1), least=0.02)
    assert [step.at for step in found] == [8, 14]
    assert [round(step.after - step.before, 1) for step in found] == [0.5, -0.7]


def test_noise_and_outliers_are_no_steps() -> None:
    flat = [history((20, 0.3), noise=0.05, seed=seed) for seed in range(200)]
    assert sum(bool(steps.steps(each, least=0.02)) for each in flat) <= 6, "3 %"
    odd = history((20, 0.0), noise=0.01, seed=3)
    odd[7] = 2.0
    assert steps.steps(odd, least=0.02) == []


def test_less_than_the_least_and_less_than_five_runs_are_no_history() -> None:
    assert steps.steps([0.0] * 6 + [0.01] * 6, least=0.02) == []
    assert [step.at for step in steps.steps([0.0] * 6 + [0.03] * 6, least=0.02)] == [6]
    assert steps.steps([0.0, 0.0, 9.0, 9.0], least=0.02) == []
    with pytest.raises(ValueError, match="not finite"):
        steps.steps([math.nan] * 9, least=0.02)


def nights(slower_from: int, count: int = 8) -> list[Source]:
    found = []
    for night in range(count):
        slow = 2e-3 if night >= slower_from else 1e-3
        record = synthetic.record(
            metrics={"handoff": {"pickle-default": 1e-3 * (1 + night / 9), "dill": slow * (1 + night / 9)}}
        )
        record.started = f"2026-01-{night + 1:02}T00:00:00+00:00"
        found.append(Source(record, f"machine/{night}/x.json"))
    return found


def test_the_history_page_names_the_run_since_when_and_cancels_the_machines_mood() -> None:
    text = site.render(nights(5))["history.html"]
    assert "1 steps in 1 histories of up to 8 runs" in text
    assert "2026-01-06" in text[text.index("1 steps in 1") : text.index("against")]
    assert "▁▁▁▁▁|███" in text
    step = text[text.index("▁▁▁▁▁|███") :].partition("</tr>")[0]
    assert re.findall('href="([^"]*)"', step) == ["records/machine/4/x.json", "records/machine/5/x.json"]
    assert "0 steps in 1 histories" in site.render(nights(99))["history.html"]


# -- the machine's own error -------------------------------------------------------------------------------------------


def report(*, trustworthy: bool = True) -> dict[str, object]:
    line = {"what": "identical pairs called different", "value": 0.0, "low": 0.0, "high": 0.023, "unit": "share"}
    least = {"what": "least slowdown found in 9 of 10 cases, CPU", "value": 0.031, "low": None, "unit": "share"}
    return {
        "schema": 1,
        "kind": "selftest",
        "started": "2026-01-01T00:00:00+00:00",
        "depth": "full",
        "trustworthy": trustworthy,
        "verdict": "Do not trust <i>it</i>." if not trustworthy else "It can be trusted.",
        "advice": ["stop what else runs"],
        "fingerprint": {"cpu": "Test CPU <1>", "usable_cores": 2},
        "checks": [
            {"name": "identical", "state": "ok", "lines": [line | {"note": "0 of 160 pairs", "state": "ok"}]},
            {"name": "noise", "state": "ok", "lines": [least]},
            {"name": "odd", "lines": "none"},
        ],
    }


def test_a_selftests_figures_are_on_every_page_of_its_machine(tmp_path: Path) -> None:
    synthetic.tie().write(tmp_path / "machine" / "run")
    (tmp_path / "selftest.json").write_text(json.dumps(report()))
    assert main(["report", str(tmp_path / "machine" / "run"), "-o", str(tmp_path / "out")]) == 0
    pages = sorted((tmp_path / "out").glob("*.html"))
    assert {"index.html", "method.html", "report.html", "claims.html"} <= {path.name for path in pages}
    for path in pages:
        text = path.read_text()
        assert "identical pairs called different: 0.0% [0.0% to 2.3%]" in text, path
        assert "least slowdown found in 9 of 10 cases: 3.1%" in text, path
    assert "0 of 160 pairs" in (tmp_path / "out" / "method.html").read_text()
    assert "failed its self-test" not in (tmp_path / "out" / "index.html").read_text()


def test_without_a_selftest_it_is_said_how_to_make_one() -> None:
    files = site.render([Source(synthetic.tie())], selftests=[report() | {"fingerprint": {"cpu": "another"}}])
    for name in ("index.html", "method.html", "report.html"):
        assert "handoff selftest" in files[name]
        assert "2.3%" not in files[name]


def test_a_machine_that_failed_its_selftest_has_a_banner() -> None:
    files = site.render([Source(synthetic.tie())], selftests=[report(trustworthy=False)])
    assert "failed its self-test" in files["index.html"]
    assert "Do not trust &lt;i&gt;it&lt;/i&gt;." in files["index.html"]


# -- records that make no sense ----------------------------------------------------------------------------------------


def test_a_record_that_makes_no_sense_is_named_and_the_rest_shown(tmp_path: Path) -> None:
    synthetic.tie().write(tmp_path / "run")
    backwards, short = synthetic.record("backwards"), synthetic.record("short")
    backwards.rows[0][5] = -1.0
    short.rows[0] = short.rows[0][:3]
    for bad in (backwards, short):
        bad.write(tmp_path / "run")
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "out")]) == 0
    page, method = ((tmp_path / "out" / name).read_text() for name in ("index.html", "method.html"))
    assert "2 files</a> could not be read" in page
    assert "backwards" in method
    assert "short" in method
    document = json.loads((tmp_path / "out" / "data" / "index.json").read_text())
    assert [table["payload"] for table in document["tables"]] == ["small-dict"]


def test_no_record_that_makes_sense_is_no_record() -> None:
    record = synthetic.tie()
    record.rows[0][5] = -1.0
    files = site.render([Source(record)])
    assert list(files) == ["index.html"]
    assert "handoff measure" in files["index.html"]


# -- asv's plugin ------------------------------------------------------------------------------------------------------


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A repository for asv with the plugin and without results: its folder."""
    pytest.importorskip("asv")
    return repository(tmp_path)


def test_asv_publishes_the_page_and_links_it(published: Path) -> None:
    synthetic.tie().write(published / "records" / "machine" / "run")
    (published / "records" / "machine" / "run" / "broken.json").write_text("{")
    done = publish(published)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "broken.json" in done.stdout + done.stderr
    site = published / "html"
    for page in ("index.html", "asv.html"):
        assert '<a href="decide/index.html">Decide</a>' in (site / page).read_text()
    assert 'href="../asv.html"' in (site / "decide" / "index.html").read_text()
    assert "asv&#x27;s pages" in (site / "decide" / "index.html").read_text()
    assert (site / "decide" / "records" / "machine" / "run" / "argument--small-dict--spawn.json").exists()
    assert (site / "index.json").exists()


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("git@example.org:someone/project.git", "https://example.org/someone/project"),
        ("https://me:secret@example.org/group/project.git", "https://example.org/group/project"),
        ("ssh://git@example.org/someone/project", "https://example.org/someone/project"),
        ("../elsewhere", "#"),
        (None, "#"),
    ],
)
def test_asvs_commits_lead_to_the_repositorys_page(published: Path, address: str | None, page: str) -> None:
    if address:
        subprocess.run(["git", "remote", "add", "origin", address], cwd=published, check=True)
    assert publish(published).returncode == 0
    index = json.loads((published / "html" / "index.json").read_text())
    assert index["project_url"] == page
    assert index["show_commit_url"] == (f"{page}/commit/" if page != "#" else "#")
    assert 'href="decide/index.html"' in (published / "html" / "error.html").read_text(), "what needs no network"


def test_asv_without_records_says_how_to_make_some(published: Path) -> None:
    assert publish(published).returncode == 0
    assert "python -m benchmarks" in (published / "html" / "decide" / "index.html").read_text()


def test_a_fault_leaves_asvs_site_whole(published: Path) -> None:
    reports = published / "reports"
    reports.unlink()
    shutil.copytree(Path(__file__).parent.parent / "reports", reports)
    (reports / "faulty_page.py").write_text("ORDER = 1\n\n\ndef page(runs, problems):\n    raise OSError('a fault')\n")
    synthetic.tie().write(published / "records")
    done = publish(published)
    assert done.returncode == 0
    assert "the Decide page was left out" in done.stdout + done.stderr
    assert not (published / "html" / "decide").exists()
    assert "decide/" not in (published / "html" / "index.html").read_text()
    assert (published / "html" / "index.json").exists()


def test_the_link_to_asvs_graph_is_one_that_exists() -> None:
    plugin = pytest.importorskip("reports.plugin")
    table = table_of(synthetic.tie())
    benchmarks = {
        "argument.Spawn.track_handoff": {
            "param_names": ["strategy", "payload"],
            "params": [["'pickle-5'"], ["'small-dict'"]],
        }
    }
    wanted = "../index.html#argument.Spawn.track_handoff?p-strategy=%27pickle-5%27&p-payload=%27small-dict%27"
    assert plugin.graph(benchmarks, table, "pickle-5") == wanted
    assert plugin.graph(benchmarks, table, "dill") == ""
    assert plugin.graph({}, table, "pickle-5") == ""


def own_benchmarks(module: str) -> dict[str, Any]:
    """What asv finds in a module of the suite, as asv finds it: methods of classes that are not abstract."""
    members = vars(importlib.import_module(f"benchmarks.{module}")).values()
    classes: list[Any] = [each for each in members if inspect.isclass(each) and not inspect.isabstract(each)]
    return {
        f"{module}.{each.__name__}.{track}": {
            "param_names": each.param_names,
            "params": [[repr(value) for value in values] for values in each.params],
            "setup_cache": inspect.getsourcelines(each.setup_cache)[1],
        }
        for each in classes
        if hasattr(each, "param_names")
        for track in dir(each)
        if track.startswith("track_")
    }


@pytest.mark.parametrize("kind", [*KINDS, "startup", "inheritance", "pairs"])
def test_the_suites_classes_are_named_by_the_one_rule_and_each_measures_for_itself(kind: str) -> None:
    """asv tells ``setup_cache``s apart by module and line: two classes on one line would share one."""
    from benchmarks.names import benchmark_name

    metrics = {"codec": ("encode", "decode", "wire-bytes"), "pairs": METRICS["pair"]}.get(kind) or METRICS[kind]
    possible = DEEPER[kind].start_methods if kind in DEEPER else ("",) if kind == "codec" else START_METHODS
    found = own_benchmarks(kind)
    assert found.keys() == {benchmark_name(kind, start, metric) for start in possible for metric in metrics}
    assert len({each["setup_cache"] for each in found.values()}) == len(possible)
    assert all(values for each in found.values() for values in each["params"])


@pytest.mark.parametrize(("kind", "metric"), [("argument", "handoff"), ("state", "setup"), ("codec", "encode")])
def test_the_suites_own_benchmarks_have_graphs_that_figures_link_to(kind: str, metric: str) -> None:
    plugin = pytest.importorskip("reports.plugin")
    benchmarks = own_benchmarks(kind)
    start = "" if kind == "codec" else "spawn"
    (strategy, baseline) = ("pickle-5", "pickle-default") if kind != "state" else ("initializer", "process-args")
    record = synthetic.record(
        "model-1mib",
        kind,
        start,
        metrics={name: {baseline: 1e-3, strategy: 1e-3} for name in METRICS[kind]},
        baseline=baseline,
        collection="payloads.buffers",
    )
    table = table_of(record, kind=kind, metric=metric)
    address, _, query = plugin.graph(benchmarks, table, strategy).partition("?")
    assert address.removeprefix("../index.html#") in benchmarks
    assert f"p-strategy=%27{strategy}%27" in query


def test_a_heavy_plain_report_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "HEAVY", 1000)
    files = site.render([Source(record) for record in everything()])
    parts = re.findall(r'href="(report-[^"]+)"', files["report.html"])
    assert parts == ["report-argument-spawn.html", "report-state-spawn.html", "report-codec.html"]
    assert "small-dict" in files[parts[0]]


def test_more_pages_are_found_by_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    page = extra_pages.Page("another.html", "Another", [plain.Grid("All <b>", ["a"], [["<i>"]])])
    monkeypatch.setattr("reports.history_page.page", lambda *_: page)
    files = site.render([Source(synthetic.tie())])
    assert "&lt;i&gt;" in files["another.html"]
    assert 'href="another.html"' in files["index.html"]
    assert "history.html" not in files, "one run: nothing to compare, so no page"


# -- one run of each Python, and one of each start method --------------------------------------------------------------


def run_on(folder: Path, python: str, *, method: str = "spawn", default: str = "fork", pickled_s: float = 1e-3) -> None:
    """A run on a Python: one payload sent, a bare worker started, in the folder called as the Python."""
    marks: Fingerprint = {
        "python": f"{python}.2", "default_start_method": default, "default_pickle_protocol": 4
    }  # fmt: skip
    lanes = {"pickle-default": pickled_s, "pickle-5": 1e-3, "dill": 1e-2}
    starts = {"bare": 1e-2, "interpreter": 5e-3} if python >= "3.14" else {"bare": 1e-2}
    for record in (
        synthetic.record("rows", start_method=method, metrics={"handoff": lanes}),
        synthetic.record(
            "rows", kind="start", start_method=method, metrics={"start": starts}, baseline="bare", noise=1e-4
        ),
    ):
        record.fingerprint = {**record.fingerprint, **marks}
        if record.kind == "start":
            record.strategies = []
        record.write(folder / python)


def test_several_runs_are_reported_at_once_each_called_as_its_folder(tmp_path: Path) -> None:
    for python in ("3.13", "3.14"):
        run_on(tmp_path, python)
    folders = [str(tmp_path / python) for python in ("3.13", "3.14")]
    assert main(["report", *folders, "-o", str(tmp_path / "out")]) == 0
    copies = {path.parent.name for path in (tmp_path / "out" / "records").rglob("*.json")}
    assert copies == {"3.13", "3.14"}
    for place in ("a", "b"):
        run_on(tmp_path / place, "3.13")
    found = site.load_runs([tmp_path / "a" / "3.13", tmp_path / "b" / "3.13"])
    assert {source.run for source in found.sources} == {"a-3.13", "b-3.13"}


def test_pythons_stand_side_by_side_with_what_changed_between_them(tmp_path: Path) -> None:
    run_on(tmp_path, "3.13", method="fork")
    run_on(tmp_path, "3.13")
    run_on(tmp_path, "3.14", default="spawn", pickled_s=2e-3)
    text = page_of(pythons_page, tmp_path / "3.13", tmp_path / "3.14")
    assert "| start method | fork | spawn |" in text, "what each does by default"
    row = re.search(r"hand-off with every task: `rows` \| (\S+) ms \S+ \| (\S+) ms ", text)
    assert row and [float(each) for each in row.groups()] == pytest.approx([1, 2], rel=0.05)
    assert "From 3.13 to 3.14: 1 of 4 times changed" in text
    (changed,) = re.findall(r"\| `rows` \| argument, handoff \| spawn \| `pickle-default` .* \| (\S+)× ", text)
    assert float(changed) == pytest.approx(2, rel=0.05)
    assert page_of(pythons_page, tmp_path / "3.13") == "", "one Python: nothing to compare"


def test_start_methods_and_interpreters_have_pages_of_their_own(tmp_path: Path) -> None:
    for python in ("3.13", "3.14"):
        run_on(tmp_path, python)
        assert page_of(start_methods_page, tmp_path / python) == "", "one start method: nothing to compare"
        run_on(tmp_path, python, method="fork")
    text = page_of(start_methods_page, tmp_path / "3.14")
    assert "| start | fork | spawn |" in text and "| payload | fork | spawn |" in text
    row = re.search(r"\| interpreter \| (\S+) ms \S+ \| (\S+) ms ", text)
    assert row and [float(each) for each in row.groups()] == pytest.approx([5, 5], rel=0.05)
    assert page_of(interpreters_page, tmp_path / "3.13") == ""
    (factor, _) = re.findall(r"`interpreter` \| .*ms .* \| (\S+)× ", page_of(interpreters_page, tmp_path / "3.14"))
    assert float(factor) == pytest.approx(0.5, rel=0.05)


def page_of(module: Any, *folders: Path) -> str:
    """One of the pages beside Decide as markdown; "" where there is nothing to show."""
    found = module.page(runs(site.load_runs(folders).sources), [])
    return plain.as_markdown(found.blocks) if found else ""
