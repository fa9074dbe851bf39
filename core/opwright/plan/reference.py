"""Ops without a kernel, replaced by their reference in other ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opwright.dtypes import DType
from opwright.graph import Graph
from opwright.inference import output_dtypes
from opwright.kernels import kernels
from opwright.opdef import OpDef
from opwright.plan.ir import Value
from opwright.plan.spec import Spec
from opwright.shapes import Shape

FED = OpDef("fed(dtype: dtype, shape: shape) -> (y: dtype)", role="feed", gradient=None)
FED.shape(lambda c: c.attr.shape)
FED_REF = OpDef("fed_ref(dtype: dtype, shape: shape) -> (y: ref[dtype])", role="feed", gradient=None)
FED_REF.shape(lambda c: c.attr.shape)


def fed(graph: Graph, dtype: DType, shape: Shape, ref: bool = False, name: str | None = None) -> Any:
    """A placeholder of the planner's own."""
    op = graph.create(FED_REF if ref else FED, [], {"dtype": dtype, "shape": shape}, name)
    return op.output("y")


def has_kernel(definition: OpDef, groups: Sequence[Sequence[Value]], attributes: dict[str, Any], device: str) -> bool:
    """Whether some kernel takes the node's dtypes."""
    kind = device.partition(":")[0] or "cpu"
    if not kernels.candidates(definition, kind):
        return False
    ins = tuple([group[0].dtype if group else None for group in groups])
    outs = tuple(output_dtypes(definition, groups, attributes, len(definition.schema.outputs)))
    return bool(kernels.matching(definition, kind, ins, outs))


def trace_reference(
    definition: OpDef, groups: Sequence[Sequence[Value]], attributes: dict[str, Any]
) -> tuple[Spec, list[Value]]:
    """The op's reference as a step, and the values to feed it."""
    assert definition.reference is not None
    graph = Graph()
    with graph.as_default():
        tensors = [[fed(graph, v.dtype, Shape(v.shape)) for v in group] for group in groups]
        arguments = {
            arg.name: (group if arg.is_list else group[0] if group else None)
            for arg, group in zip(definition.schema.tensors, tensors, strict=True)
        }
        made = definition.reference(**arguments, **attributes)
    outputs = list(made) if isinstance(made, (list, tuple)) else [made]
    feeds = [t for group in tensors for t in group]
    return Spec(outputs, feeds, []), [v for group in groups for v in group]
