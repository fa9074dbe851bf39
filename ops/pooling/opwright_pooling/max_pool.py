"""max_pool, the position of the largest element, and the gradient, which goes to the first of equal elements."""

from __future__ import annotations

import functools

import numpy as np
from opwright import OpDef, dtypes

from opwright_pooling.windows import examples, pooled_shape

max_pool = OpDef(
    "max_pool(input: T, ksize: ints, strides: ints, padding: str, explicit_paddings: ints, channels_first: bool)"
    " -> (output: T)",
    T=dtypes.numbers,
)
max_pool_with_argmax = OpDef(
    "max_pool_with_argmax(input: T, ksize: ints, strides: ints, padding: str, explicit_paddings: ints,"
    " channels_first: bool, include_batch_in_index: bool = False) -> (output: T, argmax: int64)",
    T=dtypes.floats,
)
max_pool_grad = OpDef(
    "max_pool_grad(orig_input: T, orig_output: T, grad: T, ksize: ints, strides: ints, padding: str,"
    " explicit_paddings: ints, channels_first: bool) -> (output: T)",
    T=dtypes.floats,
)
max_pool_grad_grad = OpDef(
    "max_pool_grad_grad(orig_input: T, orig_output: T, grad: T, ksize: ints, strides: ints, padding: str,"
    " explicit_paddings: ints, channels_first: bool) -> (output: T)",
    T=dtypes.floats,
)


def _derivative(rng, x, pooled, how, of_output):
    """Arguments of a derivative: input, output, and a random tensor like one of them."""
    largest = np.asarray(max_pool(x, **how))
    return {"orig_input": x, "orig_output": largest, "grad": rng.normal(size=pooled if of_output else x.shape)}


for _op in (max_pool, max_pool_with_argmax):
    _op.examples(examples(lambda rng, x, pooled, how: {"input": x}))
max_pool_grad.examples(examples(functools.partial(_derivative, of_output=True)))
max_pool_grad_grad.examples(examples(functools.partial(_derivative, of_output=False)))

for _op in (max_pool, max_pool_with_argmax):

    @_op.shape
    def _shape(c):
        return [pooled_shape(c, c.shape("input"))] * len(c.definition.schema.outputs)


@max_pool_grad.shape
def _grad_shape(c):
    pooled = pooled_shape(c, c.shape("orig_input"))
    for name in ("orig_output", "grad"):
        given = c.shape(name)
        c.require(given.is_compatible_with(pooled), f"{name} must have the output's shape {pooled}", given)
    return c.shape("orig_input")


@max_pool_grad_grad.shape
def _grad_grad_shape(c):
    given = c.shape("grad")
    fits = given.is_compatible_with(c.shape("orig_input"))
    c.require(fits, f"grad must have the input's shape {c.shape('orig_input')}", given)
    return pooled_shape(c, c.shape("orig_input")).merge(c.shape("orig_output"))


def _windows(node):
    names = ("ksize", "strides", "padding", "explicit_paddings", "channels_first")
    return {name: node.attributes[name] for name in names}


@max_pool.gradient
def _gradient(node, dy):
    return max_pool_grad(node.input("input"), node.output("output"), dy, **_windows(node))


@max_pool_with_argmax.gradient
def _argmax_gradient(node, dy, _):
    return max_pool_grad(node.input("input"), node.output("output"), dy, **_windows(node))


# Both pick elements by where input's maxima are, which does not change in a neighbourhood of the input.


@max_pool_grad.gradient
def _grad_gradient(node, ddx):
    return None, None, max_pool_grad_grad(node.input("orig_input"), node.input("orig_output"), ddx, **_windows(node))


@max_pool_grad_grad.gradient
def _grad_grad_gradient(node, ddy):
    return None, None, max_pool_grad(node.input("orig_input"), node.input("orig_output"), ddy, **_windows(node))
