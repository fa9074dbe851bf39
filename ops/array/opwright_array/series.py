"""range, linspace, sequence_mask, meshgrid: tensors made from a few numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from opwright import OpDef, Shape, as_dtype, convert_to_tensor, dtypes, export, ops
from opwright.binding import as_array, natural_dtype
from opwright.dispatch import graph_of
from opwright.dtypes import BY_NAME, from_storage
from opwright.errors import ArgumentError, ShapeError

KEPT = 1 << 16  # elements; a longer range of known numbers is computed when a step runs

arange = OpDef("arange(start: T[''], limit: T[''], delta: T['']) -> (y: T)", T=dtypes.numbers)


@arange.shape
def _arange_shape(c):
    bounds = [c.value(name) for name in ("start", "limit", "delta")]
    if any(b is None for b in bounds):
        return Shape([None])
    return Shape([_count(*[from_storage(np.asarray(b), c.dtype("start")).item() for b in bounds])])


def _count(start: Any, limit: Any, delta: Any) -> int:
    """ceil((limit - start) / delta): how many steps there are before the limit."""
    if delta == 0:
        raise ShapeError("[range] delta must not be 0, got 0")
    if (limit - start) * delta < 0:
        raise ShapeError(f"[range] limit must lie behind start {start} by steps of {delta}, got {limit}")
    return -((start - limit) // delta) if isinstance(delta, int) else math.ceil((limit - start) / delta)


@arange.gradient
def _arange_gradient(node, dy):
    return None, None, None


@arange.static_value
def _arange_value(c):
    bounds = [c.known(name) for name in ("start", "limit", "delta")]
    if any(b is None for b in bounds) or not c.dtype("start").is_integer:
        return None
    start, limit, delta = (int(b) for b in bounds)
    n = _count(start, limit, delta)
    return start + delta * np.arange(n) if n <= KEPT else None


@export("range")
def range_(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str | None = "range") -> Any:
    """The numbers from `start` (0 if only a limit is given) up to but without `limit`, `delta` apart, as a vector.

    Their dtype is the widest of the arguments' unless it is given. Raises ShapeError where delta is 0 or leads away
    from the limit.
    """
    if limit is None:
        start, limit = 0, start
    bounds = [b.__opwright_tensor__() if hasattr(b, "__opwright_tensor__") else b for b in (start, limit, delta)]
    wanted = _widest(bounds) if dtype is None else as_dtype(dtype)
    if graph_of(bounds) is None:
        numbers = [np.asarray(as_array(np.asarray(b), None)).item() for b in bounds]
        n = _count(*numbers)
        if n <= KEPT:
            values = numbers[0] + numbers[2] * np.arange(n)
            return ops.constant(values.astype(np.float64 if wanted.is_floating else np.int64), wanted, name=name)
    return arange(*[_as(b, wanted) for b in bounds], name=name)


_WIDTHS = ("uint8", "int8", "int16", "int32", "int64", "bfloat16", "float16", "float32", "float64")


def _widest(values: list[Any]) -> Any:
    names = [v.dtype.name if hasattr(v, "get_shape") else natural_dtype(v).name for v in values]
    tensors = [n for v, n in zip(values, names) if hasattr(v, "get_shape") or isinstance(v, (np.ndarray, np.generic))]
    plain = [n for v, n in zip(values, names) if not isinstance(v, int)]  # a Python int takes what dtype there is
    for name in names:
        if name not in _WIDTHS:
            raise ArgumentError(f"[range] the bounds must be numbers, got {name}")
    return BY_NAME[max(plain if tensors and plain else names, key=_WIDTHS.index)]


def _as(value: Any, dtype: Any) -> Any:
    if hasattr(value, "get_shape"):
        return value if value.dtype is dtype else ops.cast(value, dtype)
    return ops.constant(value, dtype)


@export("linspace", "lin_space")
def linspace(start: Any, stop: Any, num: Any, name: str | None = None, axis: int = 0) -> Any:
    """`num` numbers evenly spaced from `start` to `stop`, both included, along a new axis of the result.

    Raises ShapeError unless num is positive.
    """
    dtype = next((v.dtype for v in (start, stop) if hasattr(v, "dtype")), None)
    dtype = as_dtype("float32" if dtype is None or not as_dtype(dtype).is_floating else dtype)
    start, stop = _as(start, dtype), _as(stop, dtype)
    count = int(num.static_value() if hasattr(num, "static_value") else num)
    if count < 1:
        raise ShapeError(f"[linspace] num must be positive, got {count}")
    if count == 1:
        return ops.expand_dims(start + ops.zeros_like(stop), axis, name=name)
    start, stop = ops.expand_dims(start, axis), ops.expand_dims(stop, axis)
    rank = max(len(start.shape), len(stop.shape))
    steps = np.arange(1, count - 1).reshape([-1 if i == axis % rank else 1 for i in range(rank)])
    between = start + (stop - start) / (count - 1) * ops.constant(steps.astype(np.float64), dtype)
    ends = [start + ops.zeros_like(stop), stop + ops.zeros_like(start)]
    return ops.concat([ends[0], between, ends[1]], axis, name=name)


@export("sequence_mask")
def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = "bool", name: str | None = "SequenceMask") -> Any:
    """A mask of the lengths' shape and one more axis, of `maxlen` (the largest length) entries, of which the first
    lengths[...] are true."""
    lengths = convert_to_tensor(lengths)
    if maxlen is None:
        maxlen = ops.maximum(ops.reduce_max(lengths), 0)
    row = range_(0, _as(maxlen, lengths.dtype) if hasattr(maxlen, "get_shape") else maxlen, dtype=lengths.dtype)
    mask = ops.less(row, ops.expand_dims(lengths, -1), name=name)
    return mask if as_dtype(dtype).is_bool else ops.cast(mask, dtype)


@export("meshgrid")
def meshgrid(*args: Any, indexing: str = "xy", name: str | None = "meshgrid") -> list[Any]:
    """The coordinates of a grid: for each vector a tensor of the grid's shape; with "xy" the first two axes change
    places. Raises ArgumentError for another indexing."""
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"[meshgrid] indexing must be 'xy' or 'ij', got {indexing!r}")
    vectors = [ops.reshape(convert_to_tensor(a), [-1]) for a in args]
    order = list(range(len(vectors)))
    if indexing == "xy" and len(order) > 1:
        order[0], order[1] = 1, 0
    sizes = [v.shape[0] if v.shape[0] is not None else ops.size(v) for v in vectors]
    shape = [sizes[i] for i in order]
    columns = [[-1 if o == i else 1 for o in order] for i in range(len(vectors))]
    return [ops.broadcast_to(ops.reshape(v, column), shape, name=name) for v, column in zip(vectors, columns)]
