"""How an object is made again by its own constructor: the reducer that its class lacks, as code for its user."""

from __future__ import annotations

import inspect

from handoff.compare.names import installed, module_of
from handoff.diagnosing.paths import instance_dict

_ANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def exception_fix(error: BaseException) -> str:
    """What to do about an exception whose constructor is not given what it wants: a reducer, if its attributes will do.

    Its class is only read, and none of its code runs.
    """
    kind = type(error)
    library = installed(module_of(kind))
    otherwise = (
        "send its text, or raise an exception of your own from it" if library else _KEEP.format(kind.__qualname__)
    )
    try:
        wanted = list(inspect.signature(kind.__init__).parameters.values())[1:]
    except (TypeError, ValueError):
        return otherwise
    own = instance_dict(error) or {}
    kept = [each for each in wanted if each.name in own and each.kind not in _ANY]
    if any(each.default is each.empty and each not in kept for each in wanted if each.kind not in _ANY) or not kept:
        return otherwise
    it = "error" if library else "self"
    positional = [f"{it}.{each.name}" for each in kept if each.kind is not each.KEYWORD_ONLY]
    named = "".join(f", {each.name}={it}.{each.name}" for each in kept if each.kind is each.KEYWORD_ONLY)
    name = kind.__qualname__ if library else "type(self)"
    arguments = f"({', '.join(positional)}{',' * (len(positional) == 1)})"
    reduced = f"functools.partial({name}{named}), {arguments}" if named else f"{name}, {arguments}"
    if library:
        return f"register a reducer before it is sent: copyreg.pickle({name}, lambda error: ({reduced}))"
    return f"define __reduce__(self) in `{kind.__qualname__}`: return {reduced}"


_KEEP = (
    "pass the constructor's own arguments to super().__init__(...), and make the text in __str__; or keep them as "
    "attributes, and define __reduce__ in `{}`, which gives them to the class again"
)
