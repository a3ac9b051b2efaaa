"""Whether the advice decides well: each job of :data:`objects.CASES` is really run by every way that carries it.

    python tests/trials/decide.py -o FOLDER [--only 3,7-9] [--budget 12] [--minutes 4.5]

For each case: the advice, within its budget; then every way once, each job in a fresh interpreter; then those within
1.5 times the fastest, in shuffled rounds, ever fewer. If the advised way is not the fastest, the two are run against
each other once more, in turns, and only these last runs tell by how much: what looks fastest among many is partly luck.
Results are written to FOLDER, a file a case, and what is there is not run again. Run it on a machine that does nothing
else.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from objects import CASES, Case  # noqa: E402 - it stands beside this file

from handoff.advising import run, search  # noqa: E402
from handoff.analysis import stats  # noqa: E402
from handoff.payload import Duty  # noqa: E402
from handoff.processes.interpreter import Interpreter  # noqa: E402
from handoff.target import Ref  # noqa: E402

LOST = 1.05  #: more than this times the best: the advice was wrong
NEAR = (1.5, 1.3, 1.2)  #: times the fastest so far: run again
FINAL, MOST_FINAL = 7, 101  #: pairs of the last runs: more of them while their interval has LOST in it ...
FINAL_S = 60.0  #: ... and they have not taken so long
REFERENCE = "thread"  #: no hand-over to another process, and no answer
Way = tuple[str, str]  #: strategy, duty


def run_job(case: Case, way: Way, *, look: bool, patience_s: float = 60.0) -> tuple[float, str]:
    """Seconds of the whole job by one way, and "" or why it does not work. NaN seconds then."""
    strategy, duty = way
    config = {
        "ref": asdict(Ref(str(HERE), "objects", case.make.__name__)),
        "strategy": strategy,
        "duty": duty,
        "tasks": case.tasks,
        "workers": case.workers,
        "start_method": case.start_method,
        "look": look,
    }
    with closing(Interpreter("job", config, seed=random.randrange(2**31))) as inside:
        try:
            for message in inside.told(patience_s):
                return message.get("seconds", math.nan), message.get("failed", "")
        except TimeoutError as error:
            return math.nan, str(error)
        return math.nan, f"{inside.how_it_ended()}: {inside.complaints()[-300:]}"


def duties(case: Case) -> tuple[Duty, ...]:
    return (Duty.ARGUMENT, Duty.STATE) if case.duty is None else (Duty(case.duty),)


def judge(case: Case, advised: Way | None) -> dict[str, Any]:
    """Run the case by all ways; what each took, and how far the advised one was from the best."""
    ways = [(name, str(duty)) for duty in duties(case) for name in search.lanes_for(duty, [REFERENCE])]
    ways.sort(key=lambda way: way != advised)
    taken: dict[Way, list[float]] = {}
    failed: dict[str, str] = {}
    heavy = case.make.__name__.endswith("200mb")
    for way in ways:
        fastest = min((seconds[0] for seconds in taken.values()), default=math.inf)
        seconds, why = run_job(case, way, look=not heavy, patience_s=3.0 + 3 * fastest if taken else 60.0)
        if why:
            failed[" ".join(way)] = why
        else:
            taken[way] = [seconds]
    found: dict[str, Any] = {"failed": failed, "advised": advised}
    if advised is None:
        return found | {"verdict": "nothing carries it" if not taken else "no advice", "ratio": math.nan}
    if advised not in taken:
        return found | {"verdict": "the advised way fails", "ratio": math.inf}
    near = list(taken)
    for limit in NEAR:
        fastest = min(median(taken[way]) for way in near)
        near = [way for way in near if median(taken[way]) <= limit * fastest or way == advised]
        random.shuffle(near)
        for way in near:
            taken[way].append(run_job(case, way, look=False)[0])
    best = min(near, key=lambda way: median(taken[way]))
    pairs: list[tuple[float, float]] = []
    if best != advised and median(taken[advised]) > 1.01 * median(taken[best]):
        pairs = duel(case, advised, best)
    span = paired(pairs)
    ratio = span.value if span else 1.0
    order = sorted(taken, key=lambda way: median(taken[way]))
    return found | {
        "verdict": "within 5 %" if ratio <= LOST else "lost",
        "ratio": ratio,
        "low": span.low if span else 1.0,
        "high": span.high if span else 1.0,
        "best": best,
        "median_s": {" ".join(way): median(taken[way]) for way in order},
        "taken_s": {" ".join(way): taken[way] for way in order},
        "pairs_s": pairs,
    }


def duel(case: Case, advised: Way, best: Way) -> list[tuple[float, float]]:
    """The two ways in turns, until it is clear whether the advised one has lost, or enough was tried."""
    pairs: list[tuple[float, float]] = []
    end = time.monotonic() + FINAL_S
    while len(pairs) < MOST_FINAL:
        span = paired(pairs)
        if span and len(pairs) >= FINAL and (not span.low <= LOST <= span.high or time.monotonic() > end):
            break
        turn = (best, advised)[:: 1 if len(pairs) % 2 else -1]
        seconds = {way: run_job(case, way, look=False)[0] for way in turn}
        pairs.append((seconds[advised], seconds[best]))
    return pairs


def paired(pairs: list[tuple[float, float]]) -> stats.Estimate | None:
    """The median ratio of pairs, with its interval."""
    return stats.estimate({n: [mine / other] for n, (mine, other) in enumerate(pairs)}) if pairs else None


def decide(case: Case, budget_s: float) -> dict[str, Any]:
    """Ask for advice, and judge it."""
    begin = time.monotonic()
    advice = run.advise_target(
        f"{HERE / 'objects.py'}:{case.make.__name__}",
        run.usual_job(case.duty, case.tasks, case.workers, case.start_method),
        duty=case.duty,
        budget_s=budget_s,
    )
    took_s = time.monotonic() - begin
    best = advice.best
    found = judge(case, (best.strategy, best.duty) if best else None)
    return {"case": case.name, "advice_s": took_s, **found, "advice": advice.to_json()}


def line(found: dict[str, Any]) -> str:
    """One case in one line."""
    best = " ".join(found.get("best") or ())
    mine = " ".join(found["advised"] or ("-",))
    span = f"[{found['low']:.2f}, {found['high']:.2f}]" if "low" in found else ""
    return f"{found['case']:44} {found['verdict']:22} {found['ratio']:.3f} {span:14} {mine:28} best {best}"


def chosen(only: str) -> list[Case]:
    """The cases of ``3,7-9``, counted from 1; all of ``""``."""
    if not only:
        return list(CASES)
    numbers: list[int] = []
    for part in only.split(","):
        low, _, high = part.partition("-")
        numbers += range(int(low), int(high or low) + 1)
    return [CASES[number - 1] for number in numbers]


def main() -> int:
    """Run what is not there yet, and count; 1 if the advice lost more than one case in fifteen."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--only", default="", metavar="NUMBERS", help="cases, from 1 on: 3,7-9")
    parser.add_argument("--budget", type=float, default=12.0, metavar="SECONDS")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no case after so long")
    args = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))  # for job.py
    args.output.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * args.minutes
    results = []
    for case in chosen(args.only):
        path = args.output / f"{case.name}.json"
        if not path.exists():
            if time.monotonic() > end:
                continue
            path.write_text(json.dumps(decide(case, args.budget), indent=1))
        results.append(json.loads(path.read_text()))
        print(line(results[-1]), flush=True)
    good = sum(each["verdict"] in ("within 5 %", "nothing carries it") for each in results)
    print(f"{good} of {len(results)} within 5 % of the best")
    return 0 if good * 15 >= 14 * len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
