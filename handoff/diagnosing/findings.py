"""What a diagnosis says: frozen, plain data, with a JSON form (schema 1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA = 1

#: The strategies a finding can block, in the order in which they are listed.
PICKLES = ("pickle-2", "pickle-3", "pickle-4", "pickle-5")
STRATEGIES = (*PICKLES, "pickle-default", "cloudpickle", "dill")

ALL_STARTS = ("fork", "spawn", "forkserver")
FRESH_STARTS = ("spawn", "forkserver")
SOME_WORKERS = "hash-seed"  #: the kind of what fails in some workers alone: that others get it refutes nothing


@dataclass(frozen=True, slots=True)
class Finding:
    """One object that stops, or alters, a hand-over.

    ``path`` is a Python expression in ``obj`` that evaluates to the object; for what a reduction makes afresh, to an
    object of the same type. ``blocks`` names the strategies that cannot carry it (in ``altered``: that alter it).
    """

    path: str
    type: str  #: its class, with the module unless it is a builtin: ``_thread.lock``
    reason: str
    fix: str
    blocks: tuple[str, ...]
    kind: str = ""  #: the row of :data:`handoff.diagnosing.reasons.KINDS`
    where: str = "dump"  #: ``dump`` (refused in the parent), ``load`` (breaks in the worker) or ``arrival`` (altered)
    error: str = ""  #: the exception, as a traceback's last line prints it
    aliases: tuple[str, ...] = ()  #: other paths that lead to the same object
    behind: str = ""  #: the path of the culprit that hides it: seen only once that one is carried or mended
    start_methods: tuple[str, ...] = ALL_STARTS
    inside: tuple[str, ...] = ()  #: of a library's object: what in it cannot travel, each with pickle's own message
    source: str = ""  #: where the code of a function or class stands: ``config.py:3``

    def to_json(self) -> dict[str, Any]:
        return _plain(asdict(self))


@dataclass(frozen=True, slots=True)
class Heavy:
    """A part of the object and the bytes it adds to the pickle (protocol 4, in band)."""

    path: str
    bytes: int
    type: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Shared:
    """One mutable object that is reached by several paths: sent part by part, it arrives as several."""

    paths: tuple[str, ...]
    type: str

    def to_json(self) -> dict[str, Any]:
        return _plain(asdict(self))


@dataclass(frozen=True, slots=True)
class Depth:
    """How deep the object nests (objects from the root to the deepest), and the interpreter's recursion limit."""

    deepest: int = 0
    limit: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was found. Falsy findings mean: every strategy carries it unaltered, as far as could be seen."""

    target: str
    culprits: tuple[Finding, ...] = ()
    altered: tuple[Finding, ...] = ()
    heavy: tuple[Heavy, ...] = ()
    shared: tuple[Shared, ...] = ()
    depth: Depth = field(default_factory=Depth)
    notes: tuple[str, ...] = ()  #: what could not be looked at, and where walk and real dumps or loads disagree

    @property
    def ok(self) -> bool:
        return not self.culprits and not self.altered

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "target": self.target,
            "culprits": [item.to_json() for item in self.culprits],
            "altered": [item.to_json() for item in self.altered],
            "heavy": [item.to_json() for item in self.heavy],
            "shared": [item.to_json() for item in self.shared],
            "depth": self.depth.to_json(),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Diagnosis:
        """The inverse of :meth:`to_json`. Raises ``ValueError`` for another schema."""
        if data.get("schema") != SCHEMA:
            raise ValueError(f"a diagnosis of schema {data.get('schema')!r}; this version reads {SCHEMA}")
        return cls(
            target=data["target"],
            culprits=tuple(_finding(item) for item in data["culprits"]),
            altered=tuple(_finding(item) for item in data["altered"]),
            heavy=tuple(Heavy(**item) for item in data["heavy"]),
            shared=tuple(Shared(tuple(item["paths"]), item["type"]) for item in data["shared"]),
            depth=Depth(**data["depth"]),
            notes=tuple(data["notes"]),
        )

    def __str__(self) -> str:
        lines = [f"{self.target}: {_count(len(self.culprits), 'culprit')}, {len(self.altered)} altered"]
        for title, findings in (("stops", self.culprits), ("alters", self.altered)):
            for item in findings:
                lines.append(f"  {item.path}  ({item.type})")
                lines.append(f"      {item.reason}; {title} {', '.join(item.blocks) or 'nothing'}")
                if item.fix:
                    lines.append(f"      -> {item.fix}")
        lines += [f"  {item.bytes:,} bytes in {item.path}" for item in self.heavy[:3]]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)


def _finding(data: dict[str, Any]) -> Finding:
    known: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
    return Finding(**known)


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in data.items()}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
