"""IndexedSlices: a sparse gradient, rows of a tensor and where they go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opwright import ops
from opwright.dtypes import DType
from opwright.shapes import Shape


class IndexedSlices:
    """`values[i]` belongs to row `indices[i]` of a tensor of shape `dense_shape`; rows named twice are summed.

    The gradient of `gather` and of embedding look-ups: optimizers update the rows it names and leave the others alone.
    """

    def __init__(self, values: Any, indices: Any, dense_shape: Any = None) -> None:
        self.values = values
        self.indices = indices
        self.dense_shape = dense_shape

    @property
    def dtype(self) -> DType:
        return self.values.dtype  # type: ignore[no-any-return]

    @property
    def shape(self) -> Shape:
        known = self.dense_shape.static_value() if hasattr(self.dense_shape, "static_value") else self.dense_shape
        return Shape(None if known is None else [int(d) for d in known])

    @property
    def graph(self) -> Any:
        return getattr(self.values, "graph", None)

    @property
    def name(self) -> str:
        return str(self.values.name)

    @property
    def op(self) -> Any:
        return self.values.op

    def __opwright_tensor__(self) -> Any:
        """The dense tensor."""
        return ops.gather_grad(self.values, self.indices, self.dense_shape)

    def __opwright_fetch__(self) -> tuple[list[Any], Callable[[list[Any]], Any]]:
        parts = [self.values, self.indices] + [self.dense_shape] * (self.dense_shape is not None)
        return parts, lambda found: IndexedSlices(*found)

    def __neg__(self) -> IndexedSlices:
        return IndexedSlices(-self.values, self.indices, self.dense_shape)

    def __repr__(self) -> str:
        return f"IndexedSlices(values={self.values!r}, indices={self.indices!r})"


def total(gradients: list[Any]) -> Any:
    """The sum of gradients of one tensor; sparse if all of them are."""
    if len(gradients) == 1:
        return gradients[0]
    if all(isinstance(g, IndexedSlices) for g in gradients):
        values = ops.concat([g.values for g in gradients], 0)
        indices = ops.concat([ops.cast(g.indices, "int64") for g in gradients], 0)
        return IndexedSlices(values, indices, gradients[0].dense_shape)
    return ops.add_n([dense(g) for g in gradients])


def dense(gradient: Any) -> Any:
    """The gradient as a tensor."""
    return gradient.__opwright_tensor__() if isinstance(gradient, IndexedSlices) else gradient
