"""What is paid once: state that a worker gets when it starts, and then simply has.

Under fork nothing that is given to a process is pickled: it is there because the child's memory begins as the parent's.
The strategies to which that happens say so in ``inherits``; those cells measure inheritance, not a way of sending.
"""

from __future__ import annotations

import pickle
from itertools import count
from pathlib import Path
from typing import Any

from handoff.outcome import Kind
from handoff.payload import Duty, Trait
from handoff.strategies import _own
from handoff.strategies._flat import Shape
from handoff.strategies._given import GivenState
from handoff.strategies.codecs import FORKING_FAILS, PICKLE_FAILS
from handoff.strategy import Channel, Holding, Launch, Recipe, Site, Strategy
from handoff.target import Ref

_inherited: dict[int, Any] = {}  #: the module global that a forked child finds filled
_keys = count()


class InheritedState:
    """Knows where in the global the object is; under fork that is all it takes."""

    def __init__(self, key: int) -> None:
        self.key = key

    def obtain(self) -> None:
        pass

    def get(self) -> Any:
        return _inherited[self.key]

    def close(self) -> None:
        _inherited.pop(self.key, None)


def _hold_inherited(site: Site) -> Holding:
    key = next(_keys)
    _inherited[key] = site.obj
    site.at_end(lambda: _inherited.pop(key, None))
    return InheritedState(key)


def _hold_given(site: Site) -> Holding:
    return GivenState(site.obj)


class MappedState:
    """Maps an ``.npy`` file copy-on-write: until a worker writes, its pages are the page cache's, shared by all."""

    def __init__(self, path: Path, shape: Shape) -> None:
        self.path, self.shape = path, shape
        self.state: Any = None

    def obtain(self) -> None:
        import numpy as np

        mapped = np.asarray(np.load(self.path, mmap_mode="c", allow_pickle=False))
        self.state = mapped if self.shape.kind == "array" else self.shape.view(mapped)

    def get(self) -> Any:
        return self.state

    def close(self) -> None:
        self.state = None


def _hold_mapped(site: Site) -> Holding:
    shape = Shape.of(site.obj)
    import numpy as np

    if shape.kind == "array" and not site.obj.size:
        raise ValueError("an array without elements has nothing to map")
    path = _path(site, "npy")
    np.save(path, site.obj if shape.kind == "array" else np.frombuffer(site.obj, np.uint8), allow_pickle=False)
    return MappedState(path, shape)


class FileState:
    """Loads a pickle file that the measuring process wrote: a private one, never somebody else's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state: Any = None

    def obtain(self) -> None:
        with self.path.open("rb") as file:
            self.state = pickle.load(file)

    def get(self) -> Any:
        return self.state

    def close(self) -> None:
        self.state = None


def _hold_file(site: Site) -> Holding:
    path = _path(site, "pickle")
    with path.open("wb") as file:
        pickle.dump(site.obj, file, protocol=5)
    return FileState(path)


def _path(site: Site, suffix: str) -> Path:
    path = site.folder / f"state-{next(_keys)}.{suffix}"
    site.at_end(lambda: path.unlink(missing_ok=True))
    return path


class RebuiltState:
    """Builds the object in the worker, from where it comes from: only that travels."""

    def __init__(self, ref: Ref) -> None:
        self.ref = ref
        self.state: Any = None

    def obtain(self) -> None:
        self.state = self.ref.load().make()

    def get(self) -> Any:
        return self.state

    def close(self) -> None:
        self.state = None


def _hold_rebuilt(site: Site) -> Holding:
    return RebuiltState(site.ref)


#: multiprocessing's own primitives travel with a process's arguments; everything else fails as with any pickle.
AT_START_FAILS = tuple((trait, kind) for trait, kind in FORKING_FAILS if trait is not Trait.SYNCHRONIZED)

_GLOBAL_BEFORE = """
import multiprocessing as mp

def work(table, key):
    return table[key]

if __name__ == "__main__":
    table = {number: number * number for number in range(1000)}
    with mp.get_context("fork").Pool(1) as pool:
        print([pool.apply(work, (table, key)) for key in (3, 30, 300)])
"""

_INHERIT_AFTER = """
import multiprocessing as mp

table = None

def work(key):
    return table[key]

if __name__ == "__main__":
    table = {number: number * number for number in range(1000)}
    with mp.get_context("fork").Pool(1) as pool:
        print([pool.apply(work, (key,)) for key in (3, 30, 300)])
"""

_BEFORE = """
import multiprocessing as mp

def work(table, key):
    return table[key]

if __name__ == "__main__":
    table = {number: number * number for number in range(1000)}
    with mp.get_context("spawn").Pool(1) as pool:
        print([pool.apply(work, (table, key)) for key in (3, 30, 300)])
"""

_ARGS_AFTER = """
import multiprocessing as mp

def serve(table, keys, answers):
    while (key := keys.get()) is not None:
        answers.put(table[key])

if __name__ == "__main__":
    ctx = mp.get_context("spawn")
    table = {number: number * number for number in range(1000)}
    keys, answers = ctx.SimpleQueue(), ctx.SimpleQueue()
    worker = ctx.Process(target=serve, args=(table, keys, answers))
    worker.start()
    results = []
    for key in (3, 30, 300):
        keys.put(key)
        results.append(answers.get())
    print(results)
    keys.put(None)
    worker.join()
"""

_INITIALIZER_AFTER = """
import multiprocessing as mp

def start(given):
    global table
    table = given

def work(key):
    return table[key]

if __name__ == "__main__":
    given = {number: number * number for number in range(1000)}
    with mp.get_context("spawn").Pool(1, start, (given,)) as pool:
        print([pool.apply(work, (key,)) for key in (3, 30, 300)])
"""

_ARRAY_BEFORE = """
import multiprocessing as mp
import numpy as np

def work(array, index):
    return float(array[index])

if __name__ == "__main__":
    array = np.arange(1000.0)
    with mp.get_context("spawn").Pool(1) as pool:
        print([pool.apply(work, (array, index)) for index in (3, 30, 300)])
"""

_MMAP_AFTER = """
import multiprocessing as mp
import tempfile
from pathlib import Path
import numpy as np

def start(path):
    global array
    array = np.load(path, mmap_mode="c")

def work(index):
    return float(array[index])

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "array.npy"
        np.save(path, np.arange(1000.0))
        with mp.get_context("spawn").Pool(1, start, (path,)) as pool:
            print([pool.apply(work, (index,)) for index in (3, 30, 300)])
"""

_FILE_AFTER = """
import multiprocessing as mp
import pickle
import tempfile
from pathlib import Path

def start(path):
    global table
    table = pickle.loads(path.read_bytes())

def work(key):
    return table[key]

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.pickle"
        path.write_bytes(pickle.dumps({number: number * number for number in range(1000)}))
        with mp.get_context("spawn").Pool(1, start, (path,)) as pool:
            print([pool.apply(work, (key,)) for key in (3, 30, 300)])
"""

#: What the worker builds is another file, socket or lock.
_TWO_OF_THEM = (Trait.OS_RESOURCE, Trait.SOCKET, Trait.LOCK, Trait.SYNCHRONIZED)
_REBUILD_AFTER = """
import multiprocessing as mp

def build(size):
    return {number: number * number for number in range(size)}

def start(size):
    global table
    table = build(size)

def work(key):
    return table[key]

if __name__ == "__main__":
    with mp.get_context("spawn").Pool(1, start, (1000,)) as pool:
        print([pool.apply(work, (key,)) for key in (3, 30, 300)])
"""

STRATEGIES = (
    Strategy(
        name="inherit",
        pickled_as="",
        change=2,
        summary="a module global set before the fork: the child's memory begins as the parent's",
        meaning="the parent's object as it was at the fork; a page is copied when a side writes to it",
        channel=Channel.START,
        hold=_hold_inherited,
        start_methods=("fork",),
        inherits=("fork",),
        baseline_of=frozenset({Duty.STATE}),
        baseline_turn=2,
        likely=((Duty.STATE, 2),),
        heavy=frozenset({Duty.STATE}),
        recipe=Recipe(_GLOBAL_BEFORE, _INHERIT_AFTER, {Duty.STATE: _own.INHERITED}),
    ),
    Strategy(
        name="process-args",
        change=3,
        summary="Process(args=(obj,)): pickled once when the process starts; under fork not at all, it is inherited",
        meaning="a copy for each worker; under fork the parent's object as it was at the fork",
        channel=Channel.START,
        hold=_hold_given,
        inherits=("fork",),
        fails=AT_START_FAILS,
        baseline_of=frozenset({Duty.STATE}),
        likely=((Duty.STATE, 1),),
        recipe=Recipe(_BEFORE, _ARGS_AFTER, {Duty.STATE: _own.AS_PROCESS_ARGUMENT}),
    ),
    Strategy(
        name="initializer",
        change=1,
        summary="Pool(initargs=(obj,)): pickled once for each worker of a pool; under fork not at all, it is inherited",
        meaning="a copy for each worker, in a global; under fork the parent's object as it was at the fork",
        channel=Channel.START,
        hold=_hold_given,
        launch=Launch.POOL,
        inherits=("fork",),
        fails=AT_START_FAILS,
        likely=((Duty.STATE, 3),),
        heavy=frozenset({Duty.STATE}),
        recipe=Recipe(_BEFORE, _INITIALIZER_AFTER, {Duty.STATE: _own.INITIALIZED}),
    ),
    Strategy(
        name="path-mmap",
        summary="numpy.save to a file, numpy.load(mmap_mode='c') in the worker: only the path travels",
        meaning="a view of the page cache, one memory for all workers until one writes, which only that one sees; "
        "the writer removes the file",
        channel=Channel.FILE,
        hold=_hold_mapped,
        only=frozenset({Trait.FIXED_DTYPE}),
        needs=("numpy",),
        likely=((Duty.STATE, 6),),
        recipe=Recipe(
            _ARRAY_BEFORE,
            _MMAP_AFTER,
            {
                Duty.STATE: _own.in_file(
                    "object.npy", "np.save(path, {make})", 'np.load(path, mmap_mode="c")', "import numpy as np\n"
                )
            },
        ),
    ),
    Strategy(
        name="path-pickle",
        pickled_as="pickle-5",
        summary="a pickle file of our own, opened and loaded in the worker: only the path travels",
        meaning="a copy for each worker; the writer removes the file. Load no pickle file that others could write to",
        channel=Channel.FILE,
        hold=_hold_file,
        fails=PICKLE_FAILS,
        likely=((Duty.STATE, 7),),
        recipe=Recipe(
            _BEFORE,
            _FILE_AFTER,
            {
                Duty.STATE: _own.in_file(
                    "object.pickle",
                    "path.write_bytes(pickle.dumps({make}, protocol=5))",
                    "pickle.loads(path.read_bytes())",
                    "import pickle\n",
                )
            },
        ),
    ),
    Strategy(
        name="rebuild",
        pickled_as="",
        makes=True,
        summary="built in the worker, from its parameters: they are all that travels",
        meaning="an object of the worker's own, equal if building it is deterministic; nothing to clean up",
        channel=Channel.START,
        hold=_hold_rebuilt,
        fails=tuple((trait, Kind.ALTERED) for trait in _TWO_OF_THEM),
        baseline_of=frozenset({Duty.STATE}),
        baseline_turn=3,
        likely=((Duty.STATE, 4),),
        recipe=Recipe(_BEFORE, _REBUILD_AFTER, {Duty.STATE: _own.REBUILT}),
    ),
)
