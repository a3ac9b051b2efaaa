"""Recipes for the user's own object in interpreters of one process (Python 3.14): templates, as in ``_own.py``."""

from __future__ import annotations

from handoff.payload import Duty
from handoff.strategies import _own

#: One queue to all interpreters, and one back; the braces doubled once more are the target's words.
_QUEUES = """\
{extra}from concurrent import interpreters  # Python 3.14 and later
{{imports}}

{task}
{functions}
def serve({given}):
{obtain}    while (message := {take}) is not None:
        task{also} = message
        try:
            answer = task, True, {do}
        except Exception as error:
            answer = task, False, error
        {reply}

if __name__ == "__main__":
{setup}    workers = [interpreters.create() for _ in range({{workers}})]
    threads = [worker.call_in_thread(serve, {values}) for worker in workers]
    todo, results = iter(range({{tasks}})), {{{{}}}}

    def give():
        if (task := next(todo, None)) is not None:
            {give}

    try:
        for _ in workers:
            give()
        while len(results) < {{tasks}}:
            task, done, answer = {heard}
            if not done:
                raise answer
            results[task] = {got}
            give()
    finally:  # else the threads would wait for ever
        for _ in workers:
            {stop}
        for thread in threads:
            thread.join()
        for worker in workers:
            worker.close()
"""
_TOLD = """
def tell(queue, descriptor, message):
    queue.put(message)
    os.write(descriptor, b"1")

def heard(queue, descriptor):
    os.read(descriptor, 1)  # waits; an interpreter has the same descriptors
    return queue.get_nowait()
"""


def _queues(duty: Duty, *, told: bool) -> str:
    def put(queue: str, message: str, end: str) -> str:
        return f"tell({queue}, {end}, {message})" if told else f"{queue}.put({message})"

    ends = "waiting, answering" if told else ""
    setup = "    inbox, outbox = interpreters.create_queue(), interpreters.create_queue()\n"
    setup += "    (waiting, asking), (answered, answering) = os.pipe(), os.pipe()\n" if told else ""
    state = "given" if duty is Duty.STATE else ""
    if duty is Duty.ARGUMENT:
        setup += "    obj = {make}\n"
    if state:
        setup += "    obj, given = {make}, interpreters.create_queue()\n"
        setup += "    for _ in range({workers}):\n        given.put(obj)\n"
    given = ", ".join(filter(None, ("inbox, outbox", ends, state)))
    return _QUEUES.format(
        extra="import os\n" if told else "",
        task=_own.MADE if duty is Duty.RESULT else _own.USED,
        functions=_TOLD if told else "",
        given=given,
        values=given,
        obtain="    obj = given.get()\n" if state else "",
        take="heard(inbox, waiting)" if told else "inbox.get()",
        also=", obj" if duty is Duty.ARGUMENT else ",",
        do="work(task)" if duty is Duty.RESULT else "work(obj, task)",
        reply=put("outbox", "answer", "answering"),
        setup=setup,
        give=put("inbox", "(task, obj)" if duty is Duty.ARGUMENT else "(task,)", "asking"),
        heard="heard(outbox, answered)" if told else "outbox.get()",
        got="read(answer)" if duty is Duty.RESULT else "answer",
        stop=put("inbox", "None", "asking"),
    )


QUEUE = {duty: _queues(duty, told=False) for duty in (Duty.ARGUMENT, Duty.RESULT, Duty.STATE)}
QUEUE_TOLD = {duty: _queues(duty, told=True) for duty in (Duty.ARGUMENT, Duty.RESULT)}

_HEAD = "import multiprocessing as mp\nfrom concurrent.futures import ProcessPoolExecutor\n"
_OWN_HEAD = "from concurrent.futures import InterpreterPoolExecutor  # Python 3.14 and later\n"
_CALL = 'ProcessPoolExecutor({workers}, mp.get_context("{method}")'

#: An initializer that does no more than set globals is run in a module of its own, and what it set is not found.
_KEPT = f"""\
{_OWN_HEAD}{{imports}}

class Kept:
    pass

def start(given):
    Kept.obj = given

def work(task):
    obj = Kept.obj
    return {{use}}

if __name__ == "__main__":
    with InterpreterPoolExecutor({{workers}}, initializer=start, initargs=({{make}},)) as pool:
        results = list(pool.map(work, range({{tasks}})))
"""

POOL = {
    duty: code.replace(_HEAD, _OWN_HEAD).replace(_CALL, "InterpreterPoolExecutor({workers}")
    for duty, code in _own.BY_EXECUTOR.items()
} | {Duty.STATE: _KEPT}
