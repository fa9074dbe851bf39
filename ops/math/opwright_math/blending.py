"""Combinations of three tensors, written in other ops; they run as one."""

from __future__ import annotations

from typing import Any

from opwright import export, ops


@export("lerp")
def lerp(start: Any, end: Any, weight: Any, name: str | None = None) -> Any:
    """start + weight (end - start)."""
    return ops.add(start, ops.multiply(ops.subtract(end, start), weight), name=name or "lerp")


@export("addcmul")
def addcmul(input: Any, tensor1: Any, tensor2: Any, value: Any = 1, name: str | None = None) -> Any:
    """input + value tensor1 tensor2."""
    return ops.add(input, ops.multiply(ops.multiply(tensor1, tensor2), value), name=name or "addcmul")


@export("addcdiv")
def addcdiv(input: Any, tensor1: Any, tensor2: Any, value: Any = 1, name: str | None = None) -> Any:
    """input + value tensor1 / tensor2."""
    return ops.add(input, ops.multiply(ops.truediv(tensor1, tensor2), value), name=name or "addcdiv")
