"""placeholder, placeholder_with_default: what is fed when a step runs."""

from __future__ import annotations

from opwright import OpDef, Shape, dtypes

placeholder = OpDef("placeholder(dtype: dtype, shape: shape | None = None) -> (y: dtype)", role="feed", gradient=None)


@placeholder.shape
def _shape(c):
    return Shape(None) if c.attr.shape is None else c.attr.shape


placeholder_with_default = OpDef("placeholder_with_default(input: T, shape: shape) -> (y: T)", T=dtypes.movable)


@placeholder_with_default.shape
def _with_default_shape(c):
    given, wanted = c.shape("input"), c.attr.shape
    c.require(given.is_compatible_with(wanted), f"input must fit shape {wanted}", given)
    return given if c.final else wanted


@placeholder_with_default.view("input")
def _with_default_view(c, layout):
    return layout


@placeholder_with_default.gradient
def _with_default_gradient(node, dy):
    return dy


@placeholder_with_default.static_value
def _with_default_value(c):
    return None  # what is fed may be another value
