"""What bodies use from outside, as inputs of the node that holds them; what gradients use of bodies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opwright import OpDef, Operation, Tensor
from opwright.graph import Graph

from opwright_control.funcgraph import Body, FuncGraph


class Captures:
    """The tensors that bodies use from outside: those they only read, then the variables that they write."""

    def __init__(self, graph: Graph, bodies: Sequence[Body]) -> None:
        self._graph = graph
        self.read: list[Tensor] = []
        self.written: list[Tensor] = []
        for body in bodies:
            for outside, inner in body.captures:
                tensor = graph.captured(outside)
                mine = self.written if inner.is_ref and body.graph.writes(inner) else self.read
                if tensor not in mine:
                    mine.append(tensor)
        self.read = [t for t in self.read if t not in self.written]
        self._all = self.read + self.written

    def index(self, body: Body, inner: Tensor) -> int:
        """The position of what an input of a body stands for, among all."""
        outside = next(outside for outside, found in body.captures if found is inner)
        return self._all.index(self._graph.captured(outside))


def around(node: Operation, body: Body, inner: Tensor) -> Any:
    """What an input of a body of a node is outside."""
    known = {t: outside for outside, t in body.captures}
    while inner not in known:  # captured after the node was made
        inner = next(outside for outside, t in inner.graph.captures if t is inner)  # type: ignore[attr-defined]
        if inner.graph is node.graph:
            return inner
    return known[inner]


def giving(node: Operation, body: Body, outputs: Sequence[Tensor]) -> Body:
    """A body of a node with other outputs."""
    new = [inner for inner in body.graph.inputs if inner not in body.inputs]
    captures = [*body.captures, *((around(node, body, inner), inner) for inner in new)]
    return Body(body.graph, outputs, captures, [*body.inputs, *new])


def needs(back: FuncGraph, forward: Body, states: Sequence[Tensor] = ()) -> list[Tensor]:
    """The values of a body that its gradient uses and that are to be had nowhere else: intermediate ones and states."""
    inputs = {*forward.inputs, *(inner for _, inner in forward.graph.captures)} - set(states)
    return [t for t, _ in back.captures if t not in inputs]


def grouped(node: Operation, dxs: Sequence[Any]) -> tuple[Any, ...]:
    """The gradients of a node's inputs as its gradient function returns them: an item for each argument."""
    flat = iter(dxs)
    pairs = zip(node.definition.schema.tensors, node.groups, strict=True)
    listed = [(arg.is_list, [next(flat) for _ in group]) for arg, group in pairs]
    return tuple(group if is_list else group[0] if group else None for is_list, group in listed)


def extend(op: Operation, definition: OpDef, groups: Any, attributes: dict[str, Any]) -> Operation:
    """An operation that gives what `op.latest` gives and more. In a step that runs both, it alone runs."""
    op = op.latest
    made = Graph.create(op.graph, definition, groups, attributes, op.name)
    made.control_inputs = list(op.control_inputs)
    made.extends = (op, *op.extends)
    for less in made.extends:
        less.latest = made
    return made
