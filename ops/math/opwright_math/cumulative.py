"""Running sums, products, extremes and logsumexps along an axis, and the recurrence their gradients are made of."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, dtypes, export, ops
from opwright.shapes import normalize_axis

cumsum = OpDef(
    "cumsum(x: T['*s'], axis: int = 0, exclusive: bool = False, reverse: bool = False) -> (y: T['*s'])",
    T=dtypes.numbers,
)
cumprod = OpDef(
    "cumprod(x: T['*s'], axis: int = 0, exclusive: bool = False, reverse: bool = False) -> (y: T['*s'])",
    T=dtypes.numbers,
)
cumulative_logsumexp = OpDef(
    "cumulative_logsumexp(x: T['*s'], axis: int = 0, exclusive: bool = False, reverse: bool = False) -> (y: T['*s'])",
    T=dtypes.floats,
)
# y[i] = x[i] + decay[i] y[i - 1]; with reverse, y[i + 1].
linear_recurrence = OpDef(
    "linear_recurrence(decay: T['*s'], x: T['*s'], axis: int = 0, reverse: bool = False) -> (y: T['*s'])",
    T=dtypes.floats,
)
# y[i] = x[i - by], and 0 where there is none.
shift = OpDef("shift(x: T['*s'], axis: int = 0, by: int = 1) -> (y: T['*s'])", T=dtypes.any_type)
running_extreme = OpDef(
    "running_extreme(x: T['*s'], axis: int = 0, reverse: bool = False, largest: bool = True) "
    "-> (y: T['*s'], where: int64['*s'])",
    T=dtypes.numbers,
)

for _op in (cumsum, cumprod, cumulative_logsumexp, linear_recurrence, shift, running_extreme):

    @_op.shape
    def _shape(c):
        shape = c.shape("x")
        if shape.dims is not None:
            normalize_axis(c.attr.axis, len(shape), c.definition.name)
        return [shape] * len(c.definition.schema.outputs)


@export("cummax")
def cummax(x: Any, axis: int = 0, reverse: bool = False, name: str | None = None) -> Any:
    """The largest element so far; nan from the first nan on. Its gradient goes to the first of equals."""
    return running_extreme(x, axis, reverse, True, name=name)[0]


@export("cummin")
def cummin(x: Any, axis: int = 0, reverse: bool = False, name: str | None = None) -> Any:
    """The smallest element so far; nan from the first nan on. Its gradient goes to the first of equals."""
    return running_extreme(x, axis, reverse, False, name=name)[0]


@cumsum.gradient
def _cumsum_gradient(node, dy):
    return cumsum(dy, node.attr.axis, node.attr.exclusive, not node.attr.reverse)


def _later(x: Any, node: Any) -> Any:
    """At each place the element that the scan meets next, 0 at the end."""
    return shift(x, node.attr.axis, 1 if node.attr.reverse else -1)


@cumprod.gradient
def _cumprod_gradient(node, dy):
    # dx[i] = (product before i) s[i], where s[i] = sum over j of dy[j] times the product between i and j, and so
    # s[i] = dy[i] + x[i + 1] s[i + 1]: no division, right where x is 0.
    x, axis, reverse = node.input("x"), node.attr.axis, node.attr.reverse
    before = cumprod(x, axis, True, reverse)
    if node.attr.exclusive:
        return before * _later(linear_recurrence(x, dy, axis, not reverse), node)
    return before * linear_recurrence(_later(x, node), dy, axis, not reverse)


@cumulative_logsumexp.gradient
def _cumulative_logsumexp_gradient(node, dy):
    # dx[i] = sum over j of dy[j] exp(x[i] - y[j]) = exp(x[i] - y[i]) s[i],
    # s[i] = dy[i] + exp(y[i] - y[i + 1]) s[i + 1].
    # No exponential overflows, for y never decreases. Where y is -inf, x is, and exp(x - the lowest float) is 0.
    x, y, axis, reverse = node.input("x"), node.output("y"), node.attr.axis, node.attr.reverse
    finite = ops.maximum(y, y.dtype.min)
    decay = ops.exp(ops.minimum(y - _later(finite, node), 0.0))
    s = linear_recurrence(decay, dy, axis, not reverse)
    if node.attr.exclusive:
        s, finite = _later(s, node), _later(finite, node)
    return ops.exp(x - finite) * s


@linear_recurrence.gradient
def _recurrence_gradient(node, dy):
    axis, reverse = node.attr.axis, node.attr.reverse
    dx = linear_recurrence(_later(node.input("decay"), node), dy, axis, not reverse)
    return dx * shift(node.output("y"), axis, -1 if reverse else 1), dx


@shift.gradient
def _shift_gradient(node, dy):
    return shift(dy, node.attr.axis, -node.attr.by)


@running_extreme.gradient
def _extreme_gradient(node, dy, _):
    return ops.place_along(dy, node.output("where"), node.input("x"), axis=node.attr.axis)
