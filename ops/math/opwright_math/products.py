"""Products made of matmul and multiply: matvec, tensordot, outer, inner, dot, cross, kron; trace."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError, ShapeError
from opwright.shapes import normalize_axis

from opwright_math.einsum import contract
from opwright_math.matmul import matmul
from opwright_math.reduce import reduce_sum


@export("matvec", "linalg.matvec")
def matvec(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    adjoint_a: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    name: str | None = None,
) -> Any:
    """Matrices times vectors: y[.. i] = the sum of a[.. i k] b[.. k] over k. Raises ShapeError if they do not fit."""
    a, b = _pair(a, b)
    if b.shape.rank == 0:
        raise ShapeError("[matvec] b must have at least 1 dimension, got shape ()")
    return ops.squeeze(matmul(a, ops.expand_dims(b, -1), transpose_a, False, adjoint_a, name=name), -1)


@export("tensordot", "linalg.tensordot")
def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Any:
    """The sum of products over pairs of axes: the last n of a and the first n of b for an int n, else those that two
    lists name. What remains of a comes first. Raises ArgumentError or ShapeError where axes do not fit.
    """
    a, b = _pair(a, b)
    ours, theirs = _axes(axes, len(a.shape.known_rank()), len(b.shape.known_rank()))
    mine = [f"a{i}" for i in range(len(a.shape))]
    other = [f"b{i}" for i in range(len(b.shape))]
    for i, j in zip(ours, theirs, strict=True):
        m, n = a.shape[i], b.shape[j]
        if None not in (m, n) and m != n:
            raise ShapeError(f"[tensordot] the axes that are summed must have equal sizes, got {a.shape} and {b.shape}")
        other[j] = mine[i]
    kept = {d for i, d in enumerate(mine) if i not in ours} | {d for j, d in enumerate(other) if j not in theirs}
    return ops.identity(contract((a, tuple(mine)), (b, tuple(other)), kept)[0], name=name)


def _axes(axes: Any, rank_a: int, rank_b: int) -> tuple[list[int], list[int]]:
    axes = axes.static_value() if hasattr(axes, "static_value") else axes
    if axes is not None and not isinstance(axes, (list, tuple)) and np.ndim(axes) == 0:
        n = int(axes)
        if not 0 <= n <= min(rank_a, rank_b):
            raise ArgumentError(f"[tensordot] axes must lie in [0, {min(rank_a, rank_b)}], got {n}")
        return list(range(rank_a - n, rank_a)), list(range(n))
    if axes is None or len(axes) != 2:
        raise ArgumentError(f"[tensordot] axes must be an int or two lists, got {axes!r}")
    ours, theirs = ([int(i) for i in np.atleast_1d(side)] for side in axes)
    if len(ours) != len(theirs):
        raise ArgumentError(f"[tensordot] axes must name as many of a as of b, got {ours} and {theirs}")
    return [normalize_axis(i, rank_a, "tensordot") for i in ours], [
        normalize_axis(j, rank_b, "tensordot") for j in theirs
    ]


@export("outer")
def outer(a: Any, b: Any, name: str | None = None) -> Any:
    """y[i, j] = a[i] b[j], both flattened, as NumPy's `outer`."""
    a, b = _pair(a, b)
    return ops.multiply(ops.reshape(a, [-1, 1]), ops.reshape(b, [1, -1]), name=name)


@export("inner")
def inner(a: Any, b: Any, name: str | None = None) -> Any:
    """The sum of products over the last axes, as NumPy's `inner`; the product if one has no dimensions."""
    a, b = _pair(a, b)
    if 0 in (a.shape.rank, b.shape.rank):
        return ops.multiply(a, b, name=name)
    return tensordot(a, b, [[-1], [-1]], name=name)


@export("dot")
def dot(a: Any, b: Any, name: str | None = None) -> Any:
    """The sum of products over the last axis of a and the second last (the only one) of b, as NumPy's `dot`."""
    a, b = _pair(a, b)
    if 0 in (a.shape.rank, b.shape.rank):
        return ops.multiply(a, b, name=name)
    return tensordot(a, b, [[-1], [-2 if len(b.shape.known_rank()) > 1 else -1]], name=name)


@export("cross", "linalg.cross")
def cross(a: Any, b: Any, name: str | None = None) -> Any:
    """The vector product of the last dimensions, which must have 3 elements; the others broadcast."""
    a, b = _pair(a, b)
    for which, x in (("a", a), ("b", b)):
        if x.shape.rank == 0 or (x.shape.rank is not None and x.shape[-1] not in (None, 3)):
            raise ShapeError(f"[cross] {which} must have 3 elements in the last dimension, got shape {x.shape}")
    (x, y, z), (u, v, w) = ops.unstack(a, 3, -1), ops.unstack(b, 3, -1)
    return ops.stack([y * w - z * v, z * u - x * w, x * v - y * u], -1, name=name)


@export("kron")
def kron(a: Any, b: Any, name: str | None = None) -> Any:
    """The Kronecker product: blocks of b, times the elements of a, as NumPy's `kron`."""
    a, b = _pair(a, b)
    rank = max(len(a.shape.known_rank()), len(b.shape.known_rank()))
    left, right = _dims(a, rank), _dims(b, rank)
    x = ops.reshape(a, [s for size in left for s in (size, 1)])
    y = ops.reshape(b, [s for size in right for s in (1, size)])
    return ops.reshape(x * y, [m * n for m, n in zip(left, right, strict=True)], name=name)


def _dims(x: Any, rank: int) -> list[Any]:
    """The sizes, with ones in front up to the rank; as tensors where they are not known."""
    known = x.shape.known_rank()
    sizes = [d if d is not None else ops.shape(x)[i] for i, d in enumerate(known)]
    return [1] * (rank - len(known)) + sizes


@export("trace", "linalg.trace")
def trace(x: Any, name: str | None = None) -> Any:
    """The sum of the diagonal of each matrix in the last two dimensions."""
    return reduce_sum(ops.matrix_diag_part(x), -1, name=name)


def _pair(a: Any, b: Any) -> tuple[Any, Any]:
    """Both as tensors of one dtype, that of the one which is a tensor already."""
    if not hasattr(a, "dtype") and hasattr(b, "dtype"):
        b = convert_to_tensor(b)
        return convert_to_tensor(a, b.dtype), b
    a = convert_to_tensor(a)
    return a, convert_to_tensor(b, None if hasattr(b, "dtype") else a.dtype)
