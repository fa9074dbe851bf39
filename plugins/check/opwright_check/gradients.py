"""Whether derivatives are right: against central differences in float64, and derivatives of derivatives too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from opwright import ops
from opwright.autodiff import gradients
from opwright.errors import GradientError, LibraryError
from opwright.graph import Graph
from opwright.opdef import OpDef
from opwright.session import Session

from opwright_check.drawing import Draw, all_numbers, widened
from opwright_check.outcome import Outcome, Stop, check, fail, ok, require, skip
from opwright_check.subject import Array, Subject

LARGEST = 48  # elements of a subject whose gradient is compared
STEPS = (1e-5, 2e-6)
HUGE = 1e8  # results beside which the differences of others are lost


@check("gradient", "op")
def gradient(op: OpDef, draw: Draw) -> Outcome:
    """The gradient of each floating input agrees with central differences in float64."""
    compared, apart = 0, set()
    for subject in differentiable(op, draw):
        try:
            connected = _connected(subject)
        except GradientError as e:
            if raised_in(e) == "opwright.autodiff":  # the core found it wrong
                raise
            return skip(f"it lets no gradient pass: {str(e).partition(chr(10))[0]}")
        apart |= {arg.name for k, arg in enumerate(subject.args) if k not in connected and _is_float(subject, k)}
        compared += compare(subject, lambda graph, feeds, s=subject: weighted(s, graph, feeds), connected, "gradient")
    return ok(f"{compared} derivatives" + (f"; not connected: {', '.join(sorted(apart))}" if apart else ""))


@check("second-order", "op")
def second_order(op: OpDef, draw: Draw) -> Outcome:
    """The gradient's gradient agrees with central differences too, or says which op has none."""
    compared = 0
    for subject in differentiable(op, draw)[:2]:

        def slopes(graph: Graph, feeds: list[Any], s: Subject = subject) -> Any:
            first = gradients(weighted(s, graph, feeds), floating(feeds))
            return total([dense(g) for g in first if g is not None])

        try:
            compared += compare(subject, slopes, _connected(subject), "second derivative")
        except GradientError as e:
            require("[" in str(e), f"{subject}: the error must name the op without a gradient, got {e}")
            return ok(f"once differentiable: {str(e).partition(chr(10))[0]}")
    return ok(f"{compared} derivatives")


def raised_in(error: BaseException) -> str:
    """The module that raised an error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return str(trace.tb_frame.f_globals["__name__"]) if trace is not None else ""


def _connected(subject: Subject) -> list[int]:
    """The arrays whose gradient is not None: those that the op's gradient says it depends on."""
    with Graph().as_default() as graph:
        feeds = [ops.placeholder(d, a.shape) for d, a in zip(subject.array_dtypes, subject.arrays, strict=True)]
        found = gradients(weighted(subject, graph, feeds), floating(feeds))
    return [feeds.index(t) for t, g in zip(floating(feeds), found, strict=True) if g is not None]


def _is_float(subject: Subject, k: int) -> bool:
    return subject.array_dtypes[k].is_floating


def differentiable(op: OpDef, draw: Draw) -> list[Subject]:
    """Small subjects in float64 whose gradients can be compared. Skips the check where there are none."""
    if not op.differentiable:
        raise Stop(skip("gradient=None: it says that it has none"))
    if op.random:
        raise Stop(skip("it is random"))
    found: list[Subject] = []
    for subject in draw.subjects:
        wide = widened(subject) if any(d.is_floating for d in subject.dtypes) else None
        if wide is not None and 0 < wide.size <= LARGEST and _settled(wide):
            found.append(wide)
    if not found:
        raise Stop(skip("no drawn call has few enough floats, in a dtype that goes with float64"))
    different = {tuple(a.shape for a in s.arrays) + tuple(map(repr, s.attributes.values())): s for s in found}
    return list(different.values())[:6]


def _settled(subject: Subject) -> bool:
    try:
        floats = [a for a, d in zip(subject.outputs, subject.output_dtypes, strict=True) if d.is_floating]
        wide = all(a.dtype == np.float64 for a in floats)
        return bool(floats) and wide and all_numbers(subject) and all(np.all(np.abs(a) < HUGE) for a in floats)
    except LibraryError:
        return False


def weighted(subject: Subject, graph: Graph, feeds: list[Any]) -> Any:
    """The sum of the op's floating outputs, each element with a weight of its own."""
    rest = iter(feeds)
    op = graph.create(subject.op, [[next(rest) for _ in group] for group in subject.groups], subject.attributes)
    return total([y for y in op.outputs if y.dtype.is_floating], [a.shape for a in subject.outputs])


def total(tensors: list[Any], shapes: list[tuple[int, ...]] | None = None) -> Any:
    """The sum of all elements, each with a weight of its own; None of no tensors."""
    sums = []
    for k, t in enumerate(tensors):
        shape = t.shape.known() if t.shape.is_known else shapes[k] if shapes else None
        if shape is None:  # known when it runs
            sums.append(ops.reduce_sum(ops.square(t)))
            continue
        spread = np.cos(1 + np.arange(np.prod(shape, dtype=int))).reshape(shape)
        sums.append(ops.reduce_sum(ops.cast(t, "float64") * ops.constant(spread, "float64")))
    return ops.add_n(sums) if sums else None


def floating(feeds: list[Any]) -> list[Any]:
    return [t for t in feeds if t.dtype.is_floating]


def dense(gradient: Any) -> Any:
    return gradient.__opwright_tensor__() if hasattr(gradient, "__opwright_tensor__") else gradient


def compare(subject: Subject, function: Callable[[Graph, list[Any]], Any], arrays: list[int], what: str) -> int:
    """Compares the derivatives of `function` by some arrays with central differences. Returns how many were compared.

    Where two step sizes give different slopes the function has a kink or a jump, and that element is no judge.
    """
    with Graph().as_default() as graph:
        feeds = [ops.placeholder(d, a.shape) for d, a in zip(subject.array_dtypes, subject.arrays, strict=True)]
        y = function(graph, feeds)
        if y is None:
            return 0
        found = gradients(y, [feeds[k] for k in arrays], unconnected_gradients="zero")
        session = Session(graph=graph)
        slopes = session.run([dense(g) for g in found], dict(zip(feeds, subject.arrays, strict=True)))
        value = session.make_callable(y, feeds)
    compared = 0
    for k, slope in zip(arrays, slopes, strict=True):
        coarse, fine = (numeric(value, subject.arrays, k, h) for h in STEPS)
        smooth = np.abs(coarse - fine) <= 1e-4 * (1 + np.abs(fine))
        close = np.abs(slope - coarse) <= 2e-4 * (1 + np.abs(coarse))
        wrong = np.argwhere(smooth & ~close)
        if len(wrong):
            at = tuple(wrong[0])
            raise Stop(fail(
                f"{subject}: the {what} with respect to {subject.args[k].name} at {list(map(int, at))}, "
                f"where it is {subject.arrays[k][at]:.6g}, is {np.asarray(slope)[at]:.6g}, central differences give "
                f"{coarse[at]:.6g}"
            ))  # fmt: skip
        compared += int(smooth.sum())
    return compared


def numeric(value: Callable[..., Any], arrays: list[Array], k: int, step: float) -> Array:
    """The slope of a scalar function in each element of arrays[k], by central differences."""
    point = [a.copy() for a in arrays]
    x = point[k]
    slope = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        middle = x[i]
        h = step * max(1.0, abs(float(middle)))
        x[i] = middle + h
        above = float(value(*point))
        x[i] = middle - h
        slope[i] = (above - float(value(*point))) / (2 * h)
        x[i] = middle
    return slope
