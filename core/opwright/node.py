"""NodeAccess: a node as its gradient and shape functions see it, whether it stands in a graph or on a tape."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from opwright.opdef import OpDef


class NodeAccess:
    """An op applied to inputs: `input("x")`, `output("y")`, `attr.axis`."""

    def __init__(self, definition: OpDef, groups: Sequence[Sequence[Any]], attributes: dict[str, Any]) -> None:
        self.definition = definition
        self.groups = tuple(tuple(g) for g in groups)  # the tensors of each tensor argument
        self.inputs = tuple(tensor for group in self.groups for tensor in group)
        self.attributes = attributes
        self.outputs: list[Any] = []

    @property
    def attr(self) -> SimpleNamespace:
        return SimpleNamespace(**self.attributes)

    def input(self, name: str) -> Any:
        """The tensor of an argument; None if it is optional and absent."""
        group = self.groups[self.definition.arg_index(name)]
        return group[0] if group else None

    def input_list(self, name: str) -> tuple[Any, ...]:
        """The tensors of a list argument."""
        return self.groups[self.definition.arg_index(name)]

    def output(self, name: str) -> Any:
        return self.outputs[self.definition.output_index(name)]
