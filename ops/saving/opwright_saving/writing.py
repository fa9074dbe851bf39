"""From a graph, and the graphs inside it, to plain data."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import opwright
from opwright import DType, Graph, Operation, Shape, Tensor
from opwright.dtypes import from_storage, string
from opwright.errors import GraphError
from opwright.plan.reference import FED, FED_REF
from opwright.registry import registry

FORMAT = 1
PLACEHOLDERS = {op.name: op for op in (FED, FED_REF)}  # the planner's own, what graphs inside others begin with
_PLAIN = (bool, int, str, type(None))


def describe(graph: Graph) -> tuple[dict[str, Any], dict[str, Any]]:
    """The graph as data for JSON, and its arrays by name."""
    writer = Writer(graph)
    described = {
        "format": FORMAT,
        "opwright": opwright.__version__,
        "seed": graph.seed,
        "nodes": writer.nodes(0),
        "collections": writer.collections(),
        "graphs": writer.inner(),
        "objects": writer.objects,
    }
    used = {op.type: op.definition for g in writer.graphs for op in g.operations if op.type not in PLACEHOLDERS}
    return described | {"ops": {op.name: _origin(op) for op in used.values()}}, writer.tensors


def _origin(definition: Any) -> dict[str, Any]:
    owner = registry.owner(definition)
    return {
        "version": definition.version,
        "signature": str(definition.schema),
        "dist": owner.dist if owner else None,
        "dist_version": owner.version if owner else None,
    }


def _dims(shape: Shape) -> list[int | None] | None:
    return None if shape.dims is None else list(shape.dims)


class Unsaved(Exception):
    """A value that JSON cannot stand for."""


class Writer:
    """What describes a graph: the graphs it has met, the graph itself being number 0, objects and arrays."""

    def __init__(self, graph: Graph) -> None:
        self.graphs = [graph]
        self.tensors: dict[str, Any] = {}
        self.objects: list[Any] = []
        self._seen: dict[int, tuple[Any, int]] = {}  # objects by id, kept alive, and their numbers

    def nodes(self, number: int) -> list[dict[str, Any]]:
        return [self._node(op, f"{number}:{op.name}" if number else op.name) for op in self.graphs[number].operations]

    def inner(self) -> list[dict[str, Any]]:
        """The graphs inside the first, each as a class, what it is made of, and what binds it to those around."""
        found: list[dict[str, Any]] = []
        while len(found) + 1 < len(self.graphs):  # describing one may show others
            graph: Any = self.graphs[len(found) + 1]
            made = {
                "type": _public_name(graph),
                "parts": self._parts(graph.__opwright_saved__()),
                "nodes": self.nodes(len(found) + 1),
            }
            found.append(made | {"bound": self._parts(graph.__opwright_bound__())})
        return found

    def _parts(self, parts: dict[str, Any]) -> dict[str, Any]:
        return {name: self.value(part, name) for name, part in parts.items()}

    def _node(self, op: Operation, where: str) -> dict[str, Any]:
        arguments = op.definition.schema.tensors
        return {
            "name": op.name,
            "op": op.type,
            "inputs": {arg.name: [t.name for t in group] for arg, group in zip(arguments, op.groups, strict=True)},
            "attributes": {name: self._attribute(op, name, value, where) for name, value in op.attributes.items()},
            "controls": [control.name for control in op.control_inputs],
            "extends": [less.name for less in op.extends],
            "device": op.device,
            "shapes": [_dims(t.shape) for t in op.outputs],
            "line": op.line,
        }

    def _attribute(self, op: Operation, name: str, value: Any, where: str) -> Any:
        try:
            if isinstance(value, np.ndarray) and op.attributes.get("dtype") is string:
                value = from_storage(value, string)
            return self.value(value, f"{where}/{name}")
        except Unsaved:
            raise GraphError(
                f"[{op.type}] attribute {name!r} must be numbers, strings or arrays to be saved, got {value!r}; leave "
                f"node {op.name!r} out of the graph\n  built at {op.line}"
            ) from None

    def value(self, value: Any, where: str) -> Any:
        """Numbers, strings and sequences of them as they are; a dict of one kind for what JSON lacks.

        Raises Unsaved for objects that do not say what they are made of.
        """
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, DType):
            return {"dtype": value.name}
        if isinstance(value, Shape):
            return {"shape": _dims(value)}
        if isinstance(value, np.ndarray) and value.dtype == object:
            return {"strings": [list(value.shape), [text.decode("latin-1") for text in value.flat]]}
        if isinstance(value, np.ndarray):
            return {"array": self._array(value, where)}
        if isinstance(value, (tuple, list)):
            return [self.value(item, where) for item in value]
        if isinstance(value, Graph):
            return {"graph": self._number(value)}
        if isinstance(value, (Tensor, Operation)):
            return {"tensor" if isinstance(value, Tensor) else "operation": [self._number(value.graph), value.name]}
        return {"object": self._object(value)}

    def _array(self, array: Any, where: str) -> str:
        key, n = where, 1
        while key in self.tensors:  # an attribute may hold several
            key, n = f"{where}/{n}", n + 1
        self.tensors[key] = array
        return key

    def _number(self, graph: Graph) -> int:
        if graph not in self.graphs:
            _public_name(graph)
            self.graphs.append(graph)
        return self.graphs.index(graph)

    def _object(self, item: Any) -> int:
        name = _public_name(item)
        if id(item) not in self._seen:
            made = {"type": name, "parts": self._parts(item.__opwright_saved__())}
            self._seen[id(item)] = item, len(self.objects)
            self.objects.append(made)
        return self._seen[id(item)][1]

    def collections(self) -> dict[str, list[Any]]:
        """The collections. What cannot be saved is warned of."""
        graph = self.graphs[0]
        kept: dict[str, list[Any]] = {}
        for key in graph.get_all_collection_keys():
            saved, lost = [], []
            for item in graph.get_collection(key):
                try:
                    if isinstance(item, (list, tuple)):  # would come back as another type
                        raise Unsaved
                    saved.append(self.value(item, f"collection/{key}"))
                except Unsaved:
                    lost.append(item)
            if lost or not isinstance(key, str):
                warnings.warn(f"[save] of the collection {key!r}, {lost or 'all'} cannot be saved", stacklevel=4)
            if isinstance(key, str):
                kept[key] = saved
        return kept


def _public_name(item: Any) -> str:
    """The name under which the class of an object is public. Raises Unsaved if it is not, or cannot be saved."""
    names = vars(type(item)).get("__opwright_names__", ())
    if not names or not hasattr(item, "__opwright_saved__"):
        raise Unsaved
    return str(names[0])
