"""no_op, group, tuple: running things together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opwright import IndexedSlices, OpDef, export, ops, scopes
from opwright.dispatch import graph_of
from opwright.errors import ArgumentError

no_op = OpDef("no_op() -> ()", role="nothing", stateful=True, gradient=None)


def _flat(things: Any) -> Iterator[Any]:
    for thing in things:
        if isinstance(thing, dict):
            yield from _flat(thing.values())
        elif isinstance(thing, (list, tuple)):
            yield from _flat(thing)
        elif thing is not None:
            yield thing.values if isinstance(thing, IndexedSlices) else thing


@export("group")
def group(*inputs: Any, name: str | None = None) -> Any:
    """An operation that is done when all of the inputs (operations, tensors, lists of them) are; eagerly nothing.

    Raises ArgumentError for anything else.
    """
    listed = list(_flat(inputs))
    graph = graph_of(listed) or scopes.current_graph()
    if graph is None:
        return None
    for thing in listed:
        if getattr(thing, "graph", None) is None:
            raise ArgumentError(f"[group] inputs must be operations or tensors of the graph, got {thing!r}")
    with graph.as_default(), graph.control_dependencies(listed):
        return no_op(name=name or "group_deps")


@export("tuple")
def tuple_of(tensors: Any, name: str | None = None, control_inputs: Any = None) -> list[Any]:
    """The tensors, each to be had only when all of them, and the operations in control_inputs, are done.

    None stays None. Raises ArgumentError if there is no tensor.
    """
    given = [t for t in tensors if t is not None]
    if not given:
        raise ArgumentError(f"[tuple] tensors must hold at least one tensor, got {tensors!r}")
    gate = group(given, list(control_inputs or []))
    if gate is None:
        return list(tensors)
    with gate.graph.as_default(), gate.graph.name_scope(name or "tuple"), gate.graph.control_dependencies([gate]):
        return [_behind(t) for t in tensors]


def _behind(tensor: Any) -> Any:
    if isinstance(tensor, IndexedSlices):
        return IndexedSlices(ops.identity(tensor.values), ops.identity(tensor.indices), tensor.dense_shape)
    return None if tensor is None else ops.identity(tensor)
