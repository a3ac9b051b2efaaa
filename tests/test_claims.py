"""The ledger of claims: what is declared is what happens, on this Python, and the page says what is declared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from payloads.claims import ledger
from payloads.claims._claim import PYTHONS, START_METHODS, Claim, ClaimVerdict, Script
from payloads.claims._run import Observation, observe, run_all
from reports.claims import ClaimRow, Evidence, markdown, rows
from reports.write_claims import PAGE, main, page

CLAIMS = ledger()


def check(script: str, seen: Mapping[str, str] | None = None, needs: tuple[str, ...] = ()) -> Script:
    return Script(tried="it", script=script, seen=seen or {}, needs=needs)


@pytest.fixture(scope="module")
def results() -> list[Observation]:
    return run_all(CLAIMS)


@pytest.mark.slow
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim.number))
def test_what_happens_is_what_is_declared(claim: Claim, results: list[Observation]) -> None:
    mine = [result for result in results if result.claim is claim]
    assert len(mine) == sum(len(each.start_methods) for each in claim.checks)
    seen = {f"{result.check.tried}, {result.start_method}": result.seen for result in mine}
    declared = {
        f"{result.check.tried}, {result.start_method}": result.seen if result.unavailable else result.declared
        for result in mine
    }
    assert seen == declared
    if all(result.unavailable for result in mine):
        pytest.skip(mine[0].seen)


def test_the_page_is_what_is_declared() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(CLAIMS), "stale: run python -m reports.write_claims"


def test_the_ledger_is_complete() -> None:
    assert [claim.number for claim in CLAIMS] == list(range(1, 32))
    for claim in CLAIMS:
        assert claim.checks and claim.explanation and claim.source
        assert len({each.tried for each in claim.checks}) == len(claim.checks)
        for each in claim.checks:
            assert all(each.expected(method, python) for method in each.start_methods for python in PYTHONS), each.tried


def test_no_declaration_is_unreachable() -> None:
    for claim in CLAIMS:
        for each in claim.checks:
            reached = {each.expected(method, python) for method in each.start_methods for python in PYTHONS}
            assert reached == set(each.seen.values()), (claim.number, each.tried)


def test_verdicts_that_hold_everywhere_have_no_exception_to_explain() -> None:
    for claim in CLAIMS:
        if claim.verdict is ClaimVerdict.ONLY_WHEN:
            assert claim.explanation[0].islower() or claim.explanation.startswith("__"), "it goes on from 'only when'"


def test_of_the_selections_that_fit_the_last_counts() -> None:
    it = check("", {"": "all", "spawn forkserver": "two", "spawn 3.13": "one"})
    assert [it.expected(method, "3.13") for method in START_METHODS] == ["all", "one", "two"]
    assert it.expected("spawn", "3.12") == "two"


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ("print('a'); print('b')", "prints a / b"),
        ("raise ValueError('no')", "raises ValueError: no"),
        ("print('a'); raise KeyError", "prints a; raises KeyError"),
        ("import sys; sys.exit(3)", "exits with status 3"),
        ("import os; os.kill(os.getpid(), 11)", "is killed by signal 11"),
        ("pass", "ends silently"),
        ("print(object())", "prints <object object at 0x…>"),
        ("import os; print(os.getcwd())", "prints …"),
        ("import threading; threading.Event().wait()", "hangs"),
        ("import sys; print('OSError: gone', file=sys.stderr)", "in a worker: OSError: gone"),
    ],
)
def test_what_is_seen_is_put_into_words(script: str, seen: str) -> None:
    assert observe(check(script), "fork") == seen


def test_a_program_gets_its_start_method() -> None:
    assert observe(check("import sys; print(sys.argv[1])"), "spawn") == "prints spawn"


def test_a_missing_library_is_no_finding() -> None:
    claim = Claim(
        number=1,
        claim="",
        source="",
        verdict=ClaimVerdict.HOLDS,
        explanation="",
        checks=(check("", {"": "x"}, ("no_such_library",)),),
    )
    results = run_all([claim])
    assert [result.seen for result in results] == ["unavailable: no_such_library not installed"] * 3
    assert all(result.agrees and result.unavailable for result in results)


def test_a_change_of_reality_is_told_and_leaves_the_page_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    claim = Claim(
        number=1,
        claim="It prints 1.",
        source="000",
        verdict=ClaimVerdict.HOLDS,
        explanation="So it does.",
        checks=(check("print(1)", {"": "prints 1", "spawn": "prints 2"}),),
    )
    monkeypatch.setattr("reports.write_claims.ledger", lambda: (claim,))
    assert main(["-o", str(tmp_path / "page.md")]) == 1
    out = capsys.readouterr().out
    assert "claim 1, it, spawn" in out and "declared: prints 2" in out and "seen:     prints 1" in out
    assert not list(tmp_path.iterdir())


def test_the_page_tells_pythons_apart_only_where_they_differ() -> None:
    seen = {method: {"3.11": "prints |", "3.12": "prints |"} for method in START_METHODS}
    seen["fork"] = {"3.11": "prints 1", "3.12": "raises A: `b`"}
    row = ClaimRow(7, "It is so.", "000", "does not hold", "Because.", [Evidence("it", seen)])
    text = markdown([row], ("3.11", "3.12"))
    assert "| it | fork on 3.11 | `prints 1` |" in text
    assert "| it | fork on 3.12 | `raises A: 'b'` |" in text
    assert "| it | spawn, forkserver | `prints \\|` |" in text
    assert "Of 1 claims, 1 do not hold" in text
    assert len(rows(CLAIMS, START_METHODS, PYTHONS)) == 31


def test_nothing_is_left_behind() -> None:
    script = (
        "import multiprocessing as mp, os, time\n"
        "if __name__ == '__main__':\n"
        "    process = mp.get_context('spawn').Process(target=time.sleep, args=(1000,))\n"
        "    process.start()\n"
        "    print(os.getpid(), process.pid, flush=True)\n"
    )
    seen = observe(check(script), "spawn")
    words = seen.split()
    assert (words[0], words[-1]) == ("prints", "hangs"), seen
    assert not [pid for pid in words[1:-1] if lives(pid.strip(";"))]


def lives(pid: str) -> bool:
    """Whether there is such a process; one that is dead and not yet waited for is not."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
