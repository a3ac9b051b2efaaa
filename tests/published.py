"""A repository for asv with the publisher plugin and without results."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def repository(folder: Path) -> Path:
    """Make it in ``folder``, which is empty; records go into ``records`` there."""
    (folder / "reports").symlink_to(Path(__file__).parent.parent / "reports")
    (folder / "results").mkdir()
    (folder / "results" / "benchmarks.json").write_text('{"version": 2}')
    config = {
        "version": 1, "project": "test", "project_url": "#", "repo": ".", "branches": ["HEAD"], "dvcs": "git",
        "results_dir": "results", "html_dir": "html", "env_dir": "env", "plugins": [".reports.plugin"],
    }  # fmt: skip
    (folder / "asv.conf.json").write_text(json.dumps(config))
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)
    return folder


def publish(folder: Path) -> subprocess.CompletedProcess[str]:
    """``asv publish``: the site is in ``html``."""
    command = [sys.executable, "-W", "ignore", "-m", "asv", "publish"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
