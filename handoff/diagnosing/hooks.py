"""Which hook of an object decides what travels of it, and what to do about what it leaves out.

Classes are read by their dictionaries, and hooks by the names in their code; nothing of them is run.
"""

from __future__ import annotations

import ast
import copyreg
import inspect
import re
import textwrap
import types
from collections.abc import Callable
from functools import partial
from typing import Any

from handoff.compare.names import installed, module_of, type_dict, type_mro
from handoff.diagnosing import reasons
from handoff.diagnosing.paths import apply, attribute, instance_dict, literal

REDUCERS = ("__reduce_ex__", "__reduce__", "__getstate__", "__getnewargs_ex__", "__getnewargs__")
_PLAIN = (dict, list, tuple, set, frozenset)

Way = list[tuple[str, Any, str]]  #: expression, object, and the attribute's name by which it is reached

Step = tuple[Callable[[str], str], Any, str]


def step(obj: Any, match: re.Match[str]) -> Step | None:
    """One step of a path: ``.name``, ``[key]``, `` (key 3)`` or `` (global NAME)``, past all hooks.

    None where it leads nowhere.
    """
    name, key, which, number, bound = match.groups()
    if bound is not None:
        known = obj.__globals__ if type(obj) is types.FunctionType else {}
        return ((lambda path: f"{path}.__globals__[{bound!r}]"), known[bound], "") if bound in known else None
    if name is not None:
        return _class_step(obj, name) if issubclass(type(obj), type) else _attribute_step(obj, name)
    if isinstance(obj, dict):
        return _item_step(obj, key, which, int(number) if which else -1)
    if isinstance(obj, list | tuple) and key is not None and key.isdigit():
        items: list[Any] = list(list.__iter__(obj) if isinstance(obj, list) else tuple.__iter__(obj))
        return ((lambda path: f"{path}[{key}]"), items[int(key)], "") if int(key) < len(items) else None
    return None


def _class_step(obj: type, name: str) -> Step | None:
    for base in type_mro(obj):
        if name in type_dict(base):
            return (lambda path: f"{path}.{name}"), type_dict(base)[name], name
    return None


def _attribute_step(obj: Any, name: str) -> Step | None:
    state = instance_dict(obj) or {}
    if name in state:
        return (lambda path: apply(path, attribute(obj, name))), state[name], name
    for base in type_mro(type(obj)):
        found = type_dict(base).get(name)
        if type(found) is types.MemberDescriptorType:
            try:
                return (lambda path: apply(path, attribute(obj, name))), found.__get__(obj), name
            except AttributeError:
                return None
    return None


def _item_step(obj: dict[Any, Any], key: str | None, which: str | None, number: int) -> Step | None:
    for place, (item, value) in enumerate(dict.items(obj)):
        if which and number == place:
            how: Any = ("l", place) if which == "key" else ("k", (item, place))
            return partial(apply, step=how), item if which == "key" else value, ""
        if key is not None and literal(item) == key:
            return (lambda path: f"{path}[{key}]"), value, ""
    return None


def hook_of(obj: Any, names: tuple[str, ...] = REDUCERS) -> tuple[type, str, Any] | None:
    """The class that defines the hook which runs when ``obj`` is pickled, its name, and the hook; None: the default."""
    kind = type(obj)
    if kind in copyreg.dispatch_table:
        return kind, "a reducer in copyreg", copyreg.dispatch_table[kind]
    for name in names:
        for base in type_mro(kind):
            if base is not object and name in type_dict(base):
                return base, name, type_dict(base)[name]
    return None


def place_of_code(obj: Any) -> str:
    """``config.py:3`` for a function, "" for what has no code."""
    code = getattr(obj, "__code__", None) if type(obj) is types.FunctionType else None
    if code is None:
        return ""
    return f"{code.co_filename.rpartition('/')[2]}:{code.co_firstlineno}"


#: Kind, by what words of the comparison it is known, and what to do.
_SAID = (
    (
        reasons.ALIAS.name,
        ("shared memory, and no longer do",),
        reasons.ALIAS.fix,
    ),
    (
        "own-dtype",
        ("numpy's own",),
        "compare dtypes with ==, never with `is`; or send its name, and make it there: numpy.dtype(name)",
    ),
    (
        "nan",
        ("NaN in it",),
        "look for it by math.isnan, not by `in` or as a key; or put None or a name of your own in its place",
    ),
    (
        "sentinel",
        ("as a copy", ".__defaults__", ".__kwdefaults__", ".__globals__"),
        "use an enum member or None, or give its class a __reduce__ that returns its module-level name",
    ),
    (
        "of-its-process",
        ("unrelated copy",),
        (
            "make it in the worker and leave it out of the state; or hand the workers a multiprocessing one when they "
            "start (initargs, Process args), or a multiprocessing.Manager()'s"
        ),
    ),
)


def explain(way: Way, text: str, said: str, blocks: tuple[str, ...]) -> tuple[str, str, str]:
    """Kind, reason and fix for what arrives altered at the end of ``way``."""
    if "brings the hash" in text:
        return "stale-hash", text, _hash_fix(way)
    if any(issubclass(type(part), (type, types.FunctionType)) for _, part, _ in way[:-1]):
        return reasons.CLASS_STATE.name, f"{text}: {reasons.CLASS_STATE.reason}", reasons.CLASS_STATE.fix
    for kind, marks, fix in _SAID:
        if any(mark in text for mark in marks):
            return kind, text, fix
    owner = _owner(way, "does not arrive" in text and bool(way[-1][2]))
    if (partly := by_another(blocks)) and "does not arrive" not in text:
        by = f": {_called(owner[1])} writes it so" if owner and owner[1] else ""
        return "by-protocol", f"{text}{by}", partly
    if owner is None or owner[1] is None:
        return "altered", text, "send what it is made from, and make it again in the worker"
    obj, hook, name = owner
    if "it is not there here" in text and (puts := hook_of(obj, ("__setstate__",))) is not None:
        fix = f"set it in `{type(obj).__qualname__}.__init__`, too, or not in {_called(puts)}"
        return "added", f"{text}: {_called(puts)} puts it there", fix
    called = f"`{said}`" if said else _called(hook)
    code = place_of_code(hook[2])
    where = f" ({code})" if code and not installed(module_of(hook[0])) else ""
    restores = hook_of(obj, ("__setstate__",))
    verb = _verb(obj, name, hook, text, restores)
    fix = _fix(obj, name, hook, called)
    if name and (row := reasons.of_type(type(way[-1][1]))) is not None:  # it could not travel if it were taken along
        place = f"`{type(obj).__qualname__}.__setstate__`"
        fix = f"make it again in the worker: in {place}, or where it is used ({row.reason})"
    return "left-out", f"{text}: {verb.format(hook=f'{called}{where}')}", fix


def by_another(blocks: tuple[str, ...]) -> str:
    """The advice to take another protocol, where only some of pickle's alter it."""
    pickles = [f"pickle-{protocol}" for protocol in (2, 3, 4, 5)]
    good = [name for name in pickles if name not in blocks]
    if not good or len(good) == 4:
        return ""
    more = " (what multiprocessing does by itself)" if "pickle-default" not in blocks else ""
    return f"send it by {' or '.join(good)}{more}"


def _owner(way: Way, missing: bool) -> tuple[Any, Any, str] | None:
    """The innermost instance on the way with a hook of its own, the hook, and the attribute that is gone through.

    What is ``missing`` itself had no say in it, nor has what another one's ``__getstate__`` puts something else for.
    """
    for at in range(len(way) - 1):
        obj, name = way[at][1], way[at + 1][2]
        hook = hook_of(obj) if name and instance_dict(obj) is not None else None
        if hook is not None and hook[1] == "__getstate__" and _state_has_other(obj, hook[2], name):
            return obj, hook, name
    for at in range(len(way) - 1 - missing, -1, -1):
        obj = way[at][1]
        if (
            type(obj) in _PLAIN
            or (module_of(type(obj)) == "builtins" and not isinstance(obj, BaseException))
            or isinstance(obj, type | types.FunctionType | types.ModuleType)
        ):
            continue
        hook = hook_of(obj)
        if hook is not None:
            name = way[at + 1][2] if at + 1 < len(way) else ""
            return obj, hook, name
        if at < len(way) - 1:
            return obj, None, way[at + 1][2]
    return None


def _state_has_other(obj: Any, hook: Any, name: str) -> bool:
    """Whether the state that travels has something else for an attribute than the instance has."""
    state = _state_of(obj, hook)
    return state is not None and name in state and state[name] is not (instance_dict(obj) or {}).get(name)


def _state_of(obj: Any, hook: Any) -> dict[str, Any] | None:
    """What a ``__getstate__`` that is written in Python gives, as one dictionary; None where it gives none."""
    if type(hook) is not types.FunctionType:
        return None
    try:
        state = hook(obj)
    except Exception:
        return None
    if type(state) is tuple and len(state) == 2:
        state = {**(state[0] or {}), **(state[1] or {})}
    return state if isinstance(state, dict) else None


def _called(hook: tuple[type, str, Any]) -> str:
    base, name, _ = hook
    return f"`{base.__qualname__}.{name}`" if name.startswith("__") else f"{name} for `{base.__qualname__}`"


def _verb(obj: Any, name: str, hook: Any, text: str, restores: Any) -> str:
    """What the hook does to the attribute: whether the state that travels has it decides."""
    state = _state_of(obj, hook[2]) if hook[1] == "__getstate__" else None
    if state is not None and name in state:
        if _state_has_other(obj, hook[2], name):
            return "{hook} puts something else in its place"
        return f"{{hook}} gives it, and {_called(restores)} does not restore it" if restores else "of {hook}"
    return "{hook} leaves it out" if "does not arrive" in text else "{hook} does not take it along as it is"


def _fix(obj: Any, name: str, hook: tuple[type, str, Any], called: str) -> str:
    if isinstance(obj, BaseException) and hook[0].__module__ == "builtins":
        what = repr(name) if name else "what is missing (a cause's text, say)"
        return f"send {what} beside the exception, or in its args: only these and its own __dict__ travel"
    kind, base = type(obj), hook[0]
    own = not installed(module_of(base))
    shown = repr(name) if name else "it"
    listed = _list_of_names(obj, hook[2]) if name else None
    if listed is not None:
        where, attribute_name = listed
        return (
            f"add it to `{attribute_name}` in `{kind.__qualname__}`: "
            f"{attribute_name} = [*{where.__qualname__}.{attribute_name}, {shown}]; or extend `{hook[1]}`"
        )
    if not name:
        return "send it as text or numbers, and make it again in the worker"
    if own and hook[1].startswith("__"):
        return f"let {called} take {shown} along (and `__setstate__` put it back), or set it again in the worker"
    if not own and not installed(module_of(kind)) and hook[1] == "__getstate__":
        return f"extend `__getstate__` and `__setstate__` in `{kind.__qualname__}`, for {shown} too"
    if not own and not installed(module_of(kind)):
        return f"define `__reduce__` and `__setstate__` in `{kind.__qualname__}` that carry {shown} too"
    return "set it again in the worker, or send what it is made from and make it there"


def _list_of_names(obj: Any, hook: Any) -> tuple[type, str] | None:
    """The class attribute that the hook reads to know which attributes travel: a list of their names."""
    code = getattr(hook, "__code__", None)
    own = instance_dict(obj) or {}
    for name in code.co_names if code is not None else ():
        for base in type_mro(type(obj)):
            value = type_dict(base).get(name)
            if type(value) in (list, tuple, set, frozenset) and value and sum(item in own for item in value) > 0:
                return base, name
    return None


def _hash_fix(way: Way) -> str:
    kind = type(way[-1][1])
    keeps = [name for name in instance_dict(way[-1][1]) or {} if "hash" in name.lower()]
    what = f"`{keeps[0]}`" if keeps else "the cached hash"
    return (
        f"leave {what} out of the state: `{kind.__qualname__}.__getstate__` returns the rest, and it is computed anew"
    )


def sets_attributes_itself(kind: type) -> bool:
    """Whether setattr runs the class's own code, and no ``__setstate__`` takes its place when state is restored."""
    bases = [base for base in type_mro(kind) if base is not object]
    named = [name for base in bases for name in ("__setattr__", "__setstate__") if name in type_dict(base)]
    return "__setattr__" in named and "__setstate__" not in named


def source_of(obj: Any) -> str:
    """Where the code of a culprit stands, ``config.py:3``: of a function, a generator, a class or its instance."""
    kind = type(obj)
    if issubclass(kind, types.FunctionType):
        while installed(str(obj.__globals__.get("__name__"))) and "__wrapped__" in vars(obj):
            obj = vars(obj)["__wrapped__"]  # a library's wrapper around the user's own
        code = getattr(obj, "__code__", None)
    elif kind in (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType):
        code = next(value for name in ("gi_code", "cr_code", "ag_code") if (value := getattr(obj, name, None)))
    elif issubclass(kind, type):
        code = next((v.__code__ for v in type_dict(obj).values() if type(v) is types.FunctionType), None)
    else:
        return ""
    return f"{code.co_filename.rpartition('/')[2]}:{code.co_firstlineno}" if code is not None else ""


def made_by(owner: Any, name: str) -> str:
    """How the user's own class makes an attribute in ``__init__``, in terms of ``self``: ``create_engine(self.url)``.

    Read from its source; "" where there is none, or no plain assignment.
    """
    for base in type_mro(type(owner)):
        init = type_dict(base).get("__init__")
        if type(init) is not types.FunctionType or installed(module_of(base)):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(init)))
        except (OSError, SyntaxError, ValueError, TypeError):
            return ""
        made = dict(pair for node in ast.walk(tree) for pair in _assigned(node))
        kept = {value.id: key for key, value in made.items() if isinstance(value, ast.Name)}
        if name in made and not isinstance(made[name], ast.Name):
            return ast.unparse(_Kept(kept).visit(made[name]))[:200]
    return ""


def _assigned(node: ast.AST) -> list[tuple[str, ast.expr]]:
    """The attributes of ``self`` that a statement assigns, with the expression."""
    if isinstance(node, ast.Assign):
        found, value = node.targets, node.value
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        found, value = [node.target], node.value
    else:
        return []
    attributes = [each for each in found if isinstance(each, ast.Attribute)]
    return [(each.attr, value) for each in attributes if isinstance(each.value, ast.Name) and each.value.id == "self"]


class _Kept(ast.NodeTransformer):
    """Puts ``self.url`` for a parameter that ``__init__`` keeps under that name."""

    def __init__(self, kept: dict[str, str]) -> None:
        self.kept = kept

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.parse(f"self.{self.kept[node.id]}", mode="eval").body if node.id in self.kept else node


def restored_in_any_order(kind: type) -> bool:
    """Whether its state is restored by Python code that makes a set, and meets code of the user's meanwhile.

    In which order a set is gone through differs from process to process, where its members are texts.
    """
    mro = type_mro(kind)
    hook = next((type_dict(base)["__setstate__"] for base in mro if "__setstate__" in type_dict(base)), None)
    if not isinstance(hook, types.FunctionType) or not _makes_a_set(hook.__code__):
        return False
    own = [value for base in mro if not installed(module_of(base)) for value in type_dict(base).items()]
    return any(
        (isinstance(value, property) and value.fset is not None)
        or (name == "__setattr__" and isinstance(value, types.FunctionType))
        or isinstance(type_dict(type(value)).get("__set__"), types.FunctionType)
        for name, value in own
    )


def _makes_a_set(code: types.CodeType) -> bool:
    inner = [each for each in code.co_consts if isinstance(each, types.CodeType)]
    return "set" in code.co_names or code.co_name == "<setcomp>" or any(map(_makes_a_set, inner))
