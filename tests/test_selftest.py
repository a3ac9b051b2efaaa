"""The selftest: its arithmetic on made data, its ways of measuring with made clocks, and a tiny run."""

from __future__ import annotations

import itertools
import json
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handoff import cli, selftesting
from handoff.analysis.figures import Figures
from handoff.analysis.metrics import BIS
from handoff.analysis.stats import Estimate
from handoff.measuring.experiment import Experiment, measure
from handoff.outcome import OK
from handoff.profile import Profile
from handoff.record import COLUMNS, MOST_TRIALS, Record, each, newest, read_all
from handoff.selftesting import (
    _frame,
    _made,
    _price,
    _show,
    _stability,
    asv_rule,
    coverage,
    identical,
    prediction,
    quiet,
    slowdowns,
)
from handoff.selftesting._frame import (
    CELLS,
    DEPTHS,
    PAYLOADS,
    Check,
    CheckResult,
    CheckState,
    Effort,
    FigureLine,
    Report,
)
from handoff.selftesting._numbers import ASV_SAMPLES, asv_differ, asv_interval, exact_interval
from handoff.selftesting._pool import groups
from handoff.target import Entry, Ref

CPU, IPC = CELLS

TINY = Effort(
    name="tiny",
    profile=Profile(name="selftest", trials=2, rounds=5, sample_s=0.0005, lane_s=0.003, grouped=False),
    trials=2,
    copies=3,
    slowed=2,
    cell_s=0.0,
    most_experiments=1,
    power_trials=(2,),
    alternations=1,
    check_s=0.0,
)


# -- shares and asv's rule


@pytest.mark.parametrize("of", [1, 7, 100, 300, 1000])
def test_a_shares_interval_is_clopper_and_pearsons(of: int) -> None:
    beta = pytest.importorskip("scipy.stats").beta
    for count in {0, 1, of // 3, of - 1, of}:
        low, high = exact_interval(count, of)
        assert low == pytest.approx(beta.ppf(0.025, count, of - count + 1) if count else 0.0, abs=1e-9)
        assert high == pytest.approx(beta.ppf(0.975, count + 1, of - count) if count < of else 1.0, abs=1e-9)


def test_no_false_positive_in_300_pairs_says_at_most_one_and_a_quarter_percent() -> None:
    low, high = exact_interval(0, 300)
    assert low == 0
    assert high == pytest.approx(0.0122, abs=1e-4)
    with pytest.raises(ValueError, match="not a share"):
        exact_interval(3, 2)


def test_the_interval_is_that_of_asv() -> None:
    quantile_ci = pytest.importorskip("asv_runner.statistics").quantile_ci
    rng = random.Random(1)
    for count in range(ASV_SAMPLES, 40):
        samples = [rng.lognormvariate(0, 0.3) for _ in range(count)]
        assert asv_interval(samples) == quantile_ci(samples, 0.5, alpha_min=0.99)[1]
    with pytest.raises(ValueError, match="8 samples"):
        asv_interval([1.0] * 8)


def test_two_results_differ_where_asv_says_so() -> None:
    is_different = pytest.importorskip("asv._stats").is_different
    compute = pytest.importorskip("asv_runner.statistics").compute_stats
    rng = random.Random(2)
    seen = set()
    for shift in itertools.islice(itertools.cycle((0, 0.1, 0.3, 0.6)), 100):
        a = [rng.gauss(10, 0.2) for _ in range(10)]
        b = [rng.gauss(10 + shift, 0.2) for _ in range(10)]
        answer = is_different(None, None, compute(a, 1)[1], compute(b, 1)[1])
        assert asv_differ(a, b) is answer
        seen.add(answer)
    assert seen == {True, False}


def test_a_target_is_missed_only_when_the_whole_interval_misses_it() -> None:
    assert _frame.at_most(0, 300, 0.01)[3] is CheckState.OK
    assert _frame.at_most(1, 20, 0.01)[3] is CheckState.UNDECIDED
    assert _frame.at_most(20, 300, 0.01)[3] is CheckState.OFF
    assert _frame.at_most(0, 0, 0.01)[3] is CheckState.UNDECIDED
    assert _frame.at_least(95, 100, 0.9)[3] is CheckState.OK
    assert _frame.at_least(17, 20, 0.9)[3] is CheckState.UNDECIDED
    assert _frame.at_least(10, 100, 0.9)[3] is CheckState.OFF
    assert _frame.near_one(Estimate(1.04, 1.0, 1.07, 5, 5), 0.05) is CheckState.OK
    assert _frame.near_one(Estimate(1.04, 0.9, 1.2, 5, 5), 0.05) is CheckState.UNDECIDED  # too wide to tell
    assert _frame.near_one(Estimate(1.06, 1.01, 1.2, 5, 5), 0.05) is CheckState.UNDECIDED
    assert _frame.near_one(Estimate(1.2, 1.1, 1.3, 5, 5), 0.05) is CheckState.OFF
    assert coverage.judge(95, 100, 0.92, 0.98)[3] is CheckState.OK
    assert coverage.judge(100, 100, 0.92, 0.98)[3] is CheckState.OK
    assert coverage.judge(300, 300, 0.92, 0.98)[3] is CheckState.UNDECIDED
    assert coverage.judge(90, 100, 0.92, 0.98)[3] is CheckState.UNDECIDED
    assert coverage.judge(70, 100, 0.92, 0.98)[3] is CheckState.OFF
    assert coverage.judge(0, 0, 0.92, 0.98)[3] is CheckState.UNAVAILABLE


# -- slowdowns by made clocks


class Clock:
    """Each reading takes 50 ns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 5e-8
        return self.now


@pytest.mark.parametrize("share", [0.0, 0.03, 0.1])
def test_a_spin_lasts_its_share_of_each_call(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    clock = Clock()
    monkeypatch.setattr(_made, "perf_counter", clock)
    took = itertools.cycle((1e-4, 3e-4, 1e-2))

    def work(_: Any) -> str:
        clock.now += next(took)
        return "result"

    slow = _made.Spinning(work, share, keep=True)
    assert [slow(None) for _ in range(30)] == ["result"] * 30
    assert slow.calls == 30
    assert slow.spun_s / slow.busy_s == pytest.approx(share, abs=0.001)
    assert _made.Spinning(work, share, keep=False)(None) is None


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_a_sender_spins_its_share_of_the_usual_hand_off(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    clock = Clock()
    monkeypatch.setattr(_made, "perf_counter", clock)
    sender = _made.SpinningSender(share)
    spun = []
    for number in range(2000):
        if number % 50 == 0:
            clock.now += 0.02  # between samples; must not count as a hand-off
        sender.encode(None)
        spun.append(sender.spun_s)
        clock.now += 1e-4
    assert spun[0] <= 1e-7
    assert sum(spun[1000:]) / 1000 == pytest.approx(share * 1e-4, rel=0.05, abs=1e-7)


def test_names_say_what_lanes_are() -> None:
    lanes = _made.names(3, 2)
    assert lanes[:3] == ("copy-1", "copy-2", "copy-3")
    assert lanes[3:] == ("slow-3-1", "slow-3-2", "slow-5-1", "slow-5-2", "slow-10-1", "slow-10-2")
    assert [_made.share(name) for name in ("copy-2", "slow-3-1", "slow-10-2")] == [0, 0.03, 0.1]


# -- pairs by made records


def made(cell: _frame.Operation, seed: int, *, trials: int = 8, spread: float = 0.005, copies: int = 9) -> Figures:
    """A record as an experiment of copies and slowed lanes leaves it, with slowdowns of just their size."""
    rng = random.Random(seed)
    lanes = (*_made.names(copies, 2), BIS)
    rows: list[list[Any]] = []
    for trial in range(trials):
        process = rng.lognormvariate(0, 0.3)
        for number in range(5):
            drift = rng.lognormvariate(0, 0.1)
            for lane in lanes:
                for metric in cell.metrics:
                    base = 1e-4 * process * drift
                    spin = base * _made.share(lane)
                    seconds = 100 * (base + spin) * rng.lognormvariate(0, spread)
                    rows.append([lane, metric, trial, number, 100, seconds, 100 * spin + 1e-6, 0, 0, 0, 0, 0])
        for lane in lanes:
            if cell is CPU and _made.share(lane):
                for metric in cell.metrics:
                    row = [lane, f"injected-{metric}", trial, 0, 500, _made.share(lane) * 0.05, 0.05]
                    rows.append([*row, 0, 0, 0, 0, 0])
    return Figures(record(cell.kind, rows, baseline="copy-1"))


def record(kind: str, rows: list[list[Any]], *, baseline: str) -> Record:
    strategies = list(dict.fromkeys(row[0] for row in rows if row[0] != BIS))
    return Record(
        payload="rows",
        kind=kind,
        start_method="",
        collection=PAYLOADS,
        strategies=strategies,
        profile={},
        fingerprint={},
        run="",
        started="",
        about={},
        baseline=baseline,
        outcomes=dict.fromkeys(strategies, OK),
        rows=rows,
    )


def test_trials_are_regrouped_and_no_lane_is_in_two_pairs() -> None:
    figures = [made(CPU, 1), made(CPU, 2)]
    for trials, expected in ((8, 2), (5, 3), (16, 1), (20, 0)):
        found = list(groups(figures, "encode", trials))
        assert [len(group.lanes["copy-2"]) for group in found] == [trials] * expected
    keys = [key for group in groups(figures, "encode", 5) for key in group.lanes["copy-2"]]
    assert len(keys) == len(set(keys)) == 15
    (group,) = groups(figures, "encode", 16)
    used = [lane for pair in group.pairs() for lane in pair]
    assert len(used) == len(set(used)) == 8
    assert "copy-1" not in used
    assert {slow for slow, _ in group.slowed()} == set(_made.names(0, 2))


@contextmanager
def bench_of(spread: float, experiments: int) -> Iterator[_frame.Bench]:
    """A bench whose cells are made."""
    with _frame.Bench(replace(DEPTHS["full"], check_s=0.0)) as bench:
        cells = {cell: tuple(made(cell, seed, spread=spread) for seed in range(experiments)) for cell in CELLS}
        bench.cell = cells.__getitem__  # type: ignore[assignment]
        yield bench


def test_identical_lanes_are_not_called_different_and_intervals_hold() -> None:
    with bench_of(0.02, 40) as bench:
        found = identical.CHECK.run(bench)
        assert found.state is CheckState.OK, found
        assert found.data["cpu"]["pairs"] == 40 * 2 * 4
        assert found.data["ipc"]["pairs"] == 40 * 4
        assert quiet.CHECK.run(bench).state is CheckState.OK
        held = coverage.CHECK.run(bench)
        assert held.state is CheckState.OK, held
        assert {line.what.split(", ")[-1] for line in held.lines[:3]} == {f"{name} noise" for name in coverage.NOISES}


def test_slowdowns_are_found_and_verified() -> None:
    with bench_of(0.005, 5) as bench:
        found = slowdowns.CHECK.run(bench)
    assert found.state is CheckState.OK, found
    for percent in (3, 5, 10):
        for cell, cells in (("cpu", 2), ("ipc", 1)):
            entry = found.data[f"{cell}-{percent}-8"]
            assert entry["of"] == 5 * cells * 2
            assert entry["verified"] == pytest.approx(percent / 100, rel=0.05)
            assert entry["measured"] == pytest.approx(percent / 100, abs=0.005)
        assert found.data[f"cpu-{percent}-20"]["of"] == 2 * 2 * 2
    assert found.data["cpu-5-20"]["found"] == found.data["cpu-5-20"]["of"]


def test_too_much_noise_is_seen_as_slowdowns_not_found() -> None:
    with bench_of(0.6, 5) as bench:
        assert slowdowns.CHECK.run(bench).state is CheckState.OFF
        assert quiet.CHECK.run(bench).state is CheckState.OFF


def test_asvs_rule_calls_cells_different_that_drifted_apart() -> None:
    rng = random.Random(3)
    drifting = [[(1 + 0.2 * i) * rng.gauss(1, 0.01) for _ in range(10)] for i in range(6)]
    assert asv_rule.in_turn(drifting) == [(True, True)] * 3 + [(True, asv_rule.judge(*drifting[3:5])[1])] + [
        (True, asv_rule.judge(*drifting[4:6])[1])
    ]
    (group,) = groups([made(CPU, 4)], "encode", 8)
    assert len(asv_rule.in_rounds(group)) == 4 * 2


def test_alternations_go_on_until_intervals_can_tell_or_there_are_enough() -> None:
    with _frame.Bench(replace(DEPTHS["full"], check_s=1e9, alternations=30)) as bench:

        def alternations(spread: float) -> int:
            done = 0

            def ratios() -> list[Estimate]:
                return [Estimate(1.4, 1.4 / (1 + spread), 1.4 * (1 + spread), done, done)]

            for number in bench.alternate(ratios, 0.03):
                done = number + 1
            return done

        assert alternations(0.01) == 8  # never before eight; by width alone, however far from 1
        assert alternations(0.02) == 30
    with _frame.Bench(replace(DEPTHS["full"], check_s=0.0)) as bench:
        assert len(list(bench.alternate(lambda: [Estimate(1.0, 0.5, 2.0, 1, 1)], 0.03))) == _frame.LEAST
        assert len(list(bench.alternate(list, 0.03))) == 1  # nothing works: there is nothing to wait for


# -- the report


def report(*states: CheckState) -> Report:
    lines = (
        FigureLine("share", 0.01, 0.0, 0.05, "share", "at most 1 %", CheckState.OK, "1 of 100"),
        FigureLine("ratio", 1.0, 0.5, float("inf"), "ratio"),
        FigureLine("time", 1e-6, unit="seconds"),
        FigureLine("nothing", float("nan")),
        FigureLine("count | pipe", 3, unit="count"),
    )
    results = (
        CheckResult(state, f"it is {state}", lines, {"x": float("inf")}, f"c{i}", f"check {i}")
        for i, state in enumerate(states)
    )
    return Report("tiny", tuple(results), ("close programs",), {}, {}, {}, 1.0)


def test_only_what_is_shown_to_be_off_is_a_finding() -> None:
    assert report(CheckState.OK, CheckState.UNDECIDED, CheckState.UNAVAILABLE).trustworthy
    assert not report(CheckState.OK, CheckState.OFF).trustworthy
    assert report(CheckState.OK).verdict == "What was looked at is as it should be: check 0."
    names = sorted(_frame.ESSENTIAL)
    whole = report(*[CheckState.OK] * len(names))
    whole = replace(whole, results=tuple(replace(r, name=n) for r, n in zip(whole.results, names, strict=True)))
    assert whole.verdict == "Figures from this machine can be trusted as far as their intervals say."
    assert report(CheckState.OFF).verdict.startswith("The suite is biased here.")
    noisy = replace(report(CheckState.OFF), results=(replace(report(CheckState.OFF).results[0], name="noise"),))
    assert noisy.verdict.startswith("Do not trust figures")
    assert "undecided: check 1" in report(CheckState.OK, CheckState.UNDECIDED).verdict
    assert "Not looked at: check 1" in report(CheckState.OK, CheckState.UNAVAILABLE).verdict
    assert report(CheckState.UNAVAILABLE).verdict.startswith("Nothing is known")


def test_the_report_is_text_markdown_and_strict_json() -> None:
    made_report = report(CheckState.OK, CheckState.OFF)
    text = _show.text(made_report)
    assert "check 1: off. It is off." in text
    assert "1.0% [0.0% to 5.0%]" in text
    assert "1.00 µs" in text
    assert "close programs" in text
    assert "count \\| pipe" in _show.markdown(made_report)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    data = json.loads(_show.to_json(made_report), parse_constant=refuse)
    assert (data["schema"], data["kind"], data["trustworthy"]) == (1, "selftest", False)
    assert data["checks"][0]["lines"][1]["high"] is None
    assert data["checks"][1]["state"] == "off"


def test_reports_beside_records_are_found_and_are_no_records(tmp_path: Path) -> None:
    for day, folder in (("2026-01-02", "b"), ("2026-01-03", "a"), ("2026-01-01", "c")):
        (tmp_path / folder).mkdir()
        told = _show.to_json(replace(report(CheckState.OK), started=day))
        (tmp_path / folder / "selftest.json").write_text(told)
    (tmp_path / "other.json").write_text("[]")
    record("codec", [], baseline="pickle-5").write(tmp_path)
    records, problems = read_all(tmp_path)
    assert [record.kind for record in records] == ["codec"]
    assert [problem.partition(":")[0] for problem in problems] == [str(tmp_path / "other.json")]
    reports = newest(item for _, item in each(tmp_path.rglob("*.json")) if isinstance(item, dict))
    assert [report["started"] for report in reports] == ["2026-01-03", "2026-01-02", "2026-01-01"]
    assert reports[0]["checks"][0]["state"] == "ok"


def run_of(seconds: dict[str, float], *, seed: int, spread: float = 0.002) -> Record:
    """A record of eight trials in which strategies take just so long, up to noise and to drift common to all."""
    rng = random.Random(seed)
    rows: list[list[Any]] = []
    for trial, number in itertools.product(range(8), range(3)):
        drift = rng.lognormvariate(0, 0.2)
        for lane in (*seconds, BIS):
            took = seconds.get(lane, seconds["pickle-default"]) * drift * rng.lognormvariate(0, spread)
            rows += [[lane, metric, trial, number, 10, 10 * took, 0, 0, 0, 0, 0, 0] for metric in ("encode", "decode")]
    return record("codec", rows, baseline="pickle-default")


def test_two_runs_that_order_strategies_alike_are_stable() -> None:
    times = {"pickle-default": 1e-3, "pickle-5": 1.0005e-3, "pickle-2": 1.03e-3, "cloudpickle": 1.2e-3, "dill": 1e-2}
    found = _stability.compare([run_of(times, seed=1)], [run_of(times, seed=2)])
    (result,) = found.results
    assert result.state is CheckState.OK
    # dill and cloudpickle from each of the others, both ways round and in both metrics; pickle-2 is not far enough
    assert result.data == {"pairs": 2 * 2 * (4 + 3), "contradicted": 0, "inverted": 0, "experiments": 1}
    assert found.trustworthy
    assert json.loads(_show.to_json(found))["kind"] == "stability"


def test_an_inversion_is_a_finding_and_noise_is_none() -> None:
    before = {"pickle-default": 1e-3, "cloudpickle": 1.2e-3, "dill": 1e-2}
    swapped = {"pickle-default": 1.2e-3, "cloudpickle": 1e-3, "dill": 1e-2}
    found = _stability.compare([run_of(before, seed=1)], [run_of(swapped, seed=2)])
    (result,) = found.results
    assert (result.state, result.data["inverted"], result.data["contradicted"]) == (CheckState.OFF, 4, 4)
    assert [line.value for line in result.lines[:2]] == [4 / 12, 4 / 12]  # inverted, and contradicted by the tiers
    assert any("cloudpickle to pickle-default, codec rows" in line.what for line in result.lines)
    assert not found.trustworthy
    (vague,) = _stability.compare([run_of(before, seed=1)], [run_of(swapped, seed=2, spread=2.0)]).results
    assert (vague.state, vague.data["contradicted"]) == (CheckState.UNDECIDED, 0)  # the second run knows nothing
    assert vague.data["inverted"] > 0
    noisy = _stability.compare([run_of(before, seed=1, spread=0.5)], [run_of(swapped, seed=2, spread=0.5)])
    assert noisy.results[0].data["inverted"] == 0  # what no run tells apart can't be inverted


def test_runs_of_different_experiments_are_not_compared() -> None:
    other = run_of({"pickle-default": 1e-3, "dill": 1e-2}, seed=1)
    other.payload = "floats"
    found = _stability.compare([run_of({"pickle-default": 1e-3, "dill": 1e-2}, seed=1)], [other])
    assert found.results[0].state is CheckState.UNDECIDED
    assert "no experiment in common" in found.advice[0]


def test_two_folders_are_compared_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, fast in (("a", 1e-3), ("b", 1e-3), ("c", 1e-1)):
        run_of({"pickle-default": fast, "dill": 1e-2}, seed=ord(name)).write(tmp_path / name)
    a, b, c = (str(tmp_path / name) for name in "abc")
    assert cli.main(["selftest", "--compare", a, b]) == 0
    assert "Of 4 pairs told apart" in capsys.readouterr().out
    assert cli.main(["selftest", "--compare", a, c]) == 1
    assert cli.main(["selftest", "--compare", a, str(tmp_path / "nothing")]) == 2
    assert "no records there" in capsys.readouterr().err


def test_advice_is_given_when_something_is_wrong_and_not_else() -> None:
    from handoff.selftesting._advice import advise

    busy = {"load": (3.0, 0, 0), "pressure": {"cpu_some_avg10": 40.0, "io_some_avg10": 3.0}, "steal_ticks": 5}
    idle: dict[str, Any] = {"load": (0.0, 0, 0), "pressure": {}, "steal_ticks": None}
    bad = [CheckResult(CheckState.OFF, "", name="slowdowns"), CheckResult(CheckState.UNDECIDED, "", name="identical")]
    words = " ".join(advise(bad, {"usable_cores": 1}, busy, {**busy, "steal_ticks": 9}))
    for expected in ("close other programs", "two cores", "more trials", "full selftest", "virtual machine", "disk"):
        assert expected in words
    assert not list(advise([CheckResult(CheckState.OK, "", name="slowdowns")], {"usable_cores": 2}, busy, busy))
    assert not any("close" in text for text in advise(bad, {"usable_cores": 2}, idle, idle))


def test_the_cost_model_is_off_only_where_all_trials_say_so() -> None:
    assert prediction._shown_off([1.2, 1.4, 1.3]) and prediction._shown_off([0.5, 0.8, 0.7])
    assert not prediction._shown_off([1.2, 1.4, 1.1]) and not prediction._shown_off([1.2, 1.4])
    assert prediction._state(90, 5, 100) is CheckState.OK
    assert prediction._state(70, 5, 100) is CheckState.UNDECIDED
    assert prediction._state(70, 25, 100) is CheckState.OFF


def test_every_check_has_a_name_and_a_title() -> None:
    checks = selftesting.checks()
    order = "clock noise identical asv coverage slowdowns null starts isolation agreement cost"
    assert list(checks) == order.split()
    assert all(check.title and name == check.name for name, check in checks.items())


# -- really run, as small as can be


@pytest.fixture(autouse=True)
def leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every temporary folder is gone at the end; they are made in a place of this test's own."""
    with tempfile.TemporaryDirectory(prefix="t") as place:  # short: sockets lie below it
        monkeypatch.setattr(tempfile, "tempdir", place)
        yield
        assert not list(Path(place).iterdir())


def test_all_of_it_runs() -> None:
    told: list[tuple[int, int, str]] = []
    found = selftesting.run(TINY, seed=7, progress=lambda *step: told.append(step))
    by_name = {result.name: result for result in found.results}
    assert list(by_name) == list(selftesting.checks())
    missing = {name: r.summary for name, r in by_name.items() if r.state is CheckState.UNAVAILABLE}
    assert set(missing) <= {"agreement"}, missing
    assert by_name["identical"].data["cpu"]["pairs"] == 2
    assert by_name["clock"].state is CheckState.OK
    assert by_name["cost"].data["jobs"] >= 60
    assert any("verified" in line.note for line in by_name["slowdowns"].lines)
    assert told[-1][:2] == (11, 11)
    assert _show.text(found)
    assert json.loads(_show.to_json(found))["checks"]


def test_a_check_that_cannot_run_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> CheckResult:
        raise RuntimeError("no such thing")

    checks = {
        "a": Check("a", "first", 0, fail),
        "b": Check("b", "second", 1, lambda _: CheckResult(CheckState.OK, "fine")),
    }
    monkeypatch.setattr(selftesting, "checks", lambda: checks)
    found = selftesting.run(TINY)
    assert [(r.state, r.summary) for r in found.results] == [
        (CheckState.UNAVAILABLE, "could not run: RuntimeError: no such thing"),
        (CheckState.OK, "fine"),
    ]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "records" / "selftest.json"
    arguments = ["selftest", "--quick", "-q", "--check", "clock"]
    assert cli.main([*arguments, "--format", "json", "-o", str(output)]) == 0
    assert json.loads(output.read_text())["schema"] == 1
    assert cli.main(arguments) == 0
    printed = capsys.readouterr()
    assert "the clock: ok" in printed.out
    assert printed.err == ""
    assert cli.main(["selftest", "--check", "clocks"]) == 2
    assert "unknown check 'clocks'; valid are: clock, noise, identical" in capsys.readouterr().err


def test_a_finding_is_exit_code_1_and_an_interrupt_130(monkeypatch: pytest.MonkeyPatch) -> None:
    check = Check("clock", "the clock", 0, lambda _: CheckResult(CheckState.OFF, "broken"))
    monkeypatch.setattr(selftesting, "checks", lambda: {"clock": check})
    assert cli.main(["selftest", "--quick", "-q"]) == 1

    def interrupt(_: object) -> CheckResult:
        raise KeyboardInterrupt

    monkeypatch.setattr(selftesting, "checks", lambda: {"clock": Check("clock", "", 0, interrupt)})
    assert cli.main(["selftest", "--quick", "-q"]) == 130


# -- the price of trust


def test_the_price_is_in_time_at_equal_width() -> None:
    assert _price.price(10, 5, 0.02, 0.01) == 8  # half the width is worth four times the time
    assert _price.price(10, 5, 0.01, 0.02) == 0.5


def test_widths_are_of_ratios_to_the_baseline() -> None:
    rng = random.Random(6)
    runs: _price.Runs = {}
    for number in range(8):
        drift = rng.lognormvariate(0, 0.5)  # common to both, and so without effect on their ratio
        runs.setdefault(("rows", _price.BASELINE, "encode"), {})[number] = [drift]
        runs.setdefault(("rows", "pickle-5", "encode"), {})[number] = [drift * 1.5 * (1 + 0.001 * number)]
    (width,) = _price.half_widths(runs).values()
    assert 0 < width < 0.004


@pytest.mark.slow
def test_plain_asv_and_the_suite_measure_all_cells(tmp_path: Path) -> None:
    pytest.importorskip("asv", reason="asv is not installed here: it is in the dependency group 'bench'")
    for found, seconds in _price.both(tmp_path, 1):
        assert len(found) == len(_price.OBJECTS) * len(_price.STRATEGIES) * len(_price.STEPS)
        assert all(row[0][0] > 0 for row in found.values())
        assert seconds > 0


# -- adaptive trials, and causes


def test_a_record_says_why_it_ended(tmp_path: Path) -> None:
    ref = Ref("", PAYLOADS, "task")
    one = Experiment(Entry(ref, ref.load()), "codec", "", ("pickle-5",))
    profile = replace(TINY.profile, trials=1, rounds=1)
    (ended,) = measure([one], profile, None)
    assert (ended.stopped, ended.complete, len(ended.trials)) == (MOST_TRIALS, True, 1)

    def interrupt(done: int, of: int, what: str) -> None:
        if "trial 2" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure([one], replace(profile, trials=3), tmp_path, progress=interrupt)
    (path,) = tmp_path.glob("*.json")
    data = json.loads(path.read_text())
    assert (data["stopped"], data["complete"]) == ("interrupted", False)


def test_clean_figures_leave_out_what_was_disturbed_and_unfiltered_ones_nothing() -> None:
    def row(
        trial: int, number: int, seconds: float, switches: int = 0, faults: int = 0, collections: int = 1
    ) -> list[Any]:
        return ["pickle-5", "encode", trial, number, 100, seconds, 0, 0, 0, switches, faults, collections]

    rows = [row(trial, number, 0.01) for trial in range(8) for number in range(4)]
    for trial in range(8):
        rows += [row(trial, number, 0.03, switches=2) for number in range(4, 10)]
    rows[0] = row(0, 0, 0.01, faults=50)  # 50 µs at least, of 10 ms: does not weigh 1 %
    rows[1] = row(0, 1, 0.02, faults=5000)
    rows[2] = row(0, 2, 0.02, collections=7)
    rows = [row_ for row_ in rows if row_[3] < 4] + [row_ for row_ in rows if row_[3] == 4]
    figures = Figures(record("codec", rows, baseline="pickle-5"))
    figure = figures.figure("pickle-5", "encode")
    assert COLUMNS[9:] == ("switches", "faults", "collections")
    assert figure.disturbed == {"switches": 8, "faults": 1, "collections": 1}
    assert figure.clean.n_samples == len(rows) - 10
    assert figure.time.n_samples == len(rows)
    assert figure.clean.value == pytest.approx(1e-4)
    always = [row(trial, 0, 0.01, switches=3, faults=4000, collections=5) for trial in range(8)]
    steady = Figures(record("codec", always, baseline="pickle-5")).figure("pickle-5", "encode")
    assert sum(steady.disturbed.values()) == 0  # what an operation always does belongs to it
    assert steady.clean == steady.time
