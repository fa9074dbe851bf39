"""Nests of arguments and results as data for JSON, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PLAIN = (type(None), bool, int, float, str)


def encoded(nest: Any, leaf: Callable[[Any], Any]) -> Any:
    """The nest, its leaves as `leaf` says."""
    if isinstance(nest, dict):
        return {"dict": [[key, encoded(value, leaf)] for key, value in nest.items()]}
    if isinstance(nest, (list, tuple)):
        return {"list" if isinstance(nest, list) else "tuple": [encoded(item, leaf) for item in nest]}
    return leaf(nest)


def decoded(saved: Any, leaf: Callable[[str, Any], Any]) -> Any:
    """The nest again, of what `leaf` makes of the kind and value of each leaf."""
    ((kind, value),) = saved.items()
    if kind == "dict":
        return {key: decoded(item, leaf) for key, item in value}
    if kind in ("list", "tuple"):
        items = [decoded(item, leaf) for item in value]
        return items if kind == "list" else tuple(items)
    return leaf(kind, value)
