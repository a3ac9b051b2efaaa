"""Messages between processes: what is ours arrives whole, whatever else is written to the pipe; the rest is counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.processes.lines import NOT_OURS, Listener, encoded, new_word, teller
from handoff.processes.serving import NotOurs, hear

GENEROUS_S = 120.0
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
messages = st.dictionaries(st.text(), values, max_size=4)


def told(word: str, message: Any) -> bytes:
    reader, writer = os.pipe()
    teller(writer, word)(message)
    os.close(writer)
    with open(reader, "rb") as file:
        return file.read()


@given(values)
def test_messages_are_json_as_the_standard_librarys(value: Any) -> None:
    assert encoded(value) == json.dumps(value)


@given(st.lists(messages, max_size=4), st.lists(st.binary(max_size=40), max_size=4), st.integers(1, 64))
def test_ours_arrive_and_garbage_between_them_is_counted(
    sent: list[dict[str, Any]], garbage: list[bytes], piece: int
) -> None:
    word = new_word()
    stream = b""
    for number in range(max(len(sent), len(garbage))):
        stream += garbage[number] if number < len(garbage) else b""
        stream += told(word, sent[number]) if number < len(sent) else b""
    listener = Listener(word)
    heard = [each for at in range(0, len(stream), piece) for each in listener.messages(stream[at : at + piece])]
    assert heard == sent
    assert listener.foreign_bytes <= sum(len(each) + 1 for each in garbage)
    if any(garbage[: len(sent)]):
        assert listener.foreign_bytes


@given(st.binary(max_size=200))
def test_nothing_else_is_taken_for_a_message(garbage: bytes) -> None:
    listener = Listener(new_word())
    assert listener.messages(garbage + b"\n") == []
    assert listener.foreign_bytes == len(garbage) + 1


@pytest.mark.parametrize("text", ["[1]", "null", "1", '{"a": 1} x', '{"a": ', "[" * 100_000, ""])
def test_what_begins_with_our_word_must_be_a_message_too(text: str) -> None:
    listener = Listener(word := new_word())
    assert listener.messages(f"{word}{text}\n".encode()) == []


def test_one_that_was_cut_off_is_nobodys_fault() -> None:
    """Its teller was killed; the next one, through the same pipe, arrives."""
    listener = Listener(word := new_word())
    assert listener.messages(told(word, {"a": 1})[:-3] + told(word, {"b": 2})) == [{"b": 2}]
    assert listener.foreign_bytes == 0


@pytest.mark.parametrize("said", [b"garbage", b"[1]", b"\xff\xfe", b"null", b""])
def test_a_worker_is_not_believed_either(said: bytes) -> None:
    class Conn:
        def recv_bytes(self) -> bytes:
            return said

    conn: Any = Conn()
    with pytest.raises(NotOurs):
        hear(conn)


#: What a payload may do to the line between it and the tool.
HARM = {
    "writes": """for fd in range(3, 60):
            try: os.write(fd, b'{"a": [1]}' + bytes([10]) + b'null' + bytes([10]) + b'x')
            except OSError: pass""",
    "closes": "os.closerange(3, 60)",
    "patches": "json.dumps = json.loads = json.JSONEncoder.encode = os.write = os._exit = os.read = None",
    "patches-builtins": "builtins.len = builtins.isinstance = builtins.str = builtins.type = builtins.dict = None",
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("command", ["support", "diagnose"])
def test_a_payload_cannot_break_the_line_to_the_tool(command: str, harm: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import builtins, json, os\nclass Bad:\n    def __reduce__(self):\n"
        f"        {HARM[harm]}\n        return list, ([1],)\ndef make(): return Bad()\n"
    )
    ways = ["--strategy", "pickle-5,queue", "--start-method", "fork"] if command == "support" else []
    line = [sys.executable, "-P", "-m", "handoff", command, "mine.py:make", "-q", "-v", *ways]
    done = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=GENEROUS_S)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert (" ".join((done.stdout + done.stderr).split()).count(NOT_OURS) > 0) == (harm == "writes")
