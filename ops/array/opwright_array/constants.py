"""Tensors of given values: constant, fill, zeros, ones, eye."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import OpDef, Shape, as_dtype, convert_to_tensor, dtypes, export, ops, scopes
from opwright.binding import as_array, natural_dtype, owned_array
from opwright.dispatch import graph_of
from opwright.errors import ShapeError
from opwright.inference import shape_from
from opwright.shapes import as_shape

const = OpDef("const(value: array, dtype: dtype) -> (y: dtype)", role="constant", gradient=None)


@const.shape
def _const_shape(c):
    return Shape(c.attr.value.shape)


@export("constant")
def constant(
    value: Any, dtype: Any = None, shape: Any = None, name: str | None = "Const", verify_shape: bool = False
) -> Any:
    """A tensor with the given value, of `dtype` (float32, int32 or bool by default for Python values) and `shape`.

    A value with fewer elements than the shape is extended by its last one, as in TensorFlow 1. Raises ShapeError where
    it does not fit (with verify_shape: where it has another shape), DTypeError where `dtype` cannot hold it.
    """
    wanted = natural_dtype(value) if dtype is None else as_dtype(dtype)
    array = owned_array(value, wanted)
    if shape is not None:
        array = _extended(array, as_shape(shape).known(), verify_shape)
    return const(array, wanted, name=name)


def _extended(array: Any, dims: tuple[int, ...], exactly: bool) -> Any:
    missing = int(np.prod(dims)) - array.size
    if missing < 0 or (missing and not array.size) or (exactly and array.shape != dims):
        raise ShapeError(f"[constant] value must fit shape {Shape(dims)}, got shape {Shape(array.shape)}")
    flat = array.ravel()
    if missing:
        flat = np.concatenate([flat, np.repeat(flat[-1:], missing)])
    return flat.reshape(dims)


fill = OpDef("fill(dims: I['r'], value: T['']) -> (y: T)", T=dtypes.movable, I=dtypes.indices)


@fill.shape
def _fill_shape(c):
    dims, sizes = c.shape("dims").dims, c.partial("dims")
    if sizes is not None:
        c.require(all(s is None or s >= 0 for s in sizes), "dims must not be negative", sizes.tolist())
    return shape_from(sizes, dims[0] if dims else None)


@fill.view("value")
def _fill_view(c, layout):
    return layout.broadcast(c.results[0])


@fill.gradient
def _fill_gradient(node, dy):
    return None, ops.reduce_sum(dy)


@fill.static_value
def _fill_value(c):
    value, dims = c.known("value"), c.known("dims")
    if value is None or dims is None or np.prod(dims) > 64:
        return None
    return np.full(tuple(dims), value) if c.dtype("value").name != "bfloat16" else None


@export("zeros")
def zeros(shape: Any, dtype: Any = "float32", name: str | None = "zeros") -> Any:
    """Zeros of the given shape, which may be a tensor."""
    return _filled(shape, 0, as_dtype(dtype), name)


@export("ones")
def ones(shape: Any, dtype: Any = "float32", name: str | None = "ones") -> Any:
    """Ones of the given shape, which may be a tensor."""
    return _filled(shape, 1, as_dtype(dtype), name)


def _filled(shape: Any, value: int, dtype: Any, name: str | None) -> Any:
    empty = dtype is dtypes.string and value == 0
    scalar = as_array(b"" if empty else bool(value) if dtype.is_bool else value, dtype)
    if graph_of([shape]) is None:
        dims = _sizes(shape)
        if scopes.current_graph() is None:
            return const(np.zeros(dims, scalar.dtype) if value == 0 else np.full(dims, scalar), dtype)
        shape = np.asarray(dims, np.int64)
    return fill(shape, const(scalar, dtype, name=f"{name or 'fill'}/value"), name=name)


def _sizes(shape: Any) -> tuple[int, ...]:
    """The sizes that a shape, a list or an array stands for; raises ShapeError if they are not all known."""
    if isinstance(shape, Shape):
        return shape.known()
    known = getattr(shape, "storage", shape)
    known = [known] if np.ndim(known) == 0 else known
    return Shape([getattr(d, "storage", d) for d in known]).known()


@export("zeros_like")
def zeros_like(tensor: Any, dtype: Any = None, name: str | None = "zeros_like", optimize: bool = True) -> Any:
    """Zeros of the shape, and unless `dtype` is given the dtype, of a tensor."""
    return _like(tensor, 0, dtype, name)


@export("ones_like")
def ones_like(tensor: Any, dtype: Any = None, name: str | None = "ones_like", optimize: bool = True) -> Any:
    """Ones of the shape, and unless `dtype` is given the dtype, of a tensor."""
    return _like(tensor, 1, dtype, name)


def _like(tensor: Any, value: int, dtype: Any, name: str | None) -> Any:
    tensor = tensor if hasattr(tensor, "get_shape") else convert_to_tensor(tensor)
    known = as_shape(tensor.shape)
    with scopes.entered(graph_of([tensor]) or scopes.current_graph()):
        shape = known if known.is_known else ops.shape(tensor)
        return _filled(shape, value, as_dtype(dtype or tensor.dtype), name)
