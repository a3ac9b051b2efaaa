"""What nobody has thought of: records, targets and messages as Hypothesis makes them up.

A few examples run always, the same each day; where ``HANDOFF_FUZZ_S`` is set, others for so many seconds, as at night.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest
import synthetic
import test_messages
from hostile_rows import HARMS, HOOKS, IMPORTS, indented
from hostile_run import ran
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from test_given_files import COMMANDS, NASTY, places
from test_hostile import CALLS, line
from test_hostile import COMMANDS as AT_THE_DESK

from handoff.cli import main
from handoff.processes import sandbox
from handoff.processes.serving import NotOurs, hear
from handoff.target import TargetError, parse_call, parse_work

SECONDS = float(os.environ.get("HANDOFF_FUZZ_S", "0"))
#: Of the time that there is, to each of so many tests: what starts processes takes longest for an example.
SHARES = {"records": 0.3 / 5, "modules": 0.5, "targets": 0.1 / 3, "messages": 0.1 / 2}


def for_a_while(what: str, examples: int, test: Callable[[], None]) -> None:
    """Run a test of Hypothesis: with a few examples, or with others again and again."""
    end = time.monotonic() + SECONDS * SHARES[what]
    phases = [each for each in Phase if each is not Phase.shrink] if what == "modules" else list(Phase)
    run = settings(
        max_examples=examples,
        deadline=None,
        derandomize=not SECONDS,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )(test)
    run()
    while time.monotonic() < end:
        run()


# ------------------------------------------------------------------------------------------------------------- records

values = st.recursive(
    st.sampled_from(NASTY) | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)
DOCUMENTS = [
    json.loads(each.to_json()) for each in (synthetic.record(trials=3, rounds=2), *synthetic.model_under_spawn())
]
changes = st.lists(st.tuples(st.integers(0, 10**6), st.none() | values), min_size=1, max_size=4)


def changed(document: Any, what: list[tuple[int, Any]]) -> Any:
    """The document with something else at some places, or (None) without them."""
    document = json.loads(json.dumps(document))
    for number, value in what:
        there = list(places(document))
        at = there[number % len(there)]
        inside = document
        for key in at[:-1]:
            inside = inside[key]
        if value is None and isinstance(inside, dict):
            del inside[at[-1]]
        else:
            inside[at[-1]] = value
    return document


@pytest.mark.parametrize("command", COMMANDS)
def test_a_record_with_anything_in_it(command: str) -> None:
    @given(st.integers(0, len(DOCUMENTS) - 1), changes | values)
    def check(number: int, what: Any) -> None:
        documents: list[Any] = list(DOCUMENTS)
        with suppress(ValueError):  # what JSON cannot say is in no file
            documents[number] = changed(documents[number], what) if _is_changes(what) else what
            texts = [json.dumps(each) for each in documents]
            assert_read(command, texts)

    for_a_while("records", 8, check)


def _is_changes(what: Any) -> bool:
    return isinstance(what, list) and bool(what) and all(isinstance(each, tuple) for each in what)


def assert_read(command: str, texts: list[str]) -> None:
    """Whatever is in records, the command ends in order."""
    said = io.StringIO()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place, chdir(place):
        for run in ("a", "b"):
            Path(run).mkdir()
            for number, text in enumerate(texts):
                Path(run, f"{number}.json").write_text(text, encoding="utf-8", errors="surrogatepass")
        with redirect_stdout(said), redirect_stderr(said):
            assert main(COMMANDS[command]) in (0, 1, 2)
    assert "Traceback" not in said.getvalue()
    assert not set(said.getvalue()) & set("\x1b\x07\ud800")


# ------------------------------------------------------------------------------------------------------------- targets

words = st.text(st.sampled_from("ab_/.:()[]{}'\"\\, =*+-0123\n\t \0é\x1b\ud800"), max_size=30)


@pytest.mark.parametrize("read", [sandbox.request, parse_call, parse_work], ids=lambda read: read.__name__)
def test_a_target_of_any_text_is_one_or_an_error_of_use(read: Callable[[str], Any]) -> None:
    @given(words | words.map("mine.py:make({})".format))
    def check(text: str) -> None:
        with suppress(TargetError):
            read(text)

    for_a_while("targets", 100, check)


@st.composite
def modules(draw: st.DrawFn) -> str:
    """A class with some hooks, each of which does some harm, and a graph of objects with some of it."""
    mark = "MARK"
    code = f"{IMPORTS}class Bad:\n    def __init__(self): self.a = [1]\n"
    for hook in draw(st.lists(st.sampled_from(sorted(HOOKS)), max_size=3, unique=True)):
        signature, returns = HOOKS[hook]
        harm = HARMS[draw(st.sampled_from(sorted(HARMS)))].code.replace("MARK", mark)
        when = draw(st.sampled_from(["", "if os.getpid() != made: ", "if time.time() % 1 < 0.5: "]))
        body = f"def harm():\n{indented(harm, 4)}\n{when}harm()\nreturn {returns}"
        code += f"    def {signature}:\n{indented(body, 8)}\n"
    whole = (
        draw(
            st.recursive(
                st.sampled_from(
                    ["Bad()", "Bad", "lambda: Bad()", "None", "float('nan')", "shared", "open(__file__)", "b'x'"]
                ),
                lambda inner: st.lists(inner, max_size=3).map("[{}]".format) | inner.map("{{1: {}}}".format),
                max_leaves=5,
            )
        )
        .replace('"', "")
        .replace("'Bad()'", "Bad()")
    )
    return f"{code}made = os.getpid()\nshared = Bad()\ndef make(): return eval({whole!r})\nPAYLOADS = [make]\n"


def test_a_module_that_does_several_things_at_once() -> None:
    @given(modules(), st.sampled_from([*AT_THE_DESK, *CALLS]))
    def check(code: str, command: str) -> None:
        with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as place:
            mark = f"hostile-{uuid.uuid4().hex[:12]}"
            Path(place, "mine.py").write_text(code.replace("MARK", mark))
            ended = ran(line(command), Path(place), mark=mark)
            assert ended.faults(codes=(0, 1, 2)) == [], f"{command}\n{code}\n{ended}"

    for_a_while("modules", 1, check)


# ------------------------------------------------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    "test",
    [
        test_messages.test_ours_arrive_and_garbage_between_them_is_counted,
        test_messages.test_nothing_else_is_taken_for_a_message,
    ],
    ids=["ours", "garbage"],
)
def test_what_is_sent_arrives(test: Callable[[], None]) -> None:
    for_a_while("messages", 10, test)


@given(st.binary(max_size=100) | values.map(lambda value: json.dumps(value).encode(errors="replace")))
def test_what_a_worker_says_is_ours_or_not(said: bytes) -> None:
    class Conn:
        def recv_bytes(self) -> bytes:
            return said

    conn: Any = Conn()
    with suppress(NotOurs):
        assert isinstance(hear(conn), dict)
