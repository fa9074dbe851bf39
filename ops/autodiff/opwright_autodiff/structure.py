"""Nested lists, tuples and dicts: their leaves, and other leaves in their place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opwright import convert_to_tensor


def flat(structure: Any) -> Iterator[Any]:
    """The leaves of nested lists, tuples and dicts."""
    if isinstance(structure, dict):
        structure = structure.values()
    elif not isinstance(structure, (list, tuple)):
        yield structure
        return
    for item in structure:
        yield from flat(item)


def packed(structure: Any, leaves: Iterator[Any]) -> Any:
    """The leaves in the structure of another one."""
    if isinstance(structure, dict):
        return type(structure)((key, packed(item, leaves)) for key, item in structure.items())
    if isinstance(structure, (list, tuple)):
        items = [packed(item, leaves) for item in structure]
        return type(structure)(*items) if hasattr(structure, "_fields") else type(structure)(items)
    return next(leaves)


def tensors(structure: Any) -> Any:
    """Nested lists, tuples and dicts of values as tensors; variables stay what they are, a list of numbers is one
    tensor."""
    if isinstance(structure, dict):
        return type(structure)((key, tensors(item)) for key, item in structure.items())
    if isinstance(structure, (list, tuple)) and not all(isinstance(v, (int, float)) for v in flat(structure)):
        return packed(structure, iter([leaf for item in structure for leaf in flat(tensors(item))]))
    return structure if hasattr(structure, "assign") else convert_to_tensor(structure)
