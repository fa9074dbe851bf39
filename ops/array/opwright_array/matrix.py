"""Diagonals and bands of matrices: diag, matrix_diag, matrix_diag_part, matrix_set_diag, matrix_band_part, eye."""

from __future__ import annotations

from typing import Any

from opwright import Layout, OpDef, Shape, convert_to_tensor, dtypes, export, ops

from opwright_array.shapes import sizes_of

matrix_diag = OpDef(
    "matrix_diag(diagonal: T['*b d'], k: int = 0, num_rows: int = -1, num_cols: int = -1, padding_value: float = 0)"
    " -> (y: T)",
    T=dtypes.any_type,
    export="linalg.diag",
)
matrix_diag_part = OpDef(
    "matrix_diag_part(input: T['*b m n'], k: int = 0) -> (y: T)", T=dtypes.any_type, export="linalg.diag_part"
)
matrix_set_diag = OpDef(
    "matrix_set_diag(input: T['*b m n'], diagonal: T['*b d'], k: int = 0) -> (y: T['*b m n'])",
    T=dtypes.any_type,
    export="linalg.set_diag",
)
matrix_band_part = OpDef(
    "matrix_band_part(input: T['*b m n'], num_lower: int, num_upper: int) -> (y: T['*b m n'])",
    T=dtypes.any_type,
    export="linalg.band_part",
)


def _length(rows: int | None, cols: int | None, k: int) -> int | None:
    """How long diagonal k of a matrix is."""
    return None if rows is None or cols is None else max(0, min(rows + min(k, 0), cols - max(k, 0)))


@matrix_diag.shape
def _diag_shape(c):
    shape, k, rows, cols = c.shape("diagonal"), c.attr.k, c.attr.num_rows, c.attr.num_cols
    if shape.dims is None:
        return Shape(None)
    d = shape[-1]
    if d is not None:
        # A square, or where one size is given the smallest other one.
        rows, cols = (
            (d + abs(k),) * 2
            if rows == cols == -1
            else (d - min(k, 0) if rows == -1 else rows, d + max(k, 0) if cols == -1 else cols)
        )
        fits = _length(rows, cols, k) == d
        c.require(fits, f"diagonal {k} of {rows} rows and {cols} columns must have the elements of diagonal", shape)
    return Shape([*shape[:-1], *[None if n == -1 else n for n in (rows, cols)]])


@matrix_diag.gradient
def _diag_gradient(node, dy):
    return matrix_diag_part(dy, node.attr.k)


@matrix_diag_part.shape
def _part_shape(c):
    shape, k = c.shape("input"), c.attr.k
    if shape.dims is None:
        return Shape(None)
    rows, cols = shape[-2:]
    inside = (rows is None or -k <= max(rows - 1, 0)) and (cols is None or k <= max(cols - 1, 0))
    c.require(inside, f"k must name a diagonal of {shape}", k)
    return Shape([*shape[:-2], _length(rows, cols, k)])


@matrix_diag_part.view("input")
def _part_view(c, layout):
    *batch, down, right = layout.strides
    k, shape = c.attr.k, c.results[0]
    offset = 0 if 0 in shape else down * max(-k, 0) + right * max(k, 0)
    return Layout(shape, (*batch, down + right), layout.offset + offset)


@matrix_diag_part.gradient
def _part_gradient(node, dy):
    return matrix_set_diag(ops.zeros_like(node.input("input")), dy, node.attr.k)


@matrix_set_diag.shape
def _set_shape(c):
    shape, diagonal, k = c.shape("input"), c.shape("diagonal"), c.attr.k
    if shape.dims is not None and diagonal.dims is not None:
        d = _length(*shape[-2:], k)
        c.require(None in (d, diagonal[-1]) or d == diagonal[-1], f"diagonal must have {d} elements", diagonal)
    return shape


@matrix_set_diag.gradient
def _set_gradient(node, dy):
    diagonal, k = node.input("diagonal"), node.attr.k
    return matrix_set_diag(dy, ops.zeros_like(diagonal), k), matrix_diag_part(dy, k)


@matrix_band_part.gradient
def _band_gradient(node, dy):
    return matrix_band_part(dy, node.attr.num_lower, node.attr.num_upper)


@export("diag", "linalg.tensor_diag")
def diag(diagonal: Any, name: str | None = None) -> Any:
    """A tensor of twice the rank, the diagonal's elements where both halves of its indices are equal, else 0."""
    x = convert_to_tensor(diagonal)
    return ops.reshape(matrix_diag(ops.reshape(x, [-1])), sizes_of(x) * 2, name=name)


@export("diag_part", "linalg.tensor_diag_part")
def diag_part(input: Any, name: str | None = None) -> Any:
    """The elements where both halves of a tensor's indices are equal. Raises ShapeError unless its halves are alike."""
    x = convert_to_tensor(input)
    half = len(x.shape) // 2
    x.shape[:half].merge(x.shape[half:])
    sizes = [a if isinstance(a, int) else b for a, b in zip(sizes_of(x)[:half], sizes_of(x)[half:])]
    n = -1 if any(not isinstance(s, int) for s in sizes) else Shape(sizes).num_elements()
    flat = ops.reshape(x, [ops.reduce_prod(ops.stack(sizes)) if n == -1 else n, -1 if n else 0])
    return ops.reshape(matrix_diag_part(flat), sizes, name=name)


@export("eye", "linalg.eye")
def eye(
    num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = "float32", name: str | None = None
) -> Any:
    """Matrices with ones on the diagonal and zeros elsewhere, one for each element of batch_shape."""
    columns = num_rows if num_columns is None else num_columns
    plain = all(hasattr(n, "__index__") for n in (num_rows, columns))  # eager tensors too
    batch = [] if batch_shape is None else batch_shape if isinstance(batch_shape, (list, tuple)) else list(batch_shape)
    length = min(num_rows, columns) if plain else ops.minimum(num_rows, columns)
    square = ops.zeros([*batch, num_rows, columns], dtype)
    return matrix_set_diag(square, ops.ones([*batch, length], dtype), name=name)
