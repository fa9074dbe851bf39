"""Clipping by norms: gradients that are too long are shortened, and keep their direction."""

from __future__ import annotations

from typing import Any

from opwright import IndexedSlices, convert_to_tensor, export, ops
from opwright.errors import ArgumentError


def _values(gradient: Any) -> Any:
    return gradient.values if isinstance(gradient, IndexedSlices) else convert_to_tensor(gradient)


def _with(gradient: Any, values: Any) -> Any:
    sparse = isinstance(gradient, IndexedSlices)
    return IndexedSlices(values, gradient.indices, gradient.dense_shape) if sparse else values


@export("clip_by_norm")
def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Any:
    """t clip_norm / max(‖t‖, clip_norm), the norm over `axes` (all by default), of the values of IndexedSlices."""
    values = _values(t)
    squares = ops.reduce_sum(values * values, axis=axes, keepdims=True)
    some = squares > 0.0  # the root has no derivative at 0
    norm = ops.where(some, ops.sqrt(ops.where(some, squares, ops.ones_like(squares))), squares)
    limit = convert_to_tensor(clip_norm, values.dtype)
    return _with(t, ops.truediv(values * limit, ops.maximum(norm, limit), name=name))


@export("clip_by_average_norm")
def clip_by_average_norm(t: Any, clip_norm: Any, name: str | None = None) -> Any:
    """t clip_norm / max(‖t‖ / n, clip_norm), n the number of elements."""
    values = _values(t)
    n = ops.cast(ops.size(values), values.dtype)
    norm = ops.sqrt(ops.reduce_sum(values * values)) / n
    limit = convert_to_tensor(clip_norm, values.dtype)
    return _with(t, ops.truediv(values * limit, ops.maximum(norm, limit), name=name))


@export("global_norm", "linalg.global_norm")
def global_norm(t_list: Any, name: str | None = None) -> Any:
    """√(Σ ‖t‖²) over a list of tensors, IndexedSlices and None. Raises ArgumentError if there is no tensor."""
    given = [_values(t) for t in t_list if t is not None]
    if not given:
        raise ArgumentError(f"[global_norm] t_list must hold a tensor, got {t_list!r}")
    return ops.sqrt(ops.add_n([ops.reduce_sum(t * t) for t in given]), name=name)


@export("clip_by_global_norm")
def clip_by_global_norm(t_list: Any, clip_norm: Any, use_norm: Any = None, name: str | None = None) -> Any:
    """The tensors of a list times clip_norm / max(norm, clip_norm), and the norm: their global norm, or use_norm. None
    stays None. All become nan if the norm is not finite, as in TensorFlow."""
    norm = global_norm(t_list) if use_norm is None else convert_to_tensor(use_norm)
    limit = convert_to_tensor(clip_norm, norm.dtype)
    scale = limit / ops.maximum(norm, limit)
    scale = ops.where(ops.isfinite(norm), scale, ops.fill(ops.shape(norm), convert_to_tensor(float("nan"), norm.dtype)))
    clipped = []
    for t in t_list:
        values = None if t is None else _values(t)
        factor = scale if values is None or values.dtype is scale.dtype else ops.cast(scale, values.dtype)
        clipped.append(None if values is None else _with(t, values * factor))
    return clipped, norm
