"""vmap, vectorized_map: a function of one example applied to a batch of them at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError, ShapeError

from opwright_autodiff.batched import Batched, repeated
from opwright_autodiff.structure import flat, packed, tensors

_levels = itertools.count()


@export("vmap")
def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: int = 0) -> Callable[..., Any]:
    """A function that applies f to each example of a batch, and returns what it returns as batches.

    `in_axes` is the batch's dimension in the arguments: one number, or one for each argument, None for what all
    examples share. Raises ShapeError where sizes of the batch differ, ArgumentError if nothing is a batch.
    """

    def call(*args: Any) -> Any:
        axes = [in_axes] * len(args) if in_axes is None or isinstance(in_axes, int) else list(in_axes)
        if len(axes) != len(args):
            raise ArgumentError(f"[vmap] in_axes must have one item for each of {len(args)} arguments, got {in_axes}")
        level, lifted, sizes = next(_levels), [], set()
        for arg, axis in zip(map(tensors, args), axes, strict=True):
            leaves = [v if axis is None else _to_batch(v, axis, level) for v in flat(arg)]
            sizes |= {v.value.shape[0] for v in leaves if axis is not None}
            lifted.append(packed(arg, iter(leaves)))
        if len(sizes) != 1:
            problem = f"batches of one size, got sizes {sorted(sizes)}" if sizes else "a batch, got none"
            raise (ShapeError if sizes else ArgumentError)(f"[vmap] the arguments must hold {problem}")
        made = f(*lifted)
        return packed(made, iter([_from_batch(v, min(sizes), out_axes, level) for v in flat(made)]))

    return call


def _to_batch(value: Any, axis: int, level: int) -> Batched:
    tensor = convert_to_tensor(value)
    if not -len(tensor.shape) <= axis < len(tensor.shape):
        raise ShapeError(f"[vmap] the batch must be a dimension of each argument, got {axis} for shape {tensor.shape}")
    return Batched(_moveaxis(tensor, axis % len(tensor.shape), 0), level)


def _from_batch(value: Any, n: int, axis: int, level: int) -> Any:
    if value is None:
        return None
    batch = value.value if isinstance(value, Batched) and value.level == level else repeated(value, n)
    return _moveaxis(batch, 0, axis % len(batch.shape))


def _moveaxis(tensor: Any, source: int, target: int) -> Any:
    if source == target:
        return tensor
    order = [d for d in range(len(tensor.shape)) if d != source]
    order.insert(target, source)
    return ops.transpose(tensor, order)


@export("vectorized_map")
def vectorized_map(fn: Callable[[Any], Any], elems: Any, fallback_to_while_loop: bool = True, warn: bool = True) -> Any:
    """fn of each of the examples that lie along the first dimension of elems, a tensor or nested lists of tensors."""
    return vmap(fn)(elems)
