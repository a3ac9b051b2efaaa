"""Buffers: bytes and arrays, where most of the cost is moving memory. All values are counted up, none is random: no
strategy compresses, and ``arange`` gives the same bytes under every numpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handoff.checksum import MASK, checksum
from handoff.payload import Duty, Payload, Trait

KIB = 1024
MIB = 1024 * 1024


def _pattern(nbytes: int) -> bytes:
    return bytes(range(256)) * (nbytes // 256)


def bytes_4kib() -> bytes:
    return _pattern(4 * KIB)


def bytes_1mib() -> bytes:
    return _pattern(MIB)


def bytearray_1mib() -> bytearray:
    return bytearray(_pattern(MIB))


def _float64(nbytes: int) -> Any:
    import numpy as np

    return np.arange(nbytes // 8, dtype=np.float64)


def array_f64_4kib() -> Any:
    return _float64(4 * KIB)


def array_f64_1mib() -> Any:
    return _float64(MIB)


def array_f64_64mib() -> Any:
    return _float64(64 * MIB)


def images_u8() -> Any:
    import numpy as np

    return np.arange(32 * 224 * 224 * 3, dtype=np.uint32).astype(np.uint8).reshape(32, 224, 224, 3)


def array_strided_1mib() -> Any:
    """One column of a C-ordered table of two: every other 8 bytes of a 2 MiB block."""
    return _float64(2 * MIB).reshape(-1, 2)[:, 0]


def touch_strided(obj: Any) -> int:
    """The integer sum of the view's 8-byte words, without copying them together first."""
    import numpy as np

    return int(obj.view(np.uint64).sum(dtype=np.uint64))


def facts_strided(obj: Any) -> Mapping[str, Any]:
    """Shape, type and values: pickling a view that is not contiguous is documented to copy what it shows."""
    return {
        "dtype": str(obj.dtype),
        "shape": list(obj.shape),
        "words": touch_strided(obj),
        "last": float(obj[-1]),
    }


def array_fortran_1mib() -> Any:
    """512 by 256 float64 with the first index running fastest, as LAPACK wants it."""
    import numpy as np

    return np.asfortranarray(_float64(MIB).reshape(512, 256))


def facts_fortran(obj: Any) -> Mapping[str, Any]:
    """The order in memory is part of the promise: a routine that needs Fortran order copies anything else."""
    return {
        "dtype": str(obj.dtype),
        "shape": list(obj.shape),
        "fortran order": bool(obj.flags.f_contiguous),
        "checksum": checksum(obj) if obj.flags.forc else None,
        "corners": [
            float(obj[0, 0]),
            float(obj[-1, 0]),
            float(obj[0, -1]),
            float(obj[-1, -1]),
        ],
    }


def array_structured_1mib() -> Any:
    """32,768 records of 32 bytes: id, time, value and an eight-byte tag."""
    import numpy as np

    count = MIB // 32
    table = np.zeros(count, dtype=[("id", "<i8"), ("time", "<f8"), ("value", "<f8"), ("tag", "S8")])
    table["id"] = np.arange(count)
    table["time"] = np.arange(count) * 0.25
    table["value"] = np.arange(count) % 1000
    table["tag"] = b"sensor-7"
    return table


def touch_structured(obj: Any) -> int:
    import numpy as np

    return checksum(obj.view(np.uint8))


def facts_structured(obj: Any) -> Mapping[str, Any]:
    return {
        "fields": [[name, str(obj.dtype[name]), obj.dtype.fields[name][1]] for name in obj.dtype.names],
        "shape": list(obj.shape),
        "checksum": touch_structured(obj),
    }


def array_object_1k() -> Any:
    """A text column as pandas kept it up to version 2: an array of pointers to 1,000 str."""
    import numpy as np

    column = np.empty(1_000, dtype=object)
    column[:] = [f"product-{index:05d}" for index in range(1_000)]
    return column


def touch_object(obj: Any) -> int:
    return sum(map(len, obj.tolist()))


def facts_object(obj: Any) -> Mapping[str, Any]:
    return {"dtype": str(obj.dtype), "shape": list(obj.shape), "values": obj.tolist()}


def arrays_200x1kib() -> list[Any]:
    import numpy as np

    return [np.arange(index, index + 128, dtype=np.float64) for index in range(200)]


def touch_arrays(obj: list[Any]) -> int:
    """All in one go: 200 KiB copied together take a tenth of the time of 200 checksums."""
    import numpy as np

    return checksum(np.concatenate(obj))


class Model:
    """A trained model: a name, hyper-parameters and a dict of weight arrays."""

    def __init__(self, name: str, layers: Mapping[str, tuple[int, ...]]) -> None:
        import numpy as np

        self.name = name
        self.learning_rate = 0.001
        self.weights = {
            key: np.resize(np.arange(1021, dtype=np.float32) / 1021, shape) for key, shape in layers.items()
        }

    def predict(self, batch: Any) -> Any:
        """The class of each row: matrix products with a ramp between, as an MLP's forward pass is."""
        import numpy as np

        for weight in self.weights.values():
            batch = np.maximum(batch @ weight, 0) if weight.ndim == 2 else batch + weight
        return batch.argmax(axis=1)


def _product(shape: tuple[int, ...]) -> int:
    total = 1
    for length in shape:
        total *= length
    return total


MLP = {
    "hidden1.weight": (784, 256),
    "hidden1.bias": (256,),
    "hidden2.weight": (256, 256),
    "hidden2.bias": (256,),
    "output.weight": (256, 10),
    "output.bias": (10,),
}


def model_1mib() -> Model:
    return Model("mnist-mlp", MLP)


def model_64mib() -> Model:
    return Model(
        "16 x 1024 x 1024",
        {f"block{index:02d}.weight": (1024, 1024) for index in range(16)},
    )


def touch_model(obj: Model) -> int:
    return sum(map(checksum, obj.weights.values())) & MASK


def arrays_aliasing_1mib() -> tuple[Any, Any]:
    """A buffer and a window on its second half: writing through one shows in the other."""
    whole = _float64(MIB)
    return whole, whole[len(whole) // 2 :]


def touch_aliasing(obj: tuple[Any, Any]) -> int:
    whole, half = obj
    return (checksum(whole) + checksum(half)) & MASK


def facts_aliasing(obj: tuple[Any, Any]) -> Mapping[str, Any]:
    import numpy as np

    whole, half = obj
    return {
        "shapes": [list(whole.shape), list(half.shape)],
        "checksums": [checksum(whole), checksum(half)],
        "the two share memory": bool(np.shares_memory(whole, half)),
    }


ARGUMENT = frozenset({Duty.ARGUMENT})
OUTCOME = frozenset[Duty]()  #: not timed: what becomes of it is the whole figure
BUFFER = frozenset({Trait.BUFFER, Trait.ONE_INTERPRETER})
FLAT = BUFFER | {Trait.FIXED_DTYPE}
PEP574 = "PEP 574"
PIPE = "pipe(7): 65,536 bytes of capacity"

PAYLOADS = (
    Payload(
        name="bytes-4kib",
        make=bytes_4kib,
        touch=checksum,
        traits=frozenset({Trait.FIXED_DTYPE}),
        duties=ARGUMENT,
        nbytes=4 * KIB,
        why="One memory page, and PIPE_BUF, the most that a pipe writes atomically; a sixteenth of its buffer.",
        source=PIPE,
    ),
    Payload(
        name="bytes-1mib",
        make=bytes_1mib,
        touch=checksum,
        traits=frozenset({Trait.FIXED_DTYPE}),
        duties=ARGUMENT | {Duty.RESULT},
        nbytes=MIB,
        why="A compressed photo or a file's chunk: 16 pipe buffers, and within the size of a second-level cache. Plain "
        "bytes stay in band even under protocol 5: only a PickleBuffer leaves it.",
        source=f"{PIPE}; {PEP574}, 'Producer API'",
    ),
    Payload(
        name="bytearray-1mib",
        make=bytearray_1mib,
        touch=checksum,
        traits=frozenset({Trait.FIXED_DTYPE, Trait.ELEMENTS}),
        duties=OUTCOME,
        nbytes=MIB,
        why="A received or growing buffer of the same size. Protocols up to 4 rebuild it from a bytes object, one copy "
        "more; 5 has an opcode for it.",
        source=f"{PEP574}; pickletools, BYTEARRAY8 (Lib/pickletools.py)",
    ),
    Payload(
        name="array-f64-4kib",
        make=array_f64_4kib,
        touch=checksum,
        traits=FLAT | {Trait.ELEMENTS},
        duties=ARGUMENT | {Duty.RESULT, Duty.SHARED},
        nbytes=4 * KIB,
        why="512 float64, one memory page: a feature vector or a histogram, inside one pipe buffer.",
        source=f"articles/000; {PIPE}",
    ),
    Payload(
        name="array-f64-1mib",
        make=array_f64_1mib,
        touch=checksum,
        traits=FLAT | {Trait.ELEMENTS},
        duties=ARGUMENT | {Duty.STATE, Duty.RESULT},
        nbytes=MIB,
        why="131,072 float64: three seconds of 44.1 kHz audio, or about a 362 by 362 matrix; 16 pipe buffers, 256 "
        "pages.",
        source=f"articles/000; {PIPE}",
    ),
    Payload(
        name="array-f64-64mib",
        make=array_f64_64mib,
        touch=checksum,
        traits=FLAT | {Trait.ELEMENTS},
        duties=ARGUMENT,
        nbytes=64 * MIB,
        why="8,388,608 float64, about a 2896 by 2896 matrix: past every cache, past glibc's largest mmap threshold "
        "(32 MiB), so each fresh copy is page-faulted in.",
        source="articles/000; mallopt(3), M_MMAP_THRESHOLD",
    ),
    Payload(
        name="images-u8-32x224x224x3",
        make=images_u8,
        touch=checksum,
        traits=BUFFER | {Trait.ELEMENTS},
        duties=ARGUMENT,
        nbytes=32 * 224 * 224 * 3,
        why="What a data loader hands to training: a mini-batch of 32 images of 224 by 224 pixels in three colours, "
        "4.6 MiB, the input size of ImageNet models since AlexNet and ResNet.",
        source="He et al. 2015 (ResNet), 224 x 224 crops; articles/000",
    ),
    Payload(
        name="array-strided-1mib",
        make=array_strided_1mib,
        touch=touch_strided,
        facts=facts_strided,
        traits=frozenset({Trait.ELEMENTS, Trait.ONE_INTERPRETER}),
        duties=OUTCOME,
        nbytes=MIB,
        why="One column of a table in C order: 1 MiB seen through 2 MiB. Not contiguous, so pickle 5 copies it in "
        "band.",
        source="numpy ndarray.__reduce_ex__ (numpy/_core/src/multiarray/methods.c)",
    ),
    Payload(
        name="array-fortran-1mib",
        make=array_fortran_1mib,
        touch=checksum,
        facts=facts_fortran,
        traits=BUFFER,
        duties=OUTCOME,
        nbytes=MIB,
        why="A 512 by 256 matrix as scipy.linalg returns it. Contiguous in its own order, so it may leave the stream; "
        "the order has to arrive too, or LAPACK copies it again.",
        source="numpy ndarray.__reduce_ex__ (numpy/_core/src/multiarray/methods.c)",
    ),
    Payload(
        name="array-structured-1mib",
        make=array_structured_1mib,
        touch=touch_structured,
        facts=facts_structured,
        traits=BUFFER,
        duties=OUTCOME,
        nbytes=MIB,
        why="32,768 sensor records of 32 bytes: what the rows of payloads.containers become when packed.",
        source="numpy user guide, structured arrays",
    ),
    Payload(
        name="array-object-1k",
        make=array_object_1k,
        touch=touch_object,
        facts=facts_object,
        duties=OUTCOME,
        traits=frozenset({Trait.ONE_INTERPRETER}),
        why="A text column of 1,000 cells as pandas kept it up to version 2: an array by name only, its items are "
        "pickled one by one.",
        source="numpy user guide, object arrays; pandas 3.0 release notes (str dtype)",
    ),
    Payload(
        name="arrays-200x1kib",
        make=arrays_200x1kib,
        touch=touch_arrays,
        traits=BUFFER | {Trait.ELEMENTS},
        duties=ARGUMENT,
        nbytes=200 * KIB,
        why="200 short series or embeddings of 128 float64: the case where one buffer each costs more than copying.",
        source=f"{PEP574}, 'Out-of-band buffers'",
    ),
    Payload(
        name="model-1mib",
        make=model_1mib,
        touch=touch_model,
        traits=BUFFER,
        duties=ARGUMENT | {Duty.STATE},
        nbytes=4 * sum(_product(shape) for shape in MLP.values()),
        why="A 784-256-256-10 perceptron for MNIST in float32: 269,322 parameters, 1.03 MiB in six arrays, four of "
        "them small.",
        source="articles/000, the model that should not travel with every task",
    ),
    Payload(
        name="model-64mib",
        make=model_64mib,
        touch=touch_model,
        traits=BUFFER,
        duties=OUTCOME,
        nbytes=64 * MIB,
        why="16 layers of 1024 by 1024 float32, 16.8 million parameters: between ResNet-18 (11.7) and ResNet-50 "
        "(25.6).",
        source="articles/000; torchvision model table (parameter counts)",
    ),
    Payload(
        name="arrays-aliasing-1mib",
        make=arrays_aliasing_1mib,
        touch=touch_aliasing,
        facts=facts_aliasing,
        traits=BUFFER | {Trait.IDENTITY},
        duties=OUTCOME,
        nbytes=MIB + MIB // 2,
        why="A buffer of 1 MiB and a window on its half, as a sliding-window job holds them: two references to one "
        "memory become two copies, 1.5 MiB, and writing through one no longer shows in the other.",
        source="numpy.shares_memory (numpy reference); PEP 574",
    ),
)
