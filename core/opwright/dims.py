"""Named dimensions: matching the shapes of arguments against a signature, and making the shapes of outputs from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opwright.errors import ShapeError
from opwright.schema import Schema, TensorArg
from opwright.shapes import UNKNOWN, Dim, Shape, broadcast

Sizes = dict[str, Any]  # name -> size, *name -> Shape, "..." -> Shape


def match(schema: Schema, shapes: Mapping[str, Sequence[Shape]], attributes: Mapping[str, Any]) -> Sizes:
    """The sizes of the named dimensions; raises ShapeError where a shape does not fit the signature."""
    sizes: Sizes = {name: value for name, value in attributes.items() if type(value) is int}
    for arg in schema.tensors:
        for shape in shapes.get(arg.name, ()):
            if arg.dims is not None and shape.dims is not None:
                _match_one(schema, arg, shape, sizes)
    return sizes


def _match_one(schema: Schema, arg: TensorArg, shape: Shape, sizes: Sizes) -> None:
    pattern, dims = arg.dims or (), shape.known_rank()
    spread = next((i for i, p in enumerate(pattern) if p == "..." or p.startswith("*")), None)
    fixed = len(pattern) - (spread is not None)
    if len(dims) < fixed or (spread is None and len(dims) != fixed):
        least = "at least " if spread is not None else ""
        plural = "" if fixed == 1 else "s"
        raise ShapeError(f"[{schema.name}] {arg.name} must have {least}{fixed} dimension{plural}, got shape {shape}")
    if spread is not None:
        after = len(pattern) - spread - 1
        middle = Shape(dims[spread : len(dims) - after])
        _match_spread(schema, arg, pattern[spread], middle, shape, sizes)
        pattern = pattern[:spread] + pattern[spread + 1 :]
        dims = dims[:spread] + dims[len(dims) - after :]
    for name, dim in zip(pattern, dims, strict=True):
        _match_dim(schema, arg, name, dim, shape, sizes)


def _match_spread(schema: Schema, arg: TensorArg, name: str, middle: Shape, shape: Shape, sizes: Sizes) -> None:
    known = sizes.get(name)
    try:
        if name == "...":
            sizes[name] = middle if known is None else broadcast(known, middle)
        else:
            sizes[name] = middle if known is None else known.merge(middle)
    except ShapeError:
        how = "broadcast against" if name == "..." else "equal"
        raise ShapeError(
            f"[{schema.name}] {arg.name}'s dimensions {name} must {how} {known}, got shape {shape}"
        ) from None


def _match_dim(schema: Schema, arg: TensorArg, name: str, dim: Dim, shape: Shape, sizes: Sizes) -> None:
    if name == "_":
        return
    want = int(name) if name.isdigit() else sizes.get(name)
    if want is not None and dim is not None and want != dim:
        label = name if name.isdigit() else f"{name} = {want}"
        raise ShapeError(f"[{schema.name}] {arg.name} must have {label} {_where(arg, name)}, got shape {shape}")
    if not name.isdigit() and (want is None):
        sizes[name] = dim


def _where(arg: TensorArg, name: str) -> str:
    return f"where the signature says [{' '.join(arg.dims or ())}]" if arg.dims and len(arg.dims) > 1 else "elements"


def output_shape(schema: Schema, out: TensorArg, sizes: Sizes) -> Shape:
    """The shape the signature gives an output; unknown where it says nothing."""
    if out.dims is None:
        return UNKNOWN
    dims: list[Dim] = []
    for name in out.dims:
        if name == "..." or name.startswith("*"):
            spread = sizes.get(name, UNKNOWN)
            if spread.dims is None:
                return UNKNOWN
            dims.extend(spread.dims)
        else:
            dims.append(int(name) if name.isdigit() else sizes.get(name))
    return Shape(dims)
