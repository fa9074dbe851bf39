"""Ops that hand their input on: identity, stop_gradient and the like. All are views."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opwright import OpDef, dtypes, export
from opwright.errors import GradientError

MOST_KNOWN = 1024  # elements; values of larger tensors are not followed through ops on shapes

identity = OpDef("identity(input: T['*s']) -> (y: T['*s'])", T=dtypes.movable)
stop_gradient = OpDef("stop_gradient(input: T['*s']) -> (y: T['*s'])", T=dtypes.movable)
prevent_gradient = OpDef("prevent_gradient(input: T['*s'], message: str = '') -> (y: T['*s'])", T=dtypes.movable)
guarantee_const = OpDef("guarantee_const(input: T['*s']) -> (y: T['*s'])", T=dtypes.movable)
ensure_shape = OpDef("ensure_shape(input: T, shape: shape) -> (y: T)", T=dtypes.movable)


def elements(c: Any, name: str, item: int = 0) -> Any:
    """What is known of an argument's elements if it is small: an object array with None for unknown ones, or None."""
    group = c.shapes(name)[item].num_elements()
    return c.partial(name, item) if group is not None and group <= MOST_KNOWN else None


@identity.gradient
def _identity_gradient(node, dy):
    return dy


@stop_gradient.gradient
def _stop_gradient_gradient(node, dy):
    return None


@prevent_gradient.gradient
def _prevent_gradient_gradient(node, dy):
    raise GradientError(f"[prevent_gradient] no gradient may pass here: {node.attr.message or 'no reason was given'}")


@guarantee_const.gradient
def _guarantee_const_gradient(node, dy):
    return dy


@ensure_shape.gradient
def _ensure_shape_gradient(node, dy):
    return dy


@ensure_shape.shape
def _ensure_shape_shape(c):
    given, wanted = c.shape("input"), c.attr.shape
    c.require(given.is_compatible_with(wanted), f"input must have shape {wanted}", given)
    return given.merge(wanted)


for _op in (identity, stop_gradient, prevent_gradient, guarantee_const, ensure_shape):

    @_op.view("input")
    def _same(c, layout):
        return layout

    @_op.rewrite
    def _pass_on(node, make):
        return node.inputs

    @_op.static_value
    def _same_value(c):
        return elements(c, "input")


@export("identity_n")
def identity_n(input: Iterable[Any], name: str | None = None) -> list[Any]:
    """The tensors of a list, each handed on."""
    return [identity(tensor, name=name) for tensor in input]
