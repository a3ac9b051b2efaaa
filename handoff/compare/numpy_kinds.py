"""What is said of numpy's arrays, scalars, dtypes and generators; which buffers overlap."""

from __future__ import annotations

import hashlib
import sys
from typing import Any

from handoff.compare.difference import NANS, OWN_NANS
from handoff.compare.names import Kind, Said, Walker
from handoff.compare.values import digest


def _say_ndarray(walk: Walker, obj: Any) -> Said:
    """An array: its bytes in C order. A strided view and its contiguous copy are the same; Fortran order counts."""
    numpy = sys.modules["numpy"]
    plain = obj if type(obj) is numpy.ndarray else numpy.ndarray.view(obj, numpy.ndarray)
    walk.memory.append((len(walk.parents), plain))
    flags = plain.flags
    order = "F" if flags.f_contiguous and not flags.c_contiguous else "C"
    said = {"dtype": repr(plain.dtype), "shape": list(plain.shape), "order": order, "writeable": bool(flags.writeable)}
    if not plain.dtype.hasobject:
        if type(obj) is numpy.ndarray and plain.size and not flags.forc:
            plain = numpy.ascontiguousarray(plain)
        return {**said, **_array_content(numpy, plain)}, None
    inline, children = walk.sequence(plain.ravel().tolist())
    for name in (NANS, OWN_NANS):
        inline.pop(name, None)  # an array looks for equals
    return {**said, **inline}, children


def _array_content(numpy: Any, plain: Any) -> dict[str, Any]:
    if not plain.size:
        return {}
    flat = numpy.ascontiguousarray(plain.T if plain.flags.f_contiguous else plain).reshape(-1).view(numpy.uint8)
    return {"content": digest(memoryview(flat))}


def _say_masked_array(walk: Walker, obj: Any) -> Said:
    numpy = sys.modules["numpy"]
    said, children = _say_ndarray(walk, obj)
    table = object.__getattribute__(obj, "__dict__")
    mask = numpy.ma.getmaskarray(obj)
    said["mask"] = hashlib.sha256(numpy.ascontiguousarray(mask).tobytes()).hexdigest()[:16]
    said["hard mask"] = bool(table.get("_hardmask"))
    return said, [*(children or ()), (".fill_value", _fill_value(numpy, table.get("_fill_value"), obj))]


def _fill_value(numpy: Any, own: Any, array: Any) -> Any:
    """What is filled in: the array's own, or else what its dtype has; made only when it is asked for."""
    if own is None and not (dtype := numpy.ndarray.dtype.__get__(array)).names:
        own = numpy.array(numpy.ma.default_fill_value(dtype), dtype=dtype)
    return own


def _say_numpy_scalar(walk: Walker, obj: Any) -> Said:
    base = sys.modules["numpy"].generic
    dtype = base.dtype.__get__(obj)
    if dtype.hasobject:
        return {"dtype": repr(dtype)}, [(".item()", base.item(obj))]
    value = repr(base.item(obj)) if dtype.kind in "biufc" and dtype.itemsize <= 8 else base.tobytes(obj).hex()
    return {"dtype": repr(dtype), "value": value}, None


def _say_numpy_dtype(walk: Walker, obj: Any) -> Said:
    """A dtype: of the built-in ones each exists once, and is compared by identity (``dtype is np.dtype("f8")``)."""
    return {"value": repr(obj), "numpy's own": obj.isbuiltin == 1}, None


def _say_bit_generator(walk: Walker, obj: Any) -> Said:
    return {}, [(".state", obj.state)]


def overlaps(memory: list[tuple[int, Any]]) -> list[list[int]]:
    """Groups of parts whose buffers overlap, found by their address ranges; nothing where numpy was never imported."""
    numpy = sys.modules.get("numpy")
    if numpy is None or len(memory) < 2:
        return []
    ranges = sorted(found for number, obj in memory if (found := _range(numpy, number, obj)) is not None)
    groups: list[list[int]] = []
    end = -1
    for start, stop, number in ranges:
        if start < end:
            groups[-1].append(number)
        else:
            groups.append([number])
        end = max(end, stop)
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _range(numpy: Any, number: int, obj: Any) -> tuple[int, int, int] | None:
    if not issubclass(type(obj), numpy.ndarray):
        try:
            obj = numpy.frombuffer(obj, numpy.uint8)
        except (ValueError, BufferError, TypeError):
            return None
    if not obj.size:
        return None
    start = stop = obj.__array_interface__["data"][0]
    for size, stride in zip(obj.shape, obj.strides, strict=True):
        start, stop = start + min(0, (size - 1) * stride), stop + max(0, (size - 1) * stride)
    return start, stop + obj.itemsize, number


#: What is said of each class and what derives from it; True: all there is, its attributes included.
KINDS: dict[str, tuple[Kind, bool]] = {
    "numpy.ma.core.MaskedArray": (_say_masked_array, True),
    "numpy.ma.MaskedArray": (_say_masked_array, True),
    "numpy.ndarray": (_say_ndarray, False),
    "numpy.generic": (_say_numpy_scalar, True),
    "numpy.dtype": (_say_numpy_dtype, True),
    "numpy.random.bit_generator.BitGenerator": (_say_bit_generator, True),
}
