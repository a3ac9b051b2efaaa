"""The layout: data flows one way. Imports inside functions and for types count, and so do modules' names in strings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("handoff", "payloads", "benchmarks", "reports")

#: From the ground upwards: a module imports from its own floor and from those before it in this list.
FLOORS = (
    ("outcome", "profile", "machine", "start_methods", "checksum", "terminal", "shapes", "stacks", "timeouts"),
    ("compare",),
    ("payload", "record"),
    ("target", "declarations"),
    ("strategy", "glossary"),
    ("timing",),
    ("strategies",),
    ("processes",),
    ("analysis",),
    ("measuring",),
    ("diagnosing",),
    ("support_matrix",),
    ("advising",),
    ("selftesting",),
    ("commands",),
    ("api", "testing"),
    ("cli",),
    ("__init__", "__main__"),
)


#: The commands that hand over to what stands above the package.
ABOVE = ("handoff.commands.compare", "handoff.commands.export", "handoff.commands.report")

LONGEST, LONG, FLAT = 600, 500, 20
MANY_LONG = 3  #: modules over ``LONG`` lines


@cache
def modules() -> dict[str, Path]:
    """Every module of the four rooms by its name."""
    found = {}
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def named(path: Path, module: str) -> Iterator[str]:
    """Every dotted name that a module imports, wherever in it, or keeps as a string."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                above = package.rsplit(".", node.level - 1)[0] if node.level else ""
                base = ".".join(filter(None, (above, node.module)))
                yield from (f"{base}.{alias.name}" for alias in node.names)
            case ast.Constant(value=str(text)) if id(node) not in docstrings and text in modules() and "." in text:
                yield text


@cache
def imports() -> dict[str, frozenset[str]]:
    """The modules of the four rooms that each of them imports."""
    found = {}
    for module, path in modules().items():
        wanted = set()
        for name in named(path, module):
            name = name.replace("handoff.reports", "reports", 1)  # its name where it is installed
            target = name if name in modules() else name.rpartition(".")[0]
            if target in modules() and target != module:
                wanted.add(target)
        found[module] = frozenset(wanted)
    return found


def circles() -> frozenset[frozenset[str]]:
    """Sets of modules that import each other, found one by one."""
    graph = {module: set(wanted) for module, wanted in imports().items()}
    found: set[frozenset[str]] = set()
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = error.args[1]
            found.add(frozenset(circle))
            graph[circle[1]].discard(circle[0])  # it is the other way round here: [1] is what needs [0]
        else:
            return frozenset(found)


def floor(module: str) -> int:
    name = [*module.split("."), "__init__"][1]
    return next(number for number, names in enumerate(FLOORS) if name in names)


def test_no_modules_import_each_other() -> None:
    assert circles() == frozenset()


def test_every_module_of_the_package_has_its_floor() -> None:
    flat = {module.split(".")[1] for module in modules() if module.startswith("handoff.")}
    assert flat | {"__init__"} == {name for names in FLOORS for name in names}


def test_nothing_is_imported_upwards() -> None:
    upwards = {
        (module, target)
        for module, wanted in imports().items()
        if module.startswith("handoff")
        for target in wanted
        if target.startswith("handoff.") and floor(target) > floor(module)
    }
    assert not upwards


def test_data_flows_one_way_from_room_to_room() -> None:
    """Payloads are declared with the package's words; the package knows nobody; reports know all of them."""
    allowed = {
        "payloads": {"handoff"},
        "handoff": set(),
        "benchmarks": {"handoff", "payloads"},
        "reports": {"handoff", "payloads", "benchmarks"},
    }
    found: dict[str, set[str]] = {room: set() for room in ROOMS}
    for module, wanted in imports().items():
        room = module.split(".")[0]
        if module not in ABOVE:
            found[room] |= {target.split(".")[0] for target in wanted} - {room}
    assert all(found[room] <= allowed[room] for room in ROOMS), found


def test_modules_are_short_and_the_package_has_few_at_its_top() -> None:
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules().items()}
    assert not {name for name, number in lines.items() if number > LONGEST}
    assert len([name for name, number in lines.items() if number > LONG]) <= MANY_LONG, lines
    assert len(list((ROOT / "handoff").glob("*.py"))) <= FLAT


def test_no_two_classes_have_one_name() -> None:
    """Two rooms have names of their own: asv keeps results under its classes' names, and payloads are handed over."""
    found: dict[str, list[str]] = {}
    for module, path in modules().items():
        if not re.match(r"benchmarks\b|payloads\.[a-z_]+$", module):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    found.setdefault(node.name, []).append(module)
    assert {name: rooms for name, rooms in found.items() if len(rooms) > 1} == {}


#: A program that is measured, and imports nothing for that, reads its own memory by itself.
READERS = {"handoff.machine", "handoff.processes.proc", "handoff.processes.memory", "handoff.measuring.startup_parent"}


def test_one_module_each_reads_what_the_kernel_says_of_machine_processes_and_memory() -> None:
    """``/proc`` in a text that is no docstring."""
    readers = set()
    for module, path in modules().items():
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        texts = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in docstrings]
        if any(re.match(r"/proc\b", text) for text in texts if isinstance(text, str)):
            readers.add(module)
    assert readers == READERS


def test_every_silenced_checker_has_its_reason_beside_it() -> None:
    """``# type: ignore[code]  # why``, ``# noqa: CODE - why``."""
    silenced = re.compile(r"# (?:type: ignore|noqa)\b(?:\[[^\]]*\]|: [A-Z]+\d+)?(.*)")
    bare = [
        (module, number)
        for module, path in modules().items()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := silenced.search(line)) and not re.search(r"[a-z]{3}", found[1])
    ]
    assert bare == []


#: What waits, by the name that it is called by, and what a waiting time is called where it is declared.
WAITS = {"deadline", "limited", "told", "answer", "ready", "join", "wait", "acquire", "select", "poll", "alarm"}
WAITING = re.compile(r"(?i).*(patience|timeout|grace|patient|silent)(_s)?$")


def waiting_literals(module: str) -> Iterator[int]:
    """The lines of a module on which a waiting time stands as a number: as an argument, a default or a constant."""

    def number(node: ast.AST | None) -> bool:
        match node:
            case ast.Call(func=ast.Name(id="max" | "min"), args=args):
                return any(map(number, args))
            case ast.Constant(value=bool()):
                return False
            case ast.Constant(value=int() | float() as value):
                return value > 0
        return False

    for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords):
                given = [word.value for word in keywords if word.arg and WAITING.match(word.arg)]
                direct = [
                    arg for arg in args if name != "limited" or isinstance(arg, ast.Constant)
                ]  # shares of budgets
                if any(map(number, given)) or (name in WAITS and any(map(number, direct))):
                    yield node.lineno
            case ast.arguments():
                usual = zip(node.args[::-1], node.defaults[::-1], strict=False)  # the last ones have defaults
                pairs = [*usual, *zip(node.kwonlyargs, node.kw_defaults, strict=True)]
                yield from (arg.lineno for arg, default in pairs if WAITING.match(arg.arg) and number(default))
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                if WAITING.match(name) and number(node.value):
                    yield node.lineno


def test_every_waiting_time_stands_in_the_one_table() -> None:
    """Payloads are plain files, which know nothing of the package's inside: theirs stand once in that room."""
    rooms = {module for module in modules() if module.split(".")[0] != "payloads" or "claims" in module}
    found = {module: lines for module in rooms - {"handoff.timeouts"} if (lines := [*waiting_literals(module)])}
    assert not found


def test_every_waiting_time_has_a_reason_and_is_used() -> None:
    table = (ROOT / "handoff" / "timeouts.py").read_text(encoding="utf-8")
    names = re.findall(r"^([A-Z_]+) = [^#\n]*(?:  #: .+)$", table, re.MULTILINE)
    assert names == re.findall(r"^([A-Z_]+) =", table, re.MULTILINE)
    used = "".join(path.read_text(encoding="utf-8") for path in modules().values())
    assert [name for name in names if f"timeouts.{name}" not in used] == []
