"""Nested fetches: lists, tuples, named tuples and dicts of tensors and operations, and results structured alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opwright.errors import GraphError
from opwright.graph import Graph, Operation, Tensor

Build = Callable[[list[Any]], Any]


class Fetches:
    """The tensors and operations in a nest, and how to put the tensors' values in their place."""

    def __init__(self, graph: Graph, nest: Any) -> None:
        self.tensors: list[Tensor] = []
        self.targets: list[Operation] = []
        self._graph = graph
        self._index: dict[Tensor, int] = {}
        self.build: Build = self._visit(nest)
        self.single = self._is_tensor(nest)
        items = nest if type(nest) in (list, tuple) else [nest]
        self.flat = not any(isinstance(item, (list, tuple, dict)) for item in items)

    def _is_tensor(self, nest: Any) -> bool:
        return (
            len(self.tensors) == 1
            and not isinstance(nest, (list, tuple, dict))
            and not hasattr(nest, "__opwright_fetch__")
        )

    def _visit(self, nest: Any) -> Build:
        if nest is None:
            raise GraphError("a fetch must be a tensor, an operation, or their names, got None")
        if isinstance(nest, dict):
            return self._visit_dict(nest)
        if isinstance(nest, (list, tuple)):
            return self._visit_sequence(nest)
        if hasattr(nest, "__opwright_fetch__"):  # a sparse gradient and the like: fetched as its parts
            parts, rebuild = nest.__opwright_fetch__()
            inner = self._visit(parts)
            return lambda found: rebuild(inner(found))
        element = self._graph.as_graph_element(nest)
        if isinstance(element, Operation):
            self.targets.append(element)
            return lambda found: None
        index = self._index.setdefault(element, len(self.tensors))
        if index == len(self.tensors):
            self.tensors.append(element)
        return lambda found: found[index]

    def _visit_dict(self, nest: dict[Any, Any]) -> Build:
        inner = {key: self._visit(value) for key, value in nest.items()}
        return lambda found: type(nest)((key, build(found)) for key, build in inner.items())

    def _visit_sequence(self, nest: Any) -> Build:
        inner = [self._visit(item) for item in nest]
        if hasattr(nest, "_fields"):
            return lambda found: type(nest)(*[build(found) for build in inner])
        make = tuple if isinstance(nest, tuple) else list
        return lambda found: make([build(found) for build in inner])
