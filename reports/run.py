"""Tables to runs: what was measured together, on which machine and with which libraries. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .rows import Source, Table, tables

LIBRARIES = ("numpy", "cloudpickle", "dill")  #: whose versions, with Python's, make an environment


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """All tables of one run."""

    page: str  #: file name of its Decide page
    title: str
    machine: str
    environment: str
    tables: Sequence[Table]
    selftest: Mapping[str, Any] | None = None  #: the newest report of ``handoff selftest`` on this machine


def runs(
    sources: Iterable[Source], problems: list[str] | None = None, selftests: Sequence[Mapping[str, Any]] = ()
) -> list[Run]:
    """Every run, the newest first, which is ``index.html``. ``problems`` as :func:`reports.rows.tables` has it."""
    by: dict[str, list[Table]] = {}
    for table in tables(sources, problems):
        by.setdefault(table.run, []).append(table)
    ordered = sorted(by.items(), key=lambda item: (_started(item[1]), item[0]), reverse=True)
    return [
        Run(
            _page(name, len(ordered) - at, at == 0),
            _title(name, found),
            _machine(found),
            _environment(found[0]),
            found,
            _selftest(found[0], selftests),
        )
        for at, (name, found) in enumerate(ordered)
    ]


def environment(table: Table) -> Mapping[str, str]:
    """What asv calls an environment: Python and the libraries whose versions matter here."""
    marks = table.record.fingerprint
    versions = marks.get("versions") or {}
    return {"python": str(marks.get("python", "?"))} | {name: str(versions.get(name, "none")) for name in LIBRARIES}


def _selftest(table: Table, selftests: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The first that was made on a machine with the same processor, as far as a fingerprint tells machines apart."""
    mine = [table.record.fingerprint.get(mark) for mark in ("cpu", "usable_cores")]
    for report in selftests:
        marks = report.get("fingerprint")
        if isinstance(marks, Mapping) and [marks.get(mark) for mark in ("cpu", "usable_cores")] == mine:
            return report
    return None


def _environment(table: Table) -> str:
    return ", ".join(f"{name} {version}" for name, version in environment(table).items())


def _started(found: Iterable[Table]) -> str:
    return min(table.record.started for table in found)


def _machine(found: Sequence[Table]) -> str:
    """What the machine is, after its name, where the folders of records give it one."""
    marks, run = found[0].record.fingerprint, found[0].run
    name = f"{run.partition('/')[0]}: " if "/" in run else ""
    return f"{name}{marks.get('cpu', '?')}, {marks.get('usable_cores', '?')} cores"


def _title(run: str, found: Sequence[Table]) -> str:
    profile = found[0].record.profile.get("name", "?")
    when = _started(found)[:16].replace("T", " ")
    return f"{when} UTC, {_environment(found[0])}, profile {profile}" + (f" ({run})" if run else "")


def _page(run: str, number: int, newest: bool) -> str:
    """A file name that no run's name can break."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", run)[-80:].strip("-.") or "run"
    return "index.html" if newest else f"run-{number}-{safe}.html"
