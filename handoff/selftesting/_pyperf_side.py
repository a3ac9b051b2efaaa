"""pyperf's side of the comparison: run as a module, with ``--payload NAME`` and pyperf's own options."""

from __future__ import annotations

import pickle
from functools import partial
from importlib import import_module
from typing import Any


def main() -> None:
    """Run pyperf on one payload's ``dumps`` and ``loads``."""
    pyperf: Any = import_module("pyperf")  # no dependency of this package
    from handoff.selftesting._frame import PAYLOADS
    from handoff.target import Ref

    def pass_on(command: list[str], args: Any) -> None:
        command.extend(["--payload", args.payload])

    runner = pyperf.Runner(program_args=("-P", "-m", "handoff.selftesting._pyperf_side"), add_cmdline_args=pass_on)
    runner.argparser.add_argument("--payload", required=True)
    obj = Ref("", PAYLOADS, runner.parse_args().payload).load().make()
    message = pickle.dumps(obj, protocol=5)
    runner.bench_func("dumps", partial(pickle.dumps, protocol=5), obj)
    runner.bench_func("loads", pickle.loads, message)


if __name__ == "__main__":
    main()
