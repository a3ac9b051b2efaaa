"""asv as a child process of the runner: with a machine file of its own, and never outliving its parent.

``asv run`` insists on a machine file and writes the one in the home directory, whatever ``--machine`` says (asv 0.6.6).
This module is asv's own command line with that path replaced, so a run leaves nothing outside the repository.
Usage: ``python benchmarks/_asv.py MACHINE_FILE MACHINE ARGUMENT...``. asv imports this module when it looks for
benchmarks: it must stay light.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2), Linux


def main(machine_file: Path, machine: str, arguments: list[str]) -> None:
    """Run ``asv ARGUMENTS`` in this process; exits with asv's exit code."""
    from asv import main as asv_main
    from asv.machine import Machine, MachineCollection

    if sys.platform == "linux":  # a killed runner interrupts asv, which ends its own children
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
    machine_file.parent.mkdir(parents=True, exist_ok=True)
    MachineCollection.save(machine, {**Machine.get_defaults(), "machine": machine}, _path=str(machine_file))
    MachineCollection.get_machine_file_path = staticmethod(lambda: str(machine_file))
    sys.argv = ["asv", *arguments]
    asv_main.main()


if __name__ == "__main__":
    # The script's own folder is first on the path: it would make this package's modules importable under other names.
    del sys.path[0]
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
