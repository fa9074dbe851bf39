"""Whether an op goes through the transformations of functions: derivatives forwards, batches of examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from opwright import ops
from opwright.dtypes import from_storage
from opwright.eager import EagerTensor
from opwright.errors import GradientError
from opwright.opdef import OpDef

from opwright_check.drawing import Draw
from opwright_check.gradients import differentiable
from opwright_check.numerics import difference
from opwright_check.outcome import Outcome, check, ok, require, skip
from opwright_check.subject import Array, Subject

EXAMPLES = 3  # of a batch
FEW = 3  # subjects


def function_of(subject: Subject) -> tuple[Callable[..., list[Any]], list[int]]:
    """The op as a function of its floating arrays, giving its floating outputs; and which arrays these are."""
    chosen = [k for k, (d, arg) in enumerate(zip(subject.array_dtypes, subject.args, strict=True))
              if d.is_floating and not arg.is_ref]  # fmt: skip

    def function(*xs: Any) -> list[Any]:
        made = [EagerTensor(a, d) for a, d in zip(subject.arrays, subject.array_dtypes, strict=True)]
        for k, x in zip(chosen, xs, strict=True):
            made[k] = x
        rest = iter(made)
        arguments: dict[str, Any] = {}
        for arg, group in zip(subject.op.schema.tensors, subject.groups, strict=True):
            items = [next(rest) for _ in group]
            arguments[arg.name] = items if arg.is_list else items[0] if items else None
        found = subject.op(**arguments, **subject.attributes)
        return [y for y in (found if isinstance(found, (list, tuple)) else [found]) if y.dtype.is_floating]

    return function, chosen


@check("forward", "op")
def forward(op: OpDef, draw: Draw) -> Outcome:
    """Derivatives forwards and backwards agree in random directions: <u, Jv> = <Jᵀu, v>."""
    compared = 0
    for subject in differentiable(op, draw)[:FEW]:
        function, chosen = function_of(subject)
        xs = [EagerTensor(subject.arrays[k], subject.array_dtypes[k]) for k in chosen]
        vs = [_weights(x.shape.known(), 1) for x in xs]
        try:
            ys, slopes = ops.jvp(function, xs, vs)
            us = [_weights(y.shape.known(), 2) for y in ys]
            gradients = ops.vjp(function, *xs)[1](us)
        except GradientError as e:
            return skip(f"it has derivatives of the first order only: {str(e).partition(chr(10))[0]}")
        along = sum(float(np.sum(u * _array(s))) for u, s in zip(us, slopes, strict=True))
        back = sum(float(np.sum(_array(g) * v)) for g, v in zip(gradients, vs, strict=True))
        close = abs(along - back) <= 1e-8 * (1 + abs(along) + abs(back))
        require(
            close,
            f"{subject}: <u, Jv> must be <Jᵀu, v>, got {along:.9g} and {back:.9g}; the gradient must be linear in dy, "
            "through ops that say how",
        )
        compared += 1
    return ok(f"{compared} directions")


def _weights(shape: tuple[int, ...], start: int) -> Array:
    return np.cos(start + np.arange(np.prod(shape, dtype=int))).reshape(shape)


def _array(tensor: Any) -> Array:
    whole = tensor.__opwright_tensor__() if hasattr(tensor, "__opwright_tensor__") else tensor
    return np.asarray(whole, np.float64)


@check("vmap", "dtype")
def vmap(subject: Subject) -> Outcome:
    """Applied to each example of a batch by vmap, the op gives what it gives for each."""
    if subject.writes or subject.op.random or subject.op.stateful:
        return skip("it has effects, or is random")
    function, chosen = function_of(subject)
    if not chosen or not any(d.is_floating for d in subject.output_dtypes):
        return skip("it takes no floats, or gives none")
    batches = [_batch(subject.arrays[k]) for k in chosen]
    examples = [
        subject.with_arrays(_replaced(subject, chosen, [np.asarray(b[i]) for b in batches])) for i in range(EXAMPLES)
    ]
    if len({tuple(a.shape for a in e.outputs) for e in examples}) > 1:
        return skip("the shapes of its results depend on values")
    made = ops.vmap(function)(*(EagerTensor(b, subject.array_dtypes[k]) for b, k in zip(batches, chosen, strict=True)))
    floating = [k for k, d in enumerate(subject.output_dtypes) if d.is_floating]
    for got, k in zip(made, floating, strict=True):
        dtype = subject.output_dtypes[k]
        want = np.stack([from_storage(e.outputs[k], dtype) for e in examples])
        problem = difference(from_storage(got.storage, dtype), [want], dtype, subject.size)
        require(not problem, f"{subject}: output {k} of vmap differs from that of the examples one by one: {problem}")
    return ok(f"{EXAMPLES} examples")


def _batch(array: Array) -> Array:
    """A batch of examples: the array, its elements backwards, and moved on by one."""
    flat = array.reshape(-1)
    return np.stack([array, flat[::-1].reshape(array.shape), np.roll(flat, 1).reshape(array.shape)])


def _replaced(subject: Subject, chosen: list[int], arrays: list[Array]) -> list[Array]:
    whole = list(subject.arrays)
    for k, array in zip(chosen, arrays, strict=True):
        whole[k] = array
    return whole
