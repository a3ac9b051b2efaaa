"""Finding payloads: collections, and single objects made by somebody's function.

A *root* is the folder that has to be on ``sys.path`` for the module that defines the payloads to import under the same
name in every process. Whatever is loaded here is the user's own code, imported the ordinary way; nothing is unpickled.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType

from handoff.payload import Payload


class TargetError(Exception):
    """A collection or an object that cannot be loaded; the message says what, where and what to do."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Where one payload comes from; small and JSON-able, so that trials and workers can load it by themselves."""

    root: str  #: folder put on ``sys.path``
    module: str
    name: str  #: the payload's name in the module's ``PAYLOADS``, or the name of a callable that returns the object

    def load(self) -> Payload:
        """Import the module and return the payload. Raises :class:`TargetError`."""
        module = import_from(self.root, self.module)
        for payload in payloads_of(module):
            if payload.name == self.name:
                return payload
        make = getattr(module, self.name, None)
        if make is None:
            raise TargetError(f"{self.module} (in {self.root}): nothing is named {self.name!r}")
        if not callable(make):
            raise TargetError(
                f"{self.module}:{self.name} is a {type(make).__name__}: name a callable that returns the object"
            )
        return Payload(name=_kebab(self.name), make=make)


@dataclass(frozen=True, slots=True)
class Entry:
    """A payload together with where to load it from."""

    ref: Ref
    payload: Payload


def load_collection(path: str | Path) -> Mapping[str, Entry]:
    """Return the payloads of a file, or of every module in a folder, by name, in the order they are defined.

    Raises :class:`TargetError` when the path does not exist, fails to import, defines no ``PAYLOADS``, or a name twice.
    """
    path = Path(path).resolve()
    if path.is_dir():
        files = sorted(file for file in path.glob("*.py") if not file.name.startswith("_"))
        prefix, root = f"{path.name}.", path.parent
    elif path.is_file():
        files, prefix, root = [path], "", path.parent
    else:
        raise TargetError(f"{path}: no such file or folder")
    entries: dict[str, Entry] = {}
    for file in files:
        module = import_from(str(root), prefix + file.stem)
        for payload in payloads_of(module):
            if payload.name in entries:
                other = entries[payload.name].ref.module
                raise TargetError(f"payload {payload.name!r} is defined in {other} and again in {module.__name__}")
            entries[payload.name] = Entry(Ref(str(root), module.__name__, payload.name), payload)
    if not entries:
        raise TargetError(f"{path}: defines no PAYLOADS; see 'A payload of your own' in CONTRIBUTING.md")
    return MappingProxyType(entries)


def load_target(text: str) -> Mapping[str, Entry]:
    """What a command's TARGET names: a collection, ``path/to/file.py:callable`` or ``package.module:callable``.

    Raises :class:`TargetError`.
    """
    place, colon, name = text.rpartition(":")
    if not colon or Path(text).exists():
        return load_collection(text)
    if place.endswith(".py") or "/" in place:
        path = Path(place).resolve()
        if not path.is_file():
            raise TargetError(f"{place}: no such file")
        ref = Ref(str(path.parent), path.stem, name)
    else:
        ref = Ref(str(Path.cwd()), place, name)
    payload = ref.load()
    return MappingProxyType({payload.name: Entry(ref, payload)})


def payloads_of(module: ModuleType) -> tuple[Payload, ...]:
    """The payloads a module defines: ``Payload`` objects, or plain callables that each return one object."""
    found = getattr(module, "PAYLOADS", ())
    items = list(found.items()) if isinstance(found, Mapping) else [("", item) for item in found]
    payloads = []
    for name, item in items:
        if isinstance(item, Payload):
            payloads.append(item)
        elif callable(item):
            payloads.append(Payload(name=_kebab(name or getattr(item, "__name__", "payload")), make=item))
        else:
            raise TargetError(
                f"{module.__name__}.PAYLOADS holds a {type(item).__name__}: give Payload objects or callables"
            )
    return tuple(payloads)


def import_from(root: str, name: str) -> ModuleType:
    """Import a module with ``root`` first on ``sys.path``. Raises :class:`TargetError` with the cause attached."""
    if root and root not in sys.path:
        sys.path.insert(0, root)
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise TargetError(f"{name} (in {root}): {type(error).__name__} while importing it: {error}") from error


def _kebab(name: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name.lower().replace("_", "-"))
    return kept.strip("-") or "payload"
