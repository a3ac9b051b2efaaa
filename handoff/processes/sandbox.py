"""The desk: whatever is the user's own runs here, in an interpreter that may hang, crash, exit, litter or eat memory.

:func:`main` is the inside: it makes the object and does what it was asked for. :func:`ask` is the outside: it listens,
and turns whatever goes wrong into one line for the person at the desk. The process that asks imports nothing of theirs.
"""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from handoff.analysis.units import size
from handoff.outcome import describe
from handoff.payload import Payload
from handoff.processes.interpreter import Interpreter, sweep
from handoff.target import Entry, Ref, TargetError, load_collection, parse_target, place_of

PATIENCE_S = 60.0  #: for importing the user's code and making the object
GRACE_S = 5.0  #: more than it was given, before it is ended from outside
SLOW_S = 0.5  #: an object that takes longer to make is made once ...
SLOW_IMPORT_S = 1.5  #: ... and so is one whose module takes longer to import
MEMORY_SHARE = 0.8  #: of what is available: the rest is for the machine to go on working
OBJECT_SHARE = 0.4  #: of that, for the object: to hand it over takes it at least twice

Tell = Callable[[dict[str, Any]], None]


class _Theirs(Exception):
    """The text of a traceback in the contained process; shown with ``-v``, as the cause of what is told."""

    def __str__(self) -> str:
        return f"in the contained process:\n{self.args[0]}"


# ------------------------------------------------------------------------------------------------------------- outside


def request(target: str, payload: str | None = None) -> dict[str, Any]:
    """What to send inside for a TARGET. Raises :class:`TargetError` for what can be told without importing it."""
    where = parse_target(target)
    if isinstance(where, Path):
        if not where.exists():
            hint = "" if target.endswith(".py") or "/" in target else "; name a callable: file.py:callable"
            raise TargetError(f"{target}: no such file or folder{hint}")
        return {"target": target, "collection": str(where.resolve()), "payload": payload}
    if payload:
        raise TargetError(f"{target}: names one object; --payload is for collections")
    return {"target": target, "ref": asdict(replace(where, folder=os.getcwd()))}


class Seat(Interpreter):
    """A contained interpreter of which nothing is left afterwards, wherever its descendants have gone."""

    def __init__(self, config: dict[str, Any], *, seed: int = 0) -> None:
        if path := os.environ.get("PYTHONPATH"):  # relative entries are meant from here, not from its private folder
            entries = (os.path.abspath(entry) for entry in path.split(os.pathsep) if entry)
            os.environ["PYTHONPATH"] = os.pathsep.join(entries)
        limits = {"cwd": os.getcwd(), "memory_bytes": memory_limit()}
        super().__init__(__name__, {**limits, **config}, seed=seed)

    def close(self) -> None:
        """End whatever carries its mark, and remove everything. Idempotent."""
        if self.fd >= 0:
            nested = [path for path in self.folder.glob("ho*-*") if path.is_dir()]  # handoff-, or ho- for nested
            super().close()
            _end_strays(self)
            for path in nested:
                sweep(path)


def ask(
    config: dict[str, Any], *, patience_s: float = PATIENCE_S, more_s: float, progress: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """What the inside tells: first ``{"opened": …}``, within ``patience_s``, and then its answers, within ``more_s``.

    Raises :class:`TargetError` that says in one line what went wrong, with the user's traceback as its cause.
    """
    target = config["target"]
    progress("importing and making the object")
    with closing(Seat(config)) as inside:
        end = time.monotonic() + patience_s
        opened = False
        told = inside.told(0.5)
        while True:
            try:
                message = next(told, None)
            except TimeoutError:
                if time.monotonic() > end:
                    raise _given_up(target, inside, patience_s if not opened else more_s, opened=opened) from None
                told = inside.told(0.5)
                continue
            if message is None:
                raise _ended(target, inside, opened=opened)
            if "failed" in message:
                raise TargetError(message["failed"]) from _Theirs(message["traceback"])
            if "opened" in message:
                opened, end = True, time.monotonic() + more_s + GRACE_S
            yield message
            if message.get("final"):
                return


def _given_up(target: str, inside: Interpreter, seconds: float, *, opened: bool) -> TargetError:
    if opened:
        return TargetError(f"{target}: looking at the object did not come to an end within {seconds:g} s")
    with suppress(ProcessLookupError):
        os.kill(inside.process.pid, signal.SIGUSR2)  # its stacks, please
    time.sleep(0.2)
    stacks = inside.complaints()
    error = TargetError(
        f"{target}: had not returned after {seconds:g} s{_where(stacks)}; if it needs longer, say --patience SECONDS"
    )
    error.__cause__ = _Theirs(stacks)
    return error


def _where(stacks: str) -> str:
    """The innermost frame of faulthandler's stacks that is the user's own."""
    ours = (os.path.dirname(os.__file__), os.path.dirname(__file__), "<")
    for line in stacks.splitlines():
        if line.startswith('  File "'):
            file, _, rest = line.removeprefix('  File "').partition('", line ')
            number, _, function = rest.partition(" in ")
            if not file.startswith(ours):
                return f" (in {function}, {file}:{number.rstrip(',')})"
    return ""


def _ended(target: str, inside: Interpreter, *, opened: bool) -> TargetError:
    how = inside.how_it_ended()
    what = "while the object was looked at" if opened else "before it had returned an object"
    why = ""
    if "SIGKILL" in how:
        why = "; the system does that when memory runs out"
    elif not opened and "status" in how:
        why = "; does it call os._exit?"
    stacks = inside.complaints()
    if "Traceback" in stacks:
        why = f": {stacks.strip().splitlines()[-1]}"
    error = TargetError(f"{target}: its process {how} {what}{_where(stacks)}{why}")
    error.__cause__ = _Theirs(stacks.strip() or "(it wrote nothing to standard error)")
    return error


def _end_strays(inside: Interpreter) -> None:
    """Kill whoever still carries the interpreter's mark in its environment: daemons in sessions of their own.

    Contained processes of ours among them see that their parent is gone, and clean up after themselves: they get time.
    """
    mark = f"TMPDIR={inside.folder}".encode()
    for attempt in range(60):
        strays = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _carries(pid, mark)]
        if not strays:
            return
        if attempt >= 10:
            for pid in strays:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _carries(pid: int, mark: bytes) -> bool:
    if pid == os.getpid():
        return False
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        if not any(line == mark or line.startswith(mark + b"/") for line in environment.split(b"\0")):
            return False
        return b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def memory_limit() -> int:
    """Bytes that a contained process may take: a share of what is available to us, now."""
    found = []
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    for limit, used, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        with suppress(OSError, ValueError, IndexError):
            base = Path("/sys/fs/cgroup")
            free = int((base / limit).read_text()) - int((base / used).read_text())
            stat = (base / limit).with_name("memory.stat").read_text().splitlines()
            found.append(free + next((int(line.split()[1]) for line in stat if line.startswith(cache)), 0))
    return int(min(found, default=1 << 40) * MEMORY_SHARE)


# -------------------------------------------------------------------------------------------------------------- inside


def main(config: dict[str, Any], tell: Tell) -> None:
    """What the contained interpreter does: a trial, or open the target and look at it."""
    _settle()
    limit_bytes = config.get("memory_bytes") or memory_limit()
    if "experiments" in config:
        _limit(limit_bytes)
        from handoff.measuring import trial

        trial.main(config, tell)
        return
    begin = time.monotonic()
    _limit(int(limit_bytes * OBJECT_SHARE))
    try:
        entry, obj, imported_s, made_s = _open(config, tell)
    except TargetError as error:
        tell({"failed": str(error), "traceback": traceback.format_exc()})
        return
    except MemoryError as error:
        tell({"failed": _memory(config["target"], limit_bytes, error), "traceback": traceback.format_exc()})
        return
    except BaseException as error:
        tell({"failed": _raised(config["target"], error), "traceback": traceback.format_exc()})
        return
    _limit(limit_bytes)
    if config["do"] == "diagnose":
        tell({"diagnosis": _diagnosis(obj, config), "final": True})
    else:
        _advise(config, entry, obj, imported_s, made_s, begin, tell)


def _settle() -> None:
    """No input; stacks when asked for, and when crashing."""
    import faulthandler

    quiet = os.open(os.devnull, os.O_RDONLY)
    os.dup(0)  # the pipe that tells of our parent's end stays open elsewhere
    os.dup2(quiet, 0)
    faulthandler.enable(all_threads=False)
    faulthandler.register(signal.SIGUSR2, all_threads=False, chain=False)


def _limit(nbytes: int) -> None:
    """Let this process and its children have so much memory of their own, each; shared mappings do not count."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (nbytes if hard < 0 else min(nbytes, hard), hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _open(config: dict[str, Any], tell: Tell) -> tuple[Entry, Any, float, float]:
    """Load the target and make its object; tell of it; and how long importing and making took."""
    begin = time.perf_counter()
    entry = _entry(config)
    imported_s = time.perf_counter() - begin
    begin = time.perf_counter()
    obj = entry.payload.make()
    made_s = time.perf_counter() - begin
    payload = entry.payload
    tell(
        {
            "opened": {
                "ref": asdict(entry.ref),
                "name": payload.name,
                "declared": "collection" in config,
                "duties": sorted(payload.duties),
                "traits": sorted(payload.traits),
                "nbytes": payload.nbytes,
                "why": payload.why,
                "source": payload.source,
                "type": type(obj).__name__,
                "none": obj is None,
                "imported_s": imported_s,
                "made_s": made_s,
            }
        }
    )
    return entry, obj, imported_s, made_s


def _entry(config: dict[str, Any]) -> Entry:
    if "ref" in config:
        ref = Ref(**config["ref"])
        return Entry(ref, ref.load())
    os.chdir(config["cwd"])
    try:
        entries = load_collection(config["collection"])
    finally:
        os.chdir(config["folder"])
    name: str = config["payload"] or (next(iter(entries)) if len(entries) == 1 else "")
    if name not in entries:
        said = f"no payload is named {name!r}" if name else f"defines {len(entries)} payloads: say --payload NAME"
        raise TargetError(f"{config['target']}: {said}; there are: {', '.join(entries)}")
    ref = replace(entries[name].ref, folder=config["cwd"])
    return Entry(ref, ref.load())


def _memory(target: str, limit_bytes: int, error: MemoryError) -> str:
    text = f": {error}" if str(error) else ""
    limit = size(limit_bytes * OBJECT_SHARE)
    return f"{target}: the object needs more memory than the {limit} that it may have here, to be handed over{text}"


def _raised(target: str, error: BaseException) -> str:
    place = place_of(error)
    where = f" ({place})" if place else ""
    if isinstance(error, SystemExit):
        return f"{target}: calls sys.exit({describe(error)}) instead of returning an object{where}"
    text = " ".join(describe(error).split())
    return f"{target}: raised {type(error).__name__}{': ' if text else ''}{text[:300]}{where}"


def _diagnosis(obj: Any, config: dict[str, Any]) -> dict[str, Any]:
    from handoff.diagnosing import diagnose

    return diagnose(obj, name=config["target"], budget_s=config["diagnose_s"]).to_json()


def _advise(
    config: dict[str, Any], entry: Entry, obj: Any, imported_s: float, made_s: float, begin: float, tell: Tell
) -> None:
    """Diagnose; and, what takes long to make, measure here, by forks. Else it is measured from outside, afresh."""
    from handoff.advising import search
    from handoff.advising.recipes import recipe_for
    from handoff.advising.words import Job
    from handoff.diagnosing import Diagnosis

    end = search.end_of(begin, config["budget_s"])
    data = _diagnosis(obj, config)
    if made_s <= SLOW_S and imported_s <= SLOW_IMPORT_S:
        tell({"diagnosis": data, "walk_s": search.walking(obj, entry.payload), "final": True})
        return
    job = search.fitting(Job(**config["job"]), config["duty"], entry.payload.duties, declared="collection" in config)
    plan = search.forked_plan(config["target"], entry, obj, job, end, Diagnosis.from_json(data))
    plan.imported_s, plan.made_s, plan.recipe = imported_s, made_s, recipe_for(entry.ref, job)
    advice = search.measure(
        plan,
        progress=lambda what: tell({"progress": what}),
        show=lambda first: tell({"first": first.to_json()}),
    )
    tell({"advice": advice.to_json(), "final": True})


def blank(opened: dict[str, Any]) -> Entry:
    """The payload as the outside knows it, which imports nothing of it: to be measured by others."""

    def make() -> Any:
        raise RuntimeError("the asking process never makes the object")

    payload = Payload(
        name=opened["name"],
        make=make,
        nbytes=opened["nbytes"],
        why=opened["why"],
        source=opened["source"],
    )
    return Entry(Ref(**opened["ref"]), payload)
