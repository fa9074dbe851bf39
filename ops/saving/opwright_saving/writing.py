"""From a graph to plain data."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import opwright
from opwright import DType, Graph, Operation, Shape, Tensor
from opwright.errors import GraphError
from opwright.registry import registry

FORMAT = 1
_PLAIN = (bool, int, str, type(None))


def describe(graph: Graph) -> tuple[dict[str, Any], dict[str, Any]]:
    """The graph as data for JSON, and its arrays by name."""
    tensors: dict[str, Any] = {}
    nodes = [_node(op, tensors) for op in graph.operations]
    described = {
        "format": FORMAT,
        "opwright": opwright.__version__,
        "ops": {op.name: _origin(op) for op in {o.type: o.definition for o in graph.operations}.values()},
        "seed": graph.seed,
        "nodes": nodes,
        **_collections(graph),
    }
    return described, tensors


def _origin(definition: Any) -> dict[str, Any]:
    owner = registry.owner(definition)
    return {
        "version": definition.version,
        "signature": str(definition.schema),
        "dist": owner.dist if owner else None,
        "dist_version": owner.version if owner else None,
    }


def _node(op: Operation, tensors: dict[str, Any]) -> dict[str, Any]:
    arguments = op.definition.schema.tensors
    return {
        "name": op.name,
        "op": op.type,
        "inputs": {arg.name: [t.name for t in group] for arg, group in zip(arguments, op.groups, strict=True)},
        "attributes": {name: _attribute(op, name, value, tensors) for name, value in op.attributes.items()},
        "controls": [control.name for control in op.control_inputs],
        "device": op.device,
        "shapes": [_dims(t.shape) for t in op.outputs],
        "line": op.line,
    }


def _dims(shape: Shape) -> list[int | None] | None:
    return None if shape.dims is None else list(shape.dims)


def _attribute(op: Operation, name: str, value: Any, tensors: dict[str, Any]) -> Any:
    """Numbers, strings and sequences of them as they are; {"dtype"}, {"shape"}, {"tensor"} for what JSON lacks."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, DType):
        return {"dtype": value.name}
    if isinstance(value, Shape):
        return {"shape": _dims(value)}
    if isinstance(value, np.ndarray):
        key = f"{op.name}/{name}"
        tensors[key] = value
        return {"tensor": key}
    if isinstance(value, (tuple, list)):
        return [_attribute(op, name, item, tensors) for item in value]
    raise GraphError(
        f"[{op.type}] attribute {name!r} must be numbers, strings or arrays to be saved, got {value!r}; leave node "
        f"{op.name!r} out of the graph\n  built at {op.line}"
    )


def _collections(graph: Graph) -> dict[str, Any]:
    """The collections, and the objects in them, each described once. What cannot be saved is warned of."""
    seen: dict[int, int] = {}
    objects: list[Any] = []
    kept: dict[str, list[Any]] = {}
    for key in graph.get_all_collection_keys():
        found = [_item(item, seen, objects) for item in graph.get_collection(key)]
        lost = [item for item, saved in zip(graph.get_collection(key), found, strict=True) if saved is None]
        if lost or not isinstance(key, str):
            warnings.warn(f"[save] of the collection {key!r}, {lost or 'all'} cannot be saved", stacklevel=4)
        if isinstance(key, str):
            kept[key] = [saved for saved in found if saved is not None]
    return {"objects": objects, "collections": kept}


def _item(item: Any, seen: dict[int, int], objects: list[Any]) -> dict[str, Any] | None:
    if isinstance(item, Tensor):
        return {"tensor": item.name}
    if isinstance(item, Operation):
        return {"operation": item.name}
    if isinstance(item, (*_PLAIN, float)):
        return {"value": item}
    names = vars(type(item)).get("__opwright_names__", ())
    if not names or not hasattr(item, "__opwright_saved__"):
        return None
    if id(item) not in seen:
        parts = {name: _item(part, seen, objects) for name, part in item.__opwright_saved__().items()}
        seen[id(item)] = len(objects)
        objects.append({"type": names[0], "parts": parts})
    return {"object": seen[id(item)]}
