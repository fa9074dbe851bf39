"""getitem: x[1], x[..., ::2], x[None], x[i] with a tensor, x[mask], x[indices]; boolean_mask."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from opwright import EagerTensor, convert_to_tensor, export, ops, scopes
from opwright.errors import ArgumentError
from opwright.scopes import thread
from opwright.shapes import normalize_axis

from opwright_array.advanced import picked
from opwright_array.slices import record_slice, sliced
from opwright_array.spec import Spec

_PLAIN = frozenset((int, type(None), np.int64))


@export("getitem")
def getitem(x: Any, key: Any, name: str | None = "getitem") -> Any:
    """What `x[key]` is, as in NumPy: ints (also scalar tensors), slices, an ellipsis and new axes make a slice; a mask
    picks the elements or rows where it is true; lists, arrays or tensors of integers pick rows, or elements.

    Raises ArgumentError for any other key, ShapeError for an index that the shape shows to be outside.
    """
    x = x.__opwright_tensor__() if hasattr(x, "__opwright_tensor__") else x
    if isinstance(x, EagerTensor) and scopes.current_graph() is None:
        found = _at_once(x, key)
        if found is not None:
            return found
    keys = key if isinstance(key, tuple) else (key,)
    if any(_is_array(k) for k in keys):
        return _picked(x, keys, name)
    spec, values = _spec(keys)
    return sliced(x, spec, values, name)


def _at_once(x: EagerTensor, key: Any) -> EagerTensor | None:
    """The part of an eager tensor that numbers name, taken by NumPy. None for other keys and for indices outside."""
    keys = [key] if type(key) is not tuple else list(key)
    for i, one in enumerate(keys):
        if type(one) is slice:
            if not (type(one.start) in _PLAIN and type(one.stop) in _PLAIN and type(one.step) in _PLAIN):
                return None
        elif type(one) is EagerTensor and one.ndim == 0 and one.dtype.is_integer:
            keys[i] = int(one.storage)
        elif type(one) not in _PLAIN and one is not Ellipsis:
            return None
    try:
        part = x.storage[tuple(keys)]
    except (IndexError, ValueError):
        return None
    made = EagerTensor(np.array(part, order="C"), x.dtype)
    if thread.tapes:
        record_slice(x, _spec(tuple(keys))[0], made)
    return made


def _is_array(key: Any) -> bool:
    """Whether a key is a list, array or tensor rather than a number or slice."""
    if isinstance(key, list):
        return True
    rank = key.shape.rank if hasattr(key, "get_shape") else getattr(key, "ndim", 0)
    return rank != 0 or _is_bool(key)


def _is_bool(key: Any) -> bool:
    return isinstance(key, (bool, np.bool_)) or str(getattr(key, "dtype", "")) in ("bool", "<dtype: 'bool'>")


def _picked(x: Any, keys: tuple[Any, ...], name: str | None) -> Any:
    for key in keys:
        if isinstance(key, (bool, np.bool_)):
            raise ArgumentError(f"[getitem] a mask must be an array of bools, got {key}")
    if len(keys) == 1 and not isinstance(keys[0], list):
        only = convert_to_tensor(keys[0])
        if only.dtype.is_bool:
            return boolean_mask(x, only)
    return picked(x, keys, _is_array, name)


def _spec(keys: tuple[Any, ...]) -> tuple[Spec, dict[int, Any]]:
    """The specification of an index, and the tensors in it by code."""
    values: dict[int, Any] = {}
    items: list[tuple[Any, Any, Any]] = []
    masks = dict.fromkeys(("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0)
    for i, key in enumerate(keys):
        if key is Ellipsis:
            masks["ellipsis_mask"] |= 1 << i
            items.append((0, 0, 1))
        elif key is None:
            masks["new_axis_mask"] |= 1 << i
            items.append((0, 0, 1))
        elif isinstance(key, slice):
            masks["begin_mask"] |= (key.start is None) << i
            masks["end_mask"] |= (key.stop is None) << i
            items.append((_given(key.start, 0), _given(key.stop, 0), _given(key.step, 1)))
        else:
            masks["shrink_axis_mask"] |= 1 << i
            items.append((key, 0, 1))
    parts = [[_number(item[k], 3 * i + k, values) for i, item in enumerate(items)] for k in range(3)]
    return Spec(*[tuple(p) for p in parts], **masks), values


def _given(value: Any, default: int) -> Any:
    return default if value is None else value


def _number(value: Any, code: int, values: dict[int, Any]) -> int | None:
    """An index as a number, or None and the tensor in `values`."""
    value = value.__opwright_tensor__() if hasattr(value, "__opwright_tensor__") else value
    if hasattr(value, "static_value"):
        known = value.static_value()
        if known is None or not value.dtype.is_integer:
            values[code] = value
            return None
        return int(known)
    value = getattr(value, "value", value)  # TensorFlow 1's Dimension
    try:
        return operator.index(value)
    except TypeError:
        raise ArgumentError(
            "[getitem] an index must be an int, a slice, an ellipsis, None, or an array or tensor of ints or bools, "
            f"got {value!r}"
        ) from None


@export("boolean_mask")
def boolean_mask(tensor: Any, mask: Any, name: str | None = "boolean_mask", axis: Any = None) -> Any:
    """The elements (or rows, ...) of a tensor where the mask is true. The mask's dimensions are those of the tensor
    from `axis` (0 by default) on; one dimension takes their place.

    Raises ShapeError where they do not agree, or where the mask's rank is not known.
    """
    tensor, mask = convert_to_tensor(tensor), convert_to_tensor(mask, "bool")
    rank = len(mask.shape)
    if rank == 0:
        raise ArgumentError("[boolean_mask] mask must have at least one dimension, got a scalar")
    at = 0 if axis is None else int(axis.static_value() if hasattr(axis, "static_value") else axis)
    at = normalize_axis(at, len(tensor.shape), "boolean_mask") if at else 0
    if tensor.shape.dims is not None:
        tensor.shape[at : at + rank].merge(mask.shape)
    chosen = ops.squeeze(ops.where(ops.reshape(mask, [-1])), [1])
    if rank > 1:
        tensor = _flattened(tensor, at, rank)
    return ops.gather(tensor, chosen, axis=at, name=name)


def _flattened(tensor: Any, at: int, rank: int) -> Any:
    """The tensor with dimensions [at, at + rank) as one."""
    known = tensor.shape.dims
    if known is None:
        shape = ops.shape(tensor)
        return ops.reshape(tensor, ops.concat([shape[:at], [-1], shape[at + rank :]], 0))
    before, after = known[:at], known[at + rank :]
    if None in before or None in after:
        shape = ops.shape(tensor)
        before, after = [shape[i] for i in range(at)], [shape[i] for i in range(at + rank, len(known))]
    return ops.reshape(tensor, [*before, -1, *after])
