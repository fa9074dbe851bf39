"""From plain data to a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opwright import Graph, Shape, as_dtype, ops
from opwright.errors import GraphError, OpwrightError
from opwright.registry import registry


@dataclass
class SavedNode:
    """A saved node, as upgrades see it: its op, the names of its inputs by argument, its attributes by name."""

    op: str
    inputs: dict[str, list[str]]
    attributes: dict[str, Any]


def build(described: dict[str, Any], tensors: dict[str, Any]) -> Graph:
    """The graph that was described: nodes of the same names, upgraded to the versions the ops have now."""
    graph = Graph()
    graph.seed = described["seed"]
    for saved in described["nodes"]:
        try:
            _add(graph, saved, described["ops"][saved["op"]]["version"], tensors)
        except OpwrightError as e:
            raise GraphError(f"the saved node {saved['name']!r} cannot be rebuilt: {e}") from e
    for saved in described["nodes"]:
        op = graph.get_operation_by_name(saved["name"])
        for control in saved["controls"]:
            op.add_control_input(graph.get_operation_by_name(control))
    _collect(graph, described)
    return graph


def _add(graph: Graph, saved: dict[str, Any], version: int, tensors: dict[str, Any]) -> None:
    attributes = {name: _value(value, tensors) for name, value in saved["attributes"].items()}
    node = _upgraded(SavedNode(saved["op"], dict(saved["inputs"]), attributes), version)
    definition = registry.op(node.op)
    given: dict[str, Any] = dict(node.attributes)
    for arg in definition.schema.tensors:
        found = [graph.get_tensor_by_name(name) for name in node.inputs.pop(arg.name, [])]
        given[arg.name] = found if arg.is_list else found[0] if found else None
    given |= node.inputs  # of arguments that the op does not have: it says so
    with graph.as_default():
        definition(name=saved["name"] + "/", **given)
    op = graph.get_operation_by_name(saved["name"])
    op.device, op.line = saved["device"], saved["line"]
    for tensor, dims in zip(op.outputs, saved["shapes"], strict=False):
        tensor.set_shape(Shape(dims))


def _upgraded(node: SavedNode, version: int) -> SavedNode:
    definition = registry.op(node.op)
    while version < definition.version:
        version, rewrite = definition.upgrades[version]
        rewrite(node)
        if node.op != definition.name:  # from here on the other op's own upgrades would apply; it is taken as it is now
            break
    return node


def _value(saved: Any, tensors: dict[str, Any]) -> Any:
    if isinstance(saved, list):
        return tuple(_value(item, tensors) for item in saved)
    if not isinstance(saved, dict):
        return saved
    ((kind, value),) = saved.items()
    if kind == "dtype":
        return as_dtype(value)
    if kind == "shape":
        return Shape(value)
    return tensors[value] if kind == "tensor" else float(value)


def _collect(graph: Graph, described: dict[str, Any]) -> None:
    made: list[Any] = []

    def item(saved: dict[str, Any]) -> Any:
        ((kind, value),) = saved.items()
        if kind in ("tensor", "operation"):
            return graph.as_graph_element(value)
        return made[value] if kind == "object" else value

    for saved in described["objects"]:
        kind = getattr(ops, saved["type"])
        made.append(kind.__opwright_restored__({name: item(part) for name, part in saved["parts"].items()}))
    for key, items in described["collections"].items():
        for saved in items:
            graph.add_to_collection(key, item(saved))
