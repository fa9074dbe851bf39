"""Creation functions of the standard. Default dtypes are float32 and int32, those of Python numbers elsewhere here."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import EagerTensor, Shape, as_dtype, convert_to_tensor, export, ops
from opwright import from_dlpack as _from_dlpack


def _shape(shape: Any) -> list[int]:
    return list(Shape(shape).known())


@export("array_api.asarray")
def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Any:
    """A tensor of numbers, nested lists, an array or a tensor: of NumPy's and DLPack's arrays in their memory, unless
    copy=True or dtype is another."""
    if isinstance(obj, np.ndarray):
        found = EagerTensor(obj, as_dtype(obj.dtype))
    elif hasattr(obj, "__dlpack__") and not hasattr(obj, "static_value"):
        found = _from_dlpack(obj)
    else:
        found = convert_to_tensor(obj)
    if dtype is not None and found.dtype is not as_dtype(dtype):
        return ops.cast(found, as_dtype(dtype))
    return EagerTensor(found.storage.copy(), found.dtype) if copy else found


@export("array_api.from_dlpack")
def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
    """A tensor in the memory of another framework's array."""
    return _from_dlpack(x, copy=copy)


@export("array_api.arange")
def arange(start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None) -> Any:
    """The numbers start, start + step, … before stop; from 0 if there is one limit."""
    first, limit = (0, start) if stop is None else (start, stop)
    made = np.arange(first, limit, step)
    return ops.constant(made, dtype or ("float32" if made.dtype.kind == "f" else "int32"))


@export("array_api.linspace")
def linspace(
    start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: bool = True
) -> Any:
    """num numbers from start to stop, evenly spaced; without endpoint stop is not among them."""
    return ops.constant(np.linspace(start, stop, num, endpoint=endpoint), dtype or "float32")


@export("array_api.full")
def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """A tensor that holds one value everywhere."""
    return ops.fill(_shape(shape), convert_to_tensor(fill_value, dtype))


@export("array_api.zeros")
def zeros(shape: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """Zeros."""
    return ops.zeros(_shape(shape), dtype or "float32")


@export("array_api.empty")
def empty(shape: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """Zeros: memory is never handed out with what was in it."""
    return zeros(shape, dtype=dtype)


@export("array_api.ones")
def ones(shape: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """Ones."""
    return ops.ones(_shape(shape), dtype or "float32")


@export("array_api.full_like")
def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """One value everywhere, in the shape of x."""
    return ops.fill(ops.shape(x), convert_to_tensor(fill_value, dtype or x.dtype))


@export("array_api.zeros_like", "array_api.empty_like")
def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    """Zeros in the shape of x."""
    return ops.zeros_like(x, dtype or x.dtype)


@export("array_api.ones_like")
def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    """Ones in the shape of x."""
    return ops.ones_like(x, dtype or x.dtype)


@export("array_api.eye")
def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Any:
    """Ones on diagonal k."""
    return ops.constant(np.eye(n_rows, n_cols, k), dtype or "float32")


@export("array_api.tril")
def tril(x: Any, /, *, k: int = 0) -> Any:
    """What lies on and below diagonal k of matrices, zeros elsewhere."""
    rows, columns = x.shape[-2], x.shape[-1]
    return ops.where(ops.constant(np.tri(rows, columns, k, bool)), x, ops.zeros_like(x))


@export("array_api.triu")
def triu(x: Any, /, *, k: int = 0) -> Any:
    """What lies on and above diagonal k of matrices, zeros elsewhere."""
    return ops.where(ops.constant(~np.tri(x.shape[-2], x.shape[-1], k - 1, bool)), x, ops.zeros_like(x))


@export("array_api.meshgrid")
def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Any]:
    """The coordinates of a grid."""
    return list(ops.meshgrid(*arrays, indexing=indexing))
