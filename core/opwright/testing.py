"""Checks for ops and graphs: values against NumPy, gradients against central differences, plans against each other.

check_op(ow.softmax, [case(rng.normal(size=(3, 7)))], lambda x: scipy.special.softmax(x, -1))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from opwright import ops
from opwright.autodiff import gradients
from opwright.dtypes import as_dtype, bfloat16, from_storage, to_storage
from opwright.graph import Graph, Tensor
from opwright.plan import flags
from opwright.plan.spec import Spec
from opwright.plan.step import Step
from opwright.session import Session
from opwright.shapes import Shape

# Relative and absolute error that rounding of inputs and of a few operations explains.
TOLERANCE = {"float64": 1e-11, "float32": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}

Array = np.ndarray[Any, Any]


@dataclass
class Case:
    """Arguments of a call: arrays (or lists of arrays) that become tensors, and attributes."""

    arrays: tuple[Any, ...]
    attributes: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        shapes = [np.shape(a) if not isinstance(a, list) else [np.shape(b) for b in a] for a in self.arrays]
        return f"case({', '.join(map(str, shapes))}{''.join(f', {k}={v!r}' for k, v in self.attributes.items())})"


def case(*arrays: Any, **attributes: Any) -> Case:
    """A case for check_op: floating arrays are tried in every dtype, others keep theirs."""
    return Case(tuple(a if isinstance(a, list) else np.asarray(a) for a in arrays), attributes)


def check_op(
    function: Callable[..., Any],
    cases: Sequence[Case],
    reference: Callable[..., Any],
    dtypes: Sequence[str] = ("float32", "float64"),
    tolerance: float = 1.0,
    gradient: bool = True,
    second_order: bool = True,
) -> None:
    """Checks a function of tensors against `reference`, a function of float64 arrays with the same arguments.

    For every case and dtype: eager result, result in a graph with known and with unknown shapes, on strided inputs,
    with the planner's passes on and off. With `gradient`, first and second derivatives in float64 against central
    differences. `tolerance` multiplies TOLERANCE. Raises AssertionError naming the case.
    """
    for one in cases:
        for dtype in dtypes:
            arrays = _rounded(one.arrays, dtype)
            wanted = _listed(reference(*_widened(arrays, dtype), **one.attributes))
            found = _runs(function, arrays, one.attributes, dtype)
            for how, outputs in found.items():
                assert len(outputs) == len(wanted), f"{one} gives {len(outputs)} outputs, {len(wanted)} expected"
                for got, want in zip(outputs, wanted, strict=True):
                    _close(got, want, dtype, tolerance, f"{one} {dtype} {how}")
        if gradient:
            check_gradient(lambda *xs, one=one: function(*xs, **one.attributes), one.arrays, second_order=second_order)


def _runs(
    function: Callable[..., Any], arrays: tuple[Any, ...], attributes: dict[str, Any], dtype: str
) -> dict[str, list[Array]]:
    """The outputs in every way there is to compute them."""
    return {
        "eager": [np.asarray(t) for t in _listed(function(*_tensors(arrays, dtype), **attributes))],
        "graph": run_in_graph(function, arrays, attributes, dtype),
        "graph of unknown shapes": run_in_graph(function, arrays, attributes, dtype, known=False),
        "strided inputs": run_in_graph(function, arrays, attributes, dtype, strided=True),
        "reference plan": run_in_graph(function, arrays, attributes, dtype, plan="reference"),
    }


def run_in_graph(
    function: Callable[..., Any],
    arrays: Sequence[Any],
    attributes: dict[str, Any],
    dtype: str = "float64",
    known: bool = True,
    strided: bool = False,
    plan: str = "",
) -> list[Array]:
    """The outputs of a function of tensors, built in a graph and run with the arrays fed."""
    with Graph().as_default() as graph:
        feeds: dict[Tensor, Any] = {}
        inputs = [_placeholders(a, dtype, known, strided, feeds) for a in arrays]
        outputs = _listed(function(*inputs, **attributes))
        outputs = [ops.identity(t) for t in outputs]
        step = Step(Spec(outputs, list(feeds), []), Session(graph=graph), flags.parse(plan))
        found = step.run(list(feeds.values()))
    for tensor, value in zip(outputs, found, strict=True):
        assert tensor.shape.is_compatible_with(np.shape(value)), f"static shape {tensor.shape}, value {np.shape(value)}"
    return [np.asarray(v) for v in found]


def _placeholders(array: Any, dtype: str, known: bool, strided: bool, feeds: dict[Tensor, Any]) -> Any:
    if isinstance(array, list):
        return [_placeholders(a, dtype, known, strided, feeds) for a in array]
    array = np.asarray(array)
    kind = dtype if array.dtype.kind == "f" else array.dtype
    if strided and array.ndim >= 2 and array.dtype.kind == "f":
        turned = np.ascontiguousarray(array.T)
        fed = ops.placeholder(kind, turned.shape)
        feeds[fed] = turned
        return ops.transpose(fed)
    fed = ops.placeholder(kind, array.shape if known else Shape([None] * array.ndim))
    feeds[fed] = array
    return fed


def _tensors(arrays: tuple[Any, ...], dtype: str) -> list[Any]:
    return [
        _tensors(tuple(a), dtype) if isinstance(a, list) else ops.constant(a, dtype if a.dtype.kind == "f" else a.dtype)
        for a in arrays
    ]


def _rounded(arrays: tuple[Any, ...], dtype: str) -> tuple[Any, ...]:
    return tuple(
        list(_rounded(tuple(a), dtype)) if isinstance(a, list) else _round(np.asarray(a), dtype) for a in arrays
    )


def _round(array: Array, dtype: str) -> Array:
    if array.dtype.kind != "f":
        return array
    if as_dtype(dtype) is bfloat16:
        return from_storage(to_storage(array, bfloat16), bfloat16)
    return array.astype(dtype)


def _widened(arrays: tuple[Any, ...], dtype: str) -> list[Any]:
    return [
        _widened(tuple(a), dtype) if isinstance(a, list) else a.astype(np.float64) if a.dtype.kind == "f" else a
        for a in arrays
    ]


def _listed(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def _close(got: Array, want: Any, dtype: str, tolerance: float, where: str) -> None:
    want = np.asarray(want)
    assert got.shape == want.shape, f"{where}: shape {got.shape}, {want.shape} expected"
    if got.dtype.kind == "f":
        limit = TOLERANCE[dtype] * tolerance
        with np.errstate(over="ignore"):
            np.testing.assert_allclose(got, want, rtol=limit, atol=limit, err_msg=where)
    else:
        np.testing.assert_array_equal(got, want, err_msg=where)


def numeric_gradient(
    function: Callable[..., Any], arrays: Sequence[Any], index: int, weights: Any = 1.0, step: float = 1e-5
) -> Array:
    """The derivative of sum(weights * function(*arrays)) with respect to arrays[index], by central differences."""
    point = [np.array(a, np.float64) if np.asarray(a).dtype.kind == "f" else a for a in arrays]
    x = point[index]
    slope = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        middle, h = x[i], step * max(1.0, abs(float(x[i])))
        x[i] = middle + h
        above = np.sum(weights * np.asarray(function(*point), np.float64))
        x[i] = middle - h
        below = np.sum(weights * np.asarray(function(*point), np.float64))
        x[i] = middle
        slope[i] = (above - below) / (2 * h)
    return slope


def check_gradient(
    function: Callable[..., Any],
    arrays: Sequence[Any],
    second_order: bool = True,
    rtol: float = 1e-5,
    atol: float = 1e-6,
    seed: int = 0,
) -> None:
    """Checks the derivatives of a function of tensors at the arrays, in a graph and on a tape, against central
    differences.

    With second_order also the derivatives of the derivatives. Raises AssertionError.
    """
    flat = [a for item in arrays for a in (item if isinstance(item, list) else [item])]
    counts = [len(item) if isinstance(item, list) else None for item in arrays]
    rng = np.random.default_rng(seed)

    def regroup(values: Sequence[Any]) -> list[Any]:
        rest = iter(values)
        return [next(rest) if n is None else [next(rest) for _ in range(n)] for n in counts]

    def weighted(*values: Any) -> Any:
        outputs = [y for y in _listed(function(*regroup(values))) if y.dtype.is_floating]
        return [ops.reduce_sum(y * ops.constant(w, y.dtype)) for y, w in zip(outputs, weights, strict=True)]

    eager = [np.asarray(y) for y in _listed(function(*regroup([_float64(a) for a in flat])))]
    weights = [rng.normal(size=y.shape) for y in eager if y.dtype.kind == "f"]
    _compare(weighted, flat, rtol, atol, "gradient")
    if second_order:

        def slopes(*values: Any) -> Any:
            floating = [v for v in values if v.dtype.is_floating]
            with ops.GradientTape() as tape:
                tape.watch(floating)
                ys = weighted(*values)
            made = [_dense(g) for g in tape.gradient(ys, floating) if g is not None]
            return [ops.reduce_sum(g * ops.constant(_spread(g.shape.known()), g.dtype)) for g in made]

        _compare(slopes, flat, rtol * 10, atol * 10, "second derivative")


def _float64(array: Any) -> Any:
    array = np.asarray(array)
    return ops.constant(array, "float64" if array.dtype.kind == "f" else array.dtype)


def _dense(gradient: Any) -> Any:
    return gradient.__opwright_tensor__() if hasattr(gradient, "__opwright_tensor__") else gradient


def _spread(shape: tuple[int, ...]) -> Array:
    """Weights that differ from element to element."""
    return np.cos(np.arange(np.prod(shape, dtype=int), dtype=np.float64)).reshape(shape)


def _compare(function: Callable[..., Any], flat: list[Any], rtol: float, atol: float, what: str) -> None:
    with Graph().as_default() as graph:
        fed = [
            ops.placeholder("float64" if np.asarray(a).dtype.kind == "f" else np.asarray(a).dtype, np.shape(a))
            for a in flat
        ]
        ys = function(*fed)
        if not ys:
            return
        floating = [i for i, a in enumerate(flat) if np.asarray(a).dtype.kind == "f"]
        found = gradients(ys, [fed[i] for i in floating], unconnected_gradients="zero")
        session = Session(graph=graph)
        total = ops.add_n([ops.reshape(y, []) for y in ys])
        symbolic = session.run([_dense(g) for g in found], dict(zip(fed, flat, strict=True)))
        value = session.make_callable(total, fed)
        for i, got in zip(floating, symbolic, strict=True):
            want = numeric_gradient(value, flat, i)
            np.testing.assert_allclose(got, want, rtol=rtol, atol=atol, err_msg=f"{what} of argument {i}")
    tensors = [_float64(a) for a in flat]
    with ops.GradientTape() as tape:
        tape.watch([tensors[i] for i in floating])
        ys = function(*tensors)
    on_tape = tape.gradient(ys, [tensors[i] for i in floating], unconnected_gradients="zero")
    for i, got, want in zip(floating, on_tape, symbolic, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-10, err_msg=f"{what} of argument {i} on a tape")
