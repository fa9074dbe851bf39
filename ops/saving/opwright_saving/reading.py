"""From plain data to a graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

from opwright import Graph, Shape, as_dtype, ops
from opwright.errors import GraphError, OpwrightError
from opwright.registry import registry

from opwright_saving.writing import PLACEHOLDERS


@dataclass
class SavedNode:
    """A saved node, as upgrades see it: its op, the names of its inputs by argument, its attributes by name."""

    op: str
    inputs: dict[str, list[str]]
    attributes: dict[str, Any]


def build(described: dict[str, Any], tensors: dict[str, Any], graph: Graph | None = None) -> Graph:
    """The graph that was described (put into `graph`, if given): nodes of the same names, upgraded to the versions the
    ops have now."""
    made = Graph() if graph is None else graph
    made.seed = described["seed"]
    Reader(described, tensors, made).read()
    return made


class Reader:
    """Builds graphs from their descriptions: one that a node holds, before the node."""

    def __init__(self, described: dict[str, Any], tensors: dict[str, Any], graph: Graph) -> None:
        self._described = described
        self._tensors = tensors
        self._saved = [described, *described["graphs"]]
        self._graphs: list[Any] = [graph, *(None for _ in described["graphs"])]
        self._objects: list[Any] = [None for _ in described["objects"]]

    def read(self) -> None:
        self._fill(0)
        for number in range(1, len(self._graphs)):
            self.graph(number).__opwright_bind__(self._parts(self._saved[number]["bound"]))
        for number in range(len(self._objects)):
            self._object(number)
        for key, items in self._described["collections"].items():
            for saved in items:
                self._graphs[0].add_to_collection(key, self.value(saved))

    def graph(self, number: int) -> Any:
        """A graph by number; one that is being built has the nodes before those that ask."""
        if self._graphs[number] is None:
            saved = self._saved[number]
            self._graphs[number] = _public(saved["type"]).__opwright_restored__(self._parts(saved["parts"]))
            self._fill(number)
        return self._graphs[number]

    def _fill(self, number: int) -> None:
        graph, nodes = self._graphs[number], self._saved[number]["nodes"]
        for saved in nodes:
            try:
                self._add(graph, saved)
            except OpwrightError as e:
                raise GraphError(f"the saved node {saved['name']!r} cannot be rebuilt: {e}") from e
        for saved in nodes:
            op = graph.get_operation_by_name(saved["name"])
            for name in saved["controls"]:
                control = graph.get_operation_by_name(name)
                if control not in op.control_inputs:
                    op.add_control_input(control)

    def _add(self, graph: Graph, saved: dict[str, Any]) -> None:
        attributes = {name: self.value(value) for name, value in saved["attributes"].items()}
        node = SavedNode(saved["op"], dict(saved["inputs"]), attributes)
        if node.op not in PLACEHOLDERS:
            _upgrade(node, self._described["ops"][node.op]["version"])
        definition = PLACEHOLDERS.get(node.op) or registry.op(node.op)
        given: dict[str, Any] = dict(node.attributes)
        for arg in definition.schema.tensors:
            found = [graph.get_tensor_by_name(name) for name in node.inputs.pop(arg.name, [])]
            given[arg.name] = found if arg.is_list else found[0] if found else None
        bound, attributes = definition.schema.bind((), given | node.inputs)  # refuses what the op does not have
        items = [bound[arg.name] for arg in definition.schema.tensors]
        groups = [item if isinstance(item, list) else [] if item is None else [item] for item in items]
        create = Graph.create if saved["extends"] else type(graph).create  # nothing waits for what extends another
        op = create(graph, definition, groups, attributes, saved["name"] + "/")
        op.device, op.line = saved["device"], saved["line"]
        op.extends = tuple(graph.get_operation_by_name(name) for name in saved["extends"])
        for less in op.extends:
            less.latest = op
        for tensor, dims in zip(op.outputs, saved["shapes"], strict=False):
            tensor.set_shape(Shape(dims))

    def value(self, saved: Any) -> Any:
        """What Writer.value described."""
        if isinstance(saved, list):
            return tuple(self.value(item) for item in saved)
        if not isinstance(saved, dict):
            return saved
        ((kind, value),) = saved.items()
        if kind in ("tensor", "operation"):
            return self.graph(value[0]).as_graph_element(value[1])
        makers = {
            "float": float, "dtype": as_dtype, "shape": Shape, "array": self._tensors.__getitem__, "graph": self.graph,
            "object": self._object, "strings": _strings,
        }  # fmt: skip
        return makers[kind](value)

    def _parts(self, saved: dict[str, Any]) -> dict[str, Any]:
        return {name: self.value(part) for name, part in saved.items()}

    def _object(self, number: int) -> Any:
        if self._objects[number] is None:
            saved = self._described["objects"][number]
            self._objects[number] = _public(saved["type"]).__opwright_restored__(self._parts(saved["parts"]))
        return self._objects[number]


def _strings(saved: Any) -> Any:
    shape, texts = saved
    return ops.strings.places([text.encode("latin-1") for text in texts]).reshape(shape)


def _public(name: str) -> Any:
    return reduce(getattr, name.split("."), ops)


def _upgrade(node: SavedNode, version: int) -> None:
    definition = registry.op(node.op)
    while version < definition.version:
        version, rewrite = definition.upgrades[version]
        rewrite(node)
        if node.op != definition.name:  # from here on the other op's own upgrades would apply; it is taken as it is now
            break
