"""What is a user's program in a contained process. It imports next to nothing, as the program would find it.

What the standard library's modules take to import is a part of what a short job takes: a pool's are some 5 ms.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

MADE = "_made"  #: what makes the object in a program that is run here
given: dict[str, Any] = {}  #: in a fork: ``obj``, which is made already


def main(config: Mapping[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """Be the program ``text``, and tell what its part ``main`` took without the making of the object."""
    from handoff.processes.boot import limit_memory, settle

    settle()
    if "memory_bytes" in config:
        limit_memory(config["memory_bytes"])
    path = os.path.abspath("job.py")
    with open(path, "w") as file:
        file.write(config["text"])
    if config["cwd"]:
        os.chdir(config["cwd"])
    program = type(sys)("__main__")
    program.__file__ = path
    names, this, spent = vars(program), os.getpid(), [0.0]

    def made(make: Callable[[], Any]) -> Any:
        """A worker that makes it pays for it; here it is given, or made outside of the time."""
        if os.getpid() != this:
            return make()
        if "obj" in given:
            return given["obj"]
        begin = time.perf_counter()
        obj = make()
        spent[0] += time.perf_counter() - begin
        return obj

    if given:  # what is defined in the main module that was forked
        names |= {name: value for name, value in vars(sys.modules["__main__"]).items() if not name.startswith("__")}
    sys.modules["__main__"] = program  # workers that are not forked find it by its file, as any main module
    try:
        exec(compile(config["text"].removesuffix(config["main"].lstrip("\n")), path, "exec"), names)
        names[MADE] = made
        code = compile(config["main"], path, "exec")
        begin = time.perf_counter()
        exec(code, names)
        seconds = time.perf_counter() - begin - spent[0]
    except BaseException as error:
        tell({"error": f"{type(error).__name__}: {error}"[:300]})
    else:
        tell({"seconds": seconds})
