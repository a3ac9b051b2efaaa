"""For pytest: a fixture that holds what an object weighs on its way against a stored baseline.

    @pytest.mark.handoff_weight(factor=1.5)
    def test_the_config_stays_light(handoff_weight):
        handoff_weight(make_config())

``pytest --handoff-update`` stores what is measured; commit the file. ``--handoff-since main`` compares with the file as
it is in a git revision, whatever this branch made of it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FILE = "handoff-weights.json"
FACTOR = 1.5  #: what grew by less passes, unless the marker says otherwise


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("handoff", "what objects weigh when they go to another process")
    group.addoption("--handoff-update", action="store_true", help="store what is measured as the baseline")
    group.addoption("--handoff-baseline", metavar="FILE", default=FILE, help=f"default: {FILE} in pytest's root folder")
    group.addoption("--handoff-since", metavar="REVISION", help="the file as it is in this git revision, such as main")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers", f"handoff_weight(factor={FACTOR}): how much heavier than its baseline an object may get"
    )


@pytest.fixture
def handoff_weight(request: pytest.FixtureRequest) -> Iterator[Callable[..., None]]:
    """Call it with an object: fails where that got heavier to pickle than the baseline allows."""
    from handoff.testing import weight

    path = request.config.rootpath / request.config.getoption("--handoff-baseline")
    update = request.config.getoption("--handoff-update")
    since = request.config.getoption("--handoff-since")
    marker = request.node.get_closest_marker("handoff_weight")
    factor = marker.kwargs.get("factor", FACTOR) if marker else FACTOR
    measured: dict[str, weight.Weight] = {}

    def check(obj: Any, name: str = "obj") -> None:
        __tracebackhide__ = True
        key = f"{request.node.nodeid} {name}"
        known = {} if update else weight.read(_text(path, since), f"{since}:{path.name}" if since else path.name)
        if not update and key not in known:
            pytest.fail(f"no baseline for {key} in {path.name}: run pytest --handoff-update, and commit the file")
        now = measured[key] = weight.weigh(obj, known[key].protocol if key in known else None)
        grown = [] if update else weight.heavier(known[key], now, factor)
        if grown:
            pytest.fail(_message(obj, name, grown, since or path.name, factor))

    yield check
    if update and measured:
        known = weight.read(path.read_text(encoding="utf-8"), path.name) if path.exists() else {}
        weight.write(known | measured, path)


def _text(path: Path, since: str | None) -> str:
    """The file of baselines; empty ones where there is none yet."""
    if since is None:
        return path.read_text(encoding="utf-8") if path.exists() else '{"schema": 1, "weights": {}}'
    command = ["git", "show", f"{since}:./{path.name}"]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"--handoff-since {since}: {done.stderr.strip()}")
    return done.stdout


def _message(obj: Any, name: str, grown: list[str], before: str, factor: float) -> str:
    from handoff.analysis import units
    from handoff.api import diagnose

    lines = [f"{name} {each} {before} (allowed: less than {factor:g}×)" for each in grown]
    lines += [f"  {units.size(part.bytes)} in {part.path}" for part in diagnose(obj, name=name).heavy[:3]]
    lines.append("  meant so? pytest --handoff-update stores it as the new baseline")
    return "\n".join(lines)
