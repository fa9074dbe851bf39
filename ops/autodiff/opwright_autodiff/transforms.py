"""Functions made from functions: grad, value_and_grad, vjp, jvp, and ForwardAccumulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError, ShapeError
from opwright.indexed import dense

from opwright_autodiff.structure import flat, packed, tensors
from opwright_autodiff.tape import GradientTape

Function = Callable[..., Any]


@export("value_and_grad")
def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns what f does, and the gradient of that scalar with respect to an argument: a tensor, a
    variable or nested lists of them; a tuple of gradients for several argnums. With has_aux f returns a value and
    anything.

    Raises ShapeError if f returns no scalar.
    """
    chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def call(*args: Any, **kwargs: Any) -> Any:
        if not all(-len(args) <= n < len(args) for n in chosen):
            raise ArgumentError(f"[value_and_grad] argnums must name one of {len(args)} arguments, got {argnums}")
        given = list(args)
        for n in chosen:
            given[n] = tensors(given[n])
        xs = [given[n] for n in chosen]
        with GradientTape() as tape:
            tape.watch(xs)
            made = f(*given, **kwargs)
        value = made[0] if has_aux else made
        if not value.shape.is_compatible_with(()):
            raise ShapeError(f"[value_and_grad] the function must return a scalar, got shape {value.shape}; sum it")
        found = tape.gradient(value, xs, unconnected_gradients="zero")
        found = packed(found, iter([dense(g) for g in flat(found)]))
        return made, found[0] if isinstance(argnums, int) else tuple(found)

    return call


@export("grad")
def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """A function that returns the gradient of f's scalar with respect to an argument; with has_aux also what f adds to
    it. grad(grad(f)) is the second derivative. See value_and_grad."""
    both = value_and_grad(f, argnums, has_aux)

    def call(*args: Any, **kwargs: Any) -> Any:
        made, found = both(*args, **kwargs)
        return (found, made[1]) if has_aux else found

    return call


@export("vjp")
def vjp(f: Function, *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """f(*primals), and a function from the weights of its outputs to the gradients of the weighted sum: vector times
    Jacobian, one gradient for each of the primals."""
    xs = [tensors(x) for x in primals]
    with GradientTape(persistent=True) as tape:
        tape.watch(xs)
        made = f(*xs)

    def pullback(cotangents: Any) -> tuple[Any, ...]:
        weights = tensors(cotangents)
        return tuple(tape.gradient(made, xs, output_gradients=weights, unconnected_gradients="zero"))

    return made, pullback


@export("jvp")
def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """f(*primals), and how it changes along the tangents: Jacobian times vector. Two passes backwards, the second one
    through the first (which is linear in its weights), so that every op with a gradient has this too."""
    with ForwardAccumulator([tensors(x) for x in primals], [tensors(t) for t in tangents]) as accumulator:
        made = f(*accumulator.primals)
    return made, accumulator.jvp(made, unconnected_gradients="zero")


@export("ForwardAccumulator")
class ForwardAccumulator:
    """Derivatives along a direction of what is computed in its block.

    with ow.ForwardAccumulator(x, tangent) as accumulator:
        y = f(x)
    dy = accumulator.jvp(y)
    """

    def __init__(self, primals: Any, tangents: Any) -> None:
        self.primals = tensors(primals)
        self._tangents = [
            convert_to_tensor(t, x.dtype) for t, x in zip(flat(tensors(tangents)), flat(self.primals), strict=True)
        ]
        for x, t in zip(flat(self.primals), self._tangents, strict=True):
            if not t.shape.is_compatible_with(x.shape):
                raise ShapeError(f"[jvp] a tangent must have the shape {x.shape} of its primal, got {t.shape}")
        self._tape = GradientTape(persistent=True)

    def __enter__(self) -> ForwardAccumulator:
        self._tape.__enter__()
        self._tape.watch(self.primals)
        return self

    def __exit__(self, *_: Any) -> None:
        self._tape.__exit__()

    def jvp(self, primals: Any, unconnected_gradients: Any = "none") -> Any:
        """How what was computed changes along the tangents, in its structure."""
        ys, xs = list(flat(primals)), list(flat(self.primals))
        with GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            weights = [ops.ones_like(y) for y in ys]  # any would do; of zeros some gradients make nothing
            tape.watch(weights)
            backwards = [self._tape.gradient(y, xs, output_gradients=w) for y, w in zip(ys, weights, strict=True)]
        found = []
        for y, w, gs in zip(ys, weights, backwards, strict=True):
            pairs = [(dense(g), t) for g, t in zip(gs, self._tangents, strict=True) if g is not None]
            made = tape.gradient([g for g, _ in pairs], w, [t for _, t in pairs]) if pairs else None
            zero = made is None and str(getattr(unconnected_gradients, "value", unconnected_gradients)) == "zero"
            found.append(ops.zeros_like(y) if zero else made)
        return packed(primals, iter(found))
