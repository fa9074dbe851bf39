"""Slots: variables that stand beside another one and have its shape."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from opwright import ops


def create_slot(primary: Any, value: Any, name: str) -> Any:
    """A variable that is not trained, named `<primary>/<name>`, of an initial value or a function that returns one.

    A second one of that name gets a number.
    """
    graph = primary.graph
    if graph is None:
        return ops.Variable(value, trainable=False, name=f"{primary.name.partition(':')[0]}/{name}")
    with ExitStack() as around:
        around.enter_context(graph.as_default())
        around.enter_context(graph.name_scope(None))
        if primary.device:
            around.enter_context(graph.device(primary.device))
        full = f"{primary.op.name}/{name}"
        return ops.Variable(value, trainable=False, name=full, validate_shape=primary.shape.is_known)


def create_filled_slot(primary: Any, number: float, name: str, dtype: Any = None) -> Any:
    """A slot whose elements are all `number` at first."""
    wanted = primary.dtype if dtype is None else dtype

    def value() -> Any:
        if primary.shape.is_known:
            return ops.fill(list(primary.shape.known()), ops.constant(number, wanted))
        return ops.fill(ops.shape(primary.initialized_value()), ops.constant(number, wanted))

    return create_slot(primary, value, name)
