"""Elements of datasets: tensors, or nested tuples and dicts of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from opwright import EagerTensor, Shape, as_dtype, convert_to_tensor, ops, scopes
from opwright.errors import ShapeError


def flat(element: Any) -> Iterator[Any]:
    """The tensors of an element."""
    if isinstance(element, (tuple, dict)):
        for item in element.values() if isinstance(element, dict) else element:
            yield from flat(item)
    else:
        yield element


def mapped(function: Callable[[Any], Any], element: Any) -> Any:
    """A function of each tensor of an element, in its structure."""
    if isinstance(element, dict):
        return type(element)((key, mapped(function, item)) for key, item in element.items())
    if isinstance(element, tuple):
        items = [mapped(function, item) for item in element]
        return type(element)(*items) if hasattr(element, "_fields") else tuple(items)
    return function(element)


def next_of(leaves: Iterator[Any], _: Any) -> Any:
    """The next of the leaves: what `mapped` puts in place of others."""
    return next(leaves)


def arrays(element: Any, dtypes: Any = None) -> Any:
    """Values as tensors; of dtypes, if they are given in the structure of the element. Datasets stay what they are."""
    with scopes.entered(None):
        if dtypes is None:
            return mapped(lambda v: v if hasattr(v, "as_numpy_iterator") else convert_to_tensor(v), element)
        if isinstance(dtypes, dict):
            return {key: arrays(element[key], dtype) for key, dtype in dtypes.items()}
        if isinstance(dtypes, (tuple, list)):
            return tuple(arrays(e, dtype) for e, dtype in zip(element, dtypes, strict=True))
        return ops.constant(np.asarray(element), as_dtype(dtypes))


def rows(element: Any, i: int) -> Any:
    """Row i of each tensor, in its memory."""
    return mapped(lambda t: EagerTensor(np.asarray(t.storage[i]), t.dtype), element)


def batched(elements: list[Any]) -> Any:
    """Elements stacked into one. Raises ShapeError where their shapes differ."""
    return _stacked(elements, [_alike] * len(list(flat(elements[0]))))


def padded(elements: list[Any], shapes: Any = None, values: Any = None) -> Any:
    """Elements stacked into one, filled up to one shape. `shapes` and `values` are given in an element's structure, or
    once for all of it; None: the largest shape, 0."""
    n = len(list(flat(elements[0])))
    listed = [list(flat(g)) if isinstance(g, (tuple, dict)) else [g] * n for g in (shapes, values)]
    return _stacked(elements, [functools.partial(_filled, shape=s, value=v) for s, v in zip(*listed, strict=True)])


def _stacked(elements: list[Any], prepare: list[Callable[[list[Any]], list[Any]]]) -> Any:
    columns = [list(column) for column in zip(*[flat(e) for e in elements], strict=True)]
    made = iter(
        [
            EagerTensor(np.stack(one([t.storage for t in column])), column[0].dtype)
            for column, one in zip(columns, prepare, strict=True)
        ]
    )
    return mapped(functools.partial(next_of, made), elements[0])


def _alike(found: list[Any]) -> list[Any]:
    shapes = sorted({str(Shape(a.shape)) for a in found})
    if len(shapes) > 1:
        raise ShapeError(f"[batch] elements must have one shape, got {' and '.join(shapes)}; use padded_batch")
    return found


def _filled(found: list[Any], shape: Any, value: Any) -> list[Any]:
    largest = np.max([a.shape for a in found], axis=0) if found[0].ndim else np.zeros(0, int)
    wanted = list(Shape(shape).dims or ()) if shape is not None else [None] * found[0].ndim
    size = [int(m) if w is None else w for m, w in zip(largest, wanted, strict=True)]
    made = []
    for array in found:
        if any(have > want for have, want in zip(array.shape, size, strict=True)):
            raise ShapeError(f"[padded_batch] an element must fit in the shape {tuple(size)}, got {array.shape}")
        whole = np.full(size, 0 if value is None else value, array.dtype)
        whole[tuple(slice(d) for d in array.shape)] = array
        made.append(whole)
    return made
