"""Pairs: each really runs, fails and works as it is declared; the sentences have known answers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic

from handoff.analysis import regret
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import BIS
from handoff.declarations import Pair, Side
from handoff.measuring.pairs import AWKWARD, PAIR, PairLane, lanes, load, load_pairs, measure_pairs, plan_pairs
from handoff.outcome import OK, Kind, Outcome
from handoff.payload import Duty
from handoff.profile import PROFILES
from handoff.record import Record, read_all
from handoff.target import TargetError
from reports import pairs as report
from reports import site
from reports.rows import Source

FOLDER = Path(__file__).resolve().parent.parent / "payloads" / "pairs"
FOUND = load_pairs(FOLDER)
PAIRS = {name: load(entry.ref) for name, entry in FOUND.items()}
TINY = replace(PROFILES["quick"], trials=1, most_trials=0, record_s=0.0, rounds=2, sample_s=0.0005, lane_s=0.002)
LARGE = [name for name in PAIRS if name.endswith("64mib")]
METHODS = ("fork", "spawn")

#: The rows of the catalogue's table of workarounds; some are measured at several sizes.
ROWS = {
    "open-file",
    "lambda",
    "closure-log-file",
    "sqlite-connection",
    "lambda-attribute",
    "live-connection",
    "method-of-lock-holder",
    "class-not-importable",
    "model-with-every-task",
    "array-with-every-task",
    "dict-updated-by-workers",
    "tree-with-parent-links",
    "lambdas-all-over",
}


@pytest.fixture(scope="module")
def records() -> Mapping[tuple[str, str], Record]:
    small = {name: entry for name, entry in FOUND.items() if name not in LARGE}
    found = measure_pairs(plan_pairs(small, METHODS), TINY, None)
    return {(record.payload, record.start_method): record for record in found}


def declared(pair: Pair, start_method: str) -> dict[str, Kind]:
    found = {}
    for lane, side in lanes(pair, start_method).items():
        way = PairLane.of(lane)
        assert way is not None
        found[lane] = dict(side.fails).get(way.strategy, Kind.OK)
    return found


def check(record: Record, pair: Pair) -> None:
    assert not record.failed and not record.complaints and record.complete
    outcomes = {lane: outcome.kind for lane, outcome in record.outcomes.items()}
    assert outcomes == declared(pair, record.start_method), {
        n: o.reason for n, o in record.outcomes.items() if not o.ok
    }
    figures = Figures(record)
    for lane, kind in outcomes.items():
        assert [figures.has(lane, metric) for metric in ("task", "setup")] == [kind is Kind.OK] * 2
        if kind is Kind.OK:
            assert figures.amount(lane, "worker-uss-bytes").value > 100_000
    assert figures.has(BIS, "task") and figures.has(BIS, "setup")
    assert record.outcomes[record.baseline].ok
    assert report.table(record).rows and all(sentence for sentence in report.sentences(report.table(record)))


def test_every_row_of_the_catalogue_is_there() -> None:
    assert {name.removesuffix("-4kib").removesuffix("-1mib").removesuffix("-64mib") for name in PAIRS} == ROWS


@pytest.mark.parametrize("start_method", METHODS)
@pytest.mark.parametrize("name", [name for name in PAIRS if name not in LARGE])
def test_every_pair_runs_and_each_way_does_what_is_declared(
    name: str, start_method: str, records: Mapping[tuple[str, str], Record]
) -> None:
    check(records[name, start_method], PAIRS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_large_pairs_run(name: str) -> None:
    (record,) = measure_pairs(plan_pairs({name: FOUND[name]}, ("spawn",)), TINY, None)
    check(record, PAIRS[name])


@pytest.mark.parametrize("name", PAIRS)
def test_refactored_forms_are_carried_and_all_but_large_and_shared_ones_by_plain_pickle(name: str) -> None:
    pair = PAIRS[name]
    assert not [side for side in pair.refactored if side.fails]
    refactored = {strategy for side in pair.refactored for strategy in side.strategies}
    assert "pickle-default" in refactored or name.startswith(("model-", "array-")), refactored


def test_what_is_awkward_is_refused_by_plain_pickle_or_costs_too_much() -> None:
    carried = {
        name
        for name, pair in PAIRS.items()
        if not any(dict(side.fails).get("pickle-default") is Kind.REFUSED for side in pair.awkward)
    }
    assert {name.rpartition("-")[0] if "every-task" in name else name for name in carried} == {
        "model-with-every-task",
        "array-with-every-task",
        "dict-updated-by-workers",
        "tree-with-parent-links",
    }


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # open files are what some are about
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", PAIRS)
def test_both_sides_do_the_same_job(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come to the same checksum, where they are made of the same things."""
    if name in {*LARGE, "dict-updated-by-workers", "tree-with-parent-links"}:
        pytest.skip("other data, or too much of it")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sums = set()
    for side in (*PAIRS[name].awkward, *PAIRS[name].refactored):
        module, _, payload = side.payload.partition(":")
        loaded = replace(FOUND[name].ref, module=module, name=payload).load()
        sums.add(loaded.touch(loaded.make()))
    assert len(sums) == 1


def test_records_are_written_and_read_again(tmp_path: Path) -> None:
    one = {"lambda-attribute": FOUND["lambda-attribute"]}
    measure_pairs(plan_pairs(one, ("fork",)), TINY, tmp_path)
    (record,), problems = read_all(tmp_path)
    assert (record.kind, record.name, problems) == (PAIR, "pair--lambda-attribute--fork", [])
    assert record.wire_bytes["refactored instance-with-method pickle-default argument"] > 20
    page = report.markdown([record])
    assert "## lambda-attribute" in page and "sending `instance-with-method` with every task" in page


def test_a_pair_defined_twice_is_told(tmp_path: Path) -> None:
    text = "from handoff.measuring.pairs import Pair\n"
    text += "PAIRS = (Pair(name='a', awkward=(), refactored=(), why='', source=''),)\n"
    (tmp_path / "pairs_one.py").write_text(text)
    (tmp_path / "pairs_two.py").write_text(text)
    with pytest.raises(TargetError, match="'a' is defined in pairs_one and again in pairs_two"):
        load_pairs(tmp_path)


def test_lanes_exist_only_under_their_start_methods() -> None:
    side = Side(payload="m:p", strategies=("inherit", "initializer"), duty=Duty.STATE)
    pair = Pair(name="a", awkward=(side,), refactored=(), why="", source="")
    assert list(lanes(pair, "spawn")) == ["awkward p initializer state"]
    assert list(lanes(pair, "fork")) == ["awkward p inherit state", "awkward p initializer state"]
    assert PairLane.of("awkward p inherit state") == PairLane(AWKWARD, "p", "inherit", Duty.STATE)
    assert PairLane.of(BIS) is None


# -- sentences ---------------------------------------------------------------------------------------------------------

SENT = "awkward model pickle-default argument"
ONCE = "refactored model initializer state"
EACH = "refactored path pickle-default argument"


def said(
    task: Mapping[str, float], setup: Mapping[str, float], failures: Mapping[str, Outcome] | None = None, **more: float
) -> list[str]:
    baseline = SENT if SENT in task else next(iter(task))
    record = synthetic.record(
        "model",
        PAIR,
        metrics={"task": task, "setup": setup},
        baseline=baseline,
        failures=failures,
        noise=more.get("noise", 0.002),
        aa=more.get("aa", 1.0),
    )
    return report.sentences(report.table(record))


def test_what_is_paid_once_says_from_which_task_on_it_pays() -> None:
    """52 ms more before the first task, 40 ms less in each: 1.3 tasks, so the second."""
    (sentence,) = said({SENT: 0.041, ONCE: 0.001}, {SENT: 0.141, ONCE: 0.152})
    assert sentence.startswith("Sending `model` with every task (`pickle-default`) costs 41.")
    assert "; having `model` set up once (`initializer`) 5" in sentence
    assert " once, then 1.0" in sentence and " ms a task: it pays from the 2nd task on" in sentence


def test_what_costs_more_each_time_as_well_never_pays() -> None:
    (sentence,) = said({SENT: 0.001, ONCE: 0.002}, {SENT: 0.101, ONCE: 0.300})
    assert sentence.endswith("it never pays in time.")


def test_what_costs_less_at_once_pays_from_the_first_task() -> None:
    (sentence,) = said({SENT: 0.200, ONCE: 0.001}, {SENT: 0.500, ONCE: 0.1})
    assert "nothing more once" in sentence and sentence.endswith("it pays from the first task on.")


def test_what_is_paid_once_may_be_too_noisy_to_tell_but_not_that_it_pays() -> None:
    (sentence,) = said({SENT: 0.200, ONCE: 0.001}, {SENT: 0.300, ONCE: 0.102})
    assert "; having `model` set up once (`initializer`) at most " in sentence
    assert sentence.endswith("it pays from the 1st task on at the latest.")


def test_a_tie_is_called_a_tie() -> None:
    (sentence,) = said({SENT: 0.010, EACH: 0.010}, {SENT: 0.1, EACH: 0.1})
    assert sentence.endswith("a task costs the same, to within 10 %.")


def test_what_is_faster_and_slower_is_said_with_its_interval() -> None:
    assert "it saves time, taking 0.5" in said({SENT: 0.010, EACH: 0.005}, {SENT: 0.1, EACH: 0.1})[0]
    assert "it buys no time: 2.0" in said({SENT: 0.005, EACH: 0.010}, {SENT: 0.1, EACH: 0.1})[0]


def test_noise_is_not_put_into_a_verdict() -> None:
    times = {SENT: 0.010, ONCE: 0.0098}
    record = synthetic.record(
        "model", PAIR, metrics={"task": times, "setup": {SENT: 0.1, ONCE: 0.15}}, baseline=SENT, noise=0.2, aa=1.5
    )
    found = report.table(record)
    ratio = found.rows[1].ratio
    assert ratio and not regret.shown(ratio)
    assert "can't be told" in report.sentences(found)[0]


def test_where_nothing_carries_the_awkward_object_that_is_said_first() -> None:
    refused = Outcome(Kind.REFUSED, "parent", "TypeError", "cannot pickle")
    first, second = said({EACH: 0.010}, {EACH: 0.1}, {SENT: refused})
    assert first == (
        "Nothing hands the awkward object over under spawn: sending `model` with every task (`pickle-default`) is"
        " refused."
    )
    assert second.startswith("Sending `path` with every task (`pickle-default`) costs ") and second.endswith("a task.")


def test_a_refactored_way_that_fails_is_named_with_its_reason() -> None:
    broken = Outcome(Kind.BROKEN, "worker", "OSError", "no space")
    assert said({SENT: 0.010}, {SENT: 0.1}, {EACH: broken}) == [
        "Sending `path` with every task (`pickle-default`) is broken: in the worker: OSError: no space."
    ]


@pytest.mark.parametrize(
    ("n", "words"),
    [(0.0, "1st"), (0.7, "1st"), (1.0, "2nd"), (1.3, "2nd"), (2.9, "3rd"), (10.5, "11th"), (1000, "1,001st")],
)
def test_the_first_task_beyond_a_break_even(n: float, words: str) -> None:
    assert report.nth(n) == words


def test_the_fastest_awkward_way_is_what_others_are_compared_with() -> None:
    other = "awkward model dill argument"
    record = synthetic.record(
        "model",
        PAIR,
        metrics={"task": {other: 0.02, SENT: 0.01, EACH: 0.005}, "setup": {other: 0.1, SENT: 0.1, EACH: 0.1}},
        baseline=other,
    )
    assert report.table(record).base == next(row for row in report.table(record).rows if row.way.strategy != "dill")
    assert record.outcomes[SENT] == OK


def test_a_pairs_figures_lead_to_their_record_and_to_the_command_that_measures_them_again() -> None:
    record = synthetic.record("model", PAIR, metrics={"task": {SENT: 0.01}, "setup": {SENT: 0.1}}, baseline=SENT)
    text = site.render([Source(record, "machine/run/pair.json")])["pairs.html"]
    assert 'href="records/machine/run/pair.json"' in text
    command = (
        f"python -m reports.write_pairs --pair model --start-method spawn --profile {record.profile['name']} -o DIR"
    )
    assert command in text
    assert "records/" not in report.markdown([record])
