"""custom_gradient: a function with a gradient of its author's."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from opwright import OpDef, convert_to_tensor, export, ops
from opwright.errors import GradientError

from opwright_autodiff.structure import flat, packed
from opwright_autodiff.tape import GradientTape


@functools.cache
def _handing_on(ys: tuple[str, ...], xs: tuple[str, ...]) -> OpDef:
    """The op that hands on tensors of the dtypes ys, and whose gradient with respect to the xs is a function's."""
    outputs = [f"z{i}: {dtype}['*s{i}']" for i, dtype in enumerate(ys)]
    given = [f"y{i}: {dtype}['*s{i}']" for i, dtype in enumerate(ys)] + [f"x{i}: {dtype}" for i, dtype in enumerate(xs)]
    op = OpDef(f"custom_gradient({', '.join(given)}, *, function: object) -> ({', '.join(outputs)})")

    @op.ref
    def _(*, function: Any, **tensors: Any) -> Any:
        return tuple(ops.identity(tensors[f"y{i}"]) for i in range(len(ys)))

    @op.gradient
    def _gradient(node: Any, *dys: Any) -> Any:
        return (None,) * len(ys) + node.attr.function(*dys)

    return op


@export("custom_gradient")
def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a function of tensors that returns its result and a gradient function use that: `return y, grad`, where
    grad(*dys) returns a gradient (or None) for each argument.

        @ow.custom_gradient
        def log1pexp(x):
            e = ow.exp(x)
            return ow.log(1 + e), lambda dy: dy * (1 - 1 / (1 + e))

    If f reads trainable variables, grad takes `variables=` too and returns (gradients, gradients of the variables).
    What grad does is differentiated for higher orders. Raises GradientError if it returns another number of gradients.
    """

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        xs = [convert_to_tensor(x) for x in args]
        with GradientTape() as watcher:
            result, gradient = f(*xs, **kwargs)
        variables = [v for v in watcher.watched_variables() if not any(v is a for a in args)]
        name = getattr(f, "__name__", "custom_gradient")
        function = _checked(gradient, len(xs), variables, name)
        ys = [convert_to_tensor(y) for y in flat(result)]
        op = _handing_on(tuple(y.dtype.name for y in ys), tuple(x.dtype.name for x in (*xs, *variables)))
        made = op(*ys, *xs, *variables, function=function)
        return packed(result, iter([made] if len(ys) == 1 else made))

    return call


def _checked(gradient: Callable[..., Any], n: int, variables: list[Any], name: str) -> Callable[..., tuple[Any, ...]]:
    """The gradient function, so that it returns a tuple of gradients of the arguments and variables."""
    if variables and "variables" not in inspect.signature(gradient).parameters:
        names = ", ".join(v.name for v in variables)
        raise GradientError(f"[custom_gradient] {name} reads {names}: its gradient function must take variables=")

    def call(*dys: Any) -> tuple[Any, ...]:
        made, of_variables = gradient(*dys, variables=variables) if variables else (gradient(*dys), [])
        found = (*_listed(made), *_listed(of_variables))
        if len(found) != n + len(variables):
            raise GradientError(
                f"[custom_gradient] the gradient function of {name} must return {n + len(variables)} gradients, got "
                f"{len(found)}"
            )
        return found

    return call


def _listed(made: Any) -> tuple[Any, ...]:
    return tuple(made) if isinstance(made, (list, tuple)) else (made,)
