"""Tracing a Python function into a graph, and what its results are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from opwright import Operation, Tensor, ops
from opwright.dispatch import convert_to_tensor
from opwright.dtypes import DType
from opwright.errors import ArgumentError
from opwright.indexed import dense
from opwright.scopes import current_graph
from opwright.shapes import Shape

from opwright_control import nest
from opwright_control.funcgraph import FuncGraph


def trace(
    name: str, function: Callable[..., Any], arguments: Sequence[tuple[DType, Shape]] = (), pack: Any = None
) -> Any:
    """The graph of a function of the arguments (put in the structure of `pack`), and what the function returned."""
    graph = FuncGraph(name, current_graph())
    with graph.as_default():
        made = [graph.argument(dtype, shape) for dtype, shape in arguments]
        returned = function(*(made if pack is None else nest.pack(pack, made)))
    return graph, returned


def as_output(graph: FuncGraph, value: Any, dtype: DType | None = None) -> Tensor:
    """A value that a traced function returned as a tensor of its graph: an operation as a constant after it."""
    with graph.as_default():
        if isinstance(value, Operation):
            with graph.control_dependencies([value]):
                return ops.identity(ops.constant(True))  # type: ignore[no-any-return]
        has_dtype = hasattr(dense(value), "dtype")
        tensor = convert_to_tensor(dense(value), None if has_dtype else dtype)
        tensor = graph.captured(tensor)
        assert isinstance(tensor, Tensor)
        return ops.identity(tensor) if tensor.is_ref else tensor  # type: ignore[no-any-return]


def unify(op: str, graphs: Sequence[FuncGraph], results: Sequence[Sequence[Any]]) -> list[list[Tensor]]:
    """What each of several graphs returned as tensors; Python numbers take the dtype of the others' tensors.

    Raises ArgumentError where dtypes differ.
    """
    made: list[list[Tensor]] = [[] for _ in graphs]
    for i, values in enumerate(zip(*results, strict=True)):
        known = next((v.dtype for v in values if isinstance(getattr(v, "dtype", None), DType)), None)
        tensors = [as_output(g, v, known) for g, v in zip(graphs, values, strict=True)]
        dtypes = {t.dtype.name: None for t in tensors}
        if len(dtypes) > 1:
            raise ArgumentError(
                f"[{op}] the branches must return the same dtypes, got {' and '.join(dtypes)} for output {i}; cast one"
            )
        for column, tensor in zip(made, tensors, strict=True):
            column.append(tensor)
    return made


def common_shape(shapes: Sequence[Shape]) -> Shape:
    """What is known of a tensor that has one of the shapes."""
    if any(s.dims is None or s.rank != shapes[0].rank for s in shapes):
        return Shape(None)
    return Shape(d[0] if len(set(d)) == 1 else None for d in zip(*(s.known_rank() for s in shapes), strict=True))
