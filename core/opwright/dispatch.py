"""A call of an op: a node in a graph if one is current or an argument belongs to one, else run at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opwright import ops, scopes
from opwright.binding import bind_tensors, natural_dtype, owned_array
from opwright.dtypes import DType
from opwright.eager import as_eager, execute
from opwright.eagertensor import EagerTensor
from opwright.errors import DTypeError
from opwright.graph import Graph, Tensor
from opwright.opdef import OpDef
from opwright.registry import registry
from opwright.repeated import described, learn, repeat
from opwright.scopes import base_graph, thread


def call(definition: OpDef, /, *args: Any, name: str | None = None, **kwargs: Any) -> Any:
    """Binds the arguments, then builds a node or runs the op. Returns its output, a list of them, or an Operation."""
    key = None
    stack = thread.graphs
    if (stack[-1] if stack else base_graph[0]) is None:
        key, values = described(definition, args, kwargs)
        if key is not None:
            found = repeat(key, values, args)
            if found is not NotImplemented:
                return found
    given, attributes = definition.schema.bind(args, kwargs)
    for value in _leaves(given.values()):
        if hasattr(value, "__opwright_call__"):  # it knows better what the op is to do: the batches of vmap
            return value.__opwright_call__(definition, given, attributes)
    graph = graph_of(given.values()) or scopes.current_graph()
    if graph is None:
        groups = bind_tensors(definition, given, as_eager)
        made = execute(definition, groups, attributes)
        if key is not None:
            learn(key, values, definition, groups, attributes)
        return made
    groups = bind_tensors(definition, given, lambda value, dtype: to_graph(graph, value, dtype))
    op = graph.create(definition, groups, attributes, name)
    if not definition.schema.outputs:
        return op
    return op.outputs[0] if definition.single else list(op.outputs)


OpDef.__call__ = call  # type: ignore[method-assign]


def graph_of(values: Any) -> Graph | None:
    """The graph of the first graph tensor among the values, looking into lists and variables; the current graph if that
    lies in it."""
    for value in _leaves(values):
        graph = getattr(value, "graph", None)
        if isinstance(graph, Graph):
            current = scopes.current_graph()
            return current if current is not None and graph in current.around else graph
    return None


def _leaves(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _leaves(value)
        else:
            yield value


def to_graph(graph: Graph, value: Any, dtype: DType | None) -> Tensor:
    """The value as a tensor of the graph: itself, or a constant."""
    captured = graph.captured(value) if isinstance(value, (Tensor, EagerTensor)) else None
    if captured is not None:
        return captured  # type: ignore[no-any-return]
    if isinstance(value, EagerTensor):
        return _constant(graph, value.storage, value.dtype)
    if isinstance(value, (list, tuple)) and any(
        isinstance(v, Tensor) or hasattr(v, "__opwright_tensor__") for v in _leaves(value)
    ):
        return ops.stack([v if dtype is None else to_graph(graph, v, dtype) for v in value])  # type: ignore[no-any-return]
    return _constant(graph, owned_array(value, dtype), dtype or natural_dtype(value))


def _constant(graph: Graph, storage: Any, dtype: DType) -> Tensor:
    definition = registry.op("const")
    return graph.create(definition, [], {"value": storage, "dtype": dtype}, "Const").outputs[0]


def convert_to_tensor(value: Any, dtype: Any = None, name: str | None = None) -> Any:
    """The value as a tensor: of the current graph, or eager. Raises DTypeError if it has another dtype."""
    from opwright.dtypes import as_dtype

    wanted = None if dtype is None else as_dtype(dtype)
    convert = getattr(value, "__opwright_tensor__", None)
    tensor = convert() if convert is not None else value
    if hasattr(tensor, "__opwright_call__"):
        return tensor
    if not isinstance(tensor, (Tensor, EagerTensor)) or (isinstance(tensor, EagerTensor) and scopes.current_graph()):
        graph = graph_of([tensor]) or scopes.current_graph()
        tensor = as_eager(tensor, wanted) if graph is None else to_graph(graph, tensor, wanted)
    if wanted is not None and tensor.dtype is not wanted:
        raise DTypeError(f"[{name or 'convert_to_tensor'}] the tensor must be {wanted.name}, got {tensor.dtype.name}")
    return tensor
