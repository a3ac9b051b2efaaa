"""What other runs say to the same questions, for one run's page: machines, Pythons, libraries side by side. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .run import Run, environment

MOST = 8  #: other runs on a page, the newest: their answers are in its bytes, and its table is read at a glance


def others(documents: Sequence[tuple[Run, Mapping[str, Any]]], here: Run) -> list[dict[str, Any]]:
    """The answers of the other runs that have a question in common with this one, the newest first."""
    mine = next(document for run, document in documents if run is here)
    asked = {question(table) for table in mine["tables"] if table["choice"]}
    found = []
    for run, document in documents:
        answers = {question(t): answer(t) for t in document["tables"] if t["choice"] and question(t) in asked}
        if run is not here and answers:
            found.append(
                {
                    "page": run.page,
                    "when": document["started"][:16].replace("T", " "),
                    "unlike": unlike(here, run),
                    "same_machine": run.machine == here.machine,
                    "answers": answers,
                }
            )
    return found[:MOST]


def question(table: Mapping[str, Any]) -> str:
    """What is asked: the page's script makes the same of its own tables."""
    return "|".join((table["kind"], table["start_method"], table["metric"], table["payload"]))


def answer(table: Mapping[str, Any]) -> dict[str, Any]:
    """What is taken, and what is done by default, with their figures."""
    cells = {cell["strategy"]: cell for cell in table["cells"]}
    taken, usual = cells.get(table["take"], {}), cells.get(table["baseline"], {})
    timed = any("time" in cell and cell["rank"] != "reference" for cell in table["cells"])
    return {
        "take": table["take"],
        "keep": table["keep"],
        "pays": table["pays"],
        "timed": timed,
        "short": table["short"],
        "time": taken.get("time"),
        "fails": table["fails"],
        "baseline": table["fails"] or table["baseline"],
        "usual": None if table["fails"] else usual.get("time"),
        "factor": None if table["fails"] else usual.get("slower"),
    }


def unlike(here: Run, there: Run) -> str:
    """What of the other run's machine, Python, libraries and profile differs from this one's; "" where nothing does."""
    mine, its = environment(here.tables[0]), environment(there.tables[0])
    parts = [there.machine] if there.machine != here.machine else []
    parts += [f"{name} {its[name]}" for name in its if its[name] != mine[name]]
    parts += [f"profile {_profile(there)}"] if _profile(there) != _profile(here) else []
    return ", ".join(parts)


def _profile(run: Run) -> str:
    return str(run.tables[0].record.profile.get("name", "?"))
