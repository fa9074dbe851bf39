"""Nests: lists, tuples, named tuples and dicts of things, flattened and put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from opwright import export


@export("nest.flatten")
def flatten(nest: Any) -> list[Any]:
    """The leaves in order; dicts in the order of their sorted keys. None and what is no nest is a leaf."""
    parts = _parts(nest)
    return [nest] if parts is None else [leaf for part in parts for leaf in flatten(part)]


@export("nest.pack_sequence_as")
def pack(nest: Any, leaves: Iterable[Any]) -> Any:
    """A nest of the same structure with other leaves."""
    return _pack(nest, iter(leaves))


def structure(nest: Any) -> Any:
    """What two nests of the same structure have in common: comparable and hashable."""
    parts = _parts(nest)
    if parts is None:
        return None
    keys = tuple(sorted(nest, key=_key)) if isinstance(nest, dict) else getattr(nest, "_fields", None)
    return "dict" if isinstance(nest, dict) else _kind(nest), keys, tuple(structure(part) for part in parts)


@export("nest.map_structure")
def map_structure(function: Callable[..., Any], *nests: Any) -> Any:
    """function applied to the leaves of nests of the same structure; raises ValueError if they differ."""
    if any(structure(n) != structure(nests[0]) for n in nests):
        raise ValueError(f"nests must have the same structure, got {nests}")
    return pack(nests[0], [function(*leaves) for leaves in zip(*map(flatten, nests), strict=True)])


def _kind(nest: Any) -> str:
    return (
        type(nest).__name__
        if hasattr(nest, "_fields") or hasattr(nest, "__opwright_nest__")
        else ("tuple" if isinstance(nest, tuple) else "list")
    )


def _key(key: Any) -> tuple[str, Any]:
    return type(key).__name__, key


def _own(nest: Any) -> Any:
    """What a thing that is a nest by its own account gives: its parts, and how to make it of others."""
    method = getattr(nest, "__opwright_nest__", None)
    return None if method is None else method()


def _parts(nest: Any) -> list[Any] | None:
    own = _own(nest)
    if own is not None:
        return list(own[0])
    if isinstance(nest, dict):
        return [nest[key] for key in sorted(nest, key=_key)]
    return list(nest) if isinstance(nest, (list, tuple)) else None


def _pack(nest: Any, leaves: Any) -> Any:
    parts = _parts(nest)
    if parts is None:
        return next(leaves)
    made = [_pack(part, leaves) for part in parts]
    own = _own(nest)
    if own is not None:
        return own[1](made)
    if isinstance(nest, dict):
        by_key = dict(zip(sorted(nest, key=_key), made, strict=True))
        return type(nest)((key, by_key[key]) for key in nest)
    if hasattr(nest, "_fields"):
        return type(nest)(*made)
    return tuple(made) if isinstance(nest, tuple) else made
